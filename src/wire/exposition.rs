//! The exposition formats: text 0.0.4 and OpenMetrics 1.0, read and written.
//!
//! [`Parser`] walks a body line by line and lends what it finds: it copies nothing and allocates
//! nothing. A reader that sees the same series again and again (a scraper) says so through
//! [`Parser::next_entry`]'s `known`: then the labels of that series are not even looked at.
//! What the grammar allows but OpenMetrics forbids (a negative counter, a missing `+Inf` bucket)
//! is found by [`strict`]; scraping does not insist on it, as Prometheus does not.
//!
//! Not read: the protobuf format.

pub mod families;
pub mod native;
pub mod negotiate;
pub mod number;
pub mod openmetrics;
pub mod series;
pub mod strict;
pub mod text;
pub mod write;

use crate::model::answer::MetricKind;
use memchr::{memchr, memchr2, memrchr};
use std::borrow::Cow;

/// Which of the two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text 0.0.4: timestamps in milliseconds, blanks nearly everywhere, no end mark.
    Text,
    /// OpenMetrics 1.0: timestamps in seconds, one blank where a blank stands, `# EOF` at the end.
    OpenMetrics,
}

/// One line that says something. Comments and blank lines of text 0.0.4 are passed over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Entry<'a> {
    Sample(Sample<'a>),
    Meta(Meta<'a>),
    /// `# EOF`; nothing follows.
    End,
}

/// One sample, borrowed from the body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a> {
    /// `name{labels}` as it stood; [`series::read`] takes it apart.
    pub series: &'a [u8],
    /// Not a number where `native` is given.
    pub value: f64,
    /// Milliseconds since the Unix epoch.
    pub timestamp: Option<i64>,
    /// The timestamp as it stood; empty where there was none.
    pub timestamp_text: &'a [u8],
    pub exemplar: Option<Exemplar<'a>>,
    /// `{count:24,...}`, a native histogram as it stood; [`native::parse`] reads it.
    pub native: Option<&'a [u8]>,
}

/// What OpenMetrics puts behind ` # `: one observation, often with the id of its trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exemplar<'a> {
    /// `{labels}` as it stood.
    pub labels: &'a [u8],
    pub value: f64,
    /// Milliseconds since the Unix epoch.
    pub timestamp: Option<i64>,
    /// The timestamp as it stood; empty where there was none.
    pub timestamp_text: &'a [u8],
}

/// A line about a metric. Names and texts are as they stood; the methods give them unescaped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Meta<'a> {
    /// The name as it stood, with quotes where it had some.
    pub name: &'a [u8],
    pub what: About<'a>,
    pub format: Format,
}

/// What a line says about a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum About<'a> {
    Help(&'a [u8]),
    Kind(MetricKind),
    Unit(&'a [u8]),
}

impl<'a> Meta<'a> {
    /// The metric's name, unquoted.
    pub fn metric(&self) -> Cow<'a, str> {
        match self.name {
            [b'"', inner @ .., b'"'] => series::unescape(lossy(inner)),
            plain => lossy(plain),
        }
    }

    /// The text of a HELP line with its escapes resolved.
    pub fn help_text(&self, raw: &'a [u8]) -> Cow<'a, str> {
        series::unescape_help(lossy(raw), self.format)
    }
}

fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Why a body is not what it claims to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ParseError {
    /// Counted from 1.
    pub line: usize,
    pub what: String,
}

/// Walks a body from its first line to its last.
#[derive(Clone, Debug)]
pub struct Parser<'a> {
    rest: &'a [u8],
    line: usize,
    format: Format,
    ended: bool,
    /// More of the body may follow.
    open: bool,
}

impl<'a> Parser<'a> {
    pub fn new(format: Format, body: &'a [u8]) -> Self {
        Self {
            rest: body,
            line: 0,
            format,
            ended: false,
            open: false,
        }
    }

    /// A parser of some whole lines from the midst of a body, `lines` of which came before: that
    /// `# EOF` does not stand in them is no error. See [`Parser::has_ended`].
    pub fn part(format: Format, body: &'a [u8], lines: usize) -> Self {
        Self {
            line: lines,
            open: true,
            ..Self::new(format, body)
        }
    }

    /// `# EOF` was read.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The line that was read last, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The next entry, or `None` after the last.
    ///
    /// `known` is asked whether a text is a series that this parser (or one before it, of the same
    /// format) has given out; the labels of a known series are not checked again. For each sample
    /// it is called last with the sample's own series. `|_| false` is always right.
    pub fn next_entry(
        &mut self,
        mut known: impl FnMut(&'a [u8]) -> bool,
    ) -> Result<Option<Entry<'a>>, ParseError> {
        while !self.ended && !self.rest.is_empty() {
            let line = self.take_line();
            let found = match self.format {
                Format::Text => text::read_line(line, &mut known),
                Format::OpenMetrics if line == openmetrics::END => {
                    self.finish_openmetrics().map(Some)
                }
                Format::OpenMetrics => openmetrics::read_line(line, &mut known).map(Some),
            };
            match found {
                Ok(Some(entry)) => return Ok(Some(entry)),
                Ok(None) => {}
                Err(what) => return Err(self.fault(what)),
            }
        }
        if self.format == Format::OpenMetrics && !self.ended && !self.open {
            self.line += 1;
            let what = "the body ends without \"# EOF\": it is not OpenMetrics, or was cut off";
            return Err(self.fault(what.to_owned()));
        }
        Ok(None)
    }

    fn take_line(&mut self) -> &'a [u8] {
        self.line += 1;
        match memchr(b'\n', self.rest) {
            Some(end) => {
                let line = &self.rest[..end];
                self.rest = &self.rest[end + 1..];
                line
            }
            None => std::mem::take(&mut self.rest),
        }
    }

    fn finish_openmetrics(&mut self) -> Result<Entry<'a>, String> {
        self.ended = true;
        if self.rest.is_empty() {
            return Ok(Entry::End);
        }
        self.line += 1;
        Err(format!(
            "{} follows \"# EOF\", which ends OpenMetrics",
            excerpt(self.rest)
        ))
    }

    #[cold]
    fn fault(&mut self, what: String) -> ParseError {
        self.ended = true;
        self.rest = &[];
        ParseError {
            line: self.line,
            what,
        }
    }
}

/// Where the series of a line would end if it were written as the libraries write it: behind the
/// last brace, or before the first blank. Right for all but exemplars and the odd hand-made line.
fn guess_series(line: &[u8]) -> &[u8] {
    let end = match memrchr(b'}', line) {
        Some(brace) => brace + 1,
        None => memchr2(b' ', b'\t', line).unwrap_or(0),
    };
    &line[..end]
}

/// Bytes of a bad line for an error's text: short, quoted, without control characters.
fn excerpt(bytes: &[u8]) -> String {
    const LONGEST: usize = 60;
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    if line.is_empty() {
        return "nothing".to_owned();
    }
    let text = lossy(&line[..line.len().min(LONGEST * 4)]);
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() || line.len() > LONGEST * 4 {
        short.push('…');
    }
    format!("{short:?}")
}
