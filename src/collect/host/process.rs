//! Processes: all of them in one pass, the costly half of a row only where it is looked at.
//!
//! A pass reads /proc/PID/stat of every process into buffers that are used again: one getdents
//! loop, one open, read and close per process, no allocation once the buffers have grown. User,
//! command line and cgroup come later ([`detail`]), greediest and visible rows first and a bounded
//! number per pass, and are kept by pid and start, so that a reused pid never shows the
//! command of the one before.

mod detail;
pub(crate) mod stat;

use crate::base::clock;
use crate::base::clock::Instant;
use crate::collect::host::calls;
use crate::collect::host::process::detail::Details;
use crate::collect::host::process::stat::Stat;
use crate::model::view::{ProcessRow, ProcessView};
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags, RawDir, openat};
use std::mem::MaybeUninit;
use std::path::Path;

/// More processes than this are not shown; the pass says how many there are.
const MOST: usize = 65_536;
/// By CPU and by memory: rows whose I/O is read at every pass, beside those that are looked at. The
/// Overview shows about so many.
const GREEDY: usize = 12;

/// Reads the processes below one `/proc`.
#[derive(Debug)]
pub struct Processes {
    proc: Option<OwnedFd>,
    entries: Vec<MaybeUninit<u8>>,
    /// This pass and the one before, both by rising pid.
    now: Vec<Stat>,
    before: Vec<Stat>,
    /// Share of one core, in step with `now`; NaN where there is nothing to compare with.
    shares: Vec<f64>,
    passed_at: Option<Instant>,
    taken_at: i64,
    details: Details,
    page: u64,
    ticks: f64,
}

impl Processes {
    /// `root` is `/`, or a tree that stands in for the machine.
    pub fn new(root: &Path) -> Self {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let proc = openat(CWD, root.join("proc"), flags, Mode::empty()).ok();
        Self {
            proc,
            entries: vec![MaybeUninit::uninit(); 16 << 10],
            now: Vec::new(),
            before: Vec::new(),
            shares: Vec::new(),
            passed_at: None,
            taken_at: 0,
            details: Details::new(root),
            page: rustix::param::page_size() as u64,
            ticks: calls::ticks_per_second(),
        }
    }

    /// Reads every process once. `now_ms` is the wall time the view will carry.
    pub fn pass(&mut self, now_ms: i64) {
        let at = clock::monotonic();
        std::mem::swap(&mut self.now, &mut self.before);
        self.now.clear();
        if let Some(proc) = &self.proc {
            read_all(proc, &mut self.entries, &mut self.now);
        }
        if !self.now.is_sorted_by_key(|s| s.pid) {
            self.now.sort_unstable_by_key(|s| s.pid);
        }
        let elapsed = self
            .passed_at
            .map(|before| at.duration_since(before).as_secs_f64());
        self.share(elapsed);
        self.passed_at = Some(at);
        self.taken_at = now_ms;
    }

    /// Processes of the last pass.
    pub fn count(&self) -> usize {
        self.now.len()
    }

    /// Walks both passes side by side: both rise by pid.
    fn share(&mut self, elapsed: Option<f64>) {
        self.shares.clear();
        let mut before = self.before.iter().peekable();
        for stat in &self.now {
            while before.next_if(|b| b.pid < stat.pid).is_some() {}
            let old = before
                .peek()
                .filter(|b| b.pid == stat.pid && b.started == stat.started);
            let share = match (old, elapsed) {
                (Some(old), Some(elapsed)) if elapsed > 0.0 => {
                    stat.ticks.saturating_sub(old.ticks) as f64 / self.ticks / elapsed
                }
                _ => f64::NAN,
            };
            self.shares.push(share);
        }
    }

    /// Every process of the last pass. `looked_at` are the pids on somebody's screen, rising: their
    /// rows are made complete first.
    pub fn view(&mut self, looked_at: &[i32]) -> ProcessView {
        let mut order = self.greediest(GREEDY);
        let seen = |i: &usize| looked_at.binary_search(&self.now[*i].pid).is_ok();
        order.extend((0..self.now.len()).filter(seen));
        order.sort_unstable();
        order.dedup();
        let at = self.passed_at.unwrap_or_else(clock::monotonic);
        self.details.refresh(&self.now, &order, at);
        let rows = (0..self.now.len()).map(|i| self.row(i)).collect();
        ProcessView {
            taken_at: self.taken_at,
            complete: true,
            rows,
        }
    }

    /// The `n` greediest by CPU and the `n` greediest by memory, for the record that is kept.
    /// Processes that use nothing of either are not greedy.
    pub fn greedy_view(&mut self, n: usize) -> ProcessView {
        let mut order = self.greediest(n);
        order.sort_unstable();
        let at = self.passed_at.unwrap_or_else(clock::monotonic);
        self.details.refresh(&self.now, &order, at);
        ProcessView {
            taken_at: self.taken_at,
            complete: false,
            rows: order.into_iter().map(|i| self.row(i)).collect(),
        }
    }

    /// Places in `now`, each once.
    fn greediest(&self, n: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.now.len()).collect();
        let mut out = Vec::with_capacity(2 * n);
        let take = n.min(places.len());
        let cpu = |i: &usize| self.shares[*i].max(0.0);
        if take > 0 && take < places.len() {
            places.select_nth_unstable_by(take - 1, |a, b| cpu(b).total_cmp(&cpu(a)));
        }
        out.extend(places[..take].iter().copied().filter(|i| cpu(i) > 0.0));
        if take > 0 && take < places.len() {
            let rss = |i: &usize| std::cmp::Reverse(self.now[*i].rss_pages);
            places.select_nth_unstable_by_key(take - 1, rss);
        }
        let big = |i: &usize| self.now[*i].rss_pages > 0;
        out.extend(places[..take].iter().copied().filter(big));
        out.sort_unstable();
        out.dedup();
        out
    }

    fn row(&self, i: usize) -> ProcessRow {
        let stat = &self.now[i];
        let share = self.shares[i];
        let mut row = ProcessRow {
            pid: stat.pid,
            parent: stat.parent,
            started: stat.started,
            name: stat.name().into_owned(),
            state: char::from(stat.state),
            cpu: (!share.is_nan()).then_some(share),
            rss: stat.rss_pages * self.page,
            threads: stat.threads,
            ..ProcessRow::default()
        };
        self.details.complete(stat, &mut row);
        row
    }
}

/// One getdents loop. A process that vanishes between its entry and its file is left out.
fn read_all(proc: &OwnedFd, entries: &mut [MaybeUninit<u8>], out: &mut Vec<Stat>) {
    if rustix::fs::seek(proc, rustix::fs::SeekFrom::Start(0)).is_err() {
        return;
    }
    let mut dir = RawDir::new(proc, entries);
    let mut path = [0_u8; 32];
    let mut line = [0_u8; 1024];
    while let Some(Ok(entry)) = dir.next() {
        let name = entry.file_name().to_bytes();
        if name.len() > 10 || !name.iter().all(u8::is_ascii_digit) || out.len() >= MOST {
            continue;
        }
        path[..name.len()].copy_from_slice(name);
        path[name.len()..name.len() + 5].copy_from_slice(b"/stat");
        let path = &path[..name.len() + 5];
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let Ok(fd) = openat(proc, path, flags, Mode::empty()) else {
            continue;
        };
        if let Ok(length) = rustix::io::read(&fd, &mut line[..])
            && let Some(stat) = stat::parse(&line[..length])
        {
            out.push(stat);
        }
    }
}

#[cfg(test)]
mod tests;
