//! The thread that stores what containers wrote: joins stack traces, and keeps the place of each
//! container with its lines.

use crate::base::cancel::Cancel;
use crate::base::clock::{Clock, Duration};
use crate::base::task;
use crate::collect::container::docker::frames::Output as Stream;
use crate::collect::container::docker::known::Container;
use crate::collect::container::logs::labels;
use crate::collect::container::logs::stream::{Piece, Raw, Spot};
use crate::collect::tail::output::Output;
use crate::model::labels::Labels;
use crate::store::write::logs::{LogSink, MAX_LINE};
use crate::wire::detect;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;
use tokio::sync::mpsc;

/// What positions of containers are called in the store.
const PREFIX: &str = "container:";
/// The place in a container that wrote nothing for so long is forgotten, in milliseconds.
const FORGET_MS: i64 = 7 * 24 * 3_600_000;
/// A stack trace waits so long for its next line, in milliseconds.
const WAIT_MS: i64 = 1_000;
const MOST_LINES: usize = 512;
/// How often what waits is looked at, while lines come and while none do.
const TURN: Duration = Duration::from_millis(100);
const IDLE_TURN: Duration = Duration::from_millis(500);

/// What is told of the thread.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) lines: AtomicU64,
    /// Milliseconds since the epoch.
    pub(crate) last: AtomicI64,
    pub(crate) trouble: parking_lot::Mutex<String>,
}

/// The thread; ends when it is stopped.
pub(crate) struct Keeper {
    stop: Cancel,
    thread: JoinHandle<bool>,
    pub(crate) told: Arc<Told>,
}

impl Keeper {
    pub(crate) fn start(
        sink: Arc<dyn LogSink>,
        clock: Clock,
        pieces: mpsc::Receiver<Piece>,
    ) -> std::io::Result<Self> {
        let stop = Cancel::never();
        let told = Arc::<Told>::default();
        let thread = task::thread("container-logs", {
            let (stop, told) = (stop.clone(), told.clone());
            move || run(&sink, &clock, pieces, &stop, &told)
        })?;
        Ok(Self { stop, thread, told })
    }

    /// Ends the thread; what was read is stored before.
    pub(crate) fn stop(self) {
        self.stop.cancel();
        self.thread.thread().unpark();
        let _ = self.thread.join();
    }
}

/// The places that the store knows, by the container's id.
pub(crate) fn spots(sink: &dyn LogSink) -> HashMap<String, Spot> {
    let read = |(source, bytes): (String, Vec<u8>)| {
        let id = source.strip_prefix(PREFIX)?.to_owned();
        Some((id, serde_json::from_slice(&bytes).ok()?))
    };
    sink.positions().into_iter().filter_map(read).collect()
}

fn run(
    sink: &Arc<dyn LogSink>,
    clock: &Clock,
    mut pieces: mpsc::Receiver<Piece>,
    stop: &Cancel,
    told: &Told,
) {
    let ends = {
        let stop = stop.clone();
        move || stop.check().is_err()
    };
    let mut out = Output::new(sink.clone(), Box::new(ends));
    forget(sink.as_ref(), clock.now_ms(), &mut out);
    let mut joining: HashMap<String, Joining> = HashMap::new();
    loop {
        let ending = stop.check().is_err();
        let now = clock.now_ms();
        let mut got = false;
        while let Ok(piece) = pieces.try_recv() {
            got = true;
            let id = piece.container.id.clone();
            let own = joining
                .entry(id)
                .or_insert_with(|| Joining::new(&piece.container));
            own.is_of(&piece.container);
            told.last.store(now, Ordering::Relaxed);
            piece
                .lines
                .into_iter()
                .for_each(|line| own.take(line, now, &mut out));
            if out.is_full() {
                break;
            }
        }
        for own in joining.values_mut() {
            own.tick((!ending).then_some(now), &mut out);
        }
        let kept = out.hand_over();
        told.lines.store(out.lines, Ordering::Relaxed);
        *told.trouble.lock() = out.trouble.clone().unwrap_or_default();
        if ending {
            return;
        }
        if !got || !kept {
            joining.retain(|_, own| own.held.is_some() || now - own.last < FORGET_MS / 7);
            let waits = got || !kept || joining.values().any(|own| own.held.is_some());
            std::thread::park_timeout(if waits { TURN } else { IDLE_TURN });
        }
    }
}

/// Drops the places of containers that are long gone.
fn forget(sink: &dyn LogSink, now: i64, out: &mut Output) {
    for (id, spot) in spots(sink) {
        if now - spot.t / 1_000_000 > FORGET_MS {
            out.reached(&format!("{PREFIX}{id}"), None);
        }
    }
}

/// One container's lines on their way.
struct Joining {
    source: String,
    container: Arc<Container>,
    /// Of stdout and of stderr.
    labels: [Labels; 2],
    held: Option<Held>,
    /// When its last line came.
    last: i64,
    /// The time that its last entry had, and the one it was given.
    given: (i64, i64),
}

/// An entry that further lines may join.
struct Held {
    stream: Stream,
    bytes: Vec<u8>,
    t: i64,
    lines: usize,
    since: i64,
    /// The place behind its last line.
    spot: Spot,
}

impl Joining {
    fn new(container: &Arc<Container>) -> Self {
        let base = labels(container);
        let of = |stream: &str| {
            let mut labels = base.edit();
            labels.set("stream", stream);
            labels.finish()
        };
        Self {
            source: format!("{PREFIX}{}", container.id),
            container: container.clone(),
            labels: [of("stdout"), of("stderr")],
            held: None,
            last: 0,
            given: (0, 0),
        }
    }

