//! An inspection as a person reads it: what it runs, its limits, ports, networks, mounts,
//! environment and health. Secrets are hidden here, before anything leaves the engine.

use crate::collect::container::docker::json::millis;
use crate::model::view::{ContainerFacts, FactSection};
use serde_json::Value;

/// Lines of one section, and letters of one line.
const MOST_LINES: usize = 500;
const MOST_TEXT: usize = 4_096;
/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";

/// Parts of names whose values nobody may see.
const SECRET_WORDS: &[&str] = &[
    "pass",
    "pwd",
    "secret",
    "token",
    "credential",
    "private",
    "auth",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "accesskey",
    "session_key",
    "encryption_key",
    "signing_key",
    "jwt",
    "salt",
    "cookie",
    "dsn",
];

/// Reads the answer to `GET /containers/ID/json`; whatever is missing is left out.
pub fn facts(of: &Value, now: i64) -> ContainerFacts {
    let mut sections = vec![
        section("What it is", general(of)),
        section("Limits", limits(of)),
        section("Ports", ports(of)),
        section("Networks", networks(of)),
        section("Mounts", mounts(of)),
        section("Environment, secrets hidden", environment(of)),
        section("Health checks", health(of)),
        section("Labels", labels(of)),
    ];
    sections.retain(|s| !s.lines.is_empty());
    ContainerFacts {
        taken_at: now,
        sections,
        why: String::new(),
    }
}

fn section(title: &str, mut lines: Vec<(String, String)>) -> FactSection {
    lines.retain(|(_, value)| !value.is_empty());
    lines.truncate(MOST_LINES);
    for (_, value) in &mut lines {
        let cut = value
            .char_indices()
            .nth(MOST_TEXT)
            .map_or(value.len(), |(at, _)| at);
        value.truncate(cut);
    }
    FactSection {
        title: title.to_owned(),
        lines,
    }
}

fn text(of: &Value, path: &str) -> String {
    match of.pointer(path) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(yes)) => yes.to_string(),
        _ => String::new(),
    }
}

fn number(of: &Value, path: &str) -> i64 {
    of.pointer(path).and_then(Value::as_i64).unwrap_or(0)
}

