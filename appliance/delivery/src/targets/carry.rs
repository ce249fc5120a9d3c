//! The door of the targets: one file on its way, and what is told of it.

use super::names::PART;
use super::source::{Load, Origin};
use super::{Folders, SendError, Target, folder, s3, sftp, webdav};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// How often is told how far a transfer is; what goes on from there is lost with it at most.
const TELL: Duration = Duration::from_secs(1);
/// What a check writes: longer than a line, so that half of it would be noticed.
pub(super) const CHECK: &[u8] =
    b"Written by a Roombox, which looks whether its recordings can be delivered here.\n\
                       It takes this file away again; if it is still here, remove it.\n";

/// One file on its way.
#[derive(Debug, Clone)]
pub struct Shipment<'a> {
    pub local: &'a Path,
    /// Below the target's folder, parts divided by `/`, already made of safe characters.
    pub name: &'a str,
    /// Of the local file.
    pub bytes: u64,
    /// Of the local file.
    pub sha256: [u8; 32],
    /// What [`Progress::resume`] said last, of an earlier try; anything else begins anew.
    pub resume: Option<String>,
    /// Bytes a second at most, on their way out; None or 0: as fast as it goes.
    pub pace: Option<u64>,
}

/// How far a transfer is: told once at its beginning, then about once a second, and at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that the target has.
    pub sent: u64,
    /// Where the next try can go on, to be kept beside the shipment; None: it begins anew.
    pub resume: Option<String>,
}

/// What a check found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Of SFTP: the fingerprint of the server's key, `SHA256:...`.
    pub host_key: Option<String>,
}

/// Carries a file there, reads it back and compares. Returns when the target has it under its name
/// and with the same digest; if it had it so before, nothing is sent. A file of that name with other
/// content is replaced.
///
/// It can be dropped at any time; what `told` heard last goes on in the next try.
///
/// # Errors
/// See [`SendError`]; the name was not given then, unless `Differs` says so of an object store.
pub async fn send(
    target: &Target,
    threads: &Folders,
    shipment: Shipment<'_>,
    told: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(), SendError> {
    let load = Load {
        origin: Origin::File(shipment.local),
        name: shipment.name,
        bytes: shipment.bytes,
        sha256: shipment.sha256,
        resume: shipment.resume,
        pace: shipment.pace,
    };
    super::names::parts(load.name)?;
    let mut teller = Teller::new(told);
    match target {
        Target::Folder(target) => folder::carry(target, threads, &load, &mut teller).await,
        Target::S3(target) => s3::carry(&s3::open(target, load.pace)?, &load, &mut teller).await,
        Target::WebDav(target) => {
            webdav::carry(&webdav::open(target, load.pace)?, &load, &mut teller).await
        }
        Target::Sftp(target) => {
            sftp::carry(&sftp::open(target, load.pace, false).await?, &load, &mut teller).await
        }
    }
}

/// Takes away what a transfer left that will not go on: an unfinished file or upload. `resume`: what
/// [`Progress::resume`] said last of it. That there is nothing is no error.
///
/// # Errors
/// See [`SendError`]; it is still there then.
pub async fn clear(
    target: &Target,
    threads: &Folders,
    name: &str,
    resume: Option<&str>,
) -> Result<(), SendError> {
    super::names::parts(name)?;
    let part = format!("{name}{PART}");
    match target {
        Target::Folder(target) => folder::remove(target, threads, &part).await,
        Target::S3(target) => s3::clear(&s3::open(target, None)?, name, resume).await,
        Target::WebDav(target) => webdav::remove(&webdav::open(target, None)?, &part).await,
        Target::Sftp(target) => sftp::remove(&sftp::open(target, None, false).await?, &part).await,
    }
}

/// Takes away a file that was sent there, if what is there is that file still; false: it is gone, or another one,
/// which stays.
///
/// # Errors
/// See [`SendError`]; it is still there then.
pub async fn withdraw(
    target: &Target,
    threads: &Folders,
    name: &str,
    (bytes, sha256): (u64, [u8; 32]),
) -> Result<bool, SendError> {
    super::names::parts(name)?;
    // Nothing goes out: only what is there is compared with it.
    let load = Load { origin: Origin::Text(b""), name, bytes, sha256, resume: None, pace: None };
    match target {
        Target::Folder(target) => folder::withdraw(target, threads, &load).await,
        Target::S3(target) => s3::withdraw(&s3::open(target, None)?, &load).await,
        Target::WebDav(target) => webdav::withdraw(&webdav::open(target, None)?, &load).await,
        Target::Sftp(target) => {
            sftp::withdraw(&sftp::open(target, None, false).await?, &load).await
        }
    }
}

/// Carries a small file as [`send`] does, and takes it away: whether deliveries would work.
///
/// # Errors
/// See [`SendError`]. A host key that is not known yet is none: it is in the answer.
pub async fn check(target: &Target, threads: &Folders) -> Result<Checked, SendError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let name = format!("roombox-check-{:x}", now.as_nanos());
    let load = Load {
        origin: Origin::Text(CHECK),
        name: &name,
        bytes: CHECK.len() as u64,
        sha256: Sha256::digest(CHECK).into(),
        resume: None,
        pace: None,
    };
    let mut teller = Teller::new(&drop);
    let mut checked = Checked { host_key: None };
    match target {
        Target::Folder(target) => {
            folder::carry(target, threads, &load, &mut teller).await?;
            folder::remove(target, threads, &name).await?;
        }
        Target::S3(target) => {
            let store = s3::open(target, None)?;
            let carried = s3::carry(&store, &load, &mut teller).await;
            // There it has its name before it is read back.
            let removed = s3::remove(&store, &name).await;
            carried.and(removed)?;
        }
        Target::WebDav(target) => {
            let dav = webdav::open(target, None)?;
            webdav::carry(&dav, &load, &mut teller).await?;
            webdav::remove(&dav, &name).await?;
        }
        Target::Sftp(target) => {
            let server = sftp::open(target, None, true).await?;
            sftp::carry(&server, &load, &mut teller).await?;
            sftp::remove(&server, &name).await?;
            checked.host_key = Some(server.host_key.clone());
        }
    }
    Ok(checked)
}

/// Tells how far it is, and not too often.
pub(super) struct Teller<'a> {
    told: &'a (dyn Fn(Progress) + Send + Sync),
    next: Instant,
}

impl<'a> Teller<'a> {
    pub fn new(told: &'a (dyn Fn(Progress) + Send + Sync)) -> Self {
        Self { told, next: Instant::now() }
    }

    pub fn tell(&mut self, sent: u64, resume: impl FnOnce() -> Option<String>) {
        if self.next <= Instant::now() {
            (self.told)(Progress { sent, resume: resume() });
            self.next = Instant::now() + TELL;
        }
    }

    /// A whole part is there: to be told at once, for it is large.
    pub fn part(&mut self, sent: u64, resume: Option<String>) {
        (self.told)(Progress { sent, resume });
        self.next = Instant::now() + TELL;
    }

    /// The target has everything: nothing is left to go on with.
    pub fn done(&mut self, sent: u64) {
        (self.told)(Progress { sent, resume: None });
    }
}
