//! Beacons of visitors: what is taken and how it is packed.

pub mod beacon;
pub mod traffic;
