//! The head against a plain map, directly and through its journal.

use super::*;
use crate::model::matcher::MatchOp;
use crate::store::metrics::journal::{self, Replay};
use proptest::prelude::*;
use std::collections::BTreeMap;

const RULES: Rules = Rules {
    late_window: 0,
    newest: i64::MAX,
};
const ALL: TimeRange = TimeRange {
    start: i64::MIN,
    end: i64::MAX,
};

fn series(i: usize) -> Labels {
    let job = ["a", "b", "c"][i % 3];
    let i = i.to_string();
    Labels::from_pairs([("__name__", "m"), ("i", i.as_str()), ("job", job)])
}

fn everything(head: &Head) -> BTreeMap<String, Vec<(i64, u64)>> {
    let ids = head.select(&[], ALL);
    let labels: Vec<Labels> = ids.iter().map(|id| head.labels(*id).unwrap()).collect();
    assert!(labels.is_sorted());
    let read = |id: &SeriesId| {
        let mut out = Samples::default();
        head.read_series(*id, ALL, &mut out);
        out.iter().map(|s| (s.t, s.v.to_bits())).collect()
    };
    let keys = labels.iter().map(ToString::to_string);
    keys.zip(ids.iter().map(read)).collect()
}

#[derive(Clone, Debug)]
enum Do {
    Append(usize, i64, i32),
    Rotate(bool),
    Truncate(i64),
    Delete(usize, i64, i64),
}

fn steps() -> impl Strategy<Value = Vec<Do>> {
    let one = prop_oneof![
        30 => (0usize..20, 0i64..400, -500i32..500).prop_map(|(s, t, v)| Do::Append(s, t, v)),
        2 => any::<bool>().prop_map(Do::Rotate),
        1 => (0i64..400).prop_map(Do::Truncate),
        1 => (0usize..20, 0i64..400, 0i64..400).prop_map(|(s, a, b)| Do::Delete(s, a, a + b)),
    ];
    prop::collection::vec(one, 0..1500)
}

fn replayed(from: i64, segments: Vec<Vec<(u8, Vec<u8>)>>) -> Head {
    let mut head = Head::new(from);
    let mut replay = Replay::default();
    for segment in segments {
        replay.segment();
        for (kind, bytes) in segment {
            replay.record(kind, &bytes, &mut head);
        }
    }
    assert_eq!((replay.orphans, replay.unreadable), (0, 0));
    head
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_head_is_a_map_and_so_is_its_journal(steps in steps(), late in prop::sample::select(vec![0i64, 50])) {
        let rules = Rules { late_window: late, ..RULES };
        let mut head = Head::new(i64::MIN);
        let mut model: BTreeMap<usize, BTreeMap<i64, u64>> = BTreeMap::new();
        let mut newest: BTreeMap<usize, i64> = BTreeMap::new();
        let (mut from, mut top) = (i64::MIN, i64::MIN);
        let mut log: Vec<(u8, Vec<u8>)> = vec![(journal::EPOCH, Vec::new())];
        let mut segments = Vec::new();
        for step in steps {
            match step {
                Do::Append(s, t, v) => {
                    let v = f64::from(v) / 8.0;
                    let id = head.resolve(&series(s));
                    let mut result = Appended::default();
                    let mut bytes = Vec::new();
                    head.append(&[Append { series: id, t, v }], &rules, &mut bytes, &mut result);
                    log.push((journal::DATA, bytes));
                    let last = newest.get(&s).copied().unwrap_or(i64::MIN);
                    let follows = t > last && t >= from;
                    let taken = follows || (t != last && late > 0 && t >= top.saturating_sub(late));
                    if taken {
                        model.entry(s).or_default().entry(t).or_insert(v.to_bits());
                    } else {
                        prop_assert!(t == last || result.out_of_order == 1);
                    }
                    if follows {
                        newest.insert(s, t);
                        top = top.max(t);
                    }
                }
                Do::Rotate(segment) => {
                    head.begin_epoch(segment);
                    if segment {
                        segments.push(std::mem::take(&mut log));
                    }
                    log.push((journal::EPOCH, Vec::new()));
                }
                Do::Truncate(t) if late == 0 => {
                    head.truncate(t);
                    from = from.max(t);
                    for m in model.values_mut() {
                        m.retain(|at, _| *at >= t);
                    }
                    model.retain(|_, m| !m.is_empty());
                    newest.retain(|s, _| model.contains_key(s));
                }
                Do::Delete(s, a, b) => {
                    if let Some(id) = head.find(&series(s)) {
                        let mut bytes = Vec::new();
                        head.delete(id, TimeRange::new(a, b), &mut bytes);
                        log.push((journal::DATA, bytes));
                        if let Some(m) = model.get_mut(&s) {
                            m.retain(|t, _| *t < a || *t > b);
                            if m.is_empty() {
                                newest.remove(&s);
                            }
                        }
                    }
                }
                Do::Truncate(_) => {}
            }
        }
        model.retain(|_, m| !m.is_empty());
        let want: BTreeMap<String, Vec<(i64, u64)>> = model
            .iter()
            .map(|(s, m)| (series(*s).to_string(), m.iter().map(|(t, v)| (*t, *v)).collect()))
            .collect();
        prop_assert_eq!(&everything(&head), &want);

        segments.push(log);
        prop_assert_eq!(&everything(&replayed(from, segments)), &want);
    }

    #[test]
    fn any_bytes_replay_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut replay = Replay::default();
        replay.record(journal::EPOCH, &bytes, &mut Head::new(i64::MIN));
    }
}

