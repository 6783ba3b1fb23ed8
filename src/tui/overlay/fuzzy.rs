//! Fuzzy matching for the palette: the letters in order, close together and at word starts best.

/// How well `query` matches `text`, ignoring case; `None` where a letter is missing. Spaces of the
/// query are ignored.
pub(crate) fn score(query: &str, text: &str) -> Option<i32> {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let letters: Vec<char> = query
        .to_lowercase()
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    // The best of starting at each place where the first letter stands.
    let first = letters.first()?;
    let starts = (0..text.len()).filter(|at| text[*at] == *first);
    starts.filter_map(|at| from(&letters, &text, at)).max()
}

fn from(letters: &[char], text: &[char], start: usize) -> Option<i32> {
    let (mut at, mut total, mut last) = (start, 0, None);
    for letter in letters {
        let found = at + text[at..].iter().position(|c| c == letter)?;
        let word_start = found == 0 || !text[found - 1].is_alphanumeric();
        total += match (last, word_start) {
            (Some(before), _) if before + 1 == found => 8,
            (_, true) => 10,
            _ => 1,
        };
        last = Some(found);
        at = found + 1;
    }
    Some(total * 4 - (text.len() as i32).min(60) / 4 - start.min(20) as i32)
}

/// True where every word of `query` stands somewhere in `text`, ignoring case.
pub(crate) fn contains(query: &str, text: &str) -> bool {
    let text = text.to_lowercase();
    query
        .to_lowercase()
        .split_whitespace()
        .all(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best<'a>(query: &str, among: &[&'a str]) -> Option<&'a str> {
        let scored = among.iter().filter_map(|t| Some((score(query, t)?, *t)));
        scored.max_by_key(|(s, _)| *s).map(|(_, t)| t)
    }

    #[test]
    fn the_likely_one_comes_first() {
        let all = [
            "go-to-time",
            "time-zone",
            "theme",
            "zoom-out",
            "next-bookmark",
        ];
        for (query, want) in [
            ("time", "time-zone"),
            ("gtt", "go-to-time"),
            ("th", "theme"),
            ("zo", "zoom-out"),
            ("nb", "next-bookmark"),
        ] {
            assert_eq!(best(query, &all), Some(want), "{query}");
        }
        assert_eq!(score("xyz", "theme"), None);
        assert!(contains("go TIME", "Go to a time"));
    }
}
