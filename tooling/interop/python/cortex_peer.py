"""NetDb of the reference: one JSON plan on standard input, one JSON report on standard output.

Integers of 64 bits travel as {"u64": "…"}, since JSON readers may round them.
"""

import json
import sys

from net import NetDb

MODELS = ("tasks", "memories")
FIELDS = {
    "tasks": ("id", "title", "status", "created_ns", "updated_ns"),
    "memories": ("id", "content", "tags", "source", "created_ns", "updated_ns", "pinned"),
}


def wrap(value):
    if isinstance(value, int) and not isinstance(value, bool):
        return {"u64": str(value)}
    if isinstance(value, (list, tuple)):
        return [wrap(item) for item in value]
    if isinstance(value, dict):
        return {name: wrap(item) for name, item in value.items()}
    return value


def row(model, record):
    return {name: getattr(record, name) for name in FIELDS[model]}


def search(db, model, query):
    adapter = getattr(db, model)
    found = adapter.list_tasks(**query) if model == "tasks" else adapter.list_memories(**query)
    return [row(model, record) for record in found]


plan = json.loads(sys.stdin.readline(), object_hook=lambda o: int(o["u64"]) if set(o) == {"u64"} else o)
options = {"origin_hash": plan["origin"], "with_tasks": True, "with_memories": True}
if plan.get("directory"):
    options |= {"persistent_dir": plan["directory"], "persistent": True}
if plan.get("bundle"):
    db = NetDb.open_from_snapshot(bytes.fromhex(plan["bundle"]), **options)
else:
    db = NetDb.open(**options)

report = {"seqs": {}, "found": {}}
for model in MODELS:
    adapter = getattr(db, model)
    seqs = [getattr(adapter, op)(*args) for op, *args in plan.get(model, [])]
    if seqs:
        adapter.wait_for_seq(seqs[-1])
    report["seqs"][model] = seqs
    report["found"][model] = [search(db, model, query) for query in plan["queries"][model]]
report["bundle"] = db.snapshot().hex()
db.close()
print(json.dumps(wrap(report)))
