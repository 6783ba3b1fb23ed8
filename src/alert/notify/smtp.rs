//! As much of SMTP (RFC 5321) as sending one mail needs: EHLO, STARTTLS, AUTH (PLAIN, LOGIN,
//! CRAM-MD5), MAIL, RCPT, DATA.

use crate::base::clock::Duration;
use crate::base::digest::hmac_md5_hex;
use crate::base::net::dial::{self, Stream};
use crate::base::net::tls::ClientTls;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};

/// One line of an answer at most.
const MAX_LINE: u64 = 4096;
/// Lines of one answer at most.
const MAX_LINES: usize = 100;
const CONNECT_TIME: Duration = Duration::from_secs(30);

/// How a mail is handed over.
pub(super) struct Way {
    /// `host:port`.
    pub(super) address: String,
    pub(super) hello: String,
    pub(super) tls: ClientTls,
    /// TLS from the first byte.
    pub(super) implicit: bool,
    /// Refuse to go on in the clear.
    pub(super) required: bool,
    pub(super) user: String,
    pub(super) password: String,
    /// For CRAM-MD5.
    pub(super) secret: String,
    pub(super) identity: String,
}

/// Why a mail was not taken; `again` where another try makes sense (4xx, no connection).
pub(super) struct Refusal {
    pub(super) said: String,
    pub(super) again: bool,
}

impl Refusal {
    fn broken(e: &std::io::Error) -> Self {
        Self {
            said: format!("the mail server cannot be reached: {e}"),
            again: true,
        }
    }

    fn told(said: impl Into<String>) -> Self {
        Self {
            said: said.into(),
            again: false,
        }
    }
}

/// A conversation after its greeting.
struct Talk {
    stream: BufStream<Box<dyn Stream>>,
    /// What EHLO said the server can.
    can: Vec<String>,
    encrypted: bool,
}

/// Hands over one mail; what the server said last.
pub(super) async fn send(
    way: &Way,
    from: &str,
    to: &[String],
    mail: &[u8],
) -> Result<String, Refusal> {
    let host = way
        .address
        .rsplit_once(':')
        .map_or(way.address.as_str(), |(h, _)| h);
    let host = host.trim_matches(['[', ']']);
    let mut stream = dial::connect(&way.address, CONNECT_TIME)
        .await
        .map_err(|e| Refusal::broken(&e))?;
    if way.implicit {
        stream = dial::secure(stream, host, &way.tls)
            .await
            .map_err(|e| Refusal::broken(&e))?;
    }
    let mut talk = Talk {
        stream: BufStream::new(stream),
        can: Vec::new(),
        encrypted: way.implicit,
    };
    talk.answer(220).await?;
    talk.hello(&way.hello).await?;
    if !talk.encrypted && talk.can.iter().any(|c| c == "STARTTLS") {
        talk.ask("STARTTLS", 220).await?;
        let plain = talk.stream.into_inner();
        let secure = dial::secure(plain, host, &way.tls)
            .await
            .map_err(|e| Refusal::broken(&e))?;
        talk = Talk {
            stream: BufStream::new(secure),
            can: Vec::new(),
            encrypted: true,
        };
        talk.hello(&way.hello).await?;
    }
    if way.required && !talk.encrypted {
        let said = format!(
            "{} offers no STARTTLS, and `require_tls` asks for it; set require_tls: false for a server in a closed network",
            way.address
        );
        return Err(Refusal::told(said));
    }
    if !way.user.is_empty() {
        talk.prove(way).await?;
    }
    talk.ask(&format!("MAIL FROM:<{from}>"), 250).await?;
    for address in to {
        talk.ask(&format!("RCPT TO:<{address}>"), 250).await?;
    }
    talk.ask("DATA", 354).await?;
    let mut data = Vec::with_capacity(mail.len() + 16);
    for line in mail.split_inclusive(|b| *b == b'\n') {
        if line.starts_with(b".") {
            data.push(b'.');
        }
        data.extend_from_slice(line);
    }
    data.extend_from_slice(b".");
    let said = talk.ask_bytes(&data, 250).await?;
    // The mail is taken; how the conversation ends no longer matters.
    let _ = talk.ask("QUIT", 221).await;
    Ok(said)
}

