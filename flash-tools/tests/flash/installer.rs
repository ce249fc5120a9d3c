//! A running stick, cloned to an internal disk.

use crate::image::{MIB, noise, old_disk, raw};
use crate::memory::{Fault, Memory};
use crate::whole::toml;
use roombox_flash::fat;
use roombox_flash::gpt::Gpt;
use roombox_flash::install::{Running, Side, plan};
use roombox_flash::progress::Silent;
use roombox_flash::write::{Order, compare_table, write};
use std::fs;
use std::sync::atomic::AtomicBool;

fn running(side: Side) -> Running {
    Running {
        version: "1.2.3".to_owned(),
        board: "x86-64-uefi".to_owned(),
        compatible: "roombox-x86-64".to_owned(),
        side,
    }
}

#[test]
fn a_stick_is_cloned_with_new_names_one_side_and_no_data_of_its_own() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let stick_path = folder.path().join("stick.img");
    let mut stick_bytes = raw(3, 3);
    let table = Gpt::read_head(&stick_bytes).unwrap();
    let of = |label: &str| {
        let entry = table.labelled(label).unwrap();
        entry.offset as usize..(entry.offset + entry.size) as usize
    };
    // An update filled the other side, and the stick runs from it.
    let mut newer = noise(55, of("rootfs-b").len());
    newer[..4].copy_from_slice(b"hsqs");
    newer[40..48].copy_from_slice(&(2 * MIB as u64).to_le_bytes());
    stick_bytes[of("rootfs-b")].copy_from_slice(&newer);
    let mut kernel = noise(56, MIB);
    kernel[1024 + 56..1024 + 58].copy_from_slice(&[0x53, 0xef]);
    stick_bytes[of("kernel-b")].copy_from_slice(&kernel);
    fs::write(&stick_path, &stick_bytes).unwrap();
    for side in [Side::A, Side::B] {
        let mut stick = Memory::new(stick_bytes.clone(), Fault::None);
        let plan = plan(&mut stick, &stick_path, &running(side), folder.path()).unwrap();
        assert_eq!(stick.written, 0);
        let mut files = plan.files.clone();
        files.extend(toml());
        let mut target = Memory::new(old_disk(96 * MIB), Fault::None);
        let order = Order {
            manifest: &plan.manifest,
            digest: &plan.digest,
            source: &plan.source,
            verify: true,
            files: &files,
            progress: &Silent,
            cancel: &AtomicBool::new(false),
        };
        assert!(write(&mut target, &order).unwrap().verified);
        let new = compare_table(&mut target, &plan.manifest).unwrap();
        assert_ne!(new.disk, table.disk);
        for (new, old) in new.entries.iter().zip(&table.entries) {
            assert_eq!((&new.label, new.offset, new.kind), (&old.label, old.offset, old.kind));
            assert_ne!(new.guid, old.guid, "{}", new.label);
        }
        let (root, boot) = match side {
            Side::A => (&stick_bytes[of("rootfs-a")], &stick_bytes[of("kernel-a")]),
            Side::B => (&newer[..], &kernel[..]),
        };
        let at = of("rootfs-a").start;
        assert!(target.bytes[at..at + 2 * MIB] == root[..2 * MIB]);
        assert!(target.bytes[of("kernel-a")] == *boot);
        for empty in ["kernel-b", "rootfs-b"] {
            let at = of(empty).start;
            assert!(target.bytes[at..at + MIB].iter().all(|byte| *byte == 0), "{empty}");
        }
        let data = new.labelled("data").unwrap();
        let at = data.offset as usize;
        assert_eq!(target.bytes[at + 1024 + 56..at + 1024 + 58], [0x53, 0xef], "an ext4");
        assert!(target.bytes[at..at + MIB] != stick_bytes[of("data")]);
        let esp = new.labelled("esp").unwrap();
        let read =
            |dev: &mut Memory, path: &str| fat::read(dev, esp.offset, esp.size, path).unwrap();
        let grubenv = String::from_utf8(read(&mut target, "EFI/BOOT/grubenv").unwrap()).unwrap();
        assert_eq!(grubenv.len(), 1024);
        assert!(grubenv.contains("\nA_OK=1\n") && grubenv.contains("\nB_OK=0\n"));
        assert_eq!(read(&mut target, "roombox.toml"), Some(toml()[0].bytes.clone()));
        assert!(read(&mut target, "EFI/BOOT/BOOTX64.EFI").is_some());
    }
}

#[test]
fn what_is_no_stick_of_ours_is_not_cloned() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stick.img");
    let mut other = Memory::new(old_disk(20 * MIB), Fault::None);
    let error = plan(&mut other, &path, &running(Side::A), folder.path()).unwrap_err();
    assert!(error.to_string().contains("\"esp\""), "{error}");
    assert_eq!(Side::running("ro rauc.slot=B quiet"), Some(Side::B));
    assert_eq!(Side::running("ro quiet"), None);
}
