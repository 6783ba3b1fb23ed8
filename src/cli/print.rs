//! The only place that prints. A closed pipe ends quietly: `bongsu status | head`.

use std::io::{self, IsTerminal, Write};

/// Text for standard output, whole.
pub(crate) fn out(text: &str) {
    let mut stdout = io::stdout().lock();
    // Nobody reads any more: there is nobody to tell.
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// The same; false where nobody reads any more.
pub(crate) fn is_read(text: &str) -> bool {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).is_ok() && stdout.flush().is_ok()
}

/// True where a person looks at standard output, not a program.
pub(crate) fn to_terminal() -> bool {
    io::stdout().is_terminal()
}

pub(crate) fn bytes(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(bytes);
    let _ = stdout.flush();
}

/// A line for standard error.
pub(crate) fn error(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// clap chooses stream and colour itself.
pub(crate) fn clap(e: &clap::Error) {
    let _ = e.print();
}

/// Columns as wide as their widest cell, two blanks between; the last is not padded.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|r| r.get(at));
        let widest = cells.map(|c| c.chars().count()).max().unwrap_or(0);
        widest.max(head.get(at).map_or(0, |h| h.chars().count()))
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut out = String::new();
    let head: Vec<String> = head.iter().map(|h| (*h).to_owned()).collect();
    for row in std::iter::once(&head).chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_stand_in_columns() {
        let rows = [vec!["a".to_owned(), "1".to_owned()]];
        assert_eq!(table(&["name", "value"], &rows), "name  value\na     1\n");
    }
}
