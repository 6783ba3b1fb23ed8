//! The binary: chooses the allocator and hands over.

use std::process::ExitCode;

fn main() -> ExitCode {
    bongsu::cli::args::main()
}
