//! The conditions of one query, written down with their parameters.
//!
//! Conditions are our own text; whatever came from outside is a parameter, never text.

use rusqlite::{ParamsFromIter, params_from_iter, types::Value};

/// Conditions that must all hold.
#[derive(Debug, Default)]
pub(super) struct Filter {
    conditions: Vec<&'static str>,
    parameters: Vec<Value>,
}

impl Filter {
    /// Adds a condition with one `?` in it.
    pub fn and(&mut self, condition: &'static str, parameter: impl Into<Value>) {
        self.conditions.push(condition);
        self.parameters.push(parameter.into());
    }

    /// Adds a condition with two `?` in it.
    pub fn and_pair(
        &mut self,
        condition: &'static str,
        first: impl Into<Value>,
        second: impl Into<Value>,
    ) {
        self.and(condition, first);
        self.parameters.push(second.into());
    }

    /// Adds a condition if there is something to compare with.
    pub fn and_given(&mut self, condition: &'static str, parameter: Option<impl Into<Value>>) {
        if let Some(parameter) = parameter {
            self.and(condition, parameter);
        }
    }

    /// What goes behind `WHERE`.
    pub fn condition(&self) -> String {
        match self.conditions.as_slice() {
            [] => "true".to_owned(),
            conditions => conditions.join(" AND "),
        }
    }

    /// The parameters in the order of the conditions.
    pub fn parameters(&self) -> ParamsFromIter<&[Value]> {
        params_from_iter(&self.parameters)
    }
}
