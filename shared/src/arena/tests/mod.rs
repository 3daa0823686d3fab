//! Arena as a whole: what no one of its files could promise alone.

mod codings;
mod determinism;
mod difference;
mod drawing;
mod focus;
mod foresight;
mod play;
mod rewind;
mod rig;
mod secrecy;
mod sounds;
