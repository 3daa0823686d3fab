//! Quarrel server

pub mod admin;
pub mod cli;
pub mod config;
pub mod data_dir;
pub mod net;
pub mod shutdown;
pub mod telemetry;
