//! A small image with the product's labels, made anew for each test.

use crate::command::text;
use roombox_flash::gpt::{Entry, Gpt, Guid};
use roombox_flash::manifest::{Facts, Made, Manifest, SecretKey, make};
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

pub const MIB: usize = 1 << 20;

/// Label, MiB, what lies in it.
const LAYOUT: [(&str, usize, &str); 6] = [
    ("esp", 2, "fat"),
    ("kernel-a", 1, "ext4"),
    ("kernel-b", 1, ""),
    ("rootfs-a", 0, "squashfs"),
    ("rootfs-b", 0, ""),
    ("data", 1, "ext4"),
];

/// Bytes without a pattern that a shifted block would fit into (xorshift64*).
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend(state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A raw image whose roots have so many MiB.
pub fn raw(seed: u64, root_mib: usize) -> Vec<u8> {
    let mut entries = Vec::new();
    let mut at = MIB;
    for (n, (label, mib, _)) in LAYOUT.iter().enumerate() {
        let size = if *mib == 0 { root_mib } else { *mib } * MIB;
        entries.push(Entry {
            number: n as u32 + 1,
            kind: if n == 0 { Guid::ESP } else { Guid::LINUX },
            guid: Guid(noise(seed + n as u64, 16).try_into().unwrap()),
            offset: at as u64,
            size: size as u64,
            attributes: 0,
            label: (*label).to_owned(),
        });
        at += size;
    }
    let size = at + MIB;
    let mut bytes = vec![0; size];
    for (entry, (label, _, fs)) in entries.iter().zip(LAYOUT) {
        let place = entry.offset as usize..(entry.offset + entry.size) as usize;
        let contents = match fs {
            "fat" => fat(place.len()),
            "squashfs" => {
                let mut root = noise(seed + 77, place.len());
                let used = place.len() - MIB / 2 - 1000;
                root[..4].copy_from_slice(b"hsqs");
                root[40..48].copy_from_slice(&(used as u64).to_le_bytes());
                root[used..].fill(0);
                root
            }
            "ext4" => {
                // Holes like those of a sparse file system: they must be zero on the disk, too.
                let mut part = noise(seed + label.len() as u64, place.len());
                part[..1024].fill(0);
                part[1024 + 56..1024 + 58].copy_from_slice(&[0x53, 0xef]);
                part[MIB / 2..MIB / 2 + 65536].fill(0);
                part
            }
            _ => vec![0; place.len()],
        };
        bytes[place].copy_from_slice(&contents);
    }
    let gpt = Gpt { disk: Guid(noise(seed, 16).try_into().unwrap()), entries, boot_code: vec![] };
    let (head, tail) = gpt.fitted(size as u64, 512).unwrap();
    bytes[..head.len()].copy_from_slice(&head);
    let end = size - tail.len();
    bytes[end..].copy_from_slice(&tail);
    bytes
}

fn fat(size: usize) -> Vec<u8> {
    let mut disk = Cursor::new(vec![0; size]);
    fatfs::format_volume(&mut disk, fatfs::FormatVolumeOptions::new()).unwrap();
    {
        let fs = fatfs::FileSystem::new(&mut disk, fatfs::FsOptions::new()).unwrap();
        let root = fs.root_dir();
        root.create_dir("EFI").unwrap().create_dir("BOOT").unwrap();
        let mut loader = root.create_file("EFI/BOOT/BOOTX64.EFI").unwrap();
        loader.write_all(&noise(9, 30_000)).unwrap();
        root.create_file("EFI/BOOT/grubenv").unwrap().write_all(&[b'#'; 1024]).unwrap();
    }
    disk.into_inner()
}

pub fn facts() -> Facts {
    Facts {
        version: "1.2.3".to_owned(),
        boards: vec!["qemu-x86-64".to_owned()],
        compatible: "roombox-qemu-x86-64".to_owned(),
        smallest_disk: 0,
        provision_schema: Some(1),
        not_after: None,
        built: Some(1_700_000_000),
        level: 1,
        also: vec![],
    }
}

/// An image as files in a folder: raw, compressed, manifest, signature, keys.
pub struct Files {
    pub folder: tempfile::TempDir,
    pub raw: Vec<u8>,
    pub image: PathBuf,
    pub manifest_path: PathBuf,
    pub manifest: Manifest,
    pub public: PathBuf,
}

impl Files {
    pub fn new(root_mib: usize, facts: &Facts) -> Self {
        // On a real file system: O_DIRECT is part of what is tested.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let raw = raw(1, root_mib);
        let path = folder.path().join("roombox.img");
        fs::write(&path, &raw).unwrap();
        let key = folder.path().join("key");
        SecretKey::make(&key).unwrap();
        let Made { image, manifest, facts, .. } =
            make(&path, folder.path(), facts, Some(&SecretKey::read(&key).unwrap())).unwrap();
        let public = key.with_added_extension("pub");
        Self { folder, raw, image, manifest_path: manifest, manifest: facts, public }
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file that holds an old disk.
    pub fn old_disk(&self, name: &str, size: usize) -> PathBuf {
        let path = self.at(name);
        fs::write(&path, old_disk(size)).unwrap();
        path
    }

    /// The command that writes this image to `target`, and `more` behind it.
    pub fn write_arguments<'a>(&'a self, target: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments =
            vec!["write", text(&self.image), target, "--yes", "--board", "qemu-x86-64"];
        arguments.extend(["--public-key", text(&self.public)]);
        arguments.extend(more);
        arguments
    }
}

/// A disk with a sound table and something everywhere.
pub fn old_disk(size: usize) -> Vec<u8> {
    let mut bytes = noise(4711, size);
    let entry = Entry {
        number: 1,
        kind: Guid::LINUX,
        guid: Guid([7; 16]),
        offset: MIB as u64,
        size: (size - 2 * MIB) as u64,
        attributes: 0,
        label: "old".to_owned(),
    };
    let gpt = Gpt { disk: Guid([9; 16]), entries: vec![entry], boot_code: vec![] };
    let (head, tail) = gpt.fitted(size as u64, 512).unwrap();
    bytes[..head.len()].copy_from_slice(&head);
    bytes[size - tail.len()..].copy_from_slice(&tail);
    bytes
}

/// Tables at the beginning and at the end.
pub fn tables(disk: &[u8]) -> (Option<Gpt>, Option<Gpt>) {
    let tail = &disk[disk.len() - 65536..];
    (Gpt::read_head(&disk[..MIB]).ok(), Gpt::read_tail(tail, 512).ok())
}

/// That a disk holds the image behind its table; in the boot FAT what `fat` says.
pub fn holds(disk: &[u8], raw: &[u8], manifest: &Manifest, fat: Option<&[u8]>) -> bool {
    let (head, tail) = tables(disk);
    let Some((head, tail)) = head.zip(tail) else { return false };
    let image = Gpt::read_head(raw).unwrap();
    let boot = manifest.boot_partition().unwrap();
    (&head.entries, &head.disk) == (&tail.entries, &tail.disk)
        && head.entries == image.entries
        && manifest.ranges.iter().filter(|range| range.offset >= MIB as u64).all(|range| {
            let place = range.offset as usize..(range.offset + range.length) as usize;
            let in_fat = range.offset >= boot.offset && range.offset < boot.offset + boot.size;
            match fat.filter(|_| in_fat) {
                Some(fat) => {
                    let from = (range.offset - boot.offset) as usize;
                    disk[place] == fat[from..from + range.length as usize]
                }
                None => disk[place.clone()] == raw[place],
            }
        })
}

pub fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}
