//! The forms in which cgroup files and `/proc/PID/net/dev` say numbers. Whatever the bytes are,
//! there is an answer: what is not understood is left out.

/// `key value` lines: the value of one key.
pub(crate) fn keyed(text: &str, key: &str) -> Option<f64> {
    text.lines().find_map(|line| {
        let value = line.strip_prefix(key)?.strip_prefix(' ')?;
        value.trim().parse::<u64>().ok().map(|v| v as f64)
    })
}

/// A file of one number. `max` is no limit and reads as zero, as do the numbers near 2^63 that v1
/// writes for it; -1 is none.
pub(crate) fn limit(text: &str) -> Option<f64> {
    let text = text.trim();
    if text == "max" {
        return Some(0.0);
    }
    let number: u64 = text.parse().ok()?;
    Some(if number >= 1 << 62 {
        0.0
    } else {
        number as f64
    })
}

pub(crate) fn number(text: &str) -> Option<f64> {
    text.trim().parse::<u64>().ok().map(|v| v as f64)
}

/// v2's `cpu.max`, `quota period`: the quota is none where it says `max`. Microseconds.
pub(crate) fn cpu_max(text: &str) -> (Option<f64>, Option<f64>) {
    let mut words = text.split_whitespace();
    let quota = words.next().and_then(number);
    (quota, words.next().and_then(number))
}

/// v2's weight (1 to 10,000) as v1's shares (2 to 262,144), by the kernel's documented scale.
pub(crate) fn shares_of_weight(weight: f64) -> f64 {
    2.0 + ((weight.clamp(1.0, 10_000.0) - 1.0) * 262_142.0 / 9_999.0).floor()
}

/// What one device did: reads, writes, bytes read, bytes written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Io {
    /// `major:minor`.
    pub(crate) device: String,
    pub(crate) reads: f64,
    pub(crate) writes: f64,
    pub(crate) read_bytes: f64,
    pub(crate) written_bytes: f64,
}

/// Devices of one container, at most.
const MOST: usize = 64;

fn is_device(word: &str) -> bool {
    let number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
    word.split_once(':')
        .is_some_and(|(a, b)| number(a) && number(b))
}

/// v2's `io.stat`: `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`.
pub(crate) fn io_stat(text: &str) -> Vec<Io> {
    let mut out = Vec::new();
    for line in text.lines().take(MOST) {
        let mut words = line.split_whitespace();
        let Some(device) = words.next().filter(|w| is_device(w)) else {
            continue;
        };
        let mut io = Io {
            device: device.to_owned(),
            ..Io::default()
        };
        for (key, value) in words.filter_map(|w| w.split_once('=')) {
            let place = match key {
                "rbytes" => &mut io.read_bytes,
                "wbytes" => &mut io.written_bytes,
                "rios" => &mut io.reads,
                "wios" => &mut io.writes,
                _ => continue,
            };
            *place = number(value).unwrap_or(0.0);
        }
        out.push(io);
    }
    out
}

/// v1's `blkio.throttle.io_service_bytes` and `io_serviced`: `8:0 Read 1`, `8:0 Write 2`, ...
pub(crate) fn blkio(bytes: &str, operations: &str) -> Vec<Io> {
    let mut out: Vec<Io> = Vec::new();
    for (text, in_bytes) in [(bytes, true), (operations, false)] {
        for line in text.lines().take(MOST * 8) {
            let mut words = line.split_whitespace();
            let (Some(device), Some(what)) = (words.next(), words.next()) else {
                continue;
            };
            let Some(value) = words.next().and_then(number).filter(|_| is_device(device)) else {
                continue;
            };
            let at = out.iter().position(|io| io.device == device);
            let at = at.unwrap_or_else(|| {
                out.push(Io {
                    device: device.to_owned(),
                    ..Io::default()
                });
                out.len() - 1
            });
            let io = &mut out[at];
            match (what, in_bytes) {
                ("Read", true) => io.read_bytes = value,
                ("Write", true) => io.written_bytes = value,
                ("Read", false) => io.reads = value,
                ("Write", false) => io.writes = value,
                _ => {}
            }
        }
    }
    out
}

/// The totals of a pressure file in seconds: some stood still, all stood still.
pub(crate) fn pressure(text: &str) -> Option<(f64, f64)> {
    let total = |kind: &str| {
        let line = text.lines().find_map(|l| l.strip_prefix(kind))?;
        let word = line
            .split_whitespace()
            .find_map(|w| w.strip_prefix("total="))?;
        number(word).map(|us| us / 1e6)
    };
    Some((total("some ")?, total("full ").unwrap_or(0.0)))
}

