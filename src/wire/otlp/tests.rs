//! OTLP's two forms, and requests that are wrong in part.

use super::*;
use crate::model::span::{Attribute, SpanEvent, SpanKind, SpanLink, SpanStatus, Trace};
use proptest::prelude::*;
use std::sync::Arc;

fn example() -> Trace {
    let resource = Arc::new(Resource {
        attributes: vec![("service.name".into(), Attribute::text("주문"))],
    });
    let scope = Arc::new(Scope {
        name: "io.test".into(),
        version: "1".into(),
        attributes: Vec::new(),
    });
    let trace = TraceId([3; 16]);
    let root = Span {
        trace,
        id: SpanId([1; 8]),
        name: "GET /".into(),
        kind: SpanKind::Server,
        status: SpanStatus::Error,
        status_message: "no".into(),
        start: 1_700_000_000_000_000_000,
        end: 1_700_000_000_100_000_000,
        attributes: vec![
            ("t".into(), Attribute::Bool(true)),
            ("i".into(), Attribute::Int(-3)),
            ("f".into(), Attribute::Float(1.5)),
            ("b".into(), Attribute::Bytes(vec![0, 255])),
            (
                "l".into(),
                Attribute::List(vec![Attribute::text("a"), Attribute::Int(1)]),
            ),
            (
                "m".into(),
                Attribute::Map(vec![("x".into(), Attribute::text("y"))]),
            ),
        ],
        events: vec![SpanEvent {
            time: 1_700_000_000_050_000_000,
            name: "exception".into(),
            attributes: vec![("exception.type".into(), Attribute::text("E"))],
        }],
        links: vec![SpanLink {
            trace: TraceId([4; 16]),
            span: SpanId([5; 8]),
            attributes: Vec::new(),
        }],
        ..blank(&resource, &scope)
    };
    let child = Span {
        trace,
        id: SpanId([2; 8]),
        parent: Some(SpanId([1; 8])),
        name: "query".into(),
        start: 1_700_000_000_010_000_000,
        end: 1_700_000_000_020_000_000,
        ..blank(&resource, &scope)
    };
    Trace::new(trace, vec![root, child])
}

#[test]
fn both_forms_read_what_they_write() {
    let trace = example();
    let batch = from_protobuf(&to_protobuf(&trace)).unwrap();
    assert_eq!(batch.spans, trace.spans);
    assert!(batch.refused.is_empty());
    let text = serde_json::json!({"resourceSpans": to_json(&trace)}).to_string();
    assert_eq!(from_json(text.as_bytes()).unwrap().spans, trace.spans);
}

#[test]
fn json_as_senders_write_it() {
    let text = r#"{"resourceSpans":[{"resource":{"attributes":[]},"scopeSpans":[{"spans":[
        {"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","name":"a","kind":2,
         "startTimeUnixNano":1544712660000000000,"endTimeUnixNano":"1544712661000000000",
         "attributes":[{"key":"n","value":{"intValue":"7"}},{"key":"e","value":{}}],"unknown":[1]},
        {"traceId":"00000000000000000000000000000000","spanId":"EEE19B7EC3C1B174"},
        {"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE1"},
        {"traceId":5}
    ]}]}]}"#;
    let batch = from_json(text.as_bytes()).unwrap();
    assert_eq!(batch.spans.len(), 1);
    assert_eq!(batch.spans[0].duration(), 1_000_000_000);
    assert_eq!(batch.spans[0].attribute("n"), Some(&Attribute::Int(7)));
    assert_eq!(batch.refused_count(), 3);
    assert_eq!(
        batch.refusal(),
        "1 span: it does not read; 1 span: the span id is not 8 bytes, or zero; 1 span: the trace id is not 16 bytes, or zero"
    );
}

#[test]
fn offending_spans_are_left_out_and_named() {
    let mut trace = example();
    let many = (0..=MOST_ATTRIBUTES).map(|i| (i.to_string().into(), Attribute::Int(0)));
    trace.spans[1].attributes = many.collect();
    let batch = from_protobuf(&to_protobuf(&trace)).unwrap();
    assert_eq!(batch.spans.len(), 1);
    assert_eq!(batch.refused, [(reason::ATTRIBUTES, 1)].into());
    trace.spans[1].attributes = vec![("big".into(), Attribute::text(&"x".repeat(MOST_BYTES)))];
    let batch = from_protobuf(&to_protobuf(&trace)).unwrap();
    assert_eq!(batch.refused, [(reason::LARGE, 1)].into());
    let mut deep = Attribute::Int(1);
    for _ in 0..40 {
        deep = Attribute::List(vec![deep]);
    }
    trace.spans[1].attributes = vec![("deep".into(), deep)];
    let batch = from_protobuf(&to_protobuf(&trace)).unwrap();
    assert_eq!(batch.refused, [(reason::DEPTH, 1)].into());
}

#[test]
fn answers_have_their_shapes() {
    assert_eq!(partial(0, "", "rejectedSpans", false), Vec::<u8>::new());
    assert_eq!(partial(0, "", "rejectedSpans", true), b"{}");
    let text = String::from_utf8(partial(2, "why", "rejectedSpans", true)).unwrap();
    assert!(text.contains(r#""rejectedSpans":"2""#), "{text}");
    assert_eq!(
        partial(2, "a", "rejectedSpans", false),
        [10, 5, 8, 2, 18, 1, b'a']
    );
    assert_eq!(grpc_message(b"ab"), [0, 0, 0, 0, 2, b'a', b'b']);
}

proptest! {
    #[test]
    fn damage_never_panics(at in any::<prop::sample::Index>(), bit in 0..8u8, junk in ".{0,40}") {
        let mut bytes = to_protobuf(&example());
        let place = at.index(bytes.len());
        bytes[place] ^= 1 << bit;
        let _ = from_protobuf(&bytes);
        let _ = from_protobuf(&bytes[..place]);
        let _ = from_json(junk.as_bytes());
        let text = serde_json::json!({"resourceSpans": to_json(&example())}).to_string();
        let cut = (0..=at.index(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap();
        let _ = from_json(&text.as_bytes()[..cut]);
    }
}
