//! Who comes when, and when they leave: a plan as a list of orders. Pure: the same plan gives the same orders, on every machine.

use std::time::Duration;

use quarrel_shared::game::GameRng;

use super::plan::{Dealer, Plan};

/// Where the draws that are nobody's own come from.
const EVENTS: u64 = u64::MAX;

/// Whoever leaves has been there for so long: a player who goes while the server still shakes hands measures nothing.
const STAY: Duration = Duration::from_secs(2);

/// How many are asked before somebody goes who has just come: perhaps all have.
const TRIES: u32 = 32;

/// One bot's part in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The how many-th bot it is.
    pub bot: u32,
    /// Which of the plan's groups it belongs to.
    pub group: u16,
    /// When it comes, after the run's start.
    pub comes: Duration,
    /// When it leaves; `None`: it stays to the end.
    pub leaves: Option<Duration>,
    /// When its connection breaks.
    pub breaks: Vec<Duration>,
}

/// All orders of a plan, by when they come.
#[must_use]
pub fn schedule(plan: &Plan) -> Vec<Order> {
    let mut events = Vec::new();
    staged(plan, &mut events);
    churned(plan, &mut events);
    events.extend(plan.storms.iter().map(|storm| (storm.at, Event::Storm(storm.percent))));
    // Stable: of two events of one moment, the one that was written first happens first.
    events.sort_by_key(|(at, _)| *at);
    let mut crowd = Crowd::new(plan);
    for (at, event) in events {
        match event {
            Event::Comes => crowd.come(at),
            Event::Leaves => crowd.leave(at),
            Event::Changes => {
                if (0..crowd.living.len()).any(|living| crowd.has_stayed(living, at)) {
                    crowd.leave(at);
                    crowd.come(at);
                }
            }
            Event::Storm(percent) => crowd.storm(at, percent),
        }
    }
    crowd.orders
}

