"""Sticks, the file that makes a box ready, and the way back to a new box. Last: they end what there was."""

import json
import re
import subprocess

from conftest import PASSWORD
from vm import CLAIM
from sticks import fat_stick, plug, pull

SECRET = "a horse of another colour"
FILE = f'[box]\nname = "Aula"\nlanguage = "de"\n[owner]\nname = "Grace"\npassword = "{SECRET}"\n'
CANARY = "what was said in this meeting"


def on_disk(machine) -> bool:
    """Whether the canary can be read from the raw disk."""
    return subprocess.run(["grep", "-q", "-a", CANARY, machine.disk]).returncode == 0


def reset_and_owned(machine):
    """The reset button; somebody owns the box when it is up again."""
    before = len(re.findall("has an owner", machine.console()))
    machine.reset()
    machine.wait_console("has an owner", before + 1)
    machine.wait(machine.answers, "the API never answered")


def test_a_stick_that_is_plugged_in_offers_its_bundle(owned, bundles, tmp_path):
    bundle = bundles.small("0.9.5", name="stick")
    plug(owned, fat_stick(tmp_path, "UPDATES", {"new.raucb": bundle}), "updates")
    found = owned.wait(lambda: owned.get("/api/v1/updates")["found"], "the stick's bundle was never found")
    assert [(one["from"], one["size_bytes"]) for one in found] == [("usb", bundle.stat().st_size)], found
    assert owned.run(f"findmnt -no OPTIONS /run/roombox-usb/{found[0]['name'].split('/')[0]}").startswith("ro,")
    pull(owned, "updates")
    owned.wait(lambda: not owned.get("/api/v1/updates")["found"], "the stick was pulled, its bundle is still offered")


def test_a_claimed_box_cannot_be_claimed_again(owned):
    status, code, _ = owned.refuses("/api/v1/claim", "POST", {"code": "AAAA-AAAA", "name": "Eve", "password": PASSWORD})
    assert (status, code) == (409, "already_claimed"), (status, code)


def test_the_owner_resets_it_and_a_new_box_with_a_new_key_comes_up(owned):
    """By the panel's way. Somebody's recordings, rooms, key and certificate are gone, from the disk itself too."""
    owned.run(f"echo '{CANARY}' >/data/roombox/canary; sync")
    assert on_disk(owned)
    key = owned.run("sha256sum /data/roombox/secrets/* | sort")
    identity = owned.run("cat /etc/machine-id")
    name = owned.answers()["name"]
    assert owned.refuses("/api/v1/box/reset", "POST", {"password": "wrong", "name": name})[0] == 401
    before = len(re.findall(CLAIM, owned.console()))
    owned.get("/api/v1/box/reset", "POST", {"password": PASSWORD, "name": name})
    owned.wait_console(r"factory reset, asked by the file roombox.reset")
    owned.shell_ready, owned.cookie = False, None
    owned.wait_console(CLAIM, before + 1)
    owned.wait(owned.answers, "the API never answered")
    assert owned.answers()["claimed"] is False
    assert "roombox.reset" not in owned.run("ls /boot/firmware").split()
    assert owned.run("sha256sum /data/roombox/secrets/* | sort") != key
    assert owned.run("cat /etc/machine-id") != identity
    assert not on_disk(owned)


def test_a_file_on_the_boot_partition_makes_it_ready_without_anybody(owned):
    owned.run(f"cat >/boot/firmware/roombox.toml <<'END'\n{FILE}END\nsync")
    reset_and_owned(owned)
    told = "/boot/firmware/roombox-result.json"
    owned.wait(lambda: owned.ask(f"test -f {told}")[0] == 0, "nobody told on the FAT what became of the file")
    result = json.loads(owned.run(f"cat {told}"))
    assert owned.answers()["name"] == "Aula"
    owned.get("/api/v1/session", "POST", {"password": SECRET})
    assert owned.get("/api/v1/session")["name"] == "Grace"
    assert SECRET not in json.dumps(result)
    owned.wait(lambda: owned.ask("test -e /boot/firmware/roombox.toml")[0] != 0, "the file with the password is still there")
    # FAT forgets nothing by deleting alone: not one sector has it.
    assert owned.ask(f"grep -c -a '{SECRET}' /dev/roombox/esp")[0] == 1


def test_the_boot_menu_erases_it_too(owned):
    """For an owner who has lost the password, at the box."""
    assert owned.answers()["claimed"] is True
    starts, codes = owned.menus(), len(re.findall(CLAIM, owned.console()))
    owned.reset()
    owned.choose(2, starts + 1)
    owned.wait_console(r"factory reset, asked by the boot menu")
    owned.wait_console(CLAIM, codes + 1)
    owned.wait(owned.answers, "the API never answered")
    assert owned.answers()["claimed"] is False


def test_a_stick_labelled_config_makes_it_ready_and_stays_as_it_was(owned, tmp_path):
    """The stick is its owner's: a second box may want it too."""
    (tmp_path / "roombox.toml").write_text(FILE)
    stick = fat_stick(tmp_path, "CONFIG", {"roombox.toml": tmp_path / "roombox.toml"})
    plug(owned, stick, "config")
    reset_and_owned(owned)
    assert owned.answers()["name"] == "Aula"
    owned.get("/api/v1/session", "POST", {"password": SECRET})
    result = json.loads(owned.run("cat /data/roombox/provision/result.json"))
    assert SECRET not in json.dumps(result), result
    assert owned.ask("test -e /data/roombox/provision/pending.toml")[0] != 0
    assert subprocess.check_output(["mtype", "-i", stick, "::/roombox.toml"], text=True) == FILE
    pull(owned, "config")
