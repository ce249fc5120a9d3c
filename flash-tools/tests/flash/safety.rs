//! Which disks are shown and which may be written, on systems that are made of files.

use roombox_flash::disks::{Permission, System, permit};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Numbers that the kernel would give: a letter's for disks, and the part's for partitions.
fn numbers(name: &str) -> String {
    let sum: u32 = name.bytes().map(u32::from).sum();
    format!("8:{sum}")
}

fn device(root: &Path, name: &str, folder: &Path, size: u64) {
    put(&folder.join("size"), &format!("{}\n", size / 512));
    put(&folder.join("dev"), &format!("{}\n", numbers(name)));
    for (link, to) in [("sys/class/block", name.to_owned()), ("sys/dev/block", numbers(name))] {
        let link = root.join(link).join(to);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&link);
        symlink(folder, &link).unwrap();
    }
}

/// A disk as udev and sysfs tell of it.
pub fn disk(root: &Path, name: &str, size: u64, udev: &[&str]) {
    let folder = root.join("sys/block").join(name);
    device(root, name, &folder, size);
    put(&folder.join("removable"), "0\n");
    put(&folder.join("ro"), "0\n");
    let database: String = udev.iter().map(|line| format!("E:{line}\n")).collect();
    put(&root.join("run/udev/data").join(format!("b{}", numbers(name))), &database);
}

fn partition(root: &Path, disk: &str, name: &str, label: &str) {
    let folder = root.join("sys/block").join(disk).join(name);
    device(root, name, &folder, 1 << 20);
    put(&folder.join("partition"), "1\n");
    put(&folder.join("uevent"), &format!("DEVTYPE=partition\nPARTNAME={label}\n"));
}

fn mount(root: &Path, device: &str, point: &str) {
    let path = root.join("proc/self/mountinfo");
    let before = fs::read_to_string(&path).unwrap_or_default();
    let line = format!("{before}30 1 {} / {point} rw - ext4 /dev/{device} rw\n", numbers(device));
    put(&path, &line);
}

/// An internal system disk on LVM, an internal other one, a stick, a mounted stick, a locked card.
fn machine(root: &Path) {
    disk(root, "sda", 64 << 30, &["ID_BUS=ata", "ID_SERIAL_SHORT=SYS1", "ID_MODEL=Inner"]);
    partition(root, "sda", "sda1", "esp");
    partition(root, "sda", "sda2", "pv");
    let mapped = root.join("sys/devices/virtual/dm-0");
    device(root, "dm-0", &mapped, 1 << 20);
    put(&root.join("sys/block/sda/sda2/holders/dm-0"), "");
    mount(root, "dm-0", "/");
    mount(root, "sda1", "/boot/efi");
    disk(root, "sdb", 32 << 30, &["ID_BUS=ata", "ID_SERIAL_SHORT=IN2"]);
    disk(root, "sdc", 16 << 30, &["ID_BUS=usb", "ID_SERIAL_SHORT=USB3"]);
    partition(root, "sdc", "sdc1", "old");
    disk(root, "sdd", 16 << 30, &["ID_BUS=usb", "ID_SERIAL_SHORT=USB4"]);
    partition(root, "sdd", "sdd1", "photos");
    mount(root, "sdd1", "/media/my\\040photos");
    disk(root, "mmcblk0", 16 << 30, &["ID_SERIAL_SHORT=CARD5"]);
    put(&root.join("sys/block/mmcblk0/ro"), "1\n");
    disk(root, "sde", 16 << 30, &["ID_BUS=usb", "ID_SERIAL_SHORT=TWIN"]);
    disk(root, "sdf", 16 << 30, &["ID_BUS=usb", "ID_SERIAL_SHORT=TWIN"]);
    disk(root, "sdg", 8 << 30, &["ID_BUS=usb", "ID_SERIAL_SHORT=SWAP7"]);
    put(&root.join("proc/swaps"), "Filename Type Size Used Priority\n/dev/sdg partition 1 0 -2\n");
    disk(root, "sdh", 0, &["ID_BUS=usb", "ID_SERIAL_SHORT=EMPTY8"]);
    let by_id = root.join("dev/disk/by-id");
    fs::create_dir_all(&by_id).unwrap();
    symlink("../../sdc", by_id.join("usb-Stick_USB3-0:0")).unwrap();
}

#[test]
fn the_rules_of_what_may_be_written() {
    let folder = tempfile::tempdir().unwrap();
    machine(folder.path());
    let system = System::below(folder.path());
    let plain = Permission::default();
    let internal = Permission { internal: true, ..Permission::default() };
    let unmount = Permission { unmount: true, ..Permission::default() };
    let knows = |serial: &str| Permission {
        internal: true,
        unmount: true,
        i_know: Some(serial.to_owned()),
    };
    for (named, permission, says) in [
        ("USB3", &plain, ""),
        ("usb-Stick_USB3-0:0", &plain, ""),
        ("IN2", &plain, "add --all"),
        ("IN2", &internal, ""),
        ("SYS1", &internal, "this system runs from it"),
        ("SYS1", &knows("IN2"), "this system runs from it"),
        ("SYS1", &knows("SYS1"), ""),
        ("USB4", &plain, "sdd1 by /media/my photos"),
        ("USB4", &unmount, ""),
        ("CARD5", &plain, "read-only"),
        ("TWIN", &plain, "both have that serial"),
        ("SWAP7", &unmount, "this system runs from it (swap)"),
        ("EMPTY8", &plain, "no such disk"),
        ("nothing", &plain, "roomflash list"),
    ] {
        let outcome = permit(&system, named, permission);
        match (outcome, says) {
            (Ok(_), "") => {}
            (Ok(_), says) => panic!("{named} was let in, not refused with {says:?}"),
            (Err(error), "") => panic!("{named}: {error}"),
            (Err(error), says) => {
                assert_eq!(error.code(), 4);
                assert!(error.to_string().contains(says), "{named}: {error}");
            }
        }
    }
}

#[test]
fn a_partition_is_no_disk() {
    let folder = tempfile::tempdir().unwrap();
    machine(folder.path());
    let named = folder.path().join("sys/class/block/sdc1");
    let error = System::below(folder.path()).find(named.to_str().unwrap()).unwrap_err();
    assert!(error.code() == 4 && error.to_string().contains("whole disk, /dev/sdc"), "{error}");
}

#[test]
fn disks_tell_who_uses_them_through_everything_that_lies_between() {
    let folder = tempfile::tempdir().unwrap();
    machine(folder.path());
    let disks = System::below(folder.path()).disks().unwrap();
    let names: Vec<&str> = disks.iter().map(|disk| disk.name.as_str()).collect();
    assert_eq!(names, ["mmcblk0", "sda", "sdb", "sdc", "sdd", "sde", "sdf", "sdg"]);
    let sda = &disks[1];
    assert_eq!(sda.system().as_deref(), Some("/boot/efi, /"));
    assert!(sda.uses.iter().any(|used| used.by == "dm-0" && used.device == "sda2"));
    assert_eq!(sda.partitions[0].label, "esp");
    assert!(!sda.is_portable() && disks[3].is_portable() && disks[0].is_portable());
    assert_eq!(disks[3].by_id, ["usb-Stick_USB3-0:0"]);
}
