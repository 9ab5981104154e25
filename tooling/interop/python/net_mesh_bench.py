"""A node of the reference under measurement: one JSON request a line, one JSON answer a line.

Arguments: bind address, pre-shared key (hex). Node ids travel as decimal text; instants are
nanoseconds of the machine's monotonic clock, which processes share.
"""

import json
import os
import resource
import struct
import sys
import threading
import time

import net

now = time.monotonic_ns
PSK = sys.argv[2]
node = net.NetMesh(sys.argv[1], PSK, num_shards=1)
others = []


def accept(peer):
    address = node.accept(int(peer))
    node.start()
    return address


def connect(address, public_key, peer):
    node.connect(address, public_key, int(peer))
    node.start()


def send(peer, stream, count, size, per_call, window):
    handle = node.open_stream(int(peer), stream, window_bytes=window)
    batch = [bytes(size)] * per_call
    refused = 0
    start = went_on = now()
    for _ in range(count // per_call):
        while True:
            try:
                node.send_on_stream(handle, batch)
                went_on = now()
                break
            except net.BackpressureError:
                refused += 1
                # Lost packets never give their credit back.
                if now() - went_on > 2e9:
                    return {"start": start, "refused": refused}
                time.sleep(0.0001)
    return {"start": start, "refused": refused}


def receive(count, patience):
    received = 0
    last = None
    quiet_since = now()
    while received < count:
        events = node.poll(16384)
        if events:
            received += len(events)
            last = quiet_since = now()
        elif now() - quiet_since > patience * 1e9:
            break
        else:
            time.sleep(0.0002)
    return {"received": received, "last": last}


def send_stamps(peer, stream, count, interval):
    handle = node.open_stream(int(peer), stream)
    for _ in range(count):
        node.send_on_stream(handle, [str(now()).encode().ljust(64)])
        time.sleep(interval)


def receive_stamps(count, patience=5):
    """One-way latencies in microseconds; asks without a pause, which is the best the reference can do."""
    latencies = []
    quiet_since = now()
    while len(latencies) < count and now() - quiet_since < patience * 1e9:
        for event in node.poll(64):
            quiet_since = now()
            latencies.append((quiet_since - int(event.raw)) / 1000)
        time.sleep(0)
    return latencies


def prepare(count):
    """Further nodes in this process, each to make one handshake; the ids they will have."""
    for _ in range(count):
        others.append(net.NetMesh("127.0.0.1:0", PSK, num_shards=1))
    return [str(other.node_id) for other in others]


def accept_each(peers):
    for peer in peers:
        node.accept(int(peer))


def connect_each(address, public_key, peer, uncounted=0):
    """What connecting them one after another takes, the first few not counted."""
    start = now()
    for index, other in enumerate(others):
        if index == uncounted:
            start = now()
        other.connect(address, public_key, int(peer))
    return now() - start


def serve():
    node.start()


def usage():
    spent = resource.getrusage(resource.RUSAGE_SELF)
    with open("/proc/self/statm", encoding="ascii") as statm:
        pages = int(statm.read().split()[1])
    return {
        "cpu": spent.ru_utime + spent.ru_stime,
        "rss": pages * os.sysconf("SC_PAGE_SIZE"),
        "peers": node.peer_count(),
    }


def say(message):
    print(json.dumps(message), flush=True)


say({"address": sys.argv[1], "publicKey": node.public_key, "nodeId": str(node.node_id)})
for line in sys.stdin:
    request = json.loads(line)
    say(globals()[request["task"]](*request["args"]))
os._exit(0)
