//! Text that is used and never shown.

use std::fmt;
use std::path::PathBuf;

/// A password, token or key. Debug, Display and serialisation print `<secret>`.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Secret(String);

/// What stands wherever a secret would be printed.
pub const HIDDEN: &str = "<secret>";

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends or compares it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl serde::Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(HIDDEN)
    }
}

/// A URL as it may be shown: `http://<secret>@proxy:3128`.
pub fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{HIDDEN}{}", &rest[at..]),
        None => url.to_owned(),
    }
}

/// Where a secret is found. Files are read when the secret is used, so that a changed file is
/// noticed without a reload.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretFrom {
    Inline(Secret),
    File(PathBuf),
    /// The name of an environment variable.
    Env(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_a_url_are_hidden() {
        for (url, shown) in [
            (
                "http://kim:hunter2@proxy:3128/x@y",
                "http://<secret>@proxy:3128/x@y",
            ),
            ("http://proxy:3128/?a=b@c", "http://proxy:3128/?a=b@c"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret::new("hunter2");
        let json = serde_json::to_string(&secret).unwrap();
        let from = SecretFrom::Inline(secret.clone());
        for shown in [
            format!("{secret}"),
            format!("{secret:?}"),
            format!("{from:?}"),
            json,
        ] {
            assert!(
                !shown.contains("hunter2") && shown.contains(HIDDEN),
                "{shown}"
            );
        }
        assert_eq!(secret.reveal(), "hunter2");
    }
}
