"""What a box as it ships connects to when somebody types an address: neither itself nor what is on its links alone,
whatever it is for, wherever a redirect leads, and whatever a name led to a moment ago."""

import http.server
import random
import shutil
import socket
import socketserver
import struct
import subprocess
import threading

import pytest
from box import KEY, ShippedBox, address
from test_health import until

CALENDAR = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nEND:VCALENDAR\r\n"
REFUSED = "this box itself or a link-local address"
# Plays a server elsewhere: the one address of this machine that the box is told it may connect to.
FAR = "127.0.0.5"


class Names(socketserver.ThreadingUDPServer):
    """A server of names that leads one name elsewhere from a moment on."""

    daemon_threads = True

    def __init__(self):
        # Port 53 is what a resolver asks; an address of its own keeps out of everybody's way.
        where = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
        self.leads_to, self.asked = {}, []
        super().__init__((where, 53), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(socketserver.BaseRequestHandler):
    def handle(self):
        question, sock = self.request
        end = question.index(b"\0", 12)
        labels, at = [], 12
        while at < end:
            labels.append(question[at + 1 : at + 1 + question[at]].decode())
            at += 1 + question[at]
        name, (kind,) = ".".join(labels).lower(), struct.unpack("!H", question[end + 1 : end + 3])
        self.server.asked.append(name)
        found = self.server.leads_to.get(name) if kind == 1 else None
        head = question[:2] + struct.pack("!HHHHH", 0x8180 if name in self.server.leads_to else 0x8183, 1, bool(found), 0, 0)
        answer = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + socket.inet_aton(found) if found else b""
        sock.sendto(head + question[12 : end + 5] + answer, self.client_address)


class Web(http.server.ThreadingHTTPServer):
    """Says what it is told to, and knows how often it was asked."""

    daemon_threads = True

    def __init__(self, where, port=0):
        self.asked, self.leads_on = [], None
        super().__init__((where, port), Page)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        self.send_response(302 if self.server.leads_on else 200)
        if self.server.leads_on:
            self.send_header("Location", self.server.leads_on)
        self.send_header("Content-Length", str(len(CALENDAR)))
        self.end_headers()
        self.wfile.write(CALENDAR)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def inside():
    """What runs on the box, and must not hear anything; nor must what is at the same port elsewhere."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    with ShippedBox(tmp_path_factory.mktemp("neighbours"), ("--neighbour", FAR)) as box:
        box.claim()
        yield box
        box.check_alive()


def calendar(box, host, port):
    _, _, answer = box.request("POST", "/schedule/feeds", {"name": "c", "url": f"http://{host}:{port}/c.ics"})
    return answer["message"]


def target(place, **secrets):
    def tried(box, host, port):
        said = place(host, port)
        one = box.ask("POST", "/targets", {"name": said["kind"], "place": said, "secrets": secrets})["id"]
        trial = box.ask("POST", f"/targets/{one}/tests")
        box.ask("DELETE", f"/targets/{one}")
        return trial["error"]

    return tried


def bare(host):
    return host.strip("[]")


def mail(box, host, port):
    settings = {"enabled": True, "host": bare(host), "port": port, "tls": "off", "user": "", "from": "box@example.org",
                "to": ["ada@example.org"], "authority": "", "least": "attention"}
    box.ask("PUT", "/integrations/mail", {"settings": settings})
    return box.ask("POST", "/integrations/mail/tests")["error"]


def mqtt(box, host, port):
    settings = {"enabled": True, "host": bare(host), "port": port, "tls": {"kind": "off"}, "user": "",
                "discovery_prefix": "homeassistant", "control": False}
    box.ask("PUT", "/integrations/mqtt", {"settings": settings})
    return box.ask("POST", "/integrations/mqtt/tests")["error"]


def syslog(by):
    def tried(box, host, port):
        settings = {"enabled": True, "host": bare(host), "port": port, "by": by, "trust": {"kind": "off"}, "audit": True,
                    "level": "info"}
        before = box.ask("GET", "/integrations/syslog")["outcome"]["failed_at"]
        box.ask("PUT", "/integrations/syslog", settings)

        def why():
            outcome = box.ask("GET", "/integrations/syslog")["outcome"]
            return outcome["failed_at"] != before and outcome["error"]

        said = until("the box says why", why)
        box.ask("PUT", "/integrations/syslog", settings | {"enabled": False})
        return said

    return tried


def oidc(box, host, port):
    settings = box.ask("GET", "/integrations/oidc")["settings"]
    settings |= {"issuer": f"https://{host}:{port}", "client_id": "box", "name": "Campus", "enabled": True,
                 "address": "https://box.example.org", "admit_others": True}
    box.ask("PUT", "/integrations/oidc", {"settings": settings, "secret": "s"})
    return box.ask("POST", "/integrations/oidc/tests")["error"]


def acme(box, host, port):
    settings = {"directory": f"https://{host}:{port}/dir", "authority": "", "names": ["box.example.org"], "contact": "",
                "proof": {"kind": "http"}, "terms_accepted": True}
    before = box.ask("GET", "/certificates/acme")["failure"]
    box.ask("PUT", "/certificates/acme", {"settings": settings})

    def why():
        failure = box.ask("GET", "/certificates/acme")["failure"]
        return failure and failure != before and failure["text"]

    return until("the order fails", why)


def acme_dns(box, host, port):
    settings = {"directory": "https://acme.invalid/dir", "authority": "", "names": ["box.example.org"], "contact": "",
                "proof": {"kind": "acme_dns", "server": f"http://{host}:{port}"}, "terms_accepted": True}
    _, _, answer = box.request("PUT", "/certificates/acme", {"settings": settings})
    return answer["message"]


def proxy(box, host, port):
    asked = {"proxy": {"url": f"http://{host}:{port}", "local_direct": False}, "url": "https://far.example/"}
    return box.ask("POST", "/network/proxy/tests", asked)["detail"]


def by_proxy(box, host, port):
    asked = {"proxy": {"url": "http://192.0.2.1:3128", "local_direct": False}, "url": f"http://{host}:{port}/"}
    return box.ask("POST", "/network/proxy/tests", asked)["detail"]


def webhook(box, host, port):
    key = box.ask("POST", "/livekit-keys", {})["key"]
    one = box.ask("POST", "/integrations/webhooks", {"url": f"http://{host}:{port}/", "key": key, "in_network": True})["id"]
    trial = box.ask("POST", f"/integrations/webhooks/{one}/tests")
    box.ask("DELETE", f"/integrations/webhooks/{one}")
    box.ask("DELETE", f"/livekit-keys/{key}")
    return trial["error"]


PURPOSES = {
    "a calendar": calendar,
    "an S3 store": target(lambda host, port: {"kind": "s3", "endpoint": f"http://{host}:{port}", "bucket": "b",
                                              "access_key": "k"}, secret_key="s"),
    "a WebDAV server": target(lambda host, port: {"kind": "webdav", "url": f"http://{host}:{port}/dav"}),
    "an SFTP server": target(lambda host, port: {"kind": "sftp", "host": bare(host), "port": port, "user": "u"},
                             password="p"),
    "a mail server": mail,
    "a broker": mqtt,
    "a syslog server by UDP": syslog("udp"),
    "a syslog server by TCP": syslog("tcp"),
    "a provider": oidc,
    "a server of ACME": acme,
    "a server of acme-dns": acme_dns,
    "a proxy": proxy,
    "behind a proxy": by_proxy,
    "a webhook": webhook,
}


@pytest.mark.parametrize("purpose", PURPOSES)
def test_whatever_an_address_is_for_it_does_not_lead_into_the_box(shipped, inside, purpose):
    port = inside.getsockname()[1]
    for host in ("127.0.0.1", "localhost", "169.254.169.254", "[::1]"):
        if host == "[::1]" and purpose == "an SFTP server":
            # Its name is one of a server, without brackets or colons.
            continue
        said = PURPOSES[purpose](shipped, host, port)
        assert said and REFUSED in said, (purpose, host, said)
    with pytest.raises(BlockingIOError):
        inside.accept()


def test_an_own_address_of_the_box_is_the_box_whichever_it_is(shipped):
    own = address()
    if own.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    with socket.create_server((own, 0)) as listener:
        port = listener.getsockname()[1]
        for purpose in ("a calendar", "a mail server", "a syslog server by UDP", "a broker"):
            said = PURPOSES[purpose](shipped, own, port)
            assert said and REFUSED in said, (purpose, said)


def test_a_redirect_leads_no_nearer_than_an_address_may(shipped, inside):
    far, port = Web(FAR), inside.getsockname()[1]
    assert "id" in shipped.ask("POST", "/schedule/feeds", {"name": "there", "url": f"http://{FAR}:{far.port}/there.ics"})
    for leads_on in (f"http://127.0.0.1:{port}/", f"http://localhost:{port}/x", "http://169.254.169.254/latest/meta-data"):
        far.leads_on = leads_on
        said = calendar(shipped, FAR, far.port)
        assert REFUSED in said, (leads_on, said)
    far.leads_on = "file:///etc/passwd"
    assert "no address of a server" in calendar(shipped, FAR, far.port)
    with pytest.raises(BlockingIOError):
        inside.accept()
    far.shutdown()


def test_a_name_that_leads_into_the_box_the_second_time_gets_no_further(tmp_path, inside):
    """DNS rebinding, with a real server of names whom the system's own resolver asks."""
    try:
        names = Names()
    except PermissionError:
        pytest.skip("port 53 is for root")
    resolv = tmp_path / "resolv.conf"
    resolv.write_text(f"nameserver {names.server_address[0]}\noptions timeout:1 attempts:1\n")
    # Names are asked of that server and of nobody else.
    switch = tmp_path / "nsswitch.conf"
    switch.write_text("hosts: dns\n")
    script = 'mount --bind "$0" /etc/resolv.conf && { [ ! -e /etc/nsswitch.conf ] || mount --bind "$1" /etc/nsswitch.conf; } && shift && exec "$@"'
    namespace = ["unshare", "-m", "sh", "-c", script, resolv, switch]
    if not shutil.which("unshare") or subprocess.run([*namespace, "true"], capture_output=True).returncode:
        pytest.skip("mounts of its own need root")

    class Inside(ShippedBox):
        through = namespace

    port = inside.getsockname()[1]
    far = Web(FAR, port)
    names.leads_to["rebind.test"] = FAR
    with Inside(tmp_path, ("--neighbour", FAR)) as box:
        box.claim()
        feed = box.ask("POST", "/schedule/feeds", {"name": "c", "url": f"http://rebind.test:{port}/c.ics"})["id"]
        assert far.asked == ["/c.ics"] and "rebind.test" in names.asked
        names.leads_to["rebind.test"] = "127.0.0.1"
        box.request("POST", f"/schedule/feeds/{feed}/fetch")
        said = until("it says why", lambda: next(
            item for item in box.ask("GET", "/schedule/feeds")["items"] if item["id"] == feed)["error"])
        assert REFUSED in said and "rebind.test" in said, said
        # Nothing that it may stays, and what it had is kept.
        assert far.asked == ["/c.ics"]
        with pytest.raises(BlockingIOError):
            inside.accept()
    far.shutdown()
    names.shutdown()


SCHEMES = [
    # How it is asked for, with which address; whether that scheme is one of this purpose's.
    (lambda box, url: box.request("POST", "/schedule/feeds", {"name": "c", "url": url}), "begins with",
     ["file:///etc/passwd", "ftp://192.0.2.1/a.ics", "gopher://192.0.2.1/", "javascript:1", "rtmp://192.0.2.1/a/b", "//192.0.2.1/"]),
    (lambda box, url: box.request("POST", "/integrations/webhooks", {"url": url, "key": KEY}), "http",
     ["file:///etc/passwd", "ftp://192.0.2.1/", "webcal://192.0.2.1/", "srt://192.0.2.1:9000"]),
    (lambda box, url: box.request("POST", "/targets", {"name": "t", "place": {"kind": "webdav", "url": url}, "secrets": {}}),
     "http", ["file:///etc", "dav://192.0.2.1/", "smb://192.0.2.1/share", "ftp://192.0.2.1/"]),
    (lambda box, url: box.request("POST", "/targets", {"name": "t", "place": {"kind": "s3", "endpoint": url, "bucket": "b",
                                                                              "access_key": "k"}, "secrets": {"secret_key": "s"}}),
     "http", ["file:///etc", "s3://bucket", "ftp://192.0.2.1/"]),
    (lambda box, url: box.request("PUT", "/certificates/acme", {"settings": {
        "directory": url, "authority": "", "names": ["box.example.org"], "contact": "", "proof": {"kind": "http"},
        "terms_accepted": True}}), "https", ["http://192.0.2.1/dir", "file:///etc/passwd", "ftp://192.0.2.1/"]),
    (lambda box, url: box.request("PATCH", "/settings", {"proxy": {"url": url}}), "http",
     ["socks5://192.0.2.1:1080", "file:///etc/passwd", "ftp://192.0.2.1/"]),
    (lambda box, url: box.request("PATCH", "/settings", {"updates": {"channel": url}}), "http",
     ["file:///etc/passwd", "ftp://192.0.2.1/channel.json"]),
]


@pytest.mark.parametrize("row", range(len(SCHEMES)))
def test_each_purpose_has_its_own_schemes_and_no_others(shipped, row):
    put, says, refused = SCHEMES[row]
    for url in refused:
        status, _, answer = put(shipped, url)
        assert 400 <= status < 500 and says in answer["message"].lower(), (url, status, answer)


def test_the_room_sends_by_rtmp_and_srt_alone(shipped):
    room = shipped.ask("POST", "/rooms", {"name": "Sends"})["id"]
    for url in ("http://192.0.2.1/a/b", "file:///etc/passwd", "udp://192.0.2.1:9000", "filesrc location=/etc/passwd ! fdsink"):
        status, _, answer = shipped.request("POST", f"/rooms/{room}/outputs", {"url": url})
        assert (status, answer["code"]) == (422, "invalid_output"), (url, answer)
