//! Two call trees beside each other.

use crate::model::trace_report::CallRow;
use std::collections::HashMap;

/// One path of calls in two selections; what one of them has not is empty there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compared {
    pub depth: u32,
    pub service: String,
    pub name: String,
    pub before: Side,
    pub after: Side,
}

/// One selection's part of a path.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Side {
    pub calls: u64,
    pub errors: u64,
    /// Nanoseconds of one call, on average.
    pub mean: u64,
    /// The own time of one trace of the selection, on average.
    pub own_per_trace: u64,
}

impl Compared {
    /// By how much a trace of the second selection spends longer here than one of the first.
    pub fn slower(&self) -> i64 {
        let signed = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
        signed(self.after.own_per_trace).saturating_sub(signed(self.before.own_per_trace))
    }
}

/// A node of the merged tree.
struct Node<'a> {
    key: (&'a str, &'a str),
    depth: u32,
    sides: [Side; 2],
    children: Vec<usize>,
}

/// Paths of both, parents before their children, in the order of the first, then of the second.
/// `before` and `after` are rows with the number of traces that they are of.
pub fn compare(before: (&[CallRow], u64), after: (&[CallRow], u64)) -> Vec<Compared> {
    let mut nodes: Vec<Node<'_>> = Vec::new();
    let mut places: HashMap<(Option<usize>, &str, &str), usize> = HashMap::new();
    let mut roots = Vec::new();
    for (side, (rows, traces)) in [before, after].into_iter().enumerate() {
        let mut path: Vec<usize> = Vec::new();
        for row in rows {
            path.truncate(row.depth as usize);
            let parent = path.last().copied();
            let key = (row.service.as_str(), row.name.as_str());
            let known = places.get(&(parent, key.0, key.1)).copied();
            let at = known.unwrap_or_else(|| {
                let at = nodes.len();
                nodes.push(Node {
                    key,
                    depth: path.len() as u32,
                    sides: [Side::default(); 2],
                    children: Vec::new(),
                });
                places.insert((parent, key.0, key.1), at);
                match parent {
                    Some(p) => nodes[p].children.push(at),
                    None => roots.push(at),
                }
                at
            });
            nodes[at].sides[side] = Side {
                calls: row.calls,
                errors: row.errors,
                mean: row.total / row.calls.max(1),
                own_per_trace: row.own / traces.max(1),
            };
            path.push(at);
        }
    }
    let mut out = Vec::with_capacity(nodes.len());
    let mut stack: Vec<usize> = roots.into_iter().rev().collect();
    while let Some(at) = stack.pop() {
        let node = &nodes[at];
        out.push(Compared {
            depth: node.depth,
            service: node.key.0.to_owned(),
            name: node.key.1.to_owned(),
            before: node.sides[0],
            after: node.sides[1],
        });
        stack.extend(node.children.iter().rev());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(depth: u32, name: &str, calls: u64, own: u64) -> CallRow {
        CallRow {
            depth,
            service: "shop".to_owned(),
            name: name.to_owned(),
            calls,
            own,
            total: own,
            ..CallRow::default()
        }
    }

    #[test]
    fn paths_of_one_side_only_keep_their_place() {
        let before = [
            row(0, "GET", 1, 10),
            row(1, "SELECT", 2, 8),
            row(1, "render", 1, 3),
        ];
        let after = [
            row(0, "GET", 2, 40),
            row(1, "cache", 2, 2),
            row(1, "render", 2, 6),
        ];
        let rows = compare((&before, 1), (&after, 2));
        let said: Vec<String> = rows
            .iter()
            .map(|r| {
                format!(
                    "{} {} {} {}",
                    r.depth, r.name, r.before.calls, r.after.calls
                )
            })
            .collect();
        assert_eq!(
            said,
            ["0 GET 1 2", "1 SELECT 2 0", "1 render 1 2", "1 cache 0 2"]
        );
        let slower: Vec<i64> = rows.iter().map(Compared::slower).collect();
        assert_eq!(slower, [10, -8, 0, 1]);
    }
}
