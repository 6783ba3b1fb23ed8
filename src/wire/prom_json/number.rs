//! Numbers as Go prints them: `strconv.FormatFloat(v, 'f' or 'e', -1, 64)`, and times in seconds.
//!
//! The shortest decimal that reads back to the same float; the `e` form below 1e-6 and from 1e21
//! on. Most values of exporters are whole or have few decimals, which is found without the general
//! algorithm.

/// Appends a sample's value without quotes: `+Inf`, `-Inf` and `NaN` by name.
pub fn push_value(out: &mut Vec<u8>, v: f64) {
    if v.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if v.is_infinite() {
        return out.extend_from_slice(if v > 0.0 { b"+Inf" } else { b"-Inf" });
    }
    if v.is_sign_negative() {
        out.push(b'-');
    }
    let v = v.abs();
    if v < WHOLE && v.trunc() == v {
        return push_integer(out, v as u64);
    }
    if push_short(out, v) {
        return;
    }
    push_shortest(out, v);
}

/// Whole numbers below this print exactly as integers, with at most 15 digits.
const WHOLE: f64 = 1e15;

/// A decimal with one to six places and at most 15 digits. There is only one such decimal for a
/// float, so it is the shortest where it reads back; both the number and the power of ten are
/// exact, hence the division rounds as a parser would.
fn push_short(out: &mut Vec<u8>, v: f64) -> bool {
    if !(1e-3..1e9).contains(&v) {
        return false;
    }
    // Whoever has fewer places has six as well, with zeros at the end.
    let mut whole = (v * 1e6 + 0.5) as u64;
    if whole as f64 / 1e6 != v {
        return false;
    }
    let (mut places, mut scale) = (6, 1_000_000);
    while places > 1 && whole.is_multiple_of(10) {
        whole /= 10;
        scale /= 10;
        places -= 1;
    }
    push_integer(out, whole / scale);
    out.push(b'.');
    push_padded(out, whole % scale, places);
    true
}

fn push_shortest(out: &mut Vec<u8>, v: f64) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(v);
    if memchr::memchr(b'e', text.as_bytes()).is_none() {
        // Digits with a point, as Go writes it too, but for the zero behind a whole number.
        let text = text.strip_suffix(".0").unwrap_or(text);
        return out.extend_from_slice(text.as_bytes());
    }
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let part = if part == "0" { "" } else { part };
    // All digits, with `point` of them before the decimal point.
    let mut digits = [b'0'; 32];
    digits[..whole.len()].copy_from_slice(whole.as_bytes());
    digits[whole.len()..whole.len() + part.len()].copy_from_slice(part.as_bytes());
    let len = whole.len() + part.len();
    let zeros = digits[..len - 1].iter().take_while(|d| **d == b'0').count();
    let point = whole.len() as i32 + exponent - zeros as i32;
    let mut digits = &digits[zeros..len];
    while let [rest @ .., b'0'] = digits
        && !rest.is_empty()
    {
        digits = rest;
    }
    if (1e-6..1e21).contains(&v) {
        push_plain(out, digits, point);
    } else {
        push_exponent(out, digits, point - 1);
    }
}

fn push_plain(out: &mut Vec<u8>, digits: &[u8], point: i32) {
    if point <= 0 {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', point.unsigned_abs() as usize));
        out.extend_from_slice(digits);
        return;
    }
    let point = point as usize;
    if point >= digits.len() {
        out.extend_from_slice(digits);
        out.extend(std::iter::repeat_n(b'0', point - digits.len()));
        return;
    }
    out.extend_from_slice(&digits[..point]);
    out.push(b'.');
    out.extend_from_slice(&digits[point..]);
}

/// Go writes at least two digits of exponent, and its sign.
fn push_exponent(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    out.push(digits[0]);
    if digits.len() > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
    if exponent.abs() < 10 {
        out.push(b'0');
    }
    push_integer(out, u64::from(exponent.unsigned_abs()));
}

/// Appends milliseconds as seconds, with exactly three decimals where they are not whole.
pub fn push_time(out: &mut Vec<u8>, ms: i64) {
    if ms < 0 {
        out.push(b'-');
    }
    let ms = ms.unsigned_abs();
    push_integer(out, ms / 1000);
    if !ms.is_multiple_of(1000) {
        out.push(b'.');
        push_padded(out, ms % 1000, 3);
    }
}

fn push_integer(out: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    while n >= 100 {
        let pair = (n % 100) as u8;
        n /= 100;
        at -= 2;
        digits[at] = b'0' + pair / 10;
        digits[at + 1] = b'0' + pair % 10;
    }
    if n >= 10 {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
    }
    at -= 1;
    digits[at] = b'0' + n as u8;
    out.extend_from_slice(&digits[at..]);
}

fn push_padded(out: &mut Vec<u8>, mut n: u64, width: usize) {
    let mut digits = [b'0'; 20];
    for digit in digits[..width].iter_mut().rev() {
        *digit = b'0' + (n % 10) as u8;
        n /= 10;
    }
    out.extend_from_slice(&digits[..width]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(v: f64) -> String {
        let mut out = Vec::new();
        push_value(&mut out, v);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_look_as_in_go() {
        for (v, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (100.0, "100"),
            (123456.75, "123456.75"),
            (1e15, "1000000000000000"),
            (1.5e20, "150000000000000000000"),
            (1e21, "1e+21"),
            (1.25e300, "1.25e+300"),
            (0.000001, "0.000001"),
            (0.0000015, "0.0000015"),
            (0.00000099, "9.9e-07"),
            (1e-7, "1e-07"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (1.0 / 3.0, "0.3333333333333333"),
            (123456789012345680.0, "123456789012345680"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(shown(v), text);
        }
    }

    #[test]
    fn times_are_seconds() {
        for (ms, text) in [
            (0, "0"),
            (1_435_781_451_781, "1435781451.781"),
            (1_000, "1"),
            (1_100, "1.100"),
            (7, "0.007"),
            (-1_500, "-1.500"),
        ] {
            let mut out = Vec::new();
            push_time(&mut out, ms);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    proptest! {
        #[test]
        fn every_float_reads_back_and_none_is_longer_than_needed(bits: u64) {
            let v = f64::from_bits(bits);
            prop_assume!(v.is_finite());
            let text = shown(v);
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), v.to_bits());
            let digits = |t: &str| {
                let head = t.split('e').next().unwrap().replace(['.', '-'], "");
                head.trim_matches('0').len()
            };
            prop_assert_eq!(digits(&text), digits(&format!("{v:e}")));
        }

        #[test]
        fn short_decimals_stay_short(whole in 0u64..1_000_000_000, places in 0i32..7) {
            let text = format!("{}", whole as f64 / 10f64.powi(places));
            prop_assert_eq!(shown(text.parse().unwrap()), text);
        }
    }
}
