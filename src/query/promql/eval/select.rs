//! Selectors: series of the store as rows, or as windows over their samples.

use crate::model::labels::Labels;
use crate::model::matcher::Matcher;
use crate::model::sample::{Samples, is_stale};
use crate::model::time::{Steps, TimeRange};
use crate::query::promql::ast::{
    At, Duration, Expr, Kind, RangeSelector, Selector, Span, Subquery, When,
};
use crate::query::promql::eval::limits::{Guard, Run, fault};
use crate::query::promql::eval::share::{Desk, Many};
use crate::query::promql::eval::{ABSENT, Done, Row, Sink, is_present};
use crate::store::read::Select;

/// The times that a selector looks at, one per step: offset and `@` resolved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments {
    first: i64,
    /// Zero where `@` pins them.
    stride: i64,
    pub(crate) count: usize,
}

impl Moments {
    pub(crate) fn at(self, i: usize) -> i64 {
        self.first
            .saturating_add(self.stride.saturating_mul(i as i64))
    }

    fn last(self) -> i64 {
        self.at(self.count.saturating_sub(1))
    }
}

/// One series of a range vector.
pub(crate) struct Ranged<'r> {
    pub(crate) labels: &'r Labels,
    pub(crate) drop_name: bool,
    pub(crate) under: Under<'r>,
}

/// Samples of one series and where the windows are that are laid over them.
pub(crate) struct Under<'r> {
    pub(crate) times: &'r [i64],
    pub(crate) values: &'r [f64],
    pub(crate) moments: Moments,
    /// Milliseconds.
    pub(crate) range: i64,
}

impl Under<'_> {
    /// Calls `each(step, from, to, lo, hi)` for every step whose window `(from, to]` holds samples
    /// `lo..hi`.
    pub(crate) fn windows(&self, mut each: impl FnMut(usize, i64, i64, usize, usize)) {
        let (mut low, mut high) = (Hand::default(), Hand::default());
        for step in 0..self.moments.count {
            let to = self.moments.at(step);
            let from = to.saturating_sub(self.range);
            let hi = high.past(self.times, to);
            let lo = low.past(self.times, from);
            if lo < hi {
                each(step, from, to, lo, hi);
            }
        }
    }
}

/// A place among rising times that only moves on. Scrapes come evenly, so it looks first where it
/// would stand if it moved as far as the last time.
#[derive(Default)]
struct Hand {
    at: usize,
    stride: usize,
}

impl Hand {
    /// How many of the times are not later than `t`, which never falls from call to call.
    #[inline]
    fn past(&mut self, times: &[i64], t: i64) -> usize {
        let before = self.at;
        let guess = before + self.stride;
        if guess > before && guess <= times.len() && times[guess - 1] <= t {
            self.at = guess;
        }
        while self.at < times.len() && times[self.at] <= t {
            self.at += 1;
        }
        self.stride = self.at - before;
        self.at
    }
}

