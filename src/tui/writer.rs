//! The thread that writes to the terminal, and may be stuck there for as long as the line is.
//!
//! One frame waits at most: a newer one takes the place of a frame that was not begun. What must
//! not be lost (clipboard, modes) goes beside the frames, in order.

use crate::base::clock;
use crate::tui::encode::Encoder;
use parking_lot::{Condvar, Mutex};
use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bytes of orders (clipboard, modes) that may wait; more are dropped, the line is dead anyway.
const MAX_ORDERS: usize = 1 << 20;

/// A painted screen.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) buffer: Buffer,
    pub(crate) caret: Option<Position>,
    pub(crate) title: String,
}

#[derive(Debug, Default)]
struct Waiting {
    frame: Option<Frame>,
    orders: String,
    repaint: bool,
    stop: bool,
    busy: bool,
    /// The other end is gone; nothing can be written any more.
    dead: bool,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    bytes: AtomicU64,
    blocked_ms: AtomicU64,
}

/// The near end of the writer thread. Nothing here waits, but [`Writer::finish`], and that not long.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
}

impl Writer {
    pub(crate) fn start(out: Box<dyn Write + Send>, synchronised: bool) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let theirs = shared.clone();
        std::thread::Builder::new()
            .name("tui-writer".to_owned())
            .spawn(move || write_all(&theirs, out, Encoder::new(synchronised)))?;
        Ok(Self { shared })
    }

    pub(crate) fn frame(&self, frame: Frame) {
        self.shared.waiting.lock().frame = Some(frame);
        self.shared.changed.notify_all();
    }

    /// Bytes that go out before the next frame and are never replaced.
    pub(crate) fn order(&self, bytes: &str) {
        let mut waiting = self.shared.waiting.lock();
        if waiting.orders.len() + bytes.len() <= MAX_ORDERS {
            waiting.orders.push_str(bytes);
            self.shared.changed.notify_all();
        }
    }

    /// The next frame is painted whole.
    pub(crate) fn repaint(&self) {
        self.shared.waiting.lock().repaint = true;
    }

    /// Bytes written since the start.
    pub(crate) fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// The longest a write was blocked since the last call, in milliseconds.
    pub(crate) fn take_blocked_ms(&self) -> u64 {
        self.shared.blocked_ms.swap(0, Ordering::Relaxed)
    }

    /// Waits until everything is written, `at_most` so long; false where the line is stuck.
    pub(crate) fn flush(&self, at_most: Duration) -> bool {
        let until = clock::monotonic() + at_most;
        let mut waiting = self.shared.waiting.lock();
        while waiting.busy || waiting.frame.is_some() || !waiting.orders.is_empty() {
            if waiting.dead
                || self
                    .shared
                    .changed
                    .wait_until(&mut waiting, until)
                    .timed_out()
            {
                return false;
            }
        }
        true
    }

    /// Ends the thread with nothing more written than what it is in the middle of, for which this
    /// waits `at_most` so long. For a panic: takes no lock that this thread may hold.
    pub(crate) fn abandon(&self, at_most: Duration) {
        let until = clock::monotonic() + at_most;
        let Some(mut waiting) = self.shared.waiting.try_lock_until(until) else {
            return;
        };
        waiting.frame = None;
        waiting.orders.clear();
        waiting.stop = true;
        self.shared.changed.notify_all();
        while waiting.busy {
            let waited = self.shared.changed.wait_until(&mut waiting, until);
            if waited.timed_out() {
                return;
            }
        }
    }

    /// Writes `last` after all else and ends the thread; a stuck line is left behind.
    pub(crate) fn finish(&self, last: &str, at_most: Duration) -> bool {
        self.shared.waiting.lock().frame = None;
        self.order(last);
        let written = self.flush(at_most);
        self.shared.waiting.lock().stop = true;
        self.shared.changed.notify_all();
        written
    }
}

fn write_all(shared: &Shared, mut out: Box<dyn Write + Send>, mut encoder: Encoder) {
    let mut title = String::new();
    let mut bytes = String::new();
    loop {
        let mut waiting = shared.waiting.lock();
        waiting.busy = false;
        shared.changed.notify_all();
        while waiting.frame.is_none() && waiting.orders.is_empty() && !waiting.stop {
            shared.changed.wait(&mut waiting);
        }
        if waiting.stop {
            return;
        }
        bytes.clear();
        bytes.push_str(&waiting.orders);
        waiting.orders.clear();
        let frame = waiting.frame.take();
        if std::mem::take(&mut waiting.repaint) {
            encoder.forget();
        }
        waiting.busy = true;
        drop(waiting);
        if let Some(frame) = frame {
            if frame.title != title {
                bytes.push_str(&format!("\x1b]2;{}\x07", frame.title));
                title = frame.title;
            }
            encoder.frame(frame.buffer, frame.caret, &mut bytes);
        }
        if bytes.is_empty() {
            continue;
        }
        let begun = clock::monotonic();
        let result = out.write_all(bytes.as_bytes()).and_then(|()| out.flush());
        let took = begun.elapsed().as_millis() as u64;
        shared.blocked_ms.fetch_max(took, Ordering::Relaxed);
        shared
            .bytes
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if result.is_err() {
            let mut waiting = shared.waiting.lock();
            (waiting.dead, waiting.busy) = (true, false);
            shared.changed.notify_all();
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use std::sync::mpsc;

    /// A line that takes bytes only when it is let.
    struct Gate {
        let_through: mpsc::Receiver<()>,
        seen: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.let_through.recv();
            self.seen.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn frame(text: &str) -> Frame {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 1));
        buffer.set_string(0, 0, text, ratatui::style::Style::new());
        Frame {
            buffer,
            caret: None,
            title: String::new(),
        }
    }

    #[test]
    fn a_stuck_line_holds_nobody_and_sees_only_the_newest_frame() {
        let (open, let_through) = mpsc::channel();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let gate = Gate {
            let_through,
            seen: seen.clone(),
        };
        let writer = Writer::start(Box::new(gate), true).unwrap();
        writer.frame(frame("first"));
        while !writer.shared.waiting.lock().busy {
            std::thread::yield_now();
        }
        for n in 0..100 {
            writer.frame(frame(&format!("frame {n}")));
        }
        assert!(!writer.flush(Duration::from_millis(5)), "the line is stuck");
        drop(open); // from here on every write goes through
        assert!(writer.flush(Duration::from_secs(20)));
        let text = String::from_utf8(seen.lock().clone()).unwrap();
        let mut terminal = vt100::Parser::new(1, 10, 0);
        terminal.process(text.as_bytes());
        assert_eq!(terminal.screen().contents(), "frame 99");
        assert!(!text.contains("42") && text.contains("first"), "{text:?}");
        writer.order("\x1b]52;c;eA==\x07");
        assert!(writer.finish("bye", Duration::from_secs(20)));
        assert!(seen.lock().ends_with(b"\x1b]52;c;eA==\x07bye"));
    }
}
