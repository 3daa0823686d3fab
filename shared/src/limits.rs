//! The bounds that server and clients share, each with its arithmetic. Everything else is bounded by one of these.

/// Maximum length of a client's control message, in bytes: the longest chat line with room to spare.
pub const MAX_CLIENT_MESSAGE_BYTES: usize = 1024;

/// Maximum length of a server's control message, in bytes: a list of [`MAX_LISTED_ROOMS`] rooms.
pub const MAX_SERVER_MESSAGE_BYTES: usize = 16 * 1024;

/// Maximum length of a player's name, in bytes of UTF-8.
pub const MAX_NAME_BYTES: usize = 24;

/// Maximum length of a chat line, in bytes of UTF-8.
pub const MAX_CHAT_BYTES: usize = 240;

/// Maximum length of a game's name, in bytes.
pub const MAX_GAME_NAME_BYTES: usize = 32;

/// Maximum length of the sentence that explains a refusal or a notice, in bytes.
pub const MAX_SENTENCE_BYTES: usize = 400;

/// Maximum length of an encoded game event, in bytes: an event is a fact, not a file.
pub const MAX_EVENT_BYTES: usize = 512;

/// Maximum number of rooms in one room list: 256 rooms of at most 24 bytes fit [`MAX_SERVER_MESSAGE_BYTES`].
pub const MAX_LISTED_ROOMS: usize = 256;

/// Maximum length of a datagram in either direction, in bytes: 1,162 fit a QUIC packet at the smallest MTU of 1,200.
pub const MAX_DATAGRAM_BYTES: usize = 1100;

/// Maximum number of inputs in one datagram: the newest and eight before it cover a loss burst of a quarter second at 30 Hz.
pub const MAX_INPUTS_PER_DATAGRAM: usize = 9;

/// Maximum length of one encoded input, in bits: nine of them and their header stay under 300 bytes.
pub const MAX_INPUT_BITS: usize = 160;

/// Maximum time by which an input's tick may be ahead of the room, in milliseconds. A later input means a broken clock or an attack.
pub const MAX_INPUT_LEAD_MS: u32 = 1000;

/// Maximum number of entities in one view. At 8 bytes each a keyframe stays under [`MAX_KEYFRAME_BYTES`].
pub const MAX_VIEW_ENTITIES: usize = 2048;

/// Maximum length of a snapshot that is sent on its own unidirectional stream, in bytes.
pub const MAX_KEYFRAME_BYTES: usize = 64 * 1024;

/// Maximum age of a baseline, in milliseconds: longer than the round trip of any playable link.
pub const MAX_BASELINE_AGE_MS: u32 = 2000;

/// Maximum age of a baseline that a decoder accepts, in ticks: [`MAX_BASELINE_AGE_MS`] at the fastest rate, 128 Hz.
pub const MAX_BASELINE_AGE_TICKS: u32 = 256;

/// Maximum number of seats in one room.
pub const MAX_ROOM_SEATS: u16 = 10_000;

/// Time for which the server waits for [`ClosingAck`](crate::protocol::ClientMessage::ClosingAck), and the client for the close that
/// follows it, in milliseconds; then either closes the connection regardless.
pub const CLOSING_ACK_TIMEOUT_MS: u64 = 1000;

/// Minimum time after a server restart, in milliseconds, for which a restored seat is held for its player and for which a client
/// tries to resume, even if seats are otherwise held for less: a server starts again within a second or two, and a planned restart
/// may take as long as its grace period. Without effect where seats are not held at all.
pub const MIN_RESTART_HOLD_MS: u32 = 10_000;

/// Maximum number of seats in a room that sends its roster to all seats: the cost of names grows with the square of the seats.
pub const MAX_ROSTER_SEATS: u16 = 128;

/// Maximum rewind of lag compensation, in milliseconds: a target that reached cover longer ago is safe.
pub const MAX_REWIND_MS: u32 = 250;

/// Maximum time past its newest snapshot for which a client extrapolates other players' entities, in milliseconds; after that they
/// stand still.
pub const MAX_EXTRAPOLATION_MS: u32 = 100;

/// Maximum number of unacknowledged room messages that a server keeps per client. A busy Arena sends about ten a second and a client
/// acknowledges once a second, so reaching the bound takes a long loss of connectivity. Past it the server drops the oldest message:
/// the client plays on, and can resume its seat only if it has received the dropped messages.
pub const MAX_UNACKED_MESSAGES: usize = 1024;
