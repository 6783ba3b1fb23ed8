#!/usr/bin/env python3
"""Spans: taken in over gRPC, found by id, searched, and what they weigh.

    spans.py [TAKEN [STORED [SEARCHED]]]    default 2,000,000 sent, 10 M in the store for ids, 1 M for searches

The payloads are prepared before and replayed by a Rust client on the same two cores (`benches/spans.rs`, whose program is
BONGSU_SPANS). No peer that runs from Debian's packages takes spans: otelite's figures of 1 M spans stand in docs/PERFORMANCE.md.
"""
import json, os, statistics, subprocess, sys, threading, time, urllib.parse, urllib.request
from common import *

SPANS = os.environ["BONGSU_SPANS"]
PORT = 19470
CONFIG = f"""
api: {{listen: 127.0.0.1:{PORT}}}
host: {{enabled: false}}
jvm: {{enabled: false}}
containers: {{enabled: false}}
traces: {{otlp_grpc: 127.0.0.1:{PORT + 1}, otlp_http: off, zipkin: off}}
"""
QUERIES = {
    "all, newest 20": "{ }",
    "frequent": '{ resource.service.name = "orders" }',
    "frequent, errors": "{ status = error }",
    "rare, text": '{ span.error.type = "RateLimited" }',
    "rare, number": "{ span.http.response.status_code = 429 }",
    "rare, duration": "{ duration > 200ms && span.http.response.status_code = 500 }",
    "absent, text": '{ span.enduser.id = "nobody" }',
    "absent, number": "{ span.http.response.status_code = 418 }",
    "structure, rare": '{ span.error.type = "RateLimited" } >> { span.db.system.name = "postgresql" }',
}


def serve(folder):
    config = os.path.join(WORK, "spans.yaml")
    open(config, "w").write(CONFIG)
    p = start([BONGSU, "serve", "--config", config, "--data-dir", folder], os.path.join(WORK, "spans.log"))
    wait_for(f"http://127.0.0.1:{PORT}/-/ready")
    return p


def get(path):
    begin = time.perf_counter()
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}") as r:
        body = r.read()
    return (time.perf_counter() - begin) * 1000, body


def told(times):
    times = sorted(times)
    return {"median_ms": round(statistics.median(times), 2), "p99_ms": round(times[int(len(times) * 0.99)], 2), "worst_ms": round(times[-1], 2)}


def taking_in(count):
    folder = fresh("spans-in")
    p = serve(folder)
    time.sleep(1)
    peak, ended = [0.0], threading.Event()

    def watch():
        while not ended.wait(0.1):
            peak[0] = max(peak[0], memory(p.pid)["VmRSS"])

    watcher = threading.Thread(target=watch)
    watcher.start()
    before = cpu(p.pid)
    out = json.loads(subprocess.check_output([SPANS, "replay", f"127.0.0.1:{PORT + 1}", str(count)]))
    out["server_cpu_seconds"] = round(cpu(p.pid) - before, 2)
    time.sleep(3)
    ended.set()
    watcher.join()
    out["peak_rss_mib"] = round(peak[0], 1)
    stop(p)
    out["disk_bytes_per_span"] = round(disk(folder) / out["spans"], 1)
    print(json.dumps({"what": "taken in over gRPC", **out}), flush=True)


def filled(count):
    folder = fresh("spans-" + str(count))
    out = json.loads(subprocess.check_output([SPANS, "fill", folder, str(count)]))
    ids = out.pop("ids")
    out["disk_bytes_per_span"] = round(out["disk_bytes"] / out["spans"], 1)
    print(json.dumps({"what": "filled", **out}), flush=True)
    return folder, ids


def by_id(count):
    folder, ids = filled(count)
    p = serve(folder)
    cold = told([get(f"/api/traces/{i}")[0] for i in ids])
    warm = told([get(f"/api/traces/{i}")[0] for i in ids])
    absent = told([get_absent(i) for i in ids])
    print(json.dumps({"what": f"by id among {count}", "first": cold, "again": warm, "absent": absent, "rss_mib": round(memory(p.pid)["VmRSS"], 1)}), flush=True)
    if count >= 10_000_000:
        search(count, p, 3)
    stop(p)


def get_absent(i):
    begin = time.perf_counter()
    try:
        get(f"/api/traces/{i[::-1]}")
    except urllib.error.HTTPError:
        pass
    return (time.perf_counter() - begin) * 1000


def search(count, p, times):
    for name, query in QUERIES.items():
        path = f"/api/search?since=2h&limit=20&q={urllib.parse.quote(query)}"
        took = []
        for _ in range(times):
            ms, body = get(path)
            took.append(ms)
        found = len(json.loads(body).get("traces", []))
        print(json.dumps({"what": f"search over {count}: {name}", "query": query, "found": found, "first_ms": round(took[0], 1), **told(took), "rss_mib": round(memory(p.pid)["VmRSS"], 1)}), flush=True)


def searching(count):
    folder, _ = filled(count)
    p = serve(folder)
    search(count, p, 7)
    stop(p)


if __name__ == "__main__":
    taken, stored, searched = ([int(a) for a in sys.argv[1:]] + [2_000_000, 10_000_000, 1_000_000][len(sys.argv) - 1:])[:3]
    os.makedirs(WORK, exist_ok=True)
    if taken:
        taking_in(taken)
    if searched:
        searching(searched)
    if stored:
        by_id(stored)
