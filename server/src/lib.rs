//! Quarrel server
