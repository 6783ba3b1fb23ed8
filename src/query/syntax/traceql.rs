//! What others need to know of TraceQL without running it.

use crate::model::span::Attribute;
use crate::query::syntax::{Fault, Span};
use crate::query::traceql::ast::INTRINSICS;
use crate::query::traceql::{self, search};

/// Why a text is no TraceQL query, or none that is answered.
pub fn check_traceql(text: &str) -> Result<(), Fault> {
    match traceql::parse(text) {
        Ok(_) => Ok(()),
        Err(e) => Err(Fault {
            message: e.message,
            span: Span::new(e.span.start, e.span.end),
            line: e.line,
            column: e.column,
        }),
    }
}

/// The query that `service.name=shop http.status=500`, Tempo's older form of a search, stands for.
pub fn traceql_of_tags(tags: &str) -> Result<String, String> {
    let mut terms = Vec::new();
    for pair in tags.split_whitespace() {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(format!("{pair:?} is not name=value"));
        };
        let value = value
            .trim_matches('"')
            .replace('\\', "\\\\")
            .replace('"', "\\\"");
        let term = match name {
            "status" | "kind" => format!("{name} = {value}"),
            "name" => format!("name = \"{value}\""),
            _ => {
                let plain = value.parse::<f64>().is_ok() || value == "true" || value == "false";
                if plain {
                    format!("(.{name} = \"{value}\" || .{name} = {value})")
                } else {
                    format!(".{name} = \"{value}\"")
                }
            }
        };
        terms.push(term);
    }
    Ok(format!("{{ {} }}", terms.join(" && ")))
}

/// The query that words stand for: `error`, `>200ms`, `service=shop`, `http.status=500`; any other word
/// is part of a span's name. What begins as TraceQL stays as it is.
pub fn traceql_of_words(text: &str) -> Result<String, Fault> {
    let trimmed = text.trim();
    if trimmed.starts_with(['{', '(']) {
        check_traceql(trimmed)?;
        return Ok(trimmed.to_owned());
    }
    let terms: Vec<String> = trimmed.split_whitespace().map(term).collect();
    let query = format!("{{ {} }}", terms.join(" && "));
    check_traceql(&query)?;
    Ok(query)
}

fn term(word: &str) -> String {
    let quoted = |value: &str| {
        let value = value.trim_matches('"');
        format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    };
    if word == "error" {
        return "status = error".to_owned();
    }
    if word.starts_with(['>', '<']) {
        return format!("duration {word}");
    }
    if let Some((name, value)) = word.split_once('=')
        && !name.is_empty()
    {
        return match name {
            "service" => format!("resource.service.name = {}", quoted(value)),
            "name" => format!("name = {}", quoted(value)),
            "status" | "kind" => format!("{name} = {value}"),
            _ if value.parse::<f64>().is_ok() || value == "true" || value == "false" => {
                format!("(.{name} = {value} || .{name} = {})", quoted(value))
            }
            _ => format!(".{name} = {}", quoted(value)),
        };
    }
    let plain = regex_syntax::escape(word);
    format!("name =~ {}", quoted(&format!("(?i).*{plain}.*")))
}

/// The words of fields that every span has.
pub fn traceql_intrinsics() -> Vec<&'static str> {
    let words = INTRINSICS
        .iter()
        .map(|row| if row.0.is_empty() { row.1 } else { row.0 });
    words.filter(|w| *w != "parent").collect()
}

/// How a value is written in a query.
pub fn traceql_type(value: &Attribute, tag: &str) -> &'static str {
    search::type_of(value, tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_a_query() {
        for (words, query) in [
            ("", "{  }"),
            ("error >200ms", "{ status = error && duration >200ms }"),
            ("service=shop", "{ resource.service.name = \"shop\" }"),
            ("n=5", "{ (.n = 5 || .n = \"5\") }"),
            ("주문", "{ name =~ \"(?i).*주문.*\" }"),
            ("a.b", "{ name =~ \"(?i).*a\\\\.b.*\" }"),
            ("{ .a = 1 } | count() > 2", "{ .a = 1 } | count() > 2"),
        ] {
            assert_eq!(traceql_of_words(words).unwrap(), query, "{words}");
        }
        assert!(traceql_of_words("{ wrong").is_err());
        assert!(traceql_of_words(">nonsense").is_err());
    }

    #[test]
    fn tags_become_a_query() {
        for (tags, query) in [
            ("", "{  }"),
            ("service.name=shop", "{ .service.name = \"shop\" }"),
            (
                "name=\"a\" status=error",
                "{ name = \"a\" && status = error }",
            ),
            (
                "http.status=500",
                "{ (.http.status = \"500\" || .http.status = 500) }",
            ),
        ] {
            assert_eq!(traceql_of_tags(tags).unwrap(), query);
            assert!(check_traceql(query).is_ok(), "{query}");
        }
        assert!(traceql_of_tags("nonsense").is_err());
    }
}
