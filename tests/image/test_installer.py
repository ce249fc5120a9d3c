"""The same image, started from a stick, installs itself to a disk of the machine: after a question, or to
the disk whose exact serial the provisioning file names."""

import subprocess

import pytest
from conftest import GIB, up
from vm import copy_disk

ENTRY = 3
SERIAL = "RBX-2026-0001"


@pytest.fixture
def pc(machines, image, tmp_path):
    """A PC with our stick in it and a disk that holds somebody's things."""
    disk = tmp_path / "internal.img"
    with disk.open("wb") as file:
        file.truncate(8 * GIB)
    subprocess.run(["sfdisk", "-q", disk], input="label: gpt\nsize=1GiB, name=photos\n", text=True, check=True)

    made = []

    def make(toml: str | None = None):
        stick = copy_disk(image, tmp_path / "stick.img")
        if toml:
            # As its owner would: into the first partition, without mounting.
            start = subprocess.run(["sfdisk", "--dump", stick], capture_output=True, text=True, check=True).stdout
            sector = int(start.split("start=")[1].split(",")[0])
            (tmp_path / "roombox.toml").write_text(toml)
            subprocess.run(["mcopy", "-i", f"{stick}@@{sector * 512}", tmp_path / "roombox.toml", "::/roombox.toml"], check=True)
        internal = ["-drive", f"if=none,id=internal,format=raw,cache=unsafe,file={disk}",
                    "-device", f"virtio-blk-pci,drive=internal,serial={SERIAL},bootindex=1"]
        made.append(machines("pc", stick, extra=internal, stick=True))
        return made[-1], disk

    yield make
    for machine in made:
        machine.stop()


def beginning(disk) -> bytes:
    """The partition table and what follows it."""
    with disk.open("rb") as file:
        return file.read(1 << 20)


def test_it_asks_which_disk_and_for_its_serial_and_writes_nothing_before(pc):
    machine, disk = pc()
    before = beginning(disk)
    machine.start()
    machine.choose(ENTRY)
    machine.wait_console(r"Type its name")
    assert "photos" in machine.console()
    assert beginning(disk) == before
    machine.type("vdz\n")
    machine.wait_console(r"there is no disk")
    machine.wait_console(r"Press Enter to try again")
    machine.type("\n")
    machine.wait_console(r"Type its name", 2)
    machine.type("vda\n")
    machine.wait_console(SERIAL, 3)
    machine.type(f"{SERIAL}\n")
    machine.wait_console(r"installed and verified")
    assert beginning(disk) != before


def test_the_disk_whose_serial_the_file_names_is_installed_unasked_and_boots(pc, machines):
    machine, disk = pc(f'[box]\nname = "Aula"\n[owner]\nname = "Grace"\npassword = "a horse of another colour"\n[install]\ndisk = "{SERIAL}"\n')
    machine.start()
    machine.choose(ENTRY)
    # On this console too, if it was done on the other one.
    machine.wait_console(r"installed\. Take the stick out")
    machine.stop()
    installed = machines("installed", disk).start()
    up(installed)
    # Made ready by the same file, on its own disk and nobody else's.
    assert installed.answers()["claimed"] is True and installed.answers()["name"] == "Aula"
    assert int(installed.run("df --output=size -B1 /data | tail -1")) > 4 * GIB
    installed.stop()
