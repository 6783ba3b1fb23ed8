//! Own time, the critical path, wrong clocks, and circles.

use crate::model::span::{
    Attribute, Resource, Scope, Span, SpanId, SpanKind, SpanStatus, Trace, TraceId,
};
use crate::model::span_tree::SpanTree;
use std::sync::Arc;

/// `(id, parent, service, kind, start, end)`
type Row = (u8, u8, &'static str, SpanKind, u64, u64);

fn trace(rows: &[Row]) -> Trace {
    let span = |(id, parent, service, kind, start, end): &Row| Span {
        trace: TraceId([7; 16]),
        id: SpanId([*id; 8]),
        parent: (*parent != 0).then_some(SpanId([*parent; 8])),
        name: Arc::from(format!("s{id}")),
        kind: *kind,
        status: SpanStatus::Unset,
        status_message: Arc::from(""),
        start: *start,
        end: *end,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        resource: Arc::new(Resource {
            attributes: vec![(Arc::from("service.name"), Attribute::text(service))],
        }),
        scope: Arc::new(Scope::default()),
        shared: false,
    };
    Trace::new(TraceId([7; 16]), rows.iter().map(span).collect())
}

use SpanKind::{Client, Consumer, Internal, Server};

fn names(tree: &SpanTree<'_>, marked: &[bool]) -> Vec<String> {
    let kept = (0..marked.len()).filter(|i| marked[*i]);
    kept.map(|i| tree.span(i as u32).name.to_string()).collect()
}

#[test]
fn own_time_is_what_no_child_covers() {
    let trace = trace(&[
        (1, 0, "a", Server, 0, 100),
        (2, 1, "a", Internal, 10, 40),
        (3, 1, "a", Internal, 30, 60),
        (4, 1, "b", Server, 90, 140),
    ]);
    let tree = SpanTree::new(&trace);
    let own: Vec<u64> = (0..4).map(|i| tree.own(i)).collect();
    assert_eq!(own, [40, 30, 30, 50]);
}

#[test]
fn the_critical_path_goes_back_from_the_end() {
    let trace = trace(&[
        (1, 0, "a", Server, 0, 100),
        (2, 1, "a", Internal, 0, 40),
        // Ran beside s2, and ended before what was waited for began.
        (3, 1, "a", Internal, 5, 30),
        (4, 1, "a", Client, 45, 90),
        // Its clock is a little late: it outlives the caller.
        (5, 4, "b", Server, 50, 92),
        // Nobody waited for that.
        (6, 1, "c", Consumer, 60, 300),
    ]);
    let tree = SpanTree::new(&trace);
    let critical = tree.critical();
    assert_eq!(names(&tree, &critical), ["s1", "s2", "s4", "s5"]);
}

#[test]
fn clocks_that_disagree_are_told_and_not_put_right() {
    let trace = trace(&[
        (1, 0, "a", Server, 100, 200),
        (2, 1, "b", Server, 85, 150),
        (3, 1, "c", Server, 210, 220),
        (4, 1, "c", Consumer, 210, 220),
        (5, 1, "a", Internal, 90, 95),
    ]);
    let tree = SpanTree::new(&trace);
    let at = |name: &str| {
        let found = trace.spans.iter().position(|s| &*s.name == name);
        tree.skew(found.unwrap() as u32)
    };
    assert_eq!(
        [at("s1"), at("s2"), at("s3"), at("s4"), at("s5")],
        [None, Some(-15), Some(10), None, None]
    );
    assert_eq!(trace.spans[0].start, 85, "as it was sent");
}

#[test]
fn circles_and_chains_of_thousands_end() {
    let ring = trace(&[(1, 2, "a", Internal, 0, 9), (2, 1, "a", Internal, 1, 8)]);
    assert_eq!(SpanTree::new(&ring).downwards().len(), 2);
    let mut deep = trace(&[(1, 0, "a", Internal, 0, 20_000)]);
    for n in 1..10_000u64 {
        let mut span = deep.spans[0].clone();
        let id = |n: u64| SpanId((n + (1 << 40)).to_be_bytes());
        (span.id, span.parent) = (id(n), Some(if n == 1 { SpanId([1; 8]) } else { id(n - 1) }));
        (span.start, span.end) = (n, 20_000 - n);
        deep.spans.push(span);
    }
    let tree = SpanTree::new(&deep);
    let order = tree.downwards();
    assert_eq!(order.last(), Some(&(9_999, 9_999)));
    assert!(tree.critical().iter().all(|c| *c));
}
