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
    times: Mutex<Vec<i64>>,
    /// Bytes of the largest batch.
    most: std::sync::atomic::AtomicUsize,
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
        self.most
            .fetch_max(batch.bytes(), std::sync::atomic::Ordering::Relaxed);
        self.lines
            .lock()
            .extend(batch.lines().map(|(_, l)| text(l)));
        self.times
            .lock()
            .extend(batch.lines().map(|(row, _)| row.t));
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
    b.has(&["1", "2", "3", "4"]);
}

#[test]
fn what_a_writer_adds_after_a_rotation_is_read_until_it_is_told() {
    let mut b = Bench::new("*.log", Vec::new());
    b.write("a.log", "1\n");
    b.look();
    b.rename("a.log", "a.log.1");
    b.write("a.log", "");
    b.look();
    b.write("a.log.1", "2\n3 unen");
    b.look();
    b.write("a.log.1", "ded\n");
    b.write("a.log", "4\n");
    b.look();
    b.has(&["1", "2", "3 unended", "4"]);
    b.now += 20_000;
    b.look();
    b.write("a.log.1", "by somebody else\n");
    b.look();
    b.has(&["1", "2", "3 unended", "4"]);
}

#[test]
fn what_was_written_before_comes_first_however_much_it_is() {
    let mut b = Bench::new("*.log", Vec::new());
    b.write("a.log", "first\n");
    b.look();
    let many: Vec<String> = (0..40_000).map(|i| format!("{i:060}\n")).collect();
    b.write("a.log", many.concat());
    b.rename("a.log", "a.log.1");
    b.write("a.log", "last\n");
    b.restart();
    b.look();
    let lines = b.sink.lines.lock();
    assert_eq!((lines.len(), lines[0].as_str()), (40_002, "first"));
    assert_eq!(lines[40_001], "last");
    assert!(lines[1..40_001].is_sorted());
    let times = b.sink.times.lock();
    assert!(times.is_sorted_by(|a, b| a < b), "no two have one time");
}

#[test]
fn a_file_renamed_within_the_pattern_is_read_before_the_one_that_took_its_name() {
    let mut b = Bench::new("*", Vec::new());
    b.write("a.log", "first\n");
    b.look();
    for round in 0..2 {
        let many: Vec<String> = (0..90_000).map(|i| format!("{round}{i:060}\n")).collect();
        b.write("a.log", many.concat());
        b.rename("a.log", &format!("a.log.{}", 2 - round));
        b.write("a.log", "");
        b.files.sweep(&b.jobs, 0, b.now, &mut b.out);
    }
    b.write("a.log", "last\n");
    b.look();
    let lines = b.sink.lines.lock();
    assert_eq!((lines.len(), lines[180_001].as_str()), (180_002, "last"));
    assert!(lines[1..180_001].is_sorted());
}

#[test]
fn a_clock_without_a_zone_is_found_and_said() {
    let mut b = Bench::new("*.log", Vec::new());
    Arc::get_mut(&mut b.jobs[0]).unwrap().detect = true;
    b.now = 1_795_176_000_000; // 2026-11-20T12:00:00Z
    b.write("a.log", "2026-11-20 20:00:00 history, in Korea\n");
    b.look();
    b.now += 2_000;
    b.look();
    // Written an hour ago, and the file says no more: read as UTC.
    assert_eq!(b.sink.times.lock()[0], 1_795_204_800_000_000_000);
    for text in [
        "21:00:02 now\n",
        "20:45:02 held up for a quarter of an hour\n",
        "21:00:02 next\n",
    ] {
        b.write("a.log", format!("2026-11-20 {text}"));
    }
    b.look();
    b.now += 2_000;
    b.look();
    let apart = |n: usize| (b.sink.times.lock()[n] - 1_795_176_002_000_000_000) / 1_000_000_000;
    assert_eq!([apart(1), apart(2), apart(3)], [0, -900, 0]);
    let row = b.files.rows(&b.jobs, &b.out, None).remove(0);
    assert!(
        row.remark.contains("are read as +09:00 in 1 of them"),
        "{}",
        row.remark
    );
}

