//! What can be seen in a thread dump, and between two: pure, over the model's values.

use crate::model::jvm::{Lock, Thread, ThreadDump};
use std::collections::{HashMap, HashSet};

/// Frames of the machine and its libraries: a person looks for their own below them.
const LIBRARIES: [&str; 8] = [
    "java.",
    "javax.",
    "jakarta.",
    "jdk.",
    "sun.",
    "com.sun.",
    "org.apache.tomcat.util.threads.",
    "io.netty.util.concurrent.",
];

/// The frame to show for a stack: the first of the application's own, else the first.
pub(super) fn own_frame(thread: &Thread) -> &str {
    let own = |f: &&String| !LIBRARIES.iter().any(|l| f.starts_with(l));
    let found = thread.frames.iter().find(own).or(thread.frames.first());
    found.map_or("", String::as_str)
}

/// Words that must be, and `!words` that must not be, in its name, state, frames or locks.
pub(super) fn fits(thread: &Thread, filter: &str) -> bool {
    let holds = |word: &str| {
        let inside = |text: &str| text.to_lowercase().contains(word);
        let locks = thread.holds.iter().chain(&thread.waits_for);
        inside(&thread.name)
            || inside(&thread.state)
            || thread.frames.iter().any(|f| inside(f))
            || locks
                .clone()
                .any(|l| inside(&l.class) || inside(&l.address))
    };
    filter
        .to_lowercase()
        .split_whitespace()
        .all(|word| match word.strip_prefix('!') {
            Some("") => true,
            Some(out) => !holds(out),
            None => holds(word),
        })
}

/// Threads with equal stacks and states, the most first.
pub(super) fn groups<'a>(dump: &'a ThreadDump, filter: &str) -> Vec<Vec<&'a Thread>> {
    let mut groups: Vec<Vec<&Thread>> = Vec::new();
    let mut places: HashMap<(&str, &[String]), usize> = HashMap::new();
    let with_stack = dump.threads.iter().filter(|t| !t.frames.is_empty());
    for thread in with_stack.filter(|t| fits(t, filter)) {
        let key = (thread.state.as_str(), thread.frames.as_slice());
        let place = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(thread),
            None => groups.push(vec![thread]),
        }
    }
    // Equal counts: what runs or is blocked says more than what waits.
    let calm = |g: &Vec<&Thread>| u8::from(g.first().is_some_and(|t| t.state.contains("WAITING")));
    groups.sort_by_key(|g| (std::cmp::Reverse(g.len()), calm(g)));
    groups
}

/// A lock that somebody holds or waits for.
#[derive(Debug, PartialEq)]
pub(super) struct Held<'a> {
    pub(super) lock: &'a Lock,
    pub(super) holder: Option<&'a Thread>,
    pub(super) waiters: Vec<&'a Thread>,
    pub(super) deadlocked: bool,
}

/// All locks: deadlocked ones first, then those that most wait for.
pub(super) fn locks<'a>(dump: &'a ThreadDump, filter: &str) -> Vec<Held<'a>> {
    let mut all: Vec<Held<'_>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let cycles = deadlocked(dump);
    let by_name: HashMap<&str, &Thread> =
        dump.threads.iter().map(|t| (t.name.as_str(), t)).collect();
    let mut place = |lock: &'a Lock, all: &mut Vec<Held<'a>>| {
        *places.entry(lock.address.as_str()).or_insert_with(|| {
            all.push(Held {
                lock,
                holder: None,
                waiters: Vec::new(),
                deadlocked: false,
            });
            all.len() - 1
        })
    };
    for thread in &dump.threads {
        for lock in &thread.holds {
            let at = place(lock, &mut all);
            all[at].holder = Some(thread);
        }
        if let Some(lock) = &thread.waits_for {
            let at = place(lock, &mut all);
            all[at].waiters.push(thread);
        }
    }
    // Who holds a lock of java.util.concurrent stands in the deadlock only.
    for deadlock in &dump.deadlocks {
        for (i, (_, lock)) in deadlock.threads.iter().enumerate() {
            let next = &deadlock.threads[(i + 1) % deadlock.threads.len()].0;
            let at = place(lock, &mut all);
            all[at].holder = all[at].holder.or(by_name.get(next.as_str()).copied());
            all[at].deadlocked = true;
        }
    }
    all.retain(|h| {
        let threads = h.waiters.iter().chain(&h.holder);
        filter.is_empty() || threads.clone().any(|t| fits(t, filter))
    });
    all.sort_by_key(|h| {
        let dead = h.waiters.iter().any(|t| cycles.contains(t.name.as_str()));
        (
            std::cmp::Reverse((h.deadlocked, dead)),
            std::cmp::Reverse(h.waiters.len()),
        )
    });
    all
}

