//! The command line: one verb per file.
//!
//! Answers go to stdout, everything else to stderr; exit codes distinguish failures. Verbs call a
//! running server over gRPC or read a data directory; none of them decides anything.

mod asked;
mod audience;
pub mod backup;
pub mod bench;
mod certificate;
mod completions;
pub mod conformance;
pub mod copy;
pub mod crowd;
mod decided;
pub mod demo;
pub mod devstore;
pub mod failure;
mod global_options;
mod json;
pub mod log;
pub mod log_lines;
mod logging;
mod man;
mod models;
mod operations;
#[cfg(feature = "otel")]
mod otel;
mod output;
mod paint;
mod priced;
mod question;
pub mod rebuild;
pub mod replay;
pub mod report;
mod rows;
mod selling;
pub mod serve;
mod server;
mod signals;
mod since;
mod source;
mod token_file;
pub mod verify;
mod whose;
mod write;

pub use audience::traffic;
pub use operations::{alert, incident, level, nodes, script, token, webhook};
pub use selling::{coupon, item, order, sale, sale_file};
use selling::{explain, order_list, references};

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{CommandFactory as _, Parser, Subcommand};

pub use global_options::Common;

/// What `--help` says below the options.
const EXIT_CODES: &str = "Exit codes:
  0  done
  1  it did not work
  2  the command line, a file or a value is wrong
  3  refused: a business \"no\" such as SOLD_OUT
  4  no server answers there
  5  the log is damaged or breaks its promises, or is not the copy it should be
  6  the log is known to have been longer, or is not the one that was answered from
  130  interrupted before it was done";

/// doorbuster sells a fixed stock to far more people than there are goods, and never a unit twice.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES, before_help = "Examples:
  doorbuster demo
  doorbuster serve --data doorbuster-data
  doorbuster sale create -f examples/sale.toml
  doorbuster order place --item ITEM --buyer alice --units 1
  doorbuster report stock
  doorbuster verify --data doorbuster-data")]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run a server
    #[command(before_help = "Examples:
  doorbuster serve
  doorbuster serve --listen 0.0.0.0:7420 --tls-certificate server.crt --tls-key server.key
  doorbuster serve --config doorbuster.toml --log info
  DOORBUSTER_LISTEN=127.0.0.1:0 doorbuster serve --json")]
    Serve(Box<serve::Args>),
    /// Watch a sale happen: server, crowd and report in one process
    Demo(demo::Args),
    /// Send a crowd of shoppers to servers that are running
    #[command(before_help = "Examples:
  doorbuster crowd --server http://127.0.0.1:7400
  doorbuster crowd --units 5000 --items 5 --shoppers 100000 --json")]
    Crowd(crowd::Args),
    /// Create, show, pause and close sales
    #[command(before_help = "Examples:
  doorbuster sale create -f sale.toml
  doorbuster sale list")]
    Sale(sale::Args),
    /// Show and steer an item
    #[command(before_help = "Examples:
  doorbuster item show 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77
  doorbuster item pause 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --reason \"price is wrong\"")]
    Item(item::Args),
    /// Show and set the service level
    #[command(before_help = "Examples:
  doorbuster level show
  doorbuster level set no_traffic --reason \"orders are slow\"")]
    Level(level::Args),
    /// Show the nodes that share the store, as one of them sees them
    #[command(before_help = "Examples:
  doorbuster nodes
  doorbuster nodes --server http://node-1:7420 --json")]
    Nodes(nodes::Args),
    /// Make, list, rotate and revoke tokens in their file
    #[command(before_help = "Examples:
  doorbuster token new --role operator --name olga
  doorbuster token new --role shop --name web-shop --out /etc/doorbuster/shop.token
  doorbuster token list
  doorbuster token rotate 4f2a9c01d3e8 --overlap-hours 24
  doorbuster token revoke 4f2a9c01d3e8")]
    Token(token::Args),
    /// Manage incidents: steps, actions and cost
    #[command(before_help = "Examples:
  doorbuster incident open --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --title \"payments are slow\"
  doorbuster incident list --open
  doorbuster incident show 6c3f0c6e-9a1b-5c0f-8a4e-1f2d3c4b5a69")]
    Incident(incident::Args),
    /// Manage the wordings of customer service
    #[command(before_help = "Examples:
  doorbuster script list --lang en
  doorbuster script say --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --buyer alice")]
    Script(script::Args),
    /// Place, pay, cancel and find orders
    #[command(before_help = "Examples:
  doorbuster order place --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --buyer alice --units 1
  doorbuster order list --buyer alice")]
    Order(order::Args),
    /// Claim, grant, show and close coupons
    #[command(before_help = "Examples:
  doorbuster coupon claim 2f0c5a1e-6b7d-5e0f-9a1b-3c4d5e6f7a81 --buyer alice
  doorbuster coupon list 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --buyer alice")]
    Coupon(coupon::Args),
    /// Stock, orders, sales and the timeline
    #[command(before_help = "Examples:
  doorbuster report stock
  doorbuster report sales 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --json")]
    Report(Box<report::Args>),
    /// List and follow alerts, show and check rules
    #[command(before_help = "Examples:
  doorbuster alert list --firing
  doorbuster alert follow --json
  doorbuster alert check 'available_units < 0.1 * allocated_units'")]
    Alert(alert::Args),
    /// Show and steer the webhook of order events
    #[command(before_help = "Examples:
  doorbuster webhook list
  doorbuster webhook failed
  doorbuster webhook resend")]
    Webhook(webhook::Args),
    /// Import recorded traffic into a log
    #[command(before_help = "Examples:
  doorbuster traffic import recorded.csv.gz --data doorbuster-data")]
    Traffic(traffic::Args),
    /// Read the log of a data directory or a cluster
    #[command(before_help = "Examples:
  doorbuster log streams
  doorbuster log read --limit 20
  doorbuster log read --follow --json")]
    Log(log::Args),
    /// Prove that a log is undamaged and oversold nothing
    #[command(before_help = "Examples:
  doorbuster verify
  doorbuster verify --data /var/lib/doorbuster --json
  doorbuster verify --certificate sale.certificate
  doorbuster verify --store esdb://127.0.0.1:2113?tls=false")]
    Verify(verify::Args),
    /// Copy a log into another store, and compare both sides
    #[command(before_help = "Examples:
  doorbuster copy --from doorbuster-data --to esdb://127.0.0.1:2113?tls=false
  doorbuster copy --from esdb://127.0.0.1:2113?tls=false --to backup --read-models")]
    Copy(copy::Args),
    /// Copy a log with its witness, also beside a running server
    #[command(before_help = "Examples:
  doorbuster backup /var/backups/doorbuster-1111
  doorbuster backup copy --data /var/lib/doorbuster --json")]
    Backup(backup::Args),
    /// Rebuild the read models from the log
    #[command(before_help = "Examples:
  doorbuster rebuild
  doorbuster rebuild --data /var/lib/doorbuster --compare")]
    Rebuild(rebuild::Args),
    /// Replay a sale: as recorded, compared with the read models, or under other rules
    #[command(before_help = "Examples:
  doorbuster replay --speed 10
  doorbuster replay 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --speed 60 --data /var/lib/doorbuster
  doorbuster replay --compare
  doorbuster replay --what-if limit=2
  doorbuster replay --what-if units=+200 --what-if time-to-pay=5m --json
  doorbuster replay --what-if draw,seed=7
  doorbuster replay --what-if steps=100:990/400:1290")]
    Replay(replay::Args),
    /// Test whether a store keeps the rules that doorbuster relies on
    #[command(before_help = "Examples:
  doorbuster conformance --target esdb://127.0.0.1:2113?tls=false
  doorbuster conformance --target embedded --json")]
    Conformance(conformance::Args),
    /// Serve a log to clients of EventStoreDB, for development
    #[command(before_help = "Examples:
  doorbuster devstore
  doorbuster devstore --data /tmp/rehearsal --listen 127.0.0.1:0 --json")]
    Devstore(devstore::Args),
    /// Measure how fast it is on this machine
    Bench(bench::Args),
    /// Print the completion script of a shell
    #[command(before_help = "Examples:
  doorbuster completions bash > ~/.local/share/bash-completion/completions/doorbuster
  doorbuster completions zsh > ~/.zfunc/_doorbuster
  doorbuster completions fish > ~/.config/fish/completions/doorbuster.fish")]
    Completions(completions::Args),
    /// Print the manual page, or write the pages of all verbs
    #[command(before_help = "Examples:
  doorbuster man | man -l -
  doorbuster man --out ~/.local/share/man/man1")]
    Man(man::Args),
}

