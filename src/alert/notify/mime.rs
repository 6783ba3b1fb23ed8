//! A mail as bytes (RFC 5322, RFC 2045 to 2047): headers in any script, text and HTML side by side.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A mail.
pub(super) struct Mail<'a> {
    /// Names and values in order.
    pub(super) headers: Vec<(String, String)>,
    pub(super) text: &'a str,
    pub(super) html: &'a str,
    /// Parts the bodies; must not occur in them.
    pub(super) boundary: String,
}

impl Mail<'_> {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = String::new();
        for (name, value) in &self.headers {
            out.push_str(&format!("{name}: {}\r\n", header(name, value)));
        }
        let boundary = &self.boundary;
        out.push_str("MIME-Version: 1.0\r\n");
        out.push_str(&format!(
            "Content-Type: multipart/alternative; boundary=\"{boundary}\"\r\n\r\n"
        ));
        for (kind, body) in [("plain", self.text), ("html", self.html)] {
            if body.is_empty() {
                continue;
            }
            out.push_str(&format!(
                "--{boundary}\r\nContent-Type: text/{kind}; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            ));
            let encoded = STANDARD.encode(body);
            for line in encoded.as_bytes().chunks(76) {
                out.push_str(&String::from_utf8_lossy(line));
                out.push_str("\r\n");
            }
        }
        out.push_str(&format!("--{boundary}--\r\n"));
        out.into_bytes()
    }
}

/// Headers whose value is a list of addresses.
const ADDRESSES: [&str; 6] = ["from", "sender", "reply-to", "to", "cc", "bcc"];

/// A value on one line; other scripts as encoded words of at most 75 characters, parted between
/// characters.
fn header(name: &str, value: &str) -> String {
    let value = value.replace(['\r', '\n'], " ");
    if value.is_ascii() {
        return value;
    }
    if !ADDRESSES.iter().any(|n| n.eq_ignore_ascii_case(name)) {
        return words(&value);
    }
    let all: Vec<String> = mailboxes(&value).into_iter().map(mailbox).collect();
    all.join(",\r\n ")
}

/// One address: its display name by itself is encoded, the rest stands as it is.
fn mailbox(text: &str) -> String {
    match text.rsplit_once('<').filter(|(_, a)| a.is_ascii()) {
        _ if text.is_ascii() => text.to_owned(),
        Some((name, address)) => {
            let name = name.trim();
            let bare = name.strip_prefix('"').and_then(|n| n.strip_suffix('"'));
            let bare = bare.map(|n| n.replace("\\\"", "\"").replace("\\\\", "\\"));
            format!("{} <{address}", words(bare.as_deref().unwrap_or(name)))
        }
        None => words(text),
    }
}

/// The addresses of a list, split at commas that stand in no quotes and no angle brackets.
pub(super) fn mailboxes(list: &str) -> Vec<&str> {
    let (mut quoted, mut escaped, mut inside) = (false, false, false);
    let part = |c: char| {
        match c {
            '"' if !escaped => quoted = !quoted,
            '<' if !quoted => inside = true,
            '>' if !quoted => inside = false,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        c == ',' && !quoted && !inside
    };
    let parts = list.split(part).map(str::trim);
    parts.filter(|p| !p.is_empty()).collect()
}

fn words(value: &str) -> String {
    const MOST: usize = 45;
    let mut parts = Vec::new();
    let mut rest = value;
    while !rest.is_empty() {
        let end = rest.floor_char_boundary(MOST.min(rest.len()));
        parts.push(format!("=?UTF-8?B?{}?=", STANDARD.encode(&rest[..end])));
        rest = &rest[end..];
    }
    parts.join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_in_any_script_stay_short() {
        assert_eq!(header("Subject", "[FIRING:1] A"), "[FIRING:1] A");
        let hangul = header(
            "Subject",
            "[FIRING:1] 디스크가 곧 가득 찹니다 서울 리전의 서버 열두 대",
        );
        assert!(hangul.is_ascii());
        assert!(hangul.lines().all(|l| l.len() <= 76), "{hangul}");
        let decoded: Vec<u8> = hangul
            .split("\r\n ")
            .map(|w| w.trim_start_matches("=?UTF-8?B?").trim_end_matches("?="))
            .flat_map(|w| STANDARD.decode(w).unwrap())
            .collect();
        let decoded = String::from_utf8(decoded).unwrap();
        assert_eq!(
            decoded,
            "[FIRING:1] 디스크가 곧 가득 찹니다 서울 리전의 서버 열두 대"
        );
        assert_eq!(header("Subject", "a\r\nBcc: x"), "a  Bcc: x");
    }

    #[test]
    fn every_display_name_is_encoded_by_itself() {
        let (name, other) = ("=?UTF-8?B?67SJ7IiY?=", "=?UTF-8?B?6rmALCDssqDsiJg=?=");
        for (list, want) in [
            ("봉수 <a@b.kr>", format!("{name} <a@b.kr>")),
            (
                "봉수 <a@b.kr>, 봉수 <c@d.kr>",
                format!("{name} <a@b.kr>,\r\n {name} <c@d.kr>"),
            ),
            (
                "\"김, 철수\" <a@b.kr>,x@y.kr, Lee <l@y.kr>",
                format!("{other} <a@b.kr>,\r\n x@y.kr,\r\n Lee <l@y.kr>"),
            ),
        ] {
            assert_eq!(header("To", list), want, "{list}");
        }
        // What looks like an address in a subject is none.
        assert!(!header("Subject", "경보, <a@b.kr>").contains('<'));
        let quoted = "\"Kim, C\" <a@b.kr>, x@y.kr";
        assert_eq!(mailboxes(quoted), ["\"Kim, C\" <a@b.kr>", "x@y.kr"]);
    }

    #[test]
    fn both_bodies_stand_in_one_mail() {
        let mail = Mail {
            headers: vec![("Subject".to_owned(), "s".to_owned())],
            text: "t",
            html: "<b>h</b>",
            boundary: "x".to_owned(),
        };
        let text = String::from_utf8(mail.bytes()).unwrap();
        assert!(text.starts_with("Subject: s\r\nMIME-Version: 1.0\r\n"));
        assert!(text.contains("text/plain") && text.contains("\r\ndA==\r\n"));
        assert!(text.contains("text/html") && text.ends_with("--x--\r\n"));
    }
}
