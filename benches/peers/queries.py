#!/usr/bin/env python3
"""The 16 queries of queries.json over keep-alive HTTP against bongsu, Prometheus and VictoriaMetrics, on the data of ingest.py.

    queries.py [REPEATS]        default 20; run ingest.py first
"""
import http.client, json, sys, time, urllib.parse
from common import *

repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 20
END = 1_795_162_785
open(f"{WORK}/empty.yml", "w").write("global: {}\n")
open(f"{WORK}/bongsu-queries.yml", "w").write("host: {enabled: false}\njvm: {enabled: false}\nstorage: {retention: {metrics: 10y}}\n")
systems = {
    "bongsu": ([BONGSU, "serve", "--config", f"{WORK}/bongsu-queries.yml", "--data-dir", f"{WORK}/ingest-bongsu", "--listen", "127.0.0.1:29470"], "http://127.0.0.1:29470", "/-/ready"),
    "prometheus": (["prometheus", f"--config.file={WORK}/empty.yml", f"--storage.tsdb.path={WORK}/ingest-prometheus", "--storage.tsdb.retention.time=10y", "--web.listen-address=127.0.0.1:29090", "--log.level=error"], "http://127.0.0.1:29090", "/-/ready"),
    "victoria": (["victoria-metrics", f"-storageDataPath={WORK}/ingest-victoria", "-httpListenAddr=127.0.0.1:28428", "-retentionPeriod=10y", "-loggerLevel=ERROR"], "http://127.0.0.1:28428", "/health"),
}


def ask(connection, query):
    values = {"query": query["q"], "nocache": 1}
    if query["kind"] == "instant":
        path, values["time"] = "/api/v1/query", END
    else:
        path = "/api/v1/query_range"
        values.update(start=END - query["window"], end=END, step=query["step"])
    begin = time.perf_counter()
    connection.request("GET", path + "?" + urllib.parse.urlencode(values))
    answer = connection.getresponse()
    body = answer.read()
    return 1000 * (time.perf_counter() - begin), answer.status, body


# All three run at once and are asked in turn, so that what else the machine does falls on each of them alike.
programs, connections, results = {}, {}, {}
try:
    for name, (argv, base, ready) in systems.items():
        programs[name] = start(argv, f"{WORK}/{name}-queries.log")
        wait_for(base + ready)
        connections[name] = http.client.HTTPConnection(base.split("//")[1], timeout=60)
    time.sleep(3)
    for query in json.load(open(f"{HERE}/queries.json")):
        times = {name: [] for name in systems}
        series = {}
        for i in range(repeats + 2):
            for name in systems:
                ms, status, body = ask(connections[name], query)
                if status != 200:
                    sys.exit(f"{name} {query['id']}: {status} {body[:200]}")
                if i >= 2:
                    times[name].append(ms)
                series[name] = len(json.loads(body)["data"]["result"])
        results[query["id"]] = (query["kind"], {n: (median(t), min(t), max(t)) for n, t in times.items()}, series)
    for name, p in programs.items():
        show(system=name, **memory(p.pid))
finally:
    stop(*programs.values())
for query, (kind, row, series) in results.items():
    best = min(row[n][0] for n in ("prometheus", "victoria"))
    show(query=query, kind=kind, ratio=best / row["bongsu"][0], **{f"{n}_ms": v[0] for n, v in row.items()},
         **{f"{n}_range": [round(v[1], 2), round(v[2], 2)] for n, v in row.items()}, series=series)
