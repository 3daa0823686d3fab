//! The number of bots over time, as text: `0:50@10s,200@60s,0@5s`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use super::duration;

/// The maximum number of concurrent bots: more than a process can run, and small enough that a typing error does not exhaust the machine's
/// memory.
const MAX_CONCURRENT_BOTS: u32 = 1_000_000;

/// The longest run.
const MAX_LENGTH: Duration = Duration::from_secs(7 * 24 * 3600);

/// The load curve of a run, as stages. Within each stage the number of bots changes evenly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Stages(Vec<Stage>);

/// One stage of a load curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The number of bots at the start of the stage. If the previous stage ended with another number, the difference joins or leaves at
    /// once.
    pub from: u32,
    /// The number of bots at the end of the stage.
    pub to: u32,
    /// The duration of the stage.
    pub over: Duration,
}

impl Stages {
    /// Creates two stages: `bots` join over `ramp`, then play for `duration`.
    #[must_use]
    pub fn ramp(bots: u32, ramp: Duration, duration: Duration) -> Self {
        Self(vec![Stage { from: 0, to: bots, over: ramp }, Stage { from: bots, to: bots, over: duration }])
    }

    /// Returns the stages, in order.
    #[must_use]
    pub fn stages(&self) -> &[Stage] {
        &self.0
    }

    /// Returns the duration of all stages together.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.0.iter().map(|stage| stage.over).sum()
    }

    /// Returns the maximum number of concurrent bots.
    #[must_use]
    pub fn max_bots(&self) -> u32 {
        self.0.iter().map(|stage| stage.from.max(stage.to)).max().unwrap_or(0)
    }

    /// Returns the number of bots that should play at this time since the run's start; after the last stage, the number at its end.
    #[must_use]
    pub fn bots_at(&self, at: Duration) -> u32 {
        let mut start = Duration::ZERO;
        for stage in &self.0 {
            if at < start + stage.over {
                let part = (at - start).div_duration_f64(stage.over);
                let (from, to) = (f64::from(stage.from), f64::from(stage.to));
                return (from + (to - from) * part).round() as u32;
            }
            start += stage.over;
        }
        self.0.last().map_or(0, |stage| stage.to)
    }

    /// Returns the number of bots that should play in the middle of a second. The middle, because jumps are mostly at the start of a
    /// second.
    #[must_use]
    pub fn bots_in(&self, second: u32) -> u32 {
        self.bots_at(Duration::from_secs(u64::from(second)) + Duration::from_millis(500))
    }
}

impl FromStr for Stages {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut stages = Vec::new();
        let mut from = 0;
        for piece in text.split(',') {
            let stage = parse(piece.trim(), from)?;
            from = stage.to;
            stages.push(stage);
        }
        let stages = Self(stages);
        if stages.length().is_zero() || stages.max_bots() == 0 {
            return Err("at least one bot must play for some time, as in 0:50@10s,50@60s".to_owned());
        }
        if stages.length() > MAX_LENGTH {
            return Err("a run may take at most seven days".to_owned());
        }
        Ok(stages)
    }
}

/// Parses a stage, `[FROM:]TO@TIME`; `previous` is the number of bots at the end of the previous stage, the default of FROM.
fn parse(piece: &str, previous: u32) -> Result<Stage, String> {
    let wrong = || format!("'{piece}' is not a stage: write [FROM:]BOTS@TIME, as in 0:50@10s or 200@60s");
    let (bots, over) = piece.split_once('@').ok_or_else(wrong)?;
    let over = duration::parse(over)?;
    let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
    let (from, to) = match bots.split_once(':') {
        Some((from, to)) => (number(from)?, number(to)?),
        None => (previous, number(bots)?),
    };
    if from.max(to) > MAX_CONCURRENT_BOTS {
        return Err(format!("'{piece}': at most {MAX_CONCURRENT_BOTS} bots are possible"));
    }
    Ok(Stage { from, to, over })
}

impl fmt::Display for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = 0;
        for (n, Stage { from, to, over }) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(f, "{comma}")?;
            if n == 0 || *from != before {
                write!(f, "{from}:")?;
            }
            write!(f, "{to}@{}", duration::format(*over))?;
            before = *to;
        }
        Ok(())
    }
}

impl TryFrom<String> for Stages {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Stages> for String {
    fn from(stages: Stages) -> Self {
        stages.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_stage_starts_where_the_previous_one_ended() {
        let stages: Stages = "0:50@10s, 200@60s,0@5s".parse().unwrap();
        assert_eq!((stages.length(), stages.max_bots()), (seconds(75), 200));
        let planned = |at| stages.bots_at(seconds(at));
        assert_eq!([0, 5, 10, 40, 70, 72, 75, 99].map(planned), [0, 25, 50, 125, 200, 120, 0, 0]);
    }

    #[test]
    fn a_jump_at_the_start_of_a_second_counts_in_that_second() {
        let stages: Stages = "100:100@2s,10:10@1s,80:80@1s".parse().unwrap();
        assert_eq!([0, 1, 2, 3, 4].map(|second| stages.bots_in(second)), [100, 100, 10, 80, 80]);
    }

    #[test]
    fn formatted_stages_parse_to_the_same() {
        for text in ["0:50@10s,200@1m,0@5s", "100:100@20s", "0:5@500ms,9:2@1h"] {
            assert_eq!(text.parse::<Stages>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn malformed_stages_are_refused_with_an_example() {
        for text in ["", "50", "50@", "x@1s", "0:50:3@1s", "0@10s", "5@0s", "2000000@5s", "5@5", "5@999h"] {
            let error = text.parse::<Stages>().unwrap_err();
            assert!(error.contains("as in") || error.contains("at most"), "{text}: {error}");
        }
    }
}
