//! Function calls.

use crate::model::labels::{Labels, LabelsBuilder, METRIC_NAME};
use crate::model::matcher::MatchOp;
use crate::model::time::Steps;
use crate::query::promql::ast::{Call, Expr, Kind, Selector, Span, ValueType};
use crate::query::promql::eval::limits::{Guard, Run, fault};
use crate::query::promql::eval::select::{Under, drop_stale};
use crate::query::promql::eval::share::{Desk, Many};
use crate::query::promql::eval::{ABSENT, Done, Kept, Row, Sink, is_present};
use crate::query::promql::functions::date::Civil;
use crate::query::promql::functions::window::{Prepared, Window};
use crate::query::promql::functions::{Body, Own, WindowBody};

mod labels;
mod sort;

/// A window function that is laid over series.
struct Lay<'a> {
    body: &'a WindowBody,
    /// The other arguments, a value per step.
    scalars: &'a [Vec<f64>],
    grid: Steps,
}

impl Lay<'_> {
    /// Fills the row, which is absent everywhere; false where it stays so. First arguments that are
    /// no quantile go to `odd`, where the function wants one.
    fn over(
        &self,
        under: &Under<'_>,
        (prepared, odd): (&mut Prepared, &mut Vec<f64>),
        row: &mut [f64],
        guard: &Guard<'_>,
    ) -> Done<bool> {
        prepared.prepare(self.body.prepare, under.values);
        let prepared = &*prepared;
        let mut any = false;
        let mut failed = Ok(());
        let arg = |i: usize, step: usize| self.scalars.get(i).map_or(0.0, |s| s[step]);
        under.windows(|step, from, to, lo, hi| {
            if step % 128 == 127 && failed.is_ok() {
                failed = guard.check();
            }
            if failed.is_err() {
                return;
            }
            let window = Window {
                all_times: under.times,
                all_values: under.values,
                lo,
                hi,
                from,
                to,
                at: self.grid.start + step as i64 * self.grid.step,
                args: [arg(0, step), arg(1, step)],
                prepared,
            };
            let first = window.args[0];
            if self.body.quantile
                && !(0.0..=1.0).contains(&first)
                && odd.last().map(|o| o.to_bits()) != Some(first.to_bits())
            {
                odd.push(first);
            }
            row[step] = (self.body.run)(&window);
            any |= is_present(row[step]);
        });
        failed.map(|()| any)
    }
}

