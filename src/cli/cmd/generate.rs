//! `bongsu generate`: the man page and the shells' completions, for packages. Not in the help.

use crate::cli::print;
use clap::{Command, ValueEnum};
use std::process::ExitCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Page {
    Man,
    Bash,
    Zsh,
    Fish,
}

pub(crate) fn run(page: Page, mut command: Command) -> anyhow::Result<ExitCode> {
    let mut text = Vec::new();
    let shell = match page {
        Page::Man => None,
        Page::Bash => Some(clap_complete::Shell::Bash),
        Page::Zsh => Some(clap_complete::Shell::Zsh),
        Page::Fish => Some(clap_complete::Shell::Fish),
    };
    match shell {
        Some(shell) => clap_complete::generate(shell, &mut command, "bongsu", &mut text),
        None => clap_mangen::Man::new(command).render(&mut text)?,
    }
    print::bytes(&text);
    Ok(ExitCode::SUCCESS)
}
