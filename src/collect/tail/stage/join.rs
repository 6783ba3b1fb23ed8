//! Stages that make one entry of several lines: multiline, cri.

use crate::collect::tail::stage::Entry;
use crate::config::logs::stages::{Cri, Multiline};
use crate::model::labels::Labels;
use crate::store::write::logs::MAX_LINE;
use std::collections::BTreeMap;

/// A partial line waits so long for its next part, in milliseconds: the place in its file stands
/// before it all the while.
const PART_MS: i64 = 60_000;

/// Blocks that wait for their next line, by labels.
#[derive(Default)]
pub(crate) struct Lines(BTreeMap<Labels, Block>);

struct Block {
    entry: Entry,
    lines: usize,
    /// When its last line came, milliseconds since the epoch.
    since: i64,
}

impl Lines {
    pub(crate) fn take(&mut self, config: &Multiline, entry: Entry, out: &mut Vec<Entry>) {
        let key = entry.labels.clone().finish();
        let now = entry.now / 1_000_000;
        if config.firstline.is_match(&entry.line) {
            out.extend(self.0.remove(&key).map(|b| b.entry));
            let block = Block {
                entry,
                lines: 1,
                since: now,
            };
            self.0.insert(key, block);
            return;
        }
        let Some(block) = self.0.get_mut(&key) else {
            // Before the first beginning there is nothing to join.
            out.push(entry);
            return;
        };
        block.entry.line.push(b'\n');
        block.entry.line.extend_from_slice(&entry.line);
        block.lines += 1;
        block.since = now;
        if (block.lines >= config.max_lines || block.entry.line.len() >= MAX_LINE)
            && let Some(block) = self.0.remove(&key)
        {
            out.push(block.entry);
        }
    }

    pub(crate) fn tick(&mut self, config: &Multiline, now: Option<i64>, out: &mut Vec<Entry>) {
        let wait = config.max_wait.as_millis() as i64;
        let due = |b: &Block| now.is_none_or(|now| now - b.since >= wait || now < b.since);
        let keys: Vec<Labels> = self
            .0
            .iter()
            .filter(|(_, b)| due(b))
            .map(|(k, _)| k.clone())
            .collect();
        for key in keys {
            out.extend(self.0.remove(&key).map(|b| b.entry));
        }
    }

    pub(crate) fn oldest(&self) -> Option<u64> {
        self.0.values().map(|b| b.entry.from).min()
    }
}

/// Partial lines of containers, joined so far, by stream.
#[derive(Default)]
pub(crate) struct Parts(BTreeMap<Labels, Entry>);

impl Parts {
    /// A line of the container runtime interface: `TIME STREAM FLAGS TEXT`; flag P is joined with
    /// what follows up to F. With parts of too many streams all that waits goes on as it is.
    pub(crate) fn take(&mut self, config: &Cri, mut entry: Entry, out: &mut Vec<Entry>) {
        let line = std::mem::take(&mut entry.line);
        let Some((time, stream, flags, text)) = read(&line) else {
            entry.line = line;
            return out.push(entry);
        };
        let nanos = chrono::DateTime::parse_from_rfc3339(time).ok();
        entry.t = nanos
            .and_then(|t| t.timestamp_nanos_opt())
            .unwrap_or(entry.t);
        entry.labels.set("stream", stream);
        for (name, value) in [("stream", stream), ("flags", flags), ("time", time)] {
            entry.extracted.insert(name.to_owned(), value.into());
        }
        entry.line = text.to_vec();
        let content = String::from_utf8_lossy(text).into_owned();
        entry.extracted.insert("content".to_owned(), content.into());
        let key = entry.labels.clone().finish();
        let part = flags == "P";
        match self.0.remove(&key) {
            Some(before) => join(config, &before, &mut entry),
            None if part => {
                if self.0.len() >= config.max_partial_lines {
                    self.flush(out);
                }
                cut(config, &mut entry);
            }
            None => {}
        }
        if part {
            self.0.insert(key, entry);
        } else {
            out.push(entry);
        }
    }

    /// Lets go what waited long enough; `now` in milliseconds, or everything.
    pub(crate) fn tick(&mut self, now: Option<i64>, out: &mut Vec<Entry>) {
        let due = |e: &Entry| now.is_none_or(|now| now - e.now / 1_000_000 >= PART_MS);
        if !self.0.values().any(due) {
            return;
        }
        for (key, entry) in std::mem::take(&mut self.0) {
            if due(&entry) {
                out.push(entry);
            } else {
                self.0.insert(key, entry);
            }
        }
    }

    fn flush(&mut self, out: &mut Vec<Entry>) {
        out.extend(std::mem::take(&mut self.0).into_values());
    }

    pub(crate) fn oldest(&self) -> Option<u64> {
        self.0.values().map(|e| e.from).min()
    }
}

fn join(config: &Cri, before: &Entry, entry: &mut Entry) {
    let mut line = before.line.clone();
    // What is longer is not stored, so that it need not be kept.
    let room = MAX_LINE.saturating_sub(line.len());
    line.extend_from_slice(&entry.line[..entry.line.len().min(room)]);
    entry.line = line;
    entry.from = before.from;
    cut(config, entry);
}

fn cut(config: &Cri, entry: &mut Entry) {
    if config.max_partial_line_size > 0 && config.truncate {
        entry.line.truncate(config.max_partial_line_size);
    }
}

fn read(line: &[u8]) -> Option<(&str, &str, &str, &[u8])> {
    let mut parts = line.splitn(4, |b| *b == b' ');
    let mut text = || std::str::from_utf8(parts.next()?).ok();
    let (time, stream, flags) = (text()?, text()?, text()?);
    let known = stream == "stdout" || stream == "stderr";
    (known && !flags.is_empty()).then(|| (time, stream, flags, parts.next().unwrap_or_default()))
}
