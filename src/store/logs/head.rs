//! The streams, and their newest lines in memory: an open buffer each, and sealed ones that wait to
//! be written as blocks. Knows nothing of files.

use crate::model::labels::Labels;
use crate::model::log_entry::NanoRange;
use crate::model::matcher::Matcher;
use crate::store::logs::arrivals::Arrivals;
use crate::store::logs::buffer::Buffer;
use crate::store::metrics::matching::Postings;
use crate::store::metrics::symbols::Symbols;
use crate::store::write::logs::LogBatch;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// Bytes of lines from which a buffer is sealed.
pub(crate) const SEAL: usize = 256 << 10;

#[derive(Default)]
pub(crate) struct Head {
    symbols: Symbols,
    by_labels: HashMap<Labels, u32>,
    pub(crate) streams: Vec<Stream>,
    pub(crate) sealed: VecDeque<Arc<Sealed>>,
    pub(crate) sealed_bytes: usize,
    /// Streams with lines that no commit took yet, and the bytes of those.
    dirty: BTreeSet<u32>,
    pub(crate) dirty_bytes: usize,
    /// Bytes of lines in open buffers.
    pub(crate) open_bytes: usize,
    pub(crate) positions: BTreeMap<String, Vec<u8>>,
    pub(crate) moved: BTreeSet<String>,
    pub(crate) arrivals: Arrivals,
    /// Lines and bytes taken in since the start.
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
}

pub(crate) struct Stream {
    pub(crate) labels: Labels,
    /// Shared with readers, who hold it for a moment; copied if a line comes just then.
    pub(crate) open: Arc<Buffer>,
    /// Number of the open buffer's first line within the stream.
    pub(crate) first: u64,
    /// Lines of the open buffer that are in the log.
    pub(crate) committed: usize,
    /// The oldest segment of the log that holds lines of the open buffer.
    pub(crate) segment: Option<u32>,
    /// When the open buffer got its first line, in milliseconds since the epoch.
    pub(crate) since: i64,
    /// First and last time of any line that was ever kept.
    pub(crate) span: Option<(i64, i64)>,
}

/// A full buffer.
pub(crate) struct Sealed {
    pub(crate) stream: u32,
    /// Number of the first line behind it.
    pub(crate) before: u64,
    /// The oldest segment of the log that holds lines of it.
    pub(crate) segment: Option<u32>,
    pub(crate) lines: Arc<Buffer>,
}

impl Stream {
    pub(crate) fn widen(&mut self, min: i64, max: i64) {
        let (a, b) = self.span.unwrap_or((min, max));
        self.span = Some((a.min(min), b.max(max)));
    }
}

impl Head {
    pub(crate) fn stream(&mut self, labels: &Labels) -> u32 {
        if let Some(id) = self.by_labels.get(labels) {
            return *id;
        }
        let id = self.streams.len() as u32;
        self.symbols.add(labels, id);
        self.by_labels.insert(labels.clone(), id);
        self.streams.push(Stream {
            labels: labels.clone(),
            open: Arc::default(),
            first: 0,
            committed: 0,
            segment: None,
            since: 0,
            span: None,
        });
        id
    }

    pub(crate) fn knows(&self, labels: &Labels) -> bool {
        self.by_labels.contains_key(labels)
    }

    /// The number of a stream; one that no stream has where it is not known.
    pub(crate) fn number(&self, labels: &Labels) -> u32 {
        self.by_labels.get(labels).copied().unwrap_or(u32::MAX)
    }

    /// Puts back what the log holds; `first` numbers the first of the lines.
    pub(crate) fn restore(&mut self, id: u32, first: u64, lines: &Buffer, segment: u32) {
        let stream = &mut self.streams[id as usize];
        let open = Arc::make_mut(&mut stream.open);
        // After damage lines may be missing in between: the newest keep their numbers.
        stream.first = first.saturating_sub(open.len() as u64);
        for i in 0..lines.len() {
            open.push_row(lines, i);
        }
        self.open_bytes += lines.bytes.len();
        stream.committed = open.len();
        stream.segment.get_or_insert(segment);
        if let Some((min, max)) = lines.span() {
            stream.widen(min, max);
        }
    }

    /// Forgets the lines that are in blocks: those with smaller numbers.
    pub(crate) fn cut(&mut self, id: u32, before: u64) {
        let stream = &mut self.streams[id as usize];
        let gone = before.saturating_sub(stream.first);
        let gone = usize::try_from(gone)
            .unwrap_or(usize::MAX)
            .min(stream.open.len());
        let mut rest = Buffer::default();
        for i in gone..stream.open.len() {
            rest.push_row(&stream.open, i);
        }
        self.open_bytes -= stream.open.bytes.len() - rest.bytes.len();
        stream.first = if rest.is_empty() {
            before
        } else {
            stream.first + gone as u64
        };
        stream.committed = rest.len();
        stream.segment = stream.segment.filter(|_| !rest.is_empty());
        stream.open = Arc::new(rest);
    }

