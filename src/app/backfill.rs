//! `bongsu import metrics`: a file of samples that carry their times, into durable blocks.
//!
//! One thread reads and takes the text apart, the other packs: the file is never held whole. Series
//! are named between them by the order in which they came first. Durable, and seen by questions, once
//! the last block is written; a file that ends in a fault leaves what blocks were written before.

use crate::app::launch::Launch;
use crate::base::fs::{File, Fs};
use crate::base::task;
use crate::model::labels::Labels;
use crate::store::import::{Import, Imported};
use crate::store::open::{OpenError, Options, Store};
use crate::store::write::Append;
use crate::wire::exposition::{Entry, Format, Parser, series};
use anyhow::{Context, anyhow, bail};
use hashbrown::HashMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Bytes of text that are read at once. No line may be longer.
const PIECE: usize = 1 << 20;
/// Samples that change threads together, and how many such batches may wait.
const BATCH: usize = 8192;
const AHEAD: usize = 8;
/// Where the end mark of OpenMetrics is looked for.
const TAIL: usize = 64;

/// What was taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backfilled {
    pub imported: Imported,
    pub series: u64,
    /// Native histograms, which are not kept.
    pub left_out: u64,
    /// Time of the oldest sample, in milliseconds.
    pub oldest: Option<i64>,
}

/// Samples of series, numbered by the order in which `new` brought them.
#[derive(Default)]
struct Batch {
    new: Vec<Labels>,
    samples: Vec<(u32, i64, f64)>,
    left_out: u64,
}

/// Takes a file into the data directory, which no engine may be using. `format` is found out where
/// it is not given.
pub fn metrics(launch: &Launch, path: &Path, format: Option<Format>) -> anyhow::Result<Backfilled> {
    let fs = Fs::real();
    let file = fs.open(path)?;
    let store = Store::open(Options {
        background: false,
        retention_ms: i64::try_from(launch.config.storage.retention_metrics.as_millis())?,
        ..Options::new(&launch.data_dir)
    });
    let store = match store {
        Err(e @ OpenError::Locked(_)) => {
            return Err(anyhow!("{e}; or stop the engine while files are taken in"));
        }
        opened => opened?,
    };
    let done = take(&store, &file, format).with_context(|| path.display().to_string());
    store.close();
    done
}

fn take(store: &Store, file: &File, format: Option<Format>) -> anyhow::Result<Backfilled> {
    let format = match format {
        Some(format) => format,
        None => format_of(file)?,
    };
    let (tell, hear) = sync_channel(AHEAD);
    let read = move || {
        if let Err(e) = read_all(file, format, &tell) {
            let _ = tell.send(Err(e));
        }
    };
    task::beside("import-read", read, || keep_all(store.import(), hear))
}

/// OpenMetrics ends with `# EOF`, which text 0.0.4 takes for a comment.
fn format_of(file: &File) -> anyhow::Result<Format> {
    let len = file.len()?;
    let mut tail = [0; TAIL];
    let n = file.read_at(&mut tail, len.saturating_sub(TAIL as u64))?;
    let ends = tail[..n].trim_ascii_end().ends_with(b"# EOF");
    Ok(if ends {
        Format::OpenMetrics
    } else {
        Format::Text
    })
}

fn keep_all(
    mut import: Import,
    hear: Receiver<anyhow::Result<Option<Batch>>>,
) -> anyhow::Result<Backfilled> {
    let mut done = Backfilled::default();
    let mut ids = Vec::new();
    let mut appends = Vec::with_capacity(BATCH);
    loop {
        let batch = hear
            .recv()
            .context("the thread that reads the file ended early")??;
        let Some(batch) = batch else {
            break;
        };
        ids.extend(batch.new.iter().map(|labels| import.resolve(labels)));
        appends.clear();
        for (series, t, v) in batch.samples {
            let series = ids[series as usize];
            appends.push(Append { series, t, v });
            done.oldest = Some(done.oldest.map_or(t, |o| o.min(t)));
        }
        done.left_out += batch.left_out;
        import.append(&appends)?;
    }
    done.series = ids.len() as u64;
    done.imported = import.finish()?;
    Ok(done)
}

/// Reads piece by piece, each up to the end of its last line. Ends with `None`.
fn read_all(
    file: &File,
    format: Format,
    tell: &SyncSender<anyhow::Result<Option<Batch>>>,
) -> anyhow::Result<()> {
    let mut reading = Reading {
        known: HashMap::default(),
        batch: Batch::default(),
        tell,
        gone: false,
    };
    let mut buffer = vec![0; PIECE];
    let (mut held, mut at, mut lines) = (0, 0, 0);
    let mut ended = false;
    loop {
        let n = file.read_at(&mut buffer[held..], at)?;
        at += n as u64;
        held += n;
        let whole = match memchr::memrchr(b'\n', &buffer[..held]) {
            Some(last) if n > 0 => last + 1,
            _ if n == 0 => held,
            _ if held == PIECE => bail!("line {}: longer than {PIECE} bytes", lines + 1),
            _ => continue,
        };
        if ended && whole > 0 {
            bail!(
                "line {}: text behind \"# EOF\", which ends OpenMetrics",
                lines + 1
            );
        }
        let mut parser = Parser::part(format, &buffer[..whole], lines);
        reading.lines(&mut parser)?;
        lines = parser.line();
        ended |= parser.has_ended();
        if reading.gone {
            return Ok(());
        }
        buffer.copy_within(whole..held, 0);
        held -= whole;
        if n == 0 {
            break;
        }
    }
    if format == Format::OpenMetrics && !ended {
        bail!("the file ends without \"# EOF\": it was cut off, or is text 0.0.4 (--format text)");
    }
    reading.hand_over();
    let _ = tell.send(Ok(None));
    Ok(())
}

