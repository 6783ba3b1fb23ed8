//! Which processes are JVMs: by the library they have mapped, not by their counters' files, since a
//! JVM without a passwd entry or with `-XX:-UsePerfData` writes none.

use hashbrown::HashMap;
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a command line or of the environment that are looked at.
const MAX_TEXT: u64 = 128 << 10;
/// A process that was no JVM may have become one by `exec`, as the scripts that start JVMs do: in
/// its first passes it is looked at each time, later after so many of them, and in full only where
/// its name has changed or it is its turn.
const YOUNG: u32 = 4;
const LOOK_AGAIN: u32 = 4;
const LOOK_DEEPER: u32 = 64;

/// One JVM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) pid: i32,
    /// Its own number in its pid namespace: the name of its files in `/tmp`.
    pub(crate) inner_pid: i32,
    /// Clock ticks after boot; with `pid` the identity across pid reuse.
    pub(crate) started: u64,
    pub(crate) uid: u32,
    pub(crate) command: Vec<String>,
    /// Options that the environment adds to the command line.
    pub(crate) environment: Vec<String>,
    pub(crate) machine: Machine,
    /// The container's id where the process lives in one.
    pub(crate) container: Option<String>,
}

/// Which virtual machine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    HotSpot,
    /// Recognised and named; its counters have another form.
    OpenJ9,
    /// Its launcher is called java, and its mapping may not be read by this user.
    Hidden,
}

/// Finds JVMs pass by pass; what is known of a process is not read again.
#[derive(Debug)]
pub(crate) struct Finder {
    proc: PathBuf,
    jvms: HashMap<(i32, u64), Seen>,
    /// Processes that are none.
    others: HashMap<i32, Other>,
    pass: u32,
}

/// A JVM, and what was read of it last.
#[derive(Debug)]
struct Seen {
    found: Arc<Found>,
    /// Held open: a file of this very process, which answers for no other one.
    stat: fs::File,
    text: String,
}

#[derive(Debug)]
struct Other {
    started: u64,
    /// Its name, as a hash.
    name: u64,
    /// The passes in which it was first and last seen.
    first: u32,
    seen: u32,
}

impl Finder {
    /// `proc` is `/proc`, or a tree of that shape.
    pub(crate) fn new(proc: impl Into<PathBuf>) -> Self {
        Self {
            proc: proc.into(),
            jvms: HashMap::new(),
            others: HashMap::new(),
            pass: 0,
        }
    }

