//! The messages between a coordinator and an agent, in the order in which they are sent.
//!
//! Each side first proves the key, in a format that never changes. Then both send a hello, which every version can decode. The connection
//! continues only if both sides have the same version, so that counts mean the same on both.

use serde::{Deserialize, Serialize};

use super::{
    peer_text::printable,
    wire::{self, FrameError, MAX_AGENT_FRAME_BYTES},
};
use crate::{
    measure::{Batch, GroupSecond},
    plan::{GameCatalog, Plan, TrustRoots},
};

/// The version of the messages: incremented with every change to them.
const PROTOCOL: u32 = 1;

/// A message from a coordinator.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CoordinatorMessage {
    /// The coordinator's version and games.
    Hello(SwarmHello),
    /// The agent's part of a run.
    // The name on the wire since protocol 1.
    #[serde(rename = "brief")]
    Assign(Box<RunAssignment>),
    /// A request for the current reading of the agent's clock.
    // The name on the wire since protocol 1.
    #[serde(rename = "ask")]
    ClockRequest,
    /// The start time of the run, in microseconds of the agent's clock.
    Start { at_us: u64 },
    /// A request to end the run: the agent stops its bots and sends the last counts.
    Stop,
}

/// A message from an agent.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AgentMessage {
    /// The agent's version and games.
    Hello(SwarmHello),
    /// The agent is ready to start, on this machine.
    Ready(Machine),
    /// The agent cannot run the assignment, for this reason.
    Refused {
        // The name on the wire since protocol 1.
        #[serde(rename = "why")]
        reason: String,
    },
    /// The reading of the agent's clock, in microseconds since an arbitrary time.
    Clock { at_us: u64 },
    /// Rows of a batch that is too large for one message, sent before the rest of the batch in [`Self::Counts`].
    Rows(Vec<GroupSecond>),
    /// The counts since the previous message of this kind, without the rows that [`Self::Rows`] carried.
    Counts(Batch),
    /// The end of the run, as the last message; with the reason if the agent could not complete the run.
    Done { failure: Option<String> },
}

/// The introduction of one side. Each version can decode the hello of each other version: fields are never removed, and new ones have
/// defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct SwarmHello {
    pub(super) protocol: u32,
    pub(super) version: String,
    /// The names of the sender's games.
    pub(super) games: Vec<String>,
}

/// One agent's part of a run.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RunAssignment {
    pub(super) plan: Plan,
    // The name on the wire since protocol 1.
    #[serde(rename = "trusted")]
    pub(super) roots: TrustRoots,
    /// The index of the agent, below `processes`.
    pub(super) process: u32,
    /// The number of agents in the run.
    pub(super) processes: u32,
}

/// The machine of an agent, for the setting in the report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) host: String,
    pub(super) cores: u64,
}

impl SwarmHello {
    /// Creates the hello of this program.
    pub(super) fn of_this_program(catalog: &GameCatalog) -> Self {
        Self {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            games: catalog.games().into_iter().map(str::to_owned).collect(),
        }
    }

    /// Checks that both sides have the same version.
    ///
    /// # Errors
    /// A sentence with both versions, which names the older side if the versions can be ordered.
    pub(super) fn check_versions(coordinator: &Self, agent: &Self) -> Result<(), String> {
        let age = |hello: &Self| (hello.protocol, numbers(&hello.version));
        if coordinator.protocol == agent.protocol && coordinator.version == agent.version {
            return Ok(());
        }
        let older = match age(coordinator).cmp(&age(agent)) {
            std::cmp::Ordering::Less => "the coordinator is older",
            std::cmp::Ordering::Greater => "the agent is older",
            std::cmp::Ordering::Equal => "it is unknown which is older",
        };
        Err(format!(
            "the coordinator is swarm {} (protocol {}), the agent {} (protocol {}): {older}, and both must be the same version",
            printable(&coordinator.version),
            coordinator.protocol,
            printable(&agent.version),
            agent.protocol
        ))
    }

    /// Checks that the agent, the sender of this hello, has all games that a plan names.
    ///
    /// # Errors
    /// A sentence that names the first missing game.
    pub(super) fn check_games(&self, plan: &Plan) -> Result<(), String> {
        let unknown = |game: &&str| !self.games.iter().any(|known| known == game);
        let named = plan.bots.iter().filter_map(|group| group.game.as_deref());
        named.into_iter().find(unknown).map_or(Ok(()), |game| {
            Err(format!("the agent has the games {}, not '{game}'", printable(&self.games.join(", "))))
        })
    }
}

/// Encodes a batch as frames of at most `max_bytes` each. Only tests use a lower limit than [`MAX_AGENT_FRAME_BYTES`].
///
/// # Errors
/// When a single row, or the batch without its rows, is too large for a frame.
pub(super) fn batch_frames(batch: Batch, max_bytes: usize) -> Result<Vec<Vec<u8>>, FrameError> {
    debug_assert!(max_bytes <= MAX_AGENT_FRAME_BYTES, "the coordinator refuses longer frames");
    let mut frames = Vec::new();
    let mut message = AgentMessage::Counts(batch);
    // Rows are the largest part of a batch. If the batch does not fit into one frame, its rows are sent before the rest.
    loop {
        match (wire::encode(&message, max_bytes), message) {
            (Ok(frame), _) => {
                frames.push(frame);
                return Ok(frames);
            }
            (Err(_), AgentMessage::Counts(mut batch)) if !batch.rows.is_empty() => {
                push_row_frames(std::mem::take(&mut batch.rows), max_bytes, &mut frames)?;
                message = AgentMessage::Counts(batch);
            }
            (Err(error), _) => return Err(error),
        }
    }
}

