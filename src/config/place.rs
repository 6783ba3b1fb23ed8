//! YAML (and so JSON) text as a tree in which every key and value knows its place.
//!
//! One pass over the parser's events resolves anchors and merge keys (`<<`) and refuses what is
//! given twice. Scalars stay text: what `yes` or `5` means is decided by the key that asks for it,
//! as the Go tools do it ([`crate::config::fields`]). Size, depth and the growth by aliases are
//! bounded, so that no file can exhaust memory or stack.

use base64::Engine as _;
use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use std::collections::HashMap;

/// Bytes of one file that are accepted.
pub const MAX_BYTES: usize = 8 << 20;
const MAX_DEPTH: usize = 64;
/// Nodes of one file, copies made by aliases included.
const MAX_NODES: usize = 1_000_000;

/// Line and column, counted from one, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: u32,
    pub column: u32,
}

/// The beginning of the file, for what is said of it as a whole.
impl Default for Place {
    fn default() -> Self {
        Self { line: 1, column: 1 }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Written without quotes, so that `true`, `5` or nothing mean more than their text.
    pub(crate) plain: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) value: Node,
}

/// What makes a text no tree, with its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct PlaceError {
    pub place: Place,
    pub text: String,
}

impl Node {
    fn null(place: Place) -> Self {
        let (text, plain) = (String::new(), true);
        Self {
            place,
            value: Value::Scalar(Scalar { text, plain }),
        }
    }

    /// Nothing written, or one of YAML's words for it.
    pub(crate) fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar(s) => {
                s.plain && matches!(s.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            Value::List(_) | Value::Map(_) => false,
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Scalar(_) | Value::List(_) => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Scalar(_) | Value::Map(_) => &[],
        }
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|e| e.key == key)
    }

    /// The value of `key`; `None` where it is absent or null.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key)
            .map(|e| &e.value)
            .filter(|node| !node.is_null())
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(s) => Some(&s.text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The name of what stands at `place`, as `scrape_configs[0].static_configs[1].targets`.
    pub(crate) fn path_of(&self, place: Place) -> Option<String> {
        let mut path = String::new();
        self.find(place, &mut path).then_some(path)
    }

    fn find(&self, place: Place, path: &mut String) -> bool {
        let length = path.len();
        for entry in self.entries() {
            if length > 0 {
                path.push('.');
            }
            path.push_str(&entry.key);
            let value = &entry.value;
            if entry.place == place || value.find(place, path) || value.place == place {
                return true;
            }
            path.truncate(length);
        }
        for (i, item) in self.items().iter().enumerate() {
            path.push_str(&format!("[{i}]"));
            if item.find(place, path) || item.place == place {
                return true;
            }
            path.truncate(length);
        }
        false
    }
}

/// What became of a text.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// The first document, as the Go tools read it; `None` where there is none or no YAML.
    pub(crate) tree: Option<Node>,
    pub(crate) errors: Vec<PlaceError>,
    /// Where a second document begins, which nobody reads.
    pub(crate) second: Option<Place>,
}

/// Reads the first document. What can be read in spite of a fault (a key given twice) is returned
/// beside its errors.
pub(crate) fn parse(text: &str) -> Parsed {
    let mut builder = Builder::default();
    let mut second = None;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for event in Parser::new_from_str(text) {
        let step = match event {
            Ok((Event::DocumentStart(_), span)) if builder.root.is_some() => {
                second = Some(place_of(span));
                break;
            }
            Ok((event, span)) => builder.take(event, span),
            Err(_) if builder.root.is_some() => break,
            Err(e) => Err(PlaceError {
                place: Place {
                    line: e.marker().line() as u32,
                    column: e.marker().col() as u32 + 1,
                },
                text: format!("this is not YAML: {}", e.info()),
            }),
        };
        if let Err(e) = step {
            builder.errors.push(e);
            builder.root = None;
            break;
        }
    }
    Parsed {
        tree: builder.root,
        errors: builder.errors,
        second,
    }
}

fn place_of(span: Span) -> Place {
    Place {
        line: span.start.line() as u32,
        column: span.start.col() as u32 + 1,
    }
}

