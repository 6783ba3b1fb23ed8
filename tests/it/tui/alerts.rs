//! Screens of the Alerts tab: what fires, opened and closed, the rules, and the header's count.

use crate::tui::fake_source::{self, NOW};
use crate::tui::screens::options;
use crate::tui::{click_on, golden};
use bongsu::model::action::{Action, Outcome};
use bongsu::model::alert::{Alert, AlertState, Language, fingerprint};
use bongsu::model::answer::{Answer, Cost, Notes, PromAnswer, Series, Value};
use bongsu::model::labels::Labels;
use bongsu::model::request::{PromQuery, Request, ViewName};
use bongsu::model::sample::Sample;
use bongsu::model::view::{
    Acknowledgement, AlertCounts, AlertRow, AlertsView, ReceiverRow, RuleGroupRow, RuleHealth,
    RuleRow, SilenceRow, Standing, View,
};
use bongsu::model::view::{CalendarRow, InhibitRow, RouteRow, RoutingView};
use bongsu::source::api::SourceError;
use bongsu::tui::testing::Bench;
use bongsu::tui::{Depth, Options, SymbolSet};

const SIZES: &[(u16, u16)] = &[(80, 24), (120, 40), (200, 50)];

fn answer(request: &Request) -> Result<Answer, SourceError> {
    Ok(match request {
        Request::Prom(query) if query.expr.starts_with("ALERTS{") => states(query),
        Request::Prom(query) if query.expr.starts_with("sum(c") => days(query),
        Request::View { view, .. } if *view == ViewName::Alerts => {
            Answer::View(View::Alerts(alerts()))
        }
        Request::View { view, .. } if *view == ViewName::Rules => {
            Answer::View(View::Rules(rules()))
        }
        Request::View { view, .. } if *view == ViewName::Routing => {
            Answer::View(View::Routing(Box::new(routing())))
        }
        Request::Status => {
            let Answer::Status(mut status) = fake_source::answer(request)? else {
                panic!("no status");
            };
            status.alerts = alerts().counts;
            Answer::Status(status)
        }
        other => fake_source::answer(other)?,
    })
}

fn row(name: &str, labels: &[(&str, &str)], state: AlertState, minutes: i64) -> AlertRow {
    let mut all = vec![("alertname", name)];
    all.extend_from_slice(labels);
    let labels = Labels::from_pairs(all);
    let since = NOW - minutes * 60_000;
    AlertRow {
        fingerprint: fingerprint(&labels),
        alert: Alert {
            labels,
            annotations: Labels::from_pairs([
                ("summary", "the heap of 결제 is 93.4% full"),
                ("runbook_url", "https://wiki.example.org/heap"),
            ]),
            starts_at: since,
            ends_at: if state == AlertState::Resolved {
                NOW - 60_000
            } else {
                0
            },
            generator_url: "http://web1:9470/graph?g0.expr=heap+%3E+0.9&g0.tab=1".into(),
            value: 0.934,
            state,
            ..Alert::default()
        },
        active_at: since,
        group: "jvm".into(),
        file: "/etc/bongsu/rules.yml".into(),
        expr: "sum by (instance) (heap_used) / sum by (instance) (heap_max) > 0.9".into(),
        language: Language::default(),
        for_ms: 300_000,
        standing: Standing::default(),
    }
}

fn alerts() -> AlertsView {
    let mut acked = row(
        "HostDown",
        &[
            ("severity", "critical"),
            ("instance", "db2:9100"),
            ("job", "node"),
        ],
        AlertState::Firing,
        190,
    );
    acked.standing.acknowledged = Some(Acknowledgement {
        by: "kim".into(),
        at: NOW - 3_600_000,
        note: "the disk is on its way".into(),
        until: None,
    });
    let rows = vec![
        row(
            "HeapFull",
            &[
                ("severity", "critical"),
                ("instance", "web1"),
                ("job", "결제"),
            ],
            AlertState::Firing,
            12,
        ),
        acked,
        row(
            "QueueLong",
            &[
                ("severity", "warning"),
                ("instance", "10.0.0.7:8080"),
                ("queue", "orders"),
            ],
            AlertState::Pending,
            3,
        ),
        row(
            "DiskFullSoon",
            &[("instance", "web1")],
            AlertState::Resolved,
            40,
        ),
    ];
    AlertsView {
        taken_at: NOW,
        rows,
        left_out: 0,
        counts: AlertCounts {
            firing: 2,
            pending: 1,
            begun: 5,
        },
    }
}

