//! What could stand at the caret of a search for traces: words as the console takes them, or TraceQL.

use crate::query::syntax::{Fault, Span, check_traceql, traceql_of_words};

/// What to offer, and which bytes an offer replaces.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceCompletion {
    /// From the start of the word at the caret to the caret; empty where a word would begin.
    pub replace: Span,
    /// What stands there already.
    pub prefix: String,
    pub want: TraceWant,
}

/// A kind of word that fits.
#[derive(Clone, Debug, PartialEq)]
pub enum TraceWant {
    Nothing,
    /// A word of the short form: `error`, `service=`, the name of an attribute with `=`.
    Word,
    /// A field of TraceQL.
    Field,
    /// A value of that field, as TraceQL writes the field.
    Value {
        field: String,
        /// How it is to be written.
        form: ValueForm,
    },
    /// What stands between a field and its value.
    Comparison,
    /// What stands between conditions, or ends them.
    Junction,
    /// A stage of the pipeline, behind `|`.
    Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueForm {
    /// As it is: a word of the short form.
    Bare,
    /// In quotes where it is a text.
    Quoted,
    /// Inside quotes that are open.
    Inside,
}

/// Looks at the text before the caret (a byte offset).
pub fn complete_traces(text: &str, caret: usize) -> TraceCompletion {
    let caret = text.floor_char_boundary(caret.min(text.len()));
    let before = &text[..caret];
    let make = |from: usize, want| TraceCompletion {
        replace: Span::new(from, caret),
        prefix: before[from..].to_owned(),
        want,
    };
    if !text.trim_start().starts_with(['{', '(']) {
        let from = before.rfind(char::is_whitespace).map_or(0, |at| {
            at + before[at..].chars().next().map_or(1, char::len_utf8)
        });
        return match before[from..].split_once('=') {
            Some((name, _)) if !name.is_empty() => {
                let field = field_of_word(name);
                let form = ValueForm::Bare;
                make(from + name.len() + 1, TraceWant::Value { field, form })
            }
            _ if before[from..].starts_with(['>', '<']) => make(caret, TraceWant::Nothing),
            _ => make(from, TraceWant::Word),
        };
    }
    if let Some(quote) = open_quote(before) {
        let want = match compared(&before[..quote]) {
            Some(field) => TraceWant::Value {
                field,
                form: ValueForm::Inside,
            },
            None => TraceWant::Nothing,
        };
        return make(quote + 1, want);
    }
    let word = |text: &str| {
        text.rfind(|c| !is_field(c)).map_or(0, |at| {
            at + text[at..].chars().next().map_or(1, char::len_utf8)
        })
    };
    let from = word(before);
    let left = before[..from].trim_end();
    let want = if let Some(field) = compared(left) {
        let form = ValueForm::Quoted;
        TraceWant::Value { field, form }
    } else if inside(left) {
        in_condition(left)
    } else if left.ends_with('|') {
        TraceWant::Stage
    } else {
        TraceWant::Nothing
    };
    make(from, want)
}

/// Between braces or brackets: a field, or what follows what stands there.
fn in_condition(left: &str) -> TraceWant {
    if left.ends_with(['{', '(', '&', '|', '!', ',']) {
        return TraceWant::Field;
    }
    if left.ends_with(['"', '`']) {
        return TraceWant::Junction;
    }
    let from = left.rfind(|c| !is_field(c)).map_or(0, |at| at + 1);
    match compared(left.get(..from).unwrap_or_default().trim_end()) {
        Some(_) => TraceWant::Junction,
        None => TraceWant::Comparison,
    }
}

/// The field of TraceQL that a name of the short form stands for.
fn field_of_word(name: &str) -> String {
    match name {
        "service" => "resource.service.name".to_owned(),
        "name" | "status" | "kind" => name.to_owned(),
        name => format!(".{name}"),
    }
}

fn is_field(c: char) -> bool {
    !c.is_whitespace() && !"\"`{}(),=!<>~&|+*^%".contains(c)
}

/// Where a text was begun and not ended.
fn open_quote(before: &str) -> Option<usize> {
    let mut open: Option<(usize, char)> = None;
    let mut escaped = false;
    for (at, c) in before.char_indices() {
        match (open, c) {
            _ if escaped => escaped = false,
            (Some((_, '"')), '\\') => escaped = true,
            (Some((_, quote)), c) if c == quote => open = None,
            (None, '"' | '`') => open = Some((at, c)),
            _ => {}
        }
    }
    open.map(|(at, _)| at)
}

/// The field before a comparison that ends the text.
fn compared(left: &str) -> Option<String> {
    let left = left.trim_end();
    let rest = left.trim_end_matches(['=', '~', '<', '>', '!']);
    let signs = &left[rest.len()..];
    if !["=", "!=", "=~", "!~", ">", ">=", "<", "<="].contains(&signs) {
        return None;
    }
    let rest = rest.trim_end();
    let from = rest.rfind(|c| !is_field(c)).map_or(0, |at| at + 1);
    let field = rest.get(from..)?;
    (!field.is_empty()).then(|| field.to_owned())
}

/// Whether braces or brackets are open.
fn inside(left: &str) -> bool {
    let mut depth = 0i32;
    let mut rest = left;
    while let Some(at) = rest.find(['"', '`', '{', '(', '}', ')']) {
        let sign = &rest[at..=at];
        rest = &rest[at + 1..];
        match sign {
            "{" | "(" => depth += 1,
            "}" | ")" => depth -= 1,
            quote => {
                let end = rest.find(quote).map_or(rest.len(), |end| end + 1);
                rest = &rest[end..];
            }
        }
    }
    depth > 0
}

/// What is wrong with a search as it was typed, its place in what was typed.
pub fn fault_of_words(typed: &str) -> Option<Fault> {
    let fault = traceql_of_words(typed).err()?;
    let begin = typed.len() - typed.trim_start().len();
    if typed.trim_start().starts_with(['{', '(']) {
        let inner = check_traceql(typed.trim()).err()?;
        let end = (begin + inner.span.end).min(typed.len());
        let span = Span::new((begin + inner.span.start).min(end), end);
        return Some(Fault { span, ..inner });
    }
    let mut from = 0;
    for word in typed.split_whitespace() {
        let at = typed[from..].find(word).map_or(from, |at| from + at);
        from = at + word.len();
        if let Err(inner) = traceql_of_words(word) {
            let said = format!("{word:?} cannot be searched for: {}", inner.message);
            return Some(Fault {
                message: said,
                span: Span::new(at, from),
                ..inner
            });
        }
    }
    Some(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(field: &str, form: ValueForm) -> TraceWant {
        TraceWant::Value {
            field: field.to_owned(),
            form,
        }
    }

    #[test]
    fn the_caret_says_what_is_wanted() {
        use TraceWant::{Comparison, Field, Junction, Nothing, Stage, Word};
        for (text, prefix, want) in [
            ("", "", Word),
            ("error ser", "ser", Word),
            ("error >2", "", Nothing),
            (
                "service=주",
                "주",
                value("resource.service.name", ValueForm::Bare),
            ),
            ("http.route=/a", "/a", value(".http.route", ValueForm::Bare)),
            ("{ ", "", Field),
            ("{ span.ht", "span.ht", Field),
            ("{ name ", "", Comparison),
            ("{ name = ", "", value("name", ValueForm::Quoted)),
            ("{ name = \"GET", "GET", value("name", ValueForm::Inside)),
            ("{ .a =~ `x", "x", value(".a", ValueForm::Inside)),
            ("{ status = err", "err", value("status", ValueForm::Quoted)),
            ("{ status = error ", "", Junction),
            ("{ name = \"a b\" ", "", Junction),
            ("{ name = \"a\" && ", "", Field),
            ("{ name = \"}\" && .b", ".b", Field),
            ("{ } | ", "", Stage),
            ("{ } | co", "co", Stage),
            ("{ } | by(", "", Field),
            ("{ } ", "", Nothing),
        ] {
            let got = complete_traces(text, text.len());
            assert_eq!((got.prefix.as_str(), got.want), (prefix, want), "{text}");
        }
    }

    #[test]
    fn faults_stand_where_they_were_typed() {
        assert_eq!(fault_of_words("error >200ms"), None);
        let fault = fault_of_words("error  >soon a").unwrap();
        assert_eq!((fault.span.start, fault.span.end), (7, 12));
        assert!(fault.message.contains(">soon"), "{}", fault.message);
        let fault = fault_of_words("  { name == 1 }").unwrap();
        assert!(fault.span.start >= 9, "{fault:?}");
        assert!(fault.span.end <= 15, "{fault:?}");
    }
}
