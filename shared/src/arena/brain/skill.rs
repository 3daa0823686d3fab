//! What tells a wanderer from a hunter: a table of habits.

/// The habits of a skill.
#[derive(Debug)]
pub(super) struct Skill {
    name: &'static str,
    /// Whether it closes in, circles and dodges, rather than shooting as it passes by.
    pub(super) fights: bool,
    /// How long it goes after somebody it lost sight of, in milliseconds.
    pub(super) pursues_ms: u32,
    /// Whether it draws the longbow at those far away.
    pub(super) uses_longbow: bool,
    /// How far it aims beside its mark, to either side (65,536 to the turn).
    pub(super) aim_error: i32,
    /// How fast it turns, in 1/65,536 turn a second.
    pub(super) turns_per_s: u32,
    /// How long it takes to notice somebody, in milliseconds.
    pub(super) reaction_ms: u32,
    /// With less health than this it looks for more.
    pub(super) retreats_below: u8,
    /// Whether it steps out of a bolt's way.
    pub(super) sidesteps: bool,
    /// In how many of a hundred chances it dashes out of a bolt's way.
    pub(super) dodges_percent: u32,
}

/// A degree, in 1/65,536 turn.
const DEGREE: u32 = 65_536 / 360;

/// Fights whoever comes into sight: the default.
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

/// Goes after everybody, with every weapon.
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

/// Strolls about and shoots now and then.
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
    /// The skill of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        [&SKIRMISH, &HUNT, &WANDER].into_iter().find(|skill| skill.name == name)
    }
}
