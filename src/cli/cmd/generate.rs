//! `bongsu generate`: the man page and the shells' completions, for packages. Not in the help.

use crate::cli::print;
use clap::{Arg, Command, ValueEnum};
use clap_mangen::Man;
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
        None => text = man(command)?,
    }
    print::bytes(&text);
    Ok(ExitCode::SUCCESS)
}

/// What every command shares with the program itself, in words of the page.
const REST: &str = r"
.SH FILES
.TP
/etc/bongsu/config.yaml
The configuration of root and of the service, where \-\-config names none; else
$XDG_CONFIG_HOME/bongsu/config.yaml.
.TP
/var/lib/bongsu
The data of root and of the service; else $XDG_DATA_HOME/bongsu.
.TP
/run/bongsu/bongsu.sock
The socket of the service. Members of the group bongsu may use it.
.SH ENVIRONMENT
.TP
BONGSU_DATA_DIR
Where history is kept; \-\-data\-dir stands over it.
.TP
NO_COLOR
Not empty: the console draws without colours.
.SH EXIT STATUS
0 where it went well, 1 where it did not, 2 where the command line was not understood.
";

/// One page for the program and all its commands.
fn man(mut command: Command) -> std::io::Result<Vec<u8>> {
    // Passes the options of all on to each command.
    command.build();
    let page = Man::new(command.clone());
    let mut out = Vec::new();
    page.render_title(&mut out)?;
    page.render_name_section(&mut out)?;
    page.render_synopsis_section(&mut out)?;
    page.render_description_section(&mut out)?;
    page.render_options_section(&mut out)?;
    let mut text = String::from(".SH COMMANDS\n");
    for sub in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        text.push_str(&format!(".SS bongsu {}\n", escaped(sub.get_name())));
        let about = sub.get_about().map(ToString::to_string);
        text.push_str(&format!("{}\n", escaped(&about.unwrap_or_default())));
        let own = |arg: &&Arg| !arg.is_global_set() && !arg.is_hide_set() && !is_builtin(arg);
        for arg in sub.get_arguments().filter(own) {
            let help = arg.get_help().map(ToString::to_string);
            let help = escaped(&help.unwrap_or_default());
            text.push_str(&format!(".TP\n{}\n{help}\n", escaped(&arg.to_string())));
        }
    }
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(REST.as_bytes());
    Ok(out)
}

fn is_builtin(arg: &Arg) -> bool {
    matches!(arg.get_id().as_str(), "help" | "version")
}

/// As roff takes it for text: a hyphen is a minus sign there, and a dot begins a request.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let line = |line: &str| match line.chars().next() {
        Some('.' | '\'') => format!("\\&{line}"),
        _ => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_tells_every_command_with_its_own_options() {
        let command = Command::new("bongsu")
            .arg(Arg::new("config").long("config").global(true))
            .subcommand(
                Command::new("query")
                    .about("Ask one question")
                    .arg(Arg::new("step").long("step").help("Between two points")),
            )
            .subcommand(Command::new("generate").hide(true));
        let text = String::from_utf8(man(command).unwrap()).unwrap();
        assert!(
            text.contains(".SS bongsu query\nAsk one question\n"),
            "{text}"
        );
        assert!(text.contains("\\-\\-step"), "{text}");
        assert!(text.contains("Between two points\n"), "{text}");
        let commands = text.split(".SH COMMANDS").nth(1).unwrap();
        assert!(!commands.contains("generate") && !commands.contains("\\-\\-config <"));
        assert!(!text.contains("bongsu\\-query(1)"));
    }
}
