//! Cancellation for synchronous work: a flag, and a deadline that trips it.
//!
//! The rooms that compute (`store`, `query`, `dashboard`) know no runtime. They are handed a
//! [`Cancel`] and look at it about once per thousand steps.

use crate::base::clock::Instant;
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
    flag: Arc<AtomicBool>,
    deadline: Option<Instant>,
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
        self.flag.store(true, Ordering::Relaxed);
    }

    /// `Err` once the work should stop.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.flag.load(Ordering::Relaxed) {
            return Err(Stopped::Cancelled);
        }
        match self.deadline {
            Some(at) if Instant::now() >= at => Err(Stopped::Deadline),
            _ => Ok(()),
        }
    }
}
