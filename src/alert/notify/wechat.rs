//! WeChat (WeCom): a token for the application, then the message with it.

use crate::alert::notify::{Ask, FORM, Failure, Http, Sent, cut_bytes};
use crate::base::net::client::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value as Json, json};

/// Bytes of a message.
const MAX_MESSAGE: usize = 2048;

pub(super) async fn send(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let of = ask.settings();
    let base = of.text("api_url").trim_end_matches('/').to_owned();
    let escaped = |s: &str| utf8_percent_encode(s, NON_ALPHANUMERIC).to_string();
    let secret = ask.secret("api_secret")?;
    let url = format!(
        "{base}/gettoken?corpid={}&corpsecret={}",
        escaped(&ask.text("corp_id")?),
        escaped(&secret)
    );
    let http = Http {
        method: Method::Get,
        url: &url,
        headers: Vec::new(),
        body: Vec::new(),
        kind: FORM,
    };
    let (_, body) = ask.exchange(http).await?;
    let answer = good(&body)?;
    let token = answer["access_token"].as_str().unwrap_or_default();
    if token.is_empty() {
        return Err(Failure::Refused("WeChat gave no token".to_owned()));
    }
    let kind = of.text("message_type");
    let content = json!({ "content": cut_bytes(&ask.text("message")?, MAX_MESSAGE) });
    let mut message = json!({
        "msgtype": kind,
        "touser": ask.text("to_user")?,
        "toparty": ask.text("to_party")?,
        "totag": ask.text("to_tag")?,
        "agentid": ask.text("agent_id")?,
        "safe": "0",
    });
    message[kind] = content;
    let url = format!("{base}/message/send?access_token={}", escaped(token));
    let (reply, body) = ask.post(&url, &message).await?;
    good(&body)?;
    Ok(Sent {
        said: format!("status {}", reply.status),
        memo: String::new(),
    })
}

/// The answer, where its `errcode` is 0. A token that ran out is asked for again.
fn good(body: &[u8]) -> Result<Json, Failure> {
    let answer: Json = serde_json::from_slice(body)
        .map_err(|_| Failure::Refused("WeChat answered something else than JSON".to_owned()))?;
    let why = || {
        format!(
            "WeChat refused: {}",
            answer["errmsg"].as_str().unwrap_or("no reason")
        )
    };
    match answer["errcode"].as_i64() {
        Some(0) | None => Ok(answer),
        Some(42_001 | 40_014 | -1) => Err(Failure::Retry(why(), None)),
        Some(_) => Err(Failure::Refused(why())),
    }
}
