//! The configuration read again while the engine runs: all of it, or nothing.

use crate::api::Loaded;
use crate::app::engine::Shared;
use crate::app::health::Trouble;
use crate::app::rules;
use crate::app::telling;
use crate::base::fs;
use crate::base::task::Stop;
use crate::collect::scrape::director::Jobs;
use crate::config::containers::Containers;
use crate::config::host::Host;
use crate::config::{Config, Level, load};
use crate::model::action::Outcome;
use std::sync::Arc;
use std::time::Duration;

/// What scraping takes of a configuration.
pub(crate) fn jobs_of(config: &Config) -> Jobs {
    Jobs {
        scrape: config.scrape.clone(),
        interval: config.global.scrape_interval,
    }
}

/// Loads the files that were given or found at the start. A bad file changes nothing and is named.
pub(crate) async fn reload(shared: &Arc<Shared>) -> Outcome {
    let files = shared.launch.files.clone();
    if files.is_empty() {
        let said = "no configuration file is in use; start with --config FILE".to_owned();
        return Outcome::Refused { said };
    }
    let Ok(loaded) = tokio::task::spawn_blocking(move || load(&files)).await else {
        let said = "the configuration could not be read".to_owned();
        return Outcome::Refused { said };
    };
    let Some(config) = loaded.config else {
        let errors = loaded.findings.iter();
        let errors = errors.filter(|f| f.level == Level::Error);
        let errors: Vec<String> = errors.map(ToString::to_string).collect();
        let said = format!("nothing was changed: {}", errors.join("; "));
        shared.problems.set(Trouble::Config, said.clone());
        shared.loaded.lock().newest = false;
        return Outcome::Refused { said };
    };
    let old = shared.config.load_full();
    let restart = needs_restart(&old, &config);
    if let Some(scraper) = shared.scraper.get() {
        scraper.apply(jobs_of(&config)).await;
    }
    if let Some(pipeline) = shared.pipeline.get().cloned() {
        pipeline.notices(telling::wanted(&config));
        if let Some(notifiers) = shared.notifiers.get() {
            notifiers.allow_programs(config.alerts.exec);
        }
        let (routing, now) = (telling::config_of(&config), shared.clock.now_ms());
        let _ = tokio::task::spawn_blocking(move || pipeline.configure(routing, now)).await;
    }
    shared.languages.apply(&config);
    shared.tail.apply(&config);
    if let Some(embedded) = shared.embedded.get() {
        embedded.allow(config.limits.query_time);
    }
    if let Some(ruler) = shared.alerting.ruler.get() {
        let (groups, settings) = rules::rules_of(&config, shared);
        ruler.apply(groups, settings);
        let (to, newest) = (shared.clone(), config.clone());
        let sent = tokio::task::spawn_blocking(move || rules::send_on(&to, &newest));
        let _ = sent.await;
    }
    shared.paces.apply(&config);
    shared.looking.wake();
    if let Some(store) = shared.store.load_full() {
        store.rebound(shared.bounds(&config));
    }
    shared.config.store(Arc::new(config));
    shared.problems.clear(Trouble::Config);
    *shared.findings.lock() = loaded.findings.iter().map(ToString::to_string).collect();
    *shared.loaded.lock() = Loaded::now(shared.clock.now_ms());
    let said = if restart.is_empty() {
        "the configuration is in force".to_owned()
    } else {
        format!(
            "the configuration is in force, but for {}: start again for that",
            restart.join(", ")
        )
    };
    Outcome::Done { said }
}

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Loads again whenever a file of the configuration has changed and then stood still for one look,
/// so that a file that is being written is not read half.
pub(crate) async fn watch(shared: Arc<Shared>, mut stop: Stop) {
    let mut in_force = fingerprint(&shared).await;
    let mut before = in_force;
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.wait() => return,
        }
        let now = fingerprint(&shared).await;
        if now != in_force && now == before {
            let _ = reload(&shared).await;
            in_force = fingerprint(&shared).await;
        }
        before = now;
    }
}

/// One number for the contents of all files.
async fn fingerprint(shared: &Arc<Shared>) -> u64 {
    let mut files = shared.config.load().files.clone();
    files.extend(shared.launch.files.iter().cloned());
    let read = move || {
        let texts = files
            .iter()
            .map(|f| fs::read_text(f, 4 << 20).unwrap_or_default());
        xxhash_rust::xxh3::xxh3_64(texts.collect::<Vec<_>>().join("\0").as_bytes())
    };
    tokio::task::spawn_blocking(read).await.unwrap_or(0)
}

