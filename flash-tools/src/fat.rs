//! Files in a FAT partition of an open disk, without mounting it: nothing else sees the partition,
//! and no other drive can be meant.

use crate::device::{AlignedBuf, BlockDev, Doing, failed, read_exact, sync, write_all};
use crate::error::FlashError;
use fatfs::{FileSystem, FsOptions};
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Bytes that are read and written at once.
const BLOCK: u64 = 16 << 10;

/// A file for the FAT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FatFile {
    /// Its path, with slashes; its folder is there.
    pub path: String,
    /// Its contents.
    pub bytes: Vec<u8>,
}

/// Puts files into the FAT at `offset`, replacing old ones, and reads them back through a fresh view.
///
/// # Errors
/// No FAT there, one without space, or a file that reads back wrong.
pub fn put(
    dev: &mut dyn BlockDev,
    offset: u64,
    size: u64,
    files: &[FatFile],
) -> Result<(), FlashError> {
    let ((), written) = with(dev, offset, size, |fs| {
        let needed: u64 = files.iter().map(|file| file.bytes.len() as u64).sum();
        let stats = fs.stats()?;
        let cluster = u64::from(stats.cluster_size());
        let free = u64::from(stats.free_clusters()) * cluster;
        // A cluster for each file's tail and one for a directory that grows.
        if needed + (files.len() as u64 + 1) * cluster > free {
            return Err(io::Error::other(format!("{free} bytes are free, {needed} are needed")));
        }
        for file in files {
            let root = fs.root_dir();
            match root.remove(&file.path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            let mut target = root.create_file(&file.path)?;
            target.write_all(&file.bytes)?;
            target.flush()?;
        }
        Ok(())
    })?;
    sync(dev, offset)?;
    dev.drop_caches().map_err(|error| failed(dev, Doing::Provision, offset, error))?;
    // Whole blocks, too: what lies beside the file in them was written anew.
    for (at, bytes) in &written {
        let mut found = AlignedBuf::new(bytes.len());
        read_exact(dev, Doing::Provision, *at, &mut found)?;
        if found[..] != bytes[..] {
            return Err(wrong(dev, format!("the FAT reads back wrong at byte {at}")));
        }
    }
    for file in files {
        if read(dev, offset, size, &file.path)?.as_deref() != Some(&file.bytes) {
            let found = format!("{} reads back wrong from the FAT at byte {offset}", file.path);
            return Err(wrong(dev, found));
        }
    }
    Ok(())
}

fn wrong(dev: &dyn BlockDev, found: String) -> FlashError {
    let next = "run the same command again, on another port or reader".to_owned();
    FlashError::Mismatch { target: dev.name().to_owned(), found, next }
}

/// Where a block was written, and what.
type Written = Vec<(u64, AlignedBuf)>;

/// A file of the FAT at `offset`, or `None` if there is no such file.
///
/// # Errors
/// No FAT there, or a disk that cannot be read.
pub fn read(
    dev: &mut dyn BlockDev,
    offset: u64,
    size: u64,
    path: &str,
) -> Result<Option<Vec<u8>>, FlashError> {
    /// Nothing that is read from there is longer.
    const LONGEST: u64 = 1 << 20;
    with(dev, offset, size, |fs| match fs.root_dir().open_file(path) {
        Ok(file) => {
            let mut bytes = Vec::new();
            file.take(LONGEST).read_to_end(&mut bytes)?;
            Ok(Some(bytes))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    })
    .map(|(bytes, _)| bytes)
}

fn with<T>(
    dev: &mut dyn BlockDev,
    offset: u64,
    size: u64,
    work: impl FnOnce(&FileSystem<&mut Window<'_>>) -> io::Result<T>,
) -> Result<(T, Written), FlashError> {
    let mut window = Window { dev, offset, size, at: 0, blocks: BTreeMap::new(), failed: None };
    let done = (|| {
        let fs = FileSystem::new(&mut window, FsOptions::new())?;
        let done = work(&fs)?;
        fs.unmount()?;
        Ok(done)
    })();
    let done = done.and_then(|done| window.write_back().map(|written| (done, written)));
    let failed = window.failed.take();
    done.map_err(|error: io::Error| {
        failed.unwrap_or_else(|| {
            FlashError::Provisioning(format!("{}, FAT at byte {offset}: {error}", dev.name()))
        })
    })
}

/// A partition as a file, with whole blocks below.
struct Window<'a> {
    dev: &'a mut dyn BlockDev,
    offset: u64,
    size: u64,
    at: u64,
    /// Number to contents, and whether they have to be written.
    blocks: BTreeMap<u64, (AlignedBuf, bool)>,
    /// What the disk said, which `io::Error` has no place for.
    failed: Option<FlashError>,
}

impl Window<'_> {
    fn keep<T>(&mut self, result: Result<T, FlashError>) -> io::Result<T> {
        result.map_err(|error| {
            let text = error.to_string();
            self.failed = Some(error);
            io::Error::other(text)
        })
    }

    /// The block of the current place, what of it is behind the place, and whether there is any.
    fn block(&mut self) -> io::Result<Option<(u64, usize, usize)>> {
        if self.at >= self.size {
            return Ok(None);
        }
        let number = self.at / BLOCK;
        let begin = number * BLOCK;
        let length = BLOCK.min(self.size - begin) as usize;
        if !self.blocks.contains_key(&number) {
            let mut buffer = AlignedBuf::new(length);
            let mut again = AlignedBuf::new(length);
            let at = self.offset + begin;
            let read = read_exact(self.dev, Doing::Provision, at, &mut buffer)
                .and_then(|()| read_exact(self.dev, Doing::Provision, at, &mut again))
                .and_then(|()| match buffer[..] == again[..] {
                    true => Ok(()),
                    // It would be written back with the file.
                    false => Err(wrong(self.dev, format!("two reads differ at byte {at}"))),
                });
            self.keep(read)?;
            self.blocks.insert(number, (buffer, false));
        }
        Ok(Some((number, (self.at - begin) as usize, length)))
    }

    fn write_back(&mut self) -> io::Result<Written> {
        let mut all = Vec::new();
        for (number, (buffer, dirty)) in std::mem::take(&mut self.blocks) {
            if dirty {
                let at = self.offset + number * BLOCK;
                let written = write_all(self.dev, Doing::Provision, at, &buffer);
                self.keep(written)?;
                all.push((at, buffer));
            }
        }
        Ok(all)
    }
}

impl Read for Window<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some((number, from, length)) = self.block()? else { return Ok(0) };
        let now = out.len().min(length - from);
        if let Some((buffer, _)) = self.blocks.get(&number) {
            out[..now].copy_from_slice(&buffer[from..from + now]);
        }
        self.at += now as u64;
        Ok(now)
    }
}

impl Write for Window<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some((number, from, length)) = self.block()? else { return Ok(0) };
        let now = bytes.len().min(length - from);
        if let Some((buffer, dirty)) = self.blocks.get_mut(&number) {
            buffer[from..from + now].copy_from_slice(&bytes[..now]);
            *dirty = true;
        }
        self.at += now as u64;
        Ok(now)
    }

    fn flush(&mut self) -> io::Result<()> {
        // Everything is written at once at the end.
        Ok(())
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
