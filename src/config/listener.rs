//! Where the program listens, and who may come: the rules every listener follows.
//!
//! On loopback nothing more is asked. Elsewhere users, client certificates or `allow` must be
//! given. The address word `containers` stands for the gateways of the container networks and
//! admits those networks only.

use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::http::one_of;
use crate::config::place::Place;
use crate::config::secret::SecretFrom;
use crate::config::shape::{Key, Section, Shape, key};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// The keys of a listener's long form.
pub(crate) static KEYS: &[Key] = &[
    key(
        "listen",
        Shape::Text,
        "",
        "ADDRESS:PORT, `containers:PORT`, or off.",
    ),
    key(
        "allow",
        Shape::List(&Shape::Text),
        "",
        "Networks that may come, as 10.0.0.0/8. Needed off loopback where there are no users and no client certificates.",
    ),
    key(
        "tls",
        Shape::Section(&TLS),
        "",
        "Answers over https with this certificate.",
    ),
    key(
        "users",
        Shape::List(&Shape::Section(&USER)),
        "",
        "Who may come: by name and password, or by bearer token.",
    ),
];

pub(crate) static TLS: Section = Section {
    name: "tls",
    keys: &[&[
        key("cert_file", Shape::Text, "", "The certificate chain (PEM)."),
        key("key_file", Shape::Text, "", "Its key (PEM)."),
        key(
            "client_ca_file",
            Shape::Text,
            "",
            "Certificates that clients must be signed by.",
        ),
    ]],
};

pub(crate) static USER: Section = Section {
    name: "users",
    keys: &[&[
        key(
            "name",
            Shape::Text,
            "",
            "The name; with a token it only says whose it is.",
        ),
        key(
            "password",
            Shape::Secret,
            "",
            "The password. Better in a file or the environment.",
        ),
        key(
            "password_file",
            Shape::Text,
            "",
            "A file that holds the password.",
        ),
        key(
            "password_env",
            Shape::Text,
            "",
            "A variable of the environment that holds the password.",
        ),
        key(
            "token",
            Shape::Secret,
            "",
            "A bearer token. Better in a file or the environment.",
        ),
        key(
            "token_file",
            Shape::Text,
            "",
            "A file that holds the token.",
        ),
        key(
            "token_env",
            Shape::Text,
            "",
            "A variable of the environment that holds the token.",
        ),
    ]],
};

/// A listener whose rules hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub at: ListenAt,
    pub tls: Option<TlsServer>,
    pub users: Vec<User>,
    pub allow: Vec<Network>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenAt {
    Off,
    Address(SocketAddr),
    /// This port on each container network's gateway, for that network.
    Containers(u16),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsServer {
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
    pub client_ca_file: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub proof: Proof,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    Password(SecretFrom),
    Token(SecretFrom),
}

/// Addresses that share their first `bits` bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    pub address: IpAddr,
    pub bits: u8,
}

impl Listener {
    pub fn loopback(port: u16) -> Self {
        Self {
            at: ListenAt::Address(SocketAddr::from(([127, 0, 0, 1], port))),
            tls: None,
            users: Vec::new(),
            allow: Vec::new(),
        }
    }

    /// Everybody may come: the header shows it.
    pub fn is_open(&self) -> bool {
        self.users.is_empty() && self.allow.iter().any(|n| n.bits == 0)
    }
}

