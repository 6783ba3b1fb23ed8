//! Where a panel keeps its last good answer while a newer one is on its way.
//!
//! Each asking carries a [`Ticket`]. In one slot one asking runs and at most one waits; a newer one
//! takes the place of the one that waits. An answer whose ticket is not the newest running one is
//! dropped, so a slow old answer never paints over a new one.

use crate::model::answer::{Answer, Value};
use crate::model::request::{Request, SpanRequest};
use crate::model::view::View;
use crate::source::api::SourceError;
use crate::tui::cmd::Cmd;
use std::collections::HashMap;

/// A place for one answer: who asks, and which of its questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SlotId {
    pub(crate) owner: &'static str,
    pub(crate) part: u16,
}

impl SlotId {
    pub(crate) fn new(owner: &'static str, part: usize) -> Self {
        Self {
            owner,
            part: part as u16,
        }
    }
}

/// One asking of one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ticket {
    pub(crate) slot: SlotId,
    pub(crate) generation: u64,
}

/// How urgent an asking is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// The next reading of the same question: waits for the one that runs.
    Refresh,
    /// A person changed the question: the running one is of no use any more.
    Changed,
}

#[derive(Debug, Default)]
pub(crate) struct Slot {
    generation: u64,
    running: Option<Request>,
    /// Milliseconds since the epoch at which the running one was asked.
    running_since: i64,
    waiting: Option<Request>,
    /// The last question that came back, with an answer or with an error.
    settled: Option<Request>,
    /// The question that `value` answers.
    asked: Option<Request>,
    /// Milliseconds since the epoch.
    answered_at: i64,
    value: Option<Answer>,
    error: Option<SourceError>,
}

impl Slot {
    /// The last good answer, however old.
    pub(crate) fn answer(&self) -> Option<&Answer> {
        self.value.as_ref()
    }

    /// The PromQL value of the last good answer.
    pub(crate) fn value(&self) -> Option<&Value> {
        match self.value.as_ref()? {
            Answer::Prom(prom) => Some(&prom.value),
            _ => None,
        }
    }

    /// The live view of the last good answer.
    pub(crate) fn view(&self) -> Option<&View> {
        match self.value.as_ref()? {
            Answer::View(view) => Some(view),
            _ => None,
        }
    }

    /// What went wrong with the newest asking; the last good answer may stand behind it.
    pub(crate) fn error(&self) -> Option<&SourceError> {
        self.error.as_ref()
    }

    /// The question that came back last.
    pub(crate) fn settled(&self) -> Option<&Request> {
        self.settled.as_ref()
    }

    /// The question that the last good answer is to.
    pub(crate) fn question(&self) -> Option<&Request> {
        self.asked.as_ref()
    }

    pub(crate) fn answered_at(&self) -> i64 {
        self.answered_at
    }

    pub(crate) fn is_loading(&self) -> bool {
        self.running.is_some()
    }

    /// Since when the running asking runs.
    pub(crate) fn loading_since(&self) -> Option<i64> {
        self.running.as_ref().map(|_| self.running_since)
    }

    fn start(&mut self, id: SlotId, request: Request, now: i64) -> Cmd {
        self.generation += 1;
        self.running = Some(request.clone());
        self.running_since = now;
        let ticket = Ticket {
            slot: id,
            generation: self.generation,
        };
        Cmd::Ask { ticket, request }
    }
}

/// All slots of the console.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    slots: HashMap<SlotId, Slot>,
}

impl Slots {
    pub(crate) fn get(&self, id: SlotId) -> Option<&Slot> {
        self.slots.get(&id)
    }

    /// Forgets one answer.
    pub(crate) fn forget_one(&mut self, id: SlotId) {
        self.slots.remove(&id);
    }

    /// Waits for nothing any more; true where something was on its way.
    pub(crate) fn stop(&mut self, id: SlotId) -> bool {
        let Some(slot) = self.slots.get_mut(&id) else {
            return false;
        };
        slot.waiting = None;
        // Its answer, if it comes after all, is stale.
        slot.generation += 1;
        slot.running.take().is_some()
    }

    /// Since when the slowest running asking runs.
    pub(crate) fn slowest(&self) -> Option<i64> {
        let running = self.slots.values();
        running.filter_map(Slot::loading_since).min()
    }

    /// Asks, or lets it wait, or does nothing where exactly this is known or on its way.
    pub(crate) fn ask(
        &mut self,
        id: SlotId,
        request: Request,
        urgency: Urgency,
        now: i64,
    ) -> Option<Cmd> {
        let slot = self.slots.entry(id).or_default();
        let refresh = urgency == Urgency::Refresh;
        if let Some(running) = &slot.running {
            if *running == request {
                slot.waiting = None;
                return None;
            }
            if refresh || slot.waiting.as_ref() == Some(&request) {
                slot.waiting = Some(request);
                return None;
            }
            slot.waiting = None;
            return Some(slot.start(id, request, now));
        }
        let again = refresh && (slot.error.is_some() || always_new(&request));
        if slot.settled.as_ref() == Some(&request) && !again {
            return None;
        }
        Some(slot.start(id, request, now))
    }

