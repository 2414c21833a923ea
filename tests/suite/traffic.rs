//! Goal: every beacon that is good counts once, whatever comes with it; what is bad is refused by
//! its field and stops nothing; memory stays bounded; a recording is in the log once however often
//! it is imported. Method: a real server on loopback with a clock that stands still, the real
//! binary for imports, and the pure parts by themselves.

mod batches;
mod forms;
mod import;
mod service;
mod web;

use std::path::Path;

use doorbuster::{
    events::{Event, PackedBeacon, Position, TrafficRecorded, decode},
    store::embedded::LogReader,
};

/// All traffic of a log, with the names of its streams.
fn traffic_of(data: &Path) -> Vec<(String, TrafficRecorded)> {
    let log = LogReader::open(data).unwrap();
    let mut found = Vec::new();
    let mut after = Position::START;
    loop {
        let page = log.read_all(after, 1_000).unwrap();
        let Some(last) = page.last() else { return found };
        after = last.position;
        for recorded in &page {
            if let Event::Traffic(traffic) = decode(recorded).unwrap() {
                found.push((recorded.stream.to_string(), traffic));
            }
        }
    }
}

/// The beacons of those events.
fn beacons_of(traffic: &[(String, TrafficRecorded)]) -> Vec<PackedBeacon> {
    traffic.iter().flat_map(|(_, event)| event.unpack_beacons().unwrap()).collect()
}
