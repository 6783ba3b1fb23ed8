//! What stands between pipes, and the operators around it.

use crate::query::traceql::ast::{
    Aggregate, Metrics, Op, POWER_BINDS, Pipeline, RELATIONS, STATISTICS, Scalar, ScalarPipelines,
    Spansets, Stage, Static,
};
use crate::query::traceql::lex::Kind;
use crate::query::traceql::parse::metrics::compared;
use crate::query::traceql::parse::{ParseError, Parsed, Parser};

/// A part of a query whose kind shows when it has been read.
#[derive(Debug)]
pub(super) enum Node {
    Spans(Pipeline),
    Scalar(Scalar),
    Pipelines(ScalarPipelines),
    Metrics(Metrics),
}

pub(super) fn is_comparison(p: &ScalarPipelines) -> bool {
    matches!(p, ScalarPipelines::Binary { op, .. } if op.is_comparison())
}

fn one(stage: Stage) -> Node {
    Node::Spans(Pipeline {
        stages: vec![stage],
    })
}

impl Parser<'_> {
    /// Nodes between pipes, to the end or to a closing parenthesis.
    pub(super) fn pipeline(&mut self) -> Parsed<Node> {
        self.deeper(|p| {
            let mut node = if p.take_word("by") {
                one(p.by()?)
            } else {
                p.node(0)?
            };
            while p.is_sign("|") {
                p.at += 1;
                node = match node {
                    Node::Spans(pipeline) => p.stage(pipeline)?,
                    Node::Metrics(metrics) => Node::Metrics(p.second_stage(metrics)?),
                    _ => return Err(p.unexpected("a number cannot be handed on by a pipe")),
                };
                if let Node::Pipelines(_) = node {
                    return Ok(node);
                }
            }
            Ok(node)
        })
    }

    fn stage(&mut self, mut pipeline: Pipeline) -> Parsed<Node> {
        if self.take_word("by") {
            let by = self.by()?;
            pipeline.stages.push(by);
        } else if self.take_word("coalesce") {
            self.expect("(")?;
            self.expect(")")?;
            pipeline.stages.push(Stage::Coalesce);
        } else if self.take_word("select") {
            let fields = self.fields()?;
            pipeline.stages.push(Stage::Select(fields));
        } else if let Some(function) = self.metrics_function()? {
            return self.metrics(pipeline, function).map(Node::Metrics);
        } else {
            match self.node(0)? {
                Node::Spans(more) => pipeline.stages.extend(more.stages),
                Node::Scalar(Scalar::Aggregate(aggregate)) if !self.is_sign("|") => {
                    let whole = ScalarPipelines::Pipeline(pipeline, aggregate);
                    return Ok(Node::Pipelines(whole));
                }
                _ => return Err(self.unexpected("compare the number, as in `count() > 2`")),
            }
        }
        Ok(Node::Spans(pipeline))
    }

    fn by(&mut self) -> Parsed<Stage> {
        self.expect("(")?;
        let expr = self.expr(0)?;
        self.expect(")")?;
        Ok(Stage::By(expr))
    }

    /// Operators that bind at least as tightly as `least`.
    pub(super) fn node(&mut self, least: u8) -> Parsed<Node> {
        self.deeper(|p| {
            let mut lhs = p.primary()?;
            while let Some((sign, binds)) = p.infix().filter(|(_, binds)| *binds >= least) {
                let at = p.advance().span;
                let next = if binds == POWER_BINDS {
                    binds
                } else {
                    binds + 1
                };
                let rhs = p.node(next)?;
                lhs = combined(&sign, lhs, rhs).map_err(|why| ParseError::new(at, why))?;
            }
            Ok(lhs)
        })
    }

    /// The operator that stands here, of either table.
    fn infix(&self) -> Option<(String, u8)> {
        let token = self.peek();
        if token.kind != Kind::Sign {
            return None;
        }
        let sign = self.word(&token);
        let relation = RELATIONS.iter().find(|r| r.0 == sign).map(|r| r.2);
        let binds = self.operator().map(|o| o.1).or(relation)?;
        Some((sign.to_owned(), binds))
    }

    fn primary(&mut self) -> Parsed<Node> {
        if self.eat("{") {
            let expr = if self.is_sign("}") {
                None
            } else {
                Some(self.expr(0)?)
            };
            self.expect("}")?;
            return Ok(one(Stage::Spansets(Spansets::Filter(expr))));
        }
        if self.eat("(") {
            let inner = self.pipeline()?;
            self.expect(")")?;
            return Ok(match inner {
                Node::Spans(pipeline) => one(Stage::Spansets(wrapped(pipeline))),
                other => other,
            });
        }
        if let Some(aggregate) = self.aggregate()? {
            return Ok(Node::Scalar(Scalar::Aggregate(aggregate)));
        }
        match self.static_value()? {
            value @ (Static::Int(_) | Static::Float(_) | Static::Duration(_)) => {
                Ok(Node::Scalar(Scalar::Static(value)))
            }
            _ => Err(self.unexpected("spans are picked in braces, as in `{ status = error }`")),
        }
    }

    fn aggregate(&mut self) -> Parsed<Option<Aggregate>> {
        if self.take_word("count") {
            self.expect("(")?;
            self.expect(")")?;
            return Ok(Some(Aggregate::Count));
        }
        let Some((_, statistic)) = STATISTICS.iter().find(|s| self.is_word(s.0)) else {
            return Ok(None);
        };
        self.at += 1;
        self.expect("(")?;
        let expr = self.expr(0)?;
        self.expect(")")?;
        Ok(Some(Aggregate::Of(*statistic, expr)))
    }
}

