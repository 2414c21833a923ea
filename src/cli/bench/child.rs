//! The servers that a measurement starts: child processes of this binary, so that load and server
//! share nothing but the machine.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

const START_SECONDS_MAX: u64 = 30;
const STOP_SECONDS_MAX: u64 = 10;

/// The first line that a server started with `--json` writes to stdout.
#[derive(Debug, Serialize, Deserialize)]
pub struct Started {
    /// For example `http://127.0.0.1:7420`.
    pub url: String,
}

/// A server in a process of its own. It is stopped when this is dropped.
#[derive(Debug)]
pub struct ServerChild {
    child: Child,
    url: String,
}

impl ServerChild {
    /// Starts this binary with these arguments and waits until it says where it listens.
    pub fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        Self::start_with(arguments, &[])
    }

    /// The same with variables in its environment.
    pub fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        let program = env::current_exe().context("this program cannot find itself")?;
        let mut child = Command::new(program)
            .args(arguments)
            .envs(variables.iter().copied())
            // The child ends with its stdin, that is, also when this process is killed.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("{} cannot be started", arguments.join(" ")))?;
        let stdout = child.stdout.take();
        let mut started = Self { child, url: String::new() };
        let Some(stdout) = stdout else { bail!("the server has no stdout") };
        let (sender, receiver) = mpsc::sync_channel(1);
        thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines();
            // The receiver is gone if the wait was given up.
            let _ = sender.send(lines.next());
            // Keep reading: the server must not block on a full pipe.
            lines.for_each(drop);
        });
        let first = receiver
            .recv_timeout(Duration::from_secs(START_SECONDS_MAX))
            .with_context(|| format!("no address within {START_SECONDS_MAX} s"))?;
        let Some(line) = first else {
            let status = started.child.wait()?;
            bail!("`{}` ended at once: {status}", arguments.join(" "));
        };
        let Started { url } = serde_json::from_str(&line?)
            .with_context(|| format!("`{}` printed no address", arguments.join(" ")))?;
        started.url = url;
        Ok(started)
    }

    /// Where it serves.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let asked = pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok());
        let until = Instant::now() + Duration::from_secs(STOP_SECONDS_MAX);
        while asked && Instant::now() < until {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(Duration::from_millis(10)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        // It did not stop in time; an error means that it has ended meanwhile.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for ServerChild {
    fn drop(&mut self) {
        self.stop();
    }
}
