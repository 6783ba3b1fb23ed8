//! The engine inside this process, as a [`Source`].
//!
//! Evaluation is synchronous, so it runs on a small pool of threads of its own, never on the
//! runtime: questions of a console first, then all others, each in the order they came. A dropped
//! reply trips the token of its work. Until the store is open, live questions are answered from the
//! ring and all others are told that history is being opened.

mod pool;

use crate::base::cancel::Cancel;
use crate::base::clock::{Duration, monotonic};
use crate::model::action::{Action, Outcome};
use crate::model::answer::{Answer, Notes, PromAnswer};
use crate::model::matcher::Matcher;
use crate::model::request::{PromQuery, Request, ViewName};
use crate::model::view::{Status, View};
use crate::source::api::{Caller, Reply, Source, SourceError};
use crate::source::embedded::pool::Pool;
use crate::store::read::{Ask, Found, ReadError, SeriesSource};
use arc_swap::ArcSwapOption;
use std::io;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What is answered while history is not open yet.
pub const OPENING: &str = "opening history";

/// The query languages, as far as this source needs them.
pub trait Languages: Send + Sync {
    fn evaluate(
        &self,
        series: &dyn SeriesSource,
        query: &PromQuery,
        cancel: &Cancel,
    ) -> Result<PromAnswer, SourceError>;

    /// The matchers of `name{label="value"}`.
    fn selector(&self, text: &str) -> Result<Vec<Matcher>, SourceError>;
}

/// What the rest of the process lends: views, health, and those who carry out orders.
pub trait Backstage: Send + Sync {
    /// A console looks at this now: at live series, or at a view.
    fn looked_at(&self, view: Option<ViewName>);

    /// Called on the pool: may read the store.
    fn view(&self, view: ViewName, at: Option<i64>) -> Result<View, SourceError>;

    fn status(&self) -> Status;

    fn act(&self, action: Action, caller: Caller) -> Reply<'static, Outcome>;
}

/// The parts an [`Embedded`] is made of.
pub struct Parts {
    pub languages: Arc<dyn Languages>,
    pub backstage: Arc<dyn Backstage>,
    /// The five-minute ring; it is there before the store is.
    pub live: Option<Arc<dyn SeriesSource>>,
    /// Where a question names no deadline of its own; no question may ask for more.
    pub timeout: Duration,
    /// Evaluations at a time.
    pub threads: usize,
}

/// Answers for any caller; [`Embedded::source_for`] binds one.
#[derive(Clone)]
pub struct Embedded {
    shared: Arc<Shared>,
}

struct Shared {
    languages: Arc<dyn Languages>,
    backstage: Arc<dyn Backstage>,
    live: Option<Arc<dyn SeriesSource>>,
    stored: ArcSwapOption<Box<dyn SeriesSource>>,
    timeout: Duration,
    pool: Pool,
}

impl Embedded {
    pub fn new(parts: Parts) -> io::Result<Self> {
        let shared = Shared {
            languages: parts.languages,
            backstage: parts.backstage,
            live: parts.live,
            stored: ArcSwapOption::empty(),
            timeout: parts.timeout,
            pool: Pool::start(parts.threads)?,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// History is open from now on.
    pub fn open(&self, store: Box<dyn SeriesSource>) {
        self.shared.stored.store(Some(Arc::new(store)));
    }

    /// History is closed: the store's last owner may end it.
    pub fn close(&self) {
        self.shared.stored.store(None);
    }

    pub fn is_open(&self) -> bool {
        self.shared.stored.load().is_some()
    }

    /// Questions that wait for a thread now, and those that were turned away since the start.
    pub fn queue(&self) -> (usize, usize, u64) {
        self.shared.pool.queue()
    }

    /// A source whose orders are those of `caller`.
    pub fn source_for(&self, caller: Caller) -> Arc<dyn Source> {
        Arc::new(Bound {
            shared: self.shared.clone(),
            caller,
        })
    }
}

struct Bound {
    shared: Arc<Shared>,
    caller: Caller,
}

impl Source for Bound {
    fn ask(&self, request: Request) -> Reply<'_, Answer> {
        Box::pin(self.shared.clone().ask(request))
    }

    fn act(&self, action: Action) -> Reply<'_, Outcome> {
        self.shared.backstage.act(action, self.caller.clone())
    }
}

