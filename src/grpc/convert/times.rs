//! Moments and spans, as the wire has them.

use prost_types::{Duration as ProtoDuration, Timestamp};

use crate::values::{Invalid, UnixMs};

/// A moment that came over the wire, where one was given.
pub(in crate::grpc) fn moment(
    field: &str,
    time: Option<Timestamp>,
) -> Result<Option<UnixMs>, Invalid> {
    let Some(Timestamp { seconds, nanos }) = time else { return Ok(None) };
    if !(0..1_000_000_000).contains(&nanos) {
        return Err(Invalid::new(field, "has nanoseconds outside of 0 to 999,999,999"));
    }
    let ms = seconds.saturating_mul(1000).saturating_add(i64::from(nanos / 1_000_000));
    UnixMs(ms).checked(field).map(Some)
}

/// A span that came over the wire, in whole milliseconds, where one was given.
pub(in crate::grpc) fn span_ms(
    field: &str,
    span: Option<ProtoDuration>,
) -> Result<Option<i64>, Invalid> {
    let Some(ProtoDuration { seconds, nanos }) = span else { return Ok(None) };
    if seconds < 0 || !(0..1_000_000_000).contains(&nanos) {
        return Err(Invalid::new(field, "must not be negative"));
    }
    Ok(Some(seconds.saturating_mul(1000).saturating_add(i64::from(nanos / 1_000_000))))
}

pub(in crate::grpc) fn timestamp(moment: UnixMs) -> Timestamp {
    let nanos = i32::try_from(moment.0.rem_euclid(1000)).unwrap_or(0) * 1_000_000;
    Timestamp { seconds: moment.second(), nanos }
}

pub(in crate::grpc) fn duration(ms: i64) -> ProtoDuration {
    let nanos = i32::try_from(ms.rem_euclid(1000)).unwrap_or(0) * 1_000_000;
    ProtoDuration { seconds: ms.div_euclid(1000), nanos }
}
