//! Calls of gRPC, by method and by the code of their answer. Methods come from the contract, so that
//! no made-up path becomes a series.

use std::sync::OnceLock;

use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// Codes that gRPC has.
const CODES: usize = 17;

/// Method and code.
type Labels = [(&'static str, String); 2];

/// The calls of a node.
#[derive(Debug, Default)]
pub(super) struct Calls(Family<Labels, Counter>);

/// The calls of one method.
#[derive(Debug)]
pub struct MethodCalls {
    method: String,
    calls: Family<Labels, Counter>,
    /// A code gets its series when it is first answered: most methods never answer most codes.
    codes: [OnceLock<Counter>; CODES],
}

impl Calls {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let calls = Self::default();
        let about = "Calls of gRPC, by the code that their answer began with";
        registry.register("doorbuster_grpc_calls", about, calls.0.clone());
        calls
    }

    pub(super) fn of(&self, method: String) -> MethodCalls {
        let codes = [const { OnceLock::new() }; CODES];
        let calls = MethodCalls { method, calls: self.0.clone(), codes };
        // Shown from the start, so that the first call is seen as an increase.
        calls.counter("OK");
        calls
    }
}

impl MethodCalls {
    /// A call was answered with that code, which has that name.
    pub fn answered(&self, code: usize, name: &'static str) {
        match self.codes.get(code) {
            Some(known) => known.get_or_init(|| self.counter(name)).inc(),
            None => self.counter(name).inc(),
        };
    }

    fn counter(&self, name: &str) -> Counter {
        let labels = [("method", self.method.clone()), ("code", name.to_owned())];
        self.calls.get_or_create_owned(&labels)
    }
}
