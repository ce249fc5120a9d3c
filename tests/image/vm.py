"""A machine for the stand-in: QEMU under TCG, with UEFI, as a PC would have it.

KVM is used only with ROOMBOX_KVM=1: some hosts offer a /dev/kvm that cannot run stock guests.
"""

import contextlib
import ctypes
import json
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

FIRMWARE = Path("/usr/share/OVMF")
PATIENCE = float(os.environ.get("ROOMBOX_VM_PATIENCE", "600"))
MENU = "ESC for other ways"
CLAIM = r"Claim\s+([A-Z0-9]{4}-[A-Z0-9]{4})"


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def ahead():
    """An emulated machine that is starved loses its clock, and its watchdogs bite. Where the kernel groups
    processes by session, being nice counts inside a group only (sched(7), "The autogroup feature"). Who may not
    go ahead of others (no CAP_SYS_NICE) waits in line with them."""
    die_with_parent()
    with contextlib.suppress(OSError):
        os.nice(-10)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text("-10")


class Dead(Exception):
    """The machine stopped, or did not say in time what it should."""


class Lan:
    """A cable between this host and one machine, with a DHCP server on it (root, /dev/net/tun, dnsmasq)."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        for left in Path("/sys/class/net").glob("rb*n*"):
            # Of a run that was killed.
            if (owner := re.match(r"rb(\d+)n", left.name)) and not Path(f"/proc/{owner[1]}").exists():
                subprocess.run(["ip", "link", "delete", left.name], check=False)
        taken = {int(line.split("10.77.")[1].split(".")[0]) for line in subprocess.check_output(["ip", "-o", "address"], text=True).splitlines() if "10.77." in line}
        number = random.choice(sorted(set(range(1, 255)) - taken))
        self.tap, self.host, self.guest = f"rb{os.getpid()}n{number}", f"10.77.{number}.1", f"10.77.{number}.50"
        subprocess.run(["ip", "tuntap", "add", "dev", self.tap, "mode", "tap"], check=True)
        subprocess.run(["ip", "address", "add", f"{self.host}/24", "dev", self.tap], check=True)
        subprocess.run(["ip", "link", "set", self.tap, "up"], check=True)
        command = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--bind-interfaces", "--user=root"]
        command += [f"--interface={self.tap}", f"--dhcp-range={self.guest},{self.guest},1h", "--leasefile-ro"]
        command += [f"--pid-file={folder}/dnsmasq.pid", "--log-facility=-"]
        log = open(folder / "dnsmasq.log", "ab")
        self.server = subprocess.Popen(command, stderr=log, stdout=log, preexec_fn=die_with_parent)

    def close(self):
        self.server.kill()
        self.server.wait()
        subprocess.run(["ip", "link", "delete", self.tap], check=False)


def lan_missing() -> str | None:
    """Why there can be no cable here, or None."""
    if not os.access("/dev/net/tun", os.W_OK):
        return "there is no /dev/net/tun"
    return None if shutil.which("dnsmasq") else "dnsmasq is not installed (scripts/setup.sh image)"


class Machine:
    """`disk` is changed: hand it a copy. With a cable the guest has an address of its own; without
    one, its ports 443 and 80 are forwarded to free ones of this host. A `stick` is a disk on USB."""

    def __init__(self, folder: Path, disk: Path, extra: list[str] | None = None, memory: int = 1280, lan: Lan | None = None, stick: bool = False):
        self.folder, self.disk, self.extra, self.memory, self.lan, self.stick = folder, disk, extra or [], memory, lan, stick
        self.cookie, self.starts, self.keys, self.said = None, 0, {}, {}
        folder.mkdir(parents=True, exist_ok=True)
        self.process = None

    def start(self):
        if self.lan:
            self.host, self.https, self.http = self.lan.guest, 443, 80
            net = f"tap,id=net,ifname={self.lan.tap},script=no,downscript=no"
        else:
            self.host, self.https, self.http = "127.0.0.1", free_port(), free_port()
            net = f"user,id=net,hostfwd=tcp:127.0.0.1:{self.https}-:443,hostfwd=tcp:127.0.0.1:{self.http}-:80"
        (self.folder / "qmp.sock").unlink(missing_ok=True)
        self.starts += 1
        command = self.hardware()
        command += ["-netdev", net, "-device", "virtio-net-pci,netdev=net,romfile="]
        command += ["-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"]
        command += self.lines()
        command += ["-qmp", f"unix:{self.folder}/qmp.sock,server=on,wait=off", *self.extra]
        self.process = subprocess.Popen(command, stderr=open(self.folder / "qemu.err", "ab"), preexec_fn=ahead)
        self.shell_ready = False
        self.wait(lambda: (self.folder / "qmp.sock").exists(), "QEMU never opened its socket", 30)
        return self

    def hardware(self) -> list[str]:
        """QEMU with processor, firmware and disk."""
        kvm = os.environ.get("ROOMBOX_KVM") == "1"
        command = ["qemu-system-x86_64", "-machine", "q35", "-m", str(self.memory), "-smp", "2"]
        command += ["-accel", "kvm", "-cpu", "host"] if kvm else ["-accel", "tcg,thread=multi", "-cpu", "max"]
        command += ["-nodefaults", "-no-user-config", "-display", "none"]
        command += ["-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE}/OVMF_CODE_4M.fd"]
        command += ["-drive", f"if=pflash,format=raw,file={self.variables()}"]
        command += ["-device", "qemu-xhci,id=usb", "-device", "i6300esb", "-action", "watchdog=reset"]
        command += self.blank()
        command += ["-drive", f"if=none,id=disk,format=raw,cache=unsafe,discard=unmap,file={self.disk}"]
        return command + ["-device", "usb-storage,bus=usb.0,drive=disk,bootindex=0" if self.stick else "virtio-blk-pci,drive=disk,bootindex=0"]

    def blank(self) -> list[str]:
        """Has each reset write over the end of memory, where the firmware works. QEMU keeps what it translated
        of the programs that were there, once for each process, and goes through all of it at each write to
        such a page: on a stack that lies there an interrupt takes longer than the time to the next one, and
        the firmware never goes on."""
        path, size = self.folder / "blank", 32
        with open(path, "wb") as file:
            file.truncate(size << 20)
        return ["-device", f"loader,file={path},addr={(self.memory - size) << 20:#x},force-raw=on"]

    def variables(self) -> Path:
        """The firmware's memory, this machine's own."""
        own = self.folder / "vars.fd"
        if not own.exists():
            shutil.copy(FIRMWARE / "OVMF_VARS_4M.fd", own)
        return own

    def lines(self) -> list[str]:
        """ttyS0 is what somebody with a serial cable sees; ttyS1 is the debug image's root shell."""
        return [*self.speaks("console"), "-serial", "chardev:console", *self.speaks("shell"), "-serial", "chardev:shell"]

    def speaks(self, line: str) -> list[str]:
        """A serial line of this start. What it says goes to a file: a socket that nobody reads would hold
        up the firmware, which talks on all of them."""
        path = self.folder / f"{line}-{self.starts}"
        self.said[line] = path.with_suffix(".out")
        self.said[line].touch()
        os.mkfifo(path.with_suffix(".in"))
        # Open both ways, QEMU never waits for us and never sees an end.
        self.keys[line] = os.open(path.with_suffix(".in"), os.O_RDWR | os.O_NONBLOCK)
        return ["-chardev", f"pipe,id={line},path={path}"]

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
        while self.keys:
            os.close(self.keys.popitem()[1])

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
        text = self.said["console"].read_text(errors="replace")
        return re.sub(r"\x1b\[[0-9;=?]*[a-zA-Z]", "", text).replace("\r", "")

    def wait_console(self, pattern: str, times: int = 1, patience: float = PATIENCE) -> re.Match:
        """The `times`-th place where the console says `pattern`."""

        def said():
            found = list(re.finditer(pattern, self.console(), re.M))
            return found[times - 1] if len(found) >= times else None

        return self.wait(said, f"console never said {pattern!r} ({times})", patience)

    def menus(self) -> int:
        """How often the boot loader has come by since the machine was switched on."""
        return len(re.findall(MENU, self.console()))

    def verdicts(self, outcome: str = "good") -> int:
        """How many boots ended so, by the health gate's word."""
        return len(re.findall(verdict(outcome=outcome), self.console()))

    def wait_verdict(self, side: str = "[AB]", version: str | None = None, attempt: str = r"\d", outcome: str = "good", times: int = 1, patience: float = PATIENCE):
        """The `times`-th such verdict of the health gate on a boot."""
        return self.wait_console(verdict(side, version, attempt, outcome), times, patience)

    def type(self, keys: str, line: str = "console"):
        """Keys on a serial line."""
        os.write(self.keys[line], keys.encode())

    def choose(self, entry: int, times: int = 1):
        """The `entry`-th of the boot menu, counted from 0, at the `times`-th start of the machine."""
        shown = len(re.findall("Firmware settings", self.console()))
        self.wait_console(MENU, times)
        # Twice: the firmware waits two seconds whether a single one begins a longer key.
        self.type("\x1b\x1b")
        self.wait_console("Firmware settings", shown + 1)
        # Down is Ctrl-N in GRUB: arrows are not the same on every line.
        self.type("\x0e" * entry + "\r")

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
        """Exit status and output. A shell that was not there yet since the last start hears nothing: it
        is greeted until it answers."""
        end = time.monotonic() + patience
        if not self.shell_ready:
            begun = self.said["shell"].stat().st_size
            while not re.search(r"^ready-42\r?$", self.shell_said(begun), re.M):
                self.type("stty -echo; PS2=; echo ready-$((40+2))\n", "shell")
                self.heard(begun, r"^ready-42\r?$", time.monotonic() + 5, end)
            self.shell_ready = True
        mark, begun = f"{time.monotonic_ns():x}", self.said["shell"].stat().st_size
        closing = rf"^end-{mark[:4]}-{mark[4:]}-(\d+)\r?$"
        self.type(f"{{ {command}\n}} </dev/null 2>&1; code=$?; echo; echo end-{mark[:4]}-{mark[4:]}-$code\n", "shell")
        if not self.heard(begun, closing, end, end):
            raise Dead(f"the guest's shell did not answer: {self.shell_said(begun)[-500:]!r}; console:\n{self.console()[-3000:]}")
        output, code = re.split(closing, self.shell_said(begun), maxsplit=1, flags=re.M)[:2]
        return int(code), output.replace("\r", "").strip()

    def shell_said(self, begun: int) -> str:
        return self.said["shell"].read_bytes()[begun:].decode(errors="replace")

    def heard(self, begun: int, pattern: str, until: float, end: float) -> bool:
        """Whether the shell says it in time."""
        while not re.search(pattern, self.shell_said(begun), re.M):
            self.alive()
            if time.monotonic() > end:
                raise Dead(f"the guest's shell did not answer; console:\n{self.console()[-3000:]}")
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True

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
        self.shell_ready = False
        self.qmp("system_reset")

    # The API.

    @property
    def base(self) -> str:
        return f"https://{self.host}" if self.https == 443 else f"https://{self.host}:{self.https}"

    def claim(self, name: str, password: str):
        """Becomes its owner by the code on its console."""
        code = self.wait_console(CLAIM).group(1)
        self.get("/api/v1/claim", "POST", {"code": code, "name": name, "password": password})

    def get(self, path: str, method: str = "GET", body=None, patience: float = 60):
        """JSON of the box's HTTPS API; its certificate is its own, so it is not judged here. A cookie
        that it sets is kept."""
        context = ssl._create_unverified_context()
        request = urllib.request.Request(f"{self.base}{path}", method=method)
        if isinstance(body, Path):
            request.data = body.open("rb")
            request.add_header("Content-Length", str(body.stat().st_size))
        elif body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if self.cookie:
            request.add_header("Cookie", self.cookie)
        with urllib.request.urlopen(request, context=context, timeout=patience) as answer:
            if answer.headers["Set-Cookie"]:
                self.cookie = answer.headers["Set-Cookie"].split(";")[0]
            text = answer.read()
        return json.loads(text) if text else None

    def refuses(self, path: str, method: str, body=None, patience: float = 60) -> tuple[int, str, str]:
        """Status, code and sentence of what must be refused."""
        try:
            answer = self.get(path, method, body, patience)
        except urllib.error.HTTPError as refused:
            said = json.loads(refused.read())
            return refused.code, said["code"], said["message"]
        raise Dead(f"{method} {path} should have been refused: {answer}")

    def answers(self, path: str = "/api/v1/box"):
        """The answer, or nothing while the box is not up."""
        try:
            return self.get(path, patience=20)
        except (OSError, urllib.error.URLError, ValueError):
            return None


def verdict(side: str = "[AB]", version: str | None = None, attempt: str = r"\d", outcome: str = "good") -> str:
    """A line of boot-state on the console."""
    return rf"roombox: side {side} \({re.escape(version) if version else '[0-9.]+'}\), try {attempt}: {outcome}"


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
