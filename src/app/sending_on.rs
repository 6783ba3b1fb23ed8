//! From `alerting.alertmanagers` to where alerts are sent on: addresses relabelled, clients made.

use crate::alert::alertmanagers::{Destination, PATH};
use crate::base::net::client::Client;
use crate::collect::discovery::ADDRESS;
use crate::collect::relabel;
use crate::config::Config;
use crate::config::alerting::AlertmanagerSet;
use crate::config::files::{Files, System};
use crate::config::relabel::RelabelRule;
use crate::config::secret::without_credentials;
use crate::config::targets::{TargetGroup, read_groups};
use crate::model::labels::{Labels, LabelsBuilder};

const SCHEME: &str = "__scheme__";
const PATH_LABEL: &str = "__alerts_path__";

/// The Alertmanagers of a configuration. Reads the files of targets: not for the runtime's workers.
/// What cannot be used is said.
pub(crate) fn destinations(config: &Config) -> (Vec<Destination>, Vec<String>) {
    let (mut out, mut problems) = (Vec::new(), Vec::new());
    for set in &config.alerting.alertmanagers {
        let options = match set.http.client_options() {
            Ok(options) => options,
            Err(said) => {
                problems.push(format!("alerts are not sent on: {said}"));
                continue;
            }
        };
        let client = match Client::new(&options, None) {
            Ok(client) => client,
            Err(e) => {
                problems.push(format!("alerts are not sent on: {e}"));
                continue;
            }
        };
        for url in addresses(set) {
            let rules: Vec<RelabelRule> = config
                .alerting
                .relabel
                .iter()
                .chain(&set.alert_relabel)
                .cloned()
                .collect();
            out.push(Destination {
                name: without_credentials(&url),
                url,
                client: client.clone(),
                timeout: set.timeout,
                relabel: Box::new(move |labels| {
                    relabel::apply(&rules, labels.edit()).map(LabelsBuilder::finish)
                }),
            });
        }
    }
    (out, problems)
}

/// The addresses of one set, as URLs, each once.
fn addresses(set: &AlertmanagerSet) -> Vec<String> {
    let mut groups: Vec<TargetGroup> = set.static_configs.clone();
    for sd in &set.file_sd {
        let paths = sd.files.iter().flat_map(|p| System.matches(p));
        groups.extend(paths.flat_map(|path| read_groups(&System, &path).0));
    }
    let mut out: Vec<String> = Vec::new();
    for group in &groups {
        for target in &group.targets {
            let mut labels: LabelsBuilder = group.labels.edit();
            labels.set(ADDRESS, target);
            labels.set(SCHEME, &set.scheme);
            labels.set(
                PATH_LABEL,
                &format!("{}{PATH}", set.path_prefix.trim_end_matches('/')),
            );
            let Some(labels) = relabel::apply(&set.relabel, labels) else {
                continue;
            };
            let labels: Labels = labels.finish();
            let path = labels.get(PATH_LABEL);
            let slash = if path.starts_with('/') { "" } else { "/" };
            let url = format!(
                "{}://{}{slash}{path}",
                labels.get(SCHEME),
                labels.get(ADDRESS)
            );
            if !labels.get(ADDRESS).is_empty() && !out.contains(&url) {
                out.push(url);
            }
        }
    }
    out
}
