//! Colour, on terminals and unless it is disabled: `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` and
//! `TERM=dumb` mean what they mean elsewhere. Colour adds no information to the text.

use std::io;

use anstream::{AutoStream, ColorChoice};
use clap::builder::styling::{AnsiColor, Style};

/// Whether the log on stderr may be in colour.
pub fn on_stderr() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

/// What went wrong, on stderr.
pub fn wrong(text: &str) -> String {
    let style = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    painted(text, style, on_stderr())
}

/// What heads a column or names a fact, on stdout.
pub fn heading(text: &str) -> String {
    painted(text, Style::new().bold(), AutoStream::choice(&io::stdout()) != ColorChoice::Never)
}

fn painted(text: &str, style: Style, wanted: bool) -> String {
    if wanted { format!("{style}{text}{style:#}") } else { text.to_owned() }
}
