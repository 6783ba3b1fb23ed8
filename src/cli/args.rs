//! What can be typed, and where each word leads.

use crate::app::launch::Arguments;
use crate::cli::cmd;
use crate::cli::print;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

/// A terminal monitoring console: this server and the servers it watches, live and with history.
#[derive(Debug, Parser)]
#[command(name = "bongsu", version, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    engine: EngineArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Where an engine gets its settings and keeps its data.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct EngineArgs {
    /// A configuration file: bongsu's own or prometheus.yml; the kind is detected
    #[arg(long, value_name = "FILE", global = true)]
    config: Vec<PathBuf>,
    /// Where history is kept
    #[arg(long, value_name = "DIR", global = true)]
    data_dir: Option<PathBuf>,
    /// Where HTTP is answered; instead of api.listen
    #[arg(long, value_name = "ADDR:PORT|off", global = true)]
    listen: Option<String>,
    /// Refuse every action
    #[arg(long, global = true)]
    read_only: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the engine without a console
    Serve,
    /// Say how the engine and this server are
    Status {
        #[arg(long, value_enum, default_value_t)]
        format: StatusFormat,
    },
    /// Say what fires, and which rules watch
    Alerts(cmd::alerts::AlertsArgs),
    /// Ask one PromQL question
    Query(cmd::query::QueryArgs),
    /// Ask for log lines, with LogQL or with words
    Logs(cmd::logs::LogsArgs),
    /// Search the spans that were taken in, with TraceQL
    Traces(cmd::traces::TracesArgs),
    /// Show one trace
    Trace(cmd::traces::TraceArgs),
    /// Say what is wrong in configuration files, with file, line and column
    Check(cmd::check::CheckArgs),
    /// Propose a configuration from the files of other tools
    Import(cmd::import::ImportArgs),
    /// Run unit tests of rules, in promtool's form
    TestRules(cmd::test_rules::TestRulesArgs),
    /// Print the man page or a shell's completions
    #[command(hide = true)]
    Generate { page: cmd::generate::Page },
    /// Look at a made-up service, on a directory that is thrown away
    Demo(cmd::demo::DemoArgs),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusFormat {
    #[default]
    Table,
    Json,
}

impl EngineArgs {
    fn arguments(self) -> Arguments {
        Arguments {
            config: self.config,
            data_dir: self.data_dir,
            listen: self.listen,
            read_only: self.read_only,
        }
    }
}

/// Runs what the command line says. Exit codes: 0 good, 1 failed, 2 not understood.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            let code = if e.use_stderr() { 2 } else { 0 };
            print::clap(&e);
            return ExitCode::from(code);
        }
    };
    let arguments = cli.engine.arguments();
    let read_only = arguments.read_only;
    let ended = match cli.command {
        None => cmd::console::run(arguments),
        Some(Command::Serve) => cmd::serve::run(arguments),
        Some(Command::Status { format }) => cmd::status::run(arguments, format),
        Some(Command::Alerts(alerts)) => cmd::alerts::run(arguments, &alerts),
        Some(Command::Demo(demo)) => cmd::demo::run(read_only, &demo),
        Some(Command::Query(query)) => cmd::query::run(arguments, &query),
        Some(Command::Logs(logs)) => cmd::logs::run(arguments, &logs),
        Some(Command::Traces(traces)) => cmd::traces::search(arguments, &traces),
        Some(Command::Trace(trace)) => cmd::traces::show(arguments, &trace),
        Some(Command::Check(files)) => Ok(cmd::check::run(&files)),
        Some(Command::Import(import)) => cmd::import::run(arguments, &import),
        Some(Command::TestRules(tests)) => Ok(cmd::test_rules::run(&tests)),
        Some(Command::Generate { page }) => cmd::generate::run(page, Cli::command()),
    };
    match ended {
        Ok(code) => code,
        Err(e) => {
            print::error(&format!("bongsu: {e:#}"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_fit_together() {
        Cli::command().debug_assert();
        let cli = Cli::try_parse_from(["bongsu", "serve", "--listen", "off", "--data-dir", "/d"]);
        assert_eq!(cli.unwrap().engine.listen.as_deref(), Some("off"));
    }
}
