//! How a server is reached over HTTP: credentials, TLS, proxy, headers. The block that scrape
//! jobs, discoveries and remote ends share.
//!
//! Source of the keys and of the rules between them: prometheus/common `HTTPClientConfig.Validate`.

mod dial;

pub(crate) use dial::{client_tls, secret};

use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::secret::{Secret, SecretFrom, without_credentials};
use crate::config::shape::{Key, Section, Shape, key, later};
use std::fmt;

/// The keys as they stand among those of a job.
pub(crate) static CLIENT: &[Key] = &[
    key(
        "basic_auth",
        Shape::Section(&BASIC_AUTH),
        "",
        "Name and password sent with every request.",
    ),
    key(
        "authorization",
        Shape::Section(&AUTHORIZATION),
        "",
        "Another kind of Authorization header; Bearer unless said.",
    ),
    key(
        "bearer_token",
        Shape::Secret,
        "",
        "Old form of authorization.credentials.",
    ),
    key(
        "bearer_token_file",
        Shape::Text,
        "",
        "Old form of authorization.credentials_file.",
    ),
    key(
        "tls_config",
        Shape::Section(&TLS),
        "",
        "How https servers are trusted and which certificate is shown.",
    ),
    key(
        "follow_redirects",
        Shape::Bool,
        "true",
        "Whether answers 3xx are followed.",
    ),
    key(
        "enable_http2",
        Shape::Bool,
        "true",
        "Whether https servers may answer in HTTP/2.",
    ),
    key(
        "http_headers",
        Shape::Named(&Shape::Section(&HEADER)),
        "",
        "Further headers sent with every request.",
    ),
    key(
        "proxy_url",
        Shape::Text,
        "",
        "Proxy through which the server is reached.",
    ),
    key(
        "no_proxy",
        Shape::Text,
        "",
        "Hosts, domains and networks reached without the proxy, with commas.",
    ),
    key(
        "proxy_from_environment",
        Shape::Bool,
        "false",
        "Takes the proxy from HTTP_PROXY, HTTPS_PROXY and NO_PROXY.",
    ),
    key(
        "proxy_connect_header",
        Shape::Named(&Shape::List(&Shape::Secret)),
        "",
        "Headers for the proxy alone.",
    ),
    key(
        "oauth2",
        Shape::Section(&OAUTH2),
        "",
        "A token that a server of tokens gives out, sent with every request.",
    ),
];

pub(crate) static BASIC_AUTH: Section = Section {
    name: "basic_auth",
    keys: &[&[
        key("username", Shape::Text, "", "The name."),
        key(
            "username_file",
            Shape::Text,
            "",
            "A file that holds the name.",
        ),
        key("password", Shape::Secret, "", "The password."),
        key(
            "password_file",
            Shape::Text,
            "",
            "A file that holds the password, read at each use.",
        ),
        later("username_ref", Shape::Text, "secret providers"),
        later("password_ref", Shape::Text, "secret providers"),
    ]],
};

pub(crate) static AUTHORIZATION: Section = Section {
    name: "authorization",
    keys: &[&[
        key(
            "type",
            Shape::Text,
            "Bearer",
            "The word before the credentials.",
        ),
        key("credentials", Shape::Secret, "", "The credentials."),
        key(
            "credentials_file",
            Shape::Text,
            "",
            "A file that holds the credentials, read at each use.",
        ),
        later("credentials_ref", Shape::Text, "secret providers"),
    ]],
};

pub(crate) static OAUTH2: Section = Section {
    name: "oauth2",
    keys: &[&[
        key("client_id", Shape::Text, "", "The name of this client."),
        key("client_secret", Shape::Secret, "", "Its secret."),
        key(
            "client_secret_file",
            Shape::Text,
            "",
            "A file that holds it, read at each use.",
        ),
        later("client_secret_ref", Shape::Text, "secret providers"),
        later("client_certificate_key_id", Shape::Text, SIGNED),
        later("client_certificate_key", Shape::Secret, SIGNED),
        later("client_certificate_key_file", Shape::Text, SIGNED),
        later("client_certificate_key_ref", Shape::Text, SIGNED),
        later("signature_algorithm", Shape::Text, SIGNED),
        later("iss", Shape::Text, SIGNED),
        later("audience", Shape::Text, SIGNED),
        later("claims", Shape::Any, SIGNED),
        later("grant_type", Shape::Text, SIGNED),
        key(
            "scopes",
            Shape::List(&Shape::Text),
            "",
            "What is asked for.",
        ),
        key("token_url", Shape::Text, "", "Where tokens are given out."),
        key(
            "endpoint_params",
            Shape::Texts,
            "",
            "Further members of that request.",
        ),
        key(
            "tls_config",
            Shape::Section(&TLS),
            "",
            "How the server of tokens is trusted.",
        ),
        key(
            "http_headers",
            Shape::Named(&Shape::Section(&HEADER)),
            "",
            "Further headers of that request.",
        ),
        key("proxy_url", Shape::Text, "", "Proxy on the way there."),
        key("no_proxy", Shape::Text, "", "Hosts reached without it."),
        key(
            "proxy_from_environment",
            Shape::Bool,
            "false",
            "Takes the proxy from the environment.",
        ),
        key(
            "proxy_connect_header",
            Shape::Named(&Shape::List(&Shape::Secret)),
            "",
            "Headers for that proxy alone.",
        ),
    ]],
};

