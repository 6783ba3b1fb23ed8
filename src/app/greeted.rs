//! Who has seen the first lines of the console already, kept by user among the small values: one
//! who attaches to a service starts no engine, and is greeted once all the same.

use crate::app::backstage::opened;
use crate::app::engine::Shared;
use crate::model::view::View;
use crate::source::api::{Caller, SourceError};
use crate::store::state::State;

/// In the state table: a row for each uid.
const KIND: &str = "greeted";

/// Whether this is the first time, which it is not again from now on.
pub(crate) fn view(shared: &Shared, caller: &Caller) -> Result<View, SourceError> {
    let store = opened(shared)?;
    let first = caller.uid.is_some_and(|uid| greet(&store.state(), uid));
    Ok(View::Greeting { first })
}

/// What cannot be kept would be said at every start: it is not said.
fn greet(state: &State, uid: u32) -> bool {
    let key = uid.to_string();
    state.get(KIND, &key).is_none() && state.put(KIND, &key, b"1").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fs::Fs;
    use crate::base::fs::sim::{Sim, Unsynced};
    use crate::store::open::{Options, Store};
    use std::sync::Arc;

    #[test]
    fn each_user_is_greeted_once_and_not_again_after_a_crash() {
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
        assert!(greet(&store.state(), 1000) && greet(&store.state(), 0));
        assert!(!greet(&store.state(), 1000));
        let store = open(&sim.after_crash(Unsynced::Lost));
        assert!(!greet(&store.state(), 1000) && greet(&store.state(), 1001));
    }
}
