//! `|=`, `!=`, `|~`, `!~`, `|>`, `!>`: lines by their text.

use crate::base::regex::Regex;
use crate::model::log_entry::LineTest;
use crate::query::logql::ast::{LineFilter, LineOp, Needle};
use crate::query::logql::parse::regex_said;
use crate::query::logql::stage::ip::Net;
use crate::query::logql::stage::pattern::Shape;
use memchr::memmem::Finder;

pub(crate) struct Filter {
    any: Vec<Test>,
    negative: bool,
}

enum Test {
    Contains(Box<Finder<'static>>),
    Regex(Regex),
    Pattern(Shape),
    Ip(Net),
}

impl Filter {
    pub(crate) fn new(filter: &LineFilter) -> Result<Self, String> {
        let test = |needle: &Needle| match (filter.op, needle) {
            (LineOp::Contains | LineOp::Excludes, Needle::Text(text)) => {
                Ok(Test::Contains(Box::new(Finder::new(text).into_owned())))
            }
            (LineOp::Contains | LineOp::Excludes, Needle::Ip(text)) => Net::new(text).map(Test::Ip),
            (LineOp::Regex | LineOp::NotRegex, Needle::Text(text)) => Regex::new(text)
                .map(Test::Regex)
                .map_err(|e| regex_said(&e)),
            (LineOp::Pattern | LineOp::NotPattern, Needle::Text(text)) => {
                Shape::filter(text).map(Test::Pattern)
            }
            (_, Needle::Ip(_)) => Err("ip: invalid operation".to_owned()),
        };
        Ok(Self {
            any: filter.needles.iter().map(test).collect::<Result<_, _>>()?,
            negative: filter.op.is_negative(),
        })
    }

    pub(crate) fn passes(&self, line: &str) -> bool {
        let hit = |test: &Test| match test {
            Test::Contains(finder) => finder.find(line.as_bytes()).is_some(),
            Test::Regex(regex) => regex.is_match(line),
            Test::Pattern(shape) => shape.fits(line),
            Test::Ip(net) => net.is_in(line),
        };
        self.any.iter().any(hit) != self.negative
    }

    /// What every passing line must contain, as far as it is plain text.
    pub(crate) fn required(&self) -> Option<LineTest> {
        match &self.any[..] {
            [Test::Pattern(shape)] if !self.negative => shape.longest().map(LineTest::contains),
            _ => None,
        }
    }
}
