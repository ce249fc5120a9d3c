"""Updates of a machine with two sides: what is refused, a good one, and one that falls back and says why."""

import http.server
import json
import re
import threading

from bundles import flipped
from conftest import PASSWORD, SHOTS, VERSION, diary, grub_state, up
from vm import MENU, PATIENCE

GOOD, BAD = "0.2.0", "0.3.0"


def other_side(machine) -> str:
    """A hash over what the other side holds, kernel and root: their beginnings."""
    side = "b" if "rauc.slot=A" in machine.run("cat /proc/cmdline") else "a"
    return machine.run(f"for slot in kernel rootfs; do head -c 4M /dev/roombox/$slot-{side}; done | sha256sum").split()[0]


def now(machine) -> dict:
    return machine.get("/api/v1/updates")["now"]


def reaches(machine, *states) -> dict:
    """Where the update stands once it is in one of `states`."""

    def look():
        state = now(machine)
        assert state["state"] in states or state["state"] != "failed", state
        return state if state["state"] in states else None

    return machine.wait(look, f"the update never came to {states}: {now(machine)}")


def restart(machine, side: str, version: str):
    """Lets the box restart by itself and waits for the next verdict."""
    before = machine.menus()
    machine.get("/api/v1/updates/restart", "POST", {})
    machine.wait_console(MENU, before + 1)
    machine.shell_ready = False
    up(machine, side, version)
    # One folder however often it starts: others would be outside the journal's bounds.
    assert machine.run("ls /data/system/journal") == machine.run("cat /etc/machine-id")


# What is wrong; who made it, the error's stable name, what its sentence says. Of a bundle that it does not
# read, Debian's RAUC 1.8 says no more than that; the product's names the signature.
READ = "ignature|certificate"
REFUSED = {
    "another board": (lambda b: b.small(compatible="roombox-rock-5b", name="board"), "update_other_board", "rock-5b"),
    "older than the floor": (lambda b: b.small("0.0.9"), "update_too_old", "0.0.9"),
    "a stranger's signature": (lambda b: b.small(name="foreign", keys=b.stranger()), "update_refused", READ),
    "an expired signature": (lambda b: b.small(name="expired", keys=b.signer("old", "20200101000000Z", "20210101000000Z")), "update_refused", READ),
    "a signature of tomorrow": (lambda b: b.small(name="early", keys=b.signer("soon", "20400101000000Z", "20410101000000Z")), "update_refused", READ),
    "a signer for mail": (lambda b: b.small(name="mail", keys=b.signer("mail", "20200101000000Z", "20410101000000Z", "emailProtection")), "update_refused", READ),
    "half a bundle": (lambda b: halved(b.small("0.9.1")), "update_refused", READ),
    "a changed signature": (lambda b: changed(b.small("0.9.2"), -100), "update_refused", READ),
}


