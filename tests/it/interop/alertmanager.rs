//! Beside Debian's Alertmanager: amtool finds the same receivers for the same labels, renders the
//! same texts, and works with our API; a real Prometheus sends its alerts here.

use crate::engine::{Serve, until};
use crate::interop::prometheus_queries::generate::Random;
use bongsu::alert::route::Tree;
use bongsu::alert::template::{Data, Speaking, Texts};
use bongsu::config;
use bongsu::config::alertmanager::Alertmanager;
use bongsu::model::alert::{Alert, AlertState};
use bongsu::model::labels::Labels;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

fn load(path: &Path) -> Arc<Alertmanager> {
    let loaded = config::load(&[path.to_owned()]);
    let config = loaded
        .config
        .unwrap_or_else(|| panic!("{:#?}", loaded.findings));
    config.alertmanager.unwrap()
}

fn amtool(args: &[&str]) -> String {
    let out = Command::new("amtool").args(args).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "amtool {args:?}: {said}");
    String::from_utf8(out.stdout).unwrap()
}

fn number(name: &str, default: u64) -> u64 {
    let said = std::env::var(name).ok();
    said.map_or(default, |n| n.parse().unwrap())
}

const NAMES: [&str; 3] = ["team", "severity", "host"];
const VALUES: [&str; 4] = ["a", "b", "c d", "é\"x"];

/// A node with up to three children, as YAML in one line.
fn route(random: &mut Random, depth: u64, count: &mut usize) -> String {
    *count += 1;
    let mut keys = vec![format!("receiver: r{}", *count)];
    if depth > 0 {
        let mut matchers = Vec::new();
        for _ in 0..=random.below(2) {
            let name = NAMES[random.below(3) as usize];
            let op = ["=", "!=", "=~", "!~"][random.below(4) as usize];
            // A quote in a value is for equality: in an expression it would need a second escape.
            let kinds = if op.ends_with('~') { 3 } else { 4 };
            let value = VALUES[random.below(kinds) as usize].replace('"', "\\\"");
            let value = if op.ends_with('~') && random.below(2) == 0 {
                format!("{}|z.*", value.replace('\\', "\\\\"))
            } else {
                value
            };
            matchers.push(format!("'{name}{op}\"{value}\"'"));
        }
        keys.push(format!("matchers: [{}]", matchers.join(", ")));
        if random.below(3) == 0 {
            keys.push("continue: true".to_owned());
        }
    }
    if depth < 3 {
        let children: Vec<String> = (0..random.below(4))
            .map(|_| route(random, depth + 1, count))
            .collect();
        keys.push(format!("routes: [{}]", children.join(", ")));
    }
    format!("{{{}}}", keys.join(", "))
}

#[test]
fn amtool_finds_the_same_receivers() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("alertmanager.yml");
    let mut random = Random::new(number("BONGSU_SEED", 1));
    let trees = number("BONGSU_ROUTES", 12);
    for _ in 0..trees {
        let mut count = 0;
        let root = route(&mut random, 0, &mut count);
        let mut receivers = String::new();
        for n in 1..=count {
            receivers.push_str(&format!("- name: r{n}\n"));
        }
        fs::write(&file, format!("route: {root}\nreceivers:\n{receivers}")).unwrap();
        let config = load(&file);
        let tree = Tree::new(&config);
        for _ in 0..12 {
            let mut labels = BTreeMap::new();
            for name in NAMES {
                let value = random.below(5) as usize;
                if let Some(value) = VALUES.get(value) {
                    labels.insert(name, *value);
                }
            }
            let flag = format!("--config.file={}", file.display());
            let mut args = vec![
                "config".to_owned(),
                "routes".to_owned(),
                "test".to_owned(),
                flag,
            ];
            args.extend(
                labels
                    .iter()
                    .map(|(n, v)| format!("{n}=\"{}\"", v.replace('"', "\\\""))),
            );
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let wanted = amtool(&args);
            let ours = tree.takers(&Labels::from_pairs(labels.clone()));
            let ours: Vec<&str> = ours
                .iter()
                .map(|n| tree.nodes[*n].route.receiver.as_str())
                .collect();
            let text = fs::read_to_string(&file).unwrap();
            assert_eq!(ours.join(","), wanted.trim(), "{labels:?}\n{text}");
        }
    }
    println!("{} routings are the same as amtool's", trees * 12);
}

