//! The environment of the tests changes no server that a scenario starts.

use std::{env, process::Command};

/// Runs another scenario with variables that no server starts with, and one that would change it.
#[test]
fn scenarios_do_not_depend_on_the_variables_of_their_environment() {
    let scenario = "process_signals::quit_exits_at_once_with_the_code_of_the_signal";
    let program = env::current_exe().expect("the path of the tests");
    let output = Command::new(program)
        .args(["--exact", scenario])
        .env("QUARREL_ROOM__TICK_RATE", "never")
        .env("QUARREL_NO__SUCH_KEY", "1")
        .env("QUARREL_HTTP__LISTEN", "0.0.0.0:0")
        .output()
        .expect("the tests must start");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
}
