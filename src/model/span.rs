//! Spans of traces: what OTLP and Zipkin carry, in one shape.
//!
//! Times are nanoseconds since the Unix epoch as the sender wrote them: skewed clocks are shown,
//! never rewritten.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Sixteen bytes, never all zero. Shown and sent as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(pub [u8; 16]);

/// Eight bytes, never all zero. Shown and sent as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(pub [u8; 8]);

/// One operation of one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    pub trace: TraceId,
    pub id: SpanId,
    /// `None` is a root.
    pub parent: Option<SpanId>,
    pub name: Arc<str>,
    pub kind: SpanKind,
    pub status: SpanStatus,
    pub status_message: Arc<str>,
    pub start: u64,
    /// Before `start` where the sender said so; [`Span::duration`] is 0 then.
    pub end: u64,
    pub attributes: Attributes,
    pub events: Vec<SpanEvent>,
    pub links: Vec<SpanLink>,
    pub resource: Arc<Resource>,
    pub scope: Arc<Scope>,
    /// Zipkin: a server's half of a span whose id its client uses as well.
    pub shared: bool,
}

/// What sent the span.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    pub attributes: Attributes,
}

/// The instrumentation that made the span.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scope {
    pub name: Arc<str>,
    pub version: Arc<str>,
    pub attributes: Attributes,
}

/// Something that happened at one instant of a span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpanEvent {
    pub time: u64,
    pub name: Arc<str>,
    pub attributes: Attributes,
}

/// A span of this or another trace that this one has to do with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpanLink {
    pub trace: TraceId,
    pub span: SpanId,
    pub attributes: Attributes,
}

/// In the order of the sender; a name may stand twice, the first counts.
pub type Attributes = Vec<(Arc<str>, Attribute)>;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Attribute {
    Text(Arc<str>),
    Bool(bool),
    Int(i64),
    Float(f64),
    Bytes(Vec<u8>),
    List(Vec<Attribute>),
    Map(Attributes),
}

/// OpenTelemetry's kinds, with its numbers.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub enum SpanKind {
    #[default]
    Unspecified = 0,
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}

/// OpenTelemetry's states, with its numbers.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub enum SpanStatus {
    #[default]
    Unset = 0,
    Ok = 1,
    Error = 2,
}

impl SpanKind {
    pub const ALL: [Self; 6] = [
        Self::Unspecified,
        Self::Internal,
        Self::Server,
        Self::Client,
        Self::Producer,
        Self::Consumer,
    ];

    /// An unknown number is unspecified, as the protocol asks of those who read newer senders.
    pub fn from_number(n: i64) -> Self {
        let found = usize::try_from(n).ok().and_then(|n| Self::ALL.get(n));
        found.copied().unwrap_or_default()
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

impl SpanStatus {
    pub const ALL: [Self; 3] = [Self::Unset, Self::Ok, Self::Error];

    pub fn from_number(n: i64) -> Self {
        let found = usize::try_from(n).ok().and_then(|n| Self::ALL.get(n));
        found.copied().unwrap_or_default()
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }
}

impl Span {
    /// Nanoseconds; 0 where it ends before it starts.
    pub fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    pub fn is_error(&self) -> bool {
        self.status == SpanStatus::Error
    }

    /// `service.name` of the resource, or nothing.
    pub fn service(&self) -> &str {
        self.resource.service()
    }

    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        find(&self.attributes, name)
    }

    /// What makes a span the same as one that was sent before: Zipkin's shared halves are two.
    pub fn identity(&self) -> (SpanId, bool) {
        (self.id, self.shared)
    }
}

impl Resource {
    pub fn service(&self) -> &str {
        match find(&self.attributes, "service.name") {
            Some(Attribute::Text(text)) => text,
            _ => "",
        }
    }
}

/// The first attribute of that name.
pub fn find<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a Attribute> {
    let mut found = attributes.iter().filter(|(n, _)| **n == *name);
    found.next().map(|(_, v)| v)
}

impl Attribute {
    pub fn text(text: &str) -> Self {
        Self::Text(Arc::from(text))
    }
}

/// As a person reads it: text without quotes, bytes in hexadecimal, lists in brackets.
impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Int(i) => write!(f, "{i}"),
            Self::Float(v) => write!(f, "{v}"),
            Self::Bytes(bytes) => hex(f, bytes),
            Self::List(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Map(items) => {
                f.write_str("{")?;
                for (i, (name, item)) in items.iter().enumerate() {
                    write!(f, "{}{name}: {item}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("}")
            }
        }
    }
}

