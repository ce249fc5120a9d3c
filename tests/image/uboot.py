"""U-Boot for QEMU's Arm machine, from Debian's source, with the fragment that a board's own U-Boot gets:
what is tried here is the product's script and its places of the environment, in the real interpreter."""

import os
import shutil
from pathlib import Path

from standin import digest, run

CROSS = "aarch64-linux-gnu-"
# A PCI card reader where boards have one on the chip: U-Boot finds it a moment later, so the environment
# is loaded once more; the rest is what U-Boot's own search for boot.scr would set.
READER = """\
# CONFIG_ENV_IS_IN_FLASH is not set
CONFIG_MMC=y
CONFIG_DM_MMC=y
CONFIG_MMC_PCI=y
CONFIG_MMC_SDHCI=y
CONFIG_MMC_SDHCI_SDMA=y
CONFIG_CMD_MMC=y
CONFIG_CMD_NVEDIT_LOAD=y
CONFIG_SYS_MMC_ENV_DEV=0
CONFIG_BOOTDELAY=0
CONFIG_USE_BOOTCOMMAND=y
CONFIG_BOOTCOMMAND="load mmc 0:1 ${scriptaddr} boot.scr && env load; setenv devtype mmc; setenv devnum 0; source ${scriptaddr}"
"""
# Options that only newer or older versions know.
EITHER = {"CONFIG_ENV_REDUNDANT=y", "CONFIG_SYS_REDUNDAND_ENVIRONMENT=y"}


def source(folder: Path) -> Path:
    """Debian's source of U-Boot, unpacked, with apt's state of its own: nobody's sources.list is touched."""
    unpacked = folder / "u-boot-source"
    if (unpacked / "Makefile").exists():
        return unpacked
    state = folder / "apt"
    shutil.rmtree(state, ignore_errors=True)
    for name in ("lists/partial", "archives/partial"):
        (state / name).mkdir(parents=True)
    (state / "status").touch()
    (state / "sources.list").write_text("deb-src http://deb.debian.org/debian bookworm main\n")
    apt = ["apt-get", "-qq", "-o", f"Dir::State={state}", "-o", f"Dir::State::status={state}/status", "-o", f"Dir::Cache={state}",
           "-o", f"Dir::Etc::sourcelist={state}/sources.list", "-o", "Dir::Etc::sourceparts=/dev/null", "-o", "APT::Sandbox::User=root"]
    run(*apt, "update")
    run(*apt, "source", "--download-only", "u-boot", cwd=state)
    shutil.rmtree(unpacked, ignore_errors=True)
    run("dpkg-source", "--extract", "--skip-patches", next(state.glob("u-boot_*.dsc")), unpacked)
    return unpacked


def build(folder: Path, fragment: Path, say=print) -> Path:
    """U-Boot with a board's `fragment`, kept by what it is made of. One that Kconfig does not take whole
    is an error: a board's U-Boot would lack it too, without a word."""
    made = folder / f"u-boot-{digest(READER, fragment.read_text())}.bin"
    if made.exists():
        return made
    say("standin: fetching and building U-Boot (two minutes)")
    folder.mkdir(parents=True, exist_ok=True)
    tree, out = source(folder), folder / "u-boot"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    (out / "reader.cfg").write_text(READER)
    environment = os.environ | {"CROSS_COMPILE": CROSS, "KCONFIG_CONFIG": str(out / ".config")}
    make = ["make", "-s", f"-j{os.cpu_count()}", "-C", tree, f"O={out}"]
    run(*make, "qemu_arm64_defconfig", env=environment)
    run(tree / "scripts/kconfig/merge_config.sh", "-m", "-O", out, out / ".config", fragment, out / "reader.cfg", cwd=tree, env=environment)
    run(*make, "olddefconfig", env=environment)
    taken = set((out / ".config").read_text().splitlines())
    wanted = {line for line in (fragment.read_text() + READER).splitlines() if line.startswith("CONFIG_")}
    lacking = wanted - taken - EITHER
    if lacking or not EITHER & taken:
        raise SystemExit(f"standin: U-Boot's Kconfig does not take: {sorted(lacking) or sorted(EITHER)}")
    run(*make, "u-boot.bin", env=environment)
    shutil.copy(out / "u-boot.bin", made)
    shutil.rmtree(out)
    return made
