//! Sending spans on: from `traces.forward` to a thread for each receiver.

use crate::app::engine::Shared;
use crate::app::health::Trouble;
use crate::base::net::client::Client;
use crate::base::task::Stop;
use crate::config::secret::without_credentials;
use crate::config::traces::Forward;
use crate::forward::otlp::{Receiver, Sender};
use crate::store::open::Store;
use std::sync::Arc;
use tokio::runtime::Handle;

/// To be called before spans are taken in: what is not sent yet must not leave the log.
pub(crate) fn start(shared: &Arc<Shared>, store: &Store, runtime: &Handle, stop: &Stop) {
    for (i, forward) in shared.launch.config.traces.forward.iter().enumerate() {
        let trouble = Trouble::Forward(i);
        let to = match receiver(forward) {
            Ok(to) => to,
            Err(said) => {
                shared.problems.set(trouble, said);
                continue;
            }
        };
        let problems = shared.clone();
        let sender = Sender {
            to,
            log: Arc::new(store.clone()),
            state: store.state(),
            tell: Box::new(move |said| match said {
                Some(said) => problems.problems.set(trouble, said),
                None => problems.problems.clear(trouble),
            }),
        };
        let place = sender.hold();
        let (runtime, stop) = (runtime.clone(), stop.clone());
        let thread = std::thread::Builder::new().name("forward".to_owned());
        let started = thread.spawn(move || sender.run(place, &runtime, stop));
        if let Err(e) = started {
            let said = format!("spans are not sent on: no thread can be started: {e}");
            shared.problems.set(trouble, said);
        }
    }
}

fn receiver(forward: &Forward) -> Result<Receiver, String> {
    let name = without_credentials(&forward.url);
    let failed = |said: String| format!("spans are not sent on to {name}: {said}");
    let options = forward.http.client_options().map_err(failed)?;
    let client = Client::new(&options, None).map_err(|e| failed(e.to_string()))?;
    Ok(Receiver {
        url: forward.url.clone(),
        client,
        timeout: forward.timeout,
        name: name.clone(),
    })
}
