//! The tree of a PromQL expression. Every node knows which bytes of the query it came from.

use crate::model::matcher::Matcher;
use crate::query::promql::functions::Function;
use std::fmt;

/// Bytes `start..end` of the query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// From the start of this to the end of the other.
    pub fn to(self, other: Self) -> Self {
        Self::new(self.start, other.end)
    }

    /// `line:column` of the start, both from 1, columns in characters.
    pub fn place(self, text: &str) -> (usize, usize) {
        let before = &text[..text.floor_char_boundary(self.start)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    }
}

/// A node with its place. Two trees are equal where they mean the same, places aside.
#[derive(Clone, Debug)]
pub struct Expr {
    pub kind: Kind,
    pub span: Span,
    /// Levels below this node; bounded by the parser.
    pub(crate) depth: u16,
    /// Has the same value at every step: pinned by `@`, or made of literals. Set by the parser.
    pub(crate) fixed: bool,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Number(Number),
    Text(String),
    Selector(Selector),
    /// `selector[range]`
    Range(RangeSelector),
    Subquery(Box<Subquery>),
    Unary(Sign, Box<Expr>),
    Binary(Box<Binary>),
    Aggregate(Box<Aggregate>),
    Call(Call),
    Paren(Box<Expr>),
}

/// A number; `duration` where it was written as `5m`, which is 300.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    pub value: f64,
    pub duration: bool,
}

/// NaN is equal to NaN here: trees are compared, not values.
impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.value.to_bits() == other.value.to_bits() && self.duration == other.duration
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Plus,
    Minus,
}

/// `name{matchers} offset .. @ ..`. The name, where there is one, is the first matcher.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    /// The name as written before or inside the braces; empty where a `__name__` matcher or none
    /// stands.
    pub name: String,
    pub matchers: Vec<Matcher>,
    pub when: When,
    pub extended: Option<Extended>,
}

/// `anchored` and `smoothed`: what a window takes from beyond its edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extended {
    Anchored,
    Smoothed,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RangeSelector {
    pub selector: Selector,
    /// Where the selector before the bracket stands.
    pub inner: Span,
    pub range: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Subquery {
    pub expr: Expr,
    pub range: Duration,
    /// `None` is the default of one minute.
    pub step: Option<Duration>,
    pub when: When,
}

/// The modifiers `offset` and `@`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct When {
    pub offset: Option<Duration>,
    pub at: Option<At>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Milliseconds since the epoch.
    Time(i64),
    Start,
    End,
}

/// A length of time.
#[derive(Clone, Debug, PartialEq)]
pub enum Duration {
    /// Milliseconds.
    Fixed(i64),
    /// Arithmetic in place of a literal (experimental).
    Computed(Box<DurationExpr>),
}

/// Arithmetic over durations, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub enum DurationExpr {
    Number(Number),
    /// `step()`
    Step,
    /// `range()`
    Range,
    Minus(Box<DurationExpr>),
    Plus(Box<DurationExpr>),
    Paren(Box<DurationExpr>),
    Binary(Op, Box<DurationExpr>, Box<DurationExpr>),
    MinOf(Box<DurationExpr>, Box<DurationExpr>),
    MaxOf(Box<DurationExpr>, Box<DurationExpr>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    pub op: Op,
    pub lhs: Expr,
    pub rhs: Expr,
    /// Comparison that answers 0 or 1.
    pub returns_bool: bool,
    pub matching: Matching,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Less,
    Greater,
    LessEqual,
    GreaterEqual,
    /// `</`: drops the buckets above.
    TrimUpper,
    /// `>/`: drops the buckets below.
    TrimLower,
    And,
    Or,
    Unless,
}

impl Op {
    /// Every operator with its text and its strength; a larger number binds tighter.
    pub const ALL: [(Self, &'static str, u8); 18] = [
        (Self::Or, "or", 1),
        (Self::And, "and", 2),
        (Self::Unless, "unless", 2),
        (Self::Equal, "==", 3),
        (Self::NotEqual, "!=", 3),
        (Self::LessEqual, "<=", 3),
        (Self::Less, "<", 3),
        (Self::GreaterEqual, ">=", 3),
        (Self::Greater, ">", 3),
        (Self::TrimUpper, "</", 3),
        (Self::TrimLower, ">/", 3),
        (Self::Add, "+", 4),
        (Self::Sub, "-", 4),
        (Self::Mul, "*", 5),
        (Self::Div, "/", 5),
        (Self::Mod, "%", 5),
        (Self::Atan2, "atan2", 5),
        (Self::Pow, "^", 6),
    ];

    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(op, _, _)| *op == self)
            .map_or("", |(_, text, _)| text)
    }

    pub fn is_comparison(self) -> bool {
        matches!(
            self,
            Self::Equal
                | Self::NotEqual
                | Self::Less
                | Self::Greater
                | Self::LessEqual
                | Self::GreaterEqual
        )
    }

    pub fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }

    /// Trims buckets of native histograms.
    pub fn is_trim(self) -> bool {
        matches!(self, Self::TrimUpper | Self::TrimLower)
    }
}

