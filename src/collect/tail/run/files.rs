//! The files of all jobs: which there are, which is which, and whose turn it is.

mod rows;

use crate::base::fs::{Facts, File, Fs};
use crate::collect::discovery::Watched;
use crate::collect::relabel;
use crate::collect::tail::file::{Look, Tailed, is_gzip, unpacked_head};
use crate::collect::tail::glob::Pattern;
use crate::collect::tail::identity::{Content, HEAD, Known, TAIL, stem};
use crate::collect::tail::output::Output;
use crate::collect::tail::pipeline::Pipeline;
use crate::config::logs::LogJob;
use crate::config::targets::TargetGroup;
use crate::model::labels::{Labels, LabelsBuilder};
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
/// One that holds, so far, what its original does is waited for: so long after it last grew, as it
/// is brought to the disk before the original is cut, and so long in all.
const COPIED_MS: i64 = 60_000;
const LONGEST_COPY_MS: i64 = 600_000;
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
    /// Files that wait to be taken up, by device and inode.
    waiting: HashMap<(u64, u64), Waits>,
    /// Made when a sweep finds the first new file.
    relatives: Option<Relatives>,
    /// Files that name groups.
    named: Watched,
}

/// Since when a file waits, and when it was last found to.
struct Waits {
    since: i64,
    seen: i64,
}

