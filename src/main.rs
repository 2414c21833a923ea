//! The binary: everything is in the library.

use std::process::ExitCode;

/// Orders are made on one thread and dropped on another; the system's allocator makes the threads
/// wait for one another. Measured: see `docs/performance.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    doorbuster::cli::main()
}
