//! All blocks of a directory: opening, adding, compacting, retention, deleting, quarantine.
//!
//! Readers hold a list of blocks; changes make a new list. One change is made at a time.

mod compact;

pub(crate) use compact::SPAN;

use crate::base::fs::Fs;
use crate::model::matcher::Matcher;
use crate::model::time::TimeRange;
use crate::store::metrics::block::{Block, BlockCache, BlockError, Writer, gone_path, write_gone};
use parking_lot::{Mutex, RwLock};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const SUFFIX: &str = ".block";

/// All of time: where it is not known which part.
const ALWAYS: TimeRange = TimeRange {
    start: i64::MIN,
    end: i64::MAX,
};

pub(crate) type List = Arc<Vec<Arc<Block>>>;

pub(crate) struct Blocks {
    fs: Fs,
    dir: PathBuf,
    cache: Arc<BlockCache>,
    /// By first time.
    list: RwLock<List>,
    next: AtomicU32,
    problems: Mutex<Vec<String>>,
    /// What is missing from answers, and over which time.
    missing: Mutex<Vec<(TimeRange, String)>>,
    /// Held by whoever changes the set.
    changing: Mutex<()>,
}

impl Blocks {
    /// Opens every block of the directory. What a crash left half done is removed; a block that
    /// does not read is set aside and named.
    pub(crate) fn open(fs: &Fs, dir: &Path, cache_bytes: usize) -> Result<Self, BlockError> {
        fs.create_dir_all(dir)?;
        let blocks = Self {
            fs: fs.clone(),
            dir: dir.to_owned(),
            cache: Arc::new(BlockCache::new(cache_bytes)),
            list: RwLock::default(),
            next: AtomicU32::new(1),
            problems: Mutex::default(),
            missing: Mutex::default(),
            changing: Mutex::new(()),
        };
        let names: Vec<String> = fs.list(dir)?.into_iter().map(|e| e.name).collect();
        let mut list = Vec::new();
        for name in &names {
            let path = dir.join(name);
            if let Some(number) = name.split('.').next().and_then(|n| n.parse::<u32>().ok()) {
                blocks.next.fetch_max(number + 1, Ordering::Relaxed);
            }
            let orphan = name.strip_suffix(".gone");
            let orphan = orphan.is_some_and(|stem| !names.contains(&format!("{stem}{SUFFIX}")));
            if path.extension().is_some_and(|e| e == "tmp") || orphan {
                let _ = fs.remove_file(&path);
            }
            if name.ends_with(".block.bad") {
                blocks.note_missing(&path);
            }
            if !name.ends_with(SUFFIX) {
                continue;
            }
            match Block::open(fs, &path, Arc::clone(&blocks.cache)) {
                Ok(block) => list.push(Arc::new(block)),
                Err(e @ BlockError::Newer { .. }) => return Err(e),
                Err(e @ BlockError::Damaged { .. }) => blocks.set_aside(&path, ALWAYS, &e),
                Err(e) => blocks.problems.lock().push(e.to_string()),
            }
        }
        blocks.publish(list);
        Ok(blocks)
    }

    fn publish(&self, mut list: Vec<Arc<Block>>) {
        list.sort_by_key(|b| (b.facts.min_t, b.facts.max_t));
        *self.list.write() = Arc::new(list);
    }

    pub(crate) fn list(&self) -> List {
        Arc::clone(&self.list.read())
    }

    /// Where the head begins: behind the newest block that was cut from it.
    pub(crate) fn until(&self) -> i64 {
        let until = self.list().iter().map(|b| b.facts.until).max();
        until.unwrap_or(i64::MIN)
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = self.problems.lock().clone();
        problems.extend(self.missing(ALWAYS));
        problems
    }

    /// What is missing from an answer over this time.
    pub(crate) fn missing(&self, range: TimeRange) -> Vec<String> {
        let missing = self.missing.lock();
        let here = missing.iter().filter(|(span, _)| span.overlaps(range));
        here.map(|(_, text)| text.clone()).collect()
    }

    /// A block that an earlier run has set aside.
    fn note_missing(&self, bad: &Path) {
        let range = Block::open(&self.fs, bad, Arc::clone(&self.cache)).map(|b| b.range());
        let text = format!(
            "{} was damaged and set aside: its samples are missing; remove the file if they are given up",
            bad.display()
        );
        self.missing.lock().push((range.unwrap_or(ALWAYS), text));
    }

    /// How many bytes of what was read may stay in memory.
    pub(crate) fn allow_cache(&self, bytes: usize) {
        self.cache.limit(bytes);
    }

    pub(crate) fn cache_bytes(&self) -> usize {
        self.cache.bytes()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.list().iter().map(|b| b.facts.bytes).sum()
    }

    /// Renames a bad file, so that it is out of the way and can be looked at.
    fn set_aside(&self, path: &Path, range: TimeRange, why: &BlockError) {
        let mut name = path.as_os_str().to_owned();
        name.push(".bad");
        let aside = match self.fs.rename(path, Path::new(&name)) {
            Ok(()) => format!("it was set aside as {}", Path::new(&name).display()),
            Err(e) => format!("and it could not be set aside: {e}"),
        };
        let text = format!("{why}; {aside}");
        self.missing.lock().push((range, text));
    }

