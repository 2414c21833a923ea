//! Goal: any node takes any command, and the nodes keep out of each other's way; a wrong view of who
//! owns what costs time and never a promise. Method: a simulation of the views and of the order of
//! commands under faults, and real servers that call each other.

mod happening;
/// One lane, and a node that leaves, step by step.
mod lane;
mod node;
mod orders;
pub mod pair;
mod seen;
mod simulation;
mod world;