    /// Seals the largest buffers while open ones hold more than `most` bytes of lines.
    pub(crate) fn shed(&mut self, most: usize) {
        if self.open_bytes <= most {
            return;
        }
        let mut sizes: Vec<(usize, u32)> = Vec::new();
        for (id, stream) in self.streams.iter().enumerate() {
            if !stream.open.is_empty() {
                sizes.push((stream.open.bytes.len(), id as u32));
            }
        }
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        for (_, id) in sizes {
            if self.open_bytes <= most / 2 {
                break;
            }
            self.seal(id);
        }
    }

    /// Takes the lines; `now` in milliseconds since the epoch.
    pub(crate) fn append(&mut self, batch: &LogBatch, now: i64) {
        let followed = self.arrivals.wanted();
        for (row, line) in batch.lines() {
            let id = row.stream.0;
            let Some(stream) = self.streams.get_mut(id as usize) else {
                continue;
            };
            if stream.open.bytes.len() + line.len() > SEAL && !stream.open.is_empty() {
                self.seal(id);
            }
            let stream = &mut self.streams[id as usize];
            if stream.open.is_empty() {
                stream.since = now;
            }
            stream.widen(row.t, row.t);
            let metadata = row.metadata.as_ref();
            Arc::make_mut(&mut stream.open).push(row.t, row.level, metadata, line);
            self.dirty.insert(id);
            self.dirty_bytes += line.len();
            self.open_bytes += line.len();
            if followed {
                self.arrivals.push(row, line);
            }
        }
        if !followed {
            self.arrivals.pass(batch.len() as u64);
        }
        self.lines += batch.len() as u64;
        self.bytes += batch.bytes() as u64;
        for (source, position) in batch.reached_positions() {
            match position {
                Some(at) => self.positions.insert(source.clone(), at.clone()),
                None => self.positions.remove(source),
            };
            self.moved.insert(source.clone());
        }
    }

    /// Closes the open buffer of a stream.
    pub(crate) fn seal(&mut self, id: u32) {
        let stream = &mut self.streams[id as usize];
        if stream.open.is_empty() {
            return;
        }
        let lines = std::mem::take(&mut stream.open);
        let from = stream.committed;
        let uncommitted = lines.bytes.len() - lines.start(from.min(lines.len()));
        stream.first += lines.len() as u64;
        stream.committed = 0;
        let segment = stream.segment.take();
        self.dirty.remove(&id);
        self.dirty_bytes -= uncommitted.min(self.dirty_bytes);
        self.open_bytes -= lines.bytes.len();
        self.sealed_bytes += lines.bytes.len();
        self.sealed.push_back(Arc::new(Sealed {
            stream: id,
            before: stream.first,
            segment,
            lines,
        }));
    }

    /// The oldest segment of the log that holds lines which are in no block yet.
    pub(crate) fn oldest_segment(&self) -> Option<u32> {
        let open = self.streams.iter().filter_map(|s| s.segment);
        let sealed = self.sealed.iter().filter_map(|s| s.segment);
        open.chain(sealed).min()
    }

    /// The streams with lines that no commit took yet, whose lines count as taken from now on.
    pub(crate) fn take_dirty(&mut self) -> Vec<u32> {
        self.dirty_bytes = 0;
        std::mem::take(&mut self.dirty).into_iter().collect()
    }

    /// An estimate in bytes.
    pub(crate) fn memory(&self) -> usize {
        let open: usize = self
            .streams
            .iter()
            .map(|s| s.open.memory() + size_of::<Stream>())
            .sum();
        let sealed: usize = self.sealed.iter().map(|s| s.lines.memory()).sum();
        open + sealed + self.symbols.bytes()
    }

    /// The streams that satisfy every matcher and may have lines in the range, rising.
    pub(crate) fn select(&self, matchers: &[Matcher], range: NanoRange) -> Vec<u32> {
        let all = || (0..self.streams.len() as u32).collect();
        let mut found = self.symbols.select(matchers, all);
        found.retain(|id| {
            let span = self.streams[*id as usize].span;
            span.is_some_and(|(min, max)| range.meets(min, max))
        });
        found
    }

    /// As [`Head::select`], for any of several selectors; none means all.
    pub(crate) fn select_any(&self, selectors: &[Vec<Matcher>], range: NanoRange) -> Vec<u32> {
        if selectors.is_empty() {
            return self.select(&[], range);
        }
        let mut found: Vec<u32> = Vec::new();
        for matchers in selectors {
            found.extend(self.select(matchers, range));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
