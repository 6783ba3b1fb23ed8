//! Amazon SNS: `Publish`, signed with Signature Version 4 (AWS, "Create a signed request").

use crate::alert::notify::{Ask, FORM, Failure, Http, Sent, cut, cut_bytes, form};
use crate::base::digest::{hmac_sha256, hmac_sha256_hex, sha256_hex};
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
    if !sigv4.text("role_arn").is_empty() || !sigv4.text("profile").is_empty() {
        let said = "sigv4.role_arn and sigv4.profile are not supported; give access_key and secret_key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
        return Err(Failure::Refused(said.to_owned()));
    }
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let topic = ask.text("topic_arn")?;
    let region = match sigv4.text("region") {
        "" => topic
            .split(':')
            .nth(3)
            .map_or_else(|| variable("AWS_REGION"), str::to_owned),
        region => region.to_owned(),
    };
    let (access, secret) = match sigv4.secret("secret_key") {
        Some(secret) => {
            let secret = crate::alert::notify::read_secret(secret)?;
            (sigv4.text("access_key").to_owned(), secret)
        }
        None => (
            variable("AWS_ACCESS_KEY_ID"),
            variable("AWS_SECRET_ACCESS_KEY"),
        ),
    };
    if access.is_empty() || region.is_empty() {
        return Err(Failure::Refused(
            "SNS needs a region and an access key".to_owned(),
        ));
    }
    let body = form(&pairs(ask, &topic)?);
    let url = match of.text("api_url") {
        "" => format!("https://sns.{region}.amazonaws.com/"),
        url => ask.render("api_url", url)?,
    };
    let host = url.split_once("://").map_or("", |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    let at = DateTime::from_timestamp_millis(ask.now).unwrap_or_default();
    let stamp = at.format("%Y%m%dT%H%M%SZ").to_string();
    let key = Key {
        access: &access,
        secret: &secret,
        region: &region,
    };
    let (reply, _) = ask
        .exchange(Http {
            method: Method::Post,
            url: &url,
            headers: vec![
                ("authorization", key.sign(host, &stamp, &body)),
                ("x-amz-date", stamp),
            ],
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

struct Key<'a> {
    access: &'a str,
    secret: &'a str,
    region: &'a str,
}

impl Key<'_> {
    /// The `Authorization` header of a POST to `/`.
    fn sign(&self, host: &str, stamp: &str, body: &[u8]) -> String {
        let day = &stamp[..8];
        let scope = format!("{day}/{}/sns/aws4_request", self.region);
        let signed = "content-type;host;x-amz-date";
        let request = format!(
            "POST\n/\n\ncontent-type:{FORM}\nhost:{host}\nx-amz-date:{stamp}\n\n{signed}\n{}",
            sha256_hex(body)
        );
        let text = format!(
            "AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}",
            sha256_hex(request.as_bytes())
        );
        let mut key = hmac_sha256(format!("AWS4{}", self.secret).as_bytes(), day.as_bytes());
        for part in [self.region, "sns", "aws4_request"] {
            key = hmac_sha256(&key, part.as_bytes());
        }
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={}",
            self.access,
            hmac_sha256_hex(&key, text.as_bytes())
        )
    }
}
