//! The output of one container, followed through its engine's API.

use crate::base::clock::{Clock, Duration};
use crate::base::task::Stop;
use crate::collect::container::docker::client::{Docker, DockerError};
use crate::collect::container::docker::frames::{Lines, Output};
use crate::collect::container::docker::known::Container;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Between two attempts.
const AGAIN: Duration = Duration::from_secs(2);
/// Of a container that was there before it was first looked at, so many lines are read.
const FIRST: usize = 5_000;
/// One that began so lately, in milliseconds, is read from its beginning.
const NEW: i64 = 60_000;
/// Lines that go to the store together.
const TOGETHER: usize = 512;

/// A place in the output: so many lines of the newest time were read. Engines tell times to the
/// second or to the nanosecond, so that a time alone is no place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spot {
    /// Nanoseconds since the epoch.
    pub(crate) t: i64,
    pub(crate) n: u32,
}

impl Spot {
    /// The place behind a line of this time. A line that is older than the one before it (two
    /// streams are written by two hands) is no step back.
    fn step(&mut self, t: i64) {
        if t > self.t {
            *self = Self { t, n: 1 };
        } else {
            self.n += 1;
        }
    }
}

/// One line, and the place behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) spot: Spot,
    pub(crate) output: Output,
    pub(crate) bytes: Vec<u8>,
}

/// Lines of one container.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) container: Arc<Container>,
    pub(crate) lines: Vec<Raw>,
}

/// Tells apart, on an output that is read once more, what was read before.
#[derive(Debug)]
struct Reading {
    spot: Spot,
    /// Where it went on, and the lines of that time that came again.
    from: Option<Spot>,
    again: u32,
}

impl Reading {
    fn new(from: Option<Spot>) -> Self {
        Self {
            spot: from.unwrap_or_default(),
            from,
            again: 0,
        }
    }

    /// The place behind a line that is new.
    fn take(&mut self, t: Option<i64>) -> Option<Spot> {
        let t = t.unwrap_or(self.spot.t);
        if let Some(from) = self.from {
            self.again += u32::from(t == from.t);
            if t > from.t || self.again == from.n {
                // What comes behind is new, also where it is a little older.
                self.from = None;
            }
            if t <= from.t {
                return None;
            }
        }
        self.spot.step(t);
        Some(self.spot)
    }
}

/// One container to follow.
pub(crate) struct Follow {
    pub(crate) docker: Docker,
    /// As its engine tells of it now.
    pub(crate) container: watch::Receiver<Arc<Container>>,
    /// Behind the last line that was handed on; it outlives this, for the container's next start.
    pub(crate) from: Arc<Mutex<Option<Spot>>>,
    pub(crate) clock: Clock,
    pub(crate) out: mpsc::Sender<Piece>,
}

impl Follow {
    /// Until it has ended and all was read, or until told to stop.
    pub(crate) async fn run(mut self, mut stop: Stop) {
        loop {
            tokio::select! {
                followed = self.once() => if followed.is_err() && self.out.is_closed() { return },
                () = stop.wait() => return,
            }
            if !self.container.borrow().is_up() || self.container.has_changed().is_err() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                () = stop.wait() => return,
            }
        }
    }

    async fn once(&mut self) -> Result<(), DockerError> {
        let container = self.container.borrow().clone();
        let begun_lately = self.clock.now_ms() - container.started < NEW;
        let place = *self.from.lock();
        let from = match place {
            // A second earlier: podman leaves out what is as old as was asked for.
            Some(spot) => format!("&since={}", (spot.t / 1_000_000_000 - 1).max(0)),
            None if begun_lately => String::new(),
            None => format!("&tail={FIRST}"),
        };
        let path = format!(
            "/containers/{}/logs?stdout=1&stderr=1&follow=1&timestamps=1{from}",
            container.id
        );
        let mut stream = self.docker.stream(&path).await?;
        let mut lines = Lines::new(container.tty);
        let mut reading = Reading::new(place);
        while let Some(piece) = stream.next().await? {
            lines.push(&piece);
            if !self.hand_on(&mut lines, &mut reading).await || lines.is_broken() {
                return Ok(());
            }
        }
        let left = lines.finish();
        let raw = left
            .iter()
            .filter_map(|line| raw(line, &mut reading))
            .collect();
        self.send(raw).await;
        Ok(())
    }

    /// False where nobody takes lines any more.
    async fn hand_on(&mut self, lines: &mut Lines, reading: &mut Reading) -> bool {
        loop {
            let mut ready = Vec::new();
            while ready.len() < TOGETHER {
                let Some(line) = lines.next_line() else { break };
                ready.extend(raw(&line, reading));
            }
            if ready.is_empty() {
                return true;
            }
            if !self.send(ready).await {
                return false;
            }
        }
    }

    async fn send(&mut self, lines: Vec<Raw>) -> bool {
        let Some(last) = lines.last() else {
            return true;
        };
        *self.from.lock() = Some(last.spot);
        let container = self.container.borrow().clone();
        self.out.send(Piece { container, lines }).await.is_ok()
    }
}

fn raw(line: &crate::collect::container::docker::frames::Line, at: &mut Reading) -> Option<Raw> {
    let (time, text) = line.timed();
    Some(Raw {
        spot: at.take(time)?,
        output: line.output,
        bytes: text.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_that_is_read_again_gives_only_what_is_new() {
        let times = [5, 7, 7, 7, 6, 9];
        let mut first = Reading::new(None);
        let spots: Vec<Spot> = times.iter().filter_map(|t| first.take(Some(*t))).collect();
        assert_eq!(spots.len(), 6);
        for (at, spot) in spots.iter().enumerate().filter(|(at, _)| *at != 4) {
            let mut again = Reading::new(Some(*spot));
            let new = times
                .iter()
                .filter(|t| again.take(Some(**t)).is_some())
                .count();
            assert_eq!(new, 5 - at, "behind line {at}");
        }
    }
}