fn list<'a>(of: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    of.pointer(path)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn pairs<'a>(of: &'a Value, path: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    of.pointer(path)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

fn line(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

/// A time as the engine wrote it, where it is one.
fn time(of: &Value, path: &str) -> String {
    let text = text(of, path);
    if millis(&text) > 0 {
        text
    } else {
        String::new()
    }
}

fn general(of: &Value) -> Vec<(String, String)> {
    let words: Vec<&str> = list(of, "/Args").filter_map(Value::as_str).collect();
    let command = format!("{} {}", text(of, "/Path"), hide_arguments(&words).join(" "));
    let policy = match (
        text(of, "/HostConfig/RestartPolicy/Name").as_str(),
        number(of, "/HostConfig/RestartPolicy/MaximumRetryCount"),
    ) {
        ("" | "no", _) => "never".to_owned(),
        (name, 0) => name.to_owned(),
        (name, most) => format!("{name}, at most {most} times"),
    };
    let exit = (number(of, "/State/Pid") == 0).then(|| text(of, "/State/ExitCode"));
    let oom = of.pointer("/State/OOMKilled").and_then(Value::as_bool) == Some(true);
    vec![
        line("id", text(of, "/Id")),
        line("image", text(of, "/Config/Image")),
        line("command", command.trim()),
        line("state", text(of, "/State/Status")),
        line("exit code", exit.unwrap_or_default()),
        line(
            "out of memory",
            if oom { "yes: the kernel killed it" } else { "" },
        ),
        line("error", text(of, "/State/Error")),
        line("started", time(of, "/State/StartedAt")),
        line("ended", time(of, "/State/FinishedAt")),
        line(
            "restarted",
            format!("{} times; restarts {policy}", number(of, "/RestartCount")),
        ),
        line(
            "process",
            if number(of, "/State/Pid") > 0 {
                text(of, "/State/Pid")
            } else {
                String::new()
            },
        ),
        line("user", text(of, "/Config/User")),
        line("folder", text(of, "/Config/WorkingDir")),
        line("log driver", text(of, "/HostConfig/LogConfig/Type")),
        line("log file", text(of, "/LogPath")),
    ]
}

fn limits(of: &Value) -> Vec<(String, String)> {
    let bytes = |path: &str| match number(of, path) {
        n if n > 0 => size(n as f64),
        _ => String::new(),
    };
    let nano = number(of, "/HostConfig/NanoCpus");
    let (quota, period) = (
        number(of, "/HostConfig/CpuQuota"),
        number(of, "/HostConfig/CpuPeriod"),
    );
    let cores = match (nano, quota, period) {
        (nano, ..) if nano > 0 => format!("{} cores", nano as f64 / 1e9),
        (_, quota, period) if quota > 0 && period > 0 => {
            format!("{} cores", quota as f64 / period as f64)
        }
        _ => String::new(),
    };
    let pids = number(of, "/HostConfig/PidsLimit");
    vec![
        line("memory", bytes("/HostConfig/Memory")),
        line("memory and swap", bytes("/HostConfig/MemorySwap")),
        line("CPU", cores),
        line(
            "tasks",
            if pids > 0 {
                pids.to_string()
            } else {
                String::new()
            },
        ),
        line(
            "privileged",
            if text(of, "/HostConfig/Privileged") == "true" {
                "yes"
            } else {
                ""
            },
        ),
    ]
}

/// `64 MiB`, `1.5 GiB`.
fn size(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let power = (bytes.max(1.0).log2() / 10.0).floor().min(4.0);
    let value = (bytes / 1024f64.powf(power) * 10.0).round() / 10.0;
    format!("{value} {}", units[power as usize])
}

fn ports(of: &Value) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (inside, bound) in pairs(of, "/NetworkSettings/Ports") {
        let places: Vec<String> = bound
            .as_array()
            .into_iter()
            .flatten()
            .map(|b| format!("{}:{}", text(b, "/HostIp"), text(b, "/HostPort")))
            .collect();
        let shown = if places.is_empty() {
            "not published".to_owned()
        } else {
            places.join(", ")
        };
        out.push((inside.clone(), shown));
    }
    out
}

fn networks(of: &Value) -> Vec<(String, String)> {
    let network = |(name, end): (&String, &Value)| {
        let mut said = text(end, "/IPAddress");
        for (word, path) in [("gateway", "/Gateway"), ("IPv6", "/GlobalIPv6Address")] {
            let value = text(end, path);
            if !value.is_empty() {
                said.push_str(&format!("  {word} {value}"));
            }
        }
        let aliases: Vec<&str> = list(end, "/Aliases").filter_map(Value::as_str).collect();
        if !aliases.is_empty() {
            said.push_str(&format!("  known as {}", aliases.join(", ")));
        }
        (
            name.clone(),
            if said.is_empty() {
                "no address now".to_owned()
            } else {
                said
            },
        )
    };
    let mut out: Vec<_> = pairs(of, "/NetworkSettings/Networks")
        .map(network)
        .collect();
    let mode = text(of, "/HostConfig/NetworkMode");
    if out.is_empty() {
        out.push(line("mode", mode));
    }
    out
}

fn mounts(of: &Value) -> Vec<(String, String)> {
    let mount = |m: &Value| {
        let from = match text(m, "/Type").as_str() {
            "volume" => format!("volume {}", text(m, "/Name")),
            "tmpfs" => "memory".to_owned(),
            _ => text(m, "/Source"),
        };
        let writable = m.pointer("/RW").and_then(Value::as_bool) != Some(false);
        let mode = if writable { "" } else { "  read-only" };
        (text(m, "/Destination"), format!("{from}{mode}"))
    };
    list(of, "/Mounts").map(mount).collect()
}

fn environment(of: &Value) -> Vec<(String, String)> {
    let variable = |v: &Value| {
        let (name, value) = v.as_str()?.split_once('=')?;
        Some((name.to_owned(), hide(name, value)))
    };
    list(of, "/Config/Env").filter_map(variable).collect()
}

fn health(of: &Value) -> Vec<(String, String)> {
    let status = text(of, "/State/Health/Status");
    if matches!(status.as_str(), "" | "none") {
        return Vec::new();
    }
    let failing = number(of, "/State/Health/FailingStreak");
    let test: Vec<&str> = list(of, "/Config/Healthcheck/Test")
        .filter_map(Value::as_str)
        .collect();
    let failed = if failing > 0 {
        format!(", failed {failing} times in a row")
    } else {
        String::new()
    };
    let mut out = vec![
        line("now", format!("{status}{failed}")),
        line("command", hide_arguments(&test).join(" ")),
    ];
    let log: Vec<&Value> = list(of, "/State/Health/Log").collect();
    for entry in log.iter().rev().take(10) {
        let output = text(entry, "/Output");
        let said = format!("exit {}  {}", number(entry, "/ExitCode"), output.trim());
        out.push((text(entry, "/Start"), said));
    }
    out
}

fn labels(of: &Value) -> Vec<(String, String)> {
    pairs(of, "/Config/Labels")
        .map(|(name, value)| (name.clone(), hide(name, value.as_str().unwrap_or_default())))
        .collect()
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word)) || name.ends_with("_key") || name == "key"
}

