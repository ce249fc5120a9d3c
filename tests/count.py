"""Counts what a test log says: cargo's, pytest's, vitest's and our own closing lines.

Prints `passed failed skipped`.
"""

import re
import sys

CARGO = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")
# `12 passed, 1 failed, 2 skipped`, in any order and with anything around it.
PLAIN = re.compile(r"(\d+) (passed|failed|skipped|errors?)\b")


def count(lines):
    passed = failed = skipped = 0
    closing = None
    for line in lines:
        line = re.sub(r"\x1b\[[0-9;]*m", "", line)
        if found := CARGO.match(line):
            passed += int(found[1])
            failed += int(found[2])
            skipped += int(found[3])
        elif ("passed" in line or "failed" in line) and PLAIN.search(line):
            # Runners repeat themselves; the last line counts.
            closing = line
    if closing:
        for number, what in PLAIN.findall(closing):
            number = int(number)
            passed += number * (what == "passed")
            failed += number * (what in ("failed", "error", "errors"))
            skipped += number * (what == "skipped")
    return passed, failed, skipped


if __name__ == "__main__":
    with open(sys.argv[1], errors="replace") as log:
        print(*count(log))
