//! A JVM of a tree and a real process: the protocol, and every reason not to send the signal.

use super::*;
use crate::collect::jvm::find::Machine;
use std::fs;
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};

/// A process that dies of SIGQUIT, and a tree that calls it a JVM: whoever is signalled wrongly is
/// seen to die.
struct Victim {
    proc: tempfile::TempDir,
    child: Child,
    found: Arc<Found>,
}

const STATUS: &str = "State:\tS (sleeping)\nGid:\t0\t0\t0\t0\nSigCgt:\t0000000000000004\n";

impl Victim {
    fn new() -> Self {
        // What starts the tests may ignore the signal, and children inherit that.
        let mut sleep = Command::new("env");
        sleep.args(["--default-signal=QUIT", "sleep", "1000"]);
        let child = sleep.spawn().unwrap();
        let pid = child.id() as i32;
        let started = start_ticks(Path::new(&format!("/proc/{pid}"))).unwrap();
        let proc = tempfile::tempdir().unwrap();
        let dir = proc.path().join(pid.to_string());
        fs::create_dir_all(dir.join("root/tmp")).unwrap();
        fs::create_dir_all(dir.join("cwd")).unwrap();
        fs::write(dir.join("maps"), "/opt/jdk/lib/server/libjvm.so\n").unwrap();
        fs::write(dir.join("status"), STATUS).unwrap();
        let stat = fs::read(format!("/proc/{pid}/stat")).unwrap();
        fs::write(dir.join("stat"), stat).unwrap();
        let found = Arc::new(Found {
            pid,
            inner_pid: 7,
            started,
            uid: rustix::process::geteuid().as_raw(),
            command: vec!["java".to_owned()],
            environment: Vec::new(),
            machine: Machine::HotSpot,
            container: None,
        });
        Self { proc, child, found }
    }

    fn dir(&self) -> PathBuf {
        self.proc.path().join(self.found.pid.to_string())
    }

    fn edit(&mut self, edit: impl FnOnce(&mut Found)) -> &mut Self {
        let mut found = (*self.found).clone();
        edit(&mut found);
        self.found = Arc::new(found);
        self
    }

    fn ask(&self) -> Result<String, AttachError> {
        let within = Duration::from_secs(5);
        run(self.proc.path(), &self.found, &["jcmd", "help"], within)
    }

    /// Not signalled; the reason is what `is` says.
    fn spared(&mut self, is: impl Fn(&AttachError) -> bool) {
        let error = self.ask().unwrap_err();
        assert!(is(&error), "{error}");
        assert_eq!(self.child.try_wait().unwrap(), None, "{error}");
        for folder in ["cwd", "root/tmp"] {
            let left = fs::read_dir(self.dir().join(folder)).unwrap().flatten();
            let left: Vec<_> = left.map(|e| e.file_name()).collect();
            assert!(
                left.iter().all(|n| n != ".attach_pid7"),
                "{folder}: {left:?}"
            );
        }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Answers once as a JVM does; gives what it was asked.
fn listen(path: PathBuf, answer: &'static [u8]) -> std::thread::JoinHandle<Vec<u8>> {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        let mut parts = 0;
        while parts < 5 {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            asked.push(byte[0]);
            parts += usize::from(byte[0] == 0);
        }
        stream.write_all(answer).unwrap();
        asked
    })
}

#[test]
fn a_jvm_whose_socket_is_open_is_asked_without_a_signal() {
    let victim = Victim::new();
    let jvm = listen(victim.dir().join("root/tmp/.java_pid7"), b"0\nGC.run\n\xff");
    assert_eq!(victim.ask().unwrap(), "GC.run\n\u{fffd}");
    assert_eq!(jvm.join().unwrap(), b"1\0jcmd\0help\0\0\0");
}

#[test]
fn a_refusal_is_told() {
    let victim = Victim::new();
    let jvm = listen(
        victim.dir().join("root/tmp/.java_pid7"),
        b"1\nUnknown command\n",
    );
    let error = victim.ask().unwrap_err().to_string();
    assert!(error.contains("refused (1): Unknown command"), "{error}");
    jvm.join().unwrap();
}

#[test]
fn the_signal_goes_only_where_the_file_stands() {
    let mut victim = Victim::new();
    assert_eq!(
        victim.ask(),
        Err(AttachError::Gone),
        "it died of the signal, as it must"
    );
    assert_eq!(victim.child.wait().unwrap().signal(), Some(3));
}

#[test]
fn flags_that_make_the_signal_print_or_kill_are_respected() {
    for flag in REFUSED {
        let refuses = |e: &AttachError| matches!(e, AttachError::Refuses { .. });
        let mut victim = Victim::new();
        victim
            .edit(|f| f.command.push((*flag).to_owned()))
            .spared(refuses);
        let mut victim = Victim::new();
        victim
            .edit(|f| f.environment.push((*flag).to_owned()))
            .spared(refuses);
    }
    let hidden = |e: &AttachError| matches!(e, AttachError::Unknown { .. });
    Victim::new()
        .edit(|f| f.command.push("@args".to_owned()))
        .spared(hidden);
}

const REFUSED: &[&str] = &[
    "-Xrs",
    "-XX:+ReduceSignalUsage",
    "-XX:+DisableAttachMechanism",
];

#[test]
fn one_that_would_die_or_cannot_answer_is_not_signalled() {
    let mut victim = Victim::new();
    let status = victim.dir().join("status");
    let with = |from: &str, to: &str| fs::write(&status, STATUS.replace(from, to)).unwrap();
    with("0000000000000004", "0000000000000003");
    victim.spared(|e| *e == AttachError::WouldDie);
    with("SigCgt", "SigIgn");
    victim.spared(|e| *e == AttachError::WouldDie);
    with("S (sleeping)", "T (stopped)");
    victim.spared(|e| *e == AttachError::Stopped { how: "stopped" });
    fs::write(&status, STATUS).unwrap();
    fs::write(victim.dir().join("maps"), "/usr/bin/sleep\n").unwrap();
    victim.spared(|e| *e == AttachError::NotHotSpot);
    victim
        .edit(|f| f.machine = Machine::OpenJ9)
        .spared(|e| *e == AttachError::NotHotSpot);
}

#[test]
fn another_process_of_the_same_pid_is_not_signalled() {
    let mut victim = Victim::new();
    victim
        .edit(|f| f.started += 1)
        .spared(|e| *e == AttachError::Gone);
}

#[test]
fn without_a_place_for_the_file_there_is_no_signal() {
    let mut victim = Victim::new();
    // Links that lead nowhere: no file can be made in their place, and the JVM sees none.
    for folder in ["cwd", "root/tmp"] {
        let link = victim.dir().join(folder).join(".attach_pid7");
        std::os::unix::fs::symlink("/nowhere", link).unwrap();
    }
    assert_eq!(victim.ask(), Err(AttachError::NoPlace));
    assert_eq!(victim.child.try_wait().unwrap(), None);
}

#[test]
fn a_socket_that_another_user_made_is_not_spoken_to() {
    let mut victim = Victim::new();
    let _socket = UnixListener::bind(victim.dir().join("root/tmp/.java_pid7")).unwrap();
    fs::write(victim.dir().join("status"), STATUS.replace('4', "0")).unwrap();
    let other = victim.found.uid + 1;
    let error = victim.edit(|f| f.uid = other).ask().unwrap_err();
    let expected = if rustix::process::geteuid().is_root() {
        AttachError::WouldDie
    } else {
        AttachError::OtherUser { uid: other }
    };
    assert_eq!(error, expected);
    assert_eq!(victim.child.try_wait().unwrap(), None);
}
