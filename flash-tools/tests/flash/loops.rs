//! Real block devices: loop devices of the kernel, as root. Elsewhere these are skipped, and say so.

use crate::command::{run, skipped, text};
use crate::image::{Files, MIB, facts, holds, noise, read};
use roombox_flash::device::{self, Access};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A loop device over a file, let go when dropped.
struct Loop(PathBuf);

impl Loop {
    fn new(file: &Path) -> Option<Self> {
        let out = Command::new("losetup").args(["--find", "--show"]).arg(file).output().ok()?;
        let name = String::from_utf8(out.stdout).ok()?.trim().to_owned();
        if !out.status.success() || name.is_empty() {
            let why = String::from_utf8_lossy(&out.stderr);
            skipped(&format!("no loop device can be had here ({})", why.trim()));
            return None;
        }
        let device = Self(name.into());
        device.mark("--setrw");
        Some(device)
    }

    /// Of the device, not of its file: the kernel keeps the mark when another file is attached.
    fn mark(&self, how: &str) {
        let _ = Command::new("blockdev").arg(how).arg(&self.0).status();
    }

    fn name(&self) -> &str {
        text(&self.0)
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-q").arg(&self.0).status();
        self.mark("--setrw");
        let _ = Command::new("losetup").arg("-d").arg(&self.0).status();
    }
}

#[test]
fn a_block_device_is_written_read_back_and_probed() {
    let files = Files::new(3, &facts());
    let disk = files.old_disk("disk.img", 40 * MIB);
    let Some(device) = Loop::new(&disk) else { return };
    let refused = run(&files.write_arguments(device.name(), &[]));
    assert!(refused.code == 4 && refused.text.contains("--all"), "{}", refused.text);
    let said = run(&files.write_arguments(device.name(), &["--all"]));
    assert_eq!(said.code, 0, "{}", said.text);
    let probed = run(&["probe", device.name(), "--all", "--yes"]);
    assert_eq!(probed.code, 0, "{}", probed.text);
    let verify = ["verify", text(&files.image), device.name(), "--public-key", text(&files.public)];
    let said = run(&verify);
    assert_eq!(said.code, 0, "{}", said.text);
    let listed = run(&["list", "--all", "--json"]);
    assert!(listed.text.contains(device.name()), "{}", listed.text);
    drop(device);
    assert!(holds(&read(&disk), &files.raw, &files.manifest, None));
}

#[test]
fn a_mounted_disk_is_refused_until_it_is_unmounted() {
    let files = Files::new(3, &facts());
    let disk = files.at("disk.img");
    fs::write(&disk, noise(4, 40 * MIB)).unwrap();
    let made = Command::new("mke2fs").args(["-q", "-F"]).arg(&disk).status();
    let Some(device) = Loop::new(&disk) else { return };
    let point = files.at("mounted");
    fs::create_dir(&point).unwrap();
    let mounted = Command::new("mount").arg(&device.0).arg(&point).status();
    if !made.is_ok_and(|status| status.success()) || !mounted.is_ok_and(|status| status.success()) {
        skipped("nothing can be mounted here");
        return;
    }
    let said = run(&files.write_arguments(device.name(), &["--all"]));
    assert!(said.code == 4 && said.text.contains("mounted"), "{}", said.text);
    assert!(said.text.contains("--unmount"), "{}", said.text);
    fs::write(point.join("still"), "here").unwrap();
    let said = run(&files.write_arguments(device.name(), &["--all", "--unmount"]));
    assert_eq!(said.code, 0, "{}", said.text);
    assert!(!point.join("still").exists());
}

#[test]
fn an_open_disk_belongs_to_one_writer_and_a_read_only_one_to_none() {
    let files = Files::new(3, &facts());
    let disk = files.old_disk("disk.img", 40 * MIB);
    let Some(device) = Loop::new(&disk) else { return };
    let held = device::open(&device.0, Access::Write).unwrap();
    assert_eq!((held.size(), held.logical_block()), (40 * MIB as u64, 512));
    let said = run(&files.write_arguments(device.name(), &["--all"]));
    assert!(said.code == 4 && said.text.contains("somebody uses it"), "{}", said.text);
    drop(held);
    device.mark("--setro");
    let before = read(&disk);
    let said = run(&files.write_arguments(device.name(), &["--all"]));
    assert!(said.code == 4 && said.text.contains("read-only"), "{}", said.text);
    assert!(read(&disk) == before);
}

#[test]
fn the_disk_that_this_system_runs_from_is_not_written() {
    let listed = run(&["list", "--all", "--json"]);
    let system = listed.text.lines().find_map(|line| {
        let disk: serde_json::Value = serde_json::from_str(line).ok()?;
        (!disk["system"].is_null()).then(|| disk["path"].as_str().unwrap().to_owned())
    });
    let Some(system) = system else {
        skipped("no disk of this machine is the system's");
        return;
    };
    let files = Files::new(3, &facts());
    // With --check: if the rule ever broke, nothing would be written all the same.
    let said = run(&files.write_arguments(&system, &["--all", "--unmount", "--check"]));
    assert!(said.code == 4 && said.text.contains("this system runs from it"), "{}", said.text);
}
