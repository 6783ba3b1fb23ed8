//! Which identifiers a block may have: a few bits for each, in memory.
//!
//! A Bloom filter whose four bits stand in one word, so that a look-up touches memory once. With
//! sixteen bits for each identifier about one in eighty that are not there is looked for in vain.

#[derive(Debug, Default)]
pub(super) struct Filter(Vec<u64>);

const BITS_EACH: usize = 16;

impl Filter {
    pub(super) fn new(identifiers: usize) -> Self {
        Self(vec![0; (identifiers * BITS_EACH).div_ceil(64).max(1)])
    }

    pub(super) fn add(&mut self, id: &[u8]) {
        let (word, bits) = self.place(id);
        self.0[word] |= bits;
    }

    /// `false`: it is surely not there.
    pub(super) fn may_have(&self, id: &[u8]) -> bool {
        let (word, bits) = self.place(id);
        self.0.get(word).is_some_and(|w| w & bits == bits)
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.len() * 8
    }

    fn place(&self, id: &[u8]) -> (usize, u64) {
        let hash = xxhash_rust::xxh3::xxh3_64(id);
        let word = ((u128::from(hash) * self.0.len() as u128) >> 64) as usize;
        let bit = |i: u32| 1u64 << (hash >> (6 * i) & 63);
        (word, bit(0) | bit(1) | bit(2) | bit(3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_there_is_missed_and_little_else_is_found() {
        let mut filter = Filter::new(10_000);
        let id = |n: u64| [n.to_le_bytes(), 7u64.to_le_bytes()].concat();
        (0..10_000).for_each(|n| filter.add(&id(n)));
        assert!((0..10_000).all(|n| filter.may_have(&id(n))));
        let wrong = (10_000..110_000).filter(|n| filter.may_have(&id(*n)));
        assert!(wrong.count() < 2_500);
        assert!(!Filter::default().may_have(&id(1)));
    }
}
