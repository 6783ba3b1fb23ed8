//! The thread of a built-in collector: a pass every interval for the store, and every 2 s while a
//! console looks.

use crate::base::cancel::Cancel;
use crate::base::clock::{Clock, Duration};
use crate::base::task;
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

/// How often a built-in collector reads for the store, and whether it reads at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub enabled: bool,
    pub interval: Duration,
}

impl Pace {
    pub fn every(interval: Duration) -> Self {
        Self {
            enabled: true,
            interval,
        }
    }

    /// One that never changes.
    pub fn fixed(self) -> watch::Receiver<Self> {
        watch::channel(self).1
    }
}

/// When a collector reads.
#[derive(Clone, Debug)]
pub struct Beat {
    pub clock: Clock,
    /// As the configuration in force has it.
    pub pace: watch::Receiver<Pace>,
    /// When a console last asked a live question, milliseconds since the epoch.
    pub looked_at: Arc<AtomicI64>,
    pub stop: Cancel,
}

/// A collector's thread; ends when it is stopped.
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

/// Starts a thread that calls `pass` with the time, and whether this pass is stored. The first one
/// is, at once; one that answers false was not taken and is tried again soon.
pub(crate) fn start(
    name: &'static str,
    beat: Beat,
    mut pass: impl FnMut(i64, bool) -> bool + Send + 'static,
) -> std::io::Result<Running> {
    let stop = beat.stop.clone();
    let thread = task::thread(name, move || {
        let mut stored_at = i64::MIN;
        let mut live_at = i64::MIN;
        while beat.stop.check().is_ok() {
            let now = beat.clock.now_ms();
            let pace = *beat.pace.borrow();
            let interval = i64::try_from(pace.interval.as_millis()).unwrap_or(15_000);
            let looked = beat.looked_at.load(Ordering::Relaxed);
            let store = now >= stored_at.saturating_add(interval) || now < stored_at;
            let live = now - looked < LOOKS_FOR_MS && now >= live_at.saturating_add(LIVE_MS);
            if (store || live) && pass(now, store) {
                live_at = now;
                stored_at = if store { now } else { stored_at };
            }
            beat.stop.sleep(LOOK_EVERY);
        }
    })?;
    Ok(Running { stop, thread })
}
