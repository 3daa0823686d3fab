//! Tests of Arena as a whole.

mod determinism;
mod encoding;
mod focus;
mod interpolation;
mod lag_compensation;
mod play;
mod prediction;
mod rig;
mod secrecy;
mod secrecy_by_difference;
mod sound;
