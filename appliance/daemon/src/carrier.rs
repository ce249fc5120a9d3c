//! Carries copies of recordings, and backups: control knows the targets, delivery the ways there.

use roombox_control::clock::UnixMs;
use roombox_control::conference::Later;
use roombox_control::targets::{Carrier, Load, Place, Receipt, Rest, Secrets, Sent, Told};
use roombox_delivery::targets::{
    FolderTarget, Folders, Progress, S3Target, SendError, SftpTarget, Shipment, Target,
    WebDavTarget, check, clear, hex, send, unhex, withdraw,
};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A test is waited for by somebody.
const TEST_PATIENCE: Duration = Duration::from_secs(60);

/// Sums of tracks that are remembered until they are there. Beyond it: a track is read once more.
const SUMS: usize = 1000;

/// A file as it was when it was summed: length and time of change.
type AsItWas = (u64, Option<SystemTime>);

/// The box's way to targets.
#[derive(Debug, Default)]
pub struct CopyCarrier {
    folders: Folders,
    /// Of tracks, whose sums nobody else knows: an attempt that failed is not read anew for the next.
    sums: Mutex<HashMap<PathBuf, (AsItWas, [u8; 32])>>,
}

impl Carrier for CopyCarrier {
    fn carry(&self, load: Load, told: Told) -> Later<'_, Result<Receipt, String>> {
        Box::pin(self.carry(load, told))
    }

    fn clear(&self, rest: Rest) -> Later<'_, Result<(), String>> {
        Box::pin(async move {
            let target = target(rest.place, rest.secrets);
            let cleared = clear(&target, &self.folders, &rest.name, rest.resume.as_deref());
            cleared.await.map_err(|error| said(&error))
        })
    }

    fn withdraw(&self, sent: Sent) -> Later<'_, Result<bool, String>> {
        Box::pin(async move {
            let Sent { place, secrets, name, receipt } = sent;
            let sha256 = unhex(&receipt.sha256).ok_or("the sum of the file is damaged")?;
            let (target, was) = (target(place, secrets), (receipt.bytes, sha256));
            withdraw(&target, &self.folders, &name, was).await.map_err(|error| said(&error))
        })
    }

    fn test(&self, place: Place, secrets: Secrets) -> Later<'_, Result<Option<String>, String>> {
        Box::pin(async move {
            let target = target(place, secrets);
            match tokio::time::timeout(TEST_PATIENCE, check(&target, &self.folders)).await {
                Ok(Ok(checked)) => Ok(checked.host_key),
                Ok(Err(error)) => Err(said(&error)),
                Err(_) => Err(format!("it did not answer within {} s", TEST_PATIENCE.as_secs())),
            }
        })
    }
}

impl CopyCarrier {
    async fn carry(&self, load: Load, told: Told) -> Result<Receipt, String> {
        let unreadable = |error: io::Error| format!("the box cannot read its own file: {error}");
        let found = tokio::fs::metadata(&load.local).await.map_err(unreadable)?;
        let bytes = found.len();
        let sha256 = match load.sha256.as_deref() {
            Some(known) => unhex(known).ok_or("the sum of the file is damaged")?,
            // Of tracks nobody needed one before.
            None => {
                let as_it_is = (bytes, found.modified().ok());
                self.sum(&load.local, as_it_is).await.map_err(unreadable)?
            }
        };
        let target = target(load.place, load.secrets);
        let shipment = Shipment {
            local: &load.local,
            name: &load.name,
            bytes,
            sha256,
            resume: load.resume,
            pace: load.pace,
        };
        let told = |progress: Progress| told(progress.sent, progress.resume);
        let sent = send(&target, &self.folders, shipment, &told).await;
        sent.map_err(|error| said(&error))?;
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).remove(&load.local);
        Ok(Receipt { bytes, sha256: hex(&sha256) })
    }

    async fn sum(&self, local: &Path, as_it_is: AsItWas) -> io::Result<[u8; 32]> {
        let sums = || self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, sum)) = sums().get(local).filter(|(as_it_was, _)| *as_it_was == as_it_is) {
            return Ok(*sum);
        }
        let sum = sum(local.to_owned()).await?;
        let mut sums = sums();
        if sums.len() >= SUMS {
            sums.clear();
        }
        sums.insert(local.to_owned(), (as_it_is, sum));
        Ok(sum)
    }
}

/// For the owner: what is wrong, and since when if that is known.
fn said(error: &SendError) -> String {
    let since = error.since().and_then(|since| since.duration_since(UNIX_EPOCH).ok());
    match since {
        Some(since) => {
            let minute = UnixMs(since.as_millis() as u64).minute();
            format!("{error}. So it is since {minute} UTC")
        }
        None => error.to_string(),
    }
}

async fn sum(local: PathBuf) -> io::Result<[u8; 32]> {
    let summed = tokio::task::spawn_blocking(move || {
        let mut sum = Sha256::new();
        io::copy(&mut File::open(local)?, &mut sum)?;
        Ok(sum.finalize().into())
    });
    summed.await.map_err(io::Error::other)?
}

fn target(place: Place, secrets: Secrets) -> Target {
    let Secrets { secret_key, password, private_key } = secrets;
    match place {
        Place::Folder { path, mounted } => {
            Target::Folder(FolderTarget { path: path.into(), mounted })
        }
        Place::S3 { endpoint, region, bucket, prefix, access_key } => {
            Target::S3(S3Target { endpoint, region, bucket, prefix, access_key, secret_key })
        }
        Place::Webdav { url, user } => Target::WebDav(WebDavTarget { url, user, password }),
        Place::Sftp { host, port, user, folder, host_key } => {
            Target::Sftp(SftpTarget { host, port, user, password, private_key, folder, host_key })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_track_is_summed_once_while_it_is_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("track.mkv");
        std::fs::write(&path, "sound").unwrap();
        let carrier = CopyCarrier::default();
        let first = carrier.sum(&path, (5, None)).await.unwrap();
        assert_eq!(first, <[u8; 32]>::from(Sha256::digest("sound")));
        // It is not read: as far as is said it is as it was.
        std::fs::write(&path, "other").unwrap();
        assert_eq!(carrier.sum(&path, (5, None)).await.unwrap(), first);
        assert_ne!(carrier.sum(&path, (5, Some(UNIX_EPOCH))).await.unwrap(), first);
    }

    #[test]
    fn a_folder_that_does_not_answer_is_said_to_be_so_since_then() {
        let since = UNIX_EPOCH + Duration::from_millis(1_764_072_345_678);
        let text = said(&SendError::Unanswered { place: "/mnt/nas".into(), since });
        assert!(text.contains("/mnt/nas does not answer"), "{text}");
        assert!(text.ends_with("since 2025-11-25 12:05 UTC"), "{text}");
    }
}
