//! Made-up lines, always the same.

use crate::tui::fake_source::NOW;
use bongsu::model::answer::{
    Field, FieldKind, Followed, LevelHistogram, LogCost, LogLine, LogPattern, LogReply, LogTotals,
    LogsAnswer, LogsValue, Notes, Series,
};
use bongsu::model::labels::Labels;
use bongsu::model::log_entry::Level;
use bongsu::model::request::{LevelsQuery, LogRequest, LogsQuery, StreamsWhat};
use bongsu::model::sample::Sample;

const SECOND: i64 = 1_000_000_000;

/// Text, JSON, logfmt, Hangul, colours, a stack trace, and what a terminal would obey.
fn all(base: i64) -> Vec<LogLine> {
    let texts = [
        (Level::Info, "api", "GET /orders 200 in 12ms"),
        (
            Level::Info,
            "api",
            "\u{1b}[32mGET\u{1b}[0m /orders/7 200 in 8ms",
        ),
        (
            Level::Warn,
            "db",
            "level=warn msg=\"slow query\" took=2.5s table=orders",
        ),
        (
            Level::Error,
            "주문서비스",
            "주문을 처리하지 못했습니다: 결제 시간 초과",
        ),
        (
            Level::Error,
            "api",
            "java.lang.IllegalStateException: no stock",
        ),
        (Level::Unknown, "api", "\tat shop.Stock.take(Stock.java:41)"),
        (
            Level::Unknown,
            "api",
            "\tat shop.Order.place(Order.java:17)",
        ),
        (
            Level::Info,
            "api",
            "{\"level\":\"info\",\"status\":500,\"path\":\"/pay\",\"user\":{\"id\":7}}",
        ),
        (Level::Debug, "db", "evil \u{1b}]52;c;eA==\u{7} title"),
        (Level::Info, "api", "GET /health 200 in 1ms"),
    ];
    let line = |(i, (level, app, text)): (usize, (Level, &str, &str))| LogLine {
        t: base - (10 - i as i64) * 7 * SECOND,
        line: text.to_owned(),
        stream: Labels::from_pairs([("app", app), ("host", "web1")]),
        metadata: Labels::empty(),
        parsed: Labels::empty(),
        level,
    };
    texts.into_iter().enumerate().map(line).collect()
}

/// The end of the made-up lines: a fixed time, but for a console that runs by a real clock.
fn base(end: i64) -> i64 {
    let fixed = NOW * 1_000_000;
    if (end - fixed).abs() < 600 * SECOND {
        return fixed;
    }
    end.div_euclid(600 * SECOND) * 600 * SECOND
}

fn lines(query: &LogsQuery) -> Vec<LogLine> {
    let wanted = |line: &LogLine| {
        let get = query.expr.contains("(?i)get");
        query.range.contains(line.t)
            && query.levels.has(line.level)
            && !query.expr.contains("nothing")
            && (!get || line.line.contains("GET"))
    };
    let mut found: Vec<LogLine> = all(base(query.range.end))
        .into_iter()
        .filter(wanted)
        .collect();
    if query.newest_first {
        found.reverse();
    }
    found
}

fn levels(query: &LevelsQuery) -> LevelHistogram {
    let mut counts = vec![[0; 8]; query.count];
    for (i, row) in counts.iter_mut().enumerate() {
        row[Level::Info as usize] = 3 + (i as u64 % 7);
        row[Level::Error as usize] = u64::from(i % 11 == 0) * 4;
    }
    LevelHistogram {
        start: query.start,
        step: query.step,
        counts,
        notes: Notes::default(),
    }
}

fn patterns(query: &LevelsQuery) -> Vec<LogPattern> {
    let pattern = |text: &str, level, lines| LogPattern {
        pattern: text.to_owned(),
        level,
        lines,
        first: query.start,
        last: NOW * 1_000_000,
        counts: (0..query.count as u64).map(|i| i % 5).collect(),
        sample: text.to_owned(),
    };
    vec![
        pattern("GET <_> 200 in <_>", Level::Info, 1200),
        pattern("주문 <_> 처리 실패", Level::Error, 3),
    ]
}

fn numbers(query: &LogsQuery) -> Vec<Series> {
    let (start, step) = (query.range.start / 1_000_000, query.step / 1_000_000);
    let series = |(n, level): (usize, &str)| Series {
        labels: Labels::from_pairs([("level", level)]),
        samples: (0..60)
            .map(|i| Sample {
                t: start + i * step,
                v: (n as f64 + 1.0) * (1.0 + (i % 9) as f64),
            })
            .collect(),
    };
    ["info", "error"]
        .into_iter()
        .enumerate()
        .map(series)
        .collect()
}

fn volumes() -> Vec<(Labels, LogTotals)> {
    let stream = |app: &str, lines| {
        let labels = Labels::from_pairs([("app", app), ("host", "web1")]);
        let totals = LogTotals {
            streams: 1,
            blocks: 1,
            bytes: lines * 100,
            lines,
        };
        (labels, totals)
    };
    vec![
        stream("api", 700),
        stream("db", 250),
        stream("주문서비스", 50),
    ]
}

fn fields() -> Vec<Field> {
    let field = |name: &str, kind, parser: &str, top: &[(&str, u64)]| Field {
        name: name.to_owned(),
        kind,
        cardinality: top.len() as u64,
        parsers: vec![parser.to_owned()],
        json_path: vec![],
        top: top.iter().map(|(v, n)| ((*v).to_owned(), *n)).collect(),
    };
    vec![
        field(
            "path",
            FieldKind::String,
            "json",
            &[("/pay", 12), ("/주문", 3)],
        ),
        field("status", FieldKind::Int, "json", &[("200", 14), ("500", 1)]),
        field("took", FieldKind::Duration, "logfmt", &[("2.5s", 1)]),
    ]
}

pub(crate) fn reply(request: &LogRequest) -> LogReply {
    match request {
        LogRequest::Query(query) => LogReply::Value(LogsAnswer {
            value: if query.expr.contains("rate(") {
                LogsValue::Matrix(numbers(query))
            } else {
                LogsValue::Lines(lines(query))
            },
            notes: Notes::default(),
            cost: LogCost::default(),
        }),
        LogRequest::Follow(_) => LogReply::Followed(Followed::default()),
        LogRequest::Levels(query) => LogReply::Levels(levels(query)),
        LogRequest::Streams(query) => match &query.what {
            StreamsWhat::Streams => LogReply::Streams(vec![], Notes::default()),
            StreamsWhat::Stats => LogReply::Totals(LogTotals::default()),
            StreamsWhat::Volumes => LogReply::Volumes(volumes()),
            StreamsWhat::LabelNames => {
                let names = ["app", "host"].map(str::to_owned);
                LogReply::Names(names.to_vec(), Notes::default())
            }
            StreamsWhat::LabelValues(_) => {
                let values = ["api", "db", "주문서비스"].map(str::to_owned);
                LogReply::Names(values.to_vec(), Notes::default())
            }
        },
        LogRequest::Fields(_) => LogReply::Fields(fields(), Notes::default()),
        LogRequest::Patterns(query) => LogReply::Patterns(patterns(query), Notes::default()),
    }
}
