//! Which series a text of this target means: 30 bytes for each, and no labels.
//!
//! A target shows the same series in the same order scrape after scrape, so the first guess is the
//! entry behind the last one. A text is known by its 64-bit seeded hash and its length; the text
//! itself is not kept. With a million series of one target the chance of one clash is 3e-8, and the
//! seed keeps a target from making one.

use crate::store::write::SeriesId;
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What is known of one text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    hash: u64,
    /// [`DROPPED`] where relabelling drops the series.
    pub(crate) id: SeriesId,
    /// The scrape that showed it last.
    pub(crate) seen: u32,
    len: u16,
    /// Stored without a staleness marker since.
    pub(crate) live: bool,
    /// Came with a timestamp of its own, so its end is not marked.
    pub(crate) own_time: bool,
}

/// The id of a series that is known and not stored.
pub(crate) const DROPPED: SeriesId = SeriesId(u64::MAX);

/// The first of the ids that stand for series not resolved yet: this one plus their place among
/// them. A store counts its ids from below.
const PENDING: u64 = 1 << 63;

/// Stands for the series that is `place`th among the new ones of a body.
pub(crate) fn pending(place: usize) -> SeriesId {
    SeriesId(PENDING + place as u64)
}

/// What [`pending`] was given; `None` for every other id.
pub(crate) fn pending_place(id: SeriesId) -> Option<usize> {
    (id.0 >= PENDING && id != DROPPED).then(|| (id.0 - PENDING) as usize)
}

#[derive(Debug, Default)]
pub(crate) struct Cache {
    entries: Vec<Entry>,
    /// Places in `entries` by hash.
    index: HashTable<u32>,
    seed: u64,
    /// The entry that the next text most likely has.
    next: usize,
}

impl Cache {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// A new scrape starts at the first series again.
    pub(crate) fn rewind(&mut self) {
        self.next = 0;
    }

    /// The place of a text's entry.
    #[inline]
    pub(crate) fn find(&mut self, text: &[u8]) -> Option<usize> {
        let hash = self.hash(text);
        let same = |e: &Entry| e.hash == hash && usize::from(e.len) == text.len();
        let place = match self.entries.get(self.next) {
            Some(entry) if same(entry) => self.next,
            _ => {
                let found = self
                    .index
                    .find(hash, |at| same(&self.entries[*at as usize]));
                *found? as usize
            }
        };
        self.next = place + 1;
        Some(place)
    }

    /// Adds a text that [`Cache::find`] does not know. Longer ones than 64 KiB are not kept.
    pub(crate) fn insert(&mut self, text: &[u8], id: SeriesId) -> Option<usize> {
        let len = u16::try_from(text.len()).ok()?;
        let place = u32::try_from(self.entries.len()).ok()?;
        let hash = self.hash(text);
        self.entries.push(Entry {
            hash,
            id,
            seen: 0,
            len,
            live: false,
            own_time: false,
        });
        let entries = &self.entries;
        self.index
            .insert_unique(hash, place, |at| entries[*at as usize].hash);
        self.next = self.entries.len();
        Some(place as usize)
    }

    pub(crate) fn entry(&mut self, place: usize) -> &mut Entry {
        &mut self.entries[place]
    }

    pub(crate) fn entries(&mut self) -> &mut [Entry] {
        &mut self.entries
    }

    /// Forgets what was added behind the first `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        if len < self.entries.len() {
            self.entries.truncate(len);
            self.reindex();
        }
    }

    /// Keeps the entries that `keep` accepts, in their order.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&Entry) -> bool) {
        let before = self.entries.len();
        self.entries.retain(keep);
        if self.entries.len() != before {
            self.reindex();
        }
    }

    /// Bytes that are held.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.index.allocation_size()
    }

    /// Gives back what growing took too much of.
    pub(crate) fn shrink(&mut self) {
        if self.entries.capacity() > self.entries.len() + self.entries.len() / 8 + 16 {
            self.entries.shrink_to_fit();
        }
    }

    fn hash(&self, text: &[u8]) -> u64 {
        xxh3_64_with_seed(text, self.seed)
    }

    fn reindex(&mut self) {
        self.index.clear();
        for (place, entry) in self.entries.iter().enumerate() {
            let entries = &self.entries;
            self.index
                .insert_unique(entry.hash, place as u32, |at| entries[*at as usize].hash);
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(i: u64) -> Vec<u8> {
        format!("metric_{i}{{a=\"b\"}}").into_bytes()
    }

    #[test]
    fn finds_in_any_order_and_forgets() {
        let mut cache = Cache::new(7);
        for i in 0..1000 {
            assert_eq!(cache.find(&text(i)), None);
            cache.insert(&text(i), SeriesId(i));
        }
        cache.rewind();
        for i in (0..1000).chain((0..1000).rev()) {
            let place = cache.find(&text(i)).unwrap();
            assert_eq!(cache.entry(place).id, SeriesId(i));
        }
        cache.retain(|e| e.id.0 % 2 == 0);
        assert_eq!(cache.find(&text(3)), None);
        let place = cache.find(&text(998)).unwrap();
        assert_eq!(cache.entry(place).id, SeriesId(998));
        cache.truncate(10);
        assert_eq!((cache.find(&text(998)), cache.len()), (None, 10));
    }

    #[test]
    fn stays_lean() {
        let mut cache = Cache::new(1);
        for i in 0..100_000 {
            cache.insert(&text(i), SeriesId(i));
        }
        cache.shrink();
        let each = cache.bytes() / 100_000;
        assert!(each <= 36, "{each} bytes a series");
    }
}
