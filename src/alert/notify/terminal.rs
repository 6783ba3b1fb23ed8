//! The terminals of those who look: a bell, and a notification of the desktop where the terminal
//! makes one of OSC 777 (urxvt, foot, kitty, VTE, WezTerm) or OSC 9 (iTerm2). Every attached console
//! of this engine hears of it with its next status.

use crate::alert::notify::{Ask, Failure, Sent, cut};
use crate::model::view::Announcement;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::future::{Ready, ready};

/// Characters of a title and of a text: notifications of desktops show no more.
const MAX_TITLE: usize = 80;
const MAX_TEXT: usize = 240;
/// What consoles may still come for.
const KEPT: usize = 16;

/// What was announced last.
#[derive(Debug, Default)]
pub(super) struct Announced(Mutex<VecDeque<Announcement>>);

impl Announced {
    pub(super) fn all(&self) -> Vec<Announcement> {
        self.0.lock().iter().cloned().collect()
    }

    fn push(&self, mut new: Announcement) {
        let mut all = self.0.lock();
        new.number = all.back().map_or(1, |last| last.number + 1);
        all.push_back(new);
        if all.len() > KEPT {
            all.pop_front();
        }
    }
}

pub(super) fn send(ask: &Ask<'_>) -> Ready<Result<Sent, Failure>> {
    ready(announce(ask))
}

fn announce(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let of = ask.settings();
    let plain =
        |text: String, most| cut(&crate::base::text::sanitise(&text).replace('\n', " "), most);
    ask.announced.push(Announcement {
        number: 0,
        at: ask.now,
        bell: of.bool("bell"),
        desktop: of.text("notify") != "off",
        title: plain(ask.text("title")?, MAX_TITLE),
        text: plain(ask.text("text")?, MAX_TEXT),
    });
    Ok(Sent {
        said: "told the consoles that look".to_owned(),
        memo: String::new(),
    })
}
