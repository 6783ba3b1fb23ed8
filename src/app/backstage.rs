//! What an engine tells of itself beside series, and who carries out its orders.

use crate::alert::board::CONSOLE_ROWS;
use crate::api::{
    self, AdminDone, AdminOrder, Decode, DecodeLines, DecodeSpans, Health, Loaded, Sender,
    own_families,
};
use crate::app::alerts_then;
use crate::app::blind;
use crate::app::engine::Shared;
use crate::app::greeted;
use crate::app::queries;
use crate::app::reload;
use crate::app::remembered;
use crate::app::reports;
use crate::app::rights;
use crate::app::status::status;
use crate::app::telling;
use crate::collect::listen::spans::{Spans, Taken};
use crate::collect::perform::process;
use crate::collect::scrape::director::Scraper;
use crate::model::action::{Action, Outcome};
use crate::model::exemplar::Exemplar;
use crate::model::family::Family;
use crate::model::labels::Labels;
use crate::model::log_entry::{Level, LogEntry};
use crate::model::matcher::Matcher;
use crate::model::request::ViewName;
use crate::model::view::{
    AlertRow, AlertsView, Census, Mark, MarkKind, ProcessRow, RuleGroupRow, SavedQuery, Status,
    View,
};
use crate::query::syntax;
use crate::source::api::{Caller, Reply, Source, SourceError};
use crate::source::embedded::{Backstage, Embedded, OPENING};
use crate::store::open::Store;
use crate::store::write::logs::{LogBatch, LogSink};
use crate::store::write::{Append, MetricSink, WriteError};
use crate::wire::detect;
use crate::wire::loki_push::PushStream;
use crate::wire::process_record;
use crate::wire::remote_write::WriteRequest;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::runtime::Handle;

/// Bookmarks in the state table.
const BOOKMARKS: &str = "bookmark";
/// Saved queries there, by their names.
const QUERIES: &str = "log-query";
/// Bytes of a name, and how many there may be.
const QUERY_NAME: usize = 200;
const MOST_QUERIES: usize = 500;

/// Views, health and orders of one engine.
pub(crate) struct Stage {
    shared: Arc<Shared>,
    runtime: Handle,
}

impl Stage {
    pub(crate) fn new(shared: Arc<Shared>, runtime: Handle) -> Self {
        Self { shared, runtime }
    }
}

impl Backstage for Stage {
    fn looked_at(&self, caller: &Caller) {
        let now = self.shared.clock.now_ms();
        self.shared.looked_at.store(now, Ordering::Relaxed);
        self.shared.consoles.looked(caller.pid.unwrap_or(0), now);
        self.shared.looking.look();
    }

    fn in_sight(&self, caller: &Caller, pids: Vec<i32>) {
        let console = caller.pid.unwrap_or(0);
        self.shared.looking.look_at(console, pids);
    }

    fn view(&self, view: ViewName, at: Option<i64>, caller: &Caller) -> Result<View, SourceError> {
        Ok(match view {
            ViewName::Processes => match at {
                Some(at) => processes_at(&self.shared, at)?,
                None => View::Processes((**self.shared.watching.processes.borrow()).clone()),
            },
            ViewName::Targets => View::Targets(self.shared.targets()),
            ViewName::Blind => View::Blind(blind::spots(&self.shared)),
            ViewName::Jvms => {
                if let Some(at) = at {
                    let store = opened(&self.shared)?;
                    remembered::jvms_at(&store, at)?
                } else {
                    let rows = (**self.shared.jvms.borrow()).clone();
                    View::Jvms(remembered::named(&self.shared, rows))
                }
            }
            ViewName::Senders => View::Senders(self.shared.senders.rows()),
            ViewName::JvmReports => reports::list(&self.shared, at)?,
            ViewName::JvmReport => reports::one(&self.shared, at, caller)?,
            ViewName::Containers => match at {
                Some(at) => {
                    let store = opened(&self.shared)?;
                    remembered::containers_at(&store, at)?
                }
                None => View::Containers(self.shared.containers.view()),
            },
            ViewName::ContainerFacts(key) => {
                View::ContainerFacts(self.shared.containers.facts(key))
            }
            ViewName::ContainerOutput(key) => {
                let mut output = self.shared.containers.output(key);
                output.stored = self.shared.container_logs.reads_key(key);
                View::ContainerOutput(output)
            }
            ViewName::ContainerProcesses(key) => processes_inside(&self.shared, key),
            ViewName::Machine => View::Machine(self.shared.machine()),
            ViewName::Alerts => match at {
                Some(at) => {
                    let store = opened(&self.shared)?;
                    alerts_then::view(&self.shared, &*store, &marks(&self.shared), at)?
                }
                None => View::Alerts(alerts(&self.shared, CONSOLE_ROWS)),
            },
            ViewName::Rules => View::Rules(self.shared.alerting.board.rules()),
            ViewName::Receivers => {
                let mut rows = telling::receivers(&self.shared);
                rows.extend(self.shared.alerting.alertmanagers.rows());
                View::Receivers(rows)
            }
            ViewName::Silences | ViewName::Routing | ViewName::AlertStory(_) => {
                telling::view(&self.shared, view)?
            }
            ViewName::SavedQueries => View::SavedQueries(saved_queries(&self.shared)),
            ViewName::Marks => View::Marks(marks(&self.shared)),
            ViewName::Queries => queries::view(&self.shared)?,
            ViewName::Greeting => greeted::view(&self.shared, caller)?,
            ViewName::Storage => match self.shared.store.load_full() {
                Some(store) => View::Storage(Box::new(store.facts())),
                None => nothing(OPENING),
            },
        })
    }

