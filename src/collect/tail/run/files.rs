//! The files of all jobs: which there are, which is which, and whose turn it is.

use crate::base::fs::{Facts, File, Fs};
use crate::collect::discovery::Watched;
use crate::collect::relabel;
use crate::collect::tail::file::{Look, Tailed, is_gzip, unpacked_head};
use crate::collect::tail::glob::Pattern;
use crate::collect::tail::identity::{Content, Known, stem};
use crate::collect::tail::output::Output;
use crate::collect::tail::pipeline::Pipeline;
use crate::collect::tail::run::health;
use crate::config::logs::LogJob;
use crate::config::targets::TargetGroup;
use crate::model::labels::{Labels, LabelsBuilder};
use crate::model::view::TargetRow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What positions of files are called in the store.
const PREFIX: &str = "file:";
/// Chunks of one file before the next has its turn.
const TURN: usize = 4;
/// With more files than this, none is held open between looks.
const MOST_OPEN: usize = 400;
/// A copy is made within this time, in milliseconds.
const COPY_MS: i64 = 5_000;
/// The place in a file that nobody saw for so long is forgotten, in milliseconds.
const FORGET_MS: i64 = 7 * 24 * 3_600_000;

/// Number of the job, and path.
type Key = (usize, PathBuf);

pub(crate) struct Files {
    fs: Fs,
    tailed: BTreeMap<Key, Tailed>,
    leaving: Vec<Tailed>,
    /// The places that the store knows, by source.
    known: HashMap<String, Known>,
    dirty: BTreeSet<Key>,
    /// Of each job: what its last sweep found.
    found: Vec<Seen>,
    made: u64,
    first: bool,
    /// Since when a file waits to be taken up, by device and inode.
    waiting: HashMap<(u64, u64), i64>,
    /// Made when a sweep finds the first new file.
    relatives: Option<Relatives>,
    /// Files that name groups.
    named: Watched,
}

/// Files that a new one may be another name or a copy of.
#[derive(Default)]
struct Relatives {
    /// Sources by device and inode.
    by_place: HashMap<(u64, u64), Vec<String>>,
    /// Files that were read in part, by name without what rotation adds.
    by_stem: HashMap<String, Vec<Known>>,
}

#[derive(Default)]
struct Seen {
    /// Files with the labels of their group.
    files: Vec<(PathBuf, LabelsBuilder)>,
    folders: Vec<PathBuf>,
    patterns: Vec<String>,
    labels: Labels,
    unread: Vec<String>,
}

impl Files {
    pub(crate) fn new(fs: Fs, positions: Vec<(String, Vec<u8>)>) -> Self {
        let read = |(source, bytes): (String, Vec<u8>)| {
            let mine = source.starts_with(PREFIX);
            let known = mine.then(|| serde_json::from_slice(&bytes).ok())??;
            Some((source, known))
        };
        Self {
            fs,
            tailed: BTreeMap::new(),
            leaving: Vec::new(),
            known: positions.into_iter().filter_map(read).collect(),
            dirty: BTreeSet::new(),
            found: Vec::new(),
            made: 0,
            first: true,
            waiting: HashMap::new(),
            relatives: None,
            named: Watched::default(),
        }
    }

    /// A file was found that may be a copy in the making: it is looked at again soon.
    pub(crate) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Lets all files go; their places stay.
    pub(crate) fn let_go(&mut self) {
        for (_, tailed) in std::mem::take(&mut self.tailed) {
            self.known.insert(tailed.source, tailed.known);
        }
        self.dirty.clear();
        self.first = true;
    }

    /// These paths changed.
    pub(crate) fn changed(&mut self, paths: &[PathBuf]) {
        for path in paths {
            for job in 0..self.found.len() {
                let key = (job, path.clone());
                if self.tailed.contains_key(&key) {
                    self.dirty.insert(key);
                }
            }
        }
    }

