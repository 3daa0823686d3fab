//! The command line of `quarrel`: what can be asked, and the answers that need no running server.
//!
//! - [`args`]: verbs and flags.
//! - [`mod@check`]: what a start would meet.
//! - [`mod@matches`]: the newest match results.
//! - [`replay`]: what can be asked of a journal.
//!
//! Running the server is not here: it is [`Verb::Serve`], and `main`'s affair.

pub mod args;
pub mod check;
pub mod matches;
pub mod replay;

use std::io::{self, Write};

use quarrel_shared::protocol::PROTOCOL_VERSION;

use crate::config::{Config, GameDefaults, show};

pub use crate::exit_code::ExitCode;
pub use crate::tick_or_time::TickOrTime;
pub use args::{Verb, environment, parse};
pub use check::{BindFailure, bind_failure, check};
pub use matches::{MatchesQuery, print_matches};
pub use replay::{Part, ReplayVerb};

/// Prints the file to begin with, every key documented.
pub fn print_default_config(games: &[GameDefaults], out: &mut dyn Write) -> io::Result<()> {
    show::write_default(games, out)
}

/// Prints the configuration in force, and where each value came from.
pub fn print_config(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    show::write_effective(config, out)
}

/// Prints what this binary is: its version, the protocol it speaks, the games it holds.
pub fn print_version(games: &[GameDefaults], out: &mut dyn Write) -> io::Result<()> {
    let names: Vec<_> = games.iter().map(|game| game.name).collect();
    writeln!(out, "quarrel {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "protocol {PROTOCOL_VERSION}")?;
    writeln!(out, "games {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_names_the_protocol_and_the_games() {
        let game = |name| GameDefaults {
            name,
            seats: 1,
            bots: 0,
            bot_skill: "s",
            skills: &["s"],
            settings: toml::Table::new(),
        };
        let mut out = Vec::new();
        print_version(&[game("arena"), game("crowd")], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("\ngames arena, crowd\n") && text.contains("\nprotocol "), "{text}");
    }
}
