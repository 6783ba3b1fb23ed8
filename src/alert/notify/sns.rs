//! Amazon SNS: `Publish`.

use crate::alert::notify::aws::{self, Place};
use crate::alert::notify::{Ask, FORM, Failure, Http, Sent, cut, cut_bytes, form};
use crate::base::net::client::Method;
use crate::config::alertmanager::Settings;
use chrono::DateTime;

/// Characters of a subject, and bytes of a message.
const MAX_SUBJECT: usize = 100;
const MAX_MESSAGE: usize = 262_144;
/// Bytes of an SMS.
const MAX_SMS: usize = 1_600;

pub(super) async fn send(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let of = ask.settings();
    let empty = Settings::default();
    let sigv4 = of.block("sigv4").unwrap_or(&empty);
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let topic = ask.text("topic_arn")?;
    let region = match sigv4.text("region") {
        "" => topic
            .split(':')
            .nth(3)
            .map_or_else(|| variable("AWS_REGION"), str::to_owned),
        region => region.to_owned(),
    };
    let at = DateTime::from_timestamp_millis(ask.now).unwrap_or_default();
    let stamp = at.format("%Y%m%dT%H%M%SZ").to_string();
    let keys = aws::keys(ask, sigv4, &region, &stamp).await?;
    let body = form(&pairs(ask, &topic)?);
    let url = match of.text("api_url") {
        "" => format!("https://sns.{region}.amazonaws.com/"),
        url => ask.render("api_url", url)?,
    };
    let place = Place {
        host: aws::host_of(&url),
        region: &region,
        service: "sns",
        stamp: &stamp,
    };
    let (reply, _) = ask
        .exchange(Http {
            method: Method::Post,
            url: &url,
            headers: keys.headers(&place, &body),
            body,
            kind: FORM,
        })
        .await?;
    Ok(Sent {
        said: format!("status {}", reply.status),
        memo: String::new(),
    })
}

fn pairs(ask: &Ask<'_>, topic: &str) -> Result<Vec<(&'static str, String)>, Failure> {
    let of = ask.settings();
    let phone = ask.text("phone_number")?;
    let most = if phone.is_empty() {
        MAX_MESSAGE
    } else {
        MAX_SMS
    };
    let mut pairs = vec![
        ("Action", "Publish".to_owned()),
        ("Version", "2010-03-31".to_owned()),
        ("Message", cut_bytes(&ask.text("message")?, most)),
        ("TopicArn", topic.to_owned()),
        ("TargetArn", ask.text("target_arn")?),
        ("PhoneNumber", phone),
    ];
    // A topic of this kind is called so by its name, in small letters only.
    if topic.strip_suffix(".fifo").is_some() {
        pairs.push(("MessageGroupId", ask.group_hash()));
        pairs.push(("MessageDeduplicationId", ask.job.key.clone()));
    }
    let subject = ask.text("subject")?.replace('\n', " ");
    pairs.push(("Subject", cut(&subject, MAX_SUBJECT).replace('…', "...")));
    if of.named("attributes").len() > ATTRIBUTES.len() {
        return Err(Failure::Refused(
            "SNS takes ten attributes at most".to_owned(),
        ));
    }
    for ((name, text), keys) in of.named("attributes").iter().zip(ATTRIBUTES) {
        pairs.push((keys[0], name.clone()));
        pairs.push((keys[1], "String".to_owned()));
        pairs.push((keys[2], ask.render("attributes", text)?));
    }
    pairs.retain(|(_, value)| !value.is_empty());
    Ok(pairs)
}

macro_rules! attribute {
    ($n:literal) => {
        [
            concat!("MessageAttributes.entry.", $n, ".Name"),
            concat!("MessageAttributes.entry.", $n, ".Value.DataType"),
            concat!("MessageAttributes.entry.", $n, ".Value.StringValue"),
        ]
    };
}

const ATTRIBUTES: [[&str; 3]; 10] = [
    attribute!("1"),
    attribute!("2"),
    attribute!("3"),
    attribute!("4"),
    attribute!("5"),
    attribute!("6"),
    attribute!("7"),
    attribute!("8"),
    attribute!("9"),
    attribute!("10"),
];
