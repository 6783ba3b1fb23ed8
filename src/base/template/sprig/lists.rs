//! Lists and maps. Values are never changed in place: each function gives a new one.

use crate::base::template::cast::{is_set, said, whole};
use crate::base::template::sprig::{ANY, Given, Row, same, text};
use crate::base::template::{Value, list, shown};
use std::collections::BTreeMap;
use std::sync::Arc;

type Map = BTreeMap<Arc<str>, Value>;

fn items(args: &[Value], at: usize) -> Result<&[Value], String> {
    match args.get(at) {
        Some(Value::List(items)) => Ok(items),
        Some(Value::Nil) | None => Ok(&[]),
        Some(other) => Err(format!("a {} is not a list", other.type_name())),
    }
}

fn entries(args: &[Value], at: usize) -> Result<Map, String> {
    match args.get(at) {
        Some(Value::Map(entries)) => Ok(entries
            .iter()
            .filter(|(k, _)| !k.is_empty())
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()),
        Some(Value::Nil) | None => Ok(Map::new()),
        Some(other) => Err(format!("a {} is not a dictionary", other.type_name())),
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "functions of templates answer in this form"
)]
fn made(entries: Map) -> Given {
    Ok(Value::Map(Arc::new(entries)))
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "functions of templates answer in this form"
)]
fn part(items: &[Value]) -> Given {
    Ok(list(items.iter().cloned()))
}

fn distinct(items: &[Value]) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    for item in items {
        if !out.iter().any(|known| same(known, item)) {
            out.push(item.clone());
        }
    }
    out
}

fn join(args: &[Value]) -> Given {
    let all: Vec<String> = match &args[1] {
        Value::List(items) => items.iter().map(shown).collect(),
        one => vec![shown(one)],
    };
    text(all.join(&said(args, 0)))
}

fn appended(args: &[Value]) -> Given {
    let more = args[1].clone();
    Ok(list(items(args, 0)?.iter().cloned().chain([more])))
}

fn prepended(args: &[Value]) -> Given {
    let first = [args[1].clone()].into_iter();
    Ok(list(first.chain(items(args, 0)?.iter().cloned())))
}

fn first(args: &[Value]) -> Given {
    Ok(items(args, 0)?.first().cloned().unwrap_or(Value::Nil))
}

fn last(args: &[Value]) -> Given {
    Ok(items(args, 0)?.last().cloned().unwrap_or(Value::Nil))
}

fn rest(args: &[Value]) -> Given {
    part(items(args, 0)?.get(1..).unwrap_or_default())
}

fn initial(args: &[Value]) -> Given {
    let all = items(args, 0)?;
    part(&all[..all.len().saturating_sub(1)])
}

fn reversed(args: &[Value]) -> Given {
    Ok(list(items(args, 0)?.iter().rev().cloned()))
}

fn has(args: &[Value]) -> Given {
    let found = items(args, 1)?.iter().any(|v| same(v, &args[0]));
    Ok(Value::Bool(found))
}

fn without(args: &[Value]) -> Given {
    let stays = |v: &&Value| !args[1..].iter().any(|w| same(v, w));
    Ok(list(items(args, 0)?.iter().filter(stays).cloned()))
}

fn compact(args: &[Value]) -> Given {
    let set = items(args, 0)?.iter().filter(|v| is_set(v));
    Ok(list(set.cloned()))
}

fn chunks(args: &[Value]) -> Given {
    let size = usize::try_from(whole(&args[0])).unwrap_or(0).max(1);
    let chunks = items(args, 1)?.chunks(size);
    Ok(list(chunks.map(|c| list(c.iter().cloned()))))
}

