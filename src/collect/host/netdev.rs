//! Bytes and packets by network device.

use crate::collect::host::Reading;
use crate::collect::host::families::{Desc, counter};
use crate::collect::host::files::Failure;
use crate::collect::host::text;

/// The columns of /proc/net/dev, in its order.
const COLUMNS: &[(&str, &str)] = &[
    ("node_network_receive_bytes_total", "Bytes received."),
    ("node_network_receive_packets_total", "Packets received."),
    (
        "node_network_receive_errs_total",
        "Packets received broken.",
    ),
    (
        "node_network_receive_drop_total",
        "Received packets that were dropped.",
    ),
    (
        "node_network_receive_fifo_total",
        "Packets lost to a full receive buffer.",
    ),
    (
        "node_network_receive_frame_total",
        "Packets received with a broken frame.",
    ),
    (
        "node_network_receive_compressed_total",
        "Compressed packets received.",
    ),
    (
        "node_network_receive_multicast_total",
        "Multicast packets received.",
    ),
    ("node_network_transmit_bytes_total", "Bytes sent."),
    ("node_network_transmit_packets_total", "Packets sent."),
    (
        "node_network_transmit_errs_total",
        "Packets that could not be sent.",
    ),
    (
        "node_network_transmit_drop_total",
        "Packets dropped before they were sent.",
    ),
    (
        "node_network_transmit_fifo_total",
        "Packets lost to a full send buffer.",
    ),
    (
        "node_network_transmit_colls_total",
        "Collisions while sending.",
    ),
    (
        "node_network_transmit_carrier_total",
        "Packets not sent for want of a carrier.",
    ),
    (
        "node_network_transmit_compressed_total",
        "Compressed packets sent.",
    ),
];

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let descs: Vec<Desc> = COLUMNS.iter().map(|(n, h)| counter(*n, *h)).collect();
    let mut devices = Vec::new();
    for line in r.files.proc("net/dev")?.lines().skip(2) {
        // An alias has a colon in its name.
        let Some((device, rest)) = line.rsplit_once(':') else {
            continue;
        };
        let device = device.trim();
        if !r.options.picks.interfaces.takes(device, || false) {
            continue;
        }
        for (desc, cell) in descs.iter().zip(rest.split_ascii_whitespace()) {
            if let Some(value) = text::number(cell) {
                r.out.add(desc, &[("device", device)], value);
            }
        }
        devices.push(device.to_owned());
    }
    // Not in /proc/net/dev; kernels before 4.6 do not have it at all.
    let desc = counter(
        "node_network_receive_nohandler_total",
        "Received packets that nobody wanted.",
    );
    for device in devices {
        let path = format!("class/net/{device}/statistics/rx_nohandler");
        if let Some(value) = r.files.sys_number(&path) {
            r.out.add(&desc, &[("device", &device)], value);
        }
    }
    Ok(())
}
