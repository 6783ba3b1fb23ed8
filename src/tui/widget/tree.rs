//! Parents and children as an order of rows with branches drawn before them.

use std::collections::HashMap;
use std::hash::Hash;

/// One row of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// The place in what was given.
    pub(crate) index: usize,
    pub(crate) depth: usize,
    /// `│  ├─ `, or the same in ASCII.
    pub(crate) branch: String,
}

/// Deeper nodes are drawn at this depth: a chain of a thousand parents has to stay readable.
const DEEPEST: usize = 16;

/// Puts each item under its parent; brothers keep the order they came in. An item whose parent is
/// not among them stands at the root, and so does one of each ring of parents.
pub(crate) fn lay<K: Hash + Eq + Copy>(items: &[(K, K)], ascii: bool) -> Vec<Node> {
    let places: HashMap<K, usize> = items
        .iter()
        .enumerate()
        .map(|(i, (id, _))| (*id, i))
        .collect();
    let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut roots = Vec::new();
    for (i, (id, parent)) in items.iter().enumerate() {
        match places.get(parent) {
            Some(at) if *parent != *id => children.entry(*at).or_default().push(i),
            _ => roots.push(i),
        }
    }
    let mut walk = Walk {
        children,
        seen: vec![false; items.len()],
        out: Vec::with_capacity(items.len()),
        ascii,
    };
    for root in roots {
        walk.descend(root);
    }
    for i in 0..items.len() {
        // What is left hangs in a ring.
        walk.descend(i);
    }
    walk.out
}

struct Walk {
    children: HashMap<usize, Vec<usize>>,
    seen: Vec<bool>,
    out: Vec<Node>,
    ascii: bool,
}

impl Walk {
    fn descend(&mut self, root: usize) {
        // (item, depth, the branches of its parents, whether it is the last of its brothers)
        let mut stack = vec![(root, 0usize, String::new(), true)];
        while let Some((index, depth, trunk, last)) = stack.pop() {
            if std::mem::replace(&mut self.seen[index], true) {
                continue;
            }
            let [tee, end, bar] = if self.ascii {
                ["|- ", "`- ", "|  "]
            } else {
                ["├─ ", "└─ ", "│  "]
            };
            let branch = match depth {
                0 => String::new(),
                _ => format!("{trunk}{}", if last { end } else { tee }),
            };
            let below = match depth {
                0 => String::new(),
                d if d >= DEEPEST => trunk,
                _ => format!("{trunk}{}", if last { "   " } else { bar }),
            };
            self.out.push(Node {
                index,
                depth,
                branch,
            });
            let Some(under) = self.children.get(&index) else {
                continue;
            };
            for (i, child) in under.iter().enumerate().rev() {
                stack.push((*child, depth + 1, below.clone(), i + 1 == under.len()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(items: &[(i32, i32)]) -> Vec<String> {
        let row = |n: Node| format!("{}{}", n.branch, items[n.index].0);
        lay(items, true).into_iter().map(row).collect()
    }

    #[test]
    fn children_stand_under_their_parents() {
        assert_eq!(
            drawn(&[(1, 0), (2, 1), (5, 2), (3, 1), (9, 7)]),
            ["1", "|- 2", "|  `- 5", "`- 3", "9"]
        );
    }

    #[test]
    fn rings_and_long_chains_end() {
        assert_eq!(drawn(&[(1, 2), (2, 1), (3, 3)]), ["3", "1", "`- 2"]);
        let chain: Vec<(i32, i32)> = (1..5000).map(|i| (i, i - 1)).collect();
        let rows = lay(&chain, false);
        assert_eq!(rows.len(), 4999);
        assert!(
            rows.iter()
                .all(|n| n.branch.chars().count() <= 3 * (DEEPEST + 1))
        );
    }
}
