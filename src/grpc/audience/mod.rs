//! The service that takes beacons.

pub(super) mod traffic;