    /// Takes an answer; a stale one changes nothing. Gives the asking that waited.
    pub(crate) fn answer(
        &mut self,
        ticket: Ticket,
        result: Result<Answer, SourceError>,
        now: i64,
    ) -> Taken {
        let Some(slot) = self.slots.get_mut(&ticket.slot) else {
            return Taken::default();
        };
        if ticket.generation != slot.generation {
            return Taken::default();
        }
        let Some(request) = slot.running.take() else {
            return Taken::default();
        };
        slot.settled = Some(request.clone());
        match result {
            Ok(answer) => {
                slot.asked = Some(request);
                slot.value = Some(answer);
                slot.answered_at = now;
                slot.error = None;
            }
            Err(SourceError::Cancelled) => {}
            Err(error) => slot.error = Some(error),
        }
        let next = slot.waiting.take();
        Taken {
            fresh: true,
            next: next.map(|request| slot.start(ticket.slot, request, now)),
        }
    }
}

/// What came of an answer.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Taken {
    /// False where the answer was stale and nothing changed.
    pub(crate) fresh: bool,
    pub(crate) next: Option<Cmd>,
}

/// Questions whose words do not say the time they are about.
fn always_new(request: &Request) -> bool {
    matches!(
        request,
        Request::View { at: None, .. }
            | Request::Processes { .. }
            | Request::Status
            | Request::Metadata { .. }
            | Request::Spans(SpanRequest::Trace { .. })
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: SlotId = SlotId {
        owner: "test",
        part: 0,
    };

    fn question(n: usize) -> Request {
        Request::LabelNames {
            selectors: vec![],
            range: crate::model::time::TimeRange::new(0, 1),
            limit: n,
        }
    }

    fn ticket(cmd: Option<Cmd>) -> Ticket {
        match cmd {
            Some(Cmd::Ask { ticket, .. }) => ticket,
            other => panic!("{other:?}"),
        }
    }

    fn names(text: &str) -> Answer {
        Answer::Names(
            vec![text.to_owned()],
            crate::model::answer::Notes::default(),
        )
    }

    #[test]
    fn a_late_answer_to_an_old_question_is_dropped() {
        let mut slots = Slots::default();
        let old = ticket(slots.ask(ID, question(1), Urgency::Changed, 0));
        let new = ticket(slots.ask(ID, question(2), Urgency::Changed, 0));
        assert!(slots.answer(new, Ok(names("new")), 5).fresh);
        assert!(!slots.answer(old, Ok(names("old")), 6).fresh);
        let slot = slots.get(ID).unwrap();
        assert_eq!(slot.answer(), Some(&names("new")));
        assert_eq!(slot.answered_at(), 5);
    }

    #[test]
    fn refreshes_do_not_pile_up_behind_a_slow_question() {
        let mut slots = Slots::default();
        let first = ticket(slots.ask(ID, question(1), Urgency::Refresh, 0));
        for n in 2..9 {
            assert_eq!(slots.ask(ID, question(n), Urgency::Refresh, 0), None);
        }
        let taken = slots.answer(first, Ok(names("first")), 1);
        let next = taken.next.unwrap();
        assert!(matches!(&next, Cmd::Ask { request, .. } if *request == question(8)));
        assert_eq!(
            slots.answer(ticket(Some(next)), Ok(names("x")), 2).next,
            None
        );
    }

    #[test]
    fn an_error_keeps_the_last_good_value_behind_it() {
        let mut slots = Slots::default();
        let t = ticket(slots.ask(ID, question(1), Urgency::Refresh, 0));
        slots.answer(t, Ok(names("good")), 1);
        assert_eq!(
            slots.ask(ID, question(1), Urgency::Refresh, 1),
            None,
            "known"
        );
        let t = ticket(slots.ask(ID, question(2), Urgency::Refresh, 1));
        slots.answer(t, Err(SourceError::Timeout("too slow".into())), 2);
        let slot = slots.get(ID).unwrap();
        assert_eq!(slot.answer(), Some(&names("good")));
        assert!(slot.error().is_some() && !slot.is_loading());
        let key = slots.ask(ID, question(2), Urgency::Changed, 3);
        assert_eq!(key, None, "a key that changes nothing does not ask again");
        assert!(
            slots.ask(ID, question(2), Urgency::Refresh, 3).is_some(),
            "tried again"
        );
    }

    #[test]
    fn a_key_does_not_end_a_slow_question_whose_successor_waits() {
        let mut slots = Slots::default();
        let first = ticket(slots.ask(ID, question(1), Urgency::Refresh, 0));
        slots.ask(ID, question(2), Urgency::Refresh, 0);
        assert_eq!(slots.ask(ID, question(2), Urgency::Changed, 0), None);
        assert!(slots.answer(first, Ok(names("first")), 1).fresh);
    }
}
