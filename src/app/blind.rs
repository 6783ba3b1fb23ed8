//! What this engine cannot see, for the panel of that name: of the host, of containers, of JVMs and of
//! logs, each with the command that would allow it.

use crate::app::engine::Shared;
use crate::base::own;
use crate::model::view::{BlindSpot, JvmRow, TargetRow};
use std::collections::BTreeMap;

/// Names that stand in one sentence.
const MOST_NAMES: usize = 3;

pub(crate) fn spots(shared: &Shared) -> Vec<BlindSpot> {
    let mut all = shared.watching.blind.borrow().clone();
    all.extend(shared.containers.problems());
    all.extend(jvms(&shared.jvms.borrow().clone()));
    all.extend(logs(&shared.tail.rows(), &own::account(shared.launch.uid)));
    all
}

/// JVMs by the reason why they tell nothing; one whose exporter is scraped is seen through that.
fn jvms(rows: &[JvmRow]) -> Vec<BlindSpot> {
    let mut by_reason: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    let silent = rows
        .iter()
        .filter(|r| !r.why.is_empty() && r.shown_by.is_empty());
    for row in silent {
        let reason = (row.why.as_str(), row.way_out.as_str());
        by_reason.entry(reason).or_default().push(&row.instance);
    }
    let spot = |((why, way_out), of): ((&str, &str), Vec<&str>)| BlindSpot {
        what: format!("Heap, collections and threads of {}", names(&of)),
        why: why.to_owned(),
        way_out: way_out.to_owned(),
    };
    by_reason.into_iter().map(spot).collect()
}

/// Jobs of logs with files that `user` may not open.
fn logs(rows: &[TargetRow], user: &str) -> Vec<BlindSpot> {
    let refused = rows.iter().filter(|r| r.error.contains("denied"));
    let spot = |row: &TargetRow| BlindSpot {
        what: format!("Log files of the job {}", row.job),
        why: row.error.clone(),
        way_out: format!(
            "sudo usermod -aG adm,systemd-journal {user}, then log in again; or run bongsu with sudo"
        ),
    };
    refused.map(spot).collect()
}

fn names(of: &[&str]) -> String {
    let first = of[..of.len().min(MOST_NAMES)].join(", ");
    match of.len().saturating_sub(MOST_NAMES) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jvms_of_one_reason_are_one_line() {
        let jvm = |instance: &str, why: &str, shown_by: &str| JvmRow {
            instance: instance.to_owned(),
            why: why.to_owned(),
            shown_by: shown_by.to_owned(),
            ..JvmRow::default()
        };
        let rows = [
            jvm("web1/a", "another user", ""),
            jvm("web1/b", "", ""),
            jvm("web1/c", "another user", "web1:8080"),
            jvm("web1/d", "another user", ""),
            jvm("web1/e", "another user", ""),
            jvm("web1/f", "another user", ""),
        ];
        let spots = jvms(&rows);
        assert_eq!(spots.len(), 1);
        let want = "Heap, collections and threads of web1/a, web1/d, web1/e and 1 more";
        assert_eq!(spots[0].what, want);
    }

    #[test]
    fn logs_that_may_not_be_opened_name_the_groups() {
        let row = |error: &str| TargetRow {
            job: "varlog".to_owned(),
            error: error.to_owned(),
            ..TargetRow::default()
        };
        let rows = [
            row(""),
            row("cannot open /var/log/auth.log: Permission denied (os error 13)"),
        ];
        let spots = logs(&rows, "kim");
        assert_eq!(spots.len(), 1);
        assert!(
            spots[0]
                .way_out
                .starts_with("sudo usermod -aG adm,systemd-journal kim")
        );
    }
}
