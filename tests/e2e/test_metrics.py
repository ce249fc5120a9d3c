"""Prometheus scrapes the box with an API token, and knows what the status page knows."""

import asyncio
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from livekit import rtc

from box import PATIENCE, WITH_US

OWN = ["roombox_cpu_part_ratio", "roombox_alarms", "roombox_box", "roombox_uptime_seconds", "roombox_cpu_ratio", "roombox_memory_bytes", "roombox_disk_bytes",
       "roombox_rooms", "roombox_participants", "roombox_recordings", "roombox_recorder_dropped_packets_total", "roombox_jobs",
       "roombox_shard_packets_total", "roombox_shard_bytes_total", "roombox_shard_send_drops_total",
       "roombox_shard_relayed_packets_total", "roombox_shard_relay_drops_total", "roombox_shard_spilled_rooms",
       "roombox_shard_cpu_ratio",
       "roombox_shard_longest_turn_seconds", "roombox_shard_connections", "roombox_tcp_connections",
       "roombox_tcp_arrivals_total", "roombox_tcp_drops_total"]
ALIASES = ["livekit_room_total", "livekit_participant_total", "livekit_packet_total"]


@pytest.fixture(scope="module")
def token(box):
    box.claim()
    return box.ask("POST", "/api-tokens", {"name": "prometheus"})["token"]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Prometheus:
    """Debian's, which scrapes the box each second."""

    def __init__(self, folder, box, token):
        where = urllib.parse.urlsplit(box.url).netloc
        (folder / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [{"job_name": "roombox", "authorization": {"credentials": token}, "static_configs": [{"targets": [where]}]}],
        }))
        self.port = free_port()
        self.process = subprocess.Popen(
            [*WITH_US, "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
             f"--web.listen-address=127.0.0.1:{self.port}"],
            stdout=open(folder / "log", "ab"), stderr=subprocess.STDOUT)

    def ask(self, query: str) -> list[dict]:
        address = f"http://127.0.0.1:{self.port}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return json.load(answer)["data"]["result"]
        except OSError:
            return []

    def until(self, query: str, value: str) -> dict:
        """The labels of a series that has this value now."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for series in (found := self.ask(query)):
                if series["value"][1] == value:
                    return series["metric"]
            time.sleep(0.2)
        raise AssertionError(f"{query} never was {value}: {found}")

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def prometheus(box, token, tmp_path_factory):
    if not shutil.which("prometheus"):
        pytest.skip("SKIPPED: prometheus is not installed (scripts/setup.sh test)")
    server = Prometheus(tmp_path_factory.mktemp("prometheus"), box, token)
    yield server
    server.close()


def test_prometheus_reads_every_figure(box, prometheus):
    prometheus.until("up", "1")
    for name in OWN + ALIASES:
        assert prometheus.ask(name), f"Prometheus has no {name}"
    labels = prometheus.until("roombox_box", "1")
    assert labels["version"] == box.ask("GET", "/box")["version"]


async def test_a_meeting_is_seen(box, prometheus):
    room = rtc.Room()
    await room.connect(box.ws, box.token("watched", "ada"))
    for query in ("roombox_rooms", "roombox_participants", "livekit_room_total", "sum(roombox_shard_participants)"):
        await asyncio.to_thread(prometheus.until, query, "1")
    assert {series["metric"]["direction"] for series in prometheus.ask("livekit_packet_total > 0")} == {"incoming", "outgoing"}
    await room.disconnect()
    await asyncio.to_thread(prometheus.until, "roombox_participants", "0")


def test_nobody_without_a_token_reads_them(box, token):
    request = urllib.request.Request(f"{box.url}/metrics")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=PATIENCE)
    assert refused.value.code == 401 and json.loads(refused.value.read())["code"] == "unauthenticated"
    request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        assert answer.read().endswith(b"# EOF\n")
