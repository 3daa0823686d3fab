//! The data directory is the folder that was named, or the start is refused.

use std::{fs, path::Path};

use quarrel_harness::{LogFile, ProcessConfig, ServerProcess};

const SERVER: &str = env!("CARGO_BIN_EXE_test-server");

/// The configuration of a server that runs in this folder.
fn in_folder(folder: &Path, log: &LogFile) -> ProcessConfig {
    ProcessConfig {
        wrapper: ["env", "-C", folder.to_str().expect("a path of the test")].map(str::to_owned).to_vec(),
        log: log.writer(),
        ..ProcessConfig::default()
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn a_data_directory_named_like_a_url_is_a_folder_of_that_name_with_the_database() {
    let (folder, log) = (tempfile::tempdir().expect("a folder"), LogFile::new());
    let config = ProcessConfig { data_dir: Some("file:x".into()), ..in_folder(folder.path(), &log) };
    let mut server = ServerProcess::start(SERVER, config);
    log.wait_for("\"serving\"").await;
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().await.code(), Some(0), "{}", log.text());
    assert_eq!(names(folder.path()), ["file:x"]);
    let database = fs::metadata(folder.path().join("file:x/matches.db")).expect("a database");
    assert!(database.len() > 0, "the database must have tables");
}

#[tokio::test]
async fn a_data_directory_that_is_not_utf_8_is_refused_and_makes_no_other_folder() {
    let (folder, log) = (tempfile::tempdir().expect("a folder"), LogFile::new());
    let mut config = in_folder(folder.path(), &log);
    let set = "QUARREL_DATA__DIR=$(printf 'data\\377') exec \"$0\" \"$@\"";
    config.wrapper.extend(["sh", "-c", set].map(str::to_owned));
    let mut server = ServerProcess::start(SERVER, config);
    assert_eq!(server.wait_for_exit().await.code(), Some(78), "{}", log.text());
    log.must_contain("data.dir is not valid UTF-8");
    assert_eq!(names(folder.path()), Vec::<String>::new());
}
