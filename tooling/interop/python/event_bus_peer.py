"""The reference event bus, driven line by line: one JSON request in, one JSON answer out."""

import json
import sys

from net import Net, RedisStreamDedup

buses = {}
dedups = {}


def event(e):
    return [e.id, e.raw, str(e.insertion_ts), e.shard_id]


def answer(request):
    op = request["op"]
    name = request.get("bus", "")
    if op == "open":
        buses[name] = Net(**request["options"])
        return None
    if op == "ingest":
        return [buses[name].ingest_raw(text).shard_id for text in request["events"]]
    if op == "ingest_dicts":
        return [buses[name].ingest(value).shard_id for value in request["events"]]
    if op == "ingest_batch":
        return buses[name].ingest_raw_batch(request["events"])
    if op == "poll":
        found = buses[name].poll(**request["request"])
        return {
            "events": [event(e) for e in found.events],
            "next_id": found.next_id,
            "has_more": found.has_more,
        }
    if op == "polls":
        return [try_poll(name, one) for one in request["requests"]]
    if op == "drain":
        return drain(buses[name], request["limit"])
    if op == "stats":
        stats = buses[name].stats()
        return [stats.events_ingested, stats.events_dropped]
    if op == "shutdown":
        buses.pop(name).shutdown()
        return None
    if op == "dedup":
        window = RedisStreamDedup(request["capacity"])
        return [window.is_duplicate(i) for i in request["ids"]]
    raise ValueError(op)


def try_poll(name, one):
    try:
        found = buses[name].poll(**one)
        return {
            "events": [event(e) for e in found.events],
            "next_id": found.next_id,
            "has_more": found.has_more,
        }
    except Exception as error:
        return {"error": str(error)}


def drain(bus, limit):
    events, cursor = [], None
    while True:
        found = bus.poll(limit=limit, cursor=cursor)
        events += [event(e) for e in found.events]
        cursor = found.next_id
        if not found.has_more:
            return {"events": events, "next_id": cursor}


for line in sys.stdin:
    try:
        reply = {"ok": answer(json.loads(line))}
    except Exception as error:
        reply = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(reply), flush=True)
