//! Real containers: podman's engine in a folder of its own, with limits, an OOM kill, a crash loop,
//! output, two networks, pause and restart. Skipped with a sentence where none can run.

use crate::scrape::list::{until, until_true};
use bongsu::base::clock::Clock;
use bongsu::base::net::client::{Ask, Client, ClientOptions};
use bongsu::base::task::{self, Stopper};
use bongsu::collect::container::cgroup::{Cgroups, Depth, Files, Reading};
use bongsu::collect::container::docker::address::Address;
use bongsu::collect::container::docker::client::Docker;
use bongsu::collect::container::docker::follow::{self, Event, Parts};
use bongsu::collect::container::docker::known::{Container, Flavour, Known};
use bongsu::collect::container::docker::look::Looks;
use bongsu::collect::container::logs;
use bongsu::collect::container::names::ContainerNames;
use bongsu::collect::perform::container::order;
use bongsu::model::action::{ContainerOrder, Outcome};
use bongsu::model::view::container_key;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// podman's own settings: a sandbox without CAP_SYS_RESOURCE can raise no limit, and crun refuses
/// machines that have both versions of cgroups.
const SETTINGS: &str = "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n[engine]\nruntime = \"runc\"\n";
const IMAGE: &str = "bongsu-test:1";

/// An engine in a folder, ended with the test; and what bongsu knows of it.
struct Engine {
    dir: tempfile::TempDir,
    service: Option<Child>,
    runtime: tokio::runtime::Runtime,
    known: Arc<watch::Sender<Arc<Known>>>,
    events: Arc<Mutex<Vec<Event>>>,
    stopper: Option<Stopper>,
}