impl Talk {
    async fn hello(&mut self, name: &str) -> Result<(), Refusal> {
        let said = self.ask(&format!("EHLO {name}"), 250).await?;
        let words = said.lines().skip(1).map(|l| l.trim().to_ascii_uppercase());
        self.can = words.collect();
        Ok(())
    }

    async fn prove(&mut self, way: &Way) -> Result<(), Refusal> {
        let offered = self.can.iter().find_map(|c| c.strip_prefix("AUTH "));
        let offered: Vec<String> = offered.map_or(Vec::new(), |o| {
            o.split_whitespace().map(str::to_owned).collect()
        });
        let has = |kind: &str| offered.iter().any(|o| o == kind);
        let encoded = |s: &str| STANDARD.encode(s);
        if has("CRAM-MD5") && !way.secret.is_empty() {
            let challenge = self.ask("AUTH CRAM-MD5", 334).await?;
            let challenge = STANDARD.decode(challenge.trim()).unwrap_or_default();
            let digest = hmac_md5_hex(way.secret.as_bytes(), &challenge);
            let answer = encoded(&format!("{} {digest}", way.user));
            return self.ask(&answer, 235).await.map(drop);
        }
        if way.password.is_empty() {
            return Err(Refusal::told("no password is given for the mail server"));
        }
        if !self.encrypted && !self.is_local(way) {
            return Err(Refusal::told("a password is not sent without TLS"));
        }
        if has("PLAIN") {
            let answer = encoded(&format!("{}\0{}\0{}", way.identity, way.user, way.password));
            return self
                .ask(&format!("AUTH PLAIN {answer}"), 235)
                .await
                .map(drop);
        }
        if has("LOGIN") {
            self.ask("AUTH LOGIN", 334).await?;
            self.ask(&encoded(&way.user), 334).await?;
            return self.ask(&encoded(&way.password), 235).await.map(drop);
        }
        Err(Refusal::told(
            "the mail server offers none of CRAM-MD5, PLAIN and LOGIN",
        ))
    }

    #[expect(clippy::unused_self, reason = "a question about this conversation")]
    fn is_local(&self, way: &Way) -> bool {
        let host = way.address.rsplit_once(':').map_or("", |(h, _)| h);
        matches!(host, "localhost" | "127.0.0.1" | "[::1]" | "::1")
    }

    async fn ask(&mut self, line: &str, wanted: u16) -> Result<String, Refusal> {
        if line.contains(['\r', '\n']) {
            return Err(Refusal::told("an address of the mail holds a line break"));
        }
        self.ask_bytes(line.as_bytes(), wanted).await
    }

    async fn ask_bytes(&mut self, bytes: &[u8], wanted: u16) -> Result<String, Refusal> {
        let stream = &mut self.stream;
        let written = async {
            stream.write_all(bytes).await?;
            stream.write_all(b"\r\n").await?;
            stream.flush().await
        };
        written.await.map_err(|e| Refusal::broken(&e))?;
        self.answer(wanted).await
    }

    /// One answer of one or more lines, without its numbers.
    async fn answer(&mut self, wanted: u16) -> Result<String, Refusal> {
        let mut said = String::new();
        for _ in 0..MAX_LINES {
            let mut line = Vec::new();
            let mut bounded = tokio::io::AsyncReadExt::take(&mut self.stream, MAX_LINE);
            let read = bounded.read_until(b'\n', &mut line).await;
            read.map_err(|e| Refusal::broken(&e))?;
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let (code, rest) = line.split_at_checked(3).unwrap_or((&line, ""));
            let Ok(code) = code.parse::<u16>() else {
                return Err(Refusal {
                    said: format!("the mail server answered {line:?}"),
                    again: true,
                });
            };
            said.push_str(rest.trim_start_matches(['-', ' ']));
            if rest.starts_with('-') {
                said.push('\n');
                continue;
            }
            if code == wanted || (wanted == 250 && code == 251) {
                return Ok(said);
            }
            return Err(Refusal {
                said: format!(
                    "the mail server answered {code} {}",
                    said.replace('\n', " ")
                ),
                again: (400..500).contains(&code),
            });
        }
        Err(Refusal::told("the mail server's answer has no end"))
    }
}