/// What changed and is read at the start only.
fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let mut out = Vec::new();
    for (name, same) in [
        ("api", old.api == new.api),
        ("logs.clients", old.logs.clients == new.logs.clients),
        ("storage.path", old.storage.path == new.storage.path),
        (
            "storage.retention.traces",
            old.storage.retention_traces == new.storage.retention_traces,
        ),
        (
            "storage.exemplars.max_exemplars",
            old.storage.max_exemplars == new.storage.max_exemplars,
        ),
        ("traces", old.traces == new.traces),
        ("host, but for its switch and interval", {
            let (enabled, interval) = (old.host.enabled, old.host.interval);
            let new = new.host.clone();
            old.host
                == Host {
                    enabled,
                    interval,
                    ..new
                }
        }),
        ("containers, but for their interval", {
            let interval = old.containers.interval;
            let new = new.containers.clone();
            old.containers == Containers { interval, ..new }
        }),
        ("jvm.attach", old.jvm.attach == new.jvm.attach),
        ("ui", old.ui == new.ui),
    ] {
        if !same {
            out.push(name);
        }
    }
    out
}

/// The files in force, with what is secret masked.
pub(crate) fn shown(shared: &Shared) -> String {
    let mut out = String::new();
    for file in &shared.config.load().files {
        let text = fs::read_text(file, 4 << 20).unwrap_or_default();
        out.push_str(&format!("# {}\n", file.display()));
        out.push_str(&masked(&text));
    }
    out
}

/// The keys whose values are secrets, in the files of all tools that are read.
const SECRETS: &[&str] = &[
    "password",
    "secret",
    "secrets",
    "credentials",
    "bearer_token",
    "client_secret",
    "secret_key",
    "token",
    "api_key",
    "private_key",
    "key",
    "authorization",
    // Addresses whose path is the secret: webhooks, the heartbeat.
    "url",
    "api_url",
    "slack_api_url",
    "webhook_url",
    "mattermost_webhook_url",
];

/// How keys end that hold a secret whatever stands before: `smtp_auth_password`, `bot_token`,
/// `routing_key`, `token_id`.
const ENDS: &[&str] = &[
    "_password",
    "_secret",
    "_token",
    "_token_id",
    "_key",
    "_credentials",
];

fn is_secret(key: &str) -> bool {
    SECRETS.contains(&key) || ENDS.iter().any(|end| key.ends_with(end)) || key == "token_id"
}

/// The text without its secrets. What stands deeper than a secret's key, or as a list right below
/// it, is part of the secret: block texts and lists go with it.
fn masked(text: &str) -> String {
    let mut out = String::new();
    let mut hidden_below: Option<usize> = None;
    for line in text.lines() {
        let content = line.trim_start_matches([' ', '\t']);
        let indent = line.len() - content.len();
        if let Some(key) = hidden_below {
            let item = indent == key && content.starts_with('-');
            if content.is_empty() || indent > key || item {
                continue;
            }
            hidden_below = None;
        }
        match secret_in(line) {
            Some(shown) => {
                let key = line.len() - line.trim_start_matches([' ', '-']).len();
                hidden_below = Some(key);
                out.push_str(&shown);
            }
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

/// The line without its secret, where it holds one.
fn secret_in(line: &str) -> Option<String> {
    let (head, value) = line.split_once(':')?;
    let key = head.trim_start_matches([' ', '-', '{', '"', '\'']);
    let key = key.trim_end_matches([' ', '"', '\'']).to_ascii_lowercase();
    // A flow mapping or a URL may carry one in the middle of its line.
    let lower = value.to_ascii_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let inside = value.contains(['{', ',']) && words.into_iter().any(is_secret);
    let in_url = value.contains("://") && value.contains('@');
    (is_secret(&key) || inside || in_url).then(|| format!("{head}: <secret>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for (line, want) in [
            ("    password: hunter2", "    password: <secret>"),
            ("  - credentials: abc", "  - credentials: <secret>"),
            (
                "  basic_auth: {username: a, password: b}",
                "  basic_auth: <secret>",
            ),
            ("  proxy_url: http://u:p@host", "  proxy_url: <secret>"),
            ("  job_name: node", "  job_name: node"),
            ("  - targets: ['a:9100']", "  - targets: ['a:9100']"),
            ("password_file: /run/x", "password_file: /run/x"),
            (
                "  smtp_auth_password: hunter2",
                "  smtp_auth_password: <secret>",
            ),
            ("  - routing_key: hunter2", "  - routing_key: <secret>"),
            ("    bot_token: hunter2", "    bot_token: <secret>"),
            (
                "  - api_url: https://hooks.slack.com/services/T/B/hunter2",
                "  - api_url: <secret>",
            ),
            (
                "  webhook_configs: [{url: 'http://x/hunter2'}]",
                "  webhook_configs: <secret>",
            ),
        ] {
            assert_eq!(masked(line), format!("{want}\n"));
        }
        let blocks = "a:\n  password: >-\n    hunter2\n  http_headers:\n    X:\n      secrets:\n      - hunter3\n  h: {X: {secrets: [\n    hunter4]}}\n  job_name: node\n";
        let shown = masked(blocks);
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(shown.contains("job_name: node"), "{shown}");
    }
}
