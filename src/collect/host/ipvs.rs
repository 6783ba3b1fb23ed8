//! The kernel's load balancer.

use crate::collect::host::Reading;
use crate::collect::host::families::{counter, gauge};
use crate::collect::host::files::Failure;
use crate::collect::host::text;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The third line of /proc/net/ip_vs_stats, in its order.
const TOTALS: &[(&str, &str)] = &[
    ("node_ipvs_connections_total", "Connections taken."),
    ("node_ipvs_incoming_packets_total", "Packets that came in."),
    ("node_ipvs_outgoing_packets_total", "Packets that went out."),
    ("node_ipvs_incoming_bytes_total", "Bytes that came in."),
    ("node_ipvs_outgoing_bytes_total", "Bytes that went out."),
];

/// The columns of a back end's line after its address and the way packets are forwarded.
const BACKEND: &[(&str, &str)] = &[
    ("node_ipvs_backend_weight", "The back end's weight."),
    (
        "node_ipvs_backend_connections_active",
        "Connections that are open.",
    ),
    (
        "node_ipvs_backend_connections_inactive",
        "Connections that are closing.",
    ),
];

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let text = r.files.proc("net/ip_vs_stats")?;
    let line = text.lines().nth(2).unwrap_or_default();
    let cells: Vec<f64> = line
        .split_ascii_whitespace()
        .filter_map(text::hex)
        .collect();
    if cells.len() != TOTALS.len() {
        return Err(Failure::odd("/proc/net/ip_vs_stats", line, "five numbers"));
    }
    for ((name, help), value) in TOTALS.iter().zip(cells) {
        r.out.one(&counter(*name, *help), value);
    }
    for (at, values) in backends(r.files.proc("net/ip_vs")?) {
        let labels = [
            ("local_address", at.service.address.as_str()),
            ("local_mark", &at.service.mark),
            ("local_port", &at.service.port),
            ("proto", &at.service.protocol),
            ("remote_address", &at.address),
            ("remote_port", &at.port),
        ];
        for ((name, help), value) in BACKEND.iter().zip(values) {
            r.out.add(&gauge(*name, *help), &labels, value);
        }
    }
    Ok(())
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Service {
    protocol: String,
    address: String,
    port: String,
    mark: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Backend {
    service: Service,
    address: String,
    port: String,
}

/// Services with the back ends below them; back ends of one address are added up.
fn backends(text: &str) -> BTreeMap<Backend, [f64; 3]> {
    let mut out = BTreeMap::<Backend, [f64; 3]>::new();
    let mut service = Service::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words.as_slice() {
            [protocol @ ("TCP" | "UDP" | "SCTP"), local, ..] => {
                let Some((address, port)) = endpoint(local) else {
                    continue;
                };
                service = Service {
                    protocol: (*protocol).to_owned(),
                    address,
                    port,
                    mark: String::new(),
                };
            }
            ["FWM", mark, ..] => {
                service = Service {
                    protocol: "FWM".to_owned(),
                    port: "0".to_owned(),
                    mark: (*mark).to_owned(),
                    ..Service::default()
                };
            }
            ["->", remote, _, weight, active, inactive] => {
                let Some((address, port)) = endpoint(remote) else {
                    continue; // the heading
                };
                let key = Backend {
                    service: service.clone(),
                    address,
                    port,
                };
                let sums = out.entry(key).or_default();
                for (sum, cell) in sums.iter_mut().zip([weight, active, inactive]) {
                    *sum += cell.parse::<f64>().unwrap_or(0.0);
                }
            }
            _ => {}
        }
    }
    out
}

/// `C0A80016:0CEA` or `[2620:0000:...:0001]:0050`.
fn endpoint(text: &str) -> Option<(String, String)> {
    let (address, port) = text.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?.to_string();
    let six = address.strip_prefix('[').and_then(|a| a.strip_suffix(']'));
    let address = match six {
        Some(six) => six.parse::<Ipv6Addr>().ok()?.to_string(),
        None => Ipv4Addr::from(u32::from_str_radix(address, 16).ok()?).to_string(),
    };
    Some((address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_and_their_back_ends() {
        let text = "IP Virtual Server version 1.2.1 (size=4096)\n\
                    Prot LocalAddress:Port Scheduler Flags\n  \
                    -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n\
                    TCP  0A000001:0050 rr\n  -> 0A000002:1F90 Masq 5 7 1\n\
                    FWM  0000000A wlc\n  -> [fd00::2]:0050 Route 1 2 3\n";
        let all: Vec<_> = backends(text).into_iter().collect();
        assert_eq!(all.len(), 2);
        assert_eq!(
            (all[0].0.address.as_str(), all[0].1),
            ("fd00::2", [1.0, 2.0, 3.0])
        );
        assert_eq!(all[1].0.service.address, "10.0.0.1");
        assert_eq!(
            (all[1].0.port.as_str(), all[1].1),
            ("8080", [5.0, 7.0, 1.0])
        );
    }
}
