//! Parameters in Loki's forms. Times are nanoseconds since the Unix epoch.

use crate::api::loki::bad;
use crate::api::reply::Failed;
use crate::api::server::Call;
use crate::base::units::parse_duration_ms;
use crate::model::log_entry::NanoRange;

const SECOND: i64 = 1_000_000_000;
/// How far back is asked where nothing is said.
const SINCE: i64 = 3600 * SECOND;

/// The time of the request.
pub(super) fn now(call: &Call) -> i64 {
    call.api.clock.now_ms().saturating_mul(1_000_000)
}

pub(super) fn time_of(call: &Call, name: &str) -> Result<Option<i64>, Failed> {
    let text = call.params.get(name);
    if text.is_empty() {
        return Ok(None);
    }
    match time(text) {
        Some(t) => Ok(Some(t)),
        None => Err(bad(format!(
            "could not parse '{name}' parameter: {text:?} is no time; write unix seconds or \
             nanoseconds, or 2026-11-21T10:00:00Z"
        ))),
    }
}

/// With a point seconds, up to ten digits seconds, more nanoseconds; else RFC 3339.
pub(super) fn time(text: &str) -> Option<i64> {
    if text.contains('.')
        && let Ok(seconds) = text.parse::<f64>()
    {
        let ms = (seconds * 1000.0).round();
        return (ms.abs() < 9.2e12).then(|| (ms as i64) * 1_000_000);
    }
    if let Ok(number) = text.parse::<i64>() {
        return if text.len() <= 10 {
            number.checked_mul(SECOND)
        } else {
            Some(number)
        };
    }
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    time.timestamp_nanos_opt()
}

/// `start`, `end`, `since`.
pub(super) fn window(call: &Call) -> Result<NanoRange, Failed> {
    let now = now(call);
    let end = time_of(call, "end")?.unwrap_or(now);
    let since = duration(call, "since")?.unwrap_or(SINCE);
    let start = time_of(call, "start")?;
    let start = start.unwrap_or_else(|| end.min(now).saturating_sub(since));
    if end < start {
        return Err(bad(
            "end timestamp must not be before or equal to start time",
        ));
    }
    Ok(NanoRange::new(start, end))
}

/// Seconds with decimals, or Prometheus' form.
pub(super) fn duration(call: &Call, name: &str) -> Result<Option<i64>, Failed> {
    let text = call.params.get(name);
    if text.is_empty() {
        return Ok(None);
    }
    let read = match text.parse::<f64>() {
        Ok(seconds) if seconds.abs() < 9e9 => Some((seconds * 1e9) as i64),
        Ok(_) => None,
        Err(_) => parse_duration_ms(text)
            .ok()
            .and_then(|ms| ms.checked_mul(1_000_000)),
    };
    match read.filter(|ns| *ns >= 0) {
        Some(ns) => Ok(Some(ns)),
        None => Err(bad(format!("cannot parse {text:?} to a valid duration"))),
    }
}

/// Asked for, or a 250th of the range, a second at least.
pub(super) fn step(call: &Call, range: NanoRange) -> Result<i64, Failed> {
    let asked = duration(call, "step")?;
    let fitting = (range.end.saturating_sub(range.start) / 250 / SECOND).max(1) * SECOND;
    match asked {
        Some(0) => Err(bad(
            "zero or negative query resolution step widths are not accepted. Try a \
                            positive integer",
        )),
        Some(step) => Ok(step),
        None => Ok(fitting),
    }
}

pub(super) fn limit(call: &Call, default: usize) -> Result<usize, Failed> {
    match call.params.get("limit") {
        "" => Ok(default),
        text => match text.parse::<usize>() {
            Ok(0) | Err(_) => Err(bad("limit must be a positive value")),
            Ok(limit) => Ok(limit),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_by_their_length() {
        for (text, want) in [
            ("1700000000", Some(1_700_000_000 * SECOND)),
            ("1700000000.25", Some(1_700_000_000 * SECOND + 250_000_000)),
            ("1700000000000000001", Some(1_700_000_000_000_000_001)),
            (
                "2023-11-14T22:13:20.5Z",
                Some(1_700_000_000 * SECOND + 500_000_000),
            ),
            ("yesterday", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(time(text), want, "{text}");
        }
    }
}
