//! Quarrel server

pub mod config;