    fn status(&self) -> Status {
        status(&self.shared)
    }

    fn act(&self, action: Action, caller: Caller) -> Reply<'static, Outcome> {
        if !caller.may_act || self.shared.launch.arguments.read_only {
            let said = "this console is read-only".to_owned();
            return Box::pin(async { Ok(Outcome::Refused { said }) });
        }
        let shared = self.shared.clone();
        // Spawned, so that an order is carried out to its end also when nobody waits for it.
        let done = self.runtime.spawn(perform(shared, action, caller));
        Box::pin(async move {
            done.await
                .unwrap_or_else(|_| Err(SourceError::Internal("the order broke off".to_owned())))
        })
    }
}

pub(crate) fn nothing(why: &str) -> View {
    View::Nothing {
        why: why.to_owned(),
    }
}

async fn perform(
    shared: Arc<Shared>,
    action: Action,
    caller: Caller,
) -> Result<Outcome, SourceError> {
    let governs = matches!(action, Action::Reload | Action::AddTarget { .. });
    if governs && let Err(said) = rights::may_govern(shared.launch.uid, &caller) {
        return Ok(Outcome::Refused { said });
    }
    match action {
        Action::Container { id, order } => Ok(match rights::may_order(&shared, &caller, &id) {
            Ok(()) => shared.containers.order(&id, order).await,
            Err(said) => Outcome::Refused { said },
        }),
        Action::Reload => Ok(reload::reload(&shared).await),
        Action::TestReceiver { receiver } => telling::test(&shared, receiver).await,
        Action::TryTarget { url } => Ok(scraper(&shared)?.try_target(url).await),
        Action::AddTarget { url, job, labels } => {
            Ok(scraper(&shared)?.add_target(url, job, labels).await)
        }
        other => tokio::task::spawn_blocking(move || act(&shared, other, &caller))
            .await
            .unwrap_or_else(|_| Err(SourceError::Internal("the order broke off".to_owned()))),
    }
}

fn scraper(shared: &Shared) -> Result<Scraper, SourceError> {
    let opening = || SourceError::Unavailable(OPENING.to_owned());
    shared.scraper.get().cloned().ok_or_else(opening)
}

fn act(shared: &Shared, action: Action, caller: &Caller) -> Result<Outcome, SourceError> {
    Ok(match action {
        Action::Bookmark { t, text, remove } => {
            let key = format!("{t:020}");
            let state = opened(shared)?.state();
            let kept = if remove {
                state.remove(BOOKMARKS, &key)
            } else {
                state.put(BOOKMARKS, &key, text.as_bytes())
            };
            match kept {
                Ok(()) if remove => done("the bookmark is gone"),
                Ok(()) => done("the bookmark is set"),
                Err(e) => refused(&e.to_string()),
            }
        }
        Action::SaveQuery {
            name,
            query,
            remove,
        } => save_query(shared, &name, &query, remove)?,
        Action::SignalProcess {
            pid,
            started,
            signal,
        } => match rights::may_signal(shared, caller, pid, started) {
            Ok(()) => process::signal(pid, started, signal),
            Err(said) => Outcome::Refused { said },
        },
        Action::KeepQuery(query) => queries::keep(shared, query)?,
        Action::AskJvm {
            pid,
            started,
            question,
        } => reports::ask(shared, caller, (pid, started), question)?,
        Action::Acknowledge(_)
        | Action::Silence(_)
        | Action::ExpireSilence { .. }
        | Action::TryRoute { .. }
        | Action::TryTemplate { .. } => telling::act(shared, &action, caller)?,
        Action::Container { .. }
        | Action::Reload
        | Action::TryTarget { .. }
        | Action::AddTarget { .. }
        | Action::TestReceiver { .. } => refused("this order is carried out elsewhere"),
    })
}