/// A list or mapping whose end has not come yet.
struct Open {
    node: Node,
    anchor: usize,
    key: Option<(String, Place)>,
    /// Keys so far, with their lines.
    seen: HashMap<String, u32>,
    merges: Vec<Node>,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, Extent)>,
    root: Option<Node>,
    nodes: usize,
    errors: Vec<PlaceError>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), PlaceError> {
        let place = place_of(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, place)?;
                let node = scalar(&text, style, tag.as_deref(), place)?;
                self.finish(node, anchor)
            }
            Event::Alias(anchor) => {
                let (node, extent) = self.anchors.get(&anchor).cloned().ok_or_else(|| {
                    let text = "an alias (`*name`) stands for nothing that was named before it";
                    error(place, text)
                })?;
                self.count(extent.nodes, place)?;
                if self.open.len() + extent.depth > MAX_DEPTH {
                    return Err(too_deep(place));
                }
                self.finish(node, 0)
            }
            Event::SequenceStart(anchor, _) => self.begin(Value::List(Vec::new()), anchor, place),
            Event::MappingStart(anchor, _) => self.begin(Value::Map(Vec::new()), anchor, place),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn count(&mut self, more: usize, place: Place) -> Result<(), PlaceError> {
        self.nodes += more;
        if self.nodes > MAX_NODES {
            let text = format!("the file unfolds to more than {MAX_NODES} values; split it");
            return Err(error(place, &text));
        }
        Ok(())
    }

    fn begin(&mut self, value: Value, anchor: usize, place: Place) -> Result<(), PlaceError> {
        self.count(1, place)?;
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(place));
        }
        self.open.push(Open {
            node: Node { place, value },
            anchor,
            key: None,
            seen: HashMap::new(),
            merges: Vec::new(),
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), PlaceError> {
        let Some(mut done) = self.open.pop() else {
            return Ok(());
        };
        if let Value::Map(entries) = &mut done.node.value {
            if entries.first().is_some_and(|e| e.place == done.node.place) {
                // A list's item in block style: the dash, so that it differs from its first key.
                let column = &mut done.node.place.column;
                *column = column.saturating_sub(2).max(1);
            }
            for merge in done.merges {
                merge_into(entries, &mut done.seen, merge)?;
            }
        }
        self.finish(done.node, done.anchor)
    }

    /// Puts a complete node where it belongs: as key, as value, as item, as the whole document.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), PlaceError> {
        if anchor > 0 {
            let extent = extent(&node);
            self.anchors.insert(anchor, (node.clone(), extent));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.node.value {
            Value::List(items) => items.push(node),
            Value::Map(entries) => match open.key.take() {
                None => {
                    let key = node
                        .text()
                        .ok_or_else(|| error(node.place, "a key must be a single word or text"))?;
                    open.key = Some((key.to_owned(), node.place));
                }
                Some((key, _)) if key == "<<" => open.merges.push(node),
                Some((key, place)) => {
                    if let Some(line) = open.seen.insert(key.clone(), place.line) {
                        let text = format!("`{key}` is given twice; line {line} has it first");
                        self.errors.push(error(place, &text));
                    } else {
                        let mut value = node;
                        if value.text().is_none() {
                            value.place = place; // what is said of the whole stands at its key
                        }
                        entries.push(Entry { key, place, value });
                    }
                }
            },
            Value::Scalar(_) => {}
        }
        Ok(())
    }
}

/// Adds what a `<<` brings and the mapping does not say itself.
fn merge_into(
    entries: &mut Vec<Entry>,
    seen: &mut HashMap<String, u32>,
    merge: Node,
) -> Result<(), PlaceError> {
    let place = merge.place;
    let maps = match merge.value {
        Value::Map(more) => vec![more],
        Value::List(items) => {
            let map = |item: Node| match item.value {
                Value::Map(more) => Ok(more),
                Value::Scalar(_) | Value::List(_) => Err(error(item.place, NO_MERGE)),
            };
            items.into_iter().map(map).collect::<Result<_, _>>()?
        }
        Value::Scalar(_) => return Err(error(place, NO_MERGE)),
    };
    for entry in maps.into_iter().flatten() {
        if !seen.contains_key(&entry.key) {
            seen.insert(entry.key.clone(), entry.place.line);
            entries.push(entry);
        }
    }
    Ok(())
}

const NO_MERGE: &str = "`<<` takes a mapping, or a list of mappings";

fn scalar(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    place: Place,
) -> Result<Node, PlaceError> {
    let core = tag.filter(|t| t.is_yaml_core_schema());
    let mut plain = style == ScalarStyle::Plain;
    let mut text = text.to_owned();
    match core.map(|t| t.suffix.as_str()) {
        Some("binary") => {
            let packed: String = text.split_whitespace().collect();
            text = base64::engine::general_purpose::STANDARD
                .decode(packed)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| error(place, "`!!binary` needs base64 of UTF-8 text"))?;
            plain = false;
        }
        Some("str") => plain = false,
        Some("null") => return Ok(Node::null(place)),
        Some("int" | "float" | "bool") => plain = true,
        _ => {}
    }
    let value = Value::Scalar(Scalar { text, plain });
    Ok(Node { place, value })
}

/// How much a named node adds where an alias repeats it.
#[derive(Clone, Copy, Default)]
struct Extent {
    nodes: usize,
    depth: usize,
}

fn extent(node: &Node) -> Extent {
    let below = match &node.value {
        Value::Scalar(_) => return Extent { nodes: 1, depth: 0 },
        Value::List(items) => items.iter().map(extent).fold(Extent::default(), join),
        Value::Map(entries) => {
            let values = entries.iter().map(|e| extent(&e.value));
            values.fold(Extent::default(), join)
        }
    };
    Extent {
        nodes: below.nodes + 1,
        depth: below.depth + 1,
    }
}

fn join(a: Extent, b: Extent) -> Extent {
    Extent {
        nodes: a.nodes + b.nodes,
        depth: a.depth.max(b.depth),
    }
}

fn too_deep(place: Place) -> PlaceError {
    error(place, &format!("nested deeper than {MAX_DEPTH} levels"))
}

fn error(place: Place, text: &str) -> PlaceError {
    let text = text.to_owned();
    PlaceError { place, text }
}
