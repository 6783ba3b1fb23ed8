//! Quantiles and fractions of classic histograms: series that differ in `le` only.

use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::time::Steps;
use crate::query::promql::ast::{Call, Expr, Span};
use crate::query::promql::eval::limits::Run;
use crate::query::promql::eval::{ABSENT, Done, Kept, Row, Sink, is_present};
use crate::query::promql::literal;
use hashbrown::HashMap;

/// Cumulative count of observations up to `le`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    pub(crate) le: f64,
    pub(crate) count: f64,
}

/// One histogram: its rows by rising `le`.
struct Histogram {
    labels: Labels,
    buckets: Vec<(f64, Vec<f64>)>,
}

impl Run<'_> {
    pub(crate) fn quantile_of_buckets(&self, c: &Call, grid: Steps, sink: Sink<'_>) -> Done {
        let q = self.scalar(&c.args[0], grid)?;
        for q in &q {
            self.warn_quantile(*q, c.args[0].span);
        }
        let all = self.histograms(&c.args[1], grid)?;
        self.each_histogram(&all, grid, sink, &mut |step, name, buckets| {
            let (v, forced) = quantile(q[step], buckets);
            if forced {
                self.inform_monotonic(name, c.args[1].span);
            }
            v
        })
    }

    /// `histogram_quantiles(v, "label", q...)`: the label tells the quantiles apart.
    pub(crate) fn quantiles_of_buckets(&self, c: &Call, grid: Steps, sink: Sink<'_>) -> Done {
        let label = Self::text_of(&c.args[1])?;
        let all = self.histograms(&c.args[0], grid)?;
        for arg in &c.args[2..] {
            let q = self.scalar(arg, grid)?;
            for q in &q {
                self.warn_quantile(*q, arg.span);
            }
            let mut run = |step: usize, name: &str, buckets: &mut Vec<Bucket>| {
                let (v, forced) = quantile(q[step], buckets);
                if forced {
                    self.inform_monotonic(name, c.args[0].span);
                }
                v
            };
            let value = literal::format_number(q[0]);
            self.each_histogram(
                &all,
                grid,
                &mut |row| {
                    let mut labels = row.labels.edit();
                    labels.set(label, &value);
                    let labels = labels.finish();
                    sink(Row {
                        labels: &labels,
                        drop_name: row.drop_name,
                        values: row.values,
                    })
                },
                &mut run,
            )?;
        }
        Ok(())
    }

    pub(crate) fn fraction_of_buckets(&self, c: &Call, grid: Steps, sink: Sink<'_>) -> Done {
        let lower = self.scalar(&c.args[0], grid)?;
        let upper = self.scalar(&c.args[1], grid)?;
        let all = self.histograms(&c.args[2], grid)?;
        self.each_histogram(&all, grid, sink, &mut |step, _, buckets| {
            fraction(lower[step], upper[step], buckets)
        })
    }

    fn inform_monotonic(&self, name: &str, span: Span) {
        let of = if name.is_empty() {
            String::new()
        } else {
            format!(" for metric name {name:?}")
        };
        let what = format!(
            "input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile){of}"
        );
        self.inform(span, &what);
    }

    /// Gathers the series of an expression into histograms, `le` read once per series.
    fn histograms(&self, expr: &Expr, grid: Steps) -> Done<Vec<Histogram>> {
        let mut out: Vec<Histogram> = Vec::new();
        let mut place: HashMap<Labels, usize> = HashMap::new();
        for row in self.keep_rows(expr, grid)? {
            let Kept { labels, values, .. } = row;
            let le_text = labels.get("le");
            let Some(le) = parse_le(le_text) else {
                let what = format!(
                    "bucket label \"le\" is missing or has a malformed value of {le_text:?} for metric name {:?}",
                    labels.get(METRIC_NAME)
                );
                self.warn(expr.span, &what);
                self.release(values.len());
                continue;
            };
            let key = labels.retain(|n| n != "le");
            let at = *place.entry(key.clone()).or_insert(out.len());
            if at == out.len() {
                out.push(Histogram {
                    labels: key,
                    buckets: Vec::new(),
                });
            }
            out[at].buckets.push((le, values));
        }
        for h in &mut out {
            h.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        Ok(out)
    }

    fn each_histogram(
        &self,
        all: &[Histogram],
        grid: Steps,
        sink: Sink<'_>,
        run: &mut dyn FnMut(usize, &str, &mut Vec<Bucket>) -> f64,
    ) -> Done {
        let mut values = vec![ABSENT; grid.count()];
        let mut buckets = Vec::new();
        for h in all {
            self.check()?;
            for (step, slot) in values.iter_mut().enumerate() {
                buckets.clear();
                for (le, column) in &h.buckets {
                    if is_present(column[step]) {
                        buckets.push(Bucket {
                            le: *le,
                            count: column[step],
                        });
                    }
                }
                *slot = if buckets.is_empty() {
                    ABSENT
                } else {
                    run(step, h.labels.metric_name(), &mut buckets)
                };
            }
            sink(Row {
                labels: &h.labels,
                drop_name: true,
                values: &mut values,
            })?;
        }
        let held = all.iter().flat_map(|h| &h.buckets).map(|b| b.1.len()).sum();
        self.release(held);
        Ok(())
    }
}

