//! Tasks and threads that have a name, are counted, and whose panic is reported, never fatal.
//!
//! The counts are the process' own (one table for all): `/metrics`, `bongsu status` and the tests
//! read them through [`report`]. A thread that may wait for the kernel is started with [`thread`];
//! the runtime of [`runtime`] is for sockets and timers only.

use parking_lot::Mutex;
use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::sync::watch;

/// How much nicer engine threads are than the console's, so that keys never wait for a query.
pub const ENGINE_NICENESS: i32 = 5;

/// What is known of all tasks and threads of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub name: &'static str,
    pub running: u64,
    pub started: u64,
    pub panics: u64,
    /// What the last panic said; empty where there was none.
    pub last_panic: String,
}

static ROWS: Mutex<BTreeMap<&'static str, Row>> = Mutex::new(BTreeMap::new());

/// Every name that was started in this process, sorted.
pub fn report() -> Vec<Row> {
    ROWS.lock().values().cloned().collect()
}

/// Room for the deepest expressions that parsers accept, also in an unoptimised build. What is not
/// touched costs nothing.
const STACK: usize = 8 << 20;

/// Starts a thread of the engine: nicer than the console. The join handle tells `false` where it
/// ended in a panic.
pub fn thread(
    name: &'static str,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<std::thread::JoinHandle<bool>> {
    let run = move || {
        be_nice();
        let running = Running::new(name);
        let ended = catch_unwind(AssertUnwindSafe(work));
        let good = ended.is_ok();
        if let Err(panic) = ended {
            note_panic(name, panic.as_ref());
        }
        drop(running);
        good
    };
    std::thread::Builder::new()
        .name(format!("bongsu-{name}"))
        .stack_size(STACK)
        .spawn(run)
}

/// Runs `aside` on a thread of its own while `here` runs on this one; both have ended when it
/// returns. A panic of `aside` is reported and ends it alone, and where no thread can be had it does
/// not run at all: `here` finds out by the channel between them.
pub fn beside<T>(name: &'static str, aside: impl FnOnce() + Send, here: impl FnOnce() -> T) -> T {
    std::thread::scope(|scope| {
        let run = move || {
            let running = Running::new(name);
            caught(name, aside);
            drop(running);
        };
        let thread = std::thread::Builder::new()
            .name(format!("bongsu-{name}"))
            .stack_size(STACK);
        let _started = thread.spawn_scoped(scope, run);
        here()
    })
}

/// Work of some length in the middle of a task: where the runtime has several workers, this one's
/// other tasks move to another thread meanwhile.
pub fn at_length<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|h| h.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// How many threads can run at once here.
pub fn cores() -> usize {
    static CORES: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// Starts a task on the runtime that is current.
pub fn spawn<F>(name: &'static str, work: F) -> tokio::task::JoinHandle<Option<F::Output>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let running = Running::new(name);
    tokio::spawn(async move {
        let _running = running;
        let mut work = pin!(work);
        std::future::poll_fn(move |cx| poll_caught(name, work.as_mut(), cx)).await
    })
}

/// Runs one piece of work of a thread that goes on after a panic. `false` where it panicked.
pub fn caught(name: &'static str, work: impl FnOnce()) -> bool {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(()) => true,
        Err(panic) => {
            note_panic(name, panic.as_ref());
            false
        }
    }
}

fn poll_caught<F: Future>(
    name: &'static str,
    work: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<Option<F::Output>> {
    match catch_unwind(AssertUnwindSafe(|| work.poll(cx))) {
        Ok(poll) => poll.map(Some),
        Err(panic) => {
            note_panic(name, panic.as_ref());
            Poll::Ready(None)
        }
    }
}

/// The runtime of the engine: two workers for sockets and timers, few threads for what blocks.
pub fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(8)
        .thread_name("bongsu-io")
        .thread_stack_size(STACK)
        .on_thread_start(be_nice)
        .enable_io()
        .enable_time()
        .build()
}

fn be_nice() {
    // On Linux the call changes the calling thread alone. Refused by a sandbox: nothing is lost.
    let _ = rustix::process::setpriority_process(None, ENGINE_NICENESS);
}

/// Tells many tasks to end. Dropping the [`Stopper`] tells them as well.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// The listening side of a [`Stopper`].
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

pub fn stopper() -> (Stopper, Stop) {
    let (tell, hear) = watch::channel(false);
    (Stopper(tell), Stop(hear))
}

impl Stopper {
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    pub fn listen(&self) -> Stop {
        Stop(self.0.subscribe())
    }
}

impl Stop {
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Returns once it is time to end.
    pub async fn wait(&mut self) {
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }
}

struct Running(&'static str);

impl Running {
    fn new(name: &'static str) -> Self {
        let mut rows = ROWS.lock();
        let row = rows.entry(name).or_default();
        row.name = name;
        row.running += 1;
        row.started += 1;
        Self(name)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(row) = ROWS.lock().get_mut(self.0) {
            row.running -= 1;
        }
    }
}

fn note_panic(name: &'static str, panic: &(dyn Any + Send)) {
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words");
    if let Some(row) = ROWS.lock().get_mut(name) {
        row.panics += 1;
        said.clone_into(&mut row.last_panic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str) -> Row {
        report()
            .into_iter()
            .find(|r| r.name == name)
            .unwrap_or_default()
    }

    #[test]
    fn a_panicking_thread_is_reported_and_counted() {
        let good = thread("test-thread", || panic!("out of {}", "tea"))
            .unwrap()
            .join()
            .unwrap();
        assert!(!good);
        let row = row("test-thread");
        assert_eq!((row.started, row.running, row.panics), (1, 0, 1));
        assert_eq!(row.last_panic, "out of tea");
    }

    #[test]
    fn two_threads_work_beside_each_other_and_a_panic_ends_one() {
        let (tell, hear) = std::sync::mpsc::sync_channel(1);
        let sum = beside(
            "test-beside",
            move || tell.send(40).unwrap(),
            || hear.recv().unwrap_or(0) + 2,
        );
        assert_eq!(sum, 42);
        let (tell, hear) = std::sync::mpsc::sync_channel::<i32>(1);
        let aside = move || {
            let _tell = tell;
            panic!("out of tea");
        };
        assert!(beside("test-beside", aside, || hear.recv()).is_err());
        let row = row("test-beside");
        assert_eq!((row.started, row.running, row.panics), (2, 0, 1));
    }

    #[test]
    fn a_panicking_task_leaves_the_runtime_alone() {
        let runtime = runtime().unwrap();
        let ended = runtime.block_on(async {
            let bad = spawn("test-task", async { panic!("no") }).await.unwrap();
            let good = spawn("test-task", async { 7 }).await.unwrap();
            (bad, good)
        });
        assert_eq!(ended, (None::<()>, Some(7)));
        assert_eq!((row("test-task").panics, row("test-task").running), (1, 0));
    }

    #[test]
    fn stop_reaches_those_who_listen() {
        let (tell, mut hear) = stopper();
        assert!(!hear.is_stopped());
        tell.stop();
        assert!(hear.is_stopped() && tell.listen().is_stopped());
        runtime().unwrap().block_on(hear.wait());
    }
}