    /// Looks at all patterns and files; returns the folders to watch.
    pub(crate) fn sweep(
        &mut self,
        jobs: &[Arc<LogJob>],
        zone: i32,
        now: i64,
        out: &mut Output,
    ) -> Vec<PathBuf> {
        let mut folders = BTreeSet::new();
        let mut there: Vec<(Key, LabelsBuilder)> = Vec::new();
        self.found = Vec::new();
        self.named.look(jobs.iter().flat_map(|job| &job.file_sd));
        for (number, job) in jobs.iter().enumerate() {
            let mut seen = Seen::default();
            let named = self.named.groups(&job.file_sd);
            for group in job.groups.iter().chain(&named) {
                self.expand(job, group, &mut seen);
            }
            folders.extend(seen.folders.drain(..));
            let files = seen.files.drain(..);
            there.extend(files.map(|(path, labels)| ((number, path), labels)));
            self.found.push(seen);
        }
        self.relatives = None;
        let names: BTreeSet<&Key> = there.iter().map(|(key, _)| key).collect();
        let tailed = self.tailed.iter();
        let other = |key: &Key, t: &Tailed| {
            let facts = self.fs.facts(&key.1);
            !names.contains(key) || !facts.is_ok_and(|f| t.known.is_at(&f))
        };
        let gone: Vec<Key> = tailed
            .filter(|(k, t)| other(k, t))
            .map(|(k, _)| k.clone())
            .collect();
        for key in gone {
            self.leave(&key, now);
        }
        for (key, labels) in &there {
            if let Err(e) = self.look(key, (&jobs[key.0], labels, zone), now, out) {
                self.found[key.0].unread.push(e);
            }
        }
        if self.first {
            self.first = false;
            self.rescue_missing(jobs, zone, now, out);
        }
        self.relatives = None;
        self.waiting.retain(|_, since| now - *since < 2 * COPY_MS);
        self.forget(now, out);
        folders.into_iter().collect()
    }

    /// The files of one group of a job.
    fn expand(&self, job: &LogJob, group: &TargetGroup, seen: &mut Seen) {
        let Some(labels) = relabel::apply(&job.relabel, group.labels.edit()) else {
            return;
        };
        let path = labels.get("__path__").to_owned();
        let except = labels.get("__path_exclude__").to_owned();
        if path.is_empty() {
            return;
        }
        let (pattern, except) = match (Pattern::new(&path), Pattern::new(&except)) {
            (Ok(pattern), Ok(except)) => (pattern, except),
            (Err(e), _) | (_, Err(e)) => return seen.unread.push(e),
        };
        let found = pattern.files(&self.fs, (!except.text().is_empty()).then_some(&except));
        seen.folders.extend(found.folders);
        seen.unread.extend(found.unread);
        if found.cut {
            seen.unread
                .push(format!("{path} names more files than are read"));
        }
        seen.patterns.push(path);
        seen.labels = visible(&labels).finish();
        let files = found.files.into_iter();
        seen.files.extend(files.map(|f| (f, labels.clone())));
    }

    /// What has become of one path since the last look.
    fn look(
        &mut self,
        key: &Key,
        of: (&Arc<LogJob>, &LabelsBuilder, i32),
        now: i64,
        out: &mut Output,
    ) -> Result<(), String> {
        let facts = match self.fs.facts(&key.1) {
            Ok(facts) if facts.is_dir => return Ok(()),
            Ok(facts) => facts,
            Err(_) => return Ok(()), // gone since the folder was read
        };
        if let Some(tailed) = self.tailed.get_mut(key) {
            let news = tailed.behind(facts.len) > 0 || facts.len < tailed.known.offset;
            if tailed.known.packed == 0 && news {
                self.dirty.insert(key.clone());
            }
            return Ok(());
        }
        // Renamed within the pattern: it goes on as it is, what a stage holds included.
        let renamed = self
            .leaving
            .iter()
            .position(|t| t.known.job == of.0.name && t.known.is_at(&facts));
        if let Some(at) = renamed {
            let mut tailed = self.leaving.swap_remove(at);
            tailed.left = None;
            self.made += 1;
            tailed.renamed = Some(self.made);
            tailed.path.clone_from(&key.1);
            self.tailed.insert(key.clone(), tailed);
            self.dirty.insert(key.clone());
            return Ok(());
        }
        self.adopt(key, of, now, out)
    }

    /// The name is no longer this file's: what it still holds is read, then it goes.
    fn leave(&mut self, key: &Key, now: i64) {
        self.dirty.remove(key);
        if let Some(mut tailed) = self.tailed.remove(key) {
            tailed.left = Some(now);
            tailed.find_renamed(&self.fs);
            self.leaving.push(tailed);
        }
    }