/// Encodes rows as frames: halves the rows until each part fits into a frame.
fn push_row_frames(
    mut rows: Vec<GroupSecond>,
    max_bytes: usize,
    frames: &mut Vec<Vec<u8>>,
) -> Result<(), FrameError> {
    let half = rows.split_off(rows.len() / 2);
    for rows in [rows, half].into_iter().filter(|rows| !rows.is_empty()) {
        let count = rows.len();
        let message = AgentMessage::Rows(rows);
        match (wire::encode(&message, max_bytes), message) {
            (Ok(frame), _) => frames.push(frame),
            (Err(_), AgentMessage::Rows(rows)) if count > 1 => push_row_frames(rows, max_bytes, frames)?,
            (Err(error), _) => return Err(error),
        }
    }
    Ok(())
}

/// Returns the numbers of a version for comparison, because 1.10 is newer than 1.9. A suffix such as `-rc1` is ignored.
fn numbers(version: &str) -> Vec<u64> {
    version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use quarrel_shared::crowd::Crowd;

    use super::*;
    use crate::{
        agent::wire::Decoder,
        game::{GameEntry, GameRegistry},
        measure::Row,
    };

    fn hello(protocol: u32, version: &str) -> SwarmHello {
        SwarmHello { protocol, version: version.to_owned(), games: vec!["crowd".to_owned()] }
    }

    #[test]
    fn sides_of_different_versions_are_refused_with_the_older_one_named() {
        let ours = hello(1, "0.9.0");
        assert_eq!(SwarmHello::check_versions(&ours, &ours.clone()), Ok(()));
        for (other, older) in [
            (hello(1, "0.10.0"), "the coordinator is older"),
            (hello(1, "0.8.9"), "the agent is older"),
            (hello(2, "0.8.9"), "the coordinator is older"),
            (hello(1, "0.9.0-rc1"), "it is unknown which is older"),
        ] {
            let reason = SwarmHello::check_versions(&ours, &other).unwrap_err();
            assert!(
                reason.contains(older) && reason.contains(&other.version) && reason.contains("0.9.0"),
                "{reason}"
            );
        }
    }

    #[test]
    fn a_hello_is_decoded_by_every_version() {
        let later = r#"{"hello":{"protocol":7,"version":"3.0.0","games":["crowd"],"mood":"good"}}"#;
        let CoordinatorMessage::Hello(decoded) = serde_json::from_str(later).unwrap() else {
            panic!("a hello")
        };
        assert_eq!(decoded, hello(7, "3.0.0"));
        let ours = serde_json::to_string(&AgentMessage::Hello(hello(1, "0.1.0"))).unwrap();
        assert_eq!(ours, r#"{"hello":{"protocol":1,"version":"0.1.0","games":["crowd"]}}"#);
    }

    #[test]
    fn the_names_of_messages_on_the_wire_do_not_change() {
        let json = |message: &CoordinatorMessage| serde_json::to_value(message).unwrap();
        let roots = TrustRoots::default();
        let assignment = RunAssignment { plan: Plan::default(), roots, process: 0, processes: 2 };
        let assign = json(&CoordinatorMessage::Assign(Box::new(assignment)));
        let fields: Vec<_> = assign["brief"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["plan", "process", "processes", "trusted"]);
        assert_eq!(json(&CoordinatorMessage::ClockRequest), "ask");
        assert_eq!(json(&CoordinatorMessage::Start { at_us: 7 }), serde_json::json!({"start": {"at_us": 7}}));
        assert_eq!(json(&CoordinatorMessage::Stop), "stop");
        let refused = serde_json::to_value(AgentMessage::Refused { reason: "busy".to_owned() }).unwrap();
        assert_eq!(refused, serde_json::json!({"refused": {"why": "busy"}}));
    }

    #[test]
    fn a_game_that_an_agent_lacks_is_named() {
        let agent =
            SwarmHello::of_this_program(&GameRegistry::new(vec![GameEntry::of::<Crowd>(&[])]).catalog());
        let mut plan = Plan::default();
        assert_eq!(agent.check_games(&plan), Ok(()), "a plan without a game means the agent's first one");
        plan.bots[0].game = Some("chess".to_owned());
        assert_eq!(agent.check_games(&plan), Err("the agent has the games crowd, not 'chess'".to_owned()));
    }

    #[test]
    fn a_long_batch_is_sent_in_parts_and_arrives_complete() {
        let mut batch = Batch { playing: 7, finished: 3, ..Batch::default() };
        for second in 0..50 {
            let mut row = Row::default();
            (0..20).for_each(|n| row.input_ack.record(n * 1000 + u64::from(second), n));
            batch.rows.push(GroupSecond(second, 0, row));
        }
        assert_eq!(batch_frames(batch.clone(), MAX_AGENT_FRAME_BYTES).unwrap().len(), 1);
        let frames = batch_frames(batch.clone(), 4000).unwrap();
        assert!(frames.len() > 4, "{} frames", frames.len());
        let (mut decoder, mut whole) = (Decoder::new(4000), Batch::default());
        for frame in &frames {
            decoder.push(frame);
            match decoder.pop::<AgentMessage>().unwrap().unwrap() {
                AgentMessage::Rows(rows) => whole.rows.extend(rows),
                AgentMessage::Counts(rest) => whole.merge(rest),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(whole, batch);
    }

    #[test]
    fn a_batch_that_fits_into_no_frame_is_an_error() {
        let batch = Batch { incidents: vec![(0, "x".repeat(5000))], ..Batch::default() };
        assert!(matches!(batch_frames(batch, 4000), Err(FrameError::TooLong { .. })));
    }
}
