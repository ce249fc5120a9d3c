//! GUID partition tables (UEFI 2.10 §5): read from an image, fitted to a disk, written at its both
//! ends. Positions are bytes here, so that a table made for blocks of 512 fits a disk of 4096.

use std::fmt;

/// A table always begins with so many bytes of protective MBR, header and entries, and ends before
/// the first partition can.
pub const HEAD: u64 = 1 << 20;
/// What is kept free at the disk's end for the second copy.
pub const TAIL: u64 = 1 << 20;

const SIGNATURE: &[u8; 8] = b"EFI PART";
const ENTRY: usize = 128;
const ENTRIES: usize = 128;
const HEADER: usize = 92;

/// A GUID, in the byte order of the table.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// EFI system partition.
    pub const ESP: Self = Self(parse("C12A7328-F81F-11D2-BA4B-00A0C93EC93B"));
    /// Linux data.
    pub const LINUX: Self = Self(parse("0FC63DAF-8483-4772-8E79-3D69D8477DE4"));

    /// A new one (RFC 9562, version 4).
    ///
    /// # Panics
    /// Where the system has no random numbers.
    #[allow(clippy::expect_used, reason = "without random numbers nothing may go on")]
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system gives random numbers");
        // The third group is little-endian: its high byte is the eighth.
        bytes[7] = bytes[7] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }
}

/// Hyphens as in UEFI's text form; the first three groups are little-endian.
const fn parse(text: &str) -> [u8; 16] {
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let text = text.as_bytes();
    let (mut out, mut at, mut n) = ([0; 16], 0, 0);
    while n < 16 {
        if text[at] == b'-' {
            at += 1;
        }
        out[ORDER[n]] = digit(text[at]) << 4 | digit(text[at + 1]);
        at += 2;
        n += 1;
    }
    out
}

