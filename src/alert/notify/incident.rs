//! Incidents: Opsgenie and incident.io.

use crate::alert::notice::{Notice, What};
use crate::alert::notify::{Ask, Failure, Http, JSON, Sent, object, webhook};
use crate::base::net::client::Method;
use serde_json::{Map, Value as Json, json};

/// Characters of Opsgenie's message.
const MAX_MESSAGE: usize = 130;

pub(super) async fn opsgenie(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let of = ask.settings();
    let base = of.text("api_url").trim_end_matches('/').to_owned() + "/v2/alerts";
    let alias = ask.group_hash();
    let source = ask.text("source")?;
    if !ask.is_firing() {
        let url = format!("{base}/{alias}/close?identifierType=alias");
        return opsgenie_ask(ask, Method::Post, &url, &json!({ "source": source })).await;
    }
    let mut details: Map<String, Json> = ask
        .data
        .told
        .common_labels
        .iter()
        .map(|(k, v)| (k.clone(), v.as_str().into()))
        .collect();
    for (name, text) in of.named("details") {
        details.insert(name.clone(), ask.render("details", text)?.into());
    }
    let message = ask.short("message", MAX_MESSAGE)?;
    let description = ask.text("description")?;
    let alert = object([
        ("alias", alias.clone().into()),
        ("message", message.clone().into()),
        ("description", description.clone().into()),
        ("details", Json::Object(details)),
        ("source", source.into()),
        ("responders", responders(ask)?),
        ("tags", words(&ask.text("tags")?)),
        ("note", ask.text("note")?.into()),
        ("priority", ask.text("priority")?.into()),
        ("entity", ask.text("entity")?.into()),
        ("actions", words(&ask.text("actions")?)),
    ]);
    let sent = opsgenie_ask(ask, Method::Post, &base, &alert).await?;
    if of.bool("update_alerts") {
        for (part, body) in [
            ("message", json!({ "message": message })),
            ("description", json!({ "description": description })),
        ] {
            let url = format!("{base}/{alias}/{part}?identifierType=alias");
            opsgenie_ask(ask, Method::Put, &url, &body).await?;
        }
    }
    Ok(sent)
}

/// Somebody is on it, or no longer: Opsgenie's own acknowledgement of the group's alert.
pub(super) async fn acknowledge(ask: &Ask<'_>, notice: &Notice) -> Result<Sent, Failure> {
    let base = ask.settings().text("api_url").trim_end_matches('/');
    let order = match notice.what {
        What::TakenBack => "unacknowledge",
        _ => "acknowledge",
    };
    let alias = ask.group_hash();
    let url = format!("{base}/v2/alerts/{alias}/{order}?identifierType=alias");
    let body = object([
        ("user", notice.by.as_str().into()),
        ("note", notice.line.as_str().into()),
        ("source", "bongsu".into()),
    ]);
    opsgenie_ask(ask, Method::Post, &url, &body).await
}

async fn opsgenie_ask(
    ask: &Ask<'_>,
    method: Method,
    url: &str,
    body: &Json,
) -> Result<Sent, Failure> {
    let key = ask.secret("api_key")?;
    let (reply, _) = ask
        .exchange(Http {
            method,
            url,
            headers: vec![("authorization", format!("GenieKey {key}"))],
            body: body.to_string().into_bytes(),
            kind: JSON,
        })
        .await?;
    Ok(Sent {
        said: format!("status {}", reply.status),
        memo: String::new(),
    })
}

fn responders(ask: &Ask<'_>) -> Result<Json, Failure> {
    let mut out = Vec::new();
    for block in ask.settings().blocks("responders") {
        let text = |key| ask.render("responders", block.text(key));
        let (kind, name) = (text("type")?, text("name")?);
        if kind == "teams" {
            let teams = name.split(',').map(str::trim).filter(|t| !t.is_empty());
            out.extend(teams.map(|team| json!({ "name": team, "type": "team" })));
            continue;
        }
        let (id, username) = (text("id")?, text("username")?);
        if id.is_empty() && name.is_empty() && username.is_empty() {
            continue;
        }
        out.push(object([
            ("id", id.into()),
            ("name", name.into()),
            ("username", username.into()),
            ("type", kind.into()),
        ]));
    }
    Ok(Json::Array(out))
}

/// Words between commas.
fn words(text: &str) -> Json {
    let words = text.split(',').map(str::trim).filter(|w| !w.is_empty());
    Json::Array(words.map(Into::into).collect())
}

/// Bytes of a message that incident.io takes.
const MAX_INCIDENT: usize = 512_000;

pub(super) async fn incidentio(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let url = ask.secret("url")?;
    let token = ask.secret("alert_source_token")?;
    let mut body = webhook::group(ask, ask.settings().int("max_alerts"))?.to_string();
    if body.len() > MAX_INCIDENT {
        body = webhook::group(ask, 1)?.to_string();
    }
    let authorization = (!token.is_empty()).then(|| ("authorization", format!("Bearer {token}")));
    let (reply, _) = ask
        .exchange(Http {
            method: Method::Post,
            url: &url,
            headers: authorization.into_iter().collect(),
            body: body.into_bytes(),
            kind: JSON,
        })
        .await?;
    Ok(Sent {
        said: format!("status {}", reply.status),
        memo: String::new(),
    })
}
