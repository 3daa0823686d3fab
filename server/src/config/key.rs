//! The description of one configuration key: its names, its accepted values and its default.

use std::thread;

/// One key of the configuration.
#[derive(Debug)]
pub struct ConfigKey {
    /// The section that contains the key, without brackets.
    pub section: &'static str,
    /// The key's name inside the section.
    pub name: &'static str,
    /// The description for operators, in sentences.
    pub doc: &'static str,
    /// The values that the key accepts.
    pub kind: ValueKind,
    /// The key's value when no source sets it.
    pub default: DefaultValue,
    /// The command line flag that sets the key, such as `--listen`; `None` without a flag of its own.
    pub flag: Option<&'static str>,
}

/// The values that a key accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// An IP address and a port.
    Address,
    /// A path of a file or a folder.
    Path,
    /// An integer; both bounds are inclusive.
    Integer {
        /// The minimum.
        min: i64,
        /// The maximum.
        max: i64,
    },
    /// A number of seats: 1 to the maximum of the selected game.
    Seats,
    /// One of a few words.
    Choice(Choices),
    /// A filter of log lines, in the syntax of `tracing_subscriber::EnvFilter`.
    Filter,
}

impl ValueKind {
    /// Creates the kind that accepts one of these words.
    pub(super) const fn words(words: &'static [&'static str]) -> Self {
        Self::Choice(Choices::Fixed(words))
    }
}

/// The words of a [`ValueKind::Choice`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choices {
    /// A fixed list.
    Fixed(&'static [&'static str]),
    /// The names of the games in this binary.
    Games,
    /// The bot skills of the selected game.
    Skills,
}

/// The default of a key: its value when no source sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultValue {
    /// A word, a path, an address or a filter, as an operator writes it.
    Text(&'static str),
    /// An integer within the bounds of the key's [`ValueKind::Integer`].
    Integer(i64),
    /// No value; the text describes the consequence.
    Unset(&'static str),
    /// The value of another key, by its full name.
    SameAs(&'static str),
    /// The number of cores that the process may use, but at least two.
    Cores,
    /// The first game in this binary.
    FirstGame,
    /// The default seats of the selected game.
    GameSeats,
    /// The default bots of the selected game, at most `room.seats`.
    GameBots,
    /// The default bot skill of the selected game.
    GameSkill,
}

/// The minimum of [`DefaultValue::Cores`]. On one core, the system divides the time between two threads, so that a slow room on one does not
/// delay the rooms on the other.
pub(super) const MIN_THREADS: usize = 2;

/// The maximum number of threads of one kind.
pub const MAX_THREADS: i64 = 64;

/// Returns the value of [`DefaultValue::Cores`] on this machine.
pub(super) fn default_threads() -> i64 {
    let cores = thread::available_parallelism().map_or(MIN_THREADS, usize::from);
    i64::try_from(cores.max(MIN_THREADS)).unwrap_or(i64::MAX).min(MAX_THREADS)
}

/// The prefix of the server's environment variables.
pub const ENVIRONMENT_PREFIX: &str = "QUARREL_";

/// The section of the selected game's own keys. They come from the game's default settings and not from the table of keys.
pub const SETTINGS_SECTION: &str = "game.settings";

impl ConfigKey {
    /// Returns the key's full name, as in `room.tick_rate`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// Returns the environment variable that sets the key, as in `QUARREL_ROOM__TICK_RATE`.
    pub fn variable(&self) -> String {
        variable(self.section, self.name)
    }
}

/// Returns the environment variable of a key: the prefix and the key's full name in capitals, each dot as two underscores.
pub fn variable(section: &str, name: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{}__{}", section.replace('.', "__"), name).to_uppercase()
}
