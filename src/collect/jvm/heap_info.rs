//! Reads the text of `GC.heap_info` of G1, whose counters move only at a collection.
//!
//! The words differ between versions (17: `total 65536K, used 29565K`, 25: `total reserved 65536K,
//! committed 65536K, used 42080K`), so values are found by the word before them.

/// What G1's heap holds now, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct HeapNow {
    pub(crate) used: f64,
    pub(crate) young: f64,
    pub(crate) survivors: f64,
}

/// `None` where the text is not G1's.
pub(crate) fn parse(text: &str) -> Option<HeapNow> {
    let heap = text.lines().find(|l| l.contains("garbage-first heap"))?;
    let regions = text.lines().find(|l| l.contains("region size"))?;
    let words: Vec<&str> = heap.split([' ', ',']).filter(|w| !w.is_empty()).collect();
    let at = words.iter().position(|w| *w == "used")?;
    Some(HeapNow {
        used: bytes(words.get(at + 1)?)?,
        young: in_brackets(regions, "young")?,
        survivors: in_brackets(regions, "survivors")?,
    })
}

/// `5 young (5120K)` is 5 MiB.
fn in_brackets(line: &str, word: &str) -> Option<f64> {
    let (_, rest) = line.split_once(word)?;
    let (inside, _) = rest.trim_start().strip_prefix('(')?.split_once(')')?;
    bytes(inside)
}

fn bytes(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "K" => 1024.0,
        "M" => 1_048_576.0,
        "G" => 1_073_741_824.0,
        "B" | "" => 1.0,
        _ => return None,
    };
    Some(digits.parse::<u64>().ok()? as f64 * unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_generations_of_words_are_read() {
        let rest =
            "  region size 1024K, 5 young (5120K), 2 survivors (2048K)\n Metaspace used 9491K";
        for head in [
            " garbage-first heap   total 65536K, used 8998K [0x00000000fc000000, 0x0)\n",
            "garbage-first heap   total reserved 65536K, committed 65536K, used 8998K [0x0)\n",
        ] {
            let heap = parse(&format!("{head}{rest}")).unwrap();
            assert_eq!(heap.used, 8998.0 * 1024.0);
            assert_eq!(
                (heap.young, heap.survivors),
                (5.0 * 1048576.0, 2.0 * 1048576.0)
            );
        }
        assert_eq!(parse("PSYoungGen      total 18432K, used 8539K"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(garbage-first heap|region size|used|young|survivors|[0-9KMG(), \n한]){0,40}") {
            parse(&text);
        }
    }
}
