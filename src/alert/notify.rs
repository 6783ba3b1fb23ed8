//! Telling: one row for each vendor over shared plumbing.
//!
//! A row makes requests from a group's data and judges the answers; [`Ask`] renders texts, reads
//! secrets, cuts what is too long, sends, and turns every failure into a sentence without secrets.
//! What is worth another try is the same for all: no connection, status 429 (after the time the
//! server names), and 5xx; the rest is refused. Vendors' limits and fields are those of
//! Alertmanager's receivers. Tested against local servers in `tests/it/alerting`.

mod aws;
mod chat;
mod email;
mod exec;
mod incident;
mod jira;
mod mime;
mod notice;
mod page;
mod slack;
mod smtp;
mod sns;
mod teams;
mod terminal;
mod webhook;
mod wechat;

pub(crate) use notice::takes;

use crate::alert::pipeline::{Job, Outcome};
use crate::alert::template::{Data, Speaking, Texts};
use crate::base::clock::{Clock, Duration};
use crate::base::net::client::{Ask as Request, Client, ClientOptions, Method, Reply};
use crate::config::alertmanager::{Alertmanager, Integration, Settings};
use crate::config::secret::SecretFrom;
use crate::model::view::Announcement;
use chrono::DateTime;
use parking_lot::Mutex;
use serde_json::Value as Json;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes of an answer that are read.
const MAX_ANSWER: u64 = 256 << 10;
/// Characters of an answer that are shown.
const SHOWN: usize = 200;
/// One exchange takes at most so long.
const MOST_TIME: Duration = Duration::from_mins(5);

type Sending<'a> = Pin<Box<dyn Future<Output = Result<Sent, Failure>> + Send + 'a>>;

/// What a vendor's row does.
pub struct Notifier {
    pub kind: &'static str,
    send: for<'a> fn(&'a Ask<'a>) -> Sending<'a>,
}

macro_rules! notifier {
    ($kind:literal, $send:path) => {
        Notifier {
            kind: $kind,
            send: |ask| Box::pin($send(ask)),
        }
    };
}

/// Every vendor, by the name that stands before `_configs`.
pub static NOTIFIERS: &[Notifier] = &[
    notifier!("discord", chat::discord),
    notifier!("email", email::send),
    notifier!("exec", exec::send),
    notifier!("incidentio", incident::incidentio),
    notifier!("jira", jira::send),
    notifier!("mattermost", slack::mattermost),
    notifier!("msteams", teams::msteams),
    notifier!("msteamsv2", teams::msteamsv2),
    notifier!("opsgenie", incident::opsgenie),
    notifier!("pagerduty", page::pagerduty),
    notifier!("pushover", page::pushover),
    notifier!("rocketchat", chat::rocketchat),
    notifier!("slack", slack::slack),
    notifier!("sns", sns::send),
    notifier!("telegram", chat::telegram),
    notifier!("terminal", terminal::send),
    notifier!("victorops", page::victorops),
    notifier!("webex", chat::webex),
    notifier!("webhook", webhook::send),
    notifier!("wechat", wechat::send),
];

/// What a receiver said when it took a notification.
#[derive(Clone, Debug, Default)]
struct Sent {
    said: String,
    /// Kept for the next telling of the group.
    memo: String,
}

/// Why it did not.
#[derive(Clone, Debug)]
enum Failure {
    /// Worth another try, not before this many milliseconds.
    Retry(String, Option<i64>),
    Refused(String),
}

impl From<String> for Failure {
    fn from(said: String) -> Self {
        Self::Refused(said)
    }
}

/// Sends jobs. Clones share connections.
#[derive(Clone)]
pub struct Notifiers(Arc<Inner>);

struct Inner {
    external_url: String,
    clock: Clock,
    clients: Mutex<Vec<(ClientOptions, Client)>>,
    texts: Mutex<Option<(Arc<Alertmanager>, Texts)>>,
    announced: terminal::Announced,
    may_run: AtomicBool,
}

/// Clients that are kept.
const MAX_CLIENTS: usize = 64;