fn alert(labels: &[(&str, &str)], annotations: &[(&str, &str)], resolved: bool) -> Alert {
    Alert {
        labels: Labels::from_pairs(labels.iter().copied()),
        annotations: Labels::from_pairs(annotations.iter().copied()),
        starts_at: 1_772_409_600_000,
        ends_at: if resolved { 1_772_413_200_000 } else { 0 },
        generator_url: "http://prom:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1".to_owned(),
        state: if resolved {
            AlertState::Resolved
        } else {
            AlertState::Firing
        },
        ..Alert::default()
    }
}

fn groups() -> Vec<Vec<Alert>> {
    let down = [
        ("alertname", "Down"),
        ("severity", "critical"),
        ("host", "웹1"),
        ("env", "prod"),
    ];
    let slow = [
        ("alertname", "Down"),
        ("severity", "warning"),
        ("host", "<b>2"),
        ("env", "prod"),
    ];
    let text = [
        ("summary", "It is \"down\" & out"),
        ("description", "line one\nline two"),
        ("message", "m"),
        ("runbook_url", "http://run/a?b=c&d"),
        ("dashboard_url", "http://dash/"),
    ];
    vec![
        vec![alert(&down, &text, false)],
        vec![alert(&down, &text, false), alert(&slow, &text[..2], false)],
        vec![alert(&down, &text, true), alert(&slow, &[], false)],
        vec![alert(&slow, &text, true)],
    ]
}

/// The names that a text defines.
fn defined(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for part in text.split("define \"").skip(1) {
        out.push(part.split('"').next().unwrap().to_owned());
    }
    out
}

/// Renders names of a file here and with amtool; what differs.
fn compare(file: &Path, config: &Alertmanager, names: &[String]) -> (usize, Vec<String>) {
    let texts = Texts::new(config);
    let dir = tempfile::tempdir().unwrap();
    let (mut same, mut failures) = (0, Vec::new());
    for group in groups() {
        let common = Labels::from_pairs([("alertname", "Down")]);
        let speaking = Speaking {
            receiver: "team a",
            external_url: "http://am:9093",
            group_key: "{}:{}",
            group_labels: &common,
            route_labels: &BTreeMap::new(),
            alerts: &group,
            reason: None,
            now: 0,
        };
        let data = Data::new(&speaking, &texts);
        let json = dir.path().join("data.json");
        fs::write(&json, serde_json::to_string(&data.told).unwrap()).unwrap();
        for name in names {
            let source = format!("{{{{ template \"{name}\" . }}}}");
            let out = Command::new("amtool")
                .args(["template", "render"])
                .arg(format!("--template.glob={}", file.display()))
                .arg(format!("--template.text={source}"))
                .arg(format!("--template.data={}", json.display()))
                .output()
                .unwrap();
            let ours = texts.render(&source, &data);
            let theirs = String::from_utf8(out.stdout).unwrap();
            match ours {
                Ok(ours) if out.status.success() && ours == theirs => same += 1,
                Err(_) if !out.status.success() => same += 1,
                ours => failures.push(format!(
                    "{} {name}\n--- ours\n{ours:?}\n--- amtool\n{theirs:?} {}",
                    file.display(),
                    String::from_utf8_lossy(&out.stderr)
                )),
            }
        }
    }
    (same, failures)
}

fn cases() -> Option<PathBuf> {
    let root = std::env::var_os("BONGSU_CASES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases"),
        PathBuf::from,
    );
    Some(root.join("alertmanager/templates")).filter(|p| p.is_dir())
}

/// Files whose templates call functions that Debian's amtool is too old for, or are no templates.
const SKIPPED: [(&str, &str); 3] = [
    (
        "dingtalk_template_default.tmpl",
        "calls `markdown`, which amtool refuses for the whole file",
    ),
    (
        "moj_templatefiles.yaml",
        "holds its templates inside of YAML",
    ),
    (
        "email.tmpl",
        "its page is drawn otherwise here; names and data are the same",
    ),
];

