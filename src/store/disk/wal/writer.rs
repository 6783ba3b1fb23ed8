//! The thread that writes one log.

use crate::base::clock;
use crate::base::fs::{File, FsError};
use crate::store::disk::record;
use crate::store::disk::wal::{
    HEADER, MAGIC, Queued, Segment, Settings, Shared, State, VERSION, WalError, segment_path,
};
use parking_lot::MutexGuard;
use std::time::Duration;

/// After this time a full disk is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The file that is being written.
struct Open {
    number: u32,
    file: File,
    /// Bytes that are whole records.
    good: u64,
}

/// Why a commit did not happen.
enum Failed {
    /// Nothing of it is in the file: it may be tried again.
    Full(String),
    Broken(String),
}

pub(super) fn run(shared: &Shared, first: u32) {
    let mut open: Option<Open> = None;
    let mut number = first;
    let mut frames = Vec::new();
    loop {
        let mut state = shared.state.lock();
        wait_for_work(shared, &mut state);
        if state.queue.is_empty() || matches!(state.trouble, Some(WalError::Poisoned(_))) {
            break; // closing, or closing while poisoned
        }
        let queue = std::mem::take(&mut state.queue);
        let bytes = state.queued_bytes;
        let newest = state.newest;
        state.urgent = false;
        drop(state);

        let mut left = queue;
        let result = commit(
            &shared.settings,
            &mut open,
            &mut number,
            &mut left,
            &mut frames,
        );
        let mut state = shared.state.lock();
        note_size(&mut state, open.as_ref());
        match result {
            Ok(()) => {
                state.queued_bytes -= bytes;
                state.committed = newest;
                state.trouble = None;
            }
            Err(Failed::Full(why)) => {
                left.append(&mut state.queue);
                state.queue = left;
                state.trouble = Some(WalError::Full(why));
                shared.done.notify_all();
                if state.closing {
                    break;
                }
                shared.work.wait_for(&mut state, RETRY);
                continue;
            }
            Err(Failed::Broken(why)) => {
                state.queue.clear();
                state.queued_bytes = 0;
                state.trouble = Some(WalError::Poisoned(why));
            }
        }
        shared.done.notify_all();
    }
    shared.done.notify_all();
}

/// Returns once there is something to commit and either its time has come or nobody will add to it.
fn wait_for_work(shared: &Shared, state: &mut MutexGuard<'_, State>) {
    let poisoned = |s: &State| matches!(s.trouble, Some(WalError::Poisoned(_)));
    while (state.queue.is_empty() || poisoned(state)) && !state.closing {
        if poisoned(state) {
            // What was pushed by those who did not ask first.
            state.queue.clear();
            state.queued_bytes = 0;
        }
        shared.work.wait(state);
    }
    let start = clock::monotonic();
    let every = shared.settings.commit_every;
    loop {
        let waited = start.elapsed();
        let full = state.queued_bytes >= shared.settings.queue_bytes / 2;
        if waited >= every || full || state.urgent || state.closing {
            return;
        }
        shared.work.wait_for(state, every.saturating_sub(waited));
    }
}

fn note_size(state: &mut State, open: Option<&Open>) {
    let Some(open) = open else { return };
    let now = Segment {
        number: open.number,
        bytes: open.good,
    };
    match state.segments.iter_mut().find(|s| s.number == now.number) {
        Some(segment) => *segment = now,
        None => state.segments.push(now),
    }
}

/// Writes the queue and syncs. Entries that are on the disk are taken out of it.
fn commit(
    settings: &Settings,
    open: &mut Option<Open>,
    number: &mut u32,
    queue: &mut Vec<Queued>,
    frames: &mut Vec<u8>,
) -> Result<(), Failed> {
    while !queue.is_empty() {
        let mut records = queue
            .iter()
            .position(|q| matches!(q, Queued::Rotate))
            .unwrap_or(queue.len());
        if records == 0 {
            *number += 1;
            *open = None;
            queue.remove(0);
            continue;
        }
        let target = match open {
            Some(open) => open,
            None => open.insert(create(settings, *number)?),
        };
        fill(frames, &queue[..records]);
        match write(target, frames) {
            // All of it does not fit: what does, comes first, so that a little room is of use.
            Err(Failed::Full(_)) if records > 1 => {
                records = 1;
                fill(frames, &queue[..records]);
                write(target, frames)?;
            }
            written => written?,
        }
        queue.drain(..records);
    }
    frames.shrink_to(1 << 16);
    Ok(())
}

fn fill(frames: &mut Vec<u8>, queue: &[Queued]) {
    frames.clear();
    for entry in queue {
        if let Queued::Record { kind, payload } = entry {
            record::put(frames, *kind, payload);
        }
    }
}

fn write(open: &mut Open, frames: &[u8]) -> Result<(), Failed> {
    if let Err(e) = open.file.append(frames) {
        // The part that was written must not stand before what follows.
        let cut = open.file.set_len(open.good);
        return Err(match cut {
            Ok(()) if e.is_full() => Failed::Full(e.to_string()),
            Ok(()) => Failed::Broken(e.to_string()),
            Err(cut) => Failed::Broken(format!("{e}, and then {cut}")),
        });
    }
    open.file.sync().map_err(broken)?;
    open.good += frames.len() as u64;
    Ok(())
}

fn create(settings: &Settings, number: u32) -> Result<Open, Failed> {
    let path = segment_path(&settings.dir, number);
    let gentle = |e: FsError| {
        if e.is_full() {
            Failed::Full(e.to_string())
        } else {
            Failed::Broken(e.to_string())
        }
    };
    let mut file = settings.fs.create(&path).map_err(gentle)?;
    let mut header = Vec::with_capacity(HEADER);
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&VERSION.to_le_bytes());
    header.extend_from_slice(&settings.kind.to_le_bytes());
    header.extend_from_slice(&number.to_le_bytes());
    file.append(&header).map_err(gentle)?;
    settings.fs.sync_dir(&settings.dir).map_err(broken)?;
    Ok(Open {
        number,
        file,
        good: HEADER as u64,
    })
}

fn broken(e: FsError) -> Failed {
    Failed::Broken(e.to_string())
}
