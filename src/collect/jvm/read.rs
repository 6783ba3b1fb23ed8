//! One reading of all JVMs: found, named, numbered, with their series and, where there are none,
//! the reason and the way out.

use crate::collect::jvm::find::{Finder, Found, Machine, application};
use crate::collect::jvm::hsperf::{self, MAX_FILE};
use crate::collect::jvm::series::{Allocation, families};
use crate::model::answer::MetricKind;
use crate::model::family::Family;
use hashbrown::HashMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// One JVM at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Jvm {
    pub pid: i32,
    /// Clock ticks after boot; with `pid` the identity across pid reuse.
    pub started: u64,
    pub application: String,
    /// 1, or 2, 3 ... for further JVMs of one application that are alive at once.
    pub number: u32,
    pub container: Option<String>,
    /// Without identity labels; empty where `problem` says why.
    pub families: Vec<Family>,
    pub problem: Option<Problem>,
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
    lives: HashMap<(i32, u64), Life>,
}

/// What is kept of a JVM while it lives.
#[derive(Debug)]
struct Life {
    application: String,
    number: u32,
    allocation: Allocation,
}

impl Jvms {
    /// `proc` is `/proc`, or a tree of that shape.
    pub fn new(proc: impl Into<PathBuf>) -> Self {
        let proc = proc.into();
        Self {
            finder: Finder::new(&proc),
            proc,
            lives: HashMap::new(),
        }
    }

    pub fn of_this_machine() -> Self {
        Self::new("/proc")
    }

    /// All JVMs of this moment, by pid.
    pub fn read(&mut self) -> Vec<Jvm> {
        let found = self.finder.pass();
        // The dead leave first, so that their numbers are free for those who come.
        self.lives
            .retain(|key, _| found.iter().any(|f| (f.pid, f.started) == *key));
        found.iter().map(|f| self.read_one(f)).collect()
    }

    fn read_one(&mut self, found: &Found) -> Jvm {
        let counters = self.counters_file(found);
        let parsed = counters.as_ref().map(|bytes| hsperf::parse(bytes));
        let (counters, problem) = match parsed {
            Ok(Ok(counters)) => (Some(counters), None),
            Ok(Err(e)) => {
                let why = format!("its counters cannot be read: {e}");
                (
                    None,
                    Some(Problem {
                        why,
                        way_out: "wait, or restart the JVM".to_owned(),
                    }),
                )
            }
            Err(problem) => (None, Some(problem.clone())),
        };
        let key = (found.pid, found.started);
        if !self.lives.contains_key(&key) {
            let java_command = counters.as_ref().and_then(|c| c.text("sun.rt.javaCommand"));
            let application = application(&found.command, java_command);
            let number = self.free_number(&application);
            let life = Life {
                application,
                number,
                allocation: Allocation::default(),
            };
            self.lives.insert(key, life);
        }
        let mut families_read = Vec::new();
        let Some(life) = self.lives.get_mut(&key) else {
            return Jvm::unknown(found);
        };
        if let Some(counters) = &counters {
            life.allocation.read(counters);
            families_read = families(counters, &life.allocation);
            families_read.extend(process(&self.proc.join(found.pid.to_string())));
        }
        Jvm {
            application: life.application.clone(),
            number: life.number,
            families: families_read,
            problem,
            ..Jvm::unknown(found)
        }
    }

    /// The lowest number that no living JVM of this application has, so that a restart continues
    /// the series of the one before.
    fn free_number(&self, application: &str) -> u32 {
        let taken = |n: u32| {
            self.lives
                .values()
                .any(|l| l.application == application && l.number == n)
        };
        (1..=u32::MAX).find(|n| !taken(*n)).unwrap_or(1)
    }

    fn counters_file(&self, found: &Found) -> Result<Vec<u8>, Problem> {
        match found.machine {
            Machine::HotSpot => {}
            Machine::OpenJ9 => {
                return Err(Problem {
                    why: "OpenJ9 keeps no HotSpot counters".to_owned(),
                    way_out: "scrape it through Micrometer or the JMX exporter".to_owned(),
                });
            }
            Machine::Hidden => return Err(other_user(found)),
        }
        if let Some(flag) = found
            .command
            .iter()
            .find(|a| *a == "-XX:-UsePerfData" || *a == "-XX:+PerfDisableSharedMem")
        {
            return Err(Problem {
                why: format!("it runs with {flag}"),
                way_out: format!("start it without {flag}, or scrape it through Micrometer"),
            });
        }
        let tmp = self.proc.join(format!("{}/root/tmp", found.pid));
        let folders = fs::read_dir(&tmp).map_err(|_| other_user(found))?;
        for folder in folders.flatten() {
            if !folder
                .file_name()
                .to_string_lossy()
                .starts_with("hsperfdata_")
            {
                continue;
            }
            match read_owned(&folder.path().join(found.inner_pid.to_string()), found.uid) {
                Ok(bytes) => return Ok(bytes),
                Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
                    return Err(other_user(found));
                }
                Err(_) => {}
            }
        }
        Err(Problem {
            why: format!("it wrote no counters below /tmp (uid {})", found.uid),
            way_out: "give that user a line in the container's /etc/passwd and a writable /tmp, or scrape it through Micrometer"
                .to_owned(),
        })
    }
}

impl Jvm {
    fn unknown(found: &Found) -> Self {
        Self {
            pid: found.pid,
            started: found.started,
            application: String::new(),
            number: 1,
            container: found.container.clone(),
            families: Vec::new(),
            problem: None,
        }
    }
}

fn other_user(found: &Found) -> Problem {
    Problem {
        why: format!("it belongs to another user (uid {})", found.uid),
        way_out: "run bongsu as root, or as a service with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"
            .to_owned(),
    }
}

/// The file's bytes, if it belongs to the JVM's own user: anybody may write into `/tmp`.
fn read_owned(path: &Path, uid: u32) -> std::io::Result<Vec<u8>> {
    use std::os::unix::fs::OpenOptionsExt;
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(no_follow)
        .open(path)?;
    let about = file.metadata()?;
    if about.uid() != uid || !about.is_file() {
        return Err(std::io::Error::other("not the JVM's own file"));
    }
    let mut out = Vec::new();
    file.take(MAX_FILE as u64).read_to_end(&mut out)?;
    Ok(out)
}

/// What /proc knows of the process, under the names that Micrometer and the Java client use.
fn process(dir: &Path) -> Vec<Family> {
    let mut out = Vec::new();
    let stat = fs::read_to_string(dir.join("stat")).unwrap_or_default();
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
    if let Ok(files) = fs::read_dir(dir.join("fd")) {
        let mut family = Family::new("process_files_open_files", MetricKind::Gauge, "Open files");
        family.add(&[], files.count() as f64);
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
            jvms.read().iter().map(|j| (j.pid, j.number)).collect()
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
        let problem = Jvms::new(root.path()).read().remove(0).problem.unwrap();
        assert!(problem.why.contains("uid 7"), "{problem:?}");
    }
}
