//! Quarrel client