fn hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|b| write!(f, "{b:02x}"))
}

/// Reads hexadecimal digits of either case, padded with zeros on the left where there are fewer.
fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.is_empty() || text.len() > 2 * N || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut out = [0; N];
    for (i, digit) in text.bytes().rev().enumerate() {
        let value = (digit as char).to_digit(16)? as u8;
        out[N - 1 - i / 2] |= value << (4 * (i % 2));
    }
    Some(out)
}

macro_rules! id {
    ($name:ident, $len:literal) => {
        impl $name {
            /// From hexadecimal digits; fewer than usual are padded on the left. `None` for what is
            /// none, and for all zeros.
            pub fn parse(text: &str) -> Option<Self> {
                Self::from_bytes(&unhex::<$len>(text)?)
            }

            /// `None` where the length is wrong or all bytes are zero.
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                let bytes: [u8; $len] = bytes.try_into().ok()?;
                bytes.iter().any(|b| *b != 0).then_some(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                hex(f, &self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                Self::parse(&text).ok_or_else(|| {
                    serde::de::Error::custom(format!("{text:?} is no id of {} bytes", $len))
                })
            }
        }
    };
}

id!(TraceId, 16);
id!(SpanId, 8);

/// Spans of one trace, as far as they have arrived, in rising start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    pub id: TraceId,
    pub spans: Vec<Span>,
}

impl Trace {
    /// Puts the spans in order and drops those that were sent twice.
    pub fn new(id: TraceId, mut spans: Vec<Span>) -> Self {
        let mut seen = std::collections::HashSet::new();
        spans.retain(|s| seen.insert(s.identity()));
        spans.sort_by_key(|s| (s.start, s.id));
        Self { id, spans }
    }

    /// The span without a parent; the earliest where there are several. `None` while it has not
    /// arrived.
    pub fn root(&self) -> Option<&Span> {
        self.spans.iter().find(|s| s.parent.is_none())
    }

    /// First start and last end, nanoseconds.
    pub fn bounds(&self) -> (u64, u64) {
        let start = self.spans.iter().map(|s| s.start).min().unwrap_or(0);
        let end = self.spans.iter().map(|s| s.end.max(s.start)).max();
        (start, end.unwrap_or(start))
    }

    pub fn duration(&self) -> u64 {
        let (start, end) = self.bounds();
        end - start
    }

    pub fn errors(&self) -> usize {
        self.spans.iter().filter(|s| s.is_error()).count()
    }
}

/// By span the index of its parent. A span that its server shares (Zipkin) hangs below the client's
/// half of the same id, and the children of both below the server's. A circle is cut where it closes.
pub fn parents(spans: &[Span]) -> Vec<Option<u32>> {
    let mut own: HashMap<SpanId, u32> = HashMap::new();
    let mut shared: HashMap<SpanId, u32> = HashMap::new();
    for (i, span) in spans.iter().enumerate() {
        let half = if span.shared { &mut shared } else { &mut own };
        half.entry(span.id).or_insert(i as u32);
    }
    let above = |i: usize| {
        let span = &spans[i];
        if span.shared
            && let Some(client) = own.get(&span.id)
        {
            return Some(*client);
        }
        let parent = span.parent?;
        let found = shared.get(&parent).or_else(|| own.get(&parent)).copied();
        found.filter(|p| *p as usize != i)
    };
    let mut out: Vec<Option<u32>> = (0..spans.len()).map(above).collect();
    cut_circles(&mut out);
    out
}

fn cut_circles(parents: &mut [Option<u32>]) {
    // 0: not seen, 1: on the way up now, 2: leads to a root.
    let mut seen = vec![0u8; parents.len()];
    for start in 0..parents.len() {
        let mut path = Vec::new();
        let mut at = start;
        while seen[at] == 0 {
            seen[at] = 1;
            path.push(at);
            match parents[at] {
                Some(up) if seen[up as usize] == 1 => parents[at] = None,
                Some(up) => at = up as usize,
                None => break,
            }
        }
        for i in path {
            seen[i] = 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_what_they_write() {
        let id = TraceId::parse("4bf92f3577b34da6a3ce929d0e0e4736").unwrap();
        assert_eq!(id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(
            TraceId::parse("ABC").unwrap().to_string(),
            format!("{:0>32}", "abc")
        );
        assert_eq!(SpanId::parse("00f067aa0ba902b7").unwrap().0[7], 0xb7);
        for bad in ["", "0", "xyz", "00f067aa0ba902b70"] {
            assert_eq!(SpanId::parse(bad), None, "{bad}");
        }
    }
}
