//! The counts of two agents give the same report as those of one process, and a lost agent is recorded.

use proptest::prelude::*;

use super::*;
use crate::{
    agent::{
        message::batch_frames,
        wire::{Decoder, MAX_AGENT_FRAME_BYTES},
    },
    measure::{CountRecorder, Row, SelfLoad, Timeline},
    plan::BotGroup,
    report::{
        Report, RunSetting,
        assemble::{BotCounts, RunEnd, RunMeasurements},
    },
    run::schedule::schedule,
    server_figures::ServerHistory,
};

/// One measurement of a bot.
#[derive(Clone, Debug)]
struct Sample {
    bot: u32,
    at_ms: u64,
    value_us: u64,
}

impl Sample {
    fn count(&self, recorder: &mut CountRecorder) {
        let at = Duration::from_millis(self.at_ms);
        let row = recorder.row(at, (self.bot % 2) as u16);
        row.input_ack.record(self.value_us, 1);
        row.snapshot_age.record(self.value_us / 2, 3);
        row.join.record(self.value_us / 3, 1);
        row.lag.record(self.value_us % 1000, 1);
        row.counts.joined += 1;
        row.counts.played_us += self.value_us;
        row.counts.inputs += 2;
        row.finishes.insert((u64::from(self.bot % 3), 100));
        row.push_close(if self.bot.is_multiple_of(5) { "kicked" } else { "left" });
        let mut load = SelfLoad { cpu_us: self.value_us, threads: 0, ..SelfLoad::default() };
        load.timer_lag.record(self.value_us % 5000, 1);
        recorder.push_self_load(at, load);
    }
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let sample = (0..64_u32, 0..12_000_u64, 0..3_000_000_u64);
    prop::collection::vec(sample.prop_map(|(bot, at_ms, value_us)| Sample { bot, at_ms, value_us }), 1..200)
}

fn plan() -> Plan {
    let group = |name: &str| BotGroup { name: name.to_owned(), ..BotGroup::default() };
    Plan {
        stages: "0:64@2s,64@10s".parse().unwrap(),
        bots: vec![group("even"), group("odd")],
        ..Plan::default()
    }
}

fn pool(agents: &[&str]) -> AgentPool {
    let agents = agents.iter().map(|agent| Arc::new(AgentCounts::new((*agent).to_owned(), &plan())));
    AgentPool { agents: agents.collect(), receivers: JoinSet::new() }
}

/// Delivers a batch in encoded frames, as over the network.
fn deliver(counts: &AgentCounts, batch: Batch) {
    let mut decoder = Decoder::new(MAX_AGENT_FRAME_BYTES);
    for frame in batch_frames(batch, MAX_AGENT_FRAME_BYTES).unwrap() {
        decoder.push(&frame);
        match decoder.pop::<AgentMessage>().unwrap().unwrap() {
            AgentMessage::Rows(rows) => counts.push_rows(rows).unwrap(),
            AgentMessage::Counts(batch) => counts.push(batch).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

fn report(timeline: Timeline) -> Report {
    let plan = plan();
    let measured = RunMeasurements {
        timeline,
        server: ServerHistory::default(),
        ended: RunEnd::Completed,
        elapsed: plan.stages.length(),
        bots: BotCounts::of(&schedule(&plan)),
    };
    let mut report = measured.report(&plan, RunSetting::default());
    report.decide_verdict(&plan, &RunEnd::Completed, None);
    report
}

proptest! {
    #[test]
    fn two_agents_make_the_report_of_one_process(samples in samples(), chunk in 1..50_usize) {
        let timeline = || Timeline::new(2, plan().measured());
        let (mut whole, mut one) = (CountRecorder::default(), timeline());
        let (mut halves, mut both) = ([CountRecorder::default(), CountRecorder::default()], timeline());
        let mut pool = pool(&["a", "b"]);
        // The batches of the one process and of the agents are taken at different times, which must not matter.
        for some in samples.chunks(chunk) {
            for sample in some {
                sample.count(&mut whole);
                sample.count(&mut halves[sample.bot as usize % 2]);
            }
            for (agent, half) in pool.agents.iter().zip(&mut halves) {
                deliver(agent, half.take());
            }
            both.push(pool.take());
        }
        one.push(whole.take());
        prop_assert_eq!(one.all(), both.all());
        prop_assert_eq!(report(one), report(both));
    }
}

#[test]
fn the_number_of_playing_bots_is_each_agents_latest() {
    let mut pool = pool(&["a", "b"]);
    let batch = |playing, over| Batch { playing, finished: over, ..Batch::default() };
    deliver(&pool.agents[0], batch(5, 1));
    deliver(&pool.agents[1], batch(7, 0));
    deliver(&pool.agents[1], batch(6, 1));
    let taken = pool.take();
    assert_eq!((taken.playing, taken.finished), (11, 2));
    let taken = pool.take();
    assert_eq!((taken.playing, taken.finished), (11, 2), "nothing new was received");
    pool.agents[0].end(Duration::from_secs(3), Ok(()));
    assert_eq!(pool.take().playing, 6);
    assert!(!pool.is_over());
}

#[test]
fn a_lost_agent_is_one_incident_and_stays_recorded() {
    let mut pool = pool(&["a:1", "b:2"]);
    pool.agents[1].end(Duration::from_millis(12_300), Err("it was stopped".to_owned()));
    let loss = (12_300, "agent b:2 was lost at 12 s: it was stopped".to_owned());
    assert_eq!(pool.take().incidents, std::slice::from_ref(&loss));
    assert!(pool.take().incidents.is_empty());
    assert_eq!(pool.agents[1].loss(), Some(loss));
    assert_eq!(pool.agents[0].loss(), None);
}

#[test]
fn counts_outside_the_plan_are_refused() {
    let pool = pool(&["a"]);
    let row = |second, group| vec![GroupSecond(second, group, Row::default())];
    assert!(pool.agents[0].push_rows(row(12, 1)).is_ok());
    assert!(pool.agents[0].push_rows(row(12, 2)).is_err(), "there are two groups");
    assert!(pool.agents[0].push_rows(row(u32::MAX, 0)).is_err(), "a run is not that long");
    let self_load = Batch { self_load: vec![(u32::MAX, SelfLoad::default())], ..Batch::default() };
    assert!(pool.agents[0].push(self_load).is_err());
}

#[test]
fn an_agent_that_exceeds_the_pending_frames_is_lost() {
    let counts =
        AgentCounts { agent: "flood".to_owned(), max_second: 10, groups: 1, pending: Mutex::default() };
    let send = || counts.push(Batch { rows: vec![GroupSecond(1, 0, Row::default())], ..Batch::default() });
    (0..MAX_PENDING_FRAMES).for_each(|_| send().unwrap());
    assert!(send().is_err(), "the pending frames were not taken");
    assert_eq!(counts.take().rows.len(), MAX_PENDING_FRAMES);
    assert!(send().is_ok(), "taking the batch makes room");
}
