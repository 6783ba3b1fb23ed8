//! `bongsu serve`.

use crate::app::launch::Arguments;
use crate::app::serve;
use crate::cli::print;
use std::process::ExitCode;

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    serve::run(arguments.prepare()?, print::error)?;
    Ok(ExitCode::SUCCESS)
}
