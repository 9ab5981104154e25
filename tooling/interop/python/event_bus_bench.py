"""Measures the reference event bus, one JSON request a line; answers with seconds or bytes."""

import json
import os
import sys
import time

from net import Net

TEXTS = ['{"token": "hello", "index": %7d}' % (1_000_000 + i) for i in range(100_000)]


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ingest_raw(shards, rounds):
    with Net(num_shards=shards) as bus:

        def work():
            for _ in range(rounds):
                for text in TEXTS:
                    bus.ingest_raw(text)

        return seconds(work)


def ingest_batch(shards, rounds):
    batches = [TEXTS[i : i + 1000] for i in range(0, len(TEXTS), 1000)]
    with Net(num_shards=shards) as bus:

        def work():
            for _ in range(rounds):
                for batch in batches:
                    bus.ingest_raw_batch(batch)

        return seconds(work)


def ingest_dict(shards, rounds):
    values = [{"token": "hello", "index": 1_000_000 + i} for i in range(len(TEXTS))]
    with Net(num_shards=shards) as bus:

        def work():
            for _ in range(rounds):
                for value in values:
                    bus.ingest(value)

        return seconds(work)


def poll(shards, limit, url, prefix):
    with Net(num_shards=shards, redis_url=url, redis_prefix=prefix) as bus:
        count = 0

        def work():
            nonlocal count
            cursor = None
            while True:
                found = bus.poll(limit=limit, cursor=cursor)
                for event in found.events:
                    event.raw
                count += len(found.events)
                cursor = found.next_id
                if not found.has_more:
                    return

        return [seconds(work), count]


def store(shards, url, prefix):
    bus = Net(num_shards=shards, redis_url=url, redis_prefix=prefix)

    def work():
        for i in range(0, len(TEXTS), 1000):
            bus.ingest_raw_batch(TEXTS[i : i + 1000])
        bus.shutdown()

    return seconds(work)


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


opened = {}


def open_queue(url):
    """Connects while the server still answers; `queue` then fills the ring in front of it."""
    opened["bus"] = Net(num_shards=1, redis_url=url, redis_prefix="queue")


def queue(count):
    bus = opened["bus"]
    for i in range(20_000):
        bus.ingest_raw('{"token": "hello", "index": %7d}' % (1_000_000 + i))
    before = resident()
    for i in range(count):
        bus.ingest_raw('{"token": "hello", "index": %7d}' % (1_000_000 + i))
    return resident() - before


TASKS = {
    "ingest_raw": ingest_raw,
    "ingest_batch": ingest_batch,
    "ingest_dict": ingest_dict,
    "poll": poll,
    "store": store,
    "open_queue": open_queue,
    "queue": queue,
}

for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps(TASKS[request["task"]](*request["args"])), flush=True)
