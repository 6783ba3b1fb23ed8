//! Rooms where people talk: Discord, Telegram, Webex, Rocket.Chat.

use crate::alert::notice::Notice;
use crate::alert::notify::{Ask, Failure, Http, JSON, Sent, cut, cut_bytes, object, slack};
use crate::base::net::client::Method;
use serde_json::{Value as Json, json};

/// Red, and green: the sides of the embedded card.
const DISCORD_FIRING: u32 = 0x0099_2D22;
const DISCORD_RESOLVED: u32 = 0x002E_CC71;

/// Source of the limits: Discord's documentation, "Embed limits".
pub(super) async fn discord(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let color = if ask.is_firing() {
        DISCORD_FIRING
    } else {
        DISCORD_RESOLVED
    };
    let message = object([
        ("content", ask.short("content", 2000)?.into()),
        ("username", ask.text("username")?.into()),
        ("avatar_url", ask.text("avatar_url")?.into()),
        (
            "embeds",
            json!([{
                "title": ask.short("title", 256)?,
                "description": ask.short("message", 2048)?,
                "color": color,
            }]),
        ),
    ]);
    ask.tell(&ask.secret("webhook_url")?, &message).await
}

/// Characters of a Telegram message.
const TELEGRAM_MOST: usize = 4096;

pub(super) async fn telegram(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let of = ask.settings();
    let mode = of.text("parse_mode");
    let whole = ask.text("message")?;
    // HTML that is cut would be refused for its open tags.
    let text = if mode == "HTML" && whole.chars().count() > TELEGRAM_MOST {
        let told = &ask.data.told;
        let firing = told.alerts.iter().filter(|a| a.status == "firing").count();
        format!(
            "{} alerts firing, {} resolved: the message is longer than Telegram takes",
            firing,
            told.alerts.len() - firing
        )
    } else {
        cut(&whole, TELEGRAM_MOST)
    };
    send_telegram(ask, &text, mode).await
}

/// A line that is no template's: nothing in it is markup.
pub(super) async fn telegram_line(ask: &Ask<'_>, notice: &Notice) -> Result<Sent, Failure> {
    send_telegram(ask, &cut(&notice.line, TELEGRAM_MOST), "").await
}

async fn send_telegram(ask: &Ask<'_>, text: &str, mode: &str) -> Result<Sent, Failure> {
    let of = ask.settings();
    let chat: Json = if of.text("chat_id_file").is_empty() {
        of.int("chat_id").into()
    } else {
        let from = crate::config::secret::SecretFrom::File(of.text("chat_id_file").into());
        let read = crate::alert::notify::read_secret(&from)?;
        read.trim().into()
    };
    let thread = of.int("message_thread_id");
    let message = object([
        ("chat_id", chat),
        ("text", text.into()),
        ("parse_mode", mode.into()),
        ("disable_web_page_preview", true.into()),
        (
            "disable_notification",
            of.bool("disable_notifications").into(),
        ),
        (
            "message_thread_id",
            if thread == 0 {
                Json::Null
            } else {
                thread.into()
            },
        ),
    ]);
    let token = ask.secret("bot_token")?;
    let url = format!(
        "{}/bot{token}/sendMessage",
        of.text("api_url").trim_end_matches('/')
    );
    ask.tell(&url, &message).await
}

/// Bytes of a Webex message.
const WEBEX_MOST: usize = 7439;

pub(super) async fn webex(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let message = json!({
        "markdown": cut_bytes(&ask.text("message")?, WEBEX_MOST),
        "roomId": ask.text("room_id")?,
    });
    ask.tell(ask.settings().text("api_url"), &message).await
}

pub(super) async fn rocketchat(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let of = ask.settings();
    let mut buttons = Vec::new();
    for action in of.blocks("actions") {
        let text = |key| ask.render("actions", action.text(key));
        buttons.push(object([
            ("type", "button".into()),
            ("text", text("text")?.into()),
            ("url", text("url")?.into()),
            ("msg", text("msg")?.into()),
        ]));
    }
    let attachment = object([
        ("title", ask.short("title", 1024)?.into()),
        ("title_link", ask.text("title_link")?.into()),
        ("text", ask.text("text")?.into()),
        ("image_url", ask.text("image_url")?.into()),
        ("thumb_url", ask.text("thumb_url")?.into()),
        ("color", ask.text("color")?.into()),
        ("fields", slack::fields(ask, of)?),
        ("actions", Json::Array(buttons)),
    ]);
    let message = object([
        ("channel", ask.text("channel")?.into()),
        ("emoji", ask.text("emoji")?.into()),
        ("avatar", ask.text("icon_url")?.into()),
        ("parseUrls", (of.text("link_names") == "true").into()),
        ("attachments", json!([attachment])),
    ]);
    let url = format!(
        "{}/api/v1/chat.postMessage",
        of.text("api_url").trim_end_matches('/')
    );
    let (reply, body) = ask
        .exchange(Http {
            method: Method::Post,
            url: &url,
            headers: vec![
                ("x-auth-token", ask.secret("token")?),
                ("x-user-id", ask.secret("token_id")?),
            ],
            body: message.to_string().into_bytes(),
            kind: JSON,
        })
        .await?;
    let answer: Json = serde_json::from_slice(&body).unwrap_or_default();
    if answer["success"] == json!(false) {
        let why = answer["error"].as_str().unwrap_or("no reason");
        return Err(Failure::Refused(format!("Rocket.Chat refused: {why}")));
    }
    Ok(Sent {
        said: format!("status {}", reply.status),
        memo: String::new(),
    })
}
