//! What a run is to be: from flags or a file to a plan that is known to make sense.
//!
//! One type is all of it: the file that people write, what agents are sent, and what a report quotes so that the run can be made
//! again. Flags fill the same fields.
//!
//! - [`Stages`]: how many bots at which moment; [`Storm`]: when many lose their connection; `Shares`: how brains and links are dealt.
//! - `file`: a plan from TOML, its mistakes with their lines; [`RunArguments`]: a plan from flags.
//! - [`Target`]: a server's address and certificate, looked up where the bots are.

mod arguments;
pub mod duration;
mod error;
mod file;
mod place;
mod shares;
mod stages;
mod storm;
mod target;

use quarrel_netsim::Link;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(super) use self::shares::Dealer;
pub use self::{
    arguments::{PlanArguments, RunArguments},
    error::PlanError,
    shares::Shares,
    stages::{Stage, Stages},
    storm::Storm,
    target::{Target, Trusted},
};
use super::{
    game::Games,
    hostile::HostileKind,
    server_metrics::HttpAddress,
    slo::{Figures, Rule, RuleError},
};

/// Bots that come in a run, at most, those who replace others included.
const ORDERS_MOST: u64 = 2_000_000;

/// Hostile bots, at most: each is a handful of sockets.
const HOSTILE_MOST: u32 = 1000;

/// A run. Every key has a default, and these sentences are its reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    /// The server to play on, host and port.
    pub server: String,
    /// Trust the one certificate with this SHA-256, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_hash: Option<String>,
    /// Trust certificates that chain to the roots in this PEM file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roots: Option<String>,
    /// The server's HTTP address: adds its own figures to the report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_http: Option<String>,
    /// How many bots play at which moment.
    pub stages: Stages,
    /// How much of the beginning is left out of rates and distributions; whole seconds.
    #[serde(with = "text")]
    pub warm_up: Duration,
    /// Where all randomness comes from.
    pub seed: u64,
    /// How many bots leave and are replaced each minute.
    pub churn: u32,
    /// When many lose their connection at once.
    pub storms: Vec<Storm>,
    /// Rules that decide on the verdict.
    pub slo: Vec<Rule>,
    /// Whether the run ends as soon as a rule is broken.
    pub abort_on_fail: bool,
    /// How late the swarm may meet 99 of 100 of its own deadlines before nothing can be said of the server, in milliseconds. A single
    /// stall may be 25 times as long.
    pub max_lag_ms: f64,
    /// How many threads the bots of one process share.
    pub threads: u32,
    /// Who plays: each entry has its share of the bots.
    pub bots: Vec<Group>,
    /// Who comes to do harm.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hostile: Vec<Hostiles>,
}

/// Bots of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Group {
    /// What it is called in the report.
    pub name: String,
    /// How many parts of all the bots belong to it.
    pub share: u32,
    /// The game they play.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub game: Option<String>,
    /// The server they play on, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// How they play: one of the game's brains, by default its first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brain: Option<String>,
    /// The network path between them and the server, by its name; by default the one that is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The room they join; by default the first with a seat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<u64>,
}

/// Hostile bots of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hostiles {
    /// What they do.
    pub kind: HostileKind,
    /// How many there are, from the run's start to its end.
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
            bots: vec![Group::default()],
            hostile: Vec::new(),
        }
    }
}

impl Default for Group {
    fn default() -> Self {
        let name = "bots".to_owned();
        Self { name, share: 1, game: None, server: None, brain: None, link: None, room: None }
    }
}

impl Plan {
    /// The first and the last second that rates and distributions are over, the last one not included.
    #[must_use]
    pub fn measured(&self) -> std::ops::Range<u32> {
        whole_seconds(self.warm_up)..whole_seconds(self.stages.length())
    }

    /// Where one bot's decisions come from.
    #[must_use]
    pub fn brain_seed(&self, bot: u32) -> u64 {
        let mut rng = quarrel_shared::game::GameRng::new(self.seed, u64::from(bot));
        rng.next_u32();
        rng.next_u64()
    }

    /// The link of a group; `None` where it is what is there.
    #[must_use]
    pub fn link(&self, group: u16) -> Option<Link> {
        self.bots.get(usize::from(group)).and_then(|group| Link::find(group.link.as_deref()?))
    }

