//! Real files that are rotated, cut, copied and packed: every line once, in order.

use crate::base::fs::Fs;
use crate::collect::tail::output::Output;
use crate::collect::tail::run::files::Files;
use crate::config::logs::LogJob;
use crate::config::logs::stages::{Multiline, Stage};
use crate::config::targets::TargetGroup;
use crate::model::labels::Labels;
use crate::store::write::WriteError;
use crate::store::write::logs::{LogBatch, LogSink, MAX_LINE, StreamId};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The store as two lists.
#[derive(Default)]
struct Memory {
    streams: Mutex<Vec<Labels>>,
    lines: Mutex<Vec<String>>,
    positions: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl LogSink for Memory {
    fn stream(&self, labels: &Labels) -> Result<StreamId, WriteError> {
        let mut streams = self.streams.lock();
        let known = streams.iter().position(|l| l == labels);
        Ok(StreamId(known.unwrap_or_else(|| {
            streams.push(labels.clone());
            streams.len() - 1
        }) as u32))
    }

    fn append_lines(&self, batch: &LogBatch) -> Result<(), WriteError> {
        let text = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
        self.lines
            .lock()
            .extend(batch.lines().map(|(_, l)| text(l)));
        for (source, at) in batch.reached_positions() {
            match at {
                Some(at) => self.positions.lock().insert(source.clone(), at.clone()),
                None => self.positions.lock().remove(source),
            };
        }
        Ok(())
    }

    fn flush_lines(&self) -> Result<(), WriteError> {
        Ok(())
    }

    fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.positions.lock().get(source).cloned()
    }

    fn positions(&self) -> Vec<(String, Vec<u8>)> {
        self.positions.lock().clone().into_iter().collect()
    }
}

/// A folder, a job that reads `*.log` of it, and a clock.
struct Bench {
    dir: tempfile::TempDir,
    sink: Arc<Memory>,
    out: Output,
    files: Files,
    jobs: Vec<Arc<LogJob>>,
    now: i64,
}

impl Bench {
    fn new(pattern: &str, stages: Vec<Stage>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = format!("{}/{pattern}", dir.path().display());
        let job = LogJob {
            name: "app".to_owned(),
            groups: vec![TargetGroup {
                targets: Vec::new(),
                labels: Labels::from_pairs([("job", "app"), ("__path__", &path)]),
            }],
            relabel: Vec::new(),
            stages: stages.into(),
            ..LogJob::default()
        };
        let sink: Arc<Memory> = Arc::default();
        Self {
            out: Output::new(sink.clone(), Box::new(|| false)),
            files: Files::new(Fs::real(), Vec::new()),
            sink,
            dir,
            jobs: vec![Arc::new(job)],
            now: 1_000_000,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path(name));
        file.unwrap().write_all(text.as_ref()).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// A sweep and turns until nothing more is there.
    fn look(&mut self) {
        self.files.sweep(&self.jobs, 0, self.now, &mut self.out);
        while self.files.read(self.now, &mut self.out) {}
        assert!(self.out.hand_over());
        self.now += 250;
    }

    /// The program ends and starts again.
    fn restart(&mut self) {
        self.files = Files::new(Fs::real(), self.sink.positions());
        self.out = Output::new(self.sink.clone(), Box::new(|| false));
    }

    #[track_caller]
    fn has(&self, lines: &[&str]) {
        assert_eq!(*self.sink.lines.lock(), lines);
    }
}

#[test]
fn renamed_and_created_anew() {
    let mut b = Bench::new("*.log", Vec::new());
    b.write("a.log", "1\n2\n");
    b.look();
    b.write("a.log", "3\n");
    b.rename("a.log", "a.log.1");
    b.write("a.log", "4\n");
    b.look();
    b.write("a.log", "5\n");
    b.look();
    b.has(&["1", "2", "3", "4", "5"]);
    assert_eq!(b.sink.streams.lock().len(), 1);
}

#[test]
fn rotated_while_nobody_looked() {
    let mut b = Bench::new("*.log", Vec::new());
    b.write("a.log", "1\n2\n");
    b.look();
    b.write("a.log", "3\n");
    b.rename("a.log", "a.log.1");
    b.write("a.log", "4\n");
    b.restart();
    b.look();
    b.look();
    let mut lines = b.sink.lines.lock().clone();
    lines.sort();
    assert_eq!(lines, ["1", "2", "3", "4"]);
}

#[test]
fn a_renamed_file_under_the_same_pattern_keeps_its_place() {
    let mut b = Bench::new("*", Vec::new());
    b.write("a.log", "1\n2\n");
    b.look();
    b.rename("a.log", "a.log.1");
    b.write("a.log", "3\n");
    b.look();
    b.restart();
    b.write("a.log", "4\n");
    b.look();
    b.has(&["1", "2", "3", "4"]);
}

#[test]
fn copied_and_truncated() {
    for pattern in ["*.log", "*"] {
        let mut b = Bench::new(pattern, Vec::new());
        b.write("a.log", "first line\nsecond line\n");
        b.look();
        b.write("a.log", "third line\n");
        fs::copy(b.path("a.log"), b.path("a.log.1")).unwrap();
        fs::File::create(b.path("a.log")).unwrap();
        b.look();
        b.write("a.log", "4\n");
        b.look();
        b.has(&["first line", "second line", "third line", "4"]);
    }
}

#[test]
fn cut_and_regrown_while_nobody_looked() {
    let mut b = Bench::new("*.log", Vec::new());
    b.write("a.log", "old 1\nold 2\n");
    b.look();
    fs::write(b.path("a.log"), "new 1\nnew 2\nnew 3\n").unwrap();
    b.restart();
    b.look();
    b.has(&["old 1", "old 2", "new 1", "new 2", "new 3"]);
}

#[test]
fn deleted_and_created_anew() {
    let mut b = Bench::new("*.log", Vec::new());
    b.write("a.log", "1\n");
    b.look();
    fs::remove_file(b.path("a.log")).unwrap();
    b.write("a.log", "2\n3\n");
    b.look();
    b.look();
    b.has(&["1", "2", "3"]);
}

#[test]
fn a_link_that_is_swapped() {
    let mut b = Bench::new("current.log", Vec::new());
    b.write("v1", "1\n");
    b.write("v2", "2\n");
    let link = |to: &str| {
        let _ = fs::remove_file(b.path("current.log"));
        std::os::unix::fs::symlink(b.path(to), b.path("current.log")).unwrap();
    };
    link("v1");
    let swap = b.path("current.log");
    b.look();
    fs::remove_file(&swap).unwrap();
    std::os::unix::fs::symlink(b.path("v2"), &swap).unwrap();
    b.look();
    b.has(&["1", "2"]);
}

#[test]
fn a_packed_copy_is_not_read_twice() {
    let mut b = Bench::new("*", Vec::new());
    b.write("a.log", "1\n2\n");
    b.look();
    b.rename("a.log", "a.log.1");
    b.look();
    let text = fs::read(b.path("a.log.1")).unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&text).unwrap();
    gz.write_all(b"3\n").unwrap();
    fs::write(b.path("a.log.1.gz"), gz.finish().unwrap()).unwrap();
    fs::remove_file(b.path("a.log.1")).unwrap();
    b.look();
    b.has(&["1", "2", "3"]);
    b.restart();
    b.look();
    b.has(&["1", "2", "3"]);
}

