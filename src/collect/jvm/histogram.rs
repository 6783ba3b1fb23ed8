//! Reads the text of `GC.class_histogram`: classes by what their objects take.
//!
//! Rows are `   1:     28667    2502344  [B (java.base@17.0.15)`, the last line is `Total`. Names of
//! arrays are written as the JVM does inside; a person reads them as `byte[]`.

use crate::model::jvm::{ClassRow, Histogram};

/// Rows that are kept: the rest is in the totals.
const MAX_CLASSES: usize = 100_000;

/// Reads a histogram; text that is none gives no classes.
pub(crate) fn parse(text: &str) -> Histogram {
    let mut out = Histogram::default();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        let mut number = || words.next().and_then(|w| w.parse::<u64>().ok());
        let (Some(instances), Some(bytes)) = (number(), number()) else {
            continue;
        };
        if first == "Total" {
            (out.instances, out.bytes) = (instances, bytes);
        } else if first.ends_with(':') && out.classes.len() < MAX_CLASSES {
            let name = words.next().map(class_name).unwrap_or_default();
            out.classes.push(ClassRow {
                name,
                instances,
                bytes,
            });
        }
    }
    if out.bytes == 0 {
        let sum =
            |of: fn(&ClassRow) -> u64| out.classes.iter().map(of).fold(0, u64::saturating_add);
        (out.instances, out.bytes) = (sum(|c| c.instances), sum(|c| c.bytes));
    }
    out
}

/// `[[Ljava.lang.String;` is `java.lang.String[][]`, `[B` is `byte[]`.
fn class_name(inside: &str) -> String {
    let element = inside.trim_start_matches('[');
    let arrays = inside.len() - element.len();
    if arrays == 0 {
        return inside.to_owned();
    }
    let name = match element {
        "Z" => "boolean",
        "B" => "byte",
        "C" => "char",
        "S" => "short",
        "I" => "int",
        "J" => "long",
        "F" => "float",
        "D" => "double",
        other => other
            .strip_prefix('L')
            .and_then(|o| o.strip_suffix(';'))
            .unwrap_or(other),
    };
    format!("{name}{}", "[]".repeat(arrays.min(255)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_and_totals_are_read() {
        let text = " num     #instances         #bytes  class name (module)\n-----\n\
                    \u{20}  1:         28667        2502344  [B (java.base@17.0.15)\n\
                    \u{20}  2:            10            480  [[Lcom.shop.주문;\n\
                    \u{20}  3:             1             16  com.shop.Cart\n\
                    Total         28678        2502840\n";
        let histogram = parse(text);
        let names: Vec<&str> = histogram.classes.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["byte[]", "com.shop.주문[][]", "com.shop.Cart"]);
        assert_eq!((histogram.instances, histogram.bytes), (28_678, 2_502_840));
        let cut = parse(text.rsplit_once("Total").unwrap().0);
        assert_eq!(
            cut.bytes, 2_502_840,
            "without the last line the rows are added up"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "([0-9:\\[L;a-z \n]|Total |18446744073709551615 ){0,200}") {
            parse(&text);
        }
    }
}
