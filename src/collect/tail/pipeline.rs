//! What happens to the lines of one file between reading and storing: joining of stack traces,
//! detection, stages.

use crate::collect::tail::output::Output;
use crate::collect::tail::stage::{Entry, Stages};
use crate::config::logs::{Encoding, LogJob};
use crate::model::labels::{Labels, LabelsBuilder};
use crate::model::log_entry::Level;
use crate::store::write::logs::{MAX_LINE, StreamId};
use crate::wire::detect;
use std::sync::Arc;

/// A stack trace waits for its next line at most so long, in milliseconds.
const WAIT_MS: i64 = 1_000;
/// A line that was just written may say a time so far before its reading, and so far behind it, in
/// nanoseconds, before another offset is looked for.
const HELD_UP: i64 = 30 * 60_000_000_000;
const AHEAD: i64 = 60_000_000_000;
/// So near the last line of a file is to the moment of its writing.
const MEETS: i64 = 10_000_000_000;
/// Lines and bytes of one joined entry at most.
const MOST_LINES: usize = 512;

/// The label, never stored, by which a source tells the level that it knows.
pub(crate) const LEVEL: &str = "__level";

/// One line as it comes from its source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) bytes: &'a [u8],
    /// Where it begins in the source.
    pub(crate) from: u64,
    /// When it was read, nanoseconds since the epoch.
    pub(crate) now: i64,
    /// It was just written: its clock may be compared with ours.
    pub(crate) live: bool,
}

pub(crate) struct Pipeline {
    labels: Labels,
    stages: Stages,
    detect: bool,
    encoding: Option<Encoding>,
    /// Seconds east of UTC that are expected where a time has no zone, and those that are used.
    zone: i32,
    offset: i32,
    stream: Option<StreamId>,
    held: Option<Held>,
    /// The memory of an entry that went.
    spare: Vec<u8>,
    /// Time of the last line that said one, and of the last that said none.
    said: Option<i64>,
    entries: Vec<Entry>,
}

/// An entry that further lines may join.
struct Held {
    bytes: Vec<u8>,
    from: u64,
    t: i64,
    /// The first line says its time itself.
    timed: bool,
    lines: usize,
    since: i64,
}

impl Pipeline {
    pub(crate) fn new(job: &Arc<LogJob>, labels: Labels, zone: i32) -> Self {
        Self {
            stages: Stages::new(&job.stages),
            detect: job.detect,
            encoding: job.encoding,
            labels,
            zone,
            offset: zone,
            stream: None,
            held: None,
            spare: Vec::new(),
            said: None,
            entries: Vec::new(),
        }
    }

    /// One of the same kind that has seen nothing.
    pub(crate) fn fresh(&self) -> Self {
        Self {
            labels: self.labels.clone(),
            stages: self.stages.fresh(),
            detect: self.detect,
            encoding: self.encoding,
            zone: self.zone,
            offset: self.offset,
            stream: self.stream,
            held: None,
            spare: Vec::new(),
            said: None,
            entries: Vec::new(),
        }
    }

    /// Takes one line.
    pub(crate) fn take(&mut self, line: Line<'_>, out: &mut Output) {
        let decoded = self.encoding.map(|e| e.decode(line.bytes).into_owned());
        let line = Line {
            bytes: decoded.as_ref().map_or(line.bytes, |text| text.as_bytes()),
            ..line
        };
        if !self.detect {
            return self.through(line.bytes, line.from, line.now, out);
        }
        if let Some(held) = &mut self.held
            && (detect::goes_on(line.bytes) || held.timed && detect::names_error(line.bytes))
            && held.lines < MOST_LINES
            && held.bytes.len() + line.bytes.len() < MAX_LINE
        {
            held.bytes.push(b'\n');
            held.bytes.extend_from_slice(line.bytes);
            held.lines += 1;
            held.since = line.now / 1_000_000;
            return;
        }
        let (t, timed) = self.time_of(line);
        self.release(out);
        let mut bytes = std::mem::take(&mut self.spare);
        bytes.clear();
        bytes.extend_from_slice(line.bytes);
        self.held = Some(Held {
            bytes,
            from: line.from,
            t,
            timed,
            lines: 1,
            since: line.now / 1_000_000,
        });
    }

    /// The time that a line says, and true; else that of the line before, as what it says belongs
    /// there; else that of its reading.
    fn time_of(&mut self, line: Line<'_>) -> (i64, bool) {
        let Some(found) = detect::time(line.bytes, line.now) else {
            // A nanosecond later, so that whoever reads page by page can go on from any line.
            self.said = self.said.map(|t| t.saturating_add(1));
            return (self.said.unwrap_or(line.now), false);
        };
        if found.zone.is_none() && line.live {
            self.adjust(found, line.now);
        }
        let t = found.at(self.offset);
        self.said = Some(t);
        (t, true)
    }

