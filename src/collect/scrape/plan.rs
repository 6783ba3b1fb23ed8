//! From what was discovered to what is scraped: labels, relabelling, address, times.
//!
//! Source: Prometheus `scrape/target.go` (`PopulateLabels`, `URL`). An address that cannot be
//! reached as written makes a target that is down with the reason, not a refused configuration.

use crate::base::clock::Duration;
use crate::base::units::parse_duration_ms;
use crate::collect::discovery::ADDRESS;
use crate::collect::relabel;
use crate::config::scrape::ScrapeConfig;
use crate::model::labels::{Labels, LabelsBuilder};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const SCHEME: &str = "__scheme__";
const PATH: &str = "__metrics_path__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const PARAM: &str = "__param_";

/// What stands as it is in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// One target after relabelling.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub discovered: Labels,
    pub steps: Vec<(String, Labels)>,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Scrape(Target),
    /// A relabelling step dropped it.
    Dropped,
}

/// What a loop needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// What every series of this target carries.
    pub labels: Labels,
    pub url: String,
    pub interval: Duration,
    pub timeout: Duration,
    /// Why it is never asked: the address is not one. Empty where it is.
    pub refused: String,
}

impl Target {
    /// Spreads targets over their interval, the same after each restart.
    pub fn spread(&self) -> u64 {
        let url = xxhash_rust::xxh3::xxh3_64(self.url.as_bytes());
        self.labels.fingerprint() ^ url
    }
}

/// Makes one target of a job.
pub fn plan(job: &ScrapeConfig, found: &Labels) -> Plan {
    let mut labels = found.edit();
    let defaults = [
        ("job", job.job_name.clone()),
        (INTERVAL, duration_text(job.interval)),
        (TIMEOUT, duration_text(job.timeout)),
        (PATH, job.metrics_path.clone()),
        (SCHEME, job.scheme.as_str().to_owned()),
    ];
    for (name, value) in defaults {
        if labels.get(name).is_empty() {
            labels.set(name, &value);
        }
    }
    for (name, values) in &job.params {
        let name = format!("{PARAM}{name}");
        if let Some(first) = values.first().filter(|_| labels.get(&name).is_empty()) {
            labels.set(&name, first);
        }
    }
    let discovered = labels.clone().finish();
    let traced = relabel::trace(&job.relabel, labels);
    let outcome = match traced.labels {
        Some(labels) => Outcome::Scrape(target(job, labels)),
        None => Outcome::Dropped,
    };
    Plan {
        discovered,
        steps: traced.steps,
        outcome,
    }
}

fn duration_text(duration: Duration) -> String {
    crate::base::units::format_duration_ms(duration.as_millis() as i64)
}

fn target(job: &ScrapeConfig, mut labels: LabelsBuilder) -> Target {
    let address = labels.get(ADDRESS).to_owned();
    let (url, mut refused) = match url(job, &labels, &address) {
        Ok(url) => (url, String::new()),
        Err(why) => (format!("{}://{address}", labels.get(SCHEME)), why),
    };
    let mut time = |name: &str, default: Duration| match parse_duration_ms(labels.get(name)) {
        Ok(ms) if ms > 0 => Duration::from_millis(ms as u64),
        _ => {
            refused = format!(
                "{name}={:?} is not a duration; write 15s or 1m",
                labels.get(name)
            );
            default
        }
    };
    let interval = time(INTERVAL, job.interval);
    let timeout = time(TIMEOUT, job.timeout).min(interval);
    if labels.get("instance").is_empty() {
        labels.set("instance", &address);
    }
    labels.retain(|name| !name.starts_with("__"));
    Target {
        labels: labels.finish(),
        url,
        interval,
        timeout,
        refused,
    }
}

