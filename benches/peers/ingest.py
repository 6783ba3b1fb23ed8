#!/usr/bin/env python3
"""10 M samples of text into durable blocks: bongsu, promtool, VictoriaMetrics on the same file; bytes per sample after it.

    ingest.py [systems]         bongsu,promtool,victoria; the file is made once by gen_om.py
"""
import subprocess, sys, time, urllib.request
from common import *

N = 10_000_000
only = sys.argv[1].split(",") if len(sys.argv) > 1 else ["bongsu", "promtool", "victoria"]
os.makedirs(WORK, exist_ok=True)
text = f"{WORK}/om.txt"
if not os.path.exists(text):
    subprocess.run([sys.executable, f"{HERE}/gen_om.py", text], check=True)


def timed(argv, log):
    begin = time.perf_counter()
    p = start(argv, log)
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = status
    if status:
        sys.exit(f"{argv[0]} failed, see {log}")
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


if "bongsu" in only:
    # Without a time limit on what is kept: the made-up samples lie in the past.
    config = f"{WORK}/ingest.yml"
    open(config, "w").write("storage: {retention: {metrics: 10y}}\n")
    wall, used, peak = timed([BONGSU, "import", "metrics", text, "--config", config, "--data-dir", fresh("ingest-bongsu")], f"{WORK}/ingest-bongsu.log")
    size = disk(f"{WORK}/ingest-bongsu/metrics")
    show(system="bongsu", wall_s=wall, cpu_s=used, samples_per_s=N / wall, peak_mib=peak, disk_bytes=size, bytes_per_sample=size / N)
if "promtool" in only:
    wall, used, peak = timed(["promtool", "tsdb", "create-blocks-from", "openmetrics", text, fresh("ingest-prometheus")], f"{WORK}/promtool.log")
    size = disk(f"{WORK}/ingest-prometheus")
    show(system="promtool", wall_s=wall, cpu_s=used, samples_per_s=N / wall, peak_mib=peak, disk_bytes=size, bytes_per_sample=size / N)
if "victoria" in only:
    folder = fresh("ingest-victoria")
    p = start(["victoria-metrics", f"-storageDataPath={folder}", "-httpListenAddr=127.0.0.1:28428", "-retentionPeriod=10y", "-loggerLevel=WARN"], f"{WORK}/victoria.log")
    try:
        wait_for("http://127.0.0.1:28428/health")
        used, begin = ticks(p.pid), time.perf_counter()
        subprocess.run(["curl", "-sS", "-X", "POST", "-T", text, "http://127.0.0.1:28428/api/v1/import/prometheus"], check=True)
        wall, used, peak = time.perf_counter() - begin, ticks(p.pid) - used, memory(p.pid)["VmHWM"]
        urllib.request.urlopen("http://127.0.0.1:28428/internal/force_flush").read()
        urllib.request.urlopen("http://127.0.0.1:28428/internal/force_merge", timeout=120).read()
        time.sleep(20)
    finally:
        stop(p)
    size = disk(folder)
    show(system="victoria", wall_s=wall, cpu_s=used, samples_per_s=N / wall, peak_mib=peak, disk_bytes=size, bytes_per_sample=size / N)
