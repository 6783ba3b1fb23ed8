//! Containers whose engine does what podman cannot be made to do: hang, vanish, answer oddly, write
//! a line in several frames.

mod fake_docker;

use crate::containers::fake_docker::{FakeDocker, Mode, frame};
use crate::engine::Serve;
use crate::engine::pty::Console;
use crate::scrape::list::{until, until_true};
use bongsu::base::clock::Clock;
use bongsu::base::task::{self, Stopper};
use bongsu::collect::container::docker::address::Address;
use bongsu::collect::container::docker::follow::{self, Parts};
use bongsu::collect::container::docker::known::{Engine, Known};
use bongsu::collect::container::run::problems;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;

/// What bongsu knows of one engine, as long as this lives.
struct Follower {
    known: Arc<watch::Sender<Arc<Known>>>,
    _stopper: Stopper,
    _runtime: tokio::runtime::Runtime,
}

impl Follower {
    fn of(socket: &Path) -> Self {
        let runtime = task::runtime().unwrap();
        let (stopper, stop) = task::stopper();
        let known: Arc<watch::Sender<Arc<Known>>> = Arc::default();
        let parts = Parts {
            known: known.clone(),
            clock: Clock::System,
            events: Arc::new(|_| ()),
        };
        let entered = runtime.enter();
        follow::start(&parts, vec![Address::Socket(socket.to_owned())], &stop);
        drop(entered);
        Self {
            known,
            _stopper: stopper,
            _runtime: runtime,
        }
    }

    fn engine(&self) -> Engine {
        self.known.borrow().engines[0].clone()
    }

    /// Waits for a problem that says this; gives its way out.
    fn says(&self, what: &str) -> String {
        until(what, || {
            let all = problems(&self.known.borrow());
            let found = all.into_iter().find(|p| p.why.contains(what));
            found.map(|p| p.way_out)
        })
    }

    fn knows(&self, name: &str) {
        until_true(&format!("{name} to be known"), || {
            let engine = self.engine();
            engine.problem.is_none() && engine.containers.iter().any(|c| c.name == name)
        });
    }
}

#[test]
fn an_engine_that_hangs_costs_names_until_it_answers() {
    let dir = tempfile::tempdir().unwrap();
    let docker = FakeDocker::start(&dir.path().join("d.sock"));
    docker.set(Mode::Hangs);
    let follower = Follower::of(docker.socket());
    let way_out = follower.says("takes connections and does not answer");
    assert!(way_out.contains("systemctl status docker"), "{way_out}");
    docker.set(Mode::Well);
    follower.knows("web");
}

#[test]
fn a_socket_that_vanishes_is_named_and_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("d.sock");
    let docker = FakeDocker::start(&socket);
    let follower = Follower::of(&socket);
    follower.knows("web");
    assert_eq!(follower.engine().title, "Docker 28.0.1");
    drop(docker);
    let way_out = follower.says("is gone");
    assert!(way_out.contains("start"), "{way_out}");
    // What was known last stands beside the reason.
    assert_eq!(follower.engine().containers.len(), 1);
    let _docker = FakeDocker::start(&socket);
    follower.knows("web");
}

#[test]
fn nobody_behind_a_socket_is_told_apart_from_no_socket() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("d.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let way_out = Follower::of(&socket).says("nobody answers on it");
    assert!(way_out.contains("systemctl start docker"), "{way_out}");
    let follower = Follower::of(&dir.path().join("none.sock"));
    until_true("it to be tried", || follower.engine().tried);
    assert_eq!(follower.engine().problem, None);
}

#[test]
fn odd_answers_are_read_as_far_as_they_go() {
    let dir = tempfile::tempdir().unwrap();
    let docker = FakeDocker::start(&dir.path().join("d.sock"));
    let (odd, gone) = ("cd".repeat(32), "ef".repeat(32));
    docker.list(&format!(
        r#"[{{"Id":"{odd}","Names":null,"Image":7,"Labels":null,"State":"running","Ports":"?"}},
            {{"Id":"{gone}","Names":["/gone"],"State":"exited"}},
            {{"Id":"{}","Names":["/web\u001b[2J"],"State":"running"}}]"#,
        fake_docker::ID
    ));
    docker.inspect(&odd, 500, "it broke");
    docker.inspect(&gone, 404, r#"{"message":"no such container"}"#);
    let follower = Follower::of(docker.socket());
    follower.knows("web\u{1b}[2J");
    let engine = follower.engine();
    let ids: Vec<&str> = engine.containers.iter().map(|c| c.id.as_str()).collect();
    assert_eq!(ids, [odd.as_str(), fake_docker::ID]);
    assert_eq!(engine.containers[0].name, "");
    until_true("events to be followed", || docker.is_followed());
    docker.list("{\"message\":\"no list\"}");
    docker.event("start");
    follower.says("is not understood");
}