impl Engine {
    /// None, with the reason on standard output, where no engine can run.
    fn start() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: podman's engine needs root here");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("containers.conf"), SETTINGS).unwrap();
        let mut engine = Self {
            runtime: task::runtime().unwrap(),
            known: Arc::new(watch::Sender::default()),
            events: Arc::default(),
            service: None,
            stopper: None,
            dir,
        };
        if let Err(why) = engine.image() {
            println!("skipped: no container engine can run here: {why}");
            return None;
        }
        let socket = format!("unix://{}", engine.socket().display());
        let log = std::fs::File::create(engine.dir.path().join("service.log")).unwrap();
        let service = engine
            .command(&["system", "service", "--time=0", &socket])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        engine.service = Some(service.unwrap());
        until_true("podman's socket", || {
            std::os::unix::net::UnixStream::connect(engine.socket()).is_ok()
        });
        engine.follow();
        Some(engine)
    }

    fn socket(&self) -> std::path::PathBuf {
        self.dir.path().join("podman.sock")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let at = |name: &str| self.dir.path().join(name);
        let mut command = Command::new("timeout");
        command
            .env("CONTAINERS_CONF", at("containers.conf"))
            // A service lives as long as the test, an order of the command line for a minute.
            .arg(if arguments[0] == "system" {
                "600"
            } else {
                "60"
            })
            .args([
                "podman",
                "--cgroup-manager=cgroupfs",
                "--events-backend=file",
            ])
            .arg("--root")
            .arg(at("root"))
            .arg("--runroot")
            .arg(at("run"))
            .args(arguments);
        command
    }

    fn podman(&self, arguments: &[&str]) -> Result<String, String> {
        let Output {
            status,
            stdout,
            stderr,
        } = self
            .command(arguments)
            .output()
            .map_err(|e| e.to_string())?;
        if status.success() {
            Ok(String::from_utf8_lossy(&stdout).trim().to_owned())
        } else {
            Err(String::from_utf8_lossy(&stderr).trim().to_owned())
        }
    }

    /// An image of one file, busybox, and a container of it as the proof that some can run.
    fn image(&self) -> Result<(), String> {
        let tree = self.dir.path().join("tree");
        for dir in ["bin", "tmp", "proc", "sys", "dev", "etc", "www"] {
            std::fs::create_dir_all(tree.join(dir)).map_err(|e| e.to_string())?;
        }
        let busybox = ["/bin/busybox", "/usr/bin/busybox"].map(Path::new);
        let busybox = busybox
            .iter()
            .find(|p| p.exists())
            .ok_or("busybox is not installed")?;
        std::fs::copy(busybox, tree.join("bin/busybox")).map_err(|e| e.to_string())?;
        for name in ["sh", "sleep", "cat", "echo", "tail", "httpd", "dd"] {
            let _ = std::os::unix::fs::symlink("busybox", tree.join("bin").join(name));
        }
        std::fs::write(tree.join("www/metrics"), "from_container 1\n")
            .map_err(|e| e.to_string())?;
        let tar = self.dir.path().join("image.tar");
        let made = Command::new("tar")
            .arg("-C")
            .arg(&tree)
            .arg("-cf")
            .arg(&tar)
            .arg(".")
            .status();
        made.map_err(|e| e.to_string())?;
        self.podman(&["import", tar.to_str().unwrap(), IMAGE])?;
        self.podman(&[
            "run",
            "--rm",
            "--network=none",
            "--memory=32m",
            IMAGE,
            "/bin/sh",
            "-c",
            "exit 0",
        ])
        .map(drop)
    }

    fn follow(&mut self) {
        let (stopper, stop) = task::stopper();
        let events = self.events.clone();
        let parts = Parts {
            known: self.known.clone(),
            clock: Clock::System,
            events: Arc::new(move |event| events.lock().unwrap().push(event)),
        };
        let _entered = self.runtime.enter();
        follow::start(&parts, vec![Address::Socket(self.socket())], &stop);
        self.stopper = Some(stopper);
    }

    fn run(&self, name: &str, arguments: &[&str], script: &str) -> String {
        let begin = ["run", "-d", "--name", name];
        let all: Vec<&str> = begin
            .iter()
            .chain(arguments)
            .chain(&[IMAGE, "/bin/sh", "-c", script])
            .copied()
            .collect();
        self.podman(&all)
            .unwrap_or_else(|why| panic!("{name}: {why}"))
    }

    fn container(&self, name: &str) -> Option<Arc<Container>> {
        let known = self.known.borrow().clone();
        known
            .containers()
            .find(|(_, c)| c.name == name)
            .map(|(_, c)| c.clone())
    }

    fn in_state(&self, name: &str, state: &str) -> Arc<Container> {
        until(&format!("{name} to be {state}"), || {
            self.container(name).filter(|c| c.state == state)
        })
    }

    fn act(&self, id: &str, what: ContainerOrder) -> Outcome {
        let known = self.known.borrow().clone();
        self.runtime.block_on(order(&known, id, what))
    }

    fn has_event(&self, name: &str, action: &str, exit_code: Option<i64>) -> bool {
        let events = self.events.lock().unwrap();
        events.iter().any(|e| {
            e.name == name
                && e.action.starts_with(action)
                && (exit_code.is_none() || e.exit_code == exit_code)
        })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.stopper.take());
        let _ = self.podman(&["rm", "-f", "-a", "-t", "0"]);
        // These are kept outside of its folder.
        let _ = self.podman(&["network", "rm", "-f", NETWORKS[0], NETWORKS[1]]);
        if let Some(mut service) = self.service.take() {
            // A kill would leave what it started and mounted.
            let pid = service.id().to_string();
            let _ = Command::new("kill").args(["-s", "TERM", &pid]).status();
            let _ = service.wait();
        }
    }
}

/// One reading of a running container.
fn read(id: &str) -> Option<Reading> {
    let mut cgroups = Cgroups::of_this_machine();
    cgroups.look();
    let place = cgroups.places().iter().find(|p| p.id == id)?.clone();
    cgroups.read(&place, Depth::Full, &mut Files::holding(64), 0)
}

/// All in one engine, which takes longer to start than the tests to run.
#[test]
fn containers_of_a_real_engine() {
    let Some(engine) = Engine::start() else {
        return;
    };
    until_true("the first list", || {
        engine
            .known
            .borrow()
            .engines
            .first()
            .is_some_and(|e| e.flavour == Flavour::Podman)
    });
    limits_and_values(&engine);
    an_oom_kill(&engine);
    a_crash_loop(&engine);
    output_and_inspection(&engine);
    orders(&engine);
    names_across_networks(&engine);
}

