"""A box in a network of its own (tests/e2e/office.py) for a program in another language, which reads and calls as
with machine.py. `chromium` is a program that runs it in the office."""

import json
import os
import subprocess
import sys
import tempfile
from functools import reduce
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
import office as offices  # noqa: E402
from box import PASSWORD  # noqa: E402

if why := offices.missing():
    print(json.dumps({"missing": why}), flush=True)
    sys.exit(0)
with tempfile.TemporaryDirectory(prefix="roombox-network-") as folder:
    home = offices.Office(Path(folder))
    try:
        # The real one would set this machine's clock.
        clock = Path(offices.__file__).parent / "fake_timedate.py"
        home.processes.append(subprocess.Popen([*offices.WITH_US, sys.executable, clock], stdout=subprocess.DEVNULL,
                                               env=os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": home.bus.address}))
        with offices.BoxAtHome(home) as box:
            box.claim()
            home.box = box
            chromium = Path(folder) / "chromium"
            chromium.write_text(f'#!/bin/sh\nexec ip netns exec {home.name} {os.environ["CHROMIUM"]} "$@"\n')
            chromium.chmod(0o755)
            told = {"http": box.url_at(box.at), "port": box.port, "net": home.net(0), "other": home.net(1),
                    "password": PASSWORD, "chromium": str(chromium)}
            print(json.dumps(told), flush=True)
            for line in sys.stdin:
                name, *arguments = json.loads(line)
                answer = reduce(getattr, name.split("."), home)(*arguments)
                print(json.dumps(answer), flush=True)
    finally:
        home.close()
