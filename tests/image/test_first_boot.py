"""A box's first minute: nobody has claimed it, nobody has a network yet."""

import json
import re
import ssl
import urllib.error
import urllib.request

import pytest
from conftest import GIB, claim, diary
from vm import CLAIM

# Of what listens, this and nothing else (quality.md, security 8); 68 is the DHCP client,
# 5353 the voice that says the box's name on the local network.
PORTS = {("tcp", 80), ("tcp", 443), ("tcp", 7881), *(("udp", port) for port in (68, 5353, 7882, 7883))}


def test_a_new_box_comes_up_healthy_and_marks_its_side_good(booted):
    outcomes = [entry["outcome"] for entry in diary(booted)]
    assert outcomes == ["started", "good"], diary(booted)
    state = booted.run("grub-editenv /boot/firmware/EFI/BOOT/grubenv list").splitlines()
    assert {"A_OK=1", "A_TRY=0", "B_OK=0"} <= set(state), state
    print(f"boot to good: {booted.cpu_seconds():.0f} CPU-s of emulation")


def test_the_claim_code_is_on_the_console(booted):
    said = booted.wait_console(CLAIM)
    assert booted.get("/api/v1/claim")["claimed"] is False
    assert said.group(1) in booted.console()


def test_nothing_but_the_claim_is_open_before_it(booted):
    for path in ("/api/v1/rooms", "/api/v1/recordings", "/api/v1/settings", "/api/v1/status"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            booted.get(path)
        assert refused.value.code in {401, 403}, path


def test_the_data_partition_has_grown_to_the_disk(booted):
    size = int(booted.run("df --output=size -B1 /data | tail -1"))
    assert 2.4 * GIB < size < 3 * GIB, size
    assert booted.run("findmnt -no OPTIONS / | tr , '\\n' | grep -x ro") == "ro"


def test_key_and_certificate_are_this_boxs_own(booted):
    assert booted.run("stat -c '%U %a' /data/roombox/secrets") == "roombox 700"
    worldly = booted.run("find /data/roombox/secrets -type f -perm /077")
    assert worldly == "", worldly
    machine_id = booted.run("cat /etc/machine-id")
    assert re.fullmatch(r"[0-9a-f]{32}", machine_id)
    assert booted.run("cat /data/system/machine-id") == machine_id


def test_plain_http_leads_to_https_and_serves_the_authority(booted):
    with urllib.request.urlopen(f"http://{booted.host}:{booted.http}/ca.crt", timeout=60) as answer:
        authority = answer.read().decode()
    if booted.lan is None:
        pytest.skip("SKIPPED: behind forwarded ports the box has another address than its certificate")
    # Whoever trusts this authority sees a lock at the address on the console.
    trusting = ssl.create_default_context(cadata=authority)
    with urllib.request.urlopen(f"{booted.base}/api/v1/claim", context=trusting, timeout=60) as answer:
        assert answer.status == 200


def test_only_the_allowed_ports_listen(booted):
    listening = set()
    for line in booted.run("ss -Hltnu").splitlines():
        kind, local = line.split()[0], line.split()[4]
        address, port = local.rsplit(":", 1)
        if not address.startswith(("127.", "[::1]")):
            listening.add((kind, int(port)))
    assert listening <= PORTS, f"nobody allowed {listening - PORTS}"
    assert {("tcp", 80), ("tcp", 443), ("tcp", 7881), ("udp", 7882)} <= listening


def test_nothing_failed_and_nothing_private_is_logged(booted):
    assert booted.run("systemctl --failed --no-legend --plain") == ""
    log = booted.run("journalctl -b --no-pager -o cat -u roomboxd")
    code = booted.wait_console(CLAIM).group(1)
    assert code not in log, "the claim code is in the journal"


def test_the_owner_claims_it(booted):
    """Last: it changes the box."""
    claim(booted)
    assert booted.answers()["claimed"] is True
    booted.wait_console(r"has an owner")
    assert json.dumps(diary(booted)).count("good") == 1