/// Files that a new one may be another name or a copy of.
#[derive(Default)]
struct Relatives {
    /// Sources by inode: a disk may have another number after a start.
    by_inode: HashMap<u64, Vec<String>>,
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
        self.waiting.retain(|_, waits| waits.seen == now);
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
            let settled = now.saturating_sub(facts.modified_ms) >= COPY_MS;
            if settled && tailed.may_unpack(&facts) {
                tailed.read_packed(&self.fs, now * 1_000_000, out)?;
            }
            return Ok(());
        }
        // What it may be a copy of may have been cut just now: then it is known by what was read.
        self.original_begins_again(key, now, out);
        // Renamed within the pattern: it goes on as it is, what a stage holds included.
        let renamed = self
            .leaving
            .iter()
            .position(|t| t.known.job == of.0.name && t.known.is_at(&facts))
            .filter(|at| self.leaving[*at].is_now(&self.fs, &key.1));
        if let Some(at) = renamed {
            let mut tailed = self.leaving.swap_remove(at);
            tailed.left = None;
            self.made += 1;
            tailed.renamed = Some(self.made);
            tailed.path.clone_from(&key.1);
            tailed.known.path.clone_from(&key.1);
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
        let making = fresh && self.in_the_making(&known, &file, facts, now);
        // Its original may have been cut since it was looked at: the next look takes up what is left.
        if making || fresh && self.original_begins_again(key, now, out) {
            let waits = self.waiting.entry(place).or_insert(Waits {
                since: now,
                seen: now,
            });
            waits.seen = now;
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
                self.rescue((&old, old.offset), pipeline, now, out);
            }
        }
        Ok(())
    }

    /// What is known of a file at this place of the disk, and its source; the sources of files that
    /// were there and are no more.
    fn known_at(&self, new: &Known, file: &File) -> (Known, Option<String>, Vec<String>) {
        let packed = is_gzip(file);
        let relatives = self.relatives.as_ref();
        let same = relatives.and_then(|r| r.by_inode.get(&new.inode));
        let (mut found, mut source, mut lost) = (new.clone(), None, Vec::new());
        for s in same.into_iter().flatten() {
            let Some(k) = self.known.get(s).filter(|k| k.job == new.job) else {
                continue;
            };
            let here = k.device == new.device;
            if !here && k.path != new.path {
                continue;
            }
            let fits = if packed {
                k.packed > 0
            } else {
                k.packed == 0 && k.fits(file)
            };
            if fits && (here || k.offset > 0) {
                found = Known {
                    path: new.path.clone(),
                    device: new.device,
                    ..k.clone()
                };
                source = Some(s.clone());
            } else if here {
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
        // Below zero where it was written since this look began, or where the disk's clock is ahead.
        let age = now.saturating_sub(facts.modified_ms);
        if !(-COPY_MS..COPIED_MS).contains(&age) {
            return false;
        }
        let young = age < COPY_MS;
        let named_packed = new.path.extension().is_some_and(|e| e == "gz");
        if is_gzip(file) || named_packed && facts.len < 2 {
            return young;
        }
        let place = (facts.device, facts.inode);
        let waited = self.waiting.get(&place).map_or(0, |w| now - w.since);
        let family = stem(&new.path);
        let original = family == new.path.to_string_lossy();
        let relatives = self.relatives.as_ref();
        let mut family = relatives
            .and_then(|r| r.by_stem.get(&family))
            .into_iter()
            .flatten();
        let alike = |k: &Known| {
            let short = facts.len < k.head_len && !original;
            let soon = young && waited < COPY_MS;
            let may = soon && (short || k.begins_as(file) && !self.has_moved_on(k));
            let grows = || !original && waited < LONGEST_COPY_MS;
            let other = k.job == new.job && k.path != new.path;
            other && (may || grows() && self.is_beginning_of(file, facts, k))
        };
        family.any(alike)
    }

    /// Whether all that a file holds is the beginning of what another holds that is read: looked at
    /// at both ends.
    fn is_beginning_of(&self, file: &File, facts: &Facts, known: &Known) -> bool {
        let Ok(whole) = self.fs.open(&known.path) else {
            return false;
        };
        let len = facts.len;
        let there = whole.facts().is_ok_and(|f| known.is_at(&f) && f.len >= len);
        let same = |from: u64, n: u64| {
            let here = file.at(from, n);
            here.is_some() && here == whole.at(from, n)
        };
        let tail = len.min(TAIL);
        there && len > 0 && !known.is_at(facts) && same(0, len.min(HEAD)) && same(len - tail, tail)
    }

    /// What is known of files by place and by name, for one sweep.
    fn relatives(&self) -> Relatives {
        let mut out = Relatives::default();
        for (source, known) in &self.known {
            let of_inode = out.by_inode.entry(known.inode).or_default();
            of_inode.push(source.clone());
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

    /// As [`Files::begin_again`], for the file whose name this one has with what rotation adds.
    fn original_begins_again(&mut self, key: &Key, now: i64, out: &mut Output) -> bool {
        let original = (key.0, PathBuf::from(stem(&key.1)));
        original.1 != key.1 && self.begin_again(&original, now, out)
    }

    /// A file that was cut or written anew begins again; what it held is read on in its copy. False
    /// where it is as it was.
    fn begin_again(&mut self, key: &Key, now: i64, out: &mut Output) -> bool {
        let Some(tailed) = self.tailed.get_mut(key) else {
            return false;
        };
        if tailed.known.packed > 0 || !tailed.was_rewritten(&self.fs) {
            return false;
        }
        let (old, end) = (tailed.known.clone(), tailed.end());
        let pipeline = tailed.pipeline.fresh();
        let again = self.rescue((&old, end), pipeline, now, out);
        if let Some(tailed) = self.tailed.get_mut(key) {
            tailed.restart(again, out);
            self.dirty.insert(key.clone());
        }
        true
    }

    /// Reads on what a file held that is now under another name, or in a copy that rotation made.
    /// Beside its place stands how far it was read: further, where stages hold lines back. True where
    /// those are read again.
    fn rescue(
        &mut self,
        (old, end): (&Known, u64),
        pipeline: Pipeline,
        now: i64,
        out: &mut Output,
    ) -> bool {
        let Some(folder) = old.path.parent() else {
            return false;
        };
        let family = stem(&old.path);
        for entry in self.fs.list(folder).unwrap_or_default() {
            let path = folder.join(&entry.name);
            let Ok(facts) = self.fs.facts(&path) else {
                continue;
            };
            let same = old.is_at(&facts);
            let related = same || stem(&path) == family;
            let same_name = path == old.path && !same;
            let tailed = self.is_tailed(&old.job, &facts);
            if facts.is_dir || !related || same_name || old.offset == 0 || same && tailed {
                continue;
            }
            let Ok(file) = self.fs.open(&path) else {
                continue;
            };
            let packed = is_gzip(&file);
            let Some(place) = place_in(&path, &file, &facts, (old, end)) else {
                continue;
            };
            let again = facts.len >= end;
            if tailed && packed {
                continue;
            }
            if tailed {
                return again;
            }
            let mut known = Known {
                path,
                device: facts.device,
                inode: facts.inode,
                ..old.clone()
            };
            if place != old.offset {
                known.reach(place, &file);
            }
            let source = self.new_source(&known, now);
            let mut tailed = Tailed::new(source, known, pipeline, now);
            tailed.left = Some(now);
            if !packed {
                tailed.note(out);
                self.leaving.push(tailed);
                return again;
            }
            if tailed.read_packed(&self.fs, now * 1_000_000, out).is_err() {
                return false;
            }
            let again = tailed.known.offset >= end;
            self.known.insert(tailed.source.clone(), tailed.known);
            return again;
        }
        false
    }

    fn is_tailed(&self, job: &str, facts: &Facts) -> bool {
        let mut all = self.tailed.values().chain(&self.leaving);
        all.any(|t| t.known.job == job && t.known.is_at(facts))
    }

    /// Files that were renamed or removed while nobody looked, and whose new name no pattern has.
    fn rescue_missing(&mut self, jobs: &[Arc<LogJob>], zone: i32, now: i64, out: &mut Output) {
        let missing: Vec<(String, Known)> = self
            .known
            .iter()
            .filter(|(_, k)| k.packed == 0 && self.has_moved_on(k) && !self.is_away(k))
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
            self.rescue((&old, old.offset), pipeline, now, out);
        }
    }

    /// Whether the folder of a file is not there, or holds nothing: its disk is not mounted yet, say.
    fn is_away(&self, known: &Known) -> bool {
        let folder = known.path.parent();
        !folder.is_some_and(|f| self.fs.list(f).is_ok_and(|all| !all.is_empty()))
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
            if self.begin_again(&key, now, out) {
                // What the copy holds comes before what was written since.
                let (left, at_once) = self.read_leaving(nanos, out);
                more |= at_once;
                behind.extend(left);
                if behind.contains(&stem(&key.1)) {
                    continue; // it stays with those that have news
                }
            }
            let tailed = self.tailed.get_mut(&key);
            let Some(tailed) = tailed.filter(|t| t.known.packed == 0) else {
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
}

/// Where reading goes on in a file that may hold what another held, of which the place and how far
/// it was read are given.
fn place_in(path: &Path, file: &File, facts: &Facts, (old, end): (&Known, u64)) -> Option<u64> {
    if is_gzip(file) {
        let head = unpacked_head(file, old.head_len);
        return old.begins_as(head.as_slice()).then_some(old.offset);
    }
    if old.fits(file) {
        return Some(if facts.len < end {
            facts.len
        } else {
            old.offset
        });
    }
    // Copied before the last lines were written that were read: all that it holds was read.
    let rotated = stem(path) != path.to_string_lossy();
    let then = (old.seen - facts.modified_ms).abs() < COPIED_MS;
    let shorter = rotated && then && facts.len < old.offset && old.begins_as(file);
    shorter.then_some(facts.len)
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
