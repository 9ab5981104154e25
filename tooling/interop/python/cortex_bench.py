"""The reference's tasks model under the clock: one measurement's name in, its microseconds out."""

import sys
from statistics import median
from time import perf_counter_ns

from net import Redex, TasksAdapter

ROWS = int(sys.argv[1])
# More at once can stop the reference's fold for good.
BURST = 500


def fresh():
    return TasksAdapter.open(Redex(), 7)


def timed(call, count=1):
    start = perf_counter_ns()
    call()
    return (perf_counter_ns() - start) / 1000 / count


def create():
    tasks = fresh()
    samples = []
    for burst in range(10):
        ids = range(burst * BURST, (burst + 1) * BURST)
        last = []

        def run():
            for i in ids:
                last[:] = [tasks.create(i, "task number", i)]

        samples.append(timed(run, BURST))
        tasks.wait_for_seq(last[0])
    return median(samples)


def create_and_wait():
    tasks = fresh()
    samples = []
    for i in range(2000):
        samples.append(timed(lambda: tasks.wait_for_seq(tasks.create(i, "task number", i))))
    return median(samples)


full = fresh()
for i in range(ROWS):
    seq = full.create(i, f"task number {i}", (i * 7919) % ROWS)
    if i % BURST == 0:
        full.wait_for_seq(seq)
for i in range(0, ROWS, 3):
    seq = full.complete(i, ROWS + i)
    if i % BURST == 0:
        full.wait_for_seq(seq)
full.wait_for_seq(seq)

QUERIES = {
    "list": {},
    "completed": {"status": "completed"},
    "contains": {"title_contains": "NUMBER 77"},
    "top10": {"order_by": "created_desc", "limit": 10},
}

for line in sys.stdin:
    name = line.strip()
    if name == "create":
        value = create()
    elif name == "create-and-wait":
        value = create_and_wait()
    elif name == "snapshot":
        value = median(timed(full.snapshot) for _ in range(15))
    else:
        value = median(timed(lambda: full.list_tasks(**QUERIES[name])) for _ in range(15))
    print(value, flush=True)
