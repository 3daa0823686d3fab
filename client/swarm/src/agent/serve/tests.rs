//! Accepted and refused coordinators, and the reasons that both sides report. No run starts, so no game server is needed.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use quarrel_shared::crowd::Crowd;
use quinn::Connection;
use tokio::task::JoinHandle;

use super::*;
use crate::{
    agent::{
        connection::AgentConnection, coordinate, key::Binding, message::RunAssignment,
        quic::CoordinatorEndpoints,
    },
    game::GameEntry,
    plan::{Plan, TrustRoots},
};

const TIMEOUT: Duration = Duration::from_secs(20);

fn games() -> GameRegistry {
    GameRegistry::new(vec![GameEntry::of::<Crowd>(&[])])
}

fn key(secret: &str) -> SwarmKey {
    SwarmKey::new(secret.repeat(4).as_bytes()).unwrap()
}

/// An agent on its own task, with the events that it has reported.
struct RunningAgent {
    address: SocketAddr,
    events: Arc<Mutex<Vec<AgentEvent>>>,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl RunningAgent {
    fn start(key: Option<SwarmKey>) -> Self {
        Self::of(Agent::bind(SocketAddr::from(([127, 0, 0, 1], 0)), key, games()).unwrap())
    }

    fn of(agent: Agent) -> Self {
        let (events, stop) = (Arc::new(Mutex::new(Vec::new())), CancellationToken::new());
        let recorded = Arc::clone(&events);
        let (address, end) = (agent.address(), stop.clone());
        let record = move |event| recorded.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        let served = tokio::spawn(agent.serve(end, record));
        Self { address, events, stop, served }
    }

    fn name(&self) -> String {
        self.address.to_string()
    }

    /// Waits for the agent's first refusal, and returns the reason.
    async fn refusal(&self) -> String {
        let began = Instant::now();
        loop {
            let refusal = self.events.lock().unwrap().iter().find_map(|event| match event {
                AgentEvent::Refused { reason, .. } => Some(reason.clone()),
                _ => None,
            });
            match refusal {
                Some(reason) => return reason,
                None => assert!(began.elapsed() < TIMEOUT, "the agent reports a refusal"),
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn connect(
        &self,
        key: Option<&SwarmKey>,
        endpoints: &CoordinatorEndpoints,
    ) -> Result<AgentConnection, String> {
        let hello = SwarmHello::of_this_program(&games().catalog());
        AgentConnection::open(&self.name(), endpoints, key, &hello).await
    }

    async fn stop(self) {
        self.stop.cancel();
        timeout(TIMEOUT, self.served).await.expect("an agent stops when its token is cancelled").unwrap();
    }
}

async fn failure(agent: &str, key: Option<&SwarmKey>, plan: &Plan) -> String {
    let (games, agents) = (games(), [agent.to_owned()]);
    let report = coordinate(plan, &games, &agents, key, None);
    timeout(TIMEOUT, report).await.expect("a refusal arrives at once").unwrap_err().to_string()
}

#[tokio::test]
async fn a_wrong_key_is_refused_on_both_sides() {
    let (right, wrong) = (|| Some(key("right")), || Some(key("wrong")));
    for (theirs, own, at_coordinator, at_agent) in [
        (right(), wrong(), "the agent has a different key", "the coordinator's key is not this agent's"),
        (
            right(),
            None,
            "the agent has a key, and this coordinator has none",
            "the coordinator has no key, and this agent has one",
        ),
        (
            None,
            wrong(),
            "the agent has no key, and this coordinator has one",
            "the coordinator has a key, and this agent has none",
        ),
    ] {
        let agent = RunningAgent::start(theirs);
        let error = failure(&agent.name(), own.as_ref(), &Plan::default()).await;
        assert!(error.starts_with(&format!("agent {}: {at_coordinator}", agent.address)), "{error}");
        assert_eq!(agent.refusal().await, at_agent);
        agent.stop().await;
    }
}

#[tokio::test]
async fn an_agent_without_the_key_receives_no_messages() {
    let listening = quic::listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listening.local_addr().unwrap();
    let pretender = tokio::spawn(async move {
        let connection = listening.accept().await.unwrap().await.unwrap();
        let stream = connection.accept_bi().await.unwrap();
        let mut channel = Channel::new(connection, stream.into(), MAX_COORDINATOR_FRAME_BYTES);
        let proof = channel.receiver.receive_proof().await.unwrap();
        // The best forgery is the coordinator's own proof, reflected.
        channel.sender.send_proof(&proof).await.unwrap();
        channel.receiver.receive::<CoordinatorMessage>().await.unwrap_err().to_string()
    });
    let error = failure(&address.to_string(), Some(&key("right")), &Plan::default()).await;
    assert_eq!(error, format!("agent {address}: the program at that address does not have this key"));
    let received = timeout(TIMEOUT, pretender).await.unwrap().unwrap();
    assert!(received.contains("a different key"), "not even a hello is received: {received}");
}

/// Opens a connection, and exports its keying material.
async fn dial(endpoints: &CoordinatorEndpoints, address: SocketAddr) -> (Connection, Binding) {
    let connecting =
        endpoints.for_address(address).unwrap().connect(address, quic::CERTIFICATE_NAME).unwrap();
    let connection = connecting.await.unwrap();
    let binding = key::binding(&connection).unwrap();
    (connection, binding)
}

#[tokio::test]
async fn a_proof_cannot_be_relayed_by_a_man_in_the_middle() {
    let (right, endpoints) = (key("right"), CoordinatorEndpoints::open().unwrap());
    let agent = RunningAgent::start(Some(right.clone()));
    let (_, other) = dial(&endpoints, agent.address).await;
    let (connection, own) = dial(&endpoints, agent.address).await;
    assert_ne!(other, own, "every connection has its own keying material");
    let stream = connection.open_bi().await.unwrap();
    let mut channel = Channel::new(connection, stream.into(), MAX_AGENT_FRAME_BYTES);
    // A correct proof for another connection.
    channel.sender.send_proof(&key::prove(Some(&right), Role::Coordinator, &other)).await.unwrap();
    let error = timeout(TIMEOUT, channel.receiver.receive_proof()).await.unwrap().unwrap_err();
    assert!(matches!(error, ChannelError::WrongKey(_)), "{error}");
    agent.stop().await;
}

#[tokio::test]
async fn without_a_key_an_agent_listens_only_on_this_machine() {
    let bind = |address: &str, key| Agent::bind(address.parse().unwrap(), key, games());
    let error = bind("0.0.0.0:0", None).err().unwrap().to_string();
    assert!(
        error.contains("a key") && error.contains("--key-file") && error.contains("127.0.0.1"),
        "{error}"
    );
    assert!(bind("0.0.0.0:0", Some(key("right"))).is_ok());
    let address = bind("127.0.0.1:0", None).unwrap().address();
    let line = AgentEvent::Listening { address, has_key: false }.to_string();
    assert!(line.contains(&address.to_string()) && line.contains("without a key"), "{line}");
    assert_ne!(address.port(), 0);
}

#[tokio::test]
async fn a_coordinator_without_a_key_connects_only_to_this_machine() {
    let error = failure("192.0.2.1", None, &Plan::default()).await;
    assert!(error.starts_with("agent 192.0.2.1: ") && error.contains("--key-file"), "{error}");
}

#[tokio::test]
async fn an_agent_of_another_version_is_refused_on_both_sides() {
    let mut agent = Agent::bind(SocketAddr::from(([127, 0, 0, 1], 0)), None, games()).unwrap();
    agent.state.hello.version = "0.0.9".to_owned();
    let agent = RunningAgent::of(agent);
    let error = failure(&agent.name(), None, &Plan::default()).await;
    assert!(error.contains("the agent 0.0.9") && error.contains("the agent is older"), "{error}");
    assert!(agent.refusal().await.contains("the agent is older"));
    agent.stop().await;
}

#[tokio::test]
async fn a_second_coordinator_is_refused_while_the_agent_is_busy() {
    let (agent, endpoints) = (RunningAgent::start(None), CoordinatorEndpoints::open().unwrap());
    let mut first = agent.connect(None, &endpoints).await.unwrap();
    let assignment =
        RunAssignment { plan: Plan::default(), roots: TrustRoots::default(), process: 0, processes: 1 };
    first.assign(assignment).await.unwrap();
    let error = failure(&agent.name(), None, &Plan::default()).await;
    assert_eq!(error, format!("agent {}: the agent is busy with another run", agent.address));
    assert_eq!(agent.refusal().await, "this agent is busy with another run");
    drop(first);
    // The first coordinator disconnected before a start, so the agent is free again.
    let began = Instant::now();
    loop {
        let mut next = agent.connect(None, &endpoints).await.unwrap();
        let assignment =
            RunAssignment { plan: Plan::default(), roots: TrustRoots::default(), process: 0, processes: 1 };
        match next.assign(assignment).await {
            Ok(_) => break,
            Err(reason) => assert!(began.elapsed() < TIMEOUT, "{reason}"),
        }
    }
    agent.stop().await;
}

#[tokio::test]
async fn a_plan_that_an_agent_cannot_run_is_refused_before_the_start() {
    let agent = RunningAgent::start(None);
    let mut chess = Plan::default();
    chess.bots[0].game = Some("chess".to_owned());
    let error = failure(&agent.name(), None, &chess).await;
    assert_eq!(error, format!("agent {}: the agent has the games crowd, not 'chess'", agent.address));
    let elsewhere = Plan { server: "192.0.2.1:7777".to_owned(), ..Plan::default() };
    let error = failure(&agent.name(), None, &elsewhere).await;
    assert!(
        error.contains("192.0.2.1:7777 is not on this machine") && error.contains("--cert-hash"),
        "{error}"
    );
    agent.stop().await;
}

#[tokio::test]
async fn an_agent_that_does_not_answer_is_named() {
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let agent = RunningAgent::start(None);
    let agents = [agent.name(), free.to_string()];
    let error = timeout(TIMEOUT, coordinate(&Plan::default(), &games(), &agents, None, None)).await.unwrap();
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with(&format!("agent {free}: no answer from {free} for 3.0 s")), "{error}");
    assert!(coordinate(&Plan::default(), &games(), &[], None, None).await.is_err());
    agent.stop().await;
}

#[tokio::test]
async fn an_invalid_message_is_refused_and_the_agent_continues() {
    let (agent, endpoints) = (RunningAgent::start(None), CoordinatorEndpoints::open().unwrap());
    let mut connection = agent.connect(None, &endpoints).await.unwrap();
    connection.channel.sender.send_frame(&[0xff; 64]).await.unwrap();
    assert!(agent.refusal().await.contains("a message of 4294967295 bytes"));
    let began = Instant::now();
    while agent.connect(None, &endpoints).await.is_err() {
        assert!(began.elapsed() < TIMEOUT, "the agent accepts the next coordinator");
    }
    agent.stop().await;
}
