//! Counters of the network protocols: the fields node_exporter keeps by default.

use crate::collect::host::Reading;
use crate::collect::host::families::{Families, untyped};
use crate::collect::host::files::Failure;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    for file in ["net/netstat", "net/snmp"] {
        let text = r.files.proc(file)?;
        let mut lines = text.lines();
        // Lines come in pairs: `Tcp: name name ...` and `Tcp: value value ...`.
        while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
            let Some((protocol, names)) = names.split_once(':') else {
                return Err(Failure::odd(file, names, "a protocol and a colon"));
            };
            let values = values.split_once(':').map_or("", |(_, v)| v);
            let (names, values) = (
                names.split_ascii_whitespace(),
                values.split_ascii_whitespace(),
            );
            for (name, value) in names.zip(values) {
                put(r.out, protocol, name, value);
            }
        }
    }
    match r.files.proc("net/snmp6") {
        Ok(text) => {
            for line in text.lines() {
                let mut words = line.split_ascii_whitespace();
                let (Some(key), Some(value)) = (words.next(), words.next()) else {
                    continue;
                };
                if let Some(six) = key.find('6') {
                    put(r.out, &key[..=six], &key[six + 1..], value);
                }
            }
            Ok(())
        }
        // IPv6 may be off.
        Err(Failure::Absent(_)) => Ok(()),
        Err(other) => Err(other),
    }
}

fn put(out: &mut Families, protocol: &str, field: &str, value: &str) {
    if !kept(protocol, field) {
        return;
    }
    if let Ok(value) = value.parse() {
        let desc = untyped(
            format!("node_netstat_{protocol}_{field}"),
            "A counter of the kernel's network protocols, as /proc/net names it.",
        );
        out.one(&desc, value);
    }
}

/// node_exporter's default for `--collector.netstat.fields`, written out.
fn kept(protocol: &str, field: &str) -> bool {
    if matches!(field, "InErrors" | "InErrs") {
        return true;
    }
    match protocol {
        "Ip" => field == "Forwarding",
        "Ip6" | "IpExt" => matches!(field, "InOctets" | "OutOctets"),
        "Icmp" | "Icmp6" => matches!(field, "InMsgs" | "OutMsgs"),
        "TcpExt" => {
            field.starts_with("Listen")
                || field.starts_with("Syncookies")
                || matches!(
                    field,
                    "TCPSynRetrans" | "TCPTimeouts" | "TCPOFOQueue" | "TCPRcvQDrop"
                )
        }
        "Tcp" => matches!(
            field,
            "ActiveOpens"
                | "InSegs"
                | "OutSegs"
                | "OutRsts"
                | "PassiveOpens"
                | "RetransSegs"
                | "CurrEstab"
        ),
        "Udp" | "Udp6" => matches!(
            field,
            "InDatagrams" | "OutDatagrams" | "NoPorts" | "RcvbufErrors" | "SndbufErrors"
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_fields() {
        assert!(kept("UdpLite6", "InErrors") && kept("TcpExt", "ListenDrops"));
        assert!(!kept("Tcp", "MaxConn") && !kept("Ip", "InReceives"));
    }
}
