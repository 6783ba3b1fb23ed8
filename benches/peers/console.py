#!/usr/bin/env python3
"""Consoles in a real 200x50 pty: CPU, memory, bytes to the terminal, time to the first frame, key to paint.

    console.py [SECONDS [STARTS]]       default 60 11; peers that are not installed are left out
    console.py load [SECONDS]           key to paint alone, while 10 x 10,000 series are scraped every second; default 20
"""
import fcntl, json, os, pty, select, shutil, struct, sys, termios, time, urllib.parse, urllib.request
from common import *

loaded = sys.argv[1:2] == ["load"]
if loaded:
    sys.argv.pop(1)
seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 20 if loaded else 60
starts = int(sys.argv[2]) if len(sys.argv) > 2 else 11
folder = fresh("console")
need(BONGSU)
programs = {"bongsu": [BONGSU, "--data-dir", f"{folder}/bongsu", "--listen", "off"]}
for peer in ("btop", "htop", "glances"):
    if shutil.which(peer):
        programs[peer] = [peer] if peer != "btop" else ["btop", "--utf-force"]


def spawn(argv):
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", LANG="C.UTF-8", LC_ALL="C.UTF-8")
        time.sleep(0.05)  # the parent sets the size meanwhile; subtracted below
        os.execvp(argv[0], argv)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    return pid, fd, time.perf_counter() + 0.05


def read(fd, timeout):
    if not select.select([fd], [], [], max(0, timeout))[0]:
        return b""
    try:
        data = os.read(fd, 1 << 20)
    except OSError:
        return b""
    if b"\x1b[6n" in data:
        os.write(fd, b"\x1b[1;1R")
    return data


def end(pid, fd):
    os.kill(pid, 15)
    limit = time.time() + 3
    while time.time() < limit and os.waitpid(pid, os.WNOHANG)[0] == 0:
        read(fd, 0.02)
    try:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    except (OSError, ChildProcessError):
        pass
    os.close(fd)


def first_frame(argv):
    """Milliseconds to the last byte of the first burst (1,500 bytes or more, then 25 ms of silence)."""
    pid, fd, begin = spawn(argv)
    total, last = 0, None
    while time.perf_counter() - begin < 8:
        data = read(fd, 0.025)
        if data:
            total, last = total + len(data), time.perf_counter() - begin
        elif total >= 1500:
            break
    end(pid, fd)
    return 1000 * (last or 8)


def steady(name, argv):
    pid, fd, _ = spawn(argv)
    limit = time.time() + 8
    while time.time() < limit:
        read(fd, 0.05)
    before, begin, total, rss = cpu(pid), time.time(), 0, []
    while time.time() - begin < seconds:
        total += len(read(fd, 0.2))
        rss.append(memory(pid)["VmRSS"])
    took = time.time() - begin
    show(program=name, seconds=took, cpu_percent=100 * (cpu(pid) - before) / took, rss_mib=median(rss), bytes_per_second=total / took)
    return pid, fd


def key_to_paint(fd, times=200):
    """Milliseconds from a key to the first byte it causes; the keys change tab back and forth."""
    out = []
    for i in range(times):
        while read(fd, 0.03):
            pass
        begin = time.perf_counter()
        os.write(fd, b"2" if i % 2 == 0 else b"1")
        if read(fd, 1):
            out.append(1000 * (time.perf_counter() - begin))
    out.sort()
    show(program="bongsu", keys=len(out), key_to_paint_ms_median=median(out), p99=out[int(len(out) * 0.99) - 1], worst=out[-1])


def under_load():
    """Keys while 100,000 samples a second come in; said with how many did."""
    jobs = "".join(f"- job_name: j{i}\n  metrics_path: /t/{i}/metrics\n  static_configs: [{{targets: ['127.0.0.1:19100']}}]\n" for i in range(10))
    open(f"{folder}/load.yml", "w").write(f"global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nhost: {{interval: 15s}}\nscrape_configs:\n{jobs}")
    exporter = start([sys.executable, f"{HERE}/fake_exporter.py", "--targets", "10", "--series", "10000", "--max-seconds", str(seconds + 120)], f"{folder}/exporter.log")
    time.sleep(3)
    pid, fd, _ = spawn([BONGSU, "--data-dir", f"{folder}/loaded", "--config", f"{folder}/load.yml", "--listen", "127.0.0.1:19470"])
    try:
        limit = time.time() + seconds
        while time.time() < limit:
            read(fd, 0.05)
        used, begin = cpu(pid), time.time()
        key_to_paint(fd)
        took = time.time() - begin
        used = cpu(pid) - used
        ask = "http://127.0.0.1:19470/api/v1/query?query=" + urllib.parse.quote(f"sum(sum_over_time(scrape_samples_scraped[{int(took)}s]))")
        samples = float(json.load(urllib.request.urlopen(ask))["data"]["result"][0]["value"][1])
        show(program="bongsu", seconds=took, samples_per_second=samples / took, cpu_percent=100 * used / took, **memory(pid))
    finally:
        end(pid, fd)
        stop(exporter)


if loaded:
    under_load()
    sys.exit()
for name, argv in programs.items():
    pid, fd = steady(name, argv)
    if name == "bongsu":
        key_to_paint(fd)
    end(pid, fd)
for name, argv in programs.items():
    times = sorted(first_frame(argv) for _ in range(starts))
    show(program=name, starts=starts, first_frame_ms_median=median(times), min=times[0], max=times[-1])
