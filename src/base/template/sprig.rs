//! The functions known as sprig (its `TxtFuncMap`), as far as they have a place in a pipeline of log
//! lines. Source: Masterminds/sprig v3, its documentation.
//!
//! Not here, and therefore refused by name: what changes a value in place (`set`, `unset`), keys,
//! certificates and passwords, names of the network. Texts are bounded by the rendering's limits.

mod lists;
mod texts;
mod times;

use crate::base::template::cast::{float, is_set, of_json, said, to_json, whole};
use crate::base::template::{Functions, Scope, Value, list};

type Given = Result<Value, String>;
type Body = fn(&Scope, &[Value]) -> Given;
/// Name, the fewest and the most arguments, and what it does.
type Row = (&'static str, usize, usize, Body);

const ANY: usize = 256;
/// Items of a list that a number asks for.
const MOST: i64 = 10_000;

/// The functions, added to a table.
pub fn add_to(mut functions: Functions) -> Functions {
    let rows = [
        VALUES,
        NUMBERS,
        texts::CASES,
        texts::PARTS,
        texts::MADE,
        lists::LISTS,
        lists::MAPS,
        times::TIMES,
    ];
    for (name, least, most, body) in rows.into_iter().flatten() {
        let (name, least, most, body) = (*name, *least, *most, *body);
        functions = functions.with(name, move |scope, args| {
            if args.len() < least || args.len() > most {
                let got = args.len();
                return Err(format!(
                    "wrong number of args for {name}: want {least} got {got}"
                ));
            }
            body(scope, args)
        });
    }
    functions
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "functions of templates answer in this form"
)]
fn text(text: impl AsRef<str>) -> Given {
    Ok(Value::String(text.as_ref().into()))
}

fn json(value: &Value, pretty: bool) -> Given {
    let value = to_json(value);
    let made = if pretty {
        serde_json::to_string_pretty(&value)
    } else {
        serde_json::to_string(&value)
    };
    made.map(|t| Value::String(t.into()))
        .map_err(|e| e.to_string())
}

fn read_json(args: &[Value]) -> Given {
    let read: serde_json::Value =
        serde_json::from_str(&said(args, 0)).map_err(|e| e.to_string())?;
    Ok(of_json(&read))
}

/// Go's name of a value's kind.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Nil => "invalid",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int64",
        Value::Uint(_) => "uint64",
        Value::Float(_) => "float64",
        Value::String(_) | Value::Safe { .. } => "string",
        Value::List(_) => "slice",
        Value::Map(_) => "map",
        Value::Function(_) => "func",
    }
}

fn same(a: &Value, b: &Value) -> bool {
    kind(a) == kind(b) && to_json(a) == to_json(b)
}

const VALUES: &[Row] = &[
    ("empty", 1, 1, |_, a| Ok(Value::Bool(!is_set(&a[0])))),
    ("coalesce", 0, ANY, |_, a| {
        Ok(a.iter().find(|v| is_set(v)).cloned().unwrap_or(Value::Nil))
    }),
    ("all", 0, ANY, |_, a| Ok(Value::Bool(a.iter().all(is_set)))),
    ("any", 0, ANY, |_, a| Ok(Value::Bool(a.iter().any(is_set)))),
    ("ternary", 3, 3, |_, a| {
        Ok(if is_set(&a[2]) { &a[0] } else { &a[1] }.clone())
    }),
    ("fail", 1, 1, |_, a| Err(said(a, 0).to_string())),
    ("toJson", 1, 1, |_, a| json(&a[0], false)),
    ("toRawJson", 1, 1, |_, a| json(&a[0], false)),
    ("toPrettyJson", 1, 1, |_, a| json(&a[0], true)),
    ("mustToJson", 1, 1, |_, a| json(&a[0], false)),
    ("mustToRawJson", 1, 1, |_, a| json(&a[0], false)),
    ("mustToPrettyJson", 1, 1, |_, a| json(&a[0], true)),
    ("mustFromJson", 1, 1, |_, a| read_json(a)),
    ("kindOf", 1, 1, |_, a| text(kind(&a[0]))),
    ("kindIs", 2, 2, |_, a| {
        Ok(Value::Bool(*said(a, 0) == *kind(&a[1])))
    }),
    ("typeOf", 1, 1, |_, a| text(kind(&a[0]))),
    ("typeIs", 2, 2, |_, a| {
        Ok(Value::Bool(*said(a, 0) == *kind(&a[1])))
    }),
    ("typeIsLike", 2, 2, |_, a| {
        Ok(Value::Bool(
            said(a, 0).trim_start_matches('*') == kind(&a[1]),
        ))
    }),
    ("deepEqual", 2, 2, |_, a| {
        Ok(Value::Bool(same(&a[0], &a[1])))
    }),
    ("hello", 0, 0, |_, _| text("Hello!")),
];

/// Whole numbers from one on, before another, by steps.
fn steps(from: i64, to: i64, step: i64) -> Given {
    if step == 0 {
        return Ok(list([]));
    }
    let count = to.saturating_sub(from).checked_div(step).unwrap_or(0) + 1;
    if count > MOST {
        return Err(format!("a list of more than {MOST} numbers"));
    }
    let mut out = Vec::new();
    let mut at = from;
    while (step > 0 && at < to) || (step < 0 && at > to) {
        out.push(Value::Int(at));
        at = at.saturating_add(step);
    }
    Ok(list(out))
}

/// As the program `seq`: the last, first and last, or first, step and last; joined by spaces.
fn seq(args: &[Value]) -> Given {
    let n: Vec<i64> = args.iter().map(whole).collect();
    let (first, step, last) = match n.as_slice() {
        [last] => (1, if *last < 1 { -1 } else { 1 }, *last),
        [first, last] => (*first, if last < first { -1 } else { 1 }, *last),
        [first, step, last] => (*first, *step, *last),
        _ => return text(""),
    };
    let Value::List(items) = steps(first, last.saturating_add(step.signum()), step)? else {
        return text("");
    };
    let items: Vec<String> = items.iter().map(|v| whole(v).to_string()).collect();
    text(items.join(" "))
}

const NUMBERS: &[Row] = &[
    ("add1", 1, 1, |_, a| {
        Ok(Value::Int(whole(&a[0]).wrapping_add(1)))
    }),
    ("add1f", 1, 1, |_, a| Ok(Value::Float(float(&a[0]) + 1.0))),
    ("biggest", 1, ANY, |_, a| {
        Ok(Value::Int(a.iter().map(whole).max().unwrap_or(0)))
    }),
    ("int64", 1, 1, |_, a| Ok(Value::Int(whole(&a[0])))),
    ("atoi", 1, 1, |_, a| Ok(Value::Int(whole(&a[0])))),
    ("toDecimal", 1, 1, |_, a| {
        Ok(Value::Int(i64::from_str_radix(&said(a, 0), 8).unwrap_or(0)))
    }),
    ("until", 1, 1, |_, a| {
        let to = whole(&a[0]);
        steps(0, to, if to < 0 { -1 } else { 1 })
    }),
    ("untilStep", 3, 3, |_, a| {
        steps(whole(&a[0]), whole(&a[1]), whole(&a[2]))
    }),
    ("seq", 0, 3, |_, a| seq(a)),
];

#[cfg(test)]
mod tests;
