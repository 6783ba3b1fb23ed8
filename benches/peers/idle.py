#!/usr/bin/env python3
"""Idle memory and CPU: bongsu (host collector, two scrapes at 15 s, console open) beside Prometheus + Alertmanager + node_exporter.

    idle.py [SETTLE_SECONDS [MEASURE_SECONDS]]      default 600 60
"""
import fcntl, os, pty, select, struct, sys, termios, time
from common import *

settle = int(sys.argv[1]) if len(sys.argv) > 1 else 600
measure = int(sys.argv[2]) if len(sys.argv) > 2 else 60
folder = fresh("idle")
need(BONGSU, "prometheus", "prometheus-alertmanager", "prometheus-node-exporter")
scrapes = "global: {scrape_interval: 15s}\nscrape_configs:\n- job_name: peers\n  static_configs: [{targets: ['127.0.0.1:29090', '127.0.0.1:29093']}]\n"
open(f"{folder}/prometheus.yml", "w").write(scrapes.replace("29093", "29100"))
open(f"{folder}/bongsu.yml", "w").write(scrapes)
open(f"{folder}/alertmanager.yml", "w").write("route: {receiver: x}\nreceivers:\n- name: x\n")
peers = {
    "prometheus": ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/prometheus", "--web.listen-address=127.0.0.1:29090"],
    "alertmanager": ["prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/alertmanager", "--web.listen-address=127.0.0.1:29093", "--cluster.listen-address="],
    "node_exporter": ["prometheus-node-exporter", "--web.listen-address=127.0.0.1:29100"],
}
running = {name: start(argv, f"{folder}/{name}.log") for name, argv in peers.items()}
pid, screen = pty.fork()
if pid == 0:
    os.environ.update(TERM="xterm-256color", LANG="C.UTF-8")
    os.execv(BONGSU, [BONGSU, "--config", f"{folder}/bongsu.yml", "--data-dir", f"{folder}/bongsu", "--listen", "127.0.0.1:29470"])
fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))


def drain(seconds):
    """Reads the console's output as a terminal does; returns its bytes."""
    end, total = time.time() + seconds, 0
    while time.time() < end:
        if select.select([screen], [], [], 0.2)[0]:
            try:
                total += len(os.read(screen, 1 << 16))
            except OSError:  # the console has ended
                break
    return total


try:
    drain(settle)
    pids = {"bongsu": pid, **{name: p.pid for name, p in running.items()}}
    before = {name: cpu(p) for name, p in pids.items()}
    rss, output, begin = {name: [] for name in pids}, 0, time.time()
    while time.time() - begin < measure:
        output += drain(1)
        for name, p in pids.items():
            rss[name].append(memory(p)["VmRSS"])
    took = time.time() - begin
    for name, p in pids.items():
        show(program=name, rss_mib_median=median(rss[name]), rss_mib_min=min(rss[name]), rss_mib_max=max(rss[name]),
             anon_mib=memory(p)["RssAnon"], cpu_percent=100 * (cpu(p) - before[name]) / took)
    show(peers_sum_mib=sum(median(rss[n]) for n in running), bongsu_mib=median(rss["bongsu"]), console_bytes_per_second=output / took)
finally:
    os.kill(pid, 15)
    drain(1)
    os.waitpid(pid, 0)
    stop(*running.values())