/// The values are those of the engine itself, and the limits those that were given.
fn limits_and_values(engine: &Engine) {
    let arguments = [
        "--network=none",
        "--memory=64m",
        "--cpus=0.5",
        "--pids-limit=100",
        "--label=com.docker.compose.project=shop",
        "--label=com.docker.compose.service=web",
    ];
    let id = engine.run("shop-web-1", &arguments, "while true; do sleep 0.2; done");
    let container = engine.in_state("shop-web-1", "running");
    assert_eq!(
        (container.project(), container.service()),
        (Some("shop"), Some("web"))
    );
    assert!(container.started > 1_600_000_000_000 && container.id == id);
    let docker = Docker::new(&Address::Socket(engine.socket())).unwrap();
    let stats = || -> serde_json::Value {
        let path = format!("/containers/{id}/stats?stream=false&one-shot=true");
        engine.runtime.block_on(docker.get(&path)).unwrap()
    };
    let before = read(&id).unwrap();
    let theirs = stats();
    let after = read(&id).unwrap();
    let cpu = theirs["cpu_stats"]["cpu_usage"]["total_usage"]
        .as_f64()
        .unwrap()
        / 1e9;
    let between = before.cpu.unwrap() - 1e-6..=after.cpu.unwrap() + 1e-6;
    assert!(between.contains(&cpu), "{cpu} in {between:?}");
    let limit = theirs["memory_stats"]["limit"].as_f64().unwrap();
    assert_eq!(
        (after.spec.memory_limit, limit),
        (Some(67_108_864.0), 67_108_864.0)
    );
    assert_eq!(
        (after.spec.cpu_quota, after.spec.cpu_period),
        (Some(50_000.0), Some(100_000.0))
    );
    assert_eq!(after.spec.threads_max, Some(100.0));
    let usage = theirs["memory_stats"]["usage"].as_f64().unwrap();
    let ours = after.memory.unwrap();
    assert!(
        (ours.usage - usage).abs() < 4e6,
        "{} and {usage}",
        ours.usage
    );
    assert!(ours.working_set <= ours.usage && ours.rss.is_some());
    assert!((1.0..=3.0).contains(&after.threads.unwrap()));
    assert_eq!(after.interfaces, []);
}

/// The first process lives on, so that its cgroup can tell.
fn an_oom_kill(engine: &Engine) {
    let id = engine.run(
        "greedy",
        &["--network=none", "--memory=16m", "--memory-swap=16m"],
        "tail /dev/zero; sleep 600",
    );
    engine.in_state("greedy", "running");
    let memory = until("an OOM kill to be counted", || {
        let memory = read(&id).and_then(|r| r.memory)?;
        memory.oom_kills.is_some_and(|n| n >= 1.0).then_some(memory)
    });
    assert_eq!(memory.max_usage, Some(16_777_216.0));
}

fn a_crash_loop(engine: &Engine) {
    engine.run(
        "crashing",
        &["--network=none", "--restart=always"],
        "sleep 0.3; exit 3",
    );
    until_true("two ends with their exit code", || {
        let events = engine.events.lock().unwrap();
        let ends = events
            .iter()
            .filter(|e| e.name == "crashing" && e.exit_code == Some(3));
        ends.count() >= 2
    });
    assert!(engine.has_event("crashing", "start", None));
    let removed = engine.podman(&["rm", "-f", "-t", "0", "crashing"]);
    assert!(removed.is_ok(), "{removed:?}");
    until_true("the container to be forgotten", || {
        engine.container("crashing").is_none()
    });
}

fn output_and_inspection(engine: &Engine) {
    let script =
        "i=0; while true; do echo \"line $i\"; echo \"bad $i\" >&2; i=$((i+1)); sleep 0.1; done";
    let id = engine.run(
        "chatty",
        &[
            "--network=none",
            "--env=DB_PASSWORD=hunter2",
            "--env=MODE=dev",
        ],
        script,
    );
    engine.in_state("chatty", "running");
    let looks = Looks::new(
        engine.runtime.handle().clone(),
        Clock::System,
        engine.known.subscribe(),
    );
    let key = container_key(&id);
    let output = until("output of both streams", || {
        let output = looks.output(key);
        let has = |stderr: bool, text: &str| {
            output
                .lines
                .iter()
                .any(|l| l.stderr == stderr && l.text == text)
        };
        (has(false, "line 2") && has(true, "bad 2")).then_some(output)
    });
    let told: Vec<&str> = output
        .lines
        .iter()
        .filter(|l| !l.stderr)
        .map(|l| l.text.as_str())
        .collect();
    let mut sorted = told.clone();
    sorted.sort_by_key(|l| l[5..].parse::<u64>().unwrap());
    sorted.dedup();
    assert_eq!(told, sorted, "each line once, in order");
    let facts = until("an inspection", || {
        let facts = looks.facts(key);
        (!facts.sections.is_empty()).then_some(facts)
    });
    let shown = format!("{facts:?}");
    assert!(
        shown.contains("DB_PASSWORD") && shown.contains("dev"),
        "{shown}"
    );
    assert!(!shown.contains("hunter2"));
    // podman's own file may be opened by root: the reader of files has it, in its form.
    let plan = logs::plan(&engine.known.borrow().clone(), &[]);
    assert!(plan.read.contains(&id));
    let groups = plan.jobs.iter().flat_map(|j| &j.groups);
    let group = groups
        .into_iter()
        .find(|g| g.labels.get("container") == "chatty");
    let path = group.unwrap().labels.get("__path__").to_owned();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("stdout F line 2"), "{path}: {text}");
}

