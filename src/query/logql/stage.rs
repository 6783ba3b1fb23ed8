//! What happens to a line: the stages of a pipeline, compiled once and run line by line.
//!
//! A stage keeps the line or drops it, may change it, and may add, change or remove labels. What
//! fails marks the line with `__error__` and keeps it. One file for each stage.

mod decimal;
mod decolorize;
mod format;
mod functions;
mod ip;
mod json;
mod label_filter;
mod line_filter;
mod logfmt;
mod pattern;
mod pick;
pub(crate) mod quantity;
mod regexp;
mod scan;
mod unpack;
mod unwrap;
mod work;

pub(crate) use functions::add_to as add_functions;
pub(crate) use unwrap::{Number, Unwrapping};
pub(crate) use work::{Origin, Work};

use crate::base::regex::LineRegex;
use crate::base::text::in_cp949;
use crate::model::labels::Labels;
use crate::model::log_entry::{LineMatch, LineTest};
use crate::query::logql::ast::{LineOp, Log, Needle, Placed, Stage};
use crate::query::logql::parse::{ParseError, regex_said};
use std::borrow::Cow;

/// The label that says what went wrong with a line, and the one that says more.
pub(crate) const ERROR: &str = "__error__";
pub(crate) const ERROR_DETAILS: &str = "__error_details__";

/// A line under work.
pub(crate) struct Record<'l, 'w> {
    /// Nanoseconds since the Unix epoch.
    pub(crate) t: i64,
    pub(crate) line: Cow<'l, str>,
    pub(crate) labels: &'w mut Work,
}

/// The stages of one query.
pub(crate) struct Pipeline {
    steps: Vec<Step>,
    /// What the store tests before a line is seen here.
    tests: Vec<LineTest>,
}

enum Step {
    Line(line_filter::Filter),
    Json(json::Json),
    Logfmt(logfmt::Logfmt),
    Regexp(regexp::Regexp),
    Pattern(pattern::Captures),
    Unpack,
    Label(label_filter::Filter),
    LineFormat(format::Template),
    LabelFormat(Vec<format::Assign>),
    Decolorize,
    Pick(pick::Pick),
}

impl Pipeline {
    /// Compiles the stages. Line filters on the line as it was stored go to the store, wherever
    /// they stand: no stage before them could change what they see.
    pub(crate) fn compile(log: &Log) -> Result<Self, ParseError> {
        let mut out = Self {
            steps: Vec::new(),
            tests: Vec::new(),
        };
        let mut stored = true;
        for placed in &log.stages {
            let fault = |why: String| ParseError::new(placed.span, why);
            if let Stage::Line(filter) = &placed.stage
                && stored
                && let Some(test) = line_test(placed).transpose()
            {
                // Compiled as a step as well, for its errors.
                line_filter::Filter::new(filter).map_err(fault)?;
                out.tests.push(test?);
                continue;
            }
            let step = step(&placed.stage).map_err(fault)?;
            if let Step::Line(filter) = &step
                && stored
            {
                out.tests.extend(filter.required());
            }
            stored &= !matches!(step, Step::LineFormat(_) | Step::Decolorize | Step::Unpack);
            out.steps.push(step);
        }
        Ok(out)
    }

    /// All of them must pass before [`Pipeline::run`].
    pub(crate) fn tests(&self) -> &[LineTest] {
        &self.tests
    }

    /// True where nothing is left to do once the store has tested a line.
    pub(crate) fn is_plain(&self) -> bool {
        self.steps.is_empty()
    }

    /// False where the line is dropped.
    pub(crate) fn run(&self, record: &mut Record<'_, '_>) -> bool {
        for step in &self.steps {
            let labels = &mut *record.labels;
            let keep = match step {
                Step::Line(filter) => filter.passes(&record.line),
                Step::Json(json) => {
                    json.extract(&record.line, labels);
                    true
                }
                Step::Logfmt(logfmt) => {
                    logfmt.extract(&record.line, labels);
                    true
                }
                Step::Regexp(regexp) => {
                    regexp.extract(&record.line, labels);
                    true
                }
                Step::Pattern(pattern) => {
                    pattern.extract(&record.line, labels);
                    true
                }
                Step::Unpack => {
                    if let Some(entry) = unpack::unpack(&record.line, labels) {
                        record.line = Cow::Owned(entry);
                    }
                    true
                }
                Step::Label(filter) => filter.passes(labels),
                Step::LineFormat(template) => {
                    if let Some(line) = template.render(record) {
                        record.line = Cow::Owned(line);
                    }
                    true
                }
                Step::LabelFormat(all) => {
                    format::assign(all, record);
                    true
                }
                Step::Decolorize => {
                    if let Cow::Owned(plain) = decolorize::plain(&record.line) {
                        record.line = Cow::Owned(plain);
                    }
                    true
                }
                Step::Pick(pick) => {
                    pick.apply(labels);
                    true
                }
            };
            if !keep {
                return false;
            }
        }
        true
    }

