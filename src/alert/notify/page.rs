//! Pagers: PagerDuty, VictorOps (Splunk On-Call), Pushover. An incident is known by the hash of
//! its group, so that what is resolved closes it.

use crate::alert::notice::Notice;
use crate::alert::notify::{Ask, FORM, Failure, Http, Sent, cut, form, object};
use crate::base::net::client::Method;
use crate::config::alertmanager::Settings;
use serde_json::{Map, Value as Json, json};

/// Characters of a summary.
const MAX_SUMMARY: usize = 1024;
/// Bytes of an event; larger ones lose their details.
const MAX_EVENT: usize = 512_000;
const EVENTS_V1: &str = "https://events.pagerduty.com/generic/2010-04-15/create_event.json";
const EVENTS_V2: &str = "https://events.pagerduty.com/v2/enqueue";

/// What an event tells beside its summary, unless the configuration says otherwise.
const DETAILS: [(&str, &str); 4] = [
    (
        "firing",
        r#"{{ template "pagerduty.default.instances" .Alerts.Firing }}"#,
    ),
    (
        "resolved",
        r#"{{ template "pagerduty.default.instances" .Alerts.Resolved }}"#,
    ),
    ("num_firing", "{{ .Alerts.Firing | len }}"),
    ("num_resolved", "{{ .Alerts.Resolved | len }}"),
];

pub(super) async fn pagerduty(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let mut details = Map::new();
    for (name, text) in DETAILS {
        details.insert(name.to_owned(), ask.render("details", text)?.into());
    }
    if let Some(Json::Object(own)) = ask.settings().any("details") {
        for (name, value) in own {
            details.insert(name.clone(), ask.json("details", value)?);
        }
    }
    let first = ask.settings().has("service_key");
    let mut event = if first {
        event_v1(ask, details)?
    } else {
        event_v2(ask, details)?
    };
    if event.to_string().len() > MAX_EVENT {
        let note =
            json!({ "error": "the details were longer than PagerDuty takes and were left out" });
        if first {
            event["details"] = note;
        } else {
            event["payload"]["custom_details"] = note;
        }
    }
    let url = ask.settings().text("url");
    // The default address is that of the newer interface.
    let url = if first && url == EVENTS_V2 {
        EVENTS_V1
    } else {
        url
    };
    ask.tell(url, &event).await
}

/// Somebody is on it: the incident of the group is acknowledged.
pub(super) async fn acknowledge_pagerduty(ask: &Ask<'_>, notice: &Notice) -> Result<Sent, Failure> {
    let of = ask.settings();
    let url = of.text("url");
    if of.has("service_key") {
        let event = json!({
            "service_key": ask.secret("service_key")?,
            "event_type": "acknowledge",
            "incident_key": ask.group_hash(),
            "description": cut(&notice.line, MAX_SUMMARY),
        });
        let url = if url == EVENTS_V2 { EVENTS_V1 } else { url };
        return ask.tell(url, &event).await;
    }
    let event = json!({
        "routing_key": ask.secret("routing_key")?,
        "event_action": "acknowledge",
        "dedup_key": ask.group_hash(),
    });
    ask.tell(url, &event).await
}

fn event_v1(ask: &Ask<'_>, details: Map<String, Json>) -> Result<Json, Failure> {
    let firing = ask.is_firing();
    let link = |key| -> Result<Json, Failure> {
        Ok(if firing {
            ask.text(key)?.into()
        } else {
            Json::Null
        })
    };
    Ok(object([
        ("service_key", ask.secret("service_key")?.into()),
        (
            "event_type",
            if firing { "trigger" } else { "resolve" }.into(),
        ),
        ("incident_key", ask.group_hash().into()),
        ("description", ask.short("description", MAX_SUMMARY)?.into()),
        ("client", link("client")?),
        ("client_url", link("client_url")?),
        ("details", Json::Object(details)),
    ]))
}