pub(super) const LISTS: &[Row] = &[
    ("list", 0, ANY, |_, a| part(a)),
    ("tuple", 0, ANY, |_, a| part(a)),
    ("join", 2, 2, |_, a| join(a)),
    ("sortAlpha", 1, 1, |_, a| {
        let mut all: Vec<String> = items(a, 0)?.iter().map(shown).collect();
        all.sort();
        Ok(list(all.into_iter().map(|t| Value::String(t.into()))))
    }),
    ("toStrings", 1, 1, |_, a| {
        let all = items(a, 0)?.iter().map(shown);
        Ok(list(all.map(|t| Value::String(t.into()))))
    }),
    ("append", 2, 2, |_, a| appended(a)),
    ("mustAppend", 2, 2, |_, a| appended(a)),
    ("push", 2, 2, |_, a| appended(a)),
    ("mustPush", 2, 2, |_, a| appended(a)),
    ("prepend", 2, 2, |_, a| prepended(a)),
    ("mustPrepend", 2, 2, |_, a| prepended(a)),
    ("first", 1, 1, |_, a| first(a)),
    ("mustFirst", 1, 1, |_, a| first(a)),
    ("last", 1, 1, |_, a| last(a)),
    ("mustLast", 1, 1, |_, a| last(a)),
    ("rest", 1, 1, |_, a| rest(a)),
    ("mustRest", 1, 1, |_, a| rest(a)),
    ("initial", 1, 1, |_, a| initial(a)),
    ("mustInitial", 1, 1, |_, a| initial(a)),
    ("reverse", 1, 1, |_, a| reversed(a)),
    ("mustReverse", 1, 1, |_, a| reversed(a)),
    ("uniq", 1, 1, |_, a| Ok(list(distinct(items(a, 0)?)))),
    ("mustUniq", 1, 1, |_, a| Ok(list(distinct(items(a, 0)?)))),
    ("without", 1, ANY, |_, a| without(a)),
    ("mustWithout", 1, ANY, |_, a| without(a)),
    ("has", 2, 2, |_, a| has(a)),
    ("mustHas", 2, 2, |_, a| has(a)),
    ("compact", 1, 1, |_, a| compact(a)),
    ("mustCompact", 1, 1, |_, a| compact(a)),
    ("chunk", 2, 2, |_, a| chunks(a)),
    ("mustChunk", 2, 2, |_, a| chunks(a)),
    ("concat", 0, ANY, |_, a| {
        let mut all = Vec::new();
        for at in 0..a.len() {
            all.extend(items(a, at)?.iter().cloned());
        }
        Ok(list(all))
    }),
];

fn dict(args: &[Value]) -> Given {
    let pairs = args.chunks(2).map(|pair| {
        let value = pair.get(1).cloned();
        let value = value.unwrap_or_else(|| Value::String("".into()));
        (Arc::from(shown(&pair[0])), value)
    });
    made(pairs.collect())
}

fn merged(args: &[Value]) -> Given {
    let mut all = entries(args, 0)?;
    for at in 1..args.len() {
        for (name, value) in entries(args, at)? {
            all.entry(name).or_insert(value);
        }
    }
    made(all)
}

/// `dig key... default map`
#[expect(
    clippy::unnecessary_wraps,
    reason = "functions of templates answer in this form"
)]
fn dig(args: &[Value]) -> Given {
    let (path, default) = (&args[..args.len() - 2], &args[args.len() - 2]);
    let mut at = args[args.len() - 1].clone();
    for name in path {
        let next = match &at {
            Value::Map(entries) => entries.get(&*shown(name)).cloned(),
            _ => None,
        };
        match next {
            Some(value) => at = value,
            None => return Ok(default.clone()),
        }
    }
    Ok(at)
}

fn picked(args: &[Value], keep: bool) -> Given {
    let names: Vec<String> = args[1..].iter().map(shown).collect();
    let mut all = entries(args, 0)?;
    all.retain(|name, _| names.iter().any(|n| **n == **name) == keep);
    made(all)
}

pub(super) const MAPS: &[Row] = &[
    ("dict", 0, ANY, |_, a| dict(a)),
    ("get", 2, 2, |_, a| {
        let found = entries(a, 0)?.remove(&*said(a, 1));
        Ok(found.unwrap_or_else(|| Value::String("".into())))
    }),
    ("hasKey", 2, 2, |_, a| {
        Ok(Value::Bool(entries(a, 0)?.contains_key(&*said(a, 1))))
    }),
    ("keys", 1, ANY, |_, a| {
        let mut names = Vec::new();
        for at in 0..a.len() {
            names.extend(entries(a, at)?.into_keys().map(Value::String));
        }
        Ok(list(names))
    }),
    ("values", 1, 1, |_, a| {
        Ok(list(entries(a, 0)?.into_values()))
    }),
    ("pluck", 1, ANY, |_, a| {
        let mut found = Vec::new();
        for at in 1..a.len() {
            found.extend(entries(a, at)?.remove(&*said(a, 0)));
        }
        Ok(list(found))
    }),
    ("pick", 1, ANY, |_, a| picked(a, true)),
    ("omit", 1, ANY, |_, a| picked(a, false)),
    ("merge", 1, ANY, |_, a| merged(a)),
    ("mustMerge", 1, ANY, |_, a| merged(a)),
    ("dig", 3, ANY, |_, a| dig(a)),
];
