//! The dialect against what Go's `regexp` answers, and the fast paths against the automaton.

use crate::base::regex::{MAX_PATTERN, Regex, RegexError};

/// Pattern, text, whether Go's `regexp` finds a match.
const FOUND: &[(&str, &str, bool)] = &[
    (r"\d", "٣", false),
    (r"\d", "3", true),
    (r"\w", "é", false),
    (r"\W", "é", true),
    (r"\s", "\u{a0}", false),
    (r"\s", "\x0b", false),
    (r"\S", "\x0b", true),
    (r"[\d]", "٣", false),
    (r"[^\d]", "٣", true),
    (r"[\D]", "5", false),
    (r"[a\W]", "é", true),
    (r"\bé", "é", false),
    (r"é\b", "éa", true),
    (r"\Ba", "éa", false),
    (r"\Qa.b\E", "axb", false),
    (r"\Qa.b\E+", "a.bb", true),
    (r"^\Qa[b", "a[b", true),
    (r"\Q\E", "", true),
    ("a{,2}", "a{,2}", true),
    ("a{,2}", "aa", false),
    ("{", "{", true),
    ("a{", "a{", true),
    ("a{1", "a{1", true),
    ("a{x}", "a{x}", true),
    ("a{01}", "a{01}", true),
    ("^a{2}$", "aa", true),
    ("^a{2,}$", "aaa", true),
    ("^a{0,1}$", "", true),
    ("}", "}", true),
    ("]", "]", true),
    ("[]]", "]", true),
    ("[^]]", "]", false),
    ("^[a&&b]+$", "&ab", true),
    ("^[+--]+$", ",", true),
    ("^[[a]$", "[", true),
    ("^[[a]+]$", "[a]", true),
    ("^[a~~b]+$", "~", true),
    ("^[a-]$", "-", true),
    ("^[-a]$", "-", true),
    (r"^[\]]$", "]", true),
    (r"^[\x41-\x43]$", "B", true),
    (r"^[[:alpha:]]+$", "ab", true),
    (r"^[[:^alpha:]]+$", "12", true),
    (r"^[[:word:]]+$", "a_1", true),
    (r"\07", "\x07", true),
    (r"\101", "A", true),
    (r"\0", "\0", true),
    (r"\x41", "A", true),
    (r"\x{1F600}", "😀", true),
    (r"\<a\>", "<a>", true),
    (r"\_\-\@\!\ ", "_-@! ", true),
    (r"\pN", "٣", true),
    (r"\p{Greek}", "β", true),
    (r"\p{^Greek}", "β", false),
    (r"\P{^Greek}", "β", true),
    ("(?i)straße", "STRASSE", false),
    ("(?i)abc", "aBC", true),
    ("(?i)k", "\u{212a}", true),
    ("a(?i:b)c", "aBc", true),
    ("(?i-s)a.b", "A\nB", false),
    ("(?s)a.b", "a\nb", true),
    ("(?m)^b$", "a\nb\nc", true),
    ("a$", "a\n", false),
    (r"a\z", "a", true),
    ("(?P<x>a)(?<y>b)", "ab", true),
    ("(?U)a+", "aa", true),
    ("(?ii)a", "A", true),
    ("(?i-i)a", "A", false),
    ("a#b c", "a#b c", true),
    ("^(?:a|b|)$", "", true),
    (r"^\t\n\f\r\v\a$", "\t\n\x0c\r\x0b\x07", true),
];

/// Patterns that Go refuses.
const REFUSED: &[&str] = &[
    "(",
    ")",
    "a)",
    "[",
    "[a",
    "[b-a]",
    "[a--z]",
    "*",
    "+a",
    "?",
    "a**",
    "a+*",
    "a*+",
    "a{2}{3}",
    "a*??",
    "a{1001}",
    "a{2,1}",
    "a{1,1001}",
    "a{99999999999}",
    r"\",
    r"\1",
    r"\8",
    r"\C",
    r"\E",
    r"\Z",
    r"\y",
    r"\é",
    r"\xZ",
    r"\x{110000}",
    r"\x{",
    r"\pX{",
    r"\p{NoSuch}",
    "(?=a)",
    "(?!a)",
    "(?<=a)",
    "(?<!a)",
    "(?#c)",
    "(?x)a",
    "(?u)a",
    "(?R)a",
    "(?i",
    "(?-)",
    "(?P<>a)",
    "(?P<a",
    "(?P<n>a)(?P<n>b)",
    "[[:foo:]]",
    r"[a-\d]",
    "(?)",
    "a|*",
];

#[test]
fn patterns_mean_what_they_mean_in_go() {
    for (pattern, text, found) in FOUND {
        let regex = Regex::new(pattern).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(regex.is_match(text), *found, "{pattern:?} in {text:?}");
        assert_eq!(
            regex.find(text).is_some(),
            *found,
            "{pattern:?} in {text:?}"
        );
    }
}

#[test]
fn what_go_refuses_is_refused() {
    for pattern in REFUSED {
        assert!(Regex::new(pattern).is_err(), "{pattern:?} was accepted");
        assert!(
            Regex::anchored(pattern).is_err(),
            "{pattern:?} was accepted"
        );
    }
}

