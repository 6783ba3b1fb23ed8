//! Slack, and Mattermost, which takes Slack's attachments. A webhook answers `ok`; an app's token
//! posts through the Web API, which answers JSON with `ok` in it and where the message stands, so
//! that it can be changed later.

use crate::alert::notice::{Notice, What};
use crate::alert::notify::{Ask, Failure, Http, JSON, Sent, object};
use crate::base::net::client::Method;
use crate::config::alertmanager::Settings;
use serde_json::{Value as Json, json};

/// Characters of a title.
const MAX_TITLE: usize = 1024;

pub(super) async fn slack(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let message = message(ask, vec![attachment(ask)?])?;
    let place = ask.job.memo.split_once(' ');
    let place = place.filter(|_| ask.settings().bool("update_message"));
    let (status, answer) = match place {
        Some(place) => update(ask, message, place).await?,
        None => post(ask, message, POST).await?,
    };
    let mut sent = said(status);
    let of = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
    let (channel, ts) = (of("channel"), of("ts"));
    // Where the message stands: it is changed later, and answered in its thread.
    if ask.is_firing() && !ts.is_empty() {
        sent.memo = format!("{channel} {ts}");
    }
    Ok(sent)
}

/// One line: below the message that it is about where an app's token knows that, and the message
/// itself says it too; by a webhook in the channel.
pub(super) async fn notice(ask: &Ask<'_>, notice: &Notice) -> Result<Sent, Failure> {
    let mut line = object([
        ("channel", ask.text("channel")?.into()),
        ("username", ask.text("username")?.into()),
        ("icon_emoji", ask.text("icon_emoji")?.into()),
        ("icon_url", ask.text("icon_url")?.into()),
        ("text", escaped(&notice.line).into()),
    ]);
    let place = ask.job.memo.split_once(' ');
    if let Some((channel, ts)) = place.filter(|_| has_token(ask)) {
        if let What::Acknowledged { .. } | What::TakenBack = notice.what
            && !ask.job.alerts.is_empty()
        {
            let mut first = attachment(ask)?;
            if notice.what != What::TakenBack {
                let by = match notice.note.as_str() {
                    "" => format!("Acknowledged by {}", notice.by),
                    note => format!("Acknowledged by {}: {note}", notice.by),
                };
                first["footer"] = escaped(&by).into();
            }
            let (_, now) = update(ask, message(ask, vec![first])?, (channel, ts)).await?;
            // Posted anew, its thread is another.
            let of = |key: &str, before: &str| now[key].as_str().unwrap_or(before).to_owned();
            line["channel"] = of("channel", channel).into();
            line["thread_ts"] = of("ts", ts).into();
        } else {
            line["channel"] = channel.into();
            line["thread_ts"] = ts.into();
        }
    }
    let (status, _) = post(ask, line, POST).await?;
    Ok(said(status))
}

fn has_token(ask: &Ask<'_>) -> bool {
    ask.settings().secret("app_token").is_some()
}

/// Slack's own signs in a text that is none of a template.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn message(ask: &Ask<'_>, attachments: Vec<Json>) -> Result<Json, Failure> {
    Ok(object([
        ("channel", ask.text("channel")?.into()),
        ("username", ask.text("username")?.into()),
        ("icon_emoji", ask.text("icon_emoji")?.into()),
        ("icon_url", ask.text("icon_url")?.into()),
        ("link_names", ask.settings().bool("link_names").into()),
        ("text", ask.text("message_text")?.into()),
        ("attachments", Json::Array(attachments)),
    ]))
}

const POST: &str = "chat.postMessage";

/// Errors of `chat.update` that say: this message can be changed no longer.
const GONE: [&str; 2] = ["message_not_found", "edit_window_closed"];

/// Changes a message; posts it anew where somebody deleted it or it is too old.
async fn update(
    ask: &Ask<'_>,
    message: Json,
    (channel, ts): (&str, &str),
) -> Result<(u16, Json), Failure> {
    let mut changed = message.clone();
    changed["channel"] = channel.into();
    changed["ts"] = ts.into();
    let answer = call(ask, changed, "chat.update").await?;
    if answer.1["error"]
        .as_str()
        .is_some_and(|e| GONE.contains(&e))
    {
        return post(ask, message, POST).await;
    }
    accepted(answer)
}

async fn post(ask: &Ask<'_>, message: Json, method: &str) -> Result<(u16, Json), Failure> {
    accepted(call(ask, message, method).await?)
}

/// Posts by webhook or, with a token, through a method of the Web API; the status, and what was
/// answered, good or not.
async fn call(ask: &Ask<'_>, message: Json, method: &str) -> Result<(u16, Json), Failure> {
    let token = ask.secret("app_token")?;
    let url = if token.is_empty() {
        ask.secret("api_url")?
    } else {
        ask.settings().text("app_url").replace(POST, method)
    };
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
            b"ok" | b"" => Ok((reply.status, json!({"ok": true}))),
            other => {
                let text = format!("Slack answered{}", crate::alert::notify::shown(other, &url));
                Err(Failure::Refused(text))
            }
        };
    }
    let answer: Json = serde_json::from_slice(&body).unwrap_or_default();
    Ok((reply.status, answer))
}

/// The answer where it says that all is well.
fn accepted((status, answer): (u16, Json)) -> Result<(u16, Json), Failure> {
    if answer["ok"] == json!(true) {
        return Ok((status, answer));
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