fn done(said: &str) -> Outcome {
    Outcome::Done {
        said: said.to_owned(),
    }
}

fn refused(said: &str) -> Outcome {
    Outcome::Refused {
        said: said.to_owned(),
    }
}

pub(crate) fn opened(shared: &Shared) -> Result<Arc<Store>, SourceError> {
    let opening = || SourceError::Unavailable(OPENING.to_owned());
    shared.store.load_full().ok_or_else(opening)
}

/// The alerts of this engine, the gravest first.
fn alerts(shared: &Shared, most: usize) -> AlertsView {
    let now = shared.clock.now_ms();
    let mut view = shared.alerting.board.alerts(now, most);
    telling::stand(shared, &mut view, most, now);
    view
}

/// Gaps in collecting, and bookmarks, in the order of time.
fn marks(shared: &Shared) -> Vec<Mark> {
    let mut all = bookmarks(shared);
    all.extend(shared.watching.marks.borrow().iter().cloned());
    all.extend(shared.past_gaps.lock().iter().cloned());
    all.extend(shared.containers.marks());
    all.sort_by_key(|m| (m.t, m.until));
    all
}

fn save_query(
    shared: &Shared,
    name: &str,
    query: &str,
    remove: bool,
) -> Result<Outcome, SourceError> {
    let state = opened(shared)?.state();
    if remove {
        return Ok(match state.remove(QUERIES, name) {
            Ok(()) => done("the saved query is gone"),
            Err(e) => refused(&e.to_string()),
        });
    }
    if name.is_empty() || name.len() > QUERY_NAME {
        let said = format!("a name has between 1 and {QUERY_NAME} bytes");
        return Ok(refused(&said));
    }
    let known = state.get(QUERIES, name).is_some();
    if !known && state.list(QUERIES).len() >= MOST_QUERIES {
        let said = format!("there are {MOST_QUERIES} saved queries already; remove one first");
        return Ok(refused(&said));
    }
    Ok(match state.put(QUERIES, name, query.as_bytes()) {
        Ok(()) => done("the query is saved"),
        Err(e) => refused(&e.to_string()),
    })
}

