//! `unpack`: a line that was packed with its labels into an object of texts.

use crate::query::logql::stage::scan::{Fault, Scan, What};
use crate::query::logql::stage::work::{Work, sanitise};

/// The key that holds the line.
const ENTRY: &str = "_entry";

/// The line that was packed. Labels beside it are taken only where there is one.
pub(crate) fn unpack(line: &str, labels: &mut Work) -> Option<String> {
    if line.is_empty() {
        return None;
    }
    let mut entry = None;
    let mut found: Vec<(String, String)> = Vec::new();
    match read(line, &mut entry, &mut found) {
        Ok(()) => {
            if entry.is_some() {
                for (name, value) in &found {
                    labels.parsed(name, value);
                }
            }
        }
        Err(fault) => labels.fail("JSONParserErr", fault),
    }
    entry
}

fn read(
    line: &str,
    entry: &mut Option<String>,
    found: &mut Vec<(String, String)>,
) -> Result<(), Fault> {
    let mut scan = Scan::new(line);
    if scan.what() != Ok(What::Object) {
        return Err("expecting json object(6), but it is not");
    }
    scan.object(|scan, key| {
        if scan.what()? != What::Text {
            return scan.raw().map(|_| ());
        }
        let value = scan.string()?;
        if key == ENTRY {
            *entry = Some(value.into_owned());
            return Ok(());
        }
        let mut name = String::new();
        sanitise(key, &mut name);
        found.push((name, value.into_owned()));
        Ok(())
    })
}
