"""The real `rauc service` on a bus of our own: what it says of sides, bundles and marks."""

import os
import shutil
import subprocess

import pytest

from box import WITH_US
from gate import Image
from machine import BOARD, Machine, until

PROGRAMS = ["rauc", "openssl", "mksquashfs", "grub-editenv"]
MISSING = [program for program in PROGRAMS if not shutil.which(program)]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"SKIPPED: {MISSING} not installed")

SYSTEM = """[system]
compatible={board}
bootloader=grub
grubenv={folder}/grubenv
statusfile={folder}/rauc.status
bundle-formats=verity

[keyring]
path={folder}/ours/ca.pem
check-purpose=codesign

[slot.rootfs.0]
device={folder}/rootfs-a
type=raw
bootname=A

[slot.rootfs.1]
device={folder}/rootfs-b
type=raw
bootname=B
"""


def run(*command):
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


def authority(folder):
    """A CA, and somebody whom it lets sign."""
    folder.mkdir()
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run("openssl", "req", "-x509", *key, "-days", "2", "-subj", f"/CN={folder.name}",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    run("openssl", "req", *key, "-subj", "/CN=signer",
        "-keyout", folder / "signer.key", "-out", folder / "signer.csr")
    (folder / "extensions").write_text(
        "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n"
        "extendedKeyUsage=critical,codeSigning\nsubjectKeyIdentifier=hash\n"
        "authorityKeyIdentifier=keyid\n")
    run("openssl", "x509", "-req", "-days", "2", "-in", folder / "signer.csr",
        "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial",
        "-extfile", folder / "extensions", "-out", folder / "signer.pem")
    return folder


def bundle(folder, signed_by, *, version, board=BOARD):
    """The bytes of a bundle made by `rauc bundle`."""
    content = folder / f"content-{signed_by.name}-{version}-{board}"
    content.mkdir()
    (content / "rootfs.img").write_bytes(os.urandom(64 * 1024))
    (content / "manifest.raucm").write_text(
        f"[update]\ncompatible={board}\nversion={version}\n\n"
        "[bundle]\nformat=verity\n\n[image.rootfs]\nfilename=rootfs.img\n")
    made = content.with_name(f"{content.name}.raucb")
    run("rauc", f"--cert={signed_by / 'signer.pem'}", f"--key={signed_by / 'signer.key'}",
        "bundle", content, made)
    return made.read_bytes()


class RealUpdater:
    def __init__(self, machine, booted):
        folder = machine.folder
        config = folder / "system.conf"
        config.write_text(SYSTEM.format(board=BOARD, folder=folder))
        self.log = open(folder / "rauc.log", "w")
        self.process = subprocess.Popen(
            [*WITH_US, "rauc", f"--conf={config}", "service", f"--override-boot-slot={booted}"],
            stdout=self.log, stderr=subprocess.STDOUT,
            env=os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": machine.bus.address},
        )

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


def boot_state(machine):
    listed = subprocess.run(["grub-editenv", machine.folder / "grubenv", "list"],
                            check=True, capture_output=True, text=True).stdout
    return dict(line.split("=", 1) for line in listed.splitlines())


@pytest.fixture
def made(tmp_path):
    machines = []

    def make(booted, *state, **options):
        machine = Machine(tmp_path, fake=False, **options)
        machines.append(machine)
        authority(tmp_path / "ours")
        for name in ["rootfs-a", "rootfs-b"]:
            (tmp_path / name).write_bytes(b"\0" * 4096)
        run("grub-editenv", tmp_path / "grubenv", "create")
        run("grub-editenv", tmp_path / "grubenv", "set", *state)
        machine.updater = RealUpdater(machine, booted)
        return machine

    yield make
    for machine in machines:
        machine.stop()


def test_rauc_tells_of_its_sides_and_refuses_bundles_in_its_own_words(made, tmp_path):
    machine = made("A", "ORDER=A B", "A_OK=1", "A_TRY=0", "B_OK=0", "B_TRY=0", floor="0.1.5")
    machine.start()
    view = until(lambda: (view := machine.view())["available"] and view)
    sides = [(s["name"], s["booted"], s["next"], s["state"], s["version"]) for s in view["slots"]]
    assert sides == [("A", True, True, "good", "0.2"), ("B", False, False, "empty", None)]

    ours, theirs = tmp_path / "ours", authority(tmp_path / "theirs")
    good = bundle(tmp_path, ours, version="0.3")
    for upload, code, says in [
        # RAUC 1.8 says no more when it is asked about a bundle; newer ones do.
        (good[: len(good) // 2], "update_refused", "r"),
        (bundle(tmp_path, theirs, version="0.3"), "update_refused", "r"),
        (bundle(tmp_path, ours, version="0.1"), "update_too_old", "0.1.5"),
        (bundle(tmp_path, ours, version="0.3", board="roombox-other"), "update_other_board",
         "roombox-other"),
    ]:
        assert machine.upload(upload)[0] == 202
        now = machine.reaches("failed")
        assert now["code"] == code and says.lower() in now["reason"].lower(), now
        machine.ask("DELETE", "/updates/installation")
    # A signature that counts, and a version that is asked about: nothing was written so far.
    machine.upload(bundle(tmp_path, ours, version="0.2"))
    assert machine.reaches("confirming")["version"] == "0.2"
    machine.ask("DELETE", "/updates/installation")
    assert (tmp_path / "rootfs-b").read_bytes() == b"\0" * 4096


def test_after_a_fall_grub_prefers_the_side_that_runs(made, tmp_path):
    """As measured after three tries: GRUB took B, and would begin with A again."""
    machine = made("B", "ORDER=A B", "A_OK=1", "A_TRY=3", "B_OK=1", "B_TRY=1", version="0.2")
    machine.note("before", "B", "0.2", "good")
    for n in range(3):
        machine.note(f"try-{n}", "A", "0.3", "started")
    machine.start("B", "0.2", good=False)
    assert until(lambda: machine.view()["available"])
    # The image's own gate and RAUC's own client, on our bus.
    image = Image(tmp_path / "gate", programs=("roomboxd",), side="B")
    image.grubenv.symlink_to(tmp_path / "grubenv")
    (image.folder / "system.conf").write_text((tmp_path / "system.conf").read_text())
    image.environment["DBUS_SYSTEM_BUS_ADDRESS"] = machine.bus.address
    gate = image.run("health-gate")
    assert gate.returncode == 0, gate.stdout + gate.stderr
    machine.good()
    assert boot_state(machine) == {"ORDER": "B A", "A_OK": "0", "A_TRY": "0", "B_OK": "1", "B_TRY": "0"}
    assert until(lambda: machine.view()["confirmed"])
    setback = machine.view()["setback"]
    assert (setback["version"], setback["why"], setback["tries"]) == ("0.3", "no_health_check", 3)
    sides = [(s["name"], s["next"], s["state"]) for s in machine.view()["slots"]]
    assert sides == [("A", False, "bad"), ("B", True, "good")]


def test_before_its_health_check_rauc_has_no_first_side_and_that_is_no_error(made):
    machine = made("A", "ORDER=A B", "A_OK=1", "A_TRY=1", "B_OK=0", "B_TRY=0")
    machine.boots = machine.folder / "none.jsonl"
    machine.start(good=False)
    machine.boots.unlink()
    machine.halt()
    machine.run()
    view = machine.view()
    assert (view["trouble"], view["confirmed"]) == (None, False)
    assert [s["state"] for s in view["slots"]] == ["trying", "empty"]


def test_the_other_side_is_made_the_first_by_hand(made):
    machine = made("A", "ORDER=A B", "A_OK=1", "A_TRY=0", "B_OK=1", "B_TRY=0")
    machine.note("before", "B", "0.1", "good")
    machine.start()
    machine.ask("POST", "/updates/restart", {"other": True})
    # Nobody on this bus can restart the machine.
    assert "restart" in machine.reaches("failed")["reason"]
    assert boot_state(machine)["ORDER"].startswith("B")
