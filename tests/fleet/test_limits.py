"""What one may do at the doors of a hub: a loud box, a broken one, and strangers disturb nobody else."""

import json
import os
import socket
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path

from fleetbox import audit, drained
from rawnats import RawNats

HUGE = 100_000_000


def resident(process) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def refused(hub) -> dict:
    """Counters of `/metrics`, by their reason."""
    request = urllib.request.Request(hub.http + "/metrics", headers=hub.panel.headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    of = [line for line in lines if line.startswith("roombox_fleet_refused_total{")]
    return {line.split('"')[1]: float(line.rsplit(" ", 1)[1]) for line in of}


def alarm(hub):
    return next((one for one in hub.panel.call("GET", "/health")["items"] if one["kind"] == "fleet_refused"), None)


def of(hub, own: str) -> dict:
    return next(one for one in hub.fleet()["boxes"] if one["id"] == own)


def test_a_loud_box_is_counted_and_named_and_another_is_heard_as_before(fleet):
    hub, loud, quiet = fleet.hub, fleet.join("loud"), fleet.join("quiet")
    for box in (loud, quiet):
        box.until_link("up")
        hub.wait(lambda: of(hub, box.fleet()["id"])["state"] == "here")
    own, other = loud.fleet()["id"], quiet.fleet()["id"]
    assert alarm(hub) is None and sum(refused(hub).values()) == 0
    before = resident(hub.process)
    raw = RawNats(loud.data / "nats")
    event = {"v": 1, "box": own, "epoch": "made-up", "first": 1, "kind": "room.created", "at": 1}
    for n in range(20_000):
        raw.publish(f"fleet.{own}.hb", json.dumps({"nonce": "loud", "name": "loud"}).encode())
        if n % 2 == 0:
            raw.publish(f"fleet.{own}.ev.room.created", b"no event")
        if n % 4 == 0:
            body = {"id": "x" * (30_000 if n % 400 == 0 else 30)}
            raw.publish(f"fleet.{own}.ev.room.created", json.dumps(event | {"seq": n + 1, "id": f"{n:x}", "body": body}).encode())
    raw.flush()
    begun = time.monotonic()
    quiet.happen(f"beside the loud one {n}" for n in range(20))
    drained(hub, quiet)
    took = time.monotonic() - begun
    counts = hub.wait(lambda: (counts := refused(hub))["malformed"] == 10_000 and counts["hurried"] > 15_000 and counts, 90)
    grown = resident(hub.process) - before
    print(f"\n20 events beside 35 000 of a loud box: {took:.1f} s; refused {counts}; hub grew by {grown / 1e6:.0f} MB")
    assert grown < 150_000_000
    assert of(hub, other)["state"] == "here" and of(hub, other)["refused"] == 0
    assert of(hub, own)["refused"] > 25_000
    said = hub.wait(lambda: alarm(hub), 30)
    assert said["figures"]["name"] == "loud" and said["figures"]["count"] > 1_000, said
    found = audit(hub, quiet)
    assert (found["lost"], found["doubled"]) == (0, 0), found
    raw.close()


def ask(hub, path: str, body: bytes, length: int | None = None):
    """Status of a request by HTTPS, whoever serves there; the body may be cut short by whoever refuses it."""
    plain = socket.create_connection(("127.0.0.1", hub.https), 20)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(plain) as tls:
        head = f"{path} HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\nContent-Length: {length or len(body)}\r\n\r\n"
        tls.sendall(head.encode())
        try:
            sent = 0
            while sent < (length or len(body)):
                piece = body if length is None else b" " * 65_536
                tls.sendall(piece)
                sent += len(piece)
        except OSError:
            pass
        try:
            return int(tls.recv(4096).split(b" ")[1])
        except (OSError, IndexError):
            return None


def test_strangers_at_the_doors_wait_and_are_counted_and_a_box_comes_in(fleet):
    hub = fleet.hub
    # From another place than the boxes, as far as one machine has several.
    wrong = json.dumps({"token": "guessed", "key": "U" + "A" * 55, "name": "Mallory", "signature": ""}).encode()
    before = resident(hub.process)
    for path in ("POST /api/v1/fleet/boxes", "POST /api/v1/fleet/loans", "PUT /api/v1/fleet/loan/made/x", "PUT /api/v1/fleet/loan"):
        # Refused by its length, or cut off in the middle of it.
        assert ask(hub, path, b"", HUGE) in (401, 413, None), path
    assert resident(hub.process) - before < 60_000_000
    box = fleet._box("library")
    code = hub.invite()
    answers = [ask(hub, "POST /api/v1/fleet/boxes", wrong) for _ in range(100)]
    assert answers[0] == 403 and answers[-1] == 429 and answers.count(429) > 80, answers
    assert refused(hub)["knocks"] > 80
    hub.wait(lambda: alarm(hub), 30)
    # Whoever stands at the same place waits half a minute at first, and is told so; then the code is still good.
    try:
        box.join(code)
    except Exception as error:  # noqa: BLE001
        assert "ask again in" in str(error), error

        def joined():
            try:
                return box.join(code)
            except Exception as again:  # noqa: BLE001
                assert "ask again in" in str(again), again

        box.wait(joined, 90)
    box.until_link("up")
    box.happen(["Let in at last"])
    drained(hub, box)
