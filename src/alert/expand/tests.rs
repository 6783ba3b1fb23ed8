//! One text, what it becomes.

use super::*;
use crate::alert::Question;
use crate::alert::expand::functions::table;
use crate::config::rules::TEMPLATE_FUNCTIONS;
use crate::model::answer::{self, VectorPoint};
use crate::model::sample::Sample;

/// Answers every query with two samples.
struct Two;

impl Ask for Two {
    fn ask(&self, question: &Question<'_>) -> Result<answer::Value, String> {
        let (expr, t) = (question.expr, question.t);
        if expr == "bad" {
            return Err("no such thing".to_owned());
        }
        let point = |instance: &str, v: f64| VectorPoint {
            labels: Labels::from_pairs([("__name__", "m"), ("instance", instance)]),
            sample: Sample { t, v },
        };
        Ok(answer::Value::Vector(match expr {
            "none" => vec![],
            _ => vec![point("b", 11.0), point("a", 21.0)],
        }))
    }
}

fn render(text: &str) -> String {
    let external = Labels::from_pairs([("site", "seoul")]);
    let expander = Expander::new(
        Arc::new(Two),
        Language::PromQl,
        1_435_065_584_128,
        &external,
        "http://mon:9090/prom",
    );
    let labels = Labels::from_pairs([("__name__", "up"), ("instance", "web1:9100"), ("job", "n")]);
    let one = One::new(&labels, 0.25);
    let rendered = Text::new(text).render(&one, &expander);
    // What needs no engine says the same as the engine.
    if matches!(Text::new(text), Text::Simple(_)) {
        let same = Text::new(&format!("{{{{ if true }}}}{text}{{{{ end }}}}"));
        assert!(matches!(same, Text::Template(_)));
        assert_eq!(rendered, same.render(&one, &expander), "{text}");
    }
    rendered
}

#[test]
fn simple_texts_need_no_engine() {
    for (text, simple) in [
        ("{{ $labels.instance }} is {{$value}}", true),
        ("{{ .Labels.job }}: {{ $value | humanizePercentage }}", true),
        ("{{ humanizeDuration .Value }}", true),
        ("{{ $value | humanize | toUpper }}", false),
        ("{{- $value }}", false),
        ("{{ $labels }}", false),
        ("{{ $labels.job | toUpper }}", false),
        ("{{ $value | printf \"%.1f\" }}", false),
        ("{{ \"}}\" }}", false),
        ("{{ $labels.a.b }}", false),
        ("{{ $labels.job", false),
    ] {
        let found = matches!(Text::new(text), Text::Simple(_));
        assert_eq!(found, simple, "{text}");
        render(text);
    }
}

#[test]
fn templates_say_what_prometheus_says() {
    for (text, want) in [
        ("plain", "plain"),
        ("Instance {{ $labels.instance }} ", "Instance web1:9100 "),
        ("{{ $labels }}", "map[__name__:up instance:web1:9100 job:n]"),
        ("{{ $value }}", "0.25"),
        ("{{ $value | printf \"%.2f\" }}%", "0.25%"),
        ("{{ printf \"%.1f\" $value }}", "0.2"),
        ("{{ $labels.nope }}", ""),
        ("{{ $externalLabels.site }}", "seoul"),
        (
            "{{ $externalURL }}|{{ externalURL }}|{{ pathPrefix }}",
            "http://mon:9090/prom|http://mon:9090/prom|/prom",
        ),
        ("{{ humanizePercentage $value }}", "25%"),
        ("{{ $value | humanizePercentage }}", "25%"),
        ("{{ humanize 1234567.0 }}", "1.235M"),
        ("{{ humanize \"1234567\" }}", "1.235M"),
        ("{{ humanizeDuration 899.99 }}", "14m 59s"),
        (
            "{{ humanizeTimestamp 1435065584.128 }}",
            "2015-06-23 13:19:44.128 +0000 UTC",
        ),
        (
            "{{ range query \"m\" }}{{ .Labels.instance }}:{{ .Value }} {{ end }}",
            "b:11 a:21 ",
        ),
        (
            "{{ query \"m\" | sortByLabel \"instance\" | first | label \"instance\" }}",
            "a",
        ),
        ("{{ query \"m\" | first | value }}", "11"),
        ("{{ query \"m\" | first | strvalue }}", ""),
        (
            "{{ with query \"none\" }}some{{ else }}none{{ end }}",
            "none",
        ),
        ("{{ if gt $value 0.2 }}high{{ end }}", "high"),
        ("{{ if match \"w.b\" $labels.instance }}yes{{ end }}", "yes"),
        (
            "{{ reReplaceAll \":\\\\d+\" \"\" $labels.instance }}",
            "web1",
        ),
        ("{{ stripPort $labels.instance }}", "web1"),
        (
            "{{ $labels.instance | toUpper }} {{ title \"a b\" }}",
            "WEB1:9100 A B",
        ),
        ("{{ tableLink \"up\" }}", "/graph?g0.expr=up&g0.tab=1"),
        ("{{ urlQueryEscape \"a b\" }}", "a+b"),
        ("{{ parseDuration \"1h2m10ms\" }}", "3720.01"),
        ("{{ now }}", "1.435065584128e+09"),
        ("{{ (toTime 1435065584.0).Year }}", "2015"),
        ("{{ args 1 2 }}", "map[arg0:1 arg1:2]"),
        ("{{ .Labels.job }}", "n"),
        ("{{/* a remark */}}x{{- \" y\" }}", "x y"),
    ] {
        assert_eq!(render(text), want, "{text}");
    }
}

#[test]
fn what_cannot_be_rendered_says_so() {
    for text in [
        "{{ query \"bad\" }}",
        "{{ query \"none\" | first }}",
        "{{ .Nope }}",
        "{{ humanize \"x\" }}",
        "{{ nope }}",
        "{{ $value ",
        "{{ tmpl \"x\" 1 }}",
    ] {
        let said = render(text);
        assert!(
            said.starts_with("<error expanding template: "),
            "{text}: {said}"
        );
    }
}

/// The configuration refuses by these names what could not be rendered.
#[test]
fn the_check_knows_every_function() {
    for name in TEMPLATE_FUNCTIONS {
        let said = Library::new(table()).text(&format!("{{{{ {name} }}}}"));
        assert!(said.is_ok(), "{name}: {said:?}");
    }
}

#[test]
fn a_template_that_never_ends_is_stopped() {
    let said = render("{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}");
    assert!(said.starts_with("<error expanding template: "), "{said}");
}
