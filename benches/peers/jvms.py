#!/usr/bin/env python3
"""What reading many JVMs costs: jvms.py BONGSU COUNT [SECONDS]

Starts COUNT processes that map libjvm.so and keep counters as a real JVM wrote them, and a console
that looks at the JVM tab; prints the CPU that the reading thread and the whole program took.
Needs root, tmux and a JDK. Ends what it started."""
import glob, os, shutil, subprocess, sys, tempfile, time

bongsu, count = os.path.abspath(sys.argv[1]), int(sys.argv[2])
seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 60
libjvm = sorted(glob.glob("/usr/lib/jvm/*/lib/server/libjvm.so"))[0]
java = os.path.join(os.path.dirname(libjvm), "../../bin/java")
work = tempfile.mkdtemp()
source = os.path.join(work, "Idle.java")
open(source, "w").write(
    "public class Idle { public static void main(String[] a) throws Exception {"
    " for (int i = 0; i < 20000; i++) { byte[] b = new byte[50000]; }"
    " Thread.sleep(1000000); } }")
jvm = subprocess.Popen([java, "-Xmx64m", source], stdout=subprocess.DEVNULL)
time.sleep(4)
counters = glob.glob(f"/tmp/hsperfdata_*/{jvm.pid}")[0]
own = os.path.dirname(counters)
fakes = []
for _ in range(count):
    fake = subprocess.Popen(["sleep", "100000"], env={"LD_PRELOAD": libjvm}, stdin=subprocess.DEVNULL)
    shutil.copy(counters, f"{own}/{fake.pid}")
    fakes.append(fake)
session = f"bongsu-perf-{os.getpid()}"
run = f"{bongsu} --listen 127.0.0.1:0 --data-dir {work}/data"
subprocess.run(["tmux", "new-session", "-d", "-s", session, "-x", "200", "-y", "50", run], check=True)
try:
    time.sleep(5)
    subprocess.run(["tmux", "send-keys", "-t", session, "4"])
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
    listed = [l for l in screen.splitlines() if " G1" in l]
    print(f"{count} JVMs and one real: reading {share.get('bongsu-jvms', 0):.2f} % of a core, the whole program {sum(share.values()):.2f} %")
    for name, part in sorted(share.items(), key=lambda p: -p[1])[:6]:
        print(f"  {name:16} {part:.2f} %")
    print(f"  rows in sight: {len(listed)}; first: {listed[0].strip() if listed else 'none'}")
    rss = [l for l in open(f"/proc/{pid}/status") if l.startswith("VmRSS")][0].split()[1]
    print(f"  resident {int(rss) / 1024:.1f} MiB")
finally:
    subprocess.run(["tmux", "kill-session", "-t", session])
    jvm.kill()
    for fake in fakes:
        fake.kill()
        try:
            os.unlink(f"{own}/{fake.pid}")
        except FileNotFoundError:
            pass
    shutil.rmtree(work, ignore_errors=True)
