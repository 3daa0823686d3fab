//! Two agents' counts make the report that one process's would, and a lost agent is remembered.

use proptest::prelude::*;

use super::*;
use crate::{
    agent::{
        message::frames,
        wire::{COUNTS_BYTES, Decoder},
    },
    assemble::{BotCounts, RunEnd, RunMeasurements},
    measure::{CountRecorder, SelfLoad, Timeline},
    plan::Group,
    report::Report,
    schedule::schedule,
    server_history::ServerHistory,
};

/// Something that a bot counted.
#[derive(Clone, Debug)]
struct Deed {
    bot: u32,
    at_ms: u64,
    value_us: u64,
}

impl Deed {
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
        let mut beat = SelfLoad { cpu_us: self.value_us, threads: 0, ..SelfLoad::default() };
        beat.beat.record(self.value_us % 5000, 1);
        recorder.push_self_load(at, beat);
    }
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = (0..64_u32, 0..12_000_u64, 0..3_000_000_u64);
    prop::collection::vec(deed.prop_map(|(bot, at_ms, value_us)| Deed { bot, at_ms, value_us }), 1..200)
}

fn plan() -> Plan {
    let group = |name: &str| Group { name: name.to_owned(), ..Group::default() };
    Plan {
        stages: "0:64@2s,64@10s".parse().unwrap(),
        bots: vec![group("even"), group("odd")],
        ..Plan::default()
    }
}

fn fleet(agents: &[&str]) -> Fleet {
    let posts = agents.iter().map(|agent| Arc::new(Post::new((*agent).to_owned(), &plan())));
    Fleet { posts: posts.collect(), listeners: JoinSet::new() }
}

/// A batch as it arrives over the network, in frames as small as they get.
fn deliver(post: &Post, batch: Batch) {
    let mut decoder = Decoder::new(COUNTS_BYTES);
    for frame in frames(batch, COUNTS_BYTES).unwrap() {
        decoder.push(&frame);
        match decoder.pop::<Answer>().unwrap().unwrap() {
            Answer::Rows(rows) => post.push_rows(rows).unwrap(),
            Answer::Counts(batch) => post.push(batch).unwrap(),
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
    let mut report = measured.report(&plan, 1);
    report.decide_verdict(&plan, &RunEnd::Completed, None);
    report.setting.started_unix_s = 0;
    report
}

proptest! {
    #[test]
    fn two_agents_make_the_report_of_one_process(deeds in deeds(), breath in 1..50_usize) {
        let timeline = || Timeline::new(2, plan().measured());
        let (mut whole, mut one) = (CountRecorder::default(), timeline());
        let (mut halves, mut both) = ([CountRecorder::default(), CountRecorder::default()], timeline());
        let mut fleet = fleet(&["a", "b"]);
        // The one is asked at other moments than the others: when something was handed over must not matter.
        for some in deeds.chunks(breath) {
            for deed in some {
                deed.count(&mut whole);
                deed.count(&mut halves[deed.bot as usize % 2]);
            }
            for (post, half) in fleet.posts.iter().zip(&mut halves) {
                deliver(post, half.take());
            }
            both.push(fleet.take());
        }
        one.push(whole.take());
        prop_assert_eq!(one.all(), both.all());
        prop_assert_eq!(report(one), report(both));
    }
}

#[test]
fn who_plays_is_what_each_agent_said_last() {
    let mut fleet = fleet(&["a", "b"]);
    let batch = |playing, over| Batch { playing, finished: over, ..Batch::default() };
    deliver(&fleet.posts[0], batch(5, 1));
    deliver(&fleet.posts[1], batch(7, 0));
    deliver(&fleet.posts[1], batch(6, 1));
    let taken = fleet.take();
    assert_eq!((taken.playing, taken.finished), (11, 2));
    let taken = fleet.take();
    assert_eq!((taken.playing, taken.finished), (11, 2), "nothing new was said");
    fleet.posts[0].end(Duration::from_secs(3), Ok(()));
    assert_eq!(fleet.take().playing, 6);
    assert!(!fleet.is_over());
}

#[test]
fn an_agent_that_is_lost_is_told_of_once_and_remembered() {
    let mut fleet = fleet(&["a:1", "b:2"]);
    fleet.posts[1].end(Duration::from_millis(12_300), Err("it was ended".to_owned()));
    let told = (12_300, "agent b:2 was lost at 12 s: it was ended".to_owned());
    assert_eq!(fleet.take().incidents, std::slice::from_ref(&told));
    assert!(fleet.take().incidents.is_empty());
    assert_eq!(fleet.posts[1].loss(), Some(told));
    assert_eq!(fleet.posts[0].loss(), None);
}

#[test]
fn counts_of_what_nobody_asked_for_are_no_counts() {
    let fleet = fleet(&["a"]);
    let row = |second, group| vec![(second, group, Row::default())];
    assert!(fleet.posts[0].push_rows(row(12, 1)).is_ok());
    assert!(fleet.posts[0].push_rows(row(12, 2)).is_err(), "there are two groups");
    assert!(fleet.posts[0].push_rows(row(u32::MAX, 0)).is_err(), "a run is not that long");
    let self_load = Batch { self_load: vec![(u32::MAX, SelfLoad::default())], ..Batch::default() };
    assert!(fleet.posts[0].push(self_load).is_err());
}

#[test]
fn an_agent_that_sends_without_end_is_given_up() {
    let post = Post { agent: "flood".to_owned(), seconds: 10, groups: 1, pile: Mutex::default() };
    let send = || post.push(Batch { rows: vec![(1, 0, Row::default())], ..Batch::default() });
    (0..PILE_FRAMES).for_each(|_| send().unwrap());
    assert!(send().is_err(), "nobody took anything away");
    assert_eq!(post.take().rows.len(), PILE_FRAMES);
    assert!(send().is_ok(), "what was taken away makes room");
}
