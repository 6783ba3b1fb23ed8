//! `limits_config`, and how files are encoded.

use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::logs::stages::{Limit, Stage};
use crate::config::shape::{Section, Shape, idle, key};
use std::borrow::Cow;

pub(crate) static LIMITS: Section = Section {
    name: "limits_config",
    keys: &[&[
        key(
            "readline_rate_enabled",
            Shape::Bool,
            "false",
            "Lines are limited by their number a second.",
        ),
        key(
            "readline_rate",
            Shape::Float,
            "10000",
            "Lines a second, over all jobs.",
        ),
        key(
            "readline_burst",
            Shape::Int(0, i64::MAX),
            "10000",
            "Lines at once.",
        ),
        key(
            "readline_rate_drop",
            Shape::Bool,
            "true",
            "What is too much is dropped; else it waits in its file.",
        ),
        key(
            "max_line_size",
            Shape::Size,
            "0",
            "Bytes of one line at most; 0 leaves it to the store, which keeps 256 KiB.",
        ),
        key(
            "max_line_size_truncate",
            Shape::Bool,
            "false",
            "Longer lines are cut there; else they are dropped.",
        ),
        idle(
            "max_streams",
            Shape::Any,
            "the store has its own bound of streams and says when it is reached; this is left out",
        ),
    ]],
};

/// The limits as stages before those of every job.
pub(super) fn stages(of: Fields<'_>) -> Vec<Stage> {
    let mut out = Vec::new();
    let (enabled, rate, burst) = (
        of.bool("readline_rate_enabled").unwrap_or(false),
        of.float("readline_rate").unwrap_or(10_000.0),
        of.count("readline_burst").unwrap_or(10_000),
    );
    let drop = of.bool("readline_rate_drop").unwrap_or(true);
    let cut = of.bool("max_line_size_truncate").unwrap_or(false);
    if let Some(most) = of.bytes("max_line_size").filter(|n| *n > 0) {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        out.push(Stage::Longest { most, cut });
    }
    if enabled && rate > 0.0 {
        out.push(Stage::Limit(Limit {
            rate,
            burst: burst.max(1) as f64,
            drop,
            common: true,
            by_label: None,
            most_labels: 0,
        }));
    }
    out
}

/// An encoding whose line breaks are those of ASCII.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Encoding {
    /// A line as text; what does not decode stands as U+FFFD.
    pub fn decode(self, line: &[u8]) -> Cow<'_, str> {
        self.0.decode_without_bom_handling(line).0
    }
}

pub(super) fn encoding(of: Fields<'_>, check: &mut Check<'_>) -> Option<Encoding> {
    let name = of.text("encoding").filter(|n| !n.is_empty())?;
    let Some(found) = encoding_rs::Encoding::for_label(name.as_bytes()) else {
        let text = format!("{name:?} is not the name of an encoding; write euc-kr, shift_jis ...");
        check.report.error(of.value_place("encoding"), text);
        return None;
    };
    if !found.is_ascii_compatible() {
        let text = format!(
            "files of {} are not cut into lines yet: convert them to UTF-8; they are read as they are",
            found.name()
        );
        check.report.warning(of.value_place("encoding"), text);
        return None;
    }
    // UTF-8 is what is read without a word.
    (found != encoding_rs::UTF_8).then_some(Encoding(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn korean_files_become_text() {
        let encoding = Encoding(encoding_rs::EUC_KR);
        assert_eq!(encoding.decode(b"\xc7\xd1\xb1\xdb ok"), "한글 ok");
    }
}
