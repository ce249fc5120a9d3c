"""Certificates that the owner puts in: what new connections see, and that those that stand go on."""

import json
import re
import socket
import ssl
import subprocess
import time
import urllib.parse

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from box import ShippedBox
from pki import Authority, pem
from visitor import Ended, Listener, connect, head, seen, shows

NAME = "box.example.org"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    with ShippedBox(tmp_path_factory.mktemp("certified")) as box:
        box.claim()
        yield box


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture(autouse=True)
def own_again(shipped):
    yield
    if shipped.ask("GET", "/certificates")["wanted"] != "own":
        shipped.ask("DELETE", "/certificates/served")


def test_a_certificate_is_shown_at_its_names_from_now_on_and_nobody_is_dropped(shipped, authority):
    certificate, key = authority.issue(NAME, "*.rooms.example.org")
    listener = Listener(shipped)
    root = pem(authority.root)
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(shipped, NAME, root)
    upload = {"chain": pem(authority.between) + certificate, "key": key}
    preview = shipped.ask("POST", "/certificates/previews", upload)
    assert preview["notes"] == ["reordered"] and "roombox.local" in preview["uncovered"]
    assert shipped.ask("GET", "/certificates")["served"] is None
    view = shipped.ask("PUT", "/certificates/served", upload)
    assert view["served"]["state"] == "good" and key.splitlines()[1] not in str(view)
    listener.until("certificate.changed")
    for name in (NAME, "hall.rooms.example.org"):
        shows(shipped, name, "Test Between")
        assert "strict-transport-security: max-age=2592000" in head(shipped, name, root)
    # Those who trust the box's own authority go on with it, and whoever comes by address.
    own = shipped.authority.read_text()
    for name in ("roombox.local", "localhost"):
        assert "strict-transport-security" not in head(shipped, name, own)
    assert "Roombox" in seen(shipped, None).issuer.rfc4514_string()
    shipped.ask("POST", "/rooms", {"name": "While it changed"})
    listener.until("room.created")
    shipped.ask("DELETE", "/certificates/served")
    shows(shipped, NAME, "Roombox")
    listener.until("certificate.changed")


def test_a_client_that_knows_the_box_by_its_authority_is_shown_that_one_at_any_name(shipped, authority):
    certificate, key = authority.issue(NAME)
    shipped.ask("PUT", "/certificates/served", {"chain": certificate, "key": key})
    shows(shipped, NAME, "Test Between")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["roombox-own-certificate", "http/1.1"])
    at = urllib.parse.urlsplit(shipped.url)
    with context.wrap_socket(socket.create_connection((at.hostname, at.port)), server_hostname=NAME) as stream:
        assert stream.selected_alpn_protocol() == "http/1.1"
        found = x509.load_der_x509_certificate(stream.getpeercert(True))
    assert "Roombox" in found.issuer.rfc4514_string()


def test_a_request_is_one_that_openssl_verifies_and_its_answer_is_served(shipped, authority, tmp_path):
    names = [NAME, "192.0.2.7"]
    view = shipped.ask("POST", "/certificates/request", {"names": names})
    assert view["served"] is None and "PRIVATE" not in str(view)
    asked = tmp_path / "box.csr"
    asked.write_text(view["request"]["request"])
    checked = subprocess.run(
        ["openssl", "req", "-in", asked, "-verify", "-noout", "-text"], capture_output=True, text=True, check=True)
    assert "verify OK" in checked.stdout + checked.stderr
    assert f"DNS:{NAME}, IP Address:192.0.2.7" in checked.stdout
    public = x509.load_pem_x509_csr(asked.read_bytes()).public_key()
    answer = pem(authority.answer(public, names))
    preview = shipped.ask("POST", "/certificates/previews", {"chain": authority.chain(answer)})
    assert preview["requested"] and preview["notes"] == []
    view = shipped.ask("PUT", "/certificates/served", {"chain": authority.chain(answer)})
    assert view["request"] is None
    shows(shipped, NAME, "Test Between")


