//! `doorbuster verify`: prove that a log keeps its promises, or say where it breaks them.

use std::path::Path;

use indicatif::ProgressBar;
use serde_json::json;

use super::{
    Common,
    failure::{Code, Failure},
    output::{LogBar, progress_bar},
    source::{Data, OpenLog},
};
use crate::{
    audit::{self, AuditError, Proof, ShownEvent, Verifier},
    events::{Position, Recorded},
    store::{ReadError, StoreAddress},
};

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    data: Data,
}

/// Runs `verify`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    let proof = match args.data.store.address()? {
        StoreAddress::Embedded => verify_file(&args.data.dir, &progress_bar(common))?,
        StoreAddress::Cluster(_) => {
            let log = args.data.open()?;
            let bar = LogBar::new(common, log.head().unwrap_or_default());
            let proof = verify_events(&log, |position, events| bar.reached(position, events));
            bar.finish();
            proof.map_err(|error| log.unreadable(&error))?
        }
    };
    common.show(
        || {
            json!({
                "ok": proof.ok(),
                "proof": proof,
            })
        },
        || proof.to_string(),
    )?;
    if proof.ok() {
        return Ok(());
    }
    Err(Failure::new(Code::Integrity, "the log is damaged or breaks its promises").into())
}

fn verify_file(data: &Path, bar: &ProgressBar) -> Result<Proof, Failure> {
    let proof = audit::verify(data, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    proof.map_err(|error| {
        let code = match error {
            AuditError::Damaged { .. } => Code::Integrity,
            AuditError::Missing(_) | AuditError::Foreign { .. } | AuditError::Unreadable { .. } => {
                Code::Failed
            }
        };
        Failure::new(code, error.to_string())
    })
}

/// Shows the verifier every event of a log, up to the one that is the last when it comes there.
pub fn verify_events(
    log: &OpenLog,
    mut progress: impl FnMut(Position, u64),
) -> Result<Proof, ReadError> {
    let mut verifier = Verifier::default();
    let (mut after, mut events) = (Position::START, 0);
    loop {
        let page = log.page(after)?;
        let Some(last) = page.last() else { return Ok(verifier.end()) };
        after = last.position;
        events += page.len() as u64;
        for event in &page {
            show(&mut verifier, event);
        }
        progress(after, events);
    }
}

fn show(verifier: &mut Verifier, event: &Recorded) {
    verifier.see(&ShownEvent {
        position: event.position.0,
        stream: &event.stream.to_string(),
        revision: event.revision,
        id: event.id.as_bytes(),
        kind: &event.kind,
        data: &event.data,
        metadata: &event.metadata,
        recorded_at_ms: event.recorded_at_ms,
    });
}
