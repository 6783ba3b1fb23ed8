//! What was read from blocks, kept in memory up to a number of bytes; the least recently used goes.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// A cache whose values know their size. Shared by all blocks of a kind.
pub(crate) struct Cache<K, V> {
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    limit: usize,
    bytes: usize,
    clock: u64,
    entries: HashMap<K, Entry<V>>,
}

struct Entry<V> {
    value: Arc<V>,
    bytes: usize,
    used: u64,
}

impl<K: Hash + Eq + Copy, V> Cache<K, V> {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::new(State {
                limit,
                bytes: 0,
                clock: 0,
                entries: HashMap::new(),
            }),
        }
    }

    /// Another limit from now on; what is too much goes at once.
    pub(crate) fn limit(&self, limit: usize) {
        let mut state = self.state.lock();
        state.limit = limit;
        state.shrink();
    }

    pub(crate) fn get(&self, key: K) -> Option<Arc<V>> {
        let mut state = self.state.lock();
        state.clock += 1;
        let now = state.clock;
        let entry = state.entries.get_mut(&key)?;
        entry.used = now;
        Some(Arc::clone(&entry.value))
    }

    /// Keeps a value, as far as there is room; it may go again at once.
    pub(crate) fn put(&self, key: K, value: &Arc<V>, bytes: usize) {
        let mut state = self.state.lock();
        state.clock += 1;
        let entry = Entry {
            value: Arc::clone(value),
            bytes,
            used: state.clock,
        };
        if let Some(old) = state.entries.insert(key, entry) {
            state.bytes -= old.bytes;
        }
        state.bytes += bytes;
        state.shrink();
    }

    pub(crate) fn forget(&self, gone: impl Fn(&K) -> bool) {
        let mut state = self.state.lock();
        let state = &mut *state;
        let bytes = &mut state.bytes;
        state.entries.retain(|k, e| {
            let stays = !gone(k);
            *bytes -= if stays { 0 } else { e.bytes };
            stays
        });
    }

    pub(crate) fn bytes(&self) -> usize {
        self.state.lock().bytes
    }
}

impl<K: Hash + Eq + Copy, V> State<K, V> {
    /// A few hundred entries at most: looking at them all is cheap beside one read.
    fn shrink(&mut self) {
        while self.bytes > self.limit {
            let oldest = self.entries.iter().min_by_key(|(_, e)| e.used);
            let Some(key) = oldest.map(|(k, _)| *k) else {
                return;
            };
            if let Some(entry) = self.entries.remove(&key) {
                self.bytes -= entry.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes() {
        let cache = Cache::new(30);
        for k in 0..3 {
            cache.put(k, &Arc::new(k), 10);
        }
        assert!(cache.get(0).is_some());
        cache.put(3, &Arc::new(3), 10);
        assert!(cache.get(1).is_none() && cache.get(0).is_some());
        assert_eq!(cache.bytes(), 30);
        cache.put(9, &Arc::new(9), 31);
        assert_eq!(cache.bytes(), 0);
        cache.put(4, &Arc::new(4), 5);
        cache.forget(|k| *k == 4);
        assert_eq!(cache.bytes(), 0);
    }
}