    /// All JVMs of this moment, by pid: new ones are looked for.
    pub(crate) fn pass(&mut self) -> Vec<Arc<Found>> {
        self.pass += 1;
        self.refresh();
        let known: hashbrown::HashSet<i32> = self.jvms.keys().map(|(pid, _)| *pid).collect();
        for entry in fs::read_dir(&self.proc).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let pid = name.to_str().and_then(|n| n.parse::<i32>().ok());
            if let Some(pid) = pid.filter(|pid| !known.contains(pid)) {
                self.consider(pid);
            }
        }
        let pass = self.pass;
        self.others.retain(|_, o| o.seen == pass);
        self.found()
    }

    /// A process that is no JVM as far as is known.
    fn consider(&mut self, pid: i32) {
        let pass = self.pass;
        if let Some(other) = self.others.get_mut(&pid) {
            other.seen = pass;
            let age = pass - other.first;
            // Their turns are spread over the passes.
            if age >= YOUNG && !(pass + pid as u32).is_multiple_of(LOOK_AGAIN) {
                return;
            }
        }
        let dir = self.proc.join(pid.to_string());
        let Ok(stat) = fs::File::open(dir.join("stat")) else {
            return;
        };
        let mut text = String::new();
        let Some((started, name)) = read_stat(&stat, &mut text) else {
            return;
        };
        let other = self.others.get(&pid);
        let same = other.filter(|o| (o.started, o.name) == (started, name));
        let deeper = (pass + pid as u32).is_multiple_of(LOOK_DEEPER);
        if same.is_some_and(|o| pass - o.first >= YOUNG) && !deeper {
            return;
        }
        let first = same.map_or(pass, |o| o.first);
        if let Some(found) = look(&dir, pid, started) {
            self.others.remove(&pid);
            let found = Arc::new(found);
            let seen = Seen { found, stat, text };
            self.jvms.insert((pid, started), seen);
            return;
        }
        let other = Other {
            started,
            name,
            first,
            seen: pass,
        };
        self.others.insert(pid, other);
    }

    /// Those of the last pass that still live: costs nothing for all other processes.
    pub(crate) fn living(&mut self) -> Vec<Arc<Found>> {
        self.refresh();
        self.found()
    }

    /// Reads `stat` of every JVM anew, and lets go of those that are gone.
    fn refresh(&mut self) {
        self.jvms.retain(|(_, started), seen| {
            // Only a tree that is no /proc leaves files readable that were removed.
            seen.stat.metadata().is_ok_and(|m| m.nlink() > 0)
                && read_stat(&seen.stat, &mut seen.text).is_some_and(|(s, _)| s == *started)
        });
    }

    /// What `/proc/PID/stat` said of a JVM at the last pass.
    pub(crate) fn stat(&self, id: (i32, u64)) -> &str {
        self.jvms.get(&id).map_or("", |seen| &seen.text)
    }

    fn found(&self) -> Vec<Arc<Found>> {
        let mut out: Vec<Arc<Found>> = self.jvms.values().map(|s| s.found.clone()).collect();
        out.sort_by_key(|f| f.pid);
        out
    }
}

/// Reads `stat` into `text`: the start in ticks, and a hash of the name.
fn read_stat(file: &fs::File, text: &mut String) -> Option<(u64, u64)> {
    let mut bytes = [0; 2048];
    let len = file.read_at(&mut bytes, 0).ok()?;
    text.clear();
    text.push_str(&String::from_utf8_lossy(&bytes[..len]));
    let open = memchr::memchr(b'(', text.as_bytes())?;
    let close = memchr::memrchr(b')', text.as_bytes())?;
    let name = text.get(open..close)?;
    let started = text[close + 1..].split_whitespace().nth(19)?;
    Some((
        started.parse().ok()?,
        xxhash_rust::xxh3::xxh3_64(name.as_bytes()),
    ))
}

/// The JVM that has this pid now, whatever it was before.
pub(crate) fn of_pid(proc: &Path, pid: i32) -> Option<Found> {
    let dir = proc.join(pid.to_string());
    let started = start_ticks(&dir)?;
    look(&dir, pid, started)
}

fn look(dir: &Path, pid: i32, started: u64) -> Option<Found> {
    let named_java = |p: &Path| p.file_name().is_some_and(|n| n == "java" || n == "javaw");
    let command = arguments(&dir.join("cmdline"));
    let argv0 = command.first()?;
    let launcher = fs::read_link(dir.join("exe"));
    let machine = match read_bounded(&dir.join("maps")) {
        Ok(maps) if contains(&maps, b"/libj9vm") => Machine::OpenJ9,
        Ok(maps) if contains(&maps, b"/libjvm.so") => Machine::HotSpot,
        Ok(_) => return None,
        // Another user's process: its launcher's name is all there is.
        Err(_) if named_java(Path::new(argv0)) || launcher.is_ok_and(|l| named_java(&l)) => {
            Machine::Hidden
        }
        Err(_) => return None,
    };
    let status = String::from_utf8_lossy(&read_bounded(&dir.join("status")).ok()?).into_owned();
    let inner_pid =
        field(&status, "NSpid:").and_then(|f| f.split_whitespace().last()?.parse().ok());
    let uid = field(&status, "Uid:").and_then(|f| f.split_whitespace().nth(1)?.parse().ok());
    let cgroup = read_bounded(&dir.join("cgroup")).unwrap_or_default();
    Some(Found {
        pid,
        inner_pid: inner_pid.unwrap_or(pid),
        started,
        uid: uid.unwrap_or(0),
        command,
        environment: options_of(&arguments(&dir.join("environ"))),
        machine,
        container: container_id(&String::from_utf8_lossy(&cgroup)),
    })
}

