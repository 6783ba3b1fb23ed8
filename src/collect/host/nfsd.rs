//! Calls this machine answers as an NFS server.

use crate::collect::host::Reading;
use crate::collect::host::families::{Families, counter, gauge};
use crate::collect::host::files::Failure;
use crate::collect::host::nfs;

/// Operations of version 4 in the kernel's order. The first three numbers are never used.
const V4: &[&str] = &[
    "",
    "",
    "",
    "Access",
    "Close",
    "Commit",
    "Create",
    "DelegPurge",
    "DelegReturn",
    "GetAttr",
    "GetFH",
    "Link",
    "Lock",
    "Lockt",
    "Locku",
    "Lookup",
    "LookupRoot",
    "Nverify",
    "Open",
    "OpenAttr",
    "OpenConfirm",
    "OpenDgrd",
    "PutFH",
    "",
    "",
    "Read",
    "ReadDir",
    "ReadLink",
    "Remove",
    "Rename",
    "Renew",
    "RestoreFH",
    "SaveFH",
    "SecInfo",
    "SetAttr",
    "SetClientID",
    "SetClientIDConfirm",
    "Verify",
    "Write",
    "RelLockOwner",
];

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let text = r.files.proc("net/rpc/nfsd")?;
    for line in text.lines() {
        let (word, cells) = nfs::cells(line);
        match word {
            "proc2" => requests(r.out, "2", nfs::V2, &cells),
            "proc3" => requests(r.out, "3", nfs::V3, &cells),
            "proc4ops" => requests(r.out, "4", V4, &cells),
            "wdeleg_getattr" => {
                let labels = [("method", "WdelegGetattr"), ("proto", "4")];
                let value = cells.first().copied().unwrap_or(0.0);
                r.out.add(&requests_desc(), &labels, value);
            }
            _ => others(r.out, word, &cells),
        }
    }
    Ok(())
}

fn requests_desc() -> crate::collect::host::families::Desc {
    counter("node_nfsd_requests_total", "Calls answered, by name.")
}

fn requests(out: &mut Families, version: &str, methods: &[&str], cells: &[f64]) {
    for (method, value) in methods.iter().zip(cells.iter().skip(1)) {
        if !method.is_empty() && *method != "Null" {
            let labels = [("method", *method), ("proto", version)];
            out.add(&requests_desc(), &labels, *value);
        }
    }
}

fn others(out: &mut Families, word: &str, cells: &[f64]) {
    let at = |n: usize| cells.get(n).copied().unwrap_or(0.0);
    let mut count = |name: &'static str, help: &'static str, value: f64| {
        out.one(&counter(name, help), value);
    };
    match word {
        "rc" => {
            count(
                "node_nfsd_reply_cache_hits_total",
                "Answers found kept.",
                at(0),
            );
            count(
                "node_nfsd_reply_cache_misses_total",
                "Answers not found kept.",
                at(1),
            );
            count(
                "node_nfsd_reply_cache_nocache_total",
                "Answers never kept.",
                at(2),
            );
        }
        "fh" => count(
            "node_nfsd_file_handles_stale_total",
            "Handles of files gone.",
            at(0),
        ),
        "io" => {
            count(
                "node_nfsd_disk_bytes_read_total",
                "Bytes read for clients.",
                at(0),
            );
            count(
                "node_nfsd_disk_bytes_written_total",
                "Bytes written for clients.",
                at(1),
            );
        }
        "th" => out.one(
            &gauge("node_nfsd_server_threads", "Threads that serve."),
            at(0),
        ),
        "ra" => {
            let size = gauge(
                "node_nfsd_read_ahead_cache_size_blocks",
                "Size of the cache for reading ahead.",
            );
            out.one(&size, at(0));
            let missed = counter(
                "node_nfsd_read_ahead_cache_not_found_total",
                "Blocks not found in the cache for reading ahead.",
            );
            out.one(&missed, at(11));
        }
        "net" => {
            let packets = counter("node_nfsd_packets_total", "Packets by protocol.");
            out.add(&packets, &[("proto", "udp")], at(1));
            out.add(&packets, &[("proto", "tcp")], at(2));
            let desc = counter("node_nfsd_connections_total", "TCP connections taken.");
            out.one(&desc, at(3));
        }
        "rpc" => {
            let errors = counter("node_nfsd_rpc_errors_total", "Calls refused, by reason.");
            out.add(&errors, &[("error", "fmt")], at(2));
            out.add(&errors, &[("error", "auth")], at(3));
            out.add(&errors, &[("error", "cInt")], at(4));
            let desc = counter("node_nfsd_server_rpcs_total", "Calls answered.");
            out.one(&desc, at(0));
        }
        _ => {}
    }
}
