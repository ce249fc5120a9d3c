//! Carries copies of recordings: control knows the targets, delivery the ways there.

use roombox_control::conference::Later;
use roombox_control::targets::{Carrier, Load, Place, Receipt, Secrets, Told};
use roombox_delivery::targets::{
    FolderTarget, Progress, S3Target, SendError, SftpTarget, Shipment, Target, WebDavTarget, check,
    send,
};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A test is waited for by somebody.
const TEST_PATIENCE: Duration = Duration::from_secs(60);

/// The box's way to targets.
#[derive(Debug, Default)]
pub struct CopyCarrier;

impl Carrier for CopyCarrier {
    fn carry(&self, load: Load, told: Told) -> Later<'_, Result<Receipt, String>> {
        Box::pin(carry(load, told))
    }

    fn test(&self, place: Place, secrets: Secrets) -> Later<'_, Result<Option<String>, String>> {
        Box::pin(async move {
            let target = target(place, secrets);
            match tokio::time::timeout(TEST_PATIENCE, check(&target)).await {
                Ok(Ok(checked)) => Ok(checked.host_key),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err(format!("it did not answer within {} s", TEST_PATIENCE.as_secs())),
            }
        })
    }
}

async fn carry(load: Load, told: Told) -> Result<Receipt, String> {
    let unreadable = |error: io::Error| format!("the box cannot read its own file: {error}");
    let bytes = tokio::fs::metadata(&load.local).await.map_err(unreadable)?.len();
    let sha256 = match load.sha256.as_deref() {
        Some(known) => digest(known).ok_or("the sum of the file is damaged")?,
        // Of tracks nobody needed one before.
        None => sum(load.local.clone()).await.map_err(unreadable)?,
    };
    let target = target(load.place, load.secrets);
    let shipment = Shipment {
        local: Path::new(&load.local),
        name: &load.name,
        bytes,
        sha256,
        resume: load.resume,
        pace: load.pace,
    };
    let told = |progress: Progress| told(progress.sent, progress.resume);
    send(&target, shipment, &told).await.map_err(|error: SendError| error.to_string())?;
    Ok(Receipt { bytes, sha256: hex(&sha256) })
}

async fn sum(local: PathBuf) -> io::Result<[u8; 32]> {
    let summed = tokio::task::spawn_blocking(move || {
        let mut sum = Sha256::new();
        io::copy(&mut File::open(local)?, &mut sum)?;
        Ok(sum.finalize().into())
    });
    summed.await.map_err(io::Error::other)?
}

fn hex(sum: &[u8; 32]) -> String {
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let mut sum = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in sum.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(sum)
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

    #[test]
    fn a_sum_is_read_as_it_is_written() {
        let sum = std::array::from_fn(|at| at as u8 * 7);
        assert_eq!(digest(&hex(&sum)), Some(sum));
        assert_eq!(digest(&"0".repeat(63)), None);
        assert_eq!(digest(&"ü".repeat(32)), None);
        assert_eq!(digest(&"g".repeat(64)), None);
    }
}
