"""The image's root scripts around a start, in a folder: the health gate, the boot state, its diary.

The scripts are the image's own and the boot environment is GRUB's; what they call is played here."""

import json
import os
import subprocess
from pathlib import Path

CORE = Path(__file__).resolve().parents[2] / "yocto/meta-roombox/recipes-core"
TREES = [CORE / name / "files/root/usr/lib/roombox" for name in ("roombox-health", "roombox-boot-state")]

# What the scripts call. The updater does to the boot state what RAUC's own back-ends do.
PROGRAMS = {
    "roomboxd": 'cat "$BOX/health"; exit "$(cat "$BOX/health-code")"',
    "systemctl": 'echo "systemctl $*" >>"$BOX/called"',
    "blkid": "echo squashfs",
    "fw_printenv": """
        [ "$1" = -n ] && { sed -n "s/^$2=//p" "$BOX/uboot"; exit; }
        for name; do grep "^$name=" "$BOX/uboot"; done""",
    "fw_setenv": 'sed -i "s/^$1=.*/$1=$2/" "$BOX/uboot"',
    "rauc": """
        echo "rauc $*" >>"$BOX/called"
        [ ! -e "$BOX/rauc-broken" ] || exit 1
        side=$SIDE; [ "$3" = other ] && side=$OTHER
        if [ -e "$BOX/uboot" ]; then
            case $2 in
            mark-good) fw_setenv BOOT_${side}_LEFT 3 ;;
            mark-bad) fw_setenv BOOT_${side}_LEFT 0; fw_setenv BOOT_ORDER "$SIDE" ;;
            mark-active) fw_setenv BOOT_${side}_LEFT 3; fw_setenv BOOT_ORDER "$SIDE $OTHER" ;;
            esac
        else
            case $2 in
            mark-good) grub-editenv "$GRUBENV" set ${side}_OK=1 ${side}_TRY=0 ;;
            mark-bad) grub-editenv "$GRUBENV" set ${side}_OK=0 ${side}_TRY=0 ;;
            mark-active) grub-editenv "$GRUBENV" set ORDER="$SIDE $OTHER" ${side}_OK=1 ${side}_TRY=0 ;;
            esac
        fi""",
}


class Image:
    """What the scripts find: version 0.2 on the side that runs. `programs` are played."""

    def __init__(self, folder: Path, programs=tuple(PROGRAMS), side="A"):
        self.folder = folder
        self.lib, played = folder / "lib", folder / "bin"
        self.fat, self.data = folder / "fat", folder / "data"
        self.grubenv = self.fat / "EFI/BOOT/grubenv"
        for made in (self.lib, played, self.grubenv.parent, self.data / "system"):
            made.mkdir(parents=True)
        for script in (script for tree in TREES for script in tree.iterdir()):
            (self.lib / script.name).symlink_to(script)
        for name in programs:
            (played / name).write_text(f"#!/bin/sh\n{PROGRAMS[name]}\n")
            (played / name).chmod(0o755)
        for name, text in {"cmdline": f"quiet rauc.slot={side}", "os-release": 'VERSION_ID="0.2"\n',
                           "system.conf": "bootloader=grub\n", "called": ""}.items():
            (folder / name).write_text(text)
        self.environment = os.environ | {
            "PATH": f"{played}:{os.environ['PATH']}:/sbin:/usr/sbin", "BOX": str(folder),
            "SIDE": side, "OTHER": "AB".replace(side, ""), "GRUBENV": str(self.grubenv), "ROOMBOX_PAUSE": "0",
            "ROOMBOX_LIB": str(self.lib), "ROOMBOX_FAT": str(self.fat), "ROOMBOX_DATA": str(self.data),
            "ROOMBOX_RAUC_CONF": str(folder / "system.conf"), "ROOMBOX_RELEASE": str(folder / "os-release"),
            "ROOMBOX_CMDLINE": str(folder / "cmdline"),
        }
        self.health("healthy", 0)

    def health(self, says: str, code: int):
        (self.folder / "health").write_text(f"{says}\n")
        (self.folder / "health-code").write_text(str(code))

    def grub(self, **words):
        if not self.grubenv.exists():
            subprocess.run(["grub-editenv", self.grubenv, "create"], check=True)
        words = [f"{name}={value}" for name, value in words.items()]
        subprocess.run(["grub-editenv", self.grubenv, "set", *words], check=True)

    def uboot(self, **words):
        (self.folder / "system.conf").write_text("bootloader=uboot\n")
        (self.folder / "uboot").write_text("".join(f"{name}={value}\n" for name, value in words.items()))

    def run(self, script: str, *arguments):
        return subprocess.run([self.lib / script, *arguments], env=self.environment,
                              capture_output=True, text=True, timeout=60)

    def state(self) -> dict:
        """What the boot loader knows."""
        file = self.folder / "uboot"
        text = file.read_text() if file.exists() else subprocess.run(
            ["grub-editenv", self.grubenv, "list"], capture_output=True, text=True, check=True).stdout
        return dict(line.split("=", 1) for line in text.splitlines())

    def kept(self) -> dict:
        return dict(line.split("=", 1) for line in (self.data / "system/boot-state").read_text().splitlines())

    def was_good(self, what: str):
        (self.data / "system/boot-state").write_text(f"ORDER=A B\nGOOD={what}\n")

    def called(self) -> list:
        return (self.folder / "called").read_text().splitlines()

    def diary(self) -> list:
        lines = [json.loads(line) for line in (self.data / "boots.jsonl").read_text().splitlines()]
        return [(line["slot"], line["version"], line["outcome"], line.get("reason")) for line in lines]