    /// What a file of this plan says.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_else(|error| format!("# this plan cannot be written: {error}\n"))
    }

    /// Whether it can be made with these games.
    ///
    /// # Errors
    /// The first thing that is wrong, and under which key.
    pub fn check(&self, games: &Games) -> Result<(), PlanError> {
        if self.bots.is_empty() {
            return Err(PlanError::at(["bots"], "somebody has to play"));
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
            return Err(PlanError::at(["threads"], "a swarm has 1 to 256 threads"));
        }
        if !(self.max_lag_ms.is_finite() && self.max_lag_ms > 0.0) {
            return Err(PlanError::at(["max_lag_ms"], "a number of milliseconds above 0 is needed"));
        }
        if let Some(late) = self.storms.iter().position(|storm| storm.at > self.stages.length()) {
            let length = duration::format(self.stages.length());
            return Err(PlanError::at(
                ["storms", &late.to_string()],
                format!("the run is over after {length}"),
            ));
        }
        self.check_orders()?;
        self.check_addresses()?;
        for (index, group) in self.bots.iter().enumerate() {
            group.check(games, self).map_err(|error| error.within(["bots", &index.to_string()]))?;
        }
        let hostile: u32 = self.hostile.iter().map(|hostile| hostile.bots).fold(0, u32::saturating_add);
        if hostile > HOSTILE_MOST {
            return Err(PlanError::at(["hostile"], format!("{HOSTILE_MOST} hostile bots at most")));
        }
        Ok(())
    }

    /// Whether its rules can be judged once it is over.
    ///
    /// # Errors
    /// When one names the baseline, and there is none or it lacks the figure.
    pub fn ready(&self, baseline: Option<&Figures>) -> Result<(), PlanError> {
        self.slo.iter().enumerate().try_for_each(|(index, rule)| {
            let wrong = |error: RuleError| PlanError::at(["slo", &index.to_string()], error.to_string());
            rule.check_baseline(baseline).map_err(wrong)
        })
    }

    /// What can be said of addresses before anybody is asked.
    fn check_addresses(&self) -> Result<(), PlanError> {
        target::check_address(&self.server)?;
        if let Some(hash) = &self.cert_hash {
            target::parse_hash(hash).map_err(|why| PlanError::at(["cert_hash"], why))?;
        }
        if let Some(url) = &self.server_http {
            let address = url.parse::<HttpAddress>();
            address.map_err(|why| PlanError::at(["server_http"], format!("{url}: {why}")))?;
        }
        Ok(())
    }

    fn check_orders(&self) -> Result<(), PlanError> {
        let changes = u64::from(self.churn) * self.stages.length().as_secs() / 60;
        let comings: u64 = self.stages.pieces().iter().map(|stage| u64::from(stage.from.max(stage.to))).sum();
        if changes + comings > ORDERS_MOST {
            return Err(PlanError::at(["churn"], format!("{ORDERS_MOST} bots may come in one run at most")));
        }
        Ok(())
    }
}

impl Group {
    fn check(&self, games: &Games, plan: &Plan) -> Result<(), PlanError> {
        if self.share == 0 {
            return Err(PlanError::at(["share"], "a share is 1 part or more"));
        }
        if plan.bots.iter().filter(|group| group.name == self.name).count() > 1 {
            return Err(PlanError::at(["name"], format!("two groups are called '{}'", self.name)));
        }
        self.server.as_deref().map_or(Ok(()), target::check_address)?;
        let game = games.find(self.game.as_deref()).ok_or_else(|| {
            let names = games.names().join(", ");
            PlanError::at(
                ["game"],
                format!("this swarm plays {names}, not '{}'", self.game.as_deref().unwrap_or("")),
            )
        })?;
        if let Some(brain) = &self.brain
            && !game.brains().any(|known| known == brain)
        {
            let brains: Vec<_> = game.brains().collect();
            return Err(PlanError::at(
                ["brain"],
                format!("{} has {}, not '{brain}'", game.name(), brains.join(", ")),
            ));
        }
        if let Some(link) = &self.link
            && Link::find(link).is_none()
        {
            let links: Vec<_> = quarrel_netsim::LINKS.iter().map(|link| link.name).collect();
            return Err(PlanError::at(["link"], format!("there are {}, not '{link}'", links.join(", "))));
        }
        Ok(())
    }
}

const fn one() -> u32 {
    1
}

/// Rounded up: a second that is begun is not measured.
fn whole_seconds(duration: Duration) -> u32 {
    duration.as_millis().div_ceil(1000) as u32
}

/// A duration as people write it.
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
