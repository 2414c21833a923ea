//! Beacons of visitors: validation and packing.

pub mod beacon;
pub mod traffic;
