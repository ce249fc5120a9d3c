//! Images as streams: zstd, xz, gzip or raw, told apart by their first bytes.

use crate::error::FlashError;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

/// Something that an image can be read from, from its beginning, more than once.
pub trait Source: Sync {
    /// Begins at its first byte.
    ///
    /// # Errors
    /// What cannot be opened.
    fn open(&self) -> Result<Box<dyn Read + Send>, FlashError>;
}

/// The most that an unpacker may remember: nothing that we write needs more than 8 MiB, and a
/// stranger's file shall not fill the memory.
const LARGEST_WINDOW_LOG: u32 = 25;
const XZ_MEMORY: u64 = 40 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Packing {
    Zstd,
    Xz,
    Gzip,
    Raw,
}

fn packing<R: Read + Seek>(file: &mut R) -> io::Result<Packing> {
    let mut magic = [0; 6];
    let mut got = 0;
    while got < magic.len() {
        match file.read(&mut magic[got..])? {
            0 => break,
            read => got += read,
        }
    }
    file.rewind()?;
    Ok(match magic {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Packing::Xz,
        [0x1f, 0x8b, ..] => Packing::Gzip,
        _ => Packing::Raw,
    })
}

/// Whether it has to be unpacked.
///
/// # Errors
/// A file that cannot be read.
pub fn is_compressed<R: Read + Seek>(file: &mut R) -> io::Result<bool> {
    Ok(packing(file)? != Packing::Raw)
}

/// Opens and unpacks.
///
/// # Errors
/// A file that cannot be opened.
pub fn open(path: &Path) -> Result<Box<dyn Read + Send>, FlashError> {
    let unreadable =
        |error: io::Error| FlashError::image(path, format!("it cannot be opened: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    unpacked(file).map_err(unreadable)
}

/// Unpacks a file or whatever reads like one.
///
/// # Errors
/// Bytes that cannot be read.
pub fn unpacked<R: Read + Seek + Send + 'static>(mut file: R) -> io::Result<Box<dyn Read + Send>> {
    let packing = packing(&mut file)?;
    let file = BufReader::with_capacity(256 << 10, file);
    Ok(match packing {
        Packing::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(file)?;
            decoder.window_log_max(LARGEST_WINDOW_LOG)?;
            Box::new(decoder)
        }
        Packing::Xz => {
            let stream = liblzma::stream::Stream::new_stream_decoder(
                XZ_MEMORY,
                liblzma::stream::CONCATENATED,
            )?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(file, stream))
        }
        Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Packing::Raw => Box::new(file),
    })
}