/// Not `client_credentials`, but `jwt-bearer`.
const SIGNED: &str = "tokens of OAuth 2.0 for signed requests";

pub(crate) static TLS: Section = Section {
    name: "tls_config",
    keys: &[&[
        key(
            "ca",
            Shape::Text,
            "",
            "Certificates (PEM text) that are trusted besides the system's.",
        ),
        key("ca_file", Shape::Text, "", "A file of such certificates."),
        key(
            "cert",
            Shape::Text,
            "",
            "The certificate shown to the server (PEM text).",
        ),
        key("cert_file", Shape::Text, "", "A file that holds it."),
        key(
            "key",
            Shape::Secret,
            "",
            "The certificate's key (PEM text).",
        ),
        key("key_file", Shape::Text, "", "A file that holds it."),
        later("ca_ref", Shape::Text, "secret providers"),
        later("cert_ref", Shape::Text, "secret providers"),
        later("key_ref", Shape::Text, "secret providers"),
        key(
            "server_name",
            Shape::Text,
            "",
            "The name the server's certificate must carry; the host unless said.",
        ),
        key(
            "insecure_skip_verify",
            Shape::Bool,
            "false",
            "Trusts any certificate; for self-signed servers in a closed network.",
        ),
        key(
            "min_version",
            Shape::Word(TLS_VERSIONS),
            "",
            "The oldest version of TLS that is spoken: 1.2 and 1.3 are known.",
        ),
        key(
            "max_version",
            Shape::Word(TLS_VERSIONS),
            "",
            "The newest version of TLS that is spoken.",
        ),
    ]],
};

const TLS_VERSIONS: &[&str] = &["TLS10", "TLS11", "TLS12", "TLS13"];

pub(crate) static HEADER: Section = Section {
    name: "http_headers",
    keys: &[&[
        key(
            "values",
            Shape::List(&Shape::Text),
            "",
            "Values that may be shown.",
        ),
        key(
            "secrets",
            Shape::List(&Shape::Secret),
            "",
            "Values that are never shown.",
        ),
        key(
            "files",
            Shape::List(&Shape::Text),
            "",
            "Files that hold values.",
        ),
    ]],
};

/// Headers that the client itself sets.
const RESERVED: &[&str] = &[
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "user-agent",
    "x-prometheus-remote-read-version",
    "x-prometheus-remote-write-version",
    "x-prometheus-scrape-timeout-seconds",
];

/// How requests to one server, or to the targets of one job, are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpClient {
    pub auth: Option<Auth>,
    pub tls: TlsClient,
    pub headers: Vec<(String, Vec<SecretFrom>)>,
    pub proxy: Proxy,
    pub follow_redirects: bool,
    pub enable_http2: bool,
}

impl Default for HttpClient {
    fn default() -> Self {
        Self {
            auth: None,
            tls: TlsClient::default(),
            headers: Vec::new(),
            proxy: Proxy::default(),
            follow_redirects: true,
            enable_http2: true,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    Basic {
        /// Empty where it is not given.
        username: SecretFrom,
        password: Option<SecretFrom>,
    },
    /// `Authorization: KIND CREDENTIALS`.
    Header {
        kind: String,
        credentials: SecretFrom,
    },
    OAuth2(Box<OAuth2>),
}

/// A client that asks a server of tokens in its own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuth2 {
    pub client_id: String,
    pub client_secret: SecretFrom,
    pub token_url: String,
    pub scopes: Vec<String>,
    pub params: Vec<(String, String)>,
    /// How the server of tokens is reached.
    pub through: HttpClient,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsClient {
    pub ca: Option<SecretFrom>,
    /// Certificate and key, PEM.
    pub identity: Option<(SecretFrom, SecretFrom)>,
    pub server_name: Option<String>,
    pub insecure_skip_verify: bool,
    pub min_version: Option<TlsVersion>,
    pub max_version: Option<TlsVersion>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    Tls10,
    Tls11,
    Tls12,
    Tls13,
}

#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxy {
    /// May hold credentials, so it is printed without them.
    pub url: Option<String>,
    pub no_proxy: Vec<String>,
    pub from_environment: bool,
    pub connect_headers: Vec<(String, Vec<SecretFrom>)>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("url", &self.url.as_deref().map(without_credentials))
            .field("no_proxy", &self.no_proxy)
            .field("from_environment", &self.from_environment)
            .field("connect_headers", &self.connect_headers)
            .finish()
    }
}

