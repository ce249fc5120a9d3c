//! Reading `/sys/block`, `/proc/self/mountinfo`, `/proc/swaps` and udev's database.

use super::{Disk, Partition, System, Use};
use crate::error::FlashError;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Mount points that a running system stands on.
const SYSTEM: [&str; 9] =
    ["/", "/boot", "/boot/efi", "/boot/firmware", "/efi", "/usr", "/var", "/home", "/data"];

pub fn disks(system: &System) -> Result<Vec<Disk>, FlashError> {
    let folder = system.at("sys/block");
    let entries = fs::read_dir(&folder).map_err(|source| FlashError::file(&folder, source))?;
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    let uses = uses(system);
    let mut disks = Vec::new();
    for name in names {
        if ["ram", "zram", "dm-", "md", "sr", "fd", "nbd"].iter().any(|made| name.starts_with(made))
        {
            continue;
        }
        let sys = folder.join(&name);
        let size = number(&sys.join("size")) * 512;
        if size > 0 {
            disks.push(disk(system, &name, &sys, size, &uses));
        }
    }
    Ok(disks)
}

fn disk(
    system: &System,
    name: &str,
    sys: &Path,
    size: u64,
    uses: &BTreeMap<String, Vec<(String, bool)>>,
) -> Disk {
    let udev = udev(system, &sys.join("dev"));
    let of_udev = |key: &str| udev.get(key).cloned().unwrap_or_default();
    let or = |one: String, other: String| if one.is_empty() { other } else { one };
    let model = or(
        [text(&sys.join("device/vendor")), text(&sys.join("device/model"))]
            .join(" ")
            .trim()
            .to_owned(),
        or(of_udev("ID_MODEL"), text(&sys.join("device/name"))),
    );
    let serial = or(
        of_udev("ID_SERIAL_SHORT"),
        or(text(&sys.join("device/serial")), text(&sys.join("serial"))),
    );
    let usb = match (of_udev("ID_VENDOR_ID"), of_udev("ID_MODEL_ID")) {
        (vendor, product) if vendor.is_empty() || product.is_empty() => usb_id(sys),
        (vendor, product) => format!("{vendor}:{product}"),
    };
    let mut partitions = Vec::new();
    for entry in fs::read_dir(sys).into_iter().flatten().flatten() {
        let path = entry.path();
        if !path.join("partition").exists() {
            continue;
        }
        let Ok(name) = entry.file_name().into_string() else { continue };
        partitions.push(Partition {
            size: number(&path.join("size")) * 512,
            label: value_of(&path.join("uevent"), "PARTNAME").unwrap_or_default(),
            name,
        });
    }
    partitions
        .sort_by(|one, other| (one.name.len(), &one.name).cmp(&(other.name.len(), &other.name)));
    let mut disk = Disk {
        path: PathBuf::from("/dev").join(name),
        model,
        serial,
        by_id: by_id(system, name),
        size,
        bus: or(of_udev("ID_BUS"), bus(name, sys)),
        usb,
        removable: number(&sys.join("removable")) == 1,
        read_only: number(&sys.join("ro")) == 1,
        uses: Vec::new(),
        name: name.to_owned(),
        partitions,
    };
    let parts = disk.partitions.iter().map(|part| part.name.clone());
    let mut found = Vec::new();
    for part in std::iter::once(disk.name.clone()).chain(parts) {
        uses_of(system, &part, &part, uses, &mut found, 0);
    }
    disk.uses = found;
    disk
}

/// Uses of a device and of everything that is made of it (device-mapper, RAID).
fn uses_of(
    system: &System,
    device: &str,
    shown: &str,
    uses: &BTreeMap<String, Vec<(String, bool)>>,
    found: &mut Vec<Use>,
    depth: usize,
) {
    for (by, system) in uses.get(device).into_iter().flatten() {
        found.push(Use { device: shown.to_owned(), by: by.clone(), system: *system });
    }
    // Nobody stacks deeper; a loop of links must not hang us.
    if depth > 8 {
        return;
    }
    let holders = system.at("sys/class/block").join(device).join("holders");
    for holder in fs::read_dir(holders).into_iter().flatten().flatten() {
        let Ok(name) = holder.file_name().into_string() else { continue };
        found.push(Use { device: shown.to_owned(), by: name.clone(), system: false });
        uses_of(system, &name, shown, uses, found, depth + 1);
    }
}