impl Notifiers {
    /// `external_url` is where links in notifications lead.
    pub fn new(external_url: String, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            external_url,
            clock,
            clients: Mutex::default(),
            texts: Mutex::default(),
            announced: terminal::Announced::default(),
            may_run: AtomicBool::new(false),
        }))
    }

    /// Whether receivers may run programs.
    pub fn allow_programs(&self, allowed: bool) {
        self.0.may_run.store(allowed, Ordering::Relaxed);
    }

    /// What consoles are to announce: the newest few, in rising numbers.
    pub fn announcements(&self) -> Vec<Announcement> {
        self.0.announced.all()
    }

    /// One try of one job.
    pub async fn send(&self, config: &Arc<Alertmanager>, job: &Job) -> Outcome {
        let found = config.receiver(&job.receiver);
        let Some(way) = found.and_then(|r| r.integrations.get(job.integration)) else {
            let said = "this receiver is no longer configured".to_owned();
            return Outcome::Refused { said };
        };
        let sent = self.try_send(config, job, way).await;
        match sent {
            Ok(Sent { said, memo }) => Outcome::Sent { said, memo },
            Err(Failure::Retry(said, after)) => Outcome::Retry { said, after },
            Err(Failure::Refused(said)) => Outcome::Refused { said },
        }
    }

    async fn try_send(
        &self,
        config: &Arc<Alertmanager>,
        job: &Job,
        way: &Integration,
    ) -> Result<Sent, Failure> {
        let texts = self.texts(config);
        let speaking = Speaking {
            receiver: &job.receiver,
            external_url: &self.0.external_url,
            group_key: &job.group_key,
            group_labels: &job.group_labels,
            route_labels: &job.route_labels,
            alerts: &job.alerts,
            reason: Some(job.reason),
            now: self.0.clock.now_ms(),
        };
        let data = Data::new(&speaking, &texts);
        let row = NOTIFIERS.iter().find(|n| n.kind == way.kind);
        let row = row.ok_or_else(|| format!("there is no way of telling named {}", way.kind))?;
        let ask = Ask {
            way,
            job,
            data,
            texts,
            client: self.client(way)?,
            now: self.0.clock.now_ms(),
            announced: &self.0.announced,
            may_run: self.0.may_run.load(Ordering::Relaxed),
        };
        match &job.notice {
            Some(notice) => notice::tell(&ask, notice).await,
            None => (row.send)(&ask).await,
        }
    }

    fn texts(&self, config: &Arc<Alertmanager>) -> Texts {
        let mut kept = self.0.texts.lock();
        match &*kept {
            Some((of, texts)) if Arc::ptr_eq(of, config) => texts.clone(),
            _ => {
                let texts = Texts::new(config);
                *kept = Some((Arc::clone(config), texts.clone()));
                texts
            }
        }
    }

    fn client(&self, way: &Integration) -> Result<Client, Failure> {
        let options = way.http.client_options()?;
        let mut kept = self.0.clients.lock();
        if let Some((_, client)) = kept.iter().find(|(of, _)| *of == options) {
            return Ok(client.clone());
        }
        let client = Client::new(&options, None).map_err(|e| Failure::Refused(e.to_string()))?;
        if kept.len() >= MAX_CLIENTS {
            kept.remove(0);
        }
        kept.push((options, client.clone()));
        Ok(client)
    }
}

/// One try, as a vendor's row sees it.
struct Ask<'a> {
    way: &'a Integration,
    job: &'a Job,
    data: Data,
    texts: Texts,
    client: Client,
    now: i64,
    announced: &'a terminal::Announced,
    /// Programs may be run.
    may_run: bool,
}

/// One HTTP request.
struct Http<'a> {
    method: Method,
    url: &'a str,
    headers: Vec<(&'a str, String)>,
    body: Vec<u8>,
    kind: &'static str,
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

impl Ask<'_> {
    fn settings(&self) -> &Settings {
        &self.way.settings
    }

    fn is_firing(&self) -> bool {
        self.data.told.status == "firing"
    }

    /// A text of the configuration, rendered.
    fn text(&self, key: &str) -> Result<String, Failure> {
        self.render(key, self.settings().text(key))
    }

    fn render(&self, key: &str, source: &str) -> Result<String, Failure> {
        let rendered = self.texts.render(source, &self.data);
        rendered.map_err(|e| Failure::Refused(format!("the template of {key} failed: {e}")))
    }

    /// As [`Ask::text`], cut to so many characters.
    fn short(&self, key: &str, most: usize) -> Result<String, Failure> {
        Ok(cut(&self.text(key)?, most))
    }

    /// Every text inside a block of any shape, rendered.
    fn json(&self, key: &str, json: &Json) -> Result<Json, Failure> {
        Ok(match json {
            Json::String(text) => Json::String(self.render(key, text)?),
            Json::Array(items) => {
                let items = items.iter().map(|i| self.json(key, i));
                Json::Array(items.collect::<Result<_, _>>()?)
            }
            Json::Object(map) => {
                let pairs = map.iter().map(|(k, v)| Ok((k.clone(), self.json(key, v)?)));
                Json::Object(pairs.collect::<Result<_, Failure>>()?)
            }
            other => other.clone(),
        })
    }

    /// A secret of the configuration, as it stands now.
    fn secret(&self, key: &str) -> Result<String, Failure> {
        let Some(from) = self.settings().secret(key) else {
            return Ok(String::new());
        };
        let read = read_secret(from).map_err(Failure::Refused)?;
        self.render(key, read.trim())
    }

    /// The hash by which vendors know a group.
    fn group_hash(&self) -> String {
        crate::base::digest::sha256_hex(self.job.group_key.as_bytes())
    }

    /// Posts JSON.
    async fn post(&self, url: &str, json: &Json) -> Result<(Reply, Vec<u8>), Failure> {
        self.exchange(Http {
            method: Method::Post,
            url,
            headers: Vec::new(),
            body: json.to_string().into_bytes(),
            kind: JSON,
        })
        .await
    }

    /// Posts JSON; any 2xx is fine.
    async fn tell(&self, url: &str, json: &Json) -> Result<Sent, Failure> {
        let (reply, _) = self.post(url, json).await?;
        Ok(Sent {
            said: format!("status {}", reply.status),
            memo: String::new(),
        })
    }

    /// One exchange; an answer that is not 2xx is a failure.
    async fn exchange(&self, http: Http<'_>) -> Result<(Reply, Vec<u8>), Failure> {
        let url = http.url;
        let (reply, body) = self.ask(http).await?;
        judge(&reply, &body, url, self.now)?;
        Ok((reply, body))
    }

    /// One exchange, whatever the answer.
    async fn ask(&self, http: Http<'_>) -> Result<(Reply, Vec<u8>), Failure> {
        let timeout = self.settings().duration("timeout").unwrap_or(MOST_TIME);
        let mut headers = vec![
            ("content-type", http.kind),
            ("idempotency-key", &*self.job.key),
        ];
        headers.extend(http.headers.iter().map(|(n, v)| (*n, v.as_str())));
        let request = Request {
            method: http.method,
            url: http.url,
            headers: &headers,
            timeout,
            max_body: MAX_ANSWER,
        };
        let mut body = Vec::new();
        let sent = if http.method == Method::Get {
            self.client.send(request, &mut body).await
        } else {
            self.client.send_body(request, http.body, &mut body).await
        };
        let reply = sent.map_err(|e| {
            let said = e.to_string().replace(http.url, "<secret>");
            Failure::Retry(said, None)
        })?;
        Ok((reply, body))
    }
}

