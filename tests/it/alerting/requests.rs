//! What receivers are sent, byte by byte: a local server takes the request of each vendor.

use bongsu::alert::notify::{NOTIFIERS, Notifiers};
use bongsu::alert::perform::test_jobs;
use bongsu::alert::pipeline::{Job, Outcome};
use bongsu::base::clock::Clock;
use bongsu::config;
use bongsu::config::alertmanager::Alertmanager;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

/// One request as the server read it.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) line: String,
    pub(super) headers: String,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }
}

/// Answers each request with the next of `answers` (status and body), the last one for all others.
pub(super) fn server(
    answers: &'static [(&'static str, &'static str)],
) -> (String, Arc<Mutex<Vec<Seen>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let kept = Arc::clone(&seen);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut one = Seen::default();
            reader.read_line(&mut one.line).unwrap();
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let line = line.trim_end().to_lowercase();
                if line.is_empty() {
                    break;
                }
                if let Some(n) = line.strip_prefix("content-length: ") {
                    length = n.parse().unwrap();
                }
                one.headers.push_str(&line);
                one.headers.push('\n');
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            one.body = String::from_utf8(body).unwrap();
            let mut all = kept.lock().unwrap();
            let (status, body) = answers[all.len().min(answers.len() - 1)];
            all.push(one);
            drop(all);
            let kind = if body.starts_with('{') {
                "application/json"
            } else {
                "text/plain"
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, seen)
}

pub(super) fn load(receiver: &str) -> Arc<Alertmanager> {
    let text = format!("route: {{receiver: r}}\nreceivers:\n- name: r\n{receiver}");
    let file = tempfile::Builder::new().suffix(".yml").tempfile().unwrap();
    fs::write(file.path(), text).unwrap();
    let loaded = config::load(&[file.path().to_owned()]);
    let config = loaded
        .config
        .unwrap_or_else(|| panic!("{:#?}", loaded.findings));
    config.alertmanager.unwrap()
}

fn tell(receiver: &str) -> Outcome {
    let config = load(receiver);
    let job = test_jobs(&config, "r", 1_772_409_600_000).remove(0);
    send(&config, &job)
}

fn send(config: &Arc<Alertmanager>, job: &Job) -> Outcome {
    let clock = Clock::fake(1_772_409_600_000);
    let notifiers = Notifiers::new("http://bongsu:9470".to_owned(), clock);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(notifiers.send(config, job))
}

fn is_sent(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Sent { .. })
}

#[test]
fn every_vendor_tells() {
    for (kind, keys, wanted) in [
        ("webhook", "url: URL/hook", "alerts"),
        (
            "slack",
            "api_url: URL/slack\n    channel: '#a'",
            "attachments",
        ),
        ("mattermost", "webhook_url: URL/mm", "attachments"),
        ("discord", "webhook_url: URL/discord", "embeds"),
        ("msteams", "webhook_url: URL/teams", "themeColor"),
        ("msteamsv2", "webhook_url: URL/teams2", "attachments"),
        ("pagerduty", "routing_key: k\n    url: URL/pd", "dedup_key"),
        (
            "pagerduty",
            "service_key: k\n    url: URL/pd",
            "incident_key",
        ),
        ("opsgenie", "api_key: k\n    api_url: URL/", "alias"),
        (
            "victorops",
            "api_key: k\n    routing_key: team\n    api_url: URL/vo/",
            "entity_id",
        ),
        (
            "telegram",
            "bot_token: t\n    chat_id: -5\n    api_url: URL",
            "chat_id",
        ),
        (
            "webex",
            "room_id: x\n    api_url: URL/wx\n    http_config: {authorization: {credentials: c}}",
            "roomId",
        ),
        (
            "rocketchat",
            "api_url: URL/\n    token: t\n    token_id: i\n    channel: c",
            "attachments",
        ),
        (
            "incidentio",
            "url: URL/io\n    alert_source_token: t",
            "alerts",
        ),
    ] {
        let (url, seen) = server(&[("200 OK", "ok")]);
        let keys = keys.replace("URL", &url);
        let outcome = tell(&format!("  {kind}_configs:\n  - {keys}\n"));
        assert!(is_sent(&outcome), "{kind}: {outcome:?}");
        let seen = seen.lock().unwrap();
        let json = seen[0].json();
        assert!(!json[wanted].is_null(), "{kind}: {json}");
        assert!(
            seen[0]
                .headers
                .contains("idempotency-key: test-1772409600000"),
            "{kind}"
        );
        assert!(!json.to_string().contains("{{"), "{kind}: {json}");
    }
}

#[test]
fn a_webhook_is_alertmanagers() {
    let (url, seen) = server(&[("200 OK", "")]);
    let outcome = tell(&format!("  webhook_configs: [{{url: '{url}/x'}}]\n"));
    assert!(is_sent(&outcome), "{outcome:?}");
    let json = seen.lock().unwrap()[0].json();
    assert_eq!(json["version"], "4");
    assert_eq!(json["status"], "firing");
    assert_eq!(json["receiver"], "r");
    assert_eq!(json["truncatedAlerts"], 0);
    assert_eq!(
        json["commonLabels"],
        json!({"alertname": "Test", "severity": "info"})
    );
    assert_eq!(json["externalURL"], "http://bongsu:9470");
    assert_eq!(json["alerts"][0]["startsAt"], "2026-03-02T00:00:00.000Z");
    assert_eq!(json["alerts"][0]["endsAt"], "0001-01-01T00:00:00Z");
}

