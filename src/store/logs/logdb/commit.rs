//! The thread that commits.

use crate::base::clock;
use crate::model::labels::Labels;
use crate::store::disk::wal::WalError;
use crate::store::logs::head::{SEAL, Sealed};
use crate::store::logs::logdb::{COMMIT_EVERY, Closed, HURRY, Inner, OpenPart, State, Turn};
use crate::store::logs::part::{PartError, Ready, Run, Spot, Writer};
use crate::store::logs::record;
use crate::store::write::WriteError;
use parking_lot::MutexGuard;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A part is closed at this length, or at this age.
const PART_BYTES: u64 = 64 << 20;
const PART_AGE_MS: i64 = 6 * 3_600_000;
/// A segment of the log is left at this length.
const SEGMENT_BYTES: u64 = 8 << 20;
/// A buffer with fewer bytes shares its block with others.
const ALONE: usize = SEAL / 4;
/// Bytes of open buffers beyond which the largest are sealed.
const OPEN_BYTES: usize = 12 << 20;
/// After this time a full disk is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What the committer alone knows.
pub(super) struct Committer {
    pub(super) writer: Option<Writer>,
    pub(super) next_part: u32,
    /// The segment of the log that records go to, and the streams it names.
    pub(super) segment: u32,
    pub(super) defined: HashSet<u32>,
    /// The present segment does not hold all positions yet.
    pub(super) fresh: bool,
}

/// What one commit takes.
struct Taken {
    payload: Vec<u8>,
    sealed: Vec<(Labels, Arc<Sealed>)>,
    /// Number of the newest append it covers.
    until: u64,
}

pub(super) fn run(inner: &Inner, mut committer: Committer) {
    loop {
        let closing = {
            let mut turn = inner.turn.lock();
            wait_for_work(inner, &mut turn);
            turn.pending = false;
            turn.urgent = false;
            turn.closing
        };
        let result = committer.commit(inner);
        let mut turn = inner.turn.lock();
        match result {
            Ok(until) => {
                turn.committed = until;
                turn.trouble = None;
            }
            Err(e) => turn.trouble = Some(e),
        }
        let poisoned = matches!(turn.trouble, Some(WriteError::Poisoned(_)));
        let more = turn.pending;
        turn.sealed_bytes = inner.state.read().head.sealed_bytes;
        drop(turn);
        inner.done.notify_all();
        if poisoned || closing && !more {
            break;
        }
    }
}

fn wait_for_work(inner: &Inner, turn: &mut MutexGuard<'_, Turn>) {
    while !turn.pending && !turn.closing {
        inner.work.wait(turn);
    }
    let start = clock::monotonic();
    loop {
        let waited = start.elapsed();
        let hurry = turn.urgent || turn.closing || turn.sealed_bytes >= HURRY;
        if hurry || waited >= COMMIT_EVERY {
            return;
        }
        inner
            .work
            .wait_for(turn, COMMIT_EVERY.saturating_sub(waited));
    }
}

impl Committer {
    fn commit(&mut self, inner: &Inner) -> Result<u64, WriteError> {
        let mut taken = self.take(inner);
        if !taken.sealed.is_empty() {
            self.write_blocks(inner, &taken.sealed)?;
            for (_, sealed) in &taken.sealed {
                record::put_cut(&mut taken.payload, sealed.stream, sealed.before);
            }
        }
        match &self.writer {
            Some(writer) if self.fresh || !taken.sealed.is_empty() => {
                record::put_part(&mut taken.payload, writer.number, writer.len);
            }
            // What is begun behind the last one that was closed counts once a record tells of it.
            None if self.fresh && self.next_part > 1 => {
                record::put_part(&mut taken.payload, self.next_part - 1, u64::MAX);
            }
            _ => {}
        }
        if !taken.payload.is_empty() {
            self.log(inner, &taken.payload)?;
        }
        self.publish(inner, taken.sealed.len());
        self.after(inner)?;
        Ok(taken.until)
    }

