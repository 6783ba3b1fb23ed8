//! The pipeline at work: sends on tasks, so many at a time.

use crate::alert::notify::Notifiers;
use crate::alert::pipeline::{Outcome, Pipeline};
use crate::base::clock::{Clock, Duration};
use crate::base::task::{self, Stop};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Sends of one integration at one time: one that hangs holds up itself alone.
const AT_ONCE: usize = 16;
/// The clock is looked at this often at least, so that a jump is seen.
const LONGEST_SLEEP: i64 = 15_000;
const SHORTEST_SLEEP: i64 = 20;

/// Sends what is due until the engine ends. Tries that run then are waited for by nobody: what they
/// told is not recorded, so it is told again with the same key.
pub async fn run(pipeline: Pipeline, notifiers: Notifiers, clock: Clock, mut stop: Stop) {
    let mut places: HashMap<(String, usize), Arc<Semaphore>> = HashMap::new();
    loop {
        let now = clock.now_ms();
        let inner = pipeline.clone();
        // Records go to the disk, and whoever holds the pipeline may wait for it: no worker does.
        let work = move || {
            let due = inner.due(now);
            (due, inner.config(), inner.next())
        };
        let (due, config, next) = match tokio::task::spawn_blocking(work).await {
            Ok(done) => done,
            Err(_) => (Vec::new(), pipeline.config(), None),
        };
        for job in due {
            let way = (job.receiver.clone(), job.integration);
            let places = places
                .entry(way)
                .or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE)));
            let places = Arc::clone(places);
            let (pipeline, notifiers) = (pipeline.clone(), notifiers.clone());
            let (clock, config) = (clock.clone(), Arc::clone(&config));
            task::spawn("notify", async move {
                let id = job.id;
                let left = (job.deadline - clock.now_ms()).max(1_000).unsigned_abs();
                let sent = async {
                    // Never closed, so there is always a place in the end.
                    let _place = places.acquire().await;
                    notifiers.send(&config, &job).await
                };
                let outcome = tokio::time::timeout(Duration::from_millis(left), sent).await;
                let outcome = outcome.unwrap_or_else(|_| Outcome::Retry {
                    said: "no answer before the group's next turn".to_owned(),
                    after: None,
                });
                let now = clock.now_ms();
                let done = move || pipeline.done(id, outcome, now);
                let _ = tokio::task::spawn_blocking(done).await;
            });
        }
        let now = clock.now_ms();
        let wait = next.map_or(LONGEST_SLEEP, |t| t - now);
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
