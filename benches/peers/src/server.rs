//! The processes of doorbuster that a measurement starts: server, development server, echo.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, bail, ensure};

/// A server in a process of its own. It is killed when this is dropped; call [`Server::stop`] for an
/// orderly end.
pub struct Server {
    child: Child,
    pub url: String,
}

impl Server {
    /// Starts it and waits for the line that says where it listens.
    pub fn start(binary: &Path, arguments: &[&str], store: Option<&str>) -> anyhow::Result<Self> {
        let mut command = Command::new(binary);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some(store) = store {
            command.env("DOORBUSTER_STORE", store);
        }
        let named = format!("{} {}", binary.display(), arguments.join(" "));
        let mut child = command.spawn().with_context(|| named.clone())?;
        let stdout = child.stdout.take().context("the server has no stdout")?;
        let mut server = Self { child, url: String::new() };
        let mut lines = BufReader::new(stdout).lines();
        let Some(first) = lines.next() else {
            bail!("`{named}` ended at once: {}", server.child.wait()?);
        };
        let started: serde_json::Value =
            serde_json::from_str(&first?).with_context(|| format!("`{named}`"))?;
        server.url = started["url"].as_str().context("no url")?.to_owned();
        // The server must not block on a full pipe.
        thread::spawn(move || lines.for_each(drop));
        Ok(server)
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status()?;
        ensure!(asked.success(), "no signal can be sent to the server");
        for _ in 0..1_000 {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("the server did not stop within 20 s")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already after `stop`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
