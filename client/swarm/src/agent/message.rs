//! What a coordinator and an agent say to one another, in the order in which they say it.
//!
//! Each proves the key first, in bytes that stay as they are for ever. Then both say hello, which every version understands; only
//! two that are of one version go on, so that what was counted means the same on both sides.

use serde::{Deserialize, Serialize};

use super::wire::{self, COUNTS_BYTES, FrameError};
use crate::{
    game::Games,
    measure::{Batch, Row},
    plan::{Plan, Trusted},
};

/// Raised when a message changes.
const PROTOCOL: u32 = 1;

/// What a peer says of itself is cut to this: enough for a sentence.
const SENTENCE_CHARS: usize = 400;

/// From a coordinator.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    /// Who it is.
    Hello(Hello),
    /// What is to be played.
    Brief(Box<Brief>),
    /// What time is it?
    Ask,
    /// All begin when the agent's clock says this, in microseconds.
    Start { at_us: u64 },
    /// The run is over.
    Stop,
}

/// From an agent.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// Who it is.
    Hello(Hello),
    /// It could start, on this machine.
    Ready(Machine),
    /// It cannot, and why.
    Refused { why: String },
    /// What its clock says, in microseconds since whenever.
    Clock { at_us: u64 },
    /// Some of what it counted; only sent where there is too much of that for one message.
    Rows(Vec<(u32, u16, Row)>),
    /// All the rest of what it counted since the last time.
    Counts(Batch),
    /// There will be nothing more; with why, when it could not play to the end.
    Done { failure: Option<String> },
}

/// Who somebody is. Never loses a field, and gets only such as have a default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Hello {
    pub(super) protocol: u32,
    pub(super) version: String,
    /// The games it plays.
    pub(super) games: Vec<String>,
}

/// A run, for one agent of several.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Brief {
    pub(super) plan: Plan,
    pub(super) trusted: Trusted,
    /// Which of the agents this is.
    pub(super) process: u32,
    pub(super) processes: u32,
}

/// Where an agent runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) host: String,
    pub(super) cores: u64,
}

impl Hello {
    /// This program.
    pub(super) fn ours(games: &Games) -> Self {
        Self {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            games: games.names().into_iter().map(str::to_owned).collect(),
        }
    }

    /// Whether these two understand one another.
    pub(super) fn agree(coordinator: &Self, agent: &Self) -> Result<(), String> {
        let age = |hello: &Self| (hello.protocol, numbers(&hello.version));
        if coordinator.protocol == agent.protocol && coordinator.version == agent.version {
            return Ok(());
        }
        let older = match age(coordinator).cmp(&age(agent)) {
            std::cmp::Ordering::Less => "the coordinator is older",
            std::cmp::Ordering::Greater => "the agent is older",
            std::cmp::Ordering::Equal => "neither is known to be older",
        };
        Err(format!(
            "the coordinator is swarm {} (protocol {}), the agent {} (protocol {}): {older}, and both must be the same",
            sentence(&coordinator.version),
            coordinator.protocol,
            sentence(&agent.version),
            agent.protocol
        ))
    }

    /// Whether it plays all games of a plan.
    pub(super) fn plays(&self, plan: &Plan) -> Result<(), String> {
        let unknown = |game: &&str| !self.games.iter().any(|known| known == game);
        let wanted = plan.bots.iter().filter_map(|group| group.game.as_deref());
        wanted.into_iter().find(unknown).map_or(Ok(()), |game| {
            Err(format!("it plays {}, not '{game}'", sentence(&self.games.join(", "))))
        })
    }
}

/// The frames that bring a batch over, each of at most so many bytes, [`COUNTS_BYTES`] but in tests.
pub(super) fn frames(batch: Batch, most: usize) -> Result<Vec<Vec<u8>>, FrameError> {
    debug_assert!(most <= COUNTS_BYTES, "the other side takes no longer ones");
    let mut frames = Vec::new();
    let mut answer = Answer::Counts(batch);
    // Rows are most of a long batch; whatever does not fit with the rest goes before it.
    loop {
        match (wire::encode(&answer, most), answer) {
            (Ok(frame), _) => {
                frames.push(frame);
                return Ok(frames);
            }
            (Err(_), Answer::Counts(mut batch)) if !batch.rows.is_empty() => {
                push_rows(std::mem::take(&mut batch.rows), most, &mut frames)?;
                answer = Answer::Counts(batch);
            }
            (Err(error), _) => return Err(error),
        }
    }
}