#[test]
fn answers_are_told_apart() {
    for (answer, wanted) in [
        (("500 Oops", "later"), "retry none"),
        (("503 Busy", ""), "retry none"),
        (("400 Bad", "no such channel"), "refused"),
        (("404 Not", ""), "refused"),
        (("204 Fine", ""), "sent"),
    ] {
        let answers: &'static [(&str, &str)] = Box::leak(Box::new([answer]));
        let (url, _) = server(answers);
        let found = match tell(&format!("  webhook_configs: [{{url: '{url}'}}]\n")) {
            Outcome::Sent { .. } => "sent".to_owned(),
            Outcome::Retry { after, .. } => {
                format!(
                    "retry {}",
                    after.map_or("none".to_owned(), |a| a.to_string())
                )
            }
            Outcome::Refused { said } => {
                assert!(said.contains(answer.0.split(' ').next().unwrap()), "{said}");
                "refused".to_owned()
            }
        };
        assert_eq!(found, wanted, "{answer:?}");
    }
    // Nobody listens, and the address, which may be a secret, is not shown.
    let Outcome::Retry { said, .. } =
        tell("  webhook_configs: [{url: 'http://127.0.0.1:9/hidden'}]\n")
    else {
        panic!("a closed port is worth another try");
    };
    assert!(!said.contains("hidden"), "{said}");
}

