//! The command line of `quarrel`: parsing, and the commands that need no running server.
//!
//! - [`args`]: verbs (the subcommands, such as `serve`) and flags.
//! - `bind_failure`: the message and the exit code for an address that cannot be bound.
//! - [`mod@check`]: `quarrel check`, a dry run of a start.
//! - [`mod@matches`]: `quarrel matches`, the newest match results.
//! - [`replay`]: the verbs and flags of `quarrel replay`.
//!
//! The server itself ([`Verb::Serve`]) runs in [`main`](fn@crate::main).

pub mod args;
mod bind_failure;
pub mod check;
pub mod matches;
pub mod replay;

use std::io::{self, Write};

use quarrel_shared::protocol::PROTOCOL_VERSION;

use crate::config::{Config, GameDefaults, show};

pub use crate::exit_code::ExitCode;
pub use crate::tick_or_time::TickOrTime;
pub use args::{Verb, environment, parse};
pub use bind_failure::{BindFailure, bind_failure};
pub use check::{GameTrials, check};
pub use matches::{MatchesQuery, print_matches};
pub use replay::{ReplayVerb, SliceRange};

/// Prints a configuration file with every key, its description and its default. The first of `games` is the default game.
///
/// # Errors
/// When `out` cannot be written.
pub fn print_default_config(games: &[GameDefaults], out: &mut dyn Write) -> io::Result<()> {
    show::write_default(games, out)
}

/// Prints the configuration in use, with the origin of each value.
///
/// # Errors
/// When `out` cannot be written.
pub fn print_config(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    show::write_effective(config, out)
}

/// Prints the version of this binary, its protocol version and its games.
///
/// # Errors
/// When `out` cannot be written.
pub fn print_version(games: &[GameDefaults], out: &mut dyn Write) -> io::Result<()> {
    let names: Vec<_> = games.iter().map(|game| game.name).collect();
    writeln!(out, "quarrel {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "protocol {PROTOCOL_VERSION}")?;
    writeln!(out, "games {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{arena::Arena, crowd::Crowd};

    use super::*;

    #[test]
    fn the_version_names_the_protocol_and_the_games() {
        let mut out = Vec::new();
        print_version(&[GameDefaults::of::<Arena>(), GameDefaults::of::<Crowd>()], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("\ngames arena, crowd\n") && text.contains("\nprotocol "), "{text}");
    }
}
