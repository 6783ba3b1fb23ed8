//! A statement of SQL in lines, as a person would write it down. Only blanks change.

/// Words that begin a line at the left.
const CLAUSES: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "INSERT",
    "VALUES",
    "UPDATE",
    "SET",
    "DELETE",
    "RETURNING",
    "WITH",
    "WINDOW",
];
/// Words that begin a line below their clause.
const INNER: &[&str] = &[
    "AND", "OR", "JOIN", "LEFT", "RIGHT", "INNER", "OUTER", "FULL", "CROSS", "NATURAL",
];
/// A word that belongs to the one before it: `LEFT OUTER JOIN` stays on its line.
const OPENERS: &[&str] = &[
    "LEFT", "RIGHT", "INNER", "OUTER", "FULL", "CROSS", "NATURAL",
];
/// Statements are formatted up to this length.
const LONGEST: usize = 64 << 10;

/// Whether the text begins as a statement of SQL does.
pub(super) fn is_sql(text: &str) -> bool {
    let first = text
        .trim_start()
        .split(|c: char| !c.is_ascii_alphabetic())
        .next();
    let starts = [
        "SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "MERGE", "REPLACE",
    ];
    text.len() <= LONGEST
        && starts
            .iter()
            .any(|s| first.is_some_and(|f| f.eq_ignore_ascii_case(s)))
}

/// One piece of a statement: a word, a quoted text, a remark, or a sign.
fn pieces(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while let Some(c) = rest.chars().next() {
        let end = match c {
            '\'' | '"' | '`' => quoted(rest, c),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        out.push(&rest[..end]);
        let after = &rest[end..];
        rest = after.trim_start();
        if rest.len() < after.len() {
            out.push(" ");
        }
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '$' | '?' | '@' | ':')
}

/// The length of a quoted text; a doubled quote is one of its letters.
fn quoted(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => {
                    chars.next();
                }
                _ => return at + c.len_utf8(),
            }
        }
    }
    text.len()
}

/// Line breaks before clauses, conditions and joins; what stands in brackets stays together.
pub(super) fn lines(text: &str) -> String {
    let one_of = |words: &[&str], piece: &str| words.iter().any(|w| piece.eq_ignore_ascii_case(w));
    let mut out = String::new();
    let (mut depth, mut between) = (0usize, false);
    let mut before = "";
    for piece in pieces(text) {
        let begins = if depth > 0 {
            None
        } else if one_of(CLAUSES, piece) {
            let goes_on =
                before.eq_ignore_ascii_case("DELETE") || before.eq_ignore_ascii_case("FOR");
            (!goes_on).then_some("")
        } else if piece.eq_ignore_ascii_case("AND") && between {
            between = false;
            None
        } else if one_of(INNER, piece) && !one_of(OPENERS, before) {
            Some("  ")
        } else {
            None
        };
        match piece {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ if piece.eq_ignore_ascii_case("BETWEEN") => between = true,
            _ => {}
        }
        if let Some(indent) = begins.filter(|_| !out.is_empty()) {
            out.truncate(out.trim_end().len());
            out.push('\n');
            out.push_str(indent);
        }
        out.push_str(piece);
        if piece.starts_with("--") {
            out.push('\n');
        }
        if piece != " " {
            before = piece;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_break_at_clauses_and_nowhere_inside_quotes_or_brackets() {
        for (sql, shown) in [
            (
                "select a, b from t left  join u on u.id = t.id where x = 'and from' and (y = 1 or z = 2) order by a limit 5",
                "select a, b\nfrom t\n  left join u on u.id = t.id\nwhere x = 'and from'\n  and (y = 1 or z = 2)\norder by a\nlimit 5",
            ),
            (
                "DELETE FROM t WHERE a BETWEEN 1 AND 2 AND b='it''s'",
                "DELETE FROM t\nWHERE a BETWEEN 1 AND 2\n  AND b='it''s'",
            ),
            (
                "INSERT INTO 주문 (id) VALUES (?) RETURNING id",
                "INSERT INTO 주문 (id)\nVALUES (?)\nRETURNING id",
            ),
            ("SELECT 1 -- why\nFROM t", "SELECT 1 -- why\nFROM t"),
            ("SELECT 'open", "SELECT 'open"),
            (
                "update t set a=$1 where b=:b",
                "update t\nset a=$1\nwhere b=:b",
            ),
        ] {
            assert!(is_sql(sql));
            assert_eq!(lines(sql), shown);
        }
        assert!(!is_sql("GET key"), "redis");
        assert!(!is_sql(""));
    }
}
