//! Every bound that both ends keep, each with its arithmetic. What is not bounded here is bounded by one of these.

/// The longest message a client may send on its control stream, in bytes: the longest chat line with room to spare.
pub const MAX_CLIENT_MESSAGE_BYTES: usize = 1024;

/// The longest message a server may send on the control stream, in bytes: a room list of [`MAX_LISTED_ROOMS`] rooms.
pub const MAX_SERVER_MESSAGE_BYTES: usize = 16 * 1024;

/// The longest player name, in bytes of UTF-8.
pub const MAX_NAME_BYTES: usize = 24;

/// The longest chat line, in bytes of UTF-8.
pub const MAX_CHAT_BYTES: usize = 240;

/// The longest name of a game, in bytes.
pub const MAX_GAME_NAME_BYTES: usize = 32;

/// The longest sentence that goes with a refusal or a notice, in bytes.
pub const MAX_SENTENCE_BYTES: usize = 400;

/// The longest coded game event, in bytes: an event is a fact, not a file.
pub const MAX_EVENT_BYTES: usize = 512;

/// The most rooms in one answer to a list request: 256 rooms of at most 24 bytes fit [`MAX_SERVER_MESSAGE_BYTES`].
pub const MAX_LISTED_ROOMS: usize = 256;

/// The largest datagram either end sends, in bytes: 1,162 fit a QUIC packet at the smallest MTU of 1,200.
pub const MAX_DATAGRAM_BYTES: usize = 1100;

/// The most inputs in one datagram: the newest and eight before it cover a loss burst of a quarter second at 30 Hz.
pub const MAX_INPUTS_PER_DATAGRAM: usize = 9;

/// The most bits that one coded input may take: nine of them and their header stay under 300 bytes.
pub const MAX_INPUT_BITS: usize = 160;

/// How far ahead of the room an input may be, in milliseconds. Anything later is a broken clock or an attack.
pub const MAX_INPUT_LEAD_MS: u32 = 1000;

/// The most entities in one view. At 8 bytes each a keyframe stays under [`MAX_KEYFRAME_BYTES`].
pub const MAX_VIEW_ENTITIES: usize = 2048;

/// The longest snapshot that travels on a stream of its own, in bytes.
pub const MAX_KEYFRAME_BYTES: usize = 64 * 1024;

/// How old a baseline may be, in milliseconds: longer than the round trip of any link that is still playable.
pub const MAX_BASELINE_AGE_MS: u32 = 2000;

/// The same in ticks at the fastest rate, 128 Hz: what a decoder accepts.
pub const MAX_BASELINE_AGE_TICKS: u32 = 256;

/// The most seats in one room.
pub const MAX_ROOM_SEATS: u16 = 10_000;

/// How long a refused peer may take to say that it read why, in milliseconds; then the connection is closed regardless.
pub const CLOSING_ACK_TIMEOUT_MS: u64 = 1000;

/// For how long a seat that was brought back waits for its player at least, in milliseconds, and for how long a player who was told
/// of a restart seeks the way back at least, however short seats are held else: a server starts again within a second or two, and a planned restart may take as
/// long as its grace period. Where seats are not held at all, this changes nothing.
pub const MIN_RESTART_HOLD_MS: u32 = 10_000;

/// The most seats in a room that tells everybody who sits where: past that, names cost the square of the seats at every join.
pub const MAX_ROSTER_SEATS: u16 = 128;

/// How far a room rewinds to judge a shot, in milliseconds: past that, whoever reached cover is safe.
pub const MAX_REWIND_MS: u32 = 250;

/// How far past its newest snapshot a client draws others where they would be, in milliseconds; then they stand still.
pub const MAX_EXTRAPOLATION_MS: u32 = 100;

/// How many of a room's messages a server keeps for a client that has not said to have heard them. A busy Arena says some ten a second
/// and a client answers once a second, so this is a long black-out. Past it the oldest is forgotten: the client plays on, and can
/// come back to its seat only if it has heard what was forgotten.
pub const MAX_UNACKED_MESSAGES: usize = 1024;
