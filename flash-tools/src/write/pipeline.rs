//! Unpacker, hasher and writer, each on its own thread, with a few buffers going round between them.

use super::blocks::BlockSums;
use super::{Order, cancelled};
use crate::device::{AlignedBuf, BlockDev, Doing, read_exact, sync, write_all};
use crate::error::FlashError;
use crate::gpt::HEAD;
use crate::manifest::{Manifest, hex};
use crate::progress::Phase;
use aws_lc_rs::digest::{Context, SHA256};
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of a buffer: what goes to the disk at once.
pub const CHUNK: usize = 1 << 20;
/// Buffers that go round: some MiB of memory, enough that nobody waits for a short stall.
const BUFFERS: usize = 12;

/// A piece of a range.
struct Chunk {
    range: usize,
    /// Where in the range.
    at: u64,
    last: bool,
    buffer: AlignedBuf,
}

/// Number of the first range that an interrupted write did not leave whole, and the bytes before it.
pub fn kept(
    dev: &mut dyn BlockDev,
    order: &Order<'_>,
    sums: &mut BlockSums,
) -> Result<(usize, u64), FlashError> {
    let total = order.manifest.mapped();
    let (mut buffer, mut done) = (AlignedBuf::new(CHUNK), 0);
    for (n, range) in order.manifest.ranges.iter().enumerate() {
        if range.offset < HEAD {
            continue;
        }
        cancelled(dev, order)?;
        let mut hash = Context::new(&SHA256);
        let mut at = 0;
        while at < range.length {
            buffer.resize((range.length - at).min(CHUNK as u64) as usize);
            read_exact(dev, Doing::Read, range.offset + at, &mut buffer)?;
            hash.update(&buffer);
            sums.note(n, at, &buffer);
            at += buffer.len() as u64;
        }
        if hex(hash.finish().as_ref()) != range.sha256 {
            return Ok((n, done));
        }
        done += range.length;
        order.progress.at(Phase::Resume, done, total);
    }
    Ok((order.manifest.ranges.len(), done))
}

/// Streams the image once; writes ranges from number `first_new` on, and gives back the first MiB,
/// which is not written.
pub fn stream(
    dev: &mut dyn BlockDev,
    order: &Order<'_>,
    first_new: usize,
    kept: u64,
    sums: &mut BlockSums,
) -> Result<Vec<u8>, FlashError> {
    let manifest = order.manifest;
    let reader = order.source.open()?;
    let (free, next_free) = channel();
    for _ in 0..BUFFERS {
        let _ = free.send(AlignedBuf::new(CHUNK));
    }
    let (unpacked, to_hash) = sync_channel(BUFFERS);
    let (hashed, to_write) = sync_channel(BUFFERS);
    thread::scope(|threads| {
        threads.spawn(move || unpack(manifest, reader, first_new, &next_free, &unpacked));
        threads.spawn(move || hash(manifest, sums, &to_hash, &hashed));
        // Ends the other two by leaving: what they send to is gone then.
        write_chunks(dev, order, kept, &to_write, free)
    })
}

fn unpack(
    manifest: &Manifest,
    mut reader: Box<dyn Read + Send>,
    first_new: usize,
    free: &Receiver<AlignedBuf>,
    to: &SyncSender<Result<Chunk, FlashError>>,
) {
    let mut at = 0;
    for (n, range) in manifest.ranges.iter().enumerate() {
        if range.offset >= HEAD && n < first_new {
            continue;
        }
        if let Err(error) = skip(reader.as_mut(), range.offset - at) {
            let _ = to.send(Err(broken(range.offset, &error)));
            return;
        }
        at = range.offset;
        let mut done = 0;
        while done < range.length {
            let Ok(mut buffer) = free.recv() else { return };
            buffer.resize((range.length - done).min(CHUNK as u64) as usize);
            let wanted = (manifest.size - at).min(buffer.len() as u64) as usize;
            if let Err(error) = reader.read_exact(&mut buffer[..wanted]) {
                let _ = to.send(Err(broken(at, &error)));
                return;
            }
            buffer[wanted..].fill(0);
            let (length, start) = (buffer.len() as u64, done);
            at += length;
            done += length;
            let chunk = Chunk { range: n, at: start, last: done == range.length, buffer };
            if to.send(Ok(chunk)).is_err() {
                return;
            }
        }
    }
}

fn broken(offset: u64, error: &io::Error) -> FlashError {
    let why = match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends there".to_owned(),
        _ => error.to_string(),
    };
    FlashError::Stream { offset, why }
}

fn skip(reader: &mut dyn Read, bytes: u64) -> io::Result<()> {
    let skipped = io::copy(&mut reader.take(bytes), &mut io::sink())?;
    if skipped < bytes {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

fn hash(
    manifest: &Manifest,
    sums: &mut BlockSums,
    from: &Receiver<Result<Chunk, FlashError>>,
    to: &SyncSender<Result<Chunk, FlashError>>,
) {
    let mut hash = Context::new(&SHA256);
    while let Ok(chunk) = from.recv() {
        let result = chunk.and_then(|chunk| {
            let range = &manifest.ranges[chunk.range];
            hash.update(&chunk.buffer);
            sums.note(chunk.range, chunk.at, &chunk.buffer);
            if chunk.last {
                let whole = std::mem::replace(&mut hash, Context::new(&SHA256));
                if hex(whole.finish().as_ref()) != range.sha256 {
                    let why = "its bytes are not those that were signed".to_owned();
                    return Err(FlashError::Stream { offset: range.offset, why });
                }
            }
            Ok(chunk)
        });
        let ends = result.is_err();
        if to.send(result).is_err() || ends {
            return;
        }
    }
}

/// How much is written between two syncs: so much that progress moves about once a second.
struct Step {
    bytes: u64,
    since: Instant,
}

impl Step {
    fn next(&mut self) {
        let spent = self.since.elapsed();
        if spent < Duration::from_millis(500) {
            self.bytes = (self.bytes * 2).min(128 << 20);
        } else if spent > Duration::from_secs(2) {
            self.bytes = (self.bytes / 2).max(CHUNK as u64);
        }
        self.since = Instant::now();
    }
}

fn write_chunks(
    dev: &mut dyn BlockDev,
    order: &Order<'_>,
    kept: u64,
    from: &Receiver<Result<Chunk, FlashError>>,
    free: Sender<AlignedBuf>,
) -> Result<Vec<u8>, FlashError> {
    let total = order.manifest.mapped();
    let mut head = vec![0; HEAD as usize];
    let mut step = Step { bytes: 8 << 20, since: Instant::now() };
    let (mut done, mut synced, mut at) = (kept, kept, 0);
    while let Ok(chunk) = from.recv() {
        let chunk = chunk?;
        cancelled(dev, order)?;
        let range = &order.manifest.ranges[chunk.range];
        at = range.offset + chunk.at;
        if at < HEAD {
            let place = at as usize..at as usize + chunk.buffer.len();
            head[place].copy_from_slice(&chunk.buffer);
        } else {
            write_all(dev, Doing::Write, at, &chunk.buffer)?;
        }
        done += chunk.buffer.len() as u64;
        let _ = free.send(chunk.buffer);
        if done - synced >= step.bytes {
            sync(dev, at)?;
            synced = done;
            order.progress.at(Phase::Write, synced, total);
            step.next();
        }
    }
    sync(dev, at)?;
    order.progress.at(Phase::Write, done, total);
    Ok(head)
}
