//! The three threads, and the loop of the middle one.
//!
//! Input reads and never paints; this thread updates and paints into memory and never waits for
//! the terminal; the writer writes and may be stuck. Data cause at most thirty paints a second, a
//! key paints at once, and nothing is painted when nothing changed.

use crate::base::clock::{Clock, Duration, Instant, monotonic};
use crate::source::api::Source;
use crate::tui::announce;
use crate::tui::cmd::{Cmd, Leave};
use crate::tui::effects::{Effects, Handle};
use crate::tui::input;
use crate::tui::msg::{LineMeter, Msg};
use crate::tui::panel::own::OwnPanel;
use crate::tui::state::{Dirty, State};
use crate::tui::tabs::TABS;
use crate::tui::terminal::{self, Environment, PanicGuard, RawMode};
use crate::tui::theme::{Depth, SymbolSet, Theme, detect_depth, detect_symbols, detect_theme};
use crate::tui::update::update;
use crate::tui::view;
use crate::tui::writer::{Frame, Writer};
use base64::Engine as _;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};

const TICK: Duration = Duration::from_secs(2);
/// Where what is shown comes in all the time.
const LIVELY_TICK: Duration = Duration::from_millis(500);
const SLOW_TICK: Duration = Duration::from_secs(5);
/// Nobody looks: the terminal says that it lost the focus.
const UNFOCUSED_TICK: Duration = Duration::from_secs(10);
/// Between two paints that data cause.
const PAINT: Duration = Duration::from_millis(33);
/// Messages that wait for the thread that updates, at most.
const MESSAGES: usize = 1024;
/// How long a stuck line may hold up leaving.
const LAST_WRITE: Duration = Duration::from_millis(500);

/// Where the engine is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// In this process: leaving may end it.
    #[default]
    Inside,
    /// Reached through its socket: leaving changes nothing there.
    Attached,
    /// Existing servers of other make.
    Remote,
}

/// How the console is to be.
#[derive(Clone, Debug)]
pub struct Options {
    pub engine: Engine,
    /// Of `ui.theme`, else what the terminal says of its background.
    pub theme: String,
    /// Of `ui.keys`: action and keys.
    pub keys: Vec<(String, String)>,
    /// Of `ui.overview`: a panel's name, columns and height in shares; empty is all of them.
    pub overview: Vec<(String, u8, u8)>,
    /// Of `ui.panels`.
    pub panels: Vec<OwnPanel>,
    /// What is wrong with the configuration of the console, in sentences.
    pub problems: Vec<String>,
    pub symbols: SymbolSet,
    pub depth: Depth,
    /// Each frame is shown by the terminal at once.
    pub synchronised: bool,
    /// Look for box lines of two columns, after the first frame.
    pub probe_symbols: bool,
    /// Times in UTC from the start.
    pub utc: bool,
    pub read_only: bool,
    /// Show the three lines of the first start.
    pub first_start: bool,
    /// Leave the last screen in the terminal's scrollback.
    pub print_last: bool,
    pub clock: Clock,
}

impl Options {
    /// What fits this terminal, everything else as if nothing was configured.
    pub fn detect(env: &Environment) -> Self {
        Self {
            engine: Engine::Inside,
            theme: detect_theme(env).to_owned(),
            keys: Vec::new(),
            overview: Vec::new(),
            panels: Vec::new(),
            problems: Vec::new(),
            symbols: detect_symbols(env),
            depth: detect_depth(env),
            synchronised: true,
            probe_symbols: env.east_asian,
            utc: false,
            read_only: false,
            first_start: false,
            print_last: false,
            clock: Clock::System,
        }
    }
}

/// How the console ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Quit,
    /// The engine is to go on as `serve`.
    Detach,
    /// The line was lost.
    HungUp,
    Terminated,
}

#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    #[error("this terminal cannot show the console: {0}")]
    Unfit(String),
    #[error("the terminal could not be prepared: {0}")]
    Terminal(#[from] std::io::Error),
}

/// Shows the console until it is left. The calling thread becomes the one that updates and paints;
/// it must not be one of the runtime's workers.
pub fn run(source: Arc<dyn Source>, options: Options, runtime: Handle) -> Result<Exit, TuiError> {
    run_with(source, options, runtime, Console::turn)
}

