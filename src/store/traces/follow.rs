//! The log of spans, read by position by those who send spans on.

use crate::model::span::Span;
use crate::store::disk::wal::Event;
use crate::store::read::{LogPlace, ReadError};
use crate::store::traces::Traces;
use crate::store::traces::head::from_record;

impl Traces {
    pub(crate) fn end_of_log(&self) -> LogPlace {
        LogPlace {
            segment: self.wal.segment(),
            record: 0,
        }
    }

    /// Reads whole records until there are `most` spans; what is not on the disk yet is not there.
    pub(crate) fn spans_after(
        &self,
        place: LogPlace,
        most: usize,
    ) -> Result<(Vec<Span>, LogPlace), ReadError> {
        let segments = self.wal.segments().into_iter().map(|s| s.number);
        let (mut spans, mut at) = (Vec::new(), place);
        for number in segments.filter(|n| *n >= place.segment) {
            let known = if number == place.segment {
                place.record
            } else {
                0
            };
            at = LogPlace {
                segment: number,
                record: known,
            };
            let (mut seen, mut torn) = (0, false);
            let read = self.wal.read_segment(number, &mut |event| match event {
                // The end of what is being written now: the next look finds it whole.
                Event::Damage => torn = number == self.wal.segment(),
                Event::Record { payload, .. } if !torn => {
                    seen += 1;
                    if seen > known && spans.len() < most {
                        spans.extend(from_record(payload).unwrap_or_default());
                        at.record = seen;
                    }
                }
                Event::Record { .. } | Event::Segment(_) => {}
            });
            read.map_err(|e| ReadError::Io(e.to_string()))?;
            if spans.len() >= most {
                break;
            }
        }
        Ok((spans, at))
    }

    /// Bytes of log from the segment of a place on.
    pub(crate) fn behind(&self, place: LogPlace) -> u64 {
        let segments = self.wal.segments().into_iter();
        let open = segments.filter(|s| s.number >= place.segment);
        open.map(|s| s.bytes).sum()
    }

    /// Segments from this one on stay for `who`, until it says otherwise.
    pub(crate) fn hold(&self, who: &str, segment: Option<u32>) {
        {
            let mut held = self.held.lock();
            match segment {
                Some(n) => held.insert(who.to_owned(), n),
                None => held.remove(who),
            };
        }
        self.trim_log(self.blocks.until_segment());
    }

    /// Removes what is in blocks and what nobody holds.
    pub(super) fn trim_log(&self, in_blocks: u32) {
        let held = self.held.lock().values().copied().min();
        let until = held.map_or(in_blocks, |held| held.min(in_blocks));
        if let Err(e) = self.wal.remove_before(until) {
            *self.problem.lock() = Some(e.to_string());
        }
    }
}
