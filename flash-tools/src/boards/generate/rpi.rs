//! The Raspberry Pi's firmware files: which side, and one try of the other
//! (raspberrypi.com, "autoboot.txt" and "Conditional filters").
//!
//! Both sides hold the same files, so `config.txt` asks by `[boot_partition=N]` which one it was
//! read from.

use super::super::{Board, Layout};
use super::{NOTICE, kernel_arguments};

pub fn files(board: &Board, layout: &Layout) -> Vec<(&'static str, String)> {
    let (a, b) = (layout.number("boot-a"), layout.number("boot-b"));
    let autoboot = format!(
        "# {NOTICE}\n# `reboot \"0 tryboot\"` takes the second one, once.\n[all]\ntryboot_a_b=1\nboot_partition={a}\n[tryboot]\nboot_partition={b}\n"
    );
    let config = format!(
        "# {NOTICE}\n[boot_partition={a}]\ncmdline=cmdline-a.txt\n[boot_partition={b}]\ncmdline=cmdline-b.txt\n[all]\n"
    );
    vec![
        ("autoboot.txt", autoboot),
        ("config-sides.txt", config),
        ("cmdline-a.txt", cmdline(board, 'a')),
        ("cmdline-b.txt", cmdline(board, 'b')),
    ]
}

/// One line, without a comment: the firmware hands all of it to the kernel.
fn cmdline(board: &Board, side: char) -> String {
    let (name, arguments) = (side.to_ascii_uppercase(), kernel_arguments(board));
    format!(
        "root=PARTLABEL=rootfs-{side} rootfstype=squashfs ro rootwait rauc.slot={name} panic=5 {arguments}\n"
    )
}
