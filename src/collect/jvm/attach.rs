//! HotSpot's attach protocol: asks a running JVM to run one diagnostic command.
//!
//! The JVM opens `/tmp/.java_pidN` (N is its number in its own pid namespace) when it is sent
//! SIGQUIT while `.attach_pidN` stands in its working directory or in `/tmp`. The request is
//! `1\0command\0a\0b\0c\0`; the answer is a line with the result's number and then the text.
//!
//! SIGQUIT without that file makes a JVM print a thread dump into the application's own output, and
//! a JVM that does not catch it dies of it. So it is sent only where every condition of
//! [`may_signal`] holds, through a pidfd, so that no other process can get it; and a JVM that is
//! slow to see it finds the file as long as it may still look. The work is done on a thread of its
//! own, since the JVM answers only its own user: that thread, not the process, takes that user.

mod safety;

use crate::base::clock::{Duration, monotonic};
use crate::base::task;
use crate::collect::jvm::attach::safety::may_signal;
use crate::collect::jvm::counters::{open_below_root, path_of};
use crate::collect::jvm::find::{Found, start_ticks};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::process::{Gid, Pid, PidfdFlags, Signal, Uid};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

/// The most that an answer may hold: a thread dump of 10,000 threads is about 15 MiB.
const MAX_ANSWER: usize = 64 << 20;
/// How long a JVM may take to open its socket.
const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// How long the file that calls stays for one that has not answered: a JVM that stands still sees
/// the signal later, and must find it then.
const LINGER: Duration = Duration::from_mins(5);
/// The JVM's own poll of its file is quicker.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Runs one command, such as `["jcmd", "Thread.print"]`, and gives its text. `within` bounds the
/// answer, after the socket is open.
pub(crate) fn run(
    proc: &Path,
    found: &Arc<Found>,
    command: &[&str],
    within: Duration,
) -> Result<String, AttachError> {
    let (tell, told) = channel();
    let job = Job {
        proc: proc.to_owned(),
        found: found.clone(),
        command: command.iter().map(|&part| part.to_owned()).collect(),
        within,
    };
    let worker = task::thread("jvm-attach", move || job.run(&tell));
    worker.map_err(|e| AttachError::Io("start a thread".to_owned(), e.to_string()))?;
    let wait = OPEN_WITHIN + within + Duration::from_secs(5);
    told.recv_timeout(wait)
        .unwrap_or(Err(AttachError::NoAnswer {
            seconds: wait.as_secs(),
        }))
}

struct Job {
    proc: PathBuf,
    found: Arc<Found>,
    command: Vec<String>,
    within: Duration,
}

/// What the JVM and we share, opened before this thread takes the JVM's user.
struct Doors {
    tmp: OwnedFd,
    cwd: Option<OwnedFd>,
    process: OwnedFd,
}

impl Job {
    fn run(&self, tell: &Sender<Result<String, AttachError>>) {
        let mut call = None;
        let result = self.open(&mut call).and_then(|tmp| self.converse(&tmp));
        let late = matches!(result, Err(AttachError::NoAnswer { .. }));
        // Nobody waits any more where this fails.
        let _ = tell.send(result);
        if let Some(call) = call.filter(|_| late) {
            self.linger(call);
        }
    }

