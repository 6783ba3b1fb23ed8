//! What a text says becomes what it means, or a finding at its place.

use crate::config::files::Memory;
use crate::config::load::load_from;
use crate::config::{Config, Loaded};
use std::path::PathBuf;

fn load_files(files: &[(&str, &str)], given: &[&str]) -> Loaded {
    let mut memory = Memory::default();
    for (path, text) in files {
        memory.files.insert(PathBuf::from(path), (*text).to_owned());
    }
    memory
        .variables
        .insert("HOST".to_owned(), "web1".to_owned());
    let given: Vec<PathBuf> = given.iter().map(PathBuf::from).collect();
    load_from(&given, &memory)
}

fn load(text: &str) -> Loaded {
    load_files(&[("c.yaml", text)], &["c.yaml"])
}

/// The configuration of a text that is accepted without a word.
fn clean(text: &str) -> Config {
    let loaded = load(text);
    assert_eq!(shown(&loaded), [""; 0], "{text}");
    loaded.config.unwrap()
}

fn shown(loaded: &Loaded) -> Vec<String> {
    loaded.findings.iter().map(ToString::to_string).collect()
}

/// One text, one finding.
#[track_caller]
fn finds(text: &str, want: &str) {
    assert_eq!(shown(&load(text)), [want], "{text}");
}

#[test]
fn nothing_gives_the_defaults() {
    for text in [
        "",
        "---\n",
        "# only a remark\n",
        "{}",
        "global:\nscrape_configs:\n",
    ] {
        let mut config = clean(text);
        config.files.clear();
        assert_eq!(config, Config::default(), "{text:?}");
    }
}

#[test]
fn values_are_read_as_the_go_tools_read_them() {
    let config = clean(
        "
global: {scrape_interval: 30s}
scrape_configs:
  - &first
    job_name: 5
    honor_labels: yes
    honor_timestamps: off
    sample_limit: 1e3
    body_size_limit: 10MB
    static_configs:
      - targets: ['a:1', 'b:2']
        labels: {n: 1, on: off}
  - <<: *first
    job_name: second
    scrape_timeout: 5s
    static_configs:
      - targets:
          # nothing yet
",
    );
    let [first, second] = &config.scrape[..] else {
        panic!("two jobs")
    };
    assert_eq!(
        (
            first.job_name.as_str(),
            first.honor_labels,
            first.honor_timestamps
        ),
        ("5", true, false)
    );
    assert_eq!(first.scraping.limits.samples, 1000);
    assert_eq!(first.scraping.limits.body_size, 10 << 20);
    assert_eq!(
        first.static_configs[0].labels.to_string(),
        "{n=\"1\", on=\"off\"}"
    );
    assert_eq!(
        (first.interval.as_secs(), first.timeout.as_secs()),
        (30, 10)
    );
    assert_eq!((second.honor_labels, second.timeout.as_secs()), (true, 5));
    assert_eq!(second.static_configs[0].targets.len(), 0);
}

#[test]
fn every_finding_has_its_place_and_key() {
    for (text, want) in [
        (
            "global:\n  scrape_intervall: 5s",
            "c.yaml:2:3: error: global.scrape_intervall: unknown key in global; did you mean `scrape_interval`?",
        ),
        (
            "global:\n  scrape_interval: 5x",
            "c.yaml:2:20: error: global.scrape_interval: \"5x\" is not a duration; write 5s, 1m or 1h30m",
        ),
        (
            "host:\n  enabled: maybe",
            "c.yaml:2:12: error: host.enabled: `maybe` is not a yes or no; write true or false",
        ),
        (
            "scrape_configs:\n- job_name: a\n  static_configs:\n  - targets: a:1",
            "c.yaml:4:14: error: scrape_configs[0].static_configs[0].targets: a list (`- item` lines, or `[a, b]`) is needed here, this is a single value",
        ),
        (
            "api: {}\napi: {}",
            "c.yaml:2:1: error: `api` is given twice; line 1 has it first",
        ),
        (
            "scrape_configs: [",
            "c.yaml:2:1: error: this is not YAML: while parsing a node, did not find expected node content",
        ),
        (
            "just text",
            "c.yaml:1:1: error: a configuration is a mapping of `key: value` lines",
        ),
    ] {
        finds(text, want);
    }
}

