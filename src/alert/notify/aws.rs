//! Who asks at Amazon, and how it is proved: keys of the configuration, of a profile or of the
//! environment, a role taken on with them (STS, `AssumeRole`), and Signature Version 4.

use crate::alert::notify::{Ask, FORM, Failure, Http, form, read_secret};
use crate::base::digest::{hmac_sha256, hmac_sha256_hex, sha256_hex};
use crate::base::net::client::Method;
use crate::config::alertmanager::Settings;
use crate::config::secret::SecretFrom;
use std::path::PathBuf;

/// Keys, and the token that belongs to those of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) access: String,
    pub(super) secret: String,
    pub(super) token: String,
}

/// Where a signed request goes.
pub(super) struct Place<'a> {
    pub(super) host: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    /// `20261121T120000Z`.
    pub(super) stamp: &'a str,
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// The keys that a `sigv4` block leads to; a role is taken on with them where it names one.
pub(super) async fn keys(
    ask: &Ask<'_>,
    sigv4: &Settings,
    region: &str,
    stamp: &str,
) -> Result<Keys, Failure> {
    let own = own_keys(sigv4)?;
    if own.access.is_empty() || region.is_empty() {
        return Err(Failure::Refused(
            "SNS needs a region and an access key".to_owned(),
        ));
    }
    let role = sigv4.text("role_arn");
    if role.is_empty() {
        return Ok(own);
    }
    let url = match variable("AWS_ENDPOINT_URL_STS") {
        url if !url.is_empty() => url,
        _ if sigv4.bool("use_fips_sts_endpoint") => {
            format!("https://sts-fips.{region}.amazonaws.com/")
        }
        _ => format!("https://sts.{region}.amazonaws.com/"),
    };
    let host = host_of(&url);
    let body = role_request(role, sigv4.text("external_id"), ask.now);
    let place = Place {
        host,
        region,
        service: "sts",
        stamp,
    };
    let (_, answer) = ask
        .exchange(Http {
            method: Method::Post,
            url: &url,
            headers: own.headers(&place, &body),
            body,
            kind: FORM,
        })
        .await?;
    let answer = String::from_utf8_lossy(&answer);
    role_keys(&answer)
        .ok_or_else(|| Failure::Refused(format!("STS gave no keys for the role {role}")))
}

fn own_keys(sigv4: &Settings) -> Result<Keys, Failure> {
    if let Some(secret) = sigv4.secret("secret_key") {
        return Ok(Keys {
            access: sigv4.text("access_key").to_owned(),
            secret: read_secret(secret)?.trim().to_owned(),
            token: String::new(),
        });
    }
    let profile = sigv4.text("profile");
    if profile.is_empty() && !variable("AWS_ACCESS_KEY_ID").is_empty() {
        return Ok(Keys {
            access: variable("AWS_ACCESS_KEY_ID"),
            secret: variable("AWS_SECRET_ACCESS_KEY"),
            token: variable("AWS_SESSION_TOKEN"),
        });
    }
    if profile.is_empty() {
        return Ok(Keys::default());
    }
    let file = match variable("AWS_SHARED_CREDENTIALS_FILE") {
        file if !file.is_empty() => PathBuf::from(file),
        _ => PathBuf::from(variable("HOME")).join(".aws/credentials"),
    };
    let shown = file.display().to_string();
    let text = read_secret(&SecretFrom::File(file))?;
    profile_keys(&text, profile)
        .ok_or_else(|| Failure::Refused(format!("{shown} has no keys of the profile {profile}")))
}

/// The keys of one section of a credentials file.
fn profile_keys(text: &str, profile: &str) -> Option<Keys> {
    let mut inside = false;
    let mut keys = Keys::default();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            inside = name.trim() == profile;
        } else if inside && let Some((name, value)) = line.split_once('=') {
            let value = value.trim().to_owned();
            match name.trim() {
                "aws_access_key_id" => keys.access = value,
                "aws_secret_access_key" => keys.secret = value,
                "aws_session_token" => keys.token = value,
                _ => {}
            }
        }
    }
    (!keys.access.is_empty() && !keys.secret.is_empty()).then_some(keys)
}

