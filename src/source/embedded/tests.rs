//! The embedded source with a language of one word and a store of nothing.

use super::*;
use crate::base::task;
use crate::model::answer::{Cost, Value};
use crate::model::labels::Labels;
use crate::model::sample::Sample;
use crate::model::time::{Steps, TimeRange};
use crate::store::read::{Select, Selection};
use parking_lot::Mutex;
use std::sync::mpsc;

struct Empty;

impl SeriesSource for Empty {
    fn select<'a>(&'a self, _: &Select<'_>, _: &Cancel) -> Result<Selection<'a>, ReadError> {
        Ok(Selection {
            series: vec![],
            warnings: vec![],
        })
    }

    fn label_names(&self, ask: &Ask<'_>, _: &Cancel) -> Result<Found<String>, ReadError> {
        Ok(Found {
            items: vec!["job".into()],
            warnings: vec![],
            cut: ask.limit == 1,
        })
    }

    fn label_values(&self, _: &str, _: &Ask<'_>, _: &Cancel) -> Result<Found<String>, ReadError> {
        Err(ReadError::Damaged("block 7 is damaged".into()))
    }

    fn series(&self, _: &Ask<'_>, _: &Cancel) -> Result<Found<Labels>, ReadError> {
        Ok(Found::default())
    }

    fn metadata(&self, _: &str, _: usize) -> Vec<crate::model::answer::Metadata> {
        vec![]
    }
}

/// `wait` runs until it is cancelled and says so; `panic` panics; everything else is 1.
struct Words(Mutex<mpsc::Sender<&'static str>>);

impl Languages for Words {
    fn evaluate(
        &self,
        _: &dyn SeriesSource,
        query: &PromQuery,
        cancel: &Cancel,
    ) -> Result<PromAnswer, SourceError> {
        assert!(query.expr != "panic", "asked to");
        if query.expr == "wait" {
            self.0.lock().send("started").unwrap();
            while cancel.check().is_ok() {
                std::thread::yield_now();
            }
            self.0.lock().send("stopped").unwrap();
            cancel.check()?;
        }
        Ok(PromAnswer {
            value: Value::Scalar(Sample { t: 0, v: 1.0 }),
            notes: Notes::default(),
            cost: Cost::default(),
        })
    }

    fn ask_logs(
        &self,
        _: &dyn LogSource,
        _: &LogRequest,
        _: &Cancel,
    ) -> Result<LogReply, SourceError> {
        Ok(LogReply::Names(vec![], Notes::default()))
    }

    fn spans(
        &self,
        _: &dyn TraceSource,
        _: &SpanRequest,
        _: &Cancel,
    ) -> Result<Answer, SourceError> {
        Ok(Answer::Trace(None, Notes::default()))
    }

    fn selectors(&self, _: &str) -> Result<Vec<Vec<Matcher>>, SourceError> {
        Ok(vec![])
    }

    fn selector(&self, _: &str) -> Result<Vec<Matcher>, SourceError> {
        Ok(vec![])
    }
}

struct Stage;

impl Backstage for Stage {
    fn looked_at(&self, _: &Caller) {}

    fn in_sight(&self, _: &Caller, _: Vec<i32>) {}

    fn view(&self, _: ViewName, _: Option<i64>, _: &Caller) -> Result<View, SourceError> {
        Ok(View::Blind(vec![]))
    }

    fn status(&self) -> Status {
        Status::default()
    }

    fn act(&self, _: Action, caller: Caller) -> Reply<'static, Outcome> {
        Box::pin(async move { Ok(Outcome::Done { said: caller.name }) })
    }
}

fn embedded() -> (Embedded, mpsc::Receiver<&'static str>) {
    let (tell, hear) = mpsc::channel();
    let embedded = Embedded::new(Parts {
        languages: Arc::new(Words(Mutex::new(tell))),
        backstage: Arc::new(Stage),
        live: Some(Arc::new(Empty)),
        timeout: Duration::from_mins(1),
    });
    (embedded.unwrap(), hear)
}

fn prom(expr: &str, live: bool) -> Request {
    Request::Prom(PromQuery {
        expr: expr.into(),
        steps: Steps::at(0),
        instant: true,
        live,
        timeout_ms: None,
        lookback_ms: None,
    })
}

fn run<T>(work: impl Future<Output = T>) -> T {
    task::runtime().unwrap().block_on(work)
}

#[test]
fn only_the_ring_answers_until_history_is_open() {
    let (embedded, _words) = embedded();
    let source = embedded.source_for(Caller::default());
    run(async {
        let opening = Err(SourceError::Unavailable(OPENING.into()));
        assert_eq!(source.ask(prom("1", false)).await, opening);
        assert!(source.ask(prom("1", true)).await.is_ok());
        embedded.open(Box::new(Empty));
        assert!(source.ask(prom("1", false)).await.is_ok());
        embedded.close();
        assert_eq!(source.ask(prom("1", false)).await, opening);
    });
}

#[test]
fn a_dropped_reply_stops_its_work() {
    let (embedded, words) = embedded();
    embedded.open(Box::new(Empty));
    let source = embedded.source_for(Caller::default());
    run(async {
        let mut reply = source.ask(prom("wait", false));
        let begun = std::future::poll_fn(|cx| {
            let _ = reply.as_mut().poll(cx);
            std::task::Poll::Ready(())
        });
        begun.await;
        assert_eq!(words.recv().unwrap(), "started");
        drop(reply);
        assert_eq!(words.recv().unwrap(), "stopped");
        assert!(source.ask(prom("1", false)).await.is_ok());
    });
}

#[test]
fn a_deadline_and_a_panic_are_answers() {
    let (embedded, _words) = embedded();
    embedded.open(Box::new(Empty));
    let source = embedded.source_for(Caller::default());
    run(async {
        let Request::Prom(mut query) = prom("wait", false) else {
            unreachable!()
        };
        query.timeout_ms = Some(5);
        let late = source.ask(Request::Prom(query)).await;
        assert!(matches!(late, Err(SourceError::Timeout(_))), "{late:?}");
        let bad = source.ask(prom("panic", false)).await;
        assert!(matches!(bad, Err(SourceError::Internal(_))));
        assert!(source.ask(prom("1", false)).await.is_ok());
    });
}

#[test]
fn what_was_cut_or_damaged_is_said() {
    let (embedded, _words) = embedded();
    embedded.open(Box::new(Empty));
    let source = embedded.source_for(Caller {
        name: "ann".into(),
        ..Caller::default()
    });
    let range = TimeRange::new(0, 1);
    run(async {
        let names = Request::LabelNames {
            selectors: vec![],
            range,
            limit: 1,
        };
        let Ok(Answer::Names(_, notes)) = source.ask(names).await else {
            panic!("no names")
        };
        assert_eq!(notes.warnings, ["results truncated due to limit"]);
        let values = Request::LabelValues {
            name: "job".into(),
            selectors: vec![],
            range,
            limit: 0,
        };
        let damaged = SourceError::Internal("block 7 is damaged".into());
        assert_eq!(source.ask(values).await, Err(damaged));
        let said = source.act(Action::Reload).await;
        assert_eq!(said, Ok(Outcome::Done { said: "ann".into() }));
    });
}