/// Which elements of two vectors belong together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matching {
    /// True after `on`, false after `ignoring` or where neither stands.
    pub on: bool,
    pub labels: Vec<String>,
    pub group: Group,
    /// Labels of the "one" side that the result takes.
    pub include: Vec<String>,
    /// Values for what has no partner (experimental).
    pub fill_left: Option<f64>,
    pub fill_right: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Group {
    #[default]
    OneToOne,
    /// `group_left`: many elements on the left share one on the right.
    Left,
    Right,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    pub op: Aggregator,
    pub param: Option<Expr>,
    pub expr: Expr,
    pub without: bool,
    pub grouping: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregator {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Group,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    Quantile,
    CountValues,
    Limitk,
    LimitRatio,
}

impl Aggregator {
    /// Every aggregator with its name and what it does.
    pub const ALL: [(Self, &'static str, &'static str); 14] = [
        (Self::Sum, "sum", "the sum of the values"),
        (Self::Avg, "avg", "the mean of the values"),
        (Self::Min, "min", "the smallest value"),
        (Self::Max, "max", "the largest value"),
        (Self::Count, "count", "how many series there are"),
        (Self::Group, "group", "1 for every group that exists"),
        (Self::Stddev, "stddev", "the standard deviation"),
        (Self::Stdvar, "stdvar", "the variance"),
        (Self::Topk, "topk", "the k largest series"),
        (Self::Bottomk, "bottomk", "the k smallest series"),
        (
            Self::Quantile,
            "quantile",
            "the given quantile of the values",
        ),
        (
            Self::CountValues,
            "count_values",
            "how often each value occurs",
        ),
        (Self::Limitk, "limitk", "k of the series (experimental)"),
        (
            Self::LimitRatio,
            "limit_ratio",
            "a share of the series (experimental)",
        ),
    ];

    pub fn find(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, n, _)| n.eq_ignore_ascii_case(name))
            .map(|(op, _, _)| *op)
    }

    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(op, _, _)| *op == self)
            .map_or("", |(_, name, _)| name)
    }

    pub fn is_experimental(self) -> bool {
        matches!(self, Self::Limitk | Self::LimitRatio)
    }

    /// Takes a parameter before the vector.
    pub fn has_param(self) -> bool {
        matches!(
            self,
            Self::Topk
                | Self::Bottomk
                | Self::Quantile
                | Self::CountValues
                | Self::Limitk
                | Self::LimitRatio
        )
    }
}

#[derive(Clone, Debug)]
pub struct Call {
    pub function: &'static Function,
    pub args: Vec<Expr>,
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name && self.args == other.args
    }
}

/// What an expression gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    Scalar,
    Text,
    Vector,
    Range,
}

/// Prometheus' words.
impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scalar => "scalar",
            Self::Text => "string",
            Self::Vector => "instant vector",
            Self::Range => "range vector",
        })
    }
}

impl Expr {
    pub fn value_type(&self) -> ValueType {
        match &self.kind {
            Kind::Number(_) => ValueType::Scalar,
            Kind::Text(_) => ValueType::Text,
            Kind::Selector(_) | Kind::Aggregate(_) => ValueType::Vector,
            Kind::Range(_) | Kind::Subquery(_) => ValueType::Range,
            Kind::Unary(_, expr) | Kind::Paren(expr) => expr.value_type(),
            Kind::Binary(b) => {
                let scalar = |e: &Self| e.value_type() == ValueType::Scalar;
                if scalar(&b.lhs) && scalar(&b.rhs) {
                    ValueType::Scalar
                } else {
                    ValueType::Vector
                }
            }
            Kind::Call(call) => call.function.returns,
        }
    }

    /// The expression inside any parentheses.
    pub fn bare(&self) -> &Self {
        let mut expr = self;
        while let Kind::Paren(inner) = &expr.kind {
            expr = inner;
        }
        expr
    }

    /// The direct parts that are expressions.
    pub fn children(&self) -> Vec<&Self> {
        match &self.kind {
            Kind::Number(_) | Kind::Text(_) | Kind::Selector(_) | Kind::Range(_) => Vec::new(),
            Kind::Subquery(s) => vec![&s.expr],
            Kind::Unary(_, e) | Kind::Paren(e) => vec![e],
            Kind::Binary(b) => vec![&b.lhs, &b.rhs],
            Kind::Aggregate(a) => a.param.iter().chain([&a.expr]).collect(),
            Kind::Call(c) => c.args.iter().collect(),
        }
    }
}
