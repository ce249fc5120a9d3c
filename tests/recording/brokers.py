"""Real MQTT brokers, and somebody at them who listens as Home Assistant does."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import paho.mqtt.client as paho
from counterparts import free_port, wait_for_port

ACL = Path(__file__).resolve().parents[2] / "docs" / "mqtt" / "mosquitto.acl"
SECRET = "canary4711canary"
HOME = "homeassistant"


def certify(folder: Path) -> Path:
    """A certificate authority, and a certificate of it for 127.0.0.1: the authority's file."""
    run = lambda *words: subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)  # noqa: E731
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test authority")
    run("req", "-new", *key, "-keyout", "broker.key", "-out", "broker.csr", "-subj", "/CN=127.0.0.1")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2"]
    run("x509", "-req", "-in", "broker.csr", *signed, "-out", "broker.pem")
    return folder / "ca.pem"


class Mosquitto:
    """Debian's, with TLS, passwords, and the ACL file that the docs show."""

    def __init__(self, folder: Path, users: list[str]):
        self.folder, self.port = folder, free_port()
        folder.mkdir()
        self.authority = certify(folder)
        passwords = folder / "passwords"
        passwords.touch()
        for user in [HOME, *users]:
            subprocess.run(["mosquitto_passwd", "-b", passwords, user, SECRET], check=True)
        shutil.copy(ACL, folder / "acl")
        lines = [
            f"listener {self.port} 127.0.0.1", f"certfile {folder}/broker.pem", f"keyfile {folder}/broker.key",
            "allow_anonymous false", f"password_file {passwords}", f"acl_file {folder}/acl", "user root",
            "persistence false", "log_dest stderr",
        ]
        (folder / "conf").write_text("\n".join(lines) + "\n")
        self.start()

    def start(self):
        log = open(self.folder / "log", "a")
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.process = subprocess.Popen([program, "-c", self.folder / "conf"], stderr=log)
        wait_for_port(self.port, self.process)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def settings(self, box_id: str, **more) -> dict:
        tls = {"kind": "authority", "pem": self.authority.read_text()}
        return settings(self.port, user=box_id, tls=tls, **more)

    def fingerprint(self) -> str:
        ask = ["openssl", "x509", "-in", self.folder / "broker.pem", "-noout", "-fingerprint", "-sha256"]
        return subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip().partition("=")[2]

    def listener(self, user=HOME) -> "Listener":
        return Listener(self.port, user, self.authority)


def settings(port: int, **more) -> dict:
    return {"enabled": True, "host": "127.0.0.1", "port": port} | more


@contextlib.contextmanager
def mosquitto(folder: Path, *users: str):
    broker = Mosquitto(folder, list(users))
    try:
        yield broker
    finally:
        broker.kill()


@contextlib.contextmanager
def nats_mqtt(folder: Path):
    """nats-server's own listener: the port. It is another program that speaks MQTT 3.1.1."""
    port, folder = free_port(), folder / "nats"
    folder.mkdir()
    conf = (
        f'server_name: other\nlisten: "127.0.0.1:-1"\njetstream {{ store_dir: "{folder}" }}\n'
        f'mqtt {{ listen: "127.0.0.1:{port}" }}\n'
        f'authorization {{ users = [ {{ user: box, password: "{SECRET}" }}, {{ user: {HOME}, password: "{SECRET}" }} ] }}\n'
    )
    (folder / "conf").write_text(conf)
    with open(folder / "log", "w") as log:
        process = subprocess.Popen([os.environ["ROOMBOX_NATS_SERVER"], "-c", folder / "conf"], stderr=log)
    try:
        wait_for_port(port, process)
        yield port
    finally:
        process.kill()
        process.wait()


class Listener:
    """Keeps the newest payload of each topic, and all of them in order."""

    def __init__(self, port: int, user: str, authority: Path | None = None):
        self.now: dict[str, str] = {}
        self.heard: list[tuple[str, str]] = []
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, f"test-{user}-{id(self)}")
        self.client.username_pw_set(user, SECRET)
        if authority:
            self.client.tls_set(ca_certs=str(authority))
        self.client.on_message = self._came
        self.client.on_connect = lambda client, *_: client.subscribe([("roombox/#", 1), ("homeassistant/#", 1)])
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def _came(self, _client, _data, message):
        text = message.payload.decode()
        self.heard.append((message.topic, text))
        if text:
            self.now[message.topic] = text
        else:
            self.now.pop(message.topic, None)

    def say(self, topic: str, payload: str, retain=False):
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def wait(self, what, seconds=30):
        """Looks until `what()` holds."""
        begun = time.monotonic()
        while not (found := what()):
            assert time.monotonic() - begun < seconds, json.dumps(self.now, indent=1)
            time.sleep(0.05)
        return found

    def configs(self) -> dict[str, dict]:
        return {topic: json.loads(text) for topic, text in self.now.items() if topic.endswith("/config")}

    def state(self, topic: str) -> dict:
        return json.loads(self.now.get(topic, "{}"))

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
