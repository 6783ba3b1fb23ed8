#!/usr/bin/env python3
"""1,000 alert rules over 100,000 series: how long one evaluation of all of them takes, and what it
costs, in bongsu and in Prometheus at once.

    rules.py [RULES] [SECONDS]

Ten targets of 10,000 series each, scraped every 15 s. The rules stand in one group that is evaluated
every 15 s, so the group's own time is that of one evaluation: each rule takes an aggregation or a
rate over the hundred series of one family, and one rule in ten fires for all of them.
"""
import json, sys, time, urllib.request
from common import *

rules = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 120
TARGETS, SERIES = 10, 10_000
folder = fresh("rules")
need(BONGSU, "prometheus")


def families():
    """The names that the exporter shows."""
    with urllib.request.urlopen("http://127.0.0.1:19100/t/0/metrics", timeout=10) as page:
        lines = page.read().decode().splitlines()
    return sorted({l.split("{")[0].split(" ")[0] for l in lines if l and not l.startswith("#")})


def group(names):
    out = "groups:\n- name: bench\n  interval: 15s\n  rules:\n"
    for i in range(rules):
        name = names[i % len(names)]
        job = i // len(names) % TARGETS
        if i % 10 == 0:
            expr = f'{name}{{job="j{job}"}} >= 0'
        elif i % 2 == 0:
            expr = f'sum by (job) (rate({name}{{job="j{job}"}}[2m])) < 0'
        else:
            expr = f'max by (node) ({name}{{job="j{job}"}}) < 0'
        out += f"  - alert: A{i}\n    expr: '{expr}'\n    for: 1m\n    annotations: {{summary: '{{{{ $labels.job }}}} has {{{{ $value }}}}'}}\n"
    return out


exporter = start([sys.executable, f"{HERE}/fake_exporter.py", "--targets", str(TARGETS), "--series", str(SERIES), "--max-seconds", str(seconds + 90)], f"{folder}/exporter.log")
wait_for("http://127.0.0.1:19100/t/0/metrics")
names = families()
open(f"{folder}/rules.yml", "w").write(group(names))
config = f"global:\n  scrape_interval: 15s\n  evaluation_interval: 15s\nrule_files: [{folder}/rules.yml]\nscrape_configs:\n"
for i in range(TARGETS):
    config += f"- job_name: j{i}\n  metrics_path: /t/{i}/metrics\n  static_configs: [{{targets: ['127.0.0.1:19100'], labels: {{node: 'n{i}'}}}}]\n"
open(f"{folder}/prometheus.yml", "w").write(config)
open(f"{folder}/bongsu.yml", "w").write(config + "host: {enabled: false}\nalerts: {defaults: false}\n")
ports = {"bongsu": 19470, "prometheus": 19090}
systems = {
    "bongsu": [BONGSU, "serve", "--config", f"{folder}/bongsu.yml", "--data-dir", f"{folder}/bongsu", "--listen", "127.0.0.1:19470"],
    "prometheus": ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/prometheus", "--web.listen-address=127.0.0.1:19090", "--log.level=warn"],
}


def evaluation(name):
    """Seconds of the last evaluation, alerts that stand, rules that fail."""
    with urllib.request.urlopen(f"http://127.0.0.1:{ports[name]}/api/v1/rules", timeout=30) as page:
        groups = json.load(page)["data"]["groups"]
    found = [r for g in groups for r in g["rules"]]
    standing = sum(len(r["alerts"]) for r in found)
    return sum(g["evaluationTime"] for g in groups), standing, sum(r["health"] == "err" for r in found)


running = {}
try:
    for name, command in systems.items():
        running[name] = start(command, f"{folder}/{name}.log")
    begin, rss, times = time.time(), {n: [] for n in running}, {n: set() for n in running}
    asked = begin + seconds / 2
    while time.time() - begin < seconds:
        time.sleep(5)
        for name, p in running.items():
            rss[name].append(memory(p.pid)["VmRSS"])
        # Once for each evaluation: the answer holds every alert, and is work of its own.
        if time.time() > asked:
            asked += 15
            for name in running:
                times[name].add(evaluation(name)[0])
    for name, p in running.items():
        taken = sorted(times[name])
        half = sorted(rss[name][len(rss[name]) // 2:])
        _, standing, failing = evaluation(name)
        show(system=name, rules=rules, series=TARGETS * SERIES, evaluations=len(taken), evaluation_s_median=median(taken),
             evaluation_s_worst=taken[-1], alerts=standing, failing=failing, rss_mib_median=median(half), cpu_seconds=ticks(p.pid))
finally:
    stop(*running.values(), exporter)
