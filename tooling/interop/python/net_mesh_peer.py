"""A node of the reference, driven by one JSON command a line on standard input; one JSON answer a line.

Arguments: bind address, pre-shared key (hex), options of NetMesh as JSON. Integers of 64 bits travel as
{"u64": "…"}, bytes as {"hex": "…"}. Commands that block run in threads of their own and are collected
with `join`.
"""

import json
import sys
import threading

import net


def decode(value):
    if isinstance(value, dict):
        if set(value) == {"u64"}:
            return int(value["u64"])
        if set(value) == {"hex"}:
            return bytes.fromhex(value["hex"])
        return {name: decode(item) for name, item in value.items()}
    if isinstance(value, list):
        return [decode(item) for item in value]
    return value


def encode(value):
    if isinstance(value, bool) or value is None or isinstance(value, (str, float)):
        return value
    if isinstance(value, int):
        return {"u64": str(value)}
    if isinstance(value, (bytes, bytearray)):
        return {"hex": bytes(value).hex()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {name: encode(item) for name, item in value.items()}
    return encode({name: getattr(value, name) for name in dir(value) if not name.startswith("_")})


node = net.NetMesh(sys.argv[1], sys.argv[2], **decode(json.loads(sys.argv[3])))
streams = {}
threads = {}


def events(limit):
    return [{"id": event.id, "raw": event.raw} for event in node.poll(limit)]


def send(peer, stream, payloads, **options):
    key = (peer, stream)
    if key not in streams:
        streams[key] = node.open_stream(peer, stream, **options)
    node.send_on_stream(streams[key], payloads)


def send_many(peer, stream, count, size):
    handle = node.open_stream(peer, stream)
    for start in range(0, count, 64):
        batch = [str(index).encode().ljust(size) for index in range(start, min(start + 64, count))]
        node.send_blocking(handle, batch)


def run(operation, args, options):
    local = {"events": events, "send": send, "send_many": send_many}.get(operation)
    return (local or getattr(node, operation))(*args, **options)


def answer(request):
    try:
        return {"ok": encode(run(request["op"], decode(request["args"]), decode(request.get("options", {}))))}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def say(message):
    print(json.dumps(message), flush=True)


def background(request):
    threads[request["as"]][1] = answer(request)


say({"node_id": str(node.node_id), "public_key": node.public_key, "entity_id": node.entity_id.hex()})
for line in sys.stdin:
    request = json.loads(line)
    if "as" in request:
        thread = threading.Thread(target=background, args=(request,), daemon=True)
        threads[request["as"]] = [thread, None]
        thread.start()
        say({"ok": None})
    elif request["op"] == "join":
        thread, _ = threads[request["args"][0]]
        thread.join()
        say(threads.pop(request["args"][0])[1])
    else:
        say(answer(request))
node.shutdown()