/// Names of the threads in any deadlock.
pub(super) fn deadlocked(dump: &ThreadDump) -> HashSet<&str> {
    let threads = dump.deadlocks.iter().flat_map(|d| &d.threads);
    threads.map(|(name, _)| name.as_str()).collect()
}

/// `a -> b -> a`.
pub(super) fn cycle(dump: &ThreadDump, at: usize) -> String {
    let Some(deadlock) = dump.deadlocks.get(at) else {
        return String::new();
    };
    let names: Vec<&str> = deadlock.threads.iter().map(|(n, _)| n.as_str()).collect();
    let first = names.first().copied().unwrap_or_default();
    format!("{} -> {first}", names.join(" -> "))
}

/// Counts by state, in the order in which they matter: "3 BLOCKED, 10 RUNNABLE, 4 WAITING".
pub(super) fn states(dump: &ThreadDump) -> String {
    let known = [
        "BLOCKED",
        "RUNNABLE",
        "WAITING",
        "TIMED_WAITING",
        "NEW",
        "TERMINATED",
    ];
    let count = |state: &str| dump.threads.iter().filter(|t| t.state == state).count();
    let counts = known.iter().map(|s| (count(s), *s)).filter(|(n, _)| *n > 0);
    let mut all: Vec<String> = counts.map(|(n, s)| format!("{n} {s}")).collect();
    let inside = count("");
    if inside > 0 {
        all.push(format!("{inside} of the machine's own"));
    }
    all.join(", ")
}

/// What became of a thread between two dumps, the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Became {
    /// Blocked or running at the very same place.
    Stuck,
    New,
    Gone,
    Moved,
}

#[derive(Debug, PartialEq)]
pub(super) struct Change<'a> {
    pub(super) became: Became,
    pub(super) before: Option<&'a Thread>,
    pub(super) now: Option<&'a Thread>,
}

impl<'a> Change<'a> {
    pub(super) fn thread(&self) -> Option<&'a Thread> {
        self.now.or(self.before)
    }

    /// Share of one core between the two dumps.
    pub(super) fn cpu(&self) -> Option<f64> {
        let (before, now) = (self.before?, self.now?);
        let seconds = now.elapsed_s? - before.elapsed_s?;
        (seconds > 0.0).then_some((now.cpu_ms? - before.cpu_ms?) / 1000.0 / seconds)
    }
}

/// Java's number tells a thread; the machine's own have none.
fn key(thread: &Thread) -> (Option<u64>, &str, Option<u64>) {
    match thread.number {
        Some(_) => (thread.number, "", None),
        None => (None, thread.name.as_str(), thread.native_id),
    }
}

