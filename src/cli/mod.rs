//! The command line: one verb a file.

pub mod bench;
pub mod demo;