impl Network {
    /// `10.0.0.0/8`, or one address.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { address, bits })
    }

    pub fn contains(self, other: IpAddr) -> bool {
        let other = other.to_canonical();
        let (a, b, width) = match (self.address, other) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                (u128::from(a.to_bits()), u128::from(b.to_bits()), 32)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        let shift = width - u32::from(self.bits);
        shift == 128 || (a >> shift) == (b >> shift)
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// A listener that a key names by its address alone, or in the long form; `None` where it says
/// nothing.
pub(crate) fn read_either(
    of: Fields<'_>,
    name: &str,
    section: &'static Section,
    default: Listener,
    check: &mut Check<'_>,
) -> Option<Listener> {
    if let Some(long) = of.section(name, section) {
        return Some(read(long, default, check));
    }
    let text = of.text(name)?;
    let place = of.value_place(name);
    let at = read_address(text).unwrap_or_else(|why| {
        check.report.error(place, why);
        default.at
    });
    let listener = Listener { at, ..default };
    judge(&listener, place, check);
    Some(listener)
}

/// The listener that the keys of `of` describe; `default` where nothing is said.
pub(crate) fn read(of: Fields<'_>, default: Listener, check: &mut Check<'_>) -> Listener {
    let place = of.value_place("listen");
    let at = match of.text("listen") {
        None => default.at,
        Some(text) => read_address(text).unwrap_or_else(|why| {
            check.report.error(place, why);
            default.at
        }),
    };
    let listener = Listener {
        at,
        tls: of.section("tls", &TLS).and_then(|tls| read_tls(tls, check)),
        users: read_users(of, check),
        allow: read_allow(of, check),
    };
    judge(&listener, place, check);
    listener
}

/// `ADDRESS:PORT`, `:PORT` (all addresses), `containers:PORT`, `localhost:PORT`, `off`.
pub fn read_address(text: &str) -> Result<ListenAt, String> {
    if matches!(text, "off" | "Off" | "OFF" | "no" | "false") {
        return Ok(ListenAt::Off);
    }
    let wrong = || format!("{text:?} is not an address to listen on; write 127.0.0.1:9470 or off");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    let host = match host {
        "containers" => return Ok(ListenAt::Containers(port)),
        "localhost" => "127.0.0.1",
        "" => "0.0.0.0",
        host => host.trim_start_matches('[').trim_end_matches(']'),
    };
    let ip: IpAddr = host.parse().map_err(|_| wrong())?;
    Ok(ListenAt::Address(SocketAddr::new(ip, port)))
}

fn judge(listener: &Listener, place: Place, check: &mut Check<'_>) {
    let ListenAt::Address(address) = listener.at else {
        return;
    };
    let certificates = listener
        .tls
        .as_ref()
        .is_some_and(|t| t.client_ca_file.is_some());
    let guarded = !listener.users.is_empty() || certificates || !listener.allow.is_empty();
    if !address.ip().is_loopback() && !guarded {
        let text = format!(
            "{address} can be reached from other machines: add `users`, `tls.client_ca_file` or `allow: [networks]`"
        );
        check.report.error(place, text);
    }
    if listener.is_open() && !certificates && !address.ip().is_loopback() {
        let text = format!("everybody who reaches {address} may read everything");
        check.report.warning(place, text);
    }
}

pub(crate) fn read_allow(of: Fields<'_>, check: &mut Check<'_>) -> Vec<Network> {
    let mut out = Vec::new();
    for (text, place) in of.texts("allow") {
        if let Some(network) = Network::parse(text) {
            out.push(network);
        } else {
            let text = format!("{text:?} is not a network; write 10.0.0.0/8 or one address");
            check.report.error(place, text);
        }
    }
    out
}

fn read_tls(of: Fields<'_>, check: &mut Check<'_>) -> Option<TlsServer> {
    check.require(of, &["cert_file", "key_file"]);
    Some(TlsServer {
        cert_file: of.path("cert_file", check.folder)?,
        key_file: of.path("key_file", check.folder)?,
        client_ca_file: of.path("client_ca_file", check.folder),
    })
}

fn read_users(of: Fields<'_>, check: &mut Check<'_>) -> Vec<User> {
    let mut out = Vec::new();
    for of in of.sections("users", &USER) {
        let keys = [
            "password",
            "password_file",
            "password_env",
            "token",
            "token_file",
            "token_env",
        ];
        one_of(of, check, &keys);
        let name = of.string("name").unwrap_or_default();
        let variable = |key: &str| of.string(key).map(SecretFrom::Env);
        let password = of
            .secret("password", check.folder)
            .or_else(|| variable("password_env"));
        let token = of
            .secret("token", check.folder)
            .or_else(|| variable("token_env"));
        match (password, token) {
            (Some(_), _) if name.is_empty() => {
                check.report.error(of.place(), "a password needs a `name`");
            }
            (Some(password), _) => out.push(User {
                name,
                proof: Proof::Password(password),
            }),
            (None, Some(token)) => out.push(User {
                name,
                proof: Proof::Token(token),
            }),
            (None, None) => {
                let text =
                    "a user needs `password_file`, `password_env`, `token_file` or `token_env`";
                check.report.error(of.place(), text);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_their_addresses() {
        for (network, address, want) in [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("::/0", "fe80::1", true),
            ("fe80::/10", "2001::1", false),
            ("192.168.1.5", "192.168.1.5", true),
            ("192.168.1.5", "192.168.1.6", false),
        ] {
            let network = Network::parse(network).unwrap();
            assert_eq!(
                network.contains(address.parse().unwrap()),
                want,
                "{network} {address}"
            );
        }
        for text in ["10.0.0.0/33", "x", "10.0.0/8", ""] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_read() {
        assert_eq!(read_address("off"), Ok(ListenAt::Off));
        assert_eq!(
            read_address("containers:9470"),
            Ok(ListenAt::Containers(9470))
        );
        for (text, want) in [
            ("localhost:1", "127.0.0.1:1"),
            ("[::1]:9470", "[::1]:9470"),
            (":80", "0.0.0.0:80"),
        ] {
            assert_eq!(
                read_address(text),
                Ok(ListenAt::Address(want.parse().unwrap()))
            );
        }
        for text in ["9470", "host:9470", "127.0.0.1:70000", ""] {
            assert!(read_address(text).is_err(), "{text}");
        }
    }
}
