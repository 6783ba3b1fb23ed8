//! Syslog over TCP, TLS and UDP: each message becomes a line of its job.

use crate::base::net::listen::{Bound, Connection, Converse, Datagrams};
use crate::base::task::Stop;
use crate::collect::listen::lines::{Intake, Pushed};
use crate::config::logs::SyslogJob;
use crate::model::labels::Labels;
use crate::wire::syslog::{Frame, Frames, Grammar, Here, Message, parse};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::io::AsyncReadExt;

/// Connections at once.
const MOST: usize = 1024;
/// Bytes that are read in one go, and of one datagram.
const CHUNK: usize = 64 << 10;

/// What the messages of one job become.
#[derive(Clone)]
pub struct Syslog {
    pub job: Arc<SyslogJob>,
    pub intake: Intake,
    /// Seconds east of UTC of this server's clock: messages of RFC 3164 say no zone.
    pub zone: fn() -> i32,
}

impl Syslog {
    /// Takes messages from streams until told to stop.
    pub async fn serve(self, bound: Bound, stop: Stop) {
        let converse: Converse = Arc::new(move |connection: Connection, from: SocketAddr| {
            let syslog = self.clone();
            Box::pin(async move { syslog.stream(connection, from.ip()).await })
        });
        bound.serve_streams(MOST, converse, stop).await;
    }

    async fn stream(&self, mut connection: Connection, from: IpAddr) {
        let mut frames = Frames::new(self.job.most);
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = tokio::time::timeout(self.job.idle, connection.read(&mut chunk)).await;
            let n = match read {
                Ok(Ok(n)) => n,
                Err(_) | Ok(Err(_)) => 0,
            };
            let mut found = Vec::new();
            if n == 0 {
                frames.end(&mut found);
            } else {
                frames.take(&chunk[..n], &mut found);
            }
            let lines = self.lines(&found, from);
            if (!lines.is_empty() && self.intake.hand(lines).await.is_err()) || n == 0 {
                return;
            }
        }
    }

    /// Takes datagrams until told to stop; one that finds no room is lost and counted.
    pub async fn datagrams(self, socket: Datagrams, mut stop: Stop) {
        let mut chunk = vec![0; CHUNK];
        loop {
            let (n, from) = tokio::select! {
                received = socket.receive(&mut chunk) => received,
                () = stop.wait() => return,
            };
            let bytes = chunk[..n].trim_ascii_end();
            let frame = if bytes.len() > self.job.most {
                Frame::Cut(bytes[..self.job.most].to_vec())
            } else {
                Frame::Whole(bytes.to_vec())
            };
            let lines = self.lines(&[frame], from.ip());
            if !lines.is_empty() {
                self.intake.offer(lines);
            }
        }
    }

    fn lines(&self, frames: &[Frame], from: IpAddr) -> Vec<Pushed> {
        let grammar = if self.job.old {
            Grammar::Rfc3164
        } else {
            Grammar::Rfc5424
        };
        let here = Here {
            now: self.intake.now(),
            zone: (self.zone)(),
        };
        let mut out = Vec::new();
        for frame in frames {
            let bytes = match frame {
                Frame::Whole(bytes) => bytes,
                Frame::Cut(bytes) => {
                    self.intake.cut();
                    bytes
                }
            };
            match parse(grammar, bytes, here) {
                // A message without a text says nothing.
                Some(message) if message.text.is_empty() && !self.job.whole => {}
                Some(message) => out.push(self.line(message, bytes, from)),
                None => {
                    let name = if self.job.old { "RFC 3164" } else { "RFC 5424" };
                    let why = format!("a message from {from} does not follow {name}");
                    self.intake.refused(1, &why);
                }
            }
        }
        out
    }

    fn line(&self, message: Message, whole: &[u8], from: IpAddr) -> Pushed {
        let mut labels = self.job.labels.edit();
        let address = from.to_canonical().to_string();
        for (name, value) in [
            ("__syslog_connection_ip_address", address.as_str()),
            ("__syslog_connection_hostname", &address),
            ("__syslog_message_severity", message.severity_name()),
            ("__syslog_message_facility", message.facility_name()),
            ("__syslog_message_hostname", &message.hostname),
            ("__syslog_message_app_name", &message.app_name),
            ("__syslog_message_proc_id", &message.proc_id),
            ("__syslog_message_msg_id", &message.msg_id),
        ] {
            if !value.is_empty() {
                labels.set(name, value);
            }
        }
        if self.job.structured {
            for (id, pairs) in &message.data {
                for (name, value) in pairs {
                    labels.set(&structured_name(id, name), value);
                }
            }
        }
        Pushed {
            labels,
            level: Some(message.level()),
            t: message.t.filter(|_| self.job.own_time),
            line: if self.job.whole {
                whole.to_vec()
            } else {
                message.text.into_bytes()
            },
            metadata: Labels::empty(),
            reached: None,
        }
    }
}

/// `id@32473` and `name` become `__syslog_message_sd_id_32473_name`.
fn structured_name(id: &str, name: &str) -> String {
    let word = format!("__syslog_message_sd_{id}_{name}");
    let fits = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    word.chars().map(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structured_data_has_names_that_labels_may_have() {
        assert_eq!(
            structured_name("custom@99770", "exkey-1"),
            "__syslog_message_sd_custom_99770_exkey_1"
        );
    }
}
