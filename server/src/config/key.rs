//! What a configuration key is: its names, what it takes, and what it is when nobody sets it.

/// One key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// Its section, without brackets.
    pub section: &'static str,
    /// Its name inside the section.
    pub name: &'static str,
    /// What it decides, as sentences for a person who runs the server.
    pub doc: &'static str,
    /// Which values it takes.
    pub kind: Kind,
    /// What holds when nobody sets it.
    pub fallback: Fallback,
    /// The command line flag that sets it, where there is one.
    pub flag: Option<&'static str>,
}

/// Which values a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An IP address and a port.
    Address,
    /// A path of a file or a folder.
    Path,
    /// A whole number, both ends included.
    Integer {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// One of a few words.
    Word(Words),
    /// A filter of log lines, in the language of `tracing_subscriber::EnvFilter`.
    Filter,
}

/// Where the words of a [`Kind::Word`] come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// These.
    Fixed(&'static [&'static str]),
    /// The names of the games that this binary holds.
    Games,
    /// The bot skills of the chosen game.
    Skills,
}

/// What a key is when nobody sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// This text.
    Text(&'static str),
    /// This number.
    Integer(i64),
    /// Nothing; the sentence says what happens then.
    Unset(&'static str),
    /// The value of another key.
    SameAs(&'static str),
    /// The first game that this binary holds.
    FirstGame,
    /// What the chosen game says of its seats.
    GameSeats,
    /// What the chosen game says of its bots, as far as they have seats.
    GameBots,
    /// What the chosen game says of its bots' skill.
    GameSkill,
}

/// What every environment variable of ours begins with.
pub const ENVIRONMENT_PREFIX: &str = "QUARREL_";

impl Key {
    /// The key's full name, as in `room.tick_rate`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The environment variable that sets it, as in `QUARREL_ROOM__TICK_RATE`.
    pub fn variable(&self) -> String {
        variable(self.section, self.name)
    }
}

/// The environment variable of a key: dots become two underscores.
pub fn variable(section: &str, name: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{}__{}", section.replace('.', "__"), name).to_uppercase()
}
