//! Room `cli`: the words on the command line, one file per subcommand, and the only printing.
//!
//! Owns arguments, exit codes and the tables on standard output. Never collects or stores: it asks
//! an engine as a console does. Start with [`args`].

pub mod args;
mod cmd;
mod print;
