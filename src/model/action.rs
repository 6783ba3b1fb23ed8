//! Orders a console can give, and what came of them.

use crate::model::jvm::JvmQuestion;
use serde::{Deserialize, Serialize};

/// One order. `app` routes it to the room that can carry it out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Sends a signal to the process that has this pid and started at this tick.
    SignalProcess {
        pid: i32,
        started: u64,
        signal: Signal,
    },
    /// Attaches to the JVM that has this pid and started at this tick, and keeps its answer.
    AskJvm {
        pid: i32,
        started: u64,
        question: JvmQuestion,
    },
    /// Starts, stops or pauses a container, through the engine that has it.
    Container { id: String, order: ContainerOrder },
    /// Reads the configuration again; a bad file changes nothing.
    Reload,
    /// Scrapes once without storing, so that a person sees what they would add.
    TryTarget { url: String },
    /// Writes the target to the data directory, from where it is always read.
    AddTarget {
        url: String,
        job: String,
        labels: Vec<(String, String)>,
    },
    /// Sets or removes a bookmark on the time axis.
    Bookmark { t: i64, text: String, remove: bool },
    /// Stops repeats of an alert until it has been resolved for a while, or takes that back.
    Acknowledge(Acknowledge),
    /// Mutes what the matchers fit, for a time.
    Silence(Silence),
    /// Ends a silence now.
    ExpireSilence { id: String },
    /// Sends a made-up alert to one receiver.
    TestReceiver { receiver: String },
    /// Says who would be told of an alert with these labels, at a time (milliseconds since the
    /// epoch; `None` is now). Changes nothing.
    TryRoute {
        labels: Vec<(String, String)>,
        at: Option<i64>,
    },
    /// Renders the text of a notification for the group of an alert, by its fingerprint, or for a
    /// made-up one. Changes nothing.
    TryTemplate { alert: Option<u64>, text: String },
}

/// An order to acknowledge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledge {
    /// The alert, by its fingerprint.
    pub alert: u64,
    /// True: every alert of its notification group.
    pub group: bool,
    pub note: String,
    /// Milliseconds since the epoch at which it ends by itself.
    pub until: Option<i64>,
    /// True: takes an acknowledgement back.
    pub remove: bool,
}

/// An order to silence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// The silence that is changed; empty for a new one.
    pub id: String,
    /// Each as it is written: `severity="warning"`, `instance=~"web.*"`.
    pub matchers: Vec<String>,
    /// Milliseconds since the epoch; `None` is now.
    pub starts_at: Option<i64>,
    /// Milliseconds from its start.
    pub duration_ms: i64,
    pub comment: String,
    /// True: nothing is changed, the outcome is a preview of what would be muted.
    pub preview: bool,
    /// A silence that mutes every alert is only made where this says so.
    pub even_all: bool,
}

/// The signals that the action menu offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    Term,
    Kill,
    Hup,
    Int,
    Stop,
    Cont,
}

/// What the action menu offers for containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContainerOrder {
    Start,
    Stop,
    Restart,
    Kill,
    Pause,
    Unpause,
}

impl ContainerOrder {
    /// The word that Docker's and podman's command lines have for it, and their API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
        }
    }
}

/// What an order led to. Both sentences are written for the person who gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    Done {
        said: String,
    },
    /// Refused or failed: why, and the way out.
    Refused {
        said: String,
    },
    /// Done, and what came of it is kept as a record of this time (milliseconds since the epoch).
    Kept {
        at: i64,
        said: String,
    },
    /// Something to look at before the real order is given.
    Preview {
        lines: Vec<String>,
    },
}
