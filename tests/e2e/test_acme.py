"""Certificates by ACME, from Let's Encrypt's own test server."""

import datetime
import time
import urllib.parse

import pebble
import pytest
from box import BESIDE, PATIENCE, ShippedBox
from pebble import NameService, Pebble
from pki import Authority
from visitor import Ended, Listener, head, seen, shows

NAME = "box.example.org"
reason = pebble.built()
pytestmark = pytest.mark.skipif(bool(reason), reason=reason)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    with ShippedBox(tmp_path_factory.mktemp("acme"), BESIDE) as box:
        box.claim()
        yield box


@pytest.fixture(scope="module")
def names():
    service = NameService()
    yield service
    service.end()


@pytest.fixture(scope="module")
def server(shipped, names, tmp_path_factory):
    server = Pebble(tmp_path_factory.mktemp("pebble"), Authority(), plain_port(shipped), f"127.0.0.1:{names.dns}")
    yield server
    server.end()


def plain_port(box):
    return urllib.parse.urlsplit(box.plain).port


def ordered(box, settings, **more):
    """Orders, and waits until something came of it."""
    before = box.ask("GET", "/certificates")["served"]
    box.ask("PUT", "/certificates/acme", {"settings": settings} | more)
    end = time.monotonic() + PATIENCE
    while True:
        view, now = box.ask("GET", "/certificates/acme"), box.ask("GET", "/certificates")["served"]
        if view["running"] is None and (view["failure"] or (now and now != before)):
            return view
        assert time.monotonic() < end, view
        time.sleep(0.1)


def test_an_order_is_proved_by_http_and_served_while_connections_stay(shipped, server):
    listener = Listener(shipped)
    view = ordered(shipped, server.settings(NAME, "second.example.org", contact="ada@example.org"))
    assert view["failure"] is None, view
    shows(shipped, NAME, "Pebble")
    certificate = seen(shipped, NAME)
    assert "Pebble" not in seen(shipped, "roombox.local").issuer.rfc4514_string()
    # A third of its time is left then, and up to a twentieth more.
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    renews = datetime.datetime.fromisoformat(view["next_at"].replace("Z", "+00:00"))
    part = (renews - certificate.not_valid_before_utc) / life
    assert 0.61 < part < 0.67, part
    listener.until("certificate.changed")
    shipped.ask("POST", "/rooms", {"name": "Still connected"})
    listener.until("room.created")
    shipped.ask("POST", "/certificates/acme/orders")
    end = time.monotonic() + PATIENCE
    while seen(shipped, NAME).serial_number == certificate.serial_number:
        assert time.monotonic() < end, shipped.ask("GET", "/certificates/acme")
        time.sleep(0.1)
    # The proofs are gone again, and so is what else a stranger might look for.
    status = head(shipped, "localhost", shipped.authority.read_text()).split("\r\n")[0]
    assert "200" in status
    log = (server.log.name, open(server.log.name).read())[1]
    assert log.count("There are now 1 accounts in memory") == 1, "the second order made another account"


@pytest.mark.parametrize("change, cause", [
    ({"authority": ""}, "trust"),
    ({"directory": "https://127.0.0.1:1/dir"}, "unreachable"),
    ({"names": ["elsewhere.example.org"]}, "proof"),
    ({"names": ["blocked-domain.example"]}, "name"),
])
def test_what_fails_says_why_and_what_was_served_stays(shipped, server, names, change, cause):
    names.name_is("elsewhere.example.org", "127.0.0.99")
    before = shipped.ask("GET", "/certificates")["served"]
    view = ordered(shipped, server.settings(NAME) | change)
    assert (view["failure"] or {}).get("cause") == cause, view
    assert view["next_at"] is not None
    assert shipped.ask("GET", "/certificates")["served"] == before


def test_an_account_elsewhere_is_bound_where_the_server_asks_for_one(shipped, names, tmp_path):
    key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    at = f"127.0.0.1:{names.dns}"
    server = Pebble(tmp_path, Authority(), plain_port(shipped), at, {"kid-1": key})
    try:
        view = ordered(shipped, server.settings(NAME))
        assert view["failure"]["cause"] == "binding", view
        view = ordered(shipped, server.settings(NAME), binding={"id": "kid-1", "key": key})
        assert view["failure"] is None and view["has_binding"] and key not in str(view)
    finally:
        server.end()


def test_a_box_that_dies_while_it_orders_orders_again_and_serves_what_it_had(tmp_path, names):
    """Killed at moments from the first request to the last: it starts, shows a whole certificate, and gets there."""
    server = None
    try:
        for round in range(6):
            with ShippedBox(tmp_path, BESIDE) as box:
                if round == 0:
                    box.claim()
                    owner = box.owner
                box.owner = owner
                if server:
                    server.end()
                server = Pebble(tmp_path / f"pebble{round}", Authority(), plain_port(box), f"127.0.0.1:{names.dns}")
                seen(box, NAME)
                box.ask("PUT", "/certificates/acme", {"settings": server.settings(NAME)})
                time.sleep(0.02 * round * round)
                box.process.kill()
                box.process.wait()
                box.process = Ended()
        with ShippedBox(tmp_path, BESIDE) as box:
            box.owner = owner
            server.end()
            server = Pebble(tmp_path / "pebble-last", Authority(), plain_port(box), f"127.0.0.1:{names.dns}")
            view = ordered(box, server.settings(NAME))
            assert view["failure"] is None, view
            shows(box, NAME, "Pebble")
    finally:
        if server:
            server.end()