    /// A path that is new to us: a file we know under another name, a copy, or a new one.
    fn adopt(
        &mut self,
        key: &Key,
        (job, labels, zone): (&Arc<LogJob>, &LabelsBuilder, i32),
        now: i64,
        out: &mut Output,
    ) -> Result<(), String> {
        let file = self.fs.open(&key.1).map_err(|e| e.to_string())?;
        let facts = &file.facts().map_err(|e| e.to_string())?;
        if job.detect
            && file
                .at(0, facts.len.min(512))
                .is_some_and(|b| b.contains(&0))
        {
            return Ok(()); // no lines of text
        }
        let mut pipeline = Pipeline::new(job, file_labels(labels, &key.1), zone);
        let packed = is_gzip(&file);
        if !packed && let Some(line) = last_line(&file, facts.len) {
            pipeline.learn(&line, facts.modified_ms * 1_000_000);
        }
        if self.relatives.is_none() {
            self.relatives = Some(self.relatives());
        }
        let (mut known, source, lost) = self.known_at(&Known::new(&job.name, &key.1, facts), &file);
        if source.is_none()
            && let Some(place) = self.place_of_copy(&known, &file, packed)
        {
            known.offset = place;
            if !packed {
                known.reach(place, &file);
            }
        }
        let place = (facts.device, facts.inode);
        let fresh = source.is_none() && (packed || known.offset == 0);
        if fresh && self.in_the_making(&known, &file, facts, now) {
            self.waiting.entry(place).or_insert(now);
            return Ok(());
        }
        self.waiting.remove(&place);
        let source = source.unwrap_or_else(|| self.new_source(&known, now));
        let mut tailed = Tailed::new(source.clone(), known, pipeline, now);
        self.known.remove(&source);
        if tailed.known.offset > 0 && !packed {
            // A copy may hold nothing new, and would be unknown after a restart.
            tailed.note(out);
        }
        if packed {
            if tailed.known.packed != facts.len {
                tailed.read_packed(&self.fs, now * 1_000_000, out)?;
            }
        } else {
            self.dirty.insert(key.clone());
        }
        self.tailed.insert(key.clone(), tailed);
        for source in lost {
            // Rewritten or cut while nobody looked: a copy may hold what was not read.
            if let Some(old) = self.known.remove(&source) {
                out.reached(&source, None);
                let pipeline = Pipeline::new(job, file_labels(labels, &old.path), zone);
                self.rescue(&old, pipeline, now, out);
            }
        }
        Ok(())
    }

    /// What is known of a file at this place of the disk, and its source; the sources of files that
    /// were there and are no more.
    fn known_at(&self, new: &Known, file: &File) -> (Known, Option<String>, Vec<String>) {
        let packed = is_gzip(file);
        let relatives = self.relatives.as_ref();
        let same = relatives.and_then(|r| r.by_place.get(&(new.device, new.inode)));
        let (mut found, mut source, mut lost) = (new.clone(), None, Vec::new());
        for s in same.into_iter().flatten() {
            let Some(k) = self.known.get(s).filter(|k| k.job == new.job) else {
                continue;
            };
            let fits = if packed {
                k.packed > 0
            } else {
                k.packed == 0 && k.fits(file)
            };
            if fits {
                found = Known {
                    path: new.path.clone(),
                    ..k.clone()
                };
                source = Some(s.clone());
            } else {
                lost.push(s.clone());
            }
        }
        (found, source, lost)
    }

    fn new_source(&mut self, known: &Known, now: i64) -> String {
        self.made += 1;
        format!(
            "{PREFIX}{:x}:{:x}:{now:x}:{:x}",
            known.device, known.inode, self.made
        )
    }

    /// How far a file that is new to us was read under another inode: a copy that rotation made.
    /// The original must be gone, cut or another file by now; else it is somebody's copy, and its
    /// lines are its own.
    fn place_of_copy(&self, new: &Known, file: &File, packed: bool) -> Option<u64> {
        let relatives = self.relatives.as_ref()?;
        let family = relatives.by_stem.get(&stem(&new.path))?;
        let head = if packed {
            unpacked_head(file, 1024)
        } else {
            Vec::new()
        };
        let fits = |k: &&Known| {
            k.job == new.job && k.path != new.path && {
                if packed {
                    k.begins_as(head.as_slice())
                } else {
                    k.fits(file) && self.has_moved_on(k)
                }
            }
        };
        family.iter().filter(fits).map(|k| k.offset).max()
    }

