//! The schedule of a run: when each bot joins, disconnects and leaves. Pure: no clock, no I/O. The same plan gives the same schedule on
//! every machine.

use std::time::Duration;

use quarrel_shared::game::GameRng;

use crate::plan::{Plan, WeightedRoundRobin};

/// The number of the schedule's random streams: stages use it XOR their start in milliseconds, churn and the choice of bots the two numbers
/// below. Bots' brains use the streams from 0 upwards.
const EVENT_STREAM: u64 = u64::MAX;

/// The time that a bot should play before it leaves, if there is a choice: a bot that leaves during its handshake measures nothing.
const MIN_STAY: Duration = Duration::from_secs(2);

/// Number of random draws for a bot that has played for [`MIN_STAY`]. If all fail, the bot that was drawn last leaves, because perhaps all
/// bots have just joined.
const MAX_DRAWS: u32 = 32;

/// One bot's schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotSchedule {
    /// The bot's number, from 0, in the order of joins.
    pub bot: u32,
    /// The index of the bot's group in the plan.
    pub group: u16,
    /// Time of the join, since the run's start.
    pub joins_at: Duration,
    /// Time of the leave, since the run's start; `None` for a bot that plays to the run's end.
    pub leaves_at: Option<Duration>,
    /// Times at which a storm breaks the bot's connection, since the run's start.
    pub disconnects_at: Vec<Duration>,
}

/// Computes the schedule of all bots of a plan, in the order of joins.
#[must_use]
pub fn schedule(plan: &Plan) -> Vec<BotSchedule> {
    let mut events = Vec::new();
    push_stages(plan, &mut events);
    push_churn(plan, &mut events);
    events.extend(plan.storms.iter().map(|storm| (storm.at, ScheduleEvent::Storm(storm.percent))));
    // A stable sort: of two events at one time, the one that was pushed first happens first.
    events.sort_by_key(|(at, _)| *at);
    let mut population = Population::new(plan);
    for (at, event) in events {
        match event {
            ScheduleEvent::Join => population.join(at),
            ScheduleEvent::Leave => population.leave(at),
            ScheduleEvent::Replace => {
                if (0..population.playing.len()).any(|playing| population.may_leave(playing, at)) {
                    population.leave(at);
                    population.join(at);
                }
            }
            ScheduleEvent::Storm(percent) => population.storm(at, percent),
        }
    }
    population.bots
}

/// Returns the maximum number of bots that play at once.
#[must_use]
pub fn max_concurrent(bots: &[BotSchedule]) -> u64 {
    let joins = bots.iter().map(|bot| (bot.joins_at, 1));
    let leaves = bots.iter().filter_map(|bot| Some((bot.leaves_at?, -1)));
    let mut changes: Vec<(Duration, i64)> = joins.chain(leaves).collect();
    // At one time, leaves go before joins: a replaced bot leaves first.
    changes.sort();
    let mut playing = 0;
    changes
        .iter()
        .map(|(_, change)| {
            playing += change;
            playing
        })
        .max()
        .unwrap_or(0) as u64
}

enum ScheduleEvent {
    Join,
    Leave,
    /// One bot leaves and another joins; skipped while no bot has played for [`MIN_STAY`].
    Replace,
    /// This percentage of the playing bots loses its connection.
    Storm(u8),
}

/// Adds the joins and leaves of the stages. A stage is divided into equal parts, one for each join or leave, which happens at a random time
/// within its part. A jump between two stages happens at the start of the second one.
fn push_stages(plan: &Plan, events: &mut Vec<(Duration, ScheduleEvent)>) {
    let (mut start, mut previous) = (Duration::ZERO, 0);
    for stage in plan.stages.stages() {
        push_change(previous, stage.from, events, |_| start);
        let part = stage.over / stage.from.abs_diff(stage.to).max(1);
        let mut rng = GameRng::new(plan.seed, EVENT_STREAM ^ start.as_millis() as u64);
        push_change(stage.from, stage.to, events, |n| start + part * n + part.mul_f64(fraction(&mut rng)));
        start += stage.over;
        previous = stage.to;
    }
}

/// Adds the joins or leaves that change the number of bots from `from` to `to`; `when` returns the time of the n-th.
fn push_change(
    from: u32,
    to: u32,
    events: &mut Vec<(Duration, ScheduleEvent)>,
    mut when: impl FnMut(u32) -> Duration,
) {
    for n in 0..from.abs_diff(to) {
        events.push((when(n), if to > from { ScheduleEvent::Join } else { ScheduleEvent::Leave }));
    }
}

/// Adds the replacements of `churn`. A minute is divided into equal parts, one for each replacement, which happens at a random time within
/// its part.
fn push_churn(plan: &Plan, events: &mut Vec<(Duration, ScheduleEvent)>) {
    if plan.churn == 0 {
        return;
    }
    let part = Duration::from_secs(60) / plan.churn;
    let mut rng = GameRng::new(plan.seed, EVENT_STREAM - 1);
    let count = plan.stages.length().div_duration_f64(part) as u32;
    events.extend((0..count).map(|n| (part * n + part.mul_f64(fraction(&mut rng)), ScheduleEvent::Replace)));
}

/// Returns a random number in 0..1.
fn fraction(rng: &mut GameRng) -> f64 {
    f64::from(rng.next_u32()) / (f64::from(u32::MAX) + 1.0)
}

