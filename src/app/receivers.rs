//! The ports on which spans are heard beside the one for everything. One that is taken is named, the
//! others go on.

use crate::api::{self, Api, Pushing};
use crate::app::backstage::Ports;
use crate::app::doors::{self, Doors};
use crate::app::engine::{Shared, shown};
use crate::app::health::Trouble;
use crate::app::listener::{container_port, spec_of};
use crate::base::net::http::{Limits, Respond};
use crate::base::net::listen::{Bound, Spec};
use crate::base::task::{self, Stop};
use crate::config::traces::{Receiver, Traces};
use crate::source::embedded::Embedded;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// What opening them needs.
pub(crate) struct Receivers<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) embedded: &'a Embedded,
    pub(crate) runtime: &'a Handle,
    pub(crate) stop: &'a Stop,
}

/// Key in the configuration, name for a person, protocol, settings.
type Row<'a> = (&'static str, &'static str, Pushing, &'a Receiver);

fn rows(config: &Traces) -> [Row<'_>; 3] {
    [
        (
            "traces.otlp_grpc",
            "OTLP over gRPC",
            Pushing::Grpc,
            &config.otlp_grpc,
        ),
        (
            "traces.otlp_http",
            "OTLP over HTTP",
            Pushing::Otlp,
            &config.otlp_http,
        ),
        ("traces.zipkin", "Zipkin", Pushing::Zipkin, &config.zipkin),
    ]
}

impl Receivers<'_> {
    pub(crate) fn open(&self) -> Vec<JoinHandle<Option<()>>> {
        let rows = rows(&self.shared.launch.config.traces);
        rows.into_iter()
            .filter_map(|row| self.open_one(row))
            .collect()
    }

    fn open_one(&self, (key, name, only, receiver): Row<'_>) -> Option<JoinHandle<Option<()>>> {
        let spec = match spec_of(&receiver.listener, None) {
            Ok(spec) => spec,
            Err(said) => {
                self.shared.problems.set(Trouble::Receiver(key), said);
                return None;
            }
        };
        let respond = self.respond(spec.clone(), only);
        if let Some(port) = container_port(&receiver.listener, None) {
            let doors = Doors {
                of: Some(name),
                port,
                spec,
                respond,
            };
            let keeping = doors::keep(doors, self.shared.clone(), self.stop.clone());
            return Some(task::spawn("container-doors", keeping));
        }
        if spec.addresses.is_empty() {
            return None;
        }
        match self.runtime.block_on(Bound::bind(spec)) {
            Ok(bound) => {
                self.shared.hearing.lock().insert(name, shown(&bound));
                let serving = bound.serve(Limits::default(), respond, self.stop.clone());
                Some(task::spawn("receiver", serving))
            }
            Err(e) => {
                // A port that nobody asked for may belong to somebody else.
                if receiver.given {
                    let said = format!("{name}: {e}");
                    self.shared.problems.set(Trouble::Receiver(key), said);
                } else {
                    self.shared.hearing.lock().insert(name, format!("off: {e}"));
                }
                None
            }
        }
    }

    fn respond(&self, spec: Spec, only: Pushing) -> Respond {
        let ports = Ports::new(self.shared.clone(), self.embedded.clone());
        let options = api::Options {
            spec,
            local: api::Local::Queries,
            admin: false,
            host_name: self.shared.host_name.clone(),
            clock: self.shared.clock.clone(),
            only: Some(only),
        };
        Api::new(Arc::new(ports), options).respond()
    }
}
