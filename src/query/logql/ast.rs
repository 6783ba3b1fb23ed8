//! The tree of a LogQL expression.

use crate::model::matcher::Matcher;
use crate::query::promql::ast::Span;

/// A label that no stream has: `{__stream__=""}` asks for all of them, outright.
pub const EVERY: &str = "__stream__";

/// Asks for lines, or computes numbers from them.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Log(Log),
    Metric(Metric),
}

/// A selector of streams and what happens to each of their lines, in order.
#[derive(Clone, Debug)]
pub struct Log {
    pub matchers: Vec<Matcher>,
    pub stages: Vec<Placed>,
    pub span: Span,
}

impl PartialEq for Log {
    fn eq(&self, other: &Self) -> bool {
        self.matchers == other.matchers && self.stages == other.stages
    }
}

/// A stage with the bytes it came from.
#[derive(Clone, Debug)]
pub struct Placed {
    pub stage: Stage,
    pub span: Span,
}

impl PartialEq for Placed {
    fn eq(&self, other: &Self) -> bool {
        self.stage == other.stage
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    Line(LineFilter),
    Json(Vec<Extract>),
    Logfmt(Logfmt),
    Regexp(String),
    Pattern(String),
    Unpack,
    Label(LabelFilter),
    LineFormat(String),
    LabelFormat(Vec<Format>),
    Decolorize,
    Drop(Vec<Pick>),
    Keep(Vec<Pick>),
}

/// `|= "a" or "b"`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFilter {
    pub op: LineOp,
    /// Never empty.
    pub needles: Vec<Needle>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineOp {
    Contains,
    Excludes,
    Regex,
    NotRegex,
    Pattern,
    NotPattern,
}

impl LineOp {
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Contains, "|="),
        (Self::Excludes, "!="),
        (Self::Regex, "|~"),
        (Self::NotRegex, "!~"),
        (Self::Pattern, "|>"),
        (Self::NotPattern, "!>"),
    ];

    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(op, _)| *op == self)
            .map_or("", |(_, text)| text)
    }

    /// Passes the lines that do not match.
    pub fn is_negative(self) -> bool {
        matches!(self, Self::Excludes | Self::NotRegex | Self::NotPattern)
    }
}

/// What a line filter looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needle {
    Text(String),
    /// An address, a network or a range.
    Ip(String),
}

/// `name="path"`; a bare `name` is its own path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extract {
    pub name: String,
    pub path: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logfmt {
    pub strict: bool,
    pub keep_empty: bool,
    /// Empty: every pair of the line.
    pub extract: Vec<Extract>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum LabelFilter {
    Match(Matcher),
    Compare {
        name: String,
        op: Compare,
        with: Quantity,
    },
    Ip {
        name: String,
        negative: bool,
        pattern: String,
    },
    And(Box<LabelFilter>, Box<LabelFilter>),
    Or(Box<LabelFilter>, Box<LabelFilter>),
}

/// The right side of a comparison says how the label is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quantity {
    Number(f64),
    /// Nanoseconds.
    Duration(i64),
    Bytes(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl Compare {
    /// Signs of the grammar; the first of a kind is printed.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Equal, "=="),
        (Self::NotEqual, "!="),
        (Self::LessEqual, "<="),
        (Self::GreaterEqual, ">="),
        (Self::Less, "<"),
        (Self::Greater, ">"),
        (Self::Equal, "="),
    ];

    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(op, _)| *op == self)
            .map_or("", |(_, text)| text)
    }

    pub fn holds<T: PartialOrd>(self, a: T, b: T) -> bool {
        match self {
            Self::Equal => a == b,
            Self::NotEqual => a != b,
            Self::Less => a < b,
            Self::LessEqual => a <= b,
            Self::Greater => a > b,
            Self::GreaterEqual => a >= b,
        }
    }
}

/// `to=from` renames, `to="template"` sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    pub to: String,
    pub from: FormatFrom,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatFrom {
    Label(String),
    Template(String),
}

/// What `drop` and `keep` name: a label, or a label with a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Pick {
    Name(String),
    Match(Matcher),
}

/// Yields numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Metric {
    Number(f64),
    /// `vector(n)`: one sample without labels.
    Vector(f64),
    Range(Box<RangeAggregate>),
    Aggregate(Box<Aggregate>),
    Binary(Box<Binary>),
    Replace(Box<Replace>),
}

/// An aggregation over the lines of a window.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeAggregate {
    pub op: RangeOp,
    /// The quantile.
    pub param: Option<f64>,
    pub log: Log,
    pub unwrap: Option<Unwrap>,
    /// Nanoseconds, above zero.
    pub range: i64,
    /// Nanoseconds; negative looks ahead.
    pub offset: i64,
    pub grouping: Option<Grouping>,
}

