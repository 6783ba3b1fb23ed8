//! Mail: headers from templates, the body as text and HTML, threads by group.

use crate::alert::notify::mime::{Mail, mailboxes};
use crate::alert::notify::smtp::{self, Way};
use crate::alert::notify::{Ask, Failure, Sent};
use crate::config::http::client_tls;
use chrono::DateTime;

pub(super) async fn send(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let of = ask.settings();
    let (from, to) = (ask.text("from")?, ask.text("to")?);
    let recipients: Vec<String> = mailboxes(&to)
        .into_iter()
        .map(address)
        .filter(|a| !a.is_empty())
        .collect();
    if recipients.is_empty() {
        return Err(Failure::Refused(format!("{to:?} holds no address")));
    }
    let html = of.text("html");
    let html = ask
        .texts
        .render_html(html, &ask.data)
        .map_err(|e| Failure::Refused(format!("the template of html failed: {e}")))?;
    let text = ask.text("text")?;
    let mail = Mail {
        headers: headers(ask, &from, &to)?,
        text: &text,
        html: &html,
        boundary: format!("bongsu-{}", ask.job.key),
    };
    let smarthost = of.text("smarthost").to_owned();
    let port = smarthost.rsplit_once(':').map_or("", |(_, port)| port);
    let implicit = if of.has("force_implicit_tls") {
        of.bool("force_implicit_tls")
    } else {
        port == "465"
    };
    let way = Way {
        implicit,
        hello: of.text("hello").to_owned(),
        tls: client_tls(&ask.way.tls)?,
        required: of.bool("require_tls"),
        user: of.text("auth_username").to_owned(),
        password: ask.secret("auth_password")?,
        secret: ask.secret("auth_secret")?,
        identity: of.text("auth_identity").to_owned(),
        address: smarthost,
    };
    let sent = smtp::send(&way, &address(&from), &recipients, &mail.bytes()).await;
    match sent {
        Ok(said) => Ok(Sent {
            said,
            memo: String::new(),
        }),
        Err(refusal) if refusal.again => Err(Failure::Retry(refusal.said, None)),
        Err(refusal) => Err(Failure::Refused(refusal.said)),
    }
}

/// The configured headers over those that every mail has.
fn headers(ask: &Ask<'_>, from: &str, to: &str) -> Result<Vec<(String, String)>, Failure> {
    let at = DateTime::from_timestamp_millis(ask.now).unwrap_or_default();
    let domain = address(from);
    let domain = domain
        .rsplit_once('@')
        .map_or("localhost", |(_, d)| d)
        .to_owned();
    let subject = ask.render("headers", r#"{{ template "email.default.subject" . }}"#)?;
    let mut out = vec![
        ("From".to_owned(), from.to_owned()),
        ("To".to_owned(), to.to_owned()),
        ("Subject".to_owned(), subject),
        // The same for each try of one telling, so that mail programs show it once.
        (
            "Message-Id".to_owned(),
            format!("<{}@{domain}>", ask.job.key),
        ),
        ("Date".to_owned(), at.to_rfc2822()),
    ];
    if let Some(threading) = ask
        .settings()
        .block("threading")
        .filter(|t| t.bool("enabled"))
    {
        let day = match threading.text("thread_by_date") {
            "none" => String::new(),
            _ => at.format("%Y-%m-%d").to_string(),
        };
        let thread = format!("<{}{day}@{domain}>", ask.group_hash());
        out.push(("References".to_owned(), thread.clone()));
        out.push(("In-Reply-To".to_owned(), thread));
    }
    for (name, text) in ask.settings().named("headers") {
        let value = ask.render("headers", text)?;
        out.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        out.push((name.clone(), value));
    }
    Ok(out)
}

/// `Name <kim@example.org>` is `kim@example.org`.
fn address(text: &str) -> String {
    let inner = text.rsplit_once('<').map_or(text, |(_, rest)| rest);
    inner.trim().trim_end_matches('>').trim().to_owned()
}