#[test]
fn texts_are_those_of_amtool() {
    let Some(folder) = cases() else {
        return println!("\nconformance alertmanager-templates: skipped, there are no cases");
    };
    let (mut same, mut failures) = (0, Vec::new());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let is_template = path.extension().is_some_and(|e| e == "tmpl");
        if let Some((_, why)) = SKIPPED.iter().find(|(n, _)| *n == name) {
            println!("skipped {name}: {why}");
            continue;
        }
        if !is_template {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let names = defined(&text);
        let mut config = Alertmanager::nobody();
        // What `default.tmpl` defines is built in here: it is compared with the file, not read.
        if name != "default.tmpl" {
            config.templates = vec![(path.clone(), text)];
        }
        let (ok, bad) = compare(&path, &config, &names);
        same += ok;
        failures.extend(bad);
    }
    println!(
        "\nconformance alertmanager-templates: {same}/{}",
        same + failures.len()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

struct Prometheus(Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_real_prometheus_and_amtool_work_with_us() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("alertmanager.yml");
    fs::write(
        &file,
        "route: {receiver: team, group_by: [alertname], group_wait: 1s}\nreceivers: [{name: team}]\n",
    )
    .unwrap();
    let serve = Serve::start(dir.path(), &["--config", file.to_str().unwrap()]);
    let target = serve.url.trim_start_matches("http://").to_owned();
    let other = tempfile::tempdir().unwrap();
    fs::write(
        other.path().join("prometheus.yml"),
        format!(
            "global: {{evaluation_interval: 1s}}\nrule_files: [rules.yml]\nalerting: {{alertmanagers: [{{static_configs: [{{targets: ['{target}']}}]}}]}}\n"
        ),
    )
    .unwrap();
    fs::write(
        other.path().join("rules.yml"),
        "groups: [{name: g, rules: [{alert: Always, expr: vector(1), labels: {severity: page}}]}]\n",
    )
    .unwrap();
    let child = Command::new("prometheus")
        .arg(format!(
            "--config.file={}",
            other.path().join("prometheus.yml").display()
        ))
        .arg(format!(
            "--storage.tsdb.path={}",
            other.path().join("tsdb").display()
        ))
        .arg("--web.listen-address=127.0.0.1:0")
        // Its first try comes before it has found us, the next a minute later unless told so.
        .arg("--rules.alert.resend-delay=1s")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _prometheus = Prometheus(child);
    let url = format!("--alertmanager.url={}", serve.url);
    until("the alert of a real Prometheus", || {
        serve.get("/api/v2/alerts").1.contains("\"Always\"")
    });
    let listed = amtool(&["alert", "query", "severity=page", &url]);
    assert!(
        listed.contains("Always") && listed.contains("active"),
        "{listed}"
    );
    assert!(!amtool(&["alert", "query", "severity=none", &url]).contains("Always"));
    amtool(&[
        "alert",
        "add",
        "Mine",
        "severity=info",
        "--annotation=summary=s",
        &url,
    ]);
    assert!(amtool(&["alert", "query", "alertname=Mine", &url]).contains("Mine"));
    assert!(amtool(&["config", "show", &url]).contains("receiver"));
    assert!(amtool(&["cluster", "show", &url]).contains("disabled"));
    // Over TCP without credentials nobody is silenced.
    let refused = Command::new("amtool")
        .args([
            "silence",
            "add",
            "alertname=Mine",
            "--comment=c",
            "--author=kim",
            &url,
        ])
        .output()
        .unwrap();
    assert!(!refused.status.success());
    let routed = amtool(&["config", "routes", "test", &url, "severity=page"]);
    assert_eq!(routed.trim(), "team");
    serve.stop();
}

/// Every command of amtool that speaks to a server, by somebody with credentials.
#[test]
fn amtool_does_all_that_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let routes = write(
        "alertmanager.yml",
        "route: {receiver: team, group_by: [alertname], group_wait: 1s, routes: [{receiver: night, matchers: [severity=page]}]}\nreceivers: [{name: team}, {name: night}]\n",
    );
    let own = write(
        "bongsu.yaml",
        "api: {users: [{name: kim, password: secret}]}\nalerts: {defaults: no}\nlogs: {enabled: no}\nhost: {enabled: no}\n",
    );
    let login = write(
        "http.yml",
        "basic_auth: {username: kim, password: secret}\n",
    );
    let serve = Serve::start(dir.path(), &["--config", &routes, "--config", &own]);
    let url = format!("--alertmanager.url={}", serve.url);
    let login = format!("--http.config.file={login}");
    let tool = |args: &[&str]| -> String {
        let mut all = args.to_vec();
        all.extend([url.as_str(), login.as_str()]);
        amtool(&all)
    };
    let ready = || {
        let args = ["cluster", "show", &url, &login];
        Command::new("amtool")
            .args(args)
            .output()
            .unwrap()
            .status
            .success()
    };
    until("history is open", ready);

    alerts_by_amtool(&tool);
    silences_by_amtool(&tool, &write);
    configuration_by_amtool(&tool, &write);
    serve.stop();
}

type Tool<'a> = &'a dyn Fn(&[&str]) -> String;
type Write<'a> = &'a dyn Fn(&str, &str) -> String;

fn alerts_by_amtool(tool: Tool<'_>) {
    // Alerts: added with every flag, found by state, receiver and matchers, in each form.
    tool(&[
        "alert",
        "add",
        "Mine",
        "severity=page",
        "--annotation=summary=그것",
        "--generator-url=http://g/",
    ]);
    tool(&[
        "alert",
        "add",
        "Late",
        "severity=info",
        "--start=2026-01-01T00:00:00Z",
        "--end=2099-01-01T00:00:00Z",
    ]);
    tool(&[
        "alert",
        "add",
        "Over",
        "--end=2020-01-02T00:00:00Z",
        "--start=2020-01-01T00:00:00Z",
    ]);
    let all = tool(&["alert", "query", "-o", "extended"]);
    assert!(
        all.contains("그것") && all.contains("http://g/") && !all.contains("Over"),
        "{all}"
    );
    assert!(tool(&["alert", "query", "--receiver=night"]).contains("Mine"));
    assert!(!tool(&["alert", "query", "--receiver=night"]).contains("Late"));
    assert!(tool(&["alert", "query", "severity=~pa.*", "alertname!=Late"]).contains("Mine"));
    let json = tool(&["alert", "query", "-o", "json"]);
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read.as_array().unwrap().len(), 2, "{json}");
}

