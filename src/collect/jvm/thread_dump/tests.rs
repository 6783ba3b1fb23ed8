//! Dumps of JDK 17 and 25, and text that is none.

use super::*;
use proptest::prelude::*;

const DUMP: &str = r#"Full thread dump OpenJDK 64-Bit Server VM (17.0.15 mixed mode):

Threads class SMR info:
_java_thread_list=0x00007f8cec001f70, length=2, elements={
0x00007f8d70017f40, 0x00007f8d70095c70
}

"main" #1 prio=5 os_prio=0 cpu=1998.54ms elapsed=64.91s tid=0x01 nid=0x36b6 waiting on condition  [0x0]
   java.lang.Thread.State: TIMED_WAITING (sleeping)
	at java.lang.Thread.sleep(java.base@17.0.15/Native Method)
	at Churn.main(Churn.java:2)

"pool "a" worker 결제" #12 [4711] daemon prio=5 os_prio=0 cpu=0.18ms elapsed=1.0s tid=0x02 nid=27 waiting for monitor entry  [0x0]
   java.lang.Thread.State: BLOCKED (on object monitor)
	at Bank.move(Bank.java:9)
	- waiting to lock <0x00000000fc0dc2a0> (a java.lang.Object)
	- locked <0x00000000fc0dc2b0> (a Account)

   Locked ownable synchronizers:
	- <0x00000000fc0dc2c0> (a java.util.concurrent.locks.ReentrantLock$NonfairSync)

"waiter" #13 prio=5 os_prio=0 cpu=0.18ms elapsed=1.0s tid=0x02 nid=28 in Object.wait()  [0x0]
   java.lang.Thread.State: WAITING (on object monitor)
	at java.lang.Object.wait(java.base@17.0.15/Native Method)
	- waiting on <0x00000000fc0dc338> (a java.lang.ref.ReferenceQueue$Lock)
	at java.lang.ref.ReferenceQueue.remove(java.base@17.0.15/ReferenceQueue.java:155)
	- locked <0x00000000fc0dc338> (a java.lang.ref.ReferenceQueue$Lock)

"VM Thread" os_prio=0 cpu=5.00ms elapsed=64.88s tid=0x03 nid=0x36ca runnable

JNI global refs: 11, weak refs: 0


Found one Java-level deadlock:
=============================
"pool "a" worker 결제":
  waiting to lock monitor 0x01 (object 0x00000000fc0dc2a0, a java.lang.Object),
  which is held by "other"

"other":
  waiting for ownable synchronizer 0x00000000fc0dc2b8, (a java.util.concurrent.locks.ReentrantLock$NonfairSync),
  which is held by "pool "a" worker 결제"

Java stack information for the threads listed above:
===================================================
"pool "a" worker 결제":
	at Bank.move(Bank.java:9)

Found 1 deadlock.
"#;

#[test]
fn threads_have_state_stack_and_locks() {
    let dump = parse(DUMP);
    let names: Vec<&str> = dump.threads.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(
        names,
        ["main", "pool \"a\" worker 결제", "waiter", "VM Thread"]
    );
    let worker = &dump.threads[1];
    assert_eq!(
        (
            worker.state.as_str(),
            worker.native_id,
            worker.number,
            worker.daemon
        ),
        ("BLOCKED", Some(27), Some(12), true)
    );
    assert_eq!(
        worker.waits_for.as_ref().unwrap().address,
        "0x00000000fc0dc2a0"
    );
    let held: Vec<&str> = worker.holds.iter().map(|l| l.class.as_str()).collect();
    assert_eq!(
        held,
        [
            "Account",
            "java.util.concurrent.locks.ReentrantLock$NonfairSync"
        ]
    );
    assert_eq!(dump.threads[0].cpu_ms, Some(1998.54));
    assert_eq!(dump.threads[0].frames.len(), 2);
    assert_eq!(dump.threads[0].native_id, Some(0x36b6));
    assert_eq!(dump.threads[2].holds, [], "wait() gave its monitor up");
    // The stacks behind the deadlocks are no frames of the last thread.
    assert_eq!(dump.threads[3].frames, Vec::<String>::new());
}

#[test]
fn a_deadlock_says_who_waits_for_what() {
    let dump = parse(DUMP);
    assert_eq!(dump.deadlocks.len(), 1);
    let held: Vec<(&str, &str, &str)> = dump.deadlocks[0]
        .threads
        .iter()
        .map(|(n, l)| (n.as_str(), l.address.as_str(), l.class.as_str()))
        .collect();
    assert_eq!(
        held,
        [
            (
                "pool \"a\" worker 결제",
                "0x00000000fc0dc2a0",
                "java.lang.Object"
            ),
            (
                "other",
                "0x00000000fc0dc2b8",
                "java.util.concurrent.locks.ReentrantLock$NonfairSync"
            ),
        ]
    );
}

#[test]
fn text_that_is_no_dump_has_no_threads() {
    for text in [
        "",
        "\"",
        "\" ",
        "Unknown diagnostic command",
        "\"a\" b",
        "\"\" #1",
    ] {
        let dump = parse(text);
        assert!(
            dump.threads.len() <= 1 && dump.deadlocks.is_empty(),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn any_text_is_survived(text in "([\"#<>()a-z0-9= :.,\n\t한-]|at |- locked |JNI global refs\n|Found one Java-level deadlock:\n|waiting to lock monitor ){0,200}") {
        parse(&text);
    }

    #[test]
    fn a_cut_dump_keeps_what_stands_before_the_cut(at in 0usize..3_000) {
        let cut = (0..=at.min(DUMP.len())).rev().find(|at| DUMP.is_char_boundary(*at)).unwrap();
        let dump = parse(&DUMP[..cut]);
        let whole = parse(DUMP);
        let complete = dump.threads.len().saturating_sub(1);
        for (cut, whole) in dump.threads.iter().zip(&whole.threads).take(complete) {
            prop_assert_eq!(cut, whole);
        }
    }
}