/// `turn` is what happens between the first frame and the end.
fn run_with(
    source: Arc<dyn Source>,
    options: Options,
    runtime: Handle,
    turn: impl FnOnce(&mut Console, &input::Heartbeat) -> Leave,
) -> Result<Exit, TuiError> {
    if let Some(why) = Environment::read().unfit() {
        return Err(TuiError::Unfit(why));
    }
    let (width, height) = crossterm::terminal::size()?;
    let (to, from) = sync_channel(MESSAGES);
    let raw = RawMode::enter()?;
    let writer = Writer::start(Box::new(std::io::stdout()), options.synchronised)?;
    let guard = PanicGuard::new(to.clone(), writer.clone());
    writer.order(terminal::ENTER);
    let effects = Effects::new(runtime, source, to.clone());
    effects.listen_to_signals();
    let now = options.clock.now_ms();
    let probe = options.probe_symbols;
    let clock = options.clock.clone();
    let state = State::new(options, now, width, height);
    let mut console = Console {
        theme: Theme::new(state.theme, state.depth, state.symbols),
        state,
        clock,
        writer,
        effects,
        from,
        meter: Meter::default(),
        last_screen: None,
        rest: input::Rest::default(),
    };
    console.first_frame();
    if probe {
        console.writer.order(input::PROBE);
        console.writer.repaint();
    }
    let alive = input::Heartbeat::default();
    input::start(to, alive.clone(), console.rest.clone(), probe)?;
    let leave = turn(&mut console, &alive);
    let printed = console.last_words();
    console
        .writer
        .finish(&format!("{}{printed}", terminal::LEAVE), LAST_WRITE);
    drop(raw);
    drop(guard);
    Ok(match leave {
        Leave::Quit | Leave::Suspend => Exit::Quit,
        Leave::Detach => Exit::Detach,
        Leave::HungUp => Exit::HungUp,
        Leave::Terminated => Exit::Terminated,
    })
}

struct Console {
    state: State,
    theme: Theme,
    clock: Clock,
    writer: Writer,
    effects: Effects,
    from: Receiver<Msg>,
    meter: Meter,
    last_screen: Option<Buffer>,
    rest: input::Rest,
}

/// The line at the last report, and the frames since.
#[derive(Default)]
struct Meter {
    bytes: u64,
    at: Option<Instant>,
    /// What painting took since the last report, and how many frames that were.
    painting: Duration,
    frames: u32,
}

impl Console {
    /// Painted before anything is known, while the first questions are on their way.
    fn first_frame(&mut self) {
        self.paint();
        let _ = self.take(Msg::Tick);
    }

    /// Takes messages until the console is left.
    fn turn(&mut self, alive: &input::Heartbeat) -> Leave {
        let mut next_tick = monotonic() + TICK;
        // News gather for a while, so that the answers to one round of questions are one paint.
        let mut news_due = monotonic() + PAINT;
        loop {
            let now = monotonic();
            let wake = match self.state.dirty {
                Dirty::No => next_tick,
                Dirty::Data => next_tick.min(news_due),
                Dirty::Key => now,
            };
            let msg = match self.from.recv_timeout(wake.saturating_duration_since(now)) {
                Ok(msg) => Some(msg),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Leave::Quit,
            };
            // Everything that has come meanwhile is taken before one paint.
            let more: Vec<Msg> = self.from.try_iter().take(256).collect();
            let was_clean = self.state.dirty == Dirty::No;
            for msg in msg.into_iter().chain(more) {
                alive.fetch_add(1, Ordering::Relaxed);
                if let Some(leave) = self.take(msg) {
                    return leave;
                }
            }
            let now = monotonic();
            if now >= next_tick {
                next_tick = now + self.tick_every();
                let line = self.meter.read(&self.writer, now);
                let left = self.take(Msg::Line(line)).or_else(|| self.take(Msg::Tick));
                if let Some(leave) = left {
                    return leave;
                }
            }
            if was_clean && self.state.dirty == Dirty::Data {
                news_due = now + PAINT;
            }
            let due = match self.state.dirty {
                Dirty::No => false,
                Dirty::Data => now >= news_due,
                Dirty::Key => true,
            };
            if due {
                self.paint();
            }
        }
    }

    fn tick_every(&self) -> Duration {
        if !self.state.focused {
            UNFOCUSED_TICK
        } else if self.state.low_bandwidth {
            SLOW_TICK
        } else if (TABS[self.state.tab].lively)(&self.state) {
            LIVELY_TICK
        } else {
            TICK
        }
    }

    fn take(&mut self, msg: Msg) -> Option<Leave> {
        self.state.now = self.clock.now_ms();
        let cmds = update(&mut self.state, msg);
        cmds.into_iter().find_map(|cmd| self.perform(cmd))
    }

    fn perform(&mut self, cmd: Cmd) -> Option<Leave> {
        match cmd {
            Cmd::Ask { ticket, request } => self.effects.ask(ticket, request),
            Cmd::Stop(slot) => self.effects.stop(slot),
            Cmd::Act(action) => self.effects.act(action),
            Cmd::Copy(text) if view::clipboard_fits(&text) => {
                let encoded = base64::engine::general_purpose::STANDARD.encode(text);
                self.writer.order(&format!("\x1b]52;c;{encoded}\x07"));
            }
            Cmd::Copy(_) => {}
            Cmd::Announce(what) => self
                .writer
                .order(&announce::sequences(&what, announce::is_iterm())),
            Cmd::Save { name, text } => self.effects.save(name, text),
            Cmd::SaveScreen { name } => self.effects.save(name, self.screen_text()),
            Cmd::CopyScreen => {
                let text = self.screen_text();
                for cmd in crate::tui::update::copy(&mut self.state, text) {
                    self.perform(cmd);
                }
            }
            Cmd::Mouse(true) => self.writer.order(terminal::MOUSE_ON),
            Cmd::Mouse(false) => self.writer.order(terminal::MOUSE_OFF),
            Cmd::Repaint => {
                self.writer.repaint();
                self.state.dirty = Dirty::Key;
            }
            Cmd::Suspend => self.suspend(),
            Cmd::HandOver(words) => return self.hand_over(&words),
            Cmd::Quit(leave) => return Some(leave),
        }
        None
    }

