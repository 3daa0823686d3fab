//! Constraints between keys, checked after each value was found valid on its own.

use std::net::SocketAddr;

use super::error::{ConfigError, Origin};
use super::merged::{MergedConfig, MergedValue};

/// Checks every rule, and returns the first violation as an error at the place of the offending value.
pub(super) fn check(merged: &MergedConfig) -> Result<(), ConfigError> {
    check_max(merged, "room.send_rate", "room.tick_rate")?;
    check_max(merged, "room.bots", "room.seats")?;
    check_keep_alive(merged)?;
    check_pair(merged, "net.cert", "net.key")?;
    check_pair(merged, "net.key", "net.cert")?;
    check_token(merged)
}

fn check_max(merged: &MergedConfig, key: &str, bound: &str) -> Result<(), ConfigError> {
    match (integer(merged, key), integer(merged, bound)) {
        (Some((setting, value)), Some((_, max))) if value > max => {
            let accepts = format!("at most {max} (that is {bound})");
            Err(ConfigError::value(setting.origin.clone(), key, &setting.value, accepts))
        }
        _ => Ok(()),
    }
}

/// Checks that the keep-alive interval is shorter than the idle timeout: otherwise a silent connection times out before its first
/// keep-alive. The error is placed at the idle timeout when the keep-alive interval is a default.
fn check_keep_alive(merged: &MergedConfig) -> Result<(), ConfigError> {
    const KEEP_ALIVE: &str = "net.keep_alive_ms";
    const IDLE: &str = "net.idle_timeout_ms";
    let (Some((keep_alive, interval)), Some((idle, timeout))) =
        (integer(merged, KEEP_ALIVE), integer(merged, IDLE))
    else {
        return Ok(());
    };
    if interval < timeout {
        return Ok(());
    }
    Err(if keep_alive.origin == Origin::Default {
        let accepts = format!("more than {interval} (that is {KEEP_ALIVE})");
        ConfigError::value(idle.origin.clone(), IDLE, &idle.value, accepts)
    } else {
        let accepts = format!("less than {timeout} (that is {IDLE})");
        ConfigError::value(keep_alive.origin.clone(), KEEP_ALIVE, &keep_alive.value, accepts)
    })
}

/// Checks that requests from other machines to the admin HTTP server need a token.
fn check_token(merged: &MergedConfig) -> Result<(), ConfigError> {
    const LISTEN: &str = "http.listen";
    let Some(listen) = merged.get(LISTEN) else { return Ok(()) };
    let address = listen.value.as_str().and_then(|text| text.parse::<SocketAddr>().ok());
    if merged.get("http.token_file").is_some() || address.is_none_or(|address| address.ip().is_loopback()) {
        return Ok(());
    }
    let accepts = "a loopback address, as in \"127.0.0.1:7780\", or any address together with http.token_file, because other \
                   machines could read players' names and addresses without a token";
    Err(ConfigError::value(listen.origin.clone(), LISTEN, &listen.value, accepts.to_owned()))
}

/// Returns an error when `key` is set and `missing` is not.
fn check_pair(merged: &MergedConfig, key: &'static str, missing: &'static str) -> Result<(), ConfigError> {
    match (merged.get(key), merged.get(missing)) {
        (Some(setting), None) => Err(ConfigError::Incomplete { at: setting.origin.clone(), key, missing }),
        _ => Ok(()),
    }
}

fn integer<'a>(merged: &'a MergedConfig, key: &str) -> Option<(&'a MergedValue, i64)> {
    let setting = merged.get(key)?;
    setting.value.as_integer().map(|value| (setting, value))
}
