//! How blocks of lines are best packed: the store as it is, beside plain blocks and beside columns of
//! templates and variables, which the store does not have.
//!
//! `BONGSU_LOGS=FILE:FILE cargo bench --bench log_blocks`. Prints, for the lines of each file: bytes
//! with index against bytes of lines, megabytes packed and unpacked a second on one core, and what a
//! word costs to find. What came of it: `docs/decisions/051-plain-blocks.md`.

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(clippy::print_stdout, reason = "the figures are printed")]

use bongsu::base::cancel::Cancel;
use bongsu::base::clock::{Instant, monotonic};
use bongsu::model::labels::Labels;
use bongsu::model::log_entry::{LineTest, NanoRange};
use bongsu::store::open::{Options, Store};
use bongsu::store::read::logs::{LogSelect, LogSource};
use bongsu::store::write::logs::{LogBatch, LogSink};
use bongsu::wire::detect;
use std::collections::HashMap;
use std::path::Path;

/// Bytes of lines in a block.
const BLOCK: usize = 256 << 10;
/// Bytes of one file that are looked at.
const MOST: usize = 128 << 20;
/// The type of frames that hold blocks, `docs/format/logs.md`.
const BLOCK_FRAME: u8 = 6;
/// Stands for a variable in a template.
const VARIABLE: u8 = 1;

fn main() {
    let files = std::env::var("BONGSU_LOGS").unwrap_or_default();
    if files.is_empty() {
        println!("BONGSU_LOGS names no file: nothing is measured");
    }
    for file in files.split(':').filter(|f| !f.is_empty()) {
        let mut bytes = std::fs::read(file).unwrap();
        bytes.truncate(MOST);
        bytes.retain(|b| *b != VARIABLE);
        let lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
        let size: usize = lines.iter().map(|l| l.len()).sum();
        println!("{file}: {:.1} MB, {} lines", size as f64 / 1e6, lines.len());
        let blocks = blocks(&lines);
        let index = in_store(&lines, size) + side_columns(&blocks);
        for level in [1, 3] {
            plain(&blocks, level, size, index);
            columns(&blocks, level, size, index);
        }
    }
}

fn blocks<'a>(lines: &[&'a [u8]]) -> Vec<Vec<&'a [u8]>> {
    let mut all = vec![Vec::new()];
    let mut bytes = 0;
    for line in lines {
        if bytes + line.len() > BLOCK {
            all.push(Vec::new());
            bytes = 0;
        }
        bytes += line.len();
        let last = all.len() - 1;
        all[last].push(*line);
    }
    all
}

fn rate(size: usize, since: Instant) -> f64 {
    size as f64 / 1e6 / since.elapsed().as_secs_f64()
}

fn disk(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap();
    entries.map(|e| e.unwrap().metadata().unwrap().len()).sum()
}

/// The store with all it keeps. Gives the bytes of filters and indexes, which the others would need
/// too.
fn in_store(lines: &[&[u8]], size: usize) -> f64 {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = Store::open(Options {
        background: false,
        ..Options::new(dir.path())
    })
    .unwrap();
    let stream = store.stream(&Labels::from_pairs([("job", "app")])).unwrap();
    let begun = monotonic();
    let mut batch = LogBatch::default();
    for (n, line) in lines.iter().enumerate() {
        let t = detect::time(line, 0).map_or(n as i64, |found| found.at(0));
        batch.push(stream, t, detect::level(line), line);
        if batch.bytes() > 1 << 20 {
            store.append_lines(&batch).unwrap();
            batch.clear();
        }
    }
    store.append_lines(&batch).unwrap();
    store.flush_lines().unwrap();
    let taken = rate(size, begun);
    let bytes = disk(&dir.path().join("logs"));
    let tests = [LineTest::contains("ERROR")];
    let select = LogSelect {
        tests: &tests,
        ..LogSelect::new(&[], NanoRange::all())
    };
    let begun = monotonic();
    let edges = [i64::MIN, i64::MAX];
    let found = store
        .tally(&select, &edges, &Cancel::never())
        .unwrap()
        .unwrap();
    println!(
        "  the store: {:.2}x with index; {taken:.0} MB/s in with detection and sync; `ERROR` counted at {:.0} MB/s on two threads ({} lines)",
        size as f64 / bytes as f64,
        rate(size, begun),
        found.scan.lines
    );
    store.close();
    let parts = std::fs::read_dir(dir.path().join("logs")).unwrap();
    let filters: usize = parts
        .map(|p| beside(&std::fs::read(p.unwrap().path()).unwrap()))
        .sum();
    filters as f64
}

