//! `doorbuster completions`: what a shell needs to complete verbs and flags.

use std::io::{self, Write as _};

use clap::Command;
use clap_complete::Shell;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Runs `completions`.
pub fn run(args: Args, mut program: Command) -> anyhow::Result<()> {
    // Made in memory: on a closed pipe the generator would panic.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "doorbuster", &mut script);
    Ok(io::stdout().lock().write_all(&script)?)
}
