//! One reading of all JVMs: found, named, numbered, with their series and, where there are none,
//! the reason and the way out.

use crate::collect::jvm::PROC;
use crate::collect::jvm::collector;
use crate::collect::jvm::counters::Place;
use crate::collect::jvm::find::{Finder, Found, application};
use crate::collect::jvm::heap_info::HeapNow;
use crate::collect::jvm::hsperf::{self, Counters, HsperfError};
use crate::collect::jvm::series::{Memory, began_at, families};
use crate::model::answer::MetricKind;
use crate::model::family::Family;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A JVM across pid reuse: its pid, and its start in clock ticks after boot.
pub(crate) type Id = (i32, u64);

/// Heaps that were asked by attaching, by JVM; filled by another thread.
pub(crate) type Heaps = Arc<Mutex<HashMap<Id, HeapNow>>>;

/// One JVM at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Jvm {
    pub pid: i32,
    /// Clock ticks after boot; with `pid` the identity across pid reuse.
    pub started: u64,
    pub uid: u32,
    pub application: String,
    /// 1, or 2, 3 ... for further JVMs of one application that are alive at once.
    pub number: u32,
    pub container: Option<String>,
    /// Log files that it has open.
    pub logs: Vec<String>,
    /// When it began, in milliseconds since the epoch, as its own beans and exporters say it; 0
    /// where it is not known.
    pub began_at: i64,
    /// "17.0.15 G1"; empty where it is not known.
    pub machine: String,
    /// Its counters of the heap stand still between collections.
    pub still: bool,
    /// Its heap was asked by attaching instead.
    pub asked: bool,
    /// Without identity labels; only the process' where `problem` says why.
    pub families: Vec<Family>,
    pub problem: Option<Problem>,
    pub(crate) found: Arc<Found>,
}

/// Why a JVM's counters cannot be read, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub why: String,
    pub way_out: String,
}

/// Reads all JVMs of a machine, time after time.
#[derive(Debug)]
pub struct Jvms {
    proc: PathBuf,
    finder: Finder,
    lives: HashMap<Id, Life>,
    pub(crate) heaps: Heaps,
    /// The bytes of the counters that are read.
    file: Vec<u8>,
}

/// What is kept of a JVM while it lives.
#[derive(Debug)]
struct Life {
    application: String,
    number: u32,
    place: Place,
    memory: Memory,
    /// Open files, counted when JVMs are looked for.
    files: Option<f64>,
    /// Those of them that are logs, looked at now and then.
    logs: Vec<String>,
    looks: u32,
}

impl Jvms {
    /// `proc` is `/proc`, or a tree of that shape.
    pub fn new(proc: impl Into<PathBuf>) -> Self {
        let proc = proc.into();
        Self {
            finder: Finder::new(&proc),
            proc,
            lives: HashMap::new(),
            heaps: Heaps::default(),
            file: Vec::new(),
        }
    }

    pub fn of_this_machine() -> Self {
        Self::new(PROC)
    }

    pub(crate) fn proc(&self) -> &Path {
        &self.proc
    }

    /// All JVMs of this moment, by pid. Only where `search` is set new ones are looked for and open
    /// files counted, which costs a look at every process.
    pub fn read(&mut self, search: bool) -> Vec<Jvm> {
        let found = if search {
            self.finder.pass()
        } else {
            self.finder.living()
        };
        // The dead leave first, so that their numbers are free for those who come.
        let alive: hashbrown::HashSet<Id> = found.iter().map(|f| (f.pid, f.started)).collect();
        self.lives.retain(|id, _| alive.contains(id));
        self.heaps.lock().retain(|id, _| alive.contains(id));
        let mut file = std::mem::take(&mut self.file);
        let read = found.iter().map(|f| self.read_one(f, search, &mut file));
        let jvms = read.collect();
        self.file = file;
        jvms
    }