/// A value as it may be shown: nothing of it where its name says so, else without the password of
/// an address in it.
fn hide(name: &str, value: &str) -> String {
    if value.is_empty() {
        return "(empty)".to_owned();
    }
    if is_secret(name) {
        return HIDDEN.to_owned();
    }
    without_password(value)
}

/// `redis://user:pw@host` without `pw`; also where several addresses stand in one text.
fn without_password(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after
            .find(['/', ' ', ',', '?', '"', '\''])
            .unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        match authority.rsplit_once('@') {
            Some((user, host)) if user.contains(':') => {
                let user = user.split(':').next().unwrap_or_default();
                out.push_str(&format!("{user}:{HIDDEN}@{host}"));
            }
            _ => out.push_str(authority),
        }
        rest = tail;
    }
    out.push_str(rest);
    // Parameters of an address: `?password=x`, `;Password=x`.
    hide_parameters(&out)
}

fn hide_parameters(text: &str) -> String {
    let mut out = String::new();
    for (i, part) in text.split_inclusive(['&', ';', '?', ' ']).enumerate() {
        let end = part.len() - usize::from(part.ends_with(['&', ';', '?', ' ']));
        let (body, close) = part.split_at(end);
        match body.split_once('=') {
            Some((name, value))
                if is_secret(name) && !value.is_empty() && (i > 0 || !name.contains("://")) =>
            {
                out.push_str(&format!("{name}={HIDDEN}{close}"));
            }
            _ => out.push_str(part),
        }
    }
    out
}

