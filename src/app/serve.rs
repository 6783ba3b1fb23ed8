//! The engine without a console, and how a console leaves one behind.

use crate::app::engine::{Engine, Mode};
use crate::app::launch::{Arguments, Launch};
use crate::app::places;
use crate::app::reload;
use crate::base::fs::{self, Fs};
use crate::model::action::Outcome;
use anyhow::{Context, bail};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Set for an engine that a console left behind: it takes a session of its own.
const DETACHED: &str = "BONGSU_DETACHED";
/// How long a new engine may take until it answers.
const PATIENCE: Duration = Duration::from_secs(20);
/// What the engine that goes on has to say.
const LOG: &str = "bongsu.log";

/// Serves until SIGTERM or SIGINT. `say` is told what a person should see.
pub fn run(launch: Launch, say: impl Fn(&str)) -> anyhow::Result<()> {
    if std::env::var_os(DETACHED).is_some() {
        // Refused only where this is a session's leader already.
        let _ = rustix::process::setsid();
    }
    if let Some(socket) = places::living(&launch.data_dir, true) {
        bail!(
            "{} is served already (socket {}); `bongsu` attaches to it",
            launch.data_dir.display(),
            socket.display()
        );
    }
    for finding in &launch.findings {
        say(&finding.to_string());
    }
    let mut engine = Engine::start(launch, Mode::Serve)?;
    if let Err(e) = engine.wait_open() {
        engine.shut_down();
        return Err(e);
    }
    let signals = {
        let runtime = engine.runtime();
        let _entered = runtime.enter();
        Signals::take().context("signals cannot be taken")?
    };
    let shared = engine.shared.clone();
    say(&format!(
        "bongsu {} serves {}, http {}",
        env!("CARGO_PKG_VERSION"),
        shared.launch.data_dir.display(),
        shared.listening.load(),
    ));
    drop(shared);
    wait(&engine, signals, &say);
    engine.shut_down();
    Ok(())
}

/// What ends or changes an engine from outside. Taken before it is said that it serves: who reads
/// that may send one at once.
struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    fn take() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }
}

fn wait(engine: &Engine, mut signals: Signals, say: &impl Fn(&str)) {
    engine.runtime().block_on(async {
        loop {
            tokio::select! {
                _ = signals.term.recv() => break,
                _ = signals.int.recv() => break,
                _ = signals.hup.recv() => say(&said_of(reload::reload(&engine.shared).await)),
            }
        }
    });
}

fn said_of(outcome: Outcome) -> String {
    match outcome {
        Outcome::Done { said } | Outcome::Refused { said } | Outcome::Kept { said, .. } => said,
        Outcome::Preview { lines } => lines.join("; "),
    }
}

/// Said where the system ends what a user left behind.
const ENDED: &str = "\nthis system ends a user's processes at logout (KillUserProcesses in \
     logind.conf), this one too; what stays: loginctl enable-linger && systemd-run --user --scope \
     bongsu serve";
/// Where logind is configured: the file, then what stands in folders of its name goes before it.
const LOGIND: [&str; 4] = [
    "/usr/lib/systemd/logind.conf",
    "/etc/systemd/logind.conf",
    "/usr/lib/systemd/logind.conf.d",
    "/etc/systemd/logind.conf.d",
];

/// Empty where processes outlive their session; root's always do.
fn logout_remark() -> &'static str {
    let root = rustix::process::geteuid().is_root();
    let read = |path: &Path| fs::read_text(path, 64 << 10).ok();
    let texts = LOGIND.iter().map(Path::new).flat_map(|place| {
        let folder = Fs::real().list(place).unwrap_or_default();
        let inside = folder.into_iter().map(|e| place.join(e.name));
        let all: Vec<String> = [place.to_owned()]
            .into_iter()
            .chain(inside)
            .filter_map(|path| read(&path))
            .collect();
        all
    });
    if !root && ends_at_logout(texts) {
        ENDED
    } else {
        ""
    }
}

/// The last word counts; without one they stay.
fn ends_at_logout(texts: impl Iterator<Item = String>) -> bool {
    let mut ends = false;
    for text in texts {
        let mut lines = text
            .lines()
            .filter_map(|l| l.trim().strip_prefix("KillUserProcesses="));
        if let Some(word) = lines.next_back() {
            ends = ["yes", "true", "on", "1"].contains(&word.trim().to_ascii_lowercase().as_str());
        }
    }
    ends
}

/// Starts `bongsu serve` with the same arguments, apart from this terminal, and waits until it
/// answers. The directory must be free.
pub(crate) fn go_on(arguments: &Arguments, data_dir: &Path) -> anyhow::Result<String> {
    let program = std::env::current_exe().context("this program's own file is not known")?;
    let log = data_dir.join(LOG);
    let output =
        fs::output_file(&log).with_context(|| format!("{} cannot be written", log.display()))?;
    let mut child = Command::new(program)
        .args(arguments.for_serve())
        .env(DETACHED, "1")
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .context("`bongsu serve` cannot be started")?;
    let until = crate::base::clock::monotonic() + PATIENCE;
    while crate::base::clock::monotonic() < until {
        if places::living(data_dir, true).is_some() {
            let said = format!(
                "collecting goes on: bongsu serve, process {}; type `bongsu` to look again",
                child.id()
            );
            return Ok(said + logout_remark());
        }
        if let Some(status) = child.try_wait()? {
            let said = fs::read_text(&log, 64 << 10).unwrap_or_default();
            let last = said.lines().next_back().unwrap_or_default();
            bail!("`bongsu serve` ended at once ({status}): {last}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    bail!(
        "`bongsu serve` (process {}) does not answer; see {}",
        child.id(),
        log.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_of_logind_counts() {
        for (texts, want) in [
            (vec![], false),
            (vec!["#KillUserProcesses=yes\n"], false),
            (vec!["[Login]\nKillUserProcesses=yes\n"], true),
            (vec!["KillUserProcesses=yes", "KillUserProcesses=no"], false),
            (vec!["KillUserProcesses=no\n KillUserProcesses=On"], true),
        ] {
            let texts = texts.into_iter().map(str::to_owned);
            assert_eq!(ends_at_logout(texts), want);
        }
    }
}
