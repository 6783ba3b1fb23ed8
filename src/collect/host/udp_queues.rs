//! Bytes waiting in UDP sockets.

use crate::collect::host::Reading;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;
use crate::collect::host::text;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let desc = gauge(
        "node_udp_queues",
        "Bytes waiting in the UDP sockets, received (rx) or to be sent (tx).",
    );
    let mut found = false;
    for (file, ip) in [("net/udp", "v4"), ("net/udp6", "v6")] {
        let text = match r.files.proc(file) {
            Ok(text) => text,
            Err(Failure::Absent(_)) => continue,
            Err(other) => return Err(other),
        };
        found = true;
        let (tx, rx) = sums(text);
        r.out.add(&desc, &[("ip", ip), ("queue", "tx")], tx);
        r.out.add(&desc, &[("ip", ip), ("queue", "rx")], rx);
    }
    if found {
        Ok(())
    } else {
        Err(Failure::Absent("/proc/net/udp".to_owned()))
    }
}

/// The fifth column of each socket is `tx:rx` in hexadecimal.
fn sums(text: &str) -> (f64, f64) {
    let (mut tx, mut rx) = (0.0, 0.0);
    for line in text.lines().skip(1) {
        let queues = line.split_ascii_whitespace().nth(4);
        if let Some((t, r)) = queues.and_then(|q| q.split_once(':')) {
            tx += text::hex(t).unwrap_or(0.0);
            rx += text::hex(r).unwrap_or(0.0);
        }
    }
    (tx, rx)
}
