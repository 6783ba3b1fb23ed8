//! Mail to a real server (aiosmtpd): STARTTLS, TLS from the first byte, credentials, both bodies,
//! subjects in Hangul. `BONGSU_SMTPD` names a Python that has aiosmtpd.

use bongsu::alert::notify::Notifiers;
use bongsu::alert::perform::test_jobs;
use bongsu::alert::pipeline::Outcome;
use bongsu::base::clock::Clock;
use bongsu::config;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const SERVER: &str = r#"
import asyncio, email, email.policy, json, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
cert, key, implicit = sys.argv[1], sys.argv[2], sys.argv[3] == "implicit"
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); context.load_cert_chain(cert, key)
class Handler:
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = lambda kind: (lambda p: p.get_content() if p else "")(mail.get_body((kind,)))
        print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "subject": mail["subject"], "plain": part("plain"),
            "html": part("html"), "tls": session.ssl is not None or implicit, "user": (session.auth_data or b"").decode() if session.authenticated else "",
            "id": mail["message-id"], "date": mail["date"], "team": mail["x-team"], "defects": [str(d) for d in mail.defects]}), flush=True)
        return "250 taken"
def check(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"kim", "비밀".encode())
    return AuthResult(success=good, auth_data=b"kim" if good else None, handled=False)
async def main():
    more = {} if implicit else {"tls_context": context, "require_starttls": True}
    serve = lambda: SMTP(Handler(), hostname="localhost", authenticator=check, auth_required=True, auth_require_tls=not implicit, **more)
    server = await asyncio.get_running_loop().create_server(serve, "127.0.0.1", 0, ssl=context if implicit else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"#;

struct Server {
    child: Child,
    lines: Box<dyn Iterator<Item = String>>,
    port: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tls(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls");
    path.join(name).to_str().unwrap().to_owned()
}

fn server(python: &str, implicit: bool) -> Server {
    let kind = if implicit { "implicit" } else { "starttls" };
    let mut child = Command::new(python)
        .args(["-c", SERVER, &tls("server.pem"), &tls("server.key"), kind])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    let port = lines.next().expect("the mail server says its port");
    Server {
        child,
        lines: Box::new(lines),
        port,
    }
}

fn send(port: &str, keys: &str) -> Outcome {
    let text = format!(
        "global: {{smtp_smarthost: 'localhost:{port}', smtp_from: 'bongsu@example.org', smtp_auth_username: kim, smtp_auth_password: 비밀}}
route: {{receiver: r}}
receivers:
- name: r
  email_configs:
  - to: '김철수 <kim@example.org>, lee@example.org'
    headers: {{Subject: '[{{{{ .Status }}}}] 디스크가 꽉 찼습니다: 서버 모니터링 알림 (아주 긴 제목도 그대로 갑니다)', X-Team: 운영팀}}
    html: '<b>{{{{ .CommonLabels.alertname }}}}</b> 꽉 참'
    text: '{{{{ .CommonLabels.alertname }}}} 꽉 참'
    tls_config: {{ca_file: '{}'}}
{keys}",
        tls("ca.pem")
    );
    let file = tempfile::Builder::new().suffix(".yml").tempfile().unwrap();
    fs::write(file.path(), text).unwrap();
    let loaded = config::load(&[file.path().to_owned()]);
    let config = loaded
        .config
        .unwrap_or_else(|| panic!("{:#?}", loaded.findings));
    let config = config.alertmanager.unwrap();
    let now = Clock::System.now_ms();
    let notifiers = Notifiers::new("http://bongsu:9470".to_owned(), Clock::System);
    let job = test_jobs(&config, "r", now).remove(0);
    bongsu::base::task::runtime()
        .unwrap()
        .block_on(notifiers.send(&config, &job))
}

#[test]
fn mail_through_a_real_server() {
    let Ok(python) = std::env::var("BONGSU_SMTPD") else {
        return println!("skipped: BONGSU_SMTPD names no Python with aiosmtpd");
    };
    for (implicit, keys) in [(false, ""), (true, "    force_implicit_tls: true\n")] {
        let mut server = server(&python, implicit);
        let outcome = send(&server.port, keys);
        assert!(matches!(outcome, Outcome::Sent { .. }), "{outcome:?}");
        let mail: Value = serde_json::from_str(&server.lines.next().unwrap()).unwrap();
        assert_eq!(mail["from"], "bongsu@example.org");
        assert_eq!(mail["to"][0], "kim@example.org");
        assert_eq!(mail["to"][1], "lee@example.org");
        assert_eq!(
            mail["subject"],
            "[firing] 디스크가 꽉 찼습니다: 서버 모니터링 알림 (아주 긴 제목도 그대로 갑니다)"
        );
        assert_eq!(mail["plain"].as_str().unwrap().trim(), "Test 꽉 참");
        assert_eq!(mail["html"].as_str().unwrap().trim(), "<b>Test</b> 꽉 참");
        assert_eq!(mail["team"], "운영팀");
        assert_eq!((&mail["tls"], &mail["user"]), (&true.into(), &"kim".into()));
        assert!(mail["id"].as_str().unwrap().contains('@') && mail["date"].is_string());
        assert_eq!(mail["defects"], serde_json::json!([]), "{mail}");
    }
    let server = server(&python, false);
    let outcome = send(&server.port, "    auth_password: wrong\n");
    assert!(
        matches!(&outcome, Outcome::Refused { said } if said.contains("535")),
        "{outcome:?}"
    );
}
