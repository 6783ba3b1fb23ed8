//! From files to one configuration: read, tell the kind, hold against the registry, check, join.

use crate::config::check::{Check, Names};
use crate::config::fields::Fields;
use crate::config::files::{Files, System};
use crate::config::finding::{Finding, Level, Report};
use crate::config::global::{self, GLOBAL, folder_of};
use crate::config::kind::{self, Kind};
use crate::config::place::{self, Node, Place};
use crate::config::root::{INCLUDE, JOBS_FILE, ROOT};
use crate::config::shape::{self, Section};
use crate::config::targets::{read_group_list, read_groups};
use crate::config::tempo;
use crate::config::{
    Config, alerting, alerts, api, host, jvm, limits, logs, otlp, promql, remote, rule_tests,
    rules, scrape, storage, traces, ui,
};
use crate::model::alert::Language;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What became of the files.
#[derive(Debug)]
pub struct Loaded {
    /// `None` where a finding is an error: what ran before goes on.
    pub config: Option<Config>,
    /// In the order of the files and of their lines.
    pub findings: Vec<Finding>,
}

impl Loaded {
    pub fn is_accepted(&self) -> bool {
        self.config.is_some()
    }
}

/// Files that one configuration may consist of.
const MAX_FILES: usize = 500;

/// Reads and joins the given files; none gives the defaults.
pub fn load(files: &[PathBuf]) -> Loaded {
    load_from(files, &System)
}

pub(crate) fn load_from(paths: &[PathBuf], files: &dyn Files) -> Loaded {
    let mut loader = Loader::new(files);
    for path in paths {
        loader.add(Include::of(path));
    }
    loader.finish()
}

/// Everything there is to say of one file and of what it names: files of targets are read too.
pub fn check(path: &Path) -> Vec<Finding> {
    let files = &System;
    let mut loader = Loader::new(files);
    loader.add(Include::of(path));
    let (config, mut findings) = loader.read_all();
    let own = |found: &Path| found == path;
    for sd in config.scrape.iter().flat_map(|job| &job.file_sd) {
        let named = sd.files.iter().flat_map(|p| files.matches(p));
        for path in named.filter(|p| !own(p)).take(MAX_FILES) {
            findings.extend(read_groups(files, &path).1);
        }
    }
    findings
}

/// The groups of a text in the form of a rule file; `name` stands for the file. What is wrong with
/// it is found by [`check`] of a file.
pub fn read_rules(name: &str, text: &str) -> Vec<rules::RuleGroup> {
    let mut report = Report::new(Path::new(name));
    let Some(tree) = report.take_parsed(place::parse(text)) else {
        return Vec::new();
    };
    let mut check = Check {
        report: &mut report,
        folder: Path::new("."),
        files: &System,
        names: Names::default(),
    };
    rules::read(&tree, Language::PromQl, &mut check)
}

/// One file that could be read as YAML.
struct Document {
    path: PathBuf,
    kind: Kind,
    root: &'static Section,
    tree: Option<Node>,
    report: Report,
    /// Of a rule file: what its groups are written in where they do not say.
    language: Language,
}

struct Loader<'a> {
    files: &'a dyn Files,
    documents: Vec<Document>,
}

impl<'a> Loader<'a> {
    fn new(files: &'a dyn Files) -> Self {
        let documents = Vec::new();
        Self { files, documents }
    }

    /// Reads one file and what it includes.
    fn add(&mut self, include: Include) {
        let Include { path, root, named } = include;
        let mut report = Report::new(&path);
        let text = self.files.read(&path).unwrap_or_else(|e| {
            report.error(Place::default(), format!("cannot be read: {e}"));
            String::new()
        });
        let tree = report.take_parsed(place::parse(&text));
        if let Some(tree) = tree.as_ref().filter(|t| t.text().is_some() && !t.is_null()) {
            let text = "a configuration is a mapping of `key: value` lines";
            report.error(tree.place, text);
        }
        let kind = tree.as_ref().map_or(Kind::Prometheus, kind::detect);
        if let (Some(tree), Some((key, kinds))) = (&tree, named)
            && !tree.is_null()
            && !kinds.contains(&kind)
        {
            let text = format!(
                "`include.{key}` names this file, but it is a {} file",
                kind.as_str()
            );
            report.error(tree.place, text);
        }
        let mut document = Document {
            path,
            kind,
            root,
            tree,
            report,
            language: Language::PromQl,
        };
        let included = match kind {
            // Its keys are held against its own tables when it is read.
            Kind::Alertmanager => Vec::new(),
            Kind::Native | Kind::Prometheus => open(&mut document, self.files),
            Kind::Promtail => {
                document.root = &logs::PROMTAIL;
                open(&mut document, self.files)
            }
            _ => recognise(&mut document, self.files),
        };
        self.documents.push(document);
        for include in included {
            if self.documents.len() < MAX_FILES {
                self.add(include);
            }
        }
    }

