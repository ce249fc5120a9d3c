//! At a start, before anything is open: is the database whole, and what if not.
//!
//! ```text
//! copy ─▶ mending/roombox.db (checked, of this schema) ─ plan ─▶ what was: damaged/TIME ─▶ its place ─▶ note
//! ```
//! Until the plan is on the disk nothing has changed. From then on every move can be made again: whenever the
//! power goes, the next start goes on. Nothing is deleted but the oldest of what was put aside before.

use super::{DATABASE, SpareError, all, changed_at, clear, owner};
use crate::clock::UnixMs;
use crate::files::{absent, replace};
use crate::store::{self, DatabaseState, StoreError};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

const MENDING: &str = "mending";
const PLAN: &str = "plan.json";
const NOTE: &str = "mended.json";
const DAMAGED: &str = "damaged";
/// Databases that were put aside; a disk that dies must not fill itself with them.
const MOST_DAMAGED: usize = 5;

/// The database could not be used at a start, and this was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MendNote {
    pub at: UnixMs,
    /// What was wrong with it.
    pub why: String,
    /// When the copy was made that took its place; `null`: there was none, and the box began anew.
    pub as_of: Option<UnixMs>,
    /// Where what was is kept, in the box's data folder.
    pub kept_in: String,
    /// Who owned the box owns it still.
    pub owned: bool,
    /// Somebody has seen this note.
    #[serde(default)]
    pub seen: bool,
    pub people: u64,
    pub rooms: u64,
    /// That the copy lists; those that were made since are found on the disk.
    pub recordings: u64,
}

/// Puts a copy into the place of a database that is damaged or gone; `None`: it is whole, or the box is new.
///
/// # Errors
/// The disk refuses, or there are copies of a newer version alone. Nothing may be opened then.
pub fn at_start(data: &Path, now: UnixMs) -> Result<Option<MendNote>, SpareError> {
    carry_out(data, now, &mut |_| Ok(()))
}

/// What was done at the last start that had to do something.
pub fn told(data: &Path) -> Option<MendNote> {
    serde_json::from_slice(&fs::read(data.join(NOTE)).ok()?).ok()
}

/// Somebody has seen what was done: it is kept all the same.
///
/// # Errors
/// The disk refuses.
pub fn seen(data: &Path) -> io::Result<()> {
    match told(data) {
        Some(note) => {
            let text = serde_json::to_vec_pretty(&MendNote { seen: true, ..note })?;
            replace(&data.join(NOTE), &text, 0o600)
        }
        None => Ok(()),
    }
}

/// `step` hears of every change before it is made.
pub(super) fn carry_out(
    data: &Path,
    now: UnixMs,
    step: &mut dyn FnMut(&str) -> io::Result<()>,
) -> Result<Option<MendNote>, SpareError> {
    let mending = data.join(MENDING);
    let planned = fs::read(mending.join(PLAN)).ok();
    let note = match planned.and_then(|text| serde_json::from_slice(&text).ok()) {
        Some(note) => note,
        None => {
            fs::remove_dir_all(&mending).or_else(absent)?;
            let Some(why) = wrong(data)? else { return Ok(None) };
            tracing::error!(why, "the database cannot be used: a copy takes its place");
            prepare(data, why, now, step)?
        }
    };
    swap(data, &note, step)?;
    match note.as_of {
        Some(at) => tracing::error!(as_of = %at.rfc3339(), kept = note.kept_in,
            "the database is a copy: people and settings are as of then, recordings are all there"),
        None => tracing::error!(
            kept = note.kept_in,
            "no copy of the database is left: the box begins anew, with all its recordings"
        ),
    }
    Ok(Some(note))
}

/// What is wrong with the database, if anything is.
fn wrong(data: &Path) -> Result<Option<String>, StoreError> {
    Ok(match store::database_state(&data.join(DATABASE))? {
        DatabaseState::Good => None,
        DatabaseState::Damaged(why) => Some(why),
        DatabaseState::Missing => is_used(data).then(|| "it is gone, or empty".to_owned()),
    })
}

/// The box is not a new one: it has copies, an owner or recordings. Once it has begun anew, and said so, it is new
/// until it has a database.
fn is_used(data: &Path) -> bool {
    let recorded =
        || fs::read_dir(data.join("recordings")).is_ok_and(|mut all| all.next().is_some());
    let begun_anew = || told(data).is_some_and(|note| note.as_of.is_none());
    !copies(data).is_empty() || ((owner::is_known(data) || recorded()) && !begun_anew())
}

