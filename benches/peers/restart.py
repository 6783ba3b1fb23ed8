#!/usr/bin/env python3
"""Restart after kill -9 with 10 M samples in the WAL: seconds until ready, and memory beside the steady state.

    restart.py [TIMES]          default 5; the samples come by push.py
"""
import subprocess, sys, time
from common import *

times = int(sys.argv[1]) if len(sys.argv) > 1 else 5
folder, url = fresh("restart"), "http://127.0.0.1:29470"
config = f"{WORK}/restart.yml"
open(config, "w").write("host: {enabled: false}\njvm: {enabled: false}\nstorage: {retention: {metrics: 10y}}\n")
serve = [BONGSU, "serve", "--config", config, "--data-dir", folder, "--listen", "127.0.0.1:29470"]
pushing = subprocess.Popen([sys.executable, f"{HERE}/push.py", url], stdout=subprocess.PIPE, text=True)
pushing.stdout.readline()
# Started late, so that it is killed before it cuts the first block, which it looks for every ten seconds.
p = start(serve, f"{WORK}/restart-fill.log")
print(pushing.communicate()[0].strip())
steady = memory(p.pid)
p.kill()
p.wait()
show(step="filled", rss_mib=steady["VmRSS"], peak_mib=steady["VmHWM"], wal_bytes=disk(f"{folder}/wal"), block_bytes=disk(f"{folder}/metrics"))
for _ in range(times):
    begin = time.perf_counter()
    p = start(serve, f"{WORK}/restart.log")
    wait_for(url + "/-/ready")
    took = time.perf_counter() - begin
    now = memory(p.pid)
    show(step="ready", seconds=took, cpu_seconds=ticks(p.pid), rss_mib=now["VmRSS"], peak_mib=now["VmHWM"])
    p.kill()
    p.wait()
