//! Every file of the users loads as it is.

use bongsu::config::{self, Level};
use std::path::{Path, PathBuf};

/// File, and the texts that its warnings must hold, one each.
const FILES: &[(&str, &[&str])] = &[
    ("prometheus-collector.yml", &[]),
    ("prometheus-default.yml", &[]),
    (
        "prometheus-dev-prod.yml",
        &["cannot be reached as written"; 4],
    ),
    ("prometheus-spring.yml", &[]),
    ("prometheus-tls.yml", &["cannot be reached as written"; 2]),
    ("redis-relabel-scrape-configs.yml", &[]),
    ("alerting-block.yml", &[]),
    ("alertmanager.yml", &["no file matches"]),
    ("promtail-collector.yml", &["its own port", "its positions"]),
    (
        "promtail-multiline.yml",
        &[
            "its own port",
            "its positions",
            "cannot be reached as written",
            r#"Meant was probably '^\s*\{\s*$|^\s*\{\s*"event"|^No mapping for '"#,
        ],
    ),
    ("rules.yml", &[]),
    (
        "tempo.yml",
        &[
            "Tempo file",
            "same paths on api.listen",
            "otlp_grpc: 'containers:4317'",
            "otlp_http: 'containers:4318'",
            "blocks of bongsu's own",
        ],
    ),
];

#[test]
fn the_users_files_are_accepted_as_they_are() {
    for (name, want) in FILES {
        let path = seed(name);
        let loaded = config::load(std::slice::from_ref(&path));
        let shown: Vec<_> = loaded.findings.iter().map(ToString::to_string).collect();
        assert!(loaded.is_accepted(), "{name}: {shown:#?}");
        assert!(loaded.findings.iter().all(|f| f.level == Level::Warning));
        assert_eq!(shown.len(), want.len(), "{name}: {shown:#?}");
        for (got, want) in shown.iter().zip(*want) {
            assert!(got.contains(want), "{name}: {got} does not say {want:?}");
        }
    }
}

#[test]
fn the_redis_exporters_relabelling_is_read() {
    let loaded = config::load(&[seed("redis-relabel-scrape-configs.yml")]);
    let config = loaded.config.unwrap();
    let job = &config.scrape[0];
    assert_eq!(job.metrics_path, "/scrape");
    assert_eq!(job.static_configs[0].targets.len(), 3);
    let written: Vec<_> = job
        .relabel
        .iter()
        .map(|r| r.target_label.as_str())
        .collect();
    assert_eq!(written, ["__param_target", "instance", "__address__"]);
}

#[test]
fn what_is_proposed_for_the_users_compose_files_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let folder = seed("");
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.starts_with("docker-compose-") {
            continue;
        }
        let text = std::fs::read_to_string(seed(&name)).unwrap();
        let there = |path: &Path| path.is_file();
        let proposal = config::compose::propose(&seed(&name), &text, &there).unwrap();
        let file = dir.path().join(&name);
        std::fs::write(&file, &proposal.yaml).unwrap();
        let loaded = config::load(&[file]);
        let errors = loaded.findings.iter().filter(|f| f.level == Level::Error);
        let errors: Vec<String> = errors.map(ToString::to_string).collect();
        assert!(
            loaded.is_accepted(),
            "{name}: {errors:#?}\n{}",
            proposal.yaml
        );
        assert!(
            !proposal.replaced.is_empty() || proposal.yaml.contains("job_name"),
            "{name}"
        );
        count += 1;
    }
    assert_eq!(count, 4);
}

fn seed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/seeds")
        .join(name)
}
