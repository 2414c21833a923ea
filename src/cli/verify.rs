//! `doorbuster verify`: proves that a log keeps the promises, or reports where it violates them;
//! and writes the proof as a certificate for readers without the log and this program.

mod snapshots;

use std::path::PathBuf;

use audit::{AuditError, Judged, Proof, ShownEvent, Verifier};
use indicatif::ProgressBar;
use serde_json::json;
use uuid::Uuid;

use self::snapshots::Snapshots;
use super::{
    Common,
    certificate::{self, Written},
    failure::{Code, Failure},
    output::{LogBar, progress_bar},
    source::{self, Data, OpenLog},
};
use crate::{
    events::{Position, Recorded},
    store::{
        ReadError, StoreAddress,
        embedded::{LogReader, Loss, OpenError},
    },
};

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Also write a certificate of the proof, which can be checked with
    /// examples/check_certificate.py; nothing is written if the log is not sound
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    #[command(flatten)]
    data: Data,
}

/// Runs `verify`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    // Before the verifier looks: a server that runs beside it only adds to the log meanwhile.
    let loss = loss(&args.data)?;
    if let (Some(loss), Some(_)) = (&loss, &args.certificate) {
        return Err(source::lost(&args.data.dir.display().to_string(), loss).into());
    }
    let (proof, written) = match &args.certificate {
        None => (verify(&args.data, common)?, None),
        Some(file) => {
            let judged = judge(&args.data, None, common)?;
            let written = certificate::write(&judged, file)?;
            (judged.proof, written)
        }
    };
    // A log that is not sound is not folded, and no server should start on it.
    let snapshots = match loss.is_none() && proof.ok() {
        true => Some(Snapshots::check(&args.data)?),
        false => None,
    };
    let are_sound = snapshots.as_ref().is_none_or(Snapshots::are_sound);
    common.show(
        || {
            let sound = proof.ok() && loss.is_none() && are_sound;
            let mut answer = json!({ "ok": sound, "proof": proof });
            if let Some(loss) = &loss {
                answer["loss"] = loss_json(loss);
            }
            if let Some(found) = snapshots.as_ref().map(Snapshots::json).filter(|it| !it.is_null())
            {
                answer["snapshots"] = found;
            }
            if let Some(written) = &written {
                answer["certificate"] = written.json();
            }
            answer
        },
        || {
            let certificate = written.as_ref().map(Written::text).unwrap_or_default();
            match &loss {
                // What is there may be in order: what is said of it must not be taken for more.
                Some(_) => format!("the log is NOT whole; of what is on disk:\n{proof}"),
                None => {
                    let snapshots = snapshots.as_ref().map(Snapshots::text).unwrap_or_default();
                    format!("{proof}\n{snapshots}{certificate}")
                }
            }
        },
    )?;
    match loss {
        Some(loss) => Err(source::lost(&args.data.dir.display().to_string(), &loss).into()),
        None if proof.ok() && are_sound => Ok(()),
        None if proof.ok() => Err(snapshots::wrong().into()),
        None => Err(unsound().into()),
    }
}

/// What is missing in a log that is in a data directory. What else is wrong with it is the
/// verifier's to say.
fn loss(data: &Data) -> Result<Option<Loss>, Failure> {
    match data.store.address()? {
        StoreAddress::Cluster(_) => Ok(None),
        StoreAddress::Embedded => match LogReader::open(&data.dir) {
            Ok(log) => Ok(log.loss().cloned()),
            Err(OpenError::Lost { path, loss }) => {
                Err(source::lost(&path.display().to_string(), &loss))
            }
            Err(_) => Ok(None),
        },
    }
}

fn loss_json(loss: &Loss) -> serde_json::Value {
    let missing = loss.missing.iter().map(|missing| {
        json!({
            "source": missing.source,
            "position": missing.position,
            "event_id": missing.event_id,
            "found": missing.found,
        })
    });
    json!({
        "end": loss.end,
        "known": loss.known,
        "missing": missing.collect::<Vec<_>>(),
        "problem": loss.problem,
        "wal": loss.wal.map(|wal| json!({
            "last_valid_frame": wal.last_valid,
            "first_bad_frame": wal.first_bad,
            "frames_behind": wal.behind,
        })),
    })
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
