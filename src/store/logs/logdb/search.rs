//! Answering: which parts, which blocks, which lines.

use crate::base::cancel::{Cancel, Stopped};
use crate::model::labels::Labels;
use crate::model::log_entry::{Level, LineTest};
use crate::model::matcher::Matcher;
use crate::store::logs::buffer::Buffer;
use crate::store::logs::gram::Wanted;
use crate::store::logs::logdb::{Inner, LogDb, Opened};
use crate::store::logs::merge::{self, Bounds, Hits};
use crate::store::logs::part::{PartError, PartFile, path_of};
use crate::store::logs::select::Filter;
use crate::store::read::logs::{
    Arrived, Buckets, Histogram, LogAsk, LogRow, LogScan, LogSelect, LogSource, LogStats, Tallies,
};
use crate::store::read::{Found, ReadError};
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Sources that are loaded ahead of the one that is walked.
const AHEAD: usize = 6;
/// Numbers of sources: those of a part follow each other, memory comes last.
const PART_STEP: u64 = 1 << 32;

/// One place where lines of the question may be.
pub(super) enum Source {
    Memory { stream: u32, lines: Arc<Buffer> },
    Block { part: Arc<Opened>, block: usize },
}

/// What a search goes through.
pub(super) struct Plan {
    pub(super) sources: Vec<(Bounds, Source)>,
    /// Labels of the wanted streams.
    pub(super) labels: HashMap<u32, Labels>,
    pub(super) warnings: Vec<String>,
    pub(super) skipped: u64,
}

impl Inner {
    /// A closed part's file and index.
    fn opened(&self, number: u32) -> Result<Arc<Opened>, PartError> {
        if let Some(known) = self.indexes.get(number) {
            return Ok(known);
        }
        let path = path_of(&self.setting.dir.join("logs"), number);
        let file = Arc::new(PartFile::open(&self.setting.fs, &path)?);
        let index = if let Some(index) = file.index()? {
            index
        } else {
            let bytes = self.setting.fs.facts(&path)?.len;
            file.scan(bytes, &mut self.damage.lock())?
        };
        let bytes = index.memory();
        let opened = Arc::new(self.state.read().opened(Arc::new(index), file));
        self.indexes.put(number, &opened, bytes);
        Ok(opened)
    }

    /// Every source that may hold lines of the question.
    pub(super) fn plan(&self, matchers: &[Matcher], select: &LogSelect<'_>) -> Plan {
        let range = select.range;
        let mut sources = Vec::new();
        let (labels, open, closed) = {
            let state = self.state.read();
            let head = &state.head;
            let wanted = head.select(matchers, range);
            let label = |id: &u32| (*id, head.streams[*id as usize].labels.clone());
            let labels: HashMap<u32, Labels> = wanted.iter().map(label).collect();
            let mut number = u64::from(u32::MAX) * PART_STEP;
            let mut remember = |stream: u32, lines: &Arc<Buffer>| {
                number += 1;
                let Some((min, max)) = lines.span().filter(|(a, b)| range.meets(*a, *b)) else {
                    return;
                };
                let bounds = Bounds { min, max, number };
                let lines = Arc::clone(lines);
                sources.push((bounds, Source::Memory { stream, lines }));
            };
            for sealed in head
                .sealed
                .iter()
                .filter(|s| labels.contains_key(&s.stream))
            {
                remember(sealed.stream, &sealed.lines);
            }
            for id in wanted {
                remember(id, &head.streams[id as usize].open);
            }
            let meets = |p: &&Arc<crate::store::logs::logdb::Closed>| range.meets(p.min, p.max);
            let closed: Vec<u32> = state.parts.iter().filter(meets).map(|p| p.number).collect();
            (labels, state.open.clone(), closed)
        };
        let mut plan = Plan {
            sources,
            labels,
            warnings: Vec::new(),
            skipped: 0,
        };
        let wanted = Wanted::of(select.tests);
        for number in closed {
            match self.opened(number) {
                Ok(part) => plan.add(number, &part, select, wanted.as_ref()),
                Err(e) => plan.warnings.push(format!("{e}; its lines are missing")),
            }
        }
        if let Some(open) = open {
            plan.add(open.number, &open.opened, select, wanted.as_ref());
        }
        plan
    }
}