#[test]
fn a_trace_below_its_entry_belongs_to_it() {
    let mut b = Bench::new("*.log", Vec::new());
    Arc::get_mut(&mut b.jobs[0]).unwrap().detect = true;
    let trace = "java.lang.IllegalStateException: order 5\n\tat a.B.c(B.java:1)\nCaused by: x\n";
    b.write(
        "a.log",
        format!("2026-11-20 12:00:00 ERROR failed\n{trace}no time of its own\n{trace}"),
    );
    b.look();
    b.now += 2_000;
    b.look();
    let entry = format!("2026-11-20 12:00:00 ERROR failed\n{}", trace.trim_end());
    // Below a line without a time it may be anybody's.
    let alone = ["java.lang.IllegalStateException: order 5\n\tat a.B.c(B.java:1)\nCaused by: x"];
    b.has(&[&entry, "no time of its own", alone[0]]);
    let times = b.sink.times.lock();
    assert_eq!((times[1] - times[0], times[2] - times[1]), (1, 1));
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
        b.restart();
        b.look();
        b.has(&["first line", "second line", "third line", "4"]);
    }
}

#[test]
fn copied_truncated_and_grown_as_long_as_it_was() {
    for pattern in ["*.log", "*"] {
        let mut b = Bench::new(pattern, Vec::new());
        b.now = crate::base::clock::Clock::System.now_ms() + 100;
        b.write("a.log", "old 1\nold 2\n");
        b.look();
        b.write("a.log", "old 3\n");
        fs::copy(b.path("a.log"), b.path("a.log.1")).unwrap();
        fs::write(b.path("a.log"), "new 1\nnew 2\n").unwrap();
        // Its length is what was read of it: only the kernel's word tells that it changed.
        b.files.changed(&[b.path("a.log")]);
        b.look();
        b.now += 8_000;
        b.look();
        b.has(&["old 1", "old 2", "old 3", "new 1", "new 2"]);
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

#[test]
fn a_copy_in_the_making_is_not_read_as_a_file_of_its_own() {
    for pattern in ["*.log", "*"] {
        let mut b = Bench::new(pattern, Vec::new());
        b.now = crate::base::clock::Clock::System.now_ms() + 100;
        b.write("a.log", "first line\nsecond line\n");
        b.look();
        b.write("a.log", "third line\n");
        // Created, then filled, then the original is cut: a look falls between any two.
        b.write("a.log.1", "");
        b.look();
        b.write("a.log.1", "first line\nsecond line\n");
        b.look();
        b.write("a.log.1", "third line\n");
        b.look();
        fs::File::create(b.path("a.log")).unwrap();
        b.look();
        b.write("a.log", "4\n");
        b.look();
        b.has(&["first line", "second line", "third line", "4"]);
    }
}

#[test]
fn a_packed_file_is_read_when_it_is_whole() {
    let mut b = Bench::new("*", Vec::new());
    b.now = crate::base::clock::Clock::System.now_ms() + 100;
    b.write("a.log.1", "1\n2\n");
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(b"0\n").unwrap();
    let packed = gz.finish().unwrap();
    b.look();
    b.write("b.gz", &packed[..packed.len() / 2]);
    b.look();
    b.write("b.gz", &packed[packed.len() / 2..]);
    b.look();
    b.has(&["1", "2"]);
    b.now += 6_000;
    b.look();
    b.has(&["1", "2", "0"]);
}

/// Lines of one length; more than what names a file.
fn numbered(from: u32, to: u32) -> String {
    let lines: Vec<String> = (from..to).map(|n| format!("line {n:05}\n")).collect();
    lines.concat()
}

#[test]
fn a_copy_that_is_written_while_a_look_goes_on_is_one() {
    let mut b = Bench::new("*", Vec::new());
    b.write("a.log", "1\n2\n");
    b.now = crate::base::clock::Clock::System.now_ms() - 1_000;
    b.look();
    // Younger than the time at which the look began.
    fs::copy(b.path("a.log"), b.path("a.log.1")).unwrap();
    b.look();
    b.has(&["1", "2"]);
    fs::File::create(b.path("a.log")).unwrap();
    b.look();
    b.write("a.log", "3\n");
    b.look();
    b.has(&["1", "2", "3"]);
}

#[test]
fn a_copy_that_takes_long_is_waited_for() {
    let mut b = Bench::new("*", Vec::new());
    b.now = crate::base::clock::Clock::System.now_ms() + 100;
    b.write("a.log", numbered(0, 300));
    b.look();
    b.write("a.log.1", numbered(0, 200));
    b.look();
    // On its way to the disk.
    b.now += 20_000;
    b.look();
    b.write("a.log.1", numbered(200, 300));
    b.look();
    fs::File::create(b.path("a.log")).unwrap();
    b.look();
    b.now += 1_000_000;
    b.look();
    assert_eq!(b.sink.lines.lock().len(), 300);
}

#[test]
fn a_copy_that_lacks_what_was_written_last_is_not_read_again() {
    for pattern in ["*.log", "*"] {
        let mut b = Bench::new(pattern, Vec::new());
        b.now = crate::base::clock::Clock::System.now_ms() + 100;
        b.write("a.log", numbered(0, 300));
        b.look();
        fs::copy(b.path("a.log"), b.path("a.log.1")).unwrap();
        // Written between copy and cut, and read.
        b.write("a.log", numbered(300, 310));
        b.look();
        fs::write(b.path("a.log"), numbered(310, 312)).unwrap();
        b.look();
        b.now += 1_000_000;
        b.look();
        let expect: Vec<String> = numbered(0, 312).lines().map(str::to_owned).collect();
        assert_eq!(*b.sink.lines.lock(), expect, "{pattern}");
    }
}

#[test]
fn what_is_held_back_at_a_cut_comes_once() {
    for pattern in ["*.log", "*"] {
        let mut b = Bench::new(pattern, Vec::new());
        Arc::get_mut(&mut b.jobs[0]).unwrap().detect = true;
        b.now = crate::base::clock::Clock::System.now_ms() + 100;
        b.write("a.log", "first line\nsecond line\n");
        b.look();
        b.has(&["first line"]);
        b.write("a.log", "third line\n");
        fs::copy(b.path("a.log"), b.path("a.log.1")).unwrap();
        fs::File::create(b.path("a.log")).unwrap();
        b.look();
        b.write("a.log", "4\n");
        b.look();
        b.now += 2_000;
        b.look();
        b.look();
        let mut lines = b.sink.lines.lock().clone();
        lines.sort_unstable();
        let expect = ["4", "first line", "second line", "third line"];
        assert_eq!(lines, expect, "{pattern}");
    }
}

#[test]
fn a_packed_file_that_is_broken_is_read_once() {
    let mut b = Bench::new("*", Vec::new());
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    gz.write_all(b"1\n2\n").unwrap();
    gz.flush().unwrap();
    gz.write_all(b"3\n").unwrap();
    let packed = gz.finish().unwrap();
    // As a full disk leaves it: without its last bytes.
    b.write("b.gz", &packed[..packed.len() - 4]);
    for _ in 0..3 {
        b.look();
    }
    b.has(&["1", "2", "3"]);
    let row = b.files.rows(&b.jobs, &b.out, None).remove(0);
    assert!(row.error.contains("b.gz"), "{}", row.error);
    b.restart();
    b.look();
    b.has(&["1", "2", "3"]);
}

#[test]
fn what_a_packed_file_holds_goes_on_piece_by_piece() {
    let mut b = Bench::new("*", Vec::new());
    let lines: Vec<String> = (0..400_000).map(|n| format!("line {n:09}\n")).collect();
    let text = lines.concat();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    b.write("b.gz", gz.finish().unwrap());
    b.look();
    assert!(b.sink.most.load(std::sync::atomic::Ordering::Relaxed) < 4 << 20);
    let lines = b.sink.lines.lock();
    assert!(lines.iter().map(String::as_str).eq(text.lines()));
}

#[test]
fn a_folder_that_is_not_there_at_the_start_keeps_its_places() {
    let mut b = Bench::new("disk/*.log", Vec::new());
    fs::create_dir(b.path("disk")).unwrap();
    b.write("disk/a.log", "1\n");
    b.look();
    b.rename("disk", "unmounted");
    b.restart();
    b.look();
    b.rename("unmounted", "disk");
    b.write("disk/a.log", "2\n");
    b.look();
    b.has(&["1", "2"]);
}

#[test]
fn a_disk_may_have_another_number_after_a_start() {
    let mut b = Bench::new("*.log", Vec::new());
    b.write("a.log", "1\n");
    b.look();
    for at in b.sink.positions.lock().values_mut() {
        let mut known: serde_json::Value = serde_json::from_slice(at).unwrap();
        known["device"] = 1.into();
        *at = serde_json::to_vec(&known).unwrap();
    }
    b.restart();
    b.write("a.log", "2\n");
    b.look();
    b.has(&["1", "2"]);
}
