"""USB sticks for a machine: images of them, plugging in and pulling out."""

import subprocess
from pathlib import Path


def fat_stick(folder: Path, label: str, files: dict[str, Path]) -> Path:
    """A stick without a partition table, as they are often sold, with these files."""
    image = folder / f"{label}.img"
    kib = (64 << 10) + sum(path.stat().st_size for path in files.values()) // 1000
    subprocess.run(["mkfs.vfat", "-n", label, "-C", image, str(kib)], check=True, capture_output=True)
    for name, path in files.items():
        subprocess.run(["mcopy", "-i", image, path, f"::/{name}"], check=True)
    return image


def plug(machine, image: Path, name: str):
    file = {"driver": "file", "filename": str(image)}
    machine.qmp("blockdev-add", **{"driver": "raw", "node-name": name, "file": file})
    machine.qmp("device_add", driver="usb-storage", bus="usb.0", drive=name, id=name, serial=f"STICK-{name}", removable=True)


def pull(machine, name: str):
    machine.qmp("device_del", id=name)
