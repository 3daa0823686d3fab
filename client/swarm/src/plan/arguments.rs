//! A plan from the command line. Flags override the values of a plan's file, if one is given.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{BotGroup, GameCatalog, HostileGroup, Plan, PlanError, Shares, Stages, Storm, address, duration};
use crate::{hostile::HostileKind, slo::Rule};

/// Flags that do not depend on the number of bots.
#[derive(Clone, Debug, Default, Args)]
pub struct PlanArguments {
    /// Read the plan from a TOML file; flags override its values.
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Set the host and port of the server to play on [default: 127.0.0.1:7777].
    #[arg(long, value_name = "HOST:PORT")]
    pub server: Option<String>,
    /// Select the game that the server runs [default: the first game of this swarm].
    #[arg(long, value_name = "NAME")]
    pub game: Option<String>,
    /// Select the bots' brain (behaviour), by name or by shares, as in hunt or hunt:70,wander:30; the brain idle sends only default inputs
    /// [default: the game's first brain].
    #[arg(long, value_name = "SHARES")]
    pub brain: Option<Shares>,
    /// Simulate network paths (links) to the server, by name or by shares, as in wifi:60,lte:40; `swarm links` lists the names [default:
    /// the real network alone].
    #[arg(long, value_name = "SHARES")]
    pub link: Option<Shares>,
    /// Set the seed of all random choices [default: 1].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Join this room [default: the first with a free seat].
    #[arg(long, value_name = "ID")]
    pub room: Option<u64>,
    /// Replace this many bots each minute: each leaves, and another joins [default: 0].
    #[arg(long, value_name = "N")]
    pub churn: Option<u32>,
    /// Add hostile bots, as in flood or garbage:5; may be repeated. Kinds: garbage, flood, forged, half_open, slow_reader.
    #[arg(long, value_name = "KIND[:N]", value_parser = hostile_group)]
    pub hostile: Vec<HostileGroup>,
    /// Add a rule about a figure of the report, as in 'input_ack_ms.p99 < 80'; all rules decide the verdict; may be repeated.
    #[arg(long, value_name = "RULE")]
    pub slo: Vec<Rule>,
    /// Limit the p99 of the swarm's own lateness to this many milliseconds, and its maximum to 25 times as many; above that the verdict is
    /// `invalid` [default: 10].
    #[arg(long, value_name = "MS")]
    pub max_lag_ms: Option<f64>,
    /// Trust only the certificate with this SHA-256, in hexadecimal; colons are ignored.
    #[arg(long, value_name = "HEX", value_parser = cert_hash, conflicts_with = "roots")]
    pub cert_hash: Option<String>,
    /// Trust certificates that chain to the roots in this PEM file.
    #[arg(long, value_name = "FILE")]
    pub roots: Option<String>,
    /// Add the server's own figures to the report, read from its HTTP address, as in http://127.0.0.1:7780.
    #[arg(long, value_name = "URL")]
    pub server_http: Option<String>,
    /// Share the bots of one process between this many threads [default: 1].
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
}

/// All flags of `swarm run` that make a plan: the number of bots over time, and the rest.
#[derive(Clone, Debug, Default, Args)]
pub struct RunArguments {
    /// The flags that do not depend on the number of bots.
    #[command(flatten)]
    pub plan: PlanArguments,
    /// Set the number of bots [default: 100].
    #[arg(long, value_name = "N", conflicts_with = "stages", value_parser = clap::value_parser!(u32).range(1..))]
    pub bots: Option<u32>,
    /// Play for this time after all bots have joined, as in 20s or 2m [default: 20s].
    #[arg(long, value_name = "TIME", conflicts_with = "stages", value_parser = duration::parse)]
    pub duration: Option<Duration>,
    /// Let the bots join evenly over this time [default: 2s].
    #[arg(long, value_name = "TIME", conflicts_with = "stages", value_parser = duration::parse)]
    pub ramp: Option<Duration>,
    /// Change the number of bots over time: `[FROM:]TO@TIME,...`, as in 0:50@10s,200@60s,0@5s; it changes evenly within each stage.
    #[arg(long, value_name = "STAGES")]
    pub stages: Option<Stages>,
    /// Exclude this time at the start from rates and distributions [default: the first of several stages, nothing for a single one].
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub warm_up: Option<Duration>,
    /// Break the connections of a share of the bots, all at this time of the run, as in 50%@30s; may be repeated.
    #[arg(long, value_name = "SHARE@TIME")]
    pub storm: Vec<Storm>,
    /// End the run early when a rule is broken beyond repair: in three checks in a row, one a second, after the warm-up.
    #[arg(long)]
    pub abort_on_fail: bool,
}