/// How many bots play at once at most.
#[must_use]
pub fn most_at_once(orders: &[Order]) -> u64 {
    let comes = orders.iter().map(|order| (order.comes, 1));
    let leaves = orders.iter().filter_map(|order| Some((order.leaves?, -1)));
    let mut changes: Vec<(Duration, i64)> = comes.chain(leaves).collect();
    // Of one moment, those who leave first: they are replaced.
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

enum Event {
    Comes,
    Leaves,
    /// One leaves, and another one comes instead.
    Changes,
    /// So many per cent lose their connection.
    Storm(u8),
}

/// What the stages ask for: each comes or leaves somewhere within its own share of the stage.
fn staged(plan: &Plan, events: &mut Vec<(Duration, Event)>) {
    let (mut begins, mut before) = (Duration::ZERO, 0);
    for stage in plan.stages.stages() {
        step(before, stage.from, events, |_| begins);
        let share = stage.over / stage.from.abs_diff(stage.to).max(1);
        let mut rng = GameRng::new(plan.seed, EVENTS ^ begins.as_millis() as u64);
        step(stage.from, stage.to, events, |n| begins + share * n + share.mul_f64(part(&mut rng)));
        begins += stage.over;
        before = stage.to;
    }
}

fn step(from: u32, to: u32, events: &mut Vec<(Duration, Event)>, mut when: impl FnMut(u32) -> Duration) {
    for n in 0..from.abs_diff(to) {
        events.push((when(n), if to > from { Event::Comes } else { Event::Leaves }));
    }
}

/// So many changes a minute, each somewhere within its share of it.
fn churned(plan: &Plan, events: &mut Vec<(Duration, Event)>) {
    if plan.churn == 0 {
        return;
    }
    let share = Duration::from_secs(60) / plan.churn;
    let mut rng = GameRng::new(plan.seed, EVENTS - 1);
    let count = plan.stages.length().div_duration_f64(share) as u32;
    events.extend((0..count).map(|n| (share * n + share.mul_f64(part(&mut rng)), Event::Changes)));
}

/// Somewhere in 0..1.
fn part(rng: &mut GameRng) -> f64 {
    f64::from(rng.next_u32()) / (f64::from(u32::MAX) + 1.0)
}

/// Everybody so far.
struct Crowd {
    orders: Vec<Order>,
    living: Vec<usize>,
    groups: Dealer,
    rng: GameRng,
}

impl Crowd {
    fn new(plan: &Plan) -> Self {
        let groups = Dealer::new(plan.bots.iter().map(|group| group.share));
        Self { orders: Vec::new(), living: Vec::new(), groups, rng: GameRng::new(plan.seed, EVENTS - 2) }
    }

    fn come(&mut self, at: Duration) {
        self.living.push(self.orders.len());
        let (bot, group) = (self.orders.len() as u32, self.groups.deal() as u16);
        self.orders.push(Order { bot, group, comes: at, leaves: None, breaks: Vec::new() });
    }

    /// Somebody who has been there for a while leaves, if there is anybody; else whoever was drawn last.
    fn leave(&mut self, at: Duration) {
        let mut drawn = None;
        for _ in 0..TRIES {
            drawn = self.pick(self.living.len());
            if drawn.is_some_and(|index| self.has_stayed(index, at)) {
                break;
            }
        }
        if let Some(index) = drawn {
            let index = self.living.swap_remove(index);
            self.orders[index].leaves = Some(at);
        }
    }

    fn has_stayed(&self, living: usize, at: Duration) -> bool {
        self.orders[self.living[living]].comes + STAY <= at
    }

    fn storm(&mut self, at: Duration, percent: u8) {
        let hit = (self.living.len() * usize::from(percent)).div_ceil(100);
        for n in 0..hit {
            if let Some(index) = self.pick(self.living.len() - n) {
                self.living.swap(n, n + index);
                self.orders[self.living[n]].breaks.push(at);
            }
        }
    }

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

    fn playing(orders: &[Order], at: Duration) -> usize {
        let plays = |order: &&Order| order.comes <= at && order.leaves.is_none_or(|leaves| leaves > at);
        orders.iter().filter(plays).count()
    }

    #[test]
    fn bots_come_and_leave_as_the_stages_say() {
        let plan = plan("0:50@10s,200@60s,20@5s,100:100@5s");
        let orders = schedule(&plan);
        for at in 0..80_000 {
            let at = Duration::from_millis(at);
            let (wanted, playing) = (plan.stages.wanted(at), playing(&orders, at) as u32);
            assert!(wanted.abs_diff(playing) <= 1, "{playing} play at {at:?} and {wanted} should");
        }
        assert_eq!((orders.len(), most_at_once(&orders)), (280, 200));
        assert!(orders.is_sorted_by_key(|order| order.comes));
    }

    #[test]
    fn the_same_seed_gives_the_same_orders_and_another_one_others() {
        let plan = Plan { churn: 60, storms: vec!["50%@5s".parse().unwrap()], ..plan("0:50@5s,50@20s") };
        assert_eq!(schedule(&plan), schedule(&plan));
        assert_ne!(schedule(&plan), schedule(&Plan { seed: 2, ..plan.clone() }));
    }

    #[test]
    fn who_leaves_by_churn_is_replaced() {
        let orders = schedule(&Plan { churn: 120, ..plan("0:20@2s,20@60s") });
        let left = orders.iter().filter(|order| order.leaves.is_some()).count();
        assert!((115..=124).contains(&left), "{left} left in a minute");
        assert_eq!(orders.len(), 20 + left);
        assert_eq!(playing(&orders, Duration::from_secs(40)), 20);
        assert!(orders.iter().all(|order| order.leaves.is_none_or(|leaves| leaves >= order.comes)));
    }

    #[test]
    fn a_storm_hits_its_share_of_those_who_play_then() {
        let orders = schedule(&Plan { storms: vec!["30%@10s".parse().unwrap()], ..plan("0:200@5s,200@20s") });
        assert_eq!(orders.iter().filter(|order| order.breaks == [Duration::from_secs(10)]).count(), 60);
    }

    #[test]
    fn even_the_smallest_share_gets_its_bots() {
        let mut plan = plan("0:100@5s,100@5s");
        let group = plan.bots[0].clone();
        plan.bots = [97, 2, 1].map(|share| super::super::plan::Group { share, ..group.clone() }).to_vec();
        let orders = schedule(&plan);
        assert_eq!([0, 1, 2].map(|n| orders.iter().filter(|order| order.group == n).count()), [97, 2, 1]);
    }
}
