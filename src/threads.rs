//! Names and priorities of threads: threads on the order path have the highest priority, observers
//! the lowest. The system may refuse any of it; correctness does not depend on it.

use std::ffi::CString;

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// Niceness of the few threads that every order waits for. Below zero needs a privilege: under
/// systemd `LimitNICE=-10`, in a container `CAP_SYS_NICE`.
const URGENT_NICENESS: i32 = -10;

/// Niceness of threads that work beside the way of an order: a tenth of the others' share where the
/// processor is wanted by all.
const PATIENT_NICENESS: i32 = 10;

/// Names the current thread, so that `top -H` shows the use of the processor. At most 15 bytes are
/// shown.
pub fn name(name: &str) {
    if let Ok(name) = CString::new(name) {
        let _ = rustix::thread::set_name(&name);
    }
}

/// Every order waits for the current thread: it decides or it writes the log.
pub fn urgent() {
    // On Linux niceness belongs to a thread.
    let thread = Some(rustix::thread::gettid());
    if let Err(error) = rustix::process::setpriority_process(thread, URGENT_NICENESS) {
        tracing::debug!(%error, "a thread on the way of an order runs at normal priority");
    }
}

/// The current thread runs only on an otherwise idle processor, and yields at once.
pub fn idle() {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let thread = thread_native_id();
    if let Err(error) = set_thread_priority_and_policy(thread, ThreadPriority::Min, idle) {
        tracing::debug!(?error, "a thread that only looks on runs at normal priority");
    }
}

/// The current thread makes progress but yields the processor to orders: at idle priority it could
/// be starved by them, together with everything that waits for it.
pub fn patient() {
    let thread = Some(rustix::thread::gettid());
    if let Err(error) = rustix::process::setpriority_process(thread, PATIENT_NICENESS) {
        tracing::debug!(%error, "a thread beside the way of an order runs at normal priority");
    }
}