    fn finish(self) -> Loaded {
        let (config, findings) = self.read_all();
        let refused = findings.iter().any(|f| f.level == Level::Error);
        Loaded {
            config: (!refused).then_some(config),
            findings,
        }
    }

    /// What could be read, and everything that was found; usable where no finding is an error.
    fn read_all(mut self) -> (Config, Vec<Finding>) {
        self.one_of_each_kind();
        let mut config = self.read();
        self.read_rules(&mut config);
        self.tell_of_both(&config);
        let mut findings = Vec::new();
        for document in self.documents {
            findings.extend(document.report.finish(document.tree.as_ref()));
        }
        (config, findings)
    }

    /// Alerts are told here and sent on to another Alertmanager: everybody hears of each twice.
    fn tell_of_both(&mut self, config: &Config) {
        let tells = config.alertmanager.as_ref();
        let tells = tells.is_some_and(|a| a.receivers.iter().any(|r| !r.integrations.is_empty()));
        if !tells || config.alerting.alertmanagers.is_empty() {
            return;
        }
        for document in &mut self.documents {
            let tree = document.tree.as_ref();
            let alerting = tree.and_then(|t| t.get("alerting"));
            let Some(entry) = alerting.and_then(|a| a.entry("alertmanagers")) else {
                continue;
            };
            let place = entry.place;
            let text = format!(
                "alerts are sent on to these and told by the receivers of this configuration too, so everybody hears twice; once nobody needs the other Alertmanager, delete line {} and what belongs to it",
                place.line
            );
            document.report.warning(place, text);
        }
    }

    fn one_of_each_kind(&mut self) {
        let mut seen: Vec<(Kind, PathBuf)> = Vec::new();
        for document in &mut self.documents {
            let many = document.kind.may_repeat();
            let whole = [&raw const ROOT, &raw const logs::PROMTAIL];
            if many
                || document.tree.is_none()
                || !whole.iter().any(|w| std::ptr::eq(document.root, *w))
            {
                continue;
            }
            if let Some((kind, first)) = seen.iter().find(|(k, _)| *k == document.kind) {
                let text = format!(
                    "this is a second {} file beside {}; join them, or name one under `include`",
                    kind.as_str(),
                    first.display()
                );
                document.report.error(Place::default(), text);
            } else {
                seen.push((document.kind, document.path.clone()));
            }
        }
    }

    /// `global` first, since jobs of all files take their defaults from it.
    fn read(&mut self) -> Config {
        let mut config = Config::default();
        let mut names = Names::default();
        let mut global_in: Option<PathBuf> = None;
        let files = self.files;
        for document in &mut self.documents {
            config.files.push(document.path.clone());
            let found = each(document, files, names, |of, check| {
                if !of.is(&ROOT) {
                    return None;
                }
                let of = of.section("global", &GLOBAL)?;
                if let Some(first) = &global_in {
                    let text = format!("{} has a `global` too; keep one of them", first.display());
                    check.report.error(of.place(), text);
                }
                config.global = global::read(of, check);
                Some(check.names)
            });
            if let Some(found) = found.flatten() {
                names = found;
                global_in = Some(document.path.clone());
            }
        }
        let mut jobs = HashMap::new();
        for document in &mut self.documents {
            if document.kind == Kind::Alertmanager {
                take_alertmanager(document, files, names, &mut config);
            }
            if document.kind == Kind::Rules {
                config.rule_files.push(document.path.clone());
            }
            if document.kind == Kind::Promtail {
                each(document, files, names, |of, check| {
                    config.logs.jobs.extend(logs::read(of, check));
                    config.logs.rule_files.extend(logs::rule_files(of, check));
                });
                continue;
            }
            each(document, files, names, |of, check| {
                let found = scrape::read_jobs(of, &config.global, &mut jobs, check);
                config.scrape.extend(found);
                read_sections(of, check, &mut config);
            });
        }
        config
    }

