"""Folders of the box that are somebody else's: a share of a real Samba, mounted; a USB disk's image."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from counterparts import free_port, running

LABEL = "COPIES"


def missing() -> str | None:
    """What there is not on this machine, and how to get it."""
    if os.geteuid() != 0:
        return "folders can only be mounted as root"
    if not (shutil.which("smbd") and shutil.which("smbnetfs")):
        return "no Samba: apt-get install samba smbnetfs"
    return None if Path("/dev/fuse").exists() else "the kernel has no FUSE"


@contextlib.contextmanager
def smb() -> Iterator[tuple[Path, Path]]:
    """A Samba that speaks SMB 3 at 127.0.0.1; where its share is mounted, and the folder that it shares.

    The kernel here need not know SMB: libsmbclient does, by FUSE.
    """
    with tempfile.TemporaryDirectory(prefix="roombox-smb-") as above, contextlib.ExitStack() as undo:
        home = Path(above)
        for name in ("share", "all", "films", "state", "client"):
            (home / name).mkdir()
        port = free_port()
        state = "".join(
            f"{what} = {home}/state\n" for what in
            ("private dir", "lock directory", "state directory", "cache directory", "pid directory", "ncalrpc dir")
        )
        (home / "smb.conf").write_text(
            f"[global]\nserver role = standalone server\nbind interfaces only = yes\ninterfaces = 127.0.0.1\n"
            f"smb ports = {port}\nmap to guest = Bad User\nguest account = root\nload printers = no\n"
            f"disable spoolss = yes\nserver min protocol = SMB3\nlog file = {home}/log\n{state}"
            f"[films]\npath = {home}/share\nread only = no\nguest ok = yes\n"
        )
        # Where libsmbclient looks for what it is to do.
        client = home / "client" / ".smb"
        client.mkdir()
        (client / "smb.conf").write_text(f"[global]\nclient min protocol = SMB3\n{state}")
        (client / "smbnetfs.conf").write_text('auth "guest" ""\n')
        (client / "smbnetfs.conf").chmod(0o600)
        smbd = shutil.which("smbd")
        undo.enter_context(running([smbd, "-F", "--no-process-group", "-s", home / "smb.conf"], port))
        mount = ["smbnetfs", home / "all", "-o", f"config={client}/smbnetfs.conf"]
        subprocess.run(mount, check=True, env=os.environ | {"HOME": str(home / "client")}, timeout=30)
        undo.callback(subprocess.run, ["umount", "-l", home / "all"], check=True)
        subprocess.run(["mount", "--bind", home / "all" / f"127.0.0.1:{port}" / "films", home / "films"], check=True)
        undo.callback(subprocess.run, ["umount", "-l", home / "films"], check=True)
        yield home / "films", home / "share"


@contextlib.contextmanager
def usb_image(folder: Path, mib: int) -> Iterator[tuple[Path, Path]]:
    """The image of a stick with one file system; where it is mounted, and the image."""
    image, there = folder / "stick.img", folder / "stick"
    with open(image, "wb") as file:
        file.truncate(mib << 20)
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", "-L", LABEL, image], check=True)
    there.mkdir()
    subprocess.run(["mount", "-o", "loop", image, there], check=True)
    try:
        yield there, image
    finally:
        subprocess.run(["umount", "-l", there], check=True)
