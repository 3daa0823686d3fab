//! A position in a room's journal, as an operator writes it on the command line: a tick number, or a time since the room opened.

use std::str::FromStr;

use quarrel_shared::tick::{Tick, TickRate};

/// A tick, or a time since the room opened. For a length, such as the margin of a slice: a number of ticks, or a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TickOrTime {
    /// A tick number.
    Tick(Tick),
    /// Milliseconds of play since the room opened, at the room's tick rate.
    Ms(u64),
}

/// The error of parsing a text that is neither a tick number nor a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a tick number, such as 2700, or a time, such as 90s, 2m10s, 1h or 500ms")]
pub struct ParseTickOrTimeError;

impl TickOrTime {
    /// Returns the tick in a room of this rate; a time between two ticks gives the earlier one. At most `u32::MAX`.
    #[must_use]
    pub fn tick(self, rate: TickRate) -> Tick {
        match self {
            Self::Tick(tick) => tick,
            Self::Ms(ms) => {
                let ticks = u128::from(ms) * u128::from(rate.hz()) / 1000;
                Tick(u32::try_from(ticks).unwrap_or(u32::MAX))
            }
        }
    }
}

impl FromStr for TickOrTime {
    type Err = ParseTickOrTimeError;

    fn from_str(text: &str) -> Result<Self, ParseTickOrTimeError> {
        if let Ok(tick) = text.parse() {
            return Ok(Self::Tick(Tick(tick)));
        }
        let (mut rest, mut ms, mut last_unit) = (text, 0u64, u64::MAX);
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or(ParseTickOrTimeError)?;
            let (number, after_number) = rest.split_at(digits);
            let letters = after_number.find(|c: char| c.is_ascii_digit()).unwrap_or(after_number.len());
            let unit = UNITS.iter().find(|(name, _)| *name == &after_number[..letters]);
            let unit = unit.ok_or(ParseTickOrTimeError)?.1;
            // Units must be in descending order, each at most once: `10s2m` is probably a typing error.
            if unit >= last_unit {
                return Err(ParseTickOrTimeError);
            }
            let number: u64 = number.parse().map_err(|_| ParseTickOrTimeError)?;
            ms =
                number.checked_mul(unit).and_then(|more| ms.checked_add(more)).ok_or(ParseTickOrTimeError)?;
            (rest, last_unit) = (&after_number[letters..], unit);
        }
        if text.is_empty() { Err(ParseTickOrTimeError) } else { Ok(Self::Ms(ms)) }
    }
}

/// The units of time, each with its length in milliseconds.
const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

/// Formats the duration of this number of ticks at this rate, as in `0.5s`, `1m30s` and `1h0m1s`; tenths only below a minute.
pub(crate) fn format_duration(ticks: u32, rate: TickRate) -> String {
    let tenths = u64::from(ticks) * 10 / u64::from(rate.hz());
    let (seconds, tenth) = (tenths / 10, tenths % 10);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}.{tenth}s"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_or_a_time_is_parsed_and_other_texts_are_rejected() {
        let tick = |text: &str| text.parse().map(|parsed: TickOrTime| parsed.tick(TickRate::DEFAULT).0);
        let valid = [
            ("2700", 2700),
            ("90s", 2700),
            ("2m10s", 3900),
            ("1h", 108_000),
            ("500ms", 15),
            ("1s500ms", 45),
            ("9999999h", u32::MAX),
        ];
        for (text, ticks) in valid {
            assert_eq!(tick(text), Ok(ticks), "{text}");
        }
        for text in
            ["", "s", "-3", "10s2m", "5s5s", "4 s", "3d", "99999999999999999999s", "4.5s", "99999999999"]
        {
            assert_eq!(tick(text), Err(ParseTickOrTimeError), "{text}");
        }
    }

    #[test]
    fn ticks_are_formatted_as_a_duration() {
        let formatted = [15, 2700, 108_030].map(|ticks| format_duration(ticks, TickRate::DEFAULT));
        assert_eq!(formatted, ["0.5s", "1m30s", "1h0m1s"]);
    }
}