impl Plan {
    /// The blocks of a part that may hold lines of the question.
    fn add(
        &mut self,
        number: u32,
        part: &Arc<Opened>,
        select: &LogSelect<'_>,
        wanted: Option<&Wanted>,
    ) {
        let mine = |local: u32| {
            let id = part.streams.get(local as usize);
            id.is_some_and(|id| self.labels.contains_key(id))
        };
        let streams: Vec<bool> = (0..part.streams.len() as u32).map(mine).collect();
        if !streams.contains(&true) {
            return;
        }
        let mut filters = part.index.filters.iter().peekable();
        let mut verdict: Option<(u32, bool)> = None;
        for (i, block) in part.index.blocks.iter().enumerate() {
            let meta = &block.1;
            let levels = Level::ALL.iter().zip(meta.levels);
            let level = |(l, n): (&Level, u64)| n > 0 && select.levels.has(*l);
            let meets = select.range.meets(meta.min, meta.max)
                && meta.runs.iter().any(|r| streams[r.0 as usize])
                && levels.into_iter().any(level);
            if !meets {
                continue;
            }
            if let Some(wanted) = wanted {
                let i = i as u32;
                while filters.peek().is_some_and(|f| f.until <= i) {
                    filters.next();
                }
                if let Some(filter) = filters.peek().filter(|f| f.from <= i) {
                    let perhaps = match verdict {
                        Some((until, perhaps)) if until == filter.until => perhaps,
                        // A filter that cannot be read says nothing.
                        _ => part
                            .file
                            .filter(filter.place, |bits| wanted.perhaps(bits))
                            .unwrap_or(true),
                    };
                    verdict = Some((filter.until, perhaps));
                    if !perhaps {
                        self.skipped += meta.raw;
                        continue;
                    }
                }
            }
            let bounds = Bounds {
                min: meta.min,
                max: meta.max,
                number: u64::from(number) * PART_STEP + i as u64,
            };
            let part = Arc::clone(part);
            self.sources
                .push((bounds, Source::Block { part, block: i }));
        }
    }
}

/// Lines of one source, and the bytes that were looked at.
type Loaded = Result<(Hits, u64), String>;

impl Source {
    fn load(&self, filter: &Filter<'_>, labels: &HashMap<u32, Labels>) -> Loaded {
        let mut hits = Hits::default();
        match self {
            Self::Memory { stream, lines } => {
                hits.copy(filter, lines, *stream, &mut Vec::new());
                Ok((hits, lines.bytes.len() as u64))
            }
            Self::Block { part, block } => {
                let (place, meta) = &*part.index.blocks[*block];
                let stream = |local: u32| {
                    let id = part.streams.get(local as usize).copied();
                    id.filter(|id| labels.contains_key(id))
                };
                let read = part
                    .file
                    .block(*place, |packed| packed.search(filter, &stream, &mut hits));
                match read {
                    Ok(()) => Ok((hits, meta.raw)),
                    Err(e) => Err(format!("{e}; the lines of that block are missing")),
                }
            }
        }
    }
}

/// Sources loaded by two threads, a little ahead of the one who walks.
struct Ahead {
    state: Mutex<AheadState>,
    moved: Condvar,
}

#[derive(Default)]
struct AheadState {
    next: usize,
    /// The source that the walk waits for or has reached.
    wanted: usize,
    loaded: BTreeMap<usize, Loaded>,
    over: bool,
}

impl Ahead {
    fn work(&self, sources: &[(Bounds, Source)], load: &dyn Fn(&Source) -> Loaded) {
        loop {
            let i = {
                let mut state = self.state.lock();
                while !state.over && state.next > state.wanted + AHEAD {
                    self.moved.wait(&mut state);
                }
                if state.over || state.next >= sources.len() {
                    return;
                }
                state.next += 1;
                state.next - 1
            };
            let loaded = load(&sources[i].1);
            self.state.lock().loaded.insert(i, loaded);
            self.moved.notify_all();
        }
    }

    fn take(&self, i: usize) -> Loaded {
        let mut state = self.state.lock();
        state.wanted = i;
        self.moved.notify_all();
        loop {
            if let Some(loaded) = state.loaded.remove(&i) {
                return loaded;
            }
            self.moved.wait(&mut state);
        }
    }

    fn end(&self) {
        self.state.lock().over = true;
        self.moved.notify_all();
    }
}

/// Tells the loading threads to end, however the walk ended.
struct EndGuard<'a>(&'a Ahead);

