//! Programs that are no server, or too old a one.

use super::*;
use std::os::unix::fs::PermissionsExt as _;

fn program(folder: &Path, says: &str) -> PathBuf {
    let path = folder.join("program");
    fs::write(&path, format!("#!/bin/sh\n{says}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn a_server_that_is_too_old_or_none_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for (says, wants) in [
        ("echo 'nats-server: v2.12.15'", "2.12.15 is too old: this box needs 2.14 or newer"),
        ("echo 'nats-server: v2.9.10'", "too old"),
        ("echo 'nats-server: v3'", "is it nats-server?"),
        ("echo hello", "is it nats-server?"),
        ("exit 1", "is it nats-server?"),
    ] {
        let refused = version(&program(folder.path(), says)).await.unwrap_err().to_string();
        assert!(refused.contains(wants), "{says}: {refused}");
    }
    let good = program(folder.path(), "echo 'nats-server: v2.14.5'");
    assert_eq!(version(&good).await.unwrap(), "2.14.5");
    let newer = program(folder.path(), "echo 'nats-server: v10.0.0-beta'");
    assert_eq!(version(&newer).await.unwrap(), "10.0.0-beta");
    let none = version(&folder.path().join("nothing")).await.unwrap_err().to_string();
    assert!(none.contains("cannot be run"), "{none}");
}

#[tokio::test]
async fn a_server_that_ends_at_once_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(folder.path(), "echo 'port is taken' >&2; exit 1");
    let ended = Server::start(&program, &folder.path().join("nats"), "x").await.err();
    let ended = ended.map(|error| error.to_string()).unwrap_or_default();
    assert!(ended.contains("port is taken"), "{ended}");
    let conf = fs::metadata(folder.path().join("nats/nats.conf")).unwrap();
    assert_eq!(conf.permissions().mode() & 0o777, 0o600, "the key is in it");
}

#[test]
fn of_the_log_the_end_is_read_that_is_newer_than_the_link_and_one_that_was_begun_anew_from_its_start()
 {
    let folder = tempfile::tempdir().unwrap();
    assert!(log_since(folder.path(), 0).is_err());
    assert_eq!(log_length(folder.path()), 0);
    let write = |text: &str| fs::write(folder.path().join("nats.log"), text).unwrap();
    write("with a link\nwithout\n");
    assert_eq!(log_since(folder.path(), 12).unwrap(), "without\n");
    assert_eq!(log_since(folder.path(), log_length(folder.path())).unwrap(), "");
    write("anew\n");
    assert_eq!(log_since(folder.path(), 12).unwrap(), "anew\n");
    write(&format!("{}the end", "x".repeat(LOG_END as usize)));
    let end = log_since(folder.path(), 0).unwrap();
    assert!(end.ends_with("the end") && end.len() == LOG_END as usize);
}
