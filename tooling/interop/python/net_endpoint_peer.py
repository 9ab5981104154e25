"""One end of a two-endpoint session: `Net(net_bind_addr=…)` driven by JSON lines."""

import json
import sys
import time

from net import Net, generate_net_keypair

bus = None
for line in sys.stdin:
    command = json.loads(line)
    op = command["op"]
    answer = {}
    if op == "keypair":
        pair = generate_net_keypair()
        answer = {"public_key": pair.public_key, "secret_key": pair.secret_key}
    elif op == "connect":
        # Blocks until the handshake is done.
        try:
            bus = Net(**command["options"])
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
    elif op == "ingest":
        for event in command["events"]:
            bus.ingest_raw(event)
    elif op == "poll":
        events = []
        deadline = time.monotonic() + command["seconds"]
        while len(events) < command["count"] and time.monotonic() < deadline:
            page = bus.poll(limit=100_000)
            events += [event.raw for event in page.events]
            if not page.events:
                time.sleep(0.005)
        answer = {"events": events}
    elif op == "shutdown":
        bus.shutdown()
    print(json.dumps(answer), flush=True)