#[test]
fn slack_says_why_it_refuses() {
    let (url, _) = server(&[("200 OK", r#"{"ok":false,"error":"channel_not_found"}"#)]);
    let outcome = tell(&format!(
        "  slack_configs: [{{api_url: '{url}', channel: c}}]\n"
    ));
    let Outcome::Refused { said } = outcome else {
        panic!("{outcome:?}");
    };
    assert!(said.contains("channel_not_found"), "{said}");
}

#[test]
fn a_message_of_slack_that_was_deleted_is_posted_anew() {
    let (url, seen) = server(&[
        ("200 OK", r#"{"ok":false,"error":"message_not_found"}"#),
        ("200 OK", r#"{"ok":true,"channel":"C1","ts":"2.5"}"#),
    ]);
    let config = load(&format!(
        "  slack_configs: [{{app_token: t, app_url: '{url}/api/chat.postMessage', channel: c, update_message: true}}]\n"
    ));
    let mut job = test_jobs(&config, "r", 1_772_409_600_000).remove(0);
    job.memo = "C1 1.5".to_owned();
    let Outcome::Sent { memo, .. } = send(&config, &job) else {
        panic!("it is posted");
    };
    assert_eq!(memo, "C1 2.5");
    let seen = seen.lock().unwrap();
    assert!(seen[0].line.contains("chat.update"), "{}", seen[0].line);
    assert_eq!(seen[0].json()["ts"], "1.5");
    assert!(seen[1].line.contains("chat.postMessage"));
    assert_eq!(
        (&seen[1].json()["ts"], &seen[1].json()["channel"]),
        (&Value::Null, &json!("c"))
    );
}

#[test]
fn wechat_asks_for_a_token_first() {
    let (url, seen) = server(&[
        ("200 OK", r#"{"errcode":0,"access_token":"tok"}"#),
        ("200 OK", r#"{"errcode":0}"#),
    ]);
    let keys = format!("api_secret: s, corp_id: c, api_url: '{url}/', to_user: kim");
    let outcome = tell(&format!("  wechat_configs: [{{{keys}}}]\n"));
    assert!(is_sent(&outcome), "{outcome:?}");
    let seen = seen.lock().unwrap();
    assert!(
        seen[0]
            .line
            .starts_with("GET /gettoken?corpid=c&corpsecret=s")
    );
    assert!(
        seen[1]
            .line
            .starts_with("POST /message/send?access_token=tok")
    );
    assert_eq!(seen[1].json()["touser"], "kim");
}

#[test]
fn jira_makes_one_issue() {
    let (url, seen) = server(&[
        ("200 OK", r#"{"issues":[]}"#),
        ("201 Created", r#"{"key":"OPS-1"}"#),
    ]);
    let keys = format!(
        "api_url: '{url}/rest/api/2/', api_type: datacenter, project: OPS, issue_type: Bug, labels: [bongsu]"
    );
    let outcome = tell(&format!("  jira_configs: [{{{keys}}}]\n"));
    assert!(is_sent(&outcome), "{outcome:?}");
    let seen = seen.lock().unwrap();
    assert!(seen[0].line.starts_with("POST /rest/api/2/search "));
    let fields = &seen[1].json()["fields"];
    assert_eq!(fields["project"]["key"], "OPS");
    assert_eq!(fields["priority"]["name"], "Low");
    assert_eq!(fields["labels"][1], "bongsu");
}

#[test]
fn sns_is_signed() {
    let (url, seen) = server(&[("200 OK", "")]);
    let keys = format!(
        "api_url: '{url}', topic_arn: 'arn:aws:sns:eu-west-1:1:t', sigv4: {{region: eu-west-1, access_key: AK, secret_key: SK}}"
    );
    let outcome = tell(&format!("  sns_configs: [{{{keys}}}]\n"));
    assert!(is_sent(&outcome), "{outcome:?}");
    let seen = seen.lock().unwrap();
    assert!(
        seen[0]
            .headers
            .contains("credential=ak/20260302/eu-west-1/sns/aws4_request")
    );
    assert!(
        seen[0]
            .body
            .contains("TopicArn=arn%3Aaws%3Asns%3Aeu%2Dwest%2D1%3A1%3At")
    );
}

#[test]
fn mail_goes_out_with_both_bodies_and_hangul() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let talk = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut all = String::new();
        stream.write_all(b"220 here\r\n").unwrap();
        let mut in_data = false;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap() == 0 {
                return all;
            }
            all.push_str(&line);
            let answer = match line.trim_end() {
                "." => {
                    in_data = false;
                    "250 taken"
                }
                _ if in_data => continue,
                "DATA" => {
                    in_data = true;
                    "354 go on"
                }
                "QUIT" => "221 bye",
                l if l.starts_with("EHLO") => "250-here\r\n250 AUTH PLAIN",
                l if l.starts_with("AUTH") => "235 fine",
                _ => "250 fine",
            };
            stream
                .write_all(format!("{answer}\r\n").as_bytes())
                .unwrap();
        }
    });
    let keys = format!(
        "to: 'kim@example.org, lee@example.org', from: '봉수 <bongsu@example.org>', smarthost: '{address}', require_tls: false, auth_username: u, auth_password: p, text: '.점으로 시작', headers: {{subject: '경보 {{{{ .CommonLabels.alertname }}}}'}}"
    );
    let outcome = tell(&format!("  email_configs: [{{{keys}}}]\n"));
    assert!(is_sent(&outcome), "{outcome:?}");
    let talked = talk.join().unwrap();
    for part in [
        "AUTH PLAIN AHUAcA==",
        "MAIL FROM:<bongsu@example.org>",
        "RCPT TO:<kim@example.org>",
        "RCPT TO:<lee@example.org>",
        "subject: =?UTF-8?B?",
        "Content-Type: text/plain; charset=UTF-8",
        "Content-Type: text/html; charset=UTF-8",
    ] {
        assert!(talked.contains(part), "{part} is missing in\n{talked}");
    }
}

#[test]
fn the_registry_has_every_receiver() {
    let kinds: Vec<&str> = NOTIFIERS.iter().map(|n| n.kind).collect();
    let mut sorted = kinds.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(kinds, sorted);
    assert_eq!(kinds.len(), 20);
}

/// What a program on the standard input is told, and what its end means.
#[test]
fn programs_run_where_they_are_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("told.json");
    let say = |script: &str| {
        let script = script.replace("FILE", file.to_str().unwrap());
        load(&format!(
            "  exec_configs: [{{command: [sh, -c, '{script}'], timeout: 20s}}]\n"
        ))
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let run = |config: &Arc<Alertmanager>, allowed: bool| {
        let clock = Clock::fake(1_772_409_600_000);
        let notifiers = Notifiers::new("http://bongsu:9470".to_owned(), clock);
        notifiers.allow_programs(allowed);
        let job = test_jobs(config, "r", 1_772_409_600_000).remove(0);
        runtime.block_on(notifiers.send(config, &job))
    };
    let config = say("cat > FILE; echo written for $BONGSU_RECEIVER");
    let Outcome::Refused { said } = run(&config, false) else {
        panic!("it ran");
    };
    assert!(said.contains("alerts: {exec: true}"), "{said}");
    assert!(!file.exists());
    let Outcome::Sent { said, .. } = run(&config, true) else {
        panic!("it did not run");
    };
    assert_eq!(said, "sh ended well: written for r");
    let told: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(told["alerts"][0]["labels"]["alertname"], "Test");
    let again = run(&say("exit 75"), true);
    assert!(matches!(again, Outcome::Retry { .. }), "{again:?}");
    let Outcome::Refused { said } = run(&say("echo no disk >&2; exit 3"), true) else {
        panic!("taken");
    };
    assert_eq!(said, "sh ended with 3: no disk");
}

#[test]
fn consoles_are_told_by_their_terminals() {
    let config = load("  terminal_configs: [{}]\n");
    let notifiers = Notifiers::new(String::new(), Clock::fake(1_772_409_600_000));
    let job = test_jobs(&config, "r", 1_772_409_600_000).remove(0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for number in 1..=2 {
        assert!(is_sent(&runtime.block_on(notifiers.send(&config, &job))));
        let last = notifiers.announcements().pop().unwrap();
        assert_eq!((last.number, last.bell, last.desktop), (number, true, true));
        assert_eq!(last.title, "[FIRING:1] Test");
        assert_eq!(
            last.text.trim(),
            "This is a test of the receiver; nothing is wrong."
        );
    }
}