    fn read_one(&mut self, found: &Arc<Found>, search: bool, file: &mut Vec<u8>) -> Jvm {
        let id = (found.pid, found.started);
        let known = self
            .lives
            .get_mut(&id)
            .map(|life| std::mem::take(&mut life.place));
        let mut place = known.unwrap_or_default();
        let read = place.read(&self.proc, found, file);
        let parsed = read.and_then(|()| hsperf::parse(file).map_err(unreadable));
        let counters = parsed.as_ref().ok();
        if !self.lives.contains_key(&id) {
            let java_command = counters.and_then(|c| c.text("sun.rt.javaCommand"));
            let application = application(&found.command, java_command);
            let life = Life {
                number: self.free_number(&application),
                application,
                place: Place::default(),
                memory: Memory::default(),
                files: None,
                logs: Vec::new(),
                looks: 0,
            };
            self.lives.insert(id, life);
        }
        let mut jvm = Jvm::unknown(found);
        let Some(life) = self.lives.get_mut(&id) else {
            return jvm;
        };
        life.place = place;
        if search {
            let files = self.proc.join(format!("{}/fd", found.pid));
            if life.looks.is_multiple_of(LOOK_AT_LOGS) && found.container.is_none() {
                life.logs = log_files(&files);
            }
            life.looks = life.looks.wrapping_add(1);
            life.files = fs::read_dir(files).ok().map(|d| d.count() as f64);
        }
        if let Some(counters) = counters {
            life.memory.heap = self.heaps.lock().get(&id).copied();
            life.memory.allocation.read(counters);
            life.memory.causes.read(counters);
            jvm.families = families(counters, &life.memory);
            jvm.describe(counters, life.memory.heap.is_some());
        }
        jvm.families
            .extend(process(self.finder.stat(id), life.files));
        jvm.application.clone_from(&life.application);
        jvm.number = life.number;
        jvm.logs.clone_from(&life.logs);
        jvm.problem = parsed.err();
        jvm
    }

    /// The lowest number that no living JVM of this application has, so that a restart continues
    /// the series of the one before.
    fn free_number(&self, application: &str) -> u32 {
        let of_it = self.lives.values().filter(|l| l.application == application);
        let taken: hashbrown::HashSet<u32> = of_it.map(|l| l.number).collect();
        (1..=u32::MAX).find(|n| !taken.contains(n)).unwrap_or(1)
    }
}

fn unreadable(e: HsperfError) -> Problem {
    let way_out = match e {
        HsperfError::NotReady => "wait: it is read again at the next beat",
        _ => "start the JVM anew, so that it writes its file anew, or scrape it through Micrometer",
    };
    Problem {
        why: format!("its counters cannot be read: {e}"),
        way_out: way_out.to_owned(),
    }
}

impl Jvm {
    fn unknown(found: &Arc<Found>) -> Self {
        Self {
            pid: found.pid,
            started: found.started,
            uid: found.uid,
            application: String::new(),
            number: 1,
            container: found.container.clone(),
            logs: Vec::new(),
            began_at: 0,
            machine: String::new(),
            still: false,
            asked: false,
            families: Vec::new(),
            problem: None,
            found: found.clone(),
        }
    }

    fn describe(&mut self, counters: &Counters<'_>, asked: bool) {
        let collector = collector::of(counters);
        let version = counters.text("java.property.java.version");
        // JDK 8 tells its version in that of the machine only.
        let version = version.or_else(|| counters.text("java.property.java.vm.version"));
        let version = version.unwrap_or("?");
        let words = format!("{version} {}", collector.name);
        words.trim_end().clone_into(&mut self.machine);
        self.began_at = began_at(counters).unwrap_or(0.0) as i64;
        (self.still, self.asked) = (collector.still, asked);
    }
}

/// Which of the open files are looked at: every eighth time, since each is a question to the kernel.
const LOOK_AT_LOGS: u32 = 8;
/// Open files that are looked at, and logs that are told of.
const MOST_FILES: usize = 4_096;
const MOST_LOGS: usize = 16;