    /// Whether a new file was written just now and may become a copy of one that is read: rotation
    /// copies before it cuts, and packs before it deletes. What such a file holds is told apart once
    /// its original has moved on; after a while it is its own.
    fn in_the_making(&self, new: &Known, file: &File, facts: &Facts, now: i64) -> bool {
        let young = (0..COPY_MS).contains(&(now - facts.modified_ms));
        if !young {
            return false;
        }
        let named_packed = new.path.extension().is_some_and(|e| e == "gz");
        if is_gzip(file) || named_packed && facts.len < 2 {
            return true;
        }
        let place = (facts.device, facts.inode);
        let since = self.waiting.get(&place).copied().unwrap_or(now);
        let family = stem(&new.path);
        let original = family == new.path.to_string_lossy();
        let relatives = self.relatives.as_ref();
        let mut family = relatives
            .and_then(|r| r.by_stem.get(&family))
            .into_iter()
            .flatten();
        let alike = |k: &Known| {
            let short = facts.len < k.head_len && !original;
            let other = k.job == new.job && k.path != new.path;
            other && (short || k.begins_as(file) && !self.has_moved_on(k))
        };
        now - since < COPY_MS && family.any(alike)
    }

    /// What is known of files by place and by name, for one sweep.
    fn relatives(&self) -> Relatives {
        let mut out = Relatives::default();
        for (source, known) in &self.known {
            let place = (known.device, known.inode);
            out.by_place.entry(place).or_default().push(source.clone());
        }
        let live = self.tailed.values().map(|t| &t.known);
        let left = self.leaving.iter().map(|t| &t.known);
        for known in self.known.values().chain(live).chain(left) {
            if known.offset > 0 && known.packed == 0 {
                let family = out.by_stem.entry(stem(&known.path)).or_default();
                family.push(known.clone());
            }
        }
        out
    }

    /// Whether the path of a file holds it no more: gone, another file, cut, or written anew.
    fn has_moved_on(&self, known: &Known) -> bool {
        let Ok(facts) = self.fs.facts(&known.path) else {
            return true;
        };
        if !known.is_at(&facts) || facts.len < known.offset {
            return true;
        }
        let file = self.fs.open(&known.path);
        known.packed == 0 && file.is_ok_and(|f| !known.fits(&f))
    }

    /// What a file held that is now under another name, or in a copy that rotation made.
    fn rescue(&mut self, old: &Known, pipeline: Pipeline, now: i64, out: &mut Output) {
        let Some(folder) = old.path.parent() else {
            return;
        };
        let family = stem(&old.path);
        for entry in self.fs.list(folder).unwrap_or_default() {
            let path = folder.join(&entry.name);
            let Ok(facts) = self.fs.facts(&path) else {
                continue;
            };
            let related = old.is_at(&facts) || stem(&path) == family;
            let same_name = path == old.path && !old.is_at(&facts);
            if facts.is_dir || !related || same_name || old.offset == 0 || self.is_tailed(&facts) {
                continue;
            }
            let Ok(file) = self.fs.open(&path) else {
                continue;
            };
            let packed = is_gzip(&file);
            let fits = if packed {
                let head = unpacked_head(&file, old.head_len);
                old.begins_as(head.as_slice())
            } else {
                old.fits(&file)
            };
            if !fits {
                continue;
            }
            let known = Known {
                path,
                device: facts.device,
                inode: facts.inode,
                ..old.clone()
            };
            let source = self.new_source(&known, now);
            let mut tailed = Tailed::new(source, known, pipeline, now);
            tailed.left = Some(now);
            if !packed {
                tailed.note(out);
                self.leaving.push(tailed);
            } else if tailed.read_packed(&self.fs, now * 1_000_000, out).is_ok() {
                self.known.insert(tailed.source.clone(), tailed.known);
            }
            return;
        }
    }

