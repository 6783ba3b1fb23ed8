//! What a JVM answers when it is asked by attaching to it: thread dumps, class histograms, texts.

use serde::{Deserialize, Serialize};

/// Whether JVMs may be asked, as `jvm.attach` says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttachPolicy {
    /// Only when a person orders it, after a confirmation.
    #[default]
    Ask,
    Never,
    /// Also by itself, for the heap that G1's counters do not show; a person confirms only what
    /// stops or burdens the application.
    Always,
}

/// One question to a running JVM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JvmQuestion {
    Threads,
    /// Threads, and which of them hold the locks of `java.util.concurrent`: walks the whole heap.
    ThreadsAndLocks,
    /// Classes by what their reachable objects take: a full collection comes first.
    LiveHistogram,
    /// Classes by what all their objects take, the unreachable ones included: no collection.
    Histogram,
    Heap,
    Flags,
    Properties,
    CommandLine,
    NativeMemory,
}

/// What a question does to the application while it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Burden {
    /// Milliseconds at a safepoint, at most.
    None,
    /// The application stands still while the heap is walked, or is collected.
    Stops,
}

impl JvmQuestion {
    pub const ALL: &'static [Self] = &[
        Self::Threads,
        Self::ThreadsAndLocks,
        Self::LiveHistogram,
        Self::Histogram,
        Self::Heap,
        Self::Flags,
        Self::Properties,
        Self::CommandLine,
        Self::NativeMemory,
    ];

    /// As it stands on screen and in the records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Threads => "thread dump",
            Self::ThreadsAndLocks => "thread dump with lock owners",
            Self::LiveHistogram => "class histogram of live objects",
            Self::Histogram => "class histogram of all objects",
            Self::Heap => "heap info",
            Self::Flags => "flags",
            Self::Properties => "system properties",
            Self::CommandLine => "command line",
            Self::NativeMemory => "native memory",
        }
    }

    /// A sentence for the menu and the confirmation.
    pub fn about(self) -> &'static str {
        match self {
            Self::Threads => "states, stacks, locks and deadlocks; stops it for some milliseconds",
            Self::ThreadsAndLocks => {
                "also who holds the locks of java.util.concurrent; stops it while the heap is walked"
            }
            Self::LiveHistogram => "classes by live bytes; makes a FULL collection first",
            Self::Histogram => {
                "classes by bytes, garbage included; stops it while the heap is walked"
            }
            Self::Heap => "what the heap holds now, which G1's counters do not show",
            Self::Flags => "the flags it really runs with",
            Self::Properties => "its system properties; secrets given with -D are among them",
            Self::CommandLine => "its arguments, those from files and the environment included",
            Self::NativeMemory => "memory outside the heap; needs -XX:NativeMemoryTracking=summary",
        }
    }

    pub fn burden(self) -> Burden {
        match self {
            Self::ThreadsAndLocks | Self::LiveHistogram | Self::Histogram => Burden::Stops,
            _ => Burden::None,
        }
    }
}

/// The head of an answer, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JvmReportHead {
    /// Milliseconds since the epoch; no two reports have the same.
    pub t: i64,
    pub instance: String,
    /// The user it ran as: what it answered is for those who might have asked.
    pub uid: u32,
    pub pid: i32,
    /// Clock ticks after boot; with `pid` the identity across pid reuse.
    pub started: u64,
    pub question: JvmQuestion,
    pub took_ms: u64,
    /// Who asked.
    pub by: String,
    /// What it held in a few words: "42 threads, 1 deadlock".
    pub summary: String,
}

/// An answer, read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JvmReport {
    pub head: JvmReportHead,
    /// As the JVM wrote it.
    pub text: String,
    pub body: JvmReportBody,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum JvmReportBody {
    Threads(ThreadDump),
    Classes(Histogram),
    /// Nothing beyond its text.
    Text,
}

/// The threads of one JVM at one time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ThreadDump {
    pub threads: Vec<Thread>,
    pub deadlocks: Vec<Deadlock>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Thread {
    pub name: String,
    /// Java's number; absent for the JVM's own threads.
    pub number: Option<u64>,
    pub daemon: bool,
    /// The thread's id in its pid namespace, as /proc shows it there.
    pub native_id: Option<u64>,
    /// CPU time since it began, in milliseconds.
    pub cpu_ms: Option<f64>,
    /// Share of one core while the dump was taken, 1.0 is one core.
    pub cpu: Option<f64>,
    pub elapsed_s: Option<f64>,
    /// `RUNNABLE`, `BLOCKED`, `WAITING`, `TIMED_WAITING` ...; empty for the JVM's own threads.
    pub state: String,
    /// Innermost first, without `at`.
    pub frames: Vec<String>,
    pub holds: Vec<Lock>,
    pub waits_for: Option<Lock>,
}

/// A monitor or synchronizer by its address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lock {
    pub address: String,
    pub class: String,
}

/// Threads that wait for each other: each for what the next holds, the last for the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadlock {
    pub threads: Vec<(String, Lock)>,
}

/// Classes by what their objects take, the most first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    pub classes: Vec<ClassRow>,
    /// Of all classes, those that are not kept included.
    pub instances: u64,
    pub bytes: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassRow {
    /// As a person writes it: `byte[]`, `java.lang.String`.
    pub name: String,
    pub instances: u64,
    pub bytes: u64,
}
