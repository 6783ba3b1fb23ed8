//! Orders a console can give, and what came of them.

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
    /// Flush, answer, and end the engine (the console that detaches starts `serve` next).
    HandOver,
    /// Sets or removes a bookmark on the time axis.
    Bookmark { t: i64, text: String, remove: bool },
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
    /// Something to look at before the real order is given.
    Preview {
        lines: Vec<String>,
    },
}
