//! The players' plane: bytes in and out over QUIC.

pub mod keys;
pub mod tls;
