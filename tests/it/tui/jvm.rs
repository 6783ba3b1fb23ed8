//! Screens of the JVM tab: found and scraped JVMs in one list, and those without numbers.

use crate::tui::fake_source::{self, NOW};
use crate::tui::screens::options;
use crate::tui::{click_on, golden, zooms};
use bongsu::model::action::{Action, Outcome};
use bongsu::model::answer::{Answer, Cost, Notes, PromAnswer, Series, Value, VectorPoint};
use bongsu::model::jvm::{
    AttachPolicy, ClassRow, Deadlock, Histogram, JvmQuestion, JvmReport, JvmReportBody,
    JvmReportHead, Lock, Thread, ThreadDump,
};
use bongsu::model::labels::Labels;
use bongsu::model::request::{PromQuery, Request, ViewName};
use bongsu::model::sample::Sample;
use bongsu::model::view::{JvmRow, View};
use bongsu::source::api::SourceError;
use bongsu::tui::testing::Bench;

const MIB: f64 = 1048576.0;

fn answer(request: &Request) -> Result<Answer, SourceError> {
    match request {
        Request::Prom(query) => Ok(Answer::Prom(prom(query))),
        Request::View {
            view: ViewName::Jvms,
            ..
        } => Ok(Answer::View(View::Jvms(found()))),
        Request::View {
            view: ViewName::JvmReports,
            ..
        } => Ok(Answer::View(View::JvmReports(heads()))),
        Request::View {
            view: ViewName::JvmReport,
            at: Some(t),
        } => Ok(Answer::View(View::JvmReport(Box::new(report(*t))))),
        other => fake_source::answer(other),
    }
}

fn found() -> Vec<JvmRow> {
    let row = |instance: &str, why: &str, way_out: &str| JvmRow {
        pid: 42,
        began_at: if why.is_empty() { NOW - 93_784_000 } else { 0 },
        machine: if why.is_empty() {
            "17.0.15 G1".into()
        } else {
            String::new()
        },
        container: if why.is_empty() {
            "0123456789abcdef".into()
        } else {
            String::new()
        },
        instance: instance.into(),
        application: instance[5..].into(),
        why: why.into(),
        remark: if why.is_empty() {
            "G1 writes at collections.".into()
        } else {
            String::new()
        },
        way_out: way_out.into(),
        ..JvmRow::default()
    };
    vec![
        row("web1/shop", "", ""),
        row(
            "web1/결제",
            "it belongs to another user (uid 7)",
            "run bongsu as root",
        ),
    ]
}

/// What `web1/shop` was asked, the newest first.
fn heads() -> Vec<JvmReportHead> {
    [
        (60_000, JvmQuestion::Histogram),
        (120_000, JvmQuestion::Threads),
        (180_000, JvmQuestion::Flags),
        (600_000, JvmQuestion::Threads),
        (660_000, JvmQuestion::Histogram),
    ]
    .into_iter()
    .map(|(ago, question)| JvmReportHead {
        t: NOW - ago,
        instance: "web1/shop".into(),
        uid: 0,
        pid: 42,
        started: 0,
        question,
        took_ms: 12,
        by: "김".into(),
        summary: match question {
            JvmQuestion::Threads => "5 threads, 2 blocked, 1 DEADLOCK".into(),
            JvmQuestion::Flags => "2 lines".into(),
            _ => "3.8 MiB in 60000 objects".into(),
        },
    })
    .collect()
}

fn report(t: i64) -> JvmReport {
    let head = heads().into_iter().find(|h| h.t <= t).unwrap();
    let old = NOW - head.t > 500_000;
    let body = match head.question {
        JvmQuestion::Threads => JvmReportBody::Threads(dump(old)),
        JvmQuestion::Flags => JvmReportBody::Text,
        _ => JvmReportBody::Classes(histogram(old)),
    };
    let text = "-XX:+UseG1GC\n-XX:MaxHeapSize=536870912\n".into();
    JvmReport { head, text, body }
}

fn dump(old: bool) -> ThreadDump {
    let lock = |n: u8| Lock {
        address: format!("0x00000000ffb5d42{n}"),
        class: "com.shop.Account".into(),
    };
    let thread = |n: u64, name: &str, state: &str, frames: &[&str]| Thread {
        name: name.into(),
        number: Some(n),
        native_id: Some(4_700 + n),
        cpu_ms: Some(1_500.0 * n as f64 + if old { 0.0 } else { 240_000.0 }),
        elapsed_s: Some(if old { 100.0 } else { 580.0 }),
        cpu: Some(if state == "RUNNABLE" { 0.93 } else { 0.0 }),
        state: state.into(),
        frames: frames.iter().map(|f| (*f).into()).collect(),
        ..Thread::default()
    };
    let wait = &[
        "java.lang.Object.wait(Native Method)",
        "com.shop.Queue.take(Queue.java:17)",
    ];
    let mut threads = vec![
        thread(1, "주문-1", "BLOCKED", &["com.shop.Bank.move(Bank.java:9)"]),
        thread(2, "주문-2", "BLOCKED", &["com.shop.Bank.move(Bank.java:9)"]),
        thread(3, "worker-1", "WAITING", wait),
        thread(4, "worker-2", "WAITING", wait),
        thread(
            5,
            "indexer",
            "RUNNABLE",
            &[
                "com.shop.Index.scan(Index.java:88)",
                "java.lang.Thread.run(Thread.java:840)",
            ],
        ),
    ];
    (threads[0].holds, threads[0].waits_for) = (vec![lock(0)], Some(lock(1)));
    (threads[1].holds, threads[1].waits_for) = (vec![lock(1)], Some(lock(0)));
    if old {
        threads.remove(3);
    }
    ThreadDump {
        threads,
        deadlocks: vec![Deadlock {
            threads: vec![("주문-1".into(), lock(1)), ("주문-2".into(), lock(0))],
        }],
    }
}

