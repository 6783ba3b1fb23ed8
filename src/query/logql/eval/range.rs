//! Aggregations over windows of lines. Lines are read once, oldest first; each is added to the
//! windows that hold it, so that memory goes with series and steps, not with lines. Where nothing
//! but their number matters the store counts them ([`count`]).

mod count;

use crate::base::text;
use crate::model::labels::Labels;
use crate::model::log_entry::NanoRange;
use crate::model::matcher::MatchOp;
use crate::query::logql::ast::{Grouping, RangeAggregate, RangeOp};
use crate::query::logql::eval::grid::{Row, Steps};
use crate::query::logql::eval::lines::with_level;
use crate::query::logql::eval::window::{Gather, counter_rate, quantile};
use crate::query::logql::eval::{Asking, QueryError};
use crate::query::logql::stage::{Number, Pipeline, Record, Unwrapping, Work};
use crate::store::read::logs::{LogRow, LogSelect};
use hashbrown::HashMap;
use std::ops::ControlFlow;

/// Where the samples of one series go.
enum Into {
    /// One result for each step.
    Steps(Vec<Gather>),
    /// All samples, for what needs them together.
    Kept(Vec<(i64, f64)>),
}

/// `outer` is the grouping of a `sum` around this: it may be done here at once, since sums of sums
/// are sums.
pub(super) fn eval(
    ask: &mut Asking<'_>,
    a: &RangeAggregate,
    steps: Steps,
    outer: Option<&Grouping>,
) -> Result<Vec<Row>, QueryError> {
    let mut reader = Reader::new(ask, a, steps, outer)?;
    let range = NanoRange::new(
        (steps.start - a.offset).saturating_sub(a.range) + 1,
        (steps.last() - a.offset).saturating_add(1),
    );
    let tests = reader.pipeline.tests().to_vec();
    let mut select = LogSelect::new(&a.log.matchers, range);
    select.tests = &tests;
    select.levels = ask.query.levels;
    if count::fill(&mut reader, ask, &select)? {
        return match reader.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(reader.finish()),
        };
    }
    let scan = ask.source.lines(&select, ask.cancel, &mut |row| {
        if reader.row(row) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    ask.scanned(scan);
    if let Some(failure) = reader.failure.take() {
        return Err(failure);
    }
    Ok(reader.finish())
}

struct Reader<'a> {
    a: &'a RangeAggregate,
    steps: Steps,
    pipeline: Pipeline,
    unwrap: Option<Unwrapping>,
    grouping: Option<Grouping>,
    /// Errors are wanted as labels.
    errors_pass: bool,
    /// Nothing of the labels is needed: what a parser says of a line does not matter.
    no_labels: bool,
    work: Work,
    index: HashMap<Labels, usize>,
    series: Vec<(Labels, Into)>,
    most_series: usize,
    most_values: usize,
    values: usize,
    failure: Option<QueryError>,
}

impl<'a> Reader<'a> {
    fn new(
        ask: &Asking<'_>,
        a: &'a RangeAggregate,
        steps: Steps,
        outer: Option<&Grouping>,
    ) -> Result<Self, QueryError> {
        let pipeline = Pipeline::compile(&a.log)?;
        let unwrap = a.unwrap.as_ref().map(Unwrapping::new).transpose();
        let unwrap = unwrap.map_err(QueryError::Bad)?;
        let errors_pass =
            pipeline.wants_errors() || unwrap.as_ref().is_some_and(Unwrapping::wants_errors);
        let no_labels = unwrap.is_none()
            && outer.is_some_and(|g| !g.without && g.labels.is_empty())
            && !pipeline.reads_labels();
        let grouping = match (a.grouping.clone(), &unwrap) {
            (Some(mut by), Some(unwrap)) if by.without => {
                by.labels.push(unwrap.label().to_owned());
                Some(by)
            }
            (Some(by), _) => Some(by),
            (None, Some(unwrap)) => Some(Grouping {
                without: true,
                labels: vec![unwrap.label().to_owned()],
            }),
            (None, None) => None,
        };
        // The grouping of the sum takes in what the inner one leaves.
        let grouping = match outer {
            Some(by) => Some(by.clone()),
            None => grouping,
        };
        Ok(Self {
            a,
            steps,
            pipeline,
            unwrap,
            grouping,
            errors_pass,
            no_labels,
            work: Work::default(),
            index: HashMap::new(),
            series: Vec::new(),
            most_series: ask.limits.inner_series,
            most_values: ask.limits.values,
            values: 0,
            failure: None,
        })
    }

    /// False where reading ends.
    fn row(&mut self, row: &LogRow<'_>) -> bool {
        let metadata = with_level(row);
        self.work.start(row.stream, &metadata);
        let mut record = Record {
            t: row.t,
            line: text::decode(row.line),
            labels: &mut self.work,
        };
        let value = if self.pipeline.is_plain() {
            row.line.len()
        } else {
            if !self.pipeline.run(&mut record) {
                return true;
            }
            record.line.len()
        };
        let value = match (&self.unwrap, self.a.op) {
            (Some(unwrap), _) => match unwrap.number(&mut self.work) {
                Number::Is(v) => v,
                Number::None => return true,
            },
            (None, RangeOp::Bytes | RangeOp::BytesRate) => value as f64,
            (None, _) => 1.0,
        };
        if self.work.error().is_some() && !self.errors_pass && !self.no_labels {
            self.failure = Some(failed(&self.work.labels(), &self.work));
            return false;
        }
        let labels = self.work.labels();
        let labels = match &self.grouping {
            None => labels,
            Some(by) => grouped(&labels, by),
        };
        self.add(labels, row.t, value)
    }

