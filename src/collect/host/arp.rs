//! Neighbours by device, from /proc/net/arp.

use crate::collect::host::Reading;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;
use std::collections::BTreeMap;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let text = r.files.proc("net/arp")?;
    let mut by_device = BTreeMap::<&str, u32>::new();
    // IP address, HW type, flags, HW address, mask, device
    for line in text.lines().skip(1) {
        if let Some(device) = line.split_ascii_whitespace().nth(5) {
            *by_device.entry(device).or_default() += 1;
        }
    }
    let desc = gauge(
        "node_arp_entries",
        "Neighbours in the ARP table, by device.",
    );
    for (device, entries) in by_device {
        r.out.add(&desc, &[("device", device)], f64::from(entries));
    }
    Ok(())
}
