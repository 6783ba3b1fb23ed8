//! The heap of JVMs whose counters stand still between collections, asked by attaching.
//!
//! Only where `jvm.attach` is `always`. On a thread of its own: a JVM that does not answer must not
//! hold up the reading of all others.

use crate::base::clock::{Duration, monotonic};
use crate::base::task;
use crate::collect::jvm::attach;
use crate::collect::jvm::find::Found;
use crate::collect::jvm::heap_info;
use crate::collect::jvm::read::{Heaps, Id};
use hashbrown::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

/// What a JVM may take for this answer.
const WITHIN: Duration = Duration::from_secs(2);
/// One that did not answer is left alone for so long.
const LEFT_ALONE: Duration = Duration::from_mins(5);

/// Tells the thread whose heaps are wanted; it ends with this.
pub(crate) struct HeapReader {
    wishes: SyncSender<Vec<Arc<Found>>>,
}

impl HeapReader {
    pub(crate) fn start(proc: &Path, heaps: Heaps) -> std::io::Result<Self> {
        let (wishes, wished) = sync_channel(1);
        let proc = proc.to_owned();
        task::thread("jvm-heaps", move || run(&proc, &heaps, &wished))?;
        Ok(Self { wishes })
    }

    /// A wish that comes while one is being fulfilled is the same wish.
    pub(crate) fn wish(&self, of: impl Iterator<Item = Arc<Found>>) {
        let _ = self.wishes.try_send(of.collect());
    }
}

fn run(proc: &Path, heaps: &Heaps, wished: &Receiver<Vec<Arc<Found>>>) {
    let mut silent: HashMap<Id, Instant> = HashMap::new();
    while let Ok(jvms) = wished.recv() {
        silent.retain(|_, since| since.elapsed() < LEFT_ALONE);
        for found in jvms {
            let id = (found.pid, found.started);
            if silent.contains_key(&id) {
                continue;
            }
            let answer = attach::run(proc, &found, &["jcmd", "GC.heap_info"], WITHIN);
            let heap = answer.ok().and_then(|text| heap_info::parse(&text));
            let mut heaps = heaps.lock();
            if let Some(heap) = heap {
                heaps.insert(id, heap);
            } else {
                heaps.remove(&id);
                silent.insert(id, monotonic());
            }
        }
    }
}