    /// The groups of the rule files that were given and of those that the patterns name now.
    fn read_rules(&mut self, config: &mut Config) {
        let files = self.files;
        let of = |patterns: &[PathBuf], language: Language| -> Vec<(PathBuf, Language)> {
            let found = patterns.iter().flat_map(|p| files.matches(p));
            found.map(|path| (path, language)).collect()
        };
        let mut named = of(&config.rule_files, Language::PromQl);
        named.extend(of(&config.logs.rule_files, Language::LogQl));
        for (path, language) in named {
            if config.files.contains(&path) {
                continue;
            }
            if self.documents.len() >= MAX_FILES {
                break;
            }
            self.add(Include::of(&path));
            config.files.push(path);
            let Some(document) = self.documents.last_mut() else {
                continue;
            };
            document.language = language;
            let empty = document.tree.as_ref().is_none_or(Node::is_null);
            if document.kind != Kind::Rules && !empty {
                let text = "this is no rule file; a rule file has `groups`";
                document.report.error(Place::default(), text);
            }
        }
        for document in &mut self.documents {
            let (Kind::Rules, Some(tree)) = (document.kind, &document.tree) else {
                continue;
            };
            let mut check = Check {
                report: &mut document.report,
                folder: folder_of(&document.path),
                files,
                names: config.global.scraping.names,
            };
            config
                .rules
                .extend(rules::read(tree, document.language, &mut check));
        }
    }
}

/// The file is the configuration of the Alertmanager's part; there can be one.
fn take_alertmanager(
    document: &mut Document,
    files: &dyn Files,
    names: Names,
    config: &mut Config,
) {
    let Some(tree) = &document.tree else {
        return;
    };
    let mut check = Check {
        report: &mut document.report,
        folder: folder_of(&document.path),
        files,
        names,
    };
    set_alertmanager(tree, &mut check, config);
}

fn set_alertmanager(tree: &Node, check: &mut Check<'_>, config: &mut Config) {
    if config.alertmanager.is_some() {
        let text = "another file says already who is told of alerts; keep one of them";
        check.report.error(tree.place, text);
        return;
    }
    config.alertmanager = crate::config::alertmanager::read(tree, check).map(Arc::new);
}

/// A file to be read.
struct Include {
    path: PathBuf,
    /// The keys it may have.
    root: &'static Section,
    /// The key of `include` that names it, and the kinds that this key takes.
    named: Option<(&'static str, &'static [Kind])>,
}

impl Include {
    fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            root: &ROOT,
            named: None,
        }
    }
}

/// The keys of `include` that name one file, and the kinds each may be.
const INCLUDED: [(&str, &[Kind]); 3] = [
    ("prometheus", &[Kind::Prometheus, Kind::Native]),
    ("promtail", &[Kind::Promtail]),
    ("alertmanager", &[Kind::Alertmanager]),
];

/// Holds a file of jobs and settings against the registry; the files it includes.
fn open(document: &mut Document, files: &dyn Files) -> Vec<Include> {
    let Some(tree) = document.tree.as_ref().filter(|t| t.text().is_none()) else {
        return Vec::new();
    };
    shape::check(tree, document.root, &mut document.report);
    let of = Fields::new(tree, document.root);
    if !of.is(&ROOT) {
        return Vec::new();
    }
    let mut check = Check {
        report: &mut document.report,
        folder: folder_of(&document.path),
        files,
        names: Names::default(),
    };
    find_included(of, &mut check)
}

/// A file of another kind: checked where its checks exist, and what is not there yet is named.
fn recognise(document: &mut Document, files: &dyn Files) -> Vec<Include> {
    let mut check = Check {
        report: &mut document.report,
        folder: folder_of(&document.path),
        files,
        names: Names::default(),
    };
    let feature = match (document.kind, &document.tree) {
        (Kind::Targets, Some(tree)) => {
            read_group_list(tree, &mut check);
            let text =
                "this is a list of targets; it is read where a job's `file_sd_configs` names it";
            check.report.warning(tree.place, text);
            return Vec::new();
        }
        (Kind::Loki, _) => "a store that speaks Loki's configuration",
        (Kind::Tempo, Some(tree)) => {
            tempo::answer(tree, &mut check);
            return Vec::new();
        }
        (Kind::Dashboard, _) => "dashboards",
        (Kind::RuleTests, Some(tree)) => {
            rule_tests::read(tree, &mut check);
            let text = "these are unit tests of rules; `bongsu test-rules FILE` runs them";
            check.report.warning(tree.place, text);
            return Vec::new();
        }
        (
            Kind::Alertmanager
            | Kind::Native
            | Kind::Prometheus
            | Kind::Promtail
            | Kind::Rules
            | Kind::RuleTests
            | Kind::Targets
            | Kind::Tempo,
            _,
        ) => {
            return Vec::new();
        }
    };
    let kind = document.kind.as_str();
    let text = format!("this is a {kind} file; bongsu does not have {feature} yet");
    let place = document.tree.as_ref().map_or(Place::default(), |t| t.place);
    document.report.warning(place, text);
    Vec::new()
}

