#!/usr/bin/env python3
"""The part of `make bench` about disks: `roomflash write` beside `bmaptool copy`, the same image onto
the same loop device, in turns. roomflash reads everything back, bmaptool does not.

Needs root, a loop device and Debian's bmap-tools; says SKIPPED otherwise.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMFLASH = ROOT / "target/release/roomflash"
MIB = 1 << 20
# What the roots of an image hold: files as they come, which zstd makes half of.
CONTENT = ["/usr/lib", "/usr/bin", "/usr/share"]
ROUNDS = 3


def image(folder: Path, mib: int) -> Path:
    """A raw image with the labels of a PC's, sparse where it is empty."""
    path = folder / "roombox.img"
    root = mib + 64
    with path.open("wb") as file:
        file.truncate((1 + 64 + 32 + 32 + root + root + 64 + 1) * MIB)
    parts = [("esp", 64), ("kernel-a", 32), ("kernel-b", 32), ("rootfs-a", root), ("rootfs-b", root)]
    table, at = "label: gpt\n", 1
    places = {}
    for label, size in [*parts, ("data", 64)]:
        table += f"start={at * 2048}, size={size * 2048}, name={label}\n"
        places[label] = at
        at += size
    run(["sfdisk", "-q", path], input=table.encode())
    tar = subprocess.Popen(["tar", "-C", "/", "-cf", "-", *CONTENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with path.open("r+b") as file:
        file.seek(places["rootfs-a"] * MIB)
        left = mib * MIB
        while left:
            piece = tar.stdout.read(min(MIB, left)) or os.urandom(min(MIB, left))
            file.write(piece)
            left -= len(piece)
    tar.kill()
    tar.wait()
    return path


def run(command, **options):
    return subprocess.run([str(word) for word in command], check=True, **options)


def measured(command) -> dict:
    """Wall seconds, CPU seconds and peak memory of a command and its children."""
    begun = time.monotonic()
    child = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{command}: {said.decode(errors='replace')}")
    wall = time.monotonic() - begun
    return {"wall_s": wall, "cpu_s": used.ru_utime + used.ru_stime, "rss_mib": used.ru_maxrss / 1024}


def least(rows, key):
    return min(row[key] for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--mib", type=int, default=768)
    parser.add_argument("--roomflash", type=Path, default=ROOMFLASH)
    parser.add_argument("--folder", type=Path, default=ROOT / "target")
    options = parser.parse_args()
    missing = [tool for tool in ["bmaptool", "losetup", "sfdisk", "zstd"] if not shutil.which(tool)]
    roomflash = options.roomflash
    if os.geteuid() or missing or not roomflash.exists():
        print(f"flash: SKIPPED (needs root, {roomflash} and {' '.join(missing) or 'its tools'})")
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        raw = image(folder, options.mib)
        bmap = folder / "roombox.bmap"
        run(["bmaptool", "create", "-o", bmap, raw], stderr=subprocess.DEVNULL)
        key = folder / "key"
        run([roomflash, "manifest", "key", key], stderr=subprocess.DEVNULL)
        run([roomflash, "manifest", "make", raw, "--image-version", "1", "--board", "qemu-x86-64",
             "--bmap", bmap, "--out", folder, "--key", key, "--level", "3"], stderr=subprocess.DEVNULL)
        packed = folder / "roombox.img.zst"
        facts = json.loads((folder / "roombox.img.zst.manifest.json").read_text())
        mapped = sum(range["length"] for range in facts["ranges"]) / MIB
        disk = folder / "disk.img"
        with disk.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, facts["smallest_disk"])
        loop = run(["losetup", "--find", "--show", disk], stdout=subprocess.PIPE).stdout.decode().strip()
        write = [roomflash, "--json", "write", packed, loop, "--yes", "--all", "--board", "qemu-x86-64",
                 "--public-key", key.with_suffix(".pub")]
        ours, theirs = [], []
        try:
            for _ in range(ROUNDS):
                theirs.append(measured(["bmaptool", "-q", "copy", "--bmap", bmap, packed, loop]))
                # The mark of an unfinished write is gone, so nothing is kept.
                ours.append(measured(write))
        finally:
            run(["losetup", "-d", loop])
    ratio = least(ours, "wall_s") / least(theirs, "wall_s")
    print(f"flash: {mapped:.0f} MiB mapped, onto a loop device, {ROUNDS} rounds in turns")
    print(f"  roomflash with reading back : bmaptool without = {ratio:.2f} (aim: at most 1.3)")
    for name, rows in [("roomflash", ours), ("bmaptool", theirs)]:
        wall = least(rows, "wall_s")
        print(
            f"  {name:9} {wall:6.2f} s  {mapped / wall:6.1f} MiB/s  "
            f"{least(rows, 'cpu_s'):5.2f} CPU-s  {max(row['rss_mib'] for row in rows):5.1f} MiB resident"
        )
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        told = {"mapped_mib": mapped, "ratio": ratio, "roomflash": ours, "bmaptool": theirs,
                "median_ratio": statistics.median(row["wall_s"] for row in ours)
                / statistics.median(row["wall_s"] for row in theirs)}
        (options.out / "flash.json").write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
