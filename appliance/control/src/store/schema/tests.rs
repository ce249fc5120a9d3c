//! Forward and back over steps of the schema, with and without room for the copy.

use super::*;
use crate::settings::Settings;
use crate::store::{LivekitKey, Store};
use std::process::Command;

/// The schema of this version, and of the next.
const KNOWN: usize = STEPS.len();
const NEXT: usize = KNOWN + 1;

/// What a newer version adds: a table, a column, a setting.
const ADDS: &str = "CREATE TABLE more (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
    ALTER TABLE livekit_keys ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue';
    UPDATE livekit_keys SET colour = 'red';
    INSERT INTO settings VALUES (1, '{\"meeting\": {\"lobby\": true}, \"weather\": {\"sunny\": true}}');";

/// What a newer version may do only if it says that nobody goes back behind it.
const TAKES: &str = "CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT;
    DROP TABLE livekit_keys;
    UPDATE readable SET by_schema = 34;";

fn newer(step: &'static str) -> Vec<&'static str> {
    STEPS.iter().copied().chain([step]).collect()
}

fn version(path: &Path) -> usize {
    let connection = Connection::open(path).unwrap();
    let version: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    usize::try_from(version).unwrap()
}

fn text(path: &Path, query: &str) -> rusqlite::Result<String> {
    Connection::open(path).unwrap().query_row(query, [], |row| row.get(0))
}

fn key(name: &str) -> LivekitKey {
    LivekitKey { key: name.to_owned(), secret: "s".to_owned(), created_ms: 1, own: false }
}

async fn keys(store: &Store) -> Vec<String> {
    store.livekit_key_list().await.unwrap().into_iter().map(|key| key.key).collect()
}

/// Names of what lies beside the database, without SQLite's own.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
    names.sort();
    names
}

#[tokio::test]
async fn a_box_goes_back_behind_a_version_that_only_added_writes_and_comes_forward_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("box.db");
    let before = Store::open(&path).unwrap();
    before.livekit_key_insert(key("before")).await.unwrap();
    drop(before);
    drop(Store::open_with(&path, &newer(ADDS)).unwrap());
    // Back: everything that was there, and everything as it always worked.
    let old = Store::open(&path).unwrap();
    assert_eq!(keys(&old).await, ["before"]);
    old.livekit_key_insert(key("between")).await.unwrap();
    let mut settings = Settings::default();
    settings.meeting.max_participants = 7;
    old.settings_put(settings.clone()).await.unwrap();
    assert_eq!(old.settings_get().await.unwrap(), Some(settings.clone()));
    drop(old);
    assert_eq!(version(&path), NEXT, "it stays the newer one's");
    // Forward: nothing of either is lost.
    let new = Store::open_with(&path, &newer(ADDS)).unwrap();
    assert_eq!(keys(&new).await, ["before", "between"]);
    assert_eq!(new.settings_get().await.unwrap(), Some(settings));
    drop(new);
    let colours =
        "SELECT group_concat(key || ' ' || colour) FROM (SELECT * FROM livekit_keys ORDER BY key)";
    assert_eq!(text(&path, colours).unwrap(), "before red,between blue");
    for kept in ["$.meeting.lobby", "$.weather.sunny"] {
        let query = format!("SELECT CAST(json ->> '{kept}' AS TEXT) FROM settings");
        assert_eq!(text(&path, &query).unwrap(), "1", "{kept}");
    }
    assert_eq!(names(folder.path()).len(), 2, "one migration, one copy");
}

#[tokio::test]
async fn behind_a_version_that_took_something_away_nobody_goes_and_hears_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("box.db");
    let before = Store::open(&path).unwrap();
    before.livekit_key_insert(key("before")).await.unwrap();
    drop(before);
    drop(Store::open_with(&path, &newer(TAKES)).unwrap());
    let refused = Store::open(&path).map(drop).unwrap_err().to_string();
    let copy = names(folder.path()).remove(1);
    assert!(copy.starts_with(&format!("box.db.schema-{KNOWN}.20")), "{copy}");
    let (found, known) = (format!("schema {NEXT}"), format!("knows schema {KNOWN}"));
    for says in [&found, &known, "the other side", &copy] {
        assert!(refused.contains(says), "{says}: {refused}");
    }
    assert_eq!(version(&path), NEXT, "it was left alone");
    // Who follows the advice has the box of before.
    for ending in ["", "-wal", "-shm"] {
        fs::remove_file(beside(&path, ending)).unwrap_or_default();
    }
    fs::rename(folder.path().join(&copy), &path).unwrap();
    assert_eq!(keys(&Store::open(&path).unwrap()).await, ["before"]);
    // A version from before such words existed, or a database that has lost them.
    Connection::open(&path)
        .unwrap()
        .execute_batch("PRAGMA user_version = 99; DROP TABLE readable")
        .unwrap();
    assert!(matches!(
        Store::open(&path),
        Err(StoreError::Newer { found: 99, needs: 99, known: KNOWN, copy: None })
    ));
}

