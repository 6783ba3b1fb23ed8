//! The tree of a TraceQL query.

use crate::model::span::{SpanKind, SpanStatus};

/// A whole query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub body: Body,
    /// `with(name=value, ...)` at the end.
    pub hints: Vec<(String, Static)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Answers with traces.
    Spans(Pipeline),
    /// Answers with series.
    Metrics(Metrics),
    /// `({..} | count()) > ({..} | count())`: read, not evaluated.
    Pipelines(ScalarPipelines),
}

/// Stages, each fed with the spansets of the one before.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    pub stages: Vec<Stage>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    Spansets(Spansets),
    /// `count() > 2`
    Scalar {
        op: Op,
        lhs: Scalar,
        rhs: Scalar,
    },
    By(Expr),
    Coalesce,
    Select(Vec<Field>),
}

/// What picks spans of a trace.
#[derive(Clone, Debug, PartialEq)]
pub enum Spansets {
    /// `{ .. }`; `None` is `{}`.
    Filter(Option<Expr>),
    Operation {
        op: Relation,
        lhs: Box<Spansets>,
        rhs: Box<Spansets>,
    },
    /// `( .. | .. )`
    Pipeline(Box<Pipeline>),
}

/// How two spansets of a trace are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    And,
    Or,
    Structure { tie: Tie, form: Form },
}

/// What the right-hand span is to the left-hand one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    Child,
    Parent,
    Descendant,
    Ancestor,
    Sibling,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The right-hand spans that have such a left-hand one.
    Plain,
    /// The right-hand spans that have none.
    Not,
    /// The spans of both sides.
    Union,
}

/// An expression over one span.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Static(Static),
    Field(Field),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary {
        op: Op,
        lhs: Box<Expr>,
        rhs: Box<Expr>,
    },
}

/// What of a span is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    Intrinsic(Intrinsic),
    Attribute(Attribute),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attribute {
    pub scope: Scope,
    /// `parent.`: read, not evaluated.
    pub of_parent: bool,
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The span's own first, then its resource's.
    Any,
    Span,
    Resource,
    Event,
    Link,
    Instrumentation,
}

/// What every span has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Intrinsic {
    Duration,
    Name,
    Status,
    StatusMessage,
    Kind,
    ChildCount,
    SpanId,
    ParentId,
    /// `parent`: read, not evaluated.
    Parent,
    TraceDuration,
    RootName,
    RootService,
    TraceId,
    NestedLeft,
    NestedRight,
    NestedParent,
    EventName,
    EventTime,
    LinkTrace,
    LinkSpan,
    ScopeName,
    ScopeVersion,
}

/// The type of a value, as far as the text tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// An attribute: known when a span is looked at.
    Unknown,
    Text,
    Int,
    Float,
    Duration,
    Bool,
    Status,
    Kind,
    Nil,
}

impl Type {
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Int | Self::Float | Self::Duration)
    }
}

/// Every intrinsic: word, word with scope, type. Tempo's documentation, "Intrinsic fields".
pub const INTRINSICS: [(&str, &str, Intrinsic, Type); 22] = [
    (
        "duration",
        "span:duration",
        Intrinsic::Duration,
        Type::Duration,
    ),
    ("name", "span:name", Intrinsic::Name, Type::Text),
    ("status", "span:status", Intrinsic::Status, Type::Status),
    (
        "statusMessage",
        "span:statusMessage",
        Intrinsic::StatusMessage,
        Type::Text,
    ),
    ("kind", "span:kind", Intrinsic::Kind, Type::Kind),
    (
        "childCount",
        "span:childCount",
        Intrinsic::ChildCount,
        Type::Int,
    ),
    ("", "span:id", Intrinsic::SpanId, Type::Text),
    ("", "span:parentID", Intrinsic::ParentId, Type::Text),
    ("parent", "", Intrinsic::Parent, Type::Nil),
    (
        "traceDuration",
        "trace:duration",
        Intrinsic::TraceDuration,
        Type::Duration,
    ),
    (
        "rootName",
        "trace:rootName",
        Intrinsic::RootName,
        Type::Text,
    ),
    (
        "rootServiceName",
        "trace:rootService",
        Intrinsic::RootService,
        Type::Text,
    ),
    ("", "trace:id", Intrinsic::TraceId, Type::Text),
    ("nestedSetLeft", "", Intrinsic::NestedLeft, Type::Int),
    ("nestedSetRight", "", Intrinsic::NestedRight, Type::Int),
    ("nestedSetParent", "", Intrinsic::NestedParent, Type::Int),
    ("", "event:name", Intrinsic::EventName, Type::Text),
    (
        "",
        "event:timeSinceStart",
        Intrinsic::EventTime,
        Type::Duration,
    ),
    ("", "link:traceID", Intrinsic::LinkTrace, Type::Text),
    ("", "link:spanID", Intrinsic::LinkSpan, Type::Text),
    ("", "instrumentation:name", Intrinsic::ScopeName, Type::Text),
    (
        "",
        "instrumentation:version",
        Intrinsic::ScopeVersion,
        Type::Text,
    ),
];

impl Intrinsic {
    pub fn find(word: &str) -> Option<Self> {
        let mut rows = INTRINSICS.iter();
        let row = rows.find(|r| !word.is_empty() && (r.0 == word || r.1 == word));
        row.map(|r| r.2)
    }

