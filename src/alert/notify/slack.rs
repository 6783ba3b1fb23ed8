//! Slack, and Mattermost, which takes Slack's attachments. A webhook answers `ok`; an app's token
//! posts through the Web API, which answers JSON with `ok` in it and where the message stands, so
//! that it can be changed later.

use crate::alert::notify::{Ask, Failure, Http, JSON, Sent, object};
use crate::base::net::client::Method;
use crate::config::alertmanager::Settings;
use serde_json::{Value as Json, json};

/// Characters of a title.
const MAX_TITLE: usize = 1024;

pub(super) async fn slack(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let attachment = attachment(ask)?;
    let mut message = object([
        ("channel", ask.text("channel")?.into()),
        ("username", ask.text("username")?.into()),
        ("icon_emoji", ask.text("icon_emoji")?.into()),
        ("icon_url", ask.text("icon_url")?.into()),
        ("link_names", ask.settings().bool("link_names").into()),
        ("text", ask.text("message_text")?.into()),
        ("attachments", Json::Array(vec![attachment])),
    ]);
    let token = ask.secret("app_token")?;
    let mut url = if token.is_empty() {
        ask.secret("api_url")?
    } else {
        ask.settings().text("app_url").to_owned()
    };
    if ask.settings().bool("update_message")
        && let Some((channel, ts)) = ask.job.memo.split_once(' ')
    {
        url = url.replace("chat.postMessage", "chat.update");
        message["channel"] = channel.into();
        message["ts"] = ts.into();
    }
    let authorization = (!token.is_empty()).then(|| ("authorization", format!("Bearer {token}")));
    let (reply, body) = ask
        .exchange(Http {
            method: Method::Post,
            url: &url,
            headers: authorization.into_iter().collect(),
            body: message.to_string().into_bytes(),
            kind: JSON,
        })
        .await?;
    if !reply.content_type.starts_with(JSON) {
        return match body.trim_ascii() {
            b"ok" | b"" => Ok(said(reply.status)),
            other => {
                let text = format!("Slack answered{}", crate::alert::notify::shown(other));
                Err(Failure::Refused(text))
            }
        };
    }
    let answer: Json = serde_json::from_slice(&body).unwrap_or_default();
    if answer["ok"] == json!(true) {
        let of = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        let (channel, ts) = (of("channel"), of("ts"));
        let mut sent = said(reply.status);
        if ask.settings().bool("update_message") && ask.is_firing() && !ts.is_empty() {
            sent.memo = format!("{channel} {ts}");
        }
        return Ok(sent);
    }
    let why = answer["error"].as_str().unwrap_or("no reason").to_owned();
    let text = format!("Slack refused: {why}");
    Err(match why.as_str() {
        "ratelimited" | "rate_limited" | "internal_error" | "service_unavailable" => {
            Failure::Retry(text, None)
        }
        _ => Failure::Refused(text),
    })
}

fn said(status: u16) -> Sent {
    Sent {
        said: format!("status {status}"),
        memo: String::new(),
    }
}

fn attachment(ask: &Ask<'_>) -> Result<Json, Failure> {
    let of = ask.settings();
    let marked: Vec<Json> = of
        .texts("mrkdwn_in")
        .iter()
        .map(|t| t.as_str().into())
        .collect();
    Ok(object([
        ("title", ask.short("title", MAX_TITLE)?.into()),
        ("title_link", ask.text("title_link")?.into()),
        ("pretext", ask.text("pretext")?.into()),
        ("text", ask.text("text")?.into()),
        ("fallback", ask.text("fallback")?.into()),
        ("callback_id", ask.text("callback_id")?.into()),
        ("image_url", ask.text("image_url")?.into()),
        ("thumb_url", ask.text("thumb_url")?.into()),
        ("footer", ask.text("footer")?.into()),
        ("color", ask.text("color")?.into()),
        ("mrkdwn_in", Json::Array(marked)),
        ("fields", fields(ask, of)?),
        ("actions", actions(ask, of)?),
    ]))
}

/// Title and value of each field; `short_fields` where it does not say.
pub(super) fn fields(ask: &Ask<'_>, of: &Settings) -> Result<Json, Failure> {
    let mut out = Vec::new();
    for field in of.blocks("fields") {
        let short = if field.has("short") {
            field.bool("short")
        } else {
            of.bool("short_fields")
        };
        out.push(json!({
            "title": ask.render("fields", field.text("title"))?,
            "value": ask.render("fields", field.text("value"))?,
            "short": short,
        }));
    }
    Ok(Json::Array(out))
}

fn actions(ask: &Ask<'_>, of: &Settings) -> Result<Json, Failure> {
    let mut out = Vec::new();
    for action in of.blocks("actions") {
        let text = |block: &Settings, key: &str| -> Result<Json, Failure> {
            Ok(ask.render("actions", block.text(key))?.into())
        };
        let confirm = match action.block("confirm") {
            None => Json::Null,
            Some(of) => object([
                ("title", text(of, "title")?),
                ("text", text(of, "text")?),
                ("ok_text", text(of, "ok_text")?),
                ("dismiss_text", text(of, "dismiss_text")?),
            ]),
        };
        out.push(object([
            ("type", text(action, "type")?),
            ("text", text(action, "text")?),
            ("url", text(action, "url")?),
            ("style", text(action, "style")?),
            ("name", text(action, "name")?),
            ("value", text(action, "value")?),
            ("confirm", confirm),
        ]));
    }
    Ok(Json::Array(out))
}

/// Keys of an attachment that are plain texts, in Mattermost's words.
const MATTERMOST_TEXTS: [&str; 13] = [
    "fallback",
    "color",
    "pretext",
    "text",
    "author_name",
    "author_link",
    "author_icon",
    "title",
    "title_link",
    "thumb_url",
    "footer",
    "footer_icon",
    "image_url",
];

pub(super) async fn mattermost(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let of = ask.settings();
    let mut attachments = Vec::new();
    let own = of.blocks("attachments");
    let blocks: Vec<&Settings> = if own.is_empty() {
        vec![of]
    } else {
        own.iter().collect()
    };
    for block in blocks {
        let mut attachment = json!({});
        for key in MATTERMOST_TEXTS {
            let text = ask.render(key, block.text(key))?;
            if !text.is_empty() {
                attachment[key] = text.into();
            }
        }
        let fields = fields(ask, block)?;
        if fields != json!([]) {
            attachment["fields"] = fields;
        }
        attachments.push(attachment);
    }
    let mut message = object([
        ("channel", ask.text("channel")?.into()),
        ("username", ask.text("username")?.into()),
        ("icon_url", ask.text("icon_url")?.into()),
        ("icon_emoji", ask.text("icon_emoji")?.into()),
        ("attachments", Json::Array(attachments)),
    ]);
    if let Some(props) = of.block("props") {
        message["props"] = json!({ "card": ask.render("props", props.text("card"))? });
    }
    if let Some(priority) = of.block("priority") {
        message["priority"] = object([
            (
                "priority",
                ask.render("priority", priority.text("priority"))?.into(),
            ),
            ("requested_ack", priority.bool("requested_ack").into()),
            (
                "persistent_notifications",
                priority.bool("persistent_notifications").into(),
            ),
        ]);
    }
    ask.tell(&ask.secret("webhook_url")?, &message).await
}
