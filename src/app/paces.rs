//! How the built-in collectors read: what they follow when the configuration is read again.

use crate::base::clock::Duration;
use crate::collect::beat::Pace;
use crate::config::Config;
use tokio::sync::watch;

/// How each built-in collector reads.
pub(crate) struct Paces {
    pub(crate) host: watch::Sender<Pace>,
    pub(crate) jvm: watch::Sender<Pace>,
    pub(crate) containers: watch::Sender<Pace>,
}

impl Paces {
    pub(crate) fn of(config: &Config) -> Self {
        let [host, jvm, containers] = paces_of(config).map(watch::Sender::new);
        Self {
            host,
            jvm,
            containers,
        }
    }

    /// The collectors follow at their next look.
    pub(crate) fn apply(&self, config: &Config) {
        let all = [&self.host, &self.jvm, &self.containers];
        for (to, pace) in all.into_iter().zip(paces_of(config)) {
            to.send_replace(pace);
        }
    }
}

/// The host's, the JVMs' and the containers'. Each has the host's interval where it has none of its
/// own; containers are switched on and off at the start only.
fn paces_of(config: &Config) -> [Pace; 3] {
    let host = interval_of(config);
    let pace = |enabled: bool, own: Option<Duration>| Pace {
        enabled,
        interval: own.unwrap_or(host),
    };
    [
        pace(config.host.enabled, None),
        pace(config.jvm.enabled, config.jvm.interval),
        pace(true, config.containers.interval),
    ]
}

/// `host.interval`, else global's where it was given, else 15 s.
fn interval_of(config: &Config) -> Duration {
    let global = config.global.scrape_interval_given;
    let global = global.then_some(config.global.scrape_interval);
    config
        .host
        .interval
        .or(global)
        .unwrap_or(Duration::from_secs(15))
}
