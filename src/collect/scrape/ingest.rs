//! An answer's body into samples.
//!
//! Nothing reaches the store before the whole body was read: a body that breaks off, or that is
//! over a limit, leaves no half of it. In the steady state a scrape allocates nothing per sample:
//! the text of a series leads to its id, and one append carries all. What a scrape does not show
//! any more gets a staleness marker, in the same append.

use crate::collect::container::id;
use crate::collect::relabel;
use crate::collect::scrape::cache::{Cache, DROPPED, pending, pending_place};
use crate::collect::scrape::plan::Target;
use crate::config::scrape::ScrapeConfig;
use crate::model::answer::Metadata;
use crate::model::exemplar::Exemplar;
use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::sample::stale_marker;
use crate::store::write::{Append, MetricSink, SeriesId, WriteError};
use crate::wire::exposition::{self, About, Entry, Format, Parser, Sample, series};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Samples further ahead of now are refused, in milliseconds. Source: Prometheus.
const FURTHEST_AHEAD: i64 = 10 * 60 * 1000;

/// Names of this machine, to notice that a target shows it too.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ThisMachine {
    /// `uname -n`.
    pub nodename: String,
    /// Seconds since the epoch.
    pub booted_at: f64,
}

/// An answer, and the time its samples are given, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug)]
pub struct Body<'a> {
    pub bytes: &'a [u8],
    pub format: Format,
    pub t: i64,
}

/// What one body held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// Lines with samples.
    pub scraped: u64,
    /// Those that relabelling left.
    pub kept: u64,
    /// Series that were not there a scrape ago.
    pub added: u64,
    /// What a person should know; empty where all was well.
    pub remarks: Vec<String>,
}

/// What is known of one target from scrape to scrape.
#[derive(Debug)]
pub struct Ingest {
    job: Arc<ScrapeConfig>,
    target: Arc<Target>,
    this: Arc<ThisMachine>,
    cache: Cache,
    scrape: u32,
    metadata: u64,
    named_as_this: bool,
    booted_as_this: bool,
    /// The text of the series that tells when the process began; empty until it was seen.
    start_text: Vec<u8>,
    /// Seconds since the epoch.
    began_at: f64,
    is_jvm: bool,
    /// The process that it tells of, as OpenTelemetry does: its pid as it sees it itself, and its
    /// host's name.
    process: Option<(i32, String)>,
    /// Containers that it shows, the newest last.
    containers: VecDeque<String>,
}

/// Ids of containers that are kept of one target, to notice that it shows those of this machine.
const MOST_IDS: usize = 64;

/// A series that was seen for the first time.
struct Miss {
    /// Its place in the cache; `None` where its text is too long for that.
    entry: Option<usize>,
    labels: Labels,
}

/// What the pass over the body gathers.
#[derive(Default)]
struct Pass {
    misses: Vec<Miss>,
    exemplars: Vec<(SeriesId, Exemplar)>,
    taken: Taken,
    metadata: u64,
    duplicates: u64,
    ahead: u64,
    native: u64,
}

impl Ingest {
    pub fn new(job: Arc<ScrapeConfig>, target: Arc<Target>, this: Arc<ThisMachine>) -> Self {
        let cache = Cache::new(target.spread() ^ u64::from(std::process::id()));
        Self {
            job,
            target,
            this,
            cache,
            scrape: 0,
            metadata: 0,
            named_as_this: false,
            booted_as_this: false,
            start_text: Vec::new(),
            began_at: 0.0,
            is_jvm: false,
            process: None,
            containers: VecDeque::new(),
        }
    }

    /// When the JVM whose series these are began, in seconds since the epoch; `None` where it is no
    /// JVM, or does not tell.
    pub fn jvm_began_at(&self) -> Option<f64> {
        (self.is_jvm && self.began_at > 0.0).then_some(self.began_at)
    }

    /// The JVM's own pid and the name of its host, where OpenTelemetry's `target_info` tells them.
    pub fn jvm_process(&self) -> Option<(i32, String)> {
        self.process.clone().filter(|_| self.is_jvm)
    }

    /// The newest containers whose series these are: their 64 hexadecimal digits.
    pub fn containers(&self) -> Vec<String> {
        self.containers.iter().cloned().collect()
    }

    /// True where the target's series are those of the machine we run on.
    pub fn shows_this_machine(&self) -> bool {
        self.named_as_this && self.booted_as_this
    }

    /// Bytes that the series cache holds.
    pub fn bytes(&self) -> usize {
        self.cache.bytes()
    }