/// The label that is the number of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Unwrap {
    pub label: String,
    pub convert: Convert,
    /// Behind the unwrap: they see its errors.
    pub filters: Vec<LabelFilter>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convert {
    None,
    Bytes,
    /// To seconds.
    Duration,
    DurationSeconds,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grouping {
    pub without: bool,
    pub labels: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeOp {
    Rate,
    RateCounter,
    Count,
    BytesRate,
    Bytes,
    Sum,
    Avg,
    Min,
    Max,
    Stddev,
    Stdvar,
    Quantile,
    First,
    Last,
    Absent,
}

impl RangeOp {
    pub const ALL: [(Self, &'static str); 15] = [
        (Self::Rate, "rate"),
        (Self::RateCounter, "rate_counter"),
        (Self::Count, "count_over_time"),
        (Self::BytesRate, "bytes_rate"),
        (Self::Bytes, "bytes_over_time"),
        (Self::Sum, "sum_over_time"),
        (Self::Avg, "avg_over_time"),
        (Self::Min, "min_over_time"),
        (Self::Max, "max_over_time"),
        (Self::Stddev, "stddev_over_time"),
        (Self::Stdvar, "stdvar_over_time"),
        (Self::Quantile, "quantile_over_time"),
        (Self::First, "first_over_time"),
        (Self::Last, "last_over_time"),
        (Self::Absent, "absent_over_time"),
    ];

    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(op, _)| *op == self)
            .map_or("", |(_, name)| name)
    }

    /// May stand without `unwrap`, and with it.
    pub(crate) fn takes_unwrap(self) -> (bool, bool) {
        match self {
            Self::Rate | Self::Absent => (true, true),
            Self::Count | Self::BytesRate | Self::Bytes => (true, false),
            _ => (false, true),
        }
    }

    pub(crate) fn takes_grouping(self) -> bool {
        matches!(
            self,
            Self::Avg
                | Self::Min
                | Self::Max
                | Self::Stddev
                | Self::Stdvar
                | Self::Quantile
                | Self::First
                | Self::Last
        )
    }
}

/// An aggregation over series.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    pub op: VectorOp,
    /// The k of `topk`, `bottomk` and `approx_topk`; else 0.
    pub param: usize,
    pub inner: Metric,
    pub grouping: Option<Grouping>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorOp {
    Sum,
    Avg,
    Count,
    Max,
    Min,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    ApproxTopk,
    Sort,
    SortDesc,
}

impl VectorOp {
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::Sum, "sum"),
        (Self::Avg, "avg"),
        (Self::Count, "count"),
        (Self::Max, "max"),
        (Self::Min, "min"),
        (Self::Stddev, "stddev"),
        (Self::Stdvar, "stdvar"),
        (Self::Topk, "topk"),
        (Self::Bottomk, "bottomk"),
        (Self::ApproxTopk, "approx_topk"),
        (Self::Sort, "sort"),
        (Self::SortDesc, "sort_desc"),
    ];

    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(op, _)| *op == self)
            .map_or("", |(_, name)| name)
    }

    pub(crate) fn has_param(self) -> bool {
        matches!(self, Self::Topk | Self::Bottomk | Self::ApproxTopk)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    pub op: Op,
    pub left: Metric,
    pub right: Metric,
    /// Comparisons give 0 and 1.
    pub bool: bool,
    pub matching: Matching,
}

/// Which series of both sides belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// True: by `labels` alone; false: by all but them.
    pub on: bool,
    pub labels: Vec<String>,
    pub group: Option<Group>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Many series stand on the left.
    pub left: bool,
    /// Labels taken from the side of one.
    pub include: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Or,
    And,
    Unless,
    Compare(Compare),
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
}

impl Op {
    /// Sign and strength; `^` binds to the right.
    pub const ALL: [(Self, &'static str, u8); 15] = [
        (Self::Or, "or", 1),
        (Self::And, "and", 2),
        (Self::Unless, "unless", 2),
        (Self::Compare(Compare::Equal), "==", 3),
        (Self::Compare(Compare::NotEqual), "!=", 3),
        (Self::Compare(Compare::LessEqual), "<=", 3),
        (Self::Compare(Compare::GreaterEqual), ">=", 3),
        (Self::Compare(Compare::Less), "<", 3),
        (Self::Compare(Compare::Greater), ">", 3),
        (Self::Add, "+", 4),
        (Self::Sub, "-", 4),
        (Self::Mul, "*", 5),
        (Self::Div, "/", 5),
        (Self::Mod, "%", 5),
        (Self::Pow, "^", 6),
    ];

    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(op, ..)| *op == self)
            .map_or("", |(_, text, _)| text)
    }

    pub(crate) fn is_set(self) -> bool {
        matches!(self, Self::Or | Self::And | Self::Unless)
    }

    /// Of two numbers. Dividing by zero gives NaN, unlike PromQL.
    pub(crate) fn apply(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div if b == 0.0 => f64::NAN,
            Self::Div => a / b,
            Self::Mod if b == 0.0 => f64::NAN,
            Self::Mod => a % b,
            Self::Pow => a.powf(b),
            Self::Compare(compare) => f64::from(u8::from(compare.holds(a, b))),
            Self::Or | Self::And | Self::Unless => f64::NAN,
        }
    }
}

/// `label_replace(inner, to, with, from, regex)`
#[derive(Clone, Debug, PartialEq)]
pub struct Replace {
    pub inner: Metric,
    pub to: String,
    pub with: String,
    pub from: String,
    pub regex: crate::base::regex::Regex,
}
