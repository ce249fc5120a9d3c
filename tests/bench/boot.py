#!/usr/bin/env python3
"""The part of `make bench` about the image: the stand-in in QEMU without KVM, in CPU-seconds of emulation.

From power-on to a room that can be joined, per stage; the floor is the same machine up to the moment
when the kernel hands over: nothing of ours has run then. And an update, from the upload's first byte
until it is installed; the floor is the guest's own `dd` of as many bytes onto the same partition.

Needs root and what `scripts/setup.sh image` installs; says SKIPPED otherwise.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "image"))
# A stage ends when the console says this.
STAGES = [
    ("firmware and boot loader", r"Linux version"),
    ("kernel and initrd", r"Welcome to (?!GRUB)"),
    ("mounts and units", r"Starting .*roomboxd\.service"),
    ("daemon, until a room can be joined", r"Started .*roomboxd\.service"),
    ("health check: a room of its own, recorded", r"try \d: (good|failed)"),
]
COLOURS = ["#8d99ae", "#5c677d", "#33658a", "#e07a1f", "#2a9d8f"]
ROUNDS = 3
UPDATE_MIB = 400
OTHER_SIDE = "/dev/roombox/rootfs-b"


def boot(machine, stop: bool = True) -> list[dict]:
    """CPU and wall seconds at the end of each stage of one start."""
    begun, ends = time.monotonic(), []
    machine.start()
    for name, pattern in STAGES:
        said = machine.wait_console(pattern)
        ends.append({"stage": name, "cpu_s": machine.cpu_seconds(), "wall_s": time.monotonic() - begun})
        if said.group(0).endswith("failed"):
            sys.exit("boot: the health check failed, there is nothing to measure")
    if stop:
        machine.stop()
    return ends


def update(machine, bundle: Path) -> dict:
    """CPU-seconds of a box that is up and gets an update, and of the same machine that only writes as much."""
    machine.claim("Ada", "correct horse battery")
    begun, used = time.monotonic(), machine.cpu_seconds()
    machine.get("/api/v1/updates/bundle", "PUT", bundle, patience=1800)

    def installed():
        state = machine.get("/api/v1/updates")["now"]
        if state["state"] == "failed":
            sys.exit(f"boot: the update failed: {state}")
        return state["state"] == "installed"

    machine.wait(installed, "the update never ended", 1800)
    told = {"cpu_s": machine.cpu_seconds() - used, "wall_s": time.monotonic() - begun}
    machine.run(f"head -c {UPDATE_MIB}M /dev/urandom >/data/noise && sync")
    drawn = machine.cpu_seconds()
    machine.run(f"dd if=/data/noise of={OTHER_SIDE} bs=1M conv=fsync status=none", patience=1800)
    return told | {"floor_cpu_s": machine.cpu_seconds() - drawn, "mib": bundle.stat().st_size / (1 << 20)}


def spent(ends: list[dict], key: str) -> list[float]:
    """What each stage took by itself."""
    return [end[key] - before for end, before in zip(ends, [0.0] + [end[key] for end in ends])]


def picture(rows: list[tuple[str, list[float]]]) -> str:
    """Bars of stages, one bar a row."""
    most = max(sum(stages) for _, stages in rows)
    scale, left, height = 560 / most, 110, 36
    lines = []
    for number, (name, stages) in enumerate(rows):
        y, x = 20 + number * (height + 14), left
        lines.append(f'<text x="{left - 10}" y="{y + 23}" text-anchor="end">{name}</text>')
        for colour, seconds in zip(COLOURS, stages):
            width = seconds * scale
            lines.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" fill="{colour}"/>')
            if width > 26:
                lines.append(f'<text x="{x + width / 2:.1f}" y="{y + 23}" text-anchor="middle" fill="#fff">{seconds:.0f}</text>')
            x += width
    y = 30 + len(rows) * (height + 14)
    for number, (colour, (name, _)) in enumerate(zip(COLOURS, STAGES)):
        at = y + number * 20
        lines.append(f'<rect x="{left}" y="{at}" width="12" height="12" fill="{colour}"/><text x="{left + 20}" y="{at + 11}">{name}</text>')
    body = "\n".join(lines)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 {y + 110}" font-family="sans-serif" font-size="13" fill="#222">'
            f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--bin", type=Path, default=ROOT / "target" / "release")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    missing = [tool for tool in ["qemu-system-x86_64", "mmdebstrap", "mksquashfs", "mcopy"] if not shutil.which(tool)]
    if os.geteuid() or missing or not (options.bin / "roomboxd").exists():
        print(f"boot: SKIPPED (needs root, {options.bin}/roomboxd and {' '.join(missing) or 'its tools'})")
        return
    from bundles import Bundles
    from standin import MIB, StandIn
    from vm import Machine, copy_disk

    image = StandIn(ROOT / "target" / "image", options.bin)
    # With a shell on its second serial line, for the floor of the update.
    image.stage("0.1.0", debug=True)
    root = image.squashfs("rootfs.squashfs")
    sizes = {"root_mib": root.stat().st_size / MIB}
    sizes |= {f"{name}_mib": (image.root / "usr/bin" / name).stat().st_size / MIB for name in ("roomboxd", "roombox-media", "roomflash")}
    disk = image.disk(root)
    first, again = [], []
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
        for number in range(options.rounds):
            own = copy_disk(disk, Path(folder) / f"{number}.img", 6 << 30)
            machine = Machine(Path(folder) / str(number), own)
            first.append(boot(machine))
            again.append(boot(machine))
            if number + 1 < options.rounds:
                own.unlink()
        bundle = Bundles(image, Path(folder)).small(mib=UPDATE_MIB)
        updated = Machine(Path(folder) / "updated", own)
        boot(updated, stop=False)
        update_told = update(updated, bundle)
        updated.stop()
    print(f"boot: the stand-in under emulation, {options.rounds} rounds, CPU-seconds (wall seconds)")
    rows, told = [], {"sizes": sizes, "update": update_told}
    for name, runs in [("first start", first), ("later start", again)]:
        cpu = [statistics.median(stage) for stage in zip(*(spent(ends, "cpu_s") for ends in runs))]
        wall = [statistics.median(stage) for stage in zip(*(spent(ends, "wall_s") for ends in runs))]
        joinable, floor = sum(cpu[:4]), sum(cpu[:2])
        print(f"  {name}: joinable after {joinable:.0f} ({sum(wall[:4]):.0f}), {joinable / floor:.2f} x what firmware and kernel alone take")
        for (stage, _), used, took in zip(STAGES, cpu, wall):
            print(f"    {used:6.1f} ({took:5.1f})  {stage}")
        rows.append((name, cpu))
        told[name] = {"cpu_s": cpu, "wall_s": wall, "joinable_by_floor": joinable / floor}
    print("  update of {mib:.0f} MiB: {cpu_s:.0f} ({wall_s:.0f}), {ratio:.2f} x what writing alone takes".format(
        **update_told, ratio=update_told["cpu_s"] / update_told["floor_cpu_s"]))
    print("  on the image: " + ", ".join(f"{name.removesuffix('_mib')} {size:.1f} MiB" for name, size in sizes.items()))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "boot.json").write_text(json.dumps(told | {"stages": [name for name, _ in STAGES]}, indent=2) + "\n")
        (options.out / "boot.svg").write_text(picture(rows))


if __name__ == "__main__":
    main()
