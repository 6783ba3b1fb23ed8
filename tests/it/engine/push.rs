//! Lines pushed as Loki's clients push them.

use crate::engine::{Serve, until};

#[test]
fn pushed_lines_are_kept_and_what_is_wrong_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(".config/bongsu");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.yaml"), "logs: {enabled: no}\n").unwrap();
    let serve = Serve::start(dir.path(), &[]);
    until("history is open", || serve.get("/-/ready").0 == 200);
    let push = |body: &str| serve.post("/loki/api/v1/push", "application/json", body.as_bytes());
    let line = r#"{"streams":[{"stream":{"app":"x"},"values":[["1700000000000000000","one"],["1700000000000000001","two",{"trace":"7"}]]}]}"#;
    let (status, body) = push(line);
    assert_eq!((status, body.as_str()), (204, ""));
    let (status, said) = push(r#"{"streams":[{"stream":{},"values":[]}]}"#);
    assert_eq!(status, 400);
    assert!(said.contains("at least one label pair"), "{said}");
    let late = line.replace("1700000000000000001", "4700000000000000001");
    let (status, said) = push(&late);
    assert_eq!(status, 400);
    assert!(said.contains("timestamp too new"), "{said}");
    let (_, metrics) = serve.get("/metrics");
    assert!(metrics.contains("bongsu_"), "{metrics}");
    serve.stop();
    let store = bongsu::store::open::Store::open(bongsu::store::open::Options {
        background: false,
        ..bongsu::store::open::Options::new(dir.path().join("data"))
    })
    .unwrap();
    // Of the last push the line that was good is kept.
    assert_eq!(store.facts().logs.lines, 3);
}