fn histogram(old: bool) -> Histogram {
    let class = |name: &str, instances: u64, bytes: u64| ClassRow {
        name: name.into(),
        instances,
        bytes,
    };
    let more = if old { 1 } else { 4 };
    Histogram {
        classes: vec![
            class("byte[]", 20_000, 2_500_000),
            class("com.shop.장바구니", 10_000 * more, 240_000 * more),
            class("java.lang.String", 30_000 / more, 720_000 / more),
        ],
        instances: 60_000,
        bytes: 4_000_000,
    }
}

/// Two JVMs with numbers; charts of two curves.
fn prom(query: &PromQuery) -> PromAnswer {
    let of = |instance: &str| Labels::from_pairs([("instance", instance)]);
    let value = if query.instant {
        let [shop, scraped] = match query.expr.as_str() {
            e if e.contains("max_bytes") => [512.0 * MIB, 256.0 * MIB],
            e if e.contains("gc_") => [0.01, 0.31],
            e if e.contains("committed") => [256.0 * MIB, 256.0 * MIB],
            e if e.contains("threads_live") => [42.0, 117.0],
            e if e.contains("cpu_seconds") => [0.12, 1.4],
            e if e.contains("start_time") => [(NOW / 1000 - 600) as f64; 2],
            _ => [100.0 * MIB, 250.0 * MIB],
        };
        let point = |(labels, v)| VectorPoint {
            labels,
            sample: Sample { t: NOW, v },
        };
        let points = [(of("web1/shop"), shop), (of("10.0.0.7:8080"), scraped)];
        Value::Vector(points.into_iter().map(point).collect())
    } else {
        Value::Matrix(curves(query))
    };
    PromAnswer {
        value,
        notes: Notes::default(),
        cost: Cost::default(),
    }
}

fn curves(query: &PromQuery) -> Vec<Series> {
    let series = |name: &str, f: &dyn Fn(i64) -> f64| Series {
        labels: Labels::from_pairs([("curve", name), ("instance", name)]),
        samples: query.steps.iter().map(|t| Sample { t, v: f(t) }).collect(),
    };
    let wave = |from: f64| move |t: i64| from * (1.0 + (t / 10_000 % 30) as f64 / 30.0);
    let e = query.expr.as_str();
    if e.contains("end of major GC") && !e.contains("curve") {
        return vec![series("", &|t| (t / 600_000) as f64)];
    }
    if !e.contains("curve") {
        return vec![
            series("web1/shop", &wave(30.0)),
            series("10.0.0.7:8080", &wave(60.0)),
        ];
    }
    if e.contains("http_server") {
        return vec![
            series("/orders/{id}", &wave(3.0)),
            series("/장바구니", &wave(0.2)),
        ];
    }
    if e.contains("logback")
        || e.contains("hikari")
        || e.contains("tomcat")
        || e.contains("executor")
    {
        return vec![];
    }
    let unit = match e {
        e if e.contains("gc_pause") => 0.001,
        e if e.contains("threads") => 1.0,
        _ => MIB,
    };
    vec![
        series("Eden", &wave(30.0 * unit)),
        series("Old", &wave(70.0 * unit)),
    ]
}

fn open(width: u16, height: u16) -> Bench {
    let mut bench = Bench::new(options(), NOW, width, height);
    bench.press("4").answer(&mut answer);
    bench.wait(2_000).answer(&mut answer);
    bench
}

#[test]
fn the_list_and_the_charts_at_every_size() {
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        golden(
            &format!("jvm-{width}x{height}"),
            &open(width, height).screen(),
        );
    }
}

#[test]
fn a_jvm_without_numbers_says_why_and_the_way_out() {
    let empty = &mut |request: &Request| match request {
        Request::Prom(query) => {
            let value = if query.instant {
                Value::Vector(vec![])
            } else {
                Value::Matrix(vec![])
            };
            let notes = Notes::default();
            Ok(Answer::Prom(PromAnswer {
                value,
                notes,
                cost: Cost::default(),
            }))
        }
        other => answer(other),
    };
    let mut bench = Bench::new(options(), NOW, 80, 24);
    bench.press("4").answer(empty).press("G").answer(empty);
    bench.wait(2_000).answer(empty);
    golden("jvm-other-user", &bench.screen());
}

