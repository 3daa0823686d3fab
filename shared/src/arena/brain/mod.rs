//! Bots.

use super::Arena;
use crate::game::Brain;

/// A bot.
pub(super) fn of_skill(_skill: &str, _seed: u64) -> Option<Box<dyn Brain<Arena>>> {
    None
}
