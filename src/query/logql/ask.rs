//! Every question about logs, answered over a source of lines.

mod fields;
mod patterns;

use crate::base::cancel::Cancel;
use crate::model::answer::{Followed, LevelHistogram, LogLine, LogReply, LogTotals, Notes};
use crate::model::log_entry::{LevelCounts, NanoRange};
use crate::model::matcher::Matcher;
use crate::model::request::{
    FollowQuery, LevelsQuery, LogRequest, LogsQuery, StreamsQuery, StreamsWhat,
};
use crate::query::logql::ast::{Expr, Log};
use crate::query::logql::eval::{Engine, QueryError, through};
use crate::query::logql::parse::parse;
use crate::query::logql::stage::{Pipeline, Work};
use crate::store::read::Found;
use crate::store::read::logs::{Buckets, LogAsk, LogSelect, LogSource, LogStats};
use std::ops::ControlFlow;

/// The finest histogram that is made.
const MAX_BUCKETS: usize = 11_000;

/// What a question needs while it is answered.
pub(crate) struct Asked<'a> {
    pub(crate) source: &'a dyn LogSource,
    pub(crate) cancel: &'a Cancel,
}

impl Engine {
    pub fn ask(
        &self,
        source: &dyn LogSource,
        request: &LogRequest,
        cancel: &Cancel,
    ) -> Result<LogReply, QueryError> {
        let asked = Asked { source, cancel };
        Ok(match request {
            LogRequest::Query(query) => LogReply::Value(self.run(source, query, cancel)?),
            LogRequest::Follow(query) => LogReply::Followed(asked.follow(query)?),
            LogRequest::Levels(query) => LogReply::Levels(asked.levels(query)?),
            LogRequest::Streams(query) => asked.streams(query)?,
            LogRequest::Fields(query) => {
                let (found, notes) = fields::find(&asked, query)?;
                LogReply::Fields(found, notes)
            }
            LogRequest::Patterns(query) => {
                let (found, notes) = patterns::find(&asked, query)?;
                LogReply::Patterns(found, notes)
            }
        })
    }
}

/// A log query, ready to be run.
pub(crate) struct Prepared {
    pub(crate) log: Log,
    pub(crate) pipeline: Pipeline,
}

pub(crate) fn prepare(text: &str) -> Result<Prepared, QueryError> {
    match parse(text)? {
        Expr::Log(log) => {
            let pipeline = Pipeline::compile(&log).map_err(|e| e.placed(text))?;
            Ok(Prepared { log, pipeline })
        }
        Expr::Metric(_) => Err(QueryError::Bad(
            "lines are asked for here: a metric query gives none".to_owned(),
        )),
    }
}

/// The matchers of `{app="api"}`.
pub(crate) fn selector(text: &str) -> Result<Vec<Matcher>, QueryError> {
    match parse(text)? {
        Expr::Log(log) if log.stages.is_empty() => Ok(log.matchers),
        _ => Err(QueryError::Bad(format!(
            "{text:?} is no selector such as {{app=\"api\"}}"
        ))),
    }
}

