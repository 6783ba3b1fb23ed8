//! The stages of a pipeline, one after the other.

use crate::model::span::Attribute;
use crate::query::traceql::ast::{
    self, Aggregate, Op, Relation, Scalar, Spansets, Static, Statistic,
};
use crate::query::traceql::eval::Spanset;
use crate::query::traceql::eval::field::Compiled;
use crate::query::traceql::parse::Parsed;
use crate::query::traceql::relate::Tree;
use crate::query::traceql::value::{self, Value};

pub(super) enum Stage {
    Pick(Pick),
    /// `aggregate op number`
    Scalar {
        statistic: Option<(Statistic, Compiled)>,
        shown: String,
        op: Op,
        limit: f64,
    },
    By(String, Compiled),
    Coalesce,
    /// `select()` changes what is told, not what is picked.
    Select,
}

pub(super) enum Pick {
    All,
    Filter(Compiled),
    Operation(Relation, Box<Pick>, Box<Pick>),
    Pipeline(Vec<Stage>),
}

impl Stage {
    pub(super) fn compile(stage: &ast::Stage) -> Parsed<Self> {
        Ok(match stage {
            ast::Stage::Spansets(s) => Self::Pick(Pick::compile(s)?),
            ast::Stage::Scalar { op, lhs, rhs } => {
                let statistic = match lhs {
                    Scalar::Aggregate(Aggregate::Of(s, e)) => Some((*s, Compiled::new(e)?)),
                    _ => None,
                };
                Self::Scalar {
                    statistic,
                    shown: lhs.to_string(),
                    op: *op,
                    limit: number(rhs),
                }
            }
            ast::Stage::By(e) => Self::By(e.to_string(), Compiled::new(e)?),
            ast::Stage::Coalesce => Self::Coalesce,
            ast::Stage::Select(_) => Self::Select,
        })
    }
}

impl Pick {
    fn compile(spansets: &Spansets) -> Parsed<Self> {
        Ok(match spansets {
            Spansets::Filter(None) => Self::All,
            Spansets::Filter(Some(e)) => Self::Filter(Compiled::new(e)?),
            Spansets::Operation { op, lhs, rhs } => Self::Operation(
                *op,
                Box::new(Self::compile(lhs)?),
                Box::new(Self::compile(rhs)?),
            ),
            Spansets::Pipeline(p) => {
                let stages = p.stages.iter().map(Stage::compile);
                Self::Pipeline(stages.collect::<Parsed<_>>()?)
            }
        })
    }

    /// The spans of one spanset that are picked, rising.
    fn run(&self, tree: &Tree<'_>, from: &[u32]) -> Vec<u32> {
        match self {
            Self::All => from.to_vec(),
            Self::Filter(e) => {
                let from = from.iter().copied();
                from.filter(|s| e.is_true(tree, *s)).collect()
            }
            Self::Operation(op, lhs, rhs) => {
                let (l, r) = (lhs.run(tree, from), rhs.run(tree, from));
                match op {
                    Relation::And if l.is_empty() || r.is_empty() => Vec::new(),
                    Relation::And | Relation::Or => union(l, r),
                    Relation::Structure { tie, form } => tree.related(*tie, *form, &l, &r),
                }
            }
            Self::Pipeline(stages) => {
                let input = Spanset {
                    spans: from.to_vec(),
                    attributes: Vec::new(),
                };
                let sets = self::run(stages, tree, vec![input]);
                sets.into_iter()
                    .fold(Vec::new(), |all, set| union(all, set.spans))
            }
        }
    }
}

fn union(mut a: Vec<u32>, b: Vec<u32>) -> Vec<u32> {
    a.extend(b);
    a.sort_unstable();
    a.dedup();
    a
}

fn number(scalar: &Scalar) -> f64 {
    match scalar {
        Scalar::Static(Static::Int(i) | Static::Duration(i)) => *i as f64,
        Scalar::Static(Static::Float(v)) => *v,
        Scalar::Binary { op, lhs, rhs } => {
            let (l, r) = (Value::Float(number(lhs)), Value::Float(number(rhs)));
            value::arithmetic(*op, &l, &r).number().unwrap_or(f64::NAN)
        }
        Scalar::Static(_) | Scalar::Aggregate(_) => f64::NAN,
    }
}

/// Hands the spansets through the stages; empty ones are dropped on the way.
pub(super) fn run(stages: &[Stage], tree: &Tree<'_>, mut sets: Vec<Spanset>) -> Vec<Spanset> {
    for stage in stages {
        sets = match stage {
            Stage::Pick(pick) => {
                let picked = sets.into_iter().map(|set| Spanset {
                    spans: pick.run(tree, &set.spans),
                    attributes: set.attributes,
                });
                picked.collect()
            }
            Stage::Scalar {
                statistic,
                shown,
                op,
                limit,
            } => {
                let kept = sets.into_iter().filter_map(|mut set| {
                    let said = aggregate(statistic.as_ref(), tree, &set.spans)?;
                    let holds = value::compare(*op, &Value::Float(said), &Value::Float(*limit));
                    set.attributes.push((shown.clone(), Attribute::Float(said)));
                    holds.then_some(set)
                });
                kept.collect()
            }
            Stage::By(shown, e) => sets
                .iter()
                .flat_map(|set| grouped(set, shown, e, tree))
                .collect(),
            Stage::Coalesce => {
                let all = sets
                    .into_iter()
                    .fold(Vec::new(), |all, set| union(all, set.spans));
                vec![Spanset {
                    spans: all,
                    attributes: Vec::new(),
                }]
            }
            Stage::Select => sets,
        };
        sets.retain(|set| !set.spans.is_empty());
    }
    sets
}

/// `None` where no span has a number.
fn aggregate(of: Option<&(Statistic, Compiled)>, tree: &Tree<'_>, spans: &[u32]) -> Option<f64> {
    let Some((statistic, e)) = of else {
        return Some(spans.len() as f64);
    };
    let numbers = spans.iter().filter_map(|s| e.value(tree, *s).number());
    let (mut n, mut sum, mut min, mut max) = (0u64, 0.0, f64::INFINITY, f64::NEG_INFINITY);
    for v in numbers {
        n += 1;
        sum += v;
        min = v.min(min);
        max = v.max(max);
    }
    (n > 0).then_some(match statistic {
        Statistic::Min => min,
        Statistic::Max => max,
        Statistic::Avg => sum / n as f64,
        Statistic::Sum => sum,
    })
}

/// One spanset for each value, in the order in which the values appear.
fn grouped(set: &Spanset, shown: &str, e: &Compiled, tree: &Tree<'_>) -> Vec<Spanset> {
    let mut groups: Vec<(Value<'_>, Vec<u32>)> = Vec::new();
    for span in &set.spans {
        let value = e.value(tree, *span);
        match groups.iter_mut().find(|(v, _)| *v == value) {
            Some((_, spans)) => spans.push(*span),
            None => groups.push((value, vec![*span])),
        }
    }
    let group = |(value, spans): (Value<'_>, Vec<u32>)| {
        let mut attributes = set.attributes.clone();
        let said = value
            .to_attribute()
            .unwrap_or_else(|| Attribute::text("nil"));
        attributes.push((format!("by({shown})"), said));
        Spanset { spans, attributes }
    };
    groups.into_iter().map(group).collect()
}
