//! The plan of a run: the server, the bots, their schedule and the rules. It comes from flags or a file, and is checked before the run.
//!
//! [`Plan`] is also the format of a plan's file, of the plan in messages to agents, and of the plan in a report, with which the run can be
//! repeated.
//!
//! - [`Stages`]: the number of bots over time; [`Storm`]: a time at which many bots disconnect; [`Shares`]: the split over brains or links.
//! - `file`: a plan from TOML; [`PlanError`]: a mistake, with its line or flag; [`RunArguments`]: a plan from flags.
//! - [`GameCatalog`]: the names of games and brains that a plan may use.
//! - [`ServerTarget`]: a server's address and certificate, resolved on the machine of the bots.

mod address;
mod arguments;
mod catalog;
pub mod duration;
mod error;
mod file;
mod shares;
mod stages;
mod storm;
mod target;
mod toml_location;

use quarrel_netsim::Link;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(super) use self::shares::WeightedRoundRobin;
pub use self::{
    arguments::{PlanArguments, RunArguments},
    catalog::{GameCatalog, GameNames},
    error::PlanError,
    shares::Shares,
    stages::{Stage, Stages},
    storm::Storm,
    target::{ServerTarget, TrustRoots},
};
use super::{
    hostile::HostileKind,
    server_figures::HttpAddress,
    slo::{Figures, Rule, RuleError},
};

/// The maximum number of bots that join during a run, replacements included.
const MAX_BOTS_PER_RUN: u64 = 2_000_000;

/// The maximum number of hostile bots, each of which uses its own socket.
const MAX_HOSTILE_BOTS: u32 = 1000;

/// The plan of a run. Every key has a default. These descriptions are the reference of a plan's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    /// The host and port of the server to play on.
    pub server: String,
    /// The SHA-256, in hexadecimal, of the only server certificate to trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_hash: Option<String>,
    /// The path of a PEM file with root certificates; server certificates that chain to one of them are trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roots: Option<String>,
    /// The URL of the admin HTTP server, from which the server's own figures are added to the report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_http: Option<String>,
    /// The number of bots over time.
    pub stages: Stages,
    /// The time at the start that rates and distributions exclude, rounded up to whole seconds.
    #[serde(with = "text")]
    pub warm_up: Duration,
    /// The seed of all random choices.
    pub seed: u64,
    /// The number of bots that leave and are replaced each minute.
    pub churn: u32,
    /// Times at which a share of the bots loses its connection at once.
    pub storms: Vec<Storm>,
    /// The rules that decide the verdict.
    pub slo: Vec<Rule>,
    /// Whether a rule that is broken beyond repair ends the run early.
    pub abort_on_fail: bool,
    /// The limit of the 99th percentile of the lateness at the swarm's own deadlines, in milliseconds. Above it the verdict is `invalid`,
    /// because the swarm was too slow to measure the server. The largest lateness may be 25 times as long.
    pub max_lag_ms: f64,
    /// The number of threads over which the bots of one process are spread.
    pub threads: u32,
    /// The groups into which the bots are divided.
    pub bots: Vec<BotGroup>,
    /// Hostile bots, in addition to the bots that play.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hostile: Vec<HostileGroup>,
}

/// A group of bots with the same game, brain, link, server and room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BotGroup {
    /// The name in the report.
    pub name: String,
    /// The group's share of the bots, as a number of parts relative to those of the other groups.
    pub share: u32,
    /// The game that the bots play; by default the swarm's first game.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub game: Option<String>,
    /// The server that the bots play on; by default the plan's server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The bots' brain (behaviour); by default the game's first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brain: Option<String>,
    /// The name of the simulated network path to the server (`swarm links` lists the names); by default the real network alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The room that the bots join; by default the first with a free seat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<u64>,
}

/// Hostile bots of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostileGroup {
    /// The kind of attack.
    pub kind: HostileKind,
    /// The number of bots, all of which attack from the run's start to its end.
    #[serde(default = "one")]
    pub bots: u32,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            server: "127.0.0.1:7777".to_owned(),
            cert_hash: None,
            roots: None,
            server_http: None,
            stages: Stages::ramp(100, Duration::from_secs(2), Duration::from_secs(20)),
            warm_up: Duration::from_secs(2),
            seed: 1,
            churn: 0,
            storms: Vec::new(),
            slo: Vec::new(),
            abort_on_fail: false,
            max_lag_ms: 10.0,
            threads: 1,
            bots: vec![BotGroup::default()],
            hostile: Vec::new(),
        }
    }
}

impl Default for BotGroup {
    fn default() -> Self {
        let name = "bots".to_owned();
        Self { name, share: 1, game: None, server: None, brain: None, link: None, room: None }
    }
}

impl Plan {
    /// Returns the seconds that rates and distributions cover: from the warm-up's end to the run's end, both rounded up.
    #[must_use]
    pub fn measured(&self) -> std::ops::Range<u32> {
        whole_seconds(self.warm_up)..whole_seconds(self.stages.length())
    }

    /// Returns the seed of one bot's brain.
    #[must_use]
    pub fn brain_seed(&self, bot: u32) -> u64 {
        let mut rng = quarrel_shared::game::GameRng::new(self.seed, u64::from(bot));
        rng.next_u32();
        rng.next_u64()
    }

    /// Returns the link of a group; `None` for the real network alone.
    #[must_use]
    pub fn link(&self, group: u16) -> Option<Link> {
        self.bots.get(usize::from(group)).and_then(|group| Link::find(group.link.as_deref()?))
    }

