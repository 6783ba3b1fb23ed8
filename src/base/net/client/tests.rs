//! The client against a server of a few lines.

use super::*;
use std::io::{Read, Write};
use std::net::TcpListener;

const SECOND: Duration = Duration::from_secs(5);

/// Answers every connection with the same bytes; gives back the address and, by the channel, what
/// was asked.
fn server(answer: &'static [u8]) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    let (tell, hear) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = Vec::new();
            let mut byte = [0];
            while !asked.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
                asked.push(byte[0]);
            }
            let _ = tell.send(String::from_utf8(asked).unwrap());
            let _ = stream.write_all(answer);
        }
    });
    (url, hear)
}

fn run<T>(work: impl Future<Output = T>) -> T {
    crate::base::task::runtime().unwrap().block_on(work)
}

#[test]
fn asks_with_credentials_and_headers() {
    let (url, asked) =
        server(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nup 1\n");
    let options = ClientOptions {
        credentials: Credentials::Basic {
            user: "me".into(),
            password: Secret::Text("pw\n".into()),
        },
        headers: vec![("X-Team".into(), Secret::Text("web".into()))],
        ..ClientOptions::default()
    };
    let client = Client::new(&options, None).unwrap();
    let mut body = b"old".to_vec();
    let ask = Ask {
        headers: &[("accept", "text/plain")],
        ..Ask::get(&url, SECOND, 100)
    };
    let reply = run(client.send(ask, &mut body)).unwrap();
    assert_eq!(
        (reply.status, reply.content_type.as_str()),
        (200, "text/plain")
    );
    assert_eq!(
        (body.as_slice(), reply.certificate_ends),
        (&b"up 1\n"[..], None)
    );
    let asked = asked.recv().unwrap().to_lowercase();
    assert!(asked.contains("authorization: basic bwu6chc="), "{asked}");
    assert!(asked.contains("x-team: web\r\n") && asked.contains("accept: text/plain\r\n"));
}

#[test]
fn limits_hold() {
    let (url, _asked) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nup 1\n");
    let client = Client::new(&ClientOptions::default(), None).unwrap();
    let mut body = Vec::new();
    let got = run(client.send(Ask::get(&url, SECOND, 4), &mut body));
    assert_eq!(got, Err(ClientError::TooLarge(4)));

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let short = Duration::from_millis(30);
    let got = run(client.send(Ask::get(&url, short, 0), &mut body));
    assert_eq!(got, Err(ClientError::Timeout(short)));
    assert_eq!(got.unwrap_err().to_string(), "no answer within 30ms");
}

#[test]
fn a_closed_port_is_said_plainly() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", closed.local_addr().unwrap());
    drop(closed);
    let client = Client::new(&ClientOptions::default(), None).unwrap();
    let got = run(client.send(Ask::get(&url, SECOND, 0), &mut Vec::new()));
    let said = got.unwrap_err().to_string();
    assert_eq!(said, "connection refused: nothing listens there");
}

#[test]
fn the_host_of_a_url_is_told() {
    for (url, want) in [
        ("http://web:9100/metrics", Some("web")),
        ("https://user:pw@web/x", Some("web")),
        ("http://[fd00::1]:9100", Some("fd00::1")),
        ("web:9100", None),
    ] {
        assert_eq!(host_of(url), want, "{url}");
    }
}

#[test]
fn own_names_are_asked_where_dns_has_none() {
    // Longer than a label of DNS may be: refused at once, without asking a network.
    const NAME: &str =
        "web-7777777777777777777777777777777777777777777777777777777777777777777777.invalid";
    struct One;
    impl Names for One {
        fn look_up(&self, host: &str) -> Vec<IpAddr> {
            assert_eq!(host, NAME);
            vec![IpAddr::from([127, 0, 0, 1])]
        }

        fn used(&self, host: &str) {
            assert_eq!(host, NAME);
        }

        fn via(&self, _: &str) -> Option<String> {
            None
        }
    }
    let (url, _asked) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let url = url.replace("127.0.0.1", NAME);
    let client = Client::new(&ClientOptions::default(), Some(Arc::new(One))).unwrap();
    let reply = run(client.send(Ask::get(&url, SECOND, 0), &mut Vec::new())).unwrap();
    assert_eq!(reply.status, 200);
}

