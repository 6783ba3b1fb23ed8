//! Parameters of a request: of the query string and of a form, in the forms Prometheus takes.

use crate::base::units::parse_duration_ms;
use percent_encoding::percent_decode;

/// Names and values in the order they came; a name may come often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

/// A sentence for `bad_data`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadParam(pub(crate) String);

/// The range of times that Prometheus' API accepts, in milliseconds.
pub(crate) const MIN_TIME: i64 = i64::MIN / 1_000_000;
pub(crate) const MAX_TIME: i64 = i64::MAX / 1_000_000;

impl Params {
    /// Reads `a=1&b=2`, with `+` for a space. The form's values come first, as in Go.
    pub(crate) fn read(query: &str, form: &[u8]) -> Self {
        let mut all = Vec::new();
        for part in [form, query.as_bytes()] {
            for pair in part.split(|b| *b == b'&').filter(|p| !p.is_empty()) {
                let at = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
                let value = pair.get(at + 1..).unwrap_or_default();
                all.push((decoded(&pair[..at]), decoded(value)));
            }
        }
        Self(all)
    }

    /// The first value; empty where there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        let mut hits = self.0.iter().filter(|(n, _)| n == name);
        hits.next().map_or("", |(_, value)| value)
    }

    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let hits = self.0.iter().filter(|(n, _)| n == name);
        hits.map(|(_, value)| value.clone()).collect()
    }

    /// A time, or `default` where the parameter is absent.
    pub(crate) fn time_or(&self, name: &str, default: i64) -> Result<i64, BadParam> {
        match self.get(name) {
            "" => Ok(default),
            _ => self.time(name),
        }
    }

    pub(crate) fn time(&self, name: &str) -> Result<i64, BadParam> {
        let text = self.get(name);
        read_time(text).ok_or_else(|| {
            BadParam(format!(
                "invalid parameter {name:?}: cannot parse {text:?} to a valid timestamp"
            ))
        })
    }

    /// Milliseconds, or `None` where the parameter is absent.
    pub(crate) fn duration(&self, name: &str) -> Result<Option<i64>, BadParam> {
        let text = self.get(name);
        if text.is_empty() {
            return Ok(None);
        }
        match read_duration(text) {
            Some(ms) => Ok(Some(ms)),
            None => Err(BadParam(format!(
                "invalid parameter {name:?}: cannot parse {text:?} to a valid duration"
            ))),
        }
    }

    /// A limit; 0 is none.
    pub(crate) fn limit(&self, name: &str) -> Result<usize, BadParam> {
        match self.get(name) {
            "" => Ok(0),
            text => text
                .parse()
                .map_err(|_| BadParam(format!("invalid parameter {name:?}: {text:?} is no limit"))),
        }
    }
}

fn decoded(text: &[u8]) -> String {
    let spaced: Vec<u8> = text
        .iter()
        .map(|b| if *b == b'+' { b' ' } else { *b })
        .collect();
    percent_decode(&spaced).decode_utf8_lossy().into_owned()
}

/// Unix seconds with decimals, or RFC 3339.
fn read_time(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = (seconds * 1000.0).round();
        return (MIN_TIME as f64..=MAX_TIME as f64)
            .contains(&ms)
            .then_some(ms as i64);
    }
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.timestamp_millis())
}

/// Seconds with decimals, or Prometheus' form.
fn read_duration(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = (seconds * 1000.0).round();
        return (ms.abs() <= MAX_TIME as f64).then_some(ms as i64);
    }
    parse_duration_ms(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_queries_are_read() {
        let params = Params::read(
            "match[]=a&match%5B%5D=b+c&x",
            b"query=up%7Bjob%3D%22n%22%7D&x=1",
        );
        assert_eq!(params.get("query"), "up{job=\"n\"}");
        assert_eq!(params.all("match[]"), ["a", "b c"]);
        assert_eq!((params.get("x"), params.get("nope")), ("1", ""));
    }

    #[test]
    fn times_and_durations_take_both_forms() {
        let params = Params::read(
            "a=1435781451.781&b=2015-07-01T20:10:51.781Z&c=2015-07-01T22:10:51%2B02:00&d=x&e=1e99\
             &s=1m30s&f=0.5&n=1435781451.7814",
            b"",
        );
        assert_eq!(params.time("a"), Ok(1_435_781_451_781));
        assert_eq!(params.time("b"), Ok(1_435_781_451_781));
        assert_eq!(params.time("c"), Ok(1_435_781_451_000));
        assert_eq!(params.time("n"), Ok(1_435_781_451_781));
        assert_eq!(params.time_or("absent", 5), Ok(5));
        for name in ["d", "e", "absent"] {
            assert!(params.time(name).is_err(), "{name}");
        }
        assert_eq!(params.duration("s"), Ok(Some(90_000)));
        assert_eq!(params.duration("f"), Ok(Some(500)));
        assert_eq!(params.duration("absent"), Ok(None));
        assert!(params.duration("d").is_err() && params.limit("d").is_err());
    }
}
