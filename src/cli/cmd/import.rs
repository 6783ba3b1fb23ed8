//! `bongsu import compose FILE`: what bongsu would do in place of the services of a compose file,
//! as a configuration to look at. `bongsu import jaeger FILE`: traces that Jaeger's page saved.

use crate::app::launch::{Arguments, Launch};
use crate::app::once;
use crate::cli::print;
use crate::config::compose;
use crate::wire::jaeger_json;
use anyhow::Context;
use clap::{Args, Subcommand};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
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
    /// Take in traces that Jaeger's page saved, or its /api/traces answered
    Jaeger {
        /// JSON with `data`, or with `spans`
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

/// What a file of traces may have, in bytes.
const MOST_TRACES: u64 = 256 << 20;

pub(crate) fn run(arguments: Arguments, args: &ImportArgs) -> anyhow::Result<ExitCode> {
    match &args.what {
        What::Compose { file } => propose(file),
        What::Jaeger { files } => jaeger(&arguments.prepare()?, files),
    }
}

/// What was kept goes to standard output, a line a file; what was not, and why, stands in it.
fn jaeger(launch: &Launch, files: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let mut batches = Vec::new();
    for file in files {
        let text = crate::base::fs::read_text(file, MOST_TRACES)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        let read = jaeger_json::read(text.as_bytes());
        batches.push(read.with_context(|| file.display().to_string())?);
    }
    let mut refused = 0;
    for (file, batch) in files.iter().zip(batches) {
        let ids: BTreeSet<_> = batch.spans.iter().map(|s| s.trace).collect();
        let told = once::take_spans(launch, batch)?;
        refused += told.refused;
        let (traces, kept) = (ids.len(), told.new + told.again);
        let mut line = format!("{}: {traces} traces, {kept} spans kept", file.display());
        if told.again > 0 {
            line.push_str(&format!(", {} of them known before", told.again));
        }
        if told.refused > 0 {
            line.push_str(&format!(", {} refused: {}", told.refused, told.said));
        }
        print::out(&format!("{line}\n"));
    }
    Ok(ExitCode::from(u8::from(refused > 0)))
}

/// The proposal goes to standard output, what it makes unnecessary to standard error.
fn propose(file: &Path) -> anyhow::Result<ExitCode> {
    let text = crate::base::fs::read_text(file, 8 << 20)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    let folder = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
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