    /// Finds the offset of the clock of a file from its last line, and when that was written.
    pub(crate) fn learn(&mut self, last: &[u8], written: i64) {
        if !self.detect {
            return;
        }
        let Some(found) = detect::time(last, written).filter(|f| f.zone.is_none()) else {
            return;
        };
        let before = self.offset;
        self.adjust(found, written);
        // A file that was copied or touched says nothing: only what meets to the second counts.
        if found.at(self.offset).abs_diff(written) > MEETS.unsigned_abs() {
            self.offset = before;
        }
    }

    /// Finds the offset of a clock without a zone on a line that was just written. One that fits
    /// stays: a line that was held up for some minutes does not move it.
    fn adjust(&mut self, found: detect::LineTime, now: i64) {
        let apart = found.at(self.offset).saturating_sub(now);
        if !(-HELD_UP..AHEAD).contains(&apart)
            && let Some(offset) = detect::quarter_hour(found.wall, now)
        {
            self.offset = offset;
        }
    }

    /// The offset that live lines showed, seconds east of UTC, where it is not the expected one.
    pub(crate) fn found_offset(&self) -> Option<i32> {
        (self.offset != self.zone).then_some(self.offset)
    }

    /// Hands the held entry on.
    fn release(&mut self, out: &mut Output) {
        if let Some(held) = self.held.take() {
            self.through(&held.bytes, held.from, held.t, out);
            self.spare = held.bytes;
        }
    }

    /// Whether the source is to wait before its next line; `now` in nanoseconds.
    pub(crate) fn waits(&self, now: i64, out: &Output) -> bool {
        !self.stages.is_empty() && self.stages.waits(now, &out.tally)
    }

    /// Takes an entry that has labels and a time of its own.
    pub(crate) fn take_entry(&mut self, entry: Entry, out: &mut Output) {
        let mut entries = std::mem::take(&mut self.entries);
        if self.stages.is_empty() {
            entries.push(entry);
        } else {
            self.stages.take(entry, &mut entries, &mut out.tally);
        }
        Self::store(&mut entries, out);
        self.entries = entries;
    }

    fn through(&mut self, bytes: &[u8], from: u64, t: i64, out: &mut Output) {
        if self.stages.is_empty() {
            let Some(stream) = self.stream.or_else(|| out.stream(&self.labels)) else {
                return out.drop_line("stream_limit");
            };
            self.stream = Some(stream);
            return out.push(stream, t, detect::level(bytes), bytes);
        }
        let mut entry = Entry::new(&self.labels, bytes, t);
        entry.from = from;
        let mut entries = std::mem::take(&mut self.entries);
        self.stages.take(entry, &mut entries, &mut out.tally);
        Self::store(&mut entries, out);
        self.entries = entries;
    }

    fn store(entries: &mut Vec<Entry>, out: &mut Output) {
        for entry in entries.drain(..) {
            let told = detect::level_of_word(entry.labels.get(LEVEL));
            let labels = visible(entry.labels);
            let Some(stream) = out.stream(&labels) else {
                out.drop_line("stream_limit");
                continue;
            };
            let level = told.unwrap_or_else(|| level_of(&labels, &entry.line));
            out.push(stream, entry.t, level, &entry.line);
            out.describe(entry.metadata.finish());
        }
    }

    /// Lets go what waited long enough; `now` in milliseconds, or everything.
    pub(crate) fn tick(&mut self, now: Option<i64>, out: &mut Output) {
        let waited = |since: i64| now.is_none_or(|now| now - since >= WAIT_MS || now < since);
        if self.held.as_ref().is_some_and(|h| waited(h.since)) {
            self.release(out);
        }
        if !self.stages.is_empty() {
            let mut entries = std::mem::take(&mut self.entries);
            self.stages.tick(now, &mut entries, &mut out.tally);
            Self::store(&mut entries, out);
            self.entries = entries;
        }
    }

    /// Where the oldest line begins that is in no entry yet.
    pub(crate) fn oldest(&self) -> Option<u64> {
        let held = self.held.as_ref().map(|h| h.from);
        held.into_iter().chain(self.stages.oldest()).min()
    }
}

/// Labels without those that begin with `__`.
fn visible(mut labels: LabelsBuilder) -> Labels {
    labels.retain(|name| !name.starts_with("__"));
    labels.finish()
}

fn level_of(labels: &Labels, line: &[u8]) -> Level {
    let named = ["level", "detected_level", "severity"].iter();
    let named = named.map(|n| labels.get(n)).find(|v| !v.is_empty());
    named
        .and_then(detect::level_of_word)
        .unwrap_or_else(|| detect::level(line))
}
