//! The skills of bots: a table of parameters.

/// The parameters of one skill.
#[derive(Debug)]
pub(super) struct Skill {
    name: &'static str,
    /// Whether it approaches, strafes, sidesteps, uses the sword nearby and fetches bolts, rather than shooting while it
    /// walks past.
    pub(super) fights: bool,
    /// Time for which it pursues an enemy that is out of sight, in milliseconds.
    pub(super) pursues_ms: u32,
    /// Whether it uses the longbow against distant enemies.
    pub(super) uses_longbow: bool,
    /// Maximum aiming error to either side (65,536 to the turn).
    pub(super) aim_error: i32,
    /// Turning speed, in 1/65,536 turn a second.
    pub(super) turns_per_s: u32,
    /// Time from the first sight of a target to the first shot, in milliseconds.
    pub(super) reaction_ms: u32,
    /// Health below which it fetches health and no longer moves by the enemy.
    pub(super) retreats_below: u8,
    /// Whether it sidesteps bolts; without effect unless it fights.
    pub(super) sidesteps: bool,
    /// Probability of dashing away from a threatening bolt, in percent for each decision.
    pub(super) dodges_percent: u32,
}

/// A degree, in 1/65,536 turn, rounded down.
const DEGREE: u32 = 65_536 / 360;

/// Fights every enemy in sight: the default.
const SKIRMISH: Skill = Skill {
    name: "skirmish",
    fights: true,
    pursues_ms: 3000,
    uses_longbow: false,
    aim_error: 2 * DEGREE as i32,
    turns_per_s: 540 * DEGREE,
    reaction_ms: 250,
    retreats_below: 40,
    sidesteps: false,
    dodges_percent: 15,
};

/// Pursues every enemy, with every weapon.
const HUNT: Skill = Skill {
    name: "hunt",
    fights: true,
    pursues_ms: 6000,
    uses_longbow: true,
    aim_error: DEGREE as i32,
    turns_per_s: 900 * DEGREE,
    reaction_ms: 120,
    retreats_below: 45,
    sidesteps: true,
    dodges_percent: 60,
};

/// Walks around and shoots at enemies in sight, slowly and inaccurately.
const WANDER: Skill = Skill {
    name: "wander",
    fights: false,
    pursues_ms: 0,
    uses_longbow: false,
    aim_error: 9 * DEGREE as i32,
    turns_per_s: 240 * DEGREE,
    reaction_ms: 700,
    retreats_below: 0,
    sidesteps: false,
    dodges_percent: 0,
};

impl Skill {
    /// Returns the skill with this name, if there is one.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        [&SKIRMISH, &HUNT, &WANDER].into_iter().find(|skill| skill.name == name)
    }
}
