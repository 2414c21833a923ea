//! doorbuster: a flash-sale order system, actor-based and event-sourced.
//!
//! `ARCHITECTURE.md` describes the design. The modules are declared in reading order: each depends
//! only on those above it.

pub mod values;

pub mod events;

pub mod domain;

pub mod projections;

pub mod clock;
pub mod failed_sync;
pub mod private;
pub mod seldom;
pub mod threads;
pub mod trace;
pub mod whole_file;

pub mod store;

pub mod snapshots;

pub mod config;

pub mod connections;

pub mod conformance;
pub mod devstore;

pub mod metrics;

pub mod admission;
pub mod ownership;
pub mod reports;

pub mod replay;

pub mod pages;

pub mod actors;

pub mod grpc;

pub mod web;

pub mod crowd;

pub mod app;

pub mod cli;