/// Kernel name to who uses it, and whether the system needs that.
fn uses(system: &System) -> BTreeMap<String, Vec<(String, bool)>> {
    let mut uses: BTreeMap<String, Vec<(String, bool)>> = BTreeMap::new();
    let mounts = fs::read_to_string(system.at("proc/self/mountinfo")).unwrap_or_default();
    for line in mounts.lines() {
        // proc(5): id, parent, major:minor, root, mount point, …, "-", type, source.
        let fields: Vec<&str> = line.split(' ').collect();
        let (Some(numbers), Some(point)) = (fields.get(2), fields.get(4)) else { continue };
        let source = line.split_once(" - ").and_then(|(_, rest)| rest.split(' ').nth(1));
        let device = name_of(system, &system.at("sys/dev/block").join(numbers)).or_else(|| {
            source.filter(|s| s.starts_with("/dev/")).and_then(|s| device_name(system, s))
        });
        let Some(device) = device else { continue };
        let point = unescaped(point);
        let needed = SYSTEM.contains(&point.as_str());
        uses.entry(device).or_default().push((point, needed));
    }
    let swaps = fs::read_to_string(system.at("proc/swaps")).unwrap_or_default();
    for line in swaps.lines().skip(1) {
        let path = line.split_whitespace().next().unwrap_or_default();
        if let Some(device) = device_name(system, path) {
            uses.entry(device).or_default().push(("swap".to_owned(), true));
        }
    }
    uses
}

fn name_of(system: &System, link: &Path) -> Option<String> {
    let name = fs::canonicalize(link).ok()?.file_name()?.to_str()?.to_owned();
    system.at("sys/class/block").join(&name).exists().then_some(name)
}

/// `/dev/mapper/x` and links like it, to the kernel's name.
fn device_name(system: &System, path: &str) -> Option<String> {
    let path = system.at(path.trim_start_matches('/'));
    let real = fs::canonicalize(&path).unwrap_or(path);
    Some(real.file_name()?.to_str()?.to_owned())
}

/// mountinfo writes spaces and the like as `\040`.
fn unescaped(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let digits: Vec<u8> = bytes.by_ref().take(3).collect();
        let octal = std::str::from_utf8(&digits).ok().and_then(|d| u8::from_str_radix(d, 8).ok());
        out.push(octal.unwrap_or(b'?'));
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn udev(system: &System, dev: &Path) -> BTreeMap<String, String> {
    let numbers = text(dev);
    let database = fs::read_to_string(system.at("run/udev/data").join(format!("b{numbers}")));
    database
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.strip_prefix("E:")?.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn by_id(system: &System, name: &str) -> Vec<String> {
    let folder = system.at("dev/disk/by-id");
    let mut links: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            fs::read_link(entry.path())
                .is_ok_and(|to| to.file_name().is_some_and(|file| file == name))
        })
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    links.sort();
    links
}

/// Without udev, from where the device hangs in the tree.
fn bus(name: &str, sys: &Path) -> String {
    let place = fs::canonicalize(sys).unwrap_or_default();
    let place = place.to_string_lossy();
    let known = [("/usb", "usb"), ("/virtio", "virtio"), ("/ata", "ata")];
    if let Some((_, bus)) = known.iter().find(|(part, _)| place.contains(part)) {
        return (*bus).to_owned();
    }
    let known = [("nvme", "nvme"), ("mmcblk", "mmc"), ("loop", "loop")];
    known.iter().find(|(prefix, _)| name.starts_with(prefix)).map_or("", |(_, bus)| bus).to_owned()
}

/// Without udev, from the USB device that the disk hangs on.
fn usb_id(sys: &Path) -> String {
    let place = fs::canonicalize(sys).unwrap_or_default();
    place
        .ancestors()
        .find(|folder| folder.join("idVendor").exists())
        .map(|folder| {
            format!("{}:{}", text(&folder.join("idVendor")), text(&folder.join("idProduct")))
        })
        .unwrap_or_default()
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn number(path: &Path) -> u64 {
    text(path).parse().unwrap_or(0)
}

fn value_of(path: &Path, key: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| Some(line.strip_prefix(key)?.strip_prefix('=')?.to_owned()))
}
