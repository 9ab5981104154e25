"""Writes each value of the JSON array on standard input canonically, one line for each."""

import json
import sys

for value in json.load(sys.stdin.buffer):
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    sys.stdout.buffer.write(text.encode("utf-8") + b"\n")
