//! InfiniBand devices and the counters of their ports.

use crate::collect::host::Reading;
use crate::collect::host::families::{counter, gauge};
use crate::collect::host::files::Failure;

const ROOT: &str = "class/infiniband";

/// File below the port, what stands between `node_infiniband_` and `_total`, factor. Data is
/// counted in words of four bytes.
const COUNTERS: &[(&str, &str, f64)] = &[
    (
        "counters_ext/port_multicast_rcv_packets",
        "legacy_multicast_packets_received",
        1.0,
    ),
    (
        "counters_ext/port_multicast_xmit_packets",
        "legacy_multicast_packets_transmitted",
        1.0,
    ),
    (
        "counters_ext/port_rcv_data_64",
        "legacy_data_received_bytes",
        4.0,
    ),
    (
        "counters_ext/port_rcv_packets_64",
        "legacy_packets_received",
        1.0,
    ),
    (
        "counters_ext/port_unicast_rcv_packets",
        "legacy_unicast_packets_received",
        1.0,
    ),
    (
        "counters_ext/port_unicast_xmit_packets",
        "legacy_unicast_packets_transmitted",
        1.0,
    ),
    (
        "counters_ext/port_xmit_data_64",
        "legacy_data_transmitted_bytes",
        4.0,
    ),
    (
        "counters_ext/port_xmit_packets_64",
        "legacy_packets_transmitted",
        1.0,
    ),
    ("counters/VL15_dropped", "vl15_dropped", 1.0),
    (
        "counters/excessive_buffer_overrun_errors",
        "excessive_buffer_overrun_errors",
        1.0,
    ),
    ("counters/link_downed", "link_downed", 1.0),
    ("counters/link_error_recovery", "link_error_recovery", 1.0),
    (
        "counters/local_link_integrity_errors",
        "local_link_integrity_errors",
        1.0,
    ),
    (
        "counters/multicast_rcv_packets",
        "multicast_packets_received",
        1.0,
    ),
    (
        "counters/multicast_xmit_packets",
        "multicast_packets_transmitted",
        1.0,
    ),
    (
        "counters/port_rcv_constraint_errors",
        "port_constraint_errors_received",
        1.0,
    ),
    ("counters/port_rcv_data", "port_data_received_bytes", 4.0),
    ("counters/port_rcv_discards", "port_discards_received", 1.0),
    ("counters/port_rcv_errors", "port_errors_received", 1.0),
    ("counters/port_rcv_packets", "port_packets_received", 1.0),
    (
        "counters/port_rcv_remote_physical_errors",
        "port_receive_remote_physical_errors",
        1.0,
    ),
    (
        "counters/port_rcv_switch_relay_errors",
        "port_receive_switch_relay_errors",
        1.0,
    ),
    (
        "counters/port_xmit_constraint_errors",
        "port_constraint_errors_transmitted",
        1.0,
    ),
    (
        "counters/port_xmit_data",
        "port_data_transmitted_bytes",
        4.0,
    ),
    (
        "counters/port_xmit_discards",
        "port_discards_transmitted",
        1.0,
    ),
    (
        "counters/port_xmit_packets",
        "port_packets_transmitted",
        1.0,
    ),
    ("counters/port_xmit_wait", "port_transmit_wait", 1.0),
    ("counters/symbol_error", "symbol_error", 1.0),
    (
        "counters/unicast_rcv_packets",
        "unicast_packets_received",
        1.0,
    ),
    (
        "counters/unicast_xmit_packets",
        "unicast_packets_transmitted",
        1.0,
    ),
];

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let info = gauge(
        "node_infiniband_info",
        "Board, firmware and kind of the device, as labels.",
    );
    for device in r.files.sys_list(ROOT)? {
        let mut text = |file: &str| {
            let path = format!("{ROOT}/{device}/{file}");
            r.files.sys_text(&path).unwrap_or_default()
        };
        let labels = [
            ("board_id", text("board_id")),
            ("device", device.clone()),
            ("firmware_version", text("fw_ver")),
            ("hca_type", text("hca_type")),
        ];
        let labels: Vec<(&str, &str)> = labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
        r.out.add(&info, &labels, 1.0);
        let ports = format!("{ROOT}/{device}/ports");
        for port in r.files.sys_list(&ports).unwrap_or_default() {
            read_port(r, &format!("{ports}/{port}"), &device, &port);
        }
    }
    Ok(())
}

fn read_port(r: &mut Reading<'_>, at: &str, device: &str, port: &str) {
    let labels = [("device", device), ("port", port)];
    // `4: ACTIVE` and `5: LinkUp`
    let states = [
        (
            "state",
            "node_infiniband_state_id",
            "The port's state by number: 4 is active.",
        ),
        (
            "phys_state",
            "node_infiniband_physical_state_id",
            "The link's state by number: 5 is up.",
        ),
    ];
    for (file, name, help) in states {
        let text = r.files.sys_text(&format!("{at}/{file}"));
        let id = text
            .as_deref()
            .and_then(|t| t.split(':').next()?.trim().parse().ok());
        if let Some(id) = id {
            r.out.add(&gauge(name, help), &labels, id);
        }
    }
    // `40 Gb/sec (4X QDR)`
    let rate = r.files.sys_text(&format!("{at}/rate"));
    let gigabits = rate
        .as_deref()
        .and_then(|t| t.split_once(" Gb/sec")?.0.trim().parse::<f64>().ok());
    if let Some(gigabits) = gigabits {
        let desc = gauge(
            "node_infiniband_rate_bytes_per_second",
            "Bytes a second the link can carry.",
        );
        r.out.add(&desc, &labels, gigabits * 1e9 / 8.0);
    }
    for (file, name, factor) in COUNTERS {
        if let Some(value) = r.files.sys_number(&format!("{at}/{file}")) {
            let desc = counter(
                format!("node_infiniband_{name}_total"),
                "A counter of the port; data in bytes.",
            );
            r.out.add(&desc, &labels, value * factor);
        }
    }
}
