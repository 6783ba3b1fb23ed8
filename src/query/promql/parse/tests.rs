//! Parser and printer cases.

use crate::query::promql::ast::{Kind, ValueType};
use crate::query::promql::{MAX_DEPTH, parse};

const ROUND: &[&str] = &[
    "1",
    "-1",
    "-Inf",
    "0x1F",
    "5m",
    "1_000",
    "\"a\\\"b\"",
    "foo",
    "foo:bar:rate5m",
    "{__name__=\"x\"}",
    "{\"foo.bar\", \"a.b\"=\"c\"}",
    "foo{a=\"b\",c!=\"d\",e=~\"f|g\",h!~\"i\"}",
    "foo[5m]",
    "foo[300]",
    "foo[1h30m] offset 5m",
    "foo offset -5m @ 10.5",
    "foo @ -1.5",
    "foo @ start()",
    "foo[5m:]",
    "foo[5m:1m] @ end() offset 1h",
    "sum(foo)[5m:30s]",
    "-foo",
    "+foo",
    "--foo",
    "-2^2",
    "(-2)^2",
    "2^3^2",
    "(2^3)^2",
    "a + b * c",
    "(a + b) * c",
    "a or b and c unless d",
    "a == bool 1",
    "a / on (x, \"y.z\") group_left (w) b",
    "a * ignoring () group_right b",
    "a and on () b",
    "a atan2 b",
    "sum by (a, \"b.c\") (foo)",
    "sum(foo) by (a)",
    "sum without () (foo)",
    "sum by () (foo)",
    "topk(5, foo)",
    "count_values(\"v\", foo)",
    "quantile(0.9, foo)",
    "histogram_quantile(0.9, sum by (le) (rate(foo_bucket[5m])))",
    "label_replace(a, \"b\", \"$1\", \"c\", \"(.*)\")",
    "round(a, 0.1)",
    "time()",
    "foo[5m + 1m]",
    "foo[step() * 2]",
    "foo[min_of(5m, step()):max_of(1m, range())]",
    "foo offset (5m - 1m)",
    "foo offset -(step())",
    "foo[5m] anchored",
    "foo smoothed",
    "a + fill (0) b",
    "a + on (x) fill_left (1) fill_right (2) b",
    "h </ 5",
    "h >/ 5",
    "sum",
    "by",
    "start",
    "nan",
    "{a=\"b\"} # remark",
];

const FAULTS: &[(&str, &str)] = &[
    ("", "1:1: parse error: no expression found in input"),
    (
        "foo{",
        "1:5: parse error: unexpected end of input in label matching, expected identifier or \"}\"",
    ),
    (
        "sum(foo",
        "1:8: parse error: unexpected end of input in aggregation, expected \",\"",
    ),
    (
        "1 == 1",
        "1:1: parse error: comparisons between scalars must use BOOL modifier",
    ),
    (
        "foo + bool bar",
        "1:1: parse error: bool modifier can only be used on comparison operators",
    ),
    (
        "1 or foo",
        "1:1: parse error: set operator \"or\" not allowed in binary scalar expression",
    ),
    (
        "foo and on(a) group_left b",
        "1:1: parse error: no grouping allowed for \"and\" operation",
    ),
    (
        "foo + on(a) group_left(a) b",
        "1:1: parse error: label \"a\" must not occur in ON and GROUP clause at once",
    ),
    (
        "rate(foo)",
        "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector",
    ),
    (
        "rate(foo[5m], 1)",
        "1:1: parse error: expected 1 argument(s) in call to \"rate\", got 2",
    ),
    (
        "round()",
        "1:1: parse error: expected at least 1 argument(s) in call to \"round\", got 0",
    ),
    (
        "rat(foo[5m])",
        "1:1: parse error: unknown function with name \"rat\"; did you mean rate?",
    ),
    (
        "{}",
        "1:1: parse error: vector selector must contain at least one non-empty matcher",
    ),
    (
        "{a=~\".*\"}",
        "1:1: parse error: vector selector must contain at least one non-empty matcher",
    ),
    (
        "foo{__name__=\"bar\"}",
        "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\"",
    ),
    (
        "foo[0s]",
        "1:5: parse error: duration must be greater than 0",
    ),
    (
        "foo[5m][5m]",
        "1:8: parse error: ranges only allowed for vector selectors",
    ),
    (
        "foo offset 5m[5m]",
        "1:14: parse error: no offset modifiers allowed before range",
    ),
    (
        "foo offset 5m offset 5m",
        "1:15: parse error: offset may not be set multiple times",
    ),
    (
        "foo @ 1 @ 2",
        "1:9: parse error: @ <timestamp> may not be set multiple times",
    ),
    (
        "(foo + bar) offset 5m",
        "1:13: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
    ),
    (
        "foo[5m:][5m:]",
        "1:1: parse error: subquery is only allowed on instant vector, got range vector instead",
    ),
    (
        "foo\n  + 5x",
        "2:5: parse error: bad number or duration syntax: \"5x\"",
    ),
    ("\"abc", "1:1: parse error: unterminated quoted string"),
    ("foo ~ bar", "1:5: parse error: unexpected character: '~'"),
    (
        "sum(1, foo)",
        "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 1, got 2",
    ),
    (
        "rate(foo[5m],)",
        "1:14: parse error: trailing commas not allowed in function call args",
    ),
];

