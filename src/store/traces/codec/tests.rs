//! What is written reads back, and damage is noticed.

use super::*;
use crate::model::span::{
    Attribute, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus, Trace,
    TraceId,
};
use crate::store::read::Number;
use proptest::prelude::*;
use std::sync::Arc;

fn attribute() -> impl Strategy<Value = Attribute> {
    let leaf = prop_oneof![
        "[a-z가-힣]{0,8}".prop_map(|t| Attribute::text(&t)),
        any::<bool>().prop_map(Attribute::Bool),
        any::<i64>().prop_map(Attribute::Int),
        (-1e9..1e9f64).prop_map(Attribute::Float),
        proptest::collection::vec(any::<u8>(), 0..5).prop_map(Attribute::Bytes),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Attribute::List),
            proptest::collection::vec(("[a-c]", inner), 0..4).prop_map(|m| {
                Attribute::Map(m.into_iter().map(|(n, v)| (Arc::from(n), v)).collect())
            }),
        ]
    })
}

fn attributes() -> impl Strategy<Value = Vec<(Arc<str>, Attribute)>> {
    let pair = ("[a-d.]{1,4}", attribute()).prop_map(|(n, v)| (Arc::from(n), v));
    proptest::collection::vec(pair, 0..4)
}

prop_compose! {
    fn span(trace: TraceId)(
        id in 1..20u8,
        parent in proptest::option::of(1..25u8),
        name in "[a-c]{0,3}",
        numbers in (0..6i64, 0..3i64, any::<bool>()),
        times in (any::<u64>(), any::<u64>()),
        own in attributes(),
        of_event in attributes(),
        of_resource in attributes(),
        of_scope in attributes(),
    ) -> Span {
        Span {
            trace,
            id: SpanId([id; 8]),
            parent: parent.map(|p| SpanId([p; 8])),
            name: Arc::from(name.as_str()),
            kind: SpanKind::from_number(numbers.0),
            status: SpanStatus::from_number(numbers.1),
            status_message: Arc::from("m"),
            start: times.0,
            end: times.1,
            attributes: own.clone(),
            events: vec![SpanEvent { time: times.1, name: Arc::from("e"), attributes: of_event }],
            links: vec![SpanLink { trace: TraceId([9; 16]), span: SpanId([8; 8]), attributes: own }],
            resource: Arc::new(Resource { attributes: of_resource }),
            scope: Arc::new(Scope { name: Arc::from("s"), version: Arc::from(""), attributes: of_scope }),
            shared: numbers.2,
        }
    }
}

fn traces() -> impl Strategy<Value = Vec<Trace>> {
    let trace = (1..200u8).prop_flat_map(|n| {
        let id = TraceId([n; 16]);
        proptest::collection::vec(span(id), 1..24).prop_map(move |spans| Trace::new(id, spans))
    });
    proptest::collection::vec(trace, 0..6)
}

proptest! {
    #[test]
    fn what_is_written_reads_back(traces in traces()) {
        let encoded = encode(&traces);
        prop_assert_eq!(decode(&encoded.texts, &encoded.body), Some(traces));
    }

    /// Nothing that is there is missed.
    #[test]
    fn numbers_are_found_where_they_are(traces in traces()) {
        let encoded = encode(&traces);
        let look = |name: &str, n: f64| {
            let wanted = Number { name: name.to_owned(), least: n, most: n };
            may_hold(&encoded.texts, &encoded.body, &wanted)
        };
        let mut any = false;
        for span in traces.iter().flat_map(|t| &t.spans) {
            let own = [&span.attributes, &span.resource.attributes, &span.scope.attributes];
            let others = span.events.iter().map(|e| &e.attributes);
            for (name, value) in own.into_iter().chain(others).flatten() {
                let number = match value {
                    Attribute::Int(i) => Some(*i as f64),
                    Attribute::Float(v) => Some(*v),
                    Attribute::List(items) => match items.first() {
                        Some(Attribute::Int(i)) => Some(*i as f64),
                        _ => None,
                    },
                    _ => None,
                };
                if let Some(n) = number {
                    any = true;
                    prop_assert_eq!(look(name, n), Some(true), "{} {}", name, n);
                }
            }
        }
        prop_assert_eq!(look("no such name", 0.0), Some(false));
        prop_assert!(any || look("a", f64::NAN) == Some(false));
    }

    #[test]
    fn broken_bytes_never_panic(traces in traces(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut encoded = encode(&traces);
        let place = at.index(encoded.body.len());
        encoded.body[place] ^= 1 << bit;
        let _ = decode(&encoded.texts, &encoded.body);
        let _ = decode(&encoded.texts, &encoded.body[..place]);
        let _ = decode(&encoded.body, &encoded.body);
        let wanted = Number { name: "a".to_owned(), least: 0.0, most: 1.0 };
        let _ = may_hold(&encoded.texts, &encoded.body, &wanted);
        let _ = may_hold(&encoded.texts, &encoded.body[..place], &wanted);
    }
}
