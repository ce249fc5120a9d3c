//! Files of a loan on the disk: what goes out, and what comes in.
//!
//! A made file has another name until all of them are here and are what was promised; a worker of this
//! box that takes the job up takes away what is not whole.

use super::LoanFile;
use crate::error::ControlError;
use crate::files::{absent, digest};
use crate::fleet::FleetError;
use crate::jobs::Attempt;
use roombox_jobs::spec::MadeFile;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, SeekFrom};
use std::path::{Component, Path, PathBuf};
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::sync::OwnedMutexGuard;

/// Folders of a recording in which is what was made of it.
const MADE: [&str; 2] = ["derived", "ahead"];
/// Ending of what is not whole yet, as workers name it.
const UNFINISHED: &str = "part";

/// All files of a recording, but what was made of it.
pub(super) fn list(folder: &Path) -> Result<Vec<LoanFile>, ControlError> {
    let (mut files, mut left) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(&next).map_err(ControlError::Files)? {
            let entry = entry.map_err(ControlError::Files)?;
            let path = entry.path();
            let Some(name) = path.strip_prefix(folder).ok().and_then(Path::to_str) else {
                continue;
            };
            // Not through links: what is outside is nobody's.
            let meta = entry.metadata().map_err(ControlError::Files)?;
            if meta.is_dir() && !MADE.contains(&name) {
                left.push(path);
            } else if meta.is_file() {
                files.push(LoanFile { name: name.to_owned(), bytes: meta.len() });
            }
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// Where a made file lies until all are here. `name` is its path as receipts have it.
///
/// The attempt is in it: what an earlier borrower still sends goes elsewhere.
pub(super) fn part(
    folder: &Path,
    Attempt { job, number }: &Attempt,
    name: &str,
) -> Result<PathBuf, ControlError> {
    let wrong = || FleetError::LoanReceipt(format!("{name:?} is no file of this job"));
    let own = name.strip_prefix("derived/").and_then(|name| name.strip_prefix(job));
    let own = own.and_then(|name| name.strip_prefix('/')).ok_or_else(wrong)?;
    let mut parts = Path::new(own).components();
    let plain = matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none();
    if !plain || own.len() > 200 || own.contains(['\\', '\0']) {
        return Err(wrong().into());
    }
    Ok(folder.join("derived").join(job).join(format!("{own}.{number}.{UNFINISHED}")))
}

/// Takes away what an earlier loan of the job left unfinished.
pub(super) fn sweep(folder: &Path, job: &str) -> Result<(), ControlError> {
    let own = folder.join("derived").join(job);
    unfinished(&own)
        .and_then(|mut paths| paths.try_for_each(fs::remove_file))
        .map_err(ControlError::Files)
}

/// What has come of other files than this one, bytes.
pub(super) fn others(part: &Path) -> Result<u64, ControlError> {
    let paths = unfinished(part.parent().unwrap_or(part)).map_err(ControlError::Files)?;
    let others = paths.filter(|path| path != part);
    Ok(others.filter_map(|path| fs::metadata(path).ok()).map(|meta| meta.len()).sum())
}

/// What is not whole yet in a job's folder, if that is there.
fn unfinished(folder: &Path) -> io::Result<impl Iterator<Item = PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        entries => Some(entries?),
    };
    let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
    Ok(paths.filter(|path| path.extension().is_some_and(|ending| ending == UNFINISHED)))
}

/// Whether all files are here and are what was promised. One that is not is taken away.
pub(super) fn check(
    folder: &Path,
    attempt: &Attempt,
    files: &[MadeFile],
) -> Result<(), ControlError> {
    let mut names = HashSet::new();
    if let Some(twice) = files.iter().find(|file| !names.insert(&file.path)) {
        return Err(FleetError::LoanReceipt(format!("{:?} is in it twice", twice.path)).into());
    }
    for file in files {
        let path = part(folder, attempt, &file.path)?;
        match synced(&path) {
            Ok(found) if found == (file.bytes, file.sha256.clone()) => {}
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(ControlError::Files(error));
            }
            _ => {
                fs::remove_file(&path).or_else(absent).map_err(ControlError::Files)?;
                return Err(FleetError::LoanFile(file.path.clone()).into());
            }
        }
    }
    Ok(())
}

/// Gives all files their names, and makes that last.
pub(super) fn adopt(
    folder: &Path,
    attempt: &Attempt,
    files: &[MadeFile],
) -> Result<(), ControlError> {
    for file in files {
        let path = part(folder, attempt, &file.path)?;
        fs::rename(&path, folder.join(&file.path)).map_err(ControlError::Files)?;
    }
    let own = folder.join("derived").join(&attempt.job);
    for folder in [&own, &folder.join("derived")] {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(ControlError::Files)?;
    }
    // What attempts of this box made ahead of it nobody needs any more.
    fs::remove_dir_all(own.join("reels")).or_else(absent).map_err(ControlError::Files)
}

/// The length and sum of what has come, which is on the disk then.
fn synced(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let sum = digest(&mut file)?;
    // It becomes the job's with its name, which must not last longer than what is in it.
    file.sync_all()?;
    Ok(sum)
}

/// A piece of a made file on its way in. What has come stays, for the next piece.
pub struct Receiving {
    file: tokio::fs::File,
    bytes: u64,
    most: u64,
    _alone: OwnedMutexGuard<()>,
}

impl Receiving {
    pub(super) async fn begin(
        part: PathBuf,
        from: u64,
        most: u64,
        alone: OwnedMutexGuard<()>,
    ) -> Result<Self, ControlError> {
        if let Some(folder) = part.parent() {
            tokio::fs::create_dir_all(folder).await.map_err(ControlError::Files)?;
        }
        let mut options = tokio::fs::OpenOptions::new();
        let opened = options.create(true).write(true).truncate(false).open(&part).await;
        let mut file = opened.map_err(ControlError::Files)?;
        let has = file.metadata().await.map_err(ControlError::Files)?.len();
        if from > has {
            return Err(FleetError::LoanOffset { has }.into());
        }
        file.set_len(from).await.map_err(ControlError::Files)?;
        file.seek(SeekFrom::Start(from)).await.map_err(ControlError::Files)?;
        Ok(Self { file, bytes: from, most, _alone: alone })
    }

    /// # Errors
    /// It is too long, or the disk refuses.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ControlError> {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.most {
            return Err(FleetError::LoanTooLong.into());
        }
        self.file.write_all(bytes).await.map_err(ControlError::Files)
    }

    /// How much has come.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn finish(mut self) -> Result<u64, ControlError> {
        self.file.flush().await.map_err(ControlError::Files)?;
        Ok(self.bytes)
    }
}
