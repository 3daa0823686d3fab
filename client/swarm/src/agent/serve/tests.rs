//! Who is let in, and what those hear who are not. No game server: nobody gets as far as that.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use quarrel_shared::crowd::Crowd;
use quinn::Connection;
use tokio::task::JoinHandle;

use super::*;
use crate::{
    agent::{call::Call, key::Binding, lead, message::Brief, quic::Outlet},
    game::GameEntry,
    plan::{Plan, Trusted},
};

const PATIENCE: Duration = Duration::from_secs(20);

fn games() -> Games {
    Games::new(vec![GameEntry::of::<Crowd>(&[])])
}

fn key(secret: &str) -> Key {
    Key::new(secret.repeat(4).as_bytes()).unwrap()
}

/// An agent at work.
struct Post {
    address: SocketAddr,
    news: Arc<Mutex<Vec<News>>>,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl Post {
    fn start(key: Option<Key>) -> Self {
        Self::of(Agent::bind(SocketAddr::from(([127, 0, 0, 1], 0)), key, games()).unwrap())
    }

    fn of(agent: Agent) -> Self {
        let (news, stop) = (Arc::new(Mutex::new(Vec::new())), CancellationToken::new());
        let told = Arc::clone(&news);
        let (address, end) = (agent.address(), stop.clone());
        let hear = move |one| told.lock().unwrap_or_else(PoisonError::into_inner).push(one);
        let served = tokio::spawn(agent.serve(end, hear));
        Self { address, news, stop, served }
    }

    fn name(&self) -> String {
        self.address.to_string()
    }

    /// The first refusal it tells of.
    async fn refusal(&self) -> String {
        let began = Instant::now();
        loop {
            let refusal = self.news.lock().unwrap().iter().find_map(|news| match news {
                News::Refused { why, .. } => Some(why.clone()),
                _ => None,
            });
            match refusal {
                Some(why) => return why,
                None => assert!(began.elapsed() < PATIENCE, "the agent refuses somebody, and says so"),
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn call(&self, key: Option<&Key>, outlet: &Outlet) -> Result<Call, String> {
        Call::open(&self.name(), outlet, key, &Hello::ours(&games())).await
    }

    async fn end(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.served).await.expect("an agent ends when it is told to").unwrap();
    }
}

async fn failure(agent: &str, key: Option<&Key>, plan: &Plan) -> String {
    let (games, agents) = (games(), [agent.to_owned()]);
    let led = lead(plan, &games, &agents, key, None);
    timeout(PATIENCE, led).await.expect("a refusal takes no time").unwrap_err().to_string()
}

#[tokio::test]
async fn a_wrong_key_is_refused_on_both_sides() {
    let (right, wrong) = (|| Some(key("right")), || Some(key("wrong")));
    for (theirs, ours, here, there) in [
        (right(), wrong(), "it has another key", "its key is not this agent's"),
        (right(), None, "it has a key, and here none was given", "it has no key, and this agent has one"),
        (None, wrong(), "it has no key, and here one was given", "it has a key, and this agent has none"),
    ] {
        let post = Post::start(theirs);
        let error = failure(&post.name(), ours.as_ref(), &Plan::default()).await;
        assert!(error.starts_with(&format!("agent {}: {here}", post.address)), "{error}");
        assert_eq!(post.refusal().await, there);
        post.end().await;
    }
}

#[tokio::test]
async fn somebody_who_only_pretends_to_have_the_key_gets_no_orders() {
    let listening = quic::listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listening.local_addr().unwrap();
    let pretender = tokio::spawn(async move {
        let connection = listening.accept().await.unwrap().await.unwrap();
        let stream = connection.accept_bi().await.unwrap();
        let mut channel = Channel::new(connection, stream, ORDER_BYTES);
        let proof = channel.receiver.receive_proof().await.unwrap();
        // The best guess there is: what the coordinator said itself.
        channel.sender.send_proof(&proof).await.unwrap();
        channel.receiver.receive::<Request>().await.unwrap_err().to_string()
    });
    let error = failure(&address.to_string(), Some(&key("right")), &Plan::default()).await;
    assert_eq!(error, format!("agent {address}: whoever answers there does not have our key"));
    let heard = timeout(PATIENCE, pretender).await.unwrap().unwrap();
    assert!(heard.contains("another key"), "not even a hello: {heard}");
}

/// What a connection's ends know, from the dialling end.
async fn dial(outlet: &Outlet, address: SocketAddr) -> (Connection, Binding) {
    let connecting = outlet.towards(address).unwrap().connect(address, quic::NAME).unwrap();
    let connection = connecting.await.unwrap();
    let binding = key::binding(&connection).unwrap();
    (connection, binding)
}

#[tokio::test]
async fn a_proof_cannot_be_passed_on_by_somebody_in_the_middle() {
    let (right, outlet) = (key("right"), Outlet::open().unwrap());
    let post = Post::start(Some(right.clone()));
    let (_, theirs) = dial(&outlet, post.address).await;
    let (connection, ours) = dial(&outlet, post.address).await;
    assert_ne!(theirs, ours, "every connection has material of its own");
    let stream = connection.open_bi().await.unwrap();
    let mut channel = Channel::new(connection, stream, COUNTS_BYTES);
    // A right proof, made for another connection.
    channel.sender.send_proof(&key::prove(Some(&right), Role::Coordinator, &theirs)).await.unwrap();
    let error = timeout(PATIENCE, channel.receiver.receive_proof()).await.unwrap().unwrap_err();
    assert!(matches!(error, ChannelError::WrongKey(_)), "{error}");
    post.end().await;
}

#[tokio::test]
async fn without_a_key_an_agent_listens_on_this_machine_alone() {
    let bind = |address: &str, key| Agent::bind(address.parse().unwrap(), key, games());
    let error = bind("0.0.0.0:0", None).err().unwrap().to_string();
    assert!(
        error.contains("a key") && error.contains("--key-file") && error.contains("127.0.0.1"),
        "{error}"
    );
    assert!(bind("0.0.0.0:0", Some(key("right"))).is_ok());
    let address = bind("127.0.0.1:0", None).unwrap().address();
    let said = News::Listens { address, has_key: false }.to_string();
    assert!(said.contains(&address.to_string()) && said.contains("without a key"), "{said}");
    assert_ne!(address.port(), 0);
}

#[tokio::test]
async fn a_coordinator_without_a_key_calls_nobody_on_another_machine() {
    let error = failure("192.0.2.1", None, &Plan::default()).await;
    assert!(error.starts_with("agent 192.0.2.1: ") && error.contains("--key-file"), "{error}");
}

#[tokio::test]
async fn an_agent_of_another_version_is_refused_on_both_sides() {
    let mut agent = Agent::bind(SocketAddr::from(([127, 0, 0, 1], 0)), None, games()).unwrap();
    agent.desk.hello.version = "0.0.9".to_owned();
    let post = Post::of(agent);
    let error = failure(&post.name(), None, &Plan::default()).await;
    assert!(error.contains("the agent 0.0.9") && error.contains("the agent is older"), "{error}");
    assert!(post.refusal().await.contains("the agent is older"));
    post.end().await;
}

#[tokio::test]
async fn a_second_coordinator_hears_that_the_agent_is_busy() {
    let (post, outlet) = (Post::start(None), Outlet::open().unwrap());
    let mut first = post.call(None, &outlet).await.unwrap();
    let brief = Brief { plan: Plan::default(), trusted: Trusted::default(), process: 0, processes: 1 };
    first.brief(brief).await.unwrap();
    let error = failure(&post.name(), None, &Plan::default()).await;
    assert_eq!(error, format!("agent {}: it is busy with another run", post.address));
    assert_eq!(post.refusal().await, "this agent is busy with another run");
    drop(first);
    // The first one went without a start, so the next one has its turn.
    let began = Instant::now();
    loop {
        let mut next = post.call(None, &outlet).await.unwrap();
        let brief = Brief { plan: Plan::default(), trusted: Trusted::default(), process: 0, processes: 1 };
        match next.brief(brief).await {
            Ok(_) => break,
            Err(why) => assert!(began.elapsed() < PATIENCE, "{why}"),
        }
    }
    post.end().await;
}

#[tokio::test]
async fn a_plan_that_an_agent_cannot_play_is_refused_before_the_start() {
    let post = Post::start(None);
    let mut chess = Plan::default();
    chess.bots[0].game = Some("chess".to_owned());
    let error = failure(&post.name(), None, &chess).await;
    assert_eq!(error, format!("agent {}: it plays crowd, not 'chess'", post.address));
    let elsewhere = Plan { server: "192.0.2.1:7777".to_owned(), ..Plan::default() };
    let error = failure(&post.name(), None, &elsewhere).await;
    assert!(
        error.contains("192.0.2.1:7777 is not on this machine") && error.contains("--cert-hash"),
        "{error}"
    );
    post.end().await;
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_named() {
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let post = Post::start(None);
    let agents = [post.name(), free.to_string()];
    let error = timeout(PATIENCE, lead(&Plan::default(), &games(), &agents, None, None)).await.unwrap();
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with(&format!("agent {free}: nobody answered at {free} for 3.0 s")), "{error}");
    assert!(lead(&Plan::default(), &games(), &[], None, None).await.is_err());
    post.end().await;
}

#[tokio::test]
async fn who_says_what_nobody_understands_is_turned_away_and_the_agent_serves_on() {
    let (post, outlet) = (Post::start(None), Outlet::open().unwrap());
    let mut call = post.call(None, &outlet).await.unwrap();
    call.channel.sender.send_frame(&[0xff; 64]).await.unwrap();
    assert!(post.refusal().await.contains("a message of 4294967295 bytes"));
    let began = Instant::now();
    while post.call(None, &outlet).await.is_err() {
        assert!(began.elapsed() < PATIENCE, "the agent serves on");
    }
    post.end().await;
}
