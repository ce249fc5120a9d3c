"""People with a Chromium on this host who visit the machine (visit.mjs)."""

import json
import os
import subprocess
from pathlib import Path

from vm import Dead, die_with_parent

HERE = Path(__file__).resolve().parent


class Visitors:
    """Each method of visit.mjs is one here."""

    def __init__(self, url: str, log: Path):
        self.process = subprocess.Popen(
            ["node", HERE / "visit.mjs", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(log, "ab"), text=True,
            env=os.environ | {"NODE_NO_WARNINGS": "1"}, preexec_fn=die_with_parent,
        )
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise Dead("the browser has gone")
        said = json.loads(line)
        if "error" in said:
            raise Dead(said["error"])
        return said["done"]

    def __getattr__(self, what):
        def call(*words):
            self.process.stdin.write(json.dumps([what, *words]) + "\n")
            self.process.stdin.flush()
            return self.answer()

        return call

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
