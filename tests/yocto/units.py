#!/usr/bin/env python3
"""What systemd and RAUC say of what the image gives them, without an image: units are sound, the daemon
is locked in (exposure at most 2.0) and can write to disks for copies, and every board's updater configuration is understood.

The root that systemd looks at is this machine's own units with ours on top. Last line: N passed, N
failed, N skipped.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from checks import Skipped, told

ROOT = Path(__file__).resolve().parent.parent.parent
GENERATED = ROOT / "yocto" / "generated"
TREES = sorted((ROOT / "yocto").glob("meta-roombox/recipes-*/*/files/root"))
UNITS = "usr/lib/systemd/system"


def needs(program: str):
    if not shutil.which(program):
        raise Skipped(f"{program} is not installed (scripts/setup.sh test)")


def staged(root: Path):
    """Units and scripts as they lie on the image; programs that are built elsewhere are names only."""
    shutil.copytree(f"/{UNITS}", root / UNITS, symlinks=True)
    for tree in TREES:
        shutil.copytree(tree, root, symlinks=True, dirs_exist_ok=True)
    for program in ("usr/bin/roomboxd", "usr/bin/rauc", "bin/sh", "bin/bash"):
        (root / program).parent.mkdir(parents=True, exist_ok=True)
        (root / program).write_text("#!/bin/sh\n")
        (root / program).chmod(0o755)


def sound(root: Path, trees: list[Path]):
    """The units of these trees as they lie below `root`, by systemd's own reader."""
    ours = sorted({unit.name for tree in trees for unit in (tree / UNITS).glob("*.*") if unit.is_file()})
    assert "roomboxd.service" in ours and len(ours) >= 12, ours
    names = [name.replace("@.", "@sdz1.") for name in ours]
    command = ["systemd-analyze", "verify", f"--root={root}", "--man=no", "--recursive-errors=no", *names]
    done = subprocess.run(command, capture_output=True, text=True)
    # What it says of others' units is theirs.
    stems = [name.split("@")[0].split(".")[0] for name in ours]
    complaints = [line for line in done.stderr.splitlines() if any(stem in line for stem in stems)]
    assert done.returncode == 0 and not complaints, done.stderr


def every_unit_is_sound(folder: Path):
    needs("systemd-analyze")
    staged(folder / "root")
    sound(folder / "root", TREES)


def daemon_unit() -> Path:
    return next(tree / UNITS / "roomboxd.service" for tree in TREES if (tree / UNITS / "roomboxd.service").exists())


def the_daemon_is_locked_in(_):
    needs("systemd-analyze")
    unit = daemon_unit()
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", unit], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-400:] + done.stderr


def a_crash_leaves_no_memory_on_the_disk(_):
    lines = [line.strip() for line in daemon_unit().read_text().splitlines()]
    assert "LimitCORE=0" in lines
    # What is left open of the sandbox says why.
    for left_open in ("MemoryDenyWriteExecute", "ProcSubset"):
        assert any(line.startswith(f"{left_open}=") or line.startswith(f"# Not {left_open}=") for line in lines), left_open


def disks_for_copies_can_be_written_whenever_they_come(_):
    lines = [line.strip() for line in daemon_unit().read_text().splitlines()]
    values = lambda key: [word for line in lines if line.startswith(f"{key}=") for word in line.split("=", 1)[1].split()]
    # Those that are there at its start lie below what is writable; not all images have both folders.
    assert {"-/media", "-/mnt"} <= set(values("ReadWritePaths"))
    # Those that come later are seen as long as nothing cuts the namespace off from the host's mounts.
    assert "private" not in values("MountFlags"), "mounts of the host do not come in any more"
    stick = next(tree / "usr/lib/roombox/usb-stick" for tree in TREES if (tree / "usr/lib/roombox/usb-stick").exists())
    assert "copies=/media/copies" in stick.read_text()


POLKIT = """
const { readFileSync } = require("fs");
const rules = [];
const polkit = { Result: { YES: "yes", NO: "no", NOT_HANDLED: "ask" }, addRule: (rule) => rules.push(rule) };
new Function("polkit", readFileSync(process.argv[1], "utf8"))(polkit);
for (const [user, id, unit, verb, wanted] of JSON.parse(process.argv[2])) {
  const said = rules[0]({ id, lookup: (name) => ({ unit, verb })[name] }, { user });
  if (said !== wanted) throw new Error(`${user} ${id} ${unit} ${verb}: ${said}`);
}
"""


def the_daemons_user_may_what_it_needs_and_nothing_else(_: Path):
    needs("node")
    rules = next(tree / "usr/share/polkit-1/rules.d/50-roombox.rules" for tree in TREES
                 if (tree / "usr/share/polkit-1").exists())
    nm, units = "org.freedesktop.NetworkManager", "org.freedesktop.systemd1.manage-units"
    granted = [f"{nm}.settings.modify.system", f"{nm}.network-control", f"{nm}.checkpoint-rollback",
               *(f"org.freedesktop.timedate1.set-{what}" for what in ("timezone", "ntp", "time")),
               "org.freedesktop.timesync1.set-runtime-servers"]
    refused = [f"{nm}.reload", f"{nm}.sleep-wake", f"{nm}.settings.modify.hostname", f"{nm}.enable-disable-network",
               "org.freedesktop.timedate1.set-local-rtc", "org.freedesktop.login1.power-off", "org.freedesktop.policykit.exec"]
    cases = [["roombox", id, None, None, "yes"] for id in granted]
    cases += [["roombox", id, None, None, "no"] for id in refused]
    cases += [["somebody", id, None, None, "ask"] for id in granted + refused]
    cases += [["roombox", units, "reboot.target", "start", "yes"], ["roombox", units, "reboot.target", "stop", "no"],
              ["roombox", units, "systemd-timesyncd.service", "stop", "no"]]
    done = subprocess.run(["node", "-e", POLKIT, rules, json.dumps(cases)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def every_updater_understands_its_configuration(folder: Path):
    """RAUC reads its configuration before it looks for a bundle: one that is not there shows that it has."""
    needs("rauc")
    keys = folder / "keys"
    subprocess.run([ROOT / "scripts/bundle-keys.sh", keys], check=True, capture_output=True)
    boards = sorted((GENERATED / "boards").iterdir())
    for board in boards:
        text = (board / "system.conf").read_text().replace("/etc/rauc/ca.pem", str(keys / "ca.pem"))
        conf = folder / f"{board.name}.conf"
        conf.write_text(text.replace("/data/rauc.status", str(folder / "status")))
        done = subprocess.run(["rauc", f"--conf={conf}", "info", folder / "none.raucb"], capture_output=True, text=True)
        said = done.stderr.replace(str(conf), "")
        assert "none.raucb" in said and "conf" not in said.lower(), f"{board.name}: {done.stderr}"


TESTS = [
    every_unit_is_sound,
    the_daemon_is_locked_in,
    a_crash_leaves_no_memory_on_the_disk,
    disks_for_copies_can_be_written_whenever_they_come,
    the_daemons_user_may_what_it_needs_and_nothing_else,
    every_updater_understands_its_configuration,
]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(told(TESTS, Path(folder)))
