//! What is read where nothing is configured: the files under /var/log, the journal, containers.

use crate::base::clock::Duration;
use crate::base::fs::Fs;
use crate::base::regex::Regex;
use crate::config::logs::stages::{Cri, Stage};
use crate::config::logs::{JournalJob, LogJob};
use crate::config::relabel::{RelabelAction, RelabelRule};
use crate::config::targets::TargetGroup;
use crate::model::labels::Labels;
use std::path::Path;
use std::sync::Arc;

/// Not lines, not ours, or read under their first name already.
const NOT_READ: &str = "/var/log/{journal,sa,sysstat,atop,private,installer,pods,containers}/**,/var/log/**/*.{gz,xz,bz2,zst,old,journal},/var/log/**/*.[0-9],/var/log/**/*-20[0-9]*,/var/log/**/{wtmp,btmp,lastlog,faillog,tallylog}*";

/// The jobs of a server without a configuration. `containers` are read here too: where their own
/// reader does not.
pub fn jobs(fs: &Fs, containers: bool) -> Vec<LogJob> {
    let mut jobs = vec![job(
        "varlog",
        &[("/var/log/**/*", &format!("{{{NOT_READ}}}"))],
        Vec::new(),
    )];
    let docker = "/var/lib/docker/containers/*/*-json.log";
    if containers && fs.exists(Path::new("/var/lib/docker/containers")) {
        jobs.push(job("containers", &[(docker, "")], vec![Stage::Docker]));
    }
    let cri = [
        ("/var/log/pods/*/*/*.log", ""),
        (
            "/var/lib/containers/storage/overlay-containers/*/userdata/ctr.log",
            "",
        ),
    ];
    let there = [
        "/var/log/pods",
        "/var/lib/containers/storage/overlay-containers",
    ];
    let wanted = if containers { 2 } else { 1 };
    if there[..wanted].iter().any(|p| fs.exists(Path::new(p))) {
        jobs.push(job(
            "pods",
            &cri[..wanted],
            vec![Stage::Cri(Cri::default())],
        ));
    }
    if ["/var/log/journal", "/run/log/journal"]
        .iter()
        .any(|p| fs.exists(Path::new(p)))
    {
        jobs.push(journal());
    }
    jobs
}

fn job(name: &str, groups: &[(&str, &str)], stages: Vec<Stage>) -> LogJob {
    let group = |(path, except): &(&str, &str)| TargetGroup {
        targets: Vec::new(),
        labels: Labels::from_pairs([
            ("job", name),
            ("__path__", path),
            ("__path_exclude__", except),
        ]),
    };
    LogJob {
        name: name.to_owned(),
        groups: groups.iter().map(group).collect(),
        relabel: Vec::new(),
        detect: stages.is_empty(),
        stages: stages.into(),
        ..LogJob::default()
    }
}

fn journal() -> LogJob {
    let label = |from: &str, to: &str| -> Option<RelabelRule> {
        Some(RelabelRule {
            action: RelabelAction::Replace,
            source_labels: vec![from.to_owned()],
            separator: ";".to_owned(),
            regex: Regex::anchored("(.+)").ok()?,
            modulus: 0,
            target_label: to.to_owned(),
            replacement: "$1".to_owned(),
        })
    };
    let rules = [
        label("__journal__systemd_unit", "unit"),
        label("__journal_syslog_identifier", "identifier"),
    ];
    LogJob {
        name: "journal".to_owned(),
        groups: Vec::new(),
        relabel: rules.into_iter().flatten().collect(),
        stages: Arc::from(Vec::new()),
        journal: Some(JournalJob {
            json: false,
            max_age: Duration::from_hours(7),
            labels: Labels::from_pairs([("job", "journal")]),
            path: String::new(),
            matches: Vec::new(),
        }),
        detect: true,
        ..LogJob::default()
    }
}