fn event_v2(ask: &Ask<'_>, details: Map<String, Json>) -> Result<Json, Failure> {
    let blocks = |key: &str, names: &[&str]| -> Result<Json, Failure> {
        let mut out = Vec::new();
        for block in ask.settings().blocks(key) {
            let one = rendered(ask, block, names)?;
            if one != json!({}) {
                out.push(one);
            }
        }
        Ok(Json::Array(out))
    };
    let summary = ask.short("description", MAX_SUMMARY)?;
    let source = ask.text("source")?;
    let source = if source.is_empty() {
        ask.text("client")?
    } else {
        source
    };
    let payload = object([
        (
            "summary",
            if summary.is_empty() {
                "alert".into()
            } else {
                summary.into()
            },
        ),
        ("source", source.into()),
        ("severity", ask.text("severity")?.into()),
        ("component", ask.text("component")?.into()),
        ("group", ask.text("group")?.into()),
        ("class", ask.text("class")?.into()),
        ("custom_details", Json::Object(details)),
    ]);
    Ok(object([
        ("routing_key", ask.secret("routing_key")?.into()),
        (
            "event_action",
            if ask.is_firing() {
                "trigger"
            } else {
                "resolve"
            }
            .into(),
        ),
        ("dedup_key", ask.group_hash().into()),
        ("client", ask.text("client")?.into()),
        ("client_url", ask.text("client_url")?.into()),
        ("payload", payload),
        ("images", blocks("images", &["src", "alt", "href"])?),
        ("links", blocks("links", &["href", "text"])?),
    ]))
}

fn rendered(ask: &Ask<'_>, block: &Settings, names: &[&str]) -> Result<Json, Failure> {
    let mut out = json!({});
    for name in names {
        let text = ask.render(name, block.text(name))?;
        if !text.is_empty() {
            out[*name] = text.into();
        }
    }
    Ok(out)
}

/// Characters of VictorOps' message.
const VICTOROPS_MOST: usize = 20_480;

pub(super) async fn victorops(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let of = ask.settings();
    let known = ["CRITICAL", "WARNING", "INFO"];
    let kind = ask.text("message_type")?;
    let kind = if !ask.is_firing() {
        "RECOVERY".to_owned()
    } else if known.contains(&kind.as_str()) {
        kind
    } else {
        "CRITICAL".to_owned()
    };
    let mut message = json!({
        "message_type": kind,
        "entity_id": ask.group_hash(),
        "entity_display_name": ask.text("entity_display_name")?,
        "state_message": ask.short("state_message", VICTOROPS_MOST)?,
        "monitoring_tool": ask.text("monitoring_tool")?,
    });
    for (name, text) in of.named("custom_fields") {
        message[name.as_str()] = ask.render("custom_fields", text)?.into();
    }
    ask.tell(&victorops_url(ask)?, &message).await
}

fn victorops_url(ask: &Ask<'_>) -> Result<String, Failure> {
    let key = ask.secret("api_key")?;
    let base = ask.settings().text("api_url").trim_end_matches('/');
    Ok(format!("{base}/{key}/{}", ask.text("routing_key")?))
}

/// Somebody is on it: the incident of the group is acknowledged.
pub(super) async fn acknowledge_victorops(ask: &Ask<'_>, notice: &Notice) -> Result<Sent, Failure> {
    let message = json!({
        "message_type": "ACKNOWLEDGEMENT",
        "entity_id": ask.group_hash(),
        "state_message": cut(&notice.line, VICTOROPS_MOST),
        "monitoring_tool": ask.text("monitoring_tool")?,
    });
    ask.tell(&victorops_url(ask)?, &message).await
}

const PUSHOVER: &str = "https://api.pushover.net/1/messages.json";

/// Source of the limits: Pushover's documentation, "Limitations".
pub(super) async fn pushover(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let of = ask.settings();
    let message = cut(ask.text("message")?.trim(), 1024);
    let seconds = |key: &str| {
        of.duration(key)
            .map_or(String::new(), |d| d.as_secs().to_string())
    };
    let message = if message.is_empty() {
        "(no details)".to_owned()
    } else {
        message
    };
    let mut pairs = vec![
        ("token", ask.secret("token")?),
        ("user", ask.secret("user_key")?),
        ("title", ask.short("title", 250)?),
        ("message", message),
        ("url", ask.short("url", 512)?),
        ("url_title", ask.short("url_title", 100)?),
        ("priority", ask.text("priority")?),
        ("retry", seconds("retry")),
        ("expire", seconds("expire")),
        ("ttl", seconds("ttl")),
        ("device", ask.text("device")?),
        ("sound", ask.text("sound")?),
    ];
    for mode in ["html", "monospace"] {
        if of.bool(mode) {
            pairs.push((mode, "1".to_owned()));
        }
    }
    pairs.retain(|(_, value)| !value.is_empty());
    let (reply, _) = ask
        .exchange(Http {
            method: Method::Post,
            url: PUSHOVER,
            headers: Vec::new(),
            body: form(&pairs),
            kind: FORM,
        })
        .await?;
    Ok(Sent {
        said: format!("status {}", reply.status),
        memo: String::new(),
    })
}