/// Runs `read` over a document of jobs and settings.
fn each<T>(
    document: &mut Document,
    files: &dyn Files,
    names: Names,
    read: impl FnOnce(Fields<'_>, &mut Check<'_>) -> T,
) -> Option<T> {
    let tree = document.tree.as_ref()?;
    if !matches!(
        document.kind,
        Kind::Native | Kind::Prometheus | Kind::Promtail
    ) {
        return None;
    }
    let mut check = Check {
        report: &mut document.report,
        folder: folder_of(&document.path),
        files,
        names,
    };
    Some(read(Fields::new(tree, document.root), &mut check))
}

/// Everything but `global` and the jobs.
fn read_sections(of: Fields<'_>, check: &mut Check<'_>, config: &mut Config) {
    if !of.is(&ROOT) {
        return;
    }
    config
        .rule_files
        .extend(check.patterns(of.texts("rule_files")));
    if let Some(include) = of.section("include", &INCLUDE) {
        config
            .rule_files
            .extend(check.patterns(include.texts("rules")));
    }
    if let Some(of) = of.section("alerting", &alerting::ALERTING) {
        config.alerting = alerting::read(of, check);
    }
    if let Some(of) = of.section("alerts", &alerts::ALERTS) {
        config.alerts = alerts::read(of, check);
    }
    if let Some(tree) = of.get("alertmanager") {
        set_alertmanager(tree, check, config);
    }
    remote::check(of, check);
    otlp::check(of, check);
    if let Some(of) = of.section("containers", &crate::config::containers::CONTAINERS) {
        config.containers = crate::config::containers::read(of);
    }
    if let Some(of) = of.section("jvm", &jvm::JVM) {
        config.jvm = jvm::read(of);
    }
    if let Some(of) = of.section("host", &host::HOST) {
        config.host = host::read(of, check);
    }
    if let Some(of) = of.section("logs", &logs::LOGS) {
        config.logs.enabled = logs::enabled(of);
        config.logs.jobs.extend(logs::read(of, check));
        config.logs.rule_files.extend(logs::rule_files(of, check));
    }
    if let Some(of) = of.section("storage", &storage::STORAGE) {
        config.storage = storage::read(of, check);
    }
    if let Some(of) = of.section("limits", &limits::LIMITS) {
        config.limits = limits::read(of, check);
    }
    if let Some(of) = of.section("api", &api::API) {
        config.api = api::read(of, check);
    }
    if let Some(of) = of.section("traces", &traces::TRACES) {
        config.traces = traces::read(of, check);
    }
    if let Some(of) = of.section("ui", &ui::UI) {
        config.ui = ui::read(of, check);
    }
    if let Some(of) = of.section("promql", &promql::PROMQL) {
        config.promql = promql::read(of);
    }
}

/// The files that `scrape_config_files` and `include` name.
fn find_included(of: Fields<'_>, check: &mut Check<'_>) -> Vec<Include> {
    let mut out = Vec::new();
    let patterns = of.texts("scrape_config_files");
    for (i, (pattern, place)) in patterns.iter().enumerate() {
        if patterns[..i].iter().any(|(p, _)| p == pattern) {
            let text =
                format!("{pattern:?} is named twice, so each of its jobs would be there twice");
            check.report.error(*place, text);
        }
    }
    for path in check.patterns(patterns) {
        let matches = check.files.matches(&path).into_iter();
        out.extend(matches.map(|path| Include {
            path,
            root: &JOBS_FILE,
            named: None,
        }));
    }
    let Some(include) = of.section("include", &INCLUDE) else {
        return out;
    };
    for (key, kinds) in INCLUDED {
        if let Some(path) = include.path(key, check.folder) {
            out.push(Include {
                path,
                root: &ROOT,
                named: Some((key, kinds)),
            });
        }
    }
    out
}
