//! The only place that reads a clock.
//!
//! Wall time is milliseconds since the Unix epoch, as in Prometheus. Code whose behaviour depends
//! on time takes a [`Clock`], so that tests drive it.

pub use std::time::{Duration, Instant};

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the time comes from: the machine, or a test.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    #[default]
    System,
    /// Milliseconds since the epoch, moved by the test that holds the other end.
    Fake(Arc<AtomicI64>),
}

impl Clock {
    pub fn fake(start_ms: i64) -> Self {
        Self::Fake(Arc::new(AtomicI64::new(start_ms)))
    }

    /// Milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => {
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
            }
            Self::Fake(at) => at.load(Ordering::SeqCst),
        }
    }

    /// Moves a fake clock forward; the machine's clock stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Self::Fake(at) = self {
            at.fetch_add(i64::try_from(by.as_millis()).unwrap_or(0), Ordering::SeqCst);
        }
    }
}

/// A steady reading that only measures distances; never moved by a change of the wall clock.
pub fn monotonic() -> Instant {
    Instant::now()
}
