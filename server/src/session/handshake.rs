//! The check that the client speaks the server's protocol and plays the server's game in the same revision. The sentence of a refusal
//! names the remedy: the side to update, or the kind of server to use.

use quarrel_shared::{
    game::Game,
    protocol::{CloseReason, Hello, PROTOCOL_VERSION, bounded::Text, fingerprint, messages::Name},
};

use super::end::CloseNotice;

/// Checks a client's hello, and returns the player's display name, or a default if the hello has one without a visible character.
///
/// # Errors
/// Returns the first mismatch of protocol version, game, game revision and encoding, in this order: each one makes the next comparison
/// meaningless.
pub fn check<G: Game>(hello: &Hello) -> Result<Name, CloseNotice> {
    if hello.protocol != PROTOCOL_VERSION {
        let what = format!(
            "client speaks protocol version {} and the server version {PROTOCOL_VERSION}",
            hello.protocol
        );
        return Err(mismatch(CloseReason::VersionMismatch, &what, hello.protocol < PROTOCOL_VERSION));
    }
    if hello.game != Text::lossy(G::NAME) {
        let sentence = format!(
            "This server runs the game \"{}\" and the client plays \"{}\"; connect to one that runs yours.",
            G::NAME,
            hello.game
        );
        return Err(CloseNotice { reason: CloseReason::GameMismatch, sentence });
    }
    if hello.revision != G::REVISION {
        let what =
            format!("client has revision {} of {} and the server {}", hello.revision, G::NAME, G::REVISION);
        return Err(mismatch(CloseReason::FingerprintMismatch, &what, hello.revision < G::REVISION));
    }
    if hello.fingerprint != fingerprint::<G>() {
        let sentence = format!(
            "Client and server have the same revision of {} but encode its messages differently (fingerprints {} and {}); \
             build both from the same source.",
            G::NAME,
            hello.fingerprint,
            fingerprint::<G>()
        );
        return Err(CloseNotice { reason: CloseReason::FingerprintMismatch, sentence });
    }
    Ok(if hello.name.is_empty() { Name::lossy("player") } else { hello.name.clone() })
}

/// Creates a notice whose sentence asks for an update of the older side.
fn mismatch(reason: CloseReason, what: &str, client_is_older: bool) -> CloseNotice {
    let advice = if client_is_older {
        "the client is older; update the client"
    } else {
        "the server is older; ask its operator to update the server"
    };
    CloseNotice { reason, sentence: format!("The {what}: {advice}.") }
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{crowd::Crowd, protocol::Fingerprint};

    use super::*;

    fn hello() -> Hello {
        Hello {
            protocol: PROTOCOL_VERSION,
            game: Text::lossy(Crowd::NAME),
            revision: Crowd::REVISION,
            fingerprint: fingerprint::<Crowd>(),
            name: Name::lossy("Ada"),
            resume: None,
        }
    }

    #[test]
    fn a_matching_hello_returns_its_name() {
        assert_eq!(check::<Crowd>(&hello()), Ok(Name::lossy("Ada")));
        assert_eq!(check::<Crowd>(&Hello { name: Name::default(), ..hello() }), Ok(Name::lossy("player")));
    }

    #[test]
    fn a_mismatch_names_the_older_side() {
        let refused = |hello| check::<Crowd>(&hello).unwrap_err();
        let newer = refused(Hello { protocol: PROTOCOL_VERSION + 1, ..hello() });
        assert_eq!(newer.reason, CloseReason::VersionMismatch);
        assert!(newer.sentence.contains("the server is older"), "{}", newer.sentence);
        let older = refused(Hello { revision: Crowd::REVISION - 1, ..hello() });
        assert_eq!(older.reason, CloseReason::FingerprintMismatch);
        assert!(older.sentence.contains("the client is older"), "{}", older.sentence);
    }

    #[test]
    fn another_game_and_another_encoding_are_refused_with_their_own_reasons() {
        let refused = |hello| check::<Crowd>(&hello).unwrap_err().reason;
        assert_eq!(refused(Hello { game: Text::lossy("chess"), ..hello() }), CloseReason::GameMismatch);
        assert_eq!(
            refused(Hello { fingerprint: Fingerprint(1), ..hello() }),
            CloseReason::FingerprintMismatch
        );
    }
}
