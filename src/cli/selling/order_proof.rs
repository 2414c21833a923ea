//! `order proof`: the proof of one order, from a certificate or from the log.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use audit::{OrderProof, OrderSearch, Unproved};
use serde_json::json;
use uuid::Uuid;

use crate::{
    cli::{
        Common,
        certificate::unwritten,
        failure::{Code, Failure},
        output::answer,
        signals,
        source::Data,
        verify,
    },
    values::OrderId,
    whole_file,
};

/// Arguments of `order proof`.
#[derive(Debug, clap::Args)]
pub struct ProofArgs {
    /// The order
    order: String,
    /// The certificate whose root was published. Without it one is made of the log as it is now, and
    /// the proof leads to the root of that
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// Omit the buyer's identity
    #[arg(long)]
    hide_buyer: bool,
    /// Write the proof to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    data: Data,
}

impl ProofArgs {
    /// Runs `order proof`.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let order = OrderId::parse("ORDER", &self.order)?.0;
        let proof = match &self.certificate {
            Some(file) => from_file(order, file)?,
            None => from_log(order, &self, common)?,
        };
        let document = serde_json::to_string_pretty(&proof)?;
        let Some(file) = &self.out else {
            return Ok(answer(document)?);
        };
        signals::leave_no_parts()?;
        whole_file::write(file, |to| writeln!(to, "{document}"))
            .map_err(|error| unwritten(file, &error))?;
        let OrderProof { order_id, root, .. } = &proof;
        common.show(
            || json!({ "order_id": order_id, "root": root, "file": file.display().to_string() }),
            || format!("The proof is in {}; it leads to the root {root}", file.display()),
        )?;
        Ok(())
    }
}

fn from_file(order: Uuid, file: &Path) -> Result<OrderProof, Failure> {
    let mut search = OrderSearch::new(order);
    let read = File::open(file).and_then(|mut file| io::copy(&mut file, &mut search));
    read.map_err(|error| {
        Failure::new(Code::Failed, format!("{} cannot be read: {error}", file.display()))
    })?;
    search.end(None).map_err(|unproved| missing(&unproved))
}

fn from_log(order: Uuid, args: &ProofArgs, common: &Common) -> Result<OrderProof, Failure> {
    let judged = verify::judge(&args.data, Some(order), common)?;
    let mut search = OrderSearch::new(order);
    match judged.certify(&mut search) {
        Ok(Some(_)) => {}
        Ok(None) => return Err(verify::unsound()),
        Err(error) => return Err(Failure::new(Code::Failed, error.to_string())),
    }
    let opening = judged.opening().filter(|_| !args.hide_buyer);
    search.end(opening.cloned()).map_err(|unproved| missing(&unproved))
}

fn missing(unproved: &Unproved) -> Failure {
    let code = match unproved {
        Unproved::NotThere(_) => Code::Failed,
        Unproved::Wrong { .. } => Code::Integrity,
    };
    Failure::new(code, unproved.to_string())
}
