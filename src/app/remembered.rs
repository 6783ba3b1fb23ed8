//! How containers and JVMs stood, kept as snapshots whenever that changes, so that a rewound screen
//! shows the states and pids of then.

use crate::app::engine::Shared;
use crate::base::clock::Duration;
use crate::base::task::Stop;
use crate::model::view::{ContainerRow, ContainerView, JvmRow, View};
use crate::source::api::SourceError;
use crate::store::open::Store;
use crate::store::write::SnapshotSink;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The kinds of these records.
const CONTAINERS: &str = "containers";
const JVMS: &str = "jvms";
/// How often it is looked whether something changed.
const EVERY: Duration = Duration::from_secs(15);
/// A record is not longer.
const MOST: usize = 1 << 20;

/// Writes until told to stop.
pub(crate) async fn write(shared: Arc<Shared>, store: Store, mut stop: Stop) {
    let mut written: [Vec<u8>; 2] = Default::default();
    loop {
        let now = shared.clock.now_ms();
        let views = [
            (CONTAINERS, bytes(&containers(&shared))),
            (JVMS, bytes(&jvms(&shared))),
        ];
        for ((kind, body), before) in views.into_iter().zip(&mut written) {
            // An empty list is worth a record only where something was there before.
            let nothing = body == b"[]" && before.is_empty();
            if body == *before || nothing || body.len() > MOST {
                continue;
            }
            let (store, record) = (store.clone(), body.clone());
            let work = move || store.snapshot(kind, now, &record);
            // What cannot be written is tried again with the next change.
            if let Ok(Ok(())) = tokio::task::spawn_blocking(work).await {
                *before = body;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.wait() => return,
        }
    }
}

fn bytes(rows: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(rows).unwrap_or_default()
}

fn containers(shared: &Shared) -> Vec<ContainerRow> {
    shared.containers.view().rows
}

/// Without what changes at every reading.
fn jvms(shared: &Shared) -> Vec<JvmRow> {
    let mut rows = named(shared, (**shared.jvms.borrow()).clone());
    for row in &mut rows {
        (row.read_at, row.samples) = (0, 0);
    }
    rows
}

/// JVMs with the names of their containers.
pub(crate) fn named(shared: &Shared, mut rows: Vec<JvmRow>) -> Vec<JvmRow> {
    if rows.iter().any(|r| !r.container.is_empty()) {
        let containers = shared.containers.view().rows;
        for row in rows.iter_mut().filter(|r| !r.container.is_empty()) {
            let of_it = containers.iter().find(|c| c.id == row.container);
            row.container_name = of_it.map(|c| c.name.clone()).unwrap_or_default();
        }
    }
    rows
}

/// The containers as they stood at a time.
pub(crate) fn containers_at(store: &Store, at: i64) -> Result<View, SourceError> {
    let rows = read(store, CONTAINERS, at)?;
    Ok(rows.map_or_else(
        || nothing("containers"),
        |rows| {
            View::Containers(ContainerView {
                rows,
                ..ContainerView::default()
            })
        },
    ))
}

/// The JVMs as they stood at a time.
pub(crate) fn jvms_at(store: &Store, at: i64) -> Result<View, SourceError> {
    Ok(read(store, JVMS, at)?.map_or_else(|| nothing("JVMs"), View::Jvms))
}

fn read<T: DeserializeOwned>(store: &Store, kind: &str, at: i64) -> Result<Option<T>, SourceError> {
    let Some((_, record)) = store.snapshot_at(kind, at)? else {
        return Ok(None);
    };
    let read = serde_json::from_slice(&record);
    let damaged = |e| SourceError::Internal(format!("the record of {kind} is damaged: {e}"));
    read.map(Some).map_err(damaged)
}

fn nothing(of: &str) -> View {
    View::Nothing {
        why: format!("no {of} were recorded before that time"),
    }
}