    fn is_tailed(&self, facts: &Facts) -> bool {
        let mut all = self.tailed.values().chain(&self.leaving);
        all.any(|t| t.known.is_at(facts))
    }

    /// Files that were renamed or removed while nobody looked, and whose new name no pattern has.
    fn rescue_missing(&mut self, jobs: &[Arc<LogJob>], zone: i32, now: i64, out: &mut Output) {
        let missing: Vec<(String, Known)> = self
            .known
            .iter()
            .filter(|(_, k)| k.packed == 0 && self.has_moved_on(k))
            .map(|(s, k)| (s.clone(), k.clone()))
            .collect();
        for (source, old) in missing {
            let Some(job) = jobs.iter().find(|j| j.name == old.job) else {
                continue;
            };
            let wanted = |g: &&TargetGroup| {
                Pattern::new(g.labels.get("__path__")).is_ok_and(|p| p.matches(&old.path))
            };
            let Some(group) = job.groups.iter().find(wanted) else {
                continue;
            };
            let Some(labels) = relabel::apply(&job.relabel, group.labels.edit()) else {
                continue;
            };
            self.known.remove(&source);
            out.reached(&source, None);
            let pipeline = Pipeline::new(job, file_labels(&labels, &old.path), zone);
            self.rescue(&old, pipeline, now, out);
        }
    }

    fn forget(&mut self, now: i64, out: &mut Output) {
        self.known.retain(|source, known| {
            let stays = now - known.seen < FORGET_MS;
            if !stays {
                out.reached(source, None);
            }
            stays
        });
    }

    /// One turn: files with news, files that leave, entries that waited. True where more is there.
    pub(crate) fn read(&mut self, now: i64, out: &mut Output) -> bool {
        let nanos = now * 1_000_000;
        let many = self.tailed.len() > MOST_OPEN;
        let (mut behind, mut more) = self.read_leaving(nanos, out);
        for key in self.in_turn() {
            // What was written before comes before what is written now.
            if behind.contains(&stem(&key.1)) {
                self.dirty.insert(key);
                continue;
            }
            let Some(tailed) = self.tailed.get_mut(&key) else {
                continue;
            };
            if tailed.known.packed > 0 {
                continue;
            }
            if tailed.was_rewritten(&self.fs) {
                let old = tailed.known.clone();
                let pipeline = tailed.pipeline.fresh();
                tailed.restart(out);
                self.rescue(&old, pipeline, now, out);
                // What the copy holds comes before what was written since.
                let (left, at_once) = self.read_leaving(nanos, out);
                more |= at_once;
                behind.extend(left);
                if behind.contains(&stem(&key.1)) {
                    self.dirty.insert(key);
                    continue;
                }
            }
            let Some(tailed) = self.tailed.get_mut(&key) else {
                continue;
            };
            let mut look = Look::More;
            for _ in 0..TURN {
                look = tailed.read(&self.fs, nanos, out);
                if look != Look::More {
                    break;
                }
                if out.is_full() && !out.hand_over() {
                    return false;
                }
            }
            if many {
                tailed.close();
            }
            more |= look == Look::More;
            if look != Look::End {
                behind.extend(tailed.renamed.map(|_| stem(&key.1)));
                self.dirty.insert(key);
            }
        }
        for tailed in self.tailed.values_mut() {
            tailed.tick(&self.fs, nanos, out);
        }
        more
    }

    /// The files with news: those that were renamed first, in the order in which they were, so that
    /// what goes into one stream does so in the order in which it was written.
    fn in_turn(&mut self) -> Vec<Key> {
        let mut keys: Vec<Key> = std::mem::take(&mut self.dirty).into_iter().collect();
        let renamed = |key: &Key| self.tailed.get(key).and_then(|t| t.renamed);
        keys.sort_by_cached_key(|key| renamed(key).unwrap_or(u64::MAX));
        keys
    }

