//! Sends a signal to exactly the process a person saw.
//!
//! A pid alone is not enough: it may belong to another process by the time the order arrives. So
//! the process is held by a pidfd first (Linux 5.3), then its start time is compared, and only
//! then the signal is sent through that same pidfd: a reused pid cannot be hit. On older kernels
//! the start time is compared just before `kill`, which leaves a moment, said nowhere else.

use crate::collect::host::process::stat::{self, Stat};
use crate::model::action::{Outcome, Signal};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags};

/// Refuses or sends; never anything else.
pub fn signal(pid: i32, started: u64, signal: Signal) -> Outcome {
    match send(pid, started, signal) {
        Ok(name) => Outcome::Done {
            said: format!("SIG{} was sent to {name} (pid {pid}).", word(signal)),
        },
        Err(said) => Outcome::Refused { said },
    }
}

/// The process' name, or why nothing was sent.
fn send(pid: i32, started: u64, signal: Signal) -> Result<String, String> {
    let gone = || format!("Process {pid} is gone. Nothing was sent.");
    let other =
        |name: &str| format!("Pid {pid} now belongs to another process, {name}. Nothing was sent.");
    if pid <= 0 {
        return Err(format!("{pid} is no process. Nothing was sent."));
    }
    let number = Pid::from_raw(pid).ok_or_else(gone)?;
    let held = match rustix::process::pidfd_open(number, PidfdFlags::empty()) {
        Ok(held) => Some(held),
        Err(Errno::SRCH) => return Err(gone()),
        // Kernels before 5.3, and sandboxes that refuse the call.
        Err(_) => None,
    };
    let stat = stat::of(pid).ok_or_else(gone)?;
    let name = stat.name().into_owned();
    if stat.started != started {
        return Err(other(&name));
    }
    refuse(pid, &stat)?;
    let signal_number = raw(signal);
    let sent = match held {
        Some(held) => match rustix::process::pidfd_send_signal(&held, signal_number) {
            // The call is refused by some sandboxes that allow `kill`.
            Err(Errno::NOSYS) => rustix::process::kill_process(number, signal_number),
            sent => sent,
        },
        None => rustix::process::kill_process(number, signal_number),
    };
    match sent {
        Ok(()) => Ok(name),
        Err(Errno::SRCH) => Err(gone()),
        Err(Errno::PERM) => Err(format!(
            "{name} (pid {pid}) belongs to another user. Type: sudo kill -{} {pid}",
            word(signal)
        )),
        Err(why) => Err(format!(
            "SIG{} could not be sent to {name} (pid {pid}): {why}.",
            word(signal)
        )),
    }
}

/// Processes whose end would end everything, or that cannot end.
fn refuse(pid: i32, stat: &Stat) -> Result<(), String> {
    if pid == 1 {
        return Err(
            "Pid 1 starts and ends this system. To restart it, type: sudo systemctl reboot"
                .to_owned(),
        );
    }
    if stat.kernel {
        return Err(format!(
            "{} (pid {pid}) is a thread of the kernel, which no signal reaches.",
            stat.name()
        ));
    }
    if pid == std::process::id() as i32 {
        return Err("That is bongsu itself. Press q to leave it.".to_owned());
    }
    Ok(())
}

fn word(signal: Signal) -> &'static str {
    match signal {
        Signal::Term => "TERM",
        Signal::Kill => "KILL",
        Signal::Hup => "HUP",
        Signal::Int => "INT",
        Signal::Stop => "STOP",
        Signal::Cont => "CONT",
    }
}

fn raw(signal: Signal) -> rustix::process::Signal {
    match signal {
        Signal::Term => rustix::process::Signal::TERM,
        Signal::Kill => rustix::process::Signal::KILL,
        Signal::Hup => rustix::process::Signal::HUP,
        Signal::Int => rustix::process::Signal::INT,
        Signal::Stop => rustix::process::Signal::STOP,
        Signal::Cont => rustix::process::Signal::CONT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command};

    fn sleeper() -> (Child, i32, u64) {
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = child.id() as i32;
        let started = stat::of(pid).unwrap().started;
        (child, pid, started)
    }

    fn refused(outcome: &Outcome, part: &str) -> bool {
        matches!(outcome, Outcome::Refused { said } if said.contains(part))
    }

    #[test]
    fn the_right_process_gets_the_signal() {
        let (mut child, pid, started) = sleeper();
        let outcome = signal(pid, started, Signal::Term);
        assert!(matches!(outcome, Outcome::Done { said } if said.contains("SIGTERM")));
        assert_eq!(child.wait().unwrap().signal(), Some(15));
        // It is gone now.
        assert!(refused(&signal(pid, started, Signal::Term), "gone"));
    }

    #[test]
    fn another_process_of_the_same_pid_is_not_hit() {
        let (mut child, pid, started) = sleeper();
        let outcome = signal(pid, started - 1, Signal::Kill);
        assert!(refused(&outcome, "another process"), "{outcome:?}");
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn the_first_process_the_kernel_and_ourselves_are_refused() {
        let started = |pid: i32| stat::of(pid).map(|s| s.started);
        assert!(refused(
            &signal(1, started(1).unwrap(), Signal::Kill),
            "Pid 1"
        ));
        let me = std::process::id() as i32;
        assert!(refused(
            &signal(me, started(me).unwrap(), Signal::Kill),
            "bongsu itself"
        ));
        for pid in [0, -1, i32::MIN] {
            assert!(refused(&signal(pid, 0, Signal::Kill), "no process"));
        }
        // Containers show no kernel threads: the rule is asked directly.
        let line = b"9 (kworker/0:1) I 2 0 0 0 -1 69238880 0 0 0 0 0 1 0 0 20 0 1 0 27 0 0 0";
        let kernel = stat::parse(line).unwrap();
        assert!(
            refuse(9, &kernel)
                .unwrap_err()
                .contains("thread of the kernel")
        );
    }
}
