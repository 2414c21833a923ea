//! How many threads of each kind a node has, by the cores of the machine.

pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Threads that serve gRPC. Two for each core: with one, a call waits for its thread when the items
/// or the log preempt it. Measured: pipelined orders gain, others do not lose.
pub(super) fn grpc_threads() -> usize {
    cores() * 2
}
