//! Sockets in use by protocol.

use crate::collect::host::Reading;
use crate::collect::host::families::{Families, gauge};
use crate::collect::host::files::Failure;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let page = rustix::param::page_size() as f64;
    lines(r.out, r.files.proc("net/sockstat")?, page);
    match r.files.proc("net/sockstat6") {
        Ok(text) => lines(r.out, text, page),
        // IPv6 may be off.
        Err(Failure::Absent(_)) => {}
        Err(other) => return Err(other),
    }
    Ok(())
}

/// `TCP: inuse 4 orphan 0 mem 362`; memory is counted in pages.
fn lines(out: &mut Families, text: &str, page: f64) {
    for line in text.lines() {
        let Some((protocol, rest)) = line.split_once(':') else {
            continue;
        };
        let mut words = rest.split_ascii_whitespace();
        while let (Some(field), Some(value)) = (words.next(), words.next()) {
            let Ok(value) = value.parse::<f64>() else {
                continue;
            };
            let desc = gauge(
                format!("node_sockstat_{protocol}_{field}"),
                "Sockets, or their memory in pages, as /proc/net/sockstat names it.",
            );
            out.one(&desc, value);
            if field == "mem" {
                let desc = gauge(
                    format!("node_sockstat_{protocol}_mem_bytes"),
                    "Memory that the protocol's sockets hold.",
                );
                out.one(&desc, value * page);
            }
        }
    }
}
