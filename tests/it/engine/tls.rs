//! The port behind TLS, with certificates of `tests/data/tls`.

use crate::engine::{PATIENCE, Serve};
use bongsu::base::net::client::{Ask, Client, ClientError, ClientOptions, Method};
use bongsu::base::net::tls::{ClientTls, Secret};
use bongsu::wire::bongsu_json;
use std::path::{Path, PathBuf};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/tls")
        .join(name)
}

fn file(name: &str) -> Secret {
    Secret::File(data(name))
}

fn start(dir: &Path, more: &str) -> Serve {
    let config = dir.join("bongsu.yaml");
    let text = format!(
        "api:\n  tls:\n    cert_file: {}\n    key_file: {}\n{more}",
        data("server.pem").display(),
        data("server.key").display()
    );
    std::fs::write(&config, text).unwrap();
    let mut serve = Serve::start(dir, &["--config", config.to_str().unwrap()]);
    serve.url = serve.url.replace("http://", "https://");
    serve
}

fn send(
    serve: &Serve,
    tls: ClientTls,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> Result<(u16, String), ClientError> {
    let runtime = bongsu::base::task::runtime().unwrap();
    runtime.block_on(async {
        let options = ClientOptions {
            tls,
            ..ClientOptions::default()
        };
        let client = Client::new(&options, None)?;
        let ask = Ask {
            method,
            url: &format!("{}{path}", serve.url),
            headers: &[],
            timeout: PATIENCE,
            max_body: 0,
        };
        let mut out = Vec::new();
        let answer = client.send_body(ask, body, &mut out).await?;
        Ok((answer.status, String::from_utf8(out).unwrap()))
    })
}

fn trusting() -> ClientTls {
    ClientTls {
        ca: Some(file("ca.pem")),
        ..ClientTls::default()
    }
}

#[test]
fn a_port_with_a_certificate_answers_those_who_know_its_authority() {
    let dir = tempfile::tempdir().unwrap();
    let serve = start(dir.path(), "");
    let get = |tls| send(&serve, tls, Method::Get, "/-/healthy", vec![]);
    assert_eq!(get(trusting()).unwrap().0, 200);
    let unknown = get(ClientTls::default()).unwrap_err().to_string();
    assert!(unknown.contains("certificate"), "{unknown}");
    // Without TLS nothing is answered, and the port lives on.
    let plain = serve.url.replace("https://", "");
    let mut stream = std::net::TcpStream::connect(plain).unwrap();
    std::io::Write::write_all(&mut stream, b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut said = String::new();
    let _ = std::io::Read::read_to_string(&mut stream, &mut said);
    assert!(!said.contains("HTTP/1"), "{said}");
    assert_eq!(get(trusting()).unwrap().0, 200);
    serve.stop();
}

#[test]
fn a_client_certificate_is_asked_for_and_gives_the_right_to_order() {
    let dir = tempfile::tempdir().unwrap();
    let ca = format!("    client_ca_file: {}\n", data("ca.pem").display());
    let serve = start(dir.path(), &ca);
    let order = bongsu_json::write_action(&bongsu::model::action::Action::Reload);
    let act = |tls| {
        send(
            &serve,
            tls,
            Method::Post,
            bongsu_json::ACT_PATH,
            order.clone(),
        )
    };
    assert!(act(trusting()).is_err(), "no certificate, no connection");
    let known = ClientTls {
        cert: Some(file("client.pem")),
        key: Some(file("client.key")),
        ..trusting()
    };
    let (status, said) = act(known).unwrap();
    assert!(
        status == 200 && said.contains("is in force"),
        "{status} {said}"
    );
    serve.stop();
}
