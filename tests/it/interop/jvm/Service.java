import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.lang.management.MemoryUsage;
import java.lang.management.ThreadInfo;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A small service with the troubles that people look for: load, a leak, deadlocks, a pool run dry.
 * What it should do is given as words: load leak deadlock pool spin. Its exporters speak the names of
 * Micrometer at /actuator/prometheus, of the Java client before 1.0 at /old, of 1.x at /metrics. It
 * prints its port and then nothing more.
 */
public class Service {
    static final AtomicLong ALLOCATED = new AtomicLong();
    static final List<Order> LEAKED = new ArrayList<>();
    static final Semaphore POOL = new Semaphore(2);
    static final Object FIRST = new Object();
    static final Object SECOND = new Object();
    static final ReentrantLock THIRD = new ReentrantLock();
    static final ReentrantLock FOURTH = new ReentrantLock();
    static final AtomicLong REQUESTS = new AtomicLong();
    static volatile Object sink;

    static class Order {
        final long id;
        final byte[] body = new byte[200];

        Order(long id) {
            this.id = id;
        }
    }

    interface Work {
        void run() throws Exception;
    }

    public static void main(String[] words) throws Exception {
        for (String word : words) {
            switch (word) {
                case "load" -> start("load", Service::load);
                case "leak" -> start("leak", Service::leak);
                case "spin" -> start("spin", Service::spin);
                case "deadlock" -> deadlock();
                case "pool" -> runDry();
                default -> throw new IllegalArgumentException(word);
            }
        }
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/actuator/prometheus", e -> answer(e, micrometer()));
        server.createContext("/old", e -> answer(e, client("jvm_memory_bytes_%s{area=\"%s\",} ", "jvm_memory_pool_bytes_%s{pool=\"%s\",} ")));
        server.createContext("/metrics", e -> answer(e, client("jvm_memory_%s_bytes{area=\"%s\"} ", "jvm_memory_pool_%s_bytes{pool=\"%s\"} ")));
        server.createContext("/allocated", e -> answer(e, ALLOCATED.get() + "\n"));
        server.createContext("/gc", e -> {
            System.gc();
            answer(e, "done\n");
        });
        server.start();
        System.out.println(server.getAddress().getPort());
    }

