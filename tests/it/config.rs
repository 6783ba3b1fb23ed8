//! The configuration room, from the outside: the users' own files.

mod command;
mod conformance;
mod example;
mod promtail;
mod seeds;
