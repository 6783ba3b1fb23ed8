//! The grammar: what is printed, where faults lie, and that no text breaks it.

use bongsu::query::logql;
use proptest::prelude::*;

fn printed(query: &str) -> String {
    logql::parse(query).unwrap().to_string()
}

#[test]
fn queries_print_on_one_line() {
    for (query, want) in [
        ("{a=`b`}", "{a=\"b\"}"),
        (
            "{ a = \"b\" , c !~ \"d\" }|=\"x\" or \"y\"\n| json # all of it",
            "{a=\"b\", c!~\"d\"} |= \"x\" or \"y\" | json",
        ),
        (
            "{a=\"b\"}|logfmt --strict x,y=\"z\"|x>5m,y=1KiB or z<-1.5",
            "{a=\"b\"} | logfmt --strict x, y=\"z\" | ((x>5m and y==1024B) or z<-1.5)",
        ),
        (
            "sum(rate({a=\"b\"}[90s] offset -1h |= \"x\")) by (c)",
            "sum by (c) (rate({a=\"b\"} |= \"x\" [1m30s] offset -1h))",
        ),
        (
            "Topk(3, vector(1)) > bool on(x) group_left(y) (2 ^ 3 ^ 2)",
            "topk(3, vector(1)) > bool on (x) group_left (y) 512",
        ),
        ("1 + 2 * 3", "7"),
        ("1 / 0", "(0 / 0)"),
        (
            "avg_over_time({a=\"b\"} | unwrap duration(took) | __error__=\"\" [5m]) without (c)",
            "avg_over_time({a=\"b\"} | unwrap duration(took) | __error__=\"\" [5m]) without (c)",
        ),
        (
            "{a=\"b\"} | label_format x=y,z=\"{{.q}}\" | drop a, b=\"c\" | keep d",
            "{a=\"b\"} | label_format x=y, z=\"{{.q}}\" | drop a, b=\"c\" | keep d",
        ),
    ] {
        assert_eq!(printed(query), want);
        assert_eq!(printed(want), want);
    }
}

#[test]
fn a_label_may_be_called_like_a_stage_or_a_function() {
    for query in [
        "{rate=\"x\", sum=\"y\", json=\"z\"}",
        "{a=\"b\"} | json=\"x\" | drop=\"y\" | bytes>5 | ip=\"1\"",
        "count by (count, by) (rate({a=\"b\"}[1m]))",
    ] {
        logql::parse(query).unwrap();
    }
}

#[test]
fn faults_say_where() {
    for (query, line, column, said) in [
        ("{a=\"b\"}\n| json\n  ! x", 3, 3, "unexpected character '!'"),
        ("{a=\"한글\"} \"x\"", 1, 10, "unexpected STRING"),
        ("{}", 1, 1, "queries require at least one"),
        ("{a=~\".*\"}", 1, 1, "queries require at least one"),
        ("rate({a=\"b\"}[0s])", 1, 13, "not a valid duration"),
        ("", 1, 1, "unexpected $end"),
        ("-count_over_time({a=\"b\"}[1m])", 1, 2, "expecting NUMBER"),
    ] {
        let fault = logql::parse(query).unwrap_err();
        assert_eq!(
            (fault.line, fault.column),
            (line, column),
            "{query}: {fault}"
        );
        assert!(fault.message.contains(said), "{query}: {fault}");
    }
}

#[test]
fn what_nests_or_repeats_without_end_is_refused() {
    let deep = format!("{}{{a=\"b\"}}{}", "(".repeat(5000), ")".repeat(5000));
    let long = format!("{{a=\"b\"}}{}", " |= \"x\"".repeat(5000));
    let chain = format!("vector(1){}", " + vector(1)".repeat(5000));
    let large = " ".repeat(logql::MAX_QUERY + 1);
    for query in [deep, long, chain, large] {
        assert!(logql::parse(&query).is_err());
    }
}

proptest! {
    #[test]
    fn no_text_breaks_the_parser(text in any::<String>()) {
        let _ = logql::parse(&text);
    }

    #[test]
    fn words_of_the_language_in_any_order_are_read_or_refused(
        words in prop::collection::vec(prop::sample::select(WORDS), 0..24)
    ) {
        let text = words.join(" ");
        if let Ok(tree) = logql::parse(&text) {
            let again = logql::parse(&tree.to_string());
            // NaN equals nothing, so the texts are compared.
            prop_assert_eq!(again.unwrap().to_string(), tree.to_string());
        }
    }
}

const WORDS: &[&str] = &[
    "{a=\"b\"}",
    "{a=\"b\"}",
    "|",
    "|=",
    "!~",
    "\"x\"",
    "json",
    "logfmt",
    "or",
    "and",
    "a",
    "=",
    "==",
    ">",
    "5",
    "5m",
    "1KiB",
    "[5m]",
    "[5m]",
    "(",
    ")",
    "(",
    ")",
    "rate",
    "sum",
    "by",
    "count_over_time",
    "unwrap",
    "offset",
    "-",
    "+",
    "^",
    ",",
    "ip(\"::1\")",
    "drop",
    "vector(1)",
    "on",
    "group_left",
    "bool",
    "--strict",
];
