//! Quarrel shared