def test_bad_certificates_are_refused_in_words_and_what_was_served_stays(shipped, authority, tmp_path):
    certificate, key = authority.issue(NAME)
    shipped.ask("PUT", "/certificates/served", {"chain": certificate, "key": key})
    shows(shipped, NAME, "Test Between")
    before = shipped.ask("GET", "/certificates")
    plain = tmp_path / "plain.pem"
    plain.write_text(key)
    locked = subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-in", plain, "-passout", "pass:x"], capture_output=True, text=True, check=True)
    old = subprocess.run(
        ["openssl", "ec", "-in", plain, "-aes128", "-passout", "pass:x"], capture_output=True, text=True, check=True)
    ended, ended_key = authority.issue(NAME, days=-1, since=30)
    weak, weak_key = authority.issue(NAME, bits=1024)
    nameless, nameless_key = authority.issue()
    der = x509.load_pem_x509_certificate(certificate.encode()).public_bytes(serialization.Encoding.DER)
    for chain, with_key, code in [
        (certificate, authority.issue(NAME)[1], "certificate_wrong_key"),
        (ended, ended_key, "certificate_ended"),
        (pem(authority.root), pem(authority.key), "certificate_authority"),
        (certificate, locked.stdout, "certificate_key_encrypted"),
        (certificate, old.stdout, "certificate_key_encrypted"),
        (weak, weak_key, "certificate_weak"),
        (nameless, nameless_key, "certificate_no_names"),
        ("garbage \u0000 \U0001f512", key, "certificate_none"),
        (der.decode("latin-1"), key, "certificate_none"),
        (certificate[:-60], key, "certificate_torn"),
        (certificate, None, "certificate_no_key"),
    ]:
        upload = {"chain": chain} | ({"key": with_key} if with_key else {})
        assert shipped.refuses("POST", "/certificates/previews", upload) == (422, code)
        assert shipped.refuses("PUT", "/certificates/served", upload) == (422, code)
    assert shipped.refuses("PUT", "/certificates/served", {"chain": "x" * 10_000_000})[0] == 413
    assert shipped.ask("GET", "/certificates") == before
    assert seen(shipped, NAME).serial_number == x509.load_pem_x509_certificate(certificate.encode()).serial_number


def test_what_was_done_stands_in_the_audit_log_and_no_key_does(shipped, authority):
    certificate, key = authority.issue(NAME)
    shipped.ask("PUT", "/certificates/served", {"chain": certificate, "key": key})
    shipped.ask("DELETE", "/certificates/served")
    rows = shipped.ask("GET", "/audit?limit=2")["items"]
    assert [row["action"] for row in rows] == ["certificate_revert", "certificate_install"]
    assert rows[1]["detail"] == NAME
    secret = re.sub(r"\s|-----[A-Z ]+-----", "", key)[40:80]
    for text in (shipped.log_path.read_text(), str(shipped.ask("GET", "/audit?limit=200"))):
        assert secret not in text and "PRIVATE KEY" not in text


def test_a_kill_in_the_middle_of_changing_leaves_one_of_the_two(tmp_path, authority):
    """Wherever it hits, the box starts again with a whole certificate and the key that belongs to it."""
    one, other = (authority.issue(NAME) for _ in range(2))
    serials = {x509.load_pem_x509_certificate(cert.encode()).serial_number for cert, _ in (one, other)}
    for round in range(4):
        with ShippedBox(tmp_path) as box:
            if round == 0:
                box.claim()
                owner = box.owner
                box.ask("PUT", "/certificates/served", {"chain": one[0], "key": one[1]})
            box.owner = owner
            shows(box, NAME, "Test Between")
            assert seen(box, NAME).serial_number in serials
            chosen = (one, other)[round % 2]
            at = urllib.parse.urlsplit(box.url)
            with connect(box, "localhost") as stream:
                body = json.dumps({"chain": chosen[0], "key": chosen[1]}).encode()
                stream.sendall(
                    f"PUT /api/v1/certificates/served HTTP/1.1\r\nHost: {at.netloc}\r\nOrigin: {box.url}\r\n"
                    f"Content-Type: application/json\r\nCookie: {owner['Cookie']}\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
                time.sleep(round * 0.004)
                box.process.kill()
                box.process.wait()
            box.process = Ended()