    /// Takes what is new under one lock, so that lines and positions belong together.
    fn take(&mut self, inner: &Inner) -> Taken {
        let until = inner.turn.lock().appended;
        let mut guard = inner.state.write();
        let head = &mut guard.head;
        if head.dirty_bytes >= SEAL {
            for id in head.take_dirty() {
                head.seal(id);
            }
        }
        head.shed(OPEN_BYTES);
        let mut payload = Vec::new();
        for id in head.take_dirty() {
            self.define(&mut payload, id, &head.streams[id as usize].labels);
            let stream = &mut head.streams[id as usize];
            let from = stream.committed;
            record::put_lines(
                &mut payload,
                id,
                stream.first + from as u64,
                &stream.open,
                from,
            );
            stream.committed = stream.open.len();
            stream.segment.get_or_insert(self.segment);
        }
        let moved = std::mem::take(&mut head.moved);
        if self.fresh {
            for (source, at) in &head.positions {
                record::put_position(&mut payload, source, Some(at));
            }
        } else {
            for source in &moved {
                let at = head.positions.get(source).map(Vec::as_slice);
                record::put_position(&mut payload, source, at);
            }
        }
        let label = |s: &Arc<Sealed>| {
            let labels = head.streams[s.stream as usize].labels.clone();
            (labels, Arc::clone(s))
        };
        let sealed: Vec<_> = head.sealed.iter().map(label).collect();
        for (labels, sealed) in &sealed {
            self.define(&mut payload, sealed.stream, labels);
        }
        Taken {
            payload,
            sealed,
            until,
        }
    }

    fn define(&mut self, payload: &mut Vec<u8>, id: u32, labels: &Labels) {
        if self.defined.insert(id) {
            record::put_define(payload, id, labels);
        }
    }

    /// Writes blocks; a full disk is tried again until there is room or the store closes.
    fn write_blocks(
        &mut self,
        inner: &Inner,
        sealed: &[(Labels, Arc<Sealed>)],
    ) -> Result<(), WriteError> {
        let groups = group(sealed);
        loop {
            let error = match self.try_blocks(inner, &groups) {
                Ok(()) => return Ok(()),
                Err(e) => e,
            };
            let full = matches!(&error, PartError::Fs(e) if e.is_full());
            if !full {
                return Err(WriteError::Poisoned(format!(
                    "{error}; no more lines are taken until bongsu is started again, reading goes on"
                )));
            }
            stand_still(
                inner,
                format!("{error}; reading logs goes on as soon as there is room"),
            )?;
        }
    }

