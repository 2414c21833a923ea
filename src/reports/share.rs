//! Shares in parts per million: whole numbers, so that nothing is rounded twice.

/// `part / whole` in parts per million, rounded down; 0 where there is no whole.
pub fn share_ppm(part: i64, whole: i64) -> i64 {
    if whole == 0 {
        return 0;
    }
    let share = i128::from(part) * 1_000_000 / i128::from(whole);
    i64::try_from(share).unwrap_or(if share < 0 { i64::MIN } else { i64::MAX })
}