/// The heap fired twice within the window, the queue pends since three minutes.
fn states(query: &PromQuery) -> Answer {
    let series = |name: &str, instance: &str, state: &str, from: i64, to: i64| Series {
        labels: Labels::from_pairs([
            ("__name__", "ALERTS"),
            ("alertname", name),
            ("alertstate", state),
            ("instance", instance),
        ]),
        samples: query
            .steps
            .iter()
            .filter(|t| (NOW - from * 60_000..=NOW - to * 60_000).contains(t))
            .map(|t| Sample { t, v: 1.0 })
            .collect(),
    };
    let mut heap = series("HeapFull", "web1", "firing", 25, 20);
    heap.samples
        .extend(series("HeapFull", "web1", "firing", 12, 0).samples);
    Answer::Prom(PromAnswer {
        value: Value::Matrix(vec![
            heap,
            series("HeapFull", "web1", "pending", 29, 25),
            series("QueueLong", "10.0.0.7:8080", "pending", 3, 0),
            series("HostDown", "db2:9100", "firing", 30, 0),
        ]),
        notes: Notes::default(),
        cost: Cost::default(),
    })
}

/// Quiet for a week, then it came and went.
fn days(query: &PromQuery) -> Answer {
    let begun = query.expr.contains("changes");
    let at = |(i, t): (usize, i64)| {
        let v = match (i, begun) {
            (7, true) => 2.0,
            (9, true) => 12.0,
            (13, true) => 1.0,
            (7 | 9 | 13, false) => 40.0,
            _ => return None,
        };
        Some(Sample { t, v })
    };
    let series = Series {
        labels: Labels::empty(),
        samples: query.steps.iter().enumerate().filter_map(at).collect(),
    };
    Answer::Prom(PromAnswer {
        value: Value::Matrix(vec![series]),
        notes: Notes::default(),
        cost: Cost::default(),
    })
}

fn routing() -> RoutingView {
    let route = |depth: u16, matchers: &[&str], receiver: &str, alerts: u64| RouteRow {
        depth,
        matchers: matchers.iter().map(|m| (*m).to_owned()).collect(),
        receiver: receiver.into(),
        group_by: vec!["alertname".into()],
        wait: 30_000,
        interval: 300_000,
        repeat: 14_400_000,
        alerts,
        groups: alerts.min(1),
        ways: vec!["slack".into()],
        ..RouteRow::default()
    };
    RoutingView {
        taken_at: NOW,
        routes: vec![
            route(0, &[], "팀", 2),
            RouteRow {
                continues: true,
                ways: vec!["pagerduty".into(), "slack[1]".into()],
                ..route(1, &["severity=\"critical\""], "oncall", 1)
            },
            RouteRow {
                mute: vec!["nights".into()],
                muted_by: vec!["nights".into()],
                group_by: vec!["...".into()],
                ..route(2, &["service=~\"결제|주문\""], "payments", 0)
            },
            RouteRow {
                active: vec!["office".into()],
                ways: Vec::new(),
                group_by: Vec::new(),
                ..route(1, &["severity=\"info\""], "nobody", 0)
            },
        ],
        inhibit: vec![InhibitRow {
            source: vec!["severity=\"critical\"".into()],
            target: vec!["severity=\"warning\"".into()],
            equal: vec!["instance".into()],
            quiet: 3,
        }],
        calendar: vec![
            CalendarRow {
                name: "nights".into(),
                inside_now: true,
                cells: format!("{}{}", "1".repeat(16), "0".repeat(32)).repeat(7),
                routes: 1,
            },
            CalendarRow {
                name: "office".into(),
                inside_now: false,
                cells: format!("{}{}", "0".repeat(40), "1".repeat(8)).repeat(7),
                routes: 1,
            },
        ],
        calendar_from: NOW / 3_600_000 * 3_600_000,
        calendar_step: 1_800_000,
    }
}

fn rules() -> Vec<RuleGroupRow> {
    let rule = |name: &str, expr: &str, alerts: bool| RuleRow {
        name: name.into(),
        expr: expr.into(),
        alerts,
        health: RuleHealth::Ok,
        last_evaluation: NOW - 7_000,
        seconds: 0.0021,
        series: 3,
        ..RuleRow::default()
    };
    vec![RuleGroupRow {
        name: "jvm".into(),
        file: "/etc/bongsu/rules.yml".into(),
        interval_ms: 15_000,
        seconds: 0.01,
        rules: vec![
            rule("heap:ratio", "heap_used / heap_max", false),
            RuleRow {
                firing: 1,
                for_ms: 300_000,
                ..rule("HeapFull", "heap:ratio > 0.9", true)
            },
            RuleRow {
                health: RuleHealth::Err,
                error: "found duplicate series for the match group {instance=\"a\"}".into(),
                ..rule("Broken", "a / on (instance) b > 1", true)
            },
            rule("Quiet", "up == 0", true),
        ],
        ..RuleGroupRow::default()
    }]
}

