//! From the configuration's words for a listener to those of [`crate::base::net`].

use crate::base::net::listen::{Proof, Spec, User};
use crate::base::net::network::Network;
use crate::base::net::tls::{Secret, ServerTls};
use crate::config::listener::{self, ListenAt, Listener};
use crate::config::secret::SecretFrom;

/// What `--listen` says instead of `api.listen`, else the configured listener.
pub(crate) fn spec_of(listener: &Listener, flag: Option<&str>) -> Result<Spec, String> {
    let at = match flag {
        Some(text) => listener::read_address(text)?,
        None => listener.at,
    };
    let addresses = match at {
        ListenAt::Off => Vec::new(),
        ListenAt::Address(address) => vec![address],
        // Gateways come and go with their networks: `doors` listens there.
        ListenAt::Containers(_) => Vec::new(),
    };
    Ok(Spec {
        addresses,
        tls: listener.tls.as_ref().map(|tls| ServerTls {
            cert: Secret::File(tls.cert_file.clone()),
            key: Secret::File(tls.key_file.clone()),
            client_ca: tls.client_ca_file.clone().map(Secret::File),
        }),
        users: listener.users.iter().map(user_of).collect(),
        allow: listener.allow.iter().map(network_of).collect(),
    })
}

/// The port of the address word `containers`, where that is what is said.
pub(crate) fn container_port(listener: &Listener, flag: Option<&str>) -> Option<u16> {
    let at = flag.map_or(Ok(listener.at), listener::read_address);
    match at {
        Ok(ListenAt::Containers(port)) => Some(port),
        _ => None,
    }
}

fn network_of(network: &listener::Network) -> Network {
    Network {
        address: network.address,
        prefix: network.bits,
    }
}

fn user_of(user: &listener::User) -> User {
    User {
        name: user.name.clone(),
        proof: match &user.proof {
            listener::Proof::Password(secret) => Proof::Password(secret_of(secret)),
            listener::Proof::Token(secret) => Proof::Token(secret_of(secret)),
        },
    }
}

/// A variable of the environment cannot change while this runs, so it is read now; one that is not
/// set is an empty secret, which fits nobody.
fn secret_of(secret: &SecretFrom) -> Secret {
    match secret {
        SecretFrom::Inline(text) => Secret::Text(text.reveal().to_owned()),
        SecretFrom::File(path) => Secret::File(path.clone()),
        SecretFrom::Env(name) => Secret::Text(std::env::var(name).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_stands_over_the_file() {
        let listener = Listener::loopback(9470);
        let spec = spec_of(&listener, None).unwrap();
        assert_eq!(spec.addresses, ["127.0.0.1:9470".parse().unwrap()]);
        let spec = spec_of(&listener, Some("localhost:1234")).unwrap();
        assert_eq!(spec.addresses, ["127.0.0.1:1234".parse().unwrap()]);
        assert!(
            spec_of(&listener, Some("off"))
                .unwrap()
                .addresses
                .is_empty()
        );
        assert!(spec_of(&listener, Some("nonsense")).is_err());
        // The word stands for addresses that are found later.
        let spec = spec_of(&listener, Some("containers:9470")).unwrap();
        assert!(spec.addresses.is_empty());
        assert_eq!(
            container_port(&listener, Some("containers:9470")),
            Some(9470)
        );
        assert_eq!(container_port(&listener, None), None);
    }
}