/// Configuration of a server whose containers are those of the fake engine, and whose logs are
/// theirs alone.
fn config(dir: &Path, socket: &Path) -> String {
    let file = dir.join("bongsu.yaml");
    let none = dir.join("none/*.log");
    let text = format!(
        "containers: {{sockets: ['unix://{}'], logs: true}}\nhost: {{enabled: false}}\njvm: {{enabled: false}}\nlogs:\n  scrape_configs:\n    - job_name: none\n      static_configs: [{{labels: {{__path__: '{}'}}}}]\ntraces: {{otlp_grpc: off, otlp_http: off, zipkin: off}}\n",
        socket.display(),
        none.display()
    );
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Every stored line of the container, the oldest first.
fn stored(serve: &Serve) -> Vec<String> {
    let now = Clock::System.now_ms() / 1000;
    let query = format!(
        "/loki/api/v1/query_range?direction=forward&limit=100&query=%7Bcontainer%3D%22web%22%7D&start={}&end={}",
        now - 3_600,
        now + 3_600
    );
    let (status, body) = serve.get(&query);
    assert_eq!(status, 200, "{body}");
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    let streams = answer["data"]["result"].as_array().cloned().unwrap();
    let mut lines: Vec<(String, String)> = Vec::new();
    for stream in streams {
        assert_eq!(stream["stream"]["compose_service"], "api", "{stream}");
        for value in stream["values"].as_array().unwrap() {
            let text = |i: usize| value[i].as_str().unwrap().to_owned();
            lines.push((text(0), text(1)));
        }
    }
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

#[test]
fn what_a_container_writes_is_stored_once_across_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let docker = FakeDocker::start(&dir.path().join("d.sock"));
    let config = config(dir.path(), docker.socket());
    let begun = Clock::System.now_ms() / 1000 - 60;
    let at = |s: i64, text: &str| {
        let time = chrono::DateTime::from_timestamp(begun + s, 0).unwrap();
        format!("{} {text}", time.format("%Y-%m-%dT%H:%M:%SZ"))
    };
    docker.write(&frame(1, &at(1, "INFO first\n")));
    docker.write(&frame(2, &at(1, "ERROR it broke\n")));
    docker.write(&frame(2, &at(1, "\tat a.B.c(B.java:1)\n")));
    docker.write(&frame(1, &at(2, "a long ")));
    docker.write(&frame(1, &at(2, "line\n")));
    let mut want = vec![
        "INFO first",
        "ERROR it broke\n\tat a.B.c(B.java:1)",
        "a long line",
    ];
    let serve = Serve::start(dir.path(), &["--config", &config]);
    until_true("the lines to be stored", || stored(&serve).len() == 3);
    assert_eq!(stored(&serve), want);
    serve.stop();
    // All of it is sent again, as an engine does that knows seconds only.
    docker.write(&frame(1, &at(2, "same second\n")));
    want.push("same second");
    let serve = Serve::start(dir.path(), &["--config", &config]);
    until_true("the new line to be stored", || stored(&serve).len() >= 4);
    assert_eq!(stored(&serve), want);
    docker.write(&frame(1, &at(3, "goes on\n")));
    want.push("goes on");
    until_true("a line that was just written", || stored(&serve).len() >= 5);
    assert_eq!(stored(&serve), want);
}

/// The console steps aside for a shell in the container, and is back when that ends.
#[test]
fn a_shell_stands_in_for_the_console() {
    let dir = tempfile::tempdir().unwrap();
    let docker = FakeDocker::start(&dir.path().join("d.sock"));
    let config = config(dir.path(), docker.socket());
    let own = dir.path().join("bin");
    std::fs::create_dir(&own).unwrap();
    let program = own.join("docker");
    // It says what it was asked for, and waits for a word as a shell does.
    let script = "#!/bin/sh\necho \"shell: $*\"\nread word\necho \"got $word\"\nsleep 0.2\n";
    std::fs::write(&program, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
    let path = format!("{}:/usr/bin:/bin", own.display());
    let more = ["--config", config.as_str()];
    let mut console = Console::start_with(dir.path(), "xterm-256color", &path, &more);
    console.until("the first screen", |s| s.contains("Overview"));
    console.keys("3");
    console.until("the container", |s| {
        s.contains("api") && s.contains("running")
    });
    console.keys("e");
    let socket = format!("-H unix://{}", docker.socket().display());
    console.until("the shell", |s| {
        let said = s.split_whitespace().collect::<String>();
        let want = format!("shell: {socket} exec -it web sh -c");
        said.contains(&want.split_whitespace().collect::<String>())
    });
    assert!(!console.contents().contains("3 Containers"));
    console.keys("hello\r");
    console.until("the console again", |s| {
        s.contains("3 Containers") && s.contains("api")
    });
    console.keys("q");
}
