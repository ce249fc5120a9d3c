//! The database as a file that is copied away and comes back.

use super::{StoreError, schema};
use rusqlite::{Connection, OpenFlags, params};
use std::fs::File;
use std::path::Path;
use std::time::Duration;

/// A checkpoint or a long write may be under way.
const PATIENCE: Duration = Duration::from_secs(10);

/// What no backup has: who is signed in, old news, and what was measured of the machine.
pub(super) const LEFT_OUT: &str = "
    DELETE FROM sessions; DELETE FROM member_sessions;
    DELETE FROM outbox; DELETE FROM webhook_log;
    DELETE FROM encoders; DELETE FROM job_costs;";

/// Tables of the box's place in a fleet: they belong to its key.
const FLEET: [&str; 14] = [
    "fleet",
    "fleet_events",
    "fleet_boxes",
    "fleet_invites",
    "fleet_heard",
    "fleet_epochs",
    "fleet_outages",
    "fleet_library",
    "fleet_shares",
    "twin",
    "fleet_update",
    "fleet_groups",
    "fleet_twins",
    "fleet_waves",
];

/// What a database has, as far as somebody wants to know before it is put into the place of another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseLook {
    /// Before it was migrated.
    pub schema: usize,
    pub box_id: String,
    pub box_name: String,
    pub people: u64,
    pub rooms: u64,
    /// Ids.
    pub recordings: Vec<String>,
    pub targets: u64,
    pub webhooks: u64,
    /// Somebody owns the box.
    pub owned: bool,
    pub in_fleet: bool,
}

/// Whose box a database is to be.
pub struct Adoption<'a> {
    /// Id and name of the box that stays itself, and its database, from which its place in a fleet comes.
    pub itself: Option<(String, String, &'a Path)>,
}

/// The schema that this version writes.
pub const fn schema_known() -> usize {
    schema::STEPS.len()
}

/// Writes a consistent copy of the database at `path` to `into`, without what no backup has; durable when
/// this returns. The box goes on working meanwhile.
///
/// # Errors
/// It cannot be read, or the copy not be written.
pub fn database_copy(path: &Path, into: &Path) -> Result<(), StoreError> {
    let from = plain(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    from.execute("VACUUM INTO ?1", [into.to_string_lossy()])?;
    let copy = plain(into, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // What is deleted must not lie in free pages.
    copy.execute_batch("PRAGMA secure_delete = ON; PRAGMA journal_mode = DELETE;")?;
    copy.execute_batch(&format!("BEGIN IMMEDIATE; {LEFT_OUT} COMMIT;"))?;
    copy.close().map_err(|(_, error)| error)?;
    synced(into)
}

/// Looks through a database that nobody else has, and brings it to this version's schema.
///
/// # Errors
/// It is none, is damaged, or a newer version's.
pub fn database_look(path: &Path) -> Result<DatabaseLook, StoreError> {
    let mut copy = plain(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    whole(&copy, "integrity_check")?;
    let schema = copy.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))?;
    copy.execute_batch("PRAGMA foreign_keys = ON;")?;
    schema::migrate(&mut copy, path, &schema::STEPS)?;
    let count = |table: &str| -> Result<u64, StoreError> {
        let query = format!("SELECT COUNT(*) FROM {table}");
        Ok(super::unsigned(copy.query_row(&query, [], |row| row.get(0))?))
    };
    let (box_id, box_name) =
        copy.query_row("SELECT box_id, name FROM box", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut recordings = copy.prepare("SELECT id FROM recordings ORDER BY id")?;
    let recordings = recordings.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(DatabaseLook {
        schema: usize::try_from(schema).unwrap_or(0),
        box_id,
        box_name,
        people: count("everybody")?,
        rooms: count("rooms WHERE kept = 1")?,
        recordings,
        targets: count("targets")?,
        webhooks: count("webhooks")?,
        owned: count("people")? > 0,
        in_fleet: count("fleet")? > 0,
    })
}

/// Makes a database, which was looked at, that of the box which it is to be: durable when this returns. Its
/// place in a fleet counts from another epoch, whichever box it is.
///
/// # Errors
/// One of the databases cannot be used.
pub fn database_adopt(path: &Path, adoption: &Adoption<'_>) -> Result<(), StoreError> {
    let mut copy = plain(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    copy.execute_batch("PRAGMA journal_mode = DELETE;")?;
    if let Some((id, name, own)) = &adoption.itself {
        copy.execute("ATTACH ?1 AS own", [own.to_string_lossy()])?;
        let sql = copy.transaction()?;
        sql.execute("UPDATE box SET box_id = ?1, name = ?2", params![id, name])?;
        for table in FLEET {
            // Empty before rows come: triggers would tell of them.
            sql.execute(&format!("DELETE FROM main.{table}"), [])?;
            sql.execute(&format!("INSERT INTO main.{table} SELECT * FROM own.{table}"), [])?;
        }
        sql.commit()?;
        copy.execute("DETACH own", [])?;
    }
    // No file beside the database ever says this.
    copy.execute("UPDATE fleet SET mark = 'restored', mark_before = 'restored'", [])?;
    // Somebody may have ended a wave since, and boxes may be further.
    let waves = copy.query_row(
        "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'fleet_waves'",
        [],
        |row| row.get::<_, i64>(0),
    )?;
    if waves > 0 {
        // Of an order that has come back nobody knows whether it was recalled since; a hub that still wants it
        // says so again.
        if adoption.itself.is_none() {
            copy.execute("DELETE FROM fleet_update", [])?;
        }
        copy.execute(
            "UPDATE fleet_waves SET state = json_set(state, '$.state', 'paused')
             WHERE json_extract(state, '$.state') = 'running'",
            [],
        )?;
    }
    copy.close().map_err(|(_, error)| error)?;
    synced(path)
}

/// What SQLite's own check finds.
pub(super) fn whole(database: &Connection, check: &str) -> Result<(), StoreError> {
    let said = database.pragma_query_value(None, check, |row| row.get::<_, String>(0))?;
    match said == "ok" {
        true => Ok(()),
        false => Err(StoreError::Damaged(said)),
    }
}

pub(super) fn plain(path: &Path, how: OpenFlags) -> Result<Connection, StoreError> {
    let refused = |source| StoreError::Open { path: path.display().to_string(), source };
    let opened = Connection::open_with_flags(path, how).map_err(refused)?;
    opened.busy_timeout(PATIENCE).map_err(refused)?;
    Ok(opened)
}

fn synced(path: &Path) -> Result<(), StoreError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    let path = path.display().to_string();
    synced.map_err(|source| StoreError::Copied { path, source })
}

/// For tests: as only a newer version can read it.
#[cfg(test)]
pub(crate) fn newer(path: &Path) {
    let made = Connection::open(path).and_then(|newer| {
        newer.execute("UPDATE readable SET by_schema = 900", [])?;
        newer.pragma_update(None, "user_version", 901)
    });
    assert!(made.is_ok(), "{made:?}");
}

/// For tests: as after a restore by which another box stays itself.
#[cfg(test)]
pub(crate) fn box_becomes(path: &Path, id: &str) {
    let made =
        Connection::open(path).and_then(|other| other.execute("UPDATE box SET box_id = ?1", [id]));
    assert!(made.is_ok(), "{made:?}");
}