#[test]
fn external_labels_are_filled_from_the_environment() {
    let loaded = load("global: {external_labels: {site: '${HOST}'}}");
    let global = loaded.config.unwrap().global;
    assert_eq!(global.external_labels.to_string(), "{site=\"web1\"}");
}

#[test]
fn a_secret_stays_out_of_the_debug_print() {
    let config = clean(
        "scrape_configs: [{job_name: a, proxy_url: 'http://kim:hunter2@p:1', basic_auth: {username: kim, password: hunter2}, http_headers: {X: {secrets: [hunter2]}}}]",
    );
    let shown = format!("{config:?}");
    assert!(shown.contains("<secret>") && !shown.contains("hunter2"));
}

#[test]
fn files_join_and_clash_where_they_say_the_same() {
    let jobs = "global: {scrape_interval: 7s}\nscrape_configs: [{job_name: a}]";
    let loaded = load_files(
        &[
            (
                "/etc/own.yaml",
                "include: {prometheus: p.yml}\nscrape_configs: [{job_name: b}]\nui: {theme: light}",
            ),
            ("/etc/p.yml", jobs),
        ],
        &["/etc/own.yaml"],
    );
    assert_eq!(shown(&loaded), [""; 0]);
    let config = loaded.config.unwrap();
    let names: Vec<_> = config
        .scrape
        .iter()
        .map(|j| (j.job_name.as_str(), j.interval.as_secs()))
        .collect();
    assert_eq!(names, [("b", 7), ("a", 7)]);
    assert_eq!(config.files.len(), 2);

    let alertmanager = "route: {receiver: ops}\nreceivers: [{name: ops}]";
    let own = ("/own.yaml", "include: {alertmanager: am.yml}");
    let loaded = load_files(&[own, ("/am.yml", alertmanager)], &["/own.yaml"]);
    assert_eq!(shown(&loaded), [""; 0]);
    assert!(loaded.config.unwrap().alertmanager.is_some());
    let other = load_files(&[own, ("/am.yml", jobs)], &["/own.yaml"]);
    assert_eq!(
        shown(&other),
        [
            "/am.yml:1:1: error: global: `include.alertmanager` names this file, but it is a Prometheus file"
        ]
    );

    let twice = load_files(
        &[
            ("/a.yml", jobs),
            ("/b.yml", "scrape_configs: [{job_name: a}]\nhost: {}"),
        ],
        &["/a.yml", "/b.yml"],
    );
    assert_eq!(
        shown(&twice),
        ["/b.yml:1:29: error: scrape_configs[0].job_name: another job is named \"a\": /a.yml:2"]
    );
}

#[test]
fn bombs_are_refused() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..9 {
        let items = vec![format!("*a{}", i - 1); 10].join(", ");
        laughs.push_str(&format!("a{i}: &a{i} [{items}]\n"));
    }
    let deep = "[".repeat(100_000);
    for text in [laughs, deep, "a: ".repeat(5000), "{".repeat(5000)] {
        let loaded = load(&text);
        assert!(loaded.config.is_none());
        assert!(loaded.findings.len() < 20, "{:?}", shown(&loaded));
    }
}

/// No row without somebody who reads it: a key in the registry does something.
#[test]
fn every_key_that_works_is_read() {
    let mut text = String::new();
    for line in include_str!("../../config.example.yaml").lines() {
        let indent = line.len() - line.trim_start().len();
        let off = line[indent..].strip_prefix('#');
        let code = off.filter(|c| !c.starts_with(' ') || c.starts_with("  "));
        text.push_str(&line[..indent]);
        text.push_str(code.unwrap_or(&line[indent..]));
        text.push('\n');
    }
    load(&text);
    let asked = crate::config::fields::asked::take();
    let mut unread = Vec::new();
    crate::config::root::walk(&crate::config::root::ROOT, "", &mut |section, key, _| {
        if !asked.contains(&(section.name, key.name.to_owned())) {
            unread.push(format!("{}.{}", section.name, key.name));
        }
    });
    assert_eq!(unread, [""; 0]);
}

