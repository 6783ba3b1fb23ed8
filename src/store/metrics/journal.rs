//! What the log of metrics says: labels of series, and their samples as tokens.
//!
//! A payload is a row of items. A value belongs to the present slot at the present time, and the
//! slot then moves on by one: a scrape whose series were resolved in order takes one token a sample.
//! Differences refer to the value before in the same *epoch*. An epoch begins with a record of type
//! [`EPOCH`], at the latest with each segment, so that damage costs at most the rest of an epoch.
//! Layout: `docs/format/wal.md`.

use crate::model::labels::Labels;
use crate::store::disk::bytes::{Reader, put_text, put_uvarint, put_varint};
use crate::store::metrics::stream::{self, Item, Last, Token};

/// Record types.
pub(crate) const DATA: u8 = 1;
pub(crate) const EPOCH: u8 = 2;
/// A varint: a block was cut here of everything before that time, unless there is no such block.
pub(crate) const CUT: u8 = 3;

const TIME: u64 = 0;
const SLOT: u64 = 1;
const DEFINE: u64 = 2;
const LATE: u64 = 3;
const DELETE: u64 = 4;
/// Slots beyond this are damage.
const MAX_SLOT: u64 = 1 << 26;

/// Writes one batch.
pub(crate) struct Batch<'a> {
    out: &'a mut Vec<u8>,
    t: Option<i64>,
    slot: Option<u32>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            t: None,
            slot: None,
        }
    }

    #[inline]
    pub(crate) fn at(&mut self, slot: u32, t: i64) {
        if self.t != Some(t) {
            stream::put_escape(self.out, TIME);
            put_varint(self.out, t);
            self.t = Some(t);
        }
        if self.slot != Some(slot) {
            stream::put_escape(self.out, SLOT);
            put_uvarint(self.out, u64::from(slot));
        }
        self.slot = Some(slot);
    }

    /// Labels of the present slot.
    pub(crate) fn define(&mut self, labels: &Labels) {
        stream::put_escape(self.out, DEFINE);
        put_text(self.out, labels.as_packed());
    }

    #[inline]
    pub(crate) fn value(&mut self, token: Token) {
        stream::put::<0>(self.out, token, 0);
        self.slot = self.slot.map(|s| s + 1);
    }

    /// A sample out of order, of the present slot.
    pub(crate) fn late(&mut self, t: i64, v: f64) {
        stream::put_escape(self.out, LATE);
        put_varint(self.out, t);
        self.out.extend_from_slice(&v.to_bits().to_le_bytes());
    }

    /// The samples of the present slot from `from` to `to` are gone.
    pub(crate) fn delete(&mut self, from: i64, to: i64) {
        stream::put_escape(self.out, DELETE);
        put_varint(self.out, from);
        put_varint(self.out, to);
    }
}

/// Receives what a log says; slots are the head's.
pub(crate) trait Target {
    /// Finds the series or creates it; `None` where there is no room for it.
    fn define(&mut self, labels: &Labels) -> Option<u32>;
    fn sample(&mut self, slot: u32, t: i64, v: f64);
    fn late(&mut self, slot: u32, t: i64, v: f64);
    fn delete(&mut self, slot: u32, from: i64, to: i64);
}

/// Reads the records of a log in order.
#[derive(Default)]
pub(crate) struct Replay {
    /// By the log's slot: the head's slot and the value before.
    slots: Vec<Option<(u32, Last)>>,
    /// After damage, until the next epoch.
    lost: bool,
    /// Newest time in the present segment.
    pub(crate) newest: i64,
    pub(crate) samples: u64,
    /// Values whose series is not known, because the record that named it is damaged.
    pub(crate) orphans: u64,
    /// Records that do not read although their checksum is right.
    pub(crate) unreadable: u64,
}

impl Replay {
    pub(crate) fn segment(&mut self) {
        self.slots.clear();
        self.lost = false;
        self.newest = i64::MIN;
    }

    pub(crate) fn damage(&mut self) {
        self.lost = true;
    }

    pub(crate) fn record(&mut self, kind: u8, payload: &[u8], to: &mut impl Target) {
        match kind {
            EPOCH => self.lost = false,
            DATA if !self.lost => {}
            _ => return,
        }
        if self.items(payload, to).is_none() {
            self.unreadable += 1;
            self.lost = true;
        }
    }

    fn items(&mut self, payload: &[u8], to: &mut impl Target) -> Option<()> {
        let mut r = Reader::new(payload);
        let (mut t, mut slot) = (0i64, 0usize);
        while !r.is_empty() {
            match stream::get_item(&mut r)? {
                Item::Value(token) => {
                    match self.slots.get_mut(slot) {
                        Some(Some((target, last))) => {
                            if let Some(v) = last.read(token) {
                                to.sample(*target, t, v);
                                self.samples += 1;
                            } else {
                                self.orphans += 1;
                            }
                        }
                        _ => self.orphans += 1,
                    }
                    slot += 1;
                }
                Item::Escape(TIME) => {
                    t = r.varint()?;
                    self.newest = self.newest.max(t);
                }
                Item::Escape(SLOT) => {
                    slot = Some(r.uvarint()?).filter(|s| *s < MAX_SLOT)? as usize;
                }
                Item::Escape(DEFINE) => {
                    let labels = Labels::from_packed(r.text()?)?;
                    if self.slots.len() <= slot {
                        self.slots.resize(slot + 1, None);
                    }
                    self.slots[slot] = to.define(&labels).map(|s| (s, Last::default()));
                }
                Item::Escape(LATE) => {
                    let (t, bits) = (r.varint()?, r.u64()?);
                    self.newest = self.newest.max(t);
                    if let Some(Some((target, _))) = self.slots.get(slot) {
                        to.late(*target, t, f64::from_bits(bits));
                    }
                }
                Item::Escape(DELETE) => {
                    let (from, until) = (r.varint()?, r.varint()?);
                    if let Some(Some((target, _))) = self.slots.get(slot) {
                        to.delete(*target, from, until);
                    }
                }
                Item::Escape(_) => return None,
            }
        }
        Some(())
    }
}
