//! A write onto a sound disk: what is on it afterwards, what a second one does, what each step guards.

use crate::image::{self, Files, MIB, holds, old_disk, tables};
use crate::memory::{Fault, Memory};
use roombox_flash::error::FlashError;
use roombox_flash::fat::{self, FatFile};
use roombox_flash::gpt::Gpt;
use roombox_flash::manifest::{Manifest, ranges_of};
use roombox_flash::probe::probe;
use roombox_flash::progress::{Phase, Progress, Silent};
use roombox_flash::stream::{Source, unpacked};
use roombox_flash::write::{Order, Outcome, compare, write};
use std::io::{Cursor, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

pub struct Bytes(pub Arc<Vec<u8>>);

struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Source for Bytes {
    fn open(&self) -> Result<Box<dyn Read + Send>, FlashError> {
        Ok(unpacked(Cursor::new(Shared(Arc::clone(&self.0)))).unwrap())
    }
}

/// An image in memory, with its manifest.
pub struct Image {
    pub raw: Vec<u8>,
    pub manifest: Manifest,
    pub source: Bytes,
}

impl Image {
    pub fn new() -> Self {
        let files = Files::new(3, &image::facts());
        let source = Bytes(Arc::new(image::read(&files.image)));
        Self { raw: files.raw, manifest: files.manifest, source }
    }

    pub fn write(&self, dev: &mut Memory, files: &[FatFile]) -> Result<Outcome, FlashError> {
        self.write_telling(dev, files, true, &Silent, &AtomicBool::new(false))
    }

    pub fn write_telling(
        &self,
        dev: &mut Memory,
        files: &[FatFile],
        verify: bool,
        progress: &dyn Progress,
        cancel: &AtomicBool,
    ) -> Result<Outcome, FlashError> {
        let order = Order {
            manifest: &self.manifest,
            digest: &"d1".repeat(32),
            source: &self.source,
            verify,
            files,
            progress,
            cancel,
        };
        write(dev, &order)
    }

    /// The boot FAT after a faultless injection.
    pub fn fat_with(&self, files: &[FatFile]) -> Vec<u8> {
        let mut dev = Memory::new(self.raw.clone(), Fault::None);
        let boot = self.manifest.boot_partition().unwrap();
        fat::put(&mut dev, boot.offset, boot.size, files).unwrap();
        dev.bytes[boot.offset as usize..(boot.offset + boot.size) as usize].to_vec()
    }
}

pub fn toml() -> Vec<FatFile> {
    let bytes = b"[box]\nname = \"Hall\"\n".to_vec();
    vec![FatFile { path: "roombox.toml".to_owned(), bytes }]
}

#[test]
fn a_written_disk_holds_the_image_and_a_table_of_its_own_size() {
    let image = Image::new();
    for (size, block) in [(16, 512), (40, 512), (40, 4096)] {
        let mut dev = Memory::new(old_disk(size * MIB), Fault::None);
        dev.block = block;
        let outcome = image.write(&mut dev, &toml()).unwrap();
        assert_eq!((outcome.verified, outcome.kept), (true, 0));
        let tail = &dev.bytes[dev.bytes.len() - 65536..];
        let second = Gpt::read_tail(tail, block).expect("the second table is at the end");
        assert_eq!(second.entries, Gpt::read_head(&image.raw).unwrap().entries);
        let fat = image.fat_with(&toml());
        assert!(block != 512 || holds(&dev.bytes, &image.raw, &image.manifest, Some(&fat)));
        let boot = image.manifest.boot_partition().unwrap();
        let found = fat::read(&mut dev, boot.offset, boot.size, "roombox.toml").unwrap();
        assert_eq!(found.as_deref(), Some(&toml()[0].bytes[..]));
        let loader = fat::read(&mut dev, boot.offset, boot.size, "EFI/BOOT/BOOTX64.EFI").unwrap();
        assert_eq!(loader.map(|bytes| bytes.len()), Some(30_000));
        compare(&mut dev, &image.manifest, true, &Silent).unwrap();
        let differs = compare(&mut dev, &image.manifest, false, &Silent).unwrap_err().to_string();
        assert!(differs.contains("(esp)"), "{differs}");
    }
}

#[test]
fn what_the_image_leaves_out_is_neither_written_nor_kept() {
    let image = Image::new();
    let mut dev = Memory::new(old_disk(40 * MIB), Fault::None);
    image.write(&mut dev, &[]).unwrap();
    // rootfs-b's first MiB is written, so that no old file system is found there; the rest is not.
    let part = image.manifest.partition("rootfs-b").unwrap();
    let begin = part.offset as usize;
    assert!(dev.bytes[begin..begin + MIB].iter().all(|byte| *byte == 0));
    assert!(dev.bytes[begin + MIB..begin + 3 * MIB].iter().all(|byte| *byte == 0xee));
    let mapped = image.manifest.mapped() as usize;
    assert!(mapped < image.raw.len() - 3 * MIB, "{mapped} of {}", image.raw.len());
    assert!(dev.written < mapped as u64 + 5 * MIB as u64, "{} written", dev.written);
    // Holes of a file system that is there count as its zeroes.
    let data = image.manifest.partition("data").unwrap().offset as usize;
    assert!(dev.bytes[data + MIB / 2..data + MIB / 2 + 65536].iter().all(|byte| *byte == 0));
}

/// Sets its flag after so many reports of a phase.
struct Stop<'a>(Phase, u32, Mutex<u32>, &'a AtomicBool);