impl Drop for EndGuard<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl LogSource for LogDb {
    fn lines(
        &self,
        select: &LogSelect<'_>,
        cancel: &Cancel,
        visit: &mut dyn FnMut(&LogRow<'_>) -> ControlFlow<()>,
    ) -> Result<LogScan, ReadError> {
        let mut plan = self.0.plan(select.matchers, select);
        let newest_first = select.newest_first;
        plan.sources
            .sort_by_key(|(b, _)| merge::rank(b, newest_first));
        let bounds: Vec<Bounds> = plan.sources.iter().map(|s| s.0).collect();
        let mut scan = LogScan {
            warnings: std::mem::take(&mut plan.warnings),
            skipped_bytes: plan.skipped,
            ..LogScan::default()
        };
        let filter = Filter::new(select);
        let load = |source: &Source| source.load(&filter, &plan.labels);
        let none = Labels::empty();
        let mut lines = 0u64;
        let mut each = |buffer: &Buffer, row: usize, stream: u32| {
            lines += 1;
            let Some(labels) = plan.labels.get(&stream) else {
                return ControlFlow::Continue(());
            };
            visit(&LogRow {
                stream: labels,
                t: buffer.times[row],
                line: buffer.line(row),
                metadata: buffer.meta(row).unwrap_or(&none),
                level: Level::from_number(buffer.levels[row]),
            })
        };
        let mut note = |loaded: Loaded| -> Result<Hits, Stopped> {
            cancel.check()?;
            Ok(match loaded {
                Ok((hits, bytes)) => {
                    scan.scanned_bytes += bytes;
                    hits
                }
                Err(why) => {
                    scan.warnings.push(why);
                    Hits::default()
                }
            })
        };
        let ahead = Ahead {
            // The first is loaded by who asks: it is often all that is needed.
            state: Mutex::new(AheadState {
                next: 1,
                ..AheadState::default()
            }),
            moved: Condvar::new(),
        };
        std::thread::scope(|scope| {
            let _ends = EndGuard(&ahead);
            let mut running = false;
            let turn = |i: usize| {
                if i == 0 || bounds.len() < 3 {
                    return note(load(&plan.sources[i].1));
                }
                if !running {
                    running = true;
                    for _ in 0..2 {
                        scope.spawn(|| ahead.work(&plan.sources, &load));
                    }
                }
                note(ahead.take(i))
            };
            merge::walk(&bounds, newest_first, turn, &mut each)
        })?;
        scan.lines = lines;
        Ok(scan)
    }

    fn tally(
        &self,
        select: &LogSelect<'_>,
        edges: &[i64],
        cancel: &Cancel,
    ) -> Result<Option<Tallies>, ReadError> {
        self.count(select, edges, cancel)
    }

    fn level_counts(
        &self,
        matchers: &[Matcher],
        buckets: Buckets,
        cancel: &Cancel,
    ) -> Result<Histogram, ReadError> {
        let select = LogSelect::new(matchers, buckets.range());
        let plan = self.0.plan(matchers, &select);
        let mut out = Histogram {
            buckets: vec![[0; 8]; buckets.count],
            warnings: plan.warnings,
        };
        let mut count = |t: i64, level: u8, n: u64| {
            if let Some(b) = buckets.of(t) {
                out.buckets[b][usize::from(level & 7)] += n;
            }
        };
        for (_, source) in &plan.sources {
            cancel.check()?;
            match source {
                Source::Memory { lines, .. } => {
                    for (t, level) in lines.times.iter().zip(&lines.levels) {
                        count(*t, *level, 1);
                    }
                }
                Source::Block { part, block } => {
                    let (place, meta) = &*part.index.blocks[*block];
                    let wanted = |local: u32| {
                        let id = part.streams.get(local as usize);
                        id.is_some_and(|id| plan.labels.contains_key(id))
                    };
                    let whole = meta.runs.iter().all(|r| wanted(r.0))
                        && buckets.of(meta.min).is_some()
                        && buckets.of(meta.min) == buckets.of(meta.max);
                    if whole {
                        for (level, n) in meta.levels.iter().enumerate() {
                            count(meta.min, level as u8, *n);
                        }
                        continue;
                    }
                    let mut each = |t: i64, level: Level| count(t, level as u8, 1);
                    let read = part
                        .file
                        .block(*place, |packed| packed.levels(&wanted, &mut each));
                    if let Err(e) = read {
                        out.warnings.push(e.to_string());
                    }
                }
            }
        }
        Ok(out)
    }

    fn arrived(
        &self,
        after: Option<u64>,
        matchers: &[Matcher],
        tests: &[LineTest],
        visit: &mut dyn FnMut(&LogRow<'_>) -> ControlFlow<()>,
    ) -> Arrived {
        self.0.state.write().head.arrivals.ask();
        let state = self.0.state.read();
        let head = &state.head;
        let wanted: BTreeSet<u32> = if after.is_some() {
            let all = crate::model::log_entry::NanoRange::all();
            head.select(matchers, all).into_iter().collect()
        } else {
            BTreeSet::new()
        };
        let labels = |id: u32| {
            let stream = wanted.contains(&id).then(|| &head.streams[id as usize]);
            stream.map(|s| &s.labels)
        };
        head.arrivals.see(after, labels, tests, visit)
    }

    fn log_label_names(
        &self,
        ask: &LogAsk<'_>,
        cancel: &Cancel,
    ) -> Result<Found<String>, ReadError> {
        cancel.check()?;
        let mut names = BTreeSet::new();
        self.each_stream(ask, |labels| {
            names.extend(labels.iter().map(|(n, _)| n.to_owned()));
        });
        Ok(limited(names, ask.limit))
    }

    fn log_label_values(
        &self,
        name: &str,
        ask: &LogAsk<'_>,
        cancel: &Cancel,
    ) -> Result<Found<String>, ReadError> {
        cancel.check()?;
        let mut values = BTreeSet::new();
        self.each_stream(ask, |labels| {
            let value = labels.get(name);
            if !value.is_empty() {
                values.insert(value.to_owned());
            }
        });
        Ok(limited(values, ask.limit))
    }

    fn streams(&self, ask: &LogAsk<'_>, cancel: &Cancel) -> Result<Found<Labels>, ReadError> {
        cancel.check()?;
        let mut all = BTreeSet::new();
        self.each_stream(ask, |labels| {
            all.insert(labels.clone());
        });
        Ok(limited(all, ask.limit))
    }

    fn log_stats(&self, ask: &LogAsk<'_>, cancel: &Cancel) -> Result<LogStats, ReadError> {
        let mut sum = LogStats::default();
        let mut blocks = BTreeSet::new();
        self.each_run(ask, cancel, |number, _, bytes, lines| {
            sum.bytes += bytes;
            sum.lines += lines;
            blocks.extend(number);
        })?;
        sum.blocks = blocks.len() as u64;
        let state = self.0.state.read();
        sum.streams = state.head.select_any(ask.selectors, ask.range).len() as u64;
        Ok(sum)
    }

    fn volumes(
        &self,
        ask: &LogAsk<'_>,
        cancel: &Cancel,
    ) -> Result<Vec<(Labels, LogStats)>, ReadError> {
        let mut by_stream: BTreeMap<Labels, LogStats> = BTreeMap::new();
        self.each_run(ask, cancel, |number, labels, bytes, lines| {
            let stats = by_stream.entry(labels.clone()).or_default();
            stats.streams = 1;
            stats.blocks += u64::from(number.is_some());
            stats.bytes += bytes;
            stats.lines += lines;
        })?;
        Ok(by_stream.into_iter().collect())
    }
}

impl LogDb {
    fn each_stream(&self, ask: &LogAsk<'_>, mut each: impl FnMut(&Labels)) {
        let state = self.0.state.read();
        for id in state.head.select_any(ask.selectors, ask.range) {
            each(&state.head.streams[id as usize].labels);
        }
    }

    /// Number of the block (none in memory), stream, bytes and lines of every run of a wanted
    /// stream. Bytes of a shared block are shared out by lines.
    fn each_run(
        &self,
        ask: &LogAsk<'_>,
        cancel: &Cancel,
        mut each: impl FnMut(Option<u64>, &Labels, u64, u64),
    ) -> Result<(), ReadError> {
        let all = [Vec::new()];
        let selectors = if ask.selectors.is_empty() {
            &all
        } else {
            ask.selectors
        };
        let mut seen = BTreeSet::new();
        for matchers in selectors {
            cancel.check()?;
            let plan = self.0.plan(matchers, &LogSelect::new(matchers, ask.range));
            for (bounds, source) in &plan.sources {
                match source {
                    Source::Memory { stream, lines } => {
                        if seen.insert((bounds.number, *stream)) {
                            let bytes = lines.bytes.len() as u64;
                            each(None, &plan.labels[stream], bytes, lines.len() as u64);
                        }
                    }
                    Source::Block { part, block } => {
                        let meta = &part.index.blocks[*block].1;
                        for (local, rows) in &meta.runs {
                            let id = part.streams[*local as usize];
                            let Some(labels) = plan.labels.get(&id) else {
                                continue;
                            };
                            if seen.insert((bounds.number, id)) {
                                let rows = u64::from(*rows);
                                let bytes = meta.raw * rows / meta.rows().max(1);
                                each(Some(bounds.number), labels, bytes, rows);
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

fn limited<T: Ord>(all: BTreeSet<T>, limit: usize) -> Found<T> {
    let cut = limit > 0 && all.len() > limit;
    let most = if limit == 0 { usize::MAX } else { limit };
    Found {
        items: all.into_iter().take(most).collect(),
        warnings: Vec::new(),
        cut,
    }
}
