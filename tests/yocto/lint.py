#!/usr/bin/env python3
"""What can be said of the layers without building anything: style (oelint-adv), kas files against kas's
own schema, licences of every file (REUSE), and that files, units, commits and versions fit together.

Installs its tools into target/lint-venv once. Last line: N passed, N failed, N skipped.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from checks import told

ROOT = Path(__file__).resolve().parent.parent.parent
YOCTO = ROOT / "yocto"
LAYERS = [YOCTO / name for name in ("meta-roombox", "meta-roombox-distro", "meta-roombox-bsp")]
VENV = ROOT / "target" / "lint-venv"
SUPPRESSED = {
    "oelint.file.underscores": "our recipes carry no version in their names: the workspace has one",
    "oelint.vars.homepageping": "it asks the network",
    "oelint.var.mandatoryvar.DESCRIPTION": "SUMMARY says it",
    "oelint.var.mandatoryvar.SRC_URI": "a bundle and a configuration have none",
    "oelint.var.licenseremotefile": "our licence is the common one",
}


def prepare() -> Path:
    """The folder of the tools' programs."""
    wanted = (ROOT / "tests/yocto/requirements.txt").read_text()
    stamp = VENV / "installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([VENV / "bin/pip", "install", "-q", "-r", ROOT / "tests/yocto/requirements.txt"], check=True)
        stamp.write_text(wanted)
    return VENV / "bin"


def recipes() -> list[Path]:
    return sorted(path for layer in LAYERS for ending in ("*.bb", "*.bbappend", "*.inc") for path in layer.rglob(ending))