    /// A name may change while it runs.
    fn is_of(&mut self, container: &Arc<Container>) {
        if !Arc::ptr_eq(&self.container, container) {
            let (held, given) = (self.held.take(), self.given);
            *self = Self::new(container);
            (self.held, self.given) = (held, given);
        }
    }

    fn take(&mut self, line: Raw, now: i64, out: &mut Output) {
        self.last = now;
        if let Some(held) = &mut self.held
            && held.stream == line.output
            && detect::goes_on(&line.bytes)
            && held.lines < MOST_LINES
            && held.bytes.len() + line.bytes.len() < MAX_LINE
        {
            held.bytes.push(b'\n');
            held.bytes.extend_from_slice(&line.bytes);
            held.lines += 1;
            (held.since, held.spot) = (now, line.spot);
            return;
        }
        self.release(out);
        // Lines of one second keep their order.
        let (own, given) = self.given;
        let t = line.spot.t;
        self.given = (t, if t == own { given + 1 } else { t });
        self.held = Some(Held {
            stream: line.output,
            t: self.given.1,
            bytes: line.bytes,
            lines: 1,
            since: now,
            spot: line.spot,
        });
    }

    fn release(&mut self, out: &mut Output) {
        let Some(held) = self.held.take() else { return };
        let labels = &self.labels[usize::from(held.stream == Stream::Stderr)];
        match out.stream(labels) {
            Some(stream) => out.push(stream, held.t, detect::level(&held.bytes), &held.bytes),
            None => out.drop_line("stream_limit"),
        }
        let spot = serde_json::to_vec(&held.spot).unwrap_or_default();
        out.reached(&self.source, Some(spot));
    }

    /// Lets go what waited long enough, or everything.
    fn tick(&mut self, now: Option<i64>, out: &mut Output) {
        let waited = |held: &Held| now.is_none_or(|now| now - held.since >= WAIT_MS);
        if self.held.as_ref().is_some_and(waited) {
            self.release(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::log_entry::Level;
    use crate::store::write::WriteError;
    use crate::store::write::logs::{LogBatch, StreamId};
    use parking_lot::Mutex;

    /// A store that only remembers: labels, time, level, line; and the places.
    #[derive(Default)]
    struct Memory {
        streams: Mutex<Vec<Labels>>,
        lines: Mutex<Vec<(String, i64, Level, String)>>,
        places: Mutex<HashMap<String, Vec<u8>>>,
    }

    impl LogSink for Memory {
        fn stream(&self, labels: &Labels) -> Result<StreamId, WriteError> {
            let mut streams = self.streams.lock();
            streams.push(labels.clone());
            Ok(StreamId(streams.len() as u32 - 1))
        }

        fn append_lines(&self, batch: &LogBatch) -> Result<(), WriteError> {
            let streams = self.streams.lock();
            for (row, line) in batch.lines() {
                let labels = streams[row.stream.0 as usize].to_string();
                let line = String::from_utf8_lossy(line).into_owned();
                self.lines.lock().push((labels, row.t, row.level, line));
            }
            for (source, place) in batch.reached_positions() {
                match place {
                    Some(place) => self.places.lock().insert(source.clone(), place.clone()),
                    None => self.places.lock().remove(source),
                };
            }
            Ok(())
        }

        fn flush_lines(&self) -> Result<(), WriteError> {
            Ok(())
        }

        fn position(&self, source: &str) -> Option<Vec<u8>> {
            self.places.lock().get(source).cloned()
        }

        fn positions(&self) -> Vec<(String, Vec<u8>)> {
            self.places.lock().clone().into_iter().collect()
        }
    }

    fn line(t: i64, n: u32, output: Stream, text: &str) -> Raw {
        Raw {
            spot: Spot { t, n },
            output,
            bytes: text.as_bytes().to_vec(),
        }
    }

    #[test]
    fn stack_traces_are_joined_and_places_kept() {
        let sink = Arc::new(Memory::default());
        let now = 1_800_000_000_000;
        let old = format!("{PREFIX}gone");
        let spot = serde_json::to_vec(&Spot { t: 5, n: 1 }).unwrap();
        sink.places.lock().insert(old, spot);
        let (tell, pieces) = mpsc::channel(4);
        let container = Arc::new(Container {
            id: "ab".to_owned(),
            name: "web".to_owned(),
            ..Container::default()
        });
        let t = now * 1_000_000;
        let lines = vec![
            line(t, 1, Stream::Stdout, "ERROR it broke"),
            line(t, 2, Stream::Stdout, "\tat a.B.c(B.java:1)"),
            line(t, 3, Stream::Stderr, "\tnot of that one"),
            line(t, 4, Stream::Stdout, "INFO goes on"),
        ];
        tell.try_send(Piece { container, lines }).unwrap();
        let clock = Clock::fake(now);
        let keeper = Keeper::start(sink.clone(), clock, pieces).unwrap();
        keeper.stop();
        let stored = sink.lines.lock().clone();
        let of = |stream: &str| {
            format!("{{container=\"web\", job=\"containers\", stream=\"{stream}\"}}")
        };
        assert_eq!(
            stored,
            [
                (
                    of("stdout"),
                    t,
                    Level::Error,
                    "ERROR it broke\n\tat a.B.c(B.java:1)".to_owned()
                ),
                (
                    of("stderr"),
                    t + 1,
                    Level::default(),
                    "\tnot of that one".to_owned()
                ),
                (of("stdout"), t + 2, Level::Info, "INFO goes on".to_owned()),
            ]
        );
        let spots = spots(sink.as_ref());
        assert_eq!(spots.len(), 1, "what is long gone is forgotten");
        assert_eq!(spots["ab"], Spot { t, n: 4 });
    }
}
