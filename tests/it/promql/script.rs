//! The language of `.test` scripts: load series, evaluate, say what to expect.

use bongsu::model::labels::Labels;
use bongsu::query::promql::literal;
use bongsu::query::promql::series::{self, Item};

/// What stands between two `clear`s.
#[derive(Default)]
pub(crate) struct Segment {
    pub(crate) commands: Vec<Command>,
    /// Native histograms, custom buckets or start timestamps occur.
    pub(crate) histograms: bool,
}

pub(crate) enum Command {
    /// Samples with their times.
    Load(Vec<(Labels, Vec<(i64, Item)>)>),
    Eval(Box<Eval>),
}

pub(crate) struct Eval {
    pub(crate) line: usize,
    pub(crate) expr: String,
    pub(crate) when: When,
    pub(crate) expect: Expect,
}

/// Milliseconds.
#[derive(Clone, Copy)]
pub(crate) enum When {
    At(i64),
    Range { start: i64, end: i64, step: i64 },
}

#[derive(Default)]
pub(crate) struct Expect {
    pub(crate) fail: bool,
    pub(crate) fail_text: Vec<Text>,
    pub(crate) warn: Vec<Text>,
    pub(crate) info: Vec<Text>,
    pub(crate) no_warn: bool,
    pub(crate) no_info: bool,
    pub(crate) ordered: bool,
    pub(crate) string: Option<String>,
    /// The result is a matrix at these times.
    pub(crate) range_vector: Option<(i64, i64, i64)>,
    pub(crate) scalar: Option<f64>,
    pub(crate) series: Vec<(Labels, Vec<Item>)>,
}

pub(crate) enum Text {
    Any,
    Exact(String),
    Pattern(String),
}

/// Reads a script; an error names its line.
pub(crate) fn read(text: &str) -> Result<Vec<Segment>, String> {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .map(|l| if l.starts_with('#') { "" } else { l })
        .collect();
    let mut out = vec![Segment::default()];
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        if line.is_empty() {
            at += 1;
            continue;
        }
        let block_end = lines[at..]
            .iter()
            .position(|l| l.is_empty())
            .map_or(lines.len(), |n| at + n);
        let first = line.split_whitespace().next().unwrap_or("");
        let lower = first.to_ascii_lowercase();
        let fail = |why: String| format!("line {}: {why}", at + 1);
        let segment = out.last_mut().unwrap();
        if lower == "clear" {
            out.push(Segment::default());
            at += 1;
        } else if lower.starts_with("load") {
            let (load, histograms) = load(line, &lines[at + 1..block_end]).map_err(fail)?;
            segment.histograms |= histograms || lower == "load_with_nhcb";
            segment.commands.push(Command::Load(load));
            at = block_end;
        } else if lower.starts_with("eval") {
            // The next command ends a block as well.
            let end = (at + 1..block_end)
                .find(|i| starts_command(lines[*i]))
                .unwrap_or(block_end);
            let mut eval = head(line).map_err(fail)?;
            eval.line = at + 1;
            for l in &lines[at + 1..end] {
                expectation(l, &mut eval.expect).map_err(fail)?;
            }
            segment.histograms |= eval
                .expect
                .series
                .iter()
                .any(|(_, items)| items.iter().any(|i| matches!(i, Item::Histogram(_))));
            segment.commands.push(Command::Eval(Box::new(eval)));
            at = end;
        } else {
            return Err(fail(format!("{first:?} is no command")));
        }
    }
    Ok(out)
}

fn starts_command(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or("");
    let first = first.to_ascii_lowercase();
    first == "clear" || first == "load" || first == "load_with_nhcb" || first == "eval"
}

/// `5m`, `300`, `-1m`: milliseconds.
pub(crate) fn duration(text: &str) -> Result<i64, String> {
    let (sign, bare) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let ms = literal::duration_ms(bare)
        .or_else(|| literal::number(bare).map(|s| (s * 1000.0).round() as i64));
    ms.map(|ms| sign * ms)
        .ok_or_else(|| format!("{text:?} is no duration"))
}

type Loaded = Vec<(Labels, Vec<(i64, Item)>)>;

