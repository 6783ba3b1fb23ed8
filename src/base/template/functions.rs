//! The functions of templates: a table that the owner of the templates fills, and the few that
//! every table has in a form other than the engine's.

use crate::base::template::rewrite::{GET, GUARD, OUT, STEP};
use crate::base::template::scope::{self, Scope};
use crate::base::template::time;
use crate::base::template::value::{DURATION, TIME, TYPE, Value, is_open, shown, type_of};
use gotmpl::{FuncMap, TemplateError, ValueFunc};
use std::sync::Arc;

/// What a function does. The error's text ends the rendering.
pub type Body = dyn Fn(&Scope, &[Value]) -> Result<Value, String> + Send + Sync;

/// Methods of values: `None` where the value has no method of that name.
pub type Methods = dyn Fn(&Value, &str, &[Value]) -> Option<Result<Value, String>> + Send + Sync;

/// Functions of the engine itself.
const BUILT_IN: [&str; 19] = [
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or",
    "print", "printf", "println", "slice", "urlquery",
];
/// Lists in lists, at most.
const MAX_NESTING: usize = 32;
/// Parts of a list and of the lists in it, at most.
const MAX_PARTS: usize = 100_000;

/// A table of functions, and the methods of the values they work on. Clones share it.
#[derive(Clone)]
pub struct Functions {
    table: Arc<FuncMap>,
    methods: Option<Arc<Methods>>,
}

impl Default for Functions {
    fn default() -> Self {
        Self::new()
    }
}

impl Functions {
    pub fn new() -> Self {
        let mut functions = Self {
            table: Arc::default(),
            methods: None,
        };
        functions.add("index", |_, args| index(args));
        functions.add(GUARD, |_, args| printable(args));
        functions.add(OUT, |_, args| out(args));
        functions
    }

    /// With one more function.
    #[must_use]
    pub fn with(
        mut self,
        name: &str,
        body: impl Fn(&Scope, &[Value]) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        self.add(name, body);
        self
    }

    /// With the methods of values.
    #[must_use]
    pub fn with_methods(
        mut self,
        methods: impl Fn(&Value, &str, &[Value]) -> Option<Result<Value, String>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.methods = Some(Arc::new(methods));
        self
    }

    /// With functions known by name only: for checks of texts that are not rendered here.
    #[must_use]
    pub fn with_names(mut self, names: &'static [&'static str]) -> Self {
        for name in names {
            self.add(name, move |_, _| {
                Err(format!("{name} gives nothing while a file is checked"))
            });
        }
        self
    }

    fn add(
        &mut self,
        name: &str,
        body: impl Fn(&Scope, &[Value]) -> Result<Value, String> + Send + Sync + 'static,
    ) {
        let checked: ValueFunc = Arc::new(move |args: &[Value]| {
            let run = || -> Result<Value, String> {
                scope::step()?;
                let value = body(&scope::current(), args)?;
                within_bounds(value)
            };
            run().map_err(TemplateError::Exec)
        });
        Arc::make_mut(&mut self.table).insert(name.to_owned(), checked);
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name) || BUILT_IN.contains(&name)
    }

    /// For the engine: the table, and the reading of fields with these methods.
    pub(super) fn table(&self) -> FuncMap {
        let mut table = (*self.table).clone();
        let methods = self.methods.clone();
        let read: ValueFunc = Arc::new(move |args: &[Value]| {
            scope::step()
                .and_then(|()| get(methods.as_deref(), args))
                .map_err(TemplateError::Exec)
        });
        table.insert(GET.to_owned(), read);
        // Data on its way to a template is handed on whatever its size.
        let pass: ValueFunc = Arc::new(|args: &[Value]| {
            scope::step().map_err(TemplateError::Exec)?;
            Ok(args.first().cloned().unwrap_or(Value::Nil))
        });
        table.insert(STEP.to_owned(), pass);
        table
    }
}

/// `index map key...`, `index list number...`; a key that a map lacks is the empty text.
fn index(args: &[Value]) -> Result<Value, String> {
    let (mut value, keys) = match args {
        [value, keys @ ..] => (value.clone(), keys),
        [] => return Err("index needs a value".to_owned()),
    };
    for key in keys {
        value = match (&value, key) {
            (Value::Map(map), Value::String(key)) => map
                .get(key)
                .filter(|_| &**key != TYPE)
                .cloned()
                .unwrap_or_else(|| Value::String("".into())),
            _ => value.index(key).map_err(|e| e.to_string())?,
        };
    }
    Ok(value)
}

/// A value on its way to the text.
fn out(args: &[Value]) -> Result<Value, String> {
    let value = args.first().cloned().unwrap_or(Value::Nil);
    Ok(match value {
        Value::Nil | Value::Float(_) | Value::List(_) | Value::Map(_) => {
            let mut left = scope::output();
            weigh(&value, &mut left)?;
            Value::String(shown(&value).into())
        }
        other => other,
    })
}

