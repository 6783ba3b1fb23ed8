//! Who pushes to this engine: the last ones, with what they brought and what was refused.

use crate::api::Sender;
use crate::model::view::SenderRow;
use parking_lot::Mutex;

/// Senders that are remembered; the one that has been silent the longest is forgotten first.
const MOST: usize = 200;

/// Everybody who pushed since the start.
#[derive(Debug, Default)]
pub(crate) struct Senders(Mutex<Vec<SenderRow>>);

impl Senders {
    /// Notes a push: the samples that were kept, or why it was refused.
    pub(crate) fn note(&self, by: &Sender, now: i64, outcome: Result<u64, String>) {
        let mut rows = self.0.lock();
        let same =
            |r: &SenderRow| r.kind == by.kind && r.address == by.address && r.agent == by.agent;
        let at = rows.iter().position(same).unwrap_or_else(|| {
            if rows.len() >= MOST {
                let silent = (0..rows.len()).min_by_key(|n| rows[*n].last_push);
                rows.remove(silent.unwrap_or(0));
            }
            rows.push(SenderRow {
                kind: by.kind.to_owned(),
                address: by.address.clone(),
                agent: by.agent.clone(),
                ..SenderRow::default()
            });
            rows.len() - 1
        });
        let row = &mut rows[at];
        row.last_push = now;
        row.pushes += 1;
        match outcome {
            Ok(samples) => {
                row.last_good = now;
                row.samples += samples;
                row.error.clear();
            }
            Err(why) => {
                row.refused += 1;
                row.error = why;
            }
        }
    }

    /// The rows, by address.
    pub(crate) fn rows(&self) -> Vec<SenderRow> {
        let mut rows = self.0.lock().clone();
        rows.sort_by(|a, b| (&a.address, &a.agent, &a.kind).cmp(&(&b.address, &b.agent, &b.kind)));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_one_row_and_the_silent_ones_go_first() {
        let senders = Senders::default();
        let by = |n: usize| Sender {
            kind: "remote write",
            address: format!("10.0.0.{n}"),
            agent: "Prometheus/2.42".to_owned(),
        };
        senders.note(&by(1), 5, Ok(10));
        senders.note(&by(1), 6, Err("too old".to_owned()));
        let row = senders.rows().remove(0);
        assert_eq!((row.pushes, row.samples, row.refused), (2, 10, 1));
        assert_eq!((row.last_push, row.last_good), (6, 5));
        assert_eq!(row.error, "too old");
        senders.note(&by(1), 7, Ok(1));
        assert_eq!(senders.rows()[0].error, "");
        for n in 2..MOST + 3 {
            senders.note(&by(n), 100 + n as i64, Ok(1));
        }
        assert_eq!(senders.rows().len(), MOST);
        assert!(senders.rows().iter().all(|r| r.address != "10.0.0.1"));
    }
}
