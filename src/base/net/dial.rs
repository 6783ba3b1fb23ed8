//! Plain and TLS connections for protocols that are not HTTP (mail).

use crate::base::net::tls::{self, ClientTls};
use rustls_pki_types::ServerName;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A connection, whatever it runs over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// `address` is `host:port`.
pub async fn connect(address: &str, time: Duration) -> io::Result<Box<dyn Stream>> {
    let stream = tokio::time::timeout(time, TcpStream::connect(address)).await;
    let stream = stream.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    Ok(Box::new(stream))
}

/// Goes on in TLS; the certificate must carry `host` or the name that `tls` gives.
pub async fn secure(
    stream: Box<dyn Stream>,
    host: &str,
    tls: &ClientTls,
) -> io::Result<Box<dyn Stream>> {
    let _ = tokio::task::spawn_blocking(tls::roots).await;
    let config = tls.config().map_err(|e| io::Error::other(e.0))?;
    let name = tls.server_name.as_deref().unwrap_or(host);
    let name = ServerName::try_from(name.to_owned())
        .map_err(|_| io::Error::other(format!("{name:?} is no name of a server")))?;
    let connector = TlsConnector::from(Arc::new(config));
    Ok(Box::new(connector.connect(name, stream).await?))
}
