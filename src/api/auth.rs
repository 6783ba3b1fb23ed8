//! Who may use a path. The rules are those of the design's chapter on safety.

use crate::base::net::http::Peer;
use crate::base::net::listen::{Proof, Spec};
use crate::base::net::unix::CALLER;
use crate::base::own;
use crate::source::api::{Caller, Class};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN};
use std::net::IpAddr;

/// What a path lets one do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Right {
    /// `/-/healthy` and `/-/ready`.
    Health,
    /// `/metrics`.
    Metrics,
    /// Questions and pushes.
    Query,
    /// Deleting series and snapshots; there at all only with `api.admin`.
    Admin,
    /// Orders.
    Act,
}

/// What is answered over TCP without credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Local {
    #[default]
    Queries,
    Metrics,
    Off,
}

/// The rules in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) spec: Spec,
    pub(crate) local: Local,
    /// This machine's name, by which a browser on it may call it.
    pub(crate) host_name: String,
}

/// Why a request is turned away: status and sentence.
pub(crate) type Refused = (u16, String);

impl Rules {
    /// The caller, if the path is for them.
    pub(crate) fn admit(
        &self,
        peer: &Peer,
        headers: &HeaderMap,
        right: Right,
    ) -> Result<Caller, Refused> {
        let (from, to, certified) = match peer {
            Peer::Socket { uid, pid, .. } => return Ok(on_socket(*uid, *pid, headers)),
            Peer::Tcp {
                from,
                to,
                certified,
            } => (from.ip(), to.ip(), *certified),
        };
        self.judge_origin(headers, to)?;
        let known = match header(headers, AUTHORIZATION) {
            "" => None,
            said => Some(self.user(said).ok_or_else(|| {
                let said = "these credentials are not known here".to_owned();
                (401, said)
            })?),
        };
        let name = match known {
            Some(name) => name,
            None if certified => "client certificate".to_owned(),
            None => {
                self.without_credentials(from, right)?;
                return Ok(Caller {
                    name: from.to_string(),
                    ..Caller::default()
                });
            }
        };
        Ok(Caller {
            name,
            may_act: true,
            ..Caller::default()
        })
    }

    fn without_credentials(&self, from: IpAddr, right: Right) -> Result<(), Refused> {
        if right == Right::Act {
            let said = "orders are taken over the socket, or with credentials (api.users)";
            return Err((403, said.to_owned()));
        }
        let from_here = from.to_canonical().is_loopback();
        if !from_here && !self.spec.users.is_empty() {
            return Err((401, "credentials are needed from other machines".to_owned()));
        }
        let most = match self.local {
            Local::Queries => Right::Admin,
            Local::Metrics => Right::Metrics,
            Local::Off => Right::Health,
        };
        if right > most {
            let said = "api.local does not answer this without credentials";
            return Err((401, said.to_owned()));
        }
        Ok(())
    }

    /// A page of another site must not ask through a browser on this machine.
    fn judge_origin(&self, headers: &HeaderMap, to: IpAddr) -> Result<(), Refused> {
        let host = header(headers, HOST);
        let origin = header(headers, ORIGIN);
        let bare = origin.split_once("://").map_or(origin, |(_, rest)| rest);
        if !origin.is_empty() && bare != host {
            let said = format!("a page of {origin} may not ask {host}");
            return Err((403, said));
        }
        if !to.to_canonical().is_loopback() || host.is_empty() {
            return Ok(());
        }
        let name = without_port(host);
        let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        let own = name.eq_ignore_ascii_case("localhost")
            || name.eq_ignore_ascii_case(&self.host_name)
            || name.to_ascii_lowercase().ends_with(".localhost");
        if is_address || own {
            return Ok(());
        }
        let said = format!(
            "{name:?} is not a name of this machine's loopback; ask 127.0.0.1 or localhost"
        );
        Err((403, said))
    }

    fn user(&self, said: &str) -> Option<String> {
        let (scheme, rest) = said.split_once(' ')?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            let mut users = self.spec.users.iter();
            let hit = users.find(|u| match &u.proof {
                Proof::Token(token) => is_same(token.read().ok(), rest),
                Proof::Password(_) => false,
            });
            return hit.map(|u| u.name.clone());
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let pair = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        let (name, password) = pair.split_once(':')?;
        let mut users = self.spec.users.iter().filter(|u| u.name == name);
        let hit = users.find(|u| match &u.proof {
            Proof::Password(own) | Proof::Token(own) => is_same(own.read().ok(), password),
        });
        hit.map(|u| u.name.clone())
    }
}

/// Who can open the socket is its owner or of its group: both may look, acknowledge and order;
/// what needs more is judged by the caller's number where the order is carried out.
fn on_socket(uid: u32, pid: i32, headers: &HeaderMap) -> Caller {
    let remark = header(headers, HeaderName::from_static(CALLER));
    Caller {
        uid: Some(uid),
        pid: Some(pid),
        class: Class::Console,
        name: own::account(uid),
        remark: remark
            .chars()
            .filter(|c| !c.is_control())
            .take(80)
            .collect(),
        may_act: true,
    }
}

