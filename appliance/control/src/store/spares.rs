//! Whether the database is one at all, spare copies of it, and one that takes the place of a damaged one.

use super::backup::{LEFT_OUT, database_adopt, database_copy, database_look, plain, whole};
use super::{Adoption, DatabaseLook, StoreError, schema};
use rusqlite::{ErrorCode, OpenFlags, ffi};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// No version of the program will ever know so many steps: who finds more reads garbage.
const STEPS_EVER: i64 = 10_000;

/// How a database is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseState {
    /// There is no file, or one without a byte in it.
    Missing,
    /// It is one, and whole. A newer version's is never called damaged: [`super::Store::open`] says what to do.
    Good,
    /// It cannot be used, and why.
    Damaged(String),
}

/// Looks at a database that nobody has open; everything of it is read.
///
/// # Errors
/// The disk or the permissions are in the way: nothing is known about the database then.
pub fn database_state(path: &Path) -> Result<DatabaseState, StoreError> {
    let refused = |source| StoreError::Read { path: path.display().to_string(), source };
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(DatabaseState::Missing);
        }
        Err(error) => return Err(refused(error)),
        Ok(found) if found.len() == 0 => return Ok(DatabaseState::Missing),
        Ok(_) => {}
    }
    match checked(path) {
        Ok(()) => Ok(DatabaseState::Good),
        Err(StoreError::Damaged(why)) => Ok(DatabaseState::Damaged(why)),
        Err(StoreError::Query(error)) if is_damage(&error) => {
            Ok(DatabaseState::Damaged(error.to_string()))
        }
        Err(error) => Err(error),
    }
}

fn checked(path: &Path) -> Result<(), StoreError> {
    let database = plain(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let version = database.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))?;
    let known = schema::STEPS.len() as i64;
    if version > known && version < STEPS_EVER {
        // Its tables may be such as this version's SQLite does not understand.
        return Ok(());
    }
    whole(&database, "quick_check")?;
    let tables: i64 =
        database.query_row("SELECT COUNT(*) FROM sqlite_schema WHERE name = 'box'", [], |row| {
            row.get(0)
        })?;
    match (version, tables) {
        (0, 0) => Ok(()),
        (1.., 1) if version <= known => Ok(()),
        _ => Err(StoreError::Damaged(format!(
            "its head says schema {version}, and its tables say something else"
        ))),
    }
}

/// The file itself is to blame, not the disk's room or its permissions.
fn is_damage(error: &rusqlite::Error) -> bool {
    let rusqlite::Error::SqliteFailure(failure, _) = error else {
        // A column that is no number or text any more.
        return matches!(
            error,
            rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::Utf8Error(..)
        );
    };
    matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        || failure.extended_code == ffi::SQLITE_IOERR_SHORT_READ
}

/// Writes a spare copy of the database at `path`, which others use meanwhile, to `into`: whole, checked and
/// durable when this returns. Sessions and old news are not in it.
///
/// # Errors
/// The database is damaged: then no copy is one that anybody wants. Or the copy cannot be written.
pub fn database_spare(path: &Path, into: &Path) -> Result<(), StoreError> {
    // What cannot be read is left out by nobody: a copy of a damaged database looks whole.
    whole(&plain(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?, "quick_check")?;
    database_copy(path, into)?;
    whole(&plain(into, OpenFlags::SQLITE_OPEN_READ_ONLY)?, "quick_check")
}

/// Makes a copy, which nobody else has, one that can take the place of a damaged database: durable when this
/// returns. Nobody is signed in, and its place in a fleet counts from another epoch.
///
/// # Errors
/// It is damaged itself, or a newer version's.
pub fn database_mend(path: &Path) -> Result<DatabaseLook, StoreError> {
    let look = database_look(path)?;
    let copy = plain(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    copy.execute_batch(&format!("BEGIN IMMEDIATE; {LEFT_OUT} COMMIT;"))?;
    copy.close().map_err(|(_, error)| error)?;
    database_adopt(path, &Adoption { itself: None })?;
    Ok(look)
}

/// Copies that were made beside the database before it was migrated, the newest first.
pub fn database_before(path: &Path) -> Vec<PathBuf> {
    schema::copies(path).into_iter().rev().map(|copy| copy.path).collect()
}

/// Writes what is in the log of a database into it, and empties the log: until it is opened again, its file is whole
/// alone. Others may have it open, if none is in the midst of reading.
///
/// # Errors
/// There is none, it cannot be opened, or somebody is reading: nothing is lost, the log stays.
pub fn fold_log(path: &Path) -> Result<(), StoreError> {
    let database = plain(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Whoever is told to stop has five seconds, and has used some of them.
    database.busy_timeout(Duration::from_millis(500))?;
    let busy: i64 = database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    match busy {
        0 => Ok(()),
        _ => Err(StoreError::Busy),
    }
}

/// Whether an error says that a database cannot be used, rather than that the disk or the program cannot.
pub fn says_damaged(error: &StoreError) -> bool {
    match error {
        StoreError::Damaged(_) => true,
        StoreError::Query(rusqlite::Error::QueryReturnedNoRows) => true,
        StoreError::Query(error) | StoreError::Migrate { step: 0, source: error } => {
            is_damage(error)
        }
        _ => false,
    }
}
