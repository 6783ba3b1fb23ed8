//! Cancellation for synchronous work: a flag, and a deadline that trips it.
//!
//! The rooms that compute (`store`, `query`, `dashboard`) know no runtime. They are handed a
//! [`Cancel`] and look at it about once per thousand steps.

use crate::base::clock::Instant;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Why work was stopped before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// Nobody waits for the answer any more.
    #[error("cancelled")]
    Cancelled,
    /// The time that was allowed is over.
    #[error("deadline exceeded")]
    Deadline,
}

/// Shared between the one who waits and the one who works. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    flag: Arc<Flag>,
    deadline: Option<Instant>,
}

#[derive(Debug, Default)]
struct Flag {
    set: AtomicBool,
    /// For those who sleep until it is set.
    lock: Mutex<()>,
    heard: Condvar,
}

impl Cancel {
    /// A token that is never tripped unless [`Cancel::cancel`] is called.
    pub fn never() -> Self {
        Self::default()
    }

    /// A token that trips by itself once `allowed` has passed.
    pub fn after(allowed: Duration) -> Self {
        Self {
            flag: Arc::default(),
            deadline: Some(Instant::now() + allowed),
        }
    }

    pub fn cancel(&self) {
        self.flag.set.store(true, Ordering::Relaxed);
        let _order = self.flag.lock.lock();
        self.flag.heard.notify_all();
    }

    /// Sleeps for so long, or until it is cancelled; a deadline does not wake.
    pub fn sleep(&self, most: Duration) {
        let mut order = self.flag.lock.lock();
        if !self.flag.set.load(Ordering::Relaxed) {
            self.flag.heard.wait_for(&mut order, most);
        }
    }

    /// `Err` once the work should stop.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.flag.set.load(Ordering::Relaxed) {
            return Err(Stopped::Cancelled);
        }
        match self.deadline {
            Some(at) if Instant::now() >= at => Err(Stopped::Deadline),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sleeps_wakes_when_it_is_cancelled() {
        let cancel = Cancel::never();
        let other = cancel.clone();
        let asleep = std::thread::spawn(move || other.sleep(Duration::from_hours(1)));
        cancel.cancel();
        asleep.join().unwrap();
        // One that was cancelled before does not sleep at all.
        cancel.sleep(Duration::from_hours(1));
        assert_eq!(cancel.check(), Err(Stopped::Cancelled));
    }
}