    /// Reads a body and appends its samples and markers to `batch`. On `Err` nothing was added and
    /// no series resolved.
    pub fn read(
        &mut self,
        body: Body<'_>,
        sink: &dyn MetricSink,
        batch: &mut Vec<Append>,
    ) -> Result<Taken, String> {
        self.scrape = self.scrape.wrapping_add(1).max(1);
        self.cache.rewind();
        let (known, start) = (self.cache.len(), batch.len());
        match self.pass(body, batch) {
            Ok(mut pass) => {
                if let Some(why) = self.resolve(&mut pass, sink, batch) {
                    pass.taken.remarks.push(why);
                }
                self.mark_gone(body.t, batch);
                if !pass.exemplars.is_empty() {
                    sink.append_exemplars(std::mem::take(&mut pass.exemplars));
                }
                if pass.metadata != self.metadata {
                    self.metadata = pass.metadata;
                    sink.describe(&describe(body));
                }
                Ok(finish(pass))
            }
            Err(why) => {
                self.cache.truncate(known);
                batch.truncate(start);
                Err(why)
            }
        }
    }

    /// Marks every series of the target as ended: it did not answer, or is no target any more.
    pub fn mark_all(&mut self, t: i64, batch: &mut Vec<Append>) {
        for entry in self.cache.entries() {
            if entry.live {
                entry.live = false;
                batch.push(marker(entry.id, t));
            }
        }
    }

    /// The store dropped these: their labels are resolved again at the next reading.
    pub fn forget(&mut self, gone: &[SeriesId]) {
        let gone: HashSet<u64> = gone.iter().map(|id| id.0).collect();
        self.cache.retain(|e| !gone.contains(&e.id.0));
    }

    fn pass(&mut self, body: Body<'_>, batch: &mut Vec<Append>) -> Result<Pass, String> {
        let mut pass = Pass::default();
        let mut parser = Parser::new(body.format, body.bytes);
        let mut hit = None;
        loop {
            let cache = &mut self.cache;
            let entry = parser.next_entry(|text| {
                hit = cache.find(text);
                hit.is_some()
            });
            let sample = match entry.map_err(|e| e.to_string())? {
                Some(Entry::Sample(sample)) => sample,
                Some(Entry::Meta(meta)) => {
                    pass.metadata = fold(pass.metadata, meta.name, meta.what);
                    continue;
                }
                Some(Entry::End) => continue,
                None => return Ok(pass),
            };
            pass.taken.scraped += 1;
            if sample.series == self.start_text.as_slice() {
                self.began_at = sample.value;
            }
            if sample.native.is_some() {
                pass.native += 1;
                continue;
            }
            let (place, id) = match hit {
                Some(place) => (hit, self.cache.entry(place).id),
                None => self
                    .learn(&sample, &mut pass)
                    .map_err(|why| format!("line {}: {why}", parser.line()))?,
            };
            if let Some(at) = self.time_of(&sample, place, body.t, &mut pass) {
                batch.push(Append {
                    series: id,
                    t: at,
                    v: sample.value,
                });
                if let Some(exemplar) = sample.exemplar
                    && let Some(exemplar) = observed(&exemplar, at)
                {
                    pass.exemplars.push((id, exemplar));
                }
            }
            let limit = self.job.scraping.limits.samples;
            if limit > 0 && pass.taken.kept > limit {
                return Err(format!(
                    "more than {limit} samples, the job's sample_limit: nothing of this scrape was stored"
                ));
            }
        }
    }

    /// When the sample is dated; `None` where it is not stored: relabelling drops its series, it
    /// came already, or it lies in the future.
    fn time_of(
        &mut self,
        sample: &Sample<'_>,
        place: Option<usize>,
        t: i64,
        pass: &mut Pass,
    ) -> Option<i64> {
        let own_time = sample.timestamp.filter(|_| self.job.honor_timestamps);
        if let Some(place) = place {
            let entry = self.cache.entry(place);
            let again = entry.seen == self.scrape;
            entry.seen = self.scrape;
            if entry.id == DROPPED {
                return None;
            }
            if again && own_time.is_none() {
                pass.duplicates += 1;
                return None;
            }
            entry.own_time = own_time.is_some() && !self.job.track_timestamps_staleness;
        }
        pass.taken.kept += 1;
        let at = own_time.unwrap_or(t);
        if at > t.saturating_add(FURTHEST_AHEAD) {
            pass.ahead += 1;
            return None;
        }
        Some(at)
    }

    /// A text that is not in the cache: its labels, once.
    fn learn(
        &mut self,
        sample: &Sample<'_>,
        pass: &mut Pass,
    ) -> Result<(Option<usize>, SeriesId), String> {
        let mut pairs = Vec::with_capacity(16);
        series::read(sample.series, &mut pairs)?;
        series::sort_unique(&mut pairs)?;
        self.notice(&pairs, sample);
        let Some(labels) = final_labels(pairs, &self.job, &self.target)? else {
            return Ok((self.cache.insert(sample.series, DROPPED), DROPPED));
        };
        let id = pending(pass.misses.len());
        let entry = self.cache.insert(sample.series, id);
        pass.misses.push(Miss { entry, labels });
        Ok((entry, id))
    }

