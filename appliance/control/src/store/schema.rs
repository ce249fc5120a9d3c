//! The database's schema: its steps, a copy before each change, and who may read what a newer
//! version wrote.
//!
//! ```text
//! found = known ── open
//! found < known ── copy beside it ── all missing steps in one transaction ── open
//! found > known ── readable by us? ── open, it stays the newer one's
//!                              └ no ── refused, with what to do
//! ```

use super::StoreError;
use crate::clock::UnixMs;
use rusqlite::Connection;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// In order: step n takes `user_version` from n to n + 1. Only ever append, and only add: a box that
/// goes back to its old version must find what that knows, and write as that does. A step that takes
/// something away raises `readable.by_schema` to its own number, and nobody goes back behind it.
pub const STEPS: [&str; 33] = [
    include_str!("0001_first.sql"),
    include_str!("0002_dropped.sql"),
    include_str!("0003_updates.sql"),
    include_str!("0004_language.sql"),
    include_str!("0005_webhooks.sql"),
    include_str!("0006_whip.sql"),
    include_str!("0007_lobby.sql"),
    include_str!("0008_egress.sql"),
    include_str!("0009_retention.sql"),
    include_str!("0010_targets.sql"),
    include_str!("0011_copies.sql"),
    include_str!("0012_shares.sql"),
    include_str!("0013_outputs.sql"),
    include_str!("0014_desk.sql"),
    include_str!("0015_schedule.sql"),
    include_str!("0016_encoders.sql"),
    include_str!("0017_fleet.sql"),
    include_str!("0018_mqtt.sql"),
    include_str!("0019_people.sql"),
    include_str!("0020_fleet_outages.sql"),
    include_str!("0021_fleet_library.sql"),
    include_str!("0022_health.sql"),
    include_str!("0023_fleet_twins.sql"),
    include_str!("0024_webhook_log.sql"),
    include_str!("0025_safekeeping.sql"),
    include_str!("0026_webhook_network.sql"),
    include_str!("0027_oidc.sql"),
    include_str!("0028_rooms.sql"),
    include_str!("0029_kept_from.sql"),
    include_str!("0030_room_templates.sql"),
    include_str!("0031_sums.sql"),
    include_str!("0032_by_age.sql"),
    include_str!("0033_fleet_shares.sql"),
];

/// So many copies are kept beside the database.
const COPIES: usize = 3;

/// Brings the database at `path` to the last of these steps: to all of it or, if it fails, to
/// nothing.
pub fn migrate(connection: &mut Connection, path: &Path, steps: &[&str]) -> Result<(), StoreError> {
    let known = steps.len();
    let version = connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    let version = version.map_err(|source| StoreError::Migrate { step: 0, source })?;
    let found = usize::try_from(version).unwrap_or(0);
    if found > known {
        return may_read(connection, path, found, known);
    }
    if found == known {
        return Ok(());
    }
    // Nothing is in a new one.
    let copy = (found > 0).then(|| copy(connection, path, found)).transpose()?;
    let migrated = climb(connection, found, steps);
    match (&migrated, copy) {
        (Ok(()), Some(copy)) => {
            tracing::info!(copy = %copy.display(), found, known, "the database was migrated");
            forget_old_copies(path, &copy);
        }
        // As it was, and a start that is tried again and again must not push out older copies.
        (Err(_), Some(copy)) => drop(fs::remove_file(copy)),
        (_, None) => {}
    }
    migrated
}

fn climb(connection: &mut Connection, found: usize, steps: &[&str]) -> Result<(), StoreError> {
    let refused = |step| move |source| StoreError::Migrate { step, source };
    let transaction = connection.transaction().map_err(refused(found))?;
    for (step, sql) in (1..).zip(steps).skip(found) {
        transaction.execute_batch(sql).map_err(refused(step))?;
    }
    let known = steps.len();
    transaction.pragma_update(None, "user_version", known as i64).map_err(refused(known))?;
    transaction.commit().map_err(refused(known))
}

/// Whether a program that knows less may work with it.
fn may_read(
    connection: &Connection,
    path: &Path,
    found: usize,
    known: usize,
) -> Result<(), StoreError> {
    let query = "SELECT by_schema FROM readable";
    let needs = connection.query_row(query, [], |row| row.get::<_, i64>(0));
    let needs = needs.map_or(found, |by| usize::try_from(by).unwrap_or(found));
    if needs > known {
        // The newest one that we can open: our own schema's, or an older one's.
        let copy = copies(path).into_iter().rev().find(|copy| copy.schema <= known);
        let copy = copy.map(|copy| copy.path.display().to_string());
        return Err(StoreError::Newer { found, needs, known, copy });
    }
    tracing::warn!(found, known, "a newer version wrote the database: this uses what it knows");
    Ok(())
}

/// Keeps the database as it is now beside it, durably: the copy's path.
fn copy(connection: &Connection, path: &Path, schema: usize) -> Result<PathBuf, StoreError> {
    let time = UnixMs::now().rfc3339().replace([':', '-'], "");
    let copy = beside(path, &format!("{MARK}{schema}.{time}"));
    let partial = beside(path, ".copying");
    let kept = || -> io::Result<()> {
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let into = partial.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        // With what still lies in the log; SQLite itself makes nothing of it durable.
        connection.execute("VACUUM INTO ?1", [into]).map_err(io::Error::other)?;
        File::open(&partial)?.sync_all()?;
        fs::rename(&partial, &copy)?;
        // A file's folder, for its name.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    kept().map_err(|source| {
        drop(fs::remove_file(&partial));
        let bytes = fs::metadata(path).map_or(0, |database| database.len());
        StoreError::Copy { to: copy.display().to_string(), bytes, source }
    })?;
    Ok(copy)
}

/// Between the database's name and a copy's schema.
const MARK: &str = ".schema-";

pub(super) struct Copy {
    schema: usize,
    time: String,
    pub(super) path: PathBuf,
}

/// All copies beside the database, oldest first, as far as clocks can be believed.
pub(super) fn copies(path: &Path) -> Vec<Copy> {
    let Some(folder) = path.parent() else { return Vec::new() };
    let begins = beside(path, MARK).file_name().map(|name| name.to_string_lossy().into_owned());
    let begins = begins.unwrap_or_default();
    let mut copies: Vec<Copy> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let (schema, time) = name.strip_prefix(&begins)?.split_once('.')?;
            Some(Copy { schema: schema.parse().ok()?, time: time.to_owned(), path: entry.path() })
        })
        .collect();
    copies.sort_by(|a, b| a.time.cmp(&b.time));
    copies
}

/// The newest stay. The one that was just made is one of them even if the clock has no idea.
fn forget_old_copies(path: &Path, made: &Path) {
    let others = copies(path).into_iter().rev().filter(|copy| copy.path != made);
    for old in others.skip(COPIES - 1) {
        match fs::remove_file(&old.path) {
            Ok(()) => tracing::info!(copy = %old.path.display(), "an old copy was taken away"),
            Err(error) => {
                tracing::warn!(copy = %old.path.display(), %error, "an old copy stays");
            }
        }
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(ending);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests;
