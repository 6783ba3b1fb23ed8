//! The order of the series by their labels, kept up when somebody asks.

use crate::store::metrics::head::Head;
use parking_lot::Mutex;
use std::cmp::Ordering;

/// Ranks of slots. New series wait until the next question.
#[derive(Default)]
pub(crate) struct Order(Mutex<State>);

#[derive(Default)]
struct State {
    sorted: Vec<u32>,
    rank: Vec<u32>,
    new: Vec<u32>,
}

impl Order {
    pub(super) fn added(&mut self, slot: u32) {
        self.0.get_mut().new.push(slot);
    }

    /// Forgets slots, given in rising order.
    pub(super) fn removed(&mut self, gone: &[u32]) {
        let state = self.0.get_mut();
        let stays = |s: &u32| gone.binary_search(s).is_err();
        state.sorted.retain(stays);
        state.new.retain(stays);
        state.rerank();
    }

    /// Sorts slots by their labels.
    pub(super) fn sort(&self, head: &Head, slots: &mut [u32]) {
        if slots.len() < 16 {
            slots.sort_unstable_by(|a, b| compare(head, *a, *b));
            return;
        }
        let mut state = self.0.lock();
        state.take_new(head);
        slots.sort_unstable_by_key(|s| state.rank[*s as usize]);
    }
}

impl State {
    fn take_new(&mut self, head: &Head) {
        if self.new.is_empty() {
            return;
        }
        let mut new = std::mem::take(&mut self.new);
        new.sort_unstable_by(|a, b| compare(head, *a, *b));
        let old = std::mem::take(&mut self.sorted);
        self.sorted.reserve_exact(old.len() + new.len());
        let mut new = new.into_iter().peekable();
        for slot in old {
            while let Some(n) = new.next_if(|n| compare(head, *n, slot) == Ordering::Less) {
                self.sorted.push(n);
            }
            self.sorted.push(slot);
        }
        self.sorted.extend(new);
        self.rerank();
    }

    fn rerank(&mut self) {
        let slots = self.sorted.iter().max().map_or(0, |m| *m as usize + 1);
        self.rank.clear();
        self.rank.resize(slots, 0);
        for (i, slot) in self.sorted.iter().enumerate() {
            self.rank[*slot as usize] = i as u32;
        }
    }
}

/// As `Labels` compare: label by label, name before value.
fn compare(head: &Head, a: u32, b: u32) -> Ordering {
    let (a, b) = (&head.cold[a as usize].pairs, &head.cold[b as usize].pairs);
    for (x, y) in a.iter().zip(b.iter()) {
        if x != y {
            let order = head.symbols.pair(*x).cmp(&head.symbols.pair(*y));
            if order != Ordering::Equal {
                return order;
            }
        }
    }
    a.len().cmp(&b.len())
}