    /// True where a stage reads, changes or tests labels.
    pub(crate) fn reads_labels(&self) -> bool {
        let reads = |step: &Step| match step {
            Step::Label(_) | Step::LineFormat(_) | Step::LabelFormat(_) | Step::Pick(_) => true,
            Step::Line(_)
            | Step::Json(_)
            | Step::Logfmt(_)
            | Step::Regexp(_)
            | Step::Pattern(_)
            | Step::Unpack
            | Step::Decolorize => false,
        };
        self.steps.iter().any(reads)
    }

    /// True where a matcher lets errors pass on purpose, so that they do not fail a metric query.
    pub(crate) fn wants_errors(&self) -> bool {
        let wants = |step: &Step| matches!(step, Step::Label(f) if f.wants_errors());
        self.steps.iter().any(wants)
    }
}

fn step(stage: &Stage) -> Result<Step, String> {
    Ok(match stage {
        Stage::Line(filter) => Step::Line(line_filter::Filter::new(filter)?),
        Stage::Json(all) => Step::Json(json::Json::new(all)?),
        Stage::Logfmt(stage) => Step::Logfmt(logfmt::Logfmt::new(stage)),
        Stage::Regexp(text) => Step::Regexp(regexp::Regexp::new(text)?),
        Stage::Pattern(text) => Step::Pattern(pattern::Captures::new(text)?),
        Stage::Unpack => Step::Unpack,
        Stage::Label(filter) => Step::Label(label_filter::Filter::new(filter)?),
        Stage::LineFormat(text) => Step::LineFormat(format::Template::new(text)?),
        Stage::LabelFormat(all) => Step::LabelFormat(format::assigns(all)?),
        Stage::Decolorize => Step::Decolorize,
        Stage::Drop(all) => Step::Pick(pick::Pick::drop(all)),
        Stage::Keep(all) => Step::Pick(pick::Pick::keep(all)),
    })
}

/// The names and values in a line of JSON or logfmt, in the order of their names.
pub(crate) fn fields(line: &str) -> Vec<(String, String)> {
    let json = line.trim_start().starts_with('{');
    let stage = if json {
        Stage::Json(Vec::new())
    } else {
        Stage::Logfmt(crate::query::logql::ast::Logfmt::default())
    };
    let mut work = Work::default();
    work.start(&Labels::empty(), &Labels::empty());
    parse_line(&stage, line, &mut work);
    let found = work.of(Origin::Parsed);
    let found = found.iter().filter(|(name, _)| !name.starts_with(ERROR));
    found.map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

/// The line without what colours a terminal.
pub(crate) fn plain(line: &str) -> Cow<'_, str> {
    decolorize::plain(line)
}

/// A test whether a line has one of these shapes; what is no pattern fits nothing.
pub(crate) fn fits_one<'p>(patterns: impl Iterator<Item = &'p str>) -> impl Fn(&str) -> bool {
    let shapes: Vec<pattern::Shape> = patterns
        .filter_map(|text| pattern::Shape::filter(text).ok())
        .collect();
    move |line| shapes.iter().any(|shape| shape.fits(line))
}

/// Runs a parser that needs no arguments on a text.
pub(crate) fn parse_line(stage: &Stage, line: &str, labels: &mut Work) {
    match stage {
        Stage::Json(_) => json::Json::default().extract(line, labels),
        Stage::Logfmt(stage) => logfmt::Logfmt::new(stage).extract(line, labels),
        _ => {}
    }
}

/// The filter as a test of the store; `None` for addresses and patterns, which it does not know.
fn line_test(placed: &Placed) -> Result<Option<LineTest>, ParseError> {
    let Stage::Line(filter) = &placed.stage else {
        return Ok(None);
    };
    let mut any = Vec::new();
    for needle in &filter.needles {
        let Needle::Text(text) = needle else {
            return Ok(None);
        };
        let holds = match filter.op {
            LineOp::Contains | LineOp::Excludes => {
                // Lines are stored as they were written.
                any.extend(in_cp949(text).map(LineMatch::Contains));
                LineMatch::Contains(text.as_bytes().to_vec())
            }
            LineOp::Regex | LineOp::NotRegex => {
                let regex = LineRegex::new(text);
                let regex = regex.map_err(|e| ParseError::new(placed.span, regex_said(&e)))?;
                LineMatch::Regex(regex)
            }
            LineOp::Pattern | LineOp::NotPattern => return Ok(None),
        };
        any.push(holds);
    }
    let negated = filter.op.is_negative();
    Ok(Some(LineTest { any, negated }))
}
