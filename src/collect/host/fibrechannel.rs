//! Fibre Channel host adapters.

use crate::collect::host::Reading;
use crate::collect::host::families::{counter, gauge};
use crate::collect::host::files::Failure;

const ROOT: &str = "class/fc_host";

/// File in `statistics`, what stands between `node_fibrechannel_` and `_total`, meaning.
const COUNTERS: &[(&str, &str, &str)] = &[
    (
        "dumped_frames",
        "dumped_frames",
        "Frames dropped by the host.",
    ),
    ("error_frames", "error_frames", "Broken frames."),
    ("fcp_packet_aborts", "fcp_packet_aborts", "Packets aborted."),
    (
        "invalid_crc_count",
        "invalid_crc",
        "Frames with a wrong checksum.",
    ),
    (
        "invalid_tx_word_count",
        "invalid_tx_words",
        "Invalid words sent.",
    ),
    (
        "link_failure_count",
        "link_failure",
        "Times the link failed.",
    ),
    (
        "loss_of_signal_count",
        "loss_of_signal",
        "Times the signal was lost.",
    ),
    (
        "loss_of_sync_count",
        "loss_of_sync",
        "Times synchronisation was lost.",
    ),
    ("nos_count", "nos", "Sequences of \"not operational\"."),
    ("rx_frames", "rx_frames", "Frames received."),
    ("rx_words", "rx_words", "Words received."),
    (
        "seconds_since_last_reset",
        "seconds_since_last_reset",
        "Seconds since the port was reset.",
    ),
    ("tx_frames", "tx_frames", "Frames sent."),
    ("tx_words", "tx_words", "Words sent."),
];

/// Files that are labels too.
const FACTS: &[&str] = &[
    "dev_loss_tmo",
    "fabric_name",
    "port_id",
    "port_name",
    "port_state",
    "port_type",
    "speed",
    "supported_classes",
    "supported_speeds",
    "symbolic_name",
];

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    for host in r.files.sys_list(ROOT)? {
        let mut labels = vec![("fc_host", host.clone())];
        for fact in FACTS {
            let value = r.files.sys_text(&format!("{ROOT}/{host}/{fact}"));
            let value = value.unwrap_or_default();
            labels.push((*fact, value.trim_start_matches("0x").to_owned()));
        }
        let labels: Vec<(&str, &str)> = labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let desc = gauge(
            "node_fibrechannel_info",
            "Names, state and speed of the port, as labels.",
        );
        r.out.add(&desc, &labels, 1.0);
        for (file, name, help) in COUNTERS {
            let path = format!("{ROOT}/{host}/statistics/{file}");
            let Some(value) = r.files.sys_number(&path) else {
                continue;
            };
            // All bits set: the adapter does not count this.
            if value < u64::MAX as f64 {
                let desc = counter(format!("node_fibrechannel_{name}_total"), *help);
                r.out.add(&desc, &[("fc_host", &host)], value);
            }
        }
    }
    Ok(())
}
