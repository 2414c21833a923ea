//! Options that every verb understands.

use std::path::{Path, PathBuf};

use super::{
    failure::{Code, Failure},
    log_lines::LogFormat,
};
use crate::{
    admission::read_secret_file,
    crowd::endpoint::{Trust, trust},
    reports::CsvManner,
};

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
    /// File with the authorities that certificates of servers are trusted by, in PEM [default: those
    /// of this machine]
    #[arg(long, global = true, value_name = "FILE", env = "DOORBUSTER_CA")]
    pub ca: Option<PathBuf>,
    /// File with the certificate to show to servers that ask for one, in PEM
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "DOORBUSTER_CLIENT_CERTIFICATE",
        requires = "client_key"
    )]
    pub client_certificate: Option<PathBuf>,
    /// File with its key, in PEM, which others cannot read
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "DOORBUSTER_CLIENT_KEY",
        requires = "client_certificate"
    )]
    pub client_key: Option<PathBuf>,
    /// Answer with CSV: `report` and `order list` say so, and how.
    #[arg(skip)]
    pub csv: Option<CsvManner>,
}

impl Common {
    /// Goes by the authorities and the certificate that are named, in every connection to a server.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn trust_files(&self) -> Result<(), Failure> {
        let read = |option: &str, file: &Path| {
            std::fs::read(file).map_err(|error| unreadable(option, file, &error.to_string()))
        };
        let ca = self.ca.as_deref().map(|file| read("--ca", file)).transpose()?;
        let identity = match (&self.client_certificate, &self.client_key) {
            (Some(certificate), Some(key)) => {
                let key = read_secret_file(key)
                    .map_err(|problem| refused("--client-key", key, &problem))?;
                Some((read("--client-certificate", certificate)?, key))
            }
            _ => None,
        };
        trust(Trust { ca, identity });
        Ok(())
    }
}

fn unreadable(option: &str, file: &Path, error: &str) -> Failure {
    refused(option, file, &format!("cannot be read: {error}"))
}

fn refused(option: &str, file: &Path, problem: &str) -> Failure {
    Failure::new(Code::Usage, format!("{option}: {} {problem}", file.display()))
}
