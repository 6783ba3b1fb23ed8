//! An application of two services and a database, instrumented by OpenTelemetry without a line of its
//! own code, and a sender of JSON on Node.

use crate::engine::{Serve, until};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The shop asks the stock, the stock its database.
const SHOP: &str = r"
import os, requests
from flask import Flask
app = Flask('shop')
@app.route('/orders/<int:n>')
def order(n):
    answer = requests.get(os.environ['STOCK'] + '/stock/%d' % n)
    return answer.text, answer.status_code
";

const STOCK: &str = r"
import sqlite3
from flask import Flask
app = Flask('stock')
@app.route('/stock/<int:n>')
def stock(n):
    with sqlite3.connect('stock.db') as db:
        cursor = db.cursor()
        cursor.execute('CREATE TABLE IF NOT EXISTS stock (id INTEGER, n INTEGER)')
        cursor.execute('SELECT count(*) FROM stock WHERE id = ?', (n,))
        return str(cursor.fetchone()[0])
";

const NODE: &str = r"
const { trace, SpanStatusCode } = require('@opentelemetry/api');
const { BasicTracerProvider, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-base');
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-http');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const exporter = new OTLPTraceExporter({ url: process.argv[2] + '/v1/traces' });
const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ 'service.name': 'node' }),
  spanProcessors: [new SimpleSpanProcessor(exporter)],
});
const span = provider.getTracer('test').startSpan('주문', { attributes: { n: 3, list: ['a', 'b'], f: 0.5, ok: true } });
span.setStatus({ code: SpanStatusCode.ERROR, message: 'no' });
span.addEvent('late', { by: 7 });
span.end();
provider.shutdown().then(() => console.log(span.spanContext().traceId));
";

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn quietly(command: &mut Command) -> bool {
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|s| s.success())
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// `opentelemetry-instrument flask run` of one service.
fn service(dir: &Path, name: &str, code: &str, port: u16, environment: &[(&str, &str)]) -> Running {
    let venv = dir.join("venv/bin");
    std::fs::write(dir.join(format!("{name}.py")), code).unwrap();
    let mut command = Command::new(venv.join("opentelemetry-instrument"));
    command
        .args(["flask", "--app", name, "run", "--port", &port.to_string()])
        .current_dir(dir)
        .env("PATH", format!("{}:/usr/bin:/bin", venv.display()))
        .env("OTEL_SERVICE_NAME", name)
        .env("OTEL_TRACES_EXPORTER", "otlp")
        .env("OTEL_METRICS_EXPORTER", "none")
        .env("OTEL_LOGS_EXPORTER", "none")
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        .env("OTEL_BSP_SCHEDULE_DELAY", "100")
        .envs(environment.iter().copied())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Running(command.spawn().unwrap())
}

#[test]
fn two_services_and_a_database_make_one_trace() {
    let dir = tempfile::tempdir().unwrap();
    let venv = dir.path().join("venv");
    let packages = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "flask",
        "requests",
        "opentelemetry-distro",
        "opentelemetry-exporter-otlp-proto-http",
        "opentelemetry-instrumentation-flask",
        "opentelemetry-instrumentation-requests",
        "opentelemetry-instrumentation-sqlite3",
    ];
    let made = quietly(Command::new("python3").args(["-m", "venv"]).arg(&venv))
        && quietly(Command::new(venv.join("bin/python")).args(packages));
    if !made {
        println!("skipped: no Python with OpenTelemetry's instrumentation");
        return;
    }
    let config = dir.path().join("config.yaml");
    std::fs::write(
        &config,
        "global: {scrape_interval: 1s}\nhost: {interval: 1s}\n",
    )
    .unwrap();
    let config = ["--config", config.to_str().unwrap()];
    let serve = Serve::start(&dir.path().join("data"), &config);
    let (shop, stock) = (free_port(), free_port());
    let otlp = ("OTEL_EXPORTER_OTLP_ENDPOINT", serve.url.as_str());
    let to_stock = format!("http://127.0.0.1:{stock}");
    let _stock = service(dir.path(), "stock", STOCK, stock, &[otlp]);
    let _shop = service(
        dir.path(),
        "shop",
        SHOP,
        shop,
        &[otlp, ("STOCK", &to_stock)],
    );
    let order = format!("http://127.0.0.1:{shop}/orders/7");
    until("the shop answers", || {
        quietly(Command::new("curl").args(["-sf", &order]))
    });
    // Server and client in the shop, server and database in the stock, each below the other.
    let query = r#"{ resource.service.name = "shop" && kind = server } > { kind = client } > { resource.service.name = "stock" && kind = server } >> { .db.system = "sqlite" }"#;
    let query = percent_encoding::utf8_percent_encode(query, percent_encoding::NON_ALPHANUMERIC);
    let query = format!("/api/search?q={query}");
    until("the trace is whole", || {
        serve.get(&query).1.contains(r#""rootServiceName":"shop""#)
    });
    for (client, server) in [("shop", "stock"), ("stock", "sqlite"), ("user", "shop")] {
        let series = format!(
            "traces_service_graph_request_total%7Bclient%3D%22{client}%22%2Cserver%3D%22{server}%22%7D"
        );
        until(&format!("{client} calls {server}"), || {
            let edges = serve.get(&format!("/api/v1/query?query={series}")).1;
            edges.contains(r#""metric":{"#)
        });
    }
    until("a bucket leads to the trace", || {
        let path = "/api/v1/query_exemplars?query=traces_spanmetrics_latency_bucket";
        serve.get(path).1.contains("traceID")
    });
    serve.stop();
}

#[test]
fn a_sender_of_json_on_node() {
    let dir = tempfile::tempdir().unwrap();
    let packages = [
        "install",
        "--silent",
        "@opentelemetry/api",
        "@opentelemetry/sdk-trace-base",
        "@opentelemetry/exporter-trace-otlp-http",
        "@opentelemetry/resources",
    ];
    if !quietly(Command::new("npm").args(packages).current_dir(dir.path())) {
        println!("skipped: no Node with OpenTelemetry's SDK");
        return;
    }
    std::fs::write(dir.path().join("send.js"), NODE).unwrap();
    let serve = Serve::start(&dir.path().join("data"), &[]);
    let ran = Command::new("node")
        .args(["send.js", &serve.url])
        .current_dir(dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    let error = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}{error}");
    let path = format!("/api/traces/{}", said.trim());
    let mut body = String::new();
    until("the trace arrives", || {
        let (status, said) = serve.get(&path);
        body = said;
        status == 200
    });
    for part in [
        "주문",
        r#""intValue":"3""#,
        r#""arrayValue""#,
        "0.5",
        "late",
        r#""message":"no""#,
    ] {
        assert!(body.contains(part), "{part} is missing in {body}");
    }
    serve.stop();
}
