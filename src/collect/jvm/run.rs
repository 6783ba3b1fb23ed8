//! The thread that reads the JVMs: every interval for the store, every 2 s for a console that looks.

use crate::base::cancel::Cancel;
use crate::base::clock::{Clock, Duration};
use crate::base::task;
use crate::collect::beat::Pace;
use crate::collect::jvm::heaps::HeapReader;
use crate::collect::jvm::read::{Id, Jvm, Jvms};
use crate::collect::scrape::director::ScrapedJvm;
use crate::model::jvm::AttachPolicy;
use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::sample::stale_marker;
use crate::model::view::JvmRow;
use crate::store::write::{Append, MetricSink, SeriesId};
use hashbrown::{HashMap, HashSet};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::JoinHandle;
use tokio::sync::watch;

/// How often a console that looks wants new numbers.
const LIVE_MS: i64 = 2_000;
/// A console counts as looking for so long after its last question.
const LOOKS_FOR_MS: i64 = 6_000;
/// How soon a console that begins to look is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How soon it is noticed that JVMs are to be read again.
const SWITCHED_OFF: Duration = Duration::from_secs(2);

/// What the thread is given.
pub struct Parts {
    /// `/proc`, or a tree of that shape.
    pub jvms: Jvms,
    pub sink: Arc<dyn MetricSink>,
    pub clock: Clock,
    /// The server's name, the first half of `instance`.
    pub host: String,
    /// As the configuration in force has it.
    pub pace: watch::Receiver<Pace>,
    /// When a console last asked a live question, milliseconds since the epoch.
    pub looked_at: Arc<AtomicI64>,
    pub views: watch::Sender<Arc<Vec<JvmRow>>>,
    /// Whether they may be asked by attaching, also by itself.
    pub attach: AttachPolicy,
    /// JVMs whose exporter is scraped.
    pub scraped: watch::Receiver<Arc<Vec<ScrapedJvm>>>,
    pub stop: Cancel,
}

/// The reading thread; ends when it is stopped.
#[derive(Debug)]
pub struct Running {
    stop: Cancel,
    thread: JoinHandle<bool>,
}

impl Running {
    /// Ends the thread, after the pass it is in.
    pub fn stop(self) {
        self.stop.cancel();
        let _ = self.thread.join();
    }
}

/// Starts reading; the first reading is stored at once.
pub fn start(parts: Parts) -> std::io::Result<Running> {
    let stop = parts.stop.clone();
    let thread = task::thread("jvms", move || run(parts))?;
    Ok(Running { stop, thread })
}

fn run(parts: Parts) {
    let mut reader = Reader::new(parts);
    let mut stored_at = i64::MIN;
    let mut live_at = i64::MIN;
    while reader.parts.stop.check().is_ok() {
        let now = reader.parts.clock.now_ms();
        let pace = *reader.parts.pace.borrow();
        if !pace.enabled {
            if live_at > i64::MIN {
                reader.end(now);
                (stored_at, live_at) = (i64::MIN, i64::MIN);
            }
            reader.parts.stop.sleep(SWITCHED_OFF);
            continue;
        }
        let interval = i64::try_from(pace.interval.as_millis()).unwrap_or(15_000);
        let looked = reader.parts.looked_at.load(Ordering::Relaxed);
        let store = now >= stored_at.saturating_add(interval) || now < stored_at;
        let live = now - looked < LOOKS_FOR_MS && now >= live_at.saturating_add(LIVE_MS);
        if store || live {
            reader.read(now, store);
            live_at = now;
        }
        if store {
            stored_at = now;
        }
        reader.parts.stop.sleep(LOOK_EVERY);
    }
}

struct Reader {
    parts: Parts,
    /// The stored series, with the pass that last saw them.
    known: HashMap<Labels, Known>,
    names: Names,
    heaps: Option<HeapReader>,
}

struct Known {
    id: SeriesId,
    seen: i64,
}

impl Reader {
    fn new(parts: Parts) -> Self {
        let heaps = (parts.attach == AttachPolicy::Always)
            .then(|| HeapReader::start(parts.jvms.proc(), parts.jvms.heaps.clone()));
        Self {
            parts,
            known: HashMap::new(),
            names: Names::default(),
            heaps: heaps.and_then(Result::ok),
        }
    }

