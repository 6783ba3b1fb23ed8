//! Questions to the series: each is answered from every place that has a part of it.

use crate::base::cancel::Cancel;
use crate::model::labels::Labels;
use crate::model::matcher::Matcher;
use crate::model::sample::Samples;
use crate::model::time::TimeRange;
use crate::store::live::cut;
use crate::store::metrics::block::{BlockError, Place};
use crate::store::metrics::merge;
use crate::store::metrics::tsdb::Tsdb;
use crate::store::read::{Ask, Found, ReadError, Select, Selection, SeriesReader};
use crate::store::write::SeriesId;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Where a part of a series stands. In the order in which they are read: at equal times the part
/// that comes first is believed.
enum Part {
    Block(Place),
    Head(SeriesId),
    Ring(Samples),
}

struct Row {
    labels: Labels,
    parts: Vec<Part>,
}

struct Reader<'a> {
    tsdb: &'a Tsdb,
    row: Row,
    #[expect(
        dead_code,
        reason = "held, so that the head keeps what this reader may still ask for"
    )]
    pin: Arc<()>,
}

impl SeriesReader for Reader<'_> {
    fn labels(&self) -> &Labels {
        &self.row.labels
    }

    fn read(&mut self, range: TimeRange, out: &mut Samples) -> Result<(), ReadError> {
        let start = out.len();
        for part in &self.row.parts {
            let at = out.len();
            match part {
                Part::Block(place) => {
                    if let Err(e) = place.read(range, out) {
                        if let BlockError::Damaged { .. } = e {
                            self.tsdb.blocks.quarantine(&place.block, &e);
                        }
                        return Err(ReadError::Damaged(e.to_string()));
                    }
                }
                Part::Head(id) => self.tsdb.head.read().head.read_series(*id, range, out),
                Part::Ring(samples) => {
                    out.times.extend_from_slice(&samples.times);
                    out.values.extend_from_slice(&samples.values);
                    merge::clip(out, at, range);
                }
            }
            merge::join(out, start, at);
        }
        Ok(())
    }
}

impl Tsdb {
    pub(crate) fn select<'a>(
        &'a self,
        select: &Select<'_>,
        cancel: &Cancel,
    ) -> Result<Selection<'a>, ReadError> {
        cancel.check()?;
        let pin = Arc::clone(&self.pin.lock());
        let (mut rows, warnings) = self.rows(select.matchers, select.range, cancel)?;
        if select.live {
            let ring = self.ring.find(select.matchers, select.range).into_iter();
            let ring = ring.map(|(labels, samples)| Row {
                labels,
                parts: vec![Part::Ring(samples)],
            });
            rows = unite(rows, ring.collect());
        }
        cancel.check()?;
        let reader = |row| {
            let pin = Arc::clone(&pin);
            let tsdb = self;
            Box::new(Reader { tsdb, row, pin }) as Box<dyn SeriesReader>
        };
        Ok(Selection {
            series: rows.into_iter().map(reader).collect(),
            warnings,
        })
    }

    /// What is stored of the series that match, by labels; and what could not be read.
    fn rows(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        cancel: &Cancel,
    ) -> Result<(Vec<Row>, Vec<String>), ReadError> {
        let mut rows = Vec::new();
        let mut warnings = Vec::new();
        // The list before the head: what is cut in between is then still in the head.
        let blocks = self.blocks.list();
        let head = self.head_rows(matchers, range);
        for block in blocks.iter().filter(|b| b.range().overlaps(range)) {
            cancel.check()?;
            match block.select(matchers, range) {
                Ok(found) => {
                    let found = found.into_iter().map(|(labels, place)| Row {
                        labels,
                        parts: vec![Part::Block(place)],
                    });
                    rows = unite(rows, found.collect());
                }
                Err(e) => {
                    if let BlockError::Damaged { .. } = e {
                        self.blocks.quarantine(block, &e);
                    }
                    warnings.push(format!("{e}: the answer is partial"));
                }
            }
        }
        for missing in self.blocks.missing(range) {
            if !warnings.iter().any(|w| w.starts_with(&missing)) {
                warnings.push(missing);
            }
        }
        Ok((unite(rows, head), warnings))
    }

    fn head_rows(&self, matchers: &[Matcher], range: TimeRange) -> Vec<Row> {
        let live = self.head.read();
        let found = live.head.select(matchers, range).into_iter();
        let rows = found.filter_map(|id| {
            Some(Row {
                labels: live.head.labels(id)?,
                parts: vec![Part::Head(id)],
            })
        });
        rows.collect()
    }

    /// Hands the labels of every series that is asked for to `see`, some of them more than once.
    fn each(
        &self,
        ask: &Ask<'_>,
        cancel: &Cancel,
        see: &mut dyn FnMut(&Labels),
    ) -> Result<Vec<String>, ReadError> {
        let all = [Vec::new()];
        let selectors = if ask.selectors.is_empty() {
            &all[..]
        } else {
            ask.selectors
        };
        let mut warnings = Vec::new();
        for matchers in selectors {
            cancel.check()?;
            let (rows, more) = self.rows(matchers, ask.range, cancel)?;
            warnings.extend(more);
            for row in &rows {
                see(&row.labels);
            }
        }
        warnings.sort_unstable();
        warnings.dedup();
        Ok(warnings)
    }

    pub(crate) fn label_names(
        &self,
        ask: &Ask<'_>,
        cancel: &Cancel,
    ) -> Result<Found<String>, ReadError> {
        let mut names: BTreeSet<String> = BTreeSet::new();
        let warnings = self.each(ask, cancel, &mut |labels| {
            for (name, _) in labels {
                if !names.contains(name) {
                    names.insert(name.to_owned());
                }
            }
        })?;
        Ok(cut(names, ask.limit, warnings))
    }

    pub(crate) fn label_values(
        &self,
        name: &str,
        ask: &Ask<'_>,
        cancel: &Cancel,
    ) -> Result<Found<String>, ReadError> {
        let mut values: BTreeSet<String> = BTreeSet::new();
        let warnings = self.each(ask, cancel, &mut |labels| {
            let value = labels.get(name);
            if !value.is_empty() && !values.contains(value) {
                values.insert(value.to_owned());
            }
        })?;
        Ok(cut(values, ask.limit, warnings))
    }

    pub(crate) fn series(
        &self,
        ask: &Ask<'_>,
        cancel: &Cancel,
    ) -> Result<Found<Labels>, ReadError> {
        let mut all = BTreeSet::new();
        let warnings = self.each(ask, cancel, &mut |labels| {
            all.insert(labels.clone());
        })?;
        Ok(cut(all, ask.limit, warnings))
    }
}

/// Puts two lists that are sorted by labels into one; parts of equal labels come together, those of
/// `a` first.
fn unite(a: Vec<Row>, b: Vec<Row>) -> Vec<Row> {
    if a.is_empty() || b.is_empty() {
        return if a.is_empty() { b } else { a };
    }
    let mut out = Vec::with_capacity(a.len().max(b.len()));
    let (mut a, mut b) = (a.into_iter().peekable(), b.into_iter().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (Some(x), Some(y)) if x.labels == y.labels => Ordering::Equal,
            (Some(x), Some(y)) => x.labels.cmp(&y.labels),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return out,
        };
        match order {
            Ordering::Less => out.extend(a.next()),
            Ordering::Greater => out.extend(b.next()),
            Ordering::Equal => {
                if let (Some(mut x), Some(y)) = (a.next(), b.next()) {
                    x.parts.extend(y.parts);
                    out.push(x);
                }
            }
        }
    }
}
