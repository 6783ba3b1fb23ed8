//! What a trace must have to match at all, so that a store can pass over most of them; and what of
//! each span an answer tells.

use crate::model::span::SpanStatus;
use crate::query::traceql::ast::{
    Expr, Field, Form, Intrinsic, Op, Pipeline, Relation, Spansets, Stage, Static,
};
use crate::store::read::{Need, Number};

/// All of these hold for every trace that the pipeline picks something of. Sound, not complete.
pub fn needs(pipeline: &Pipeline) -> Vec<Need> {
    let mut out = Vec::new();
    for stage in &pipeline.stages {
        if let Stage::Spansets(s) = stage {
            spansets(s, &mut out);
        }
    }
    out
}

fn spansets(s: &Spansets, out: &mut Vec<Need>) {
    match s {
        Spansets::Filter(None) => {}
        Spansets::Filter(Some(e)) => expr(e, out),
        Spansets::Operation { op, lhs, rhs } => match op {
            Relation::Or => {}
            Relation::Structure {
                form: Form::Not, ..
            } => spansets(rhs, out),
            Relation::And | Relation::Structure { .. } => {
                spansets(lhs, out);
                spansets(rhs, out);
            }
        },
        Spansets::Pipeline(p) => out.extend(needs(p)),
    }
}

fn expr(e: &Expr, out: &mut Vec<Need>) {
    let Expr::Binary { op, lhs, rhs } = e else {
        return;
    };
    match (op, &**lhs, &**rhs) {
        (Op::And, l, r) => {
            expr(l, out);
            expr(r, out);
        }
        (Op::Equal, Expr::Field(f), Expr::Static(Static::Text(text)))
        | (Op::Equal, Expr::Static(Static::Text(text)), Expr::Field(f))
            if is_kept_as_text(f) =>
        {
            out.push(Need::Text(text.clone()));
        }
        (
            Op::Equal,
            Expr::Field(Field::Intrinsic(Intrinsic::Status)),
            Expr::Static(Static::Status(SpanStatus::Error)),
        ) => {
            out.push(Need::Error);
        }
        (
            Op::Greater | Op::GreaterEqual,
            Expr::Field(Field::Intrinsic(Intrinsic::Duration)),
            Expr::Static(Static::Duration(d)),
        ) => {
            out.push(Need::Duration(u64::try_from(*d).unwrap_or(0)));
        }
        (op, Expr::Field(Field::Attribute(a)), Expr::Static(value)) => {
            out.extend(number(*op, &a.name, value));
        }
        _ => {}
    }
}

/// What an attribute must be to satisfy `op value`; ends are included, as the need wants them.
fn number(op: Op, name: &str, value: &Static) -> Option<Need> {
    let n = match value {
        Static::Int(i) | Static::Duration(i) => *i as f64,
        Static::Float(v) if v.is_finite() => *v,
        _ => return None,
    };
    let (least, most) = match op {
        Op::Equal => (n, n),
        Op::Greater | Op::GreaterEqual => (n, f64::INFINITY),
        Op::Less | Op::LessEqual => (f64::NEG_INFINITY, n),
        _ => return None,
    };
    Some(Need::Number(Number {
        name: name.to_owned(),
        least,
        most,
    }))
}

/// Ids are bytes in a store, and bytes shown as text are not kept as text.
fn is_kept_as_text(f: &Field) -> bool {
    match f {
        Field::Attribute(_) => true,
        Field::Intrinsic(i) => matches!(
            i,
            Intrinsic::Name
                | Intrinsic::StatusMessage
                | Intrinsic::RootName
                | Intrinsic::RootService
                | Intrinsic::EventName
        ),
    }
}

/// The fields that the query names, in their order, each once.
pub(super) fn columns(pipeline: &Pipeline) -> Vec<Field> {
    let mut out = Vec::new();
    for stage in &pipeline.stages {
        match stage {
            Stage::Spansets(s) => of_spansets(s, &mut out),
            Stage::Select(fields) => fields.iter().for_each(|f| push(f, &mut out)),
            Stage::By(e) => of_expr(e, &mut out),
            Stage::Scalar { .. } | Stage::Coalesce => {}
        }
    }
    out
}

fn push(field: &Field, out: &mut Vec<Field>) {
    let shown = matches!(
        field,
        Field::Intrinsic(Intrinsic::Name | Intrinsic::Duration)
    );
    if !shown && !out.contains(field) {
        out.push(field.clone());
    }
}

fn of_spansets(s: &Spansets, out: &mut Vec<Field>) {
    match s {
        Spansets::Filter(None) => {}
        Spansets::Filter(Some(e)) => of_expr(e, out),
        Spansets::Operation { lhs, rhs, .. } => {
            of_spansets(lhs, out);
            of_spansets(rhs, out);
        }
        Spansets::Pipeline(p) => columns(p).iter().for_each(|f| push(f, out)),
    }
}

fn of_expr(e: &Expr, out: &mut Vec<Field>) {
    match e {
        Expr::Static(_) => {}
        Expr::Field(f) => push(f, out),
        Expr::Not(e) | Expr::Negate(e) => of_expr(e, out),
        Expr::Binary { lhs, rhs, .. } => {
            of_expr(lhs, out);
            of_expr(rhs, out);
        }
    }
}