    /// Reads files that lost their name; says of which names more is there, and whether it
    /// can be read at once.
    fn read_leaving(&mut self, nanos: i64, out: &mut Output) -> (BTreeSet<String>, bool) {
        let (mut left, mut behind, mut more) = (Vec::new(), BTreeSet::new(), false);
        for mut tailed in std::mem::take(&mut self.leaving) {
            let look = tailed.read(&self.fs, nanos, out);
            if look != Look::End {
                more |= look == Look::More;
                behind.insert(stem(&tailed.path));
                left.push(tailed);
                continue;
            }
            tailed.tick(&self.fs, nanos, out);
            if tailed.is_over(nanos / 1_000_000) {
                self.known.insert(tailed.source.clone(), tailed.known);
            } else {
                left.push(tailed);
            }
        }
        self.leaving = left;
        (behind, more)
    }

    /// One row for each job.
    pub(crate) fn rows(
        &self,
        jobs: &[Arc<LogJob>],
        out: &Output,
        unwatched: Option<&str>,
    ) -> Vec<TargetRow> {
        let mut rows = Vec::new();
        for (number, (job, seen)) in jobs.iter().zip(&self.found).enumerate() {
            if seen.patterns.is_empty() && seen.unread.is_empty() {
                continue;
            }
            let mine = self
                .tailed
                .iter()
                .filter(|(k, _)| k.0 == number)
                .map(|(_, t)| t);
            let files = mine.clone().count();
            let open = mine.clone().filter(|t| t.is_open()).count();
            let lines: u64 = mine.clone().map(|t| t.lines).sum();
            let cut: u64 = mine.clone().map(|t| t.cut).sum();
            let grew = mine.clone().map(|t| t.grew).max().unwrap_or(0);
            let mut errors: Vec<&str> = mine.clone().filter_map(|t| t.error.as_deref()).collect();
            errors.extend(seen.unread.iter().map(String::as_str));
            errors.extend(out.trouble.as_deref());
            let mut remark = format!("{files} files, {open} of them open");
            remark.push_str(&clocks(mine.clone()));
            if cut > 0 {
                remark.push_str(&format!("; {cut} lines were longer than is kept"));
            }
            for (reason, n) in &out.tally.dropped {
                remark.push_str(&format!("; {n} lines dropped: {reason}"));
            }
            if let Some(why) = unwatched {
                remark.push_str(&format!(
                    "; looked at every second, since not every folder can be watched ({why})"
                ));
            }
            let error = match errors.as_slice() {
                [] => String::new(),
                [one] => (*one).to_owned(),
                [one, rest @ ..] => format!("{one}, and {} more", rest.len()),
            };
            rows.push(TargetRow {
                job: job.name.clone(),
                instance: seen.patterns.join(" "),
                health: health(&error, files > 0),
                labels: seen.labels.clone(),
                last_scrape: grew,
                last_good: grew,
                samples: lines,
                error,
                remark,
                ..TargetRow::default()
            });
        }
        rows
    }
}

/// What is said of clocks without a zone that are not where they were expected.
fn clocks<'a>(files: impl Iterator<Item = &'a Tailed>) -> String {
    let mut found: BTreeMap<i32, usize> = BTreeMap::new();
    for offset in files.filter_map(|t| t.pipeline.found_offset()) {
        *found.entry(offset).or_default() += 1;
    }
    let mut out = String::new();
    for (offset, files) in found {
        let sign = if offset < 0 { '-' } else { '+' };
        let minutes = offset.abs() / 60;
        let (hours, minutes) = (minutes / 60, minutes % 60);
        out.push_str(&format!(
            "; times without a zone are read as {sign}{hours:02}:{minutes:02} in {files} of them, as that is what they were when they were written"
        ));
    }
    out
}

/// The last whole line of a file, as far as it is not long.
fn last_line(file: &File, len: u64) -> Option<Vec<u8>> {
    let from = len.saturating_sub(1024);
    let bytes = file.at(from, len - from)?;
    let end = memchr::memrchr(b'\n', &bytes)?;
    let line = &bytes[..end];
    let start = memchr::memrchr(b'\n', line).map_or(0, |n| n + 1);
    (start > 0 || from == 0).then(|| line[start..].to_vec())
}

fn visible(labels: &LabelsBuilder) -> LabelsBuilder {
    let mut labels = labels.clone();
    labels.retain(|name| !name.starts_with("__"));
    labels
}

fn file_labels(labels: &LabelsBuilder, path: &Path) -> Labels {
    let mut labels = visible(labels);
    labels.set("filename", &path.to_string_lossy());
    labels.finish()
}
