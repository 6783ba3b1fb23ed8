//! A disk that is really full, and one that is read-only: a file system of two megabytes in a mount
//! namespace of its own, where this system lets its users make one.

use crate::engine::{ask, until};
use bongsu::base::net::client::Method;
use bongsu::model::labels::Labels;
use bongsu::model::sample::Sample;
use bongsu::wire::remote_write::{Series, WriteRequest, encode};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// `bongsu serve` on a small file system; files that appear in `dir` tell what becomes of it.
struct Small {
    child: Child,
    url: String,
}

/// The file `free` in `$1` gives room.
const SCRIPT: &str = r#"
mount -t tmpfs -o size=2m,mode=700 tmpfs "$1/data" || { echo "no mount" >&2; exit 9; }
head -c 1200000 /dev/zero >"$1/data/.filler"
( n=0; until [ -e "$1/free" ] || [ $n = 6000 ]; do n=$((n + 1)); sleep 0.02; done
  rm "$1/data/.filler"; touch "$1/freed" ) &
exec "$2" serve --data-dir "$1/data" --listen 127.0.0.1:0
"#;

impl Small {
    /// `None` where no namespace can be made.
    fn start(dir: &Path) -> Option<Self> {
        std::fs::create_dir(dir.join("data")).unwrap();
        let mut child = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "--kill-child"])
            .args(["sh", "-c", SCRIPT, "sh"])
            .arg(dir)
            .arg(env!("CARGO_BIN_EXE_bongsu"))
            .env("HOME", dir)
            .env("XDG_RUNTIME_DIR", dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let stderr = child.stderr.take()?;
        let mut lines = BufReader::new(stderr).lines();
        let url = loop {
            let line = lines.next()?.ok()?;
            if let Some((_, address)) = line.split_once(", http ") {
                break format!("http://{address}");
            }
        };
        // Its later words are read, so that a full pipe never stops it.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { child, url })
    }

    fn push(&self, from: i64, series: i64) -> (u16, String) {
        let t = bongsu::base::clock::Clock::System.now_ms();
        let one = |n: i64| Series {
            labels: Labels::from_pairs([
                ("__name__", "filling"),
                ("n", &noise((from * 1000 + n) as u64)),
            ]),
            samples: vec![Sample { t, v: n as f64 }],
            exemplars: vec![],
        };
        let request = WriteRequest {
            series: (0..series).map(one).collect(),
            ..WriteRequest::default()
        };
        let url = format!("{}/api/v1/write", self.url);
        ask(Method::Post, &url, &[], Some(encode(&request).unwrap()))
    }

    fn get(&self, path: &str) -> String {
        ask(Method::Get, &format!("{}{path}", self.url), &[], None).1
    }
}

/// Two hundred letters that no compression makes fewer.
fn noise(seed: u64) -> String {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut letter = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        char::from(b'a' + (x >> 33) as u8 % 26)
    };
    (0..200).map(|_| letter()).collect()
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn small(dir: &Path) -> Option<Small> {
    let small = Small::start(dir);
    if small.is_none() {
        println!("skipped: no mount namespace can be made here");
    }
    small
}

#[test]
fn a_full_disk_stops_nothing_and_ends_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let Some(small) = small(dir.path()) else {
        return;
    };
    let mut pushed = 0;
    let refused = loop {
        let (status, said) = small.push(pushed, 500);
        pushed += 1;
        if status != 204 {
            break (status, said);
        }
        assert!(pushed < 100, "the disk never was full");
    };
    let (status, said) = refused;
    assert_eq!(status, 500, "{said}");
    assert!(
        said.contains("No space left") && said.contains("as soon as there is room"),
        "{said}"
    );
    // It lives, answers, and says what is wrong.
    assert!(small.get("/api/v1/query?query=up").contains("node"));
    let filled = small.get("/api/v1/query?query=count(filling)%3E400");
    assert!(filled.contains("\"value\""), "{filled}");
    assert!(small.get("/-/healthy").contains("ealthy"));
    std::fs::write(dir.path().join("free"), "").unwrap();
    until("there is room again", || dir.path().join("freed").exists());
    until("pushes are taken again", || {
        pushed += 1;
        small.push(pushed, 1).0 == 204
    });
    drop(small);
}

#[test]
fn a_read_only_directory_is_refused_with_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let script = r#"mount -t tmpfs -o size=2m,ro tmpfs "$1" || exit 9
                    exec "$2" serve --data-dir "$1" --listen 127.0.0.1:0"#;
    let ended = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
        ])
        .arg(&data)
        .arg(env!("CARGO_BIN_EXE_bongsu"))
        .env("XDG_RUNTIME_DIR", dir.path())
        .output();
    let Some(ended) = ended.ok().filter(|e| e.status.code() == Some(1)) else {
        println!("skipped: no mount namespace can be made here");
        return;
    };
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(
        said.contains("Read-only") && said.contains("--data-dir"),
        "{said}"
    );
}