/// The open files that are called as logs are.
fn log_files(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let targets = files
        .take(MOST_FILES)
        .filter_map(|f| fs::read_link(f.path()).ok());
    let is_log = |p: &PathBuf| p.is_absolute() && p.extension().is_some_and(|e| e == "log");
    let names = targets
        .filter(is_log)
        .filter_map(|p| p.into_os_string().into_string().ok());
    let mut out: Vec<String> = names.take(MOST_LOGS).collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// What /proc knows of the process, under the names that Micrometer and the Java client use.
fn process(stat: &str, files: Option<f64>) -> Vec<Family> {
    let mut out = Vec::new();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map_or(Vec::new(), |(_, rest)| rest.split_whitespace().collect());
    let number = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok());
    // Clock ticks are 1/100 s on every architecture Linux has for user space.
    if let (Some(user), Some(system)) = (number(11), number(12)) {
        let help = "CPU time used by the process";
        let mut family = Family::new("process_cpu_seconds_total", MetricKind::Counter, help);
        family.add(&[], (user + system) / 100.0);
        out.push(family);
    }
    if let Some(pages) = number(21) {
        let help = "Resident memory of the process";
        let mut family = Family::new("process_resident_memory_bytes", MetricKind::Gauge, help);
        family.add(&[], pages * rustix::param::page_size() as f64);
        out.push(family);
    }
    if let Some(files) = files {
        let mut family = Family::new("process_files_open_files", MetricKind::Gauge, "Open files");
        family.add(&[], files);
        out.push(family);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes what the finder reads of a JVM without counters.
    fn jvm(root: &Path, pid: i32, started: u64) {
        let dir = root.join(pid.to_string());
        fs::create_dir_all(dir.join("root/tmp")).unwrap();
        let stat = format!("{pid} (java) S 1 {} {started} 0", "0 ".repeat(17).trim());
        fs::write(dir.join("stat"), stat).unwrap();
        fs::write(dir.join("cmdline"), b"java\0-jar\0shop.jar\0").unwrap();
        fs::write(
            dir.join("maps"),
            "7f00 r-xp /opt/jdk/lib/server/libjvm.so\n",
        )
        .unwrap();
        fs::write(
            dir.join("status"),
            format!("Uid:\t5\t7\t5\t5\nNSpid:\t{pid}\n"),
        )
        .unwrap();
    }

    #[test]
    fn a_restarted_application_takes_the_number_of_the_one_before() {
        let root = tempfile::tempdir().unwrap();
        let mut jvms = Jvms::new(root.path());
        let numbers = |jvms: &mut Jvms| -> Vec<(i32, u32)> {
            jvms.read(true).iter().map(|j| (j.pid, j.number)).collect()
        };
        jvm(root.path(), 10, 1);
        jvm(root.path(), 11, 2);
        assert_eq!(numbers(&mut jvms), [(10, 1), (11, 2)]);
        fs::remove_dir_all(root.path().join("10")).unwrap();
        jvm(root.path(), 12, 3);
        assert_eq!(numbers(&mut jvms), [(11, 2), (12, 1)]);
    }

    #[test]
    fn a_jvm_without_counters_says_why() {
        let root = tempfile::tempdir().unwrap();
        jvm(root.path(), 10, 1);
        let problem = Jvms::new(root.path()).read(true).remove(0).problem.unwrap();
        assert!(problem.why.contains("uid 7"), "{problem:?}");
        let mut jvms = Jvms::new(root.path());
        assert_eq!(jvms.read(false), [], "nobody was looked for yet");
        let names: Vec<_> = jvms
            .read(true)
            .remove(0)
            .families
            .iter()
            .map(|f| f.name.clone())
            .collect();
        assert_eq!(
            names,
            ["process_cpu_seconds_total"],
            "the process is seen without counters"
        );
    }
}
