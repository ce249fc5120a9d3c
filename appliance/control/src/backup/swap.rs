//! Puts a restored box into the place of the old one, at a start and before anything is open.
//!
//! ```text
//! restore/staged (whole, durable) ─ plan ─▶ aside: old files ──▶ restore/before
//!                                           place: new files ──▶ their places
//!                                           keep:  restore/before ──▶ before-restore
//! ```
//! The plan says how far it is, and every move is one that can be made again: whenever the power goes, the
//! next start goes on, and nothing is opened before the end. Without a plan what lies in `restore` was
//! never finished, and goes. Recordings are touched by none of it.
//!
//! What the disk refuses half-way (it is full) is taken back, by moves alone, which need no room:
//!
//! ```text
//! plan ─ renamed ─▶ unplace: new files ──▶ restore/staged ─ renamed ─▶ unaside: old files ──▶ their places
//! ```

use super::archive::{DATABASE, SECRETS};
use super::error::BackupError;
use crate::clock::UnixMs;
use crate::files::{absent, replace};
use crate::spares::SPARES;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use utoipa::ToSchema;

const RESTORE: &str = "restore";
const STAGED: &str = "staged";
const BEFORE: &str = "before";
const PLAN: &str = "plan.json";
/// A plan that is being taken back: what was placed goes away again,
const UNPLACE: &str = "unplace.json";
/// and what was put aside comes back.
const UNASIDE: &str = "unaside.json";
const ABOUT: &str = "about.json";
/// What was there before the last restore.
const KEPT: &str = "before-restore";
/// By which the fleet's hub is told of a database from another time; it never comes back.
const MARK: &str = "epoch.mark";
/// nats-server's folder: nothing in it is the only copy, and it may be another box's.
const NATS: &str = "nats";

/// Whose box it is after a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RestoreAs {
    /// This box stays itself: id, name, key, certificate authority and place in the fleet.
    Itself,
    /// This box becomes the one that the backup is of, which must not run any more.
    TakeOver,
}

/// What a restore did, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RestoreNote {
    pub at: UnixMs,
    /// Of the backup; for one that was taken back, of what was before.
    pub box_name: String,
    pub made_at: UnixMs,
    pub restored_as: RestoreAs,
    /// A restore was taken back.
    pub undone: bool,
}

/// What a start has made of a planned restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restored {
    Done(RestoreNote),
    GivenUp(GivenUpRestore),
}

/// A restore that the disk refused at a start: the box is as it was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUpRestore {
    /// What was to be restored.
    pub note: RestoreNote,
    /// Why not, in English.
    pub why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    /// What was before a restore becomes what is to be placed.
    Adopt,
    Aside,
    Place,
    Keep,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Plan {
    phase: Phase,
    note: RestoreNote,
    /// The keys are replaced, too.
    keys: bool,
}

impl Plan {
    /// What is replaced.
    fn names(&self) -> Vec<String> {
        let database = ["", "-wal", "-shm"].map(|ending| format!("{DATABASE}{ending}"));
        database.into_iter().chain(self.keys.then(|| SECRETS.to_owned())).collect()
    }
}

/// What is written beside what was before.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    note: RestoreNote,
    keys: bool,
    /// From when on its days are counted: the first look at it by a clock that can be believed.
    #[serde(default)]
    counted_from: Option<UnixMs>,
}

/// Where a restored box is put together; empty.
///
/// # Errors
/// The folder cannot be made, or a plan waits for a restart already.
pub fn stage(data: &Path) -> Result<PathBuf, BackupError> {
    let folder = data.join(RESTORE);
    if folder.join(PLAN).exists() {
        return Err(BackupError::Restarting);
    }
    fs::remove_dir_all(&folder).or_else(absent)?;
    let staged = folder.join(STAGED);
    fs::create_dir_all(&staged)?;
    Ok(staged)
}

/// Gives up what was staged.
pub fn unstage(data: &Path) {
    let folder = data.join(RESTORE);
    if !folder.join(PLAN).exists()
        && let Err(error) = fs::remove_dir_all(&folder).or_else(absent)
    {
        tracing::warn!(%error, "half a restore stays until the next start");
    }
}

/// What is staged takes the place of the old at the next start.
///
/// # Errors
/// The plan cannot be kept.
pub fn plan(data: &Path, note: RestoreNote) -> Result<(), BackupError> {
    let folder = data.join(RESTORE);
    let keys = folder.join(STAGED).join(SECRETS).is_dir();
    synced(&folder.join(STAGED))?;
    synced(&folder)?;
    synced(data)?;
    put_plan(&folder, &Plan { phase: Phase::Aside, note, keys })?;
    Ok(())
}