    /// Returns the plan as the text of a plan's file.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_else(|error| format!("# this plan cannot be written: {error}\n"))
    }

    /// Checks that the plan can be run with these games.
    ///
    /// # Errors
    /// The first mistake, with its key.
    pub fn check(&self, catalog: &GameCatalog) -> Result<(), PlanError> {
        if self.bots.is_empty() {
            return Err(PlanError::at(["bots"], "a plan needs at least one group of bots"));
        }
        if self.warm_up >= self.stages.length() {
            return Err(PlanError::at(
                ["warm_up"],
                format!(
                    "the run takes {}, so nothing is left after a warm-up of {}",
                    duration::format(self.stages.length()),
                    duration::format(self.warm_up)
                ),
            ));
        }
        if !(1..=256).contains(&self.threads) {
            return Err(PlanError::at(["threads"], "the number of threads must be 1 to 256"));
        }
        if !(self.max_lag_ms.is_finite() && self.max_lag_ms > 0.0) {
            return Err(PlanError::at(["max_lag_ms"], "the limit must be a number of milliseconds above 0"));
        }
        if let Some(late) = self.storms.iter().position(|storm| storm.at > self.stages.length()) {
            let length = duration::format(self.stages.length());
            return Err(PlanError::at(
                ["storms", &late.to_string()],
                format!("a storm must be within the run, and the run is over after {length}"),
            ));
        }
        self.check_bot_count()?;
        self.check_addresses()?;
        for (index, group) in self.bots.iter().enumerate() {
            group.check(catalog, self).map_err(|error| error.within(["bots", &index.to_string()]))?;
        }
        let hostile: u32 = self.hostile.iter().map(|hostile| hostile.bots).fold(0, u32::saturating_add);
        if hostile > MAX_HOSTILE_BOTS {
            return Err(PlanError::at(
                ["hostile"],
                format!("at most {MAX_HOSTILE_BOTS} hostile bots are possible, not {hostile}"),
            ));
        }
        Ok(())
    }

    /// Checks that the rules can be evaluated at the end of the run.
    ///
    /// # Errors
    /// When a rule names the baseline, and no baseline is given or it lacks the figure.
    pub fn check_rules(&self, baseline: Option<&Figures>) -> Result<(), PlanError> {
        self.slo.iter().enumerate().try_for_each(|(index, rule)| {
            let wrong = |error: RuleError| PlanError::at(["slo", &index.to_string()], error.to_string());
            rule.check_baseline(baseline).map_err(wrong)
        })
    }

    /// Checks the syntax of the plan's addresses and of the hash. Names are not resolved here, but on the machine that runs the bots.
    fn check_addresses(&self) -> Result<(), PlanError> {
        address::check(&self.server)?;
        if let Some(hash) = &self.cert_hash {
            address::parse_hash(hash).map_err(|message| PlanError::at(["cert_hash"], message))?;
        }
        if let Some(url) = &self.server_http {
            let address = url.parse::<HttpAddress>();
            address.map_err(|message| PlanError::at(["server_http"], format!("{url}: {message}")))?;
        }
        Ok(())
    }

    /// Checks an upper bound of the number of bots that join: all replacements, and the larger end of each stage.
    fn check_bot_count(&self) -> Result<(), PlanError> {
        let changes = u64::from(self.churn) * self.stages.length().as_secs() / 60;
        let joins: u64 = self.stages.stages().iter().map(|stage| u64::from(stage.from.max(stage.to))).sum();
        if changes + joins > MAX_BOTS_PER_RUN {
            return Err(PlanError::at(
                ["churn"],
                format!(
                    "at most {MAX_BOTS_PER_RUN} bots may join in one run, and stages and churn need up to {}",
                    changes + joins
                ),
            ));
        }
        Ok(())
    }
}

impl BotGroup {
    /// Checks one group of the plan.
    fn check(&self, catalog: &GameCatalog, plan: &Plan) -> Result<(), PlanError> {
        if self.share == 0 {
            return Err(PlanError::at(["share"], "a share must be 1 part or more"));
        }
        if plan.bots.iter().filter(|group| group.name == self.name).count() > 1 {
            return Err(PlanError::at(["name"], format!("two groups are called '{}'", self.name)));
        }
        self.server.as_deref().map_or(Ok(()), address::check)?;
        let game = catalog.find(self.game.as_deref()).ok_or_else(|| {
            let names = catalog.games().join(", ");
            PlanError::at(
                ["game"],
                format!("this swarm plays {names}, not '{}'", self.game.as_deref().unwrap_or("")),
            )
        })?;
        if let Some(brain) = &self.brain
            && !game.brains.iter().any(|known| known == brain)
        {
            return Err(PlanError::at(
                ["brain"],
                format!("{} has the brains {}, not '{brain}'", game.game, game.brains.join(", ")),
            ));
        }
        if let Some(link) = &self.link
            && Link::find(link).is_none()
        {
            let links: Vec<_> = quarrel_netsim::LINKS.iter().map(|link| link.name).collect();
            return Err(PlanError::at(["link"], format!("the links are {}, not '{link}'", links.join(", "))));
        }
        Ok(())
    }
}

const fn one() -> u32 {
    1
}

/// Returns a duration in seconds, rounded up, so that a second in which the warm-up ends is not measured.
fn whole_seconds(duration: Duration) -> u32 {
    duration.as_millis().div_ceil(1000) as u32
}

/// Serialization of a duration as text, such as `20s`.
mod text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::duration;

    pub(super) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&duration::format(*duration))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        duration::parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}
