#!/usr/bin/env python3
"""`make bench`, panel: what a page takes over 10 Mbit/s, and what a box costs while one stands open.

Pages go into an empty cache of a real Chromium, in turns with one of the API's small answers: what the line and
the browser take for anything. An idle box is measured twice: alone, and with the panel's first page open.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def panel_suite():
    """The panel's suite drives the same Chromium by the same packages."""
    spec = importlib.util.spec_from_file_location("panel_run", HERE.parent / "panel" / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=Path, default=ROOT / "target" / "release")
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    parser.add_argument("--seconds", type=int, default=60, help="how long an idle box is watched, each time")
    arguments = parser.parse_args()
    panel = panel_suite()
    panel.prepare_node()
    environment = os.environ | {"ROOMBOX_BIN": str(arguments.bin.resolve()), "CHROMIUM": panel.CHROMIUM, "NODE_NO_WARNINGS": "1"}
    asked = ["node", HERE / "panel.mjs", str(arguments.seconds)]
    done = subprocess.run(asked, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    results = json.loads(done.stdout.splitlines()[-1])
    floor = statistics.median(one["paint"] for one in results["pages"]["floor"])
    print(f"10 Mbit/s, empty cache; something is seen of the API's own answer after {floor:.0f} ms")
    print(f"  {'page':14} ratio   first paint ms   worst   heading ms   kB over the line")
    for name, visits in results["pages"].items():
        paint = [one["paint"] for one in visits]
        print(f"  {name:14} {statistics.median(paint) / floor:5.1f} {statistics.median(paint):16.0f} {max(paint):7.0f} "
              f"{statistics.median(one['heading'] for one in visits):12.0f} {visits[0]['bytes'] / 1000:18.0f}")
    for name, seen in results["idle"].items():
        print(f"  idle, {name}: {100 * seen['cpu'] / seen['seconds']:.2f} % of a core, {seen['resident'] / 1e6:.1f} MB resident")
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "panel.json"
    path.write_text(json.dumps(results, indent=2) + "\n")
    print(f"raw results in {path}")


if __name__ == "__main__":
    main()
