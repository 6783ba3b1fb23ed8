//! When an X.509 certificate expires, read straight from its DER bytes.
//!
//! RFC 5280 4.1: `Certificate { tbs { [0] version?, serial, algorithm, issuer, validity
//! { notBefore, notAfter }, ..`. No crate is in the tree for one date.

/// `notAfter` in seconds since the Unix epoch; `None` where the bytes are no certificate.
pub fn not_after(der: &[u8]) -> Option<i64> {
    let (_, certificate, _) = element(der)?;
    let (_, tbs, _) = element(certificate)?;
    let (tag, _, after_first) = element(tbs)?;
    // The version is explicit tag 0 and may be absent; then the first element is the serial.
    let rest = if tag == 0xa0 {
        element(after_first)?.2
    } else {
        after_first
    };
    let (_, _, rest) = element(rest)?; // algorithm
    let (_, _, rest) = element(rest)?; // issuer
    let (_, validity, _) = element(rest)?;
    let (_, _, rest) = element(validity)?; // notBefore
    let (tag, time, _) = element(rest)?;
    time_of(tag, time)
}

/// Tag, content and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut len = usize::from(first);
    if first >= 0x80 {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 || rest.len() < count {
            return None;
        }
        len = rest[..count]
            .iter()
            .fold(0, |n, byte| n << 8 | usize::from(*byte));
        rest = &rest[count..];
    }
    (rest.len() >= len).then(|| (tag, &rest[..len], &rest[len..]))
}

/// `UTCTime` (0x17, two-digit year, 1950 to 2049) or `GeneralizedTime` (0x18).
fn time_of(tag: u8, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let long = match tag {
        0x17 if text < "50" => format!("20{text}"),
        0x17 => format!("19{text}"),
        0x18 => text.to_owned(),
        _ => return None,
    };
    let time = chrono::NaiveDateTime::parse_from_str(&long, "%Y%m%d%H%M%S").ok()?;
    Some(time.and_utc().timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outline of a certificate with the fields that are walked over.
    fn outline(version: bool, not_after: &[u8]) -> Vec<u8> {
        let seq = |tag: u8, body: &[u8]| [&[tag, body.len() as u8], body].concat();
        let validity = seq(
            0x30,
            &[seq(0x17, b"200101000000Z"), not_after.to_vec()].concat(),
        );
        let version = if version {
            seq(0xa0, &[2, 1, 2])
        } else {
            vec![]
        };
        let fields = [
            version,
            seq(2, &[1]),
            seq(0x30, &[]),
            seq(0x30, &[]),
            validity,
        ];
        seq(0x30, &seq(0x30, &fields.concat()))
    }

    #[test]
    fn both_time_forms_are_read() {
        let utc = [&[0x17, 13][..], b"301231235959Z"].concat();
        assert_eq!(not_after(&outline(true, &utc)), Some(1_924_991_999));
        assert_eq!(not_after(&outline(false, &utc)), Some(1_924_991_999));
        let long = [&[0x18, 15][..], b"20600101000000Z"].concat();
        assert_eq!(not_after(&outline(true, &long)), Some(2_840_140_800));
    }

    #[test]
    fn damage_is_no_certificate() {
        let utc = [&[0x17, 13][..], b"301231235959Z"].concat();
        let whole = outline(true, &utc);
        for cut in 0..whole.len() {
            assert_eq!(not_after(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(not_after(&[0x30, 0x84, 255, 255, 255, 255]), None);
    }
}
