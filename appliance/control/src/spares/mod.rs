//! Spare copies of the database on the box's own disk, and what takes its place if it is damaged at a start.
//!
//! ```text
//! each day ─▶ spares/partial (whole, checked, durable) ─▶ spares/0000000012.db     the newest 7 stay
//!          └▶ spares/owner.json: who owns the box, for when no copy is left
//! start ─ is it whole? ─┬ yes ─▶ open
//!                       └ no ──▶ what was: damaged/TIME ─▶ the newest copy that is whole, or nothing
//! ```
//! A copy is no backup: it goes with the disk. It has no sessions, so that nobody comes back in by one.

mod boot;
mod diary;
mod owner;

pub use boot::{MendNote, at_start, seen, told};
pub use owner::come_back;

use crate::backup::Reserve;
use crate::clock::{Ticks, UnixMs};
use crate::files::absent;
use crate::store::{self, Store, StoreError};
use diary::Diary;
use roombox_capture::disk::free_space;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const DATABASE: &str = "roombox.db";
/// The folder of the copies.
pub(crate) const SPARES: &str = "spares";
const PARTIAL: &str = "partial";
/// So many stay: what nobody saw for a week is rarely missed after that.
const KEPT: usize = 7;
/// Left free on the disk beside a copy, bytes: a box without any room does not even sign people in.
const MARGIN: u64 = 64 * 1024 * 1024;
const LOOK: Duration = Duration::from_secs(60);

/// Why there is no spare copy, or none that can be put back.
#[derive(Debug, thiserror::Error)]
pub enum SpareError {
    #[error(
        "a spare copy takes {wanted} bytes and {free} are free: delete recordings that you do not need"
    )]
    NoRoom { wanted: u64, free: u64 },
    #[error("the box's disk refuses: {0}")]
    Disk(#[from] io::Error),
    #[error(transparent)]
    Database(#[from] StoreError),
    #[error(
        "the database is damaged ({why}), and every copy of it is a newer version's: start the newer version, \
         on a box with two sides the other side. Nothing was changed"
    )]
    OnlyNewer { why: String },
}

/// Makes spare copies for as long as the box runs.
pub struct Spares {
    store: Arc<Store>,
    data: PathBuf,
    reserve: Reserve,
}

impl Spares {
    /// Of the box whose data are in this folder. `reserve` is what running recordings live from.
    pub fn new(store: Arc<Store>, data: PathBuf, reserve: Reserve) -> Arc<Self> {
        Arc::new(Self { store, data, reserve })
    }

    /// Makes one each day, and the first as soon as somebody owns the box.
    pub async fn run(self: Arc<Self>) {
        let (begun, mut diary) = (Instant::now(), Diary::default());
        let mut looks = Ticks::every(LOOK);
        loop {
            looks.tick().await;
            let owned = match owner::keep(&self.store, &self.data).await {
                Ok(owned) => owned,
                Err(error) => {
                    tracing::warn!(%error, "who owns the box is not kept beside the database");
                    continue;
                }
            };
            let newest = all(&self.data).last().map(Spare::made_at);
            let up = begun.elapsed();
            if !owned || !diary.is_due(up, newest, UnixMs::now()) {
                continue;
            }
            let me = self.clone();
            let made = tokio::task::spawn_blocking(move || me.make()).await;
            let made = made.unwrap_or_else(|error| Err(io::Error::other(error).into()));
            diary.tried(up, made.is_ok());
        }
    }

    /// Makes one now, away from what the box does meanwhile; older ones than the newest few go.
    ///
    /// # Errors
    /// The database is damaged, or there is no room: the copies that there are stay.
    pub fn make(&self) -> Result<(), SpareError> {
        let made = self.made();
        match &made {
            Ok(path) => {
                tracing::info!(copy = %path.display(), "a spare copy of the database was made")
            }
            // A full disk has an alarm of its own.
            Err(error @ SpareError::NoRoom { .. }) => {
                tracing::warn!(%error, "no spare copy of the database could be made");
            }
            Err(error) => tracing::error!(%error, "no spare copy of the database could be made"),
        }
        made.map(drop)
    }

    fn made(&self) -> Result<PathBuf, SpareError> {
        let folder = self.data.join(SPARES);
        fs::create_dir_all(&folder)?;
        let (partial, own) = (folder.join(PARTIAL), self.data.join(DATABASE));
        clear(&partial)?;
        let wanted = fs::metadata(&own)?.len().saturating_add(MARGIN);
        let free = free_space()(&self.data)?.saturating_sub((self.reserve)());
        if wanted > free {
            return Err(SpareError::NoRoom { wanted, free });
        }
        if let Err(error) = store::database_spare(&own, &partial) {
            clear(&partial)?;
            return Err(error.into());
        }
        let before = all(&self.data);
        let number = before.last().map_or(1, |spare| spare.number + 1);
        let path = folder.join(format!("{number:010}.db"));
        fs::rename(&partial, &path)?;
        File::open(&folder)?.sync_all()?;
        for old in before.iter().rev().skip(KEPT - 1) {
            if let Err(error) = fs::remove_file(&old.path) {
                tracing::warn!(copy = %old.path.display(), %error, "an old spare copy stays");
            }
        }
        Ok(path)
    }
}

/// A spare copy. Its number says how new it is, whatever the clock said.
struct Spare {
    number: u64,
    path: PathBuf,
}

impl Spare {
    fn made_at(&self) -> UnixMs {
        changed_at(&self.path)
    }
}

/// All spare copies, the oldest first.
fn all(data: &Path) -> Vec<Spare> {
    let entries = fs::read_dir(data.join(SPARES)).into_iter().flatten().flatten();
    let spare = |path: PathBuf| {
        let number = path.file_name()?.to_str()?.strip_suffix(".db")?.parse().ok()?;
        Some(Spare { number, path })
    };
    let mut all: Vec<Spare> = entries.filter_map(|entry| spare(entry.path())).collect();
    all.sort_by_key(|spare| spare.number);
    all
}

fn changed_at(path: &Path) -> UnixMs {
    let changed = fs::metadata(path).and_then(|found| found.modified()).ok();
    let since = changed.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    UnixMs(since.map_or(0, |since| since.as_millis() as u64))
}

/// Takes a database away that nobody has open, with what SQLite keeps beside it.
fn clear(path: &Path) -> io::Result<()> {
    for ending in ["", "-wal", "-shm", "-journal"] {
        fs::remove_file(beside(path, ending)).or_else(absent)?;
    }
    Ok(())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
