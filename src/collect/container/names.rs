//! Names of containers as addresses, for scrapes whose target only the container network knows.

use crate::base::net::client::Names;
use crate::collect::container::docker::known::Known;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// Names that were used and are remembered, at most.
const MOST: usize = 10_000;

/// Answers with the newest addresses: a container that was restarted is found where it is now.
pub struct ContainerNames {
    known: watch::Receiver<Arc<Known>>,
    /// Hosts that were reached this way, and the container behind each.
    used: Mutex<BTreeMap<String, String>>,
}

impl ContainerNames {
    pub fn new(known: watch::Receiver<Arc<Known>>) -> Self {
        Self {
            known,
            used: Mutex::default(),
        }
    }
}

impl Names for ContainerNames {
    fn look_up(&self, host: &str) -> Vec<IpAddr> {
        let known = self.known.borrow().clone();
        known
            .by_name(host)
            .map(|(_, addresses)| addresses)
            .unwrap_or_default()
    }

    fn used(&self, host: &str) {
        let known = self.known.borrow().clone();
        let mut used = self.used.lock();
        if let Some((container, _)) = known.by_name(host)
            && used.len() < MOST
        {
            used.insert(host.to_owned(), format!("container {}", container.name));
        }
    }

    fn via(&self, host: &str) -> Option<String> {
        self.used.lock().get(host).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::container::docker::known::{Container, Endpoint, Engine};

    fn known(address: &str) -> Arc<Known> {
        let container = Container {
            name: "shop-api-1".to_owned(),
            state: "running".to_owned(),
            networks: vec![Endpoint {
                address: address.to_owned(),
                aliases: vec!["api".to_owned()],
                ..Endpoint::default()
            }],
            ..Container::default()
        };
        Arc::new(Known {
            engines: vec![Engine {
                containers: vec![Arc::new(container)],
                ..Engine::default()
            }],
        })
    }

    #[test]
    fn a_restarted_container_is_found_where_it_is_now() {
        let (tell, hear) = watch::channel(known("10.0.0.2"));
        let names = ContainerNames::new(hear);
        let at = |host: &str| names.look_up(host).first().map(ToString::to_string);
        assert_eq!(at("api").as_deref(), Some("10.0.0.2"));
        assert_eq!(names.via("api"), None);
        names.used("api");
        assert_eq!(names.via("api").as_deref(), Some("container shop-api-1"));
        tell.send_replace(known("10.0.0.9"));
        assert_eq!(at("api").as_deref(), Some("10.0.0.9"));
        assert_eq!(at("db"), None);
    }
}
