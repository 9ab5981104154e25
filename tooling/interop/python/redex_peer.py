"""The Python peer of the log: one JSON command a line, one JSON answer a line."""

import json
import sys

from net import Redex


def run(command):
    redex = Redex(persistent_dir=command["directory"])
    log = redex.open_file(command["name"], persistent=True)
    if command["op"] == "hold":
        return log
    events = [
        [str(event.seq), bytes(event.payload).hex(), event.checksum, event.is_inline]
        for event in log.read_range(0, 2**64 - 1)
    ]
    appended = [str(log.append(bytes.fromhex(payload))) for payload in command.get("append", [])]
    if "batch" in command:
        appended.append(str(log.append_batch([bytes.fromhex(item) for item in command["batch"]])))
    log.close()
    return {"events": events, "length": len(log), "appended": appended}


held = []
for line in sys.stdin:
    request = json.loads(line)
    answer = run(request)
    if request["op"] == "hold":
        # Kept open and never closed: what is on disk is what a crash leaves.
        held.append(answer)
        answer = {
            "appended": [str(answer.append(bytes.fromhex(item))) for item in request["append"]]
        }
    print(json.dumps(answer), flush=True)
