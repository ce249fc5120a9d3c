"""Backups that the box makes by itself, at real servers: proved, counted, and restored from what came back."""

import hashlib
import os
import re
import urllib.request

import counterparts
import pytest
from panel_client import Refused
from recbox import PASSWORD, RecBox
from test_targets import add, dav_place, s3_place, works

PASSPHRASE = "canary horse battery staple"
FULL = pytest.mark.skipif("ROOMBOX_FULL" not in os.environ, reason="ROOMBOX_FULL is not set")


def plan(targets, **more):
    wanted = {"every": "daily", "weekday": None, "at": "03:00", "targets": targets, "keep": 2, **more}
    return {"password": PASSWORD, "passphrase": PASSPHRASE, "plan": wanted}


def settled(box, number):
    """How it stands once backup `number` is at every target, and nothing goes on any more."""
    view = box.panel.call("GET", "/backups/plan")
    done = view["places"] and not view["making"] and all(
        place["good"] and place["waiting"] is None and place["good"]["name"].endswith(f"-{number}.age")
        and place["kept"] <= view["plan"]["keep"] for place in view["places"])
    return view if done else None


def backups(names):
    return sorted(name for name in names if "roombox-backups/" in name)


def send(box, path, body, **headers):
    asked = urllib.request.Request(f"{box.http}/api/v1{path}", body, headers, method="PUT")
    urllib.request.urlopen(asked).close()


def test_planned_backups_arrive_at_three_servers_and_what_comes_back_is_the_box(box, tmp_path):
    with counterparts.s3() as s3, counterparts.webdav() as dav, counterparts.sftp() as ssh:
        sftp = {"kind": "sftp", "host": ssh.host, "port": ssh.port, "user": ssh.user, "folder": ssh.folder}
        there = {
            add(box, s3_place(s3, prefix="hall"), {"secret_key": s3.secret_key}):
                (s3.names, lambda name: s3.read(f"hall/{name}")),
            add(box, dav_place(dav), {"password": dav.password}): (dav.names, dav.read),
            add(box, sftp, {"private_key": ssh.private_key}): (ssh.names, ssh.read),
        }
        for one in there:
            works(box, one)
        box.panel.call("POST", "/rooms", {"name": "Library"})
        with pytest.raises(Refused) as refused:
            box.panel.call("PUT", "/backups/plan", plan(list(there)) | {"password": "not this one"})
        assert "wrong_password" in str(refused.value)
        assert not box.panel.call("GET", "/backups/plan")["plan"]
        shown = box.panel.call("PUT", "/backups/plan", plan(list(there)))
        assert PASSPHRASE not in str(shown) and shown["has_passphrase"]
        box.wait(lambda: settled(box, 1))
        # The power goes; numbers and receipts go on.
        box.kill()
        box.start()
        for number in (2, 3):
            box.panel.call("POST", "/backups/plan/runs")
            view = box.wait(lambda: settled(box, number))
        whole = set()
        for place in view["places"]:
            names, read = there[place["target"]]
            good = place["good"]
            found = read(good["name"])
            assert found.startswith(b"age-encryption.org/v1") and len(found) == good["bytes"]
            assert hashlib.sha256(found).hexdigest() == good["sha256"]
            # The first is gone, and nothing else is.
            assert [re.search(r"-(\d+)\.age$", name)[1] for name in backups(names())] == ["2", "3"], names()
            whole.add(found)
        backup, = whole
        assert not list((box.data / "safekeeping").iterdir()), "what is everywhere stays here"
        assert not box.panel.call("GET", "/health")["items"]
    # A box that replaces it takes what came back from a server.
    (tmp_path / "other").mkdir()
    with RecBox(tmp_path / "other" / "data") as other:
        send(other, "/backups/uploaded", backup, **other.panel.headers)
        drilled = other.panel.call("POST", "/backups/drill", {"source": "uploaded", "passphrase": PASSPHRASE})
        assert drilled["rooms"] == 1 and drilled["targets"] == 3 and not drilled["own"], drilled


@FULL
def test_a_backup_whose_server_dies_half_way_gets_there_later_and_is_missed_meanwhile(box):
    with counterparts.webdav() as dav:
        one = add(box, dav_place(dav), {"password": dav.password}, megabits=1)
        works(box, one)
        box.panel.call("PUT", "/backups/plan", plan([one]))
        place = lambda: box.panel.call("GET", "/backups/plan")["places"][0]  # noqa: E731
        box.wait(lambda: place()["waiting"])
        counterparts.kill(dav.process)
        waiting = box.wait(lambda: place()["waiting"] if (place()["waiting"] or {}).get("error") else None)
        assert waiting["attempts"] >= 1 and place()["good"] is None
        failed = lambda: [a for a in box.panel.call("GET", "/health")["items"]  # noqa: E731
                          if a["kind"] == "backup_failed"]
        assert box.wait(failed)[0]["figures"]["name"] == "webdav"
