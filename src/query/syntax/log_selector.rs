//! A selector of streams with line filters, as configuration files write it.

use crate::base::regex::LineRegex;
use crate::model::log_entry::{LineMatch, LineTest};
use crate::model::matcher::Matcher;
use crate::query::logql::ast::{LineFilter, LineOp, Needle, Stage};
use crate::query::logql::{self, Expr};

/// Matchers and tests of `{app="x"} |= "text"`. `Err` says what else stands there.
pub fn log_selector(text: &str) -> Result<(Vec<Matcher>, Vec<LineTest>), String> {
    let Expr::Log(log) = logql::parse(text).map_err(|e| e.to_string())? else {
        return Err("a selector of streams is needed here, not a number".to_owned());
    };
    let mut tests = Vec::new();
    for placed in log.stages {
        match placed.stage {
            Stage::Line(filter) => tests.push(test(&filter)?),
            _ => return Err("only line filters may follow the selector here".to_owned()),
        }
    }
    Ok((log.matchers, tests))
}

fn test(filter: &LineFilter) -> Result<LineTest, String> {
    let mut any = Vec::new();
    for needle in &filter.needles {
        let Needle::Text(text) = needle else {
            return Err("ip() is not known here; write the address as text".to_owned());
        };
        any.push(match filter.op {
            LineOp::Contains | LineOp::Excludes => LineMatch::Contains(text.clone().into_bytes()),
            LineOp::Regex | LineOp::NotRegex => {
                LineMatch::Regex(LineRegex::new(text).map_err(|e| e.to_string())?)
            }
            LineOp::Pattern | LineOp::NotPattern => {
                return Err("patterns are not known here; write |= or |~".to_owned());
            }
        });
    }
    Ok(LineTest {
        any,
        negated: filter.op.is_negative(),
    })
}
