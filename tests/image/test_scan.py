"""What is in an image, and what must never be (quality.md, security 1, 6, 8)."""

import re
import stat
import sys

from standin import ROOT

# A whole block: libraries carry the words alone.
PEM = re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s[A-Za-z0-9+/=\s]{40,}-----END")
# Published: what a library tests itself with.
KNOWN = {"libgnutls.so.30": "GnuTLS's self tests (lib/crypto-selftests-pk.c)"}
NKEY = re.compile(rb"\bS[UAONC][A-Z2-7]{56}\b")


def files(root):
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path


def test_no_private_key_is_in_the_image(release):
    """A key in an image would be every box's."""
    for path in files(release):
        data = path.read_bytes()
        if not any(path.name.startswith(name) for name in KNOWN):
            assert not PEM.search(data), f"{path} holds a private key"
        if path.suffix not in {".so", ".ko", ".mo"} and b"\0" not in data[:4096]:
            assert not NKEY.search(data), f"{path} holds an nkey seed"


def test_nobody_can_log_in(release):
    for line in (release / "etc/shadow").read_text().splitlines():
        name, password, *_ = line.split(":")
        assert password[:1] in {"*", "!"}, f"{name} has a password or none"
    assert not list(release.glob("usr/sbin/sshd")) and not list(release.glob("usr/sbin/dropbear"))
    for getty in ("getty@tty1.service", "serial-getty@ttyS0.service"):
        assert (release / "etc/systemd/system" / getty).readlink().name == "null"
    assert not (release / "usr/lib/systemd/system/roombox-debug-shell.service").exists()


def test_the_image_knows_no_box(release):
    assert (release / "etc/machine-id").read_text() == ""
    assert not list((release / "data").iterdir()) and not list((release / "var").iterdir())


def test_programs_that_change_their_user_are_few(release):
    """setuid and setgid programs, each with its reason."""
    known = {
        "usr/bin/mount": "Debian's; Yocto's release has none",
        "usr/bin/umount": "the same",
        "usr/bin/su": "the same",
        "usr/bin/passwd": "the same",
        "usr/bin/chsh": "the same",
        "usr/bin/chfn": "the same",
        "usr/bin/gpasswd": "the same",
        "usr/bin/newgrp": "the same",
        "usr/bin/pkexec": "polkit's",
        "usr/lib/polkit-1/polkit-agent-helper-1": "polkit's",
        "usr/lib/dbus-1.0/dbus-daemon-launch-helper": "D-Bus activation",
        "usr/bin/chage": "Debian's",
        "usr/bin/expiry": "Debian's",
        "usr/sbin/unix_chkpwd": "PAM's",
    }
    found = {
        str(path.relative_to(release))
        for path in files(release)
        if path.stat().st_mode & (stat.S_ISUID | stat.S_ISGID) and path.stat().st_mode & 0o111
    }
    assert found <= set(known), f"nobody wrote down why: {found - set(known)}"


def test_every_unit_is_sound(release, standin):
    """As they lie in the image, among Debian's."""
    sys.path.insert(0, str(ROOT / "tests" / "yocto"))
    from units import sound

    sound(release, standin.trees())
