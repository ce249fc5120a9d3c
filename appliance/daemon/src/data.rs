//! The data folder: one daemon's at a time, and nobody else's to read.

use anyhow::{Context, bail};
use roombox_control::backup::{self, Restored};
use rustix::fs::Mode;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// Held for as long as a daemon lives; the kernel lets it go when the daemon is killed.
const LOCK: &str = "lock";
/// What SQLite keeps beside the database.
const DATABASE: [&str; 3] = ["roombox.db", "roombox.db-wal", "roombox.db-shm"];

/// The data folder, ours until this is dropped.
#[derive(Debug)]
pub struct DataFolder {
    _lock: File,
}

/// Files that this process makes from now on are its user's alone. Before any thread starts: the
/// mask is the whole process's.
pub fn keep_private() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

impl DataFolder {
    /// Makes the folder if there is none, and takes it. Nothing in it may be touched before.
    ///
    /// # Errors
    /// It is no folder, cannot be written to, or another daemon has it.
    pub fn take(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        if path.exists() && !path.is_dir() {
            bail!("--data {shown} is a file; it must be a folder");
        }
        fs::create_dir_all(path).with_context(|| format!("cannot make the data folder {shown}"))?;
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join(LOCK))
            .with_context(|| format!("cannot write to the data folder {shown}{}", whose(path)))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let holder = match lock.read_to_string(&mut pid) {
                    Ok(_) if !pid.trim().is_empty() => format!(" (process {})", pid.trim()),
                    _ => String::new(),
                };
                bail!(
                    "another roomboxd{holder} uses the data folder {shown}: stop it, or choose \
                     another folder with --data"
                );
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock the data folder {shown}"));
            }
        }
        let noted = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
        noted.with_context(|| format!("cannot write to the data folder {shown}"))?;
        close_to_others(path)?;
        Ok(Self { _lock: lock })
    }
}

/// After the last word of the database: its file is whole without its log, for whoever copies it while the box is off.
pub fn fold_log(data: &Path) {
    let [database, ..] = DATABASE;
    match roombox_control::store::fold_log(&data.join(database)) {
        Ok(()) => {}
        // The next start reads the log as it always did.
        Err(error) => tracing::warn!(%error, "the database's log stays beside it"),
    }
}

/// Puts a restored box into its place, or says why not. Before anything of the folder is opened.
///
/// # Errors
/// The disk refuses: nothing may be opened.
pub fn restored(data: &Path) -> anyhow::Result<Option<Restored>> {
    let restored = backup::at_start(data).context(
        "a restore can neither be finished nor taken back: the disk refuses. The next start tries again",
    )?;
    match &restored {
        Some(Restored::Done(note)) => {
            tracing::warn!(backup_of = note.box_name, undone = note.undone, "the box was restored");
        }
        Some(Restored::GivenUp(given_up)) => tracing::error!(
            backup_of = given_up.note.box_name,
            why = given_up.why,
            "a restore was given up: the box is as it was before"
        ),
        None => {}
    }
    Ok(restored)
}

/// Keys and passwords' hashes are in the database: one that is open to others is closed. The folder
/// itself may be open because its owner wants it so.
fn close_to_others(path: &Path) -> anyhow::Result<()> {
    for name in DATABASE {
        let file = path.join(name);
        match fs::set_permissions(&file, Permissions::from_mode(0o600)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot close {}", file.display()));
            }
            _ => {}
        }
    }
    let mode = fs::metadata(path).map_or(0, |folder| folder.mode());
    if mode & 0o077 != 0 {
        tracing::warn!(folder = %path.display(), mode = format!("{:o}", mode & 0o777),
            "other users of this machine can look into the data folder: chmod 700 closes it");
    }
    Ok(())
}

/// Why a folder may refuse us, for who reads the error.
fn whose(path: &Path) -> String {
    let (us, folder) = (rustix::process::geteuid().as_raw(), fs::metadata(path));
    match folder {
        Ok(folder) if folder.uid() != us && us != 0 => {
            format!(": it belongs to user {}, and this is user {us}", folder.uid())
        }
        _ => String::new(),
    }
}