pub(crate) fn read(of: Fields<'_>, check: &mut Check<'_>) -> HttpClient {
    let oauth2 = of.section("oauth2", &OAUTH2);
    let oauth2 = oauth2.and_then(|oauth2| read_oauth2(oauth2, check));
    HttpClient {
        auth: read_auth(of, check).or(oauth2),
        tls: of
            .section("tls_config", &TLS)
            .map(|tls| read_tls(tls, check))
            .unwrap_or_default(),
        headers: read_headers(of, check),
        proxy: read_proxy(of, check),
        follow_redirects: of.bool("follow_redirects").unwrap_or(true),
        enable_http2: of.bool("enable_http2").unwrap_or(true),
    }
}

fn read_auth(of: Fields<'_>, check: &mut Check<'_>) -> Option<Auth> {
    one_of(of, check, &["bearer_token", "bearer_token_file"]);
    let kinds = [
        "basic_auth",
        "authorization",
        "oauth2",
        "bearer_token",
        "bearer_token_file",
    ];
    let given: Vec<&str> = kinds.into_iter().filter(|k| of.has(k)).collect();
    if let [first, .., last] = given[..]
        && !(first == "bearer_token" && last == "bearer_token_file")
    {
        let text = format!("`{first}` and `{last}` cannot both be used; leave one of them out");
        check.report.error(of.place_of(last), text);
    }
    let basic = of.section("basic_auth", &BASIC_AUTH).map(|basic| {
        one_of(basic, check, &["username", "username_file"]);
        one_of(basic, check, &["password", "password_file"]);
        let password = basic.secret("password", check.folder);
        let username = basic.secret("username", check.folder);
        let username = username.unwrap_or_else(|| SecretFrom::Inline(Secret::default()));
        Auth::Basic { username, password }
    });
    let header = of
        .section("authorization", &AUTHORIZATION)
        .and_then(|header| read_header_auth(header, check));
    let bearer = of.secret("bearer_token", check.folder);
    let bearer = bearer.map(|credentials| Auth::Header {
        kind: "Bearer".to_owned(),
        credentials,
    });
    basic.or(header).or(bearer)
}

fn read_header_auth(of: Fields<'_>, check: &mut Check<'_>) -> Option<Auth> {
    one_of(of, check, &["credentials", "credentials_file"]);
    let kind = of.text("type").map_or("Bearer", str::trim);
    if kind.eq_ignore_ascii_case("basic") {
        let text = "`basic` is written as `basic_auth: {username: .., password: ..}`";
        check.report.error(of.value_place("type"), text);
    }
    Some(Auth::Header {
        kind: if kind.is_empty() { "Bearer" } else { kind }.to_owned(),
        credentials: of.secret("credentials", check.folder)?,
    })
}

fn read_oauth2(of: Fields<'_>, check: &mut Check<'_>) -> Option<Auth> {
    check.require(of, &["client_id", "token_url"]);
    one_of(
        of,
        check,
        &["client_secret", "client_secret_file", "client_secret_ref"],
    );
    let tls = of.section("tls_config", &TLS);
    let tls = tls.map(|tls| read_tls(tls, check)).unwrap_or_default();
    let through = HttpClient {
        tls,
        headers: read_headers(of, check),
        proxy: read_proxy(of, check),
        ..HttpClient::default()
    };
    let none = || SecretFrom::Inline(Secret::default());
    Some(Auth::OAuth2(Box::new(OAuth2 {
        client_id: of.string("client_id")?,
        client_secret: of
            .secret("client_secret", check.folder)
            .unwrap_or_else(none),
        token_url: of.string("token_url")?,
        scopes: of.strings("scopes"),
        params: of
            .pairs("endpoint_params")
            .into_iter()
            .map(|(n, v, _)| (n.to_owned(), v.to_owned()))
            .collect(),
        through,
    })))
}

