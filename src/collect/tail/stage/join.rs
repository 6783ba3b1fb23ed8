//! Stages that make one entry of several lines: multiline, cri.

use crate::collect::tail::stage::Entry;
use crate::config::logs::stages::{Cri, Multiline};
use crate::model::labels::Labels;
use crate::store::write::logs::MAX_LINE;
use std::collections::BTreeMap;

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

/// Partial lines of containers, by stream.
#[derive(Default)]
pub(crate) struct Parts(BTreeMap<Labels, Vec<Entry>>);

impl Parts {
    /// A line of the container runtime interface: `TIME STREAM FLAGS TEXT`; flag P is joined with
    /// what follows up to F.
    pub(crate) fn take(&mut self, config: &Cri, mut entry: Entry) -> Option<Entry> {
        let line = std::mem::take(&mut entry.line);
        let Some((time, stream, flags, text)) = read(&line) else {
            entry.line = line;
            return Some(entry);
        };
        let nanos = chrono::DateTime::parse_from_rfc3339(time).ok();
        entry.t = nanos
            .and_then(|t| t.timestamp_nanos_opt())
            .unwrap_or(entry.t);
        entry.labels.set("stream", stream);
        for (name, value) in [("stream", stream), ("flags", flags), ("timestamp", time)] {
            entry.extracted.insert(name.to_owned(), value.into());
        }
        entry.line = text.to_vec();
        let key = entry.labels.clone().finish();
        if flags == "F" {
            return Some(self.join(&key, Some(entry), config));
        }
        let held = self.0.entry(key.clone()).or_default();
        held.push(entry);
        (held.len() >= config.max_partial_lines).then(|| self.join(&key, None, config))
    }

    fn join(&mut self, key: &Labels, last: Option<Entry>, config: &Cri) -> Entry {
        let mut all = self.0.remove(key).unwrap_or_default();
        all.extend(last);
        let first = all.first().map_or(0, |e| e.from);
        let text: Vec<u8> = all.iter().flat_map(|e| e.line.iter().copied()).collect();
        let mut entry = all.pop().unwrap_or_else(|| Entry::new(key, b"", 0));
        entry.from = first;
        entry.line = text;
        if config.max_partial_line_size > 0 && config.truncate {
            entry.line.truncate(config.max_partial_line_size);
        }
        entry
    }

    pub(crate) fn flush(&mut self, out: &mut Vec<Entry>) {
        let keys: Vec<Labels> = self.0.keys().cloned().collect();
        let config = Cri::default();
        for key in keys {
            out.push(self.join(&key, None, &config));
        }
    }

    pub(crate) fn oldest(&self) -> Option<u64> {
        self.0.values().flatten().map(|e| e.from).min()
    }
}

fn read(line: &[u8]) -> Option<(&str, &str, &str, &[u8])> {
    let mut parts = line.splitn(4, |b| *b == b' ');
    let mut text = || std::str::from_utf8(parts.next()?).ok();
    let (time, stream, flags) = (text()?, text()?, text()?);
    let known = stream == "stdout" || stream == "stderr";
    (known && !flags.is_empty()).then(|| (time, stream, flags, parts.next().unwrap_or_default()))
}
