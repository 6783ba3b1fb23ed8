//! The threads that evaluate. Bounded in number and in what may wait.
//!
//! Work stands in lines, and threads in groups that serve them: two threads serve all questions,
//! those of consoles first; one more serves consoles alone and one more rules alone, so that
//! neither waits behind slow questions over HTTP. What is pushed in has a thread of its own, since
//! it may wait for the disk.

use crate::base::task;
use crate::model::view::{QueueRow, QueueUnit};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

/// One piece of work.
pub(crate) type Work = Box<dyn FnOnce() + Send>;

/// What may wait in one line; a console has a handful of panels, a page of Grafana some dozens.
const WAITING: usize = 256;

/// Where a piece of work waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Console,
    Rules,
    Other,
    Push,
}

const LINES: [(Line, &str); 4] = [
    (Line::Console, "questions of consoles"),
    (Line::Rules, "questions of rules"),
    (Line::Other, "other questions"),
    (Line::Push, "pushes"),
];

/// Threads that serve the same lines, in this order.
struct Group {
    serves: &'static [Line],
    threads: usize,
}

/// Work goes to the first group that serves its line and has a thread that sleeps.
const GROUPS: [Group; 4] = [
    Group {
        serves: &[Line::Rules],
        threads: 1,
    },
    Group {
        serves: &[Line::Console, Line::Rules, Line::Other],
        threads: 2,
    },
    Group {
        serves: &[Line::Console],
        threads: 1,
    },
    Group {
        serves: &[Line::Push],
        threads: 1,
    },
];

pub(crate) struct Pool {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// One for each group.
    come: [Condvar; GROUPS.len()],
}

#[derive(Default)]
struct Waiting {
    lines: [VecDeque<Work>; LINES.len()],
    turned_away: [u64; LINES.len()],
    /// Threads of each group that sleep and were not told to wake yet.
    asleep: [usize; GROUPS.len()],
    closed: bool,
}

impl Pool {
    pub(crate) fn start() -> io::Result<Self> {
        let pool = Self {
            shared: Arc::default(),
        };
        for (group, Group { threads, .. }) in GROUPS.iter().enumerate() {
            for _ in 0..*threads {
                let shared = pool.shared.clone();
                task::thread("evaluate", move || {
                    while let Some(work) = shared.next(group) {
                        // A panic costs one answer, not the thread.
                        task::caught("evaluate", work);
                    }
                })?;
            }
        }
        Ok(pool)
    }

    /// `false` where too much waits in that line already.
    pub(crate) fn run(&self, line: Line, work: Work) -> bool {
        let mut waiting = self.shared.waiting.lock();
        let at = line as usize;
        if waiting.lines[at].len() >= WAITING {
            waiting.turned_away[at] += 1;
            return false;
        }
        waiting.lines[at].push_back(work);
        // Where no thread sleeps, the next that is done finds it.
        let woken = GROUPS
            .iter()
            .zip(&waiting.asleep)
            .position(|(group, asleep)| *asleep > 0 && group.serves.contains(&line));
        if let Some(group) = woken {
            waiting.asleep[group] -= 1;
            drop(waiting);
            self.shared.come[group].notify_one();
        }
        true
    }

    /// What waits in each line.
    pub(crate) fn queues(&self) -> Vec<QueueRow> {
        let waiting = self.shared.waiting.lock();
        let row = |(line, name): &(Line, &str)| QueueRow {
            name: (*name).to_owned(),
            len: waiting.lines[*line as usize].len() as u64,
            capacity: WAITING as u64,
            dropped: waiting.turned_away[*line as usize],
            unit: QueueUnit::Items,
        };
        LINES.iter().map(row).collect()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.waiting.lock().closed = true;
        for come in &self.shared.come {
            come.notify_all();
        }
    }
}

impl Shared {
    fn next(&self, group: usize) -> Option<Work> {
        let mut waiting = self.waiting.lock();
        loop {
            if waiting.closed {
                return None;
            }
            let mut lines = GROUPS[group].serves.iter();
            if let Some(work) = lines.find_map(|l| waiting.lines[*l as usize].pop_front()) {
                return Some(work);
            }
            waiting.asleep[group] += 1;
            self.come[group].wait(&mut waiting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn slow_questions_hold_up_neither_consoles_nor_rules_nor_pushes() {
        let pool = Pool::start().unwrap();
        let (begun, hear) = channel();
        let mut holds = Vec::new();
        for _ in 0..2 {
            let (release, held) = channel::<()>();
            holds.push(release);
            let begun = begun.clone();
            let slow = move || {
                begun.send("slow").unwrap();
                let _ = held.recv();
            };
            assert!(pool.run(Line::Other, Box::new(slow)));
        }
        assert_eq!((hear.recv(), hear.recv()), (Ok("slow"), Ok("slow")));
        let (done, answered) = channel();
        let ask = |line, name| {
            let done = done.clone();
            pool.run(line, Box::new(move || done.send(name).unwrap()))
        };
        assert!(ask(Line::Other, "other"));
        for (line, name) in [
            (Line::Console, "console"),
            (Line::Rules, "rules"),
            (Line::Push, "push"),
        ] {
            assert!(ask(line, name));
            assert_eq!(answered.recv(), Ok(name));
        }
        let other = &pool.queues()[Line::Other as usize];
        assert_eq!((other.len, other.dropped), (1, 0));
        drop(holds);
        assert_eq!(answered.recv(), Ok("other"));
    }

    #[test]
    fn a_full_line_turns_away_and_counts() {
        let pool = Pool::start().unwrap();
        let (release, held) = channel::<()>();
        let (begun, hear) = channel();
        let slow = move || {
            begun.send(()).unwrap();
            let _ = held.recv();
        };
        assert!(pool.run(Line::Push, Box::new(slow)));
        hear.recv().unwrap();
        for _ in 0..WAITING {
            assert!(pool.run(Line::Push, Box::new(|| {})));
        }
        assert!(!pool.run(Line::Push, Box::new(|| {})));
        let row = &pool.queues()[Line::Push as usize];
        assert_eq!((row.len, row.dropped), (WAITING as u64, 1));
        drop(release);
    }
}
