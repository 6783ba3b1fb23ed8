#!/usr/bin/env python3
"""What reading many containers costs: containers.py BONGSU COUNT [SECONDS]

Makes COUNT cgroups under the names that Docker gives (/docker/ID, in every hierarchy of v1, or in
v2), each with one process in a network of its own that wakes up ten times a second, and a console
that looks at the Containers tab every 2 s; prints the CPU that the reading thread and the whole
program took. Needs root, tmux and gcc. Ends what it started."""
import os, shutil, subprocess, sys, tempfile, time

bongsu, count = os.path.abspath(sys.argv[1]), int(sys.argv[2])
seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 60
work = tempfile.mkdtemp()
source = os.path.join(work, "wake.c")
open(source, "w").write("""#define _GNU_SOURCE
#include <sched.h>
#include <unistd.h>
int main(void) { unshare(CLONE_NEWNET); for (;;) { for (volatile int i = 0; i < 20000; i++); usleep(100000); } }
""")
wake = os.path.join(work, "wake")
subprocess.run(["gcc", "-O1", "-o", wake, source], check=True)
roots = []
for line in open("/proc/self/mounts"):
    _, at, kind, options, *_ = line.split()
    wanted = {"cpu", "cpuacct", "memory", "blkio", "pids"} & set(options.split(","))
    if kind == "cgroup" and wanted and os.path.realpath(at) not in roots:
        roots.append(os.path.realpath(at))
if not roots:
    roots = [line.split()[1] for line in open("/proc/self/mounts") if line.split()[2] == "cgroup2"][:1]
made, processes = [], []
session = f"bongsu-perf-{os.getpid()}"
try:
    for n in range(count):
        own = subprocess.Popen([wake], stdin=subprocess.DEVNULL)
        processes.append(own)
        for root in roots:
            group = f"{root}/docker/{n:064x}"
            os.makedirs(group)
            made.append(group)
            open(f"{group}/cgroup.procs", "w").write(str(own.pid))
    run = f"env DOCKER_HOST=unix:///nowhere {bongsu} --listen 127.0.0.1:0 --data-dir {work}/data"
    subprocess.run(["tmux", "new-session", "-d", "-s", session, "-x", "200", "-y", "50", run], check=True)
    time.sleep(8)
    subprocess.run(["tmux", "send-keys", "-t", session, "3"])
    pane = subprocess.check_output(["tmux", "list-panes", "-t", session, "-F", "#{pane_pid}"], text=True)
    pid = int(pane)
    time.sleep(25)

    def cpu():
        out = {}
        for task in os.listdir(f"/proc/{pid}/task"):
            name = open(f"/proc/{pid}/task/{task}/comm").read().strip()
            ns = int(open(f"/proc/{pid}/task/{task}/schedstat").read().split()[0])
            out[name] = out.get(name, 0) + ns
        return out

    before = cpu()
    time.sleep(seconds)
    after = cpu()
    share = {n: (v - before.get(n, 0)) / seconds / 1e7 for n, v in after.items()}
    screen = subprocess.check_output(["tmux", "capture-pane", "-p", "-t", session], text=True)
    head = [l for l in screen.splitlines() if "Containers" in l and "run" in l]
    print(f"{count} containers: reading {share.get('bongsu-containe', 0):.2f} % of a core, the whole program {sum(share.values()):.2f} %")
    for name, part in sorted(share.items(), key=lambda p: -p[1])[:6]:
        print(f"  {name:16} {part:.2f} %")
    print(f"  on the screen: {head[0].strip() if head else 'nothing'}")
    rss = [l for l in open(f"/proc/{pid}/status") if l.startswith("VmRSS")][0].split()[1]
    print(f"  resident {int(rss) / 1024:.1f} MiB")
finally:
    subprocess.run(["tmux", "kill-session", "-t", session], stderr=subprocess.DEVNULL)
    for own in processes:
        own.kill()
        own.wait()
    for group in made:
        for _ in range(20):
            try:
                os.rmdir(group)
                break
            except OSError:
                time.sleep(0.05)
    for root in roots:
        try:
            os.rmdir(f"{root}/docker")
        except OSError:
            pass
    shutil.rmtree(work, ignore_errors=True)
