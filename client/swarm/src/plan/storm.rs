//! A storm: many bots reconnect at the same time, as after the reboot of a router. Its text form is `50%@30s`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use super::duration;

/// A time at which a share of the bots loses its connection at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Storm {
    /// The share of the bots that play at that time, in percent.
    pub percent: u8,
    /// Time since the run's start.
    pub at: Duration,
}

impl FromStr for Storm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not a storm: write a share and a time, as in 50%@30s");
        let (percent, at) = text.split_once('@').ok_or_else(wrong)?;
        let percent = percent.strip_suffix('%').and_then(|digits| digits.parse().ok());
        let percent = percent.filter(|percent| (1..=100).contains(percent)).ok_or_else(wrong)?;
        Ok(Self { percent, at: duration::parse(at)? })
    }
}

impl fmt::Display for Storm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%@{}", self.percent, duration::format(self.at))
    }
}

impl TryFrom<String> for Storm {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Storm> for String {
    fn from(storm: Storm) -> Self {
        storm.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_a_share_and_a_time() {
        let storm = Storm { percent: 50, at: Duration::from_secs(30) };
        assert_eq!("50%@30s".parse(), Ok(storm));
        assert_eq!(storm.to_string(), "50%@30s");
        for text in ["", "50@30s", "0%@3s", "101%@3s", "50%", "50%@x"] {
            assert!(text.parse::<Storm>().is_err(), "{text}");
        }
    }
}
