//! Questions to one engine. Each has a deadline and a limit on its answer.

use crate::base::clock::Duration;
use crate::base::net::client::{Ask, Client, ClientError, ClientOptions, Method, Stream};
use crate::base::net::tls::{ClientTls, Secret};
use crate::collect::container::docker::address::Address;
use crate::collect::container::docker::json::Complaint;
use serde::de::DeserializeOwned;

/// An engine that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(10);
/// No answer is longer: a list of 5,000 containers has some 15 MiB.
const MOST: u64 = 32 << 20;

/// Why an engine gave no answer. Each is a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DockerError {
    #[error("{0}")]
    Client(#[from] ClientError),
    /// Its own words.
    #[error("{said} (status {status})")]
    Refused { status: u16, said: String },
    #[error("its answer to {asked} is not understood: {why}")]
    Garbled { asked: String, why: String },
}

/// One engine's API. Clones share the connections.
#[derive(Clone, Debug)]
pub struct Docker {
    client: Client,
    /// `http://engine`, the front of every URL.
    front: String,
}

impl Docker {
    pub fn new(address: &Address) -> Result<Self, ClientError> {
        let mut options = ClientOptions::default();
        let front = match address {
            Address::Socket(path) => {
                options.socket = Some(path.clone());
                // Podman and Docker both ask for a host, and neither looks at it.
                "http://localhost".to_owned()
            }
            Address::Tcp(host) => format!("http://{host}"),
            Address::Tls(host, folder) => {
                let file = |name: &str| Some(Secret::File(folder.join(name)));
                options.tls = ClientTls {
                    ca: file("ca.pem"),
                    cert: file("cert.pem"),
                    key: file("key.pem"),
                    ..ClientTls::default()
                };
                format!("https://{host}")
            }
        };
        Ok(Self {
            client: Client::new(&options, None)?,
            front,
        })
    }

    /// Asks and reads JSON.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, DockerError> {
        let body = self.bytes(Method::Get, path, PATIENCE).await?;
        serde_json::from_slice(&body).map_err(|e| DockerError::Garbled {
            asked: path.to_owned(),
            why: e.to_string(),
        })
    }

    /// Gives an order; `patience` is how long it may take.
    pub async fn order(
        &self,
        method: Method,
        path: &str,
        patience: Duration,
    ) -> Result<(), DockerError> {
        self.bytes(method, path, patience).await.map(drop)
    }

    async fn bytes(
        &self,
        method: Method,
        path: &str,
        patience: Duration,
    ) -> Result<Vec<u8>, DockerError> {
        let url = format!("{}{path}", self.front);
        let ask = Ask {
            method,
            ..Ask::get(&url, patience, MOST)
        };
        let mut body = Vec::new();
        let reply = self.client.send(ask, &mut body).await?;
        // 304: it was started, or stopped, already.
        match reply.status {
            200..=299 | 304 => Ok(body),
            status => Err(refused(status, &body)),
        }
    }

    /// An answer that comes bit by bit: events, logs.
    pub async fn stream(&self, path: &str) -> Result<Stream, DockerError> {
        let url = format!("{}{path}", self.front);
        let mut stream = self.client.stream(Ask::get(&url, PATIENCE, 0)).await?;
        if stream.status() == 200 {
            return Ok(stream);
        }
        let mut body = Vec::new();
        while let Ok(Ok(Some(piece))) = tokio::time::timeout(PATIENCE, stream.next()).await {
            body.extend_from_slice(&piece);
            if body.len() > 64 << 10 {
                break;
            }
        }
        Err(refused(stream.status(), &body))
    }
}

fn refused(status: u16, body: &[u8]) -> DockerError {
    let complaint: Complaint = serde_json::from_slice(body).unwrap_or_default();
    let said = if complaint.message.is_empty() {
        "it refused".to_owned()
    } else {
        crate::base::text::display(&complaint.message).into_owned()
    };
    DockerError::Refused { status, said }
}
