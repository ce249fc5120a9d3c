"""A box with two sides (tests/e2e/machine.py) for a program in another language.

Reads `[name, argument…]` as JSON, one a line, calls that of the machine, and answers in JSON. A name
with a point leads into a part of it: `updater.go`. It goes when its standard input ends.
"""

import json
import sys
import tempfile
from functools import reduce
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
from box import PASSWORD  # noqa: E402
from machine import Machine  # noqa: E402

with tempfile.TemporaryDirectory(prefix="roombox-updates-") as folder:
    machine = Machine(Path(folder), fake=False)
    try:
        machine.start()
        print(json.dumps({"http": machine.box.http, "password": PASSWORD}), flush=True)
        for line in sys.stdin:
            name, *arguments = json.loads(line)
            answer = reduce(getattr, name.split("."), machine)(*arguments)
            print(json.dumps(answer), flush=True)
    finally:
        machine.stop()