fn open(options: Options, width: u16, height: u16) -> Bench {
    let mut bench = Bench::new(options, NOW, width, height);
    bench.answer(&mut answer).press("7").answer(&mut answer);
    bench.wait(2_000).answer(&mut answer);
    bench
}

#[test]
fn at_every_size_and_state() {
    for (width, height) in SIZES {
        let size = format!("{width}x{height}");
        golden(
            &format!("alerts-{size}"),
            &open(options(), *width, *height).screen(),
        );
        let mut opened = open(options(), *width, *height);
        opened.press("Enter").answer(&mut answer);
        golden(&format!("alerts-opened-{size}"), &opened.screen());
        let mut rules = open(options(), *width, *height);
        rules.press("Tab").answer(&mut answer);
        golden(&format!("alerts-rules-{size}"), &rules.screen());
        let mut routes = open(options(), *width, *height);
        routes.press("Tab Tab Tab").answer(&mut answer);
        golden(&format!("alerts-routing-{size}"), &routes.screen());
    }
    let ascii = Options {
        symbols: SymbolSet::Ascii,
        depth: Depth::Mono,
        ..options()
    };
    golden("alerts-ascii", &open(ascii, 80, 24).screen());
    let mut quiet = Bench::new(options(), NOW, 80, 24);
    quiet.answer(&mut fake_source::answer).press("7");
    golden("alerts-loading", &quiet.screen());
    golden(
        "alerts-quiet",
        &quiet.answer(&mut fake_source::answer).screen(),
    );
    let refuse = &mut |_: &_| Err(SourceError::Unavailable("the engine is gone".into()));
    let mut failing = Bench::new(options(), NOW, 80, 24);
    failing.answer(&mut answer).press("7").answer(refuse);
    golden("alerts-error", &failing.screen());
}

#[test]
fn the_broken_rule_stands_first_and_opens() {
    let mut rules = open(options(), 120, 40);
    rules.press("Tab").answer(&mut answer).press("Enter");
    let screen = rules.screen();
    golden("alerts-rule-opened", &screen);
    assert!(screen.contains("duplicate series"), "{screen}");
}

#[test]
fn the_filter_narrows_and_lets_go() {
    let mut bench = open(options(), 120, 40);
    bench.press("/").type_text("queue").press("Enter");
    let screen = bench.screen();
    assert!(
        screen.contains("QueueLong") && !screen.contains("HeapFull"),
        "{screen}"
    );
    bench.press("Esc");
    assert!(bench.screen().contains("HeapFull"));
}

#[test]
fn the_overview_has_its_panel() {
    let options = Options {
        overview: vec![("alerts".into(), 1, 1)],
        ..options()
    };
    let mut bench = Bench::new(options, NOW, 100, 20);
    bench.answer(&mut answer);
    golden("overview-alerts", &bench.answer(&mut answer).screen());
}

/// Fewer fired then; what was told of them is not known.
fn answer_then(request: &Request) -> Result<Answer, SourceError> {
    match request {
        Request::View {
            view: ViewName::Alerts,
            at: Some(at),
        } => {
            let mut rows = alerts().rows;
            rows.truncate(1);
            let row = &mut rows[0];
            row.alert.annotations = Labels::empty();
            row.alert.value = f64::NAN;
            row.active_at = at - 120_000;
            row.alert.starts_at = row.active_at;
            Ok(Answer::View(View::Alerts(AlertsView {
                rows,
                taken_at: *at,
                counts: AlertCounts {
                    firing: 1,
                    ..AlertCounts::default()
                },
                left_out: 0,
            })))
        }
        Request::View {
            view: ViewName::AlertStory(_),
            ..
        } => panic!("what was decided is of now"),
        other => answer(other),
    }
}

