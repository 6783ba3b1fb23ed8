//! `bongsu check FILE...`: what is wrong in files of configuration, rules or targets.

use crate::cli::print;
use crate::config::{self, Level};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Files of bongsu, Prometheus and its rules; each is checked by itself, with what it names
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Findings go to standard output, one a line; a word on each file to standard error. Exit code 1
/// where a finding is an error.
pub(crate) fn run(args: &CheckArgs) -> ExitCode {
    let mut refused = false;
    for file in &args.files {
        let findings = config::check(file);
        for finding in &findings {
            print::out(&format!("{finding}\n"));
        }
        let count = |level| findings.iter().filter(|f| f.level == level).count();
        let (errors, warnings) = (count(Level::Error), count(Level::Warning));
        let verdict = if errors > 0 { "refused" } else { "accepted" };
        let name = file.display();
        print::error(&format!(
            "{name}: {verdict}, {errors} errors, {warnings} warnings"
        ));
        refused |= errors > 0;
    }
    ExitCode::from(u8::from(refused))
}
