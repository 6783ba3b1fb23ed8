//! Opening: parts and their indexes, then the log on top of them.

use crate::base::fs::FsError;
use crate::model::labels::Labels;
use crate::store::disk::cache::Cache;
use crate::store::disk::wal::{Event, OpenWalError, Settings, Wal};
use crate::store::logs::head::Head;
use crate::store::logs::logdb::commit::{self, Committer};
use crate::store::logs::logdb::{
    Closed, INDEX_CACHE, Inner, LogDb, OpenPart, Setting, State, Turn,
};
use crate::store::logs::part::{Index, PartError, PartFile, Spot, Writer, path_of};
use crate::store::logs::record::{self, Item};
use parking_lot::{Condvar, Mutex, RwLock};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// In `wal.md`'s table of kinds.
const KIND: u16 = 4;
const QUEUE_BYTES: usize = 16 << 20;

/// Why lines cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenLogsError {
    #[error(transparent)]
    Wal(#[from] OpenWalError),
    #[error(transparent)]
    Part(#[from] PartError),
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error("the thread that commits lines cannot be started: {0}")]
    Thread(String),
}

/// What the log says.
#[derive(Default)]
struct Replay {
    head: Head,
    /// The segment's numbers of streams.
    numbers: HashMap<u32, u32>,
    segment: u32,
    part: Option<(u32, u64)>,
    unreadable: u64,
    now: i64,
}

impl Replay {
    fn see(&mut self, event: Event<'_>) {
        match event {
            Event::Segment(n) => {
                self.segment = n;
                self.numbers.clear();
            }
            Event::Damage => self.numbers.clear(),
            Event::Record { payload, .. } => {
                if record::read(payload, &mut |item| self.item(item)).is_none() {
                    self.unreadable += 1;
                }
            }
        }
    }

    fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Define { stream, labels } => {
                let id = self.head.stream(&labels);
                self.numbers.insert(stream, id);
            }
            Item::Lines {
                stream,
                first,
                lines,
            } => match self.numbers.get(&stream) {
                Some(id) => self.head.restore(*id, first, &lines, self.segment),
                None => self.unreadable += 1,
            },
            Item::Cut { stream, before } => {
                if let Some(id) = self.numbers.get(&stream) {
                    self.head.cut(*id, before);
                }
            }
            Item::Position { source, at } => {
                self.head.positions.insert(source.to_owned(), at.to_vec());
            }
            Item::Forget { source } => {
                self.head.positions.remove(source);
            }
            Item::Part { number, bytes } => self.part = Some((number, bytes)),
        }
    }
}

/// What the directory of parts holds.
#[derive(Default)]
struct Parts {
    closed: Vec<Arc<Closed>>,
    /// Labels and span of every stream.
    streams: Vec<(Labels, i64, i64)>,
    writer: Option<Writer>,
    next: u32,
}

impl LogDb {
    /// Reads what is there and starts the committer. Returns sentences about damage beside.
    pub(crate) fn open(setting: Setting) -> Result<(Self, Vec<String>), OpenLogsError> {
        let mut replay = Replay {
            now: setting.clock.now_ms(),
            ..Replay::default()
        };
        let settings = Settings {
            fs: setting.fs.clone(),
            dir: setting.dir.join("wal").join("logs"),
            kind: KIND,
            commit_every: Duration::ZERO,
            queue_bytes: QUEUE_BYTES,
        };
        let (wal, found) = Wal::open(settings, &mut |event| replay.see(event))?;
        let mut damage = found.damage;
        if replay.unreadable > 0 {
            damage.push(format!(
                "wal/logs: {} commits or parts of them do not read; lines in them are missing unless their file still has them",
                replay.unreadable
            ));
        }
        let parts = Self::read_parts(&setting, replay.part, replay.now, &mut damage)?;
        let mut head = replay.head;
        for stream in &mut head.streams {
            stream.since = replay.now;
        }
        for (labels, min, max) in &parts.streams {
            let id = head.stream(labels);
            head.streams[id as usize].widen(*min, *max);
        }
        let mut state = State {
            head,
            parts: parts.closed,
            open: None,
        };
        if let Some(writer) = &parts.writer {
            let opened = state.opened(Arc::clone(&writer.index), Arc::clone(&writer.reader));
            state.open = Some(OpenPart {
                number: writer.number,
                opened: Arc::new(opened),
                bytes: writer.len,
            });
        }
        let committer = Committer {
            writer: parts.writer,
            next_part: parts.next,
            segment: wal.segment(),
            defined: HashSet::new(),
            fresh: true,
        };
        let inner = Arc::new(Inner {
            setting,
            wal,
            state: RwLock::new(state),
            turn: Mutex::new(Turn::default()),
            work: Condvar::new(),
            done: Condvar::new(),
            thread: Mutex::new(None),
            indexes: Cache::new(INDEX_CACHE),
            damage: Mutex::default(),
            low_disk: Mutex::default(),
            before: Mutex::default(),
        });
        let thread = std::thread::Builder::new()
            .name("logs-commit".to_owned())
            .spawn({
                let inner = Arc::clone(&inner);
                move || commit::run(&inner, committer)
            })
            .map_err(|e| OpenLogsError::Thread(e.to_string()))?;
        *inner.thread.lock() = Some(thread);
        Ok((Self(inner), damage))
    }

