//! The certificate of a server: read when it starts, and again when its files change.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

use crate::{
    admission::read_secret_file,
    clock::{Clock as _, WallClock},
    config::{Config, Port, TlsPaths},
    connections::{Security, Spoken, Tls, TlsFiles},
    values::Invalid,
};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// How the listeners of a server are secured.
#[derive(Clone)]
pub(super) struct Securing {
    tls: Option<(Arc<Tls>, TlsPaths)>,
    plain: Vec<Port>,
}

/// How a file looks from outside: after a change another one.
type Stamp = Vec<Option<(u64, u64, i64, i64, i64, i64)>>;

impl Securing {
    /// Reads the files, and warns of what is in plain text.
    ///
    /// # Errors
    /// When a setting is refused or its file is of no use.
    pub(super) fn start(config: &Config) -> anyhow::Result<Self> {
        let paths = config.tls()?;
        for (port, address) in config.plain_beyond_this_machine() {
            tracing::warn!(
                %address,
                "insecure: {} is in plain text: who reaches it, or anything between, can read and \
                 change what is sent",
                port.name()
            );
        }
        let tls = match paths {
            Some(paths) => {
                let tls = Tls::new(&read(&paths)?).context("TLS is refused")?;
                if tls.counts().expires_s <= now_s() {
                    tracing::error!("tls_certificate has expired: clients refuse it");
                }
                Some((tls, paths))
            }
            None => None,
        };
        let plain = Port::ALL.into_iter().filter(|port| !config.is_encrypted(*port)).collect();
        Ok(Self { tls, plain })
    }

    /// The certificate, if there is one.
    pub(super) fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.as_ref().map(|(tls, _)| Arc::clone(tls))
    }

    /// How connections to a listener are secured.
    pub(super) fn of(&self, port: Port) -> Security {
        let spoken = match port {
            Port::Listen => Spoken::Http2,
            Port::Http | Port::Board => Spoken::Http1,
            Port::Web | Port::Stock => Spoken::Anyone,
        };
        let tls = self.tls.as_ref().filter(|_| !self.plain.contains(&port));
        Security::new(tls.map(|(tls, _)| tls), spoken)
    }

    /// Looks at the files until this is dropped, and uses what they hold after each change.
    pub(super) async fn follow_files(self) {
        let Some((tls, paths)) = self.tls else { return };
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut said = String::new();
        // What was read at the start may have changed before the first look, which reads it again.
        let (mut known, mut first): (Option<Stamp>, bool) = (None, true);
        loop {
            ticks.tick().await;
            let (last, at, target) = (known.take(), paths.clone(), Arc::clone(&tls));
            let looked = spawn_blocking(move || look(&target, &at, last));
            let Ok((stamp, outcome)) = looked.await else { return };
            match outcome {
                Some(Ok(())) => {
                    if !first {
                        tracing::info!("TLS goes by the changed files from now on");
                    }
                    known = Some(stamp);
                    said.clear();
                }
                // Looked at again: a file may be half written, or follow the others.
                Some(Err(problem)) => {
                    if said != problem {
                        tracing::error!(
                            "{problem}; the certificate that was read before stays in use"
                        );
                        said = problem;
                    }
                }
                None => known = Some(stamp),
            }
            first = false;
        }
    }
}

/// Uses the files if they are others than `last`. What became of it, if there was something to do.
fn look(tls: &Tls, paths: &TlsPaths, last: Option<Stamp>) -> (Stamp, Option<Result<(), String>>) {
    let stamp = stamp(paths);
    if last.as_ref() == Some(&stamp) {
        return (stamp, None);
    }
    let used = match read(paths) {
        Ok(files) => tls.replace(&files, now_s()),
        Err(problem) => {
            tls.cannot_read();
            Err(problem)
        }
    };
    (stamp, Some(used.map_err(|problem| problem.to_string())))
}

fn stamp(paths: &TlsPaths) -> Stamp {
    let files = [Some(&paths.certificate), Some(&paths.key), paths.client_ca.as_ref()];
    let look = |file: &Path| {
        let found = fs::metadata(file).ok()?;
        Some((
            found.ino(),
            found.len(),
            found.mtime(),
            found.mtime_nsec(),
            found.ctime(),
            found.ctime_nsec(),
        ))
    };
    files.into_iter().flatten().map(|file| look(file)).collect()
}

fn read(paths: &TlsPaths) -> Result<TlsFiles, Invalid> {
    let file = |setting: &str, file: &Path| {
        let refused = |problem: String| {
            Invalid::new(setting, format!("is {}, which {problem}", file.display()))
        };
        let unreadable = |error: std::io::Error| refused(format!("cannot be read: {error}"));
        if fs::metadata(file).map_err(unreadable)?.len() > FILE_BYTES_MAX {
            return Err(refused(format!("has more than {FILE_BYTES_MAX} bytes")));
        }
        fs::read(file).map_err(unreadable)
    };
    let key = read_secret_file(&paths.key).map_err(|problem| {
        Invalid::new("tls_key", format!("is {}, which {problem}", paths.key.display()))
    })?;
    Ok(TlsFiles {
        certificate: file("tls_certificate", &paths.certificate)?,
        key,
        client_ca: match &paths.client_ca {
            Some(ca) => Some(file("tls_client_ca", ca)?),
            None => None,
        },
    })
}

/// Certificates are valid by the wall clock, whatever clock a sale goes by.
fn now_s() -> i64 {
    WallClock.now().second()
}