/// Whether an answer is good, worth another try, or final.
fn judge(reply: &Reply, body: &[u8], url: &str, now: i64) -> Result<(), Failure> {
    let said = || format!("status {}{}", reply.status, shown(body, url));
    match reply.status {
        200..300 => Ok(()),
        429 | 500.. => {
            let after = retry_after(&reply.retry_after, now);
            Err(Failure::Retry(said(), after))
        }
        _ => Err(Failure::Refused(said())),
    }
}

/// Milliseconds of a `Retry-After`: a number of seconds, or a date; a day at most.
fn retry_after(text: &str, now: i64) -> Option<i64> {
    let text = text.trim();
    let ms = match text.parse::<i64>() {
        Ok(seconds) => seconds.saturating_mul(1000),
        Err(_) => DateTime::parse_from_rfc2822(text).ok()?.timestamp_millis() - now,
    };
    Some(ms.clamp(0, 86_400_000))
}

/// The beginning of an answer, for a person. Servers like to repeat the path that they were asked,
/// and the path of a webhook is its secret.
fn shown(body: &[u8], url: &str) -> String {
    let text = String::from_utf8_lossy(body);
    let text = without_path(text.trim(), url);
    let text = crate::base::text::sanitise(&text);
    if text.is_empty() {
        return String::new();
    }
    format!(": {}", cut(&text.replace('\n', " "), SHOWN))
}

/// The text without the path of an address, nor any longer part of it.
fn without_path(text: &str, url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    let parts = path.split(['/', '?', '&', '=']);
    let mut out = text.to_owned();
    for part in std::iter::once(path).chain(parts).filter(|p| p.len() >= 8) {
        out = out.replace(part, "<secret>");
    }
    out
}

/// At most so many characters, the last of them `…` where something was cut.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(most.saturating_sub(1)).collect();
    out.push('…');
    out
}

/// At most so many bytes, cut between characters.
fn cut_bytes(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most.saturating_sub('…'.len_utf8()));
    format!("{}…", &text[..end])
}

/// The text of a secret; an error names where it should have been.
pub(crate) fn read_secret(from: &SecretFrom) -> Result<String, String> {
    crate::config::http::secret(from)?
        .read()
        .map_err(|e| e.to_string())
}

/// A JSON object without the members that are empty.
fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    let full = members.into_iter().filter(|(_, v)| match v {
        Json::Null => false,
        Json::String(s) => !s.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(map) => !map.is_empty(),
        Json::Bool(yes) => *yes,
        Json::Number(_) => true,
    });
    Json::Object(full.map(|(k, v)| (k.to_owned(), v)).collect())
}

/// The body of a form.
fn form(pairs: &[(&str, String)]) -> Vec<u8> {
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(k, v)| (*k, v.as_str())).collect();
    crate::base::net::client::form(&pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_a_number_or_a_date() {
        let now = 1_445_412_420_000;
        for (text, want) in [
            ("120", Some(120_000)),
            ("-5", Some(0)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(60_000)),
            ("Wed, 21 Oct 2015 07:00:00 GMT", Some(0)),
            ("Wed, 21 Oct 2037 07:28:00 GMT", Some(86_400_000)),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(text, now), want, "{text}");
        }
    }
}