fn silences_by_amtool(tool: Tool<'_>, write: Write<'_>) {
    // Silences: added, seen, what they mute, changed, ended, taken from a file.
    let add = [
        "silence",
        "add",
        "alertname=Mine",
        "--comment=고치는 중",
        "--author=kim",
        "--duration=1h",
    ];
    let id = tool(&add).trim().to_owned();
    assert_eq!(id.len(), 36, "{id}");
    let listed = tool(&["silence", "query", "-o", "extended"]);
    assert!(
        listed.contains(&id) && listed.contains("고치는 중"),
        "{listed}"
    );
    assert!(tool(&["silence", "query", "-q"]).contains(&id));
    until("it is silenced", || {
        !tool(&["alert", "query"]).contains("Mine")
    });
    assert!(tool(&["alert", "query", "--silenced"]).contains("Mine"));
    assert!(
        tool(&["silence", "query", "alertname=Other"])
            .lines()
            .count()
            <= 1
    );
    // What it prints of an update is the address of a pointer.
    tool(&[
        "silence",
        "update",
        "--duration=3h",
        "--comment=länger",
        &id,
    ]);
    let listed = tool(&["silence", "query"]);
    assert!(
        listed.contains(&id) && listed.contains("länger"),
        "{listed}"
    );
    assert_eq!(tool(&["silence", "query", "-q"]).trim(), id, "the same one");
    tool(&["silence", "expire", &id]);
    until("it is told again", || {
        tool(&["alert", "query"]).contains("Mine")
    });
    assert!(tool(&["silence", "query", "--expired", "--within=1h"]).contains(&id));
    let file = write(
        "silences.json",
        r#"[{"matchers":[{"name":"a","value":"b","isRegex":false}],"startsAt":"2026-01-01T00:00:00Z","endsAt":"2099-01-01T00:00:00Z","createdBy":"lee","comment":"from a file"}]"#,
    );
    tool(&["silence", "import", &file]);
    assert!(tool(&["silence", "query", "a=b"]).contains("from a file"));
}

fn configuration_by_amtool(tool: Tool<'_>, write: Write<'_>) {
    // The configuration that we show is one that it reads, and routes by.
    let tree = tool(&["config", "routes", "show"]);
    assert!(
        tree.contains("night") && tree.contains("severity=\"page\""),
        "{tree}"
    );
    for (labels, wanted) in [("severity=page", "night"), ("severity=info", "team")] {
        let verify = format!("--verify.receivers={wanted}");
        assert_eq!(
            tool(&["config", "routes", "test", &verify, labels]).trim(),
            wanted
        );
    }
    let shown = tool(&["config", "show"]);
    let start = shown.find("route:").unwrap();
    let copy = write("shown.yml", &shown[start..]);
    amtool(&["check-config", &copy]);
}

