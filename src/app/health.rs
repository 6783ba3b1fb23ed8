//! What is wrong with this engine now, and which consoles look at it.

use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};

/// What can be wrong: one sentence each, which goes when its cause does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    /// History could not be opened, or a port not be taken.
    Open,
    /// No second console can attach.
    Socket,
    /// A port for spans could not be taken.
    Receiver(&'static str),
    /// The newest configuration was refused.
    Config,
    /// A way to Docker or podman that leads nowhere.
    Containers,
    /// The address that is called while rules are evaluated.
    Heartbeat,
    /// Alerts cannot be sent on to an Alertmanager.
    SendingOn,
    /// Spans cannot be sent on to that receiver of the configuration.
    Forward(usize),
}

/// The problems of now.
#[derive(Debug, Default)]
pub(crate) struct Problems(Mutex<BTreeMap<Trouble, String>>);

impl Problems {
    pub(crate) fn set(&self, trouble: Trouble, said: String) {
        self.0.lock().insert(trouble, said);
    }

    pub(crate) fn clear(&self, trouble: Trouble) {
        self.0.lock().remove(&trouble);
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().values().cloned().collect()
    }
}

/// A console asks at least every ten seconds, also out of focus; after this it has gone.
const GONE_AFTER_MS: i64 = 12_000;
/// More are not told apart.
const MOST: usize = 256;

/// The consoles that asked for something live, by the process that asks.
#[derive(Debug, Default)]
pub(crate) struct Consoles(Mutex<HashMap<i32, i64>>);

impl Consoles {
    pub(crate) fn looked(&self, pid: i32, now: i64) {
        let mut seen = self.0.lock();
        if seen.len() >= MOST {
            seen.retain(|_, at| now - *at < GONE_AFTER_MS);
        }
        if seen.len() < MOST || seen.contains_key(&pid) {
            seen.insert(pid, now);
        }
    }

    /// How many look now.
    pub(crate) fn count(&self, now: i64) -> u32 {
        let mut seen = self.0.lock();
        seen.retain(|_, at| now - *at < GONE_AFTER_MS);
        seen.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_goes_with_its_cause() {
        let problems = Problems::default();
        problems.set(Trouble::Config, "a.yaml:1 is bad".into());
        problems.set(Trouble::Config, "a.yaml:2 is bad".into());
        problems.set(Trouble::Socket, "no socket".into());
        assert_eq!(problems.all(), ["no socket", "a.yaml:2 is bad"]);
        problems.clear(Trouble::Config);
        assert_eq!(problems.all(), ["no socket"]);
    }

    #[test]
    fn consoles_are_counted_until_they_are_silent() {
        let consoles = Consoles::default();
        consoles.looked(7, 0);
        consoles.looked(8, 5_000);
        consoles.looked(7, 6_000);
        assert_eq!(consoles.count(6_000), 2);
        assert_eq!(consoles.count(17_500), 1);
        assert_eq!(consoles.count(60_000), 0);
    }
}
