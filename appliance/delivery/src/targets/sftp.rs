//! Onto an SSH server, by SFTP version 3 (draft-ietf-secsh-filexfer-02) and the extensions of
//! OpenSSH (its file PROTOCOL, section 4).
//!
//! Written as `.unfinished`, read back, compared, renamed. An interrupted file goes on where it ended.

use super::carry::Teller;
use super::names::{PART, folders, hex};
use super::pace::{IDLE, THINK};
use super::source::{Load, Source, TAIL};
use super::ssh::{Visitor, connect};
use super::{SendError, SftpTarget};
use bytes::Bytes;
use futures_util::future::try_join_all;
use russh::client::Handle;
use russh_sftp::client::error::Error;
use russh_sftp::client::rawsession::SftpResult;
use russh_sftp::client::{Config, RawSftpSession};
use russh_sftp::protocol::{FileAttributes, OpenFlags, Packet, StatusCode};
use std::time::Duration;
use tokio::time::Instant;

/// Every server takes and gives so much in one packet (§3: 34,000 bytes with its head).
const PIECE: usize = 32 * 1024;
/// The most that is on its way and not yet answered.
const BATCH: usize = 1 << 20;
/// A batch that is done sooner may be larger, for the way there and back costs the same; one that
/// lasts longer must be smaller, for an answer may take no more than a minute.
const SOON: Duration = Duration::from_secs(2);
const LATE: Duration = Duration::from_secs(8);

/// A folder of a server.
pub(super) struct Server {
    sftp: RawSftpSession,
    host: String,
    folder: String,
    pace: Option<u64>,
    posix_rename: bool,
    fsync: bool,
    statvfs: bool,
    /// `SHA256:...`.
    pub host_key: String,
    _connection: Handle<Visitor>,
}

/// Connects and logs in. `accept`: also to a server whose key is not known yet.
pub(super) async fn open(
    target: &SftpTarget,
    pace: Option<u64>,
    accept: bool,
) -> Result<Server, SendError> {
    let connected = connect(target, pace, accept).await?;
    let config = Config { request_timeout_secs: IDLE.as_secs(), ..Config::default() };
    let sftp = RawSftpSession::new_with_config(connected.channel.into_stream(), config);
    let host = target.host.trim().to_owned();
    let version = sftp.init().await.map_err(|error| failed(&host, &host, &error))?;
    let knows = |name: &str| version.extensions.contains_key(name);
    let folder = match target.folder.trim_end_matches('/') {
        "" if target.folder.starts_with('/') => "/".to_owned(),
        "" => ".".to_owned(),
        folder => folder.to_owned(),
    };
    Ok(Server {
        posix_rename: knows("posix-rename@openssh.com"),
        fsync: knows("fsync@openssh.com"),
        statvfs: knows("statvfs@openssh.com"),
        sftp,
        host,
        folder,
        pace,
        host_key: connected.host_key,
        _connection: connected.handle,
    })
}

/// Carries `load` onto the server.
pub(super) async fn carry(
    server: &Server,
    load: &Load<'_>,
    teller: &mut Teller<'_>,
) -> Result<(), SendError> {
    // Of the folder itself: else its absence would look like that of a file.
    server.told(server.sftp.stat(server.folder.as_str()).await)?;
    let last = server.at(load.name);
    if server.size(&last).await? == Some(load.bytes) && server.holds(&last, load).await? {
        teller.done(load.bytes);
        return Ok(());
    }
    for folder in folders(load.name) {
        let folder = server.at(folder);
        if server.size(&folder).await?.is_none() {
            server.told(server.sftp.mkdir(folder, FileAttributes::empty()).await)?;
        }
    }
    let part = format!("{last}{PART}");
    let is_ours = load.resume.as_ref() == Some(&hex(&load.sha256));
    let tail = match is_ours {
        true => server.tail(&part).await?,
        false => (0, Vec::new()),
    };
    let (from, source) = load.open_after(tail.0, &tail.1).await?;
    server.has_room(load.bytes - from).await?;
    let mut done = server.write(&part, from, source, load, teller).await;
    let is_long = done.is_ok() && server.size(&part).await? == Some(load.bytes);
    if done.is_ok() && !(is_long && server.holds(&part, load).await?) {
        done = Err(SendError::Differs(server.host.clone()));
    }
    if let Err(SendError::Changed(_) | SendError::Differs(_)) = done {
        // No later try can use it. If it stays: what was found is the news.
        remove(server, &format!("{}{PART}", load.name)).await.unwrap_or_default();
    }
    done?;
    server.rename(&part, &last).await?;
    teller.done(load.bytes);
    Ok(())
}