/// Everything that may take the database's place, best first.
fn copies(data: &Path) -> Vec<PathBuf> {
    let spares = all(data).into_iter().rev().map(|spare| spare.path);
    spares.chain(store::database_before(&data.join(DATABASE))).collect()
}

/// Puts the newest copy that is whole together, and plans.
fn prepare(
    data: &Path,
    why: String,
    now: UnixMs,
    step: &mut dyn FnMut(&str) -> io::Result<()>,
) -> Result<MendNote, SpareError> {
    let mending = data.join(MENDING);
    fs::create_dir_all(&mending)?;
    let mut note = MendNote {
        at: now,
        why,
        as_of: None,
        kept_in: kept_in(data, now),
        owned: owner::is_known(data),
        seen: false,
        people: 0,
        rooms: 0,
        recordings: 0,
    };
    let (staged, mut newer) = (mending.join(DATABASE), false);
    for copy in copies(data) {
        step("copy")?;
        let made = changed_at(&copy);
        match fs::copy(&copy, &staged) {
            // There is no room for two: it becomes the database itself.
            Err(error) if error.kind() == ErrorKind::StorageFull => {
                clear(&staged)?;
                fs::rename(&copy, &staged)?;
            }
            copied => drop(copied?),
        }
        match store::database_mend(&staged) {
            Ok(look) => {
                note.as_of = Some(made);
                (note.owned, note.people, note.rooms) = (look.owned, look.people, look.rooms);
                note.recordings = look.recordings.len() as u64;
                break;
            }
            Err(StoreError::Newer { .. }) => newer = true,
            Err(error) if store::says_damaged(&error) => {
                tracing::warn!(copy = %copy.display(), %error, "a copy is damaged, too");
            }
            Err(error) => return Err(error.into()),
        }
        clear(&staged)?;
    }
    if newer && note.as_of.is_none() {
        return Err(SpareError::OnlyNewer { why: note.why });
    }
    synced(&mending)?;
    synced(data)?;
    step("plan")?;
    let text = serde_json::to_vec_pretty(&note).map_err(io::Error::from)?;
    replace(&mending.join(PLAN), &text, 0o600)?;
    Ok(note)
}

/// A folder that is not there, named by time: a clock that jumps back must not mix two of them.
fn kept_in(data: &Path, now: UnixMs) -> String {
    let time = now.rfc3339().replace([':', '-'], "");
    let names = std::iter::once(time.clone()).chain((2..).map(|n: u32| format!("{time}-{n}")));
    let mut free = names.map(|name| format!("{DAMAGED}/{name}"));
    free.find(|name| !data.join(name).exists()).unwrap_or_default()
}

fn swap(
    data: &Path,
    note: &MendNote,
    step: &mut dyn FnMut(&str) -> io::Result<()>,
) -> io::Result<()> {
    let (mending, kept) = (data.join(MENDING), data.join(&note.kept_in));
    let (staged, own) = (mending.join(DATABASE), data.join(DATABASE));
    if note.as_of.is_none() || staged.exists() {
        step("folder")?;
        fs::create_dir_all(&kept)?;
        for ending in ["-wal", "-shm", ""] {
            let name = format!("{DATABASE}{ending}");
            if data.join(&name).exists() {
                step("aside")?;
                fs::rename(data.join(&name), kept.join(&name))?;
            }
        }
        synced(&kept)?;
        synced(&data.join(DAMAGED))?;
        synced(data)?;
    }
    if staged.exists() {
        step("place")?;
        fs::rename(&staged, &own)?;
        synced(data)?;
    }
    step("note")?;
    replace(&data.join(NOTE), &serde_json::to_vec_pretty(note)?, 0o600)?;
    step("end")?;
    // First the plan: what lies there without one is nothing.
    fs::remove_file(mending.join(PLAN)).or_else(absent)?;
    synced(&mending)?;
    step("rest")?;
    fs::remove_dir_all(&mending).or_else(absent)?;
    forget_old(data, &kept)
}

/// The newest that were put aside stay, and the one of now.
fn forget_old(data: &Path, now: &Path) -> io::Result<()> {
    let entries = fs::read_dir(data.join(DAMAGED)).into_iter().flatten().flatten();
    let mut others: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path != now).collect();
    others.sort();
    for old in others.iter().rev().skip(MOST_DAMAGED - 1) {
        fs::remove_dir_all(old).or_else(absent)?;
    }
    Ok(())
}

fn synced(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
