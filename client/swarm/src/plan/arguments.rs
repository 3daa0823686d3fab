//! A plan from the command line: a file if there is one, and flags over it.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{Group, Hostiles, Plan, PlanError, Shares, Stages, Storm, duration, target};
use crate::{game::Games, hostile::HostileKind, slo::Rule};

/// What the bots of a run have in common, however many they are.
#[derive(Clone, Debug, Default, Args)]
pub struct PlanArguments {
    /// A TOML file that says all of this and more; flags win over it.
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// The server to play on, host and port [default: 127.0.0.1:7777].
    #[arg(long, value_name = "HOST:PORT")]
    pub server: Option<String>,
    /// The game that the server runs [default: the first that this swarm plays].
    #[arg(long, value_name = "NAME")]
    pub game: Option<String>,
    /// How they play, by name or by shares, as in hunt or hunt:70,strafe:30; idle ones want nothing [default: the game's first brain].
    #[arg(long, value_name = "SHARES")]
    pub brain: Option<Shares>,
    /// Network paths between them and the server, by name or by shares, as in wifi:60,lte:40 [default: the one that is there].
    /// `swarm links` lists them.
    #[arg(long, value_name = "SHARES")]
    pub link: Option<Shares>,
    /// Where all the bots' randomness comes from [default: 1].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The room to join [default: the first with a seat].
    #[arg(long, value_name = "ID")]
    pub room: Option<u64>,
    /// How many bots leave and are replaced each minute [default: 0].
    #[arg(long, value_name = "N")]
    pub churn: Option<u32>,
    /// Hostile bots beside them, as in flood or garbage:5; may be repeated. Kinds: garbage, flood, forged, half_open, slow_reader.
    #[arg(long, value_name = "KIND[:N]", value_parser = hostiles)]
    pub hostile: Vec<Hostiles>,
    /// A rule that decides on the verdict, as in 'input_ack_ms.p99 < 80'; any figure of the report, may be repeated.
    #[arg(long, value_name = "RULE")]
    pub slo: Vec<Rule>,
    /// How late the swarm may meet 99 of 100 of its own deadlines before the verdict is `invalid` [default: 10].
    #[arg(long, value_name = "MS")]
    pub max_lag_ms: Option<f64>,
    /// Trust the one certificate with this SHA-256, in hexadecimal; colons may stand between the bytes.
    #[arg(long, value_name = "HEX", value_parser = hash, conflicts_with = "roots")]
    pub cert_hash: Option<String>,
    /// Trust certificates that chain to the roots in this PEM file.
    #[arg(long, value_name = "FILE")]
    pub roots: Option<String>,
    /// The server's HTTP address, as in http://127.0.0.1:7780: adds the server's own figures to the report.
    #[arg(long, value_name = "URL")]
    pub server_http: Option<String>,
    /// How many threads the bots of one process share [default: 1].
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
}

/// When how many bots play.
#[derive(Clone, Debug, Default, Args)]
pub struct RunArguments {
    /// All the rest.
    #[command(flatten)]
    pub plan: PlanArguments,
    /// How many bots play [default: 100].
    #[arg(long, value_name = "N", conflicts_with = "stages", value_parser = clap::value_parser!(u32).range(1..))]
    pub bots: Option<u32>,
    /// How long they play once all have come, as in 20s or 2m [default: 20s].
    #[arg(long, value_name = "TIME", conflicts_with = "stages", value_parser = duration::parse)]
    pub duration: Option<Duration>,
    /// Over what time they come, evenly [default: 2s].
    #[arg(long, value_name = "TIME", conflicts_with = "stages", value_parser = duration::parse)]
    pub ramp: Option<Duration>,
    /// How many bots play when: `[FROM:]TO@TIME,...`, as in 0:50@10s,200@60s,0@5s. Each stage leads evenly to its number.
    #[arg(long, value_name = "STAGES")]
    pub stages: Option<Stages>,
    /// How much of the beginning is left out of rates and distributions [default: until the first stage is over].
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub warm_up: Option<Duration>,
    /// A moment at which many lose their connection at once, as in 50%@30s; may be repeated.
    #[arg(long, value_name = "SHARE@TIME")]
    pub storm: Vec<Storm>,
    /// End the run as soon as a rule is broken.
    #[arg(long)]
    pub abort_on_fail: bool,
}

