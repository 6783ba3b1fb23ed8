//! The threads that evaluate. Bounded in number and in what may wait.

use crate::base::task;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

/// One piece of work.
pub(crate) type Work = Box<dyn FnOnce() + Send>;

/// What may wait in either line; a console has a handful of panels, a page of Grafana some dozens.
const WAITING: usize = 256;

pub(crate) struct Pool {
    lines: Arc<Lines>,
}

#[derive(Default)]
struct Lines {
    waiting: Mutex<Waiting>,
    come: Condvar,
}

#[derive(Default)]
struct Waiting {
    first: VecDeque<Work>,
    then: VecDeque<Work>,
    turned_away: u64,
    closed: bool,
}

impl Pool {
    pub(crate) fn start(threads: usize) -> io::Result<Self> {
        let lines = Arc::new(Lines::default());
        for _ in 0..threads.max(1) {
            let lines = lines.clone();
            task::thread("evaluate", move || {
                while let Some(work) = lines.next() {
                    // A panic costs one answer, not the thread.
                    task::caught("evaluate", work);
                }
            })?;
        }
        Ok(Self { lines })
    }

    /// `false` where too much waits already. What is `first` is taken before everything else.
    pub(crate) fn run(&self, first: bool, work: Work) -> bool {
        let mut waiting = self.lines.waiting.lock();
        let line = if first {
            &mut waiting.first
        } else {
            &mut waiting.then
        };
        if line.len() >= WAITING {
            waiting.turned_away += 1;
            return false;
        }
        line.push_back(work);
        drop(waiting);
        self.lines.come.notify_one();
        true
    }

    /// How many wait, how many may, and how many were turned away.
    pub(crate) fn queue(&self) -> (usize, usize, u64) {
        let waiting = self.lines.waiting.lock();
        let len = waiting.first.len() + waiting.then.len();
        (len, 2 * WAITING, waiting.turned_away)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.lines.waiting.lock().closed = true;
        self.lines.come.notify_all();
    }
}

impl Lines {
    fn next(&self) -> Option<Work> {
        let mut waiting = self.waiting.lock();
        loop {
            if waiting.closed {
                return None;
            }
            let next = waiting.first.pop_front();
            if let Some(work) = next.or_else(|| waiting.then.pop_front()) {
                return Some(work);
            }
            self.come.wait(&mut waiting);
        }
    }
}
