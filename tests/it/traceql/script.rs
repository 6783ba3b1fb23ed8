//! Scripts under `tests/traceql`: spans in, query, spans out. The language stands in
//! `tests/traceql/README.md`.

use bongsu::base::units;
use bongsu::model::exemplar::Exemplar;
use bongsu::model::labels::Labels;
use bongsu::model::span::{
    Attribute, Attributes, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink,
    SpanStatus, Trace, TraceId,
};
use bongsu::model::time::Steps;
use bongsu::query::traceql;
use bongsu::query::traceql::ast::Body;
use bongsu::query::traceql::eval::Program;
use bongsu::query::traceql::metrics::Run;
use bongsu::query::traceql::relate::Tree;
use std::path::Path;
use std::sync::Arc;

struct Named {
    name: String,
    trace: Trace,
    spans: Vec<String>,
}

fn nanoseconds(text: &str) -> u64 {
    if text == "0" {
        return 0;
    }
    let ms = units::parse_duration_ms(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    ms as u64 * 1_000_000
}

/// Words, kept together where they are quoted or bracketed.
fn words(line: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut quoted = false;
    let mut depth = 0;
    for c in line.trim().chars() {
        match c {
            '"' => quoted = !quoted,
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        if c == ' ' && !quoted && depth == 0 {
            out.push(String::new());
        } else {
            out.last_mut().unwrap().push(c);
        }
    }
    out.retain(|w| !w.is_empty());
    out
}

fn attribute(text: &str) -> Attribute {
    if let Some(inner) = text.strip_prefix('[') {
        let items = inner.trim_end_matches(']').split(',');
        return Attribute::List(items.map(|i| attribute(i.trim())).collect());
    }
    if let Some(inner) = text.strip_prefix('"') {
        return Attribute::text(inner.trim_end_matches('"'));
    }
    match (text, text.parse::<i64>(), text.parse::<f64>()) {
        ("true" | "false", ..) => Attribute::Bool(text == "true"),
        (_, Ok(i), _) => Attribute::Int(i),
        (_, _, Ok(v)) => Attribute::Float(v),
        _ => panic!("{text} is no value"),
    }
}

fn span(line: &str, id: u8, trace: TraceId, parent: Option<SpanId>) -> (String, Span) {
    let words = words(line);
    let (service, name) = words[1].split_once(':').unwrap();
    let (start, end) = words[2].split_once("..").unwrap();
    let (mut attributes, mut of_resource) = (Attributes::new(), Attributes::new());
    of_resource.push(("service.name".into(), Attribute::text(service)));
    let (mut kind, mut status) = (SpanKind::Internal, SpanStatus::Unset);
    let (mut events, mut links, mut scope) = (Vec::new(), Vec::new(), Scope::default());
    for word in &words[3..] {
        if let Some((name, at)) = word.strip_prefix("event:").and_then(|w| w.split_once('@')) {
            events.push(SpanEvent {
                time: nanoseconds(at),
                name: name.into(),
                attributes: Attributes::new(),
            });
        } else if let Some((to, id)) = word.strip_prefix("link:").and_then(|w| w.split_once('/')) {
            links.push(SpanLink {
                trace: TraceId([to.parse().unwrap(); 16]),
                span: SpanId([0, 0, 0, 0, 0, 0, 0, id.parse().unwrap()]),
                attributes: Attributes::new(),
            });
        } else if let Some((name, version)) =
            word.strip_prefix("scope:").and_then(|w| w.split_once('/'))
        {
            (scope.name, scope.version) = (name.into(), version.into());
        } else if let Some((name, value)) = word.split_once('=') {
            let value = attribute(value);
            match name.split_once('.') {
                Some(("resource", name)) => of_resource.push((name.into(), value)),
                Some(("scope", name)) => scope.attributes.push((name.into(), value)),
                Some(("event", name)) => {
                    let last: &mut SpanEvent = events.last_mut().unwrap();
                    last.attributes.push((name.into(), value));
                }
                Some(("link", name)) => {
                    let last: &mut SpanLink = links.last_mut().unwrap();
                    last.attributes.push((name.into(), value));
                }
                _ => attributes.push((name.into(), value)),
            }
        } else if let Some(found) = SpanKind::ALL.iter().find(|k| k.as_str() == word) {
            kind = *found;
        } else if let Some(found) = SpanStatus::ALL.iter().find(|s| s.as_str() == word) {
            status = *found;
        } else {
            panic!("{word} in {line}");
        }
    }
    let span = Span {
        trace,
        id: SpanId([0, 0, 0, 0, 0, 0, 0, id]),
        parent,
        name: name.trim_matches('"').into(),
        kind,
        status,
        status_message: "".into(),
        start: nanoseconds(start),
        end: nanoseconds(end),
        attributes,
        events,
        links,
        resource: Arc::new(Resource {
            attributes: of_resource,
        }),
        scope: Arc::new(scope),
        shared: false,
    };
    (words[0].clone(), span)
}

fn read_trace(name: &str, lines: &[&str], number: u8) -> Named {
    let id = TraceId([number; 16]);
    let mut open: Vec<(usize, SpanId)> = Vec::new();
    let mut named: Vec<(String, Span)> = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let depth = line.len() - line.trim_start().len();
        open.retain(|(d, _)| *d < depth);
        let read = span(line, i as u8 + 1, id, open.last().map(|o| o.1));
        open.push((depth, read.1.id));
        named.push(read);
    }
    let trace = Trace::new(id, named.iter().map(|(_, s)| s.clone()).collect());
    let spans = trace.spans.iter().map(|s| {
        let found = named.iter().find(|(_, n)| n.id == s.id);
        found.unwrap().0.clone()
    });
    Named {
        name: name.to_owned(),
        spans: spans.collect(),
        trace,
    }
}

fn found(query: &str, traces: &[Named]) -> Vec<String> {
    let tree = match traceql::parse(query) {
        Ok(tree) => tree,
        Err(e) => return vec![format!("fails: {}", e.message)],
    };
    let Body::Spans(pipeline) = tree.body else {
        panic!("{query} asks for series");
    };
    let program = Program::new(&pipeline).unwrap();
    let mut out = Vec::new();
    for named in traces {
        let sets = program.run(&Tree::new(&named.trace));
        let told = sets.iter().map(|set| {
            let names = set.spans.iter().map(|i| named.spans[*i as usize].as_str());
            names.collect::<Vec<_>>().join(" ")
        });
        let told: Vec<String> = told.collect();
        if !told.is_empty() {
            out.push(format!("{}: {}", named.name, told.join(" / ")));
        }
    }
    out
}

fn counted(rest: &str, traces: &[Named], exemplars: usize) -> Vec<String> {
    let (window, query) = rest.split_once(' ').unwrap();
    let (range, step) = window.split_once('/').unwrap();
    let (start, end) = range.split_once("..").unwrap();
    let ms = |t: &str| (nanoseconds(t) / 1_000_000) as i64;
    let steps = Steps {
        start: ms(start),
        end: ms(end),
        step: ms(step),
    };
    let tree = match traceql::parse(query) {
        Ok(tree) => tree,
        Err(e) => return vec![format!("fails: {}", e.message)],
    };
    let Body::Metrics(metrics) = tree.body else {
        panic!("{query} asks for spans");
    };
    let mut run = Run::new(&metrics, steps, exemplars).unwrap();
    for named in traces {
        run.add(&named.trace).unwrap();
    }
    let line = |labels: &Labels| {
        let pairs = labels.iter().map(|(n, v)| format!("{n}={v:?}"));
        format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
    };
    let (series, told) = run.finish();
    if exemplars > 0 {
        let name = |e: &Exemplar| {
            let named = traces
                .iter()
                .find(|t| Some(t.trace.id) == e.trace())
                .unwrap();
            let spans = &mut named.trace.spans.iter();
            let at = spans.position(|s| Some(s.id) == e.span()).unwrap();
            format!(" {}/{}@{}={}", named.name, named.spans[at], e.t, e.value)
        };
        let each = told.iter().map(|s| {
            let exemplars = s.exemplars.iter().map(name).collect::<String>();
            format!("{}{exemplars}", line(&s.labels))
        });
        return each.collect();
    }
    let each = series.iter().map(|s| {
        let samples = s.samples.iter().map(|p| format!(" {}={}", p.t, p.v));
        format!("{}{}", line(&s.labels), samples.collect::<String>())
    });
    each.collect()
}

/// Runs one script; with `UPDATE=1` the answers are written into it.
fn run(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut traces: Vec<Named> = Vec::new();
    let (mut out, mut faults) = (String::new(), Vec::new());
    for block in text.split("\n\n") {
        let lines: Vec<&str> = block.lines().collect();
        let head = lines
            .iter()
            .position(|l| !l.starts_with('#') && !l.is_empty());
        let Some(head) = head else {
            out.push_str(&format!("{block}\n\n"));
            continue;
        };
        let (word, rest) = lines[head].split_once(' ').unwrap_or((lines[head], ""));
        let body = &lines[head + 1..];
        let got = match word {
            "clear" => {
                traces.clear();
                body.iter().map(|l| (*l).to_owned()).collect()
            }
            "trace" => {
                traces.push(read_trace(rest, body, traces.len() as u8 + 1));
                body.iter().map(|l| (*l).to_owned()).collect()
            }
            "query" => found(rest, &traces),
            "metrics" => counted(rest, &traces, 0),
            "exemplars" => counted(rest, &traces, 10),
            other => panic!("{}: {other}", path.display()),
        };
        let expected: Vec<String> = body.iter().map(|l| (*l).to_owned()).collect();
        if got != expected {
            faults.push(format!(
                "{}\n  got      {got:?}\n  expected {expected:?}",
                lines[head]
            ));
        }
        let kept = lines[..=head].iter().map(|l| (*l).to_owned()).chain(got);
        out.push_str(&kept.collect::<Vec<_>>().join("\n"));
        out.push_str("\n\n");
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, format!("{}\n", out.trim_end())).unwrap();
        return Ok(());
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(format!("{}:\n{}", path.display(), faults.join("\n")))
}

#[test]
fn scripts_answer_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traceql");
    let entries = std::fs::read_dir(folder).unwrap();
    let scripts = entries.map(|e| e.unwrap().path());
    let scripts: Vec<_> = scripts
        .filter(|p| p.extension().is_some_and(|e| e == "test"))
        .collect();
    assert!(scripts.len() > 3);
    let faults: Vec<String> = scripts.iter().filter_map(|p| run(p).err()).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
