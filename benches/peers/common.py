"""What every side-by-side script needs: start programs, read their cost from /proc, stop them.

All programs listen on loopback, are bounded in time, and write below BENCH_DIR (default: bench-work).
"""
import json, os, shutil, signal, subprocess, sys, time, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
WORK = os.path.abspath(os.environ.get("BENCH_DIR", "bench-work"))
BONGSU = os.environ.get("BONGSU", os.path.join(ROOT, "target/release/bongsu"))


def fresh(name):
    """An empty folder below the work folder."""
    path = os.path.join(WORK, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def start(argv, log, **more):
    out = open(log, "w")
    return subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT, **more)


def stop(*programs):
    for p in programs:
        if p.poll() is None:
            p.send_signal(signal.SIGTERM)
    for p in programs:
        try:
            p.wait(30)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()


def memory(pid):
    """MiB: VmRSS, VmHWM, RssAnon."""
    out = {}
    for line in open(f"/proc/{pid}/status"):
        key, _, rest = line.partition(":")
        if key in ("VmRSS", "VmHWM", "RssAnon"):
            out[key] = int(rest.split()[0]) / 1024
    return out


def cpu(pid):
    """CPU seconds of all threads, from schedstat (nanoseconds), so that small costs are seen."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            total += int(open(f"/proc/{pid}/task/{task}/schedstat").read().split()[0])
        except OSError:
            pass
    return total / 1e9


def ticks(pid):
    """CPU seconds from /proc/PID/stat: exact over ended threads, in hundredths."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def disk(path):
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except OSError:
                pass
    return total


def wait_for(url, seconds=60):
    """Seconds until the address answers 2xx."""
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status < 300:
                    return time.perf_counter() - begin
        except OSError:
            time.sleep(0.005)
    raise SystemExit(f"{url} did not answer within {seconds} s")


def median(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def show(**row):
    print(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}), flush=True)


def need(*programs):
    missing = [p for p in programs if shutil.which(p) is None and not os.path.exists(p)]
    if missing:
        sys.exit("not found: " + ", ".join(missing) + " (see README.md beside this script)")
