//! Backups of a box's data, and their way back.

use crate::image::{MIB, noise, old_disk, raw};
use crate::memory::{Fault, Memory};
use roombox_flash::backup::{backup, restore};
use roombox_flash::gpt::Gpt;
use roombox_flash::progress::Silent;
use std::fs;

const SIZE: usize = 20 * MIB;

/// A box's disk, with its second table at the end of a larger disk.
fn disk() -> (Vec<u8>, usize) {
    let image = raw(2, 3);
    let table = Gpt::read_head(&image).unwrap();
    let mut bytes = image;
    bytes.resize(SIZE, 0);
    let (head, tail) = table.fitted(SIZE as u64, 512).unwrap();
    bytes[..head.len()].copy_from_slice(&head);
    bytes[SIZE - tail.len()..].copy_from_slice(&tail);
    (bytes, table.labelled("data").unwrap().offset as usize)
}

#[test]
fn data_comes_back_as_it_was_and_nothing_else_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("box.zst");
    let (bytes, at) = disk();
    let mut dev = Memory::new(bytes.clone(), Fault::None);
    backup(&mut dev, "S1", &file, &Silent).unwrap();
    assert_eq!(dev.written, 0);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(
        backup(&mut dev, "S1", &file, &Silent).unwrap_err().code(),
        2,
        "a backup was overwritten"
    );
    dev.bytes[at..at + MIB].copy_from_slice(&noise(8, MIB));
    restore(&mut dev, &file, &Silent).unwrap();
    assert!(dev.bytes == bytes);
}

#[test]
fn a_damaged_backup_or_a_foreign_disk_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("box.zst");
    let (bytes, _) = disk();
    let mut dev = Memory::new(bytes.clone(), Fault::None);
    backup(&mut dev, "S1", &file, &Silent).unwrap();
    let good = fs::read(&file).unwrap();
    for cut in [good.len() / 2, good.len() - 1] {
        fs::write(&file, &good[..cut]).unwrap();
        let error = restore(&mut dev, &file, &Silent).unwrap_err();
        assert!(error.code() == 3 && error.to_string().contains("damaged"), "{error}");
    }
    assert!(dev.bytes == bytes);
    fs::write(&file, &good).unwrap();
    let mut foreign = Memory::new(old_disk(SIZE), Fault::None);
    let error = restore(&mut foreign, &file, &Silent).unwrap_err();
    assert!(error.code() == 4 && error.to_string().contains("no box's disk"), "{error}");
    assert_eq!(foreign.written, 0);
}

#[test]
fn a_restore_that_reads_back_wrong_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("box.zst");
    let (bytes, at) = disk();
    let mut dev = Memory::new(bytes, Fault::None);
    backup(&mut dev, "S1", &file, &Silent).unwrap();
    dev.fault = Fault::WriteFlip { at: at as u64 + 70_000, times: u32::MAX };
    assert_eq!(restore(&mut dev, &file, &Silent).unwrap_err().code(), 6);
}
