//! `bongsu test-rules FILE...`: unit tests of rules, in promtool's form.

use crate::app::rule_tests;
use crate::cli::print;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct TestRulesArgs {
    /// Files of tests, as `promtool test rules` takes them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// What failed goes to standard output, a word on each file to standard error. Exit code 1 where
/// a test failed.
pub(crate) fn run(args: &TestRulesArgs) -> ExitCode {
    let mut failed = false;
    for file in &args.files {
        let faults = rule_tests::run(file);
        let name = file.display();
        if faults.is_empty() {
            print::error(&format!("{name}: passed"));
            continue;
        }
        failed = true;
        print::error(&format!("{name}: {} failed", faults.len()));
        for fault in faults {
            print::out(&format!("{fault}\n"));
        }
    }
    ExitCode::from(u8::from(failed))
}
