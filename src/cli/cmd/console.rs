//! `bongsu`: the console, or what can be said without a terminal.

use crate::app::console;
use crate::app::launch::Arguments;
use crate::cli::args::StatusFormat;
use crate::cli::cmd::status;
use crate::cli::print;
use std::process::ExitCode;

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    if let Some(why) = console::unfit() {
        print::error(&format!("no console: {why}; this is `bongsu status`"));
        return status::run(arguments, StatusFormat::Table);
    }
    let left = console::run(arguments.prepare()?)?;
    if let Some(said) = left.said {
        print::out(&format!("{said}\n"));
    }
    Ok(if left.good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
