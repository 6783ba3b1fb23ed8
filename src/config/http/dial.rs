//! From checked keys to a client of `base::net`.

use crate::base::net::client::{ClientOptions, Credentials, OAuth2, Proxy};
use crate::base::net::tls::{ClientTls, Secret, Versions};
use crate::config::http::{Auth, HttpClient, TlsClient, TlsVersion};
use crate::config::secret::SecretFrom;

impl HttpClient {
    /// What the client is made with; a variable that is not set is an error.
    pub fn client_options(&self) -> Result<ClientOptions, String> {
        client_options(self)
    }
}

/// The TLS settings of a client that is not HTTP's, too.
pub(crate) fn client_tls(of: &TlsClient) -> Result<ClientTls, String> {
    Ok(ClientTls {
        ca: of.ca.as_ref().map(secret).transpose()?,
        cert: of
            .identity
            .as_ref()
            .map(|(cert, _)| secret(cert))
            .transpose()?,
        key: of
            .identity
            .as_ref()
            .map(|(_, key)| secret(key))
            .transpose()?,
        server_name: of.server_name.clone(),
        insecure_skip_verify: of.insecure_skip_verify,
        versions: match (of.min_version, of.max_version) {
            (Some(TlsVersion::Tls13), _) => Versions::Only13,
            (_, Some(max)) if max < TlsVersion::Tls13 => Versions::Only12,
            _ => Versions::Both,
        },
    })
}

fn client_options(http: &HttpClient) -> Result<ClientOptions, String> {
    let tls = client_tls(&http.tls)?;
    let proxy = match &http.proxy.url {
        _ if http.proxy.from_environment => Proxy::Environment,
        Some(url) => Proxy::Url {
            url: url.clone(),
            no_proxy: http.proxy.no_proxy.join(","),
            headers: named(&http.proxy.connect_headers)?,
        },
        None => Proxy::None,
    };
    let headers = named(&http.headers)?;
    Ok(ClientOptions {
        tls,
        proxy,
        credentials: credentials(http.auth.as_ref())?,
        headers,
        follow_redirects: http.follow_redirects,
        http2: http.enable_http2,
        socket: None,
    })
}

/// One header for each value.
fn named(headers: &[(String, Vec<SecretFrom>)]) -> Result<Vec<(String, Secret)>, String> {
    let mut out = Vec::new();
    for (name, values) in headers {
        for value in values {
            out.push((name.clone(), secret(value)?));
        }
    }
    Ok(out)
}

fn credentials(auth: Option<&Auth>) -> Result<Credentials, String> {
    Ok(match auth {
        None => Credentials::None,
        Some(Auth::Basic { username, password }) => Credentials::Basic {
            user: secret(username)?
                .read()
                .map_err(|e| e.to_string())?
                .trim()
                .to_owned(),
            password: match password {
                Some(password) => secret(password)?,
                None => Secret::Text(String::new()),
            },
        },
        Some(Auth::Header { kind, credentials }) => Credentials::Token {
            scheme: kind.clone(),
            token: secret(credentials)?,
        },
        Some(Auth::OAuth2(of)) => Credentials::OAuth2(Box::new(OAuth2 {
            client_id: of.client_id.clone(),
            client_secret: secret(&of.client_secret)?,
            token_url: of.token_url.clone(),
            scopes: of.scopes.clone(),
            params: of.params.clone(),
            through: client_options(&of.through)?,
        })),
    })
}

/// Where the text of a secret is read, each time it is used.
pub(crate) fn secret(from: &SecretFrom) -> Result<Secret, String> {
    Ok(match from {
        SecretFrom::Inline(secret) => Secret::Text(secret.reveal().to_owned()),
        SecretFrom::File(path) => Secret::File(path.clone()),
        SecretFrom::Env(name) => Secret::Text(
            std::env::var(name).map_err(|_| format!("the variable {name} is not set"))?,
        ),
    })
}