def recipes_are_in_style(tools):
    command = [tools / "oelint-adv", "--quiet", "--hide", "info", "--release", "wrynose", "--relpaths"]
    command.append(f"--constantmods=+{YOCTO}/oelint-constants.json")
    for rule in SUPPRESSED:
        command += ["--suppress", rule]
    done = subprocess.run([*command, *recipes()], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def kas_files_are_what_kas_reads(tools):
    script = "import sys, json, yaml, jsonschema; from kas.configschema import CONFIGSCHEMA as schema\n"
    script += "for path in sys.argv[1:]: jsonschema.validate(yaml.safe_load(open(path)), schema)"
    files = sorted([*(YOCTO / "kas").glob("*.yml"), *(YOCTO / "generated/kas").glob("*.yml")])
    assert len(files) >= 10
    done = subprocess.run([tools / "python", "-c", script, *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-800:]


def every_repository_has_a_commit_of_forty_digits(_):
    text = (YOCTO / "kas/roombox.yml").read_text()
    repositories = re.findall(r"^  ([a-z-]+):\n    url: (\S+)\n    commit: (\S+)\n", text, re.M)
    assert len(repositories) >= 9
    for name, url, commit in repositories:
        assert re.fullmatch(r"[0-9a-f]{40}", commit), f"{name}: {commit}"
        assert url.startswith("https://"), f"{name}: {url}"
    known = {name for name, _, _ in repositories}
    for path in (YOCTO / "generated/kas").glob("*.yml"):
        used = set(re.findall(r"^  ([a-z-]+):\n    layers:", path.read_text(), re.M))
        assert used <= known, f"{path.name} uses {used - known}, whose commit yocto/kas/roombox.yml does not say"


def every_file_of_a_recipe_is_there(_):
    for path in recipes():
        for name in re.findall(r"file://([\w./@-]+)", path.read_text()):
            if "{" in name or name in {"LICENSE", "boot", "boot.cmd", "grub.cfg", "u-boot.cfg"}:
                continue
            places = [path.parent / "files" / name, path.parent / path.stem.split("_")[0] / name]
            assert any(place.exists() for place in places) or name.startswith("src/"), f"{path}: file://{name} is not there"


def every_unit_is_some_recipes(_):
    """Units in a tree are enabled by its recipe, and name programs that somebody installs."""
    trees = [tree for layer in LAYERS for tree in layer.rglob("files/root")]
    installed = {f"/{path.relative_to(tree)}" for tree in trees for path in tree.rglob("*")}
    installed |= {f"/usr/bin/{name}" for name in ("roomboxd", "roombox-media", "roomflash", "rauc")} | {"/bin/bash", "/bin/sh"}
    for tree in trees:
        recipe = next(tree.parent.parent.glob("*.bb")).read_text()
        for unit in tree.glob("usr/lib/systemd/system/*.*"):
            if unit.is_dir():
                continue
            text = unit.read_text()
            assert ("[Install]" not in text) or unit.name in recipe, f"{unit.name} is enabled by no SYSTEMD_SERVICE"
            for program in re.findall(r"^Exec\w+=[-@:+!]*(\S+)", text, re.M):
                assert program in installed, f"{unit.name} starts {program}, which nobody installs"
        for script in (tree / "usr/lib/roombox").glob("*"):
            assert script.stat().st_mode & 0o111, f"{script} cannot be run"


def versions_are_one(_):
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]
    distro = (YOCTO / "meta-roombox-distro/conf/distro/roombox.conf").read_text()
    said = re.search(r'^DISTRO_VERSION = "(.*)"', distro, re.M).group(1)
    assert said == workspace["version"], f"the distribution is {said}, the workspace {workspace['version']}"
    # The image's compiler (openembedded-core, wrynose).
    image = (1, 94)
    wanted = tuple(int(part) for part in workspace["rust-version"].split(".")[:2])
    assert wanted <= image
    metadata = json.loads(subprocess.run(["cargo", "metadata", "--format-version", "1", "--locked"], capture_output=True, text=True, cwd=ROOT, check=True).stdout)
    for package in metadata["packages"]:
        needs = package.get("rust_version")
        if needs and package["source"]:
            parts = tuple(int(part) for part in needs.split(".")[:2])
            assert parts <= wanted, f"{package['name']} {package['version']} wants Rust {needs}, we promise {workspace['rust-version']}"


def software_bills_name_every_locked_package(_):
    """yocto/sbom.py, as roombox-sbom.bb runs it: every crate that the programs reach and every npm package
    is there with its checksum, references lead somewhere, and a second run says the same."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        for folder in (one, two):
            subprocess.run([sys.executable, YOCTO / "sbom.py", folder], check=True, capture_output=True)
        documents = {}
        for name in ("roombox-crates", "roombox-panel"):
            text = (Path(one) / f"{name}.cdx.json").read_text()
            assert text == (Path(two) / f"{name}.cdx.json").read_text(), f"{name} differs from run to run"
            documents[name] = json.loads(text)
    for name, document in documents.items():
        known = {component["bom-ref"] for component in document["components"]} | {name}
        for row in document["dependencies"]:
            lost = ({row["ref"]} | set(row["dependsOn"])) - known
            assert not lost, f"{name}: {row['ref']} leads to {lost}"
    crates = {component["bom-ref"]: component for component in documents["roombox-crates"]["components"]}
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    sums = {f"pkg:cargo/{package['name']}@{package['version']}": package.get("checksum") for package in lock["package"]}
    for ref, component in crates.items():
        told = [entry["content"] for entry in component.get("hashes", [])]
        assert told == ([sums[ref]] if sums[ref] else []), f"{ref}: {told}"
    for wanted in ("tokio", "str0m", "gstreamer", "aws-lc-sys", "rockusb"):
        assert any(ref.startswith(f"pkg:cargo/{wanted}@") for ref in crates), f"{wanted} is missing"
    panel = documents["roombox-panel"]["components"]
    locked = {
        (path.rpartition("node_modules/")[2], package["version"])
        for path, package in json.loads((ROOT / "appliance/panel/package-lock.json").read_text())["packages"].items()
        if path
    }
    assert {(component["name"], component["version"]) for component in panel} == locked
    scopes = {component["name"]: component["scope"] for component in panel}
    assert (scopes["react"], scopes["vite"]) == ("required", "excluded"), "the panel holds React, not its build tool"


def layers_keep_apart_what_yocto_keeps_apart(_):
    for layer in LAYERS:
        text = (layer / "conf/layer.conf").read_text()
        assert re.search(r'^LAYERSERIES_COMPAT_\S+ = "wrynose"$', text, re.M), layer.name
        assert not ((layer / "conf/distro").exists() and (layer / "conf/machine").exists()), layer.name
        assert "@" in (layer / "README.md").read_text() and (layer / "SECURITY.md").exists(), layer.name
        for wks in layer.rglob("*.wks"):
            assert wks.parent.parts[-2:] == ("files", "wic"), wks


def licence_checksums_match(_):
    import hashlib

    sums = {hashlib.md5((ROOT / "LICENSE").read_bytes()).hexdigest()}
    for path in recipes():
        for where, digest in re.findall(r"file://(\S+?);md5=([0-9a-f]{32})", path.read_text()):
            if where in {"LICENSE", "${ROOMBOX_TOP}/LICENSE"}:
                assert digest in sums, f"{path}: the licence's checksum is another one"


def every_file_says_its_licence(tools):
    done = subprocess.run([tools / "reuse", "lint", "--quiet"], capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        done = subprocess.run([tools / "reuse", "lint"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-500:]


TESTS = [
    recipes_are_in_style, kas_files_are_what_kas_reads, every_repository_has_a_commit_of_forty_digits,
    every_file_of_a_recipe_is_there, every_unit_is_some_recipes, versions_are_one, software_bills_name_every_locked_package,
    layers_keep_apart_what_yocto_keeps_apart, licence_checksums_match, every_file_says_its_licence,
]


if __name__ == "__main__":
    sys.exit(told(TESTS, prepare()))
