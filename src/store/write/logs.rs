//! The door for those who bring log lines.

use crate::model::labels::Labels;
use crate::model::log_entry::Level;
use crate::store::write::WriteError;

/// Names a stream inside one run of the store. Given by [`LogSink::stream`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u32);

/// Bytes of one line at most; collectors cut longer ones and say so.
pub const MAX_LINE: usize = 256 << 10;

/// Takes lines.
pub trait LogSink: Send + Sync {
    /// Finds the stream or creates it.
    fn stream(&self, labels: &Labels) -> Result<StreamId, WriteError>;

    /// Keeps the lines and, in the same record, the positions they were read up to: after a crash
    /// both are there or neither. Durable within 200 ms; waits while the disk is behind.
    fn append_lines(&self, batch: &LogBatch) -> Result<(), WriteError>;

    /// Waits until everything that was appended is on the disk.
    fn flush_lines(&self) -> Result<(), WriteError>;

    /// The position that was kept last for a source.
    fn position(&self, source: &str) -> Option<Vec<u8>>;

    /// All sources of which a position is kept.
    fn positions(&self) -> Vec<(String, Vec<u8>)>;
}

/// Lines of any streams, in the order of their arrival, in one allocation; used again after
/// [`LogBatch::clear`].
#[derive(Clone, Debug, Default)]
pub struct LogBatch {
    bytes: Vec<u8>,
    rows: Vec<BatchRow>,
    positions: Vec<(String, Option<Vec<u8>>)>,
}

/// What is known of one line beside its bytes.
#[derive(Clone, Debug)]
pub struct BatchRow {
    pub stream: StreamId,
    /// Nanoseconds since the Unix epoch.
    pub t: i64,
    pub level: Level,
    pub metadata: Option<Labels>,
    /// Where the line ends in the bytes; it begins where the one before ends.
    end: u32,
}

impl LogBatch {
    /// Adds a line; `t` in nanoseconds since the Unix epoch. What is longer than [`MAX_LINE`] is
    /// cut there.
    pub fn push(&mut self, stream: StreamId, t: i64, level: Level, line: &[u8]) {
        let line = &line[..line.len().min(MAX_LINE)];
        self.bytes.extend_from_slice(line);
        self.rows.push(BatchRow {
            stream,
            t,
            end: self.bytes.len() as u32,
            level,
            metadata: None,
        });
    }

    /// Gives structured metadata to the line that was added last.
    pub fn describe(&mut self, metadata: Labels) {
        if let Some(row) = self.rows.last_mut().filter(|_| !metadata.is_empty()) {
            row.metadata = Some(metadata);
        }
    }

    /// With these lines the source is read up to there; `None` forgets the source. At most one
    /// for each source is kept.
    pub fn reached(&mut self, source: &str, position: Option<Vec<u8>>) {
        match self.positions.iter_mut().find(|(s, _)| s == source) {
            Some(known) => known.1 = position,
            None => self.positions.push((source.to_owned(), position)),
        }
    }

    /// Lines in it.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.positions.is_empty()
    }

    /// Bytes of lines in it.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
        self.positions.clear();
    }

    /// The lines in the order in which they were added.
    pub fn lines(&self) -> impl Iterator<Item = (&BatchRow, &[u8])> {
        let mut start = 0;
        self.rows.iter().map(move |row| {
            let line = &self.bytes[start..row.end as usize];
            start = row.end as usize;
            (row, line)
        })
    }

    /// The sources and what their positions become.
    pub fn reached_positions(&self) -> &[(String, Option<Vec<u8>>)] {
        &self.positions
    }
}
