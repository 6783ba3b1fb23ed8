//! The thread that reads the terminal: blocking, so that an idle console costs nothing.

use crate::tui::keymap::{Code, Key};
use crate::tui::msg::{Mouse, MouseKind, Msg};
use crate::tui::terminal;
use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;

/// Bytes of one paste that are taken; more is cut off.
const MAX_PASTE: usize = 64 << 10;

/// How many messages the console has taken; a second Ctrl-C that finds it unmoved ends the program.
pub(crate) type Heartbeat = Arc<AtomicU64>;

/// Starts the thread. It ends when nobody listens any more, at the next key.
pub(crate) fn start(to: Sender<Msg>, alive: Heartbeat, probe: bool) -> std::io::Result<()> {
    std::thread::Builder::new()
        .name("tui-input".to_owned())
        .spawn(move || {
            if probe {
                probe_width(&to);
            }
            read_all(&to, &alive);
        })?;
    Ok(())
}

/// The line that [`probe_width`] looks for: written by the writer after the first frame, it prints
/// an ambiguous character at the top left, asks where the cursor is, and comes back.
pub(crate) const PROBE: &str = "\x1b7\x1b[1;1H\u{2500}\x1b[6n\x1b8";

/// Where the terminal answers that one box line took two columns, the console hears of it.
fn probe_width(to: &Sender<Msg>) {
    if let Ok((column, 0)) = crossterm::cursor::position()
        && column == 2
    {
        let _ = to.send(Msg::WideSymbols);
    }
}

fn read_all(to: &Sender<Msg>, alive: &Heartbeat) {
    let mut last_break: Option<u64> = None;
    loop {
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
        if to.send(msg).is_err() {
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
