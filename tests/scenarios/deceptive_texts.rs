//! Names and chat lines made to deceive: others see them without what cannot be seen.

use quarrel_client::ClientEvent;
use quarrel_harness::{Player, RawPeer, TestServer, http::get, raw::hello, until};
use quarrel_shared::{
    crowd::Crowd,
    protocol::{
        ClientMessage, Hello, JoinTarget, ServerMessage, bounded::Text, codec, framing::LENGTH_BYTES,
    },
};

/// Encodes a message as a client does that does not clean its texts. `message` gets a text of the same length instead.
fn unclean(text: &str, message: impl Fn(&str) -> ClientMessage) -> Vec<u8> {
    let stand_in = "#".repeat(text.len());
    let mut bytes = Vec::new();
    codec::encode(&message(&stand_in), &mut bytes);
    let at = bytes.windows(text.len()).position(|window| window == stand_in.as_bytes());
    let at = at.filter(|at| *at >= LENGTH_BYTES).expect("the text must be in the message");
    bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
    bytes
}

/// Connects with a name as it is, and takes a seat.
async fn join(server: &TestServer<Crowd>, name: &str) -> RawPeer {
    let mut peer = RawPeer::connect(server.address()).await;
    let greet = |name: &str| ClientMessage::Hello(Hello { name: Text::lossy(name), ..hello::<Crowd>("") });
    peer.write(&unclean(name, greet)).await;
    peer.send(&ClientMessage::Join(JoinTarget::Quick)).await;
    let joined = |message| matches!(message, ServerMessage::Joined { .. }).then_some(());
    peer.receive_until("a seat", joined).await;
    peer
}

#[tokio::test]
async fn a_player_with_a_deceptive_name_is_listed_under_its_cleaned_name() {
    let server = TestServer::<Crowd>::start_with_http(&[("room.seats", "8"), ("room.bots", "0")]);
    let mut peers = Vec::new();
    for name in
        ["Ada\u{3164}", " Be\u{E0041}n\u{A0}", "\u{2800}\u{115F}", "Z\u{301}\u{302}\u{303}\u{304}\u{305}"]
    {
        peers.push(join(&server, name).await);
    }
    until("four players", || server.metric("quarrel_players") == 4.0).await;
    let players = get(server.http_address(), "/v1/players").await.json();
    let players = players["players"].as_array().expect("a list");
    let mut names: Vec<_> = players.iter().map(|player| player["name"].as_str().expect("a name")).collect();
    names.sort_unstable();
    assert_eq!(names, ["Ada", "Ben", "Z\u{301}\u{302}\u{303}", "player"]);
}

#[tokio::test]
async fn a_chat_line_arrives_without_hidden_characters_and_a_blank_one_does_not_arrive() {
    let server = TestServer::<Crowd>::start(&[("room.bots", "0")]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let mut peer = join(&server, "Ben").await;
    for line in ["\u{3164}\u{2800} ", "hi\u{200B} \u{2764}\u{FE0F}"] {
        peer.write(&unclean(line, |text| ClientMessage::Chat(Text::lossy(text)))).await;
    }
    let line = ada.wait_for("a line", |event| match event {
        ClientEvent::Chat { text, .. } => Some(text),
        _ => None,
    });
    assert_eq!(line.await, "hi \u{2764}");
}
