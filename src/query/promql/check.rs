//! What the grammar allows and the language does not: types, arguments, matching clauses.

use crate::query::promql::ast::{
    Aggregate, Aggregator, Binary, Call, Expr, Group, Kind, Selector, Span, ValueType, When,
};
use crate::query::promql::parse::ParseError;

type Checked = Result<(), ParseError>;

fn fault(span: Span, why: impl Into<String>) -> Checked {
    Err(ParseError::new(span, why))
}

/// Checks the whole tree, parts first.
pub(crate) fn types(expr: &Expr) -> Checked {
    for (i, child) in expr.children().into_iter().enumerate() {
        // The second argument of info() chooses labels; it need not choose series.
        let chooser = i == 1 && matches!(&expr.kind, Kind::Call(c) if c.function.name == "info");
        if !(chooser && matches!(child.kind, Kind::Selector(_))) {
            types(child)?;
        }
    }
    match &expr.kind {
        Kind::Number(_) | Kind::Text(_) | Kind::Paren(_) => Ok(()),
        Kind::Selector(s) => selector(s, expr.span),
        Kind::Range(r) => selector(&r.selector, r.inner),
        Kind::Subquery(s) => match s.expr.value_type() {
            ValueType::Vector => Ok(()),
            other => fault(
                expr.span,
                format!("subquery is only allowed on instant vector, got {other} instead"),
            ),
        },
        Kind::Unary(_, inner) => match inner.value_type() {
            ValueType::Scalar | ValueType::Vector => Ok(()),
            other => fault(
                expr.span,
                format!(
                    "unary expression only allowed on expressions of type scalar or instant vector, got {:?}",
                    other.to_string()
                ),
            ),
        },
        Kind::Binary(b) => binary(b, expr.span),
        Kind::Aggregate(a) => aggregate(a, expr.span),
        Kind::Call(c) => call(c, expr.span),
    }
}

fn selector(selector: &Selector, span: Span) -> Checked {
    let names = selector
        .matchers
        .iter()
        .filter(|m| m.name == crate::model::labels::METRIC_NAME);
    if !selector.name.is_empty()
        && let Some(second) = names.clone().nth(1)
    {
        return fault(
            span,
            format!(
                "metric name must not be set twice: {:?} or {:?}",
                selector.name, second.value
            ),
        );
    }
    // A selector that an absent label satisfies everywhere would read the whole store.
    if selector.matchers.iter().all(|m| m.accepts_empty()) {
        return fault(
            span,
            "vector selector must contain at least one non-empty matcher",
        );
    }
    Ok(())
}

fn binary(b: &Binary, span: Span) -> Checked {
    let (left, right) = (b.lhs.value_type(), b.rhs.value_type());
    for (side, t) in [(&b.lhs, left), (&b.rhs, right)] {
        if !matches!(t, ValueType::Scalar | ValueType::Vector) {
            return fault(
                side.span,
                "binary expression must contain only scalar and instant vector types",
            );
        }
    }
    if b.returns_bool && !b.op.is_comparison() {
        return fault(
            span,
            "bool modifier can only be used on comparison operators",
        );
    }
    let scalars = left == ValueType::Scalar && right == ValueType::Scalar;
    if b.op.is_comparison() && !b.returns_bool && scalars {
        return fault(span, "comparisons between scalars must use BOOL modifier");
    }
    let m = &b.matching;
    if b.op.is_set() && m.group != Group::OneToOne {
        return fault(
            span,
            format!("no grouping allowed for {:?} operation", b.op.as_str()),
        );
    }
    let fills = m.fill_left.is_some() || m.fill_right.is_some();
    if b.op.is_set() && fills {
        return fault(
            span,
            "filling in missing series not allowed for set operators",
        );
    }
    if m.on
        && let Some(both) = m.include.iter().find(|l| m.labels.contains(l))
    {
        return fault(
            span,
            format!("label {both:?} must not occur in ON and GROUP clause at once"),
        );
    }
    if left != ValueType::Vector || right != ValueType::Vector {
        if b.op.is_set() {
            let side = if left == ValueType::Vector {
                &b.rhs
            } else {
                &b.lhs
            };
            return fault(
                side.span,
                format!(
                    "set operator {:?} not allowed in binary scalar expression",
                    b.op.as_str()
                ),
            );
        }
        if !m.labels.is_empty() || m.on || fills {
            return fault(span, "vector matching only allowed between instant vectors");
        }
    }
    Ok(())
}

