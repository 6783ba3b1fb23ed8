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
            out.push_str(&format!("{name}: {}\r\n", header(value)));
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

/// A value on one line; other scripts as encoded words of at most 75 characters, parted between
/// characters.
fn header(value: &str) -> String {
    let value = value.replace(['\r', '\n'], " ");
    if value.is_ascii() {
        return value;
    }
    // An address keeps its angle brackets outside of the words.
    if let Some((name, address)) = value.rsplit_once('<').filter(|(_, a)| a.is_ascii()) {
        return format!("{} <{address}", words(name.trim()));
    }
    words(&value)
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
        assert_eq!(header("[FIRING:1] A"), "[FIRING:1] A");
        let hangul = header("[FIRING:1] 디스크가 곧 가득 찹니다 서울 리전의 서버 열두 대");
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
        assert_eq!(header("봉수 <a@b.kr>"), "=?UTF-8?B?67SJ7IiY?= <a@b.kr>");
        assert_eq!(header("a\r\nBcc: x"), "a  Bcc: x");
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
