//! `logfmt`: labels from the pairs of a line, all or some.

use crate::query::logql::ast;
use crate::query::logql::stage::work::{Work, sanitise};
use crate::wire::logfmt::pairs;

pub(crate) struct Logfmt {
    stage: ast::Logfmt,
}

impl Logfmt {
    pub(crate) fn new(stage: &ast::Logfmt) -> Self {
        Self {
            stage: stage.clone(),
        }
    }

    pub(crate) fn extract(&self, line: &str, labels: &mut Work) {
        let mut fault = None;
        let mut name = String::new();
        let mut all = pairs(line);
        // Strict reading ends at the first fault, the other passes over it.
        let good = std::iter::from_fn(|| {
            loop {
                match all.next()? {
                    Ok(pair) => return Some(pair),
                    Err(_) if !self.stage.strict => {}
                    Err(e) => {
                        fault = Some(e);
                        return None;
                    }
                }
            }
        });
        let wanted = &self.stage.extract;
        if wanted.is_empty() {
            for (key, value) in good {
                name.clear();
                sanitise(key, &mut name);
                let empty = value.is_empty() && !self.stage.keep_empty;
                if !empty && !name.is_empty() {
                    labels.parsed(&name, &value);
                }
            }
        } else {
            let mut found: Vec<Option<String>> = vec![None; wanted.len()];
            for (key, value) in good {
                for (extract, slot) in wanted.iter().zip(&mut found) {
                    if extract.path == key && slot.is_none() {
                        *slot = Some(value.clone().into_owned());
                    }
                }
            }
            for (extract, value) in wanted.iter().zip(found) {
                labels.parsed(&extract.name, &value.unwrap_or_default());
            }
        }
        if let Some(fault) = fault {
            labels.fail("LogfmtParserErr", fault);
        }
    }
}
