//! Which processes stand on the screen, and in which order.

use crate::model::view::ProcessRow;
use crate::tui::widget::tree;
use std::cmp::Ordering;

/// One way to sort.
pub(super) struct Sort {
    /// The column of the table that shows it.
    pub(super) column: usize,
    /// Largest first.
    pub(super) falls: bool,
    compare: fn(&ProcessRow, &ProcessRow) -> Ordering,
}

/// In the order that `s` goes through.
pub(super) const SORTS: &[Sort] = &[
    Sort {
        column: 2,
        falls: true,
        compare: |a, b| tenths(a).cmp(&tenths(b)).then(a.rss.cmp(&b.rss)),
    },
    Sort {
        column: 3,
        falls: true,
        compare: |a, b| a.rss.cmp(&b.rss),
    },
    Sort {
        column: 4,
        falls: true,
        compare: |a, b| rate(a.read_rate).total_cmp(&rate(b.read_rate)),
    },
    Sort {
        column: 5,
        falls: true,
        compare: |a, b| rate(a.write_rate).total_cmp(&rate(b.write_rate)),
    },
    Sort {
        column: 6,
        falls: true,
        compare: |a, b| a.threads.cmp(&b.threads),
    },
    Sort {
        column: 0,
        falls: false,
        compare: |a, b| a.pid.cmp(&b.pid),
    },
    Sort {
        column: 1,
        falls: false,
        compare: |a, b| a.user.cmp(&b.user),
    },
    Sort {
        column: 8,
        falls: false,
        compare: |a, b| a.name.cmp(&b.name),
    },
];

/// Tenths of a percent, as they are shown: what looks equal does not change places.
fn tenths(row: &ProcessRow) -> u64 {
    (row.cpu.unwrap_or(0.0) * 1000.0).round() as u64
}

fn rate(value: Option<f64>) -> f64 {
    value.unwrap_or(-1.0)
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) sort: usize,
    pub(super) falling: bool,
    pub(super) tree: bool,
    pub(super) ascii: bool,
}

/// One row, with the branch of the tree before its name.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    pub(super) row: &'a ProcessRow,
    pub(super) branch: String,
}

/// Filters, sorts, and hangs children under parents where a tree is wanted.
pub(super) fn lay<'a>(all: &'a [ProcessRow], filter: &str, order: Order) -> Vec<Line<'a>> {
    let words: Vec<String> = filter.split_whitespace().map(str::to_lowercase).collect();
    let mut rows: Vec<&ProcessRow> = all.iter().filter(|r| matches(r, &words)).collect();
    let sort = &SORTS[order.sort % SORTS.len()];
    rows.sort_by(|a, b| {
        let by = (sort.compare)(a, b);
        let by = if order.falling { by.reverse() } else { by };
        by.then(a.pid.cmp(&b.pid))
    });
    if !order.tree {
        let line = |row| Line {
            row,
            branch: String::new(),
        };
        return rows.into_iter().map(line).collect();
    }
    let family: Vec<(i32, i32)> = rows.iter().map(|r| (r.pid, r.parent)).collect();
    tree::lay(&family, order.ascii)
        .into_iter()
        .map(|node| Line {
            row: rows[node.index],
            branch: node.branch,
        })
        .collect()
}

/// Every word must be found, none that begins with `!`.
fn matches(row: &ProcessRow, words: &[String]) -> bool {
    let holds = |word: &str| {
        let in_text = |text: &str| text.to_lowercase().contains(word);
        in_text(&row.name)
            || in_text(&row.command)
            || in_text(&row.user)
            || in_text(&row.cgroup)
            || row.pid.to_string() == word
    };
    words.iter().all(|word| match word.strip_prefix('!') {
        Some("") => true,
        Some(out) => !holds(out),
        None => holds(word),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pid: i32, parent: i32, name: &str, cpu: f64) -> ProcessRow {
        ProcessRow {
            pid,
            parent,
            name: name.into(),
            user: "kim".into(),
            cpu: Some(cpu),
            ..ProcessRow::default()
        }
    }

    fn pids(filter: &str, order: Order) -> Vec<i32> {
        let all = [
            row(1, 0, "init", 0.0),
            row(20, 1, "java 주문", 0.9),
            row(30, 20, "sh", 0.9001),
            row(5, 1, "sshd", 0.1),
        ];
        lay(&all, filter, order).iter().map(|l| l.row.pid).collect()
    }

    const CPU: Order = Order {
        sort: 0,
        falling: true,
        tree: false,
        ascii: true,
    };

    #[test]
    fn equal_shares_keep_their_places() {
        assert_eq!(pids("", CPU), [20, 30, 5, 1]);
        let up = Order {
            falling: false,
            ..CPU
        };
        assert_eq!(pids("", up), [1, 5, 20, 30]);
    }

    #[test]
    fn words_filter_in_and_out() {
        assert_eq!(pids("kim !java", CPU), [30, 5, 1]);
        assert_eq!(pids("주문", CPU), [20]);
        assert_eq!(pids("30", CPU), [30]);
        assert_eq!(pids("!", CPU).len(), 4);
        assert!(pids("nobody", CPU).is_empty());
    }

    #[test]
    fn a_tree_hangs_children_under_parents() {
        let tree = Order { tree: true, ..CPU };
        assert_eq!(pids("", tree), [1, 20, 30, 5]);
        assert_eq!(pids("s", tree), [30, 5]);
    }
}
