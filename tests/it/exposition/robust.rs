//! Whatever comes in, the parser ends, and says where and what.

use bongsu::wire::exposition::{Entry, Format, Parser, families, native, series, strict};
use proptest::prelude::*;

fn walk(format: Format, body: &[u8]) -> Result<usize, String> {
    let mut parser = Parser::new(format, body);
    let mut samples = 0;
    loop {
        match parser.next_entry(|_| false) {
            Ok(Some(Entry::Sample(_))) => samples += 1,
            Ok(Some(_)) => {}
            Ok(None) => return Ok(samples),
            Err(e) => return Err(e.to_string()),
        }
    }
}

#[test]
fn errors_name_line_and_cause() {
    for (body, want) in [
        ("up 1\nup one\n", "line 2: \"one\" is not a value"),
        ("up\n", "line 1: no value behind \"up\""),
        ("\n\nup 1 2 3\n", "line 3: \" 3\" stands behind the sample"),
        (
            "up 1 1.5\n",
            "line 1: \"1.5\" is not a timestamp in milliseconds",
        ),
        (
            "<!DOCTYPE html>\n",
            "line 1: expected a metric's name, found \"<!DOCTYPE html>\"",
        ),
        ("# TYPE a meh\n", "line 1: \"meh\" is not a type of metric"),
    ] {
        assert_eq!(walk(Format::Text, body.as_bytes()), Err(want.to_owned()));
    }
    assert_eq!(
        walk(Format::OpenMetrics, b"up 1\n"),
        Err(
            "line 2: the body ends without \"# EOF\": it is not OpenMetrics, or was cut off".into()
        )
    );
}

#[test]
fn line_ends_of_other_systems_are_read() {
    assert_eq!(
        walk(Format::Text, b"# HELP a b\r\na 1\r\n\r\nb{c=\"d\"} 2 3\r\n"),
        Ok(2)
    );
}

/// A series that was seen is given out the same, whether its labels are checked again or not.
#[test]
fn known_series_change_nothing() {
    let body =
        b"# TYPE a counter\na_total{x=\"1\"} 1 2.5 # {t=\"}\"} 0.5 1\nb{y=\"}\"} 2\nc 3\n# EOF\n";
    let read = |known: &dyn Fn(&[u8]) -> bool| {
        let mut parser = Parser::new(Format::OpenMetrics, body);
        let mut out = Vec::new();
        while let Some(entry) = parser.next_entry(known).unwrap() {
            out.push(format!("{entry:?}"));
        }
        out
    };
    let all: [&[u8]; 3] = [b"a_total{x=\"1\"}", b"b{y=\"}\"}", b"c"];
    assert_eq!(read(&|_| false), read(&|text| all.contains(&text)));
}

fn line_like() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b_total",
        "{",
        "}",
        "\"",
        "\\",
        "=",
        ",",
        " ",
        "\t",
        "\n",
        "#",
        "# ",
        "HELP ",
        "TYPE ",
        "UNIT ",
        "EOF",
        "counter",
        "histogram",
        "le",
        "1",
        "-1.5e3",
        "NaN",
        "+Inf",
        "[",
        "]",
        ":",
        "한",
        "_bucket",
        "{count:1",
        "\r",
        "\u{0}",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|p| p.concat())
}

proptest! {
    #[test]
    fn any_text_ends(body in line_like()) {
        for format in [Format::Text, Format::OpenMetrics] {
            let lone = walk(format, body.as_bytes());
            let _ = families::read(format, body.as_bytes());
            // What ends well ends well again with its series known.
            let mut parser = Parser::new(format, body.as_bytes());
            let mut seen: Vec<Vec<u8>> = Vec::new();
            while let Ok(Some(entry)) = parser.next_entry(|_| false) {
                if let Entry::Sample(s) = entry {
                    prop_assert_eq!(series::scan(s.series, format), Ok(s.series.len()));
                    seen.push(s.series.to_vec());
                }
            }
            let mut parser = Parser::new(format, body.as_bytes());
            let mut count = 0;
            let again = loop {
                match parser.next_entry(|text| seen.iter().any(|s| s == text)) {
                    Ok(Some(Entry::Sample(s))) => {
                        prop_assert_eq!(s.series, seen[count].as_slice());
                        count += 1;
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => break Ok(count),
                    Err(e) => break Err(e.to_string()),
                }
            };
            prop_assert_eq!(lone, again);
        }
        let _ = strict::check(body.as_bytes());
        let _ = native::parse(body.as_bytes());
    }

    #[test]
    fn any_bytes_end(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = walk(Format::Text, &body);
        let _ = walk(Format::OpenMetrics, &body);
        let _ = families::read(Format::Text, &body);
    }
}