/// Field 22 of `stat`. The name in parentheses may hold anything, so it is cut at the last one.
pub(crate) fn start_ticks(dir: &Path) -> Option<u64> {
    let stat = fs::File::open(dir.join("stat")).ok()?;
    read_stat(&stat, &mut String::new()).map(|(started, _)| started)
}

fn arguments(path: &Path) -> Vec<String> {
    let bytes = read_bounded(path).unwrap_or_default();
    bytes
        .split(|b| *b == 0)
        .filter(|a| !a.is_empty())
        .map(|a| String::from_utf8_lossy(a).into_owned())
        .collect()
}

/// The words of the variables from which a JVM takes options.
fn options_of(environment: &[String]) -> Vec<String> {
    let variables = ["JAVA_TOOL_OPTIONS=", "_JAVA_OPTIONS=", "JDK_JAVA_OPTIONS="];
    let options = |line: &String| {
        variables
            .iter()
            .find_map(|v| line.strip_prefix(v).map(str::to_owned))
    };
    let words = |line: String| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    environment
        .iter()
        .filter_map(options)
        .flat_map(words)
        .collect()
}

pub(crate) fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut out = Vec::new();
    // Mappings are long; the library stands near the launcher, but only the end is sure.
    let limit = if path.ends_with("maps") {
        4 << 20
    } else {
        MAX_TEXT
    };
    fs::File::open(path)?.take(limit).read_to_end(&mut out)?;
    Ok(out)
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(text, word).is_some()
}

pub(crate) fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status
        .lines()
        .find_map(|l| l.strip_prefix(name))
        .map(str::trim)
}

/// The first run of 64 hexadecimal digits in a cgroup path.
fn container_id(cgroup: &str) -> Option<String> {
    let mut words = cgroup.split(|c: char| !c.is_ascii_hexdigit());
    words.find(|w| w.len() == 64).map(str::to_owned)
}

/// What to call it: Spring's name, else the jar, else the main class.
///
/// `java_command` is the counter `sun.rt.javaCommand`, which knows the main class where the command
/// line hides it behind an argument file.
pub(crate) fn application(command: &[String], java_command: Option<&str>) -> String {
    let spring = command.iter().find_map(|a| {
        a.strip_prefix("-Dspring.application.name=")
            .or_else(|| a.strip_prefix("--spring.application.name="))
    });
    if let Some(name) = spring.filter(|n| !n.is_empty()) {
        return name.to_owned();
    }
    let mut words = java_command.unwrap_or_default().split_whitespace();
    let main = words.next().or_else(|| main_of(command)).unwrap_or("java");
    let last = main.rsplit('/').next().unwrap_or(main);
    // A single source file is started by the compiler: it is the file that runs.
    if last.starts_with("com.sun.tools.javac.launcher.")
        && let Some(source) = words.find(|w| !w.starts_with('-'))
    {
        let file = source.rsplit('/').next().unwrap_or(source);
        return file.strip_suffix(".java").unwrap_or(file).to_owned();
    }
    last.strip_suffix(".jar").unwrap_or(last).to_owned()
}