impl Verb {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        match self {
            Self::Serve(args) => serve::run(&args, common),
            Self::Demo(args) => demo::run(args, common),
            Self::Crowd(args) => crowd::run(args, common),
            Self::Sale(args) => sale::run(args, common),
            Self::Alert(args) => alert::run(args, common),
            Self::Webhook(args) => webhook::run(args, common),
            Self::Item(args) => item::run(args, common),
            Self::Level(args) => level::run(args, common),
            Self::Nodes(args) => nodes::run(&args, common),
            Self::Token(args) => token::run(args, common),
            Self::Incident(args) => incident::run(args, common),
            Self::Script(args) => script::run(args, common),
            Self::Order(args) => order::run(args, common),
            Self::Coupon(args) => coupon::run(args, common),
            Self::Report(args) => report::run(*args, common),
            Self::Traffic(args) => traffic::run(args, common),
            Self::Log(args) => log::run(args, common),
            Self::Verify(args) => verify::run(args, common),
            Self::Copy(args) => copy::run(args, common),
            Self::Backup(args) => backup::run(&args, common),
            Self::Rebuild(args) => rebuild::run(args, common),
            Self::Replay(args) => replay::run(args, common),
            Self::Conformance(args) => conformance::run(args, common),
            Self::Devstore(args) => devstore::run(args, common),
            Self::Bench(args) => bench::run(args, common),
            Self::Completions(args) => completions::run(args, Cli::command()),
            Self::Man(args) => man::run(args, Cli::command(), common),
        }
    }
}

/// The whole program.
pub fn main() -> ExitCode {
    let Cli { common, verb } = Cli::parse();
    let serve = if let Verb::Serve(args) = &verb { Some(&**args) } else { None };
    // What the log needs is dropped last.
    let log = logging::start(&common, serve);
    let done = log.and_then(|_running| {
        common.trust_files()?;
        verb.run(&common)
    });
    let Err(error) = done else { return ExitCode::SUCCESS };
    let Some(code) = failure::exit_code(&error) else { return ExitCode::SUCCESS };
    let _ = writeln!(io::stderr(), "{} {error:#}", paint::wrong("error:"));
    ExitCode::from(code as u8)
}