fn push_rows(
    mut rows: Vec<(u32, u16, Row)>,
    most: usize,
    frames: &mut Vec<Vec<u8>>,
) -> Result<(), FrameError> {
    let half = rows.split_off(rows.len() / 2);
    for rows in [rows, half].into_iter().filter(|rows| !rows.is_empty()) {
        let count = rows.len();
        let answer = Answer::Rows(rows);
        match (wire::encode(&answer, most), answer) {
            (Ok(frame), _) => frames.push(frame),
            (Err(_), Answer::Rows(rows)) if count > 1 => push_rows(rows, most, frames)?,
            (Err(error), _) => return Err(error),
        }
    }
    Ok(())
}

/// Somebody else's words, as far as a terminal and a line of it can bear them.
pub(super) fn sentence(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).take(SENTENCE_CHARS).collect()
}

/// 1.10 is after 1.9.
fn numbers(version: &str) -> Vec<u64> {
    version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use quarrel_shared::crowd::Crowd;

    use super::*;
    use crate::{agent::wire::Decoder, game::GameEntry};

    fn hello(protocol: u32, version: &str) -> Hello {
        Hello { protocol, version: version.to_owned(), games: vec!["crowd".to_owned()] }
    }

    #[test]
    fn two_of_one_version_agree_and_others_hear_which_is_older() {
        let ours = hello(1, "0.9.0");
        assert_eq!(Hello::agree(&ours, &ours.clone()), Ok(()));
        for (other, older) in [
            (hello(1, "0.10.0"), "the coordinator is older"),
            (hello(1, "0.8.9"), "the agent is older"),
            (hello(2, "0.8.9"), "the coordinator is older"),
            (hello(1, "0.9.0-rc1"), "neither is known to be older"),
        ] {
            let why = Hello::agree(&ours, &other).unwrap_err();
            assert!(why.contains(older) && why.contains(&other.version) && why.contains("0.9.0"), "{why}");
        }
    }

    #[test]
    fn a_hello_is_understood_by_every_version() {
        let later = r#"{"hello":{"protocol":7,"version":"3.0.0","games":["crowd"],"mood":"good"}}"#;
        let Request::Hello(heard) = serde_json::from_str(later).unwrap() else { panic!("a hello") };
        assert_eq!(heard, hello(7, "3.0.0"));
        let ours = serde_json::to_string(&Answer::Hello(hello(1, "0.1.0"))).unwrap();
        assert_eq!(ours, r#"{"hello":{"protocol":1,"version":"0.1.0","games":["crowd"]}}"#);
    }

    #[test]
    fn a_game_that_an_agent_does_not_play_is_named() {
        let agent = Hello::ours(&Games::new(vec![GameEntry::of::<Crowd>(&[])]));
        let mut plan = Plan::default();
        assert_eq!(agent.plays(&plan), Ok(()), "its first game is what a plan without one means");
        plan.bots[0].game = Some("chess".to_owned());
        assert_eq!(agent.plays(&plan), Err("it plays crowd, not 'chess'".to_owned()));
    }

    #[test]
    fn a_long_batch_travels_in_parts_and_arrives_whole() {
        let mut batch = Batch { playing: 7, finished: 3, ..Batch::default() };
        for second in 0..50 {
            let mut row = Row::default();
            (0..20).for_each(|n| row.input_ack.record(n * 1000 + u64::from(second), n));
            batch.rows.push((second, 0, row));
        }
        assert_eq!(frames(batch.clone(), COUNTS_BYTES).unwrap().len(), 1);
        let frames = frames(batch.clone(), 4000).unwrap();
        assert!(frames.len() > 4, "{} frames", frames.len());
        let (mut decoder, mut whole) = (Decoder::new(4000), Batch::default());
        for frame in &frames {
            decoder.push(frame);
            match decoder.pop::<Answer>().unwrap().unwrap() {
                Answer::Rows(rows) => whole.rows.extend(rows),
                Answer::Counts(rest) => whole.merge(rest),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(whole, batch);
    }

    #[test]
    fn what_does_not_fit_into_any_frame_is_an_error() {
        let batch = Batch { incidents: vec![(0, "x".repeat(5000))], ..Batch::default() };
        assert!(matches!(frames(batch, 4000), Err(FrameError::TooLong { .. })));
    }

    #[test]
    fn somebody_elses_words_cannot_move_a_cursor() {
        assert_eq!(sentence("a\x1b[2Jb\nc"), "a[2Jbc");
        assert_eq!(sentence(&"x".repeat(10_000)).len(), SENTENCE_CHARS);
    }
}
