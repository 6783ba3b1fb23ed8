//! /proc/meminfo: every line is a family.

use crate::collect::host::Reading;
use crate::collect::host::families::{counter, gauge};
use crate::collect::host::files::Failure;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let text = r.files.proc("meminfo")?;
    for line in text.lines() {
        let Some((key, rest)) = line.split_once(':') else {
            continue;
        };
        let mut words = rest.split_ascii_whitespace();
        let Some(value) = words.next().and_then(|w| w.parse::<f64>().ok()) else {
            return Err(Failure::odd("/proc/meminfo", line, "a number"));
        };
        let (unit, factor) = match words.next() {
            Some("kB") => ("_bytes", 1024.0),
            _ => ("", 1.0),
        };
        let name = name(key, unit);
        let help = "One line of /proc/meminfo; a unit of kB is turned into bytes.";
        let desc = if key.ends_with("_total") {
            counter(name, help)
        } else {
            gauge(name, help)
        };
        r.out.one(&desc, value * factor);
    }
    Ok(())
}

/// `Active(anon)` becomes `Active_anon`.
fn name(key: &str, unit: &str) -> String {
    let mut name = String::with_capacity(key.len() + 20);
    name.push_str("node_memory_");
    for c in key.trim().chars() {
        match c {
            ')' => {}
            c if c.is_ascii_alphanumeric() => name.push(c),
            _ => name.push('_'),
        }
    }
    name.push_str(unit);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_become_underscores() {
        assert_eq!(
            name("Active(anon)", "_bytes"),
            "node_memory_Active_anon_bytes"
        );
        assert_eq!(name("HugePages_Total", ""), "node_memory_HugePages_Total");
    }
}