    fn try_blocks(&mut self, inner: &Inner, groups: &[Vec<Run<'_>>]) -> Result<(), PartError> {
        let setting = &inner.setting;
        let writer = if let Some(writer) = &mut self.writer {
            writer
        } else {
            let writer = Writer::create(Spot {
                fs: &setting.fs,
                dir: &setting.dir.join("logs"),
                number: self.next_part,
                now: setting.clock.now_ms(),
            })?;
            self.next_part += 1;
            self.writer.insert(writer)
        };
        let numbers: Vec<Vec<u32>> = groups.iter().map(|g| writer.number(g)).collect();
        let ready = pack_all(groups, &numbers).map_err(|why| {
            PartError::Fs(crate::base::fs::FsError {
                doing: "pack lines for",
                path: writer.reader.path.clone(),
                why,
            })
        })?;
        writer.append(ready)
    }

    /// Writes the record, and waits until it is on the disk.
    fn log(&mut self, inner: &Inner, payload: &[u8]) -> Result<(), WriteError> {
        let before = inner.before.lock().clone();
        if let Some(before) = before {
            before();
        }
        let number = inner.wal.push(record::COMMIT, payload, false);
        loop {
            match inner.wal.wait(number) {
                Ok(()) => break,
                Err(e @ WalError::Poisoned(_)) => return Err(e.into()),
                Err(WalError::Full(why)) => stand_still(inner, why)?,
            }
        }
        self.fresh = false;
        Ok(())
    }

    /// Lets readers see the blocks in place of the buffers.
    fn publish(&self, inner: &Inner, sealed: usize) {
        let mut guard = inner.state.write();
        let state: &mut State = &mut guard;
        for _ in 0..sealed {
            if let Some(gone) = state.head.sealed.pop_front() {
                state.head.sealed_bytes -= gone.lines.bytes.len();
            }
        }
        if let Some(writer) = self.writer.as_ref().filter(|_| sealed > 0) {
            let opened = state.opened(Arc::clone(&writer.index), Arc::clone(&writer.reader));
            state.open = Some(OpenPart {
                number: writer.number,
                opened: Arc::new(opened),
                bytes: writer.len,
            });
        }
    }

    /// Closes a full part, leaves a full segment, removes segments that nothing needs.
    fn after(&mut self, inner: &Inner) -> Result<(), WriteError> {
        let now = inner.setting.clock.now_ms();
        let full = |w: &Writer| w.len >= PART_BYTES || now - w.since >= PART_AGE_MS;
        if self.writer.as_ref().is_some_and(full)
            && let Some(writer) = self.writer.take()
        {
            let number = writer.number;
            let (index, _, bytes) = writer
                .close()
                .map_err(|e| WriteError::Poisoned(e.to_string()))?;
            let mut state = inner.state.write();
            state
                .parts
                .push(Arc::new(Closed::of(number, &index, bytes)));
            state.open = None;
        }
        let segments = inner.wal.segments();
        let long = |s: &crate::store::disk::wal::Segment| {
            s.number == self.segment && s.bytes >= SEGMENT_BYTES
        };
        if segments.last().is_some_and(long) {
            self.segment = inner.wal.rotate();
            self.defined.clear();
            self.fresh = true;
        }
        if segments.len() > 1 && !self.fresh {
            // With buffers that filled up while this commit was written: they are in no block yet.
            let held = inner.state.read().head.oldest_segment();
            let first = held.map_or(self.segment, |n| n.min(self.segment));
            inner
                .wal
                .remove_before(first)
                .map_err(|e| WriteError::Io(e.to_string()))?;
        }
        Ok(())
    }
}

/// Shows the trouble and waits a little. `Err` once the store closes: what was not written stays
/// in its source.
fn stand_still(inner: &Inner, why: String) -> Result<(), WriteError> {
    let mut turn = inner.turn.lock();
    turn.trouble = Some(WriteError::Io(why.clone()));
    inner.done.notify_all();
    if turn.closing {
        return Err(WriteError::Poisoned(why));
    }
    inner.work.wait_for(&mut turn, RETRY);
    Ok(())
}

/// Which buffers become one block: large ones alone, small ones together, each stream in order.
fn group(sealed: &[(Labels, Arc<Sealed>)]) -> Vec<Vec<Run<'_>>> {
    let mut groups: Vec<Vec<Run<'_>>> = Vec::new();
    let mut shared: Vec<Run<'_>> = Vec::new();
    let mut bytes = 0;
    for (labels, sealed) in sealed {
        let lines = &*sealed.lines;
        if lines.bytes.len() >= ALONE {
            if shared.iter().any(|(l, _)| *l == labels) {
                groups.push(std::mem::take(&mut shared));
                bytes = 0;
            }
            groups.push(vec![(labels, lines)]);
            continue;
        }
        bytes += lines.bytes.len();
        shared.push((labels, lines));
        if bytes >= SEAL {
            groups.push(std::mem::take(&mut shared));
            bytes = 0;
        }
    }
    if !shared.is_empty() {
        groups.push(shared);
    }
    groups
}

/// Packs on two threads where there is more than one block.
fn pack_all(groups: &[Vec<Run<'_>>], numbers: &[Vec<u32>]) -> std::io::Result<Vec<Ready>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut mine = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let (Some(runs), Some(local)) = (groups.get(i), numbers.get(i)) else {
                return Ok(mine);
            };
            mine.push((i, Ready::pack(runs, local)?));
        }
    };
    let mut all: Vec<(usize, Ready)> = if groups.len() < 2 {
        work()?
    } else {
        std::thread::scope(|scope| {
            let other = scope.spawn(work);
            let mut mine: Vec<(usize, Ready)> = work()?;
            let theirs: std::io::Result<Vec<(usize, Ready)>> = other
                .join()
                .unwrap_or_else(|_| Err(std::io::Error::other("a packing thread ended early")));
            mine.extend(theirs?);
            Ok::<_, std::io::Error>(mine)
        })?
    };
    all.sort_by_key(|(i, _)| *i);
    Ok(all.into_iter().map(|(_, ready)| ready).collect())
}
