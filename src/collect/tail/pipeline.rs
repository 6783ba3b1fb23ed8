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
    /// Seconds east of UTC where a time has no zone.
    zone: i32,
    stream: Option<StreamId>,
    held: Option<Held>,
    entries: Vec<Entry>,
}

/// An entry that further lines may join.
struct Held {
    bytes: Vec<u8>,
    from: u64,
    t: i64,
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
            stream: None,
            held: None,
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
            stream: self.stream,
            held: None,
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
            && detect::goes_on(line.bytes)
            && held.lines < MOST_LINES
            && held.bytes.len() + line.bytes.len() < MAX_LINE
        {
            held.bytes.push(b'\n');
            held.bytes.extend_from_slice(line.bytes);
            held.lines += 1;
            held.since = line.now / 1_000_000;
            return;
        }
        let t = self.time_of(line);
        self.release(out);
        self.held = Some(Held {
            bytes: line.bytes.to_vec(),
            from: line.from,
            t,
            lines: 1,
            since: line.now / 1_000_000,
        });
    }

    /// The time that a line says, else that of its reading.
    fn time_of(&self, line: Line<'_>) -> i64 {
        let Some(found) = detect::time(line.bytes, line.now) else {
            return line.now;
        };
        let mut offset = self.zone;
        if found.zone.is_none() && line.live {
            offset = detect::quarter_hour(found.wall, line.now).unwrap_or(offset);
        }
        found.at(offset)
    }

    /// Hands the held entry on.
    fn release(&mut self, out: &mut Output) {
        if let Some(held) = self.held.take() {
            self.through(&held.bytes, held.from, held.t, out);
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