/// Takes a file away; that it is gone already is no error.
pub(super) async fn remove(server: &Server, name: &str) -> Result<(), SendError> {
    match server.sftp.remove(server.at(name)).await {
        Err(Error::Status(status)) if status.status_code == StatusCode::NoSuchFile => Ok(()),
        removed => server.told(removed).map(drop),
    }
}

/// Takes a file away if it is the one that was sent.
pub(super) async fn withdraw(server: &Server, load: &Load<'_>) -> Result<bool, SendError> {
    // Of the folder itself: else its absence would look like that of a file.
    server.told(server.sftp.stat(server.folder.as_str()).await)?;
    let path = server.at(load.name);
    let same = server.size(&path).await? == Some(load.bytes) && server.holds(&path, load).await?;
    if same {
        remove(server, load.name).await?;
    }
    Ok(same)
}

impl Server {
    fn at(&self, name: &str) -> String {
        match self.folder.as_str() {
            "." => name.to_owned(),
            "/" => format!("/{name}"),
            folder => format!("{folder}/{name}"),
        }
    }

    fn place(&self) -> String {
        match self.folder.as_str() {
            "." => self.host.clone(),
            folder => format!("{}:{folder}", self.host),
        }
    }

    fn told<T>(&self, answered: SftpResult<T>) -> Result<T, SendError> {
        answered.map_err(|error| failed(&self.host, &self.place(), &error))
    }

    /// None: there is nothing of that name.
    async fn size(&self, path: &str) -> Result<Option<u64>, SendError> {
        match self.sftp.stat(path).await {
            Err(Error::Status(status)) if status.status_code == StatusCode::NoSuchFile => Ok(None),
            answered => Ok(Some(self.told(answered)?.attrs.size.unwrap_or(0))),
        }
    }

    /// What the server cannot be asked is found out by writing.
    async fn has_room(&self, bytes: u64) -> Result<(), SendError> {
        if self.statvfs
            && let Ok(there) = self.sftp.statvfs(self.folder.as_str()).await
            && there.blocks_avail.saturating_mul(there.fragment_size) < bytes
        {
            return Err(SendError::Full(self.place()));
        }
        Ok(())
    }

    /// How long an unfinished file is, and its last bytes.
    async fn tail(&self, part: &str) -> Result<(u64, Vec<u8>), SendError> {
        let Some(length) = self.size(part).await? else { return Ok((0, Vec::new())) };
        let opened = self.sftp.open(part, OpenFlags::READ, FileAttributes::empty()).await;
        let handle = self.told(opened)?.handle;
        let mut tail = Vec::new();
        for from in (length.saturating_sub(TAIL as u64)..length).step_by(PIECE) {
            let size = usize::try_from(length - from).map_or(PIECE, |left| left.min(PIECE));
            tail.extend(self.told(self.read(&handle, from, size).await)?);
        }
        self.told(self.sftp.close(handle).await)?;
        Ok((length, tail))
    }

    async fn write(
        &self,
        part: &str,
        from: u64,
        mut source: Source,
        load: &Load<'_>,
        teller: &mut Teller<'_>,
    ) -> Result<(), SendError> {
        let ours = || Some(hex(&load.sha256));
        let mut flags = OpenFlags::WRITE | OpenFlags::CREATE;
        if from == 0 {
            flags |= OpenFlags::TRUNCATE;
        }
        let opened = self.sftp.open(part, flags, FileAttributes::empty()).await;
        let handle = self.told(opened)?.handle;
        let mut batch = Batch::new(self.pace);
        let mut sent = from;
        teller.tell(sent, ours);
        loop {
            let pieces = source.pieces(batch.bytes).await?;
            if pieces.is_empty() {
                break;
            }
            let begun = Instant::now();
            let mut at = sent;
            let writes = pieces.iter().flat_map(|piece| cut(piece, batch.piece)).map(|piece| {
                let offset = at;
                at += piece.len() as u64;
                self.sftp.write(handle.as_str(), offset, piece.to_vec())
            });
            let written = try_join_all(writes).await;
            if let Err(Error::Status(_)) = written {
                // The protocol has no word for a full disk.
                self.has_room(BATCH as u64).await?;
            }
            self.told(written)?;
            sent = at;
            batch.took(begun.elapsed());
            teller.tell(sent, ours);
        }
        // What a server still has in memory may take it long to write.
        self.sftp.set_timeout(THINK.as_secs());
        if self.fsync {
            self.told(self.sftp.fsync(handle.as_str()).await)?;
        }
        self.told(self.sftp.close(handle).await)?;
        self.sftp.set_timeout(IDLE.as_secs());
        Ok(())
    }

