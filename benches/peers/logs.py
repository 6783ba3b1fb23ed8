#!/usr/bin/env python3
"""Logs: tail a file into the store, its size there, and searches, beside ripgrep, grep, lnav and zstd in one run.

    logs.py [MIB] [TIMES]       default 1024 MiB, each search 5 times in turn; 30 s and 1.5 GiB below BENCH_DIR

The log is that of gen_logs.py. ripgrep and grep count the matching lines of the raw file in the page cache; bongsu
counts them in its store, by LogQL over HTTP: all of it is looked at, as they do. lnav has no such question: it loads
the file and filters it.
"""
import json, os, subprocess, sys, time, urllib.parse, urllib.request
from common import *

mib = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
times = int(sys.argv[2]) if len(sys.argv) > 2 else 5
need(BONGSU, "rg", "grep", "zstd", "lnav")
os.makedirs(WORK, exist_ok=True)
app, url = f"{WORK}/app-{mib}.log", "http://127.0.0.1:29471"
if not os.path.exists(app):
    subprocess.run([sys.executable, f"{HERE}/gen_logs.py", app, str(mib << 20)], check=True)
size = os.path.getsize(app)
subprocess.run(["cat", app], stdout=subprocess.DEVNULL, check=True)


def took(argv, **more):
    begin = time.perf_counter()
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **more)
    return time.perf_counter() - begin, done.stdout.strip()


packed = int(took(["sh", "-c", f"zstd -1 -T1 -c {app} | wc -c"])[1])
show(step="zstd -1 of the whole file", ratio=size / packed)

folder = fresh("logs")
config = f"{WORK}/logs.yaml"
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
# Until what lies on the disk stops growing: the last lines wait there for a block to fill.
begin = time.perf_counter()
p = start([BONGSU, "serve", "--config", config, "--data-dir", folder, "--listen", "127.0.0.1:29471"], f"{WORK}/logs-serve.log")
grown = [(0.0, 0)]
while grown[-1][1] == 0 or time.perf_counter() - begin - grown[-1][0] < 3:
    time.sleep(0.02)
    now = disk(f"{folder}/logs") + disk(f"{folder}/wal/logs")
    if now > grown[-1][1]:
        grown.append((time.perf_counter() - begin, now))
    if time.perf_counter() - begin > 120:
        sys.exit("the file was not taken in within 120 s")
first = next(t for t, bytes in grown if bytes > 100_000)
done = next(t for t, bytes in grown if bytes > grown[-1][1] - 150_000)
parts, log = disk(f"{folder}/logs"), disk(f"{folder}/wal/logs")
show(step="tailed", seconds=done, mb_per_s=size / 1e6 / done, mb_per_s_once_running=size / 1e6 / max(done - first, 0.01),
     cpu_seconds=ticks(p.pid), peak_mib=memory(p.pid)["VmHWM"])
show(step="stored", blocks_and_index=parts, log=log, ratio_blocks_and_index=size / parts, ratio_all=size / (parts + log))

start_s, end_s = 1_795_046_400 - 86_400, 1_795_046_400 + 30 * 86_400


def ask(path, query, **more):
    said = urllib.parse.urlencode({"query": query, **more})
    begin = time.perf_counter()
    with urllib.request.urlopen(f"{url}/loki/api/v1/{path}?{said}", timeout=60) as answer:
        body = answer.read()
    return time.perf_counter() - begin, json.loads(body)["data"]["result"]


def count(test):
    seconds, found = ask("query", f'sum(count_over_time({{job="app"}} {test} [40d]))', time=end_s)
    return seconds, int(found[0]["value"][1]) if found else 0


def lines(test, limit):
    seconds, found = ask("query_range", f'{{job="app"}} {test}', start=start_s, end=end_s, limit=limit)
    return seconds, sum(len(s["values"]) for s in found)


def row(name, ways):
    """Every way in turn; median (range) of each in milliseconds."""
    seen = {who: [] for who in ways}
    found = {}
    for _ in range(times):
        for who, way in ways.items():
            seconds, found[who] = way()
            seen[who].append(seconds * 1000)
    show(step=name, **{f"{who}_ms": f"{median(s):.0f} ({min(s):.0f}-{max(s):.0f})" for who, s in seen.items()},
         **{f"{who}_found": n for who, n in found.items()})


def searched(name, literal=None, regex=None, grep=None):
    test = f"|~ `{regex}`" if regex else f"|= `{literal}`"
    raw = ["rg", "-c", regex or literal, app]
    plain = ["grep", "-cE" if regex else "-cF", grep or literal, app]
    env = dict(os.environ, LC_ALL="C")
    row(name, {
        "bongsu": lambda: count(test),
        "ripgrep": lambda: took(raw),
        "grep": lambda: took(plain, env=env),
    })


searched("rare literal", literal="DEADLETTER-7f3a9c")
searched("absent literal", literal="no-such-thing-here")
searched("literal in 3 of 4 lines", literal=" INFO ")
searched("regular expression", regex=r"took \d{4,} ms", grep="took [0-9]{4,} ms")
row("rare literal, its lines", {"bongsu": lambda: lines("|= `DEADLETTER-7f3a9c`", 1000)})
row("newest 200 lines (opening the tab)", {"bongsu": lambda: lines("", 200)})
row("newest 200 lines with three letters (a key in the filter)", {"bongsu": lambda: lines("|= `Pay`", 200)})
row("newest 200 lines with a rare word", {"bongsu": lambda: lines("|= `DEADLETTER`", 200)})
show(step="after the searches", **{k: v for k, v in memory(p.pid).items()})
stop(p)

home = fresh("lnav-home")
env = dict(os.environ, HOME=home, TERM="xterm-256color", LC_ALL="C.UTF-8")
for name, command in [("opens", ":goto 100%"), ("rare literal", ":filter-in DEADLETTER-7f3a9c"), ("regular expression", r":filter-in took \d{4,} ms")]:
    begin = time.perf_counter()
    lnav = subprocess.Popen(["lnav", "-n", "-c", command, "-c", ":write-to /dev/null", app], env=env, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, cost = os.wait4(lnav.pid, 0)
    show(step=f"lnav {name}", seconds=time.perf_counter() - begin, peak_mib=cost.ru_maxrss / 1024)
