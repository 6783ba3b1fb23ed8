//! What rules must know of this engine itself: room on its disk, what it had to leave out, what is
//! wrong. Stored under `job="bongsu"`, as often as the host is read; `/metrics` tells more.

use crate::app::engine::Shared;
use crate::app::status;
use crate::base::task::Stop;
use crate::model::answer::{Metadata, MetricKind};
use crate::model::labels::{Labels, METRIC_NAME};
use crate::source::embedded::Embedded;
use crate::store::write::{Append, MetricSink, WriteError};
use std::sync::Arc;

/// Name, kind, help.
const FAMILIES: &[(&str, MetricKind, &str)] = &[
    (
        FREE,
        MetricKind::Gauge,
        "Free space where bongsu keeps what it collected.",
    ),
    (
        BROKEN,
        MetricKind::Gauge,
        "Faults of the store: it cannot write, or files are damaged.",
    ),
    (
        DROPPED,
        MetricKind::Counter,
        "What did not fit since the start.",
    ),
];
const FREE: &str = "bongsu_storage_free_bytes";
const BROKEN: &str = "bongsu_storage_problems";
const DROPPED: &str = "bongsu_queue_dropped_total";

/// Writes them until the engine ends, on the thread that takes pushes: it may wait for the disk.
pub(crate) async fn write(shared: Arc<Shared>, embedded: Embedded, mut stop: Stop) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(shared.interval) => {}
            () = stop.wait() => return,
        }
        let shared = shared.clone();
        // A store in trouble says so itself, in `status`.
        let _ = embedded
            .take_in(move || {
                if let Some(store) = shared.store.load_full() {
                    let facts = store.facts();
                    let mut lines = vec![
                        (FREE, None, facts.free_bytes as f64),
                        (BROKEN, None, facts.problems.len() as f64),
                    ];
                    let queues = status::queues(&shared, Some(&store));
                    let dropped = queues.iter();
                    lines.extend(dropped.map(|q| (DROPPED, Some(&*q.name), q.dropped as f64)));
                    let _ = append(&*store, &shared.host_name, &lines, shared.clock.now_ms());
                }
                Ok(())
            })
            .await;
    }
}

fn append(
    sink: &dyn MetricSink,
    host: &str,
    lines: &[(&str, Option<&str>, f64)],
    t: i64,
) -> Result<(), WriteError> {
    let mut batch = Vec::with_capacity(lines.len());
    for (name, queue, v) in lines {
        let mut labels =
            Labels::from_pairs([(METRIC_NAME, *name), ("job", "bongsu"), ("instance", host)])
                .edit();
        if let Some(queue) = queue {
            labels.set("queue", queue);
        }
        let series = sink.resolve(&labels.finish())?;
        batch.push(Append { series, t, v: *v });
    }
    sink.append(&batch)?;
    let described = FAMILIES.iter().map(|(metric, kind, help)| Metadata {
        metric: (*metric).to_owned(),
        kind: *kind,
        help: (*help).to_owned(),
        unit: String::new(),
    });
    sink.describe(&described.collect::<Vec<_>>());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::open::{Options, Store};
    use crate::store::read::{Ask, SeriesSource};

    #[test]
    fn they_are_stored_under_the_name_of_bongsu() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(Options {
            background: false,
            ..Options::new(dir.path())
        })
        .unwrap();
        let lines = [(FREE, None, 5.0), (DROPPED, Some("questions"), 1.0)];
        append(&store, "web1", &lines, 1_795_219_200_000).unwrap();
        let selectors = [vec![crate::model::matcher::Matcher::equal("job", "bongsu")]];
        let ask = Ask {
            selectors: &selectors,
            range: crate::model::time::TimeRange::new(0, i64::MAX),
            limit: 0,
        };
        let never = crate::base::cancel::Cancel::never();
        let mut found: Vec<String> = SeriesSource::series(&store, &ask, &never)
            .unwrap()
            .items
            .iter()
            .map(ToString::to_string)
            .collect();
        found.sort();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("queue=\"questions\""), "{found:?}");
        store.close();
    }
}
