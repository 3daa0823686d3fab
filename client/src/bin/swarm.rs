//! Rebuilt.
fn main() {}