/// One line of `net/dev`: received bytes, packets, errors, drops; sent bytes, packets, errors,
/// drops.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NetDev {
    pub(crate) interface: String,
    pub(crate) counts: [f64; 8],
}

/// All interfaces but the loopback and the host's ends of pairs.
pub(crate) fn net_dev(text: &str) -> Vec<NetDev> {
    let mut out = Vec::new();
    for line in text.lines().skip(2).take(MOST) {
        let Some((name, numbers)) = line.split_once(':') else {
            continue;
        };
        let name = name.trim();
        if name == "lo" || name.starts_with("veth") || name.is_empty() {
            continue;
        }
        let mut all = numbers.split_whitespace().map(|w| number(w).unwrap_or(0.0));
        let mut columns = [0.0; 12];
        for column in &mut columns {
            *column = all.next().unwrap_or(0.0);
        }
        let [rb, rp, re, rd, .., tb, tp, te, td] = columns;
        out.push(NetDev {
            interface: name.to_owned(),
            counts: [rb, rp, re, rd, tb, tp, te, td],
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn limits_say_when_there_is_none() {
        for (text, want) in [
            ("max\n", Some(0.0)),
            ("67108864\n", Some(67_108_864.0)),
            ("9223372036854771712\n", Some(0.0)),
            ("-1\n", None),
            ("", None),
        ] {
            assert_eq!(limit(text), want, "{text:?}");
        }
        assert_eq!(cpu_max("max 100000\n"), (None, Some(100_000.0)));
        assert_eq!(cpu_max("50000 100000\n"), (Some(50_000.0), Some(100_000.0)));
        assert_eq!(
            (shares_of_weight(1.0), shares_of_weight(10_000.0)),
            (2.0, 262_144.0)
        );
        // Docker's 1024 shares are weight 39.
        assert_eq!(shares_of_weight(39.0), 998.0);
    }

    #[test]
    fn both_forms_of_block_io_say_the_same() {
        let want = Io {
            device: "8:0".to_owned(),
            reads: 3.0,
            writes: 4.0,
            read_bytes: 1.0,
            written_bytes: 2.0,
        };
        let v2 = io_stat("8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=9 dios=9\n253:0 \nTotal 9\n");
        assert_eq!(v2[0], want);
        assert_eq!(v2.len(), 2);
        let bytes = "8:0 Read 1\n8:0 Write 2\n8:0 Sync 9\n8:0 Total 3\nTotal 3\n";
        assert_eq!(blkio(bytes, "8:0 Read 3\n8:0 Write 4\nTotal 7\n"), [want]);
        assert_eq!(blkio("Total 0\n", "Total 0\n"), []);
    }

    #[test]
    fn networks_leave_out_the_loopback() {
        let text = "Inter-|   Receive\n face |bytes\n    lo: 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9\n  eth0: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\nvethab: 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9\n";
        let all = net_dev(text);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].counts, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    }

    #[test]
    fn pressure_is_in_seconds() {
        let text = "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=500000\n";
        assert_eq!(pressure(text), Some((1.5, 0.5)));
        // Older kernels know no "full" for the CPU.
        assert_eq!(
            pressure("some avg10=0.00 total=1000000\n"),
            Some((1.0, 0.0))
        );
        assert_eq!(pressure(""), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let text = String::from_utf8_lossy(&bytes);
            keyed(&text, "usage_usec");
            limit(&text);
            cpu_max(&text);
            pressure(&text);
            prop_assert!(io_stat(&text).len() <= MOST);
            blkio(&text, &text);
            net_dev(&text);
        }

        #[test]
        fn what_was_written_is_read(counts in proptest::collection::vec(0_u32.., 16), name in "[a-z]{3,8}[0-9]") {
            prop_assume!(!name.starts_with("veth"));
            let line: Vec<String> = counts.iter().map(ToString::to_string).collect();
            let text = format!("a\nb\n {name}: {}\n", line.join(" "));
            let all = net_dev(&text);
            prop_assert_eq!(&all[0].interface, &name);
            for (got, at) in all[0].counts.iter().zip([0, 1, 2, 3, 8, 9, 10, 11]) {
                prop_assert_eq!(*got, f64::from(counts[at]));
            }
        }

        #[test]
        fn keys_are_found_among_others(value in 0_u64..1 << 52, before in "[a-z_]{1,9} [0-9]{1,4}\n") {
            let text = format!("{before}usage_usec {value}\nusage_usecs 7\n");
            prop_assert_eq!(keyed(&text, "usage_usec"), Some(value as f64));
        }
    }
}