/// What differs. Threads that wait at the same place in both are left out: they rest.
pub(super) fn changes<'a>(
    before: &'a ThreadDump,
    now: &'a ThreadDump,
    filter: &str,
) -> Vec<Change<'a>> {
    let mut old: HashMap<_, &Thread> = before.threads.iter().map(|t| (key(t), t)).collect();
    let mut all = Vec::new();
    for thread in &now.threads {
        let earlier = old.remove(&key(thread));
        let became = match earlier {
            None => Became::New,
            Some(e) if e.state != thread.state || e.frames != thread.frames => Became::Moved,
            Some(_) if thread.frames.is_empty() || thread.state.contains("WAITING") => continue,
            Some(_) => Became::Stuck,
        };
        all.push(Change {
            became,
            before: earlier,
            now: Some(thread),
        });
    }
    let gone = before.threads.iter().filter(|t| old.contains_key(&key(t)));
    all.extend(gone.map(|t| Change {
        became: Became::Gone,
        before: Some(t),
        now: None,
    }));
    all.retain(|c| c.thread().is_some_and(|t| fits(t, filter)));
    all.sort_by(|a, b| {
        let cpu = |c: &Change<'_>| c.cpu().unwrap_or(-1.0);
        a.became.cmp(&b.became).then(cpu(b).total_cmp(&cpu(a)))
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::jvm::Deadlock;

    fn thread(name: &str, state: &str, frames: &[&str]) -> Thread {
        Thread {
            name: name.to_owned(),
            number: Some(name.len() as u64),
            state: state.to_owned(),
            frames: frames.iter().map(|f| (*f).to_owned()).collect(),
            ..Thread::default()
        }
    }

    fn lock(address: &str) -> Lock {
        Lock {
            address: address.to_owned(),
            class: "Account".to_owned(),
        }
    }

    #[test]
    fn equal_stacks_stand_together() {
        let dump = ThreadDump {
            threads: vec![
                thread("a", "WAITING", &["x"]),
                thread("bb", "WAITING", &["x"]),
                thread("ccc", "RUNNABLE", &["x"]),
                thread("dddd", "WAITING", &["y"]),
                thread("machine", "", &[]),
            ],
            deadlocks: vec![],
        };
        let names = |filter: &str| -> Vec<String> {
            let groups = groups(&dump, filter);
            let join = |g: &Vec<&Thread>| {
                g.iter()
                    .map(|t| t.name.as_str())
                    .collect::<Vec<_>>()
                    .join("+")
            };
            groups.iter().map(join).collect()
        };
        assert_eq!(names(""), ["a+bb", "ccc", "dddd"]);
        assert_eq!(names("y"), ["dddd"]);
        assert_eq!(names("!waiting"), ["ccc"]);
        assert_eq!(
            states(&dump),
            "1 RUNNABLE, 3 WAITING, 1 of the machine's own"
        );
    }

    #[test]
    fn a_lock_knows_who_holds_it_and_who_waits() {
        let mut holder = thread("a", "BLOCKED", &["x"]);
        holder.holds = vec![lock("0x1")];
        holder.waits_for = Some(lock("0x2"));
        let mut waiter = thread("bb", "BLOCKED", &["y"]);
        waiter.waits_for = Some(lock("0x1"));
        let mut idle = thread("ccc", "RUNNABLE", &["z"]);
        idle.holds = vec![lock("0x3")];
        let dump = ThreadDump {
            threads: vec![idle, holder, waiter],
            deadlocks: vec![Deadlock {
                threads: vec![("a".into(), lock("0x2")), ("bb".into(), lock("0x1"))],
            }],
        };
        let locks = locks(&dump, "");
        let told: Vec<(&str, &str, usize)> = locks
            .iter()
            .map(|h| {
                (
                    h.lock.address.as_str(),
                    h.holder.map_or("", |t| t.name.as_str()),
                    h.waiters.len(),
                )
            })
            .collect();
        assert_eq!(told, [("0x1", "a", 1), ("0x2", "bb", 1), ("0x3", "ccc", 0)]);
        assert_eq!(cycle(&dump, 0), "a -> bb -> a");
    }

    #[test]
    fn two_dumps_show_who_is_stuck_and_who_came_and_went() {
        let dump = |threads: Vec<Thread>| ThreadDump {
            threads,
            deadlocks: vec![],
        };
        let mut stuck = thread("a", "BLOCKED", &["x"]);
        (stuck.cpu_ms, stuck.elapsed_s) = (Some(100.0), Some(1.0));
        let mut still = stuck.clone();
        (still.cpu_ms, still.elapsed_s) = (Some(600.0), Some(2.0));
        let before = dump(vec![
            stuck,
            thread("bb", "WAITING", &["w"]),
            thread("ccc", "RUNNABLE", &["x"]),
            thread("dddd", "RUNNABLE", &["x"]),
        ]);
        let now = dump(vec![
            still,
            thread("bb", "WAITING", &["w"]),
            thread("ccc", "RUNNABLE", &["y"]),
            thread("eeeee", "NEW", &[]),
        ]);
        let changes = changes(&before, &now, "");
        let told: Vec<(Became, &str)> = changes
            .iter()
            .map(|c| (c.became, c.thread().unwrap().name.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (Became::Stuck, "a"),
                (Became::New, "eeeee"),
                (Became::Gone, "dddd"),
                (Became::Moved, "ccc")
            ]
        );
        assert_eq!(changes[0].cpu(), Some(0.5));
    }

    #[test]
    fn the_frame_to_show_is_the_applications() {
        let of = |frames: &[&str]| own_frame(&thread("a", "", frames)).to_owned();
        assert_eq!(
            of(&["java.lang.Object.wait", "com.shop.Cart.add"]),
            "com.shop.Cart.add"
        );
        assert_eq!(of(&["java.lang.Object.wait"]), "java.lang.Object.wait");
        assert_eq!(of(&[]), "");
    }
}
