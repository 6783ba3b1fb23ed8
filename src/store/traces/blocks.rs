//! All blocks of traces: opening, adding, merging, retention, quarantine.
//!
//! Readers hold a list of blocks; changes make a new list. One change is made at a time.

use crate::base::fs::Fs;
use crate::model::span::{Trace, TraceId};
use crate::store::traces::block::{Block, BlockError, IndexCache, Writer};
use crate::store::traces::intern::Interner;
use parking_lot::{Mutex, RwLock};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const SUFFIX: &str = ".block";
/// Blocks of about the same size that are merged into one.
const MERGE: usize = 4;
/// Traces of one block at most: its identifiers are in memory while it is written.
const MAX_TRACES: u64 = 256 << 10;
/// Bytes of indexes that are kept in memory.
pub(super) const CACHE: usize = 16 << 20;

pub(super) type List = Arc<Vec<Arc<Block>>>;

pub(super) struct Blocks {
    fs: Fs,
    dir: PathBuf,
    cache: Arc<IndexCache>,
    /// By number, oldest first.
    list: RwLock<List>,
    next: AtomicU32,
    /// What is missing from answers.
    missing: Mutex<Vec<String>>,
    /// Held by whoever changes the set.
    changing: Mutex<()>,
}

impl Blocks {
    /// Opens every block of the directory. What a crash left half done is removed; a block that
    /// does not read is set aside and named.
    pub(super) fn open(fs: &Fs, dir: &Path) -> Result<Self, BlockError> {
        fs.create_dir_all(dir)?;
        let blocks = Self {
            fs: fs.clone(),
            dir: dir.to_owned(),
            cache: Arc::new(IndexCache::new(CACHE)),
            list: RwLock::default(),
            next: AtomicU32::new(1),
            missing: Mutex::default(),
            changing: Mutex::new(()),
        };
        let mut list = Vec::new();
        for entry in fs.list(dir)? {
            let (name, path) = (&entry.name, dir.join(&entry.name));
            if let Some(number) = name.split('.').next().and_then(|n| n.parse::<u32>().ok()) {
                blocks.next.fetch_max(number + 1, Ordering::Relaxed);
            }
            let has = |end: &str| path.extension().is_some_and(|e| e == end);
            if has("tmp") {
                let _ = fs.remove_file(&path);
            }
            if has("bad") {
                blocks.missing.lock().push(format!(
                    "{} was damaged and set aside: its spans are missing; remove the file if they are given up",
                    path.display()
                ));
            }
            if !name.ends_with(SUFFIX) {
                continue;
            }
            match Block::open(fs, &path, Arc::clone(&blocks.cache)) {
                Ok(block) => list.push(Arc::new(block)),
                Err(e @ BlockError::Newer { .. }) => return Err(e),
                Err(e @ BlockError::Damaged { .. }) => blocks.set_aside(&path, &e),
                Err(e) => blocks.missing.lock().push(e.to_string()),
            }
        }
        // A merge that a crash interrupted behind its new block leaves the old ones: the same spans
        // twice, of which readers show one.
        *blocks.list.write() = Arc::new(list);
        Ok(blocks)
    }

    pub(super) fn list(&self) -> List {
        Arc::clone(&self.list.read())
    }

    pub(super) fn missing(&self) -> Vec<String> {
        self.missing.lock().clone()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.list().iter().map(|b| b.facts.bytes).sum()
    }

    pub(super) fn cache_bytes(&self) -> usize {
        self.cache.bytes()
    }

    /// Segments of the log before this number are in blocks.
    pub(super) fn until_segment(&self) -> u32 {
        let until = self.list().iter().map(|b| b.facts.until_segment).max();
        until.unwrap_or(0)
    }

    /// Whether a block that may hold spans of this trace does.
    pub(super) fn has(&self, id: TraceId) -> bool {
        let list = self.list();
        list.iter().rev().any(|b| matches!(b.find(id), Ok(Some(_))))
    }

