//! Calls this machine makes as an NFS client, and the shape both sides of NFS share.

use crate::collect::host::Reading;
use crate::collect::host::families::counter;
use crate::collect::host::files::Failure;

/// Calls of version 2 in the kernel's order.
pub(crate) const V2: &[&str] = &[
    "Null", "GetAttr", "SetAttr", "Root", "Lookup", "ReadLink", "Read", "WrCache", "Write",
    "Create", "Remove", "Rename", "Link", "SymLink", "MkDir", "RmDir", "ReadDir", "FsStat",
];

/// Calls of version 3 in the kernel's order.
pub(crate) const V3: &[&str] = &[
    "Null",
    "GetAttr",
    "SetAttr",
    "Lookup",
    "Access",
    "ReadLink",
    "Read",
    "Write",
    "Create",
    "MkDir",
    "SymLink",
    "MkNod",
    "Remove",
    "RmDir",
    "Rename",
    "Link",
    "ReadDir",
    "ReadDirPlus",
    "FsStat",
    "FsInfo",
    "PathConf",
    "Commit",
];

/// Calls of a version 4 client in the kernel's order.
const V4: &[&str] = &[
    "Null",
    "Read",
    "Write",
    "Commit",
    "Open",
    "OpenConfirm",
    "OpenNoattr",
    "OpenDowngrade",
    "Close",
    "Setattr",
    "FsInfo",
    "Renew",
    "SetClientID",
    "SetClientIDConfirm",
    "Lock",
    "Lockt",
    "Locku",
    "Access",
    "Getattr",
    "Lookup",
    "LookupRoot",
    "Remove",
    "Rename",
    "Link",
    "Symlink",
    "Create",
    "Pathconf",
    "StatFs",
    "ReadLink",
    "ReadDir",
    "ServerCaps",
    "DelegReturn",
    "GetACL",
    "SetACL",
    "FsLocations",
    "ReleaseLockowner",
    "Secinfo",
    "FsidPresent",
    "ExchangeID",
    "CreateSession",
    "DestroySession",
    "Sequence",
    "GetLeaseTime",
    "ReclaimComplete",
    "LayoutGet",
    "GetDeviceInfo",
    "LayoutCommit",
    "LayoutReturn",
    "SecinfoNoName",
    "TestStateID",
    "FreeStateID",
    "GetDeviceList",
    "BindConnToSession",
    "DestroyClientID",
    "Seek",
    "Allocate",
    "DeAllocate",
    "LayoutStats",
    "Clone",
];

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let text = r.files.proc("net/rpc/nfs")?;
    for line in text.lines() {
        let (word, cells) = cells(line);
        let at = |n: usize| cells.get(n).copied().unwrap_or(0.0);
        match word {
            "net" => {
                let packets = counter("node_nfs_packets_total", "Packets by protocol.");
                r.out.add(&packets, &[("protocol", "udp")], at(1));
                r.out.add(&packets, &[("protocol", "tcp")], at(2));
                let desc = counter("node_nfs_connections_total", "TCP connections opened.");
                r.out.one(&desc, at(3));
            }
            "rpc" => {
                let all = counter("node_nfs_rpcs_total", "Calls made.");
                let again = counter("node_nfs_rpc_retransmissions_total", "Calls sent again.");
                let auth = counter(
                    "node_nfs_rpc_authentication_refreshes_total",
                    "Times credentials were renewed.",
                );
                r.out.one(&all, at(0));
                r.out.one(&again, at(1));
                r.out.one(&auth, at(2));
            }
            "proc2" | "proc3" | "proc4" => {
                let methods = [V2, V3, V4][usize::from(word.as_bytes()[4] - b'2')];
                let desc = counter("node_nfs_requests_total", "Calls made, by name.");
                // The first number tells how many follow.
                for (method, value) in methods.iter().zip(cells.iter().skip(1)) {
                    let labels = [("method", *method), ("proto", &word[4..])];
                    r.out.add(&desc, &labels, *value);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The first word of a line and the numbers behind it.
pub(crate) fn cells(line: &str) -> (&str, Vec<f64>) {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let cells = rest.split_ascii_whitespace();
    (word, cells.map(|c| c.parse().unwrap_or(0.0)).collect())
}
