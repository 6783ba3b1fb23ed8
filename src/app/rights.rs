//! Whether a caller may do what the engine could.

use crate::app::engine::Shared;
use crate::base::fs;
use crate::source::api::Caller;

/// A signal follows the engine's rights and the caller's number: root and the engine's own user may
/// what the engine may; everybody else only what is theirs.
pub(crate) fn may_signal(
    shared: &Shared,
    caller: &Caller,
    pid: i32,
    started: u64,
) -> Result<(), String> {
    let Some(uid) = caller.uid else {
        return Err("signals are sent only for callers over the socket".to_owned());
    };
    if uid == 0 || uid == shared.launch.uid {
        return Ok(());
    }
    let rows = shared.watching.processes.borrow().clone();
    let row = rows
        .rows
        .iter()
        .find(|r| r.pid == pid && r.started == started);
    let Some(row) = row else {
        return Err(format!("process {pid} is not known any more"));
    };
    let passwd = fs::read_text("/etc/passwd".as_ref(), 4 << 20).unwrap_or_default();
    let own = account(&passwd, uid).unwrap_or_else(|| uid.to_string());
    if row.user == own || row.user == uid.to_string() {
        return Ok(());
    }
    Err(format!(
        "process {pid} belongs to {}, and you are {own}; use sudo",
        row.user
    ))
}

/// Attaching to a JVM shows what it holds, its properties and so its secrets: it is for root, the
/// engine's own user, and the user the JVM runs as.
pub(crate) fn may_attach(shared: &Shared, caller: &Caller, owner: u32) -> Result<(), String> {
    match caller.uid {
        None => Err("JVMs are asked only for callers over the socket".to_owned()),
        Some(uid) if uid == 0 || uid == shared.launch.uid || uid == owner => Ok(()),
        Some(uid) => Err(format!(
            "the JVM belongs to uid {owner}, and you are uid {uid}; use sudo"
        )),
    }
}

/// What is done to a container follows the engine's rights and the caller's number: root, the
/// engine's own user, and who may open the container engine's socket without us.
pub(crate) fn may_order(shared: &Shared, caller: &Caller, id: &str) -> Result<(), String> {
    let Err(said) = may_govern(shared.launch.uid, caller) else {
        return Ok(());
    };
    let (Some(uid), Some(socket)) = (caller.uid, shared.containers.socket_of(id)) else {
        return Err(said);
    };
    let group = fs::read_text("/etc/group".as_ref(), 4 << 20).unwrap_or_default();
    let passwd = fs::read_text("/etc/passwd".as_ref(), 4 << 20).unwrap_or_default();
    let facts = fs::owner(&socket).map_err(|e| format!("{}: {e}", socket.display()))?;
    let name = account(&passwd, uid).unwrap_or_default();
    let own = facts.uid == uid && facts.mode & 0o200 != 0;
    let grouped = facts.mode & 0o020 != 0 && belongs(&passwd, &group, &name, facts.gid);
    if own || grouped || facts.mode & 0o002 != 0 {
        return Ok(());
    }
    Err(format!(
        "{} may not be opened by {name}; type: sudo usermod -aG docker {name}, or use sudo",
        socket.display()
    ))
}

/// Whether an account is in a group: as its first one, or by a line of `/etc/group`.
fn belongs(passwd: &str, group: &str, name: &str, gid: u32) -> bool {
    let gid = gid.to_string();
    let first = passwd.lines().any(|l| {
        let mut fields = l.split(':');
        fields.next() == Some(name) && fields.nth(2) == Some(&gid)
    });
    let listed = group.lines().any(|l| {
        let fields: Vec<&str> = l.split(':').collect();
        matches!(fields[..], [_, _, number, members] if number == gid && members.split(',').any(|m| m == name))
    });
    !name.is_empty() && (first || listed)
}

/// Changing what the engine does is for its own user and root; over TCP, where there
/// is no number, credentials stand for it.
pub(crate) fn may_govern(engine_uid: u32, caller: &Caller) -> Result<(), String> {
    match caller.uid {
        None => Ok(()),
        Some(uid) if uid == 0 || uid == engine_uid => Ok(()),
        Some(_) => Err("only root and the engine's own user may do that; use sudo".to_owned()),
    }
}

/// The name of a number in the lines of `/etc/passwd`.
fn account(passwd: &str, uid: u32) -> Option<String> {
    let uid = uid.to_string();
    let line = passwd
        .lines()
        .find(|l| l.split(':').nth(2) == Some(uid.as_str()))?;
    line.split(':').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_is_governed_by_its_user_and_root() {
        let over_socket = |uid| Caller {
            uid: Some(uid),
            may_act: true,
            ..Caller::default()
        };
        for (uid, allowed) in [(0, true), (998, true), (1000, false)] {
            let judged = may_govern(998, &over_socket(uid));
            assert_eq!(judged.is_ok(), allowed, "{uid}: {judged:?}");
        }
        // Over TCP only who has credentials gives orders at all.
        assert!(may_govern(998, &Caller::default()).is_ok());
    }

    #[test]
    fn members_of_the_sockets_group_are_known() {
        let passwd = "kim:x:1000:100::/home/kim:/bin/sh\nlee:x:1001:1001::/:/bin/sh\n";
        let group = "docker:x:998:kim,park\nusers:x:100:\n";
        for (name, gid, want) in [
            ("kim", 998, true),
            ("kim", 100, true),
            ("lee", 998, false),
            ("lee", 1001, true),
            ("", 998, false),
        ] {
            assert_eq!(belongs(passwd, group, name, gid), want, "{name} {gid}");
        }
    }

    #[test]
    fn accounts_are_found_by_number() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nkim:x:1000:1000::/home/kim:/bin/sh\n";
        assert_eq!(account(passwd, 1000).as_deref(), Some("kim"));
        assert_eq!(account(passwd, 100), None);
    }
}