/// Answers each request by its first line, its headers and its body.
fn talking(
    answer: impl Fn(&str, &str) -> String + Send + 'static,
) -> (String, std::sync::mpsc::Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, hear) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = Vec::new();
            let mut byte = [0];
            while !asked.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
                asked.push(byte[0]);
            }
            let head = String::from_utf8(asked).unwrap().to_lowercase();
            let length = head
                .lines()
                .find_map(|l| l.strip_prefix("content-length: "));
            let mut body = vec![0; length.map_or(0, |l| l.parse().unwrap())];
            stream.read_exact(&mut body).unwrap();
            let body = String::from_utf8(body).unwrap();
            let said = answer(&head, &body);
            let _ = tell.send((head, body));
            let _ = stream.write_all(said.as_bytes());
        }
    });
    (url, hear)
}

fn said(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn a_token_is_fetched_once_kept_and_fetched_again_when_it_is_refused() {
    for takes_header in [true, false] {
        let (url, asked) = talking(move |head, body| {
            if !head.starts_with("post /token") {
                let known = head.contains("authorization: bearer t-1");
                return said(if known { "200 OK" } else { "401 No" }, "");
            }
            let known = if takes_header {
                head.contains("authorization: basic")
            } else {
                body.replace("%5F", "_").contains("client_secret=s%26c")
            };
            if known {
                let token = r#"{"access_token":"T-1","token_type":"bearer","expires_in":"3600"}"#;
                said("200 OK", token)
            } else {
                said("401 No", "")
            }
        });
        let options = ClientOptions {
            credentials: Credentials::OAuth2(Box::new(OAuth2 {
                client_id: "me".into(),
                client_secret: Secret::Text("s&c\n".into()),
                token_url: format!("{url}/token"),
                scopes: vec!["a".into(), "b".into()],
                params: vec![("audience".into(), "x".into())],
                through: ClientOptions::default(),
            })),
            ..ClientOptions::default()
        };
        let client = Client::new(&options, None).unwrap();
        let mut body = Vec::new();
        run(async {
            for _ in 0..2 {
                let ask = Ask::get(&url, SECOND, 0);
                assert_eq!(client.send(ask, &mut body).await.unwrap().status, 200);
            }
        });
        let mut tokens = asked
            .try_iter()
            .filter(|(h, _)| h.starts_with("post /token"));
        let (_, form) = tokens.next().unwrap();
        assert!(
            form.replace("%5F", "_")
                .starts_with("grant_type=client_credentials&scope=a%20b&audience=x"),
            "{form}"
        );
        // Where the header is refused the body is tried; both only once.
        assert_eq!(tokens.count(), usize::from(!takes_header));
    }
}

#[test]
fn a_proxy_is_told_its_own_headers() {
    let (url, asked) = talking(|_, _| said("200 OK", ""));
    let options = ClientOptions {
        proxy: Proxy::Url {
            url,
            no_proxy: String::new(),
            headers: vec![("x-way".into(), Secret::Text("seoul".into()))],
        },
        ..ClientOptions::default()
    };
    let client = Client::new(&options, None).unwrap();
    let mut body = Vec::new();
    // Over https the proxy is asked to connect; it answers, but no TLS follows.
    let sent = run(client.send(Ask::get("https://far.test/x", SECOND, 0), &mut body));
    assert!(sent.is_err());
    let (head, _) = asked.recv().unwrap();
    assert!(head.starts_with("connect far.test:443"), "{head}");
    assert!(head.contains("x-way: seoul"), "{head}");
}