#[test]
fn rewound_alerts_are_those_of_then_and_take_no_orders() {
    let mut bench = open(options(), 120, 40);
    bench.press("[").answer(&mut answer_then).press("Enter");
    bench.wait(2_000).answer(&mut answer_then);
    let screen = bench.screen();
    golden("alerts-rewound", &screen);
    assert!(
        screen.contains("1 firing") && !screen.contains("QueueLong"),
        "{screen}"
    );
    for key in ["a", "A", "x"] {
        bench.press(key);
        let screen = bench.screen();
        assert!(screen.contains("acts need the present"), "{screen}");
        assert_eq!(orders(&mut bench, &done()), []);
        bench.wait(20_000).answer(&mut answer_then);
    }
    bench.press("0").answer(&mut answer);
    bench.wait(2_000).answer(&mut answer).press("Esc a");
    assert!(bench.screen().contains("Acknowledge"), "{}", bench.screen());
}

#[test]
fn the_panel_of_a_rewound_overview_is_of_then() {
    let options = Options {
        overview: vec![("alerts".into(), 1, 1)],
        ..options()
    };
    let mut bench = Bench::new(options, NOW, 100, 20);
    bench
        .answer(&mut answer)
        .press("[")
        .answer(&mut answer_then);
    bench.wait(2_000).answer(&mut answer_then);
    let screen = bench.screen();
    assert!(
        screen.contains("HeapFull") && !screen.contains("HostDown"),
        "{screen}"
    );
    assert!(!screen.contains("firing now"), "{screen}");
    let nothing = &mut |request: &Request| match request {
        Request::View { at: Some(_), .. } => Ok(Answer::View(View::Nothing {
            why: "nothing was collected then: no engine was running".into(),
        })),
        other => answer(other),
    };
    bench.press("[").answer(nothing);
    bench.wait(2_000).answer(nothing);
    let screen = bench.screen();
    assert!(screen.contains("no engine was running"), "{screen}");
}

/// What was ordered, in the order it was.
fn orders(bench: &mut Bench, outcome: &Outcome) -> Vec<Action> {
    let mut seen = Vec::new();
    bench.obey(&mut |action| {
        seen.push(action.clone());
        outcome.clone()
    });
    seen
}

fn done() -> Outcome {
    Outcome::Done {
        said: "done".into(),
    }
}

#[test]
fn a_note_acknowledges_and_a_second_time_takes_it_back() {
    let mut bench = open(options(), 120, 40);
    bench.press("a").type_text("for 4h: on it").press("Enter");
    let [Action::Acknowledge(order)] = &orders(&mut bench, &done())[..] else {
        panic!("one order");
    };
    assert_eq!(order.alert, alerts().rows[0].fingerprint);
    assert_eq!(
        (order.note.as_str(), order.group, order.remove),
        ("on it", false, false)
    );
    assert!(order.until.is_some_and(|t| t >= NOW + 4 * 3_600_000));
    // The second row is acknowledged already.
    bench.press("j a");
    assert!(bench.screen().contains("by kim"));
    bench.press("y");
    let [Action::Acknowledge(order)] = &orders(&mut bench, &done())[..] else {
        panic!("one order");
    };
    assert!(order.remove);
    bench.press("k A").press("Enter");
    let [Action::Acknowledge(order)] = &orders(&mut bench, &done())[..] else {
        panic!("one order");
    };
    assert!(order.group && order.note.is_empty());
}

#[test]
fn a_silence_is_looked_at_before_it_is_made() {
    let mut bench = open(options(), 120, 40);
    bench.press("x").type_text("new disk").press("Enter");
    let preview = Outcome::Preview {
        lines: vec!["mutes one alert that fires now".into()],
    };
    let [Action::Silence(order)] = &orders(&mut bench, &preview)[..] else {
        panic!("one order");
    };
    assert!(order.preview);
    assert_eq!(
        order.matchers,
        [
            "alertname=\"HeapFull\"",
            "instance=\"web1\"",
            "job=\"결제\""
        ]
    );
    assert_eq!(
        (order.duration_ms, order.comment.as_str()),
        (7_200_000, "new disk")
    );
    let screen = bench.screen();
    assert!(screen.contains("mutes one alert"), "{screen}");
    bench.press("y");
    let [Action::Silence(order)] = &orders(&mut bench, &done())[..] else {
        panic!("one order");
    };
    assert!(!order.preview);
}