    /// JVMs are looked for when their numbers are stored; between, the known ones are read.
    fn read(&mut self, now: i64, store: bool) {
        let jvms = self.parts.jvms.read(store);
        let scraped = self.parts.scraped.borrow().clone();
        let mut samples = Vec::new();
        let mut rows = Vec::with_capacity(jvms.len());
        let mut shown: HashSet<Id> = HashSet::with_capacity(jvms.len());
        for jvm in &jvms {
            let row = row(&self.parts, jvm, &scraped, now);
            // Two copies of one JVM would make rules fire twice: the exporter's stays.
            if row.shown_by.is_empty() {
                shown.insert((jvm.pid, jvm.started));
                self.names.samples(&row.instance, jvm, now, &mut samples);
            }
            rows.push(row);
        }
        if let Some(heaps) = &self.heaps {
            heaps.wish(jvms.iter().filter(|j| j.still).map(|j| j.found.clone()));
        }
        self.parts.sink.append_live(&samples);
        let ended = self.names.end_all_but(&shown, now);
        self.parts.sink.append_live(&ended);
        if store {
            self.store(&samples, now);
        }
        self.parts.views.send_replace(Arc::new(rows));
    }

    /// Marks all series as ended; no JVM is shown any more.
    fn end(&mut self, now: i64) {
        let ended = self.names.end_all_but(&HashSet::new(), now);
        self.parts.sink.append_live(&ended);
        self.store(&[], now);
        self.parts.views.send_replace(Arc::default());
    }

    /// Appends, and marks as ended the series whose JVM is gone. What cannot be kept is counted by
    /// the store and shown there.
    fn store(&mut self, samples: &[(Labels, i64, f64)], now: i64) {
        let mut batch = Vec::with_capacity(samples.len());
        for (labels, t, v) in samples {
            let known = match self.known.get_mut(labels) {
                Some(known) => known,
                None => match self.parts.sink.resolve(labels) {
                    Ok(id) => self
                        .known
                        .entry(labels.clone())
                        .or_insert(Known { id, seen: now }),
                    Err(_) => continue,
                },
            };
            known.seen = now;
            batch.push(Append {
                series: known.id,
                t: *t,
                v: *v,
            });
        }
        for known in self.known.values().filter(|k| k.seen != now) {
            batch.push(Append {
                series: known.id,
                t: now,
                v: stale_marker(),
            });
        }
        self.known.retain(|_, k| k.seen == now);
        if let Ok(done) = self.parts.sink.append(&batch)
            && !done.gone.is_empty()
        {
            self.known.retain(|_, k| !done.gone.contains(&k.id));
        }
    }
}

/// The series' labels of each JVM in the order they come: they are the same reading after reading,
/// and making them is most of a reading's work.
#[derive(Default)]
struct Names {
    of: HashMap<Id, Vec<Name>>,
}

struct Name {
    family: Cow<'static, str>,
    suffix: &'static str,
    labels: Labels,
    whole: Labels,
}

impl Names {
    fn samples(&mut self, instance: &str, jvm: &Jvm, now: i64, out: &mut Vec<(Labels, i64, f64)>) {
        let mut at = 0;
        for family in &jvm.families {
            for point in &family.points {
                let words = (family.name.clone(), point.suffix);
                let name = self.name(at, words, &point.labels, (instance, jvm));
                out.push((name, now, point.value));
                at += 1;
            }
        }
        // A JVM that shows no numbers is not down: it only cannot be read.
        let up = jvm.problem.is_none().then_some(1.0);
        if let Some(up) = up {
            let name = self.name(at, ("up".into(), ""), &Labels::empty(), (instance, jvm));
            out.push((name, now, up));
        }
    }

    /// The labels of the series at this place.
    fn name(
        &mut self,
        at: usize,
        (family, suffix): (Cow<'static, str>, &'static str),
        labels: &Labels,
        (instance, jvm): (&str, &Jvm),
    ) -> Labels {
        let names = self.of.entry((jvm.pid, jvm.started)).or_default();
        let same = |n: &&Name| n.family == family && n.suffix == suffix && n.labels == *labels;
        if let Some(known) = names.get(at).filter(same) {
            return known.whole.clone();
        }
        names.truncate(at);
        let whole = identity(labels, &format!("{family}{suffix}"), instance, jvm);
        names.push(Name {
            family,
            suffix,
            labels: labels.clone(),
            whole: whole.clone(),
        });
        whole
    }

