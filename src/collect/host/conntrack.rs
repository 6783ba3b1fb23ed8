//! The connection tracking table of netfilter.

use crate::collect::host::Reading;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;
use crate::collect::host::text;

/// Column in /proc/net/stat/nf_conntrack, what it counts.
const COLUMNS: &[(&str, &str)] = &[
    ("found", "Entries that were looked up and found."),
    ("invalid", "Packets that could not be tracked."),
    ("ignore", "Packets of connections that are tracked already."),
    ("insert", "Entries put into the table."),
    (
        "insert_failed",
        "Entries that could not be put into the table.",
    ),
    ("drop", "Packets dropped because tracking failed."),
    ("early_drop", "Entries dropped to make room for new ones."),
    (
        "search_restart",
        "Lookups begun again because the table was resized.",
    ),
];

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let count = value(r, "sys/net/netfilter/nf_conntrack_count")?;
    let limit = value(r, "sys/net/netfilter/nf_conntrack_max")?;
    let entries = gauge("node_nf_conntrack_entries", "Tracked connections now.");
    let most = gauge(
        "node_nf_conntrack_entries_limit",
        "The most connections that can be tracked.",
    );
    r.out.one(&entries, count);
    r.out.one(&most, limit);
    let text = r.files.proc("net/stat/nf_conntrack")?;
    for (column, sum) in sums(text) {
        let Some((name, help)) = COLUMNS.iter().find(|(name, _)| *name == column) else {
            continue;
        };
        let desc = gauge(format!("node_nf_conntrack_stat_{name}"), *help);
        r.out.one(&desc, sum);
    }
    Ok(())
}

fn value(r: &mut Reading<'_>, path: &str) -> Result<f64, Failure> {
    let text = r.files.proc(path)?;
    text::number(text).ok_or_else(|| Failure::odd(path, text, "a number"))
}

/// The columns by the names of the first line, each added up over all cores (one line a core).
fn sums(text: &str) -> Vec<(&str, f64)> {
    let mut lines = text.lines();
    let names = lines.next().unwrap_or_default().split_ascii_whitespace();
    let mut out: Vec<(&str, f64)> = names.map(|n| (n, 0.0)).collect();
    for line in lines {
        for (cell, (_, sum)) in line.split_ascii_whitespace().zip(&mut out) {
            *sum += text::hex(cell).unwrap_or(0.0);
        }
    }
    out
}