    static void start(String name, Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }, name);
        thread.setDaemon(true);
        thread.start();
    }

    /** 1,000 arrays of 50,016 bytes a second, as long as the machine keeps up. */
    static void load() throws Exception {
        while (true) {
            for (int i = 0; i < 10; i++) {
                sink = new byte[50_000];
                ALLOCATED.addAndGet(50_016);
            }
            Thread.sleep(10);
        }
    }

    static void leak() throws Exception {
        for (long id = 0; ; id++) {
            synchronized (LEAKED) {
                if (LEAKED.size() < 40_000) {
                    LEAKED.add(new Order(id));
                }
            }
            if (id % 10 == 0) {
                Thread.sleep(1);
            }
        }
    }

    static void spin() {
        long n = 0;
        while (true) {
            n++;
            if (n == Long.MAX_VALUE) {
                sink = n;
            }
        }
    }

    static void deadlock() {
        start("monitor-1", () -> {
            synchronized (FIRST) {
                Thread.sleep(300);
                synchronized (SECOND) {
                    sink = 1;
                }
            }
        });
        start("monitor-2", () -> {
            synchronized (SECOND) {
                Thread.sleep(300);
                synchronized (FIRST) {
                    sink = 2;
                }
            }
        });
        start("주문-1", () -> both(THIRD, FOURTH));
        start("주문-2", () -> both(FOURTH, THIRD));
    }

    static void both(ReentrantLock one, ReentrantLock other) throws Exception {
        one.lock();
        Thread.sleep(300);
        other.lock();
    }

    /** Two connections, both taken for good; six wait for one. */
    static void runDry() {
        for (int i = 0; i < 8; i++) {
            start("borrower-" + i, Service::borrow);
        }
    }

    static void borrow() throws Exception {
        POOL.acquire();
        Thread.sleep(Long.MAX_VALUE);
    }

    static void answer(HttpExchange exchange, String text) throws IOException {
        REQUESTS.incrementAndGet();
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    static List<MemoryPoolMXBean> pools() {
        return ManagementFactory.getMemoryPoolMXBeans();
    }

    static void line(StringBuilder out, String series, double value) {
        out.append(series).append(' ').append(value).append('\n');
    }

    static String micrometer() {
        StringBuilder out = new StringBuilder();
        for (MemoryPoolMXBean pool : pools()) {
            String area = pool.getType() == MemoryType.HEAP ? "heap" : "nonheap";
            String labels = "{area=\"" + area + "\",id=\"" + pool.getName() + "\"}";
            MemoryUsage usage = pool.getUsage();
            line(out, "jvm_memory_used_bytes" + labels, usage.getUsed());
            line(out, "jvm_memory_committed_bytes" + labels, usage.getCommitted());
            line(out, "jvm_memory_max_bytes" + labels, usage.getMax());
        }
        for (GarbageCollectorMXBean gc : ManagementFactory.getGarbageCollectorMXBeans()) {
            String labels = "{action=\"end of minor GC\",cause=\"Allocation Failure\",gc=\"" + gc.getName() + "\"}";
            line(out, "jvm_gc_pause_seconds_count" + labels, gc.getCollectionCount());
            line(out, "jvm_gc_pause_seconds_sum" + labels, gc.getCollectionTime() / 1000.0);
        }
        line(out, "jvm_gc_memory_allocated_bytes_total", ALLOCATED.get());
        var threads = ManagementFactory.getThreadMXBean();
        line(out, "jvm_threads_live_threads", threads.getThreadCount());
        line(out, "jvm_threads_daemon_threads", threads.getDaemonThreadCount());
        line(out, "jvm_threads_peak_threads", threads.getPeakThreadCount());
        states().forEach((state, count) -> {
            String name = state.name().toLowerCase(Locale.ROOT).replace('_', '-');
            line(out, "jvm_threads_states_threads{state=\"" + name + "\"}", count);
        });
        line(out, "jvm_classes_loaded_classes", ManagementFactory.getClassLoadingMXBean().getLoadedClassCount());
        line(out, "process_start_time_seconds", ManagementFactory.getRuntimeMXBean().getStartTime() / 1000.0);
        line(out, "hikaricp_connections_active{pool=\"주문\"}", 2 - POOL.availablePermits());
        line(out, "hikaricp_connections_pending{pool=\"주문\"}", POOL.getQueueLength());
        line(out, "hikaricp_connections_max{pool=\"주문\"}", 2);
        line(out, "http_server_requests_seconds_count{method=\"GET\",uri=\"/allocated\",status=\"200\",outcome=\"SUCCESS\"}", REQUESTS.get());
        line(out, "http_server_requests_seconds_sum{method=\"GET\",uri=\"/allocated\",status=\"200\",outcome=\"SUCCESS\"}", REQUESTS.get() * 0.002);
        line(out, "logback_events_total{level=\"error\"}", 3);
        return out.toString();
    }

    static Map<Thread.State, Integer> states() {
        var threads = ManagementFactory.getThreadMXBean();
        Map<Thread.State, Integer> counts = new EnumMap<>(Thread.State.class);
        for (ThreadInfo info : threads.getThreadInfo(threads.getAllThreadIds())) {
            if (info != null) {
                counts.merge(info.getThreadState(), 1, Integer::sum);
            }
        }
        return counts;
    }

    /** The Java client, before 1.0 and after: only the places of the words differ. */
    static String client(String area, String pool) {
        StringBuilder out = new StringBuilder();
        var memory = ManagementFactory.getMemoryMXBean();
        usage(out, area, "heap", memory.getHeapMemoryUsage());
        usage(out, area, "nonheap", memory.getNonHeapMemoryUsage());
        for (MemoryPoolMXBean bean : pools()) {
            usage(out, pool, bean.getName(), bean.getUsage());
        }
        for (GarbageCollectorMXBean gc : ManagementFactory.getGarbageCollectorMXBeans()) {
            line(out, "jvm_gc_collection_seconds_count{gc=\"" + gc.getName() + "\",}", gc.getCollectionCount());
            line(out, "jvm_gc_collection_seconds_sum{gc=\"" + gc.getName() + "\",}", gc.getCollectionTime() / 1000.0);
        }
        var threads = ManagementFactory.getThreadMXBean();
        line(out, "jvm_threads_current", threads.getThreadCount());
        line(out, "jvm_threads_deadlocked", threads.findDeadlockedThreads() == null ? 0 : threads.findDeadlockedThreads().length);
        states().forEach((state, count) -> line(out, "jvm_threads_state{state=\"" + state + "\",}", count));
        line(out, "process_start_time_seconds", ManagementFactory.getRuntimeMXBean().getStartTime() / 1000.0);
        return out.toString();
    }

    static void usage(StringBuilder out, String form, String name, MemoryUsage usage) {
        line(out, String.format(form, "used", name).trim(), usage.getUsed());
        line(out, String.format(form, "committed", name).trim(), usage.getCommitted());
        line(out, String.format(form, "max", name).trim(), usage.getMax());
    }
}
