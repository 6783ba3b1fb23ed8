//! What people order: acknowledge, silence, end a silence. On the disk before it is answered.

use crate::alert::acknowledge::Kept as Acknowledged;
use crate::alert::notice::What;
use crate::alert::pipeline::notices::News;
use crate::alert::pipeline::{Core, Pipeline};
use crate::alert::silence::Kept as KeptSilence;
use crate::model::action::{Acknowledge, Silence as SilenceOrder};
use crate::model::matcher::parse::parse;
use crate::wire::alertmanager_json::{MatcherJson, Silence};
use std::collections::BTreeSet;

/// Who orders, as it is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    pub name: String,
    /// `sudo by kim`, where the environment says so.
    pub remark: String,
}

impl Author {
    fn shown(&self) -> String {
        match self.remark.as_str() {
            "" => self.name.clone(),
            remark => format!("{} ({remark})", self.name),
        }
    }
}

/// What a silence would mute now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    pub firing: u64,
    /// The first few, by name and labels.
    pub examples: Vec<String>,
    /// It would mute every alert there can be.
    pub everything: bool,
}

/// Alerts that a preview names.
const EXAMPLES: usize = 5;

impl Pipeline {
    /// Acknowledges an alert or its groups, or takes that back; the sentence says what was done.
    pub fn acknowledge(
        &self,
        order: &Acknowledge,
        by: &Author,
        now: i64,
    ) -> Result<String, String> {
        let mut core = self.0.core.lock();
        let alerts = core.meant(order)?;
        let state = core.state.clone();
        let who = by.shown();
        if order.remove {
            let done = core.take_back(&alerts, &who, now);
            drop(core);
            self.0.bell.notify_one();
            return done;
        }
        if order.until.is_some_and(|until| until <= now) {
            return Err("the acknowledgement would end in the past".to_owned());
        }
        let kept = Acknowledged {
            by: who.clone(),
            at: now,
            note: order.note.clone(),
            until: order.until,
            resolved_at: 0,
        };
        core.acknowledged.set(&alerts, &kept, &state)?;
        let note = match order.note.as_str() {
            "" => String::new(),
            note => format!(": {note}"),
        };
        for alert in &alerts {
            core.tell_story(*alert, now, "acknowledge", &format!("by {who}{note}"));
        }
        core.keep(&alerts);
        let named = core.names(&alerts);
        core.announce(&News {
            what: What::Acknowledged { whole: false },
            line: format!("{named} acknowledged by {who}{note}"),
            by: &who,
            note: &order.note,
            mark: format!("acknowledged {alerts:?} at {now}"),
            alerts: &alerts,
            now,
        });
        drop(core);
        self.0.bell.notify_one();
        Ok(format!(
            "{named}: acknowledged by {who}; no reminders until it was resolved and fires again"
        ))
    }

    /// Makes or changes a silence; its id. Where it would mute everything, only with `even_all`.
    pub fn silence(&self, order: &SilenceOrder, by: &Author, now: i64) -> Result<String, String> {
        let silence = silence_of(order, by, now)?;
        let kept = KeptSilence::new(silence)?;
        if kept.fits_everything() && !order.even_all {
            return Err(
                "this silence mutes every alert there can be; say so once more to make it"
                    .to_owned(),
            );
        }
        self.set_silence(kept.silence, now)
    }

    /// As it came over the API.
    pub fn set_silence(&self, silence: Silence, now: i64) -> Result<String, String> {
        let mut core = self.0.core.lock();
        let state = core.state.clone();
        let id = core.silences.set(silence, now, &state)?;
        let Some(kept) = core.silences.get(&id).cloned() else {
            return Ok(id);
        };
        let said = format!(
            "{id} by {}: {}",
            kept.silence.created_by, kept.silence.comment
        );
        let hits: Vec<u64> = core
            .alerts
            .iter()
            .filter(|(_, h)| kept.matches(&h.alert.labels))
            .map(|(f, _)| *f)
            .collect();
        for alert in &hits {
            core.tell_story(*alert, now, "silence", &said);
        }
        core.keep(&hits);
        Ok(id)
    }

    pub fn expire_silence(&self, id: &str, now: i64) -> Result<(), String> {
        let mut core = self.0.core.lock();
        let state = core.state.clone();
        core.silences.expire(id, now, &state)
    }

    /// What the silence would mute, without making it.
    pub fn preview(&self, order: &SilenceOrder, now: i64) -> Result<Preview, String> {
        let by = Author {
            name: "preview".to_owned(),
            remark: String::new(),
        };
        let mut order = order.clone();
        if order.comment.is_empty() {
            "preview".clone_into(&mut order.comment);
        }
        let kept = KeptSilence::new(silence_of(&order, &by, now)?)?;
        let core = self.0.core.lock();
        let mut out = Preview {
            everything: kept.fits_everything(),
            ..Preview::default()
        };
        for held in core.alerts.values() {
            if held.alert.is_resolved_at(now) || !kept.matches(&held.alert.labels) {
                continue;
            }
            out.firing += 1;
            if out.examples.len() < EXAMPLES {
                out.examples.push(held.alert.labels.to_string());
            }
        }
        Ok(out)
    }
}

fn silence_of(order: &SilenceOrder, by: &Author, now: i64) -> Result<Silence, String> {
    let mut matchers = Vec::new();
    for text in &order.matchers {
        let parsed = parse(text).map_err(|e| format!("{text:?}: {e}"))?;
        matchers.extend(parsed.matchers.iter().map(MatcherJson::of));
    }
    let starts_at = order.starts_at.unwrap_or(now);
    if order.duration_ms <= 0 {
        return Err("a silence needs a duration, such as 2h".to_owned());
    }
    Ok(Silence {
        id: order.id.clone(),
        matchers,
        starts_at,
        ends_at: starts_at.saturating_add(order.duration_ms),
        updated_at: now,
        created_by: by.shown(),
        comment: order.comment.clone(),
        ..Silence::default()
    })
}

impl Core {
    /// Ends acknowledgements before their time.
    fn take_back(&mut self, alerts: &[u64], who: &str, now: i64) -> Result<String, String> {
        let state = self.state.clone();
        let mut ended = Vec::new();
        for alert in alerts {
            if self.acknowledged.remove(*alert, &state)? {
                ended.push(*alert);
                self.tell_story(*alert, now, "acknowledge", &format!("taken back by {who}"));
            }
        }
        self.keep(alerts);
        let named = self.names(&ended);
        if ended.is_empty() {
            return Err(format!("{} is not acknowledged", self.names(alerts)));
        }
        self.announce(&News {
            what: What::TakenBack,
            line: format!("{named} is no longer acknowledged, says {who}"),
            by: who,
            note: "",
            mark: format!("taken back {ended:?} at {now}"),
            alerts: &ended,
            now,
        });
        Ok(format!(
            "{named}: no longer acknowledged, reminders come again"
        ))
    }

    /// The firing alerts that an order means.
    fn meant(&self, order: &Acknowledge) -> Result<Vec<u64>, String> {
        let Some(held) = self.alerts.get(&order.alert) else {
            return Err(format!(
                "there is no alert {:016x} now; it may be resolved",
                order.alert
            ));
        };
        if !order.group {
            return Ok(vec![order.alert]);
        }
        let groups = held.groups.iter().filter_map(|id| self.groups.get(id));
        let members: BTreeSet<u64> = groups.flat_map(|g| g.members.iter().copied()).collect();
        Ok(members.into_iter().collect())
    }
}
