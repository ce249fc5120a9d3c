//! U-Boot's script: sides and tries in the redundant environment, by RAUC's names `BOOT_ORDER` and
//! `BOOT_<side>_LEFT` (RAUC manual, "U-Boot").

use super::super::layout::Raw;
use super::super::{Board, Layout};
use super::{NOTICE, SIDES, kernel_arguments};

pub fn cmd(board: &Board, layout: &Layout) -> String {
    let arguments = kernel_arguments(board);
    let choices: String = SIDES.into_iter().map(|side| choice(side, layout)).collect();
    format!(
        r#"# {NOTICE}
# Sides and tries live in the redundant environment. A side that came up is marked good by the
# updater, which gives it three tries again.
test -n "${{BOOT_ORDER}}" || setenv BOOT_ORDER "A B"
test -n "${{BOOT_A_LEFT}}" || setenv BOOT_A_LEFT 3
test -n "${{BOOT_B_LEFT}}" || setenv BOOT_B_LEFT 3

setenv pick
for round in first again; do
    for side in ${{BOOT_ORDER}}; do
{choices}    done
    # Nothing left to try: begin again instead of standing still.
    if test -z "${{pick}}"; then
        echo "roombox: no side has tries left, beginning again"
        setenv BOOT_ORDER "A B"
        setenv BOOT_A_LEFT 3
        setenv BOOT_B_LEFT 3
    fi
done
saveenv

part uuid ${{devtype}} ${{devnum}}:${{rootpart}} partuuid
setenv bootargs "root=PARTUUID=${{partuuid}} rootfstype=squashfs ro rootwait rauc.slot=${{pick}} panic=5 {arguments}"
echo "roombox: side ${{pick}}"
# Not at kernel_addr_r: the kernel is unpacked to there.
if load ${{devtype}} ${{devnum}}:${{rootpart}} ${{ramdisk_addr_r}} /boot/fitImage; then
    bootm ${{ramdisk_addr_r}}
fi
echo "roombox: side ${{pick}} has no kernel that starts"
reset
"#
    )
}

fn choice(side: char, layout: &Layout) -> String {
    let number = layout.number(&format!("rootfs-{side}"));
    let side = side.to_ascii_uppercase();
    format!(
        r#"        if test -z "${{pick}}" && test "${{side}}" = "{side}" && test ${{BOOT_{side}_LEFT}} -gt 0; then
            setexpr BOOT_{side}_LEFT ${{BOOT_{side}_LEFT}} - 1
            setenv pick {side}
            setenv rootpart {number}
        fi
"#
    )
}

/// Where Linux finds both copies of the environment (libubootenv, `fw_env.config`).
pub fn fw_env(layout: &Layout) -> String {
    let mut out = format!("# {NOTICE}\n# device         offset     size\n");
    for raw in environments(layout) {
        let (offset, size) = (raw.sector * 512, raw.size.bytes());
        out.push_str(&format!("/dev/roombox/disk {offset:#x} {size:#x}\n"));
    }
    out
}

/// What U-Boot must have built in for the script: an environment where [`fw_env`] says, and a reader of
/// the root (U-Boot's Kconfig). The redundant environment has a new name since 2025.10; the old one is
/// for vendors' versions, and Kconfig passes over the one that it does not know.
pub fn config(layout: &Layout) -> String {
    let mut out = format!("# {NOTICE}\n{}", CONFIG);
    let keys = ["CONFIG_ENV_OFFSET", "CONFIG_ENV_OFFSET_REDUND"];
    for (key, raw) in keys.into_iter().zip(environments(layout)) {
        out.push_str(&format!("{key}={:#x}\n", raw.sector * 512));
    }
    out.push_str(&format!("CONFIG_ENV_SIZE={:#x}\n", environment_size(layout)));
    out
}

const CONFIG: &str = "\
# CONFIG_ENV_IS_NOWHERE is not set
CONFIG_ENV_IS_IN_MMC=y
CONFIG_ENV_REDUNDANT=y
CONFIG_SYS_REDUNDAND_ENVIRONMENT=y
CONFIG_CMD_PART=y
CONFIG_CMD_SAVEENV=y
CONFIG_CMD_SETEXPR=y
CONFIG_CMD_SQUASHFS=y
CONFIG_FIT=y
CONFIG_FS_SQUASHFS=y
CONFIG_PARTITION_UUIDS=y
CONFIG_ZSTD=y
";

fn environments(layout: &Layout) -> impl Iterator<Item = &Raw> {
    layout.raw.iter().filter(|raw| raw.name.starts_with("env"))
}

/// Bytes of one copy of the environment.
pub fn environment_size(layout: &Layout) -> u64 {
    environments(layout).map(|raw| raw.size.bytes()).min().unwrap_or_default()
}

/// NXP's `uuu` script (mfgtools, "Script format"): loader into memory over the boot ROM's serial
/// download, then the unpacked image to the eMMC that the loader knows as its own, by fastboot.
pub fn uuu(board: &Board, layout: &Layout) -> String {
    let loader = layout.raw.iter().find_map(|raw| raw.file.as_deref()).unwrap_or("imx-boot");
    let image = format!("{}.img", board.compatible);
    format!(
        "uuu_version 1.4.193

# {NOTICE}
# Beside this file: {loader} and {image}, unpacked and checked with `roomflash`.
SDPS: boot -f {loader}
FB: ucmd setenv fastboot_dev mmc
FB: ucmd setenv mmcdev ${{emmc_dev}}
FB: ucmd mmc dev ${{emmc_dev}}
FB: flash -raw2sparse all {image}
FB: done
"
    )
}
