//! Programs: the group as JSON on the standard input, as a webhook has it.
//!
//! Runs as the engine's own user, so only where `alerts.exec` allows it. Exit code 0 is told, 75
//! (`EX_TEMPFAIL` of sysexits.h) is worth another try, any other is refused.

use crate::alert::notify::{Ask, Failure, SHOWN, Sent, cut, webhook};
use crate::base::clock::{Duration, monotonic};
use crate::base::task;
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// Bytes of what a program says that are read.
const MOST_SAID: u64 = 16 << 10;
const TRY_AGAIN: i32 = 75;
/// How often it is looked whether a program has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What was said is waited for so long after the end.
const LAST_WORDS: Duration = Duration::from_millis(500);
const USUAL_TIME: Duration = Duration::from_secs(10);

pub(super) async fn send(ask: &Ask<'_>) -> Result<Sent, Failure> {
    if !ask.may_run {
        let said = "programs are not run unless the configuration says `alerts: {exec: true}`";
        return Err(Failure::Refused(said.to_owned()));
    }
    let words = ask.settings().texts("command");
    let Some((program, arguments)) = words.split_first() else {
        return Err(Failure::Refused("there is no command to run".to_owned()));
    };
    let input = webhook::group(ask, ask.settings().int("max_alerts"))?.to_string();
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("BONGSU_RECEIVER", &ask.job.receiver)
        .env("BONGSU_STATUS", &ask.data.told.status)
        .env("BONGSU_KEY", &ask.job.key)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let timeout = ask.settings().duration("timeout").unwrap_or(USUAL_TIME);
    // A thread of its own: the few that the runtime has for what blocks are for the disk and for
    // names, and a program may take as long as its timeout.
    let (tell, hear) = tokio::sync::oneshot::channel();
    task::thread("exec", move || {
        let _ = tell.send(talk(command, input.into_bytes(), timeout));
    })
    .map_err(|e| Failure::Retry(format!("no thread for {program}: {e}"), None))?;
    let ended = hear
        .await
        .map_err(|_| Failure::Refused(format!("the run of {program} broke off")))?;
    let ended = ended.map_err(|e| Failure::Refused(format!("{program} cannot be run: {e}")))?;
    let Some((code, said)) = ended else {
        let seconds = timeout.as_secs();
        let said = format!("{program} had not ended after {seconds} s and was killed");
        return Err(Failure::Retry(said, None));
    };
    let said = match said.as_str() {
        "" => String::new(),
        said => format!(": {said}"),
    };
    match code {
        Some(0) => Ok(Sent {
            said: format!("{program} ended well{said}"),
            memo: String::new(),
        }),
        Some(TRY_AGAIN) => Err(Failure::Retry(
            format!("{program} asks for another try{said}"),
            None,
        )),
        Some(code) => Err(Failure::Refused(format!(
            "{program} ended with {code}{said}"
        ))),
        None => Err(Failure::Refused(format!("{program} was killed{said}"))),
    }
}

/// Runs it to its end; the exit code and the first line of what it said. `None` where it had to be
/// killed.
fn talk(
    mut command: Command,
    input: Vec<u8>,
    timeout: Duration,
) -> io::Result<Option<(Option<i32>, String)>> {
    let mut child = command.spawn()?;
    let (stdin, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // A program that does not read what it is told has heard enough.
    drop(thread::spawn(move || {
        stdin.map(|mut stdin| stdin.write_all(&input))
    }));
    let (out, err) = (heard(out), heard(err));
    let Ended::Itself(code) = wait(&mut child, timeout)? else {
        return Ok(None);
    };
    // Programs that it started may hold its pipes for ever: they are left to them.
    let words = |heard: Receiver<Vec<u8>>| heard.recv_timeout(LAST_WORDS).unwrap_or_default();
    let (out, err) = (words(out), words(err));
    let said = if err.trim_ascii().is_empty() {
        out
    } else {
        err
    };
    let text = String::from_utf8_lossy(&said);
    let line = text.trim().lines().next().unwrap_or_default();
    Ok(Some((code, cut(&crate::base::text::sanitise(line), SHOWN))))
}

enum Ended {
    /// With its exit code; `None` where a signal ended it.
    Itself(Option<i32>),
    /// It took too long.
    Killed,
}

fn wait(child: &mut Child, timeout: Duration) -> io::Result<Ended> {
    let began = monotonic();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ended::Itself(status.code()));
        }
        if began.elapsed() >= timeout {
            child.kill()?;
            child.wait()?;
            return Ok(Ended::Killed);
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Reads to the end, so that the program never waits for a full pipe, and hands over the beginning.
fn heard(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (tell, hear) = channel();
    drop(thread::spawn(move || {
        let mut kept = Vec::new();
        let rest = pipe.map(|pipe| {
            let mut first = pipe.take(MOST_SAID);
            let _ = first.read_to_end(&mut kept);
            first.into_inner()
        });
        let _ = tell.send(kept);
        if let Some(mut rest) = rest {
            let _ = io::copy(&mut rest, &mut io::sink());
        }
    }));
    hear
}