impl PlanArguments {
    /// Builds the plan: that of the file, or the default one without a file, with these flags applied. Does not check the plan.
    ///
    /// # Errors
    /// When the file cannot be read or is not a plan.
    pub fn plan(&self) -> Result<Plan, PlanError> {
        let mut plan = self.plan.as_deref().map(Plan::read).transpose()?.unwrap_or_default();
        put(&mut plan.server, &self.server);
        put(&mut plan.seed, &self.seed);
        put(&mut plan.churn, &self.churn);
        put(&mut plan.max_lag_ms, &self.max_lag_ms);
        put(&mut plan.threads, &self.threads);
        plan.server_http = self.server_http.clone().or(plan.server_http);
        if self.cert_hash.is_some() || self.roots.is_some() {
            (plan.cert_hash, plan.roots) = (self.cert_hash.clone(), self.roots.clone());
        }
        plan.slo.extend_from_slice(&self.slo);
        plan.hostile.extend_from_slice(&self.hostile);
        self.split_groups(&mut plan);
        Ok(plan)
    }

    /// Checks the plan against the games of this swarm.
    ///
    /// # Errors
    /// As [`Plan::check`], located as by [`Self::locate`].
    pub fn check(&self, plan: &Plan, catalog: &GameCatalog) -> Result<(), PlanError> {
        plan.check(catalog).map_err(|error| self.locate(plan, error))
    }

    /// Returns the error with the location of the mistake: the flag that set the value, or otherwise the line of the file.
    #[must_use]
    pub fn locate(&self, plan: &Plan, error: PlanError) -> PlanError {
        if let ["bots", group, key] = error.path()[..] {
            let (group, key) = (group.parse().unwrap_or(0), key.to_owned());
            return self.locate_in_group(group, &key, error);
        }
        let is_flags = match error.path()[..] {
            ["server"] => self.server.is_some(),
            ["churn"] => self.churn.is_some(),
            ["max_lag_ms"] => self.max_lag_ms.is_some(),
            ["threads"] => self.threads.is_some(),
            ["server_http"] => self.server_http.is_some(),
            ["cert_hash" | "roots"] => self.cert_hash.is_some() || self.roots.is_some(),
            ["hostile"] => !self.hostile.is_empty(),
            ["slo", index] => is_from_flags(index, &plan.slo, &self.slo),
            _ => false,
        };
        self.locate_in_file(error, is_flags)
    }

    /// Locates a mistake in a group. Flags split each group of the file, so a group's index in the file differs from its index in the plan.
    fn locate_in_group(&self, group: usize, key: &str, error: PlanError) -> PlanError {
        let parts = |shares: &Option<Shares>| shares.as_ref().map_or(1, |shares| shares.iter().count());
        let (brains, links) = (parts(&self.brain), parts(&self.link));
        let is_flags = match key {
            "game" => self.game.is_some(),
            "brain" => self.brain.is_some(),
            "link" => self.link.is_some(),
            // Two groups have the same name if a flag names a share twice.
            "name" if brains > 1 => return error.with_path(["brain"]),
            "name" if links > 1 => return error.with_path(["link"]),
            _ => false,
        };
        self.locate_in_file(error.with_path(["bots", &(group / (brains * links)).to_string(), key]), is_flags)
    }

    fn locate_in_file(&self, error: PlanError, is_flags: bool) -> PlanError {
        match &self.plan {
            Some(file) if !is_flags => error.located(file),
            _ => error,
        }
    }

    /// Applies the flags that concern all groups. Each group is split into one group per brain and link, by their shares.
    fn split_groups(&self, plan: &mut Plan) {
        for group in &mut plan.bots {
            group.game = self.game.clone().or_else(|| group.game.take());
            group.room = self.room.or(group.room);
        }
        if let Some(brains) = &self.brain {
            split(&mut plan.bots, brains, |group, brain| group.brain = Some(brain));
        }
        if let Some(links) = &self.link {
            split(&mut plan.bots, links, |group, link| group.link = Some(link));
        }
    }
}

impl RunArguments {
    /// Builds the plan: that of the file, or the default one without a file, with these flags applied. Does not check the plan.
    ///
    /// # Errors
    /// When the file cannot be read or is not a plan.
    pub fn plan(&self) -> Result<Plan, PlanError> {
        let mut plan = self.plan.plan()?;
        let sets_stages = self.sets_stages();
        if let Some(stages) = &self.stages {
            plan.stages = stages.clone();
        } else if sets_stages {
            plan.stages = Stages::ramp(
                self.bots.unwrap_or(100),
                self.ramp.unwrap_or(Duration::from_secs(2)),
                self.duration.unwrap_or(Duration::from_secs(20)),
            );
        }
        if sets_stages {
            // The default warm-up is the first stage, in which the bots join.
            let stages = plan.stages.stages();
            plan.warm_up =
                stages.first().filter(|_| stages.len() > 1).map_or(Duration::ZERO, |first| first.over);
        }
        put(&mut plan.warm_up, &self.warm_up);
        plan.storms.extend_from_slice(&self.storm);
        plan.abort_on_fail |= self.abort_on_fail;
        Ok(plan)
    }

    /// Checks the plan against the games of this swarm.
    ///
    /// # Errors
    /// As [`Plan::check`], located as by [`Self::locate`].
    pub fn check(&self, plan: &Plan, catalog: &GameCatalog) -> Result<(), PlanError> {
        plan.check(catalog).map_err(|error| self.locate(plan, error))
    }

