//! Configuration values that are one of a few words, as enums.

use serde::Deserialize;

/// Defines an enum whose variants deserialize from words, and its list of words, so that each word is written once.
macro_rules! choices {
    ($(
        $(#[doc = $doc:literal])+
        $Name:ident { $( $(#[doc = $variant_doc:literal])+ $Variant:ident = $word:literal, )+ }
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
        pub enum $Name {
            $( $(#[doc = $variant_doc])+ #[serde(rename = $word)] $Variant, )+
        }

        impl $Name {
            /// The accepted words, in the order of the variants.
            pub const WORDS: &'static [&'static str] = &[$($word),+];
        }
    )+};
}

choices! {
    /// Whether a feature is enabled.
    Switch {
        /// The feature is enabled.
        On = "on",
        /// The feature is disabled.
        Off = "off",
    }

    /// The control of a held seat: a seat that is kept for a player whose connection was lost.
    HeldSeatPolicy {
        /// The seat has no input.
        Idle = "idle",
        /// A bot of the room's skill controls the seat.
        Bot = "bot",
    }

    /// The format of log lines.
    LogFormat {
        /// Text when standard error is a terminal, JSON otherwise.
        Auto = "auto",
        /// Text for people.
        Text = "text",
        /// One JSON object per line, for programs.
        Json = "json",
    }

    /// The treatment of rooms when the server stops.
    RoomsAtStop {
        /// Rooms end.
        End = "end",
        /// Rooms are saved in their journals, and the next start restores them.
        Save = "save",
    }
}
