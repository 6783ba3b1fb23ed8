//! What a terminal is told outside of the screen: its bell, and a notification of the desktop by
//! OSC 777, or by OSC 9 where the terminal is iTerm2. Never by both: several terminals know both and
//! would show it twice. One that knows neither leaves it out.

use crate::base::text;
use crate::model::view::Announcement;

/// True in iTerm2, which says so over ssh too.
pub(crate) fn is_iterm() -> bool {
    let says = |name: &str| std::env::var(name).is_ok_and(|v| v.starts_with("iTerm"));
    says("LC_TERMINAL") || says("TERM_PROGRAM")
}

/// The sequences of one announcement. Nothing in its words can end or begin one.
pub(crate) fn sequences(what: &Announcement, iterm: bool) -> String {
    // A semicolon parts the fields of OSC 777.
    let plain = |text: &str| {
        text::display(text)
            .replace(['\x1b', '\x07', '\u{9c}'], "")
            .replace(';', ",")
    };
    let (title, words) = (plain(&what.title), plain(&what.text));
    let mut out = String::new();
    if what.desktop && iterm {
        out.push_str(&format!("\x1b]9;{title}: {words}\x07"));
    } else if what.desktop {
        out.push_str(&format!("\x1b]777;notify;{title};{words}\x07"));
    }
    if what.bell {
        out.push('\x07');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cannot_leave_their_place() {
        let what = Announcement {
            bell: true,
            desktop: true,
            title: "[FIRING:1] 디스크;x".to_owned(),
            text: "a\x1b]52;c;eA==\x07b".to_owned(),
            ..Announcement::default()
        };
        let out = sequences(&what, false);
        assert_eq!(out.matches('\x1b').count(), 1, "{out:?}");
        assert_eq!(out.matches('\x07').count(), 2, "{out:?}");
        let other = sequences(&what, true);
        assert!(
            other.starts_with("\x1b]9;[FIRING:1] 디스크,x: a"),
            "{other:?}"
        );
        assert!(
            out.contains("\x1b]777;notify;[FIRING:1] 디스크,x;a"),
            "{out:?}"
        );
        let quiet = Announcement {
            desktop: false,
            bell: false,
            ..what
        };
        assert_eq!(sequences(&quiet, true), "");
    }
}