/// The jar or the main class on a command line.
fn main_of(command: &[String]) -> Option<&str> {
    let mut arguments = command.iter().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-jar" => return arguments.next().map(String::as_str),
            "-cp" | "-classpath" | "--class-path" | "-p" | "--module-path" | "--add-modules" => {
                arguments.next();
            }
            "-m" | "--module" => return arguments.next().map(String::as_str),
            other if other.starts_with('-') || other.starts_with('@') => {}
            main => return Some(main),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn an_application_is_named_by_spring_then_jar_then_class() {
        for (line, counter, want) in [
            (
                "java -Dspring.application.name=shop -jar /app/a.jar",
                None,
                "shop",
            ),
            (
                "java -jar /app/a.jar --spring.application.name=pay",
                None,
                "pay",
            ),
            ("java -Xmx1g -jar /app/order-1.2.jar --x", None, "order-1.2"),
            (
                "java -cp /lib/* -Xss1m com.example.Main arg",
                None,
                "com.example.Main",
            ),
            (
                "java @args",
                Some("com.example.Hidden a b"),
                "com.example.Hidden",
            ),
            ("java -m app/com.example.Main", None, "com.example.Main"),
            ("java -version", None, "java"),
            (
                "java /tmp/Churn.java",
                Some("com.sun.tools.javac.launcher.Main /tmp/Churn.java 7"),
                "Churn",
            ),
        ] {
            assert_eq!(application(&words(line), counter), want, "{line}");
        }
    }

    #[test]
    fn a_container_is_known_by_its_id() {
        let id = "0123456789abcdef".repeat(4);
        for path in [
            format!("0::/docker/{id}"),
            format!("0::/system.slice/docker-{id}.scope"),
        ] {
            assert_eq!(container_id(&path), Some(id.clone()));
        }
        assert_eq!(container_id("0::/user.slice/session-1.scope"), None);
    }

    #[test]
    fn the_finder_sees_a_jvm_come_and_go() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("42");
        fs::create_dir(&dir).unwrap();
        let stat = format!("42 (ja) va) S 1 {} 777 0", "0 ".repeat(17).trim());
        fs::write(dir.join("stat"), stat).unwrap();
        fs::write(dir.join("cmdline"), b"/usr/bin/java\0-jar\0a.jar\0").unwrap();
        fs::write(
            dir.join("maps"),
            "7f00 r-xp /opt/jdk/lib/server/libjvm.so\n",
        )
        .unwrap();
        fs::write(dir.join("status"), "Uid:\t5\t1000\t5\t5\nNSpid:\t42\t7\n").unwrap();
        fs::write(
            dir.join("environ"),
            b"A=-Xss1m\0JAVA_TOOL_OPTIONS=-Xmx1g -Xrs\0",
        )
        .unwrap();
        let mut finder = Finder::new(root.path());
        let found = finder.pass();
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].inner_pid, found[0].uid, found[0].started),
            (7, 1000, 777)
        );
        assert_eq!(found[0].machine, Machine::HotSpot);
        assert_eq!(found[0].environment, ["-Xmx1g", "-Xrs"]);
        assert_eq!(finder.living().len(), 1);
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(finder.living(), []);
        assert_eq!(finder.pass(), []);
    }

    #[test]
    fn a_script_that_becomes_a_jvm_is_found() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("42");
        fs::create_dir(&dir).unwrap();
        let named = |name: &str| {
            let stat = format!("42 ({name}) S 1 {} 777 0", "0 ".repeat(17).trim());
            fs::write(dir.join("stat"), stat).unwrap();
        };
        named("sh");
        fs::write(dir.join("cmdline"), b"/bin/sh\0run.sh\0").unwrap();
        fs::write(dir.join("maps"), "7f00 r-xp /bin/dash\n").unwrap();
        fs::write(dir.join("status"), "Uid:\t5\t1000\t5\t5\nNSpid:\t42\n").unwrap();
        let mut finder = Finder::new(root.path());
        // Long enough to be an old acquaintance.
        for _ in 0..10 {
            assert_eq!(finder.pass(), []);
        }
        named("java");
        fs::write(dir.join("maps"), "7f00 r-xp /jdk/lib/server/libjvm.so\n").unwrap();
        fs::write(dir.join("cmdline"), b"java\0-jar\0a.jar\0").unwrap();
        let found = (0..LOOK_AGAIN).find_map(|_| finder.pass().pop());
        assert_eq!(found.map(|f| f.pid), Some(42));
        assert!(finder.stat((42, 777)).starts_with("42 (java)"));
    }
}
