//! What the figures were measured on. Figures of two machines cannot be compared.

use std::{fs, process::Command};

/// Processor, cores, memory, kernel, load and date, a line each.
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let value = |line: &str| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then(|| value.trim().to_owned())
        };
        text.lines().find_map(value).unwrap_or_else(|| "unknown".to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "date      {}\nprocessor {}, {cores} cores\nmemory    {}\nkernel    {}\nload      {} \
         (average of 1, 5, 15 minutes at the start; above 0.1, other programs ran)\n",
        said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        field(&read("/proc/cpuinfo"), "model name"),
        field(&read("/proc/meminfo"), "MemTotal"),
        said("uname", &["-srm"]),
        read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "),
    )
}

/// The first line of what a command prints.
pub fn said(command: &str, arguments: &[&str]) -> String {
    let output = Command::new(command).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.ok().and_then(|text| text.lines().next().map(str::to_owned)).unwrap_or_default()
}