struct Reading<'a> {
    /// By the text of a series: its number.
    known: HashMap<Box<[u8]>, u32, foldhash::fast::RandomState>,
    batch: Batch,
    tell: &'a SyncSender<anyhow::Result<Option<Batch>>>,
    /// Nobody takes what is read.
    gone: bool,
}

impl Reading<'_> {
    fn lines(&mut self, parser: &mut Parser<'_>) -> anyhow::Result<()> {
        loop {
            let mut hit = None;
            let entry = parser.next_entry(|name| {
                hit = self.known.get(name).copied();
                hit.is_some()
            })?;
            let sample = match entry {
                Some(Entry::Sample(sample)) => sample,
                Some(_) => continue,
                None => return Ok(()),
            };
            if sample.native.is_some() {
                self.batch.left_out += 1;
                continue;
            }
            let line = parser.line();
            let Some(t) = sample.timestamp else {
                bail!("line {line}: a sample without a time: each line must end in one");
            };
            let series = match hit {
                Some(series) => series,
                None => self
                    .add(sample.series)
                    .map_err(|e| anyhow!("line {line}: {e}"))?,
            };
            self.batch.samples.push((series, t, sample.value));
            if self.batch.samples.len() >= BATCH {
                self.hand_over();
                if self.gone {
                    return Ok(());
                }
            }
        }
    }

    fn add(&mut self, name: &[u8]) -> Result<u32, String> {
        let labels = series::labels(name)?;
        let number = self.known.len() as u32;
        self.known.insert(name.into(), number);
        self.batch.new.push(labels);
        Ok(number)
    }

    fn hand_over(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        self.batch.samples.reserve_exact(BATCH);
        self.gone |= self.tell.send(Ok(Some(batch))).is_err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::cancel::Cancel;
    use crate::base::fs::sim::Sim;
    use crate::model::sample::Samples;
    use crate::model::time::TimeRange;
    use crate::store::read::{Select, SeriesSource};
    use std::fmt::Write;

    fn import(text: &str) -> (anyhow::Result<Backfilled>, Store) {
        let fs = Fs::sim(Sim::new());
        let store = Store::open(Options {
            fs: fs.clone(),
            background: false,
            ..Options::new("/data")
        });
        let store = store.unwrap();
        let path = Path::new("/data/in.txt");
        fs.write_atomic(path, text.as_bytes()).unwrap();
        let file = fs.open(path).unwrap();
        (take(&store, &file, None), store)
    }

    #[test]
    fn a_file_longer_than_a_piece_is_kept_whole() {
        let mut text = "# TYPE m counter\n".to_owned();
        for k in 0..20_000 {
            for i in 0..3 {
                let _ = writeln!(text, "m_total{{i=\"{i}\"}} {k}.5 {}.25", 1000 + k * 15);
            }
        }
        text.push_str("# EOF\n");
        assert!(text.len() > PIECE);
        let (done, store) = import(&text);
        let done = done.unwrap();
        assert_eq!((done.imported.samples, done.series), (60_000, 3));
        assert_eq!(done.oldest, Some(1_000_250));
        let range = TimeRange::new(0, i64::MAX);
        let select = Select {
            matchers: &[],
            range,
            live: false,
        };
        let found = store.select(&select, &Cancel::never()).unwrap();
        assert_eq!(found.series.len(), 3);
        for mut series in found.series {
            let mut out = Samples::default();
            series.read(range, &mut out).unwrap();
            let right = |(k, s): (usize, crate::model::sample::Sample)| {
                s.t == 1_000_250 + k as i64 * 15_000 && (s.v - k as f64 - 0.5).abs() < 1e-9
            };
            assert_eq!(out.len(), 20_000);
            assert!(out.iter().enumerate().all(right));
        }
    }

    #[test]
    fn both_formats_are_told_apart_by_their_end() {
        let (done, _) = import("m 1 2000\nm 2 3000");
        assert_eq!(done.unwrap().oldest, Some(2000));
        let (done, _) = import("m 1 2000\n# EOF\n");
        assert_eq!(done.unwrap().oldest, Some(2_000_000));
        let (done, _) = import("");
        assert_eq!(done.unwrap().imported.samples, 0);
    }

    #[test]
    fn a_fault_is_named_with_its_line() {
        for (text, said) in [
            (
                "m 1 5\nm 2\n",
                "line 2: a sample without a time: each line must end in one",
            ),
            ("m 1 5\nm{ 2 6\n", "line 2: "),
            ("m 1 5\n# EOF\nm 2 6\n# EOF\n", "line 3: "),
        ] {
            let (done, _) = import(text);
            let why = format!("{:#}", done.unwrap_err());
            assert!(why.starts_with(said), "{why}");
        }
    }
}