impl Run<'_> {
    pub(crate) fn call_rows(&self, c: &Call, span: Span, grid: Steps, sink: Sink<'_>) -> Done {
        match &c.function.body {
            Body::Pure(run) => self.rows(&c.args[0], grid, &mut |row| {
                for v in row.values.iter_mut().filter(|v| is_present(**v)) {
                    *v = run(*v);
                }
                sink(Row {
                    drop_name: true,
                    ..row
                })
            }),
            Body::Scaled(run) => self.scaled_rows(c, *run, grid, sink),
            Body::Date(run) => self.date_rows(c, *run, grid, sink),
            Body::Window(body) => self.window_rows(c, body, grid, sink),
            Body::Own(own) => self.own_rows(*own, (c, span), grid, sink),
        }
    }

    fn own_rows(&self, own: Own, (c, span): (&Call, Span), grid: Steps, sink: Sink<'_>) -> Done {
        match own {
            Own::Absent => self.absent_rows(&c.args[0], grid, sink),
            Own::AbsentOverTime => self.absent_range_rows(&c.args[0], grid, sink),
            Own::HistogramQuantile => self.quantile_of_buckets(c, grid, sink),
            Own::HistogramQuantiles => self.quantiles_of_buckets(c, grid, sink),
            Own::HistogramFraction => self.fraction_of_buckets(c, grid, sink),
            // Floats have no part in it, but faults in the argument still count.
            Own::NativeOnly => self.rows(&c.args[0], grid, &mut |_| Ok(())),
            Own::LabelJoin => self.label_join(c, grid, sink),
            Own::LabelReplace => self.label_replace(c, grid, sink),
            Own::Sort { descending } => self.sort_rows(c, descending, grid, sink),
            Own::SortByLabel { descending } => self.sort_by_label(c, descending, grid, sink),
            Own::Timestamp => self.timestamp_rows(&c.args[0], grid, sink),
            Own::ToVector => {
                let mut values = self.scalar(&c.args[0], grid)?;
                sink(Row {
                    labels: &Labels::empty(),
                    drop_name: false,
                    values: &mut values,
                })
            }
            _ => {
                let why = format!("{}() is not evaluated yet", c.function.name);
                Err(fault(span, why))
            }
        }
    }

    /// Functions that give one number per step.
    pub(crate) fn scalar_call(&self, c: &Call, span: Span, grid: Steps) -> Done<Vec<f64>> {
        let Body::Own(own) = &c.function.body else {
            return Err(fault(span, "a number is needed here"));
        };
        let flat = |v: f64| Ok(vec![v; grid.count()]);
        match own {
            Own::Pi => flat(std::f64::consts::PI),
            Own::Time => Ok(grid.iter().map(|t| t as f64 / 1000.0).collect()),
            Own::Step => flat(self.step_seconds()),
            Own::QueryRange => flat((self.top.end - self.top.start) as f64 / 1000.0),
            Own::QueryStart => flat(self.top.start as f64 / 1000.0),
            Own::QueryEnd => flat(self.top.end as f64 / 1000.0),
            Own::MinOf | Own::MaxOf => {
                let mut a = self.scalar(&c.args[0], grid)?;
                let b = self.scalar(&c.args[1], grid)?;
                for (a, b) in a.iter_mut().zip(b) {
                    *a = if *own == Own::MinOf {
                        a.min(b)
                    } else {
                        a.max(b)
                    };
                }
                Ok(a)
            }
            Own::ToScalar => {
                let mut out = vec![ABSENT; grid.count()];
                self.rows(&c.args[0], grid, &mut |row| {
                    for (o, v) in out.iter_mut().zip(row.values.iter()) {
                        if is_present(*v) {
                            // A second element makes it no number.
                            *o = if is_present(*o) { f64::NAN } else { *v };
                        }
                    }
                    Ok(())
                })?;
                for o in &mut out {
                    if !is_present(*o) {
                        *o = f64::NAN;
                    }
                }
                Ok(out)
            }
            _ => Err(fault(
                span,
                format!("{}() is not evaluated yet", c.function.name),
            )),
        }
    }

    fn scaled_rows(
        &self,
        c: &Call,
        run: fn(f64, &[f64]) -> f64,
        grid: Steps,
        sink: Sink<'_>,
    ) -> Done {
        let scalars: Vec<Vec<f64>> = c.args[1..]
            .iter()
            .map(|a| self.scalar(a, grid))
            .collect::<Done<_>>()?;
        let mut args = vec![0.0; scalars.len()];
        self.rows(&c.args[0], grid, &mut |row| {
            for (step, v) in row.values.iter_mut().enumerate() {
                if is_present(*v) {
                    for (arg, column) in args.iter_mut().zip(&scalars) {
                        *arg = column[step];
                    }
                    *v = run(*v, &args);
                }
            }
            sink(Row {
                drop_name: true,
                ..row
            })
        })
    }

    fn date_rows(&self, c: &Call, run: fn(&Civil) -> f64, grid: Steps, sink: Sink<'_>) -> Done {
        let Some(arg) = c.args.first() else {
            let mut values: Vec<f64> = grid
                .iter()
                .map(|t| run(&Civil::at(t.div_euclid(1000))))
                .collect();
            return sink(Row {
                labels: &Labels::empty(),
                drop_name: false,
                values: &mut values,
            });
        };
        self.rows(arg, grid, &mut |row| {
            for v in row.values.iter_mut().filter(|v| is_present(**v)) {
                *v = run(&Civil::at(*v as i64));
            }
            sink(Row {
                drop_name: true,
                ..row
            })
        })
    }

    fn window_rows(&self, c: &Call, body: &WindowBody, grid: Steps, sink: Sink<'_>) -> Done {
        let range_at = c.function.args.iter().position(|t| *t == ValueType::Range);
        let range = &c.args[range_at.unwrap_or(0)];
        let mut scalars = Vec::new();
        for (i, arg) in c.args.iter().enumerate() {
            if Some(i) != range_at {
                scalars.push(self.scalar(arg, grid)?);
            }
        }
        check_smoothing(c, &scalars)?;
        let lay = Lay {
            body,
            scalars: &scalars,
            grid,
        };
        let mut take = |labels: &Labels, drop_name: bool, values: &mut [f64], odd: &[f64]| {
            for q in odd {
                self.warn_quantile(*q, c.args[0].span);
            }
            if body.counter {
                self.remark_no_counter(labels, range.span);
            }
            sink(Row {
                labels,
                drop_name: drop_name || !body.keeps_name,
                values,
            })
        };
        if let Kind::Range(r) = &range.bare().kind {
            let (moments, reach, all) = self.spread(r, range.span, grid)?;
            let work = |desk: &mut Desk, guard: &Guard<'_>| {
                let Desk {
                    samples,
                    row,
                    prepared,
                    odd,
                } = desk;
                drop_stale(samples);
                let under = Under {
                    times: &samples.times,
                    values: &samples.values,
                    moments,
                    range: reach,
                };
                lay.over(&under, (prepared, odd), row, guard)
            };
            let many = Many {
                matchers: &r.selector.matchers,
                range: all,
                steps: grid.count(),
                work: &work,
            };
            return self.share(&many, &mut |labels, values, odd| {
                take(labels, false, values, odd)
            });
        }
        let guard = self.guard();
        let mut desk = Desk::new(grid.count());
        self.ranges(range, grid, &mut |ranged| {
            let Desk {
                row, prepared, odd, ..
            } = &mut desk;
            row.fill(ABSENT);
            odd.clear();
            if !lay.over(&ranged.under, (prepared, odd), row, &guard)? {
                return Ok(());
            }
            take(ranged.labels, ranged.drop_name, row, odd)
        })
    }

    fn remark_no_counter(&self, labels: &Labels, span: Span) {
        let name = labels.metric_name();
        let known = ["_total", "_sum", "_count", "_bucket"];
        let typed = labels.get("__type__");
        let counter = if typed.is_empty() {
            name.is_empty() || known.iter().any(|k| name.ends_with(k))
        } else {
            matches!(typed, "counter" | "histogram")
        };
        if !counter {
            let what = if typed.is_empty() {
                format!(
                    "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {name:?}"
                )
            } else {
                format!(
                    "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", got {typed:?}: {name:?}"
                )
            };
            self.inform(span, &what);
        }
    }

    fn absent_rows(&self, arg: &Expr, grid: Steps, sink: Sink<'_>) -> Done {
        let mut missing = vec![1.0; grid.count()];
        self.rows(arg, grid, &mut |row| {
            for (m, v) in missing.iter_mut().zip(row.values.iter()) {
                if is_present(*v) {
                    *m = ABSENT;
                }
            }
            Ok(())
        })?;
        // Parentheses hide the selector, as they do in Prometheus.
        let selector = match &arg.kind {
            Kind::Selector(s) => Some(s),
            _ => None,
        };
        sink(Row {
            labels: &absent_labels(selector),
            drop_name: false,
            values: &mut missing,
        })
    }

    fn absent_range_rows(&self, arg: &Expr, grid: Steps, sink: Sink<'_>) -> Done {
        let mut missing = vec![1.0; grid.count()];
        self.ranges(arg, grid, &mut |ranged| {
            ranged
                .under
                .windows(|step, _, _, _, _| missing[step] = ABSENT);
            Ok(())
        })?;
        let selector = match &arg.kind {
            Kind::Range(r) => Some(&r.selector),
            _ => None,
        };
        sink(Row {
            labels: &absent_labels(selector),
            drop_name: false,
            values: &mut missing,
        })
    }

    /// The time of the sample where a selector stands, else the time of the step.
    fn timestamp_rows(&self, arg: &Expr, grid: Steps, sink: Sink<'_>) -> Done {
        if let Kind::Selector(s) = &arg.bare().kind {
            return self.select_times(s, grid, &mut |row| {
                sink(Row {
                    drop_name: true,
                    ..row
                })
            });
        }
        self.rows(arg, grid, &mut |row| {
            for (step, v) in row.values.iter_mut().enumerate() {
                if is_present(*v) {
                    *v = (grid.start + step as i64 * grid.step) as f64 / 1000.0;
                }
            }
            sink(Row {
                drop_name: true,
                ..row
            })
        })
    }
}