pub(crate) fn read_tls(of: Fields<'_>, check: &mut Check<'_>) -> TlsClient {
    for pair in [
        ["ca", "ca_file"],
        ["cert", "cert_file"],
        ["key", "key_file"],
    ] {
        one_of(of, check, &pair);
        if let Some(path) = of.path(pair[1], check.folder)
            && !check.exists(&path)
        {
            let text = format!("there is no file {} yet", path.display());
            check.report.warning(of.value_place(pair[1]), text);
        }
    }
    let (cert, key) = (
        of.secret("cert", check.folder),
        of.secret("key", check.folder),
    );
    let identity = match (cert, key) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        (found, _) => {
            let (has, misses) = if found.is_some() {
                ("cert", "key")
            } else {
                ("key", "cert")
            };
            let text = format!("`{has}` or `{has}_file` needs `{misses}` or `{misses}_file` too");
            check.report.error(of.place(), text);
            None
        }
    };
    let min_version = of.text("min_version").and_then(tls_version);
    let max_version = of.text("max_version").and_then(tls_version);
    if let (Some(min), Some(max)) = (min_version, max_version)
        && max < min
    {
        let text = "the newest TLS version is older than `min_version`";
        check.report.error(of.value_place("max_version"), text);
    }
    if max_version.is_some_and(|max| max < TlsVersion::Tls12) {
        let text = "TLS before 1.2 is broken and not spoken here; write TLS12 or leave it out";
        check.report.warning(of.value_place("max_version"), text);
    }
    TlsClient {
        ca: of.secret("ca", check.folder),
        identity,
        server_name: of.string("server_name").filter(|n| !n.is_empty()),
        insecure_skip_verify: of.bool("insecure_skip_verify").unwrap_or(false),
        min_version,
        max_version,
    }
}

fn tls_version(text: &str) -> Option<TlsVersion> {
    Some(match text {
        "TLS10" => TlsVersion::Tls10,
        "TLS11" => TlsVersion::Tls11,
        "TLS12" => TlsVersion::Tls12,
        "TLS13" => TlsVersion::Tls13,
        _ => return None,
    })
}

fn read_headers(of: Fields<'_>, check: &mut Check<'_>) -> Vec<(String, Vec<SecretFrom>)> {
    let mut headers = Vec::new();
    let entries = of.get("http_headers").map_or(&[][..], |n| n.entries());
    for entry in entries {
        check.header_name(&entry.key, entry.place, RESERVED);
        let of = Fields::new(&entry.value, &HEADER);
        let mut values: Vec<SecretFrom> = inline(of.strings("values"));
        values.extend(inline(of.strings("secrets")));
        let files = of.strings("files").into_iter();
        values.extend(files.map(|f| SecretFrom::File(check.folder.join(f))));
        headers.push((entry.key.clone(), values));
    }
    headers
}

fn inline(texts: Vec<String>) -> Vec<SecretFrom> {
    let secret = |t| SecretFrom::Inline(Secret::new(t));
    texts.into_iter().map(secret).collect()
}

fn read_proxy(of: Fields<'_>, check: &mut Check<'_>) -> Proxy {
    let from_environment = of.bool("proxy_from_environment").unwrap_or(false);
    let given = |key: &str| of.has(key);
    if from_environment {
        for key in ["proxy_url", "no_proxy"].into_iter().filter(|k| given(k)) {
            let text = "cannot stand beside `proxy_from_environment`; leave one of them out";
            check.report.error(of.place_of(key), text);
        }
    } else if !given("proxy_url") {
        for key in ["no_proxy", "proxy_connect_header"]
            .into_iter()
            .filter(|k| given(k))
        {
            check.report.error(of.place_of(key), "needs `proxy_url`");
        }
    }
    let url = of.string("proxy_url").filter(|u| !u.is_empty());
    if let Some(url) = &url
        && !url.contains("://")
    {
        let text = format!(
            "{:?} has no scheme; write http://{0}",
            without_credentials(url)
        );
        check.report.warning(of.value_place("proxy_url"), text);
    } else if let Some(url) = &url {
        check.url(
            url,
            of.value_place("proxy_url"),
            &["http", "https", "socks5"],
        );
    }
    let headers = of
        .get("proxy_connect_header")
        .map_or(&[][..], |n| n.entries());
    let texts = |node: &crate::config::place::Node| {
        let items = node.items().iter();
        inline(items.filter_map(|i| i.text()).map(str::to_owned).collect())
    };
    Proxy {
        url,
        no_proxy: of
            .text("no_proxy")
            .unwrap_or_default()
            .split(',')
            .map(|p| p.trim().to_owned())
            .filter(|p| !p.is_empty())
            .collect(),
        from_environment,
        connect_headers: headers
            .iter()
            .map(|e| (e.key.clone(), texts(&e.value)))
            .collect(),
    }
}

/// Reports the second of keys that exclude each other.
pub(crate) fn one_of(of: Fields<'_>, check: &mut Check<'_>, keys: &[&str]) {
    let given: Vec<&&str> = keys.iter().filter(|k| of.has(k)).collect();
    if let [first, second, ..] = given[..] {
        let text = format!("`{first}` and `{second}` cannot both be given; leave one of them out");
        check.report.error(of.place_of(second), text);
    }
}
