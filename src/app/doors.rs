//! The address word `containers`: a listener on the gateway of each container network, for that
//! network and no other, opened and closed as networks come and go.

use crate::app::engine::Shared;
use crate::base::net::http::{Limits, Respond};
use crate::base::net::listen::{Bound, ListenError, Spec};
use crate::base::net::network::Network;
use crate::base::task::{self, Stop, Stopper};
use crate::collect::container::docker::known::{Bridge, Known};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A gateway that could not be taken is tried again after so long: its interface may come later.
const AGAIN: Duration = Duration::from_secs(10);

/// What every door has in common.
#[derive(Clone)]
pub(crate) struct Doors {
    /// What is heard there; `None` is the port for everything.
    pub(crate) of: Option<&'static str>,
    pub(crate) port: u16,
    /// TLS and users; addresses and networks are each door's own.
    pub(crate) spec: Spec,
    pub(crate) respond: Respond,
}

/// The doors that are wanted now: where, and for whom.
fn wanted(known: &Known, port: u16) -> BTreeMap<SocketAddr, Network> {
    let bridges = known.engines.iter().flat_map(|e| &e.networks);
    let door = |b: &Bridge| (SocketAddr::new(b.gateway, port), b.network);
    bridges.map(door).collect()
}

/// Keeps doors until told to stop.
pub(crate) async fn keep(doors: Doors, shared: Arc<Shared>, mut stop: Stop) {
    let mut known = shared.containers.known();
    let mut open: BTreeMap<SocketAddr, (Network, Stopper)> = BTreeMap::new();
    loop {
        let wanted = wanted(&known.borrow_and_update().clone(), doors.port);
        open.retain(|at, (network, _)| wanted.get(at) == Some(network));
        let mut refused = Vec::new();
        for (at, network) in wanted {
            if open.contains_key(&at) {
                continue;
            }
            match doors.open(at, network).await {
                Ok(stopper) => drop(open.insert(at, (network, stopper))),
                Err(why) => refused.push(why.to_string()),
            }
        }
        let places: Vec<String> = open.keys().map(ToString::to_string).collect();
        let shown = match (places.is_empty(), refused.is_empty()) {
            (false, _) => places.join(", "),
            (true, true) => format!(
                "containers:{}, and there is no container network yet",
                doors.port
            ),
            (true, false) => refused.join("; "),
        };
        match doors.of {
            None => shared.listening.store(Arc::new(shown)),
            Some(of) => drop(shared.hearing.lock().insert(of, shown)),
        }
        tokio::select! {
            changed = known.changed() => if changed.is_err() { break },
            () = tokio::time::sleep(AGAIN) => {}
            () = stop.wait() => break,
        }
    }
}

impl Doors {
    async fn open(&self, at: SocketAddr, network: Network) -> Result<Stopper, ListenError> {
        let spec = Spec {
            addresses: vec![at],
            allow: vec![network],
            ..self.spec.clone()
        };
        let bound = Bound::bind(spec).await?;
        let (stopper, stop) = task::stopper();
        drop(task::spawn(
            "port",
            bound.serve(Limits::default(), self.respond.clone(), stop),
        ));
        Ok(stopper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::container::docker::known::Engine;

    #[test]
    fn each_network_has_its_own_door() {
        let bridge = |gateway: &str, network: &str| Bridge {
            gateway: gateway.parse().unwrap(),
            network: network.parse().unwrap(),
        };
        let known = Known {
            engines: vec![Engine {
                networks: vec![
                    bridge("172.17.0.1", "172.17.0.0/16"),
                    bridge("10.89.0.1", "10.89.0.0/24"),
                ],
                ..Engine::default()
            }],
        };
        let doors = wanted(&known, 9470);
        let network = doors[&"10.89.0.1:9470".parse().unwrap()];
        assert!(network.contains("10.89.0.7".parse().unwrap()));
        assert!(!network.contains("172.17.0.7".parse().unwrap()));
        assert_eq!(doors.len(), 2);
    }
}