/// What was before the last restore comes back at the next start.
///
/// # Errors
/// There is nothing, or the plan cannot be kept.
pub fn plan_back(data: &Path, now: UnixMs) -> Result<(), BackupError> {
    let folder = data.join(RESTORE);
    if folder.join(PLAN).exists() {
        return Err(BackupError::Restarting);
    }
    let about = about(data).ok_or(BackupError::NothingBefore)?;
    fs::remove_dir_all(&folder).or_else(absent)?;
    fs::create_dir(&folder)?;
    synced(data)?;
    let note = RestoreNote { at: now, undone: true, ..about.note };
    put_plan(&folder, &Plan { phase: Phase::Adopt, note, keys: about.keys })?;
    Ok(())
}

/// A plan waits for a restart.
pub fn waits(data: &Path) -> bool {
    data.join(RESTORE).join(PLAN).exists()
}

/// The last restore, while what was before it is kept, and from when on its days are counted.
pub fn kept(data: &Path) -> Option<(RestoreNote, Option<UnixMs>)> {
    about(data).map(|about| (about.note, about.counted_from))
}

/// Counts the days of what was before from now on.
///
/// # Errors
/// There is nothing, or the disk refuses.
pub fn count_from(data: &Path, now: UnixMs) -> Result<(), BackupError> {
    let about = about(data).ok_or(BackupError::NothingBefore)?;
    let about = About { counted_from: Some(now), ..about };
    let text = serde_json::to_vec_pretty(&about).map_err(io::Error::from)?;
    Ok(replace(&data.join(KEPT).join(ABOUT), &text, 0o600)?)
}

/// Forgets what was before the last restore.
///
/// # Errors
/// There is nothing, or it cannot be taken away.
pub fn forget(data: &Path) -> Result<(), BackupError> {
    about(data).ok_or(BackupError::NothingBefore)?;
    Ok(fs::remove_dir_all(data.join(KEPT)).or_else(absent)?)
}

fn about(data: &Path) -> Option<About> {
    serde_json::from_slice(&fs::read(data.join(KEPT).join(ABOUT)).ok()?).ok()
}

/// Finishes what was planned, before anything of the data folder is opened, or takes it back where the disk
/// refuses: what has become of it, if something was planned.
///
/// # Errors
/// The disk refuses that, too. Nothing may be opened then: the next start goes on.
pub fn at_start(data: &Path) -> Result<Option<Restored>, BackupError> {
    Ok(settle(data, &mut |_| Ok(()))?)
}

fn settle(
    data: &Path,
    step: &mut dyn FnMut(&str) -> io::Result<()>,
) -> io::Result<Option<Restored>> {
    let given_up = |note, why| Some(Restored::GivenUp(GivenUpRestore { note, why }));
    if let Some(note) = take_back(data, step)? {
        // The power went meanwhile, and with it the reason.
        return Ok(given_up(note, "the disk had no room for it".to_owned()));
    }
    let refused = match carry_out(data, step) {
        Ok(done) => return Ok(done.map(Restored::Done)),
        Err(error) => error,
    };
    tracing::error!(%refused, "a restore cannot be finished: it is taken back");
    begin_back(data, step)?;
    match take_back(data, step)? {
        Some(note) => Ok(given_up(note, refused.to_string())),
        // Everything is in its place already: only what is of no use any more cannot be cleared away.
        None => Err(refused),
    }
}