#[test]
fn three_copies_stay_and_the_one_just_made_is_one_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("box.db");
    // Three from a clock that ran ahead, one old one, and what is none.
    let kept =
        ["schema-1.2199x", "schema-2.2198x", "schema-1.2197x", "schema-3.2020x", "schema-x.1"];
    for name in kept {
        fs::write(folder.path().join(format!("box.db.{name}")), "").unwrap();
    }
    drop(Store::open(&path).unwrap());
    assert_eq!(names(folder.path()).len(), 6, "nothing is copied of a new database");
    drop(Store::open_with(&path, &newer(ADDS)).unwrap());
    let mut names = names(folder.path());
    let copy = format!("box.db.schema-{KNOWN}.20");
    let made = names.iter().position(|name| name.starts_with(&copy)).unwrap();
    assert_eq!(version(&folder.path().join(names.remove(made))), KNOWN);
    assert_eq!(
        names,
        ["box.db", "box.db.schema-1.2199x", "box.db.schema-2.2198x", "box.db.schema-x.1"]
    );
}

#[test]
fn a_step_that_fails_leaves_the_database_and_its_copies_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("box.db");
    drop(Store::open(&path).unwrap());
    let steps: Vec<_> = newer(ADDS).into_iter().chain(["DROP TABLE nowhere"]).collect();
    let failed = Store::open_with(&path, &steps);
    assert!(matches!(failed, Err(StoreError::Migrate { step, .. }) if step == NEXT + 1));
    assert_eq!((version(&path), names(folder.path())), (KNOWN, vec!["box.db".to_owned()]));
    assert!(text(&path, "SELECT text FROM more").is_err(), "half of it happened");
}

/// A disk of a few megabytes, for as long as this lives.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`: who runs this may not mount.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let volume = ["-t", "tmpfs", "-o", "size=4m", "tmpfs"];
        let done = Command::new("mount").args(volume).arg(folder.path()).output();
        done.is_ok_and(|done| done.status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.0.path()).status().unwrap();
    }
}

#[test]
fn a_database_for_whose_copy_there_is_no_room_is_not_changed() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("SKIPPED: only root can mount a small disk");
        return;
    };
    let path = disk.0.path().join("box.db");
    drop(Store::open(&path).unwrap());
    // What is left is enough to open it, and not for another one.
    let filler = disk.0.path().join("recordings");
    let mut room = 4 * 1024 * 1024;
    while fs::write(&filler, vec![1; room]).is_err() {
        room -= 4096;
    }
    fs::write(&filler, vec![1; room - 64 * 1024]).unwrap();
    let refused = Store::open_with(&path, &newer(ADDS)).map(drop).unwrap_err();
    assert!(matches!(refused, StoreError::Copy { .. }), "{refused:?}");
    let copy = format!("box.db.schema-{KNOWN}.");
    for says in ["nothing was changed", "make room", &copy] {
        assert!(refused.to_string().contains(says), "{refused}");
    }
    assert_eq!(
        (version(&path), names(disk.0.path())),
        (KNOWN, vec!["box.db".into(), "recordings".into()])
    );
    drop(Store::open(&path).unwrap());
    fs::remove_file(&filler).unwrap();
    drop(Store::open_with(&path, &newer(ADDS)).unwrap());
    assert_eq!((version(&path), names(disk.0.path()).len()), (NEXT, 2));
}

/// A step that takes something away, and does not say so.
fn hides_what_it_takes(number: usize, step: &str) -> bool {
    let takes = |line: &&str| {
        let line = line.trim().to_uppercase();
        // One that notes what an older version writes, after it was written, takes nothing away.
        let notes = line.contains("CREATE TRIGGER ") && line.contains(" AFTER ");
        !line.starts_with("--")
            && !notes
            && ["DROP ", "RENAME ", "DELETE FROM ", "CREATE UNIQUE ", "CREATE TRIGGER ", "RAISE("]
                .iter()
                .any(|word| line.contains(word))
    };
    let says = format!("UPDATE readable SET by_schema = {number};");
    step.lines().any(|line| takes(&line)) && !step.contains(&says)
}

#[test]
fn every_step_only_adds_or_says_that_nobody_goes_back_behind_it() {
    // Before the third there was nothing to say it with, and nobody to go back.
    for (number, step) in (1..).zip(STEPS).skip(3) {
        assert!(!hides_what_it_takes(number, step), "step {number} of the schema");
    }
    assert!(!hides_what_it_takes(NEXT, ADDS) && !hides_what_it_takes(NEXT, TAKES));
    assert!(hides_what_it_takes(NEXT + 1, TAKES), "it names another step");
    assert!(hides_what_it_takes(NEXT, "CREATE TRIGGER t BEFORE INSERT ON rooms BEGIN"));
    assert!(hides_what_it_takes(NEXT, "alter table rooms rename column name to title;"));
}