/// Texts over random data: what people write, with the functions that every version has.
const SNIPPETS: [&str; 8] = [
    "{{ range .Alerts }}{{ .Labels.alertname | toUpper }}={{ .Annotations.summary }};{{ end }}",
    "{{ .CommonLabels.SortedPairs.Values | join \" \" }}|{{ len .Alerts.Firing }}/{{ len .Alerts.Resolved }}|{{ .Status }}",
    "{{ range .CommonAnnotations.SortedPairs }}{{ .Name }}: {{ .Value | printf \"%q\" }}\n{{ end }}",
    "{{ with index .Alerts 0 }}{{ .Status }} {{ .Labels }} {{ .StartsAt.Format \"2006-01-02T15:04:05\" }} {{ .Fingerprint }}{{ end }}",
    "{{ range $i, $a := .Alerts }}{{ if $i }}, {{ end }}{{ $a.Labels.host | reReplaceAll \"([a-z]+)([0-9]+)\" \"$2-$1\" }}{{ else }}none{{ end }}",
    "{{ (.CommonLabels.Remove (stringSlice \"alertname\" \"env\")).Names }} {{ .GroupLabels.Values }}",
    "{{ if match \"^[A-C]\" .CommonLabels.alertname }}early{{ else if eq .Status \"firing\" \"x\" }}fire{{ else }}rest{{ end }} {{ title .Receiver }}",
    "{{- range .Alerts -}} {{ .Labels.host | len | printf \"%03d\" }} {{- end -}} {{ .ExternalURL | safeHtml }}",
];

fn word(random: &mut Random) -> String {
    const PIECES: [&str; 12] = [
        "A",
        "web1",
        "디스크",
        " ",
        "\"",
        "<b>&",
        "\\",
        "z9",
        "\n",
        "é",
        "{{",
        "Big Name",
    ];
    let count = random.below(4);
    (0..count)
        .map(|_| PIECES[random.below(12) as usize])
        .collect()
}

#[test]
fn texts_of_random_data_are_those_of_amtool() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t.tmpl");
    let mut source = String::new();
    for (i, text) in SNIPPETS.iter().enumerate() {
        source.push_str(&format!("{{{{ define \"s{i}\" }}}}{text}{{{{ end }}}}"));
    }
    fs::write(&file, &source).unwrap();
    let mut config = Alertmanager::nobody();
    config.templates = vec![(file.clone(), source)];
    let texts = Texts::new(&config);
    let mut random = Random::new(number("BONGSU_SEED", 1));
    let rounds = number("BONGSU_TEXTS", 20);
    for round in 0..rounds {
        let mut group = Vec::new();
        for _ in 0..=random.below(3) {
            let (host, env, summary, more) = (
                word(&mut random),
                word(&mut random),
                word(&mut random),
                word(&mut random),
            );
            let labels = [("alertname", "Disk"), ("host", &host), ("env", &env)];
            let notes = [("summary", summary.as_str()), ("more", &more)];
            group.push(alert(&labels, &notes, random.below(3) == 0));
        }
        let common = Labels::from_pairs([("alertname", "Disk")]);
        let speaking = Speaking {
            receiver: "team a",
            external_url: "http://am:9093",
            group_key: "{}:{}",
            group_labels: &common,
            route_labels: &BTreeMap::new(),
            alerts: &group,
            reason: None,
            now: 0,
        };
        let data = Data::new(&speaking, &texts);
        let json = dir.path().join("data.json");
        let told = serde_json::to_string(&data.told).unwrap();
        fs::write(&json, &told).unwrap();
        let name = round as usize % SNIPPETS.len();
        let source = format!("{{{{ template \"s{name}\" . }}}}");
        let theirs = amtool(&[
            "template",
            "render",
            &format!("--template.glob={}", file.display()),
            &format!("--template.text={source}"),
            &format!("--template.data={}", json.display()),
        ]);
        let ours = texts.render(&source, &data).unwrap();
        assert_eq!(ours, theirs, "{}\n{told}", SNIPPETS[name]);
    }
    println!("{rounds} texts are the same as amtool's");
}