/// The factors of `double_exponential_smoothing` lie between 0 and 1.
fn check_smoothing(c: &Call, scalars: &[Vec<f64>]) -> Done {
    if c.function.name != "double_exponential_smoothing" {
        return Ok(());
    }
    for (i, (name, short)) in [("smoothing", "sf"), ("trend", "tf")].iter().enumerate() {
        if let Some(bad) = scalars[i].iter().find(|v| **v <= 0.0 || **v >= 1.0) {
            let why = format!("invalid {name} factor. Expected: 0 < {short} < 1, got: {bad:.6}");
            return Err(fault(c.args[i + 1].span, why));
        }
    }
    Ok(())
}

/// The labels that an absent series would surely have: those with exactly one equality.
fn absent_labels(selector: Option<&Selector>) -> Labels {
    let mut out = LabelsBuilder::default();
    let Some(selector) = selector else {
        return Labels::empty();
    };
    for m in &selector.matchers {
        let alone = selector
            .matchers
            .iter()
            .filter(|o| o.name == m.name)
            .count()
            == 1;
        if m.name != METRIC_NAME && m.op == MatchOp::Equal && alone {
            out.set(&m.name, &m.value);
        }
    }
    out.finish()
}

/// Lends every row in turn and gives its memory back.
pub(crate) fn emit(run: &Run<'_>, rows: Vec<Kept>, sink: Sink<'_>) -> Done {
    for mut row in rows {
        run.release(row.values.len());
        sink(row.lend())?;
    }
    Ok(())
}
