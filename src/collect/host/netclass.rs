//! What each network device is, from /sys/class/net.

use crate::collect::host::Reading;
use crate::collect::host::families::{counter, gauge};
use crate::collect::host::files::Failure;

/// File, what stands after `node_network_`, factor, meaning.
const FILES: &[(&str, &str, f64, &str)] = &[
    (
        "addr_assign_type",
        "address_assign_type",
        1.0,
        "How the address came about.",
    ),
    ("carrier", "carrier", 1.0, "1 where there is a link."),
    (
        "carrier_changes",
        "carrier_changes_total",
        1.0,
        "Times the link came or went.",
    ),
    (
        "carrier_down_count",
        "carrier_down_changes_total",
        1.0,
        "Times the link went.",
    ),
    (
        "carrier_up_count",
        "carrier_up_changes_total",
        1.0,
        "Times the link came.",
    ),
    (
        "dev_id",
        "device_id",
        1.0,
        "The device's number among those of its card.",
    ),
    (
        "dormant",
        "dormant",
        1.0,
        "1 where the device waits for something outside.",
    ),
    ("flags", "flags", 1.0, "The device's flags."),
    ("ifindex", "iface_id", 1.0, "The device's number."),
    (
        "iflink",
        "iface_link",
        1.0,
        "The number of the device it stands on.",
    ),
    ("link_mode", "iface_link_mode", 1.0, "The link's mode."),
    ("mtu", "mtu_bytes", 1.0, "The largest packet."),
    (
        "name_assign_type",
        "name_assign_type",
        1.0,
        "How the name came about.",
    ),
    ("netdev_group", "net_dev_group", 1.0, "The device's group."),
    // Megabits to bytes.
    (
        "speed",
        "speed_bytes",
        125_000.0,
        "Bytes a second the link can carry.",
    ),
    (
        "tx_queue_len",
        "transmit_queue_length",
        1.0,
        "Packets the send queue holds.",
    ),
    ("type", "protocol_type", 1.0, "The kind of network."),
];

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let up = gauge("node_network_up", "1 where the device's state is up.");
    let info = gauge(
        "node_network_info",
        "Addresses, duplex, alias and state of the device, as labels.",
    );
    for device in r.files.sys_list("class/net")? {
        let at = |file: &str| format!("class/net/{device}/{file}");
        if !r.files.sys_is_dir(&format!("class/net/{device}")) {
            continue; // `bonding_masters` is a file among the devices
        }
        if !r.options.picks.interfaces.takes(&device, || false) {
            continue;
        }
        for (file, name, factor, help) in FILES {
            let Some(value) = r.files.sys_number(&at(file)) else {
                continue;
            };
            let name = format!("node_network_{name}");
            let desc = if name.ends_with("_total") {
                counter(name, *help)
            } else {
                gauge(name, *help)
            };
            r.out.add(&desc, &[("device", &device)], value * factor);
        }
        let mut text = |file: &str| r.files.sys_text(&at(file)).unwrap_or_default();
        let state = text("operstate");
        let labels = [
            ("address", text("address")),
            ("broadcast", text("broadcast")),
            ("device", device.clone()),
            ("duplex", text("duplex")),
            ("ifalias", text("ifalias")),
            ("operstate", state.clone()),
        ];
        let labels: Vec<(&str, &str)> = labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
        r.out.add(&info, &labels, 1.0);
        let value = f64::from(u8::from(state == "up"));
        r.out.add(&up, &[("device", &device)], value);
    }
    Ok(())
}
