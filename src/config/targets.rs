//! Targets named by the configuration itself: static groups, and files of such groups.

use crate::base::clock::Duration;
use crate::config::check::{Check, Names, has_placeholder};
use crate::config::fields::Fields;
use crate::config::files::Files;
use crate::config::finding::{Finding, Report};
use crate::config::place::{self, Node, Place, Value};
use crate::config::shape::{self, Section, Shape, key};
use crate::model::labels::Labels;
use std::path::{Path, PathBuf};

pub(crate) static GROUP: Section = Section {
    name: "static_configs",
    keys: &[&[
        key(
            "targets",
            Shape::List(&Shape::Text),
            "",
            "Addresses, as HOST:PORT.",
        ),
        key("labels", Shape::Texts, "", "Labels that all of them carry."),
    ]],
};

pub(crate) static FILE_SD: Section = Section {
    name: "file_sd_configs",
    keys: &[&[
        key(
            "files",
            Shape::List(&Shape::Text),
            "",
            "Files (.yml, .yaml, .json) of targets; `*` may stand in the last part. They are watched.",
        ),
        key(
            "refresh_interval",
            Shape::Duration,
            "5m",
            "How often they are read again where watching fails.",
        ),
    ]],
};

/// Addresses that share labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetGroup {
    pub targets: Vec<String>,
    pub labels: Labels,
}

/// Files of target groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSd {
    /// Paths; `*` and `?` may stand in the last part.
    pub files: Vec<PathBuf>,
    pub refresh_interval: Duration,
}

/// The groups under `static_configs`. `judged`: no relabelling will change the addresses, so that
/// they are judged as they are written.
pub(crate) fn read_static(of: Fields<'_>, judged: bool, check: &mut Check<'_>) -> Vec<TargetGroup> {
    let items = of.items("static_configs");
    items
        .iter()
        .filter_map(|node| read_group(node, judged, check))
        .collect()
}

fn read_group(node: &Node, judged: bool, check: &mut Check<'_>) -> Option<TargetGroup> {
    if node.is_null() {
        let text = "this group is empty; remove the `-` or name its targets";
        check.report.error(node.place, text);
        return None;
    }
    let of = Fields::new(node, &GROUP);
    let mut targets = Vec::new();
    for (address, place) in of.texts("targets") {
        if judged {
            judge_address(address, place, check);
        }
        targets.push(address.to_owned());
    }
    let labels = of.pairs("labels");
    for (name, _, place) in &labels {
        check.label_name(name, *place);
    }
    Some(TargetGroup {
        targets,
        labels: Labels::from_pairs(labels.into_iter().map(|(n, v, _)| (n, v))),
    })
}

/// Prometheus refuses an address with `/`; what else cannot be dialled is a warning here and a
/// target that is down, so that the rest runs.
fn judge_address(address: &str, place: Place, check: &mut Check<'_>) {
    if has_placeholder(address) || address.contains(char::is_whitespace) || address.is_empty() {
        let text = format!("{address:?} cannot be reached as written; put HOST:PORT");
        check.report.warning(place, text);
    } else if address.contains('/') {
        let text = format!(
            "{address:?} is not an address; write HOST:PORT, and a path under `metrics_path`"
        );
        check.report.error(place, text);
    } else if address
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.contains(':') && port.parse::<u16>().is_err())
    {
        let text = format!("{address:?} cannot be reached as written: its port is no number");
        check.report.warning(place, text);
    }
}

pub(crate) fn read_file_sd(of: Fields<'_>, check: &mut Check<'_>) -> Vec<FileSd> {
    let mut out = Vec::new();
    for of in of.sections("file_sd_configs", &FILE_SD) {
        let files = of.texts("files");
        if files.is_empty() {
            check.report.error(of.place_of("files"), "names no file");
        }
        for (name, place) in &files {
            let path = Path::new(name);
            let known = path
                .extension()
                .is_some_and(|e| e == "yml" || e == "yaml" || e == "json");
            let folder = path
                .parent()
                .is_some_and(|p| p.to_string_lossy().contains('*'));
            if !known || folder {
                let text = format!(
                    "{name:?} must end in .yml, .yaml or .json, with `*` in its last part only"
                );
                check.report.error(*place, text);
            }
        }
        out.push(FileSd {
            files: files.iter().map(|(f, _)| check.folder.join(f)).collect(),
            refresh_interval: of
                .positive("refresh_interval")
                .unwrap_or(Duration::from_mins(5)),
        });
    }
    out
}

/// Reads one file of target groups, YAML or JSON. With an error among the findings the groups are
/// not to be used: the ones read before stay.
pub fn read_groups(files: &dyn Files, path: &Path) -> (Vec<TargetGroup>, Vec<Finding>) {
    let mut report = Report::new(path);
    let text = files.read(path).unwrap_or_else(|e| {
        report.error(Place::default(), format!("cannot be read: {e}"));
        String::new()
    });
    let tree = report.take_parsed(place::parse(&text));
    let mut check = Check {
        report: &mut report,
        folder: Path::new(""),
        files,
        names: Names::default(),
    };
    let groups = tree
        .as_ref()
        .map_or_else(Vec::new, |tree| read_group_list(tree, &mut check));
    (groups, report.finish(tree.as_ref()))
}

/// The groups of a file of targets.
pub(crate) fn read_group_list(tree: &Node, check: &mut Check<'_>) -> Vec<TargetGroup> {
    if !matches!(tree.value, Value::List(_)) {
        if !tree.is_null() {
            let text = "a list of groups (`- targets: [..]`) is needed";
            check.report.error(tree.place, text);
        }
        return Vec::new();
    }
    let mut groups = Vec::new();
    for item in tree.items() {
        shape::check(item, &GROUP, check.report);
        groups.extend(read_group(item, false, check));
    }
    groups
}
