//! Makes a backup: a copy of the database and the keys, manifest, tar, age, and its name when it is whole.

use super::archive::{self, DATABASE, FORMAT, KEYS, Listed, Manifest};
use super::contents::{INSIDE, OUTSIDE};
use super::seal::{self, Passphrase};
use super::{
    BUFFER, BackupError, BackupFile, BackupWork, Backups, MADE, PARTIAL, SCRATCH, apart, blocking,
};
use crate::clock::UnixMs;
use crate::store;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Backups {
    /// Begins to make a backup; the one before is forgotten when it is whole.
    ///
    /// # Errors
    /// The passphrase is too short, or something is being done already.
    pub fn make(self: &Arc<Self>, passphrase: String) -> Result<(), BackupError> {
        let passphrase = Passphrase::chosen(passphrase)?;
        let turn = self.begin(BackupWork::Making)?;
        self.state().failed = None;
        // Nobody waits for it: how it ended is in the view.
        drop(apart(move || {
            let backups = turn.0.clone();
            let made = backups.folder(MADE);
            match backups.unless_cancelled(backups.made(&passphrase, &made)) {
                Err(BackupError::Cancelled) => {}
                Ok(made) => {
                    tracing::info!(bytes = made.bytes, "a backup was made");
                    backups.state().made = Some(made);
                }
                Err(error) => {
                    tracing::error!(%error, "no backup could be made");
                    backups.state().failed = Some(error.to_string());
                }
            }
            drop(turn);
            Ok(())
        })?);
        Ok(())
    }

    /// Makes a backup that the box wants by itself, as a file of this name.
    ///
    /// # Errors
    /// It cannot be made, or something is being done already. There is no file then.
    pub(crate) async fn make_at(
        self: &Arc<Self>,
        passphrase: String,
        path: PathBuf,
    ) -> Result<BackupFile, BackupError> {
        let turn = self.begin(BackupWork::Keeping)?;
        let passphrase = Passphrase::typed(passphrase);
        blocking(move || turn.0.unless_cancelled(turn.0.made(&passphrase, &path))).await
    }

    fn made(&self, passphrase: &Passphrase, path: &Path) -> Result<BackupFile, BackupError> {
        let (scratch, partial) = (self.folder(SCRATCH), self.folder(PARTIAL));
        let own = self.data.join(DATABASE);
        // Its copy, and that encrypted.
        let wanted = fs::metadata(&own)?.len().saturating_mul(2);
        self.fits(wanted)?;
        let copied = store::database_copy(&own, &scratch.join(DATABASE));
        copied.map_err(BackupError::Database)?;
        self.go_on()?;
        fs::create_dir(scratch.join(archive::SECRETS))?;
        let mut files = vec![Listed::of(&scratch, DATABASE)?];
        for key in KEYS.into_iter().filter(|key| self.data.join(key).exists()) {
            fs::copy(self.data.join(key), scratch.join(key))?;
            files.push(Listed::of(&scratch, key)?);
        }
        let manifest = self.manifest(files);
        let total = manifest.files.iter().map(|listed| listed.bytes).sum();
        self.total.store(total, Ordering::Relaxed);
        let sealed =
            seal::sealed(passphrase, BufWriter::with_capacity(BUFFER, File::create(&partial)?))?;
        let told = |done| {
            self.done.store(done, Ordering::Relaxed);
            self.go_on()
        };
        let sealed = archive::write(&manifest, &scratch, sealed, &told)?;
        let mut file = sealed.finish()?;
        file.flush()?;
        let file = file.into_inner().map_err(|error| error.into_error())?;
        file.sync_all()?;
        self.settle()?;
        fs::rename(&partial, path)?;
        File::open(path.parent().unwrap_or(&self.data))?.sync_all()?;
        let name = file_name(&manifest);
        Ok(BackupFile { name, bytes: file.metadata()?.len(), at: manifest.made_at })
    }

    pub(super) fn manifest(&self, files: Vec<Listed>) -> Manifest {
        Manifest {
            format: FORMAT,
            schema: store::schema_known(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            box_id: self.identity.id().to_owned(),
            box_name: self.identity.name(),
            made_at: UnixMs::now(),
            inside: INSIDE.iter().map(|part| part.what.to_owned()).collect(),
            outside: OUTSIDE.iter().map(|part| format!("{}: {}", part.what, part.why)).collect(),
            files,
        }
    }
}

/// `roombox-hall-20261125-1405.age`: letters that every file system takes.
fn file_name(manifest: &Manifest) -> String {
    let letters = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = manifest.box_name.chars().take(40).map(letters).collect();
    let at = manifest.made_at.minute().replace(['-', ':'], "").replace(' ', "-");
    format!("roombox-{}-{at}.age", name.trim_matches('-'))
}