    /// Leads to an open socket in the JVM's `/tmp`.
    fn open(&self, call: &mut Option<Call>) -> Result<OwnedFd, AttachError> {
        let doors = self.doors()?;
        let socket = self.socket();
        if self.is_open(&doors.tmp, &socket) {
            self.become_user()?;
            return Ok(doors.tmp);
        }
        may_signal(&self.proc, &self.found)?;
        self.become_user()?;
        let folders = [doors.cwd.as_ref(), Some(&doors.tmp)];
        *call = Some(Call::leave(&folders, self.found.inner_pid, self.found.uid)?);
        rustix::process::pidfd_send_signal(&doors.process, Signal::QUIT)
            .map_err(|e| AttachError::Io("signal the JVM".to_owned(), e.to_string()))?;
        let begin = monotonic();
        while begin.elapsed() < OPEN_WITHIN {
            if self.is_open(&doors.tmp, &socket) {
                *call = None;
                return Ok(doors.tmp);
            }
            if has_ended(&doors.process) {
                *call = None;
                return Err(AttachError::Gone);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err(AttachError::NoAnswer {
            seconds: OPEN_WITHIN.as_secs(),
        })
    }

    /// The process is held first, and only then compared with the one that was meant.
    fn doors(&self) -> Result<Doors, AttachError> {
        let pid = Pid::from_raw(self.found.pid).ok_or(AttachError::Gone)?;
        let process =
            rustix::process::pidfd_open(pid, PidfdFlags::empty()).map_err(|_| AttachError::Gone)?;
        if !self.lives() {
            return Err(AttachError::Gone);
        }
        let own = rustix::process::geteuid();
        if own.as_raw() != self.found.uid && !own.is_root() {
            return Err(AttachError::OtherUser {
                uid: self.found.uid,
            });
        }
        let tmp = open_below_root(&self.proc, self.found.pid, "tmp")
            .map_err(|e| AttachError::Io("open the JVM's /tmp".to_owned(), e.to_string()))?;
        let cwd = self.proc.join(format!("{}/cwd", self.found.pid));
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
        let cwd = rustix::fs::open(&cwd, flags, Mode::empty()).ok();
        Ok(Doors { tmp, cwd, process })
    }

    fn lives(&self) -> bool {
        let dir = self.proc.join(self.found.pid.to_string());
        start_ticks(&dir) == Some(self.found.started)
    }

    fn socket(&self) -> String {
        format!(".java_pid{}", self.found.inner_pid)
    }

    /// Anybody may put a socket into `/tmp`: only one of the JVM's own user is spoken to.
    fn is_open(&self, tmp: &OwnedFd, name: &str) -> bool {
        let about = rustix::fs::statat(tmp, name, AtFlags::SYMLINK_NOFOLLOW);
        about.is_ok_and(|a| {
            FileType::from_raw_mode(a.st_mode) == FileType::Socket && a.st_uid == self.found.uid
        })
    }

    /// Root takes the JVM's user on this thread; anybody else is that user already. The thread
    /// ends with the answer and is used for nothing else.
    fn become_user(&self) -> Result<(), AttachError> {
        let own = rustix::process::geteuid();
        if own.as_raw() == self.found.uid {
            return Ok(());
        }
        let uid = Uid::from_raw(self.found.uid);
        let group = safety::group_of(&self.proc, self.found.pid).ok_or(AttachError::Gone)?;
        let group = Gid::from_raw(group);
        rustix::thread::set_thread_groups(&[])
            .and_then(|()| rustix::thread::set_thread_res_gid(None, group, None))
            .and_then(|()| rustix::thread::set_thread_res_uid(None, uid, None))
            .map_err(|e| AttachError::Io("take the JVM's user".to_owned(), e.to_string()))
    }

    /// Nobody listens: an earlier process of this number left its socket. A JVM that can be asked takes
    /// that away at its start, so this one cannot be, for the reason why it must not be signalled.
    fn left_behind(&self, e: &std::io::Error) -> AttachError {
        let reason = may_signal(&self.proc, &self.found).err();
        reason.unwrap_or_else(|| AttachError::Io("connect to it".to_owned(), e.to_string()))
    }

    fn converse(&self, tmp: &OwnedFd) -> Result<String, AttachError> {
        let within = self.within;
        let failed = |what: &str, e: std::io::Error| match e.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => AttachError::NoAnswer {
                seconds: within.as_secs(),
            },
            _ => AttachError::Io(what.to_owned(), e.to_string()),
        };
        let until = monotonic() + within;
        let path = path_of(tmp).join(self.socket());
        let mut stream = UnixStream::connect(path).map_err(|e| match e.kind() {
            ErrorKind::ConnectionRefused => self.left_behind(&e),
            _ => failed("connect to it", e),
        })?;
        let peer = rustix::net::sockopt::socket_peercred(&stream);
        if !peer.is_ok_and(|p| p.uid.as_raw() == self.found.uid) {
            return Err(AttachError::Impostor);
        }
        let mut request = b"1\0".to_vec();
        for i in 0..4 {
            request.extend(self.command.get(i).map_or(&b""[..], |part| part.as_bytes()));
            request.push(0);
        }
        let write = stream
            .set_write_timeout(Some(within))
            .and_then(|()| stream.write_all(&request));
        write.map_err(|e| failed("ask it", e))?;
        let answer = read_until(&mut stream, until).map_err(|e| failed("read its answer", e))?;
        text_of(&answer)
    }

    /// Leaves the file for a JVM that may still look for it, until it did or has ended.
    fn linger(&self, call: Call) {
        let begin = monotonic();
        while begin.elapsed() < LINGER && self.lives() {
            let Ok(tmp) = open_below_root(&self.proc, self.found.pid, "tmp") else {
                break;
            };
            if self.is_open(&tmp, &self.socket()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        drop(call);
    }
}

/// A pidfd can be read once its process has ended, also while nobody has collected it.
fn has_ended(process: &OwnedFd) -> bool {
    let mut held = [PollFd::new(process, PollFlags::IN)];
    let now = rustix::event::Timespec::default();
    rustix::event::poll(&mut held, Some(&now)).is_ok_and(|ready| ready > 0)
}

fn read_until(stream: &mut UnixStream, until: Instant) -> std::io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let mut part = vec![0; 64 << 10];
    while answer.len() < MAX_ANSWER {
        let left = until.saturating_duration_since(monotonic());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(n) => answer.extend_from_slice(&part[..n]),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(answer)
}

/// The first line is the result's number, 0 is good.
fn text_of(answer: &[u8]) -> Result<String, AttachError> {
    let answer = String::from_utf8_lossy(answer);
    let (code, text) = answer.split_once('\n').unwrap_or((&answer, ""));
    if code.trim() == "0" {
        return Ok(text.to_owned());
    }
    let said = text.trim();
    let short = crate::base::text::clip(said, 300);
    Err(AttachError::Refused {
        code: crate::base::text::clip(code.trim(), 20).to_owned(),
        said: if short.is_empty() {
            "it said nothing"
        } else {
            short
        }
        .to_owned(),
    })
}

/// The file that makes SIGQUIT a call to attach; removed however this ends.
struct Call {
    folder: OwnedFd,
    name: String,
    /// Another tool's file is used and left.
    ours: bool,
}

impl Call {
    fn leave(folders: &[Option<&OwnedFd>], inner_pid: i32, uid: u32) -> Result<Self, AttachError> {
        let name = format!(".attach_pid{inner_pid}");
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for folder in folders.iter().flatten() {
            let made = rustix::fs::openat(folder, &name, flags, Mode::RUSR | Mode::WUSR);
            let ours = made.is_ok();
            // The JVM takes it for a call if it is there and belongs to its own user.
            let about = rustix::fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW);
            let call = folder.try_clone().ok().map(|folder| Self {
                folder,
                name: name.clone(),
                ours,
            });
            if let Some(call) = call
                && about.is_ok_and(|a| {
                    FileType::from_raw_mode(a.st_mode) == FileType::RegularFile && a.st_uid == uid
                })
            {
                return Ok(call);
            }
        }
        Err(AttachError::NoPlace)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.ours {
            let _ = rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty());
        }
    }
}

/// Why a JVM was not asked, or did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AttachError {
    #[error("the JVM has ended")]
    Gone,
    #[error(
        "the JVM belongs to uid {uid}, and only that user or root may attach to it; as that user, or with sudo before it, type: bongsu --listen off --data-dir ~/.local/share/bongsu"
    )]
    OtherUser { uid: u32 },
    #[error(
        "this is no HotSpot JVM, and attaching works differently there: use its own tools, or Micrometer"
    )]
    NotHotSpot,
    #[error(
        "the JVM runs with {flag}, so it would not answer, and the signal would print into the application's output: start it without"
    )]
    Refuses { flag: String },
    #[error(
        "the flags of the JVM are hidden in {place} and its counters are not readable: whether it would answer cannot be known, so it is not signalled"
    )]
    Unknown { place: String },
    #[error(
        "the JVM does not catch SIGQUIT (it is still starting, or runs with -Xrs), and the signal would end it: wait, or start it without -Xrs"
    )]
    WouldDie,
    #[error("the JVM is {how} and cannot answer: let it go on first")]
    Stopped { how: &'static str },
    #[error(
        "neither the JVM's working directory nor its /tmp can be written, so attaching would print into the application's output: give it a writable /tmp"
    )]
    NoPlace,
    #[error("the socket in its /tmp is answered by another user's process: nothing was asked")]
    Impostor,
    #[error("the JVM did not answer within {seconds} s")]
    NoAnswer { seconds: u64 },
    #[error("another question to this JVM is still being answered: wait for it")]
    Busy,
    #[error("the JVM refused ({code}): {said}")]
    Refused { code: String, said: String },
    #[error("cannot {0}: {1}")]
    Io(String, String),
}

#[cfg(test)]
mod tests;
