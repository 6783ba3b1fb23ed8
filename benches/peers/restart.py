#!/usr/bin/env python3
"""Restart after kill -9 with 10 M samples in the WAL: seconds until ready, and memory beside the steady state.

    restart.py                  needs BONGSU_INGEST as ingest.py does, and its om.txt
"""
import sys, time
from common import *

text = f"{WORK}/om.txt"
bench = os.environ.get("BONGSU_INGEST") or sys.exit("set BONGSU_INGEST to the program that `cargo bench --bench ingest --no-run` names")
folder = fresh("restart")
config = f"{WORK}/restart.yml"
open(config, "w").write("host: {enabled: false}\nstorage: {retention: {metrics: 10y}}\n")
# Appends through head and WAL, says so, and is killed without a goodbye.
p = start([bench, "wal", text, folder], f"{WORK}/restart-fill.log")
while "filled" not in open(f"{WORK}/restart-fill.log").read():
    if p.poll() is not None:
        sys.exit(open(f"{WORK}/restart-fill.log").read())
    time.sleep(0.1)
steady = memory(p.pid)
p.kill()
p.wait()
show(step="filled", rss_mib=steady["VmRSS"], peak_mib=steady["VmHWM"], wal_bytes=disk(folder))
for _ in range(3):
    begin = time.perf_counter()
    p = start([BONGSU, "serve", "--config", config, "--data-dir", folder, "--listen", "127.0.0.1:29470"], f"{WORK}/restart.log")
    wait_for("http://127.0.0.1:29470/-/ready")
    took = time.perf_counter() - begin
    now = memory(p.pid)
    show(step="ready", seconds=took, rss_mib=now["VmRSS"], peak_mib=now["VmHWM"])
    p.kill()
    p.wait()
