#!/usr/bin/env python3
"""What our own programs are made of, beside the SPDX that the build writes of every package: the crates of
Cargo.lock and the panel's npm packages, as CycloneDX 1.6 with purl and checksum.

Usage: yocto/sbom.py FOLDER    writes roombox-crates.cdx.json and roombox-panel.cdx.json there

Runs without network, Cargo and Node, on the Python of a build host: lock files say all of it. They name no
platform, so what only another system or a test wants is listed too; npm's build tools are marked as
excluded from the product.
"""

import base64
import json
import re
import sys
import uuid
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
# The programs of an image. What is locked for others of the workspace alone is not listed.
PROGRAMS = ["roomboxd", "roombox-worker", "roombox-flash"]


def main(folder: Path) -> None:
    version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
    folder.mkdir(parents=True, exist_ok=True)
    for name, (components, dependencies) in {
        "roombox-crates": crates((ROOT / "Cargo.lock").read_text()),
        "roombox-panel": packages(json.loads((ROOT / "appliance/panel/package-lock.json").read_text())),
    }.items():
        document = cyclonedx(name, version, components, dependencies)
        (folder / f"{name}.cdx.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
        print(f"{name}: {len(components)} components")


def cyclonedx(name, version, components, dependencies):
    components.sort(key=lambda component: component["bom-ref"])
    root = {"type": "application", "bom-ref": name, "name": name, "version": version, "licenses": licence("Apache-2.0")}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root},
        "components": components,
        "dependencies": [{"ref": ref, "dependsOn": sorted(set(on))} for ref, on in sorted(dependencies.items())],
    }
    # The same contents make the same document.
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(document, sort_keys=True))}"
    return document


def licence(expression):
    return [{"expression": expression}]


def crates(lock):
    """Components of the programs and who wants whom. Tables of Cargo.lock are flat and in a fixed order,
    so no TOML reader is asked of the build host."""
    found = {}
    for block in lock.split("[[package]]\n")[1:]:
        said = dict(re.findall(r'^(\w+) = "(.*)"$', block, re.M))
        wants = re.search(r"^dependencies = \[\n(.*?)^\]", block, re.M | re.S)
        said["wants"] = re.findall(r'"(.+?)"', wants.group(1)) if wants else []
        found.setdefault(said["name"], []).append(said)

    def one(named):
        # "name", or "name version" where there are several.
        name, _, version = named.partition(" ")
        return next(said for said in found[name] if version in ("", said["version"]))

    reached, todo = {}, list(PROGRAMS)
    while todo:
        said = one(todo.pop())
        ref = f"pkg:cargo/{said['name']}@{said['version']}"
        if ref not in reached:
            reached[ref] = said
            todo += said["wants"]
    components, dependencies = [], {"roombox-crates": [ref for ref, said in reached.items() if said["name"] in PROGRAMS]}
    for ref, said in reached.items():
        component = {"type": "library", "bom-ref": ref, "purl": ref, "name": said["name"], "version": said["version"]}
        if "checksum" in said:
            component["hashes"] = [{"alg": "SHA-256", "content": said["checksum"]}]
        else:
            component["licenses"] = licence("Apache-2.0")
        components.append(component)
        dependencies[ref] = [f"pkg:cargo/{on['name']}@{on['version']}" for on in map(one, said["wants"])]
    return components, dependencies


def packages(lock):
    """Components of the panel; those of `devDependencies` alone build it and are not in it."""
    listed = lock["packages"]

    def reference(path):
        name = listed[path].get("name") or path.rpartition("node_modules/")[2]
        return name, f"pkg:npm/{quote(name, safe='/')}@{listed[path]['version']}"

    def resolved(path, name):
        # As Node looks for it: in the package's own folder, then in each folder above.
        while True:
            tried = f"{path}/node_modules/{name}".lstrip("/")
            if tried in listed or not path:
                return tried if tried in listed else None
            path = path.rpartition("node_modules/")[0].rstrip("/")

    components, dependencies = {}, {}
    for path, said in listed.items():
        if said.get("link"):
            continue
        wants = {**said.get("dependencies", {}), **said.get("optionalDependencies", {})}
        on = {reference(at)[1] for at in (resolved(path, name) for name in wants) if at}
        if not path:
            dependencies["roombox-panel"] = on
            continue
        name, ref = reference(path)
        scope = "excluded" if said.get("dev") else "optional" if said.get("optional") else "required"
        component = {"type": "library", "bom-ref": ref, "purl": ref, "name": name, "version": said["version"], "scope": scope}
        if "integrity" in said:
            digest = base64.b64decode(said["integrity"].removeprefix("sha512-")).hex()
            component["hashes"] = [{"alg": "SHA-512", "content": digest}]
        if "license" in said:
            component["licenses"] = licence(said["license"])
        # Twice at the same version: in the product if either is.
        if components.get(ref, {}).get("scope") != "required":
            components[ref] = component
        dependencies.setdefault(ref, set()).update(on)
    return list(components.values()), dependencies


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__.split("\n\n")[1])
    main(Path(sys.argv[1]))
