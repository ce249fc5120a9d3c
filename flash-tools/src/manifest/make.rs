//! Makes a manifest of a raw image, and the compressed file that goes with it.

use super::{
    FORMAT, FileFacts, LONGEST_RANGE, Manifest, Range, SecretKey, hex, mapped, partitions_of, sign,
};
use crate::error::FlashError;
use crate::gpt::HEAD;
use aws_lc_rs::digest::{Context, SHA256};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The second copy of a GPT: 32 sectors of entries and a header.
const TAIL: u64 = 33 * 512;

/// What the image itself does not say.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Its version.
    pub version: String,
    /// Boards that it runs on.
    pub boards: Vec<String>,
    /// RAUC's compatible.
    pub compatible: String,
    /// Smallest disk in bytes; at least the image's size is taken.
    pub smallest_disk: u64,
    /// Schema of `roombox.toml` that it reads.
    pub provision_schema: Option<u32>,
    /// Seconds since 1970 after which it is not written any more.
    pub not_after: Option<u64>,
    /// When it was built, in seconds since 1970; `None` for now.
    pub built: Option<u64>,
    /// zstd's level; 0 leaves the image as it is, beside its manifest.
    pub level: i32,
    /// What a block map calls mapped, in addition to what is found.
    pub also: Vec<ops::Range<u64>>,
}

/// What [`make`] wrote.
#[derive(Debug, Clone)]
pub struct Made {
    /// The image's file.
    pub image: PathBuf,
    /// Its manifest.
    pub manifest: PathBuf,
    /// The signature, if there was a key.
    pub signature: Option<PathBuf>,
    /// What the manifest says.
    pub facts: Manifest,
}

/// Writes `<image>.zst`, `<image>.zst.manifest.json` and its signature into `out`.
///
/// # Errors
/// An image without a GPT, or files that cannot be read or written.
pub fn make(
    image: &Path,
    out: &Path,
    facts: &Facts,
    key: Option<&SecretKey>,
) -> Result<Made, FlashError> {
    let read = |error: io::Error| FlashError::image(image, format!("it cannot be read: {error}"));
    let mut file = File::open(image).map_err(read)?;
    let size = file.metadata().map_err(read)?.len();
    let (_, partitions) = partitions_of(&mut file).map_err(read)?;
    let places = mapped(&mut file, size, &partitions, &facts.also).map_err(read)?;
    let ranges = ranges_of(&mut file, &places).map_err(read)?;
    let name = image.file_name().map_or_else(|| "image.img".into(), ToOwned::to_owned);
    let mut target = out.join(name);
    let stored = if facts.level == 0 {
        copy(image, &target).map_err(|source| FlashError::file(&target, source))?;
        let mut copy = File::open(&target).map_err(|source| FlashError::file(&target, source))?;
        let sha256 = Reader::new(&mut copy)
            .sha256(0, size)
            .map_err(|source| FlashError::file(&target, source))?;
        FileFacts { name: plain_name(&target), size, sha256 }
    } else {
        target = target.with_added_extension("zst");
        compress(&mut file, &target, &places, size, facts.level)
            .map_err(|source| FlashError::file(&target, source))?
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let manifest = Manifest {
        format: FORMAT,
        product: "roombox".to_owned(),
        version: facts.version.clone(),
        built: facts.built.unwrap_or(now),
        not_after: facts.not_after,
        boards: facts.boards.clone(),
        compatible: facts.compatible.clone(),
        size,
        smallest_disk: facts.smallest_disk.max(size),
        block: 4096,
        ranges,
        file: stored,
        partitions,
        provision_schema: facts.provision_schema,
    };
    let text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| FlashError::image(image, error.to_string()))?;
    Manifest::parse(&text).map_err(|why| FlashError::image(image, why))?;
    let path = target.with_added_extension("manifest.json");
    fs::write(&path, &text).map_err(|source| FlashError::file(&path, source))?;
    let signature = key.map(|key| {
        let signature = path.with_added_extension("sig");
        fs::write(&signature, sign(key, &text))
            .map_err(|source| FlashError::file(&signature, source))?;
        Ok(signature)
    });
    Ok(Made { image: target, manifest: path, signature: signature.transpose()?, facts: manifest })
}

