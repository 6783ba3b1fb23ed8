//! What was asked in query bars, kept among the small values for the consoles to come. All consoles
//! of an engine share it.

use crate::app::backstage::opened;
use crate::app::engine::Shared;
use crate::model::action::Outcome;
use crate::model::query::{KeptQuery, Language};
use crate::model::view::View;
use crate::source::api::SourceError;
use crate::store::state::State;

/// In the state table: a list of texts for each language, the oldest first.
const KIND: &str = "query";
/// Queries of one language that are kept, and their bytes together.
const MOST: usize = 100;
const MOST_BYTES: usize = 128 << 10;
/// A longer query is not kept.
const LONGEST: usize = 16 << 10;

/// Every language with its key in the table.
const LANGUAGES: [(Language, &str); 2] = [(Language::PromQl, "promql"), (Language::LogQl, "logql")];

/// Keeps a query as the newest of its language.
pub(crate) fn keep(shared: &Shared, query: KeptQuery) -> Result<Outcome, SourceError> {
    let store = opened(shared)?;
    Ok(match keep_in(&store.state(), query) {
        Ok(()) => Outcome::Done {
            said: String::new(),
        },
        Err(said) => Outcome::Refused { said },
    })
}

fn keep_in(state: &State, query: KeptQuery) -> Result<(), String> {
    if query.text.len() > LONGEST {
        return Err(format!("queries longer than {LONGEST} bytes are not kept"));
    }
    let key = LANGUAGES.iter().find(|l| l.0 == query.language);
    let key = key.map_or("promql", |l| l.1);
    let mut texts = read(state, key);
    texts.retain(|t| *t != query.text);
    texts.push(query.text);
    let mut bytes: usize = texts.iter().map(String::len).sum();
    while texts.len() > MOST || bytes > MOST_BYTES {
        bytes -= texts.remove(0).len();
    }
    let json = serde_json::to_vec(&texts).map_err(|e| e.to_string())?;
    state.put(KIND, key, &json).map_err(|e| e.to_string())
}

/// What is kept, the oldest of each language first.
pub(crate) fn view(shared: &Shared) -> Result<View, SourceError> {
    let store = opened(shared)?;
    Ok(View::Queries(all(&store.state())))
}

fn all(state: &State) -> Vec<KeptQuery> {
    let of = |(language, key): &(Language, &str)| {
        let language = *language;
        let texts = read(state, key).into_iter();
        texts.map(move |text| KeptQuery { language, text })
    };
    LANGUAGES.iter().flat_map(of).collect()
}

fn read(state: &State, key: &str) -> Vec<String> {
    let bytes = state.get(KIND, key);
    bytes
        .and_then(|b| serde_json::from_slice(&b).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fs::Fs;
    use crate::base::fs::sim::{Sim, Unsynced};
    use crate::store::open::{Options, Store};
    use std::sync::Arc;

    #[test]
    fn queries_are_there_after_a_crash_each_once_and_not_without_end() {
        let sim = Sim::new();
        let open = |sim: &Arc<Sim>| {
            let options = Options {
                fs: Fs::sim(Arc::clone(sim)),
                background: false,
                ..Options::new("/data")
            };
            Store::open(options).unwrap()
        };
        let store = open(&sim);
        let ask = |language, text: &str| {
            let text = text.to_owned();
            keep_in(&store.state(), KeptQuery { language, text })
        };
        for n in 0..150 {
            ask(Language::PromQl, &format!("up{n}")).unwrap();
        }
        ask(Language::PromQl, "up60").unwrap();
        ask(Language::LogQl, "timeout").unwrap();
        assert!(ask(Language::PromQl, &"x".repeat(LONGEST + 1)).is_err());
        let store = open(&sim.after_crash(Unsynced::Lost));
        let kept = all(&store.state());
        assert_eq!(kept.len(), MOST + 1);
        assert_eq!(kept[0].text, "up50");
        assert_eq!(kept[MOST - 1].text, "up60");
        assert_eq!(kept[MOST].language, Language::LogQl);
        for _ in 0..20 {
            let long = "y".repeat(LONGEST - 1) + &kept.len().to_string()[..1];
            keep_in(
                &store.state(),
                KeptQuery {
                    language: Language::LogQl,
                    text: long,
                },
            )
            .unwrap();
        }
        let bytes: usize = all(&store.state()).iter().map(|k| k.text.len()).sum();
        assert!(bytes < 2 * MOST_BYTES);
    }
}
