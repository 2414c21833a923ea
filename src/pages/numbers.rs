//! Numbers, amounts, durations and times formatted for display.

use chrono::DateTime;

use super::words::{Lang, Term, fill};
use crate::values::{AT_LEAST, Currency, Invalid, UnixMs};

/// A whole number with its thousands apart. A sum that stayed at the largest number says that it is
/// at least that.
pub fn group(number: i64) -> String {
    let grouped = thousands(number);
    if number == i64::MAX { format!("{AT_LEAST}{grouped}") } else { grouped }
}

fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        grouped.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Microseconds as milliseconds, exactly.
pub fn millis(us: i64) -> String {
    let rest = format!("{:03}", (us % 1_000).abs());
    let whole = group(us / 1_000);
    match rest.trim_end_matches('0') {
        "" => whole,
        rest => format!("{whole}.{rest}"),
    }
}

/// Parts per million as per cent with one decimal, rounded down.
pub fn percent(ppm: i64) -> String {
    let tenths = ppm / 1_000;
    let sign = if ppm < 0 { "-" } else { "" };
    format!("{sign}{}.{}\u{202f}%", group(tenths.abs() / 10), tenths.abs() % 10)
}

/// An amount in minor units with its currency; a currency that is not known shows the bare number.
pub fn amount(minor: i64, currency: &str) -> String {
    let Ok(known) = Currency::parse("currency", currency) else { return group(minor) };
    let text = known.amount(minor);
    let (least, text) = match text.strip_prefix(AT_LEAST) {
        Some(text) => (AT_LEAST, text),
        None => ("", text.as_str()),
    };
    let digits = text.find(['.', ' ']).unwrap_or(text.len());
    match text[..digits].parse::<i64>() {
        // A sum between zero and minus one has its sign in front of the zero only.
        Ok(0) | Err(_) => format!("{least}{text}"),
        Ok(whole) => format!("{least}{}{}", thousands(whole), &text[digits..]),
    }
}

/// A span of time, in its two largest units.
pub fn span(ms: i64, lang: Lang) -> String {
    let said = |term: Term, number: &str| fill(term.text(lang), &[("n", number)]);
    let (seconds, tenths) = (ms / 1_000, ms % 1_000 / 100);
    let (large, count, small, rest) = match seconds {
        _ if ms < 1_000 => return said(Term::Milliseconds, &ms.to_string()),
        0..60 if tenths > 0 => return said(Term::Seconds, &format!("{seconds}.{tenths}")),
        0..60 => return said(Term::Seconds, &seconds.to_string()),
        60..3_600 => (Term::Minutes, seconds / 60, Term::Seconds, seconds % 60),
        3_600..172_800 => (Term::Hours, seconds / 3_600, Term::Minutes, seconds % 3_600 / 60),
        _ => (Term::Days, seconds / 86_400, Term::Hours, seconds % 86_400 / 3_600),
    };
    let large = said(large, &group(count));
    if rest == 0 { large } else { format!("{large} {}", said(small, &rest.to_string())) }
}

/// The beginning of a text that has to fit somewhere.
pub fn short(text: &str, letters: usize) -> String {
    // Letters of Chinese take twice the room.
    let mut room = letters;
    let mut kept = String::new();
    for letter in text.chars() {
        let width = if letter.is_ascii() { 1 } else { 2 };
        if room < width {
            kept.push('…');
            return kept;
        }
        room -= width;
        kept.push(letter);
    }
    kept
}

/// Where a page's days begin: how far its clock is ahead of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clock {
    offset_seconds: i64,
}

/// Moments to name on an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticks {
    pub seconds: Vec<i64>,
    pub step: i64,
}

const STEPS: [i64; 25] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    86_400, 172_800, 604_800, 1_209_600, 2_592_000, 7_776_000, 15_552_000, 31_536_000,
];

impl Clock {
    /// The clock of the log.
    pub const UTC: Self = Self { offset_seconds: 0 };

    /// Reads an offset from UTC such as `+08:00`.
    pub fn parse(field: &str, text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new(field, "is not an offset from UTC such as +08:00");
        let (sign, rest) = match text.split_at_checked(1) {
            Some(("+", rest)) => (1, rest),
            Some(("-", rest)) => (-1, rest),
            Some(_) | None => return Err(wrong()),
        };
        let (hours, minutes) = rest.split_once(':').ok_or_else(wrong)?;
        let two = |text: &str, most: i64| {
            let digits = text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_digit());
            text.parse::<i64>().ok().filter(|number| digits && *number <= most)
        };
        let (hours, minutes) = two(hours, 14).zip(two(minutes, 59)).ok_or_else(wrong)?;
        Ok(Self { offset_seconds: sign * (hours * 3_600 + minutes * 60) })
    }

    /// What the page calls its time.
    pub fn name(self) -> String {
        if self.offset_seconds == 0 {
            return "UTC".to_owned();
        }
        let sign = if self.offset_seconds < 0 { '-' } else { '+' };
        let minutes = self.offset_seconds.abs() / 60;
        format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }

    /// Date and time to the second.
    pub fn moment(self, at: UnixMs) -> String {
        self.written(at.second(), "%Y-%m-%d %H:%M:%S")
    }

    /// A moment for programs: RFC 3339 in UTC.
    pub fn stamp(at: UnixMs) -> String {
        at.to_string()
    }

    /// Moments that are round on this clock: about as many as are wanted, and at most three more.
    pub fn ticks(self, from: i64, until: i64, wanted: i64) -> Ticks {
        let wide = (until - from).max(1);
        let step = STEPS.into_iter().find(|step| wide / step <= wanted).unwrap_or(wide);
        let first = (from + self.offset_seconds).div_euclid(step) * step - self.offset_seconds;
        let ticks = (0..=wide / step + 1).map(|number| first + number * step);
        Ticks { seconds: ticks.filter(|tick| (from..=until).contains(tick)).collect(), step }
    }

    /// A moment on an axis whose names are `step` apart.
    pub fn label(self, second: i64, step: i64) -> String {
        let form = match step {
            ..60 => "%H:%M:%S",
            60..43_200 => "%H:%M",
            _ => "%m-%d %H:%M",
        };
        self.written(second, form)
    }

    fn written(self, second: i64, form: &str) -> String {
        let moment = DateTime::from_timestamp(second.saturating_add(self.offset_seconds), 0);
        moment.map_or_else(|| second.to_string(), |moment| moment.format(form).to_string())
    }
}