/// Ranges with their hashes, none longer than [`LONGEST_RANGE`] and none across the table's place.
///
/// # Errors
/// Bytes that cannot be read.
pub fn ranges_of<R: Read + Seek>(
    image: &mut R,
    places: &[ops::Range<u64>],
) -> io::Result<Vec<Range>> {
    let mut reader = Reader::new(image);
    let mut ranges = Vec::new();
    for place in places {
        let mut at = place.start;
        while at < place.end {
            let limit = if at < HEAD { HEAD } else { (at / LONGEST_RANGE + 1) * LONGEST_RANGE };
            let length = place.end.min(limit) - at;
            ranges.push(Range { offset: at, length, sha256: reader.sha256(at, length)? });
            at += length;
        }
    }
    Ok(ranges)
}

/// Hashes pieces of a file; what lies behind its end counts as zeroes.
pub(super) struct Reader<'a, R> {
    file: &'a mut R,
    buffer: Vec<u8>,
}

impl<'a, R: Read + Seek> Reader<'a, R> {
    pub(super) fn new(file: &'a mut R) -> Self {
        Self { file, buffer: vec![0; 1 << 20] }
    }

    pub(super) fn sha256(&mut self, offset: u64, length: u64) -> io::Result<String> {
        self.file.seek(SeekFrom::Start(offset))?;
        let mut hash = Context::new(&SHA256);
        let mut left = length;
        while left > 0 {
            let now = left.min(self.buffer.len() as u64) as usize;
            let read = fill(self.file, &mut self.buffer[..now])?;
            self.buffer[read..now].fill(0);
            hash.update(&self.buffer[..now]);
            left -= now as u64;
        }
        Ok(hex(hash.finish().as_ref()))
    }
}

/// Reads until the buffer is full or the file ends.
pub(super) fn fill<R: Read>(file: &mut R, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read(&mut buffer[done..]) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

struct Counted<W> {
    inner: W,
    hash: Context,
    size: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Copies an image to where it shall lie, which may be where it lies.
fn copy(image: &Path, target: &Path) -> io::Result<()> {
    if fs::canonicalize(target).is_ok_and(|there| fs::canonicalize(image).is_ok_and(|i| i == there))
    {
        return Ok(());
    }
    // Not onto what may be the image under another name.
    let new = target.with_added_extension("new");
    fs::copy(image, &new)?;
    fs::rename(&new, target)
}

/// The image as zstd, with zeroes where nothing matters: they cost nothing to store. The copy of the
/// table is for other tools: ours writes it to the end of each disk.
fn compress<R: Read + Seek>(
    image: &mut R,
    target: &Path,
    places: &[ops::Range<u64>],
    size: u64,
    level: i32,
) -> io::Result<FileFacts> {
    let counted = Counted {
        inner: BufWriter::with_capacity(1 << 20, File::create(target)?),
        hash: Context::new(&SHA256),
        size: 0,
    };
    let mut encoder = zstd::stream::write::Encoder::new(counted, level)?;
    // Whoever unpacks it needs a window of at most 8 MiB.
    encoder.window_log(23)?;
    encoder.include_checksum(true)?;
    let mut buffer = vec![0; 1 << 20];
    let zeroes = vec![0; 1 << 20];
    let mut at = 0;
    let last = places.last().map_or(0, |place| place.end.min(size));
    let gaps =
        places.iter().cloned().chain(std::iter::once(size.saturating_sub(TAIL).max(last)..size));
    for place in gaps {
        let mut gap = place.start.min(size) - at;
        while gap > 0 {
            let now = gap.min(zeroes.len() as u64) as usize;
            encoder.write_all(&zeroes[..now])?;
            gap -= now as u64;
        }
        at = place.start.min(size);
        image.seek(SeekFrom::Start(at))?;
        while at < place.end.min(size) {
            let now = (place.end.min(size) - at).min(buffer.len() as u64) as usize;
            image.read_exact(&mut buffer[..now])?;
            encoder.write_all(&buffer[..now])?;
            at += now as u64;
        }
    }
    let mut counted = encoder.finish()?;
    counted.inner.flush()?;
    counted.inner.get_ref().sync_all()?;
    Ok(FileFacts {
        name: plain_name(target),
        size: counted.size,
        sha256: hex(counted.hash.finish().as_ref()),
    })
}

fn plain_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