const fn digit(character: u8) -> u8 {
    match character {
        b'0'..=b'9' => character - b'0',
        b'A'..=b'F' => character - b'A' + 10,
        _ => character - b'a' + 10,
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, byte) in [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15].iter().enumerate() {
            if [4, 6, 8, 10].contains(&n) {
                f.write_str("-")?;
            }
            write!(f, "{:02x}", self.0[*byte])?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1.
    pub number: u32,
    /// What it is for.
    pub kind: Guid,
    /// Its PARTUUID.
    pub guid: Guid,
    /// Where it begins.
    pub offset: u64,
    /// Its bytes.
    pub size: u64,
    /// Attribute bits.
    pub attributes: u64,
    /// Its label, at most 36 characters.
    pub label: String,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpt {
    /// The disk's own GUID.
    pub disk: Guid,
    /// Its partitions, by number.
    pub entries: Vec<Entry>,
    /// The MBR's first 440 bytes: a loader of old, or zeroes.
    pub boot_code: Vec<u8>,
}

/// Bytes that are no table, or not a whole one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GptError {
    /// There is no table.
    #[error("there is no GPT")]
    Missing,
    /// There is a damaged one.
    #[error("the GPT is damaged: {0}")]
    Damaged(&'static str),
    /// The table does not fit the disk.
    #[error("{0}")]
    Fit(String),
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(four)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}

fn guid_at(bytes: &[u8], at: usize) -> Guid {
    let mut guid = Guid::default();
    guid.0.copy_from_slice(&bytes[at..at + 16]);
    guid
}

impl Gpt {
    /// Reads the table from the first bytes of a disk or image; its blocks are found out.
    ///
    /// # Errors
    /// No table there, or one whose checksums or positions are wrong.
    pub fn read_head(head: &[u8]) -> Result<Self, GptError> {
        let block = [512, 4096]
            .into_iter()
            .find(|block| {
                let header = head.get(*block..*block + HEADER);
                header.is_some_and(|header| header.starts_with(SIGNATURE))
            })
            .ok_or(GptError::Missing)?;
        let entries_at = usize::try_from(u64_at(head, block + 72)).unwrap_or(usize::MAX);
        let entries = entries_at
            .checked_mul(block)
            .and_then(|at| head.get(at..))
            .ok_or(GptError::Damaged("its entries lie elsewhere"))?;
        Self::read(&head[block..], entries, block as u64, head)
    }

    /// Reads the second copy from a disk's last bytes.
    ///
    /// # Errors
    /// As [`Gpt::read_head`].
    pub fn read_tail(tail: &[u8], block: u64) -> Result<Self, GptError> {
        let block_bytes = usize::try_from(block).unwrap_or(512);
        let header = tail.len().checked_sub(block_bytes).ok_or(GptError::Missing)?;
        if tail.get(header..header + 8) != Some(SIGNATURE) {
            return Err(GptError::Missing);
        }
        let own = u64_at(&tail[header..], 24);
        let behind = own
            .checked_sub(u64_at(&tail[header..], 72))
            .and_then(|blocks| usize::try_from(blocks).ok()?.checked_mul(block_bytes))
            .and_then(|bytes| header.checked_sub(bytes))
            .ok_or(GptError::Damaged("its entries lie elsewhere"))?;
        Self::read(&tail[header..], &tail[behind..], block, &[])
    }

    fn read(header: &[u8], entries: &[u8], block: u64, mbr: &[u8]) -> Result<Self, GptError> {
        let length = u32_at(header, 12) as usize;
        if !(HEADER..=512).contains(&length) || header.len() < length {
            return Err(GptError::Damaged("its header has an odd length"));
        }
        let mut plain = header[..length].to_vec();
        plain[16..20].fill(0);
        if crc32fast::hash(&plain) != u32_at(header, 16) {
            return Err(GptError::Damaged("its header's checksum is wrong"));
        }
        let (count, size) = (u32_at(header, 80) as usize, u32_at(header, 84) as usize);
        if count > 1024 || !(ENTRY..=4096).contains(&size) {
            return Err(GptError::Damaged("it has odd entries"));
        }
        let all = entries.get(..count * size).ok_or(GptError::Damaged("its entries are cut"))?;
        if crc32fast::hash(all) != u32_at(header, 88) {
            return Err(GptError::Damaged("its entries' checksum is wrong"));
        }
        let mut read = Vec::new();
        for (n, entry) in all.chunks_exact(size).enumerate() {
            if guid_at(entry, 0) == Guid::default() {
                continue;
            }
            read.push(Self::entry(n as u32 + 1, entry, block)?);
        }
        let boot_code = mbr.get(..440).unwrap_or_default().to_vec();
        Ok(Self { disk: guid_at(header, 56), entries: read, boot_code })
    }

    fn entry(number: u32, entry: &[u8], block: u64) -> Result<Entry, GptError> {
        let (first, last) = (u64_at(entry, 32), u64_at(entry, 40));
        let label: Vec<u16> = entry[56..ENTRY]
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .take_while(|unit| *unit != 0)
            .collect();
        let place = last
            .checked_sub(first)
            .and_then(|blocks| blocks.checked_add(1)?.checked_mul(block))
            .zip(first.checked_mul(block))
            .filter(|(size, offset)| offset.checked_add(*size).is_some());
        let (size, offset) = place.ok_or(GptError::Damaged("a partition ends before it begins"))?;
        Ok(Entry {
            number,
            kind: guid_at(entry, 0),
            guid: guid_at(entry, 16),
            offset,
            size,
            attributes: u64_at(entry, 48),
            label: String::from_utf16_lossy(&label),
        })
    }

    /// The partition with this label.
    pub fn labelled(&self, label: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.label == label)
    }

    /// New GUIDs for the disk and every partition: a copy that can stand beside the original.
    pub fn renew(&mut self) {
        self.disk = Guid::random();
        for entry in &mut self.entries {
            entry.guid = Guid::random();
        }
    }

    /// Both copies for a disk of `size` bytes: what to write at its beginning (MBR, header, entries)
    /// and what at its very end.
    ///
    /// # Errors
    /// A partition that lies outside, or between the disk's blocks.
    pub fn fitted(&self, size: u64, block: u64) -> Result<(Vec<u8>, Vec<u8>), GptError> {
        let blocks = size / block;
        let entry_blocks = (ENTRIES * ENTRY) as u64 / block;
        let (first, last) = (2 + entry_blocks, blocks.saturating_sub(2 + entry_blocks));
        let mut entries = vec![0; ENTRIES * ENTRY];
        for entry in &self.entries {
            let wrong = |why: &str| GptError::Fit(format!("partition {:?} {why}", entry.label));
            if !entry.offset.is_multiple_of(block) || !entry.size.is_multiple_of(block) {
                return Err(wrong("does not lie on whole blocks of this disk"));
            }
            let begin = entry.offset / block;
            let end = (entry.offset + entry.size) / block;
            if begin < first || end == begin || end > last + 1 {
                return Err(wrong("does not fit on this disk"));
            }
            let place = (entry.number as usize)
                .checked_sub(1)
                .and_then(|n| entries.get_mut(n * ENTRY..(n + 1) * ENTRY))
                .ok_or_else(|| wrong("has a number that this table has no room for"))?;
            place[..16].copy_from_slice(&entry.kind.0);
            place[16..32].copy_from_slice(&entry.guid.0);
            place[32..40].copy_from_slice(&begin.to_le_bytes());
            place[40..48].copy_from_slice(&(end - 1).to_le_bytes());
            place[48..56].copy_from_slice(&entry.attributes.to_le_bytes());
            for (unit, pair) in entry.label.encode_utf16().zip(place[56..].chunks_exact_mut(2)) {
                pair.copy_from_slice(&unit.to_le_bytes());
            }
        }
        let bytes = usize::try_from(block).unwrap_or(512);
        let header = |own: u64, other: u64, entries_at: u64| {
            let mut header = vec![0; bytes];
            header[..8].copy_from_slice(SIGNATURE);
            header[8..12].copy_from_slice(&0x0001_0000u32.to_le_bytes());
            header[12..16].copy_from_slice(&(HEADER as u32).to_le_bytes());
            for (at, value) in [(24, own), (32, other), (40, first), (48, last), (72, entries_at)] {
                header[at..at + 8].copy_from_slice(&value.to_le_bytes());
            }
            header[56..72].copy_from_slice(&self.disk.0);
            header[80..84].copy_from_slice(&(ENTRIES as u32).to_le_bytes());
            header[84..88].copy_from_slice(&(ENTRY as u32).to_le_bytes());
            header[88..92].copy_from_slice(&crc32fast::hash(&entries).to_le_bytes());
            let sum = crc32fast::hash(&header[..HEADER]);
            header[16..20].copy_from_slice(&sum.to_le_bytes());
            header
        };
        let mut head = vec![0; bytes];
        head[..self.boot_code.len().min(440)]
            .copy_from_slice(&self.boot_code[..self.boot_code.len().min(440)]);
        // UEFI 2.10 §5.2.3: one partition of type EE over everything.
        let protected = u32::try_from(blocks - 1).unwrap_or(u32::MAX);
        head[446..462]
            .copy_from_slice(&[0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0]);
        head[458..462].copy_from_slice(&protected.to_le_bytes());
        head[510..512].copy_from_slice(&[0x55, 0xaa]);
        head.extend(header(1, blocks - 1, 2));
        head.extend_from_slice(&entries);
        let mut tail = entries.clone();
        tail.extend(header(blocks - 1, 1, blocks - 1 - entry_blocks));
        Ok((head, tail))
    }
}
