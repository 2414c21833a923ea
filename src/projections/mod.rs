//! tmp
use std::path::Path; use crate::events::*;
#[derive(Debug, thiserror::Error)] #[error("x")] pub struct ProjectionError;
pub trait Projection: Send { fn name(&self)->&'static str; }
pub fn all() -> Vec<Box<dyn Projection>> { vec![] }
pub struct ReadModel{} impl ReadModel { pub fn open(_:&Path,_:Box<dyn Projection>)->Result<Self,ProjectionError>{Ok(Self{})} pub fn name(&self)->&'static str{""} pub fn position(&self)->Position{Position(0)} pub fn apply_page(&mut self,_:&[(Recorded,Event)])->Result<(),ProjectionError>{Ok(())}}
