//! One scrape for a person who wonders whether to add a target: nothing is stored.

use crate::base::clock::{self, Duration};
use crate::base::net::client::{Client, ClientOptions, Names};
use crate::collect::scrape::added::Address;
use crate::collect::scrape::fetch::{Answer, Asking};
use crate::collect::scrape::ingest::ThisMachine;
use crate::collect::scrape::plan::{Outcome as Planned, plan};
use crate::config::scrape::ScrapeConfig;
use crate::model::action::Outcome;
use crate::wire::exposition::families::{Read, read};
use crate::wire::exposition::{Format, strict};
use std::path::Path;
use std::sync::Arc;

/// A person waits.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer that a trial reads.
const MAX_BODY: u64 = 32 << 20;
/// Metrics that are named.
const NAMED: usize = 8;

pub(crate) async fn run(url: &str, names: Option<Arc<dyn Names>>, this: &ThisMachine) -> Outcome {
    match look(url, names, this).await {
        Ok(lines) => Outcome::Preview { lines },
        Err(said) => Outcome::Refused { said },
    }
}

async fn look(
    url: &str,
    names: Option<Arc<dyn Names>>,
    this: &ThisMachine,
) -> Result<Vec<String>, String> {
    let address = Address::parse(url)?;
    let job: ScrapeConfig = crate::collect::scrape::added::job(Path::new(""), PATIENCE);
    let Planned::Scrape(mut target) = plan(&job, &address.labels()).outcome else {
        return Err(format!("{url} is dropped by relabelling"));
    };
    if !target.refused.is_empty() {
        return Err(target.refused);
    }
    target.timeout = PATIENCE;
    let options = ClientOptions {
        follow_redirects: true,
        http2: true,
        ..ClientOptions::default()
    };
    let client = Client::new(&options, names).map_err(|e| e.to_string())?;
    let mut body = Vec::new();
    let started = clock::monotonic();
    let answer = Asking::new(&job, &target, MAX_BODY)
        .ask(&client, &target, &mut body)
        .await
        .map_err(|why| format!("{}: {why}", target.url))?;
    let took = started.elapsed().as_millis();
    let head = format!(
        "{} answered in {took} ms with {} bytes",
        target.url,
        body.len()
    );
    let this = this.clone();
    let work = tokio::task::spawn_blocking(move || tell(&answer, &body, &this));
    let rest = work
        .await
        .map_err(|_| "reading the answer failed inside bongsu".to_owned())??;
    let labels = format!("every series gets {}", target.labels);
    Ok([vec![head, labels], rest].concat())
}

/// What the body holds, in lines.
fn tell(answer: &Answer, body: &[u8], this: &ThisMachine) -> Result<Vec<String>, String> {
    let families = read(answer.format, body).map_err(|e| e.to_string())?;
    let samples: usize = families.iter().map(|f| f.samples.len()).sum();
    let format = match answer.format {
        Format::Text => "text 0.0.4",
        Format::OpenMetrics => "OpenMetrics",
    };
    let count = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let mut lines = vec![format!(
        "{} of {} in {format}:",
        count(samples, "sample"),
        count(families.len(), "metric")
    )];
    for family in families
        .iter()
        .filter(|f| !f.samples.is_empty())
        .take(NAMED)
    {
        let (name, kind) = (&family.name, family.kind.as_str());
        lines.push(format!(
            "  {name} ({kind}, {}) {}",
            count(family.samples.len(), "sample"),
            family.help
        ));
    }
    if families.len() > NAMED {
        lines.push(format!("  and {} more", families.len() - NAMED));
    }
    if samples == 0 {
        lines.push("there is nothing in it to store".to_owned());
    }
    if answer.format == Format::OpenMetrics
        && let Err(e) = strict::check(body)
    {
        lines.push(format!(
            "it is read all the same, but OpenMetrics forbids: {e}"
        ));
    }
    if shows(&families, this) {
        lines.push("it shows this machine: the built-in copy will give way to it".to_owned());
    }
    Ok(lines)
}

fn shows(families: &[Read], this: &ThisMachine) -> bool {
    let samples = |name: &str| {
        let family = families.iter().filter(move |f| f.name == name);
        family.flat_map(|f| &f.samples).collect::<Vec<_>>()
    };
    let named = samples("node_uname_info").iter().any(|s| {
        s.labels
            .iter()
            .any(|(n, v)| n == "nodename" && *v == this.nodename)
    });
    let boots = samples("node_boot_time_seconds");
    named
        && boots
            .iter()
            .any(|s| (s.value - this.booted_at).abs() <= 2.0)
}