    /// Markers for the series of JVMs that are not shown any more: the live console must not see
    /// their last values for as long as it looks back.
    fn end_all_but(&mut self, shown: &HashSet<Id>, now: i64) -> Vec<(Labels, i64, f64)> {
        let mut ended = Vec::new();
        self.of.retain(|id, names| {
            let stays = shown.contains(id);
            if !stays {
                ended.extend(names.drain(..).map(|n| (n.whole, now, stale_marker())));
            }
            stays
        });
        ended
    }
}

fn identity(labels: &Labels, name: &str, instance: &str, jvm: &Jvm) -> Labels {
    let mut builder = labels.edit();
    builder
        .set(METRIC_NAME, name)
        .set("job", "jvm")
        .set("instance", instance)
        .set("application", &jvm.application)
        .set("agentless", "true");
    builder.finish()
}

/// `host/application`, with `#2` for a second JVM of that name.
fn instance(host: &str, jvm: &Jvm) -> String {
    match jvm.number {
        1 => format!("{host}/{}", jvm.application),
        n => format!("{host}/{}#{n}", jvm.application),
    }
}

/// An exporter tells the start of its JVM as the JVM's own beans do: to the millisecond.
/// OpenTelemetry tells its pid, and as its host the server, or the first digits of the container.
fn exporter_of<'a>(jvm: &Jvm, scraped: &'a [ScrapedJvm], host: &str) -> Option<&'a ScrapedJvm> {
    let began_at = jvm.began_at as f64 / 1000.0;
    let same_start = |s: &ScrapedJvm| jvm.began_at > 0 && (s.began_at - began_at).abs() < 0.0015;
    let same_process = |s: &ScrapedJvm| {
        let Some((pid, named)) = &s.process else {
            return false;
        };
        let here = match &jvm.container {
            Some(id) => named.len() >= 12 && id.starts_with(named.as_str()),
            None => named == host,
        };
        *pid == jvm.found.inner_pid && here
    };
    scraped.iter().find(|s| same_start(s) || same_process(s))
}