impl Run<'_> {
    pub(crate) fn moments(&self, when: &When, grid: Steps) -> Moments {
        let offset = when.offset.as_ref().map_or(0, |d| self.duration(d));
        let pinned = match when.at {
            Some(At::Time(t)) => Some(t),
            Some(At::Start) => Some(self.top.start),
            Some(At::End) => Some(self.top.end),
            None => None,
        };
        Moments {
            first: pinned.unwrap_or(grid.start).saturating_sub(offset),
            stride: if pinned.is_some() { 0 } else { grid.step },
            count: grid.count(),
        }
    }

    /// Reads every series that matches, sample columns reused from one to the next.
    fn read_series(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        each: &mut dyn FnMut(&Labels, &mut Samples) -> Done,
    ) -> Done {
        let select = Select {
            matchers,
            range,
            live: self.live,
        };
        let selection = self.source.select(&select, self.cancel)?;
        self.partial(selection.warnings);
        let mut samples = Samples::default();
        for mut reader in selection.series {
            self.check()?;
            samples.clear();
            reader.read(range, &mut samples)?;
            if samples.is_empty() {
                continue;
            }
            self.samples.set(self.samples.get() + samples.len() as u64);
            self.series.set(self.series.get() + 1);
            self.would_fit(samples.len() as u64, Span::default())?;
            each(reader.labels(), &mut samples)?;
        }
        Ok(())
    }

    /// An instant selector: at each step the newest sample that is no older than the lookback.
    pub(crate) fn select_rows(&self, s: &Selector, grid: Steps, sink: Sink<'_>) -> Done {
        self.pick(s, grid, sink, |_, v| v)
    }

    /// The times of the samples that [`Run::select_rows`] would pick, in seconds.
    pub(crate) fn select_times(&self, s: &Selector, grid: Steps, sink: Sink<'_>) -> Done {
        self.pick(s, grid, sink, |t, v| {
            if is_present(v) {
                t as f64 / 1000.0
            } else {
                ABSENT
            }
        })
    }

    fn pick(
        &self,
        s: &Selector,
        grid: Steps,
        sink: Sink<'_>,
        value: impl Fn(i64, f64) -> f64 + Sync,
    ) -> Done {
        let moments = self.moments(&s.when, grid);
        let oldest = moments.first.saturating_sub(self.lookback);
        let range = TimeRange::new(oldest.saturating_add(1), moments.last());
        let lookback = self.lookback;
        let work = |desk: &mut Desk, _: &Guard<'_>| {
            let Desk { samples, row, .. } = desk;
            let mut hand = Hand::default();
            let mut any = false;
            for (i, slot) in row.iter_mut().enumerate() {
                let t = moments.at(i);
                // The staleness marker is what `ABSENT` is: it ends the series by itself.
                *slot = match hand.past(&samples.times, t).checked_sub(1) {
                    Some(i) if samples.times[i] > t.saturating_sub(lookback) => {
                        value(samples.times[i], samples.values[i])
                    }
                    _ => ABSENT,
                };
                any |= is_present(*slot);
            }
            Ok(any)
        };
        let many = Many {
            matchers: &s.matchers,
            range,
            steps: moments.count,
            work: &work,
        };
        self.share(&many, &mut |labels, values, _| {
            sink(Row {
                labels,
                drop_name: false,
                values,
            })
        })
    }

    /// Hands every series of a range-vector expression to `each`, staleness markers left out.
    pub(crate) fn ranges(
        &self,
        expr: &Expr,
        grid: Steps,
        each: &mut dyn FnMut(&Ranged<'_>) -> Done,
    ) -> Done {
        match &expr.bare().kind {
            Kind::Range(r) => {
                let (moments, range, span) = self.spread(r, expr.span, grid)?;
                self.read_series(&r.selector.matchers, span, &mut |labels, samples| {
                    drop_stale(samples);
                    each(&Ranged {
                        labels,
                        drop_name: false,
                        under: Under {
                            times: &samples.times,
                            values: &samples.values,
                            moments,
                            range,
                        },
                    })
                })
            }
            Kind::Subquery(s) => self.subquery(s, expr.span, grid, each),
            _ => Err(fault(expr.span, "a range vector is needed here")),
        }
    }

    /// The moments of a range selector, its range in milliseconds, and all the time it looks at.
    pub(crate) fn spread(
        &self,
        r: &RangeSelector,
        span: Span,
        grid: Steps,
    ) -> Done<(Moments, i64, TimeRange)> {
        if r.selector.extended.is_some() {
            let why = "the modifiers anchored and smoothed are not evaluated yet";
            return Err(fault(span, why));
        }
        let range = self.positive(&r.range, span)?;
        let moments = self.moments(&r.selector.when, grid);
        let oldest = moments.first.saturating_sub(range);
        let all = TimeRange::new(oldest.saturating_add(1), moments.last());
        Ok((moments, range, all))
    }

    fn positive(&self, d: &Duration, span: Span) -> Done<i64> {
        let ms = self.duration(d);
        if ms <= 0 {
            return Err(fault(span, "duration must be greater than 0"));
        }
        Ok(ms)
    }

    /// The inner expression at whole multiples of its own step, whatever the outer steps are.
    fn subquery(
        &self,
        s: &Subquery,
        span: Span,
        grid: Steps,
        each: &mut dyn FnMut(&Ranged<'_>) -> Done,
    ) -> Done {
        let range = self.positive(&s.range, span)?;
        let step = match &s.step {
            Some(step) => self.positive(step, span)?,
            None => self.limits.subquery_step_ms,
        };
        let moments = self.moments(&s.when, grid);
        let from = moments.first.saturating_sub(range);
        let inner = Steps {
            start: (from.div_euclid(step) + 1).saturating_mul(step),
            end: moments.last(),
            step,
        };
        // A row of the inner expression, and its samples as two columns.
        let slots = inner.count().saturating_mul(3);
        self.would_fit(slots as u64, span)?;
        self.hold(slots)?;
        let mut samples = Samples::default();
        let done = self.rows(&s.expr, inner, &mut |row| {
            samples.clear();
            for (i, v) in row.values.iter().enumerate() {
                if is_present(*v) {
                    samples.push(inner.start + i as i64 * step, *v);
                }
            }
            each(&Ranged {
                labels: row.labels,
                drop_name: row.drop_name,
                under: Under {
                    times: &samples.times,
                    values: &samples.values,
                    moments,
                    range,
                },
            })
        });
        self.release(slots);
        done
    }
}

pub(crate) fn drop_stale(samples: &mut Samples) {
    if !samples.values.iter().any(|v| is_stale(*v)) {
        return;
    }
    let mut kept = 0;
    for i in 0..samples.len() {
        if !is_stale(samples.values[i]) {
            samples.times[kept] = samples.times[i];
            samples.values[kept] = samples.values[i];
            kept += 1;
        }
    }
    samples.times.truncate(kept);
    samples.values.truncate(kept);
}
