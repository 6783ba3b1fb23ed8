//! Jira: one issue for each group, found again by a label; what is resolved goes through a
//! transition. Source: Atlassian's REST API, versions 2 and 3.

use crate::alert::notify::{Ask, Failure, Http, JSON, Sent, cut};
use crate::base::net::client::Method;
use crate::config::alertmanager::Setting;
use serde_json::{Value as Json, json};

/// Characters of a summary and of a description.
const MAX_SUMMARY: usize = 255;
const MAX_DESCRIPTION: usize = 32_767;

pub(super) async fn send(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let of = ask.settings();
    let base = of.text("api_url").trim_end_matches('/').to_owned();
    let label = format!("ALERT{{{}}}", ask.group_hash());
    let found = find(ask, &base, &label).await?;
    let Some(issue) = found else {
        if !ask.is_firing() {
            return Ok(said("resolved, and there is no issue"));
        }
        let fields = fields(ask, &label, true)?;
        let url = format!("{base}/issue");
        let (_, body) = ask.post(&url, &json!({ "fields": fields })).await?;
        let answer: Json = serde_json::from_slice(&body).unwrap_or_default();
        return Ok(said(answer["key"].as_str().unwrap_or("an issue was made")));
    };
    let key = issue["key"].as_str().unwrap_or_default().to_owned();
    let url = format!("{base}/issue/{key}");
    let body = json!({ "fields": fields(ask, &label, false)? });
    ask.exchange(Http {
        method: Method::Put,
        url: &url,
        headers: Vec::new(),
        body: body.to_string().into_bytes(),
        kind: JSON,
    })
    .await?;
    let done = issue["fields"]["status"]["statusCategory"]["key"] == json!("done");
    let wanted = match (ask.is_firing(), done) {
        (true, true) => of.text("reopen_transition"),
        (false, false) => of.text("resolve_transition"),
        _ => "",
    };
    if !wanted.is_empty() {
        transition(ask, &url, wanted).await?;
    }
    Ok(said(&key))
}

fn said(text: &str) -> Sent {
    Sent {
        said: text.to_owned(),
        memo: String::new(),
    }
}

/// The newest issue of this group that counts.
async fn find(ask: &Ask<'_>, base: &str, label: &str) -> Result<Option<Json>, Failure> {
    let of = ask.settings();
    let quoted = |s: &str| format!("\"{}\"", s.replace('\\', "\\\\").replace('"', "\\\""));
    let mut jql = String::new();
    let ignored = of.text("wont_fix_resolution");
    if !ignored.is_empty() {
        jql.push_str(&format!("resolution != {} and ", quoted(ignored)));
    }
    let reopens = !of.text("reopen_transition").is_empty();
    match of.duration("reopen_duration").filter(|_| reopens) {
        Some(time) => {
            let minutes = time.as_secs() / 60;
            jql.push_str(&format!(
                "(resolutiondate is EMPTY OR resolutiondate >= -{minutes}m) and "
            ));
        }
        None if !reopens => jql.push_str("statusCategory != Done and "),
        None => {}
    }
    let project = ask.text("project")?;
    jql.push_str(&format!(
        "project={} and labels={} order by status ASC,resolutiondate DESC",
        quoted(&project),
        quoted(label)
    ));
    let cloud = match of.text("api_type") {
        "cloud" => true,
        "datacenter" => false,
        _ => base.contains("atlassian.net"),
    };
    let url = if cloud {
        format!(
            "{}/3/search/jql",
            base.rsplit_once('/').map_or(base, |(b, _)| b)
        )
    } else {
        format!("{base}/search")
    };
    let query = json!({ "jql": jql, "maxResults": 2, "fields": ["status"] });
    let (_, body) = ask.post(&url, &query).await?;
    let answer: Json = serde_json::from_slice(&body)
        .map_err(|_| Failure::Refused("Jira answered something else than JSON".to_owned()))?;
    Ok(answer["issues"].get(0).cloned())
}

/// A text that may be changed later, or not.
fn part(ask: &Ask<'_>, key: &str, new: bool) -> Result<Option<String>, Failure> {
    match ask.settings().get(key) {
        Some(Setting::Block(block)) if new || block.bool("enable_update") => {
            let source = match block.text("template") {
                "" => format!("{{{{ template \"jira.default.{key}\" . }}}}"),
                text => text.to_owned(),
            };
            ask.render(key, &source).map(Some)
        }
        Some(Setting::Text(text)) => ask.render(key, text).map(Some),
        _ => Ok(None),
    }
}

fn fields(ask: &Ask<'_>, label: &str, new: bool) -> Result<Json, Failure> {
    let of = ask.settings();
    let mut out = json!({});
    if let Some(summary) = part(ask, "summary", new)? {
        out["summary"] = cut(&summary.replace('\n', " "), MAX_SUMMARY).into();
    }
    if let Some(description) = part(ask, "description", new)? {
        let text = cut(&description, MAX_DESCRIPTION);
        // The third version takes documents; a template may make one.
        let document = of.text("api_url").contains("/3");
        let parsed = serde_json::from_str::<Json>(&text)
            .ok()
            .filter(|d| document && d.is_object());
        out["description"] = parsed.unwrap_or_else(|| text.into());
    }
    let priority = ask.text("priority")?;
    if !priority.is_empty() {
        out["priority"] = json!({ "name": priority });
    }
    let mut labels = vec![label.to_owned()];
    for text in of.texts("labels") {
        labels.push(ask.render("labels", text)?.replace(' ', "_"));
    }
    labels.retain(|l| !l.is_empty());
    out["labels"] = labels.into();
    if new {
        out["project"] = json!({ "key": ask.text("project")? });
        out["issuetype"] = json!({ "name": ask.text("issue_type")? });
    }
    for key in ["fields", "custom_fields"] {
        if let Some(Json::Object(own)) = of.any(key) {
            for (name, value) in own {
                out[name.as_str()] = ask.json(key, value)?;
            }
        }
    }
    Ok(out)
}

async fn transition(ask: &Ask<'_>, issue: &str, name: &str) -> Result<(), Failure> {
    let url = format!("{issue}/transitions");
    let (_, body) = ask
        .exchange(Http {
            method: Method::Get,
            url: &url,
            headers: Vec::new(),
            body: Vec::new(),
            kind: JSON,
        })
        .await?;
    let answer: Json = serde_json::from_slice(&body).unwrap_or_default();
    let all = answer["transitions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let Some(found) = all.iter().find(|t| t["name"] == json!(name)) else {
        return Err(Failure::Refused(format!(
            "Jira has no transition {name:?} here"
        )));
    };
    let order = json!({ "transition": { "id": found["id"] } });
    ask.post(&url, &order).await.map(drop)
}