def halved(bundle):
    with bundle.open("r+b") as file:
        file.truncate(bundle.stat().st_size // 2)
    return bundle


def changed(bundle, at):
    size = bundle.stat().st_size
    return flipped(bundle, (size + at) % size, bundle.with_suffix(".changed"))


def test_what_must_not_be_installed_leaves_the_other_side_alone(owned, bundles, subtests):
    before, state = other_side(owned), grub_state(owned)
    for name, (make, code, says) in REFUSED.items():
        with subtests.test(name):
            owned.get("/api/v1/updates/bundle", "PUT", make(bundles))
            failed = reaches(owned, "failed")
            assert failed["code"] == code and re.search(says, failed["reason"]), failed
            owned.get("/api/v1/updates/installation", "DELETE")
            assert other_side(owned) == before
    assert grub_state(owned) == state


def test_a_changed_byte_anywhere_never_boots(owned, bundles, subtests):
    """The whole path, at places of the payload and its hash tree, as RAUC reads them (U1)."""
    bundle = bundles.small("0.9.3")
    facts = bundles.verity(bundle)
    payload = facts["blocks"] * 4096
    for place in range(20):
        offset = (payload + facts["tree"]) * (2 * place + 1) // 40
        with subtests.test(f"byte {offset}"):
            owned.get("/api/v1/updates/bundle", "PUT", flipped(bundle, offset, bundle.with_suffix(".changed")))
            failed = reaches(owned, "failed")
            assert failed["code"] in {"update_refused", "update_failed"}, failed
            owned.get("/api/v1/updates/installation", "DELETE")
    state = grub_state(owned)
    assert state["ORDER"].startswith("A"), state
    assert not (state["B_OK"] == "1" and state["B_TRY"] == "0"), state


def test_a_good_update_is_tried_proven_and_kept(owned, bundles):
    bundle = bundles.full(GOOD)
    megabytes = bundle.stat().st_size / 1e6
    spent = owned.cpu_seconds()
    owned.get("/api/v1/updates/bundle", "PUT", bundle, patience=600)
    installing = reaches(owned, "installing", "installed")
    assert installing["version"] == GOOD
    assert reaches(owned, "installed")["version"] == GOOD
    print(f"update of {megabytes:.0f} MB: {owned.cpu_seconds() - spent:.0f} CPU-s of emulation")
    rooms = owned.get("/api/v1/rooms")
    restart(owned, "B", GOOD)
    view = owned.get("/api/v1/updates")
    assert (view["version"], view["confirmed"], view["setback"]) == (GOOD, True, None), view
    assert [entry["outcome"] for entry in diary(owned)][-2:] == ["started", "good"]
    assert grub_state(owned)["ORDER"] == "B A"
    # What was there is there.
    assert owned.get("/api/v1/rooms") == rooms


class Shop:
    """A web server on the cable with a channel file and a bundle, by ranges as RAUC streams it."""

    def __init__(self, host: str, bundle, version: str, compatible: str):
        shop = self
        self.served = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = shop.channel if self.path == "/channel.json" else None
                if body is None:
                    size = bundle.stat().st_size
                    ranged = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
                    first = int(ranged[1]) if ranged else 0
                    last = min(int(ranged[2] or size - 1), size - 1) if ranged else size - 1
                    self.send_response(206 if ranged else 200)
                    if ranged:
                        self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
                    with bundle.open("rb") as file:
                        file.seek(first)
                        body = file.read(last - first + 1)
                    shop.served += len(body)
                else:
                    self.send_response(200)
                self.send_header("Accept-Ranges", "bytes")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((host, 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://{host}:{self.server.server_address[1]}"
        offer = {"format": 1, "compatible": compatible, "version": version, "url": f"{self.url}/new.raucb",
                 "size": bundle.stat().st_size, "notes": "It does not record."}
        self.channel = json.dumps(offer).encode()


def test_a_bad_update_falls_back_after_three_tries_and_says_why(owned, bundles, visitors):
    """From a channel, streamed. Its worker is missing: it boots, and cannot record."""
    bundle = bundles.full(BAD, lambda root: (root / "usr/bin/roombox-media").unlink())
    shop = Shop(owned.lan.host, bundle, BAD, "roombox-qemu-x86-64")
    owned.get("/api/v1/settings", "PATCH", {"updates": {"channel": f"{shop.url}/channel.json"}})
    offer = owned.get("/api/v1/updates/check", "POST")["channel"]["offer"]
    assert offer["version"] == BAD, offer
    owned.get("/api/v1/updates/installation", "POST", {"from": "channel"})
    reaches(owned, "installed")
    assert shop.served >= bundle.stat().st_size * 0.9, "it was not streamed"
    owned.get("/api/v1/updates/restart", "POST", {})
    for number in (1, 2, 3):
        owned.wait_verdict("A", BAD, str(number), "failed", patience=3 * PATIENCE)
    owned.shell_ready = False
    # The good one again.
    owned.wait_verdict("B", GOOD, times=2, patience=3 * PATIENCE)
    owned.wait(owned.answers, "the API never answered")
    setback = owned.wait(lambda: owned.get("/api/v1/updates")["setback"], "the panel never says why")
    assert (setback["version"], setback["why"], setback["tries"]) == (BAD, "health", 3), setback
    assert "roombox-media" in setback["detail"], setback
    owned.wait(lambda: grub_state(owned)["ORDER"] == "B A", f"the fallen side is still first: {grub_state(owned)}")
    assert grub_state(owned)["A_OK"] == "0"
    visitors.look("/panel/settings/updates", "went back|0\\.3\\.0", str(SHOTS / "rolled-back"), PASSWORD)


def test_the_fallen_side_is_not_what_the_next_start_takes(owned):
    owned.reset()
    owned.wait_verdict("B", GOOD, times=3)
    assert VERSION not in {entry["version"] for entry in diary(owned)[-2:]}
    assert "0.3.0" not in {entry["version"] for entry in diary(owned)[-2:]}
