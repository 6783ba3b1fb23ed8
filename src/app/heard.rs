//! The ports of log jobs that are pushed to (syslog, Loki's push), and the containers whose output
//! is followed over an engine's API. A port that is taken is named
//! in the job's row, the others go on.

use crate::app::listener::spec_of;
use crate::app::tail::zone;
use crate::base::clock::Clock;
use crate::base::net::http::Limits;
use crate::base::net::listen::{Bound, Datagrams, Spec};
use crate::base::task::{self, Stopper, stopper};
use crate::collect::listen::docker::{self, Containers};
use crate::collect::listen::lines::{self, Intake, Running};
use crate::collect::listen::push::Push;
use crate::collect::listen::syslog::Syslog;
use crate::collect::tail::stage::Shared;
use crate::config::listener::{ListenAt, Listener};
use crate::config::logs::LogJob;
use crate::model::view::{Health, TargetRow};
use crate::store::write::logs::LogSink;
use std::sync::Arc;
use tokio::runtime::Handle;

/// The jobs that listen.
pub(crate) struct Heard {
    sink: Arc<dyn LogSink>,
    clock: Clock,
    shared: Arc<Shared>,
    runtime: Handle,
    open: Vec<Open>,
}

/// One job: its port, its thread; or why it has none.
struct Open {
    job: LogJob,
    running: Option<(Running, Stopper)>,
    trouble: String,
}

impl Heard {
    pub(crate) fn new(
        sink: Arc<dyn LogSink>,
        clock: &Clock,
        shared: Arc<Shared>,
        runtime: &Handle,
    ) -> Self {
        Self {
            sink,
            clock: clock.clone(),
            shared,
            runtime: runtime.clone(),
            open: Vec::new(),
        }
    }

    /// Takes other jobs; those that stay as they are keep their ports.
    pub(crate) fn apply(&mut self, jobs: &[LogJob]) {
        let wanted = |j: &&LogJob| j.syslog.is_some() || j.push.is_some() || !j.docker.is_empty();
        let wanted: Vec<&LogJob> = jobs.iter().filter(wanted).collect();
        let (stay, leave): (Vec<Open>, Vec<Open>) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|o| o.running.is_some() && wanted.iter().any(|j| **j == o.job));
        for open in leave {
            open.end();
        }
        self.open = stay;
        for job in wanted {
            if !self.open.iter().any(|o| o.job == *job) {
                let open = self.start(job);
                self.open.push(open);
            }
        }
    }

    fn start(&self, job: &LogJob) -> Open {
        let mut open = Open {
            job: job.clone(),
            running: None,
            trouble: String::new(),
        };
        match self.listen(&Arc::new(job.clone())) {
            Ok(running) => open.running = Some(running),
            Err(said) => open.trouble = said,
        }
        open
    }

    fn listen(&self, job: &Arc<LogJob>) -> Result<(Running, Stopper), String> {
        // Sockets can only be made within the runtime.
        let _entered = self.runtime.enter();
        let (tell, stop) = stopper();
        if let Some(syslog) = &job.syslog {
            let spec = spec_of(&syslog.listener, None)?;
            let messages = |intake: Intake| Syslog {
                job: Arc::new(syslog.clone()),
                intake,
                zone,
            };
            if syslog.udp {
                let socket = Datagrams::take(spec).map_err(|e| e.to_string())?;
                let at = socket.address().map(|a| format!("udp {a}"));
                let (intake, running) = self.lines(job, &at.unwrap_or_default())?;
                task::spawn("syslog", messages(intake).datagrams(socket, stop));
                return Ok((running, tell));
            }
            let (bound, at) = bind(spec, "tcp")?;
            let (intake, running) = self.lines(job, &at)?;
            task::spawn("syslog", messages(intake).serve(bound, stop));
            return Ok((running, tell));
        }
        let Some(push) = &job.push else {
            let hosts: Vec<&str> = job.docker.iter().map(|d| d.host.as_str()).collect();
            let (intake, running) = self.lines(job, &hosts.join(" "))?;
            for config in &job.docker {
                docker::address(&config.host)?;
                let containers = Containers::new(config, intake.clone(), &job.name);
                task::spawn("docker-list", containers.run(stop.clone()));
            }
            return Ok((running, tell));
        };
        let (bound, at) = bind(spec_of(&push.listener, None)?, "http")?;
        let (intake, running) = self.lines(job, &at)?;
        let push = Push {
            job: Arc::new(push.clone()),
            intake,
        };
        let serving = bound.serve(Limits::default(), push.respond(), stop);
        task::spawn("pushed-lines", serving);
        Ok((running, tell))
    }

    fn lines(&self, job: &Arc<LogJob>, at: &str) -> Result<(Intake, Running), String> {
        let sink = Arc::clone(&self.sink);
        let started = lines::start(job, at, sink, self.clock.clone(), &self.shared);
        started.map_err(|e| format!("its thread cannot be started: {e}"))
    }

    pub(crate) fn rows(&self) -> Vec<TargetRow> {
        let row = |open: &Open| match &open.running {
            Some((running, _)) => running.row(),
            None => TargetRow {
                job: open.job.name.clone(),
                instance: wanted_at(&open.job),
                health: Health::Down,
                error: open.trouble.clone(),
                ..TargetRow::default()
            },
        };
        self.open.iter().map(row).collect()
    }

    /// Closes the ports; what was handed over is stored before.
    pub(crate) fn stop(self) {
        for open in self.open {
            if let Some((running, stopper)) = open.running {
                stopper.stop();
                running.stop();
            }
        }
    }
}

impl Open {
    /// Closes the port; the thread ends by itself, for nobody may wait for it here.
    fn end(self) {
        if let Some((running, stopper)) = self.running {
            stopper.stop();
            let _ = task::thread("pushed-lines", move || running.stop());
        }
    }
}

fn bind(spec: Spec, word: &str) -> Result<(Bound, String), String> {
    let bound = Bound::take(spec).map_err(|e| e.to_string())?;
    let all: Vec<String> = bound.addresses().iter().map(ToString::to_string).collect();
    let at = format!("{word} {}", all.join(" "));
    Ok((bound, at))
}

fn wanted_at(job: &LogJob) -> String {
    let listeners = [
        job.syslog.as_ref().map(|s| &s.listener),
        job.push.as_ref().map(|p| &p.listener),
    ];
    let found = listeners.into_iter().flatten().next();
    match found.map(|l: &Listener| l.at) {
        Some(ListenAt::Address(address)) => address.to_string(),
        Some(ListenAt::Containers(port)) => format!("containers:{port}"),
        Some(ListenAt::Off) | None => "off".to_owned(),
    }
}