/// In the order of their names.
fn saved_queries(shared: &Shared) -> Vec<SavedQuery> {
    let Some(store) = shared.store.load_full() else {
        return Vec::new();
    };
    let rows = store.state().list(QUERIES).into_iter();
    let saved = rows.map(|(name, query)| SavedQuery {
        name,
        query: String::from_utf8_lossy(&query).into_owned(),
    });
    let mut all: Vec<SavedQuery> = saved.collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn bookmarks(shared: &Shared) -> Vec<Mark> {
    let Some(store) = shared.store.load_full() else {
        return Vec::new();
    };
    let rows = store.state().list(BOOKMARKS);
    let mark = |(key, text): (String, Arc<[u8]>)| {
        let t = key.parse().ok()?;
        Some(Mark {
            t,
            until: t,
            kind: MarkKind::Bookmark,
            text: String::from_utf8_lossy(&text).into_owned(),
        })
    };
    rows.into_iter().filter_map(mark).collect()
}

/// This console's number among those that look at processes.
const INSIDE: i32 = -1;

/// The processes of one container, the greediest first.
fn processes_inside(shared: &Shared, key: u64) -> View {
    let Some(pids) = shared.containers.processes(key) else {
        return nothing("it does not run, or its cgroup may not be read");
    };
    let mut view = (**shared.watching.processes.borrow()).clone();
    view.rows.retain(|r| pids.binary_search(&r.pid).is_ok());
    let cpu = |r: &ProcessRow| r.cpu.unwrap_or(0.0);
    view.rows
        .sort_by(|a, b| cpu(b).total_cmp(&cpu(a)).then(a.pid.cmp(&b.pid)));
    shared
        .looking
        .look_at(INSIDE, view.rows.iter().take(100).map(|r| r.pid).collect());
    View::Processes(view)
}

/// The record nearest before that time.
fn processes_at(shared: &Shared, at: i64) -> Result<View, SourceError> {
    let store = opened(shared)?;
    let kind = process_record::KIND;
    let Some((_, record)) = store.snapshot_at(kind, at)? else {
        return Ok(nothing("no processes were recorded before that time"));
    };
    let view = process_record::decode(&record).map_err(|e| SourceError::Internal(e.to_string()))?;
    Ok(View::Processes(view))
}

/// The engine as the HTTP server sees it.
pub(crate) struct Ports {
    shared: Arc<Shared>,
    embedded: Embedded,
}

impl Ports {
    pub(crate) fn new(shared: Arc<Shared>, embedded: Embedded) -> Self {
        Self { shared, embedded }
    }
}

impl api::Engine for Ports {
    fn source(&self, caller: Caller) -> Arc<dyn Source> {
        self.embedded.source_for(caller)
    }

    fn ready(&self) -> Result<(), String> {
        if self.embedded.is_open() {
            Ok(())
        } else {
            Err(OPENING.to_owned())
        }
    }

    fn alerts(&self) -> Vec<AlertRow> {
        let now = self.shared.clock.now_ms();
        self.shared.alerting.board.standing(now)
    }

    fn rule_groups(&self) -> Vec<RuleGroupRow> {
        self.shared.alerting.board.rules()
    }

    fn families(&self) -> Vec<Family> {
        let mut all: Vec<Family> = (**self.shared.watching.families.borrow()).clone();
        let health = Health {
            cpu_seconds: self.shared.cost().cpu_seconds,
        };
        all.extend(own_families(&status(&self.shared), &health));
        all.extend(
            self.shared
                .spans
                .get()
                .map(Spans::families)
                .unwrap_or_default(),
        );
        all
    }

    fn push(&self, decode: Decode) -> Reply<'static, u64> {
        let (shared, embedded) = (self.shared.clone(), self.embedded.clone());
        Box::pin(async move {
            let work = move || push(&shared, &decode()?);
            embedded.take_in(work).await
        })
    }

    fn push_lines(&self, decode: DecodeLines) -> Reply<'static, u64> {
        let (shared, embedded) = (self.shared.clone(), self.embedded.clone());
        Box::pin(async move {
            let work = move || push_lines(&shared, &decode()?);
            embedded.take_in(work).await
        })
    }

    fn receive(&self, decode: DecodeSpans) -> Reply<'static, Taken> {
        let (shared, embedded) = (self.shared.clone(), self.embedded.clone());
        Box::pin(async move {
            let work = move || {
                let opening = || SourceError::Unavailable(OPENING.to_owned());
                let spans = shared.spans.get().ok_or_else(opening)?;
                spans.take(decode()?).map_err(unwritten)
            };
            embedded.take_in(work).await
        })
    }

    fn pushed(&self, by: &Sender, outcome: Result<u64, String>) {
        let now = self.shared.clock.now_ms();
        self.shared.senders.note(by, now, outcome);
    }

    fn alerting(&self) -> Option<Arc<dyn api::Alerting>> {
        let pipeline = self.shared.pipeline.get()?.clone();
        Some(Arc::new(telling::Desk {
            pipeline,
            clock: self.shared.clock.clone(),
            started_at: self.shared.started_at,
        }))
    }

    fn external_labels(&self) -> Labels {
        self.shared.config.load().global.external_labels.clone()
    }

    fn loaded(&self) -> Loaded {
        *self.shared.loaded.lock()
    }

    fn census(&self, limit: usize) -> Census {
        let store = self.shared.store.load_full();
        store.map(|s| s.census(limit)).unwrap_or_default()
    }

    fn config_yaml(&self) -> String {
        reload::shown(&self.shared)
    }

    fn flags(&self) -> Vec<(String, String)> {
        let launch = &self.shared.launch;
        let files: Vec<String> = launch
            .files
            .iter()
            .map(|f| f.display().to_string())
            .collect();
        vec![
            ("config.file".to_owned(), files.join(",")),
            (
                "storage.tsdb.path".to_owned(),
                launch.data_dir.display().to_string(),
            ),
            (
                "web.listen-address".to_owned(),
                self.shared.listening.load().to_string(),
            ),
            (
                "web.enable-admin-api".to_owned(),
                launch.config.api.admin.to_string(),
            ),
        ]
    }

    fn admin(&self, order: AdminOrder) -> Reply<'static, AdminDone> {
        let shared = self.shared.clone();
        let done = tokio::task::spawn_blocking(move || administer(&shared, order));
        Box::pin(async move {
            done.await
                .unwrap_or_else(|_| Err(SourceError::Internal("the order broke off".to_owned())))
        })
    }
}

fn administer(shared: &Shared, order: AdminOrder) -> Result<AdminDone, SourceError> {
    let store = opened(shared)?;
    match order {
        AdminOrder::DeleteSeries { selectors, range } => {
            let matchers: Result<Vec<Vec<Matcher>>, SourceError> =
                selectors.iter().map(|text| selector(text)).collect();
            store.delete_series(&matchers?, range).map_err(unwritten)?;
        }
        // What is deleted is in no answer from then on; this gives its place back as well.
        AdminOrder::CleanTombstones => store.clean_tombstones().map_err(unwritten)?,
        AdminOrder::Snapshot => {
            let name = format!("snapshot-{}", shared.clock.now_ms());
            store.save_snapshot(&name).map_err(unwritten)?;
            return Ok(AdminDone { name });
        }
    }
    Ok(AdminDone::default())
}

