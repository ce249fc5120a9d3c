//! The installer of PCs: the running stick's own disk, cloned to an internal one. What is cloned is
//! made into an image with a manifest first and then written like any other, so that every rule of
//! [`crate::write`] holds.
//!
//! The new disk gets new GUIDs (stick and disk stand beside each other), one filled side, an empty
//! one, and an empty data partition: identity and key are made at its first start.

use crate::device::{AlignedBuf, BlockDev, Doing, read_exact};
use crate::error::FlashError;
use crate::fat::FatFile;
use crate::gpt::{Gpt, HEAD};
use crate::manifest::{FORMAT, FileFacts, Manifest, hex, mapped, partitions_of, ranges_of};
use crate::stream::Source;
use aws_lc_rs::digest::{SHA256, digest};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// GRUB's state on the boot FAT.
const GRUBENV: &str = "EFI/BOOT/grubenv";
const GRUBENV_BYTES: usize = 1024;
/// The partitions without which there is nothing to install.
const NEEDED: [&str; 6] = ["esp", "kernel-a", "kernel-b", "rootfs-a", "rootfs-b", "data"];
const MIB: u64 = 1 << 20;
/// As in an image; the first start lets it grow.
const DATA: u64 = 64 * MIB;

/// The side that runs now, which is the one to clone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `rootfs-a` and its kernel.
    A,
    /// `rootfs-b` and its kernel.
    B,
}

impl Side {
    /// From the kernel's command line (`rauc.slot=A`).
    pub fn running(command_line: &str) -> Option<Self> {
        command_line.split_whitespace().find_map(|word| match word.strip_prefix("rauc.slot=")? {
            "A" => Some(Self::A),
            "B" => Some(Self::B),
            _ => None,
        })
    }
}

/// A piece of the image that is put together.
#[derive(Debug, Clone)]
enum Piece {
    Bytes(Vec<u8>),
    /// From so many bytes into a file or disk.
    Of(PathBuf, u64),
}

/// An image that lies in pieces on the stick. Zeroes lie between them.
#[derive(Debug, Clone)]
pub struct Assembled {
    size: u64,
    /// Offset, length, contents; in order.
    pieces: Vec<(u64, u64, Piece)>,
}

/// What is to be written, and how it hashes.
#[derive(Debug)]
pub struct Plan {
    /// Of the image that is put together.
    pub manifest: Manifest,
    /// SHA-256 of the manifest.
    pub digest: String,
    /// The image.
    pub source: Assembled,
    /// What the new disk's boot FAT gets beside the clone.
    pub files: Vec<FatFile>,
}

/// What the running image says of itself.
#[derive(Debug, Clone)]
pub struct Running {
    /// Its version.
    pub version: String,
    /// Its board.
    pub board: String,
    /// RAUC's compatible.
    pub compatible: String,
    /// Its side.
    pub side: Side,
}

/// Reads the stick and puts the new disk's image together. `work` is a folder for a copy of the boot
/// FAT, which the running system may change, and for an empty data partition.
///
/// # Errors
/// A disk that is no box's, or one that cannot be read.
pub fn plan(
    stick: &mut dyn BlockDev,
    stick_path: &Path,
    running: &Running,
    work: &Path,
) -> Result<Plan, FlashError> {
    let mut head = AlignedBuf::new(HEAD as usize);
    read_exact(stick, Doing::Read, 0, &mut head)?;
    let name = stick.name().to_owned();
    let not_ours = |why: String| FlashError::target(&name, why);
    let mut gpt = Gpt::read_head(&head).map_err(|error| not_ours(error.to_string()))?;
    let missing = NEEDED.iter().find(|label| gpt.labelled(label).is_none());
    if let Some(label) = missing {
        return Err(not_ours(format!(
            "it has no partition {label:?}: it is no stick of a PC's image"
        )));
    }
    let of = |label: &str| gpt.labelled(label).map_or((0, 0), |entry| (entry.offset, entry.size));
    let (kernel, rootfs) = match running.side {
        Side::A => (of("kernel-a"), of("rootfs-a")),
        Side::B => (of("kernel-b"), of("rootfs-b")),
    };
    let (esp, data) = (of("esp"), of("data"));
    let (to_kernel, to_rootfs) = (of("kernel-a"), of("rootfs-a"));
    let esp_copy = work.join("esp.img");
    copy_sparse(stick, esp, &esp_copy)?;
    let data_image = work.join("data.img");
    make_data(&data_image)?;
    gpt.renew();
    gpt.entries.retain(|entry| NEEDED.contains(&entry.label.as_str()));
    for entry in gpt.entries.iter_mut().filter(|entry| entry.label == "data") {
        entry.size = DATA;
    }
    let size = data.0 + DATA + MIB;
    let (table, _) = gpt.fitted(size, 512).map_err(|error| not_ours(error.to_string()))?;
    let from_stick = |from: (u64, u64)| Piece::Of(stick_path.to_owned(), from.0);
    let mut pieces = vec![
        (0, table.len() as u64, Piece::Bytes(table)),
        (esp.0, esp.1, Piece::Of(esp_copy, 0)),
        (to_kernel.0, to_kernel.1.min(kernel.1), from_stick(kernel)),
        (to_rootfs.0, to_rootfs.1.min(rootfs.1), from_stick(rootfs)),
        (data.0, DATA, Piece::Of(data_image, 0)),
    ];
    pieces.sort_by_key(|(offset, _, _)| *offset);
    let source = Assembled { size, pieces };
    let unreadable = |error: io::Error| FlashError::image(stick_path, error.to_string());
    let mut reader = source.reader();
    let (_, partitions) = partitions_of(&mut reader).map_err(unreadable)?;
    let places = mapped(&mut reader, size, &partitions, &[]).map_err(unreadable)?;
    let ranges = ranges_of(&mut reader, &places).map_err(unreadable)?;
    let manifest = Manifest {
        format: FORMAT,
        product: "roombox".to_owned(),
        version: running.version.clone(),
        built: 0,
        not_after: None,
        boards: vec![running.board.clone()],
        compatible: running.compatible.clone(),
        size,
        smallest_disk: size,
        block: 4096,
        ranges,
        file: FileFacts { name: "stick".to_owned(), size, sha256: String::new() },
        partitions,
        provision_schema: Some(roombox_provision::SCHEMA),
    };
    let text = serde_json::to_vec(&manifest).unwrap_or_default();
    Manifest::parse(&text).map_err(|why| not_ours(format!("it cannot be cloned: {why}")))?;
    let digest = hex(digest(&SHA256, &text).as_ref());
    let files = vec![FatFile { path: GRUBENV.to_owned(), bytes: grubenv() }];
    Ok(Plan { manifest, digest, source, files })
}

