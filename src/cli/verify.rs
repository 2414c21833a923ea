//! `doorbuster verify`: prove that a log keeps its promises, or say where it breaks them; and write
//! what it proved down for those who have neither the log nor this program.

use std::path::PathBuf;

use indicatif::ProgressBar;
use serde_json::json;
use uuid::Uuid;

use super::{
    Common,
    certificate::{self, Written},
    failure::{Code, Failure},
    output::{LogBar, progress_bar},
    source::{Data, OpenLog},
};
use crate::{
    audit::{self, AuditError, Judged, Proof, ShownEvent, Verifier},
    events::{Position, Recorded},
    store::{ReadError, StoreAddress},
};

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Also write a certificate of what was proved, which anyone can check with
    /// examples/check_certificate.py; nothing is written if the log is not sound
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    #[command(flatten)]
    data: Data,
}

/// Runs `verify`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    let (proof, written) = match &args.certificate {
        None => (verify(&args.data, common)?, None),
        Some(file) => {
            let judged = judge(&args.data, None, common)?;
            let written = certificate::write(&judged, file)?;
            (judged.proof, written)
        }
    };
    common.show(
        || {
            let mut answer = json!({ "ok": proof.ok(), "proof": proof });
            if let Some(written) = &written {
                answer["certificate"] = written.json();
            }
            answer
        },
        || {
            let certificate = written.as_ref().map(Written::text).unwrap_or_default();
            format!("{proof}\n{certificate}")
        },
    )?;
    if proof.ok() { Ok(()) } else { Err(unsound().into()) }
}

/// What is said of a log with findings.
pub fn unsound() -> Failure {
    Failure::new(Code::Integrity, "the log is damaged or breaks its promises")
}

/// Verifies a log.
pub fn verify(data: &Data, common: &Common) -> Result<Proof, Failure> {
    match data.store.address()? {
        StoreAddress::Embedded => {
            let bar = progress_bar(common);
            let proof = audit::verify(&data.dir, &mut tell(&bar));
            bar.finish_and_clear();
            proof.map_err(|error| unjudged(&error))
        }
        StoreAddress::Cluster(_) => shown(data, Verifier::default(), common).map(Verifier::end),
    }
}

/// Verifies a log and keeps what a certificate is made of, and who placed `opening_of`.
pub fn judge(data: &Data, opening_of: Option<Uuid>, common: &Common) -> Result<Judged, Failure> {
    match data.store.address()? {
        StoreAddress::Embedded => {
            let bar = progress_bar(common);
            let judged = audit::verify_to_certify(&data.dir, opening_of, &mut tell(&bar));
            bar.finish_and_clear();
            judged.map_err(|error| unjudged(&error))
        }
        StoreAddress::Cluster(_) => {
            let verifier = Verifier::for_certificate(opening_of);
            shown(data, verifier, common).map(Verifier::judged)
        }
    }
}

fn tell(bar: &ProgressBar) -> impl FnMut(u64, u64) {
    |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    }
}

fn unjudged(error: &AuditError) -> Failure {
    let code = match error {
        AuditError::Damaged { .. } => Code::Integrity,
        AuditError::Missing(_) | AuditError::Foreign { .. } | AuditError::Unreadable { .. } => {
            Code::Failed
        }
    };
    Failure::new(code, error.to_string())
}

/// A verifier that has been shown the log of a store.
fn shown(data: &Data, mut verifier: Verifier, common: &Common) -> Result<Verifier, Failure> {
    let log = data.open()?;
    let bar = LogBar::new(common, log.head().unwrap_or_default());
    let read = show_all(&log, &mut verifier, |position, events| bar.reached(position, events));
    bar.finish();
    read.map_err(|error| log.unreadable(&error))?;
    Ok(verifier)
}

/// Verifies every event of a log, up to the one that is the last when it comes there.
pub fn verify_events(
    log: &OpenLog,
    progress: impl FnMut(Position, u64),
) -> Result<Proof, ReadError> {
    let mut verifier = Verifier::default();
    show_all(log, &mut verifier, progress)?;
    Ok(verifier.end())
}

fn show_all(
    log: &OpenLog,
    verifier: &mut Verifier,
    mut progress: impl FnMut(Position, u64),
) -> Result<(), ReadError> {
    let (mut after, mut events) = (Position::START, 0);
    loop {
        let page = log.page(after)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.position;
        events += page.len() as u64;
        for event in &page {
            show(verifier, event);
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
