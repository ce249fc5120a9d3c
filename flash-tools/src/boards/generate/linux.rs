//! What Linux on the box is told about its disk and its watchdog.

use super::super::{Board, Filesystem, Layout, Partition};
use super::NOTICE;

/// Mounts by the links of [`udev_rules`]: never another disk's partition of the same label.
pub fn fstab(layout: &Layout) -> String {
    let mut out = format!("# {NOTICE}\n/dev/root / auto ro 0 0\n");
    for partition in &layout.partition {
        let Some(mount) = &partition.mount else { continue };
        let (label, fs) = (&partition.label, partition.fs.name());
        let options = match partition.fs {
            // Loader and boot state: root's alone, and gone wrong it must not stop the box.
            Filesystem::Vfat => "rw,umask=0077,noatime,nodev,nosuid,noexec,nofail",
            _ => "rw,noatime,nodev,nosuid,noexec,x-systemd.growfs",
        };
        out.push_str(&format!("/dev/roombox/{label} {mount} {fs} {options} 0 2\n"));
    }
    out
}

/// `/dev/roombox/<label>` and `/dev/roombox/disk`, for the disk that was booted alone.
pub fn udev_rules(layout: &Layout) -> String {
    let mut out = format!(
        "# {NOTICE}\n\
         # An installer stick beside the disk carries the same labels: only the disk of the running root counts.\n\
         ACTION==\"remove\", GOTO=\"roombox_end\"\nSUBSYSTEM!=\"block\", GOTO=\"roombox_end\"\n\
         ENV{{DEVTYPE}}==\"disk\", PROGRAM==\"/usr/lib/roombox/on-boot-disk %k\", SYMLINK+=\"roombox/disk\"\n\
         ENV{{DEVTYPE}}!=\"partition\", GOTO=\"roombox_end\"\n\
         PROGRAM!=\"/usr/lib/roombox/on-boot-disk %P\", GOTO=\"roombox_end\"\n"
    );
    for partition in &layout.partition {
        let label = &partition.label;
        out.push_str(&format!(
            "ENV{{ID_PART_ENTRY_NAME}}==\"{label}\", SYMLINK+=\"roombox/{label}\"\n"
        ));
    }
    out.push_str("LABEL=\"roombox_end\"\n");
    out
}

/// systemd-repart's definition (repart.d(5)): partitions are matched in order, `data` alone grows.
pub fn repart(partition: &Partition) -> String {
    let kind = match partition.label.as_str() {
        "esp" => "esp",
        _ => "linux-generic",
    };
    let (label, size) = (&partition.label, partition.size.mib());
    let room = match label.as_str() {
        "data" => format!("SizeMinBytes={size}M\nWeight=1000\nGrowFileSystem=yes\n"),
        _ => format!("SizeMinBytes={size}M\nSizeMaxBytes={size}M\nWeight=0\n"),
    };
    format!("# {NOTICE}\n[Partition]\nType={kind}\nLabel={label}\n{room}")
}

/// systemd-system.conf(5): the hardware reboots what PID 1 no longer feeds.
pub fn watchdog(board: &Board) -> String {
    let seconds = board.watchdog.seconds;
    format!("# {NOTICE}\n[Manager]\nRuntimeWatchdogSec={seconds}\nRebootWatchdogSec=120\n")
}
