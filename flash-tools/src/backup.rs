//! A box's data as a file, and back: recordings, settings, the box's key. The file is zstd with a
//! description beside it; both hold secrets, and only their owner may read them.

use crate::device::{ALIGNMENT, AlignedBuf, BlockDev, Doing, failed, read_exact, sync, write_all};
use crate::error::FlashError;
use crate::gpt::{Entry, Gpt, HEAD};
use crate::manifest::hex;
use crate::progress::{Phase, Progress};
use crate::stream;
use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::path::Path;

const CHUNK: usize = 1 << 20;
const LABEL: &str = "data";

/// What a backup's file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// Always 1.
    pub format: u32,
    /// Serial number of the disk that it is from.
    pub serial: String,
    /// Bytes of the partition.
    pub size: u64,
    /// SHA-256 of them.
    pub sha256: String,
}

fn data(dev: &mut dyn BlockDev) -> Result<Entry, FlashError> {
    let mut head = AlignedBuf::new(HEAD as usize);
    read_exact(dev, Doing::Read, 0, &mut head)?;
    let gpt = Gpt::read_head(&head).map_err(|error| {
        let why = format!(
            "{error}: it is no box's disk. A new one is written first, with `roomflash write`"
        );
        FlashError::target(dev.name(), why)
    })?;
    let Some(entry) = gpt.labelled(LABEL) else {
        return Err(FlashError::target(
            dev.name(),
            "it has no partition \"data\": it is no box's disk",
        ));
    };
    if entry.offset + entry.size > dev.size() || !entry.size.is_multiple_of(ALIGNMENT as u64) {
        return Err(FlashError::target(dev.name(), "its partition \"data\" lies outside"));
    }
    Ok(entry.clone())
}

fn private(path: &Path) -> Result<File, FlashError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| FlashError::file(path, source))
}

/// Copies the data partition into `path` and its description into `<path>.json`; neither is there yet.
///
/// # Errors
/// A disk that is no box's or cannot be read, or a file that cannot be written.
pub fn backup(
    dev: &mut dyn BlockDev,
    serial: &str,
    path: &Path,
    progress: &dyn Progress,
) -> Result<Backup, FlashError> {
    let entry = data(dev)?;
    let told = |source| FlashError::file(path, source);
    let mut encoder = zstd::stream::write::Encoder::new(private(path)?, 3).map_err(told)?;
    let mut hash = Context::new(&SHA256);
    let mut buffer = AlignedBuf::new(CHUNK);
    let mut at = 0;
    while at < entry.size {
        buffer.resize((entry.size - at).min(CHUNK as u64) as usize);
        read_exact(dev, Doing::Read, entry.offset + at, &mut buffer)?;
        hash.update(&buffer);
        std::io::Write::write_all(&mut encoder, &buffer).map_err(told)?;
        at += buffer.len() as u64;
        progress.at(Phase::Backup, at, entry.size);
    }
    encoder.finish().and_then(|file| file.sync_all()).map_err(told)?;
    let sha256 = hex(hash.finish().as_ref());
    let backup = Backup { format: 1, serial: serial.to_owned(), size: entry.size, sha256 };
    let description = path.with_added_extension("json");
    let text = serde_json::to_string_pretty(&backup).unwrap_or_default();
    private(&description)
        .and_then(|mut file| {
            std::io::Write::write_all(&mut file, text.as_bytes())
                .map_err(|source| FlashError::file(&description, source))
        })
        .map(|()| backup)
}

/// Copies a backup onto the data partition of a disk, and reads it back. Its first MiB is written
/// last: an interrupted one leaves no file system that anybody would mount.
///
/// # Errors
/// A backup that is damaged or larger than the partition, and whatever the disk says.
pub fn restore(
    dev: &mut dyn BlockDev,
    path: &Path,
    progress: &dyn Progress,
) -> Result<Backup, FlashError> {
    let entry = data(dev)?;
    let description = path.with_added_extension("json");
    let text = fs::read(&description).map_err(|source| FlashError::file(&description, source))?;
    let backup: Backup = serde_json::from_slice(&text).map_err(|error| {
        FlashError::image(&description, format!("it describes no backup: {error}"))
    })?;
    if backup.format != 1 {
        return Err(FlashError::image(&description, "it is of a newer roomflash"));
    }
    if backup.size > entry.size {
        let why = format!(
            "its data partition has {} MiB and the backup {} MiB: start the box once, so that it \
             grows, or take a larger disk",
            entry.size >> 20,
            backup.size >> 20
        );
        return Err(FlashError::target(dev.name(), why));
    }
    check(path, &backup)?;
    let first = (CHUNK as u64).min(entry.size) as usize;
    write_all(dev, Doing::Write, entry.offset, &AlignedBuf::new(first))?;
    let mut reader = stream::open(path)?;
    let mut head = AlignedBuf::new(CHUNK);
    let mut buffer = AlignedBuf::new(CHUNK);
    let mut at = 0;
    while at < backup.size {
        buffer.resize((backup.size - at).min(CHUNK as u64) as usize);
        reader.read_exact(&mut buffer).map_err(|source| FlashError::file(path, source))?;
        if at == 0 {
            head.resize(buffer.len());
            head.copy_from_slice(&buffer);
        } else {
            write_all(dev, Doing::Write, entry.offset + at, &buffer)?;
        }
        at += buffer.len() as u64;
        progress.at(Phase::Restore, at, backup.size);
    }
    sync(dev, entry.offset)?;
    write_all(dev, Doing::Write, entry.offset, &head)?;
    sync(dev, entry.offset)?;
    dev.drop_caches().map_err(|error| failed(dev, Doing::Verify, entry.offset, error))?;
    let mut hash = Context::new(&SHA256);
    let mut at = 0;
    while at < backup.size {
        buffer.resize((backup.size - at).min(CHUNK as u64) as usize);
        read_exact(dev, Doing::Verify, entry.offset + at, &mut buffer)?;
        hash.update(&buffer);
        at += buffer.len() as u64;
        progress.at(Phase::Verify, at, backup.size);
    }
    if hex(hash.finish().as_ref()) != backup.sha256 {
        return Err(FlashError::NotThis {
            target: dev.name().to_owned(),
            found: "the data reads back wrong: restore it again, on another port or reader"
                .to_owned(),
        });
    }
    Ok(backup)
}

/// The whole backup before the disk is touched: it may be the only copy there is.
fn check(path: &Path, backup: &Backup) -> Result<(), FlashError> {
    let mut reader = stream::open(path)?;
    let mut hash = Context::new(&SHA256);
    let mut buffer = vec![0; CHUNK];
    let mut size = 0;
    loop {
        let read = reader
            .read(&mut buffer)
            .map_err(|error| FlashError::image(path, format!("the backup is damaged: {error}")))?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        size += read as u64;
    }
    if size != backup.size || hex(hash.finish().as_ref()) != backup.sha256 {
        return Err(FlashError::image(path, "the backup is damaged: nothing was written"));
    }
    Ok(())
}
