//! The check that client and server fit. A mismatch is refused with a sentence that names the older side.

use quarrel_shared::{
    game::Game,
    protocol::{CloseReason, Hello, PROTOCOL_VERSION, fingerprint, messages::Name},
};

use super::end::CloseNotice;

/// Checks a hello, and returns the player's display name.
///
/// # Errors
/// The first mismatch, in the order in which to fix them.
pub fn check<G: Game>(hello: &Hello) -> Result<Name, CloseNotice> {
    if hello.protocol != PROTOCOL_VERSION {
        let what = format!("client speaks protocol {}, the server {PROTOCOL_VERSION}", hello.protocol);
        return Err(mismatch(CloseReason::VersionMismatch, &what, hello.protocol < PROTOCOL_VERSION));
    }
    if &*hello.game != G::NAME {
        let sentence = format!(
            "This server runs \"{}\", the client \"{}\"; connect to one that runs yours.",
            G::NAME,
            hello.game
        );
        return Err(CloseNotice { reason: CloseReason::GameMismatch, sentence });
    }
    if hello.revision != G::REVISION {
        let what =
            format!("client has revision {} of {}, the server {}", hello.revision, G::NAME, G::REVISION);
        return Err(mismatch(CloseReason::FingerprintMismatch, &what, hello.revision < G::REVISION));
    }
    if hello.fingerprint != fingerprint::<G>() {
        let sentence = format!(
            "Client and server call themselves the same version of {} but code it differently ({} and {}); build both \
             from one source.",
            G::NAME,
            hello.fingerprint,
            fingerprint::<G>()
        );
        return Err(CloseNotice { reason: CloseReason::FingerprintMismatch, sentence });
    }
    Ok(if hello.name.is_empty() { Name::lossy("player") } else { hello.name.clone() })
}

fn mismatch(reason: CloseReason, what: &str, client_is_older: bool) -> CloseNotice {
    let advice = if client_is_older {
        "the client is older; update it"
    } else {
        "the server is older; ask its operator to update it"
    };
    CloseNotice { reason, sentence: format!("The {what}: {advice}.") }
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{
        crowd::Crowd,
        protocol::{Fingerprint, bounded::Text},
    };

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
    fn another_game_and_another_encoding_have_their_own_reasons() {
        let refused = |hello| check::<Crowd>(&hello).unwrap_err().reason;
        assert_eq!(refused(Hello { game: Text::lossy("chess"), ..hello() }), CloseReason::GameMismatch);
        assert_eq!(
            refused(Hello { fingerprint: Fingerprint(1), ..hello() }),
            CloseReason::FingerprintMismatch
        );
    }
}
