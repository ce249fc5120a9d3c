//! What an image is: `manifest.json` beside it, signed. It says for which boards the image is, which
//! bytes of it matter and what each run of them hashes to, so that a disk can be verified without the
//! image and a bad download fails before or at its own offset.

mod bmap;
mod files;
mod make;
mod mapping;
mod signature;

pub use bmap::read as read_bmap;
pub use files::{ImageFile, Loaded, load};
pub use make::{Facts, Made, make, ranges_of};
pub use mapping::{mapped, partitions_of};
pub use signature::{KeyKind, PublicKey, SecretKey, Trust, sign};

use crate::gpt::{HEAD, TAIL};
use serde::{Deserialize, Serialize};

/// The only manifest format there is.
pub const FORMAT: u32 = 1;
/// Longest range that one hash covers: what a resumed write reads again at most for nothing.
pub const LONGEST_RANGE: u64 = 8 << 20;
/// A manifest of an image of 100 GB has less.
const LONGEST_MANIFEST: usize = 64 << 20;

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// `roombox`.
    pub product: String,
    /// The image's version.
    pub version: String,
    /// When it was built, in seconds since 1970.
    pub built: u64,
    /// Seconds since 1970 after which nobody writes it any more; absent for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<u64>,
    /// Ids of the boards that it runs on.
    pub boards: Vec<String>,
    /// RAUC's compatible.
    pub compatible: String,
    /// Bytes of the image when unpacked.
    pub size: u64,
    /// Smallest disk, in bytes.
    pub smallest_disk: u64,
    /// Every range is a multiple of it.
    pub block: u64,
    /// What matters, in order. The rest may be anything.
    pub ranges: Vec<Range>,
    /// The image's file.
    pub file: FileFacts,
    /// Its partitions, in order.
    pub partitions: Vec<PartitionFacts>,
    /// The schema of `roombox.toml` that this image reads; absent if it reads none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provision_schema: Option<u32>,
}

/// Bytes that matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// First byte.
    pub offset: u64,
    /// How many.
    pub length: u64,
    /// SHA-256 of them, in hexadecimal.
    pub sha256: String,
}

/// The file with the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileFacts {
    /// Its name, in the manifest's folder.
    pub name: String,
    /// Its bytes, compressed.
    pub size: u64,
    /// SHA-256 of them.
    pub sha256: String,
}

/// A partition of the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionFacts {
    /// From 1.
    pub number: u32,
    /// Its label, which is the contract.
    pub label: String,
    /// Where it begins.
    pub offset: u64,
    /// Its bytes.
    pub size: u64,
    /// What lies in it: `vfat`, `ext4`, `squashfs`, `empty` or `other`.
    pub fs: String,
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        if text.len() > LONGEST_MANIFEST {
            return Err(format!("it has {} bytes: that is no manifest", text.len()));
        }
        let manifest: Self = serde_json::from_slice(text)
            .map_err(|error| format!("it is no manifest that this roomflash reads: {error}"))?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("its format is {}, this roomflash reads {FORMAT}", self.format));
        }
        if self.product != "roombox" {
            return Err(format!("it is for {:?}, not for a roombox", self.product));
        }
        if !self.block.is_power_of_two() || !(4096..=1 << 20).contains(&self.block) {
            return Err(format!("its block size is {}", self.block));
        }
        let name = &self.file.name;
        if name.is_empty() || name.contains(['/', '\\', '\0']) || name.starts_with('.') {
            return Err(format!("it names the file {name:?}: a plain name is allowed"));
        }
        if self.size > 1 << 46 || self.smallest_disk < self.size {
            return Err(format!(
                "an image of {} bytes for disks of {} bytes does not fit",
                self.size, self.smallest_disk
            ));
        }
        self.check_ranges()?;
        let mut free = HEAD;
        for partition in &self.partitions {
            let end = partition.offset.checked_add(partition.size);
            if partition.offset < free || end.is_none_or(|end| end > self.size) {
                return Err(format!("partition {:?} overlaps or lies outside", partition.label));
            }
            free = end.unwrap_or(u64::MAX);
        }
        if self.partitions.is_empty() {
            return Err("it names no partitions".to_owned());
        }
        Ok(())
    }

    fn check_ranges(&self) -> Result<(), String> {
        let mut free = 0;
        for range in &self.ranges {
            let wrong = |why: &str| Err(format!("the range at byte {} {why}", range.offset));
            let Some(end) = range.offset.checked_add(range.length) else {
                return wrong("has no end");
            };
            if range.offset < free || range.length == 0 || range.length > LONGEST_RANGE {
                return wrong("overlaps, is empty or is too long");
            }
            if !range.offset.is_multiple_of(self.block) || !range.length.is_multiple_of(self.block)
            {
                return wrong("does not lie on whole blocks");
            }
            if end > self.size.next_multiple_of(self.block) {
                return wrong("ends behind the image");
            }
            if range.offset < HEAD && end > HEAD {
                return wrong("crosses the partition table's place");
            }
            if range.sha256.len() != 64 || !range.sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
                return wrong("has no SHA-256");
            }
            free = end;
        }
        match self.ranges.first() {
            Some(first) if first.offset == 0 => Ok(()),
            _ => Err("its partition table is not in its ranges".to_owned()),
        }
    }

    /// Bytes that are written.
    pub fn mapped(&self) -> u64 {
        self.ranges.iter().map(|range| range.length).sum()
    }

    /// The first FAT partition: loader, boot state and `roombox.toml`.
    pub fn boot_partition(&self) -> Option<&PartitionFacts> {
        self.partitions.iter().find(|partition| partition.fs == "vfat")
    }

    /// The partition with this label.
    pub fn partition(&self, label: &str) -> Option<&PartitionFacts> {
        self.partitions.iter().find(|partition| partition.label == label)
    }

    /// Where the last partition ends.
    pub fn end(&self) -> u64 {
        self.partitions.last().map_or(HEAD, |last| last.offset + last.size)
    }

    /// A disk that it fits on.
    ///
    /// # Errors
    /// The sentence that says how much is missing.
    pub fn fits(&self, disk: u64) -> Result<(), String> {
        let least = self.smallest_disk.max(self.end() + TAIL);
        if disk < least {
            return Err(format!(
                "it has {} MiB and the image needs {} MiB: take a larger disk",
                disk >> 20,
                least.div_ceil(1 << 20)
            ));
        }
        Ok(())
    }
}

/// SHA-256, in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
        text
    })
}
