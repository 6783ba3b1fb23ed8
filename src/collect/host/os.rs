//! The distribution, from os-release.

use crate::collect::host::Reading;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;

/// The keys of os-release that are labels, in the label's spelling.
const KEYS: &[&str] = &[
    "build_id",
    "id",
    "id_like",
    "image_id",
    "image_version",
    "name",
    "pretty_name",
    "variant",
    "variant_id",
    "version",
    "version_codename",
    "version_id",
];

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let files = &mut *r.files;
    let text = match files.other("etc/os-release") {
        Ok(text) => text.to_owned(),
        Err(_) => files.other("usr/lib/os-release")?.to_owned(),
    };
    let value = |key: &str| value(&text, &key.to_uppercase()).unwrap_or_default();
    let labels: Vec<(&str, String)> = KEYS.iter().map(|k| (*k, value(k))).collect();
    let labels: Vec<(&str, &str)> = labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let info = gauge("node_os_info", "The distribution, as labels.");
    r.out.add(&info, &labels, 1.0);
    if let Some(version) = version(&value("version_id")) {
        let (id, like, name) = (value("id"), value("id_like"), value("name"));
        let labels = [
            ("id", id.as_str()),
            ("id_like", like.as_str()),
            ("name", name.as_str()),
        ];
        let desc = gauge(
            "node_os_version",
            "The distribution's version, as far as it is a number.",
        );
        r.out.add(&desc, &labels, version);
    }
    Ok(())
}

/// One value of the file, its quotes taken off.
pub(crate) fn value(text: &str, key: &str) -> Option<String> {
    let line = text
        .lines()
        .find_map(|l| l.trim().strip_prefix(key)?.strip_prefix('='))?;
    let line = line.trim();
    let bare = ['"', '\'']
        .iter()
        .find_map(|q| line.strip_prefix(*q)?.strip_suffix(*q))
        .unwrap_or(line);
    Some(bare.replace("\\\"", "\"").replace("\\$", "$"))
}

/// `20.04.2` counts as 20.04.
fn version(text: &str) -> Option<f64> {
    let digits = |t: &str| t.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(text);
    if whole == 0 {
        return None;
    }
    let end = match text[whole..].strip_prefix('.') {
        Some(rest) => whole + 1 + digits(rest),
        None => whole,
    };
    text[..end].trim_end_matches('.').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_versions() {
        let text = "NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID='12'\n";
        assert_eq!(value(text, "NAME").as_deref(), Some("Debian GNU/Linux"));
        assert_eq!(value(text, "VERSION_ID").as_deref(), Some("12"));
        assert_eq!(value(text, "VERSION"), None);
        assert_eq!(
            (version("20.04.2"), version("12"), version("rolling")),
            (Some(20.04), Some(12.0), None)
        );
    }
}
