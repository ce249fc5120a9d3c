"""The box at a real MQTT broker: what Home Assistant sees of it, and what it may order."""

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest
from brokers import SECRET, Listener, mosquitto, nats_mqtt, settings
from counterparts import free_port
from meeting import Meeting
from panel_client import Refused

MQTT = "/integrations/mqtt"
# What people may call a room.
HOSTILE = "</script>\"'+#/ {{ states('x') }} é"


class AtBroker:
    """A box with its settings, and where it says what."""

    def __init__(self, box):
        self.box = box
        self.id = box.panel.call("GET", "/box")["id"]
        self.base, self.config = f"roombox/{self.id}", f"homeassistant/device/{self.id}"

    def put(self, wanted: dict, password: str | None = SECRET) -> dict:
        secret = {} if password is None else {"password": password}
        return self.box.panel.call("PUT", MQTT, {"settings": wanted} | secret)

    def view(self) -> dict:
        return self.box.panel.call("GET", MQTT)

    def until(self, state: str, cause: str | None = None) -> dict:
        def so():
            link = self.view()["link"]
            return link if (link["state"], link["cause"]) == (state, cause) else None

        return self.box.wait(so, 40)

    def orders(self) -> dict:
        return self.view()["orders"]

    def room(self, name: str) -> dict:
        return self.box.panel.call("POST", "/rooms", {"name": name})


@pytest.fixture
def at(box):
    return AtBroker(box)


@pytest.fixture
def broker(at, tmp_path):
    with mosquitto(tmp_path / "broker", at.id, "box_other") as broker:
        yield broker