fn load(line: &str, body: &[&str]) -> Result<(Loaded, bool), String> {
    let gap = line
        .split_whitespace()
        .nth(1)
        .ok_or("load needs a duration")?;
    let gap = duration(gap)?;
    let mut out = Vec::new();
    let mut special = false;
    for l in body {
        if l.contains("}@st ")
            || l.split_whitespace()
                .next()
                .is_some_and(|w| w.ends_with("@st"))
        {
            special = true;
            continue;
        }
        let (labels, items) = series::parse_series(l)?;
        special |= items.iter().any(|i| matches!(i, Item::Histogram(_)));
        let timed = items.into_iter().enumerate();
        out.push((labels, timed.map(|(i, v)| (i as i64 * gap, v)).collect()));
    }
    Ok((out, special))
}

fn head(line: &str) -> Result<Eval, String> {
    let mut words = line.split_whitespace();
    let command = words.next().unwrap_or("").to_ascii_lowercase();
    let mut expect = Expect::default();
    match command.as_str() {
        "eval" => {}
        "eval_fail" => expect.fail = true,
        "eval_warn" => expect.warn.push(Text::Any),
        "eval_info" => expect.info.push(Text::Any),
        "eval_ordered" => expect.ordered = true,
        other => return Err(format!("{other:?} is no command")),
    }
    let mut rest = after_words(line, 2);
    let when = match words.next() {
        Some("instant") => match words.next() {
            Some("at") => {
                let at = duration(words.next().unwrap_or(""))?;
                rest = after_words(line, 4);
                When::At(at)
            }
            _ => When::At(0),
        },
        Some("range") => {
            let words: Vec<&str> = line.split_whitespace().collect();
            let keys = [words.get(2), words.get(4), words.get(6)];
            if keys != [Some(&"from"), Some(&"to"), Some(&"step")] {
                return Err("eval range from A to B step C EXPR".to_owned());
            }
            rest = after_words(line, 8);
            When::Range {
                start: duration(words[3])?,
                end: duration(words[5])?,
                step: duration(words[7])?,
            }
        }
        _ => return Err("eval instant or eval range".to_owned()),
    };
    Ok(Eval {
        line: 0,
        expr: rest.to_owned(),
        when,
        expect,
    })
}

/// What follows the first `n` blank-separated words.
fn after_words(line: &str, n: usize) -> &str {
    let mut rest = line.trim_start();
    for _ in 0..n {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        rest = rest[end..].trim_start();
    }
    rest
}

fn expectation(line: &str, expect: &mut Expect) -> Result<(), String> {
    if let Some(rest) = line.strip_prefix("expect ") {
        return expect_line(rest.trim(), expect);
    }
    if let Some(text) = line.strip_prefix("expected_fail_message ") {
        expect.fail_text.push(Text::Exact(text.trim().to_owned()));
        return Ok(());
    }
    if let Some(text) = line.strip_prefix("expected_fail_regexp ") {
        expect.fail_text.push(Text::Pattern(text.trim().to_owned()));
        return Ok(());
    }
    if let Some(v) = literal::signed_number(line) {
        expect.scalar = Some(v);
        return Ok(());
    }
    expect.series.push(series::parse_series(line)?);
    Ok(())
}

fn expect_line(rest: &str, expect: &mut Expect) -> Result<(), String> {
    let (word, tail) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let tail = tail.trim();
    let text = || -> Result<Text, String> {
        if tail.is_empty() {
            return Ok(Text::Any);
        }
        if let Some(t) = tail.strip_prefix("msg:") {
            return Ok(Text::Exact(t.trim().to_owned()));
        }
        if let Some(t) = tail.strip_prefix("regex:") {
            return Ok(Text::Pattern(t.trim().to_owned()));
        }
        Err(format!("{rest:?}: msg: or regex: stands here"))
    };
    match word {
        "fail" => {
            expect.fail = true;
            expect.fail_text.push(text()?);
        }
        "warn" => expect.warn.push(text()?),
        "info" => expect.info.push(text()?),
        "no_warn" => expect.no_warn = true,
        "no_info" => expect.no_info = true,
        "ordered" => expect.ordered = true,
        "string" => expect.string = Some(literal::unquote(tail)?),
        "range" => {
            let words: Vec<&str> = tail.split_whitespace().collect();
            if words.len() != 7 {
                return Err("expect range vector from A to B step C".to_owned());
            }
            let times = (
                duration(words[2])?,
                duration(words[4])?,
                duration(words[6])?,
            );
            expect.range_vector = Some(times);
        }
        _ => return Err(format!("expect {word:?} is unknown")),
    }
    Ok(())
}
