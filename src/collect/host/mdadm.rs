//! Software RAID, from /proc/mdstat.

use crate::collect::host::Reading;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;

const STATES: &[(&str, &str)] = &[
    ("active", "active"),
    ("inactive", "inactive"),
    ("recovering", "recovering"),
    ("resync", "resyncing"),
    ("check", "checking"),
];

#[derive(Clone, Debug, Default, PartialEq)]
struct Array {
    name: String,
    state: &'static str,
    active: f64,
    required: f64,
    failed: f64,
    spare: f64,
    blocks: f64,
    synced: f64,
}

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let arrays = arrays(r.files.proc("mdstat")?);
    let state = gauge("node_md_state", "1 for the state the array is in.");
    let disks = gauge("node_md_disks", "Disks of the array by their state.");
    let required = gauge("node_md_disks_required", "Disks the array needs.");
    let blocks = gauge("node_md_blocks", "Blocks of the array.");
    let synced = gauge("node_md_blocks_synced", "Blocks that are in step.");
    let raid = gauge("node_md_raid_disks", "Disks the array is made of.");
    let degraded = gauge("node_md_degraded", "Disks that are missing.");
    for array in arrays {
        let device = array.name.as_str();
        for (label, name) in STATES {
            let value = f64::from(u8::from(array.state == *name));
            r.out
                .add(&state, &[("device", device), ("state", label)], value);
        }
        let counts = [
            ("active", array.active),
            ("failed", array.failed),
            ("spare", array.spare),
        ];
        for (label, value) in counts {
            r.out
                .add(&disks, &[("device", device), ("state", label)], value);
        }
        let labels = [("device", device)];
        r.out.add(&required, &labels, array.required);
        r.out.add(&blocks, &labels, array.blocks);
        r.out.add(&synced, &labels, array.synced);
        for (file, desc) in [("raid_disks", &raid), ("degraded", &degraded)] {
            if let Some(value) = r.files.sys_number(&format!("block/{device}/md/{file}")) {
                r.out.add(desc, &labels, value);
            }
        }
    }
    Ok(())
}

fn arrays(text: &str) -> Vec<Array> {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let Some((name, rest)) = line.split_once(" : ") else {
            continue;
        };
        let name = name.trim();
        if name.is_empty() || ["Personalities", "unused devices"].contains(&name) {
            continue;
        }
        let end = lines[i + 1..]
            .iter()
            .position(|l| l.trim().is_empty() || l.contains(" : "))
            .map_or(lines.len(), |n| i + 1 + n);
        out.push(array(name, rest, &lines[i + 1..end]));
    }
    out
}

/// `active raid1 sda1[0] sdb1[1](F)`, then the lines below it.
fn array(name: &str, rest: &str, below: &[&str]) -> Array {
    let active = rest.split_ascii_whitespace().next() == Some("active");
    let members = rest.matches('[').count() as f64;
    let status = below.first().copied().unwrap_or_default();
    let blocks = number_at(status, 0).unwrap_or(0.0);
    let mut array = Array {
        name: name.to_owned(),
        state: if active { "active" } else { "inactive" },
        active: if active { members } else { 0.0 },
        required: members,
        failed: rest.matches("(F)").count() as f64,
        spare: rest.matches("(S)").count() as f64,
        blocks,
        synced: blocks,
    };
    // `[required/active]`, which RAID 0 and linear arrays do not have.
    let pair = status
        .split('[')
        .find_map(|p| p.split_once(']')?.0.split_once('/'));
    if let Some((Ok(required), Ok(active))) = pair.map(|(a, b)| (a.parse(), b.parse())) {
        (array.required, array.active) = (required, active);
    }
    let words = [
        ("recovery", "recovering"),
        ("reshape", "reshaping"),
        ("resync", "resyncing"),
        ("check", "checking"),
    ];
    for line in below.iter().skip(1) {
        let Some((_, state)) = words.iter().find(|(w, _)| line.contains(w)) else {
            continue;
        };
        array.state = state;
        // `(16775552/195310144)`; while it waits for its turn nothing is in step.
        let done = line.split_once('(').and_then(|(_, r)| r.split_once('/'));
        array.synced = match done.map(|(d, _)| d.parse()) {
            Some(Ok(done)) => done,
            _ => 0.0,
        };
    }
    array
}

fn number_at(line: &str, n: usize) -> Option<f64> {
    line.split_ascii_whitespace().nth(n)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_mirror_that_recovers_and_a_stripe() {
        let text = "Personalities : [raid1] [raid0]\n\
            md1 : active raid1 sdc1[2](S) sdb1[1](F) sda1[0]\n      \
            1000 blocks super 1.2 [2/1] [U_]\n      \
            [==>....]  recovery = 12.5% (125/1000) finish=1.0min speed=10K/sec\n\n\
            md2 : active raid0 sde[0] sdd[1]\n      500 blocks super 1.2 512k chunks\n\n\
            md3 : inactive sdf[0](S)\n      70 blocks\n\nunused devices: <none>\n";
        let all = arrays(text);
        assert_eq!(all.len(), 3);
        assert_eq!(
            (all[0].state, all[0].active, all[0].required),
            ("recovering", 1.0, 2.0)
        );
        assert_eq!(
            (all[0].failed, all[0].spare, all[0].synced),
            (1.0, 1.0, 125.0)
        );
        assert_eq!(
            (all[1].state, all[1].active, all[1].synced),
            ("active", 2.0, 500.0)
        );
        assert_eq!(
            (all[2].state, all[2].active, all[2].spare),
            ("inactive", 0.0, 1.0)
        );
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "([a-z0-9 :/()\\[\\]_%=.UF-]|\n| : )*") {
            let _ = arrays(&text);
        }
    }
}