/// A parenthesis around one selection is only a parenthesis.
fn wrapped(mut pipeline: Pipeline) -> Spansets {
    if pipeline.stages.len() == 1
        && let Some(Stage::Spansets(spansets)) =
            pipeline.stages.pop_if(|s| matches!(s, Stage::Spansets(_)))
    {
        return spansets;
    }
    Spansets::Pipeline(Box::new(pipeline))
}

/// Both sides as one node, or why they do not go together.
fn combined(sign: &str, lhs: Node, rhs: Node) -> Result<Node, String> {
    let op = crate::query::traceql::ast::OPERATORS
        .iter()
        .find(|r| r.0 == sign)
        .map(|r| r.1);
    let arithmetic = |op: &Op| op.is_arithmetic();
    match (lhs, rhs, op) {
        (Node::Spans(lhs), Node::Spans(rhs), _) => {
            let relation = RELATIONS.iter().find(|r| r.0 == sign);
            let relation = relation.ok_or_else(|| format!("`{sign}` does not combine spansets"))?;
            Ok(one(Stage::Spansets(Spansets::Operation {
                op: relation.1,
                lhs: Box::new(spansets(lhs)?),
                rhs: Box::new(spansets(rhs)?),
            })))
        }
        (Node::Scalar(lhs), Node::Scalar(rhs), Some(op)) if arithmetic(&op) => {
            let (lhs, rhs) = (Box::new(lhs), Box::new(rhs));
            Ok(Node::Scalar(Scalar::Binary { op, lhs, rhs }))
        }
        (Node::Scalar(lhs), Node::Scalar(rhs), Some(op)) if is_order(op) => {
            let plain = |s: &Scalar| !matches!(s, Scalar::Aggregate(_)) && !has_aggregate(s);
            if plain(&lhs) && plain(&rhs) {
                return Err("neither side speaks of spans".to_owned());
            }
            Ok(one(Stage::Scalar { op, lhs, rhs }))
        }
        (Node::Metrics(lhs), rhs, Some(op)) => metrics_operation(op, lhs, rhs),
        (Node::Scalar(lhs), Node::Metrics(rhs), Some(op)) if metrics_arithmetic(op) => {
            let lhs = Box::new(Metrics::Number(number(&lhs)?));
            let rhs = Box::new(rhs);
            Ok(Node::Metrics(Metrics::Binary { op, lhs, rhs }))
        }
        (
            lhs @ (Node::Pipelines(_) | Node::Scalar(_)),
            rhs @ (Node::Pipelines(_) | Node::Scalar(_)),
            Some(op),
        ) if arithmetic(&op) || is_order(op) => {
            let (lhs, rhs) = (Box::new(pipelines(lhs)?), Box::new(pipelines(rhs)?));
            Ok(Node::Pipelines(ScalarPipelines::Binary { op, lhs, rhs }))
        }
        _ => Err(format!("`{sign}` does not combine what stands around it")),
    }
}

