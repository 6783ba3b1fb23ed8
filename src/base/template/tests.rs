//! Templates by example: what Go prints for them.

use super::*;
use chrono::{DateTime, FixedOffset};
use proptest::prelude::*;

fn library() -> Library {
    let functions = Functions::new()
        .with("toUpper", |_, args| {
            Ok(Value::String(text(args, 0)?.to_uppercase().into()))
        })
        .with("twice", |_, args| {
            let one = args[0].clone();
            Ok(list([one.clone(), one]))
        })
        .with("who", |scope, _| {
            let name = scope.context::<String>();
            Ok(name.map_or(Value::Nil, |n| Value::String(n.as_str().into())))
        });
    Library::new(
        functions.with_methods(|value, name, _| match (value, name) {
            (Value::List(items), "First") => Some(Ok(items[0].clone())),
            _ => None,
        }),
    )
}

fn data() -> Value {
    let at = DateTime::<FixedOffset>::parse_from_rfc3339("2026-03-01T09:05:07.25Z").unwrap();
    structure(
        "Data",
        [
            ("Status", Value::String("firing".into())),
            ("Labels", map([("severity", "critical"), ("job", "<a&b>")])),
            ("Value", Value::Float(1e-7)),
            ("StartsAt", time_value(at, "UTC")),
            ("Items", list([Value::Int(1), Value::Int(2)])),
        ],
    )
}

fn render(source: &str) -> String {
    match library().text(source).and_then(|t| t.render(&data())) {
        Ok(text) => text,
        Err(e) => format!("error: {e}"),
    }
}

#[test]
fn texts_come_out_as_go_prints_them() {
    for (source, wanted) in [
        ("{{ .Status | toUpper }}", "FIRING"),
        (
            "{{ .Labels.severity }}/{{ .Labels.nothing }}.",
            "critical/.",
        ),
        ("{{ .Labels }}", "map[job:<a&b> severity:critical]"),
        (
            "{{ .Value }} {{ printf \"%.2f\" 2.5 }} {{ 3.0 }}",
            "1e-07 2.50 3",
        ),
        (
            "{{ .StartsAt.Format \"Mon Jan _2 15:04:05.000 2006\" }}",
            "Sun Mar  1 09:05:07.250 2026",
        ),
        (
            "{{ .StartsAt.Unix }} {{ .StartsAt.Year }}",
            "1772355907 2026",
        ),
        ("{{ .StartsAt }}", "2026-03-01 09:05:07.25 +0000 UTC"),
        ("{{ (.StartsAt.Add 28800e9).Format \"15:04\" }}", "17:05"),
        ("{{ (.StartsAt.Sub .StartsAt) }}", "0s"),
        (
            "{{ .Items.First }} {{ len .Items }} {{ index .Items 1 }}",
            "1 2 2",
        ),
        (
            "{{ index .Labels \"job\" }}{{ index .Labels \"no\" }}",
            "<a&b>",
        ),
        (
            "{{ range $i, $e := .Items }}{{ $i }}={{ $e }} {{ else }}none{{ end }}",
            "0=1 1=2 ",
        ),
        (
            "{{ define \"a\" }}[{{ .job }}]{{ end }}{{ template \"a\" .Labels }}",
            "[<a&b>]",
        ),
        (
            "{{ if eq .Status \"resolved\" \"firing\" }}yes{{ end }}",
            "yes",
        ),
        (
            "{{ .Labels.job | html }} {{ .Labels.job | urlquery }}",
            "&lt;a&amp;b&gt; %3Ca%26b%3E",
        ),
        ("{{ print .Items \"x\" }}", "[1 2]x"),
        ("{{ $x := .Status }}{{ $x = \"b\" }}{{ $x }}", "b"),
        (
            "{{ .Labels.severity.x }}",
            "error: there is no field x in string",
        ),
        ("{{ .Nothing }}", "error: there is no field Nothing in Data"),
        (
            "{{ nothing 1 }}",
            "error: line 1, column 4: there is no function \"nothing\"",
        ),
        (
            "{{ template \"b\" . }}",
            "error: there is no template \"b\"",
        ),
    ] {
        assert_eq!(render(source), wanted, "{source}");
    }
}

#[test]
fn values_are_escaped_by_where_they_stand_in_html() {
    let source = "<a href=\"/?q={{ .Labels.job }}\">{{ .Labels.job }}</a>{{ .StartsAt.Year }}";
    let html = library().html(source).unwrap().render(&data()).unwrap();
    assert_eq!(html, "<a href=\"/?q=%3ca%26b%3e\">&lt;a&amp;b&gt;</a>2026");
}