fn selector(text: &str) -> Result<Vec<Matcher>, SourceError> {
    syntax::selector(text).map_err(|fault| SourceError::BadRequest {
        said: fault.to_string(),
        at: None,
    })
}

fn unwritten(e: WriteError) -> SourceError {
    match e {
        WriteError::Limit(said) => SourceError::BadRequest { said, at: None },
        WriteError::Poisoned(said) | WriteError::Io(said) => SourceError::Internal(said),
    }
}

/// Bytes of pushed lines that are handed to the store at once.
const LINES_AT_ONCE: usize = 1 << 20;
/// A line may be ahead of this server's clock by so much, in nanoseconds.
const AHEAD: i64 = 600_000_000_000;

/// Keeps what can be kept; the first line that cannot makes the answer.
fn push_lines(shared: &Shared, streams: &[PushStream]) -> Result<u64, SourceError> {
    let opening = || SourceError::Unavailable(OPENING.to_owned());
    let store = shared.lines.get().ok_or_else(opening)?;
    let newest = shared.clock.now_ms() * 1_000_000 + AHEAD;
    let mut refused = None;
    let mut kept = 0;
    let mut batch = LogBatch::default();
    for stream in streams {
        let id = store.stream(&stream.labels).map_err(unwritten)?;
        for entry in &stream.entries {
            if entry.t > newest {
                let labels = &stream.labels;
                refused.get_or_insert_with(|| {
                    format!(
                        "entry for stream '{labels}' has timestamp too new: {}",
                        entry.t
                    )
                });
                continue;
            }
            batch.push(id, entry.t, level_of(stream, entry), &entry.line);
            batch.describe(entry.metadata.clone());
            kept += 1;
            if batch.bytes() >= LINES_AT_ONCE {
                store.append_lines(&batch).map_err(unwritten)?;
                batch.clear();
            }
        }
    }
    store.append_lines(&batch).map_err(unwritten)?;
    store.flush_lines().map_err(unwritten)?;
    match refused {
        Some(said) => Err(SourceError::BadRequest { said, at: None }),
        None => Ok(kept),
    }
}

/// What the sender says of a line's level, else what the line says.
fn level_of(stream: &PushStream, entry: &LogEntry) -> Level {
    let names = ["detected_level", "level", "severity", "severity_text"];
    let told = names
        .iter()
        .flat_map(|n| [entry.metadata.get(n), stream.labels.get(n)]);
    let mut told = told.filter(|word| !word.is_empty());
    let level = told.find_map(detect::level_of_word);
    level.unwrap_or_else(|| detect::level(&entry.line))
}

fn push(shared: &Shared, request: &WriteRequest) -> Result<u64, SourceError> {
    let store = opened(shared)?;
    if !request.metadata.is_empty() {
        store.describe(&request.metadata);
    }
    let mut batch = Vec::new();
    let mut exemplars = Vec::new();
    // What a limit keeps out does not take the rest with it.
    let mut refused: Option<(u64, String)> = None;
    for series in &request.series {
        let id = match store.resolve(&series.labels) {
            Ok(id) => id,
            Err(WriteError::Limit(why)) => {
                refused.get_or_insert((0, why)).0 += series.samples.len() as u64;
                continue;
            }
            Err(e) => return Err(unwritten(e)),
        };
        batch.extend(series.samples.iter().map(|s| Append {
            series: id,
            t: s.t,
            v: s.v,
        }));
        exemplars.extend(series.exemplars.iter().map(|e| {
            let (labels, value, t) = (e.labels.clone(), e.value, e.t);
            (id, Exemplar { labels, value, t })
        }));
    }
    let all = batch.len() as u64;
    let kept = store.append(&batch).map_err(unwritten)?;
    store.append_exemplars(exemplars);
    store.flush().map_err(unwritten)?;
    if let Some((count, why)) = refused {
        let said = format!("{count} of {} samples were refused: {why}", all + count);
        return Err(SourceError::BadRequest { said, at: None });
    }
    let lost = kept.out_of_order + kept.duplicate;
    if lost > 0 {
        let said = format!("{lost} of {all} samples are older than what is stored already");
        return Err(SourceError::BadRequest { said, at: None });
    }
    Ok(all)
}
