//! Options that every verb understands.

use super::log_lines::LogFormat;
use crate::reports::CsvManner;

/// What every verb understands.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct Common {
    /// Answer with JSON on stdout, for programs
    #[arg(long, global = true)]
    pub json: bool,
    /// Print only answers and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Filter for the log on stderr, for example info or doorbuster=debug
    #[arg(long, global = true, value_name = "FILTER", env = "DOORBUSTER_LOG")]
    pub log: Option<String>,
    /// How log lines look
    #[arg(long, global = true, value_enum, value_name = "FORMAT", env = "DOORBUSTER_LOG_FORMAT", default_value_t = LogFormat::Text, hide_possible_values = true)]
    pub log_format: LogFormat,
    /// Answer with CSV: `report` and `order list` say so, and how.
    #[arg(skip)]
    pub csv: Option<CsvManner>,
}