fn expect(expr: &Expr, want: ValueType, context: &str) -> Checked {
    let got = expr.value_type();
    if got == want {
        return Ok(());
    }
    fault(
        expr.span,
        format!("expected type {want} in {context}, got {got}"),
    )
}

fn aggregate(a: &Aggregate, _: Span) -> Checked {
    expect(&a.expr, ValueType::Vector, "aggregation expression")?;
    if let Some(param) = &a.param {
        let want = match a.op {
            Aggregator::CountValues => ValueType::Text,
            _ => ValueType::Scalar,
        };
        expect(param, want, "aggregation parameter")?;
    }
    Ok(())
}

fn call(c: &Call, span: Span) -> Checked {
    let (name, got) = (c.function.name, c.args.len());
    let (least, most) = c.function.arity();
    let count = |kind: &str, n: usize| {
        fault(
            span,
            format!("expected {kind}{n} argument(s) in call to {name:?}, got {got}"),
        )
    };
    if got < least {
        return count(if most == Some(least) { "" } else { "at least " }, least);
    }
    if let Some(most) = most
        && got > most
    {
        return count(if most == least { "" } else { "at most " }, most);
    }
    for (i, arg) in c.args.iter().enumerate() {
        expect(
            arg,
            c.function.arg(i),
            &format!("call to function {name:?}"),
        )?;
    }
    Ok(())
}

/// True where the expression has one value for all steps: every leaf is a literal or pinned by
/// `@`, and no function looks at the step's time. The parts must have been judged before.
pub(crate) fn is_fixed(expr: &Expr) -> bool {
    let pinned = |when: &When| {
        let computed = matches!(
            when.offset,
            Some(crate::query::promql::ast::Duration::Computed(_))
        );
        when.at.is_some() && !computed
    };
    match &expr.kind {
        Kind::Number(_) | Kind::Text(_) => true,
        Kind::Selector(s) => pinned(&s.when),
        Kind::Range(r) => pinned(&r.selector.when),
        Kind::Subquery(s) => pinned(&s.when),
        Kind::Call(c) => !c.function.sees_step && c.args.iter().all(|a| a.fixed),
        _ => expr.children().iter().all(|c| c.fixed),
    }
}

/// The first experimental form in the tree, by name.
pub fn experimental(expr: &Expr) -> Option<(String, Span)> {
    use crate::query::promql::ast::Duration;
    let computed = |d: Option<&Duration>| matches!(d, Some(Duration::Computed(_)));
    let of_selector = |s: &Selector| match s.extended {
        Some(_) => Some("the modifiers anchored and smoothed"),
        None if computed(s.when.offset.as_ref()) => Some("arithmetic in durations"),
        None => None,
    };
    let found = match &expr.kind {
        Kind::Selector(s) => of_selector(s).map(str::to_owned),
        Kind::Range(r) => of_selector(&r.selector)
            .or(computed(Some(&r.range)).then_some("arithmetic in durations"))
            .map(str::to_owned),
        Kind::Subquery(s) => {
            let any = computed(Some(&s.range))
                || computed(s.step.as_ref())
                || computed(s.when.offset.as_ref());
            any.then(|| "arithmetic in durations".to_owned())
        }
        Kind::Binary(b) => {
            let fill = b.matching.fill_left.is_some() || b.matching.fill_right.is_some();
            fill.then(|| "fill modifiers".to_owned())
        }
        Kind::Aggregate(a) if a.op.is_experimental() => Some(format!("{}()", a.op.as_str())),
        Kind::Call(c) if c.function.experimental => Some(format!("{}()", c.function.name)),
        _ => None,
    };
    match found {
        Some(name) => Some((name, expr.span)),
        None => expr.children().into_iter().find_map(experimental),
    }
}
