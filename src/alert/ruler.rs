//! The thread that evaluates rules when they are due. One group after the other: the evaluation of
//! rules has one permit among those who ask, so that no rule keeps a console waiting.

use crate::alert::rules::{Around, Rules, Settings};
use crate::base::clock::{Clock, Duration};
use crate::base::task;
use crate::config::rules::RuleGroup;
use parking_lot::{Condvar, Mutex};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

/// How long the thread sleeps at most: a clock that was set is noticed after this.
const NAP: Duration = Duration::from_secs(1);

/// The running thread.
pub struct Ruler {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<bool>>>,
}

#[derive(Default)]
struct Shared {
    wish: Mutex<Wish>,
    wake: Condvar,
}

#[derive(Default)]
struct Wish {
    /// The newest configuration that was not taken yet.
    apply: Option<(Vec<RuleGroup>, Settings)>,
    stop: bool,
}

impl Ruler {
    pub fn start(around: Around, clock: Clock) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let hears = shared.clone();
        let thread = task::thread("rules", move || run(&hears, &around, &clock))?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Takes the groups of a configuration between two evaluations.
    pub fn apply(&self, groups: Vec<RuleGroup>, settings: Settings) {
        self.shared.wish.lock().apply = Some((groups, settings));
        self.shared.wake.notify_all();
    }

    /// Ends after the evaluation that runs now.
    pub fn stop(&self) {
        self.shared.wish.lock().stop = true;
        self.shared.wake.notify_all();
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

fn run(shared: &Shared, around: &Around, clock: &Clock) {
    let mut rules = Rules::default();
    loop {
        let now = clock.now_ms();
        let due = rules.next_due().unwrap_or(i64::MAX);
        let mut wish = shared.wish.lock();
        if wish.stop {
            return;
        }
        if let Some((groups, settings)) = wish.apply.take() {
            drop(wish);
            rules.apply(&groups, settings, now, around);
        } else if due <= now {
            drop(wish);
            // A panic costs one evaluation, not the watch over everything.
            task::caught("rules", || {
                rules.run_due(now, around);
            });
        } else {
            let left = Duration::from_millis(due.saturating_sub(now).unsigned_abs());
            shared.wake.wait_for(&mut wish, left.min(NAP));
            drop(wish);
            rules.reschedule(clock.now_ms());
        }
    }
}
