//! Series that are worked on one by one, where there are many by two threads.
//!
//! The thread of the query and one beside it take pieces of the series in turn; what comes of them
//! is handed on in the order of the labels, so that sums do not depend on who was faster. The second
//! one is at most two pieces ahead, and ends with the query.

use crate::base::task;
use crate::model::labels::Labels;
use crate::model::matcher::Matcher;
use crate::model::sample::Samples;
use crate::model::time::TimeRange;
use crate::query::promql::ast::Span;
use crate::query::promql::eval::limits::{ErrorKind, Guard, QueryError, Run};
use crate::query::promql::eval::{ABSENT, Done};
use crate::query::promql::functions::window::Prepared;
use crate::store::read::{Select, SeriesReader};
use std::sync::mpsc::sync_channel;

/// Series of one piece.
const PIECE: usize = 8;
/// Pieces that are done and wait.
const AHEAD: usize = 2;
/// Fewer series than this, or so few steps of them, are not worth a second thread.
const FEW: usize = 64;
const LITTLE: usize = 16_000;

/// What one series is worked on with; used again for the next one.
pub(crate) struct Desk {
    pub(crate) samples: Samples,
    /// A value per step.
    pub(crate) row: Vec<f64>,
    pub(crate) prepared: Prepared,
    /// Arguments that somebody should hear of.
    pub(crate) odd: Vec<f64>,
}

impl Desk {
    pub(crate) fn new(steps: usize) -> Self {
        Self {
            samples: Samples::default(),
            row: vec![ABSENT; steps],
            prepared: Prepared::default(),
            odd: Vec::new(),
        }
    }
}

/// The series of a selector, and what is done with each.
pub(crate) struct Many<'a> {
    pub(crate) matchers: &'a [Matcher],
    pub(crate) range: TimeRange,
    pub(crate) steps: usize,
    /// Fills the desk's row, absent everywhere, from its samples; false where it stays so.
    pub(crate) work: &'a (dyn Fn(&mut Desk, &Guard<'_>) -> Done<bool> + Sync),
}

/// Takes labels, row and odd arguments of every series that has a value.
pub(crate) type Take<'t> = &'t mut dyn FnMut(&Labels, &mut [f64], &[f64]) -> Done;

type Reader<'a> = Box<dyn SeriesReader + 'a>;

/// A series that the second thread has worked on.
struct Finished<'a> {
    reader: Reader<'a>,
    samples: u64,
    /// Empty where nothing is present.
    row: Vec<f64>,
    odd: Vec<f64>,
}

impl Many<'_> {
    /// Works on one series; returns whether it has a value.
    fn one(&self, reader: &mut Reader<'_>, desk: &mut Desk, guard: &Guard<'_>) -> Done<bool> {
        guard.check()?;
        desk.samples.clear();
        desk.odd.clear();
        reader.read(self.range, &mut desk.samples)?;
        if desk.samples.is_empty() {
            return Ok(false);
        }
        desk.row.fill(ABSENT);
        (self.work)(desk, guard)
    }

    fn piece<'r>(
        &self,
        piece: Vec<Reader<'r>>,
        desk: &mut Desk,
        guard: &Guard<'_>,
    ) -> Done<Vec<Finished<'r>>> {
        let one = |mut reader: Reader<'r>| {
            let any = self.one(&mut reader, desk, guard)?;
            Ok(Finished {
                reader,
                samples: desk.samples.len() as u64,
                row: if any { desk.row.clone() } else { Vec::new() },
                odd: desk.odd.clone(),
            })
        };
        piece.into_iter().map(one).collect()
    }
}

impl Run<'_> {
    /// Works on every series of a selector and hands on those that have a value.
    pub(crate) fn share(&self, many: &Many<'_>, take: Take<'_>) -> Done {
        let select = Select {
            matchers: many.matchers,
            range: many.range,
            live: self.live,
        };
        let selection = self.source.select(&select, self.cancel)?;
        self.partial(selection.warnings);
        let series = selection.series;
        let work = series.len().saturating_mul(many.steps + 16);
        if series.len() < FEW || work < LITTLE || task::cores() < 2 {
            let mut desk = Desk::new(many.steps);
            return self.alone(many, series, &mut desk, take);
        }
        self.together(many, series, take)
    }

    fn alone(
        &self,
        many: &Many<'_>,
        series: Vec<Reader<'_>>,
        desk: &mut Desk,
        take: Take<'_>,
    ) -> Done {
        let guard = self.guard();
        for mut reader in series {
            let any = many.one(&mut reader, desk, &guard)?;
            self.count(desk.samples.len() as u64)?;
            if any {
                take(reader.labels(), &mut desk.row, &desk.odd)?;
            }
        }
        Ok(())
    }

    fn together(&self, many: &Many<'_>, series: Vec<Reader<'_>>, take: Take<'_>) -> Done {
        let (mut mine, mut others) = (Vec::new(), Vec::new());
        let mut series = series.into_iter();
        loop {
            let piece: Vec<_> = series.by_ref().take(PIECE).collect();
            if piece.is_empty() {
                break;
            }
            if mine.len() > others.len() {
                others.push(piece);
            } else {
                mine.push(piece);
            }
        }
        let pieces = others.len();
        let (tell, hear) = sync_channel(AHEAD);
        let guard = self.guard();
        let aside = move || {
            let mut desk = Desk::new(many.steps);
            for piece in others {
                let done = many.piece(piece, &mut desk, &guard);
                let failed = done.is_err();
                // Nobody hears it once the query has ended.
                if tell.send(done).is_err() || failed {
                    return;
                }
            }
        };
        task::beside("evaluate-beside", aside, move || {
            let mut desk = Desk::new(many.steps);
            for (n, piece) in mine.into_iter().enumerate() {
                self.alone(many, piece, &mut desk, take)?;
                if n >= pieces {
                    break;
                }
                for mut done in hear.recv().map_err(|_| left_alone())?? {
                    self.count(done.samples)?;
                    if !done.row.is_empty() {
                        take(done.reader.labels(), &mut done.row, &done.odd)?;
                    }
                }
            }
            Ok(())
        })
    }

    /// Counts a series that was read, and refuses one that would not fit beside what is held.
    fn count(&self, samples: u64) -> Done {
        if samples == 0 {
            return Ok(());
        }
        self.samples.set(self.samples.get() + samples);
        self.series.set(self.series.get() + 1);
        self.would_fit(samples, Span::default())
    }
}

/// The second thread could not be started, or panicked.
fn left_alone() -> QueryError {
    QueryError {
        kind: ErrorKind::Execution,
        message: "the second thread of the query did not run to its end: ask again, and look for its panic in `bongsu status`".to_owned(),
        span: None,
    }
}
