//! GRUB's script for PCs: which side, how many tries, and what a person may choose instead.
//!
//! RAUC's `grub` backend reads and writes the same names: `ORDER`, and for each side `_OK` and
//! `_TRY` (RAUC manual, "GRUB"). GRUB has neither arithmetic nor `break`: hence the ladder.

use super::super::{Board, Layout};
use super::{NOTICE, SIDES, kernel_arguments};
use std::fmt::Write as _;

/// What the loader must have built in: it finds no module files in the ESP. `probe` and `regexp` tell
/// the disk, `loadenv` keeps the tries.
pub const MODULES: &str = "boot cat configfile echo ext2 fat halt linux loadenv ls minicmd normal \
     part_gpt probe reboot regexp search search_fs_file search_label serial sleep terminal test true";

pub fn cfg(board: &Board, layout: &Layout) -> String {
    let mut out = format!("# {NOTICE}\n{}", head(layout));
    for side in SIDES {
        out.push_str(&ladder(side.to_ascii_uppercase()));
    }
    out.push_str(BETWEEN);
    out.push_str(&boot(board, layout));
    out.push_str(MENU);
    out
}

const HEAD: &str = r#"
# Sides and tries live in grubenv beside this file. A side that came up is marked good by the
# updater, which sets its tries to 0; one that did not within three tries is passed over.
load_env
if [ -z "$ORDER" ]; then
    echo "roombox: the boot state is lost, starting from its defaults"
    set ORDER="A B"; set A_OK=1; set A_TRY=0; set B_OK=1; set B_TRY=0
fi
if [ -z "$A_TRY" ]; then set A_TRY=0; fi
if [ -z "$B_TRY" ]; then set B_TRY=0; fi

# The disk that this script was read from: another one may carry the same labels.
regexp --set=1:disk '^(.+),.+$' "$root"
"#;

/// The state, and which sides are filled: an empty one is never tried, whatever the state says.
fn head(layout: &Layout) -> String {
    let mut out = HEAD.to_owned();
    for side in SIDES {
        let kernel = layout.number(&format!("kernel-{side}"));
        let side = side.to_ascii_uppercase();
        writeln!(
            out,
            "if [ -f \"($disk,gpt{kernel})/bzImage\" ]; then set {side}_HERE=1; else set {side}_HERE=0; fi"
        )
        .ok();
    }
    out.push_str("\nset pick=\"\"\nfor side in $ORDER; do\n");
    out
}

/// One more try for `side`, if it has one left.
fn ladder(side: char) -> String {
    let mut out = format!(
        "    if [ -z \"$pick\" -a \"$side\" = \"{side}\" -a \"${side}_OK\" = \"1\" -a \"${side}_HERE\" = \"1\" ]; then\n"
    );
    for (n, tried) in [0, 1, 2].into_iter().enumerate() {
        let word = if n == 0 { "if" } else { "elif" };
        let next = tried + 1;
        writeln!(
            out,
            "        {word} [ \"${side}_TRY\" = \"{tried}\" ]; then set {side}_TRY={next}; set pick={side}; set try={next}"
        )
        .ok();
    }
    out.push_str("        fi\n    fi\n");
    out
}

const BETWEEN: &str = r#"done

# Nothing left to try: begin again instead of standing still, with a side that was good once.
if [ -z "$pick" ]; then
    echo "roombox: no side has tries left, beginning again"
    set A_TRY=0; set B_TRY=0
    for side in $ORDER; do
        if [ -z "$pick" -a "$side" = "A" -a "$A_OK" = "1" -a "$A_HERE" = "1" ]; then set pick=A; set A_TRY=1; fi
        if [ -z "$pick" -a "$side" = "B" -a "$B_OK" = "1" -a "$B_HERE" = "1" ]; then set pick=B; set B_TRY=1; fi
    done
    # Given up or not, what is there is better than nothing: first the side that ran last.
    for side in $ORDER A; do
        if [ -z "$pick" -a "$side" = "A" -a "$A_HERE" = "1" ]; then set pick=A; set A_OK=1; set A_TRY=1; fi
        if [ -z "$pick" -a "$side" = "B" -a "$B_HERE" = "1" ]; then set pick=B; set B_OK=1; set B_TRY=1; fi
    done
    if [ -z "$pick" ]; then set pick=B; set B_OK=1; set B_TRY=1; fi
    set try=1
fi
save_env ORDER A_OK A_TRY B_OK B_TRY
if [ "$pick" = "A" ]; then set other=B; else set other=A; fi
"#;

fn boot(board: &Board, layout: &Layout) -> String {
    let arguments = kernel_arguments(board);
    let mut out =
        String::from("\nfunction boot_side {\n    # $1: side, $2: further kernel arguments\n");
    for (n, side) in SIDES.into_iter().enumerate() {
        let word = if n == 0 { "if" } else { "elif" };
        let kernel = layout.number(&format!("kernel-{side}"));
        let root = layout.number(&format!("rootfs-{side}"));
        let side = side.to_ascii_uppercase();
        writeln!(
            out,
            "    {word} [ \"$1\" = \"{side}\" ]; then set kernel=\"$disk,gpt{kernel}\"; set rootfs=\"$disk,gpt{root}\""
        )
        .ok();
    }
    writeln!(
        out,
        r#"    fi
    probe --set=partuuid --part-uuid "($rootfs)"
    linux "($kernel)/bzImage" root=PARTUUID=$partuuid rootfstype=squashfs ro rootwait rauc.slot=$1 panic=5 {arguments} $2
    if [ -f "($kernel)/initrd" ]; then initrd "($kernel)/initrd"; fi
    boot
}}"#
    )
    .ok();
    out
}

const MENU: &str = r#"
set default=0
set timeout=2
set timeout_style=hidden
echo "roombox: side $pick, try $try (ESC for other ways)"

menuentry "Roombox" --id roombox { boot_side "$pick" "" }
menuentry "Roombox, the other side, this time only" --id other { boot_side "$other" "" }
menuentry "Erase everything and start as a new box" --id reset { boot_side "$pick" "roombox.reset=1" }
menuentry "Install to a disk of this machine" --id install { boot_side "$pick" "systemd.unit=roombox-install.target" }
menuentry "Firmware settings" --id firmware { fwsetup }
"#;