fn role_request(role: &str, external_id: &str, now: i64) -> Vec<u8> {
    let mut pairs = vec![
        ("Action", "AssumeRole".to_owned()),
        ("Version", "2011-06-15".to_owned()),
        ("RoleArn", role.to_owned()),
        ("RoleSessionName", format!("bongsu-{now}")),
        ("ExternalId", external_id.to_owned()),
    ];
    pairs.retain(|(_, value)| !value.is_empty());
    form(&pairs)
}

/// The three values of the answer, which is XML without attributes or escapes in them.
fn role_keys(answer: &str) -> Option<Keys> {
    let value = |name: &str| {
        let (_, rest) = answer.split_once(&format!("<{name}>"))?;
        let (value, _) = rest.split_once(&format!("</{name}>"))?;
        Some(value.trim().to_owned())
    };
    Some(Keys {
        access: value("AccessKeyId")?,
        secret: value("SecretAccessKey")?,
        token: value("SessionToken")?,
    })
}

/// The host of a URL, with its port.
pub(super) fn host_of(url: &str) -> &str {
    let host = url.split_once("://").map_or("", |(_, rest)| rest);
    host.split('/').next().unwrap_or_default()
}

impl Keys {
    /// The headers that prove a POST of a form to `/`.
    pub(super) fn headers(&self, place: &Place<'_>, body: &[u8]) -> Vec<(&'static str, String)> {
        let mut out = vec![
            ("authorization", self.sign(place, body)),
            ("x-amz-date", place.stamp.to_owned()),
        ];
        if !self.token.is_empty() {
            out.push(("x-amz-security-token", self.token.clone()));
        }
        out
    }

    fn sign(&self, place: &Place<'_>, body: &[u8]) -> String {
        let Place {
            host,
            region,
            service,
            stamp,
        } = *place;
        let day = &stamp[..8];
        let scope = format!("{day}/{region}/{service}/aws4_request");
        let (signed, token) = if self.token.is_empty() {
            ("content-type;host;x-amz-date", String::new())
        } else {
            (
                "content-type;host;x-amz-date;x-amz-security-token",
                format!("x-amz-security-token:{}\n", self.token),
            )
        };
        let request = format!(
            "POST\n/\n\ncontent-type:{FORM}\nhost:{host}\nx-amz-date:{stamp}\n{token}\n{signed}\n{}",
            sha256_hex(body)
        );
        let text = format!(
            "AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}",
            sha256_hex(request.as_bytes())
        );
        let mut key = hmac_sha256(format!("AWS4{}", self.secret).as_bytes(), day.as_bytes());
        for part in [region, service, "aws4_request"] {
            key = hmac_sha256(&key, part.as_bytes());
        }
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={}",
            self.access,
            hmac_sha256_hex(&key, text.as_bytes())
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_asked_for_and_its_keys_are_read() {
        let body = String::from_utf8(role_request("arn:aws:iam::1:role/r", "x y", 5)).unwrap();
        assert!(body.starts_with("Action=AssumeRole&Version=2011%2D06%2D15&RoleArn=arn%3Aaws"));
        assert!(body.ends_with("&ExternalId=x%20y"), "{body}");
        let answer = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId>
            <SecretAccessKey>S/+</SecretAccessKey><SessionToken>T==</SessionToken></Credentials></AssumeRoleResult></AssumeRoleResponse>";
        let keys = role_keys(answer).unwrap();
        assert_eq!(
            (
                keys.access.as_str(),
                keys.secret.as_str(),
                keys.token.as_str()
            ),
            ("A", "S/+", "T==")
        );
        assert_eq!(role_keys("<Error/>"), None);
        let place = Place {
            host: "sns.eu-west-1.amazonaws.com",
            region: "eu-west-1",
            service: "sns",
            stamp: "20261121T120000Z",
        };
        let headers = keys.headers(&place, b"x");
        assert!(
            headers[0]
                .1
                .contains("x-amz-date;x-amz-security-token, Signature=")
        );
        assert_eq!(headers[2], ("x-amz-security-token", "T==".to_owned()));
    }

    #[test]
    fn a_profile_is_one_section_of_the_file() {
        let text = "[default]\naws_access_key_id = D\naws_secret_access_key = x\n\n[team]\naws_access_key_id=A\naws_secret_access_key = S\n";
        assert_eq!(profile_keys(text, "team").unwrap().access, "A");
        assert_eq!(profile_keys(text, "other"), None);
    }
}
