//! Writing a block: traces in the order of their starts.

use crate::base::fs::{File, Fs};
use crate::model::span::{Trace, TraceId};
use crate::store::disk::sealed::HEADER;
use crate::store::traces::block::{BlockError, ENTRY, FORM, Facts, Index, PAGE, Row};
use crate::store::traces::codec;
use std::path::{Path, PathBuf};

/// Spans from which a group is full.
const GROUP_SPANS: usize = 1024;
/// Bytes from which a group is full, as encoded; looked at every so many traces.
const LEVEL: i32 = 3;

pub(in crate::store::traces) struct Writer {
    fs: Fs,
    path: PathBuf,
    tmp: PathBuf,
    file: File,
    at: u64,
    facts: Facts,
    index: Index,
    ids: Vec<(TraceId, u32)>,
    /// The group that is being filled.
    open: Vec<Trace>,
    open_spans: usize,
}

impl Writer {
    pub(in crate::store::traces) fn new(
        fs: &Fs,
        path: &Path,
        until_segment: u32,
    ) -> Result<Self, BlockError> {
        let tmp = path.with_extension("tmp");
        let mut file = fs.create(&tmp)?;
        file.append(&FORM.header())?;
        Ok(Self {
            fs: fs.clone(),
            path: path.to_owned(),
            tmp,
            file,
            at: HEADER as u64,
            facts: Facts {
                first: u64::MAX,
                until_segment,
                ..Facts::default()
            },
            index: Index::default(),
            ids: Vec::new(),
            open: Vec::new(),
            open_spans: 0,
        })
    }

    /// `split`: older blocks have, or may have, spans of this trace too.
    pub(in crate::store::traces) fn add(
        &mut self,
        trace: Trace,
        split: bool,
    ) -> Result<(), BlockError> {
        if split {
            self.index.split.push(trace.id);
        }
        self.open_spans += trace.spans.len();
        self.open.push(trace);
        if self.open_spans >= GROUP_SPANS {
            self.close_group()?;
        }
        Ok(())
    }

    fn close_group(&mut self) -> Result<(), BlockError> {
        if self.open.is_empty() {
            return Ok(());
        }
        let encoded = codec::encode(&self.open);
        let pack = |raw: &[u8]| {
            zstd::bulk::compress(raw, LEVEL).map_err(|_| BlockError::Damaged {
                path: self.tmp.clone(),
                what: "a group cannot be packed",
            })
        };
        let (texts, body) = (pack(&encoded.texts)?, pack(&encoded.body)?);
        let number = self.index.rows.len() as u32;
        let mut row = Row {
            at: self.at,
            texts_len: texts.len() as u32,
            texts_raw: encoded.texts.len() as u32,
            body_len: body.len() as u32,
            body_raw: encoded.body.len() as u32,
            first: u64::MAX,
            ..Row::default()
        };
        for trace in self.open.drain(..) {
            let (start, end) = trace.bounds();
            self.ids.push((trace.id, number));
            row.traces += 1;
            row.spans += trace.spans.len() as u32;
            row.first = row.first.min(start);
            row.last = row.last.max(start);
            self.facts.end = self.facts.end.max(end);
            for span in &trace.spans {
                row.longest = row.longest.max(span.duration());
                row.has_error |= span.is_error();
            }
        }
        self.open_spans = 0;
        let packed = [texts, body].concat();
        row.crc = crc32fast::hash(&packed);
        self.file.append(&packed)?;
        self.at += packed.len() as u64;
        self.facts.first = self.facts.first.min(row.first);
        self.facts.last = self.facts.last.max(row.last);
        self.facts.traces += u64::from(row.traces);
        self.facts.spans += u64::from(row.spans);
        self.index.rows.push(row);
        Ok(())
    }

    /// Makes it durable under its name. `false`: there was nothing to keep.
    pub(in crate::store::traces) fn finish(mut self) -> Result<bool, BlockError> {
        self.close_group()?;
        if self.ids.is_empty() {
            drop(self.file);
            self.fs.remove_file(&self.tmp)?;
            return Ok(false);
        }
        self.ids.sort_unstable();
        self.index.split.sort_unstable();
        self.index.fences = self.ids.iter().step_by(PAGE).map(|(id, _)| *id).collect();
        let raw = self.index.write();
        let packed = zstd::bulk::compress(&raw, LEVEL).map_err(|_| BlockError::Damaged {
            path: self.tmp.clone(),
            what: "the index cannot be packed",
        })?;
        self.facts.index_at = self.at;
        self.facts.index_len = packed.len() as u32;
        self.facts.index_raw = raw.len() as u32;
        self.facts.index_crc = crc32fast::hash(&packed);
        self.file.append(&packed)?;
        self.facts.ids_at = self.at + packed.len() as u64;
        let mut ids = Vec::with_capacity(self.ids.len() * ENTRY);
        for (id, group) in &self.ids {
            ids.extend_from_slice(&id.0);
            ids.extend_from_slice(&group.to_le_bytes());
        }
        self.facts.ids_crc = crc32fast::hash(&ids);
        self.file.append(&ids)?;
        self.file.append(&self.facts.write())?;
        self.file.sync()?;
        drop(self.file);
        self.fs.rename(&self.tmp, &self.path)?;
        if let Some(dir) = self.path.parent() {
            self.fs.sync_dir(dir)?;
        }
        Ok(true)
    }
}