/// A state in which A is good and B is empty, in the block that GRUB reads (1024 bytes).
fn grubenv() -> Vec<u8> {
    let mut text =
        String::from("# GRUB Environment Block\nORDER=A B\nA_OK=1\nA_TRY=0\nB_OK=0\nB_TRY=0\n");
    while text.len() < GRUBENV_BYTES {
        text.push('#');
    }
    text.into_bytes()
}

/// Copies a part of a disk into a file, leaving holes where it is zero.
fn copy_sparse(dev: &mut dyn BlockDev, part: (u64, u64), to: &Path) -> Result<(), FlashError> {
    let told = |source| FlashError::file(to, source);
    let mut file = File::create(to).map_err(told)?;
    file.set_len(part.1).map_err(told)?;
    let mut buffer = AlignedBuf::new(MIB as usize);
    let mut at = 0;
    while at < part.1 {
        buffer.resize((part.1 - at).min(MIB) as usize);
        read_exact(dev, Doing::Read, part.0 + at, &mut buffer)?;
        for (n, block) in buffer.chunks(4096).enumerate() {
            if block.iter().any(|byte| *byte != 0) {
                file.seek(SeekFrom::Start(at + n as u64 * 4096)).map_err(told)?;
                file.write_all(block).map_err(told)?;
            }
        }
        at += buffer.len() as u64;
    }
    Ok(())
}

/// An empty ext4, made by e2fsprogs as an image's is.
fn make_data(path: &Path) -> Result<(), FlashError> {
    let file = File::create(path).and_then(|file| file.set_len(DATA));
    file.map_err(|source| FlashError::file(path, source))?;
    let made =
        Command::new("mke2fs").args(["-q", "-F", "-t", "ext4", "-L", "data"]).arg(path).output();
    match made {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(FlashError::Usage(format!(
            "mke2fs made no data partition: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ))),
        Err(source) => Err(FlashError::Usage(format!(
            "mke2fs cannot be started ({source}): install e2fsprogs"
        ))),
    }
}

impl Assembled {
    /// Reads it.
    pub fn reader(&self) -> AssembledReader {
        AssembledReader { image: self.clone(), at: 0, open: None }
    }
}

impl Source for Assembled {
    fn open(&self) -> Result<Box<dyn Read + Send>, FlashError> {
        Ok(Box::new(self.reader()))
    }
}

/// Reads an [`Assembled`] image.
#[derive(Debug)]
pub struct AssembledReader {
    image: Assembled,
    at: u64,
    /// Number of the piece, and its file.
    open: Option<(usize, File)>,
}

impl Read for AssembledReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.image.size.saturating_sub(self.at).min(out.len() as u64);
        if left == 0 {
            return Ok(0);
        }
        let pieces = &self.image.pieces;
        let found = pieces.iter().position(|(offset, length, _)| self.at < offset + length);
        let (now, piece) = match found {
            Some(n) if self.at >= pieces[n].0 => {
                (left.min(pieces[n].0 + pieces[n].1 - self.at), Some(n))
            }
            Some(n) => (left.min(pieces[n].0 - self.at), None),
            None => (left, None),
        };
        let out = &mut out[..now as usize];
        match piece {
            None => out.fill(0),
            Some(n) => {
                let (offset, _, piece) = &pieces[n];
                let inside = self.at - offset;
                match piece {
                    Piece::Bytes(bytes) => {
                        let from = inside as usize;
                        out.copy_from_slice(&bytes[from..from + out.len()]);
                    }
                    Piece::Of(path, from) => {
                        if self.open.as_ref().is_none_or(|(open, _)| *open != n) {
                            self.open = Some((n, File::open(path)?));
                        }
                        if let Some((_, file)) = &mut self.open {
                            file.seek(SeekFrom::Start(from + inside))?;
                            file.read_exact(out)?;
                        }
                    }
                }
            }
        }
        self.at += now;
        Ok(now as usize)
    }
}

impl Seek for AssembledReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.image.size.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
