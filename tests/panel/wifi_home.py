"""A box with a radio (tests/e2e/radio.py) for a program in another language, which reads and calls as with
network_home.py."""

import json
import sys
import tempfile
from functools import reduce
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
from box import PASSWORD, address  # noqa: E402
from radio import PASSPHRASE, BoxWithRadio, Radio  # noqa: E402

if address() == "127.0.0.1":
    print(json.dumps({"missing": "this machine has no address but its own"}), flush=True)
    sys.exit(0)
with tempfile.TemporaryDirectory(prefix="roombox-wifi-") as folder:
    radio = Radio(Path(folder))
    try:
        with BoxWithRadio(Path(folder), radio) as box:
            box.claim()
            radio.box = box
            print(json.dumps({"http": box.url, "password": PASSWORD, "passphrase": PASSPHRASE}), flush=True)
            for line in sys.stdin:
                name, *arguments = json.loads(line)
                answer = reduce(getattr, name.split("."), radio)(*arguments)
                print(json.dumps(answer), flush=True)
    finally:
        radio.close()