    fn add(&mut self, labels: Labels, t: i64, v: f64) -> bool {
        let at = match self.index.get(&labels) {
            Some(at) => *at,
            None => match self.open(labels) {
                Some(at) => at,
                None => return false,
            },
        };
        let (first, last) = self.windows(t);
        let op = self.a.op;
        match &mut self.series[at].1 {
            Into::Steps(all) => {
                for gather in &mut all[first..last] {
                    gather.add(op, t, v);
                }
            }
            Into::Kept(all) => {
                all.push((t, v));
                self.values += 1;
                if self.values > self.most_values {
                    self.failure = Some(too_many(self.most_values));
                    return false;
                }
            }
        }
        true
    }

    fn open(&mut self, labels: Labels) -> Option<usize> {
        if self.series.len() >= self.most_series {
            let most = self.most_series;
            self.failure = Some(QueryError::Bad(format!(
                "the query makes more than {most} series; drop labels, or put sum by (..) around it"
            )));
            return None;
        }
        let kept = matches!(self.a.op, RangeOp::Quantile | RangeOp::RateCounter);
        let into = if kept {
            Into::Kept(Vec::new())
        } else {
            self.values += self.steps.count;
            if self.values > self.most_values {
                self.failure = Some(too_many(self.most_values));
                return None;
            }
            Into::Steps(vec![Gather::default(); self.steps.count])
        };
        let at = self.series.len();
        self.index.insert(labels.clone(), at);
        self.series.push((labels, into));
        Some(at)
    }

    /// The steps whose window holds the time: `T - O - R < t <= T - O`.
    fn windows(&self, t: i64) -> (usize, usize) {
        let (steps, a) = (self.steps, self.a);
        let moved = t.saturating_add(a.offset);
        // The first step at or behind the line, and the first whose window begins at or behind it.
        let ceil = |t: i64| {
            let distance = t.saturating_sub(steps.start);
            if distance <= 0 {
                return 0;
            }
            let whole = (distance - 1) / steps.step + 1;
            (whole as usize).min(steps.count)
        };
        (ceil(moved), ceil(moved.saturating_add(a.range)))
    }

    fn finish(self) -> Vec<Row> {
        let (a, steps) = (self.a, self.steps);
        let seconds = a.range as f64 / 1e9;
        let mut rows: Vec<Row> = Vec::with_capacity(self.series.len());
        for (labels, into) in self.series {
            let values = match into {
                Into::Steps(all) => all
                    .iter()
                    .map(|g| (!g.is_empty()).then(|| g.result(a.op, seconds)))
                    .collect(),
                Into::Kept(samples) => kept(a, steps, &samples),
            };
            rows.push(Row { labels, values });
        }
        if a.op == RangeOp::Absent {
            return absent(a, steps, &rows);
        }
        rows
    }
}

/// Windows over samples in order of time.
fn kept(a: &RangeAggregate, steps: Steps, samples: &[(i64, f64)]) -> Vec<Option<f64>> {
    let window = |i: usize| {
        let to = steps.at(i) - a.offset;
        let from = to - a.range;
        let first = samples.partition_point(|(t, _)| *t <= from);
        let last = samples.partition_point(|(t, _)| *t <= to);
        let inside = &samples[first..last];
        if inside.is_empty() {
            return None;
        }
        Some(if a.op == RangeOp::Quantile {
            let mut values: Vec<f64> = inside.iter().map(|(_, v)| *v).collect();
            quantile(a.param.unwrap_or(f64::NAN), &mut values)
        } else {
            counter_rate(inside, from, to)
        })
    };
    (0..steps.count).map(window).collect()
}

/// 1 where no series has anything, with the labels that the selector says outright.
fn absent(a: &RangeAggregate, steps: Steps, rows: &[Row]) -> Vec<Row> {
    let matchers = &a.log.matchers;
    let alone = |name: &str| matchers.iter().filter(|m| m.name == name).count() == 1;
    let pairs = matchers
        .iter()
        .filter(|m| m.op == MatchOp::Equal && alone(&m.name))
        .map(|m| (m.name.as_str(), m.value.as_str()));
    let missing = |i: usize| {
        let any = rows.iter().any(|row| row.values[i].is_some());
        (!any).then_some(1.0)
    };
    vec![Row {
        labels: Labels::from_pairs(pairs),
        values: (0..steps.count).map(missing).collect(),
    }]
}

pub(super) fn grouped(labels: &Labels, by: &Grouping) -> Labels {
    labels.retain(|name| by.labels.iter().any(|l| l == name) != by.without)
}

fn too_many(most: usize) -> QueryError {
    QueryError::Bad(format!(
        "the query keeps more than {most} values; ask for a shorter range, a longer step, or fewer series"
    ))
}

/// Loki's words.
fn failed(labels: &Labels, work: &Work) -> QueryError {
    let error = work.error().unwrap_or_default();
    QueryError::Failed(format!(
        "pipeline error: '{error}' for series: '{labels}'.\nUse a label filter to intentionally skip \
         this error. (e.g | __error__!=\"{error}\").\nTo skip all potential errors you can match empty \
         errors.(e.g __error__=\"\")\nThe label filter can also be specified after unwrap. (e.g | \
         unwrap latency | __error__=\"\" )\n"
    ))
}
