//! Made-up lines, always the same.

use crate::tui::fake_source::NOW;
use bongsu::model::answer::{
    Followed, LevelHistogram, LogCost, LogLine, LogPattern, LogReply, LogTotals, LogsAnswer,
    LogsValue, Notes,
};
use bongsu::model::labels::Labels;
use bongsu::model::log_entry::Level;
use bongsu::model::request::{LevelsQuery, LogRequest, LogsQuery, StreamsWhat};

const SECOND: i64 = 1_000_000_000;

/// Text, JSON, logfmt, Hangul, colours, a stack trace, and what a terminal would obey.
fn all() -> Vec<LogLine> {
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
        t: NOW * 1_000_000 - (10 - i as i64) * 7 * SECOND,
        line: text.to_owned(),
        stream: Labels::from_pairs([("app", app), ("host", "web1")]),
        metadata: Labels::empty(),
        parsed: Labels::empty(),
        level,
    };
    texts.into_iter().enumerate().map(line).collect()
}

fn lines(query: &LogsQuery) -> Vec<LogLine> {
    let wanted = |line: &LogLine| {
        let get = query.expr.contains("(?i)get");
        query.range.contains(line.t)
            && query.levels.has(line.level)
            && !query.expr.contains("nothing")
            && (!get || line.line.contains("GET"))
    };
    let mut found: Vec<LogLine> = all().into_iter().filter(wanted).collect();
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

pub(crate) fn reply(request: &LogRequest) -> LogReply {
    match request {
        LogRequest::Query(query) => LogReply::Value(LogsAnswer {
            value: LogsValue::Lines(lines(query)),
            notes: Notes::default(),
            cost: LogCost::default(),
        }),
        LogRequest::Follow(_) => LogReply::Followed(Followed::default()),
        LogRequest::Levels(query) => LogReply::Levels(levels(query)),
        LogRequest::Streams(query) => match &query.what {
            StreamsWhat::Streams => LogReply::Streams(vec![], Notes::default()),
            StreamsWhat::Stats => LogReply::Totals(LogTotals::default()),
            StreamsWhat::Volumes => LogReply::Volumes(vec![]),
            StreamsWhat::LabelNames => {
                let names = ["app", "host"].map(str::to_owned);
                LogReply::Names(names.to_vec(), Notes::default())
            }
            StreamsWhat::LabelValues(_) => {
                let values = ["api", "db", "주문서비스"].map(str::to_owned);
                LogReply::Names(values.to_vec(), Notes::default())
            }
        },
        LogRequest::Fields(_) => LogReply::Fields(vec![], Notes::default()),
        LogRequest::Patterns(query) => LogReply::Patterns(patterns(query), Notes::default()),
    }
}