/// The URL, or why there is none.
fn url(job: &ScrapeConfig, labels: &LabelsBuilder, address: &str) -> Result<String, String> {
    if address.is_empty() {
        return Err("the target has no address: write HOST:PORT under targets".to_owned());
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || "{}<>\"\\^`|".contains(c);
    if address.contains(odd) {
        return Err(format!(
            "the address {address:?} is a place to fill in, not an address: write HOST:PORT"
        ));
    }
    if address.contains('/') {
        return Err(format!(
            "the address {address:?} holds a path or a scheme: write HOST:PORT, the rest belongs \
             to scheme and metrics_path"
        ));
    }
    let scheme = labels.get(SCHEME);
    if !matches!(scheme, "http" | "https") {
        return Err(format!("the scheme {scheme:?} is neither http nor https"));
    }
    let path = labels.get(PATH);
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut out = format!("{scheme}://{address}{slash}{path}");
    let query = query(job, labels);
    if !query.is_empty() {
        out.push(if path.contains('?') { '&' } else { '?' });
        out.push_str(&query);
    }
    Ok(out)
}

/// The job's parameters; the labels `__param_NAME` replace the first value of each.
fn query(job: &ScrapeConfig, labels: &LabelsBuilder) -> String {
    let mut params: Vec<(&str, &str)> = Vec::new();
    for (name, values) in &job.params {
        let first = labels.get(&format!("{PARAM}{name}"));
        if !first.is_empty() {
            params.push((name, first));
        }
        params.extend(values.iter().skip(1).map(|v| (name.as_str(), v.as_str())));
    }
    for (label, value) in labels.iter() {
        if let Some(name) = label.strip_prefix(PARAM)
            && !job.params.iter().any(|(n, _)| n == name)
        {
            params.push((name, value));
        }
    }
    params.sort_by(|a, b| a.0.cmp(b.0));
    let encode = |text: &str| utf8_percent_encode(text, QUERY).to_string();
    let parts: Vec<String> = params
        .iter()
        .map(|(n, v)| format!("{}={}", encode(n), encode(v)))
        .collect();
    parts.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::regex::Regex;
    use crate::config::relabel::{RelabelAction, RelabelRule};

    fn job(name: &str) -> ScrapeConfig {
        let mut job = crate::collect::scrape::added::job("/none".as_ref(), Duration::from_secs(15));
        job.job_name = name.to_owned();
        job
    }

    fn replace(source: &str, target: &str, replacement: &str) -> RelabelRule {
        RelabelRule {
            action: RelabelAction::Replace,
            source_labels: if source.is_empty() {
                vec![]
            } else {
                vec![source.into()]
            },
            separator: ";".into(),
            regex: Regex::anchored("(.*)").unwrap(),
            modulus: 0,
            target_label: target.into(),
            replacement: replacement.into(),
        }
    }

    fn scraped(job: &ScrapeConfig, address: &str) -> Target {
        match plan(job, &Labels::from_pairs([(ADDRESS, address)])).outcome {
            Outcome::Scrape(target) => target,
            Outcome::Dropped => panic!("dropped"),
        }
    }

    #[test]
    fn a_plain_target() {
        let target = scraped(&job("node"), "localhost:9100");
        assert_eq!(target.url, "http://localhost:9100/metrics");
        assert_eq!(
            target.labels.to_string(),
            "{instance=\"localhost:9100\", job=\"node\"}"
        );
        assert_eq!(target.refused, "");
    }

    /// The way in which one exporter answers for many servers.
    #[test]
    fn an_exporter_asked_about_another_server() {
        let mut job = job("redis");
        job.metrics_path = "/scrape".into();
        job.relabel = vec![
            replace(ADDRESS, "__param_target", "$1"),
            replace("__param_target", "instance", "$1"),
            replace("", ADDRESS, "exporter:9121"),
        ];
        let target = scraped(&job, "redis://10.0.0.6:6379");
        assert_eq!(
            target.url,
            "http://exporter:9121/scrape?target=redis%3A%2F%2F10.0.0.6%3A6379"
        );
        assert_eq!(target.labels.get("instance"), "redis://10.0.0.6:6379");
        assert_eq!(target.refused, "");
    }

    #[test]
    fn addresses_that_are_none_are_told() {
        for (address, word) in [
            ("{모니터링 서버 주소}", "fill in"),
            ("http://a:1", "scheme"),
            ("", "no address"),
        ] {
            let target = scraped(&job("x"), address);
            assert!(
                target.refused.contains(word),
                "{address}: {}",
                target.refused
            );
        }
    }

    #[test]
    fn labels_change_times_and_parameters() {
        let mut job = job("x");
        job.params = vec![("a".into(), vec!["1".into(), "2 3".into()])];
        job.relabel = vec![
            replace("", INTERVAL, "1m"),
            replace("", "__param_a", "9"),
            replace("", "__param_b", "&"),
        ];
        let target = scraped(&job, "h:1");
        assert_eq!(target.url, "http://h:1/metrics?a=9&a=2%203&b=%26");
        assert_eq!(target.interval, Duration::from_mins(1));
        job.relabel = vec![replace("", INTERVAL, "soon")];
        assert!(scraped(&job, "h:1").refused.contains("soon"));
    }
}