    async fn holds(&self, path: &str, load: &Load<'_>) -> Result<bool, SendError> {
        let opened = self.sftp.open(path, OpenFlags::READ, FileAttributes::empty()).await;
        let handle = self.told(opened)?.handle;
        let mut proof = load.proof();
        let mut batch = Batch::new(None);
        let mut at = 0;
        while at < load.bytes {
            let begun = Instant::now();
            let end = load.bytes.min(at + batch.bytes as u64);
            let reads = (at..end).step_by(PIECE).map(|from| {
                let size = usize::try_from(end - from).map_or(PIECE, |left| left.min(PIECE));
                self.read(&handle, from, size)
            });
            for bytes in self.told(try_join_all(reads).await)? {
                proof.add(&bytes);
            }
            at = end;
            batch.took(begun.elapsed());
        }
        self.told(self.sftp.close(handle).await)?;
        Ok(proof.holds())
    }

    /// Exactly `size` bytes, or fewer where the file ends.
    async fn read(&self, handle: &str, from: u64, size: usize) -> SftpResult<Vec<u8>> {
        let mut bytes = Vec::with_capacity(size);
        while bytes.len() < size {
            let (at, most) = (from + bytes.len() as u64, size - bytes.len());
            match self.sftp.read(handle, at, most as u32).await {
                Ok(read) if read.data.is_empty() => break,
                Ok(read) => bytes.extend_from_slice(&read.data),
                Err(Error::Status(status)) if status.status_code == StatusCode::Eof => break,
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    }

    /// Version 3 renames onto nothing (§6.5); OpenSSH's own way replaces at once.
    async fn rename(&self, from: &str, to: &str) -> Result<(), SendError> {
        if self.posix_rename {
            let mut names = Vec::new();
            for name in [from, to] {
                names.extend_from_slice(&(name.len() as u32).to_be_bytes());
                names.extend_from_slice(name.as_bytes());
            }
            return match self.told(self.sftp.extended("posix-rename@openssh.com", names).await)? {
                Packet::Status(status) if status.status_code == StatusCode::Ok => Ok(()),
                Packet::Status(status) => self.told(Err(Error::Status(status))),
                _ => self.told(Err(Error::UnexpectedPacket)),
            };
        }
        if self.size(to).await?.is_some() {
            self.told(self.sftp.remove(to).await)?;
        }
        self.told(self.sftp.rename(from, to).await).map(drop)
    }
}

/// What a server's status means here (§7).
fn failed(host: &str, place: &str, error: &Error) -> SendError {
    let Error::Status(status) = error else {
        return match error {
            Error::Timeout => SendError::Still(host.to_owned()),
            // The library's words for it are of its own queues.
            _ => SendError::Broken {
                host: host.to_owned(),
                why: "the server ended it, or does not speak SFTP as it should".to_owned(),
            },
        };
    };
    let says = match status.error_message.is_empty() {
        true => status.status_code.to_string(),
        false => status.error_message.clone(),
    };
    match status.status_code {
        StatusCode::NoSuchFile => SendError::Missing(place.to_owned()),
        StatusCode::PermissionDenied => {
            SendError::NotWritable { place: place.to_owned(), why: says }
        }
        _ => SendError::answer(host, format!("it says {says:?}; its disk or a quota may be full")),
    }
}

/// How much is on its way at once.
struct Batch {
    bytes: usize,
    most: usize,
    piece: usize,
}

impl Batch {
    fn new(pace: Option<u64>) -> Self {
        let most = pace.filter(|pace| *pace > 0).map_or(BATCH, |pace| {
            let lasts = pace.saturating_mul(LATE.as_secs());
            usize::try_from(lasts).unwrap_or(BATCH).clamp(16, BATCH)
        });
        Self { bytes: most.min(2 * PIECE), most, piece: most.min(PIECE) }
    }

    fn took(&mut self, time: Duration) {
        if time < SOON {
            self.bytes = (self.bytes * 2).min(self.most);
        } else if time > LATE {
            self.bytes = (self.bytes / 2).max(self.piece);
        }
    }
}

fn cut(piece: &Bytes, size: usize) -> impl Iterator<Item = Bytes> {
    (0..piece.len()).step_by(size).map(move |at| piece.slice(at..piece.len().min(at + size)))
}
