//! Log queries: lines in order, up to the limit.

use crate::base::text;
use crate::model::answer::{LogLine, LogsValue};
use crate::model::labels::Labels;
use crate::model::log_entry::Level;
use crate::query::logql::ast::Log;
use crate::query::logql::eval::{Asking, QueryError};
use crate::query::logql::stage::{Origin, Pipeline, Record, Work};
use crate::store::read::logs::{LogRow, LogSelect};
use std::borrow::Cow;
use std::ops::ControlFlow;

/// The name under which a line's level is asked for, as in Loki.
pub(crate) const DETECTED_LEVEL: &str = "detected_level";

pub(super) fn run(ask: &mut Asking<'_>, log: &Log) -> Result<LogsValue, QueryError> {
    let pipeline = Pipeline::compile(log)?;
    let query = ask.query;
    let limit = match query.limit {
        0 => ask.limits.lines,
        limit if limit > ask.limits.lines => {
            return Err(QueryError::Bad(format!(
                "max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {})",
                ask.limits.lines
            )));
        }
        limit => limit,
    };
    let mut select = LogSelect::new(&log.matchers, query.range);
    select.newest_first = query.newest_first;
    select.tests = pipeline.tests();
    select.levels = query.levels;
    let mut work = Work::default();
    let mut out: Vec<LogLine> = Vec::new();
    let mut bytes = 0;
    let scan = ask.source.lines(&select, ask.cancel, &mut |row| {
        if let Some(last) = out.last()
            && query.interval > 0
            && row.t.abs_diff(last.t) < query.interval.unsigned_abs()
        {
            return ControlFlow::Continue(());
        }
        let Some(line) = through(&pipeline, row, &mut work) else {
            return ControlFlow::Continue(());
        };
        bytes += line.line.len();
        out.push(line);
        if out.len() >= limit || bytes > ask.limits.bytes {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    ask.scanned(scan);
    if bytes > ask.limits.bytes {
        let most = ask.limits.bytes >> 20;
        ask.scan.warnings.push(format!(
            "the lines of the answer are larger than {most} MiB together: the rest is left out; ask for fewer"
        ));
    }
    Ok(LogsValue::Lines(out))
}

/// The metadata of an entry with its level, where that is known and not named yet.
pub(super) fn with_level<'a>(row: &LogRow<'a>) -> Cow<'a, Labels> {
    let named = || row.metadata.has(DETECTED_LEVEL) || row.stream.has(DETECTED_LEVEL);
    if row.level == Level::Unknown || named() {
        return Cow::Borrowed(row.metadata);
    }
    let mut edit = row.metadata.edit();
    edit.set(DETECTED_LEVEL, row.level.as_str());
    Cow::Owned(edit.finish())
}

/// The line as the stages leave it; `None` where they drop it.
pub(crate) fn through(pipeline: &Pipeline, row: &LogRow<'_>, work: &mut Work) -> Option<LogLine> {
    let metadata = with_level(row);
    let line = text::decode(row.line);
    if pipeline.is_plain() {
        return Some(LogLine {
            t: row.t,
            line: line.into_owned(),
            stream: row.stream.clone(),
            metadata: metadata.into_owned(),
            parsed: Labels::empty(),
            level: row.level,
        });
    }
    work.start(row.stream, &metadata);
    let mut record = Record {
        t: row.t,
        line,
        labels: work,
    };
    if !pipeline.run(&mut record) {
        return None;
    }
    let line = record.line.into_owned();
    Some(LogLine {
        t: row.t,
        line,
        stream: work.of(Origin::Stream),
        metadata: work.of(Origin::Metadata),
        parsed: work.of(Origin::Parsed),
        level: row.level,
    })
}
