//! RAUC's `system.conf` (RAUC manual, "System Configuration File").

use super::super::{Board, Layout, Loader};
use super::{NOTICE, SIDES};

pub fn system_conf(board: &Board, layout: &Layout) -> String {
    let loader = match layout.loader {
        Loader::GrubEfi => "bootloader=grub\ngrubenv=/boot/firmware/EFI/BOOT/grubenv\n",
        Loader::Uboot => "bootloader=uboot\n",
        Loader::RpiTryboot => "bootloader=custom\n",
    };
    let handler = match layout.loader {
        Loader::RpiTryboot => {
            "\n[handlers]\nbootloader-custom-backend=/usr/lib/roombox/tryboot-backend\n"
        }
        _ => "",
    };
    let compatible = &board.compatible;
    let mut out = format!(
        "# {NOTICE}\n[system]\ncompatible={compatible}\n{loader}statusfile=/data/rauc.status\n\
         bundle-formats=verity\nmax-bundle-download-size=1073741824\n\n\
         [keyring]\npath=/etc/rauc/ca.pem\ncheck-purpose=codesign\n{handler}"
    );
    for (n, side) in SIDES.into_iter().enumerate() {
        let name = side.to_ascii_uppercase();
        out.push_str(&format!(
            "\n[slot.rootfs.{n}]\ndevice=/dev/roombox/rootfs-{side}\ntype=raw\nbootname={name}\n"
        ));
        if let Some(class) = layout.boot_class() {
            let fs = layout
                .place(&format!("{class}-{side}"))
                .map_or("raw", |place| place.partition.fs.name());
            out.push_str(&format!(
                "\n[slot.{class}.{n}]\ndevice=/dev/roombox/{class}-{side}\ntype={fs}\nparent=rootfs.{n}\n"
            ));
        }
    }
    out
}