/// The printed form parses to the same tree and prints the same again.
fn round(text: &str) -> String {
    let tree = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let printed = tree.to_string();
    let again = parse(&printed).unwrap_or_else(|e| panic!("{text} -> {printed}: {e}"));
    assert_eq!(tree, again, "{text} -> {printed}");
    assert_eq!(again.to_string(), printed);
    printed
}

#[test]
fn printing_reads_back() {
    for text in ROUND {
        round(text);
    }
    assert_eq!(
        round("SUM(http_requests) BY (job)"),
        "sum by (job) (http_requests)"
    );
    assert_eq!(round("foo{}[5m:]"), "foo[5m:]");
    assert_eq!(round("{\"a.b\",c=\"d\"}"), "{\"a.b\",c=\"d\"}");
    assert_eq!(round("90s"), "1m30s");
}

#[test]
fn strength_of_operators() {
    for (text, grouped) in [
        ("a or b and c", "a or (b and c)"),
        ("a + b == c", "(a + b) == c"),
        ("a * b ^ c", "a * (b ^ c)"),
        ("a ^ b ^ c", "a ^ (b ^ c)"),
        ("a - b - c", "(a - b) - c"),
        ("-a * b", "(-a) * b"),
        ("-a ^ b", "-(a ^ b)"),
        ("a * -b ^ c", "a * (-(b ^ c))"),
        ("a ^ -b * c", "(a ^ (-b)) * c"),
        ("a % b atan2 c", "(a % b) atan2 c"),
    ] {
        let strip = |e: crate::query::promql::Expr| {
            fn bare(e: &crate::query::promql::Expr) -> String {
                match &e.bare().kind {
                    Kind::Binary(b) => format!("({} {} {})", bare(&b.lhs), b.op, bare(&b.rhs)),
                    Kind::Unary(_, inner) => format!("(-{})", bare(inner)),
                    _ => e.to_string(),
                }
            }
            bare(&e)
        };
        assert_eq!(
            strip(parse(text).unwrap()),
            strip(parse(grouped).unwrap()),
            "{text}"
        );
    }
}

#[test]
fn faults_are_named_with_their_place() {
    for (text, error) in FAULTS {
        let found = parse(text).map_or_else(|e| e.to_string(), |e| format!("parsed: {e}"));
        assert_eq!(found, *error, "{text}");
    }
}

#[test]
fn depth_and_length_are_bounded() {
    let deep = |n: usize| format!("{}1{}", "(".repeat(n), ")".repeat(n));
    assert!(parse(&deep(usize::from(MAX_DEPTH) - 2)).is_ok());
    for text in [
        deep(50_000),
        "-".repeat(50_000) + "1",
        vec!["a"; 50_000].join(" + "),
        vec!["a"; 50_000].join(" ^ "),
        format!("{}a{}", "abs(".repeat(20_000), ")".repeat(20_000)),
        format!("foo[{}1{}]", "(".repeat(50_000), ")".repeat(50_000)),
        format!("a{}", "[1m:]".repeat(30_000)),
    ] {
        let error = parse(&text).unwrap_err().message;
        let known = error.contains("nests deeper") || error.contains("subquery is only allowed");
        assert!(known, "{error}");
    }
    assert!(
        parse(&"a".repeat(300_000))
            .unwrap_err()
            .message
            .contains("bytes")
    );
}

#[test]
fn words_of_the_grammar_may_name_metrics_and_labels() {
    for text in [
        "sum",
        "offset",
        "by{on=\"x\"}",
        "start + end",
        "count_values",
        "sum by (by) (without)",
        "step",
    ] {
        assert_eq!(
            parse(text).unwrap().value_type(),
            ValueType::Vector,
            "{text}"
        );
    }
    assert!(parse("foo offset").is_err());
    assert!(parse("bool").is_err());
    assert!(parse("on(foo)[5m:]").is_err());
}

#[test]
fn spans_cover_what_was_written() {
    let text = "sum(rate(foo[5m] offset 1m)) / (bar)";
    let tree = parse(text).unwrap();
    let Kind::Binary(b) = &tree.kind else {
        panic!()
    };
    let show = |e: &crate::query::promql::Expr| &text[e.span.start..e.span.end];
    assert_eq!(
        (show(&b.lhs), show(&b.rhs)),
        ("sum(rate(foo[5m] offset 1m))", "(bar)")
    );
    let inner = b.lhs.children()[0].children()[0];
    assert_eq!(show(inner), "foo[5m] offset 1m");
}