    /// Takes a block that turned out to be bad out of the answers.
    pub(crate) fn quarantine(&self, bad: &Block, why: &BlockError) {
        let mut list = self.list.write();
        if list.iter().any(|b| b.path == bad.path) {
            let left = list.iter().filter(|b| b.path != bad.path).cloned();
            *list = Arc::new(left.collect());
            drop(list);
            self.set_aside(&bad.path, bad.range(), why);
            bad.forget();
        }
    }

    /// A writer for a new block; see [`Blocks::add`].
    pub(crate) fn writer(&self, until: i64) -> Result<(Writer, PathBuf), BlockError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(format!("{number:08}{SUFFIX}"));
        Ok((Writer::new(&self.fs, &path, until)?, path))
    }

    /// Takes a written block into the answers.
    pub(crate) fn add(&self, path: &Path) -> Result<(), BlockError> {
        let block = Block::open(&self.fs, path, Arc::clone(&self.cache))?;
        self.replace(&[], Some(block));
        Ok(())
    }

    /// Puts a new block in the place of old ones, in one step for readers, and removes the files of
    /// the old. Their deleted spans go after them: never are deleted samples seen again.
    fn replace(&self, old: &[Arc<Block>], new: Option<Block>) {
        {
            let mut list = self.list.write();
            let stays = |b: &&Arc<Block>| !old.iter().any(|o| o.path == b.path);
            let mut next: Vec<_> = list.iter().filter(stays).cloned().collect();
            next.extend(new.map(Arc::new));
            next.sort_by_key(|b| (b.facts.min_t, b.facts.max_t));
            *list = Arc::new(next);
        }
        for block in old {
            self.remove_files(block);
        }
    }

    fn remove_files(&self, block: &Block) {
        block.forget();
        let gone = gone_path(&block.path);
        let removed = self.fs.remove_file(&block.path);
        let synced = removed.and_then(|()| self.fs.sync_dir(&self.dir));
        match synced {
            Ok(()) if self.fs.exists(&gone) => {
                let _ = self.fs.remove_file(&gone);
            }
            Ok(()) => {}
            Err(e) => self.problems.lock().push(e.to_string()),
        }
    }

    /// Removes the blocks that end before `oldest`, and the oldest beyond `bytes` (0 is no limit).
    pub(crate) fn retain(&self, oldest: i64, bytes: u64) {
        let _changing = self.changing.lock();
        let list = self.list();
        let mut total = self.bytes();
        let mut old = Vec::new();
        let mut by_age: Vec<&Arc<Block>> = list.iter().collect();
        by_age.sort_by_key(|b| b.facts.max_t);
        for block in by_age {
            let too_much = bytes > 0 && total > bytes;
            if block.facts.max_t >= oldest && !too_much {
                break;
            }
            total -= block.facts.bytes;
            old.push(Arc::clone(block));
        }
        if !old.is_empty() {
            self.replace(&old, None);
        }
    }

    /// Deletes the samples in the range of the series that satisfy the matchers: notes them beside
    /// each block. The space comes back with the next compaction or [`Blocks::clean`].
    pub(crate) fn delete(&self, matchers: &[Matcher], range: TimeRange) -> Result<(), BlockError> {
        let _changing = self.changing.lock();
        for block in self.list().iter().filter(|b| b.range().overlaps(range)) {
            let found = block.select(matchers, range)?;
            if found.is_empty() {
                continue;
            }
            let mut gone = block.gone.clone();
            gone.extend(found.iter().map(|(_, place)| (place.series(), range)));
            gone.sort_unstable_by_key(|(series, r)| (*series, r.start, r.end));
            gone.dedup();
            write_gone(&self.fs, &block.path, &gone)?;
            let again = Block::open(&self.fs, &block.path, Arc::clone(&self.cache))?;
            let mut list = self.list.write();
            let swap = |b: &Arc<Block>| b.path != block.path;
            let mut next: Vec<_> = list.iter().filter(|b| swap(b)).cloned().collect();
            next.push(Arc::new(again));
            next.sort_by_key(|b| (b.facts.min_t, b.facts.max_t));
            *list = Arc::new(next);
        }
        Ok(())
    }

    /// Links every block and its deleted spans into a directory.
    pub(crate) fn link_into(&self, dir: &Path) -> Result<(), BlockError> {
        let _changing = self.changing.lock();
        self.fs.create_dir_all(dir)?;
        for block in self.list().iter() {
            for path in [block.path.clone(), gone_path(&block.path)] {
                if let Some(name) = path.file_name()
                    && self.fs.exists(&path)
                {
                    self.fs.hard_link(&path, &dir.join(name))?;
                }
            }
        }
        self.fs.sync_dir(dir)?;
        Ok(())
    }
}