fn row(parts: &Parts, jvm: &Jvm, scraped: &[ScrapedJvm], now: i64) -> JvmRow {
    let (why, way_out) = match &jvm.problem {
        Some(problem) => (problem.why.clone(), problem.way_out.clone()),
        None => Default::default(),
    };
    let shown_by =
        exporter_of(jvm, scraped, &parts.host).map_or_else(String::new, |s| s.instance.clone());
    let remark = if jvm.still && !jvm.asked && shown_by.is_empty() {
        "G1 writes its heap's numbers at collections only: these are of the last one. \
         With `jvm.attach: always` they are asked at every reading."
    } else {
        ""
    };
    JvmRow {
        pid: jvm.pid,
        started: jvm.started,
        instance: instance(&parts.host, jvm),
        application: jvm.application.clone(),
        container: jvm.container.clone().unwrap_or_default(),
        container_name: String::new(),
        logs: jvm.logs.clone(),
        uid: jvm.uid,
        began_at: jvm.began_at,
        machine: jvm.machine.clone(),
        why,
        way_out,
        remark: remark.to_owned(),
        shown_by,
        read_at: now,
        samples: jvm.families.iter().map(|f| f.points.len() as u64).sum(),
        attach: parts.attach,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::answer::Metadata;
    use crate::model::sample::is_stale;
    use crate::store::write::{Appended, WriteError};
    use parking_lot::Mutex;

    /// A store that only remembers.
    #[derive(Default)]
    struct Memory {
        series: Mutex<Vec<Labels>>,
        stored: Mutex<Vec<Append>>,
        live: Mutex<Vec<f64>>,
    }

    impl MetricSink for Memory {
        fn resolve(&self, labels: &Labels) -> Result<SeriesId, WriteError> {
            let mut series = self.series.lock();
            series.push(labels.clone());
            Ok(SeriesId(series.len() as u64 - 1))
        }

        fn append(&self, batch: &[Append]) -> Result<Appended, WriteError> {
            self.stored.lock().extend(batch);
            Ok(Appended::default())
        }

        fn append_live(&self, batch: &[(Labels, i64, f64)]) {
            self.live.lock().extend(batch.iter().map(|(_, _, v)| *v));
        }

        fn describe(&self, _: &[Metadata]) {}
    }

    #[test]
    fn a_jvm_that_ends_ends_its_series() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("42");
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(
            dir.join("stat"),
            "42 (java) S 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 9",
        )
        .unwrap();
        std::fs::write(dir.join("cmdline"), b"java\0-jar\0shop.jar\0").unwrap();
        std::fs::write(dir.join("maps"), "/opt/jdk/lib/server/libjvm.so\n").unwrap();
        std::fs::write(dir.join("status"), "Uid:\t0\t0\nNSpid:\t42\n").unwrap();
        let sink = Arc::new(Memory::default());
        let (views, seen) = watch::channel(Arc::default());
        let (_, scraped) = watch::channel(Arc::default());
        let parts = Parts {
            jvms: Jvms::new(root.path()),
            sink: sink.clone(),
            clock: Clock::fake(0),
            host: "web1".to_owned(),
            pace: Pace::every(Duration::from_secs(15)).fixed(),
            looked_at: Arc::default(),
            views,
            attach: AttachPolicy::Ask,
            scraped,
            stop: Cancel::never(),
        };
        let mut reader = Reader::new(parts);
        reader.read(1_000, true);
        // A JVM whose counters cannot be read is not down: there is no `up` of 0.
        let names: Vec<String> = sink.series.lock().iter().map(ToString::to_string).collect();
        let process = "process_cpu_seconds_total{agentless=\"true\", application=\"shop\", instance=\"web1/shop\", job=\"jvm\"}";
        assert_eq!(names, [process]);
        assert!(
            seen.borrow()[0].why.contains("uid 0"),
            "{:?}",
            seen.borrow()
        );
        std::fs::remove_dir_all(&dir).unwrap();
        reader.read(16_000, true);
        let last = *sink.stored.lock().last().unwrap();
        assert!(last.t == 16_000 && is_stale(last.v));
        let live = sink.live.lock();
        assert!(live.last().is_some_and(|v| is_stale(*v)), "{live:?}");
    }

    #[test]
    fn a_jvm_is_known_to_its_exporter_by_start_or_process() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("42");
        std::fs::create_dir(&dir).unwrap();
        let stat = "42 (java) S 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 9";
        std::fs::write(dir.join("stat"), stat).unwrap();
        std::fs::write(dir.join("cmdline"), b"java\0").unwrap();
        std::fs::write(dir.join("maps"), "/opt/jdk/lib/server/libjvm.so\n").unwrap();
        std::fs::write(dir.join("status"), "Uid:\t0\t0\nNSpid:\t42\t7\n").unwrap();
        let mut jvm = Jvms::new(root.path()).read(true).remove(0);
        let of = |began_at: f64, process: Option<(i32, &str)>| {
            vec![ScrapedJvm {
                began_at,
                process: process.map(|(pid, host)| (pid, host.to_owned())),
                instance: "a:1".to_owned(),
            }]
        };
        let known = |jvm: &Jvm, scraped: &[ScrapedJvm]| exporter_of(jvm, scraped, "web1").is_some();
        // Neither tells when it began: that is no likeness.
        assert!(!known(&jvm, &of(0.0, None)));
        assert!(known(&jvm, &of(0.0, Some((7, "web1")))));
        assert!(!known(&jvm, &of(0.0, Some((7, "web2")))));
        assert!(!known(&jvm, &of(0.0, Some((42, "web1")))));
        jvm.container = Some("ab".repeat(32));
        assert!(known(&jvm, &of(0.0, Some((7, "abababababab")))));
        assert!(!known(&jvm, &of(0.0, Some((7, "web1")))));
        jvm.began_at = 5_000;
        assert!(known(&jvm, &of(5.0, None)) && !known(&jvm, &of(5.1, None)));
    }
}
