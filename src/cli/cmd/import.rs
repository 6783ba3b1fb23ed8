//! `bongsu import compose FILE`: what bongsu would do in place of the services of a compose file,
//! as a configuration to look at. `bongsu import jaeger FILE`: traces that Jaeger's page saved.
//! `bongsu import metrics FILE`: samples with their times into the data directory.

use crate::app::launch::{Arguments, Launch};
use crate::app::{backfill, once};
use crate::base::clock::{Clock, monotonic};
use crate::base::units::format_duration_ms;
use crate::cli::print;
use crate::config::compose;
use crate::wire::exposition::Format;
use crate::wire::jaeger_json;
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
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
    /// Take samples that carry their times into the data directory, while no engine uses it
    Metrics {
        /// OpenMetrics (as `promtool tsdb create-blocks-from openmetrics` takes it) or text 0.0.4
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Found out by the end of the file where it is not given
        #[arg(long, value_enum)]
        format: Option<TextFormat>,
    },
}

/// What a file of traces may have, in bytes.
const MOST_TRACES: u64 = 256 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TextFormat {
    /// Times in seconds
    Openmetrics,
    /// Times in milliseconds
    Text,
}

impl From<TextFormat> for Format {
    fn from(format: TextFormat) -> Self {
        match format {
            TextFormat::Openmetrics => Self::OpenMetrics,
            TextFormat::Text => Self::Text,
        }
    }
}

pub(crate) fn run(arguments: Arguments, args: &ImportArgs) -> anyhow::Result<ExitCode> {
    match &args.what {
        What::Compose { file } => propose(file),
        What::Jaeger { files } => jaeger(&arguments.prepare()?, files),
        What::Metrics { file, format } => metrics(arguments, file, *format),
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

fn metrics(
    arguments: Arguments,
    file: &Path,
    format: Option<TextFormat>,
) -> anyhow::Result<ExitCode> {
    let launch = arguments.prepare()?;
    let begun = monotonic();
    let done = backfill::metrics(&launch, file, format.map(Format::from))?;
    let seconds = begun.elapsed().as_secs_f64();
    let imported = done.imported;
    print::out(&format!(
        "{} samples of {} series in {} blocks, {seconds:.1} s\n",
        imported.samples, done.series, imported.blocks
    ));
    for (count, what) in [
        (
            imported.duplicates,
            "samples had the time of another of their series with another value",
        ),
        (
            done.left_out,
            "native histograms were left out: they are not kept yet",
        ),
    ] {
        if count > 0 {
            print::error(&format!("bongsu: {count} {what}"));
        }
    }
    let kept = launch.config.storage.retention_metrics.as_millis() as i64;
    if let Some(oldest) = done.oldest
        && oldest < Clock::System.now_ms().saturating_sub(kept)
    {
        print::error(&format!(
            "bongsu: some samples are older than storage.retention.metrics ({}): the engine will \
             drop them unless you raise it",
            format_duration_ms(kept)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The proposal goes to standard output, what it makes unnecessary to standard error.
fn propose(file: &Path) -> anyhow::Result<ExitCode> {
    let text = crate::base::fs::read_text(file, 8 << 20)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    let folder = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    match compose::propose(&folder, &text, &|path| path.is_file()) {
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