fn orders(engine: &Engine) {
    let id = engine.container("shop-web-1").unwrap().id.clone();
    let done = |outcome: &Outcome| matches!(outcome, Outcome::Done { .. });
    let outcome = engine.act(&id, ContainerOrder::Pause);
    assert!(done(&outcome), "{outcome:?}");
    engine.in_state("shop-web-1", "paused");
    // Stopping what stands still is refused by the engine, in its own words.
    assert!(done(&engine.act(&id, ContainerOrder::Unpause)));
    let before = engine.in_state("shop-web-1", "running").started;
    assert!(done(&engine.act(&id, ContainerOrder::Kill)));
    engine.in_state("shop-web-1", "exited");
    until_true("its end", || {
        engine.has_event("shop-web-1", "die", Some(137))
    });
    assert_eq!(read(&id), None, "its cgroup is gone");
    assert!(done(&engine.act(&id, ContainerOrder::Start)));
    until_true("a newer start", || {
        engine
            .container("shop-web-1")
            .is_some_and(|c| c.state == "running" && c.started > before)
    });
    let outcome = engine.act(&id, ContainerOrder::Unpause);
    assert!(
        matches!(&outcome, Outcome::Refused { said } if said.contains("podman unpause shop-web-1")),
        "{outcome:?}"
    );
}

const NETWORKS: [&str; 2] = ["bongsu-test-front", "bongsu-test-back"];

/// A name is reached where its container is, also after it came back elsewhere.
fn names_across_networks(engine: &Engine) {
    for network in NETWORKS {
        let _ = engine.podman(&["network", "rm", "-f", network]);
        if let Err(why) = engine.podman(&["network", "create", network]) {
            println!("skipped: no container networks here: {why}");
            return;
        }
    }
    let serve = "httpd -f -p 9100 -h /www";
    let begin = [
        "run",
        "-d",
        "--name",
        "exporter",
        &format!("--network={}", NETWORKS.join(",")),
        IMAGE,
        "/bin/sh",
        "-c",
        serve,
    ];
    let id = match engine.podman(&begin) {
        Ok(id) => id,
        Err(why) => return println!("skipped: no container networks here: {why}"),
    };
    let container = engine.in_state("exporter", "running");
    assert_eq!(container.networks.len(), 2, "{:?}", container.networks);
    let names = Arc::new(ContainerNames::new(engine.known.subscribe()));
    let client = Client::new(&ClientOptions::default(), Some(names.clone())).unwrap();
    let scrape = || {
        let mut body = Vec::new();
        let ask = Ask::get(
            "http://exporter:9100/metrics",
            Duration::from_secs(5),
            1 << 20,
        );
        let reply = engine.runtime.block_on(client.send(ask, &mut body));
        reply.is_ok_and(|r| r.status == 200) && body == b"from_container 1\n"
    };
    until_true("an answer by name", scrape);
    let via = bongsu::base::net::client::Names::via(&*names, "exporter");
    assert_eq!(via.as_deref(), Some("container exporter"));
    until_true("traffic on both networks", || {
        let interfaces = read(&id).map(|r| r.interfaces).unwrap_or_default();
        interfaces.len() == 2 && interfaces.iter().any(|i| i.received[0] > 0.0)
    });
    // Another one takes the first address while it is away.
    let first = container.networks.clone();
    engine.podman(&["stop", "-t", "0", "exporter"]).unwrap();
    engine.run(
        "squatter",
        &[&format!("--network={}", NETWORKS.join(","))],
        "sleep 600",
    );
    engine.podman(&["start", "exporter"]).unwrap();
    until_true("an answer after the restart", || {
        engine
            .container("exporter")
            .is_some_and(|c| c.is_up() && c.networks != first)
            && scrape()
    });
}
