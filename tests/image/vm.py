"""A machine for the stand-in: QEMU under TCG, with UEFI, as a PC would have it.

KVM is used only with ROOMBOX_KVM=1: some hosts offer a /dev/kvm that cannot run stock guests.
"""

import ctypes
import json
import os
import re
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

FIRMWARE = Path("/usr/share/OVMF")
PATIENCE = float(os.environ.get("ROOMBOX_VM_PATIENCE", "600"))


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Dead(Exception):
    """The machine stopped, or did not say in time what it should."""


class Machine:
    """`disk` is changed: hand it a copy. Ports 443 and 80 of the guest are forwarded to free ones."""

    def __init__(self, folder: Path, disk: Path, extra: list[str] | None = None, memory: int = 1280):
        self.folder, self.disk, self.extra, self.memory = folder, disk, extra or [], memory
        folder.mkdir(parents=True, exist_ok=True)
        self.console_log = folder / "console.log"
        self.variables = folder / "vars.fd"
        if not self.variables.exists():
            shutil.copy(FIRMWARE / "OVMF_VARS_4M.fd", self.variables)
        self.process = None

    def start(self):
        self.https, self.http, self.media = free_port(), free_port(), free_port(socket.SOCK_DGRAM)
        for name in ("qmp.sock", "shell.sock"):
            (self.folder / name).unlink(missing_ok=True)
        kvm = os.environ.get("ROOMBOX_KVM") == "1"
        forwards = f"hostfwd=tcp:127.0.0.1:{self.https}-:443,hostfwd=tcp:127.0.0.1:{self.http}-:80,hostfwd=udp:127.0.0.1:{self.media}-:7882"
        command = ["qemu-system-x86_64", "-machine", "q35", "-m", str(self.memory), "-smp", "2"]
        command += ["-accel", "kvm", "-cpu", "host"] if kvm else ["-accel", "tcg,thread=multi", "-cpu", "max"]
        command += ["-nodefaults", "-no-user-config", "-display", "none"]
        command += ["-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE}/OVMF_CODE_4M.fd"]
        command += ["-drive", f"if=pflash,format=raw,file={self.variables}"]
        command += ["-drive", f"if=none,id=disk,format=raw,cache=unsafe,file={self.disk}"]
        command += ["-device", "virtio-blk-pci,drive=disk,bootindex=0"]
        command += ["-device", "qemu-xhci,id=usb", "-device", "i6300esb", "-action", "watchdog=reset"]
        command += ["-netdev", f"user,id=net,{forwards}", "-device", "virtio-net-pci,netdev=net,romfile="]
        command += ["-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"]
        # ttyS0 is what somebody with a serial cable sees; ttyS1 is the debug image's root shell.
        command += ["-chardev", f"file,id=console,path={self.console_log},append=on", "-serial", "chardev:console"]
        command += ["-chardev", f"socket,id=shell,path={self.folder}/shell.sock,server=on,wait=off", "-serial", "chardev:shell"]
        command += ["-qmp", f"unix:{self.folder}/qmp.sock,server=on,wait=off", *self.extra]
        self.process = subprocess.Popen(command, stderr=open(self.folder / "qemu.err", "ab"), preexec_fn=die_with_parent)
        self.read_from = self.console_log.stat().st_size if self.console_log.exists() else 0
        self.shell = None
        self.wait(lambda: (self.folder / "shell.sock").exists(), "QEMU never opened its sockets", 30)
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Pulls the plug."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def cpu_seconds(self) -> float:
        """User and system time of the machine so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def alive(self):
        if self.process.poll() is not None:
            raise Dead(f"QEMU ended with {self.process.returncode}: {(self.folder / 'qemu.err').read_text()[-2000:]}")

    # The serial console.

    def console(self) -> str:
        """What was said since the start, without colours and carriage returns."""
        text = self.console_log.read_bytes()[self.read_from :].decode(errors="replace") if self.console_log.exists() else ""
        return re.sub(r"\x1b\[[0-9;=?]*[a-zA-Z]", "", text).replace("\r", "")

    def wait_console(self, pattern: str, times: int = 1, patience: float = PATIENCE) -> re.Match:
        """The `times`-th place where the console says `pattern`."""

        def said():
            found = list(re.finditer(pattern, self.console(), re.M))
            return found[times - 1] if len(found) >= times else None

        return self.wait(said, f"console never said {pattern!r} ({times})", patience)

    def wait(self, what, otherwise: str, patience: float = PATIENCE):
        """Asks `what` until it answers with something true."""
        end = time.monotonic() + patience
        while True:
            answer = what()
            if answer:
                return answer
            self.alive()
            if time.monotonic() > end:
                raise Dead(f"{otherwise}; console ends with:\n{self.console()[-3000:]}")
            time.sleep(0.2)

    # The debug image's root shell.

    def run(self, command: str, patience: float = PATIENCE) -> str:
        """Output of a shell command in the guest; its failure is ours."""
        code, output = self.ask(command, patience)
        if code:
            raise Dead(f"in the guest: {command}: {code}\n{output}")
        return output

    def ask(self, command: str, patience: float = PATIENCE) -> tuple[int, str]:
        if self.shell is None:
            self.shell = socket.socket(socket.AF_UNIX)
            self.shell.connect(str(self.folder / "shell.sock"))
            self.shell.settimeout(1)
            self.send_until("stty -echo; PS2=; echo ready-$((40+2))\n", r"^ready-42\r?$", patience)
        mark = f"{time.monotonic_ns():x}"
        text = self.send_until(
            f"{{ {command}\n}} </dev/null 2>&1; echo; echo end-{mark[:4]}-{mark[4:]}-$?\n", rf"^end-{mark[:4]}-{mark[4:]}-(\d+)\r?$", patience, once=True
        )
        output, code = re.split(rf"^end-{mark[:4]}-{mark[4:]}-(\d+)\r?$", text, maxsplit=1, flags=re.M)[:2]
        return int(code), output.replace("\r", "").strip()

    def send_until(self, line: str, pattern: str, patience: float, once: bool = False) -> str:
        text, end, asked = "", time.monotonic() + patience, -10.0
        while True:
            # A shell that is not there yet hears nothing: ask again.
            if (not once and time.monotonic() - asked > 5) or asked < 0:
                self.shell.sendall(line.encode())
                asked = time.monotonic()
            try:
                data = self.shell.recv(65536)
                if not data:
                    raise Dead("the shell's line is closed")
                text += data.decode(errors="replace")
            except TimeoutError:
                pass
            if re.search(pattern, text, re.M):
                return text
            self.alive()
            if time.monotonic() > end:
                raise Dead(f"the guest's shell did not answer: {text[-500:]!r}; console:\n{self.console()[-3000:]}")

    # Faults and devices.

    def qmp(self, command: str, **arguments):
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self.folder / "qmp.sock"))
            file = line.makefile("rw")
            file.readline()
            for words in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                file.write(json.dumps(words) + "\n")
                file.flush()
                while "return" not in (answer := json.loads(file.readline())):
                    if "error" in answer:
                        raise Dead(f"QEMU refuses {command}: {answer['error']}")
        return answer["return"]

    def reset(self):
        """The reset button: what was not written is lost."""
        self.shell = None
        self.qmp("system_reset")

    # The API.

    def get(self, path: str, method: str = "GET", body=None, token: str | None = None, patience: float = 30):
        """JSON of the box's HTTPS API; its certificate is its own, so it is not judged here."""
        context = ssl._create_unverified_context()
        request = urllib.request.Request(f"https://127.0.0.1:{self.https}{path}", method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, context=context, timeout=patience) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def answers(self, path: str = "/api/v1/box"):
        """The answer, or nothing while the box is not up."""
        try:
            return self.get(path, patience=20)
        except (OSError, urllib.error.URLError, ValueError):
            return None


def free_port(kind=socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def copy_disk(image: Path, target: Path, size: int | None = None) -> Path:
    """A machine's own disk, larger than the image as disks are."""
    subprocess.run(["cp", "--sparse=always", image, target], check=True)
    if size:
        os.truncate(target, size)
    return target