impl PlanArguments {
    /// What is said here, over what the file says.
    ///
    /// # Errors
    /// When the file is no plan.
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
        self.deal_groups(&mut plan);
        Ok(plan)
    }

    /// As [`Plan::check`]; what a file said is told with its line.
    ///
    /// # Errors
    /// The same.
    pub fn check(&self, plan: &Plan, games: &Games) -> Result<(), PlanError> {
        plan.check(games).map_err(|error| self.blame(plan, error))
    }

    /// Whose mistake it is: that of a flag that said it, or the file's, with its line.
    #[must_use]
    pub fn blame(&self, plan: &Plan, error: PlanError) -> PlanError {
        if let ["bots", group, key] = error.path()[..] {
            let (group, key) = (group.parse().unwrap_or(0), key.to_owned());
            return self.blame_group(group, &key, error);
        }
        let is_flags = match error.path()[..] {
            ["server"] => self.server.is_some(),
            ["churn"] => self.churn.is_some(),
            ["max_lag_ms"] => self.max_lag_ms.is_some(),
            ["threads"] => self.threads.is_some(),
            ["server_http"] => self.server_http.is_some(),
            ["cert_hash" | "roots"] => self.cert_hash.is_some() || self.roots.is_some(),
            ["hostile"] => !self.hostile.is_empty(),
            ["slo", index] => is_of_last(index, &plan.slo, &self.slo),
            _ => false,
        };
        self.blame_file(error, is_flags)
    }

    /// Flags took each of the file's groups apart, so one that is wrong has another place there.
    fn blame_group(&self, group: usize, key: &str, error: PlanError) -> PlanError {
        let parts = |shares: &Option<Shares>| shares.as_ref().map_or(1, |shares| shares.iter().count());
        let (brains, links) = (parts(&self.brain), parts(&self.link));
        let is_flags = match key {
            "game" => self.game.is_some(),
            "brain" => self.brain.is_some(),
            "link" => self.link.is_some(),
            // Groups of one name that are neighbours came from one, by a share that was given twice.
            "name" if brains > 1 => return error.under(["brain"]),
            "name" if links > 1 => return error.under(["link"]),
            _ => false,
        };
        self.blame_file(error.under(["bots", &(group / (brains * links)).to_string(), key]), is_flags)
    }

    fn blame_file(&self, error: PlanError, is_flags: bool) -> PlanError {
        match &self.plan {
            Some(file) if !is_flags => error.located(file),
            _ => error,
        }
    }

    /// Flags that say how bots play are about all of them: each brain on each link, by their shares.
    fn deal_groups(&self, plan: &mut Plan) {
        for group in &mut plan.bots {
            group.game = self.game.clone().or_else(|| group.game.take());
            group.room = self.room.or(group.room);
        }
        if let Some(brains) = &self.brain {
            deal(&mut plan.bots, brains, |group, brain| group.brain = Some(brain));
        }
        if let Some(links) = &self.link {
            deal(&mut plan.bots, links, |group, link| group.link = Some(link));
        }
    }
}

impl RunArguments {
    /// The plan, not checked yet.
    ///
    /// # Errors
    /// When the file is no plan.
    pub fn plan(&self) -> Result<Plan, PlanError> {
        let mut plan = self.plan.plan()?;
        let says_stages = self.says_stages();
        if let Some(stages) = &self.stages {
            plan.stages = stages.clone();
        } else if says_stages {
            plan.stages = Stages::ramp(
                self.bots.unwrap_or(100),
                self.ramp.unwrap_or(Duration::from_secs(2)),
                self.duration.unwrap_or(Duration::from_secs(20)),
            );
        }
        if says_stages {
            // Somebody who says nothing of a warm-up wants figures of bots that are there.
            let pieces = plan.stages.stages();
            plan.warm_up =
                pieces.first().filter(|_| pieces.len() > 1).map_or(Duration::ZERO, |first| first.over);
        }
        put(&mut plan.warm_up, &self.warm_up);
        plan.storms.extend_from_slice(&self.storm);
        plan.abort_on_fail |= self.abort_on_fail;
        Ok(plan)
    }

