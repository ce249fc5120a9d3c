//! The few things that recording asks of a disk: create, write in place, make durable, replace,
//! take back.
//!
//! It knows nothing of media. It is a trait because its promises are the recorder's safety: the
//! power-cut tests put a disk in its place that keeps only what was made durable.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// A file that grows while somebody else makes it durable.
pub trait StoredFile: Send + Sync {
    /// Writes all pieces, one after the other, from `offset` on.
    ///
    /// # Errors
    /// The disk refuses; the pieces may be there in part.
    fn write_at(&self, pieces: &[&[u8]], offset: u64) -> io::Result<()>;

    /// Cuts the file to a length.
    ///
    /// # Errors
    /// The disk refuses.
    fn set_len(&self, length: u64) -> io::Result<()>;

    /// Waits until everything written before is durable (fdatasync(2)).
    ///
    /// # Errors
    /// The disk refuses: what was written since the last time may be lost.
    fn sync(&self) -> io::Result<()>;
}

/// A disk.
pub trait Storage: Send + Sync {
    /// Makes a file that must not exist.
    ///
    /// # Errors
    /// It exists, or the disk refuses.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>>;

    /// Opens or makes a file, and says how long it is.
    ///
    /// # Errors
    /// The disk refuses.
    fn extend(&self, path: &Path) -> io::Result<(Arc<dyn StoredFile>, u64)>;

    /// Puts a whole new content in a file's place, durably: at no moment is there half of one.
    ///
    /// # Errors
    /// The disk refuses; the old content stays.
    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()>;

    /// Takes a file away.
    ///
    /// # Errors
    /// There is none, or the disk refuses.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes a folder and its parents; those that exist are fine.
    ///
    /// # Errors
    /// The disk refuses.
    fn make_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// The disk refuses.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
}

/// The box's own file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalDisk;

pub(crate) struct LocalFile(pub(crate) File);

impl StoredFile for LocalFile {
    fn write_at(&self, pieces: &[&[u8]], offset: u64) -> io::Result<()> {
        let slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut written = rustix::io::pwritev(&self.0, &slices, offset)?;
        // A full disk or a signal stops in the middle: the rest goes the slow way, or fails.
        let mut at = offset;
        for piece in pieces {
            let done = written.min(piece.len());
            self.0.write_all_at(&piece[done..], at + done as u64)?;
            written -= done;
            at += piece.len() as u64;
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

impl Storage for LocalDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(Arc::new(LocalFile(file)))
    }

    fn extend(&self, path: &Path) -> io::Result<(Arc<dyn StoredFile>, u64)> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        let length = file.metadata()?.len();
        Ok((Arc::new(LocalFile(file)), length))
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let mut file = File::create(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        path.parent().map_or(Ok(()), |folder| self.sync_folder(folder))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

/// What a test does where files are opened.
#[cfg(test)]
pub(crate) trait Opening: Send + Sync {
    fn before(&self) {}

    fn created(&self, file: Arc<dyn StoredFile>) -> Arc<dyn StoredFile> {
        file
    }
}

/// The box's disk, watched by a test.
#[cfg(test)]
pub(crate) struct WatchedDisk<W>(pub Arc<W>);

#[cfg(test)]
impl<W: Opening> Storage for WatchedDisk<W> {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        self.0.before();
        Ok(self.0.created(LocalDisk.create(path)?))
    }

    fn extend(&self, path: &Path) -> io::Result<(Arc<dyn StoredFile>, u64)> {
        self.0.before();
        LocalDisk.extend(path)
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        LocalDisk.replace(path, content)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        LocalDisk.remove(path)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        LocalDisk.make_folder(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        LocalDisk.sync_folder(path)
    }
}