    fn screen(&self) -> (Buffer, Option<Position>) {
        let area = Rect::new(0, 0, self.state.width, self.state.height);
        let mut buffer = Buffer::empty(area);
        let caret = view::view(&self.state, &self.theme, area, &mut buffer);
        (buffer, caret)
    }

    /// The screen as plain lines.
    fn screen_text(&self) -> String {
        crate::tui::testing::lines(&self.screen().0).join("\n") + "\n"
    }

    fn paint(&mut self) {
        let state = &self.state;
        let theme = &self.theme;
        let stale = theme.name != state.theme && state.depth != Depth::Mono;
        if stale || theme.symbols.set != state.symbols || theme.sparse != state.low_bandwidth {
            self.theme = Theme::new(state.theme, state.depth, state.symbols);
            self.theme.sparse = state.low_bandwidth;
        }
        let begun = monotonic();
        let (buffer, caret) = self.screen();
        self.meter.painting += begun.elapsed();
        self.meter.frames += 1;
        let state = &self.state;
        if state.options.print_last {
            self.last_screen = Some(buffer.clone());
        }
        let host = state.machine().map_or("", |m| m.host.as_str());
        let host = crate::base::text::display(host);
        self.writer.frame(Frame {
            buffer,
            caret,
            title: format!("bongsu {host} {}", TABS[state.tab].name),
        });
        self.state.dirty = Dirty::No;
    }

    /// Stops this program as the shell's job control does; comes back with `fg`.
    fn suspend(&mut self) {
        self.step_aside();
        // SIGTSTP is dropped in an orphaned process group; SIGSTOP always works. It is raised for
        // this thread: sent to the process, this thread could run on into the lines below.
        let _ = signal_hook::low_level::raise(signal_hook::consts::SIGSTOP);
        self.step_back();
    }

    /// Hands the terminal to a program and waits for its end; collecting goes on meanwhile.
    fn hand_over(&mut self, words: &[String]) -> Option<Leave> {
        let (program, arguments) = words.split_first()?;
        if !self.rest.begin() {
            self.state
                .toast("the terminal could not be handed over; try again", true);
            return None;
        }
        self.step_aside();
        let ended = std::process::Command::new(program).args(arguments).status();
        self.rest.end();
        self.step_back();
        match ended {
            // A shell ends as its last command did: 126 and 127 are the engine's own.
            Ok(status) if !matches!(status.code(), Some(125..=127)) => {}
            Ok(_) => {
                let said =
                    format!("{program} could not give a shell: is there one in this container?");
                self.state.toast(said, true);
            }
            Err(why) => {
                let said = format!(
                    "{program} cannot be started ({why}); install it, or type the command elsewhere"
                );
                self.state.toast(said, true);
            }
        }
        // Ctrl-C was meant for the program; everything else that came meanwhile is taken.
        let meanwhile: Vec<Msg> = self.from.try_iter().collect();
        meanwhile
            .into_iter()
            .filter(|msg| !matches!(msg, Msg::Leave(Leave::Quit)))
            .find_map(|msg| self.take(msg))
    }

    /// The terminal as it was before the console.
    fn step_aside(&self) {
        self.writer.order(terminal::LEAVE);
        self.writer.flush(LAST_WRITE);
        let _ = crossterm::terminal::disable_raw_mode();
    }

    fn step_back(&mut self) {
        let _ = crossterm::terminal::enable_raw_mode();
        self.writer.order(terminal::ENTER);
        if self.state.mouse {
            self.writer.order(terminal::MOUSE_ON);
        }
        if let Ok((width, height)) = crossterm::terminal::size() {
            self.take(Msg::Resize { width, height });
        }
        self.take(Msg::Continued);
    }

    /// The last screen as plain lines, where it was asked for.
    fn last_words(&self) -> String {
        let screen = self.last_screen.as_ref();
        screen.map_or_else(String::new, |buffer| {
            crate::tui::testing::lines(buffer).join("\r\n") + "\r\n"
        })
    }
}

impl Meter {
    fn read(&mut self, writer: &Writer, now: Instant) -> LineMeter {
        let bytes = writer.bytes();
        let seconds = self.at.map_or(2.0, |at| (now - at).as_secs_f64());
        let sent = bytes.saturating_sub(self.bytes) as f64;
        (self.bytes, self.at) = (bytes, Some(now));
        let painting = std::mem::take(&mut self.painting).as_secs_f64() * 1000.0;
        let frames = std::mem::take(&mut self.frames);
        LineMeter {
            bytes_per_second: sent / seconds.max(0.1),
            frame_ms: (frames > 0).then(|| painting / f64::from(frames)),
            blocked_ms: writer.take_blocked_ms(),
        }
    }
}

#[cfg(test)]
mod tests;
