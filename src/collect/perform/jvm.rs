//! Asks exactly the JVM a person saw, one question at a time.

use crate::base::clock::{Clock, Duration, monotonic};
use crate::collect::jvm::PROC;
use crate::collect::jvm::attach::{self, AttachError};
use crate::collect::jvm::find::{self, Found};
use crate::collect::jvm::report::Answered;
use crate::collect::jvm::tasks;
use crate::model::jvm::{AttachPolicy, Burden, JvmQuestion, JvmReportHead};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Over which the CPU of threads is measured, before a dump.
const CPU_OVER: Duration = Duration::from_millis(400);
/// What a JVM may take for an answer that stops it, and for any other.
const LONG: Duration = Duration::from_mins(5);
const SHORT: Duration = Duration::from_secs(30);

/// Who asks what of which JVM.
#[derive(Clone, Debug)]
pub struct Asking {
    pub pid: i32,
    pub started: u64,
    pub instance: String,
    pub question: JvmQuestion,
    /// As records call the person.
    pub by: String,
}

/// Asks JVMs of this machine.
#[derive(Debug)]
pub struct Asker {
    proc: PathBuf,
    clock: Clock,
    policy: AttachPolicy,
    /// Pids that are being asked.
    busy: Mutex<HashSet<i32>>,
    /// The newest time that was given to a record: no two have the same.
    last: AtomicI64,
}

impl Asker {
    /// `proc` is `/proc`, or a tree of that shape.
    pub fn new(proc: impl Into<PathBuf>, clock: Clock, policy: AttachPolicy) -> Self {
        Self {
            proc: proc.into(),
            clock,
            policy,
            busy: Mutex::default(),
            last: AtomicI64::new(0),
        }
    }

    pub fn of_this_machine(clock: Clock, policy: AttachPolicy) -> Self {
        Self::new(PROC, clock, policy)
    }

    /// The user that the JVM runs as, where it is still the one that was meant.
    pub fn owner(&self, pid: i32, started: u64) -> Result<u32, String> {
        self.find(pid, started)
            .map(|found| found.uid)
            .map_err(|e| e.to_string())
    }

    /// Waits for the answer; at most some minutes.
    pub fn ask(&self, asking: Asking) -> Result<Answered, String> {
        if self.policy == AttachPolicy::Never {
            return Err(
                "jvm.attach is `never`: JVMs are not attached to; set it to `ask` in the configuration"
                    .to_owned(),
            );
        }
        let name = asking.question.name();
        let answered = self.answered(asking);
        answered.map_err(|e| format!("no {name}: {e}"))
    }

    fn answered(&self, asking: Asking) -> Result<Answered, AttachError> {
        let found = Arc::new(self.find(asking.pid, asking.started)?);
        let _turn = Turn::take(&self.busy, asking.pid)?;
        let dump = matches!(
            asking.question,
            JvmQuestion::Threads | JvmQuestion::ThreadsAndLocks
        );
        let begun = monotonic();
        let before = dump.then(|| {
            let times = tasks::cpu_times(&self.proc, &found);
            std::thread::sleep(CPU_OVER);
            times
        });
        let mut cpu = Vec::new();
        if let Some(before) = before {
            let after = tasks::cpu_times(&self.proc, &found);
            let elapsed = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
            cpu = tasks::shares(&before, &after, elapsed);
        }
        let asked = monotonic();
        let within = match asking.question.burden() {
            Burden::None => SHORT,
            Burden::Stops => LONG,
        };
        let text = attach::run(&self.proc, &found, command(asking.question), within)?;
        let now = self.clock.now_ms();
        let before = self.last.fetch_max(now, Ordering::Relaxed);
        let t = if before >= now {
            self.last.fetch_add(1, Ordering::Relaxed) + 1
        } else {
            now
        };
        Ok(Answered {
            head: JvmReportHead {
                t,
                instance: asking.instance,
                uid: found.uid,
                pid: asking.pid,
                started: asking.started,
                question: asking.question,
                took_ms: u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX),
                by: asking.by,
                summary: String::new(),
            },
            text,
            cpu,
        })
    }

    fn find(&self, pid: i32, started: u64) -> Result<Found, AttachError> {
        let found = find::of_pid(&self.proc, pid).ok_or(AttachError::Gone)?;
        if found.started == started {
            Ok(found)
        } else {
            Err(AttachError::Gone)
        }
    }
}

/// What goes over the socket.
fn command(question: JvmQuestion) -> &'static [&'static str] {
    match question {
        JvmQuestion::Threads => &["jcmd", "Thread.print"],
        JvmQuestion::ThreadsAndLocks => &["jcmd", "Thread.print -l"],
        JvmQuestion::LiveHistogram => &["jcmd", "GC.class_histogram"],
        JvmQuestion::Histogram => &["jcmd", "GC.class_histogram -all"],
        JvmQuestion::Heap => &["jcmd", "GC.heap_info"],
        JvmQuestion::Flags => &["jcmd", "VM.flags"],
        JvmQuestion::Properties => &["jcmd", "VM.system_properties"],
        JvmQuestion::CommandLine => &["jcmd", "VM.command_line"],
        JvmQuestion::NativeMemory => &["jcmd", "VM.native_memory summary"],
    }
}

/// One question at a time for each JVM.
struct Turn<'a> {
    busy: &'a Mutex<HashSet<i32>>,
    pid: i32,
}

impl<'a> Turn<'a> {
    fn take(busy: &'a Mutex<HashSet<i32>>, pid: i32) -> Result<Self, AttachError> {
        if busy.lock().insert(pid) {
            Ok(Self { busy, pid })
        } else {
            Err(AttachError::Busy)
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.busy.lock().remove(&self.pid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking() -> Asking {
        Asking {
            pid: std::process::id() as i32,
            started: 1,
            instance: "web1/shop".to_owned(),
            question: JvmQuestion::Threads,
            by: "kim".to_owned(),
        }
    }

    #[test]
    fn never_is_never() {
        let asker = Asker::of_this_machine(Clock::System, AttachPolicy::Never);
        assert!(asker.ask(asking()).unwrap_err().contains("never"));
    }

    #[test]
    fn what_is_no_jvm_is_not_asked() {
        let asker = Asker::of_this_machine(Clock::System, AttachPolicy::Ask);
        assert!(asker.ask(asking()).unwrap_err().contains("has ended"));
    }

    #[test]
    fn one_question_at_a_time() {
        let busy = Mutex::default();
        let turn = Turn::take(&busy, 7).ok();
        assert!(turn.is_some() && Turn::take(&busy, 7).is_err());
        assert!(Turn::take(&busy, 8).is_ok());
        drop(turn);
        assert!(Turn::take(&busy, 7).is_ok());
    }
}
