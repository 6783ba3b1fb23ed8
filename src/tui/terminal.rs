//! The terminal's modes: entered once, left on every way out.
//!
//! The way out includes a panic of the thread that draws, SIGTERM, a lost line, and suspending. A
//! panic in any other thread must not tear down a screen that lives: it is told to the console.

use crate::base::clock::Duration;
use crate::tui::msg::Msg;
use crate::tui::writer::Writer;
use parking_lot::Mutex;
use std::io::IsTerminal;
use std::sync::mpsc::SyncSender;
use std::thread::ThreadId;

/// What the environment says of the terminal.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    pub term: String,
    pub colorterm: String,
    /// The numbers of the text's and the background's colour: `15;0`, `0;default;15`.
    pub colorfgbg: String,
    pub no_color: bool,
    pub utf8: bool,
    /// A locale in which a terminal may draw ambiguous characters two columns wide.
    pub east_asian: bool,
    pub over_ssh: bool,
}

impl Environment {
    pub fn read() -> Self {
        let var = |name: &str| std::env::var(name).unwrap_or_default();
        let locale = [var("LC_ALL"), var("LC_CTYPE"), var("LANG")]
            .into_iter()
            .find(|v| !v.is_empty())
            .unwrap_or_default();
        let lower = locale.to_ascii_lowercase();
        Self {
            term: var("TERM"),
            colorterm: var("COLORTERM"),
            colorfgbg: var("COLORFGBG"),
            no_color: !var("NO_COLOR").is_empty(),
            // Without a locale most servers still have a UTF-8 terminal at the other end of ssh.
            utf8: lower.is_empty() || lower == "c" || lower.contains("utf"),
            east_asian: ["ko", "ja", "zh"].iter().any(|l| lower.starts_with(l)),
            over_ssh: !var("SSH_CONNECTION").is_empty(),
        }
    }

    /// Why no console can be shown here, if so.
    pub fn unfit(&self) -> Option<String> {
        if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
            Some("standard input and output are no terminal".to_owned())
        } else if matches!(self.term.as_str(), "" | "dumb") {
            Some(format!(
                "TERM is {:?}: this terminal cannot place text",
                self.term
            ))
        } else {
            None
        }
    }
}

/// Alternate screen, bracketed paste, focus reports, the title kept, the cursor hidden.
pub(crate) const ENTER: &str = "\x1b[?1049h\x1b[22;0t\x1b[?2004h\x1b[?1004h\x1b[?25l";
/// Everything off again, also what was never on.
pub(crate) const LEAVE: &str = "\x1b[?2026l\x1b[?1006l\x1b[?1002l\x1b[?1000l\x1b[?1004l\x1b[?2004l\
     \x1b[0m\x1b[23;0t\x1b[?1049l\x1b[?25h";
pub(crate) const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1002h\x1b[?1006h";
pub(crate) const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1002l\x1b[?1000l";

/// How long a frame that is being written may hold up the end.
const LAST_FRAME: Duration = Duration::from_millis(300);

/// The console that owns the terminal just now, for the panic hook.
static OWNER: Mutex<Option<Owner>> = Mutex::new(None);

#[derive(Clone)]
struct Owner {
    thread: ThreadId,
    to: SyncSender<Msg>,
    writer: Writer,
}

/// Raw mode is on while this lives.
pub(crate) struct RawMode(());

impl RawMode {
    pub(crate) fn enter() -> std::io::Result<Self> {
        crossterm::terminal::enable_raw_mode()?;
        Ok(Self(()))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

/// Restores the terminal without the writer thread, which may be stuck or gone.
pub(crate) fn restore_now() {
    let _ = rustix::io::write(std::io::stdout(), LEAVE.as_bytes());
    let _ = crossterm::terminal::disable_raw_mode();
}

/// While this lives a panic of the calling thread restores the terminal, and a panic of any other
/// thread is only told to the console.
pub(crate) struct PanicGuard(());

impl PanicGuard {
    pub(crate) fn new(to: SyncSender<Msg>, writer: Writer) -> Self {
        let thread = std::thread::current().id();
        *OWNER.lock() = Some(Owner { thread, to, writer });
        static HOOK: std::sync::Once = std::sync::Once::new();
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                let owner = OWNER.lock().clone();
                match owner {
                    None => before(info),
                    Some(owner) if owner.thread == std::thread::current().id() => {
                        // A frame behind the end would stand on the shell's screen.
                        owner.writer.abandon(LAST_FRAME);
                        restore_now();
                        before(info);
                    }
                    Some(owner) => {
                        let _ = owner.to.try_send(Msg::Failed(info.to_string()));
                    }
                }
            }));
        });
        Self(())
    }
}

impl Drop for PanicGuard {
    fn drop(&mut self) {
        *OWNER.lock() = None;
    }
}