    /// All that the blocks have of a trace, and what could not be read.
    pub(super) fn trace(&self, id: TraceId, warnings: &mut Vec<String>) -> Vec<Trace> {
        let mut found = Vec::new();
        for block in self.list().iter() {
            match block.trace(id) {
                Ok(trace) => found.extend(trace),
                Err(e) => warnings.push(self.doubted(block, &e)),
            }
        }
        found
    }

    /// A block failed while it was read: it is set aside where it is damaged. Returns the sentence.
    pub(super) fn doubted(&self, block: &Block, why: &BlockError) -> String {
        if matches!(why, BlockError::Damaged { .. }) {
            let mut list = self.list.write();
            if list.iter().any(|b| b.path == block.path) {
                let left = list.iter().filter(|b| b.path != block.path).cloned();
                *list = Arc::new(left.collect());
                drop(list);
                block.forget();
                self.set_aside(&block.path, why);
            }
        }
        why.to_string()
    }

    fn set_aside(&self, path: &Path, why: &BlockError) {
        let mut name = path.as_os_str().to_owned();
        name.push(".bad");
        let aside = match self.fs.rename(path, Path::new(&name)) {
            Ok(()) => format!("it was set aside as {}", Path::new(&name).display()),
            Err(e) => format!("and it could not be set aside: {e}"),
        };
        self.missing.lock().push(format!("{why}; {aside}"));
    }

    /// Writes traces, in the order of their starts, as one new block.
    pub(super) fn write(
        &self,
        traces: impl Iterator<Item = (Trace, bool)>,
        until_segment: u32,
    ) -> Result<(), BlockError> {
        let _changing = self.changing.lock();
        self.write_one(&mut traces.map(Ok), until_segment, &[])
    }

    /// A failure leaves neither half a block nor a change behind.
    fn write_one(
        &self,
        traces: &mut dyn Iterator<Item = Result<(Trace, bool), Failed>>,
        until_segment: u32,
        instead_of: &[Arc<Block>],
    ) -> Result<(), BlockError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(format!("{number:08}{SUFFIX}"));
        let mut writer = Writer::new(&self.fs, &path, until_segment)?;
        for next in traces {
            let written = next.and_then(|(trace, split)| {
                let written = writer.add(trace, split);
                written.map_err(|e| Failed { of: None, e })
            });
            if let Err(Failed { of, e }) = written {
                drop(writer);
                let _ = self.fs.remove_file(&path.with_extension("tmp"));
                if let Some(block) = of {
                    self.doubted(&block, &e);
                }
                return Err(e);
            }
        }
        let new = writer.finish()?;
        let new = new.then(|| Block::open(&self.fs, &path, Arc::clone(&self.cache)));
        self.replace(instead_of, new.transpose()?);
        Ok(())
    }

    /// Puts a new block in the place of old ones, in one step for readers.
    fn replace(&self, old: &[Arc<Block>], new: Option<Block>) {
        {
            let mut list = self.list.write();
            let stays = |b: &&Arc<Block>| !old.iter().any(|o| o.path == b.path);
            let mut next: Vec<_> = list.iter().filter(stays).cloned().collect();
            next.extend(new.map(Arc::new));
            *list = Arc::new(next);
        }
        for block in old {
            block.forget();
            let removed = self.fs.remove_file(&block.path);
            if let Err(e) = removed.and_then(|()| self.fs.sync_dir(&self.dir)) {
                self.missing.lock().push(e.to_string());
            }
        }
    }

    /// Removes the blocks whose traces all began before `oldest`, and the oldest beyond `bytes` (0
    /// is no limit).
    pub(super) fn retain(&self, oldest: u64, bytes: u64) {
        let _changing = self.changing.lock();
        let mut by_age: Vec<Arc<Block>> = self.list().to_vec();
        by_age.sort_by_key(|b| b.facts.last);
        let mut total = self.bytes();
        let mut old = Vec::new();
        for block in by_age {
            let too_much = bytes > 0 && total > bytes;
            if block.facts.last >= oldest && !too_much {
                break;
            }
            total -= block.facts.bytes;
            old.push(block);
        }
        if !old.is_empty() {
            self.replace(&old, None);
        }
    }

    /// Merges blocks of about the same size, if there are enough of them. `true`: it did.
    pub(super) fn merge(&self) -> Result<bool, BlockError> {
        let _changing = self.changing.lock();
        let list = self.list();
        let tier = |b: &Block| b.facts.traces.max(1).ilog(MERGE as u64);
        let mut run: Vec<Arc<Block>> = Vec::new();
        for block in list.iter() {
            if run.first().is_some_and(|first| tier(first) != tier(block)) {
                run.clear();
            }
            run.push(Arc::clone(block));
            let traces: u64 = run.iter().map(|b| b.facts.traces).sum();
            if traces > MAX_TRACES {
                run.clear();
            } else if run.len() == MERGE {
                return self.merge_run(&run).map(|()| true);
            }
        }
        Ok(false)
    }

    fn merge_run(&self, run: &[Arc<Block>]) -> Result<(), BlockError> {
        let until = run.iter().map(|b| b.facts.until_segment).max().unwrap_or(0);
        let mut merge = Merge::new(run);
        let mut traces = std::iter::from_fn(|| merge.next().transpose());
        self.write_one(&mut traces, until, run)
    }
}

