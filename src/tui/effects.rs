//! The only place that performs: asks the source, gives it orders, listens to signals.
//!
//! Everything runs on the engine's runtime and comes back as a [`Msg`]; nothing here is waited for.

use crate::base::clock::Duration;
use crate::base::fs::Fs;
use crate::model::action::Action;
use crate::model::request::Request;
use crate::source::api::{Source, SourceError};
use crate::tui::cmd::Leave;
use crate::tui::msg::Msg;
use crate::tui::slot::{SlotId, Ticket};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::AbortHandle;

pub use tokio::runtime::Handle;

pub(crate) struct Effects {
    runtime: Handle,
    source: Arc<dyn Source>,
    to: SyncSender<Msg>,
    running: HashMap<SlotId, AbortHandle>,
}

impl Effects {
    pub(crate) fn new(runtime: Handle, source: Arc<dyn Source>, to: SyncSender<Msg>) -> Self {
        Self {
            runtime,
            source,
            to,
            running: HashMap::new(),
        }
    }

    /// Asks; an older asking of the same slot is dropped, which cancels the work behind it.
    pub(crate) fn ask(&mut self, ticket: Ticket, request: Request) {
        let (source, to) = (self.source.clone(), self.to.clone());
        let work = self.runtime.spawn(async move { source.ask(request).await });
        let old = self.running.insert(ticket.slot, work.abort_handle());
        if let Some(old) = old {
            old.abort();
        }
        self.runtime.spawn(async move {
            let result = match work.await {
                Ok(result) => result,
                Err(why) if why.is_cancelled() => return,
                Err(why) => Err(SourceError::Internal(format!(
                    "answering this failed inside bongsu: {why}"
                ))),
            };
            tell(&to, Msg::Answer(ticket, result)).await;
        });
    }

    /// Drops the asking of a slot, which cancels the work behind it.
    pub(crate) fn stop(&mut self, slot: SlotId) {
        if let Some(work) = self.running.remove(&slot) {
            work.abort();
        }
    }

    pub(crate) fn act(&self, action: Action) {
        let (source, to) = (self.source.clone(), self.to.clone());
        // Nobody asked for it: that it could not be kept is no news.
        let quiet = matches!(action, Action::KeepQuery(_));
        self.runtime.spawn(async move {
            let result = source.act(action).await;
            if quiet {
                return;
            }
            tell(&to, Msg::Acted(result)).await;
        });
    }

    /// Writes a file into the folder the console was started in.
    pub(crate) fn save(&self, name: String, text: String) {
        let to = self.to.clone();
        self.runtime.spawn_blocking(move || {
            let folder = std::env::current_dir().unwrap_or_default();
            let path = folder.join(name);
            let result = Fs::real().write_atomic(&path, text.as_bytes());
            let said = match result {
                Ok(()) => Ok(path.display().to_string()),
                Err(why) => Err(why.to_string()),
            };
            let _ = to.send(Msg::Saved(said));
        });
    }

    /// SIGTERM and SIGHUP end the console in order, from here on.
    pub(crate) fn listen_to_signals(&self) {
        for (kind, leave) in [
            (SignalKind::terminate(), Leave::Terminated),
            (SignalKind::hangup(), Leave::HungUp),
            (SignalKind::interrupt(), Leave::Quit),
        ] {
            let to = self.to.clone();
            self.runtime.spawn(async move {
                let Ok(mut stream) = signal(kind) else {
                    return;
                };
                while stream.recv().await.is_some() {
                    if !tell(&to, Msg::Leave(leave)).await {
                        return;
                    }
                }
            });
        }
    }
}

/// Waits for room without holding up a worker; `false` where the console has gone.
async fn tell(to: &SyncSender<Msg>, msg: Msg) -> bool {
    let mut msg = msg;
    loop {
        msg = match to.try_send(msg) {
            Ok(()) => return true,
            Err(TrySendError::Disconnected(_)) => return false,
            Err(TrySendError::Full(msg)) => msg,
        };
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

impl Drop for Effects {
    fn drop(&mut self) {
        for work in self.running.values() {
            work.abort();
        }
    }
}