/// A value on its way into a printing function: of bounded size, and as text what the engine would
/// print otherwise than Go.
fn printable(args: &[Value]) -> Result<Value, String> {
    let value = args.first().cloned().unwrap_or(Value::Nil);
    let mut left = scope::output();
    weigh(&value, &mut left)?;
    Ok(match value {
        Value::List(_) | Value::Map(_) => Value::String(shown(&value).into()),
        Value::Safe {
            kind: TIME | DURATION,
            s,
        } => Value::String(s),
        other => other,
    })
}

/// Reads the fields named in `args[1]`, one after the other; arguments go to the last.
fn get(methods: Option<&Methods>, args: &[Value]) -> Result<Value, String> {
    let [value, Value::String(path), rest @ ..] = args else {
        return Err("a field has no value before it".to_owned());
    };
    let mut value = value.clone();
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let args = if names.peek().is_none() { rest } else { &[] };
        value = field(methods, &value, name, args)?;
    }
    Ok(value)
}

fn field(
    methods: Option<&Methods>,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, String> {
    if let Some(found) = methods.and_then(|m| m(value, name, args)) {
        return found;
    }
    let kind = match value {
        Value::Safe { kind: TIME, s } => return time::time_method(s, name, args),
        Value::Safe { kind: DURATION, s } => return time::duration_method(s, name, args),
        Value::Map(map) => {
            let found = map.get(name).cloned();
            match (found, type_of(value)) {
                (Some(_), _) | (None, None) if !args.is_empty() => {
                    return Err(format!("{name} is no method, so it takes no arguments"));
                }
                (Some(found), _) => return Ok(found),
                (None, None) if is_open(map) => return Ok(Value::Nil),
                (None, None) => return Ok(Value::String("".into())),
                (None, Some(kind)) => kind,
            }
        }
        Value::Nil => return Ok(Value::Nil),
        other => other.type_name(),
    };
    Err(format!("there is no field {name} in {kind}"))
}

/// Refuses values that are too long or nested too deep.
fn within_bounds(value: Value) -> Result<Value, String> {
    let most = scope::output();
    match &value {
        Value::String(s) if s.len() > most => {
            Err(format!("makes a text of more than {most} bytes"))
        }
        Value::List(_) | Value::Map(_) => {
            // Lists share their parts, so what is small in memory can be endless to walk.
            let mut left = MAX_PARTS;
            bounded(&value, 0, &mut left).map(|()| value)
        }
        _ => Ok(value),
    }
}

fn bounded(value: &Value, depth: usize, left: &mut usize) -> Result<(), String> {
    if depth > MAX_NESTING {
        return Err(format!("nests lists more than {MAX_NESTING} deep"));
    }
    *left = left
        .checked_sub(1)
        .ok_or_else(|| format!("makes a list of more than {MAX_PARTS} parts"))?;
    match value {
        Value::List(items) => items.iter().try_for_each(|v| bounded(v, depth + 1, left)),
        Value::Map(entries) => entries
            .values()
            .try_for_each(|v| bounded(v, depth + 1, left)),
        _ => Ok(()),
    }
}

/// Takes the size of a printed value from `left`; an error where it does not fit.
fn weigh(value: &Value, left: &mut usize) -> Result<(), String> {
    let own = match value {
        Value::String(s) | Value::Safe { s, .. } => s.len(),
        _ => 1,
    };
    let rest = left.checked_sub(own + 1);
    *left = rest.ok_or_else(|| "makes a text that is too long".to_owned())?;
    match value {
        Value::List(items) => items.iter().try_for_each(|v| weigh(v, left)),
        Value::Map(entries) => entries.values().try_for_each(|v| weigh(v, left)),
        _ => Ok(()),
    }
}

/// The `at`th argument, a text.
pub fn text(args: &[Value], at: usize) -> Result<&str, String> {
    match args.get(at) {
        Some(Value::String(s) | Value::Safe { s, .. }) => Ok(s),
        Some(other) => Err(format!(
            "argument {} is a {}, not a text",
            at + 1,
            other.type_name()
        )),
        None => Err(format!("argument {} is missing", at + 1)),
    }
}

/// The `at`th argument, a number.
pub fn number(args: &[Value], at: usize) -> Result<f64, String> {
    match args.get(at) {
        Some(Value::Float(f)) => Ok(*f),
        Some(Value::Int(i)) => Ok(*i as f64),
        Some(Value::Uint(u)) => Ok(*u as f64),
        Some(Value::String(s)) => s.parse().map_err(|_| format!("{s:?} is not a number")),
        Some(other) => Err(format!("a {} is not a number", other.type_name())),
        None => Err(format!("argument {} is missing", at + 1)),
    }
}
