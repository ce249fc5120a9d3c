#!/usr/bin/env python3
"""Holds every locked crate to `deny.toml`: licences, bans, sources. Needs nothing but cargo.

`make test` asks this, because cargo-deny takes three minutes to install; `make test-full` asks both, of
the same file.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOKEN = re.compile(r"\(|\)|\bAND\b|\bOR\b|[A-Za-z0-9.\-+]+(?: WITH [A-Za-z0-9.\-]+)?")


def satisfied(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met with allowed licences alone."""
    # The old way of writing OR.
    tokens = TOKEN.findall(expression.replace("/", " OR "))
    words = {"AND": "and", "OR": "or", "(": "(", ")": ")"}
    return eval(" ".join(words.get(token, str(token in allowed)) for token in tokens))


def metadata(target: str) -> list[dict]:
    ask = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    done = subprocess.run(ask, cwd=ROOT, check=True, capture_output=True)
    packages = json.loads(done.stdout)["packages"]
    used = built(target)
    return [one for one in packages if (one["name"], one["version"]) in used]


def built(target: str) -> set[tuple[str, str]]:
    """What a build takes. The lock file, and with it metadata, also has what only a weak feature
    (`name?/feature`) of something that nobody switches on would bring."""
    ask = ["cargo", "tree", "--locked", "--workspace", "--target", target, "--prefix", "none", "--format", "{p}"]
    done = subprocess.run(ask, cwd=ROOT, check=True, capture_output=True, text=True)
    words = (line.split() for line in done.stdout.splitlines() if line)
    return {(name, version.removeprefix("v")) for name, version, *_ in words}


def main() -> int:
    rules = tomllib.loads((ROOT / "deny.toml").read_text())
    allowed = set(rules["licenses"]["allow"])
    banned = {ban["crate"]: ban["reason"] for ban in rules["bans"]["deny"]}
    packages = {
        (one["name"], one["version"]): one
        for target in rules["graph"]["targets"]
        for one in metadata(target)
        if one["source"]
    }
    complaints = []
    for (name, version), package in sorted(packages.items()):
        if name in banned:
            complaints.append(f"{name} {version} is banned: {banned[name]}")
        if not package["license"] or not satisfied(package["license"], allowed):
            complaints.append(f"{name} {version} is under {package['license']}, which is not allowed")
        if not package["source"].startswith("registry+"):
            complaints.append(f"{name} {version} comes from {package['source']}")
    print("\n".join(complaints))
    print(f"{len(packages) - len(complaints)} passed, {len(complaints)} failed")
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main())
