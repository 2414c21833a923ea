//! `doorbuster man`: manual pages, made of what `--help` is made of.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::Context as _;
use clap::Command;
use serde_json::json;

use super::Common;

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write a page for each verb into this directory, which is created if missing
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs `man`.
pub fn run(args: Args, mut program: Command, common: &Common) -> anyhow::Result<()> {
    program.build();
    let Some(out) = args.out else {
        return Ok(io::stdout().lock().write_all(&page(program)?)?);
    };
    let mut pages = Vec::new();
    collect(&program, &mut pages)?;
    fs::create_dir_all(&out).with_context(|| format!("{} cannot be made", out.display()))?;
    let mut files = Vec::new();
    for (name, page) in pages {
        let path = out.join(format!("{name}.1"));
        fs::write(&path, page).with_context(|| format!("{} cannot be written", path.display()))?;
        files.push(path.display().to_string());
    }
    let count = files.len();
    common.show(|| json!({ "files": files }), || format!("{count} pages in {}", out.display()))?;
    Ok(())
}

/// The pages of a verb and of those below it, by their names.
fn collect(verb: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    // Such as doorbuster-report-stock.
    let name = verb.get_display_name().unwrap_or_else(|| verb.get_name()).to_owned();
    pages.push((name, page(verb.clone())?));
    let shown = |verb: &&Command| !verb.is_hide_set() && verb.get_name() != "help";
    for below in verb.get_subcommands().filter(shown) {
        collect(below, pages)?;
    }
    Ok(())
}

fn page(verb: Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(verb).render(&mut page)?;
    Ok(page)
}
