//! `bongsu check` as it is typed.

use std::fs;
use std::process::{Command, Output};

#[test]
fn findings_go_to_stdout_and_the_exit_code_says_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = write("good.yml", "scrape_configs: [{job_name: a}]\n");
    let bad = write("bad.yml", "global:\n  scrape_intervall: 5s\n");
    let rules = write(
        "rules.yml",
        "groups: [{name: a, rules: [{alert: x, expr: rate(up)}]}]\n",
    );
    write("targets.yml", "- targats: [x]\n");
    let named = write(
        "named.yml",
        "rule_files: [rules.yml]\nscrape_configs: [{job_name: a, file_sd_configs: [{files: [targets.yml]}]}]\n",
    );

    assert_eq!(check(&[&good]), (0, String::new()));
    let (code, said) = check(&[&good, &bad]);
    assert_eq!(code, 1);
    assert_eq!(
        said,
        format!(
            "{bad}:2:3: error: global.scrape_intervall: unknown key in global; did you mean `scrape_interval`?\n"
        )
    );
    let (code, said) = check(&[&rules]);
    assert!(code == 1 && said.contains(":1:"), "{said}");
    // What a file names is checked with it.
    let (code, said) = check(&[&named]);
    assert_eq!(code, 1);
    assert!(
        said.contains("rules.yml:1:") && said.contains("did you mean `targets`?"),
        "{said}"
    );
    assert_eq!(check(&[]).0, 2);
    assert_eq!(check(&["--frobnicate"]).0, 2);
}

fn check(files: &[&str]) -> (i32, String) {
    let Output { status, stdout, .. } = Command::new(env!("CARGO_BIN_EXE_bongsu"))
        .arg("check")
        .args(files)
        .output()
        .unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap())
}