    fn notice(&mut self, pairs: &[(Cow<'_, str>, Cow<'_, str>)], sample: &Sample<'_>) {
        let get = |name: &str| {
            let found = pairs.iter().find(|(n, _)| n == name);
            found.map_or("", |(_, v)| v.as_ref())
        };
        match get(METRIC_NAME) {
            "node_uname_info" => self.named_as_this = get("nodename") == self.this.nodename,
            "node_boot_time_seconds" => {
                self.booted_as_this = (sample.value - self.this.booted_at).abs() <= 2.0;
            }
            "process_start_time_seconds" => {
                self.start_text = sample.series.to_vec();
                self.began_at = sample.value;
            }
            "container_last_seen" | "container_start_time_seconds" => {
                self.notice_container(get("id"));
            }
            "target_info" => {
                let pid = get("process_pid").parse().ok().filter(|pid| *pid > 0);
                let host = get("host_name").to_owned();
                self.process = pid.filter(|_| !host.is_empty()).map(|pid| (pid, host));
            }
            name if name.starts_with("jvm_") || name.starts_with("process_runtime_jvm_") => {
                self.is_jvm = true;
            }
            _ => {}
        }
    }

    fn notice_container(&mut self, path: &str) {
        let Some(named) = id::of_path(path) else {
            return;
        };
        if self.containers.iter().any(|known| known == named.id) {
            return;
        }
        if self.containers.len() == MOST_IDS {
            self.containers.pop_front();
        }
        self.containers.push_back(named.id.to_owned());
    }

    /// Resolves the new series. Where the store refuses new ones, the known ones are still stored
    /// and the refusal is told.
    fn resolve(
        &mut self,
        pass: &mut Pass,
        sink: &dyn MetricSink,
        batch: &mut Vec<Append>,
    ) -> Option<String> {
        if pass.misses.is_empty() {
            return None;
        }
        let mut refusal = None;
        let mut ids = Vec::with_capacity(pass.misses.len());
        for miss in &pass.misses {
            match sink.resolve(&miss.labels) {
                Ok(id) => ids.push(id),
                Err(why) => {
                    refusal = Some(refused(&why));
                    break;
                }
            }
            if let (Some(place), Some(id)) = (miss.entry, ids.last()) {
                self.cache.entry(place).id = *id;
            }
        }
        pass.taken.added = ids.len() as u64;
        batch.retain_mut(|append| match pending_place(append.series) {
            None => append.series != DROPPED,
            Some(place) => match ids.get(place) {
                Some(id) => {
                    append.series = *id;
                    true
                }
                None => false,
            },
        });
        pass.exemplars
            .retain_mut(|(series, _)| match pending_place(*series) {
                None => true,
                Some(place) => ids.get(place).map(|id| *series = *id).is_some(),
            });
        if refusal.is_some() {
            self.cache.retain(|e| pending_place(e.id).is_none());
        }
        refusal
    }

    /// Marks what was there and is not any more, and forgets it.
    fn mark_gone(&mut self, t: i64, batch: &mut Vec<Append>) {
        let scrape = self.scrape;
        let mut gone = false;
        for entry in self.cache.entries() {
            if entry.seen == scrape {
                entry.live = entry.id != DROPPED && !entry.own_time;
            } else {
                gone = true;
            }
        }
        if !gone {
            return self.cache.shrink();
        }
        // The same series may have come back under another text: its labels in another order.
        let alive = self.cache.entries().iter().filter(|e| e.seen == scrape);
        let alive: HashSet<u64> = alive.map(|e| e.id.0).collect();
        for entry in self.cache.entries() {
            if entry.seen != scrape && entry.live && !alive.contains(&entry.id.0) {
                batch.push(marker(entry.id, t));
            }
        }
        self.cache.retain(|e| e.seen == scrape);
    }
}

/// An exemplar as it stood, at the time of its sample where it has none; `None` where its labels do
/// not read, which is no reason to refuse the sample.
fn observed(raw: &exposition::Exemplar<'_>, t: i64) -> Option<Exemplar> {
    let mut pairs = Vec::new();
    series::read_labels(raw.labels, &mut pairs).ok()?;
    series::sort_unique(&mut pairs).ok()?;
    let exemplar = Exemplar {
        labels: Labels::from_pairs(pairs),
        value: raw.value,
        t: raw.timestamp.unwrap_or(t),
    };
    (!exemplar.is_too_long()).then_some(exemplar)
}

fn marker(series: SeriesId, t: i64) -> Append {
    let v = stale_marker();
    Append { series, t, v }
}

