//! The bounds of one rendering: steps, time, output. A rendering runs on one thread, so what it
//! has used stands in a thread-local; the engine's functions are shared by all renderings.

use crate::base::clock::{Duration, Instant, monotonic};
use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

/// Turns of all `range` loops of a rendering together.
pub(super) const MAX_RANGES: u64 = 200_000;
/// Renderings that may run inside one another (a function that renders).
const MAX_DEPTH: usize = 16;

/// What one rendering may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of text.
    pub output: usize,
    /// Functions called, fields read and templates entered.
    pub steps: u64,
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            output: 1 << 20,
            steps: 1_000_000,
            time: crate::base::template::DEFAULT_TIME,
        }
    }
}

/// What a function can know of the rendering that calls it.
pub struct Scope {
    context: Option<Arc<dyn Any + Send + Sync>>,
}

impl Scope {
    /// What the caller of the rendering handed in, if it is of this type.
    pub fn context<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.context.clone()?.downcast().ok()
    }
}

struct Budget {
    steps: u64,
    output: usize,
    deadline: Instant,
    time: Duration,
    stopped: Option<String>,
    contexts: Vec<Option<Arc<dyn Any + Send + Sync>>>,
}

thread_local! {
    static BUDGET: RefCell<Option<Budget>> = const { RefCell::new(None) };
}

/// Held while a rendering runs.
pub(super) struct Entered(());

pub(super) fn enter(
    limits: &Limits,
    context: Option<Arc<dyn Any + Send + Sync>>,
) -> Result<Entered, String> {
    BUDGET.with_borrow_mut(|slot| {
        let budget = slot.get_or_insert_with(|| Budget {
            steps: limits.steps,
            output: limits.output,
            deadline: monotonic() + limits.time,
            time: limits.time,
            stopped: None,
            contexts: Vec::new(),
        });
        if budget.contexts.len() >= MAX_DEPTH {
            return Err(format!("renders inside itself more than {MAX_DEPTH} deep"));
        }
        budget.contexts.push(context);
        Ok(Entered(()))
    })
}

/// Why the running rendering was stopped, if it was.
pub(super) fn stopped() -> Option<String> {
    BUDGET.with_borrow(|slot| slot.as_ref()?.stopped.clone())
}

impl Drop for Entered {
    fn drop(&mut self) {
        BUDGET.with_borrow_mut(|slot| {
            if let Some(budget) = slot {
                budget.contexts.pop();
                if budget.contexts.is_empty() {
                    *slot = None;
                }
            }
        });
    }
}

/// Counts one step; an error ends the rendering.
pub(super) fn step() -> Result<(), String> {
    BUDGET.with_borrow_mut(|slot| {
        let Some(budget) = slot else {
            return Ok(());
        };
        if budget.steps == 0 {
            let why = "takes too many steps".to_owned();
            budget.stopped = Some(why.clone());
            return Err(why);
        }
        budget.steps -= 1;
        if budget.steps.is_multiple_of(64) && monotonic() >= budget.deadline {
            let why = format!("takes longer than {} ms", budget.time.as_millis());
            budget.stopped = Some(why.clone());
            return Err(why);
        }
        Ok(())
    })
}

/// Bytes that one value of the running rendering may have.
pub(super) fn output() -> usize {
    BUDGET.with_borrow(|slot| slot.as_ref().map_or(Limits::default().output, |b| b.output))
}

pub(super) fn current() -> Scope {
    let context = BUDGET.with_borrow(|slot| slot.as_ref()?.contexts.last()?.clone());
    Scope { context }
}

/// Takes text up to a number of bytes.
pub(super) struct Bounded {
    pub(super) text: String,
    pub(super) overflowed: bool,
    most: usize,
}

impl Bounded {
    pub(super) fn new(most: usize) -> Self {
        Self {
            text: String::new(),
            overflowed: false,
            most,
        }
    }
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if self.text.len() + part.len() > self.most {
            self.overflowed = true;
            return Err(fmt::Error);
        }
        self.text.push_str(part);
        Ok(())
    }
}
