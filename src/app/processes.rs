//! The process managers of a node, and the threads that follow the log for them.

use actix_rt::Arbiter;
use tokio::task::JoinHandle;

use crate::{
    actors::process::{
        EarnCoupons, LookAfterOrders, Manager, ManagerParts, Reactions, TellItems, WakeItems,
    },
    threads,
};

/// Starts all process managers; an alert brings about nothing where alerts are off.
pub(super) fn start(parts: &ManagerParts, alerts: bool) -> (Vec<Arbiter>, Vec<JoinHandle<()>>) {
    // What these do has time, and orders need the processor.
    let idle = thread("processes", threads::idle);
    let mut tasks = vec![
        Manager::start(TellItems::default(), parts.clone(), &idle.handle()),
        Manager::start(LookAfterOrders::default(), parts.clone(), &idle.handle()),
        Manager::start(EarnCoupons::default(), parts.clone(), &idle.handle()),
        Manager::start(WakeItems::default(), parts.clone(), &idle.handle()),
    ];
    let mut all = vec![idle];
    if alerts {
        // The level has to be lowered when the processor is short.
        let patient = thread("reactions", threads::patient);
        tasks.push(Manager::start(Reactions::default(), parts.clone(), &patient.handle()));
        all.push(patient);
    }
    (all, tasks)
}

fn thread(name: &'static str, priority: fn()) -> Arbiter {
    let arbiter = Arbiter::new();
    arbiter.spawn_fn(move || {
        threads::name(name);
        priority();
    });
    arbiter
}
