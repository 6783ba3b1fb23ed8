#!/usr/bin/env python3
"""LogQL's metric queries over a log of a shop: each several times over HTTP, wall time and CPU of the server.

    log_queries.py [MIB] [TIMES]       default 1024 MiB, each query twice in turn; some minutes

No peer that speaks LogQL is packaged for Debian, so this stands alone. The log is made here: an application's lines
with levels, classes and durations, 500 a second.
"""
import json, os, random, sys, time, urllib.parse, urllib.request
from common import *

mib = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
times = int(sys.argv[2]) if len(sys.argv) > 2 else 2
need(BONGSU)
os.makedirs(WORK, exist_ok=True)
app, url = f"{WORK}/shop-{mib}.log", "http://127.0.0.1:29472"
START = 1_763_596_800


def line(r, n):
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(START + n // 500)) + f".{n % 500 * 2:03d}"
    level = r.choices(["INFO ", "DEBUG", "WARN ", "ERROR"], [80, 12, 6, 2])[0]
    name = r.choice(["SearchIndexer", "CartService", "OrderService", "HikariPool", "PaymentClient"])
    return f"{at} [http-nio-8080-exec-{r.randrange(64)}] {level} c.e.shop.{name} - POST /api/v1/orders/{r.randrange(10**8)} 200 took {r.randrange(900)} ms\n"


if not os.path.exists(app):
    r, n, size = random.Random(7), 0, 0
    with open(app, "w") as f:
        while size < mib << 20:
            text = "".join(line(r, n + i) for i in range(10_000))
            n, size = n + 10_000, size + len(text)
            f.write(text)
folder = fresh("log-queries")
config = f"{WORK}/log-queries.yaml"
open(config, "w").write(f"""logs:
  scrape_configs:
    - job_name: app
      detect: true
      static_configs: [{{targets: [localhost], labels: {{job: app, __path__: "{app}"}}}}]
host: {{enabled: false}}
jvm: {{enabled: false}}
containers: {{enabled: false}}
storage: {{retention: {{logs: 10y}}}}
""")
p = start([BONGSU, "serve", "--config", config, "--data-dir", folder, "--listen", "127.0.0.1:29472"], f"{WORK}/log-queries.log")
before, same = -1, 0
while same < 15:
    time.sleep(0.2)
    now = disk(f"{folder}/logs") + disk(f"{folder}/wal/logs")
    same, before = (same + 1 if now == before and now > 0 else 0), now

for query in [
    'sum by (detected_level) (count_over_time({job="app"}[1m]))',
    'sum(rate({job="app"} |= "ERROR" [1m]))',
    'sum(rate({job="app"} |~ "took [0-9]{3,} ms" [1m]))',
    'sum(bytes_rate({job="app"}[1m]))',
    'avg_over_time({job="app"} | regexp `took (?P<ms>\\d+) ms` | unwrap ms [1m]) by (job)',
    'quantile_over_time(0.99, {job="app"} |= "ERROR" | pattern `<_> took <ms> ms` | unwrap ms [1m]) by (job)',
    'topk(5, sum by (c) (count_over_time({job="app"} | regexp `(?P<c>[A-Za-z]+) - ` [5m])))',
]:
    ask = urllib.parse.urlencode(dict(query=query, start=START, end=START + 86400, step=60))
    walls, cpu = [], ticks(p.pid)
    for _ in range(times):
        begin = time.perf_counter()
        answer = json.load(urllib.request.urlopen(f"{url}/loki/api/v1/query_range?{ask}", timeout=300))
        walls.append((time.perf_counter() - begin) * 1000)
    show(query=query, ms=sorted(walls), cpu_seconds=(ticks(p.pid) - cpu) / times, series=len(answer["data"]["result"]),
         peak_mib=memory(p.pid)["VmHWM"])
p.terminate()
