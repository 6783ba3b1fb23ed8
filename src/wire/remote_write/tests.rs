//! Remote write reads back what it wrote, and survives what it did not.

use super::*;
use proptest::prelude::*;

fn example() -> WriteRequest {
    WriteRequest {
        series: vec![Series {
            labels: Labels::from_pairs([("__name__", "up"), ("job", "한글")]),
            samples: vec![
                Sample { t: 1, v: 1.5 },
                Sample {
                    t: -2,
                    v: f64::INFINITY,
                },
            ],
            exemplars: vec![Exemplar {
                labels: Labels::from_pairs([("trace_id", "abc")]),
                value: 0.5,
                t: 7,
            }],
        }],
        metadata: vec![Metadata {
            metric: "up".into(),
            kind: MetricKind::Gauge,
            help: "is it".into(),
            unit: String::new(),
        }],
        native_histograms: 0,
    }
}

#[test]
fn reads_back() {
    let body = encode(&example()).unwrap();
    assert_eq!(decode(&body, 1 << 20), Ok(example()));
}

/// The bytes of a series `up{} 1@1000`, spelled out.
#[test]
fn the_bytes_are_the_protocols() {
    let request = WriteRequest {
        series: vec![Series {
            labels: Labels::from_pairs([("__name__", "up")]),
            samples: vec![Sample { t: 1000, v: 1.0 }],
            exemplars: Vec::new(),
        }],
        ..WriteRequest::default()
    };
    let mut want = vec![0x0a, 30, 0x0a, 14, 0x0a, 8];
    want.extend_from_slice(b"__name__");
    want.extend_from_slice(&[0x12, 2, b'u', b'p', 0x12, 12, 0x09]);
    want.extend_from_slice(&1.0f64.to_le_bytes());
    want.extend_from_slice(&[0x10, 0xe8, 0x07]);
    assert_eq!(encode_message(&request), want);
    assert_eq!(decode_message(&want), Ok(request));
}

#[test]
fn a_bomb_is_refused_before_it_is_opened() {
    // A snappy header that promises 4 GiB.
    let body = [0xff, 0xff, 0xff, 0xff, 0x0f, 0];
    let limit = 1 << 20;
    let len = u32::MAX as usize;
    assert_eq!(
        decode(&body, limit),
        Err(RemoteWriteError::TooLarge { len, limit })
    );
}

#[test]
fn bad_series_are_named() {
    let mut request = example();
    request.series[0].labels = Labels::from_pairs([("job", "x")]);
    let body = encode(&request).unwrap();
    let error = decode(&body, 1 << 20).unwrap_err().to_string();
    assert_eq!(error, "a series without a metric's name: {job=\"x\"}");
    // Labels out of order are sorted; a repeated one is refused.
    let mut series = Vec::new();
    for (name, value) in [("__name__", "up"), ("b", "1"), ("a", "2"), ("b", "3")] {
        let mut label = Vec::new();
        Field::bytes(1, name.as_bytes(), &mut label);
        Field::bytes(2, value.as_bytes(), &mut label);
        Field::bytes(1, &label, &mut series);
    }
    let mut message = Vec::new();
    Field::bytes(1, &series, &mut message);
    let error = decode_message(&message).unwrap_err().to_string();
    assert_eq!(error, "the label \"b\" is given twice");
}

proptest! {
    #[test]
    fn any_request_reads_back(
        names in prop::collection::btree_map("[a-z가-힣]{1,8}", ".{1,12}", 0..6),
        samples in prop::collection::vec((any::<i64>(), any::<f64>()), 0..20),
        kind in 0usize..8,
        help in ".{0,20}",
    ) {
        let mut pairs: Vec<(String, String)> = names.into_iter().collect();
        pairs.push(("__name__".into(), "m".into()));
        let request = WriteRequest {
            series: vec![Series {
                labels: Labels::from_pairs(pairs),
                samples: samples.into_iter().map(|(t, v)| Sample { t, v }).collect(),
                exemplars: Vec::new(),
            }],
            metadata: vec![Metadata { metric: "m".into(), kind: KINDS[kind], help, unit: "s".into() }],
            native_histograms: 0,
        };
        let back = decode(&encode(&request).unwrap(), 1 << 20).unwrap();
        prop_assert_eq!(format!("{back:?}"), format!("{request:?}"));
    }

    #[test]
    fn damage_never_breaks_it(at in 0usize..64, bit in 0u8..8, cut in 0usize..64) {
        let mut message = encode_message(&example());
        let len = message.len();
        message[at % len] ^= 1 << bit;
        message.truncate(len - cut % len);
        let _ = decode_message(&message);
        let _ = decode(&message, 1 << 16);
    }

    #[test]
    fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = decode_message(&bytes);
        let _ = decode(&bytes, 1 << 16);
    }
}