type Case<'a> = (&'a [(&'a str, MatchOp, &'a str)], usize);

#[test]
fn matchers_select() {
    let mut head = Head::new(i64::MIN);
    for i in 0..40 {
        let id = head.resolve(&series(i));
        let mut result = Appended::default();
        let sample = Append {
            series: id,
            t: i as i64,
            v: 1.0,
        };
        head.append(&[sample], &RULES, &mut Vec::new(), &mut result);
    }
    let extra = head.resolve(&Labels::from_pairs([("__name__", "other")]));
    let sample = Append {
        series: extra,
        t: 5,
        v: 1.0,
    };
    head.append(&[sample], &RULES, &mut Vec::new(), &mut Appended::default());
    let cases: &[Case<'_>] = &[
        (&[], 41),
        (&[("job", MatchOp::Equal, "a")], 14),
        (&[("job", MatchOp::NotEqual, "a")], 27),
        (&[("job", MatchOp::Equal, "")], 1),
        (&[("job", MatchOp::NotEqual, "")], 40),
        (&[("job", MatchOp::Regex, "a|b")], 27),
        (&[("job", MatchOp::Regex, "a|")], 15),
        (&[("job", MatchOp::NotRegex, "a|")], 26),
        (&[("i", MatchOp::Regex, "1.*")], 11),
        (
            &[("i", MatchOp::Regex, "1.+"), ("job", MatchOp::Equal, "b")],
            4,
        ),
        (
            &[
                ("i", MatchOp::Regex, "[23].?"),
                ("job", MatchOp::NotEqual, "b"),
            ],
            16,
        ),
        (&[("nope", MatchOp::Equal, "x")], 0),
        (&[("nope", MatchOp::NotEqual, "x")], 41),
        (&[("nope", MatchOp::Regex, ".*")], 41),
    ];
    for (matchers, want) in cases {
        let matchers: Vec<Matcher> = matchers
            .iter()
            .map(|(n, op, v)| Matcher::new(*n, *op, *v).unwrap())
            .collect();
        let found = head.select(&matchers, ALL);
        let labels: Vec<Labels> = found.iter().map(|id| head.labels(*id).unwrap()).collect();
        assert!(
            labels
                .iter()
                .all(|l| matchers.iter().all(|m| m.matches_labels(l)))
        );
        assert_eq!(found.len(), *want, "{matchers:?}");
    }
    assert_eq!(head.select(&[], TimeRange::new(38, 99)).len(), 2);
}

#[test]
fn series_that_end_leave_memory() {
    let mut head = Head::new(i64::MIN);
    let old = head.resolve(&series(1));
    let new = head.resolve(&series(2));
    let mut result = Appended::default();
    let batch = [(old, 10), (new, 10), (new, 20)].map(|(series, t)| Append { series, t, v: 1.0 });
    head.append(&batch, &RULES, &mut Vec::new(), &mut result);
    head.truncate(15);
    assert_eq!(head.len(), 1);
    let again = Append {
        series: old,
        t: 30,
        v: 1.0,
    };
    head.append(&[again], &RULES, &mut Vec::new(), &mut result);
    assert_eq!(result.gone, [old]);
    assert_ne!(
        head.resolve(&series(1)),
        old,
        "a slot is used again under another id"
    );
    let same = Append {
        series: new,
        t: 20,
        v: 1.0,
    };
    head.append(
        &[same, Append { v: 2.0, ..same }, Append { t: 5, ..same }],
        &RULES,
        &mut Vec::new(),
        &mut result,
    );
    assert_eq!((result.duplicate, result.out_of_order), (1, 1));
}

/// Labels, postings and the open chunk of each of 100,000 series that a host's exporter could show, by
/// the head's own account.
#[test]
fn a_series_takes_six_hundred_bytes_at_most() {
    const SERIES: usize = 100_000;
    let mut head = Head::new(i64::MIN);
    let labels = |i: usize| {
        let (device, instance) = (format!("dm-{}", i % 500), format!("web{:03}:9100", i / 500));
        Labels::from_pairs([
            ("__name__", "node_disk_io_time_seconds_total"),
            ("device", device.as_str()),
            ("environment", "production"),
            ("instance", instance.as_str()),
            ("job", "node"),
        ])
    };
    let ids: Vec<SeriesId> = (0..SERIES).map(|i| head.resolve(&labels(i))).collect();
    // Half a chunk of a counter that does not rise evenly.
    for step in 0..60_i64 {
        let sample = |(i, series): (usize, &SeriesId)| Append {
            series: *series,
            t: step * 15_000,
            v: (i as i64 + step * step * 37 % 1_009) as f64 / 100.0,
        };
        let batch: Vec<Append> = ids.iter().enumerate().map(sample).collect();
        head.append(&batch, &RULES, &mut Vec::new(), &mut Appended::default());
    }
    let each = head.bytes() / SERIES;
    assert!(each <= 600, "{each} bytes a series");
}
