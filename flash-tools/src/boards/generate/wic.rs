//! The image's table for wic (Yocto Project, "OpenEmbedded Kickstart (.wks) Reference").

use super::super::{Board, Layout, Loader, Partition, Size};
use super::NOTICE;

pub fn wks(board: &Board, layout: &Layout) -> String {
    let mut out = format!("# {NOTICE}\n# {}\nbootloader --ptable gpt\n", board.name);
    for raw in &layout.raw {
        let Some(file) = &raw.file else { continue };
        let (name, offset) = (&raw.name, raw.sector * 512 / 1024);
        out.push_str(&format!(
            "part --source rawcopy --sourceparams=\"file={file}\" --part-name {name} --no-table --offset {offset}K\n"
        ));
    }
    for place in layout.places() {
        out.push_str(&part(layout.loader, place.partition, place.offset));
    }
    out
}

fn part(loader: Loader, partition: &Partition, offset: Size) -> String {
    let (label, size, at) = (&partition.label, partition.size.mib(), offset.kib());
    let source = source(loader, partition);
    let mount = match partition.label.as_str() {
        "data" => "/data ",
        _ => "",
    };
    let kind = match partition.label.as_str() {
        "esp" => " --part-type C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
        _ => "",
    };
    format!("part {mount}{source} --part-name {label} --offset {at}K --fixed-size {size}M{kind}\n")
}

/// Where the first image's bytes come from: side B is empty until the first update.
fn source(loader: Loader, partition: &Partition) -> String {
    let fs = partition.fs.name();
    match (loader, partition.label.as_str()) {
        // Not deployed yet when wic runs: it lies in the image's own folder.
        (_, "rootfs-a") => {
            "--source rawcopy --sourceparams=\"file=${IMGDEPLOYDIR}/${IMAGE_LINK_NAME}.squashfs-zst\"".to_owned()
        }
        (Loader::GrubEfi, "esp") => {
            "--source rawcopy --sourceparams=\"file=roombox-esp.vfat\"".to_owned()
        }
        (Loader::GrubEfi, "kernel-a") => {
            "--source rawcopy --sourceparams=\"file=roombox-kernel.ext4\"".to_owned()
        }
        // A Pi's first FAT only says which side; kernel and firmware are the side's.
        (Loader::RpiTryboot, "boot") => {
            "--source rawcopy --sourceparams=\"file=roombox-firmware.vfat\"".to_owned()
        }
        (_, "boot" | "boot-a") => {
            "--source rawcopy --sourceparams=\"file=roombox-boot.vfat\"".to_owned()
        }
        // Without a source wic makes an empty file system; `empty` would leave it unformatted.
        (_, "data") => format!("--fstype={fs} --label data"),
        _ => "--source empty".to_owned(),
    }
}