    fn row(self) -> &'static (&'static str, &'static str, Self, Type) {
        let mut rows = INTRINSICS.iter();
        rows.find(|r| r.2 == self).unwrap_or(&INTRINSICS[0])
    }

    /// The word a query is printed with: the short one where there is one.
    pub fn word(self) -> &'static str {
        let row = self.row();
        if row.0.is_empty() { row.1 } else { row.0 }
    }

    pub fn kind(self) -> Type {
        self.row().3
    }
}

/// A value that stands in the text.
#[derive(Clone, Debug, PartialEq)]
pub enum Static {
    Text(String),
    Int(i64),
    Float(f64),
    /// Nanoseconds.
    Duration(i64),
    Bool(bool),
    Status(SpanStatus),
    Kind(SpanKind),
    Nil,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Or,
    And,
    Equal,
    NotEqual,
    Matches,
    NotMatches,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
}

/// Operators, their signs and how tightly they bind; higher is tighter. `&&` and `||` are equal.
pub const OPERATORS: [(&str, Op, u8); 16] = [
    ("||", Op::Or, 1),
    ("&&", Op::And, 1),
    ("=", Op::Equal, 2),
    ("!=", Op::NotEqual, 2),
    ("=~", Op::Matches, 2),
    ("!~", Op::NotMatches, 2),
    (">", Op::Greater, 2),
    (">=", Op::GreaterEqual, 2),
    ("<", Op::Less, 2),
    ("<=", Op::LessEqual, 2),
    ("+", Op::Add, 3),
    ("-", Op::Subtract, 3),
    ("*", Op::Multiply, 5),
    ("/", Op::Divide, 5),
    ("%", Op::Modulo, 5),
    ("^", Op::Power, 6),
];

/// How tightly `!` binds: looser than `*`, tighter than `+`.
pub(crate) const NOT_BINDS: u8 = 4;
pub(crate) const POWER_BINDS: u8 = 6;

impl Op {
    pub fn sign(self) -> &'static str {
        let mut rows = OPERATORS.iter();
        rows.find(|r| r.1 == self).map_or("", |r| r.0)
    }

    pub(crate) fn binds(self) -> u8 {
        let mut rows = OPERATORS.iter();
        rows.find(|r| r.1 == self).map_or(0, |r| r.2)
    }

    pub fn is_arithmetic(self) -> bool {
        self.binds() > 2
    }

    pub fn is_comparison(self) -> bool {
        self.binds() == 2
    }
}

/// Signs between spansets, and how tightly they bind.
pub const RELATIONS: [(&str, Relation, u8); 17] = {
    use Form::{Not, Plain, Union};
    use Tie::{Ancestor, Child, Descendant, Parent, Sibling};
    const fn tie(tie: Tie, form: Form) -> Relation {
        Relation::Structure { tie, form }
    }
    [
        ("&&", Relation::And, 1),
        ("||", Relation::Or, 1),
        (">", tie(Child, Plain), 2),
        ("<", tie(Parent, Plain), 2),
        (">>", tie(Descendant, Plain), 2),
        ("<<", tie(Ancestor, Plain), 2),
        ("~", tie(Sibling, Plain), 2),
        ("!>", tie(Child, Not), 2),
        ("!<", tie(Parent, Not), 2),
        ("!>>", tie(Descendant, Not), 2),
        ("!<<", tie(Ancestor, Not), 2),
        ("!~", tie(Sibling, Not), 2),
        ("&>", tie(Child, Union), 2),
        ("&<", tie(Parent, Union), 2),
        ("&>>", tie(Descendant, Union), 2),
        ("&<<", tie(Ancestor, Union), 2),
        ("&~", tie(Sibling, Union), 2),
    ]
};

/// A number about a spanset.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    Static(Static),
    Aggregate(Aggregate),
    Binary {
        op: Op,
        lhs: Box<Scalar>,
        rhs: Box<Scalar>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Aggregate {
    Count,
    Of(Statistic, Expr),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    Min,
    Max,
    Avg,
    Sum,
}

pub const STATISTICS: [(&str, Statistic); 4] = [
    ("min", Statistic::Min),
    ("max", Statistic::Max),
    ("avg", Statistic::Avg),
    ("sum", Statistic::Sum),
];

/// Arithmetic and comparison of whole pipelines that end in an aggregate.
#[derive(Clone, Debug, PartialEq)]
pub enum ScalarPipelines {
    Pipeline(Pipeline, Aggregate),
    Scalar(Scalar),
    Binary {
        op: Op,
        lhs: Box<ScalarPipelines>,
        rhs: Box<ScalarPipelines>,
    },
}

/// A query that answers with series.
#[derive(Clone, Debug, PartialEq)]
pub enum Metrics {
    Number(f64),
    /// `{..} | rate() by (..)`
    Pipeline {
        spans: Pipeline,
        function: MetricsFunction,
        by: Vec<Field>,
    },
    Binary {
        op: Op,
        lhs: Box<Metrics>,
        rhs: Box<Metrics>,
    },
    /// `.. | topk(5)`, `.. > 10`
    Second(Box<Metrics>, SecondStage),
}

#[derive(Clone, Debug, PartialEq)]
pub enum MetricsFunction {
    Rate,
    CountOverTime,
    /// `min_over_time` and its like.
    OverTime(Statistic, Field),
    Quantile(Field, Vec<f64>),
    Histogram(Field),
    Compare {
        selection: Option<Expr>,
        /// Values of each attribute at most.
        top: usize,
        /// Unix nanoseconds; both 0: all the time.
        range: (u64, u64),
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SecondStage {
    Top(i64),
    Bottom(i64),
    Compare(Op, f64),
}