impl Asked<'_> {
    fn follow(&self, query: &FollowQuery) -> Result<Followed, QueryError> {
        let Prepared { log, pipeline } = prepare(&query.expr)?;
        let mut work = Work::default();
        let mut lines: Vec<LogLine> = Vec::new();
        let limit = query.limit.clamp(1, 5000);
        let arrived =
            self.source
                .arrived(query.after, &log.matchers, pipeline.tests(), &mut |row| {
                    if query.levels.has(row.level)
                        && let Some(line) = through(&pipeline, row, &mut work)
                    {
                        lines.push(line);
                    }
                    if lines.len() >= limit {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                });
        Ok(Followed {
            lines,
            next: arrived.next,
            missed: arrived.missed,
        })
    }

    fn levels(&self, query: &LevelsQuery) -> Result<LevelHistogram, QueryError> {
        let Prepared { log, pipeline } = prepare(&query.expr)?;
        let buckets = buckets(query)?;
        let (mut counts, warnings) = if pipeline.is_plain() && pipeline.tests().is_empty() {
            let found = self
                .source
                .level_counts(&log.matchers, buckets, self.cancel)?;
            (found.buckets, found.warnings)
        } else {
            let mut counts: Vec<LevelCounts> = vec![LevelCounts::default(); buckets.count];
            let warnings = self.each(query, &mut |line| {
                if let Some(at) = buckets.of(line.t) {
                    counts[at][line.level as usize] += 1;
                }
            })?;
            (counts, warnings)
        };
        for row in &mut counts {
            for (level, count) in row.iter_mut().enumerate() {
                if query.levels.0 & 1 << level == 0 {
                    *count = 0;
                }
            }
        }
        Ok(LevelHistogram {
            start: query.start,
            step: query.step,
            counts,
            notes: noted(warnings),
        })
    }

    /// Every line of a log query in the stretches asked for, oldest first.
    pub(crate) fn each(
        &self,
        query: &LevelsQuery,
        see: &mut dyn FnMut(&LogLine),
    ) -> Result<Vec<String>, QueryError> {
        let Prepared { log, pipeline } = prepare(&query.expr)?;
        let mut select = LogSelect::new(&log.matchers, buckets(query)?.range());
        select.tests = pipeline.tests();
        select.levels = query.levels;
        let mut work = Work::default();
        let scan = self.source.lines(&select, self.cancel, &mut |row| {
            if let Some(line) = through(&pipeline, row, &mut work) {
                see(&line);
            }
            ControlFlow::Continue(())
        })?;
        Ok(scan.warnings)
    }

    fn streams(&self, query: &StreamsQuery) -> Result<LogReply, QueryError> {
        let selectors = query.selectors.iter().map(|text| selector(text));
        let selectors: Vec<Vec<Matcher>> = selectors.collect::<Result<_, _>>()?;
        let ask = LogAsk {
            selectors: &selectors,
            range: query.range,
            limit: query.limit,
        };
        let (source, cancel) = (self.source, self.cancel);
        Ok(match &query.what {
            StreamsWhat::LabelNames => {
                let (names, notes) = found(source.log_label_names(&ask, cancel)?);
                LogReply::Names(names, notes)
            }
            StreamsWhat::LabelValues(name) => {
                let (names, notes) = found(source.log_label_values(name, &ask, cancel)?);
                LogReply::Names(names, notes)
            }
            StreamsWhat::Streams => {
                let (streams, notes) = found(source.streams(&ask, cancel)?);
                LogReply::Streams(streams, notes)
            }
            StreamsWhat::Stats => LogReply::Totals(totals(source.log_stats(&ask, cancel)?)),
            StreamsWhat::Volumes => {
                let all = source.volumes(&ask, cancel)?;
                LogReply::Volumes(all.into_iter().map(|(l, s)| (l, totals(s))).collect())
            }
        })
    }
}

fn buckets(query: &LevelsQuery) -> Result<Buckets, QueryError> {
    if query.step <= 0 || query.count == 0 || query.count > MAX_BUCKETS {
        return Err(QueryError::Bad(format!(
            "{} stretches of {} ns: at least one and at most {MAX_BUCKETS}, each above zero",
            query.count, query.step
        )));
    }
    Ok(Buckets {
        start: query.start,
        step: query.step,
        count: query.count,
    })
}

/// The newest lines of a log query, at most so many.
pub(crate) fn newest(
    asked: &Asked<'_>,
    expr: &str,
    range: NanoRange,
    limit: usize,
) -> Result<(Vec<LogLine>, Notes), QueryError> {
    let query = LogsQuery::newest(expr, range, limit);
    let answer = Engine::default().run(asked.source, &query, asked.cancel)?;
    match answer.value {
        crate::model::answer::LogsValue::Lines(lines) => Ok((lines, answer.notes)),
        _ => Err(QueryError::Bad(
            "lines are asked for here: a metric query gives none".to_owned(),
        )),
    }
}

fn totals(stats: LogStats) -> LogTotals {
    LogTotals {
        streams: stats.streams,
        blocks: stats.blocks,
        bytes: stats.bytes,
        lines: stats.lines,
    }
}

fn found<T>(found: Found<T>) -> (Vec<T>, Notes) {
    let mut notes = noted(found.warnings);
    if found.cut {
        let said = "results truncated due to limit";
        notes.warnings.push(said.to_owned());
    }
    (found.items, notes)
}

pub(crate) fn noted(warnings: Vec<String>) -> Notes {
    Notes {
        partial: !warnings.is_empty(),
        warnings,
        infos: Vec::new(),
    }
}
