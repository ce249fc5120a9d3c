//! Files that a job makes. What has a final name is whole and on the disk.

use super::error::FilmError;
use super::reels::make;
use super::report::Pulse;
use roombox_jobs::spec::{FileKind, MadeFile};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Ending of files that are not whole yet.
const UNFINISHED: &str = "part";
const BUFFER: usize = 256 * 1024;

/// The folder of one job's files.
pub struct DerivedFolder {
    path: PathBuf,
    /// The same, relative to the recording's folder.
    relative: String,
    pulse: Pulse,
}

impl DerivedFolder {
    /// Makes the folder and removes what an earlier attempt left unfinished.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn open(recording: &Path, job: &str, pulse: Pulse) -> Result<Self, FilmError> {
        let relative = format!("derived/{job}");
        let path = recording.join(&relative);
        let parts = Path::new(&relative).components();
        let folders = parts.scan(recording.to_owned(), |folder, part| {
            folder.push(part);
            Some(folder.clone())
        });
        for folder in folders {
            make(&folder).map_err(|source| FilmError::Write { path: folder, source })?;
        }
        let folder = Self { path, relative, pulse };
        folder.sweep();
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes unfinished files. What cannot be removed takes room and nothing else.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.path) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|ending| ending == UNFINISHED)
                && let Err(error) = fs::remove_file(&path)
            {
                tracing::warn!(path = %path.display(), %error, "an unfinished file stays");
            }
        }
    }

    fn unfinished(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.{UNFINISHED}"))
    }

    /// A file for samples, gone when the folder is closed.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn sample_file(&self, name: &str) -> Result<SampleFile, FilmError> {
        let path = self.unfinished(name);
        let file = File::create(&path);
        let file = file.map_err(|source| FilmError::Write { path: path.clone(), source })?;
        Ok(SampleFile { path, file: BufWriter::with_capacity(BUFFER, file) })
    }

    /// Makes a file: written under another name, made durable, then named.
    ///
    /// # Errors
    /// `fill` fails or the disk refuses; there is no file of that name then, or the old one.
    pub fn publish(
        &self,
        name: &str,
        kind: FileKind,
        fill: impl FnOnce(&mut Hashing) -> io::Result<()>,
    ) -> Result<MadeFile, FilmError> {
        let (unfinished, path) = (self.unfinished(name), self.path.join(name));
        let write = || -> io::Result<(u64, String)> {
            let file = File::create(&unfinished)?;
            let file = BufWriter::with_capacity(BUFFER, file);
            let mut out = Hashing { file, hash: Sha256::new(), bytes: 0 };
            fill(&mut out)?;
            let Hashing { file, hash, bytes } = out;
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            self.pulse.during(|| file.sync_all())?;
            fs::rename(&unfinished, &path)?;
            File::open(&self.path)?.sync_all()?;
            Ok((bytes, hex(hash)))
        };
        let (bytes, sha256) =
            write().map_err(|source| FilmError::Write { path: path.clone(), source })?;
        Ok(MadeFile { kind, path: format!("{}/{name}", self.relative), bytes, sha256 })
    }
}

impl Drop for DerivedFolder {
    fn drop(&mut self) {
        self.sweep();
        // Fails, as it should, unless nothing was made.
        let _ = fs::remove_dir(&self.path);
    }
}

/// A sum as receipts have it.
pub fn hex(sum: Sha256) -> String {
    sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file that is hashed while it is written.
pub struct Hashing {
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Samples of one track, one after another, until the file's head is known.
pub struct SampleFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl SampleFile {
    /// # Errors
    /// The disk refuses.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FilmError> {
        let written = self.file.write_all(bytes);
        written.map_err(|source| FilmError::Write { path: self.path.clone(), source })
    }

    /// The samples from the first one on; more may not be written while it is read.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn reader(&mut self) -> Result<BufReader<File>, FilmError> {
        let open = self.file.flush().and_then(|()| File::open(&self.path));
        let file = open.map_err(|source| FilmError::Write { path: self.path.clone(), source })?;
        Ok(BufReader::with_capacity(BUFFER, file))
    }

    /// All that was written, to be read at any place; it is gone with the folder.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn written(mut self) -> Result<File, FilmError> {
        self.reader().map(BufReader::into_inner)
    }
}