/// Patterns and texts for the comparison of the fast paths with the automaton.
const SHAPES: &[&str] = &[
    "",
    "a",
    "a|b",
    "a|b|",
    "(a|b)c",
    "a[bc]d",
    "foo.*",
    "foo.+",
    ".*foo",
    ".+foo",
    ".*foo.*",
    ".*",
    ".+",
    "(.*)",
    "(foo).*",
    "(?i)foo",
    "(?i)fo.*",
    "foo|bar.*",
    "foo.*bar",
    "f.o",
    "foo.*|foo",
    "[0-9]+",
    "(?:foo|bar)baz",
    "foo?",
    "(?-s).*",
    "(?-s)foo.*",
    "^foo$",
    "foo$|bar",
    "\\bfoo",
    "api/v1/.*",
    "한글.*",
    "a{3}",
    ".?",
    ".{2}",
    "a.*b.*",
    "x*",
    "one|two|three|four|five|six|seven|eight|nine|ten",
    "(a|b|c|d|e|f|g|h)(a|b|c|d|e|f|g|h)(a|b|c|d|e|f|g|h)(a|b|c|d|e|f|g|h)",
];
const TEXTS: &[&str] = &[
    "", "a", "b", "ac", "bc", "abd", "acd", "foo", "foox", "xfoo", "xfoox", "FOO", "foobar", "bar",
    "barx", "foo\nbar", "\n", "fo", "fooxbar", "foobaz", "barbaz", "12", "api/v1/x", "한글",
    "한글x", "aaa", "ab", "three", "ten", "abcd", "x", "axbx", "é", "éé",
];

#[test]
fn fast_paths_answer_as_the_automaton() {
    for pattern in SHAPES {
        let fast = Regex::anchored(pattern).unwrap();
        let slow = regex::Regex::new(&format!("^(?s:{pattern})$")).unwrap();
        for text in TEXTS {
            let want = slow.is_match(text);
            assert_eq!(fast.is_match(text), want, "{pattern:?} on {text:?}");
            assert_eq!(
                fast.expand(text, "x").is_some(),
                want,
                "{pattern:?} on {text:?}"
            );
            if want {
                assert!(text.starts_with(fast.prefix()), "{pattern:?} on {text:?}");
            }
            if let Some(all) = fast.literals() {
                assert_eq!(
                    all.iter().any(|l| l == text),
                    want,
                    "{pattern:?} on {text:?}"
                );
            }
        }
    }
}

#[test]
fn an_index_can_be_asked() {
    let literals = |p: &str| {
        Regex::anchored(p)
            .unwrap()
            .literals()
            .map(<[String]>::to_vec)
    };
    assert_eq!(
        literals("GET|POST"),
        Some(vec!["GET".to_owned(), "POST".to_owned()])
    );
    assert_eq!(
        literals("a[12]"),
        Some(vec!["a1".to_owned(), "a2".to_owned()])
    );
    assert_eq!(literals(""), Some(vec![String::new()]));
    assert_eq!(literals("a.*"), None);
    assert_eq!(literals("a$|b"), None);
    let prefix = |p: &str| Regex::anchored(p).unwrap().prefix().to_owned();
    assert_eq!(prefix("/api/v1/.*"), "/api/v1/");
    assert_eq!(prefix("node_(memory|load).*"), "node_");
    assert_eq!(prefix("a|b.*"), "");
}

#[test]
fn templates_are_filled_as_in_go() {
    let regex = Regex::anchored("(?P<first>[a-z]+)-(.*)").unwrap();
    for (template, want) in [
        ("$1", "ab"),
        ("${1}x", "abx"),
        ("$1x", ""),
        ("$first/$2", "ab/c-d"),
        ("$$1", "$1"),
        ("$9", ""),
        ("a$", "a$"),
    ] {
        assert_eq!(
            regex.expand("ab-c-d", template).as_deref(),
            Some(want),
            "{template}"
        );
    }
    assert_eq!(regex.expand("AB", "$1"), None);
    assert_eq!(
        Regex::anchored("a|b")
            .unwrap()
            .expand("a", "[$0]")
            .as_deref(),
        Some("[a]")
    );
}

#[test]
fn bombs_are_refused_early() {
    let long = "a".repeat(MAX_PATTERN + 1);
    assert_eq!(
        Regex::new(&long),
        Err(RegexError::TooLong {
            len: MAX_PATTERN + 1
        })
    );
    let started = std::time::Instant::now();
    for bomb in [
        "(((a{100}){100}){100}){100}".to_owned(),
        r"\pL{1000}".repeat(100),
        "(".repeat(2000) + &")".repeat(2000),
        "(?i)[a-z]{1000}{1000}".to_owned(),
        "(x+x+)+y".to_owned(),
    ] {
        if let Ok(regex) = Regex::anchored(&bomb) {
            assert!(!regex.is_match(&"x".repeat(10_000)));
        }
    }
    assert!(started.elapsed().as_secs() < 30);
}
