//! Operator settings of an Arena room, and the range of each.

use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// Settings of an Arena room. A number outside its range is refused when it is read, and the error names the range: an
/// operator must notice that a setting cannot take effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "snake_case")]
pub struct Settings {
    /// The teams.
    pub mode: Mode,
    /// Eliminations that win a match, of one fighter or of a team together: 1 to 1,000.
    #[serde(deserialize_with = "within::<_, 1, 1000>")]
    pub score_to_win: u16,
    /// Maximum length of a match, in seconds: 10 to 3,600.
    #[serde(deserialize_with = "within::<_, 10, 3600>")]
    pub time_limit_s: u16,
    /// Time for which a result is shown before the next match, in seconds: 1 to 60.
    #[serde(deserialize_with = "within::<_, 1, 60>")]
    pub result_s: u16,
}

/// The teams of a match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Every fighter against every other.
    #[default]
    FreeForAll,
    /// Red against blue; team mates cannot hit each other.
    Teams,
}

impl Default for Settings {
    /// A match among sixteen bots lasts about twelve seconds, so that a load test of twenty seconds sees matches end.
    fn default() -> Self {
        Self { mode: Mode::FreeForAll, score_to_win: 4, time_limit_s: 180, result_s: 5 }
    }
}

/// Reads a number from `MIN` to `MAX`. It is read as `i64`, so that a number too large for the field gets the error with the
/// range too, not one about a type.
fn within<'de, D: Deserializer<'de>, const MIN: u16, const MAX: u16>(from: D) -> Result<u16, D::Error> {
    let number = i64::deserialize(from)?;
    u16::try_from(number)
        .ok()
        .filter(|value| (MIN..=MAX).contains(value))
        .ok_or_else(|| D::Error::custom(format_args!("{number} is out of range; it takes {MIN} to {MAX}")))
}

#[cfg(test)]
mod tests {
    use serde::de::value::{Error, MapDeserializer};

    use super::*;

    /// Settings read from this field alone.
    fn with_field(name: &str, number: i64) -> Result<Settings, Error> {
        Settings::deserialize(MapDeserializer::new([(name, number)].into_iter()))
    }

    #[test]
    fn a_number_out_of_range_is_refused_with_the_range() {
        for (name, min, max) in [("score_to_win", 1, 1000), ("time_limit_s", 10, 3600), ("result_s", 1, 60)] {
            for number in [i64::MIN, -1, 0, min - 1, max + 1, 70_000, i64::MAX] {
                let error = with_field(name, number).unwrap_err().to_string();
                assert_eq!(error, format!("{number} is out of range; it takes {min} to {max}"), "{name}");
            }
            assert!(
                with_field(name, min).is_ok() && with_field(name, max).is_ok(),
                "the range of {name} includes both ends"
            );
        }
    }

    #[test]
    fn the_defaults_lie_within_their_ranges() {
        let Settings { score_to_win, time_limit_s, result_s, .. } = Settings::default();
        for (name, number) in
            [("score_to_win", score_to_win), ("time_limit_s", time_limit_s), ("result_s", result_s)]
        {
            assert_eq!(with_field(name, number.into()), Ok(Settings::default()));
        }
    }
}
