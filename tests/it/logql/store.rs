//! The same queries over the real store and over a plain list: the answers must be equal.

use crate::logql::memory::{Memory, Stored};
use bongsu::base::cancel::Cancel;
use bongsu::model::answer::{LogReply, LogsValue};
use bongsu::model::labels::Labels;
use bongsu::model::log_entry::{Level, LevelSet, NanoRange};
use bongsu::model::request::{LevelsQuery, LogRequest, LogsQuery};
use bongsu::query::logql::eval::Engine;
use bongsu::store::open::{Options, Store};
use bongsu::store::write::logs::{LogBatch, LogSink};

const SECOND: i64 = 1_000_000_000;
/// 2026-11-21 03:00:00 UTC.
const START: i64 = 1_795_230_000 * SECOND;

fn lines() -> Vec<Stored> {
    let line = |i: i64| {
        let app = ["api", "db", "주문"][i as usize % 3];
        let level = [Level::Info, Level::Warn, Level::Error][i as usize % 5 % 3];
        let text = match i % 4 {
            0 => format!(
                "{{\"status\":{},\"took\":\"{}ms\"}}",
                200 + i % 7 * 50,
                i % 90
            ),
            1 => format!(
                "status={} took={}ms path=/v{}",
                200 + i % 5 * 100,
                i % 50,
                i % 3
            ),
            2 => format!("GET /orders/{i} from 10.0.{}.7", i % 250),
            _ => format!("주문 {i} 처리 실패 (결제)"),
        };
        Stored {
            stream: Labels::from_pairs([("app", app), ("host", "web1")]),
            t: START + i * SECOND / 2,
            line: text.into_bytes(),
            metadata: Labels::empty(),
            level,
        }
    };
    (0..3000).map(line).collect()
}

fn stored(dir: &std::path::Path, lines: &[Stored]) -> Store {
    let options = Options {
        background: false,
        ..Options::new(dir)
    };
    let store = Store::open(options).unwrap();
    for part in lines.chunks(400) {
        let mut batch = LogBatch::default();
        for line in part {
            let stream = store.stream(&line.stream).unwrap();
            batch.push(stream, line.t, line.level, &line.line);
        }
        store.append_lines(&batch).unwrap();
    }
    store.flush_lines().unwrap();
    store
}

const QUERIES: &[&str] = &[
    "{app=\"api\"}",
    "{__stream__=\"\"}",
    "{app=~\"api|db\"} |= \"orders\"",
    "{host=\"web1\"} != \"GET\" |~ \"실패|status\"",
    "{host=\"web1\"} | json | status >= 400 | drop __error__, __error_details__",
    "{host=\"web1\"} | logfmt | took > 20ms | line_format \"{{.path}} {{.took}}\"",
    "{app=\"db\"} |> \"GET <_> from <_>\"",
    "{host=\"web1\"} |= ip(\"10.0.0.0/20\") | pattern \"GET <path> from <ip>\"",
    "{host=\"web1\"} | detected_level=\"error\" |= \"주문\"",
    "{app=\"nobody\"}",
];

const METRICS: &[&str] = &[
    "sum by (app) (count_over_time({host=\"web1\"}[1m]))",
    "sum by (detected_level) (rate({host=\"web1\"} |= \"orders\" [2m]))",
    "topk(2, sum by (path) (count_over_time({host=\"web1\"} | logfmt | path!=\"\" [5m])))",
    "quantile_over_time(0.9, {host=\"web1\"} | logfmt | unwrap duration(took) | __error__=\"\" [5m]) by (app)",
    "bytes_over_time({app=\"db\"}[1m]) / 2 > 100",
    "absent_over_time({app=\"nobody\"}[1m])",
];

#[test]
fn the_store_and_a_list_answer_alike() {
    let dir = tempfile::tempdir().unwrap();
    let lines = lines();
    let store = stored(dir.path(), &lines);
    let memory = Memory { lines };
    let engine = Engine::default();
    let end = START + 1500 * SECOND;
    for newest_first in [true, false] {
        for expr in QUERIES {
            let mut query = LogsQuery::newest(*expr, NanoRange::new(START, end), 700);
            query.newest_first = newest_first;
            let run = |source| engine.run(source, &query, &Cancel::never()).unwrap().value;
            assert_eq!(
                run(&store),
                run(&memory),
                "{expr} newest first: {newest_first}"
            );
        }
    }
    for expr in METRICS {
        let mut query = LogsQuery::newest(*expr, NanoRange::new(START, end), 0);
        query.step = 60 * SECOND;
        let over_store = engine.run(&store, &query, &Cancel::never()).unwrap();
        let over_list = engine.run(&memory, &query, &Cancel::never()).unwrap();
        assert!(
            matches!(&over_list.value, LogsValue::Matrix(all) if !all.is_empty()),
            "{expr}"
        );
        assert_eq!(over_store.value, over_list.value, "{expr}");
    }
    store.close();
}

#[test]
fn levels_and_patterns_are_counted_alike() {
    let dir = tempfile::tempdir().unwrap();
    let lines = lines();
    let store = stored(dir.path(), &lines);
    let memory = Memory { lines };
    for expr in ["{__stream__=\"\"}", "{app=\"api\"} |= \"status\""] {
        let query = LevelsQuery {
            expr: expr.to_owned(),
            levels: LevelSet::of(&[Level::Error, Level::Info]),
            start: START,
            step: 30 * SECOND,
            count: 50,
        };
        for request in [
            LogRequest::Levels(query.clone()),
            LogRequest::Patterns(query),
        ] {
            let engine = Engine::default();
            let over_store = engine.ask(&store, &request, &Cancel::never()).unwrap();
            let over_list = engine.ask(&memory, &request, &Cancel::never()).unwrap();
            assert_eq!(over_store, over_list, "{expr}");
            if let LogReply::Patterns(found, _) = over_list {
                let all: u64 = found.iter().map(|p| p.lines).sum();
                let shown: Vec<&str> = found.iter().map(|p| p.pattern.as_str()).collect();
                assert!(found.len() < 12, "{shown:?}");
                assert!(all > 0);
            }
        }
    }
    store.close();
}
