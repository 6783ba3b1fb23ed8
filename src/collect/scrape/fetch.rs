//! Asking one target.

use crate::base::net::client::{Ask, Client, Method};
use crate::collect::scrape::plan::Target;
use crate::config::scrape::{ScrapeConfig, ScrapeProtocol};
use crate::wire::exposition::Format;
use crate::wire::exposition::negotiate::{accept_header, format_named, format_of};

/// What an answer says beside its body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) format: Format,
    /// Seconds since the epoch; `None` over plain HTTP.
    pub(crate) certificate_ends: Option<i64>,
}

/// What is the same in every request of a job.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    accept: String,
    timeout_seconds: String,
    identity: bool,
    fallback: Option<Format>,
    max_body: u64,
}

impl Asking {
    /// `max_body` is what the machine can bear; a smaller limit of the job's stands.
    pub(crate) fn new(job: &ScrapeConfig, target: &Target, max_body: u64) -> Self {
        let names: Vec<&str> = job.scraping.protocols.iter().map(|p| p.as_str()).collect();
        let own = job.scraping.limits.body_size;
        Self {
            accept: accept_header(&names),
            timeout_seconds: target.timeout.as_secs_f64().to_string(),
            // On this machine compressing costs both sides more than it saves.
            identity: !job.enable_compression || is_loopback(&target.url),
            fallback: job
                .fallback_protocol
                .map(ScrapeProtocol::as_str)
                .and_then(format_named),
            max_body: if own == 0 { max_body } else { own },
        }
    }

    /// Asks; the body is left in `body`. The error is a sentence for the target's row.
    pub(crate) async fn ask(
        &self,
        client: &Client,
        target: &Target,
        body: &mut Vec<u8>,
    ) -> Result<Answer, String> {
        let mut headers = vec![
            ("Accept", self.accept.as_str()),
            ("X-Prometheus-Scrape-Timeout-Seconds", &self.timeout_seconds),
        ];
        if self.identity {
            headers.push(("Accept-Encoding", "identity"));
        }
        let ask = Ask {
            method: Method::Get,
            url: &target.url,
            headers: &headers,
            timeout: target.timeout,
            max_body: self.max_body,
        };
        let reply = client.send(ask, body).await.map_err(|e| e.to_string())?;
        if reply.status != 200 {
            return Err(bad_status(reply.status));
        }
        Ok(Answer {
            format: format_of(&reply.content_type, self.fallback)?,
            certificate_ends: reply.certificate_ends,
        })
    }
}

fn bad_status(status: u16) -> String {
    let hint = match status {
        401 | 403 => "; does it need basic_auth or authorization?",
        404 => "; is metrics_path right?",
        300..=399 => "; it points elsewhere, and follow_redirects is off",
        503 => "; it is not ready",
        _ => "",
    };
    format!("the target answered with status {status} instead of 200{hint}")
}

fn is_loopback(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', '?']).next().unwrap_or_default();
    host.starts_with("127.")
        || host.starts_with("[::1]")
        || host.split(':').next() == Some("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_recognised() {
        for url in [
            "http://127.0.0.1:1/x",
            "http://localhost/",
            "https://[::1]:9100/metrics",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "http://10.0.0.1:1/",
            "http://localhost.example.org/",
            "http://h/127.0.0.1",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
