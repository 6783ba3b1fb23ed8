//! Reads the text of `Thread.print`: threads with state, stack and locks, and found deadlocks.
//!
//! Form (JDK 8 to 25): a head line per thread, `"name" #12 [4711] daemon prio=5 cpu=1.5ms
//! elapsed=3.2s tid=0x.. nid=0x1b or 27 words` (the bracket from JDK 21 on), then
//! `java.lang.Thread.State: STATE`, frames as `at ...`, and between the frames `- locked <0x..>
//! (a Class)`, `- waiting to lock <0x..>`, `- waiting on <0x..>`, `- parking to wait for <0x..>`;
//! with `-l` a list of owned synchronizers. An empty line ends a thread. Behind `JNI global refs`
//! stand the deadlocks, whose stacks repeat what was read. What is not understood is passed over.

use crate::model::jvm::{Deadlock, Lock, Thread, ThreadDump};

/// More than any dump that is kept.
const MAX_THREADS: usize = 50_000;
/// Frames kept of one stack: the JVM's own limit is 1,024.
const MAX_FRAMES: usize = 1_024;

/// Reads a dump; text that is none gives no threads.
pub(crate) fn parse(text: &str) -> ThreadDump {
    let mut dump = ThreadDump::default();
    let mut open = false;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("JNI global ref") {
            break;
        }
        if line.starts_with('"') && dump.threads.len() < MAX_THREADS {
            let thread = head(line);
            open = thread.is_some();
            dump.threads.extend(thread);
        } else if open && let Some(thread) = dump.threads.last_mut() {
            let synchronizers = line.trim() == "Locked ownable synchronizers:";
            // The list of owned synchronizers stands behind the empty line that ends the stack.
            let ends = line.trim().is_empty()
                && lines
                    .peek()
                    .is_none_or(|l| l.trim() != "Locked ownable synchronizers:");
            if ends {
                open = false;
            } else if !synchronizers {
                body(thread, line.trim());
            }
        }
    }
    while let Some(line) = lines.next() {
        if line.starts_with("Found one Java-level deadlock") {
            dump.deadlocks.push(deadlock(&mut lines));
        }
    }
    dump
}

fn head(line: &str) -> Option<Thread> {
    // A name may hold quotes: the last one that is followed by a known word ends it.
    let known = ["#", "os_prio=", "prio=", "daemon "];
    let end = line
        .rmatch_indices("\" ")
        .map(|(at, _)| at)
        .find(|at| *at > 0 && known.iter().any(|w| line[at + 2..].starts_with(w)))?;
    let mut thread = Thread {
        name: line[1..end].to_owned(),
        ..Thread::default()
    };
    for word in line[end + 2..].split_whitespace() {
        if let Some(number) = word.strip_prefix('#') {
            thread.number = thread.number.or(number.parse().ok());
        } else if word == "daemon" {
            thread.daemon = true;
        } else if let Some(cpu) = word.strip_prefix("cpu=") {
            thread.cpu_ms = cpu.trim_end_matches("ms").parse().ok();
        } else if let Some(elapsed) = word.strip_prefix("elapsed=") {
            thread.elapsed_s = elapsed.trim_end_matches('s').parse().ok();
        } else if let Some(id) = word.strip_prefix("nid=") {
            thread.native_id = match id.strip_prefix("0x") {
                Some(hex) => u64::from_str_radix(hex, 16).ok(),
                None => id.parse().ok(),
            };
        }
    }
    Some(thread)
}

fn body(thread: &mut Thread, line: &str) {
    const WAITS: [&str; 4] = [
        "- waiting to lock",
        "- waiting on",
        "- parking to wait for",
        "- waiting to re-lock",
    ];
    if let Some(state) = line.strip_prefix("java.lang.Thread.State: ") {
        let word = state.split_whitespace().next().unwrap_or_default();
        word.clone_into(&mut thread.state);
    } else if let Some(frame) = line.strip_prefix("at ") {
        if thread.frames.len() < MAX_FRAMES {
            thread.frames.push(frame.to_owned());
        }
    } else if line.starts_with("- ")
        && thread.holds.len() < MAX_FRAMES
        && let Some(lock) = line.find('<').and_then(|at| lock_of(&line[at..]))
    {
        if WAITS.iter().any(|w| line.starts_with(w)) {
            thread.waits_for.get_or_insert(lock);
        } else if !line.starts_with("- eliminated") && !thread.holds.contains(&lock) {
            // `- locked <..>`, and `- <..>` in the list of owned synchronizers.
            thread.holds.push(lock);
        }
    }
    // What Object.wait gave up for the time it waits is still printed as locked.
    if let Some(waits) = &thread.waits_for {
        thread.holds.retain(|held| held.address != waits.address);
    }
}

/// `<0x00000000fc0dc2a0> (a java.lang.Object)`.
fn lock_of(text: &str) -> Option<Lock> {
    let (address, rest) = text.strip_prefix('<')?.split_once('>')?;
    Some(Lock {
        address: address.to_owned(),
        class: class_of(rest),
    })
}

/// `(a java.lang.Object)` without what stands around the name.
fn class_of(text: &str) -> String {
    let inside = text.trim().trim_start_matches('(').trim_end_matches(')');
    inside.strip_prefix("a ").unwrap_or(inside).to_owned()
}

/// The names between the line of `=` and the stacks, each with what it waits for.
fn deadlock<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Deadlock {
    let mut out = Deadlock::default();
    for line in lines.take(MAX_THREADS) {
        if line.starts_with("Java stack information") || line.starts_with("Found ") {
            break;
        }
        if let Some(name) = line.strip_prefix('"').and_then(|l| l.strip_suffix("\":")) {
            out.threads.push((name.to_owned(), Lock::default()));
        } else if let Some((_, lock)) = out.threads.last_mut()
            && line.trim().starts_with("waiting ")
        {
            *lock = awaited(line.trim());
        }
    }
    out
}

/// `waiting to lock monitor 0x.. (object 0x.., a C),` or `waiting for ownable synchronizer 0x.., (a
/// C),`.
fn awaited(line: &str) -> Lock {
    let line = line.trim_end_matches(',');
    let (address, class) = if let Some((_, object)) = line.split_once("(object ") {
        object.split_once(',').unwrap_or((object, ""))
    } else {
        let rest = line.strip_prefix("waiting for ownable synchronizer ");
        rest.and_then(|r| r.split_once(',')).unwrap_or((line, ""))
    };
    Lock {
        address: address.trim().to_owned(),
        class: class_of(class),
    }
}

#[cfg(test)]
mod tests;