fn metrics_operation(op: Op, lhs: Metrics, rhs: Node) -> Result<Node, String> {
    let sign = op.sign();
    match rhs {
        Node::Metrics(rhs) if metrics_arithmetic(op) => {
            let (lhs, rhs) = (Box::new(lhs), Box::new(rhs));
            Ok(Node::Metrics(Metrics::Binary { op, lhs, rhs }))
        }
        Node::Scalar(rhs) if metrics_arithmetic(op) => {
            let (lhs, rhs) = (Box::new(lhs), Box::new(Metrics::Number(number(&rhs)?)));
            Ok(Node::Metrics(Metrics::Binary { op, lhs, rhs }))
        }
        Node::Scalar(rhs) if is_order(op) => Ok(Node::Metrics(compared(lhs, op, number(&rhs)?))),
        _ => Err(format!(
            "`{sign}` does not combine series with what stands behind it"
        )),
    }
}

fn metrics_arithmetic(op: Op) -> bool {
    matches!(op, Op::Add | Op::Subtract | Op::Multiply | Op::Divide)
}

/// The comparisons that numbers know.
pub(super) fn is_order(op: Op) -> bool {
    op.is_comparison() && !matches!(op, Op::Matches | Op::NotMatches)
}

fn has_aggregate(scalar: &Scalar) -> bool {
    match scalar {
        Scalar::Static(_) => false,
        Scalar::Aggregate(_) => true,
        Scalar::Binary { lhs, rhs, .. } => has_aggregate(lhs) || has_aggregate(rhs),
    }
}

/// Spansets may be combined, a filter of numbers only in parentheses.
fn spansets(mut pipeline: Pipeline) -> Result<Spansets, String> {
    match pipeline.stages.pop() {
        Some(Stage::Spansets(spansets)) if pipeline.stages.is_empty() => Ok(spansets),
        _ => Err("put the pipeline into parentheses to combine it".to_owned()),
    }
}

fn pipelines(node: Node) -> Result<ScalarPipelines, String> {
    match node {
        Node::Pipelines(p) => Ok(p),
        Node::Scalar(s) => Ok(ScalarPipelines::Scalar(s)),
        _ => Err("only numbers can be compared so".to_owned()),
    }
}

/// A number without unit, computed where it is an expression.
pub(super) fn number(scalar: &Scalar) -> Result<f64, String> {
    match scalar {
        Scalar::Static(Static::Int(i)) => Ok(*i as f64),
        Scalar::Static(Static::Float(v)) => Ok(*v),
        Scalar::Static(_) => Err("series are combined with plain numbers only".to_owned()),
        Scalar::Aggregate(_) => Err("an aggregate of spans is no number beside series".to_owned()),
        Scalar::Binary { op, lhs, rhs } => {
            let (l, r) = (number(lhs)?, number(rhs)?);
            Ok(match op {
                Op::Add => l + r,
                Op::Subtract => l - r,
                Op::Multiply => l * r,
                Op::Divide => l / r,
                Op::Modulo => l % r,
                _ => l.powf(r),
            })
        }
    }
}