/// Bytes of a part that are no blocks: frames of length, checksum, type and payload behind a header.
fn beside(part: &[u8]) -> usize {
    let (mut at, mut sum) = (16, 0);
    while let Some(head) = part.get(at..at + 9) {
        let len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize + 9;
        if head[8] != BLOCK_FRAME && at + len <= part.len() {
            sum += len;
        }
        at += len;
    }
    sum
}

/// Times, lengths and levels of all lines, packed block by block as the store does.
fn side_columns(blocks: &[Vec<&[u8]>]) -> f64 {
    let mut packer = zstd::bulk::Compressor::new(1).unwrap();
    let mut sum = 0;
    for lines in blocks {
        let (mut times, mut lengths, mut levels) = (Vec::new(), Vec::new(), Vec::new());
        let mut last = 0;
        for line in lines {
            let t = detect::time(line, 0).map_or(last, |found| found.at(0) / 1_000_000);
            put(&mut times, (t - last).unsigned_abs() << 1);
            put(&mut lengths, line.len() as u64);
            levels.push(detect::level(line) as u8);
            last = t;
        }
        let pairs = levels
            .chunks(2)
            .map(|p| p[0] | p.get(1).map_or(0, |b| b << 4));
        for column in [times, lengths, pairs.collect()] {
            sum += packer.compress(&column).unwrap().len();
        }
    }
    sum as f64
}

fn put(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn plain(blocks: &[Vec<&[u8]>], level: i32, size: usize, index: f64) {
    let mut packer = zstd::bulk::Compressor::new(level).unwrap();
    let begun = monotonic();
    let packed: Vec<Vec<u8>> = blocks
        .iter()
        .map(|lines| packer.compress(&lines.concat()).unwrap())
        .collect();
    let packing = rate(size, begun);
    let bytes: usize = packed.iter().map(Vec::len).sum();
    let mut unpacker = zstd::bulk::Decompressor::new().unwrap();
    let begun = monotonic();
    let mut text = Vec::new();
    for block in &packed {
        text = unpacker.decompress(block, 2 * BLOCK).unwrap();
    }
    let unpacking = rate(size, begun);
    drop(text);
    let begun = monotonic();
    let mut found = 0;
    let finder = memchr::memmem::Finder::new("ERROR");
    for block in &packed {
        let text = unpacker.decompress(block, 2 * BLOCK).unwrap();
        found += finder.find_iter(&text).count();
    }
    println!(
        "  plain, level {level}: text {:.2}x, with index {:.2}x; packed at {packing:.0}, unpacked at {unpacking:.0}, `ERROR` found at {:.0} MB/s ({found})",
        size as f64 / bytes as f64,
        size as f64 / (bytes as f64 + index),
        rate(size, begun),
    );
}

/// A block as templates and variables.
struct Split {
    /// Templates, each behind the one before, and their ends.
    templates: Vec<u8>,
    ends: Vec<u8>,
    /// For each line the number of its template.
    ids: Vec<u8>,
    /// The variables of each template, place by place; each ends with a line break.
    variables: Vec<u8>,
}

/// A variable is a run of letters and digits with a digit in it.
fn split(lines: &[&[u8]]) -> Split {
    let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut templates: Vec<Vec<u8>> = Vec::new();
    let mut places: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut ids = Vec::new();
    let mut template = Vec::new();
    let mut found: Vec<&[u8]> = Vec::new();
    for line in lines {
        template.clear();
        found.clear();
        let mut at = 0;
        while at < line.len() {
            let run = line[at..]
                .iter()
                .take_while(|b| b.is_ascii_alphanumeric())
                .count();
            if run == 0 {
                template.push(line[at]);
                at += 1;
                continue;
            }
            let word = &line[at..at + run];
            at += run;
            if word.iter().any(u8::is_ascii_digit) {
                template.push(VARIABLE);
                found.push(word);
            } else {
                template.extend_from_slice(word);
            }
        }
        let id = if let Some(id) = known.get(&template) {
            *id
        } else {
            known.insert(template.clone(), templates.len());
            templates.push(template.clone());
            places.push(vec![Vec::new(); found.len()]);
            templates.len() - 1
        };
        for (place, word) in places[id].iter_mut().zip(&found) {
            place.extend_from_slice(word);
            place.push(b'\n');
        }
        ids.extend_from_slice(&(id as u16).to_le_bytes());
    }
    let ends = templates
        .iter()
        .flat_map(|t| (t.len() as u32).to_le_bytes());
    Split {
        ends: ends.collect(),
        ids,
        variables: places.concat().concat(),
        templates: templates.concat(),
    }
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    bytes
        .chunks_exact(4)
        .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize)
}

