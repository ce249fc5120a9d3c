"""The real servers that recordings are delivered to: S3 (moto), WebDAV (wsgidav), SFTP (OpenSSH).

Each is a context manager: it starts one on a free port of 127.0.0.1, yields where it is and how to
look at what it holds, and leaves nothing behind. A test may `kill` one in mid-transfer.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3

# What a server gets to answer its port, on a machine that builds at the same time.
PATIENCE_S = 60

ACCESS_KEY = "access"
SECRET_KEY = "secret"
DAV_USER = "ada"
DAV_PASSWORD = "correct horse: battery"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port: int, process: subprocess.Popen) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"nobody answers at port {port}")


@contextlib.contextmanager
def running(command: list, port: int, log=None, **options) -> Iterator[subprocess.Popen]:
    quiet = log or (None if os.environ.get("ROOMBOX_COUNTERPARTS_LOUD") else subprocess.DEVNULL)
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet, **options)
    try:
        wait_for_port(port, process)
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen) -> None:
    """Ends a server with its sessions, which sshd makes processes of their own."""
    doomed, seen = [process.pid], []
    while doomed:
        pid = doomed.pop()
        seen.append(pid)
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
            doomed += [int(child) for child in children.split()]
    for pid in seen:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


@dataclass
class S3:
    endpoint: str
    bucket: str
    process: subprocess.Popen
    client: object
    region: str = "us-east-1"
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY

    def names(self) -> list[str]:
        listed = self.client.list_objects_v2(Bucket=self.bucket)
        return [each["Key"] for each in listed.get("Contents", [])]

    def read(self, name: str) -> bytes:
        return self.client.get_object(Bucket=self.bucket, Key=name)["Body"].read()

    def uploads(self) -> list[str]:
        """Uploads that nobody finished."""
        listed = self.client.list_multipart_uploads(Bucket=self.bucket)
        return [each["Key"] for each in listed.get("Uploads", [])]


@contextlib.contextmanager
def s3(bucket: str = "films", log=None) -> Iterator[S3]:
    """moto takes every key: wrong ones are for another counterpart to refuse. It logs each request."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, port, log) as process:
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )
        client.create_bucket(Bucket=bucket)
        yield S3(endpoint, bucket, process, client)


def may_only(server: S3, *actions: str) -> tuple[str, str]:
    """A key that may do nothing but that; from now on every key is asked what it may."""
    iam = boto3.client(
        "iam",
        endpoint_url=server.endpoint,
        region_name=server.region,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    iam.create_user(UserName="box")
    allowed = [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_user_policy(UserName="box", PolicyName="only", PolicyDocument=policy)
    key = iam.create_access_key(UserName="box")["AccessKey"]
    # From the next request on, said as plain text.
    head = {"Content-Type": "text/plain"}
    asked = urllib.request.Request(f"{server.endpoint}/moto-api/reset-auth", b"0", head, method="POST")
    urllib.request.urlopen(asked).close()
    return key["AccessKeyId"], key["SecretAccessKey"]


@dataclass
class Folder:
    """What a server keeps as files."""

    root: Path
    process: subprocess.Popen

    def names(self) -> list[str]:
        return sorted(str(p.relative_to(self.root)) for p in self.root.rglob("*") if p.is_file())

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()


@dataclass
class WebDav(Folder):
    url: str
    user: str = DAV_USER
    password: str = DAV_PASSWORD


DAV = """
import sys
from cheroot import wsgi
from wsgidav.wsgidav_app import WsgiDAVApp
root, port, user, password = sys.argv[1:]
app = WsgiDAVApp({
    "provider_mapping": {"/": root},
    "simple_dc": {"user_mapping": {"*": {user: {"password": password}}}},
    "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
    "verbose": 1,
})
wsgi.Server(("127.0.0.1", int(port)), app).start()
"""


@contextlib.contextmanager
def webdav() -> Iterator[WebDav]:
    """Holds a folder `films`, which is where the url leads."""
    with tempfile.TemporaryDirectory(prefix="roombox-dav-") as above:
        root = Path(above) / "films"
        root.mkdir()
        port = free_port()
        command = [sys.executable, "-c", DAV, above, str(port), DAV_USER, DAV_PASSWORD]
        with running(command, port) as process:
            yield WebDav(root, process, f"http://127.0.0.1:{port}/films")


@dataclass
class Sftp(Folder):
    host: str
    port: int
    user: str
    private_key: str
    # As the box shows it: SHA256:...
    host_key: str
    folder: str


@contextlib.contextmanager
def sftp() -> Iterator[Sftp]:
    """An sshd of its own for whoever runs this, with a key; no password would be asked of PAM."""
    sshd = shutil.which("sshd") or "/usr/sbin/sshd"
    with tempfile.TemporaryDirectory(prefix="roombox-ssh-") as above:
        home = Path(above)
        root = home / "films"
        root.mkdir()
        for name in ("host", "user"):
            make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", home / name]
            subprocess.run(make, check=True)
        shutil.copy(home / "user.pub", home / "authorized_keys")
        port = free_port()
        (home / "config").write_text(
            f"""ListenAddress 127.0.0.1
Port {port}
HostKey {home}/host
PidFile none
AuthorizedKeysFile {home}/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
# The folder is a temporary one, below what everybody may write.
StrictModes no
# A suite knocks often, and with wrong keys too.
MaxStartups 100
Subsystem sftp internal-sftp
"""
        )
        if os.geteuid() == 0:
            # What the service would have made: the unprivileged part of sshd lives in it.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        shown = subprocess.run(
            ["ssh-keygen", "-l", "-f", home / "host.pub"], check=True, capture_output=True, text=True
        )
        user = subprocess.run(["id", "-un"], check=True, capture_output=True, text=True)
        # In the foreground; it wants its own absolute path, to start itself anew.
        with running([sshd, "-D", "-e", "-f", home / "config"], port) as process:
            yield Sftp(
                root,
                process,
                "127.0.0.1",
                port,
                user.stdout.strip(),
                (home / "user").read_text(),
                shown.stdout.split()[1],
                str(root),
            )
