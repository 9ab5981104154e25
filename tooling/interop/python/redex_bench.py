"""The wheel's side of the log's benchmark: one JSON command a line, microseconds an operation."""

import json
import sys
import threading
import time

from net import Redex

directory = sys.argv[1]
memory = Redex()
disk = Redex(persistent_dir=directory)
count = 0


def fresh(persistent=False):
    global count
    count += 1
    return (disk if persistent else memory).open_file(f"log-{count}", persistent=persistent)


def append(n, size, persistent=False):
    log = fresh(persistent)
    payload = b"x" * size
    start = time.perf_counter()
    for _ in range(n):
        log.append(payload)
    return start


def append_batch(n):
    log = fresh()
    batch = [b"x" * 32] * 64
    start = time.perf_counter()
    for _ in range(n):
        log.append_batch(batch)
    return start


def append_sync(n):
    log = fresh(True)
    payload = b"x" * 32
    start = time.perf_counter()
    for _ in range(n):
        log.append(payload)
        log.sync()
    return start


def append_then_tail(n):
    log = fresh()
    payload = b"x" * 32
    tail = log.tail(0)
    start = time.perf_counter()
    for _ in range(n):
        log.append(payload)
        next(tail)
    return start


def parked_tail(n):
    """From the append until a thread that waits in the tail has the event."""
    log = fresh()
    tail = log.tail(0)
    total = 0.0
    arrived = threading.Event()
    at = [0.0]

    def read():
        for _ in range(n):
            next(tail)
            at[0] = time.perf_counter()
            arrived.set()

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(n):
        time.sleep(0.0005)
        arrived.clear()
        start = time.perf_counter()
        log.append(b"x" * 32)
        arrived.wait()
        total += at[0] - start
    reader.join()
    return time.perf_counter() - total


work = {
    "append32": lambda n: append(n, 32),
    "append1k": lambda n: append(n, 1024),
    "batch": append_batch,
    "persistent": lambda n: append(n, 32, True),
    "sync": append_sync,
    "tail": append_then_tail,
    "parked": parked_tail,
}
for line in sys.stdin:
    name, n = json.loads(line)
    if name == "open":
        start = time.perf_counter()
        log = Redex(persistent_dir=n).open_file("log", persistent=True)
        print(json.dumps((time.perf_counter() - start) * 1e6), flush=True)
        del log
        continue
    start = work[name](n)
    print(json.dumps((time.perf_counter() - start) * 1e6 / n), flush=True)
