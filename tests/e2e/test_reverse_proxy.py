"""Behind a reverse proxy (Debian's nginx): who asks is believed from it, and from nobody else."""

import contextlib
import itertools
import shutil
import subprocess
import time
from types import SimpleNamespace

import pytest

from box import WITH_US
from clients import meeting
from pebble import free_port
from test_doors import PASSWORD, ask, owner  # noqa: F401  (a fixture)

NGINX = "/usr/sbin/nginx"
ROOMS = itertools.count()


@contextlib.contextmanager
def nginx(folder, box):
    """As nginx's own guide has it, with nothing but what the panel says that is needed."""
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(f"""
        daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
        events {{}}
        http {{
            access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
            map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    proxy_pass {box.http};
                    proxy_http_version 1.1;
                    proxy_set_header Host $http_host;
                    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                    proxy_set_header X-Forwarded-Proto $scheme;
                    proxy_set_header Upgrade $http_upgrade;
                    proxy_set_header Connection $connection_upgrade;
                }}
            }}
        }}""")
    process = subprocess.Popen([*WITH_US, NGINX, "-c", config, "-e", folder / "error.log"])
    try:
        through = SimpleNamespace(http=f"http://127.0.0.1:{port}", ws=f"ws://127.0.0.1:{port}", token=box.token)
        end = time.monotonic() + 10
        while True:
            try:
                ask(through, "GET", "/api/v1/box")
                break
            except ConnectionRefusedError:
                assert process.poll() is None and time.monotonic() < end, (folder / "error.log").read_text()
        yield through
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def proxy(box, tmp_path_factory):
    if not shutil.which(NGINX):
        pytest.skip("nginx is not installed")
    with nginx(tmp_path_factory.mktemp("nginx"), box) as through:
        yield through


def trust(box, owner, *proxies):  # noqa: F811
    settings = {"security": {"trusted_proxies": list(proxies)}}
    status, _, answer = ask(box, "PATCH", "/api/v1/settings", settings, **owner)
    assert status == 200, answer


def sender(box, through, owner, source, **headers):  # noqa: F811
    """Whom the audit log names for something that is asked for through somebody."""
    status, _, room = ask(through, "POST", "/api/v1/rooms", {"name": f"Seen {next(ROOMS)}"}, source=source, **owner, **headers)
    assert status == 201, room
    newest = ask(box, "GET", "/api/v1/audit?limit=1&action=room_create", **owner)[2]["items"][0]
    return newest["from"]


def test_the_audit_log_names_who_asked_a_trusted_proxy(box, owner, proxy):  # noqa: F811
    assert sender(box, proxy, owner, "127.0.0.9") == "127.0.0.1"
    trust(box, owner, "127.0.0.1")
    assert sender(box, proxy, owner, "127.0.0.9") == "127.0.0.9"
    # What a client says of itself stands before what the proxy saw, and is not read.
    assert sender(box, proxy, owner, "127.0.0.9", **{"X-Forwarded-For": "192.0.2.1"}) == "127.0.0.9"
    # Past the proxy nobody is believed.
    assert sender(box, box, owner, "127.0.0.9", **{"X-Forwarded-For": "192.0.2.1"}) == "127.0.0.9"
    trust(box, owner)
    assert sender(box, proxy, owner, "127.0.0.9") == "127.0.0.1"


def test_wrong_passwords_through_a_trusted_proxy_make_only_their_sender_wait(box, owner, proxy):  # noqa: F811
    trust(box, owner, "127.0.0.0/24")

    def log_in(password, source, **headers):
        return ask(proxy, "POST", "/api/v1/session", {"password": password}, source=source, **headers)[0]

    # Another name each time does not help.
    tries = [log_in("wrong", "127.0.1.3", **{"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(10)]
    assert tries[0] == 401 and tries[-1] == 429, tries
    assert log_in(PASSWORD, "127.0.1.3") == 429
    assert log_in(PASSWORD, "127.0.1.4") == 200
    trust(box, owner)


async def test_a_meeting_is_reached_through_the_proxy(box, owner, proxy):  # noqa: F811
    trust(box, owner, "127.0.0.1")
    async with meeting(proxy, "ann", "bob") as people:
        assert len(people) == 2
    trust(box, owner)


@pytest.mark.parametrize("wrong", ["0.0.0.0/0", "::/0", "proxy.example.org", "10.0.0.0/33", "", 7])
def test_what_is_no_proxy_is_refused(box, owner, wrong):  # noqa: F811
    settings = {"security": {"trusted_proxies": ["10.0.0.7", wrong]}}
    status, _, answer = ask(box, "PATCH", "/api/v1/settings", settings, **owner)
    assert (status, answer["field"]) == (422, "security.trusted_proxies[1]"), answer
