//! What a receiver hears of an acknowledgement, request by request.

use crate::alerting::requests::{load, server};
use bongsu::alert::notice::{Notice, What};
use bongsu::alert::notify::Notifiers;
use bongsu::alert::perform::test_jobs;
use bongsu::alert::pipeline::{Job, Outcome};
use bongsu::base::clock::Clock;
use bongsu::config::alertmanager::Alertmanager;
use std::sync::Arc;

const NOW: i64 = 1_772_409_600_000;

/// The job that tells of an acknowledgement by kim; `memo` is what the vendor said last.
fn job(config: &Alertmanager, what: What, memo: &str) -> Job {
    let mut job = test_jobs(config, "r", NOW).remove(0);
    memo.clone_into(&mut job.memo);
    job.notice = Some(Arc::new(Notice {
        what,
        line: "Test acknowledged by kim: <on it>".to_owned(),
        by: "kim".to_owned(),
        note: "<on it>".to_owned(),
        group_key: job.group_key.clone(),
        group_labels: job.group_labels.clone(),
        route_labels: job.route_labels.clone(),
        receiver: "r".to_owned(),
        integration: "slack".to_owned(),
        alerts: Vec::new(),
        at: NOW,
        done: false,
    }));
    job
}

fn tell(keys: &str, what: What, memo: &str) -> Outcome {
    let config = load(keys);
    let notifiers = Notifiers::new("http://bongsu:9470".to_owned(), Clock::fake(NOW));
    let job = job(&config, what, memo);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(notifiers.send(&config, &job))
}

const WHOLE: What = What::Acknowledged { whole: true };

#[test]
fn a_webhook_of_slack_gets_one_line() {
    let (url, seen) = server(&[("200 OK", "ok")]);
    let keys = format!("  slack_configs: [{{api_url: '{url}/hook', channel: '#ops'}}]\n");
    let outcome = tell(&keys, WHOLE, "");
    assert!(matches!(outcome, Outcome::Sent { .. }), "{outcome:?}");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1);
    let line = seen[0].json();
    assert_eq!(line["text"], "Test acknowledged by kim: &lt;on it&gt;");
    assert_eq!(line["channel"], "#ops");
    assert!(line["attachments"].is_null(), "{line}");
}

#[test]
fn an_app_of_slack_changes_its_message_and_answers_below_it() {
    let (url, seen) = server(&[("200 OK", r#"{"ok":true,"channel":"C1","ts":"1.2"}"#)]);
    let keys = format!(
        "  slack_configs: [{{app_token: t, app_url: '{url}/api/chat.postMessage', channel: '#ops'}}]\n"
    );
    let outcome = tell(&keys, WHOLE, "C1 1.2");
    assert!(matches!(outcome, Outcome::Sent { .. }), "{outcome:?}");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    assert!(seen[0].line.starts_with("POST /api/chat.update "));
    let first = seen[0].json();
    assert_eq!(
        (&first["ts"], &first["channel"]),
        (&"1.2".into(), &"C1".into())
    );
    assert_eq!(
        first["attachments"][0]["footer"],
        "Acknowledged by kim: &lt;on it&gt;"
    );
    assert!(seen[1].line.starts_with("POST /api/chat.postMessage "));
    let second = seen[1].json();
    assert_eq!(second["thread_ts"], "1.2");
    assert!(seen[1].headers.contains("authorization: bearer t"));
}

#[test]
fn where_a_message_stands_is_kept_for_its_thread() {
    let (url, _) = server(&[("200 OK", r#"{"ok":true,"channel":"C1","ts":"1.2"}"#)]);
    let keys = format!(
        "  slack_configs: [{{app_token: t, app_url: '{url}/api/chat.postMessage', channel: '#ops'}}]\n"
    );
    let config = load(&keys);
    let notifiers = Notifiers::new(String::new(), Clock::fake(NOW));
    let job = test_jobs(&config, "r", NOW).remove(0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let Outcome::Sent { memo, .. } = runtime.block_on(notifiers.send(&config, &job)) else {
        panic!("not sent");
    };
    assert_eq!(memo, "C1 1.2");
}

#[test]
fn pagers_are_acknowledged_in_their_own_way() {
    for (keys, path, member, value) in [
        (
            "pagerduty_configs: [{routing_key: k, url: URL/pd}]",
            "POST /pd ",
            "event_action",
            "acknowledge",
        ),
        (
            "pagerduty_configs: [{service_key: k, url: URL/pd}]",
            "POST /pd ",
            "event_type",
            "acknowledge",
        ),
        (
            "opsgenie_configs: [{api_key: k, api_url: URL/}]",
            "POST /v2/alerts/",
            "user",
            "kim",
        ),
        (
            "victorops_configs: [{api_key: k, routing_key: team, api_url: URL/vo/}]",
            "POST /vo/k/team ",
            "message_type",
            "ACKNOWLEDGEMENT",
        ),
        (
            "telegram_configs: [{bot_token: t, chat_id: -5, api_url: URL}]",
            "POST /bott/sendMessage ",
            "text",
            "Test acknowledged by kim: <on it>",
        ),
        (
            "discord_configs: [{webhook_url: URL/d}]",
            "POST /d ",
            "content",
            "Test acknowledged by kim: <on it>",
        ),
        (
            "mattermost_configs: [{webhook_url: URL/m}]",
            "POST /m ",
            "text",
            "Test acknowledged by kim: <on it>",
        ),
    ] {
        let (url, seen) = server(&[("202 Accepted", r#"{"ok":true}"#)]);
        let keys = format!("  {}\n", keys.replace("URL", &url));
        let outcome = tell(&keys, WHOLE, "");
        assert!(
            matches!(outcome, Outcome::Sent { .. }),
            "{keys}: {outcome:?}"
        );
        let seen = seen.lock().unwrap();
        assert!(seen[0].line.starts_with(path), "{}", seen[0].line);
        assert_eq!(seen[0].json()[member], value, "{keys}");
    }
    let (url, seen) = server(&[("202 Accepted", "{}")]);
    let keys = format!("  opsgenie_configs: [{{api_key: k, api_url: {url}/}}]\n");
    tell(&keys, What::TakenBack, "");
    assert!(
        seen.lock().unwrap()[0]
            .line
            .contains("/unacknowledge?identifierType=alias")
    );
}