/// Why a block was not written; `of` is the one that could not be read.
struct Failed {
    of: Option<Arc<Block>>,
    e: BlockError,
}

fn failed(block: &Arc<Block>, e: BlockError) -> Failed {
    Failed {
        of: Some(Arc::clone(block)),
        e,
    }
}

/// Goes through several blocks in the order of starts; a trace that stands in several is put
/// together where it is met first.
struct Merge {
    sides: Vec<Side>,
    interner: Interner,
}

struct Side {
    block: Arc<Block>,
    next_row: usize,
    /// The traces of the group being read, last first.
    open: Vec<Trace>,
    /// Met earlier, in another block.
    taken: std::collections::HashSet<TraceId>,
}

impl Merge {
    fn new(run: &[Arc<Block>]) -> Self {
        let side = |block: &Arc<Block>| Side {
            block: Arc::clone(block),
            next_row: 0,
            open: Vec::new(),
            taken: std::collections::HashSet::new(),
        };
        Self {
            sides: run.iter().map(side).collect(),
            interner: Interner::default(),
        }
    }

    fn next(&mut self) -> Result<Option<(Trace, bool)>, Failed> {
        for side in &mut self.sides {
            side.fill().map_err(|e| failed(&side.block, e))?;
        }
        let starts = self.sides.iter().enumerate();
        let starts = starts.filter_map(|(i, s)| s.open.last().map(|t| (t.bounds().0, i)));
        let Some((_, first)) = starts.min() else {
            return Ok(None);
        };
        let Some(mut trace) = self.sides[first].open.pop() else {
            return Ok(None);
        };
        let mut split = false;
        for i in 0..self.sides.len() {
            let block = Arc::clone(&self.sides[i].block);
            let index = block.index().map_err(|e| failed(&block, e))?;
            split |= index.split.binary_search(&trace.id).is_ok();
            if i != first {
                let more = block.trace(trace.id).map_err(|e| failed(&block, e))?;
                if let Some(more) = more {
                    self.sides[i].taken.insert(trace.id);
                    trace.spans.extend(more.spans);
                    trace = Trace::new(trace.id, trace.spans);
                }
            }
        }
        for span in &mut trace.spans {
            self.interner.span(span);
        }
        Ok(Some((trace, split)))
    }
}

impl Side {
    fn fill(&mut self) -> Result<(), BlockError> {
        loop {
            while let Some(trace) = self.open.last() {
                if !self.taken.remove(&trace.id) {
                    return Ok(());
                }
                self.open.pop();
            }
            let index = self.block.index()?;
            let Some(row) = index.rows.get(self.next_row) else {
                return Ok(());
            };
            self.next_row += 1;
            self.open = self.block.group(row, &[], &[])?;
            self.open.sort_by_key(|t| std::cmp::Reverse(t.bounds().0));
        }
    }
}