fn finish(pass: Pass) -> Taken {
    let mut taken = pass.taken;
    let mut say = |count: u64, what: &str| {
        if count > 0 {
            taken.remarks.push(format!("{count} {what}"));
        }
    };
    say(
        pass.duplicates,
        "samples came twice in one answer; the first stands",
    );
    say(
        pass.ahead,
        "samples lie more than 10 minutes in the future and were left out",
    );
    say(pass.native, "native histograms were left out");
    taken
}

/// A running sum over the lines about metrics, so that only changed ones are described again.
fn fold(sum: u64, name: &[u8], what: About<'_>) -> u64 {
    let sum = xxh3_64_with_seed(name, sum);
    match what {
        About::Help(text) => xxh3_64_with_seed(text, sum),
        About::Unit(text) => xxh3_64_with_seed(text, sum ^ 1),
        About::Kind(kind) => xxh3_64_with_seed(kind.as_str().as_bytes(), sum ^ 2),
    }
}

/// The metadata of a body that reads well.
fn describe(body: Body<'_>) -> Vec<Metadata> {
    let mut out: BTreeMap<String, Metadata> = BTreeMap::new();
    let mut parser = Parser::new(body.format, body.bytes);
    while let Ok(Some(entry)) = parser.next_entry(|_| false) {
        let Entry::Meta(meta) = entry else { continue };
        let metric = meta.metric().into_owned();
        let row = out.entry(metric.clone()).or_insert_with(|| Metadata {
            metric,
            ..Metadata::default()
        });
        match meta.what {
            About::Help(raw) => row.help = meta.help_text(raw).into_owned(),
            About::Kind(kind) => row.kind = kind,
            About::Unit(unit) => row.unit = String::from_utf8_lossy(unit).into_owned(),
        }
    }
    out.into_values().collect()
}

/// A scraped series' labels with those of its target, relabelled; `None` where that drops it.
fn final_labels(
    pairs: series::Pairs<'_>,
    job: &ScrapeConfig,
    target: &Target,
) -> Result<Option<Labels>, String> {
    let mut pairs = pairs;
    pairs.retain(|(_, value)| !value.is_empty());
    add_target_labels(&mut pairs, &target.labels, job.honor_labels);
    pairs.sort_unstable();
    let borrowed: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(n, v)| (n.as_ref(), v.as_ref()))
        .collect();
    let mut labels = Labels::from_sorted(&borrowed).unwrap_or_else(|| Labels::from_pairs(borrowed));
    if !job.metric_relabel.is_empty() {
        match relabel::apply(&job.metric_relabel, labels.edit()) {
            Some(kept) => labels = kept.finish(),
            None => return Ok(None),
        }
    }
    if labels.is_empty() {
        return Ok(None);
    }
    if labels.metric_name().is_empty() {
        return Err(format!(
            "metric_relabel_configs left no metric's name: {labels}"
        ));
    }
    check_limits(&labels, job)?;
    Ok(Some(labels))
}

/// Where both name a label, the scraped one becomes `exported_NAME`, or stays where the job
/// honours it.
fn add_target_labels<'a>(pairs: &mut series::Pairs<'a>, target: &'a Labels, honor: bool) {
    let scraped = pairs.len();
    for (name, value) in target {
        let clash = pairs[..scraped].iter().position(|(n, _)| n == name);
        match clash {
            Some(_) if honor => continue,
            Some(place) => {
                let mut renamed = format!("exported_{name}");
                while pairs.iter().any(|(n, _)| *n == renamed) || target.has(&renamed) {
                    renamed.insert_str(0, "exported_");
                }
                pairs[place].0 = Cow::Owned(renamed);
            }
            None => {}
        }
        pairs.push((Cow::Borrowed(name), Cow::Borrowed(value)));
    }
}

fn check_limits(labels: &Labels, job: &ScrapeConfig) -> Result<(), String> {
    let limits = &job.scraping.limits;
    let count = labels.iter().count() as u64;
    if limits.labels > 0 && count > limits.labels {
        let name = labels.metric_name();
        return Err(format!(
            "{name} has {count} labels; label_limit is {}",
            limits.labels
        ));
    }
    let over = |len: usize, limit: u64| limit > 0 && len as u64 > limit;
    for (name, value) in labels {
        if over(name.len(), limits.label_name_length) {
            let (len, limit) = (name.len(), limits.label_name_length);
            return Err(format!(
                "the label name {name:?} has {len} bytes; label_name_length_limit is {limit}"
            ));
        }
        if over(value.len(), limits.label_value_length) {
            let (len, limit) = (value.len(), limits.label_value_length);
            return Err(format!(
                "the value of {name} has {len} bytes; label_value_length_limit is {limit}"
            ));
        }
    }
    Ok(())
}

/// Why the store kept nothing, for the target's row.
pub fn refused(why: &WriteError) -> String {
    format!("scraped, but not stored: {why}")
}

#[cfg(test)]
mod tests;