#[test]
fn receivers_and_silences_stand_in_one_list() {
    let mut bench = open(options(), 120, 40);
    bench.press("Tab Tab").answer(&mut |request: &Request| {
        Ok(match request {
            Request::View { view, .. } if *view == ViewName::Receivers => {
                Answer::View(View::Receivers(vec![ReceiverRow {
                    receiver: "team".into(),
                    integration: "slack".into(),
                    sent: 3,
                    failed: 1,
                    last_sent: NOW - 600_000,
                    last_failed: NOW - 60_000,
                    last_error: "status 500; tried again".into(),
                    waiting: 0,
                    alerts: 9,
                    took_ms: 120,
                    slowest_ms: 2_000,
                }]))
            }
            Request::View { view, .. } if *view == ViewName::Silences => {
                Answer::View(View::Silences(vec![SilenceRow {
                    id: "1".into(),
                    matchers: vec!["severity=\"warning\"".into()],
                    starts_at: NOW - 60_000,
                    ends_at: NOW + 3_600_000,
                    created_by: "kim".into(),
                    comment: "옮기는 중".into(),
                    state: "active".into(),
                    mutes: 2,
                }]))
            }
            other => answer(other)?,
        })
    });
    golden("alerts-receivers", &bench.screen());
    bench.press("j .");
    assert!(bench.screen().contains("end this silence"));
}

#[test]
fn an_alert_is_tried_at_a_time_and_a_template_rendered() {
    let mut bench = open(options(), 120, 40);
    bench.press("Tab Tab Tab").answer(&mut answer).press("j .");
    assert!(
        bench.screen().contains("try an alert"),
        "{}",
        bench.screen()
    );
    bench
        .press("Enter")
        .type_text(" host=web1 at 2026-11-22 03:00")
        .press("Enter");
    let lines = Outcome::Preview {
        lines: vec!["oncall  by {}/{severity=\"critical\"}".into()],
    };
    let [Action::TryRoute { labels, at }] = &orders(&mut bench, &lines)[..] else {
        panic!("one order");
    };
    let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
    assert_eq!(
        labels,
        &[pair("severity", "critical"), pair("host", "web1")]
    );
    assert!(at.is_some());
    assert!(bench.screen().contains("oncall  by"), "{}", bench.screen());
    bench.press("Esc . j").press("Enter").press("Enter");
    let shown = Outcome::Preview {
        lines: vec!["HeapFull: the heap of 결제".into()],
    };
    let [Action::TryTemplate { alert, text }] = &orders(&mut bench, &shown)[..] else {
        panic!("one order");
    };
    assert_eq!(*alert, Some(alerts().rows[0].fingerprint));
    assert!(text.contains("{{ range .Alerts }}"));
    assert!(bench.screen().contains("the heap of 결제"));
}

#[test]
fn a_silence_is_changed_where_it_is_listed() {
    let mut bench = open(options(), 120, 40);
    let silences = &mut |request: &Request| {
        Ok(match request {
            Request::View { view, .. } if *view == ViewName::Silences => {
                Answer::View(View::Silences(vec![SilenceRow {
                    id: "s1".into(),
                    matchers: vec!["severity=\"warning\"".into()],
                    starts_at: NOW - 60_000,
                    ends_at: NOW + 3_600_000,
                    created_by: "kim".into(),
                    comment: "옮기는 중".into(),
                    state: "active".into(),
                    mutes: 2,
                }]))
            }
            Request::View { view, .. } if *view == ViewName::Receivers => {
                Answer::View(View::Receivers(Vec::new()))
            }
            other => answer(other)?,
        })
    };
    bench.press("Tab Tab").answer(silences).press(". Enter");
    let screen = bench.screen();
    assert!(screen.contains("severity=\"warning\" for"), "{screen}");
    bench.press("Enter");
    let preview = Outcome::Preview { lines: Vec::new() };
    let [Action::Silence(order)] = &orders(&mut bench, &preview)[..] else {
        panic!("one order");
    };
    assert_eq!(
        (order.id.as_str(), order.starts_at),
        ("s1", Some(NOW - 60_000))
    );
    assert_eq!(order.comment, "옮기는 중");
    assert!(
        (3_540_000..=3_720_000).contains(&order.duration_ms),
        "{}",
        order.duration_ms
    );
}

#[test]
fn the_mouse_chooses_in_every_list() {
    let mut bench = open(options(), 120, 40);
    click_on(&mut bench, "HostDown");
    let done = bench.press("y").done();
    assert!(done[0].contains("HostDown"), "{done:?}");
    // Rules, receivers with silences, routing: the pressed row is the marked one, so that pressing
    // another changes what Enter opens.
    bench.press("Tab").answer(&mut answer);
    let rows = |bench: &Bench| bench.screen();
    bench.drag((3, 3), (3, 3));
    let first = rows(bench.press("Enter").answer(&mut answer));
    bench.press("Enter").drag((3, 4), (3, 4));
    let second = rows(bench.press("Enter").answer(&mut answer));
    assert_ne!(first, second);
}
