//! Durations as text: `500ms`, `20s`, `2m`, `1h`.

use std::time::Duration;

/// The units with their lengths in milliseconds; `ms` comes first, so that it is not parsed as a number that ends in `m`, with the unit
/// `s`.
const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

/// Parses a duration.
///
/// # Errors
/// A sentence that names the accepted form.
pub fn parse(text: &str) -> Result<Duration, String> {
    let unit = UNITS.iter().find_map(|(unit, ms)| Some((text.strip_suffix(unit)?, *ms)));
    unit.and_then(|(number, ms)| number.parse::<u64>().ok()?.checked_mul(ms))
        .map(Duration::from_millis)
        .ok_or_else(|| {
            format!("'{text}' is not a duration: write a whole number and ms, s, m or h, as in 500ms or 20s")
        })
}

/// Formats a duration in the largest unit of which it is a multiple, so that [`parse`] can read the text. Fractions of a millisecond are
/// dropped.
#[must_use]
pub fn format(duration: Duration) -> String {
    let ms = duration.as_millis();
    let fits = |(_, unit_ms): &&(&str, u64)| ms > 0 && ms.is_multiple_of(u128::from(*unit_ms));
    let (unit, unit_ms) = UNITS.iter().rev().find(fits).unwrap_or(&("s", 1000));
    format!("{}{unit}", ms / u128::from(*unit_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_make_a_duration() {
        for (text, ms) in [("500ms", 500), ("20s", 20_000), ("2m", 120_000), ("1h", 3_600_000), ("0s", 0)] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
            assert_eq!(format(Duration::from_millis(ms)), text);
        }
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for text in ["", "20", "s", "-1s", "1.5s", "20 s", "99999999999999999999s", "9999999999999999999h"] {
            assert!(parse(text).unwrap_err().contains("as in"), "{text}");
        }
    }
}
