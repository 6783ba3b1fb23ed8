//! `bongsu demo`: a service to look at, on a directory that is thrown away.

use crate::app::{console, demo};
use crate::cli::print;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Only serve the service on this port, with a log file beside it
    #[arg(long, value_name = "PORT")]
    serve: Option<u16>,
    /// The log file of --serve
    #[arg(
        long,
        value_name = "FILE",
        default_value = "demo.log",
        requires = "serve"
    )]
    log: PathBuf,
}

pub(crate) fn run(read_only: bool, args: &DemoArgs) -> anyhow::Result<ExitCode> {
    if let Some(port) = args.serve {
        demo::serve(port, &args.log, print::error)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(why) = console::unfit() {
        print::error(&format!(
            "no console: {why}; try `bongsu demo --serve 8080`"
        ));
        return Ok(ExitCode::FAILURE);
    }
    demo::run(read_only)?;
    Ok(ExitCode::SUCCESS)
}