def schema_complaints(home: Listener) -> str:
    """What Home Assistant's own schemas say."""
    python, wheel = os.environ["ROOMBOX_HOMEASSISTANT"].split(os.pathsep)
    told = json.dumps({"configs": home.configs(), "states": home.now})
    check = [python, Path(__file__).with_name("ha_schema.py")]
    done = subprocess.run(
        check, input=told, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": wheel}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_home_assistant_sees_the_box_and_its_rooms_and_forgets_what_is_gone(at, broker, box):
    room = at.room(HOSTILE)
    gone = at.room("Gone")
    with broker.listener() as home:
        at.put(broker.settings(at.id, control=True))
        at.until("connected")
        of_room = f"{at.config}/{room['id']}/config"
        home.wait(lambda: {f"{at.config}/config", of_room} <= set(home.now))
        home.wait(lambda: f"{at.base}/rooms/{gone['id']}/state" in home.now)
        home.wait(lambda: f"{at.base}/problems" in home.now)
        assert home.now[f"{at.base}/status"] == "online"
        assert home.configs()[of_room]["device"]["name"] == HOSTILE
        state = home.state(f"{at.base}/state")
        assert state["version"] == state["latest_version"] and state["disk_free_gb"] > 0, state
        assert schema_complaints(home) == ""
        # A payload that Home Assistant would refuse is found: else the line above says nothing.
        broken = home.configs()[of_room]
        broken["components"]["people"]["state_class"] = "often"
        broken["components"]["meeting"]["value_template"] = "{{ value_json.nothing }}"
        home.now["homeassistant/device/broken/config"] = json.dumps(broken)
        found = schema_complaints(home)
        assert "state_class" in found and "nothing" in found, found
        del home.now["homeassistant/device/broken/config"]
        # Renamed, deleted, and all of it again for a Home Assistant that starts.
        box.panel.call("PATCH", f"/rooms/{room['id']}", {"name": "Library"})
        box.panel.call("DELETE", f"/rooms/{gone['id']}")
        home.wait(lambda: home.configs()[of_room]["device"]["name"] == "Library")
        home.wait(lambda: not any(gone["id"] in topic for topic in home.now))
        home.heard.clear()
        home.say("homeassistant/status", "online")
        home.wait(lambda: any(topic == of_room for topic, _ in home.heard))
        # Who switches it off leaves nothing behind.
        home.now.pop("homeassistant/status", None)
        at.put(broker.settings(at.id, enabled=False), password=None)
        home.wait(lambda: home.now == {})
        at.until("off")
    everything = box.log_path.read_text() + json.dumps(at.view()) + json.dumps(home.heard)
    assert SECRET not in everything


def test_orders_are_carried_out_only_if_the_owner_allows_them(at, broker, box):
    with broker.listener() as home, Meeting(box, "Studio", people=("Ada",)) as meeting:
        room = meeting.room["id"]
        path, of_room = f"/rooms/{room}", f"{at.config}/{room}/config"
        record, state = f"{at.base}/set/rooms/{room}/record", f"{at.base}/rooms/{room}/state"
        at.put(broker.settings(at.id))
        at.until("connected")
        home.wait(lambda: home.state(state).get("people") == 1)
        assert home.state(state) == {"meeting": "ON", "people": 1, "recording": "OFF"}
        # Off by default: neither announced nor heard. The broker keeps this one for later.
        home.say(record, "ON", retain=True)
        assert "record" not in home.configs()[of_room]["components"]
        assert "command_topic" not in home.now[of_room] + home.now[f"{at.config}/config"]
        # Allowed: what the broker kept is no order.
        at.put(broker.settings(at.id, control=True), password=None)
        home.wait(lambda: "record" in home.configs()[of_room]["components"])
        box.wait(lambda: at.orders()["unreadable"] == 1)
        home.say(record, "", retain=True)
        # Nor is what cannot be read, or what another box sends.
        for topic, payload in ((record, "maybe"), (f"{at.base}/set/rooms/../record", "ON"), (record, "O" * 9000)):
            home.say(topic, payload)
        box.wait(lambda: at.orders()["unreadable"] >= 4)
        with broker.listener("box_other") as other:
            other.say(record, "ON")
        home.say(f"{at.base}/set/rooms/rm_nobody/record", "ON")
        box.wait(lambda: at.orders()["refused"] == 1)
        assert at.orders()["obeyed"] == 0 and box.panel.call("GET", "/recordings")["items"] == []
        # A real order, twice, starts one recording of who is there.
        for _ in range(2):
            home.say(record, "ON")
        home.wait(lambda: home.state(state)["recording"] == "ON")
        box.wait(lambda: at.orders()["obeyed"] == 2)
        [running] = box.panel.call("GET", "/recordings")["items"]
        box.wait(lambda: box.parts(running["id"]))
        home.wait(lambda: home.state(f"{at.base}/state")["recordings"] == 1)
        home.say(f"{at.base}/set/rooms/{room}/mute", "PRESS")

        def silent():
            [ada] = box.panel.call("GET", f"{path}/participants")["items"]
            return all(track["muted"] for track in ada["tracks"] if track["kind"] == "audio")

        box.wait(silent)
        home.say(record, "OFF")
        home.wait(lambda: home.state(state)["recording"] == "OFF")
        box.until(running["id"], lambda recording: recording["state"] not in ("recording", "interrupted"))
        # This box has no updater that could restart it, and says so instead of dying.
        home.say(f"{at.base}/set/restart", "PRESS")
        box.wait(lambda: at.orders()["refused"] == 2)
        # Forbidden again: the switch is said to be gone, and then left out.
        at.put(broker.settings(at.id), password=None)

        def told():
            texts = [text for topic, text in list(home.heard) if topic == of_room and text]
            return [json.loads(text)["components"].get("record") for text in texts]

        home.wait(lambda: told()[-2:] == [{"platform": "switch"}, None])
        # Never left out before it was said to be gone.
        switched = max(n for n, one in enumerate(told()) if one and len(one) > 1)
        assert told()[switched + 1] == {"platform": "switch"}, told()
        refused = at.orders()
        home.say(record, "ON")
        home.say("homeassistant/status", "online")
        home.wait(lambda: home.heard[-1][0] != "homeassistant/status")
        assert at.orders() == refused


def test_who_comes_back_is_told_what_is_so_then_and_a_box_that_dies_is_offline(at, broker, box):
    at.put(broker.settings(at.id))
    room = at.room("Before")
    at.until("connected")
    broker.kill()
    link = at.until("connecting", "unreachable")
    assert "127.0.0.1" in link["error"]
    box.panel.call("PATCH", f"/rooms/{room['id']}", {"name": "Renamed meanwhile"})
    new = at.room("New meanwhile")
    # It kept nothing, and knows all the same.
    broker.start()
    with broker.listener() as home:
        at.until("connected")
        for one, name in ((room, "Renamed meanwhile"), (new, "New meanwhile")):
            topic = f"{at.config}/{one['id']}/config"
            home.wait(lambda topic=topic: topic in home.now)
            assert home.configs()[topic]["device"]["name"] == name
        box.kill()
        home.wait(lambda: home.now[f"{at.base}/status"] == "offline")
        # What happened while it was away is not so any more when it is back.
        stray = f"{at.config}/rm_stray/config"
        home.say(stray, home.now[f"{at.config}/{new['id']}/config"], retain=True)
        box.start()
        home.wait(lambda: home.now[f"{at.base}/status"] == "online")
        home.wait(lambda: stray not in home.now)
        box.stop()
        home.wait(lambda: home.now[f"{at.base}/status"] == "offline")


def test_what_is_wrong_is_said_with_its_cause(at, broker, box):
    def trial(wanted: dict, password=SECRET) -> tuple:
        at.put(wanted | {"enabled": False}, password)
        tried = box.panel.call("POST", f"{MQTT}/tests")
        return tried["works"], tried["cause"], tried["error"]

    good = broker.settings(at.id)
    assert trial(good)[:2] == (True, None)
    assert trial(good | {"tls": {"kind": "pinned", "fingerprint": broker.fingerprint()}})[:2] == (True, None)
    assert trial(good | {"tls": {"kind": "pinned", "fingerprint": "ab" * 32}})[:2] == (False, "certificate")
    assert trial(good | {"tls": {"kind": "system"}})[:2] == (False, "certificate")
    assert trial(good, "wrong")[:2] == (False, "credentials")
    works, cause, error = trial(good | {"user": "box_other"})
    assert (works, cause) == (False, "topics") and "ACL" in error, error
    assert trial(good | {"port": free_port()})[:2] == (False, "unreachable")
    assert trial(good | {"tls": {"kind": "off"}})[1] == "protocol"
    assert trial(settings(box.port, tls={"kind": "off"}), "")[1] == "protocol"
    assert trial(settings(box.port), "")[1] == "protocol"
    # One that takes connections and never says a word.
    with socket.create_server(("127.0.0.1", 0)) as mute:
        assert trial(settings(mute.getsockname()[1], tls={"kind": "off"}), "")[1] == "unreachable"
    # The connection that stands says the same, and comes back by itself once it can.
    at.put(good | {"user": "box_other"})
    at.until("refused", "topics")
    at.put(good)
    at.until("connected")
    for wrong, code in (
        ({"host": "mqtt://x"}, "mqtt_host"),
        ({"user": "other"}, "mqtt_password_again"),
        ({"discovery_prefix": "#"}, "mqtt_prefix"),
        ({"tls": {"kind": "pinned", "fingerprint": "no"}}, "mqtt_password_again"),
    ):
        with pytest.raises(Refused) as refused:
            at.put(good | wrong, None)
        assert (refused.value.status, refused.value.code) == (422, code)
    with pytest.raises(Refused) as refused:
        at.put(good | {"tls": {"kind": "authority", "pem": "no"}})
    assert refused.value.code == "mqtt_trust"
    at.until("connected")


def test_another_broker_is_told_the_same(at, box, tmp_path):
    with nats_mqtt(tmp_path) as port:
        room = at.room("Library")
        at.put(settings(port, tls={"kind": "off"}, user="box", control=True))
        at.until("connected")
        with Listener(port, "homeassistant") as home:
            home.wait(lambda: f"{at.config}/{room['id']}/config" in home.now)
            assert home.now[f"{at.base}/status"] == "online"
            home.say(f"{at.base}/set/rooms/{room['id']}/record", "ON")
            # Nobody is there to be recorded: the box was asked.
            box.wait(lambda: at.orders()["refused"] == 1)
            box.panel.call("DELETE", f"/rooms/{room['id']}")
            topics = (f"{at.config}/{room['id']}/config", f"{at.base}/rooms/{room['id']}/state")
            home.wait(lambda: not any(topic in home.now for topic in topics))
