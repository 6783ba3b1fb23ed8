#!/usr/bin/env python3
"""Memory, CPU and disk of bongsu, Prometheus and VictoriaMetrics scraping the same targets at once.

    scrape.py SERIES INTERVAL SECONDS [systems]     e.g. scrape.py 1000 1s 120   (SERIES per target, 10 targets)
"""
import sys, time
from common import *

TARGETS = 10
# Scraping alone is compared: the peers read neither this machine nor its JVMs.
series, interval, seconds = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
only = sys.argv[4].split(",") if len(sys.argv) > 4 else ["bongsu", "prometheus", "victoria"]
folder = fresh("scrape")
need(BONGSU, "prometheus", "victoria-metrics")

config = f"global:\n  scrape_interval: {interval}\n  scrape_timeout: {interval}\nscrape_configs:\n"
for i in range(TARGETS):
    config += f"- job_name: j{i}\n  metrics_path: /t/{i}/metrics\n  static_configs: [{{targets: ['127.0.0.1:19100'], labels: {{node: 'n{i}'}}}}]\n"
open(f"{folder}/prometheus.yml", "w").write(config)
open(f"{folder}/bongsu.yml", "w").write(config + "host: {enabled: false}\njvm: {enabled: false}\n")
systems = {
    "bongsu": [BONGSU, "serve", "--config", f"{folder}/bongsu.yml", "--data-dir", f"{folder}/bongsu", "--listen", "127.0.0.1:19470"],
    "prometheus": ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/prometheus", "--web.listen-address=127.0.0.1:19090", "--log.level=warn"],
    "victoria": ["victoria-metrics", f"-promscrape.config={folder}/prometheus.yml", f"-storageDataPath={folder}/victoria", "-httpListenAddr=127.0.0.1:18428", "-loggerLevel=WARN"],
}
exporter = start([sys.executable, f"{HERE}/fake_exporter.py", "--targets", str(TARGETS), "--series", str(series), "--max-seconds", str(seconds + 60)], f"{folder}/exporter.log")
time.sleep(2)
running = {}
try:
    for name in only:
        running[name] = start(systems[name], f"{folder}/{name}.log")
    begin, rss = time.time(), {name: [] for name in running}
    while time.time() - begin < seconds:
        time.sleep(1)
        for name, p in running.items():
            rss[name].append(memory(p.pid)["VmRSS"])
    for name, p in running.items():
        half = sorted(rss[name][len(rss[name]) // 2:])
        live, samples = disk(f"{folder}/{name}"), int(TARGETS * series * seconds / float(interval.rstrip("s")))
        show(system=name, series=TARGETS * series, interval=interval, seconds=seconds, samples=samples,
             rss_mib_median=median(half), rss_mib_min=half[0], rss_mib_max=half[-1], peak_mib=memory(p.pid)["VmHWM"],
             cpu_seconds=ticks(p.pid), disk_bytes=live, bytes_per_sample=live / samples)
finally:
    stop(*running.values(), exporter)