#[test]
fn without_a_jvm_the_tab_says_what_to_do() {
    let mut bench = Bench::new(options(), NOW, 80, 24);
    let none = &mut |request: &Request| match request {
        Request::Prom(_) => Err(SourceError::Unavailable("opening history".into())),
        other => fake_source::answer(other),
    };
    golden("jvm-error", &bench.press("4").answer(none).screen());
}

/// Down to `web1/shop`, which stands below the fuller one.
fn at_shop(width: u16, height: u16) -> Bench {
    let mut bench = open(width, height);
    bench.press("j").answer(&mut answer);
    bench
}

fn steps(bench: &mut Bench, keys: &str) {
    for key in keys.split_whitespace() {
        bench.press(key).answer(&mut answer);
    }
}

#[test]
fn every_section_is_reached_at_every_size() {
    for (width, height) in [(80, 24), (200, 60)] {
        let mut bench = at_shop(width, height);
        for name in [
            "collections",
            "threads",
            "requests",
            "pools",
            "events",
            "answers",
        ] {
            steps(&mut bench, "Tab");
            golden(&format!("jvm-{name}-{width}x{height}"), &bench.screen());
        }
    }
}

#[test]
fn asking_is_confirmed_and_the_answer_opens() {
    let mut bench = at_shop(80, 24);
    bench.press("d");
    golden("jvm-confirm", &bench.screen());
    bench.press("y");
    bench.obey(&mut |action| {
        let Action::AskJvm { pid, question, .. } = action else {
            panic!("{action:?}")
        };
        assert_eq!((*pid, *question), (42, JvmQuestion::Threads));
        Outcome::Kept {
            at: NOW - 120_000,
            said: "thread dump of web1/shop: 5 threads, 2 blocked, 1 DEADLOCK".into(),
        }
    });
    bench.answer(&mut answer);
    golden("jvm-dump-80x24", &bench.screen());
}

#[test]
fn what_stops_the_application_says_so_first() {
    let mut bench = at_shop(120, 40);
    bench.press(".");
    golden("jvm-menu", &bench.screen());
    bench.press("j j Enter");
    assert!(
        bench.screen().contains("FULL collection first"),
        "{}",
        bench.screen()
    );
}

#[test]
fn a_thread_dump_is_seen_by_stacks_threads_and_locks() {
    let mut bench = at_shop(120, 40);
    steps(&mut bench, "Enter j Enter");
    golden("jvm-dump-stacks", &bench.screen());
    steps(&mut bench, "Tab");
    golden("jvm-dump-threads", &bench.screen());
    steps(&mut bench, "Tab");
    golden("jvm-dump-locks", &bench.screen());
    steps(&mut bench, "Tab /");
    bench.type_text("주문").answer(&mut answer);
    golden("jvm-dump-filter", &bench.screen());
    steps(&mut bench, "Enter Enter");
    golden("jvm-dump-stack-zoomed", &bench.screen());
}

#[test]
fn two_answers_stand_beside_each_other() {
    let mut bench = at_shop(120, 40);
    steps(&mut bench, "Enter j Enter c Enter");
    golden("jvm-dump-compared", &bench.screen());
    steps(&mut bench, "Esc Esc k Enter");
    golden("jvm-histogram", &bench.screen());
    steps(&mut bench, "c Enter");
    golden("jvm-histogram-compared", &bench.screen());
    steps(&mut bench, "Esc Esc j j Enter");
    golden("jvm-text", &bench.screen());
}

#[test]
fn a_jvm_that_must_not_be_asked_is_not() {
    let never = &mut |request: &Request| match answer(request) {
        Ok(Answer::View(View::Jvms(mut rows))) => {
            rows[0].attach = AttachPolicy::Never;
            Ok(Answer::View(View::Jvms(rows)))
        }
        other => other,
    };
    let mut bench = Bench::new(options(), NOW, 80, 24);
    bench.press("4").answer(never).wait(2_000).answer(never);
    bench.press("j").answer(never).press("d");
    assert!(bench.screen().contains("jvm.attach is `never`"));
    // One that is only scraped runs elsewhere.
    bench.press("k d");
    assert!(bench.screen().contains("does not run on this server"));
    assert!(bench.done().iter().all(|c| !c.contains("AskJvm")));
}

#[test]
fn z_shows_the_details_or_the_list_alone_and_the_mouse_chooses() {
    let mut bench = open(120, 40);
    zooms(&mut bench, &mut answer, 2);
    let details = bench.press("z").answer(&mut answer).screen();
    assert!(!details.contains("INSTANCE") && details.contains("10.0.0.7:8080"));
    let opened = bench.press("z Enter").answer(&mut answer).screen();
    assert!(opened.contains("INSTANCE") && opened.contains("Answers"));
    bench.press("Tab").answer(&mut answer);
    let instances: Vec<String> = found().into_iter().map(|r| r.instance).collect();
    let screen = bench.screen();
    let mut hit = 0;
    for instance in instances.iter().filter(|i| screen.contains(*i)) {
        click_on(&mut bench, instance);
        let done = bench.answer(&mut answer).press("y").done();
        assert!(done[0].contains(instance.as_str()), "{done:?}");
        hit += 1;
    }
    assert!(hit > 1, "{screen}");
}
