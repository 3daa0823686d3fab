//! The QUIC code that the server and the client share, so that both ends behave alike.
//!
//! - [`congestion`]: Cubic with a minimum window.
//! - [`settings`]: socket buffers, connection ids and the connection settings that both ends share.
//! - [`control`]: the control stream as framed messages.
//! - [`wake`]: flags that keep `select!` from polling branches that have nothing new.
//! - [`end`]: the close reason of a connection, and the ends after which a client resumes its seat.
//! - [`traffic`]: UDP traffic counts.

pub mod congestion;
pub mod control;
pub mod end;
pub mod settings;
pub mod traffic;
pub mod wake;
