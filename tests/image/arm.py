"""The stand-in of an Arm board: the generated files of a board with U-Boot, on QEMU's `virt` machine. The
kernel, its initrd and the machine's device tree lie in a FIT in the root, as the product's kernel does."""

import os
import shutil
import subprocess
from pathlib import Path

import uboot
from standin import INITRD_MODULES, MODULES, PACKAGES, StandIn, digest, run
from vm import Machine

# Where U-Boot unpacks the kernel on this machine: its own kernel_addr_r.
KERNEL_AT = 0x4040_0000
FIT = f"""/dts-v1/;
/ {{
    description = "Roombox";
    #address-cells = <1>;
    images {{
        kernel {{ data = /incbin/("Image.gz"); type = "kernel"; arch = "arm64"; os = "linux"; compression = "gzip";
            load = <{KERNEL_AT:#x}>; entry = <{KERNEL_AT:#x}>; hash {{ algo = "sha256"; }}; }};
        fdt {{ data = /incbin/("virt.dtb"); type = "flat_dt"; arch = "arm64"; compression = "none"; hash {{ algo = "sha256"; }}; }};
        ramdisk {{ data = /incbin/("initrd"); type = "ramdisk"; arch = "arm64"; os = "linux"; compression = "none"; hash {{ algo = "sha256"; }}; }};
    }};
    configurations {{
        default = "virt";
        virt {{ kernel = "kernel"; fdt = "fdt"; ramdisk = "ramdisk"; }};
    }};
}};
"""
MEMORY = 1536
VIRT = ["qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", str(MEMORY)]


def missing() -> str | None:
    """Why there can be no Arm machine here, or None."""
    tools = ["mmdebstrap", "qemu-system-aarch64", "qemu-aarch64-static", "mkimage", "aarch64-linux-gnu-gcc", "bison", "flex", "dpkg-source"]
    if lacking := [tool for tool in tools if not shutil.which(tool)]:
        return f"{', '.join(lacking)} not found (scripts/setup.sh image)"
    if not Path("/proc/sys/fs/binfmt_misc/register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", "/proc/sys/fs/binfmt_misc"], capture_output=True)
    if not Path("/proc/sys/fs/binfmt_misc/qemu-aarch64").exists():
        subprocess.run(["update-binfmts", "--enable", "qemu-aarch64"], capture_output=True)
    if not Path("/proc/sys/fs/binfmt_misc/qemu-aarch64").exists():
        return "this kernel starts no Arm programs by QEMU (binfmt_misc)"
    return None


class ArmStandIn(StandIn):
    """`rock-5b`: what it shares with every board with U-Boot is what is tried. `binaries` are Arm's."""

    name = "rock-5b"
    debian = "arm64"
    wheels = "manylinux_2_28_aarch64"
    packages = PACKAGES + ["linux-image-arm64", "libubootenv-tool"]
    initrd_modules = INITRD_MODULES + ["sdhci_pci", "mmc_block"]
    modules = MODULES + ["drivers/mmc", "dax/dax.ko"]
    strip = "aarch64-linux-gnu-strip"

    def stage(self, version: str, debug: bool = False):
        super().stage(version, debug)
        fit = self.fit()
        (self.root / "boot").mkdir(exist_ok=True)
        os.link(fit, self.root / "boot/fitImage")

    def fit(self) -> Path:
        made = self.out / f"kernel/fitImage-{digest(FIT)}"
        if made.exists():
            return made
        folder = made.parent
        # With its firmware: a machine that has one has other devices.
        run(*VIRT, "-machine", f"dumpdtb={folder}/virt.dtb", "-display", "none", "-bios", self.uboot())
        run("gzip", "-k", "-f", "-1", folder / "bzImage")
        (folder / "bzImage.gz").rename(folder / "Image.gz")
        (folder / "image.its").write_text(FIT)
        run("mkimage", "-f", "image.its", "fitImage.new", cwd=folder)
        (folder / "fitImage.new").rename(made)
        return made

    def slots(self, squashfs: Path) -> dict[str, Path]:
        return {"rootfs": squashfs}

    def boot_partition(self) -> dict[str, Path]:
        """As roombox-uboot-script.bb makes it."""
        image, script = self.out / "boot.vfat", self.out / "boot.scr"
        image.unlink(missing_ok=True)
        run("mkimage", "-A", "arm64", "-T", "script", "-C", "none", "-n", "roombox", "-d", self.board / "boot/boot.cmd", script)
        run("mkfs.vfat", "-F", "32", "-n", "BOOT", "-C", image, self.partition("boot")["size"] // 1024)
        run("mcopy", "-i", image, script, "::/")
        return {"boot": image}

    def uboot(self) -> Path:
        return uboot.build(self.out, self.board / "boot/u-boot.cfg", self.say)


class ArmMachine(Machine):
    """Its disk is an SD card, whose size must be a power of two. U-Boot speaks on the machine's own serial
    line; the kernel's console is ttyS2, as on the board, the third of a serial card."""

    def __init__(self, folder: Path, disk: Path, loader: Path, lan=None):
        super().__init__(folder, disk, memory=MEMORY, lan=lan)
        self.loader = loader

    def hardware(self) -> list[str]:
        return [
            *VIRT, "-accel", "tcg,thread=multi", "-nodefaults", "-no-user-config", "-display", "none", "-bios", str(self.loader),
            "-device", "qemu-xhci,id=usb", "-device", "i6300esb", "-action", "watchdog=reset",
            "-drive", f"if=none,id=disk,format=raw,cache=unsafe,file={self.disk}", "-device", "sdhci-pci", "-device", "sd-card,drive=disk",
        ]

    def lines(self) -> list[str]:
        return [
            *self.speaks("loader"), "-serial", "chardev:loader", *self.speaks("shell"), *self.speaks("console"),
            "-chardev", "null,id=none0", "-chardev", "null,id=none3",
            "-device", "pci-serial-4x,chardev1=none0,chardev2=shell,chardev3=console,chardev4=none3",
        ]

    def loader_said(self) -> str:
        return self.said["loader"].read_text(errors="replace").replace("\r", "")