/// Takes the same time wherever the first difference is. An empty secret fits nobody.
fn is_same(own: Option<String>, given: &str) -> bool {
    let own = own.unwrap_or_default();
    let own = own.trim_end_matches(['\r', '\n']).as_bytes();
    let given = given.as_bytes();
    let differ = own.iter().zip(given).fold(0, |all, (a, b)| all | (a ^ b));
    !own.is_empty() && own.len() == given.len() && differ == 0
}

fn header(headers: &HeaderMap, name: HeaderName) -> &str {
    let value = headers.get(name).and_then(|v| v.to_str().ok());
    value.unwrap_or_default()
}

fn without_port(host: &str) -> &str {
    match host.rfind(':') {
        Some(at) if !host[at..].contains(']') => &host[..at],
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::net::listen::User;
    use crate::base::net::tls::Secret;

    fn rules() -> Rules {
        let user = |name: &str, proof| User {
            name: name.into(),
            proof,
        };
        Rules {
            spec: Spec {
                users: vec![
                    user("ann", Proof::Password(Secret::Text("pw".into()))),
                    user("ci", Proof::Token(Secret::Text("tok".into()))),
                    user("void", Proof::Token(Secret::Text(String::new()))),
                ],
                ..Spec::default()
            },
            local: Local::Queries,
            host_name: "web1".into(),
        }
    }

    fn from(ip: &str) -> Peer {
        Peer::Tcp {
            from: format!("{ip}:50000").parse().unwrap(),
            to: format!("{ip}:9470").parse().unwrap(),
            certified: false,
        }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(n, v): &(&'static str, &str)| (HeaderName::from_static(n), v.parse().unwrap());
        pairs.iter().map(pair).collect()
    }

    fn status(peer: &Peer, pairs: &[(&'static str, &str)], right: Right) -> u16 {
        match rules().admit(peer, &headers(pairs), right) {
            Ok(_) => 200,
            Err((status, _)) => status,
        }
    }

    #[test]
    fn orders_need_the_socket_or_credentials() {
        let here = from("127.0.0.1");
        let basic = format!("Basic {}", STANDARD.encode("ann:pw"));
        let wrong = format!("Basic {}", STANDARD.encode("ann:no"));
        for (pairs, right, want) in [
            (&[][..], Right::Query, 200),
            (&[], Right::Act, 403),
            (&[("authorization", basic.as_str())], Right::Act, 200),
            (&[("authorization", wrong.as_str())], Right::Query, 401),
            (&[("authorization", "Bearer tok")], Right::Act, 200),
            (&[("authorization", "Bearer ")], Right::Act, 401),
            (&[("authorization", "Digest x")], Right::Act, 401),
        ] {
            assert_eq!(status(&here, pairs, right), want, "{pairs:?} {right:?}");
        }
        let socket = Peer::Socket {
            uid: 1000,
            gid: 1,
            pid: 2,
        };
        let caller = rules()
            .admit(&socket, &HeaderMap::new(), Right::Act)
            .unwrap();
        assert_eq!((caller.uid, caller.may_act), (Some(1000), true));
    }

    #[test]
    fn other_machines_need_credentials_where_there_are_users() {
        let other = from("10.0.0.5");
        assert_eq!(status(&other, &[], Right::Query), 401);
        let token = [("authorization", "Bearer tok")];
        assert_eq!(status(&other, &token, Right::Query), 200);
        // Off loopback the name is not judged: containers and proxies have their own.
        let named = [("host", "host.docker.internal:9470"), token[0]];
        assert_eq!(status(&other, &named, Right::Query), 200);
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let here = from("127.0.0.1");
        for (pairs, want) in [
            (&[("host", "127.0.0.1:9470")][..], 200),
            (&[("host", "[::1]:9470")], 200),
            (&[("host", "localhost:9470")], 200),
            (&[("host", "web1:9470")], 200),
            (&[("host", "evil.example:9470")], 403),
            (
                &[
                    ("host", "localhost:9470"),
                    ("origin", "http://evil.example"),
                ],
                403,
            ),
            (
                &[
                    ("host", "localhost:9470"),
                    ("origin", "http://localhost:9470"),
                ],
                200,
            ),
        ] {
            assert_eq!(status(&here, pairs, Right::Query), want, "{pairs:?}");
        }
    }

    #[test]
    fn local_can_be_narrowed() {
        let mut rules = rules();
        let here = from("127.0.0.1");
        let mut ask = |local, right| {
            rules.local = local;
            rules.admit(&here, &HeaderMap::new(), right).is_ok()
        };
        assert!(ask(Local::Metrics, Right::Metrics) && !ask(Local::Metrics, Right::Query));
        assert!(ask(Local::Off, Right::Health) && !ask(Local::Off, Right::Metrics));
    }
}
