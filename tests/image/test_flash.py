"""roomflash on a running machine with real sticks: what is listed, what is refused, a stick that is written
and then boots with what it was told."""

import json
import subprocess

import pytest
from conftest import BIN, GIB, up
from sticks import fat_stick, plug, pull

NAME, SECRET = "Seminar 7", "a horse of another colour"


@pytest.fixture(scope="module")
def packed(image, tmp_path_factory):
    """The image as it is published: compressed, with its signed manifest."""
    folder = tmp_path_factory.mktemp("packed")
    roomflash = BIN / "roomflash"
    subprocess.run([roomflash, "manifest", "key", folder / "key"], check=True, capture_output=True)
    subprocess.run(
        [roomflash, "manifest", "make", image, "--image-version", "0.1.0", "--board", "qemu-x86-64", "--out", folder,
         "--key", folder / "key", "--level", "3"], check=True, capture_output=True,
    )
    return folder


@pytest.fixture(scope="module")
def bench(booted, packed, tmp_path_factory):
    """A machine with two sticks in it: one carries the image, the other is a blank of 5 GiB."""
    folder = tmp_path_factory.mktemp("sticks")
    toml = folder / "roombox.toml"
    toml.write_text(f'[box]\nname = "{NAME}"\n[owner]\nname = "Grace"\npassword = "{SECRET}"\n')
    files = {path.name: path for path in packed.iterdir() if path.name != "key"}
    plug(booted, fat_stick(folder, "IMAGES", files | {"roombox.toml": toml}), "images")
    blank = folder / "blank.img"
    with blank.open("wb") as file:
        file.truncate(5 * GIB)
    plug(booted, blank, "blank")
    booted.wait(lambda: booted.ask("test -f /run/roombox-usb/*/roombox.toml")[0] == 0, "the stick was never mounted")
    booted.wait(lambda: "STICK-blank" in booted.run("roomflash list --json"), "the blank stick is not listed")
    yield booted, blank
    pull(booted, "images")


def listed(machine, *more) -> list[dict]:
    return [json.loads(line) for line in machine.run(f"roomflash list --json {' '.join(more)}").splitlines()]


def image_of(machine) -> str:
    return machine.run("ls /run/roombox-usb/*/*.zst")


def test_sticks_are_listed_and_the_systems_disk_is_not(bench):
    machine, _ = bench
    serials = {disk["serial"] for disk in listed(machine)}
    assert "STICK-blank" in serials, serials
    assert not any(disk["path"] == "/dev/vda" for disk in listed(machine))
    system = next(disk for disk in listed(machine, "--all") if disk["path"] == "/dev/vda")
    assert system["system"] is not None, system


def test_the_systems_disk_is_refused_whatever_is_asked(bench):
    machine, _ = bench
    key = image_of(machine).rsplit("/", 1)[0] + "/key.pub"
    code, said = machine.ask(f"roomflash write {image_of(machine)} /dev/vda --all --unmount --yes --board qemu-x86-64 --public-key {key}")
    assert code == 4 and "this system runs from it" in said, (code, said)


def test_a_stick_is_written_verified_and_boots_with_its_name(bench, machines):
    machine, blank = bench
    folder = image_of(machine).rsplit("/", 1)[0]
    device = next(disk["path"] for disk in listed(machine) if disk["serial"] == "STICK-blank")
    said = machine.run(
        f"roomflash --json write {image_of(machine)} {device} --yes --board qemu-x86-64 --public-key {folder}/key.pub"
        f" --provision {folder}/roombox.toml", patience=1200,
    )
    last = json.loads(said.splitlines()[-1])
    assert last["result"] == "verified", last
    assert SECRET not in said
    pull(machine, "blank")
    machine.wait(lambda: not any(disk["serial"] == "STICK-blank" for disk in listed(machine)), "the stick is still there")
    machine.qmp("blockdev-del", **{"node-name": "blank"})
    written = machines("written", blank, stick=True).start()
    up(written)
    assert (written.answers()["name"], written.answers()["claimed"]) == (NAME, True)
    assert written.run("findmnt -no SOURCE /data | xargs readlink -f").startswith("/dev/sda")
    written.stop()
