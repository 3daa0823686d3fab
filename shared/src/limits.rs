//! The bounds that server and clients share, each with its arithmetic or its reason. They bound everything that a peer can send.

/// Maximum length of a client's control message, in bytes: over four times the longest one, a chat line of 4 + 8 + [`MAX_CHAT_BYTES`] = 252
/// bytes.
pub const MAX_CLIENT_MESSAGE_BYTES: usize = 1024;

/// Maximum length of a server's control message, in bytes: over four times the longest one, a list of [`MAX_LISTED_ROOMS`] rooms of 14 bytes
/// each, which has 3,596 bytes.
pub const MAX_SERVER_MESSAGE_BYTES: usize = 16 * 1024;

/// Maximum length of a player's name, in bytes of UTF-8.
pub const MAX_NAME_BYTES: usize = 24;

/// Maximum length of a chat line, in bytes of UTF-8.
pub const MAX_CHAT_BYTES: usize = 240;

/// Maximum length of a game's name, in bytes of UTF-8.
pub const MAX_GAME_NAME_BYTES: usize = 32;

/// Maximum length of the sentence that explains a refusal or a closed connection to the player, in bytes of UTF-8.
pub const MAX_SENTENCE_BYTES: usize = 400;

/// Maximum length of an encoded game event, in bytes: events state facts, such as a hit, and do not transfer data.
pub const MAX_EVENT_BYTES: usize = 512;

/// Maximum number of rooms in one room list, which then fits [`MAX_SERVER_MESSAGE_BYTES`].
pub const MAX_LISTED_ROOMS: usize = 256;

/// Maximum length of a snapshot that is sent as a datagram, in bytes: 1,162 fit a QUIC packet at the minimum MTU of 1,200. The datagrams
/// of a client are shorter; see [`MAX_INPUT_BITS`].
pub const MAX_DATAGRAM_BYTES: usize = 1100;

/// Maximum number of inputs in one datagram: the newest one, and eight before it that cover a loss burst of a quarter second at 30 Hz
/// (8 / 30 = 267 ms).
pub const MAX_INPUTS_PER_DATAGRAM: usize = 9;

/// Maximum length of one encoded input, in bits: a datagram with nine of them (180 bytes), their displayed times and its header stays
/// under 300 bytes.
pub const MAX_INPUT_BITS: usize = 160;

/// Maximum time by which an input's tick may be ahead of the room, in milliseconds. The server drops an input that is farther ahead: it
/// means a broken clock or an attack.
pub const MAX_INPUT_LEAD_MS: u32 = 1000;

/// Maximum time for which a seat without new inputs repeats its last one, in milliseconds, on the server and in prediction. It hides a
/// short loss, and is short enough that a player whose link is dead does not walk across the map.
pub const MAX_COAST_MS: u32 = 250;

/// Maximum number of entities in one view. A keyframe (a snapshot without a baseline) of so large a view stays within
/// [`MAX_KEYFRAME_BYTES`] if an entity has at most 32 bytes on average (65,536 / 2,048), header included.
pub const MAX_VIEW_ENTITIES: usize = 2048;

/// Maximum length of a snapshot that is sent on its own unidirectional stream, in bytes. The server does not send a longer one.
pub const MAX_KEYFRAME_BYTES: usize = 64 * 1024;

/// Maximum age of a baseline (the view to which a delta refers) that a server uses, in milliseconds: longer than the round trip of any
/// playable link.
pub const MAX_BASELINE_AGE_MS: u32 = 2000;

/// Maximum age of a baseline that a client accepts, in ticks: [`MAX_BASELINE_AGE_MS`] at the highest tick rate, 128 Hz.
pub const MAX_BASELINE_AGE_TICKS: u32 = 256;

/// Maximum number of seats in one room: with three entities per seat, as in Arena, 30,000 of the 65,535 slots of
/// [`Entities`](crate::game::Entities).
pub const MAX_ROOM_SEATS: u16 = 10_000;

/// Maximum time, in milliseconds, for which the server waits for [`ClosingAck`](crate::protocol::ClientMessage::ClosingAck), and for which
/// the client then waits for the server to close the connection. After that, the end that waits closes it.
pub const CLOSING_ACK_TIMEOUT_MS: u64 = 1000;

/// Minimum time after a server restart, in milliseconds, for which the server holds a restored seat for its player, and for which a client
/// tries to resume, even if the server otherwise holds seats for less: a server starts within a second or two, and a planned restart may
/// take as long as its grace period. Has no effect if the server does not hold seats at all.
pub const MIN_RESTART_HOLD_MS: u32 = 10_000;

/// Maximum number of seats in a room that sends its roster (who occupies which seat) to its players: each of n seats receives n names, so
/// the cost grows with the square of the seats.
pub const MAX_ROSTER_SEATS: u16 = 128;

/// Maximum time by which lag compensation rewinds, in milliseconds. A target that reached cover longer ago cannot be hit there.
pub const MAX_REWIND_MS: u32 = 250;

/// Maximum time after its newest snapshot for which a client extrapolates other players' entities, in milliseconds. After that they stand
/// still.
pub const MAX_EXTRAPOLATION_MS: u32 = 100;

/// Maximum number of unacknowledged room messages that a server keeps per client for retransmission. A busy Arena sends about ten per second
/// and a client acknowledges once a second, so it takes about 100 seconds without an acknowledgement to reach the bound. Beyond it the
/// server drops the oldest message. That does not end the session, but the player can resume its seat only if the client has received
/// the dropped messages.
pub const MAX_UNACKED_MESSAGES: usize = 1024;