#[test]
fn defines_of_several_texts_share_one_library() {
    let mut library = library();
    library.add("{{ define \"a\" }}1{{ end }}").unwrap();
    library
        .add("{{ define \"b\" }}{{ template \"a\" }}2{{ end }}")
        .unwrap();
    let names: Vec<&str> = library.names().collect();
    assert_eq!(names, ["a", "b"]);
    let template = library.text("{{ template \"b\" . }}").unwrap();
    assert_eq!(template.render(&Value::Nil).unwrap(), "12");
}

#[test]
fn functions_see_the_context_of_their_rendering() {
    let template = library().text("{{ who }}").unwrap();
    let context = Some(Arc::new("Kim".to_owned()) as Arc<dyn Any + Send + Sync>);
    let text = template.render_within(&Value::Nil, &Limits::default(), context);
    assert_eq!(text.unwrap(), "Kim");
    assert_eq!(template.render(&Value::Nil).unwrap(), "<no value>");
}

#[test]
fn nothing_runs_without_an_end() {
    for (source, wanted) in [
        (
            "{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}",
            "recursion",
        ),
        (
            "{{ define \"a\" }}{{ template \"a\" . }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}",
            "recursion",
        ),
        (
            "{{ define \"a\" }}{{ if .X }}{{ template \"a\" .X }}{{ template \"a\" .X }}{{ end }}{{ end }}{{ template \"a\" .Deep }}",
            "too many steps",
        ),
        ("{{ range 100000000 }}{{ end }}", "more than 200000 times"),
        (
            "{{ range 100000 }}0123456789012345678901234567890123456789{{ end }}",
            "writes more",
        ),
        (
            "{{ $x := \"aaaaaaaa\" }}{{ range 1000 }}{{ $x = printf \"%s%s\" $x $x }}{{ end }}",
            "too long",
        ),
        (
            "{{ $x := 1 }}{{ range 1000 }}{{ $x = twice $x }}{{ end }}",
            "100000 parts",
        ),
        (
            "{{ $x := 1 }}{{ range 12 }}{{ $x = twice $x }}{{ end }}{{ $x }}",
            "too long",
        ),
    ] {
        let mut deep = Value::Nil;
        for _ in 0..40 {
            deep = map([("X", deep)]);
        }
        let data = map([("Deep", deep)]);
        let template = library().text(source).unwrap();
        let limits = Limits {
            output: 10_000,
            steps: 20_000,
            time: Duration::from_mins(10),
        };
        let error = template.render_within(&data, &limits, None).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(wanted), "{source}: {error}");
    }
}

#[test]
fn durations_read_as_in_go() {
    for (nanos, wanted) in [
        (0, "0s"),
        (1, "1ns"),
        (1_500_000, "1.5ms"),
        (-90_000_000_000, "-1m30s"),
        (3_723_500_000_000, "1h2m3.5s"),
    ] {
        assert_eq!(duration(nanos).to_string(), wanted);
    }
}

proptest! {
    #[test]
    fn no_text_panics(source in "(\\{\\{|\\}\\}|range|if|end|define|\"|\\.|\\$x|:=| |a|\\(|\\)|\\||template|printf|[0-9]|\\PC){0,24}") {
        let _ = library().text(&source).and_then(|t| t.render(&data()));
        let _ = library().html(&source).and_then(|t| t.render(&data()));
    }

    #[test]
    fn a_shown_time_is_read_back(seconds in -62_135_596_800_i64..253_402_300_799, nanos in 0u32..1_000_000_000, quarter in -48i32..56) {
        let at = DateTime::from_timestamp(seconds, nanos).unwrap();
        let zone = FixedOffset::east_opt(quarter * 900).unwrap();
        let at = at.with_timezone(&zone);
        prop_assume!(chrono::Datelike::year(&at) >= 1 && chrono::Datelike::year(&at) <= 9999);
        let shown = time_value(at, "XST").to_string();
        prop_assert_eq!(parse_shown_time(&shown), Some((at, "XST")));
    }

    #[test]
    fn any_layout_formats(layout in "\\PC{0,40}") {
        let at = DateTime::from_timestamp(0, 0).unwrap().fixed_offset();
        let _ = format_time(at, "UTC", &layout);
    }
}