/// As Go's `ParseFloat`: infinities in their long forms too.
fn parse_le(text: &str) -> Option<f64> {
    let bare = text.trim_start_matches(['+', '-']);
    if bare.eq_ignore_ascii_case("infinity") {
        return literal::signed_number(&text[..text.len() - 5]);
    }
    literal::signed_number(text)
}

/// Buckets with one bound become one; counts that fall are lifted. True where one fell by more
/// than the error of floats.
fn repair(buckets: &mut Vec<Bucket>) -> bool {
    let mut merged = 0;
    for i in 1..buckets.len() {
        if buckets[i].le == buckets[merged].le {
            buckets[merged].count += buckets[i].count;
        } else {
            merged += 1;
            buckets[merged] = buckets[i];
        }
    }
    buckets.truncate(merged + 1);
    let mut forced = false;
    let mut before = buckets[0].count;
    for bucket in buckets.iter_mut().skip(1) {
        let now = bucket.count;
        if now == before {
            continue;
        }
        if nearly(before, now) {
            bucket.count = before;
        } else if now < before {
            bucket.count = before;
            forced = true;
        } else {
            before = now;
        }
    }
    forced
}

/// Within 1e-12 of each other. Source: Prometheus' `smallDeltaTolerance`.
fn nearly(a: f64, b: f64) -> bool {
    let sum = a.abs() + b.abs();
    let difference = (a - b).abs();
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < 1e-12 * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < 1e-12
}

/// The value below which the share `q` of the observations lies, linear within a bucket; true
/// where the counts had to be repaired. `buckets` rise by `le`.
pub(crate) fn quantile(q: f64, buckets: &mut Vec<Bucket>) -> (f64, bool) {
    if q.is_nan() {
        return (f64::NAN, false);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, false);
    }
    if q > 1.0 {
        return (f64::INFINITY, false);
    }
    if buckets.last().is_none_or(|b| b.le != f64::INFINITY) {
        return (f64::NAN, false);
    }
    let forced = repair(buckets);
    let last = buckets.len() - 1;
    let total = buckets[last].count;
    if last == 0 || total == 0.0 || total.is_nan() {
        return (f64::NAN, false);
    }
    let mut rank = q * total;
    let at = buckets[..last].partition_point(|b| b.count < rank);
    if at == last {
        return (buckets[last - 1].le, forced);
    }
    if at == 0 && buckets[0].le <= 0.0 {
        return (buckets[0].le, forced);
    }
    let (mut start, mut count) = (0.0, buckets[at].count);
    if at > 0 {
        start = buckets[at - 1].le;
        count -= buckets[at - 1].count;
        rank -= buckets[at - 1].count;
    }
    (start + (buckets[at].le - start) * (rank / count), forced)
}

/// The share of observations between two values, linear within a bucket.
pub(crate) fn fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if buckets.last().is_none_or(|b| b.le != f64::INFINITY) {
        return f64::NAN;
    }
    repair(buckets);
    let count = buckets[buckets.len() - 1].count;
    if count == 0.0 || count.is_nan() || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank_of(upper, buckets, count) - rank_of(lower, buckets, count)) / count
}

/// How many observations lie below `v`.
fn rank_of(v: f64, buckets: &[Bucket], count: f64) -> f64 {
    let mut rank = 0.0;
    let mut below = f64::NEG_INFINITY;
    for (i, b) in buckets.iter().enumerate() {
        if i == 0 && b.le > 0.0 {
            // The first bucket of positive bounds starts at zero.
            below = 0.0;
        }
        if below >= v {
            return rank;
        }
        if b.le > v {
            // An open end cannot be divided: all of it, or none.
            return if below.is_infinite() || b.le.is_infinite() {
                rank
            } else {
                (rank + (b.count - rank) * (v - below) / (b.le - below)).min(count)
            };
        }
        rank = b.count;
        below = b.le;
    }
    count.min(rank)
}