/// Arguments without secrets: `--password=x`, `--token x`, `SECRET=x`.
fn hide_arguments(words: &[&str]) -> Vec<String> {
    let mut out = Vec::with_capacity(words.len());
    let mut next_hidden = false;
    for word in words {
        if std::mem::take(&mut next_hidden) && !word.starts_with('-') {
            out.push(HIDDEN.to_owned());
            continue;
        }
        match word.split_once('=') {
            Some((name, _)) if is_secret(name) && !name.contains(' ') => {
                out.push(format!("{name}={HIDDEN}"));
            }
            _ => out.push(without_password(word)),
        }
        next_hidden = word.starts_with('-') && !word.contains('=') && is_secret(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn secrets_never_leave() {
        for (name, value, want) in [
            ("DB_PASSWORD", "hunter2", "(hidden)"),
            (
                "SPRING_DATASOURCE_URL",
                "jdbc:mysql://db:3306/shop?user=a&password=hunter2&x=1",
                "jdbc:mysql://db:3306/shop?user=a&password=(hidden)&x=1",
            ),
            (
                "REDIS_URL",
                "redis://kim:hunter2@cache:6379/0",
                "redis://kim:(hidden)@cache:6379/0",
            ),
            ("AWS_SECRET_ACCESS_KEY", "hunter2", "(hidden)"),
            ("STRIPE_KEY", "hunter2", "(hidden)"),
            (
                "HOSTS",
                "http://a:hunter2@x,http://b:hunter2@y",
                "http://a:(hidden)@x,http://b:(hidden)@y",
            ),
            ("PATH", "/usr/bin:/bin", "/usr/bin:/bin"),
            ("MAIL", "kim@example.com", "kim@example.com"),
            ("EMPTY", "", "(empty)"),
        ] {
            assert_eq!(hide(name, value), want, "{name}");
        }
        let words = [
            "--requirepass",
            "hunter2",
            "--port",
            "1",
            "--auth-token=hunter2",
            "X_SECRET=hunter2",
        ];
        let shown = hide_arguments(&words).join(" ");
        assert_eq!(
            shown,
            "--requirepass (hidden) --port 1 --auth-token=(hidden) X_SECRET=(hidden)"
        );
    }

    #[test]
    fn an_inspection_becomes_sections() {
        let inspected = json!({
            "Id": "ab", "Path": "redis-server", "Args": ["--requirepass", "hunter2"], "RestartCount": 3,
            "State": {"Status": "running", "Pid": 42, "ExitCode": 0, "StartedAt": "2026-11-20T19:15:14Z",
                "FinishedAt": "0001-01-01T00:00:00Z",
                "Health": {"Status": "unhealthy", "FailingStreak": 2, "Log": [
                    {"Start": "t1", "ExitCode": 0, "Output": "ok\n"}, {"Start": "t2", "ExitCode": 1, "Output": "refused\n"}]}},
            "Config": {"Image": "redis:7", "Env": ["A=1", "TOKEN=hunter2", "odd"], "Labels": {"x": "y"},
                "Healthcheck": {"Test": ["CMD", "redis-cli", "ping"]}},
            "HostConfig": {"Memory": 67108864, "NanoCpus": 500000000, "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 5}},
            "NetworkSettings": {"Ports": {"6379/tcp": [{"HostIp": "0.0.0.0", "HostPort": "16379"}], "99/udp": null},
                "Networks": {"front": {"IPAddress": "10.0.0.2", "Gateway": "10.0.0.1", "Aliases": ["cache"]}}},
            "Mounts": [{"Type": "bind", "Source": "/srv", "Destination": "/data", "RW": false}],
        });
        let facts = facts(&inspected, 7);
        let shown: Vec<String> = facts
            .sections
            .iter()
            .flat_map(|s| {
                s.lines
                    .iter()
                    .map(move |(n, v)| format!("{}: {n} = {v}", s.title))
            })
            .collect();
        for want in [
            "What it is: command = redis-server --requirepass (hidden)",
            "What it is: restarted = 3 times; restarts on-failure, at most 5 times",
            "Limits: CPU = 0.5 cores",
            "Limits: memory = 64 MiB",
            "Ports: 6379/tcp = 0.0.0.0:16379",
            "Ports: 99/udp = not published",
            "Networks: front = 10.0.0.2  gateway 10.0.0.1  known as cache",
            "Mounts: /data = /srv  read-only",
            "Environment, secrets hidden: A = 1",
            "Environment, secrets hidden: TOKEN = (hidden)",
            "Health checks: now = unhealthy, failed 2 times in a row",
            "Health checks: t2 = exit 1  refused",
            "Labels: x = y",
        ] {
            assert!(shown.iter().any(|s| s == want), "{want} in {shown:#?}");
        }
        assert!(!format!("{facts:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn any_values_are_read_without_harm(text in "\\PC{0,60}", name in "[A-Z_]{0,12}") {
            hide(&name, &text);
            hide_arguments(&[&text, &name]);
            let odd = json!({"Args": text, "State": {"Health": text}, "Config": {"Env": [text, name, 7], "Labels": [text]}});
            facts(&odd, 0);
        }

        #[test]
        fn a_password_in_an_address_is_hidden(user in "[a-z]{1,6}", password in "[A-Z0-9]{8}", host in "[a-z.]{1,9}") {
            let shown = hide("URL", &format!("amqp://{user}:{password}@{host}:1/v"));
            prop_assert!(!shown.contains(&password), "{}", shown);
        }
    }
}