/// Trips the token when the one who waited goes away.
struct Guard(Cancel);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Shared {
    async fn ask(self: Arc<Self>, request: Request) -> Result<Answer, SourceError> {
        let (allowed, first) = match &request {
            Request::Prom(query) => (self.allowed(query), query.live),
            Request::View { .. } | Request::Status => (self.timeout, true),
            _ => (self.timeout, false),
        };
        match &request {
            Request::Prom(query) if query.live => self.backstage.looked_at(None),
            Request::View { view, at: None } => self.backstage.looked_at(Some(*view)),
            _ => {}
        }
        let cancel = Cancel::after(allowed);
        let guard = Guard(cancel.clone());
        let (tell, hear) = oneshot::channel();
        let shared = self.clone();
        let work = move || {
            let answer = match cancel.check() {
                Ok(()) => shared.answer(request, &cancel),
                Err(stopped) => Err(stopped.into()),
            };
            let _ = tell.send(answer);
        };
        if !self.pool.run(first, Box::new(work)) {
            return Err(SourceError::Unavailable(
                "too many questions wait already; ask again in a moment".to_owned(),
            ));
        }
        let answer = hear.await.unwrap_or_else(|_| {
            let said = "the evaluation ended without an answer; `bongsu status` shows why";
            Err(SourceError::Internal(said.to_owned()))
        });
        drop(guard);
        answer
    }

    fn allowed(&self, query: &PromQuery) -> Duration {
        let asked = query.timeout_ms.map(Duration::from_millis);
        asked.map_or(self.timeout, |asked| asked.min(self.timeout))
    }

    fn answer(&self, request: Request, cancel: &Cancel) -> Result<Answer, SourceError> {
        match request {
            Request::Prom(query) => self.evaluate(&query, cancel).map(Answer::Prom),
            Request::Series {
                selectors,
                range,
                limit,
            } => {
                let selectors = self.selectors(&selectors)?;
                let ask = Ask {
                    selectors: &selectors,
                    range,
                    limit,
                };
                let found = self.stored()?.series(&ask, cancel)?;
                let (items, notes) = noted(found);
                Ok(Answer::Series(items, notes))
            }
            Request::LabelNames {
                selectors,
                range,
                limit,
            } => {
                let selectors = self.selectors(&selectors)?;
                let ask = Ask {
                    selectors: &selectors,
                    range,
                    limit,
                };
                let (items, notes) = noted(self.stored()?.label_names(&ask, cancel)?);
                Ok(Answer::Names(items, notes))
            }
            Request::LabelValues {
                name,
                selectors,
                range,
                limit,
            } => {
                let selectors = self.selectors(&selectors)?;
                let ask = Ask {
                    selectors: &selectors,
                    range,
                    limit,
                };
                let (items, notes) = noted(self.stored()?.label_values(&name, &ask, cancel)?);
                Ok(Answer::Names(items, notes))
            }
            Request::Metadata { metric, limit } => {
                Ok(Answer::Metadata(self.stored()?.metadata(&metric, limit)))
            }
            Request::View { view, at } => self.backstage.view(view, at).map(Answer::View),
            Request::Status => Ok(Answer::Status(Box::new(self.backstage.status()))),
        }
    }

    fn evaluate(&self, query: &PromQuery, cancel: &Cancel) -> Result<PromAnswer, SourceError> {
        let started = monotonic();
        let stored = self.stored.load_full();
        let mut answer = match (&stored, &self.live) {
            (Some(stored), _) => self.languages.evaluate(&***stored, query, cancel),
            (None, Some(ring)) if query.live => {
                self.languages.evaluate(ring.as_ref(), query, cancel)
            }
            _ => Err(SourceError::Unavailable(OPENING.to_owned())),
        }?;
        answer.cost.millis = started.elapsed().as_secs_f64() * 1000.0;
        Ok(answer)
    }

    fn stored(&self) -> Result<Arc<Box<dyn SeriesSource>>, SourceError> {
        let opening = || SourceError::Unavailable(OPENING.to_owned());
        self.stored.load_full().ok_or_else(opening)
    }

    fn selectors(&self, texts: &[String]) -> Result<Vec<Vec<Matcher>>, SourceError> {
        texts.iter().map(|t| self.languages.selector(t)).collect()
    }
}

fn noted<T>(found: Found<T>) -> (Vec<T>, Notes) {
    let mut notes = Notes {
        partial: !found.warnings.is_empty(),
        warnings: found.warnings,
        infos: Vec::new(),
    };
    if found.cut {
        // Prometheus' own words, by which clients know them.
        let said = "results truncated due to limit";
        notes.warnings.push(said.to_owned());
    }
    (found.items, notes)
}

impl From<ReadError> for SourceError {
    fn from(e: ReadError) -> Self {
        match e {
            ReadError::Stopped(stopped) => stopped.into(),
            ReadError::Damaged(said) | ReadError::Io(said) => Self::Internal(said),
        }
    }
}

#[cfg(test)]
mod tests;
