//! `grpc-timeout`: how long a caller waits.
//!
//! Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>, "Timeout".

use std::time::Duration;

use tonic::codegen::http::HeaderMap;

use crate::values::Invalid;

const HEADER: &str = "grpc-timeout";

/// Most digits that a timeout may have.
const DIGITS_MAX: usize = 8;

/// Longest timeout that is kept: what is longer is as good as none.
pub(super) const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3600);

/// The timeout of a call, if it has one.
///
/// # Errors
/// When it is not one to eight digits and a unit.
pub(super) fn asked_timeout(headers: &HeaderMap) -> Result<Option<Duration>, Invalid> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    let read = value.to_str().ok().and_then(parse);
    let timeout = read.ok_or_else(|| {
        Invalid::new(HEADER, "must be one to eight digits and one of the units H, M, S, m, u, n")
    })?;
    Ok(Some(timeout).filter(|timeout| *timeout <= TIMEOUT_MAX))
}

fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let is_number = (1..=DIGITS_MAX).contains(&digits.len())
        && digits.bytes().all(|digit| digit.is_ascii_digit());
    let count: u64 = if is_number { digits.parse().ok()? } else { return None };
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}
