//! The duration of a recording, printed before it is played: a single row far away from all others
//! would otherwise be an unexplained wait of hours.

use crate::{
    cli::{
        Common,
        failure::{Code, Failure},
        question::window,
    },
    crowd::{pace::Silence, recording::Recording},
    values::{Invalid, count_of},
};

/// Silences that play for longer are reported.
const SILENCE_SECONDS: u64 = 30;
/// So many of them one by one.
const TOLD_MAX: usize = 3;
/// The sale is open for a day; the rest is for the last payments and the figures.
const PLAYS_MAX_SECONDS: u64 = 23 * 3_600;

/// A span of recorded time, at least a second.
pub fn seconds(flag: &str, text: &str) -> Result<u64, Invalid> {
    let span = window(flag, text)?;
    let seconds = u64::try_from(span.seconds).ok().filter(|seconds| *seconds > 0);
    seconds.ok_or_else(|| Invalid::new(flag, "must be at least 1s"))
}

/// Refuses a recording that would play for longer than its sale is open, and says where it is silent.
pub fn check(recording: &Recording, speed: u32, common: &Common) -> Result<(), Failure> {
    let plays = recording.lasts_seconds() / u64::from(speed.max(1));
    if plays <= PLAYS_MAX_SECONDS {
        return Ok(());
    }
    tell(recording, speed, common);
    let message = format!(
        "--traffic: it would play for {}, and its sale is open for a day: play it faster with \
         --speed, or with shorter silences with --gap-max",
        span(plays)
    );
    Err(Failure::new(Code::Usage, message))
}

/// Says how long it will play and where it will be silent.
pub fn tell(recording: &Recording, speed: u32, common: &Common) {
    let plays = |recorded: u64| recorded / u64::from(speed.max(1));
    let lasts = recording.lasts_seconds();
    common.note(format_args!(
        "{} from the first row to the last purchase: plays for {}",
        span(lasts),
        span(plays(lasts))
    ));
    let least = SILENCE_SECONDS.saturating_mul(speed.into());
    let silences = recording.silences(least);
    for Silence { from_seconds, seconds } in silences.iter().take(TOLD_MAX) {
        let offset = count_of(*from_seconds).saturating_mul(1_000);
        let from = recording.begins_at.plus(offset).to_string().replace(".000Z", "Z");
        common.note(format_args!(
            "warning: no purchase for {} ({} played) from {from}",
            span(*seconds),
            span(plays(*seconds))
        ));
    }
    if silences.len() > TOLD_MAX {
        common.note(format_args!("and {} more such silences", silences.len() - TOLD_MAX));
    }
    if !silences.is_empty() {
        common.note("--gap-max 10m plays each as if it were 10 minutes, --speed all faster");
    }
}

/// The two largest units of a span.
fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (1.., ..) => format!("{days} d {} h", hours % 24),
        (0, 1.., _) => format!("{hours} h {} min", minutes % 60),
        (0, 0, 1..) => format!("{minutes} min {} s", seconds % 60),
        (0, 0, 0) => format!("{seconds} s"),
    }
}
