//! The machine's configuration for bitbake (Yocto Project, "Machine variables").

use super::super::{Board, Filesystem, Layout, Loader};
use super::{NOTICE, grub, uboot};
use std::fmt::Write as _;

pub fn conf(board: &Board, layout: &Layout) -> String {
    let yocto = &board.yocto;
    let mut out = format!(
        "#@TYPE: Machine\n#@NAME: {}\n#@DESCRIPTION: Roombox on {}\n# {NOTICE}\n\n",
        yocto.machine, board.name
    );
    if let Some(base) = &yocto.base {
        // What layers say of the upstream machine holds for ours.
        writeln!(out, "MACHINEOVERRIDES =. \"{base}:\"\nrequire conf/machine/{base}.conf").ok();
    }
    for file in &yocto.require {
        writeln!(out, "require {file}").ok();
    }
    out.push('\n');
    for (name, value) in &yocto.set {
        writeln!(out, "{name} = \"{value}\"").ok();
    }
    if !yocto.features.is_empty() {
        writeln!(out, "MACHINE_FEATURES:append = \" {}\"", yocto.features.join(" ")).ok();
    }
    if !yocto.packages.is_empty() {
        let packages = yocto.packages.join(" ");
        writeln!(out, "MACHINE_EXTRA_RRECOMMENDS:append = \" {packages}\"").ok();
    }
    writeln!(out, "SERIAL_CONSOLES = \"{}\"", serial_consoles(board)).ok();
    if layout.loader == Loader::GrubEfi {
        out.push_str(
            "EFI_PROVIDER = \"grub-efi\"\nPREFERRED_PROVIDER_virtual/bootloader = \"grub-efi\"\n",
        );
        writeln!(out, "GRUB_BUILDIN = \"{}\"", grub::MODULES).ok();
    }
    let root = match layout.place("rootfs-a").map(|place| place.partition.fs) {
        Some(Filesystem::Ext4) => "ext4",
        _ => "squashfs-zst",
    };
    writeln!(
        out,
        "\nROOMBOX_BOARD = \"{}\"\nRAUC_BUNDLE_COMPATIBLE = \"{}\"\nROOMBOX_BOOT_SLOT = \"{}\"\n\
         IMAGE_FSTYPES = \"{root} wic.zst wic.bmap\"\nWKS_FILE = \"{}.wks\"",
        board.id,
        board.compatible,
        layout.boot_class().unwrap_or_default(),
        yocto.machine,
    )
    .ok();
    out.push_str(&wic(layout));
    if layout.loader == Loader::Uboot {
        out.push_str(&first_environment(layout));
    }
    out
}

/// What wic's table is made of: without these the image would be put together before they are there.
fn wic(layout: &Layout) -> String {
    let loader = match layout.loader {
        Loader::GrubEfi => "roombox-esp roombox-boot-slots",
        Loader::RpiTryboot => "roombox-boot-slots",
        Loader::Uboot => "virtual/bootloader roombox-uboot-script",
    };
    format!(
        "WKS_FILE_DEPENDS = \"e2fsprogs-native {loader}\"\nIMAGE_TYPEDEP:wic = \"squashfs-zst\"\n"
    )
}

/// The first environment, as the image carries it twice. Its name is without the recipe's, so that one
/// layout serves a vendor's U-Boot too.
fn first_environment(layout: &Layout) -> String {
    format!(
        "\nMACHINEOVERRIDES =. \"roombox-uboot:\"\nUBOOT_INITIAL_ENV = \"u-boot-initial-env\"\n\
         UBOOT_INITIAL_ENV_BINARY = \"1\"\nUBOOT_INITIAL_ENV_BINARY_REDUND = \"1\"\n\
         UBOOT_INITIAL_ENV_BINARY_SIZE = \"{:#x}\"\n",
        uboot::environment_size(layout)
    )
}

/// `115200;ttyS0` for each serial console.
fn serial_consoles(board: &Board) -> String {
    let serial = board.console.iter().filter_map(|console| console.split_once(','));
    let all: Vec<String> = serial.map(|(device, baud)| format!("{baud};{device}")).collect();
    all.join(" ")
}