/// The bots that have joined, while the events are applied in the order of time.
struct Population {
    bots: Vec<BotSchedule>,
    /// The indices in `bots` of the bots that play now.
    playing: Vec<usize>,
    groups: WeightedRoundRobin,
    rng: GameRng,
}

impl Population {
    fn new(plan: &Plan) -> Self {
        let groups = WeightedRoundRobin::new(plan.bots.iter().map(|group| group.share));
        Self { bots: Vec::new(), playing: Vec::new(), groups, rng: GameRng::new(plan.seed, EVENT_STREAM - 2) }
    }

    fn join(&mut self, at: Duration) {
        self.playing.push(self.bots.len());
        let (bot, group) = (self.bots.len() as u32, self.groups.next_index() as u16);
        self.bots.push(BotSchedule { bot, group, joins_at: at, leaves_at: None, disconnects_at: Vec::new() });
    }

    /// Lets a random bot leave that has played for [`MIN_STAY`]. If [`MAX_DRAWS`] draws find none, the bot that was drawn last leaves.
    fn leave(&mut self, at: Duration) {
        let mut drawn = None;
        for _ in 0..MAX_DRAWS {
            drawn = self.pick(self.playing.len());
            if drawn.is_some_and(|index| self.may_leave(index, at)) {
                break;
            }
        }
        if let Some(index) = drawn {
            let index = self.playing.swap_remove(index);
            self.bots[index].leaves_at = Some(at);
        }
    }

    /// Whether the bot at this index of `playing` has played for [`MIN_STAY`].
    fn may_leave(&self, playing: usize, at: Duration) -> bool {
        self.bots[self.playing[playing]].joins_at + MIN_STAY <= at
    }

    /// Breaks the connections of this percentage of the playing bots, rounded up. Chosen bots are swapped to the front of `playing`, so
    /// that no bot is chosen twice.
    fn storm(&mut self, at: Duration, percent: u8) {
        let hit = (self.playing.len() * usize::from(percent)).div_ceil(100);
        for n in 0..hit {
            if let Some(index) = self.pick(self.playing.len() - n) {
                self.playing.swap(n, n + index);
                self.bots[self.playing[n]].disconnects_at.push(at);
            }
        }
    }

    /// Returns a random index below `among`; `None` for 0.
    fn pick(&mut self, among: usize) -> Option<usize> {
        (among > 0).then(|| self.rng.below(among as u32) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(stages: &str) -> Plan {
        Plan { stages: stages.parse().unwrap(), ..Plan::default() }
    }

    fn playing(bots: &[BotSchedule], at: Duration) -> usize {
        let plays =
            |bot: &&BotSchedule| bot.joins_at <= at && bot.leaves_at.is_none_or(|leaves_at| leaves_at > at);
        bots.iter().filter(plays).count()
    }

    #[test]
    fn bots_join_and_leave_along_the_stages() {
        let plan = plan("0:50@10s,200@60s,20@5s,100:100@5s");
        let bots = schedule(&plan);
        for at in 0..80_000 {
            let at = Duration::from_millis(at);
            let (planned, playing) = (plan.stages.bots_at(at), playing(&bots, at) as u32);
            assert!(planned.abs_diff(playing) <= 1, "{playing} bots play at {at:?}, and {planned} should");
        }
        assert_eq!((bots.len(), max_concurrent(&bots)), (280, 200));
        assert!(bots.is_sorted_by_key(|bot| bot.joins_at));
    }

    #[test]
    fn a_seed_determines_the_schedule() {
        let plan = Plan { churn: 60, storms: vec!["50%@5s".parse().unwrap()], ..plan("0:50@5s,50@20s") };
        assert_eq!(schedule(&plan), schedule(&plan));
        assert_ne!(schedule(&plan), schedule(&Plan { seed: 2, ..plan.clone() }));
    }

    #[test]
    fn a_bot_that_leaves_by_churn_is_replaced() {
        let bots = schedule(&Plan { churn: 120, ..plan("0:20@2s,20@60s") });
        let left = bots.iter().filter(|bot| bot.leaves_at.is_some()).count();
        assert!((115..=124).contains(&left), "{left} left in a minute");
        assert_eq!(bots.len(), 20 + left);
        assert_eq!(playing(&bots, Duration::from_secs(40)), 20);
        assert!(bots.iter().all(|bot| bot.leaves_at.is_none_or(|leaves_at| leaves_at >= bot.joins_at)));
    }

    #[test]
    fn a_storm_hits_its_share_of_the_playing_bots() {
        let bots = schedule(&Plan { storms: vec!["30%@10s".parse().unwrap()], ..plan("0:200@5s,200@20s") });
        assert_eq!(bots.iter().filter(|bot| bot.disconnects_at == [Duration::from_secs(10)]).count(), 60);
    }

    #[test]
    fn every_share_gets_its_bots_even_the_smallest() {
        let mut plan = plan("0:100@5s,100@5s");
        let group = plan.bots[0].clone();
        plan.bots = [97, 2, 1].map(|share| crate::plan::BotGroup { share, ..group.clone() }).to_vec();
        let bots = schedule(&plan);
        assert_eq!([0, 1, 2].map(|n| bots.iter().filter(|bot| bot.group == n).count()), [97, 2, 1]);
    }
}
