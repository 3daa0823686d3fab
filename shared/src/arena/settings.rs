//! What an operator may set about a room of Arena, and the bounds of each.

use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// How a room of Arena is played. A number outside its range is refused where it is read, with the range: an operator who asked
/// for something else should not play on without noticing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "snake_case")]
pub struct Settings {
    /// Who fights whom.
    pub mode: Mode,
    /// Eliminations that win a match, a fighter's own or a team's together: 1 to 1,000.
    #[serde(deserialize_with = "within::<_, 1, 1000>")]
    pub score_to_win: u16,
    /// How long a match lasts at most, in seconds: 10 to 3,600.
    #[serde(deserialize_with = "within::<_, 10, 3600>")]
    pub time_limit_s: u16,
    /// How long a result is shown before the next match, in seconds: 1 to 60.
    #[serde(deserialize_with = "within::<_, 1, 60>")]
    pub result_s: u16,
}

/// Who fights whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Everybody fights everybody.
    #[default]
    FreeForAll,
    /// Red against blue; nobody harms a friend.
    Teams,
}

impl Default for Settings {
    /// A match among sixteen lasts about twelve seconds: a load test of twenty sees several end.
    fn default() -> Self {
        Self { mode: Mode::FreeForAll, score_to_win: 4, time_limit_s: 180, result_s: 5 }
    }
}

/// Reads a number from `LEAST` to `MOST`. It is read wide, so that one which does not even fit the field hears of the range too
/// and not of a type.
fn within<'de, D: Deserializer<'de>, const LEAST: u16, const MOST: u16>(from: D) -> Result<u16, D::Error> {
    let said = i64::deserialize(from)?;
    u16::try_from(said)
        .ok()
        .filter(|number| (LEAST..=MOST).contains(number))
        .ok_or_else(|| D::Error::custom(format_args!("{said} is out of range; it takes {LEAST} to {MOST}")))
}

#[cfg(test)]
mod tests {
    use serde::de::value::{Error, MapDeserializer};

    use super::*;

    /// The settings of which only this one is made.
    fn made(name: &str, number: i64) -> Result<Settings, Error> {
        Settings::deserialize(MapDeserializer::new([(name, number)].into_iter()))
    }

    #[test]
    fn a_number_out_of_range_is_refused_with_the_range() {
        for (name, least, most) in
            [("score_to_win", 1, 1000), ("time_limit_s", 10, 3600), ("result_s", 1, 60)]
        {
            for number in [i64::MIN, -1, 0, least - 1, most + 1, 70_000, i64::MAX] {
                let told = made(name, number).unwrap_err().to_string();
                assert_eq!(told, format!("{number} is out of range; it takes {least} to {most}"), "{name}");
            }
            assert!(made(name, least).is_ok() && made(name, most).is_ok(), "{name} includes both its ends");
        }
    }

    #[test]
    fn the_defaults_lie_within_their_ranges() {
        let Settings { score_to_win, time_limit_s, result_s, .. } = Settings::default();
        for (name, number) in
            [("score_to_win", score_to_win), ("time_limit_s", time_limit_s), ("result_s", result_s)]
        {
            assert_eq!(made(name, number.into()), Ok(Settings::default()));
        }
    }
}