    fn read_parts(
        setting: &Setting,
        known: Option<(u32, u64)>,
        now: i64,
        damage: &mut Vec<String>,
    ) -> Result<Parts, OpenLogsError> {
        let (fs, dir) = (&setting.fs, setting.dir.join("logs"));
        fs.create_dir_all(&dir)?;
        let mut numbers: Vec<u32> = Vec::new();
        for entry in fs.list(&dir)? {
            let stem = entry.name.strip_suffix(".part");
            numbers.extend(stem.and_then(|s| s.parse::<u32>().ok()));
        }
        numbers.sort_unstable();
        let last = numbers.last().copied();
        let spot = |number| Spot {
            fs,
            dir: &dir,
            number,
            now,
        };
        let newest = last.max(known.map(|(n, _)| n));
        let mut parts = Parts {
            next: newest.map_or(1, |n| n + 1),
            ..Parts::default()
        };
        for number in numbers {
            let path = path_of(&dir, number);
            let file = match PartFile::open(fs, &path) {
                Ok(file) => file,
                Err(e @ PartError::Newer { .. }) => return Err(e.into()),
                Err(e) => {
                    damage.push(format!("{e}; it is left out"));
                    continue;
                }
            };
            let bytes = fs.facts(&path)?.len;
            let closed = file.index().unwrap_or_else(|e| {
                damage.push(e.to_string());
                None
            });
            if let Some(index) = closed {
                parts.add(number, &index, bytes);
                continue;
            }
            let vouched = match known {
                Some((n, len)) if n == number => len.min(bytes),
                // Begun, and no record tells of it: its lines are read again from their source.
                // The next has its number: where no record came yet, the very first is always 1.
                Some((n, _)) if number > n => {
                    drop(file);
                    fs.remove_file(&path)?;
                    parts.next = parts.next.min(number);
                    continue;
                }
                None if last == Some(1) && damage.is_empty() => {
                    drop(file);
                    fs.remove_file(&path)?;
                    parts.next = 1;
                    continue;
                }
                _ => bytes,
            };
            let index = file.scan(vouched, damage)?;
            if Some(number) == last {
                parts.note(&index);
                parts.writer = Some(Writer::resume(spot(number), vouched, index)?);
            } else {
                // Closed for good now, so that the next start need not scan it.
                let writer = Writer::resume(spot(number), vouched, index)?;
                let (index, _, bytes) = writer.close()?;
                parts.add(number, &index, bytes);
            }
        }
        Ok(parts)
    }
}

impl Parts {
    fn add(&mut self, number: u32, index: &Index, bytes: u64) {
        self.note(index);
        self.closed.push(Arc::new(Closed::of(number, index, bytes)));
    }

    fn note(&mut self, index: &Index) {
        let mut spans: Vec<Option<(i64, i64)>> = vec![None; index.streams.len()];
        for block in &index.blocks {
            for (stream, _) in &block.1.runs {
                if let Some(span) = spans.get_mut(*stream as usize) {
                    let (min, max) = span.unwrap_or((block.1.min, block.1.max));
                    *span = Some((min.min(block.1.min), max.max(block.1.max)));
                }
            }
        }
        for (labels, span) in index.streams.iter().zip(spans) {
            if let Some((min, max)) = span {
                self.streams.push((labels.clone(), min, max));
            }
        }
    }
}
