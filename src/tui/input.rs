//! The thread that reads the terminal. It looks up four times a second, so that the terminal can be
//! lent to another program, whose keys must not end here.

use crate::base::clock::Duration;
use crate::tui::keymap::{Code, Key};
use crate::tui::msg::{Mouse, MouseKind, Msg};
use crate::tui::terminal;
use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};

/// Bytes of one paste that are taken; more is cut off.
const MAX_PASTE: usize = 64 << 10;

/// How many messages the console has taken; a second Ctrl-C that finds it unmoved ends the program.
pub(crate) type Heartbeat = Arc<AtomicU64>;

/// Between two looks at whether the terminal is lent.
const LOOK_UP: Duration = Duration::from_millis(250);

/// Lets the thread rest while the terminal is lent to another program.
#[derive(Clone, Default)]
pub(crate) struct Rest(Arc<(Mutex<Resting>, Condvar)>);

#[derive(Clone, Copy, Default)]
struct Resting {
    wanted: bool,
    rests: bool,
}

impl Rest {
    /// Returns once the thread reads no more; false where it does not come to rest in time.
    pub(crate) fn begin(&self) -> bool {
        let (state, changed) = &*self.0;
        let mut state = state.lock();
        state.wanted = true;
        while !state.rests {
            if changed.wait_for(&mut state, LOOK_UP * 8).timed_out() {
                state.wanted = false;
                return false;
            }
        }
        true
    }

    pub(crate) fn end(&self) {
        self.0.0.lock().wanted = false;
        self.0.1.notify_all();
    }

    fn while_wanted(&self) {
        let (state, changed) = &*self.0;
        let mut state = state.lock();
        while state.wanted {
            state.rests = true;
            changed.notify_all();
            changed.wait(&mut state);
        }
        state.rests = false;
    }
}

/// Starts the thread. It ends when nobody listens any more, at the next key.
pub(crate) fn start(
    to: SyncSender<Msg>,
    alive: Heartbeat,
    rest: Rest,
    probe: bool,
) -> std::io::Result<()> {
    std::thread::Builder::new()
        .name("tui-input".to_owned())
        .spawn(move || {
            if probe {
                probe_width(&to);
            }
            read_all(&to, &alive, &rest);
        })?;
    Ok(())
}

/// The line that [`probe_width`] looks for: written by the writer after the first frame, it prints
/// an ambiguous character at the top left, asks where the cursor is, and comes back.
pub(crate) const PROBE: &str = "\x1b7\x1b[1;1H\u{2500}\x1b[6n\x1b8";

/// Where the terminal answers that one box line took two columns, the console hears of it.
fn probe_width(to: &SyncSender<Msg>) {
    if let Ok((column, 0)) = crossterm::cursor::position()
        && column == 2
    {
        let _ = to.send(Msg::WideSymbols);
    }
}

fn read_all(to: &SyncSender<Msg>, alive: &Heartbeat, rest: &Rest) {
    let mut last_break: Option<u64> = None;
    loop {
        rest.while_wanted();
        // Where looking fails, reading tells why.
        if let Ok(false) = crossterm::event::poll(LOOK_UP) {
            continue;
        }
        let Ok(event) = crossterm::event::read() else {
            let _ = to.send(Msg::Leave(crate::tui::cmd::Leave::HungUp));
            return;
        };
        let Some(msg) = translate(event) else {
            continue;
        };
        if let Msg::Key(key) = &msg
            && key.latin() == Key::ctrl('c')
        {
            let beat = alive.load(Ordering::Relaxed);
            if last_break == Some(beat) {
                terminal::restore_now();
                std::process::exit(130);
            }
            last_break = Some(beat);
        }
        // What is typed at a console that has not taken the last thousand messages is left out; the
        // keys that force it to end are still read.
        if matches!(to.try_send(msg), Err(TrySendError::Disconnected(_))) {
            return;
        }
    }
}

fn translate(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => translate_key(key).map(Msg::Key),
        Event::Key(_) => None,
        Event::Paste(mut text) => {
            let cut = crate::base::text::clip(&text, MAX_PASTE).len();
            text.truncate(cut);
            Some(Msg::Paste(text))
        }
        Event::Resize(width, height) => Some(Msg::Resize { width, height }),
        Event::FocusGained => Some(Msg::Focus(true)),
        Event::FocusLost => Some(Msg::Focus(false)),
        Event::Mouse(mouse) => {
            let kind = match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => MouseKind::Press,
                MouseEventKind::Drag(MouseButton::Left) => MouseKind::Drag,
                MouseEventKind::Up(MouseButton::Left) => MouseKind::Release,
                MouseEventKind::ScrollUp => MouseKind::WheelUp,
                MouseEventKind::ScrollDown => MouseKind::WheelDown,
                _ => return None,
            };
            Some(Msg::Mouse(Mouse {
                kind,
                column: mouse.column,
                row: mouse.row,
            }))
        }
    }
}

fn translate_key(key: KeyEvent) -> Option<Key> {
    let code = match key.code {
        KeyCode::Char(c) => Code::Char(c),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab if key.modifiers.contains(KeyModifiers::SHIFT) => Code::BackTab,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => Code::BackTab,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::F(n) => Code::F(n),
        _ => return None,
    };
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let code = match code {
        Code::Char(c) if ctrl => Code::Char(c.to_ascii_lowercase()),
        other => other,
    };
    Some(Key {
        code,
        ctrl,
        alt: key.modifiers.contains(KeyModifiers::ALT),
    })
}
