//! `bongsu import compose FILE`: what bongsu would do in place of the services of a compose file,
//! as a configuration to look at.

use crate::cli::print;
use crate::config::compose;
use anyhow::Context;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Propose targets, log files and listeners for the services of a compose file
    Compose {
        /// docker-compose.yml or compose.yaml
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// The proposal goes to standard output, what it makes unnecessary to standard error.
pub(crate) fn run(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let What::Compose { file } = &args.what;
    let text = crate::base::fs::read_text(file, 8 << 20)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    let folder = std::path::absolute(file).unwrap_or_else(|_| file.clone());
    match compose::propose(&folder, &text) {
        Ok(proposal) => {
            for said in &proposal.replaced {
                print::error(&format!("no longer needed: {said}"));
            }
            print::out(&proposal.yaml);
            Ok(ExitCode::SUCCESS)
        }
        Err(why) => {
            let place = why.place;
            let name = file.display();
            print::error(&format!(
                "{name}:{}:{}: {}",
                place.line, place.column, why.text
            ));
            Ok(ExitCode::FAILURE)
        }
    }
}