    /// As [`PlanArguments::check`].
    ///
    /// # Errors
    /// The same.
    pub fn check(&self, plan: &Plan, games: &Games) -> Result<(), PlanError> {
        plan.check(games).map_err(|error| self.blame(plan, error))
    }

    /// As [`PlanArguments::blame`].
    #[must_use]
    pub fn blame(&self, plan: &Plan, error: PlanError) -> PlanError {
        let is_flags = match error.path()[..] {
            ["warm_up"] => self.warm_up.is_some() || self.says_stages(),
            ["storms", index] => is_of_last(index, &plan.storms, &self.storm),
            _ => false,
        };
        if is_flags { error } else { self.plan.blame(plan, error) }
    }

    const fn says_stages(&self) -> bool {
        self.stages.is_some() || self.bots.is_some() || self.duration.is_some() || self.ramp.is_some()
    }
}

/// Whether an element of a list is one of those that flags put at its end.
fn is_of_last<T>(index: &str, all: &[T], last: &[T]) -> bool {
    index.parse::<usize>().is_ok_and(|index| index + last.len() >= all.len())
}

fn put<T: Clone>(value: &mut T, said: &Option<T>) {
    if let Some(said) = said {
        value.clone_from(said);
    }
}

/// Takes each group apart by these shares.
fn deal(groups: &mut Vec<Group>, shares: &Shares, set: impl Fn(&mut Group, String)) {
    let is_one = shares.iter().count() == 1;
    let of = |group: &Group| {
        let dealt = shares.iter().map(|(name, parts)| {
            let mut group = group.clone();
            group.share = group.share.saturating_mul(parts);
            if !is_one {
                group.name = if groups.len() == 1 && group.name == Group::default().name {
                    name.to_owned()
                } else {
                    format!("{} {name}", group.name)
                };
            }
            set(&mut group, name.to_owned());
            group
        });
        dealt.collect::<Vec<_>>()
    };
    *groups = groups.iter().flat_map(of).collect();
}

fn hostiles(text: &str) -> Result<Hostiles, String> {
    let (kind, bots) = text.split_once(':').unwrap_or((text, "1"));
    let kind = kind.parse::<HostileKind>().map_err(|error| error.to_string())?;
    let bots = bots.parse().ok().filter(|bots| *bots > 0);
    let bots = bots.ok_or_else(|| format!("'{text}': a kind and a number are needed, as in flood:5"))?;
    Ok(Hostiles { kind, bots })
}

fn hash(text: &str) -> Result<String, String> {
    target::parse_hash(text).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use quarrel_shared::crowd::Crowd;

    use super::*;
    use crate::game::GameEntry;

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
        run.check(&run.plan()?, &Games::new(vec![GameEntry::of::<Crowd>(&[])]))
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
        assert_eq!(plan.warm_up, Duration::from_secs(5), "the ramp is left out");
    }

    #[test]
    fn shares_of_brains_and_links_are_dealt_across() {
        let plan = plan("--brain a:3,b --link wifi:60,lte:40");
        let dealt: Vec<_> = plan.bots.iter().map(|group| (group.name.as_str(), group.share)).collect();
        assert_eq!(dealt, [("a wifi", 180), ("a lte", 120), ("b wifi", 60), ("b lte", 40)]);
        let plan = super::tests::plan("--link lte");
        assert_eq!((plan.bots.len(), plan.bots[0].link.as_deref()), (1, Some("lte")));
    }

    #[test]
    fn a_brain_that_the_game_has_not_is_refused_with_those_it_has() {
        let error = check("--brain sprint").unwrap_err();
        assert!(!error.is_of_file());
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