/// The lines again.
fn join(split: &Split, out: &mut Vec<u8>) {
    let mut at = 0;
    let templates: Vec<&[u8]> = numbers(&split.ends)
        .map(|len| {
            at += len;
            &split.templates[at - len..at]
        })
        .collect();
    let ids: Vec<usize> = split
        .ids
        .chunks_exact(2)
        .map(|b| usize::from(u16::from_le_bytes([b[0], b[1]])))
        .collect();
    let mut lines = vec![0; templates.len()];
    for id in &ids {
        lines[*id] += 1;
    }
    // Where the variables of each template and place begin.
    let mut at = 0;
    let mut places: Vec<Vec<usize>> = Vec::new();
    for (template, lines) in templates.iter().zip(&lines) {
        let count = memchr::memchr_iter(VARIABLE, template).count();
        let mut mine = Vec::with_capacity(count);
        for _ in 0..count {
            mine.push(at);
            for _ in 0..*lines {
                at += memchr::memchr(b'\n', &split.variables[at..]).unwrap() + 1;
            }
        }
        places.push(mine);
    }
    for id in ids {
        let mut rest = templates[id];
        for place in &mut places[id] {
            let mark = memchr::memchr(VARIABLE, rest).unwrap();
            out.extend_from_slice(&rest[..mark]);
            rest = &rest[mark + 1..];
            let word = &split.variables[*place..];
            let len = memchr::memchr(b'\n', word).unwrap();
            out.extend_from_slice(&word[..len]);
            *place += len + 1;
        }
        out.extend_from_slice(rest);
    }
}

fn columns(blocks: &[Vec<&[u8]>], level: i32, size: usize, index: f64) {
    let mut packer = zstd::bulk::Compressor::new(level).unwrap();
    let begun = monotonic();
    let packed: Vec<[(usize, Vec<u8>); 4]> = blocks
        .iter()
        .map(|lines| {
            let split = split(lines);
            [&split.templates, &split.ends, &split.ids, &split.variables]
                .map(|part| (part.len(), packer.compress(part).unwrap()))
        })
        .collect();
    let packing = rate(size, begun);
    let bytes: usize = packed.iter().flatten().map(|p| p.1.len()).sum();
    let mut unpacker = zstd::bulk::Decompressor::new().unwrap();
    let mut unpack = |block: &[(usize, Vec<u8>); 4]| {
        let [templates, ends, ids, variables] = block
            .each_ref()
            .map(|(len, p)| unpacker.decompress(p, *len).unwrap());
        Split {
            templates,
            ends,
            ids,
            variables,
        }
    };
    let begun = monotonic();
    let mut text = Vec::new();
    for block in &packed {
        text.clear();
        join(&unpack(block), &mut text);
    }
    let unpacking = rate(size, begun);
    assert_eq!(text, blocks[blocks.len() - 1].concat());
    // A word without digits stands in templates alone: the lines are counted by their numbers.
    let begun = monotonic();
    let mut found = 0;
    for block in &packed {
        let [templates, ends, ids] =
            [0, 1, 2].map(|i| unpacker.decompress(&block[i].1, block[i].0).unwrap());
        let mut at = 0;
        let hits: Vec<usize> = numbers(&ends)
            .map(|len| {
                at += len;
                memchr::memmem::find_iter(&templates[at - len..at], "ERROR").count()
            })
            .collect();
        let lines = ids.chunks_exact(2);
        found += lines
            .map(|b| hits[usize::from(u16::from_le_bytes([b[0], b[1]]))])
            .sum::<usize>();
    }
    println!(
        "  columns, level {level}: text {:.2}x, with index {:.2}x; packed at {packing:.0}, unpacked at {unpacking:.0}, `ERROR` found at {:.0} MB/s ({found})",
        size as f64 / bytes as f64,
        size as f64 / (bytes as f64 + index),
        rate(size, begun),
    );
}
