//! One template, one result.

use crate::base::template::sprig::add_to;
use crate::base::template::{Functions, Library, Value, open_map};

fn render(text: &str) -> Result<String, String> {
    let library = Library::new(add_to(Functions::new()));
    let template = library.text(text).map_err(|e| e.to_string())?;
    let data = open_map([("name", Value::String("ab Cd".into()))]);
    template.render(&data).map_err(|e| e.to_string())
}

#[test]
fn functions_give_what_sprig_gives() {
    for (text, want) in [
        (r"{{ .missing }}", "<no value>"),
        (r"{{ if .missing }}x{{ else }}y{{ end }}", "y"),
        (r#"{{ coalesce .missing "" "z" }}"#, "z"),
        (r#"{{ ternary "a" "b" (empty "") }}"#, "a"),
        (
            r#"{{ snakecase "FirstName" }} {{ kebabcase "FirstName" }}"#,
            "first_name first-name",
        ),
        (r#"{{ camelcase "http_server" }}"#, "HttpServer"),
        (
            r"{{ initials .name }}|{{ nospace .name }}|{{ swapcase .name }}",
            "aC|abCd|AB cD",
        ),
        (
            r#"{{ plural "one" "many" 1 }} {{ plural "one" "many" 2 }}"#,
            "one many",
        ),
        (r#"{{ abbrev 5 "hello world" }}"#, "he..."),
        (
            r#"{{ quote "a" "b" }} {{ squote "a" }} {{ cat 1 "x" }}"#,
            r#""a" "b" 'a' 1 x"#,
        ),
        (r#"{{ (split "$" "a$b$c")._1 }}"#, "b"),
        (r#"{{ join "-" (splitList "," "a,b") }}"#, "a-b"),
        (r#"{{ regexFind "[a-z][1-9]" "ab1c2" }}"#, "b1"),
        (r#"{{ regexFindAll "[0-9]" "1a2b3" 2 }}"#, "[1 2]"),
        (r#"{{ regexMatch "^a.c$" "abc" }}"#, "true"),
        (r#"{{ regexSplit "z+" "pizza" -1 }}"#, "[pi a]"),
        (
            r#"{{ base "/a/b.log" }} {{ dir "/a/b.log" }} {{ ext "/a/b.log" }}"#,
            "b.log /a .log",
        ),
        (r#"{{ clean "a/../b//c" }}"#, "b/c"),
    ] {
        assert_eq!(render(text).as_deref(), Ok(want), "{text}");
    }
}

#[test]
fn lists_numbers_and_digests_too() {
    for (text, want) in [
        (
            r"{{ first (list 1 2) }} {{ last (list 1 2) }} {{ rest (list 1 2 3) }}",
            "1 2 [2 3]",
        ),
        (
            r#"{{ without (list "a" "b") "a" }} {{ has "b" (list "b") }}"#,
            "[b] true",
        ),
        (
            r"{{ uniq (list 1 1 2) }} {{ reverse (list 1 2) }}",
            "[1 2] [2 1]",
        ),
        (
            r#"{{ get (dict "k" "v") "k" }} {{ hasKey (dict "k" 1) "x" }}"#,
            "v false",
        ),
        (r#"{{ dig "a" "b" "none" (dict "a" (dict "b" "c")) }}"#, "c"),
        (r#"{{ toJson (dict "a" 1) }}"#, r#"{"a":1}"#),
        (
            r"{{ seq 3 }} {{ until 3 }} {{ untilStep 0 6 2 }}",
            "1 2 3 [0 1 2] [0 2 4]",
        ),
        (r"{{ add1 4 }} {{ biggest 1 9 3 }}", "5 9"),
        (
            r#"{{ sha1sum "abc" }}"#,
            "a9993e364706816aba3e25717850c26c9cd0d89d",
        ),
        (r#"{{ adler32sum "Wikipedia" }}"#, "300286872"),
        (
            r#"{{ b32enc "hello" }} {{ b32dec "NBSWY3DP" }} {{ b32enc "hi" }}"#,
            "NBSWY3DP hello NBUQ====",
        ),
        (
            r#"{{ duration 95 }} {{ durationRound "2h10m5s" }}"#,
            "1m35s 2h",
        ),
        (r#"{{ kindOf "x" }} {{ kindIs "int64" 1 }}"#, "string true"),
        (r#"{{ wrap 5 "aa bb cc" }}"#, "aa bb\ncc"),
        (
            r#"{{ dateInZone "2006-01-02 15:04" 0 "Asia/Seoul" }}"#,
            "1970-01-01 09:00",
        ),
        (r"{{ len (uuidv4) }} {{ len (randAlphaNum 7) }}", "36 7"),
    ] {
        assert_eq!(render(text).as_deref(), Ok(want), "{text}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    assert!(render("{{ fail \"no\" }}").unwrap_err().contains("no"));
    assert!(
        render("{{ untilStep 0 1000000 1 }}")
            .unwrap_err()
            .contains("10000")
    );
    assert!(render("{{ set 1 2 3 }}").unwrap_err().contains("set"));
    assert!(
        render("{{ ternary 1 2 }}")
            .unwrap_err()
            .contains("wrong number")
    );
}
