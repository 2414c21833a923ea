//! Processor time of a server by thread: what an order costs, whatever else the machine does meanwhile;
//! and its memory.

use std::{collections::BTreeMap, fs, io, path::Path};

/// Nanoseconds on a processor by name of thread.
pub type ByThread = BTreeMap<String, u64>;

/// What the threads of a process took since it started; empty where the system does not tell.
pub fn by_thread(process: u32) -> ByThread {
    read(Path::new(&format!("/proc/{process}/task"))).unwrap_or_default()
}

fn read(tasks: &Path) -> io::Result<ByThread> {
    let mut times = ByThread::new();
    for task in fs::read_dir(tasks)? {
        let task = task?.path();
        // A thread that ended since is left out.
        let (Ok(name), Ok(schedule)) =
            (fs::read_to_string(task.join("comm")), fs::read_to_string(task.join("schedstat")))
        else {
            continue;
        };
        let ns = schedule.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0);
        *times.entry(family(&name).to_owned()).or_default() += ns;
    }
    Ok(times)
}

/// Bytes of memory that a process takes, where the system tells.
pub fn resident_bytes(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim_end().parse().ok()?;
    Some(kib * 1_024)
}

/// The name that the threads of a pool share.
fn family(name: &str) -> &str {
    name.trim().trim_end_matches(|end: char| end.is_ascii_digit() || end == '-')
}
