//! The binary: chooses the allocator and hands over.

use std::process::ExitCode;

/// It gives memory back, which the system's allocators do not; a debug build does without.
#[cfg(all(
    target_os = "linux",
    feature = "release-allocator",
    not(debug_assertions)
))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// jemalloc reads its settings from this symbol before anything runs: a C string, by its address.
#[cfg(all(
    target_os = "linux",
    feature = "release-allocator",
    not(debug_assertions)
))]
#[expect(unsafe_code, reason = "the only way to set jemalloc up before main")]
#[unsafe(export_name = "_rjem_malloc_conf")]
static MALLOC_CONF: &[u8; 70] =
    b"narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0,background_thread:true\0";

fn main() -> ExitCode {
    bongsu::cli::args::main()
}
