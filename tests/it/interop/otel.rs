//! Real senders of spans: OpenTelemetry's SDK for Python over gRPC and HTTP, and py_zipkin.
//!
//! All push to the one port, which answers HTTP/1.1 and HTTP/2.

use crate::engine::{Serve, until};
use std::path::Path;
use std::process::{Command, Stdio};

/// A parent and a child with an event and an error, by the exporter named in `argv[1]`.
const OTEL: &str = r"
import sys
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
kind, at = sys.argv[1], sys.argv[2]
if kind.startswith('grpc'):
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from grpc import Compression
    packed = Compression.Gzip if kind == 'grpc-gzip' else Compression.NoCompression
    exporter = OTLPSpanExporter(endpoint=at, insecure=True, compression=packed)
else:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.exporter.otlp.proto.http import Compression
    packed = Compression.Gzip if kind == 'http-gzip' else Compression.NoCompression
    exporter = OTLPSpanExporter(endpoint='http://' + at + '/v1/traces', compression=packed)
results = []
class Watch(SimpleSpanProcessor):
    def on_end(self, span):
        results.append(exporter.export((span,)))
provider = TracerProvider(resource=Resource.create({'service.name': 'py-' + kind}))
provider.add_span_processor(Watch(exporter))
tracer = provider.get_tracer('test', '1.0')
with tracer.start_as_current_span('outer', kind=trace.SpanKind.SERVER) as outer:
    outer.set_attribute('http.route', '/주문')
    try:
        with tracer.start_as_current_span('inner') as inner:
            inner.set_attributes({'n': 3, 'f': 1.5, 'b': True, 'l': ['x', 'y']})
            raise ValueError('no')
    except ValueError:
        pass
assert results == [SpanExportResult.SUCCESS] * 2, results
print(format(outer.get_span_context().trace_id, '032x'))
";

const ZIPKIN: &str = r"
import sys, urllib.request
from py_zipkin.zipkin import zipkin_span
from py_zipkin.encoding import Encoding
def transport(body):
    body = body.encode() if isinstance(body, str) else body
    request = urllib.request.Request('http://' + sys.argv[2] + '/api/v2/spans', body, {'Content-Type': 'application/json'})
    assert urllib.request.urlopen(request).status == 202
with zipkin_span(service_name='py-zipkin', span_name='outer', transport_handler=transport, sample_rate=100, encoding=Encoding.V2_JSON) as span:
    with zipkin_span(service_name='py-zipkin', span_name='inner'):
        pass
    print(span.zipkin_attrs.trace_id)
";

fn quietly(program: &Path, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    let command = command
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|s| s.success())
}

#[test]
fn sdks_for_python_and_zipkin() {
    let dir = tempfile::tempdir().unwrap();
    let venv = dir.path().join("venv");
    let python = venv.join("bin/python");
    let packages = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "opentelemetry-sdk",
        "opentelemetry-exporter-otlp-proto-grpc",
        "opentelemetry-exporter-otlp-proto-http",
        "py_zipkin",
    ];
    let venv = venv.display().to_string();
    if !quietly("python3".as_ref(), &["-m", "venv", &venv]) || !quietly(&python, &packages) {
        println!("skipped: no Python with OpenTelemetry's SDK");
        return;
    }
    let serve = Serve::start(&dir.path().join("data"), &[]);
    let at = serve.url.trim_start_matches("http://").to_owned();
    for kind in ["grpc", "grpc-gzip", "http", "http-gzip", "zipkin"] {
        let program = if kind == "zipkin" { ZIPKIN } else { OTEL };
        let ran = Command::new(&python)
            .args(["-c", program, kind, &at])
            .output()
            .unwrap();
        let (out, err) = (
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr),
        );
        assert!(ran.status.success(), "{kind}: {err}");
        let path = format!("/api/v2/traces/{}", out.trim());
        let mut body = String::new();
        until(kind, || {
            let (status, said) = serve.get(&path);
            body = said;
            status == 200 && body.contains("inner") && body.contains("outer")
        });
        assert!(body.contains(&format!("py-{kind}")), "{kind}: {body}");
        if kind != "zipkin" {
            for part in [
                "ValueError",
                "/주문",
                r#""intValue":"3""#,
                r#""arrayValue""#,
            ] {
                assert!(body.contains(part), "{kind}: {part} is missing in {body}");
            }
            let query = format!(
                "/api/search?q=%7B%20.n%20%3D%203%20%26%26%20resource.service.name%20%3D%20%22py-{kind}%22%20%7D"
            );
            assert!(serve.get(&query).1.contains("\"matched\":1"), "{kind}");
        }
    }
    // A service that is not there is refused as gRPC refuses.
    let program = "import sys, grpc\nchannel = grpc.insecure_channel(sys.argv[1])\n\
        call = channel.unary_unary('/opentelemetry.proto.collector.metrics.v1.MetricsService/Export')\n\
        try:\n    call(b'')\nexcept grpc.RpcError as e:\n    print(e.code().name)\n";
    let ran = Command::new(&python)
        .args(["-c", program, &at])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout).trim(), "UNIMPLEMENTED");
    serve.stop();
}
