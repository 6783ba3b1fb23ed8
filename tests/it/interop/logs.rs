//! Real senders of logs: python-logging-loki, loki-logger-handler, OpenTelemetry's SDK for Python,
//! an RFC 5424 handler, and rsyslog.

use crate::engine::{Serve, until};
use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

/// One line by the sender named in `argv[1]`, to the address in `argv[2]`.
const SEND: &str = r"
import logging, sys, time
kind, at = sys.argv[1], sys.argv[2]
log = logging.getLogger('shop')
log.setLevel(logging.INFO)
push = 'http://' + at + '/loki/api/v1/push'
if kind == 'python-logging-loki':
    import logging_loki
    log.addHandler(logging_loki.LokiHandler(url=push, tags={'via': kind}, version='1'))
elif kind == 'loki-logger-handler':
    from loki_logger_handler.loki_logger_handler import LokiLoggerHandler
    handler = LokiLoggerHandler(url=push, labels={'via': kind}, timeout=1, enable_structured_loki_metadata=True, loki_metadata={'version': '7'})
    log.addHandler(handler)
elif kind == 'rfc5424':
    from rfc5424logging import Rfc5424SysLogHandler
    import socket
    host, port = at.rsplit(':', 1)
    log.addHandler(Rfc5424SysLogHandler(address=(host, int(port)), socktype=socket.SOCK_STREAM, hostname='web', appname='shop'))
else:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
    from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
    if kind == 'otlp-grpc':
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
        exporter = OTLPLogExporter(endpoint=at, insecure=True)
    else:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        exporter = OTLPLogExporter(endpoint='http://' + at + '/otlp/v1/logs')
    provider = LoggerProvider(resource=Resource.create({'service.name': kind}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    log.addHandler(LoggingHandler(logger_provider=provider))
log.error('결제 failed by %s', kind, extra={'tags': {'n': 'x'}} if kind == 'python-logging-loki' else None)
if kind == 'loki-logger-handler':
    time.sleep(3)
logging.shutdown()";

const PACKAGES: [&str; 7] = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "python-logging-loki",
    "loki-logger-handler",
    "rfc5424-logging-handler",
];
const OTEL: [&str; 7] = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp-proto-grpc",
    "opentelemetry-exporter-otlp-proto-http",
];

fn quietly(program: &Path, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    let command = command
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|s| s.success())
}

fn free() -> u16 {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    taken.local_addr().unwrap().port()
}

/// What a query finds.
fn found(serve: &Serve, selector: &str) -> String {
    let mut query = String::new();
    for byte in selector.bytes() {
        write!(query, "%{byte:02x}").unwrap();
    }
    serve
        .get(&format!("/loki/api/v1/query_range?query={query}"))
        .1
}

#[test]
fn loggers_for_python_and_rsyslog() {
    let dir = tempfile::tempdir().unwrap();
    let venv = dir.path().join("venv");
    let python = venv.join("bin/python");
    let venv = venv.display().to_string();
    if !quietly("python3".as_ref(), &["-m", "venv", &venv])
        || !quietly(&python, &PACKAGES)
        || !quietly(&python, &OTEL)
    {
        println!("skipped: no Python with loggers for Loki");
        return;
    }
    let port = free();
    let home = dir.path().join("data");
    let config = home.join(".config/bongsu");
    std::fs::create_dir_all(&config).unwrap();
    let text = format!(
        "logs:\n  scrape_configs:\n    - job_name: net\n      syslog: {{listen_address: '127.0.0.1:{port}', labels: {{job: net}}}}\n      relabel_configs: [{{source_labels: [__syslog_message_app_name], target_label: app}}]\n"
    );
    std::fs::write(config.join("config.yaml"), text).unwrap();
    let serve = Serve::start(&home, &[]);
    until("history is open", || serve.get("/ready").0 == 200);
    let at = serve.url.trim_start_matches("http://").to_owned();
    let syslog = format!("127.0.0.1:{port}");
    for (kind, to, selector) in [
        ("python-logging-loki", &at, r#"{via="python-logging-loki"}"#),
        ("loki-logger-handler", &at, r#"{via="loki-logger-handler"}"#),
        ("otlp-http", &at, r#"{service_name="otlp-http"}"#),
        ("otlp-grpc", &at, r#"{service_name="otlp-grpc"}"#),
        ("rfc5424", &syslog, r#"{app="shop"}"#),
    ] {
        let ran = Command::new(&python)
            .args(["-c", SEND, kind, to])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{kind}: {said}");
        until(&format!("{kind}: {said}"), || {
            found(&serve, selector).contains("결제 failed by")
        });
    }
    assert!(
        found(
            &serve,
            r#"{service_name="otlp-http"} | severity_text="ERROR""#
        )
        .contains("결제")
    );
    rsyslog(&serve, dir.path(), port);
    serve.stop();
}

/// rsyslog reads a file and sends its lines, counted, over TCP.
fn rsyslog(serve: &Serve, dir: &Path, port: u16) {
    let file = dir.join("app.log");
    let config = dir.join("rsyslog.conf");
    std::fs::write(&file, "from a file 한글\n").unwrap();
    let text = format!(
        "global(workDirectory=\"{0}\")\nmodule(load=\"imfile\")\ninput(type=\"imfile\" File=\"{1}\" Tag=\"rsys\" readTimeout=\"1\")\naction(type=\"omfwd\" target=\"127.0.0.1\" port=\"{port}\" protocol=\"tcp\" tcp_framing=\"octet-counted\" template=\"RSYSLOG_SyslogProtocol23Format\")\n",
        dir.display(),
        file.display()
    );
    std::fs::write(&config, text).unwrap();
    let pid = dir.join("rsyslog.pid").display().to_string();
    let started = Command::new("rsyslogd")
        .args(["-n", "-i", &pid, "-f"])
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = started else {
        return println!("skipped: no rsyslogd");
    };
    until("rsyslog's line", || {
        found(serve, r#"{app="rsys"}"#).contains("from a file 한글")
    });
    let _ = child.kill();
    let _ = child.wait();
}