#[test]
fn rules_are_held_against_their_shape() {
    for (text, want) in [
        (
            "groups: [{name: a, rules: [{alert: Up, expr: up == 0}]}]",
            None,
        ),
        (
            "groups: [{name: a, rules: [{alert: Up, expr: up, labels: {__name__: x}}]}]",
            Some("`record` names it"),
        ),
        ("groups: [{name: a}, {name: a}]", Some("in line 1")),
        (
            "groups: [{name: a, rules: [{record: x, expr: 1, for: 5m}]}]",
            Some("has no `for`"),
        ),
        (
            "groups: [{name: a, rules: [{record: x, alert: y, expr: 1}]}]",
            Some("two rules"),
        ),
        (
            "groups: [{name: a, rules: [{alert: x}]}]",
            Some("needs `expr`"),
        ),
        (
            "groups: [{name: a, rules: [{alert: x, expr: 1, fro: 5m}]}]",
            Some("did you mean `for`?"),
        ),
        (
            "kind: PrometheusRule\nspec: {groups: [{rules: []}]}",
            Some("`name` is needed"),
        ),
    ] {
        let found = shown(&load(text));
        let errors: Vec<_> = found.iter().filter(|f| f.contains("error")).collect();
        assert_eq!(
            errors.len(),
            usize::from(want.is_some()),
            "{text}: {found:?}"
        );
        assert!(
            want.is_none_or(|w| errors[0].contains(w)),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn queries_are_checked_at_their_place() {
    let rule =
        |expr: &str| format!("groups:\n- name: a\n  rules:\n  - alert: x\n    expr: {expr}\n");
    for (expr, place) in [
        ("rate(up)", "c.yaml:5:16: "),
        ("\"rate(up)\"", "c.yaml:5:17: "),
        ("up >", "c.yaml:5:"),
        ("|\n      up\n      and rate(up)", "c.yaml:7:16: "),
    ] {
        let found = shown(&load(&rule(expr)));
        let error = found.iter().find(|f| f.contains("error")).unwrap();
        assert!(error.starts_with(place), "{expr}: {error}");
        assert!(error.contains("groups[0].rules[0].expr: "), "{error}");
    }
}

#[test]
fn listeners_follow_their_rules() {
    for (text, want) in [
        ("api: {listen: off}", ""),
        ("api: {listen: 'containers:9470'}", ""),
        (
            "containers: {enabled: true, sockets: [unix:///d.sock], labels: ['*'], interval: 10s}",
            "",
        ),
        (
            "api: {listen: '0.0.0.0:9470'}",
            "error: api.listen: 0.0.0.0:9470 can be reached",
        ),
        ("api: {listen: '0.0.0.0:9470', allow: [10.0.0.0/8]}", ""),
        (
            "api: {listen: '0.0.0.0:9470', users: [{name: a, password_env: A}]}",
            "",
        ),
        (
            "api: {listen: '0.0.0.0:9470', allow: [0.0.0.0/0]}",
            "warning: api.listen: everybody",
        ),
        (
            "api: {listen: '9470'}",
            "error: api.listen: \"9470\" is not an address",
        ),
        (
            "api: {allow: [10.0.0.0/99]}",
            "error: api.allow[0]: \"10.0.0.0/99\" is not a network",
        ),
        (
            "api: {users: [{name: a}]}",
            "error: api.users[0]: a user needs",
        ),
    ] {
        let found = shown(&load(text)).join("\n");
        assert!(
            found.contains(want) && found.is_empty() == want.is_empty(),
            "{text}: {found}"
        );
    }
}

/// Whatever stands in a file, there is an answer: damaged files of users, and letters that mean
/// something to YAML in any order.
mod anything {
    use super::*;
    use proptest::prelude::*;

    const SEEDS: &[&str] = &[
        include_str!("../../tests/data/seeds/prometheus-dev-prod.yml"),
        include_str!("../../tests/data/seeds/redis-relabel-scrape-configs.yml"),
        include_str!("../../tests/data/seeds/rules.yml"),
        include_str!("../../tests/data/seeds/promtail-multiline.yml"),
        include_str!("../../config.example.yaml"),
    ];

    proptest! {
        #[test]
        fn letters_in_any_order(text in "[-a-c:,&*<>|!{}\\[\\]'\"# \n%@`~]{0,60}") {
            load(&text);
        }

        #[test]
        fn a_damaged_file(seed in 0..SEEDS.len(), at in 0.0..1.0f64, cut in 0usize..40, put in "[-:&*|{}\\[\\]'\"# \n]{0,4}") {
            let text = SEEDS[seed].replace('#', "");
            let mut start = (text.len() as f64 * at) as usize;
            while !text.is_char_boundary(start) {
                start -= 1;
            }
            let rest: String = text[start..].chars().skip(cut).collect();
            let loaded = load(&format!("{}{put}{rest}", &text[..start]));
            prop_assert!(loaded.findings.len() <= 501);
        }
    }
}

#[test]
fn many_keys_cost_no_more_than_their_number() {
    let lines: Vec<String> = (0..200_000).map(|i| format!("k{i}:\n")).collect();
    let text = lines.concat();
    let loaded = load(&text);
    assert!(loaded.config.is_none() && loaded.findings.len() <= 501);
}

#[test]
fn rules_are_checked_in_their_own_language() {
    let log_rules = "namespace: shop\ngroups:\n- name: g\n  rules:\n  - alert: A\n    expr: sum(count_over_time({app=\"a\"} |= \"x\" [5m])) > 3\n";
    let loaded = load_files(
        &[
            ("c.yaml", "logs: {rule_files: [r.yml]}"),
            ("./r.yml", log_rules),
        ],
        &["c.yaml"],
    );
    let said = shown(&loaded);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("namespace"), "{said:?}");
    let config = loaded.config.unwrap();
    assert_eq!(
        config.rules[0].language,
        crate::config::rules::Language::LogQl
    );

    let spans = "groups: [{name: g, language: traceql, rules: [{alert: A, expr: '{ status = error } | rate() > 1'}]}]";
    clean(spans);
    for (text, wanted) in [
        (log_rules.split_once('\n').unwrap().1, "language: logql"),
        (
            "groups: [{name: g, language: logql, rules: [{alert: A, expr: '{app=\"a\"}'}]}]",
            "answers with lines",
        ),
        (
            "groups: [{name: g, language: traceql, rules: [{alert: A, expr: '{ status = error }'}]}]",
            "answers with traces",
        ),
    ] {
        let said = shown(&load(text)).join("\n");
        assert!(said.contains(wanted), "{text}\n{said}");
    }
}

#[test]
fn two_alertmanagers_are_named_with_the_line_to_delete() {
    let text = "alerting:\n  alertmanagers:\n  - static_configs: [{targets: ['am:9093']}]\nalertmanager:\n  route: {receiver: r}\n  receivers: [{name: r, webhook_configs: [{url: 'http://x/'}]}]\n";
    let said = shown(&load(text));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains(":2:") && said[0].contains("delete line 2"),
        "{said:?}"
    );
    let quiet = text.replace("webhook_configs: [{url: 'http://x/'}]", "");
    let quiet = quiet.replace("{name: r, }", "{name: r}");
    assert_eq!(shown(&load(&quiet)), [""; 0]);
}

#[test]
fn names_of_actions_keys_and_panels_are_known_before_the_console_starts() {
    for (text, want) in [
        (
            "ui: {overview: [cpuu]}",
            "c.yaml:1:17: error: ui.overview[0]: `cpuu` is not one of cpu, memory, network, filesystems, \
             jvm, containers, logs, traces, processes, disks, load, alerts, targets, blind; \
             did you mean `cpu`?",
        ),
        (
            "ui:\n  keys: {quitt: Q}",
            "c.yaml:2:10: warning: ui.keys.quitt: no action of the console is called `quitt`; \
             did you mean `quit`?",
        ),
        (
            "ui: {keys: {help: Foo-1}}",
            "c.yaml:1:13: warning: ui.keys.help: \"Foo-1\" is no key; \
             write q, Ctrl-P, F1, Space, PgUp or Shift-Tab",
        ),
        (
            "ui: {keys: {pause: p x, mark: x}}",
            "c.yaml:1:25: warning: ui.keys.mark: x is the key of `pause` already; one of both needs another",
        ),
        (
            "ui: {keys: {pan-back: Q q}}",
            "c.yaml:1:13: warning: ui.keys.pan-back: q was the key of `back`, which has lost it; \
             give that one another",
        ),
    ] {
        finds(text, want);
    }
    let own = "ui: {overview: [{panel: Mine}, blind], panels: [{title: Mine, expr: up}]}";
    assert_eq!(clean(own).ui.overview.len(), 2);
    // What takes a key and gives its owner another is no conflict; nor is a key of one tab.
    clean("ui: {keys: {pan-back: q, back: ctrl-b}}");
    clean(
        "ui: {keys: {shell-of-logs: q}}"
            .replace("shell-of-logs", "saved-queries")
            .as_str(),
    );
}
