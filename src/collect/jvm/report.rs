//! Answers of JVMs as records: what is kept, and how it is read again.
//!
//! Two kinds of snapshot share one time: the head, which lists read, and the whole answer. The
//! answer is kept as the JVM wrote it, so that a later version may read more from it. Layout:
//! `docs/format/snapshots.md`.

use crate::collect::jvm::{histogram, thread_dump};
use crate::model::jvm::{JvmQuestion, JvmReport, JvmReportBody, JvmReportHead, ThreadDump};
use serde::{Deserialize, Serialize};
use std::io::Read;

/// The kinds of snapshot.
pub const HEADS: &str = "jvm-heads";
pub const REPORTS: &str = "jvm-reports";

/// What the store takes of one record.
const MAX_RECORD: usize = 1 << 20;
/// What an answer may unpack to.
const MAX_UNPACKED: u64 = 256 << 20;
const VERSION: u8 = 1;
const LEVEL: i32 = 6;

/// What came back, before it is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    pub head: JvmReportHead,
    pub text: String,
    /// Share of one core by native thread id, over the moment of the dump.
    pub cpu: Vec<(u64, f64)>,
}

/// Reads the text and says in the head what it holds.
pub fn read(answered: Answered) -> JvmReport {
    let Answered {
        mut head,
        text,
        cpu,
    } = answered;
    let body = match head.question {
        JvmQuestion::Threads | JvmQuestion::ThreadsAndLocks => {
            let mut dump = thread_dump::parse(&text);
            for thread in &mut dump.threads {
                let place = |id| cpu.binary_search_by_key(&id, |(id, _)| *id).ok();
                thread.cpu = thread.native_id.and_then(place).map(|at| cpu[at].1);
            }
            JvmReportBody::Threads(dump)
        }
        JvmQuestion::LiveHistogram | JvmQuestion::Histogram => {
            JvmReportBody::Classes(histogram::parse(&text))
        }
        _ => JvmReportBody::Text,
    };
    head.summary = match &body {
        JvmReportBody::Threads(dump) => of_threads(dump),
        JvmReportBody::Classes(all) => {
            let mib = all.bytes as f64 / f64::from(1 << 20);
            format!("{mib:.1} MiB in {} objects", all.instances)
        }
        JvmReportBody::Text => format!("{} lines", text.lines().count()),
    };
    JvmReport { head, text, body }
}

fn of_threads(dump: &ThreadDump) -> String {
    let blocked = dump.threads.iter().filter(|t| t.state == "BLOCKED").count();
    let mut said = format!("{} threads", dump.threads.len());
    if blocked > 0 {
        said.push_str(&format!(", {blocked} blocked"));
    }
    match dump.deadlocks.len() {
        0 => {}
        1 => said.push_str(", 1 DEADLOCK"),
        n => said.push_str(&format!(", {n} DEADLOCKS")),
    }
    said
}

/// The record of a whole answer, and whether lines at its end had to be left out to fit.
pub fn encode(answered: &Answered) -> Result<(Vec<u8>, bool), String> {
    let mut kept = answered.clone();
    loop {
        let json = serde_json::to_vec(&kept).map_err(|e| e.to_string())?;
        let packed = zstd::bulk::compress(&json, LEVEL).map_err(|e| e.to_string())?;
        if packed.len() < MAX_RECORD {
            let mut out = vec![VERSION];
            out.extend(packed);
            return Ok((out, kept.text.len() < answered.text.len()));
        }
        let half = kept.text.len() / 2;
        let cut = (0..=half).rev().find(|at| kept.text.is_char_boundary(*at));
        kept.text.truncate(cut.unwrap_or(0));
    }
}

/// Reads a record; what is none is said.
pub fn decode(record: &[u8]) -> Result<Answered, String> {
    let (version, packed) = record
        .split_first()
        .ok_or("the record of a JVM's answer is empty")?;
    if *version != VERSION {
        return Err(format!(
            "the record of a JVM's answer has version {version}; this bongsu reads {VERSION}"
        ));
    }
    let damaged =
        |e: &dyn std::fmt::Display| format!("the record of a JVM's answer is damaged: {e}");
    let unpacker = zstd::stream::Decoder::new(packed).map_err(|e| damaged(&e))?;
    let mut json = Vec::new();
    let read = unpacker.take(MAX_UNPACKED).read_to_end(&mut json);
    read.map_err(|e| damaged(&e))?;
    serde_json::from_slice(&json).map_err(|e| damaged(&e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answered(question: JvmQuestion, text: &str) -> Answered {
        Answered {
            head: JvmReportHead {
                t: 1_000,
                instance: "web1/shop".to_owned(),
                uid: 0,
                pid: 42,
                started: 9,
                question,
                took_ms: 3,
                by: "kim".to_owned(),
                summary: String::new(),
            },
            text: text.to_owned(),
            cpu: vec![(27, 0.5)],
        }
    }

    #[test]
    fn a_dump_comes_back_with_the_cpu_of_its_threads() {
        let text = "\"main\" #1 prio=5 nid=27 runnable\n   java.lang.Thread.State: RUNNABLE\n\tat A.b(A.java:1)\n";
        let before = answered(JvmQuestion::Threads, text);
        let (record, cut) = encode(&before).unwrap();
        assert!(!cut);
        let report = read(decode(&record).unwrap());
        assert_eq!(report.text, text);
        assert_eq!(report.head.summary, "1 threads");
        let JvmReportBody::Threads(dump) = report.body else {
            panic!("{:?}", report.body)
        };
        assert_eq!(dump.threads[0].cpu, Some(0.5));
    }

    #[test]
    fn an_answer_that_is_too_long_is_cut_and_says_so() {
        // Text that hardly packs.
        let mut x = 1u64;
        let mut next = || {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            format!("{x:x}\n")
        };
        let text: String = (0..200_000).map(|_| next()).collect();
        let (record, cut) = encode(&answered(JvmQuestion::Flags, &text)).unwrap();
        assert!(cut && record.len() <= MAX_RECORD);
        assert!(text.starts_with(&decode(&record).unwrap().text));
    }

    proptest! {
        #[test]
        fn damaged_records_are_refused(at in 0usize..300, byte in any::<u8>(), cut in 0usize..300) {
            let (mut record, _) = encode(&answered(JvmQuestion::Flags, "-XX:+UseG1GC")).unwrap();
            let len = record.len();
            record[at % len] = byte;
            record.truncate(len - cut % len);
            let _ = decode(&record);
        }
    }
}