#[test]
fn a_last_line_without_an_end_comes_after_a_while() {
    let mut b = Bench::new("*.log", Vec::new());
    b.write("a.log", "1\nunended");
    b.look();
    b.has(&["1"]);
    b.now += 6_000;
    b.look();
    b.look();
    b.has(&["1", "unended"]);
    b.write("a.log", " and its end\n3\n");
    b.look();
    b.has(&["1", "unended", " and its end", "3"]);
}

#[test]
fn line_ends_and_bytes_of_all_kinds() {
    let mut b = Bench::new("*.log", Vec::new());
    b.write("a.log", b"crlf\r\n\n\xff\xfe not text\n\xed\x95\x9c\n");
    b.look();
    b.has(&["crlf", "", "\u{fffd}\u{fffd} not text", "한"]);
}

#[test]
fn a_line_that_is_too_long_is_cut_once() {
    let mut b = Bench::new("*.log", Vec::new());
    b.write("a.log", "1\n");
    let long = vec![b'x'; 3 << 20];
    for part in long.chunks(700_000) {
        b.write("a.log", part);
        b.look();
    }
    b.write("a.log", "\n2\n");
    b.look();
    let lines = b.sink.lines.lock();
    let sizes: Vec<usize> = lines.iter().map(String::len).collect();
    assert_eq!(sizes, [1, MAX_LINE, 1]);
}

#[test]
fn lines_that_a_stage_holds_are_read_again() {
    let firstline = crate::base::regex::LineRegex::new("^[A-Z]").unwrap();
    let stage = Stage::Multiline(Multiline {
        firstline,
        max_wait: Duration::from_secs(3),
        max_lines: 128,
    });
    let mut b = Bench::new("*.log", vec![stage]);
    b.write("a.log", "A\n a\nB\n b\n");
    b.look();
    b.has(&["A\n a"]);
    b.restart();
    b.write("a.log", " c\nC\n");
    b.look();
    b.has(&["A\n a", "B\n b\n c"]);
    b.now += 4_000;
    b.look();
    b.look();
    b.has(&["A\n a", "B\n b\n c", "C"]);
}

#[test]
fn many_files_are_not_held_open() {
    let mut b = Bench::new("*.log", Vec::new());
    for i in 0..500 {
        b.write(&format!("{i}.log"), format!("{i}\n"));
    }
    b.look();
    b.now += 60_000;
    b.look();
    assert_eq!(b.sink.lines.lock().len(), 500);
    let row = b.files.rows(&b.jobs, &b.out, None).remove(0);
    assert!(
        row.remark.starts_with("500 files, 0 of them open"),
        "{}",
        row.remark
    );
}

#[test]
fn nothing_is_said_of_a_folder_that_is_not_there() {
    let mut b = Bench::new("none/*.log", Vec::new());
    b.look();
    let row = b.files.rows(&b.jobs, &b.out, None).remove(0);
    assert_eq!(row.error, "");
    assert!(!Path::new(&b.path("none")).exists());
}