/// `step` hears of every change before it is made.
fn carry_out(
    data: &Path,
    step: &mut dyn FnMut(&str) -> io::Result<()>,
) -> io::Result<Option<RestoreNote>> {
    let folder = data.join(RESTORE);
    let text = match fs::read(folder.join(PLAN)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if folder.exists() {
                tracing::warn!("a restore was begun and never finished: the box is as it was");
                cleared(&folder);
            }
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut plan: Plan = serde_json::from_slice(&text)?;
    let (staged, before, kept) = (folder.join(STAGED), folder.join(BEFORE), data.join(KEPT));
    let names = plan.names();
    if plan.phase == Phase::Adopt {
        if kept.exists() {
            step("adopt")?;
            fs::rename(&kept, &staged)?;
            synced(data)?;
        }
        advance(&folder, &mut plan, Phase::Aside, step)?;
    }
    if plan.phase == Phase::Aside && !before.exists() && !staged.join(DATABASE).exists() {
        // Nothing was moved yet, and there is nothing to put into the place of what is here.
        tracing::error!("what was to be restored is not there any more: the box stays as it is");
        fs::remove_dir_all(&folder).or_else(absent)?;
        return Ok(None);
    }
    if plan.phase == Phase::Aside {
        step("folder")?;
        fs::create_dir_all(&before)?;
        for name in names.iter().map(String::as_str).chain([MARK]) {
            moved(&data.join(name), &before.join(name), step)?;
        }
        synced(&before)?;
        synced(data)?;
        advance(&folder, &mut plan, Phase::Place, step)?;
    }
    if plan.phase == Phase::Place {
        for name in &names {
            moved(&staged.join(name), &data.join(name), step)?;
        }
        synced(data)?;
        advance(&folder, &mut plan, Phase::Keep, step)?;
    }
    if before.exists() {
        let about = About { note: plan.note.clone(), keys: plan.keys, counted_from: None };
        step("about")?;
        replace(&before.join(ABOUT), &serde_json::to_vec_pretty(&about)?, 0o600)?;
        step("older")?;
        fs::remove_dir_all(&kept).or_else(absent)?;
        step("kept")?;
        fs::rename(&before, &kept)?;
        synced(data)?;
    }
    // And copies of the database that is not the box's any more, and who owned that. Out of their places they are
    // nothing, even where the disk does not let go of them.
    for name in [NATS, SPARES] {
        moved(&data.join(name), &folder.join(name), step)?;
    }
    synced(&folder)?;
    synced(data)?;
    step("plan")?;
    // First the plan: what lies there without one is nothing.
    fs::remove_file(folder.join(PLAN))?;
    synced(&folder)?;
    step("rest")?;
    cleared(&folder);
    Ok(Some(plan.note))
}

/// Takes away what is nothing any more. What the disk does not let go of keeps no box from starting: the next
/// start tries again.
fn cleared(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder).or_else(absent) {
        tracing::warn!(path = %folder.display(), %error, "what is left of a restore stays here");
    }
}

/// Begins to take a plan back, if that can still be done. The plan's new name says so: a full disk has room for
/// that.
fn begin_back(data: &Path, step: &mut dyn FnMut(&str) -> io::Result<()>) -> io::Result<()> {
    let folder = data.join(RESTORE);
    let text = match fs::read(folder.join(PLAN)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        text => text?,
    };
    let plan: Plan = serde_json::from_slice(&text)?;
    let back = match plan.phase {
        Phase::Adopt | Phase::Aside => UNASIDE,
        Phase::Place => UNPLACE,
        Phase::Keep if folder.join(BEFORE).exists() => UNPLACE,
        Phase::Keep => return Ok(()),
    };
    step("back")?;
    fs::rename(folder.join(PLAN), folder.join(back))?;
    synced(&folder)
}

/// Takes back what was begun: the plan's note; `None`: nothing is to be taken back.
fn take_back(
    data: &Path,
    step: &mut dyn FnMut(&str) -> io::Result<()>,
) -> io::Result<Option<RestoreNote>> {
    let folder = data.join(RESTORE);
    let (unplace, unaside) = (folder.join(UNPLACE), folder.join(UNASIDE));
    let (staged, before, kept) = (folder.join(STAGED), folder.join(BEFORE), data.join(KEPT));
    let text = match fs::read(&unplace).or_else(|_| fs::read(&unaside)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let plan: Plan = serde_json::from_slice(&text)?;
    let names = plan.names();
    if unplace.exists() {
        // Nothing comes back before all of this is away: so what lies in a place is what was put there.
        for name in &names {
            moved(&data.join(name), &staged.join(name), step)?;
        }
        synced(&staged)?;
        synced(data)?;
        step("unplaced")?;
        fs::rename(&unplace, &unaside)?;
        synced(&folder)?;
    }
    for name in names.iter().map(String::as_str).chain([MARK]) {
        moved(&before.join(name), &data.join(name), step)?;
    }
    synced(data)?;
    // What a way back was to bring can be brought another time.
    if plan.note.undone && staged.join(ABOUT).exists() {
        step("kept")?;
        fs::rename(&staged, &kept)?;
        synced(data)?;
    }
    step("end")?;
    fs::remove_file(&unaside)?;
    synced(&folder)?;
    step("rest")?;
    fs::remove_dir_all(&folder).or_else(absent)?;
    Ok(Some(plan.note))
}

fn advance(
    folder: &Path,
    plan: &mut Plan,
    phase: Phase,
    step: &mut dyn FnMut(&str) -> io::Result<()>,
) -> io::Result<()> {
    step("advance")?;
    plan.phase = phase;
    put_plan(folder, plan)
}

fn put_plan(folder: &Path, plan: &Plan) -> io::Result<()> {
    replace(&folder.join(PLAN), &serde_json::to_vec_pretty(plan)?, 0o600)
}

/// Moves what is there; what is not was moved before.
fn moved(from: &Path, to: &Path, step: &mut dyn FnMut(&str) -> io::Result<()>) -> io::Result<()> {
    if !from.exists() {
        return Ok(());
    }
    step("move")?;
    fs::rename(from, to)
}

fn synced(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
