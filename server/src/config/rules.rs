//! What must hold between keys, each of which is right alone.

use super::error::{ConfigError, Origin};
use super::layers::{Merged, Setting};

/// The first rule that is broken, at the place where somebody broke it.
pub(super) fn check(merged: &Merged) -> Result<(), ConfigError> {
    at_most(merged, "room.send_rate", "room.tick_rate")?;
    at_most(merged, "room.bots", "room.seats")?;
    keep_alive_within_idle_timeout(merged)?;
    together(merged, "net.cert", "net.key")?;
    together(merged, "net.key", "net.cert")
}

fn at_most(merged: &Merged, key: &str, bound: &str) -> Result<(), ConfigError> {
    match (integer(merged, key), integer(merged, bound)) {
        (Some((setting, value)), Some((_, most))) if value > most => {
            let accepts = format!("at most {most} (that is {bound})");
            Err(ConfigError::value(setting.origin.clone(), key, &setting.value, accepts))
        }
        _ => Ok(()),
    }
}

/// A connection that is kept alive less often than it times out is not kept alive.
fn keep_alive_within_idle_timeout(merged: &Merged) -> Result<(), ConfigError> {
    const KEEP_ALIVE: &str = "net.keep_alive_ms";
    const IDLE: &str = "net.idle_timeout_ms";
    let (Some((keep_alive, often)), Some((idle, limit))) =
        (integer(merged, KEEP_ALIVE), integer(merged, IDLE))
    else {
        return Ok(());
    };
    if often < limit {
        return Ok(());
    }
    Err(if keep_alive.origin == Origin::Default {
        let accepts = format!("more than {often} (that is {KEEP_ALIVE})");
        ConfigError::value(idle.origin.clone(), IDLE, &idle.value, accepts)
    } else {
        let accepts = format!("less than {limit} (that is {IDLE})");
        ConfigError::value(keep_alive.origin.clone(), KEEP_ALIVE, &keep_alive.value, accepts)
    })
}

fn together(merged: &Merged, key: &'static str, missing: &'static str) -> Result<(), ConfigError> {
    match (merged.get(key), merged.get(missing)) {
        (Some(setting), None) => Err(ConfigError::Incomplete { at: setting.origin.clone(), key, missing }),
        _ => Ok(()),
    }
}

fn integer<'a>(merged: &'a Merged, key: &str) -> Option<(&'a Setting, i64)> {
    let setting = merged.get(key)?;
    setting.value.as_integer().map(|value| (setting, value))
}
