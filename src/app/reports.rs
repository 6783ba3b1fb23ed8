//! What JVMs answered: asked in the name of a caller, kept as snapshots, and read again.

use crate::app::backstage::{nothing, opened};
use crate::app::engine::Shared;
use crate::app::rights;
use crate::collect::jvm::report::{self, HEADS, REPORTS};
use crate::collect::perform::jvm::Asking;
use crate::model::action::Outcome;
use crate::model::jvm::{JvmQuestion, JvmReportHead};
use crate::model::view::View;
use crate::source::api::{Caller, SourceError};
use crate::store::write::SnapshotSink;

/// Heads that a list shows.
const LISTED: usize = 500;

/// Asks, and keeps the answer. What the answer holds is only for those who might have asked.
pub(crate) fn ask(
    shared: &Shared,
    caller: &Caller,
    (pid, started): (i32, u64),
    question: JvmQuestion,
) -> Result<Outcome, SourceError> {
    // An answer that cannot be kept is not worth the application's pause.
    let store = opened(shared)?;
    let owner = shared.asker.owner(pid, started);
    if let Err(said) = owner.and_then(|owner| rights::may_attach(shared, caller, owner)) {
        return Ok(Outcome::Refused { said });
    }
    let row = shared.jvms.borrow().clone();
    let row = row.iter().find(|r| (r.pid, r.started) == (pid, started));
    let instance = row.map_or_else(|| pid.to_string(), |r| r.instance.clone());
    let asking = Asking {
        pid,
        started,
        instance,
        question,
        by: caller.name.clone(),
    };
    let answered = match shared.asker.ask(asking) {
        Ok(answered) => answered,
        Err(said) => return Ok(Outcome::Refused { said }),
    };
    let (record, cut) = report::encode(&answered).map_err(SourceError::Internal)?;
    let at = answered.head.t;
    let head = report::read(answered).head;
    let mut said = format!("{} of {}: {}", question.name(), head.instance, head.summary);
    if cut {
        said.push_str("; it was too long to be kept whole, and its end is cut");
    }
    let line = serde_json::to_vec(&head).map_err(|e| SourceError::Internal(e.to_string()))?;
    let kept = store
        .snapshot(REPORTS, at, &record)
        .and_then(|()| store.snapshot(HEADS, at, &line));
    kept.map_err(|e| SourceError::Internal(format!("the answer cannot be kept: {e}")))?;
    Ok(Outcome::Kept { at, said })
}

/// The newest answers up to that time.
pub(crate) fn list(shared: &Shared, at: Option<i64>) -> Result<View, SourceError> {
    let until = at.unwrap_or(i64::MAX);
    let kept = opened(shared)?.snapshots_between(HEADS, 0, until, usize::MAX)?;
    let read = |(_, line): &(i64, Vec<u8>)| serde_json::from_slice::<JvmReportHead>(line).ok();
    let mut heads: Vec<JvmReportHead> = kept.iter().filter_map(read).collect();
    heads.sort_by_key(|h| std::cmp::Reverse(h.t));
    heads.truncate(LISTED);
    Ok(View::JvmReports(heads))
}

/// The newest answer that is not younger than that time.
pub(crate) fn one(shared: &Shared, at: Option<i64>, caller: &Caller) -> Result<View, SourceError> {
    let at = at.unwrap_or(i64::MAX);
    let Some((_, record)) = opened(shared)?.snapshot_at(REPORTS, at)? else {
        return Ok(nothing("no answer of a JVM was kept before that time"));
    };
    let answered = report::decode(&record).map_err(SourceError::Internal)?;
    rights::may_attach(shared, caller, answered.head.uid).map_err(SourceError::NotAllowed)?;
    Ok(View::JvmReport(Box::new(report::read(answered))))
}
