"""Update bundles: those that the product's recipe would make, and those that nobody should accept."""

import random
import shutil
import subprocess
from pathlib import Path

from standin import StandIn, run


class Bundles:
    """Made from the stand-in with RAUC itself; kept in `folder`."""

    def __init__(self, standin: StandIn, folder: Path):
        self.standin, self.folder = standin, folder
        self.compatible = standin.table["compatible"]

    def full(self, version: str, change=None) -> Path:
        """A whole version, made once; `change` may do something to its root."""
        if (made := self.folder / f"{version}.raucb").exists():
            return made
        self.standin.stage(version, debug=True)
        if change:
            change(self.standin.root)
        content = self.folder / f"content-{version}"
        content.mkdir()
        for slot, image in self.standin.slots(self.standin.squashfs("rootfs-update.squashfs")).items():
            image.rename(content / f"{slot}.img")
        return self.signed(content, version)

    def small(self, version: str = "0.9.0", *, compatible: str | None = None, name: str | None = None, keys: Path | None = None, mib: int = 4) -> Path:
        """Nothing that could run, `mib` MiB of it: for what is refused before it is written, or never started."""
        content = self.folder / f"content-{name or version}"
        content.mkdir()
        noise = random.Random(version)
        with (content / "rootfs.img").open("wb") as file:
            for _ in range(mib - 1):
                file.write(noise.randbytes(1 << 20))
        (content / "kernel.img").write_bytes(noise.randbytes(1 << 20))
        return self.signed(content, version, compatible, name, keys)

    def signed(self, content: Path, version: str, compatible: str | None = None, name: str | None = None, keys: Path | None = None) -> Path:
        images = "".join(f"[image.{image.stem}]\nfilename={image.name}\n" for image in sorted(content.glob("*.img")))
        manifest = f"[update]\ncompatible={compatible or self.compatible}\nversion={version}\n[bundle]\nformat=verity\n{images}"
        (content / "manifest.raucm").write_text(manifest)
        bundle = self.folder / f"{name or version}.raucb"
        keys = keys or self.standin.keys()
        run("rauc", "bundle", f"--cert={keys}/signer.pem", f"--key={keys}/signer.key", "--mksquashfs-args=-comp zstd -Xcompression-level 1", content, bundle)
        shutil.rmtree(content)
        return bundle

    def stranger(self) -> Path:
        """Keys that nobody trusts."""
        keys = self.folder / "stranger"
        run(Path(__file__).parents[2] / "scripts/bundle-keys.sh", keys)
        return keys

    def signer(self, name: str, begin: str, end: str, usage: str = "codeSigning") -> Path:
        """A signer of the trusted authority whose certificate is valid from `begin` to `end` (YYYYMMDDHHMMSSZ)."""
        keys, ours = self.folder / name, self.standin.keys()
        keys.mkdir()
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-keyout", keys / "signer.key", "-out", keys / "signer.csr")
        (keys / "ca.cnf").write_text(
            f"[ca]\ndefault_ca=one\n[one]\ndatabase={keys}/index\nserial={keys}/serial\nnew_certs_dir={keys}\n"
            f"default_md=sha256\npolicy=any\nx509_extensions=usage\n[any]\ncommonName=supplied\n"
            f"[usage]\nextendedKeyUsage=critical,{usage}\nkeyUsage=critical,digitalSignature\n"
        )
        (keys / "index").touch()
        (keys / "serial").write_text("1000\n")
        run("openssl", "ca", "-batch", "-notext", "-config", keys / "ca.cnf", "-cert", ours / "ca.pem", "-keyfile", ours / "ca.key",
            "-startdate", begin, "-enddate", end, "-in", keys / "signer.csr", "-out", keys / "signer.pem")
        return keys

    def accepted(self, bundle: Path) -> bool:
        """Whether a verifier that trusts the image's keyring takes the whole bundle: RAUC its signature
        and manifest, dm-verity's own tool every block of the rest, by the hash in that manifest."""
        if self.told(bundle) is None:
            return False
        facts = self.verity(bundle)
        blocks = facts["blocks"]
        checked = ["veritysetup", "verify", str(bundle), str(bundle), facts["hash"], "--no-superblock", "--format=1",
                   "--data-block-size=4096", "--hash-block-size=4096", "--hash=sha256", f"--salt={facts['salt']}",
                   f"--data-blocks={blocks}", f"--hash-offset={blocks * 4096}"]
        return subprocess.run(checked, capture_output=True).returncode == 0

    def told(self, bundle: Path) -> str | None:
        """What RAUC reads in a bundle whose signature it trusts: board, version, images with their hashes."""
        conf = self.folder / "system.conf"
        conf.write_text(f"[system]\ncompatible={self.compatible}\nbootloader=noop\n[keyring]\npath={self.standin.keys()}/ca.pem\n"
                        "check-purpose=codesign\n")
        done = subprocess.run(["rauc", f"--conf={conf}", "info", "--output-format=json", bundle], capture_output=True, text=True)
        return None if done.returncode else done.stdout

    def verity(self, bundle: Path) -> dict:
        """What the signed manifest says of the payload."""
        size = bundle.stat().st_size
        with bundle.open("rb") as file:
            file.seek(size - 8)
            length = int.from_bytes(file.read(8), "big")
            file.seek(size - 8 - length)
            signature = file.read(length)
        keys = self.standin.keys()
        text = subprocess.run(
            ["openssl", "cms", "-verify", "-inform", "DER", "-CAfile", keys / "ca.pem", "-purpose", "any"],
            input=signature, capture_output=True, check=True,
        ).stdout.decode()
        facts = dict(line.split("=", 1) for line in text.splitlines() if line.startswith("verity-"))
        tree = int(facts["verity-size"])
        return {"hash": facts["verity-hash"], "salt": facts["verity-salt"], "blocks": (size - 8 - length - tree) // 4096,
                "signature": length, "tree": tree}


def flipped(bundle: Path, offset: int, target: Path) -> Path:
    """A copy with one bit of the byte at `offset` turned over."""
    shutil.copy(bundle, target)
    with target.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << offset % 8]))
    return target