    /// Returns the error with the location of the mistake, as [`PlanArguments::locate`] does.
    #[must_use]
    pub fn locate(&self, plan: &Plan, error: PlanError) -> PlanError {
        let is_flags = match error.path()[..] {
            ["warm_up"] => self.warm_up.is_some() || self.sets_stages(),
            ["storms", index] => is_from_flags(index, &plan.storms, &self.storm),
            _ => false,
        };
        if is_flags { error } else { self.plan.locate(plan, error) }
    }

    /// Whether flags replace the stages of the file.
    const fn sets_stages(&self) -> bool {
        self.stages.is_some() || self.bots.is_some() || self.duration.is_some() || self.ramp.is_some()
    }
}

/// Whether the element at this index of the list `all` is one of those that flags appended.
fn is_from_flags<T>(index: &str, all: &[T], appended: &[T]) -> bool {
    index.parse::<usize>().is_ok_and(|index| index + appended.len() >= all.len())
}

/// Replaces the value by that of the flag, if the flag is given.
fn put<T: Clone>(value: &mut T, flag: &Option<T>) {
    if let Some(flag) = flag {
        value.clone_from(flag);
    }
}

/// Splits each group by these shares.
fn split(groups: &mut Vec<BotGroup>, shares: &Shares, set: impl Fn(&mut BotGroup, String)) {
    let is_one = shares.iter().count() == 1;
    let parts_of = |group: &BotGroup| {
        let parts = shares.iter().map(|(name, parts)| {
            let mut group = group.clone();
            group.share = group.share.saturating_mul(parts);
            if !is_one {
                group.name = if groups.len() == 1 && group.name == BotGroup::default().name {
                    name.to_owned()
                } else {
                    format!("{} {name}", group.name)
                };
            }
            set(&mut group, name.to_owned());
            group
        });
        parts.collect::<Vec<_>>()
    };
    *groups = groups.iter().flat_map(parts_of).collect();
}

fn hostile_group(text: &str) -> Result<HostileGroup, String> {
    let (kind, bots) = text.split_once(':').unwrap_or((text, "1"));
    let kind = kind.parse::<HostileKind>().map_err(|error| error.to_string())?;
    let bots = bots.parse().ok().filter(|bots| *bots > 0);
    let bots = bots.ok_or_else(|| format!("'{text}': give a kind and a number above 0, as in flood:5"))?;
    Ok(HostileGroup { kind, bots })
}

fn cert_hash(text: &str) -> Result<String, String> {
    address::parse_hash(text).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use quarrel_shared::crowd::Crowd;

    use super::*;
    use crate::game::{GameEntry, GameRegistry};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        run: RunArguments,
    }

    fn plan(line: &str) -> Plan {
        let words = std::iter::once("run").chain(line.split_whitespace());
        Line::try_parse_from(words).unwrap().run.plan().unwrap()
    }

    fn check(line: &str) -> Result<(), PlanError> {
        let words = std::iter::once("run").chain(line.split_whitespace());
        let run = Line::try_parse_from(words).unwrap().run;
        run.check(&run.plan()?, &GameRegistry::new(vec![GameEntry::of::<Crowd>(&[])]).catalog())
    }

    #[test]
    fn without_arguments_a_hundred_bots_play_on_this_machine() {
        let plan = plan("");
        assert_eq!(plan, Plan::default());
        assert_eq!((plan.stages.max_bots(), plan.warm_up), (100, Duration::from_secs(2)));
    }

    #[test]
    fn bots_ramp_and_duration_are_two_stages() {
        let plan = plan("--bots 50 --ramp 5s");
        assert_eq!(plan.stages.to_string(), "0:50@5s,50@20s");
        assert_eq!(plan.warm_up, Duration::from_secs(5), "the warm-up leaves the ramp out");
    }

    #[test]
    fn each_brain_plays_on_each_link_by_their_shares() {
        let plan = plan("--brain a:3,b --link wifi:60,lte:40");
        let groups: Vec<_> = plan.bots.iter().map(|group| (group.name.as_str(), group.share)).collect();
        assert_eq!(groups, [("a wifi", 180), ("a lte", 120), ("b wifi", 60), ("b lte", 40)]);
        let plan = super::tests::plan("--link lte");
        assert_eq!((plan.bots.len(), plan.bots[0].link.as_deref()), (1, Some("lte")));
    }

    #[test]
    fn an_unknown_brain_is_refused_with_the_known_ones() {
        let error = check("--brain sprint").unwrap_err();
        assert!(!error.is_in_plan_file());
        assert!(
            error.to_string().starts_with("--brain: ") && error.to_string().contains("stroll"),
            "{error}"
        );
    }

    #[test]
    fn flags_that_contradict_each_other_are_refused() {
        let words = ["run", "--stages", "5@5s", "--bots", "3"];
        assert!(Line::try_parse_from(words).is_err());
        assert!(check("--bots 5 --warm-up 1h").is_err());
        assert!(check("--hostile flood:3 --churn 10 --storm 50%@5s").is_ok());
    }
}