impl Progress for Stop<'_> {
    fn at(&self, phase: Phase, _: u64, _: u64) {
        let mut seen = self.2.lock().unwrap();
        *seen += u32::from(phase == self.0);
        if *seen >= self.1 {
            self.3.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_cancelled_write_leaves_no_table_and_a_second_one_keeps_what_is_right() {
    let image = Image::new();
    let cancel = AtomicBool::new(false);
    let mut dev = Memory::new(old_disk(40 * MIB), Fault::None);
    let stop = Stop(Phase::Verify, 1, Mutex::new(0), &cancel);
    let stopped = image.write_telling(&mut dev, &[], true, &stop, &cancel).unwrap_err();
    assert_eq!(stopped.code(), 9, "{stopped}");
    assert_eq!(tables(&dev.bytes), (None, None));
    let before = dev.written;
    let outcome = image.write(&mut dev, &[]).unwrap();
    assert_eq!(outcome.kept, image.manifest.mapped() - MIB as u64);
    // Both ends' wipes and both ends' tables, nothing else.
    assert_eq!(dev.written - before, 4 * MIB as u64);
    assert!(holds(&dev.bytes, &image.raw, &image.manifest, None));
}

#[test]
fn an_interrupted_write_of_another_image_is_not_gone_on_with() {
    let image = Image::new();
    let mut dev = Memory::new(old_disk(40 * MIB), Fault::None);
    let mark = format!("ROOMFLASH UNFINISHED\n{}\n4\n", "d2".repeat(32));
    dev.bytes[16384..16384 + 4096].fill(0);
    dev.bytes[16384..16384 + mark.len()].copy_from_slice(mark.as_bytes());
    assert_eq!(image.write(&mut dev, &[]).unwrap().kept, 0);
    // And of a kept beginning only what is right counts.
    let mut dev = Memory::new(old_disk(40 * MIB), Fault::None);
    let mark = mark.replace("d2", "d1");
    dev.bytes[16384..16384 + 4096].fill(0);
    dev.bytes[16384..16384 + mark.len()].copy_from_slice(mark.as_bytes());
    dev.bytes[MIB..4 * MIB].copy_from_slice(&image.raw[MIB..4 * MIB]);
    let kept = image.write(&mut dev, &[]).unwrap().kept;
    assert_eq!(kept, 3 * MIB as u64);
    assert!(holds(&dev.bytes, &image.raw, &image.manifest, None));
}

#[test]
fn without_reading_back_the_result_says_so() {
    let image = Image::new();
    let mut dev = Memory::new(old_disk(40 * MIB), Fault::None);
    let never = AtomicBool::new(false);
    let outcome = image.write_telling(&mut dev, &[], false, &Silent, &never).unwrap();
    assert!(!outcome.verified);
    assert!(holds(&dev.bytes, &image.raw, &image.manifest, None));
}

#[test]
fn a_stream_that_is_not_what_was_signed_ends_at_its_own_offset() {
    let image = Image::new();
    let bad_at = 5 * MIB + 4096 * 3;
    let mut raw = image.raw.clone();
    raw[bad_at] ^= 1;
    for (bytes, told) in [(raw, "that were signed"), (image.raw[..9 * MIB].to_vec(), "ends there")]
    {
        let broken =
            Image { source: Bytes(Arc::new(bytes)), raw: vec![], manifest: image.manifest.clone() };
        let mut dev = Memory::new(old_disk(40 * MIB), Fault::None);
        let error = broken.write(&mut dev, &[]).unwrap_err();
        assert_eq!(error.code(), 3);
        assert!(error.to_string().contains(told), "{error}");
        assert_eq!(tables(&dev.bytes), (None, None));
    }
}

#[test]
fn a_wrong_block_is_named_and_a_second_read_tells_disk_from_reader() {
    let image = Image::new();
    let at = 5 * MIB as u64 + 8192 + 17;
    for (fault, told) in [
        (Fault::WriteFlip { at, times: 1 }, "says the same"),
        (Fault::ReadFlip { at, times: 1 }, "says something else"),
    ] {
        let mut dev = Memory::new(old_disk(40 * MIB), fault);
        let error = image.write(&mut dev, &[]).unwrap_err();
        assert_eq!(error.code(), 6);
        let text = error.to_string();
        let block = at / 4096 * 4096;
        assert!(text.contains(&format!("from byte {block} on (1 of")), "{text}");
        assert!(text.contains(told), "{text}");
    }
}

#[test]
fn a_fat_without_space_is_told_before_anything_of_it_is_changed() {
    let image = Image::new();
    let mut dev = Memory::new(image.raw.clone(), Fault::None);
    let boot = image.manifest.boot_partition().unwrap();
    let big = FatFile { path: "roombox.toml".to_owned(), bytes: vec![1; 3 * MIB] };
    let error = fat::put(&mut dev, boot.offset, boot.size, &[big]).unwrap_err();
    assert_eq!(error.code(), 7);
    assert!(error.to_string().contains("bytes are free"), "{error}");
    assert!(dev.bytes == image.raw, "the FAT was changed");
}

#[test]
fn fake_capacity_is_found_and_old_contents_come_back() {
    for fault in [Fault::None, Fault::Wraps { capacity: 16 * MIB as u64 }] {
        let old = old_disk(40 * MIB);
        let mut dev = Memory::new(old.clone(), fault);
        let probed = probe(&mut dev, &Silent).unwrap();
        assert_eq!(probed.wrong.is_empty(), fault == Fault::None);
        let real = if fault == Fault::None { 40 * MIB } else { 16 * MIB };
        assert!(dev.bytes[..real] == old[..real], "contents changed");
    }
}

#[test]
fn ranges_are_cut_where_tables_end_and_hashes_begin() {
    let mut image = Cursor::new(image::noise(3, 20 * MIB));
    let ranges = ranges_of(&mut image, std::slice::from_ref(&(0..20 * MIB as u64))).unwrap();
    let cuts: Vec<u64> = ranges.iter().map(|range| range.offset >> 20).collect();
    assert_eq!(cuts, [0, 1, 8, 16]);
}
