//! The pipeline at work: sends on tasks, so many at a time.

use crate::alert::notify::Notifiers;
use crate::alert::pipeline::{Outcome, Pipeline};
use crate::base::clock::{Clock, Duration};
use crate::base::task::{self, Stop};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Sends at one time.
const AT_ONCE: usize = 16;
/// The clock is looked at this often at least, so that a jump is seen.
const LONGEST_SLEEP: i64 = 15_000;
const SHORTEST_SLEEP: i64 = 20;

/// Sends what is due until the engine ends. Tries that run then are waited for by nobody: what they
/// told is not recorded, so it is told again with the same key.
pub async fn run(pipeline: Pipeline, notifiers: Notifiers, clock: Clock, mut stop: Stop) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let now = clock.now_ms();
        let inner = pipeline.clone();
        // Records go to the disk.
        let due = tokio::task::spawn_blocking(move || inner.due(now)).await;
        for job in due.unwrap_or_default() {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            let (pipeline, notifiers) = (pipeline.clone(), notifiers.clone());
            let clock = clock.clone();
            task::spawn("notify", async move {
                let id = job.id;
                let left = (job.deadline - clock.now_ms()).max(1_000).unsigned_abs();
                let config = pipeline.config();
                let sent = notifiers.send(&config, &job);
                let outcome = tokio::time::timeout(Duration::from_millis(left), sent).await;
                let outcome = outcome.unwrap_or_else(|_| Outcome::Retry {
                    said: "no answer before the group's next turn".to_owned(),
                    after: None,
                });
                let now = clock.now_ms();
                let done = move || pipeline.done(id, outcome, now);
                let _ = tokio::task::spawn_blocking(done).await;
                drop(place);
            });
        }
        let now = clock.now_ms();
        let wait = pipeline.next().map_or(LONGEST_SLEEP, |t| t - now);
        let wait = wait.clamp(SHORTEST_SLEEP, LONGEST_SLEEP).unsigned_abs();
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait)) => {}
            () = pipeline.rung() => {}
            () = stop.wait() => return,
        }
    }
}

impl Pipeline {
    async fn rung(&self) {
        self.0.bell.notified().await;
    }
}
