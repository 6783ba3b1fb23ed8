//! From checked keys to a client of `base::net`.

use crate::base::net::client::{ClientOptions, Credentials, Proxy};
use crate::base::net::tls::{ClientTls, Secret};
use crate::config::http::{Auth, HttpClient, TlsClient};
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
    })
}

fn client_options(http: &HttpClient) -> Result<ClientOptions, String> {
    let tls = client_tls(&http.tls)?;
    let proxy = match &http.proxy.url {
        _ if http.proxy.from_environment => Proxy::Environment,
        Some(url) => Proxy::Url {
            url: url.clone(),
            no_proxy: http.proxy.no_proxy.join(","),
        },
        None => Proxy::None,
    };
    let mut headers = Vec::new();
    for (name, values) in &http.headers {
        for value in values {
            headers.push((name.clone(), secret(value)?));
        }
    }
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
