"""A stranger's client of a cell: it knows the founding rules and nothing else.

usage: cell_client.py SOCKET OPERATOR_CONTEXT OPERATOR_KEY.pem DATABASE MANIFEST_DIR
Needs the standard library and `cryptography`. Prints one JSON object; exits 1 at the first broken rule.
"""
import base64, hashlib, json, os, pathlib, re, socket, sqlite3, struct, sys
from cryptography.hazmat.primitives.serialization import load_pem_private_key

VERBS = ["franklin_authority_show", "compose_qc020_measurement", "replay_session", "evaluate_algorithm",
         "evaluate_all_algorithms", "advance_production_submission_path"]
HEX64 = re.compile(r"[0-9a-f]{64}\Z")


def sha256(data):
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()


def check(holds, what):
    if not holds:
        sys.exit(f"broken rule: {what}")


class Franklin:
    def __init__(self, path, context, key):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        challenge = self.receive()
        check(challenge["op"] == "challenge", "the server speaks first, with a challenge")
        nonce = base64.b64decode(challenge["challenge"], validate=True)
        check(len(nonce) == 32, "a challenge is 32 bytes")
        self.send({"op": "handshake", "operator_context": context,
                   "signature": base64.b64encode(key.sign(nonce)).decode()})
        check(self.receive() == {"accepted": True}, "the handshake is accepted")

    def send(self, value):
        body = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        self.socket.sendall(struct.pack(">I", len(body)) + body)

    def receive(self):
        return json.loads(self.exactly(struct.unpack(">I", self.exactly(4))[0]))

    def exactly(self, count):
        data = b""
        while len(data) < count:
            data += self.socket.recv(count - len(data)) or sys.exit("broken rule: closed in the middle of a frame")
        return data

    def call(self, method, args):
        self.send({"method": method, "args": args, "request_id": (request_id := os.urandom(8).hex())})
        response = self.receive()
        check(response["request_id"] == request_id, "a response names its request")
        check(response["witness_hash"] == sha256(response["canonical_witness"]), "witness rule of a response")
        check(len(response["signature_quintet"]) == 5, "a quintet has five entries")
        return response["outcome"]


def verify_rows(database):
    counts = {}
    db = sqlite3.connect(pathlib.Path(database).absolute().as_uri() + "?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        columns = {row["name"] for row in db.execute(f'PRAGMA table_info("{table}")')}
        if not {"canonical_witness", "witness_hash_sha256", "signature_quintet", "nats_subject_sealed"} <= columns:
            continue
        for row in db.execute(f'SELECT * FROM "{table}"'):
            check(row["witness_hash_sha256"] == sha256(row["canonical_witness"]), f"witness rule in {table}")
            check([bool(HEX64.match(e)) for e in json.loads(row["signature_quintet"])] == [True] * 5, f"quintet in {table}")
            counts[table] = counts.get(table, 0) + 1
    return counts


def verify_manifest(module):
    manifest = json.loads((module / "manifest.json").read_bytes())
    check(manifest["manifest_version"] == "1.0", "manifest version")
    check(manifest["witness_hash_sha256"] == sha256(manifest["canonical_witness"]), "witness rule of a manifest")
    check(len(manifest["signature_quintet"]) == 5, "quintet of a manifest")
    prefix = module.name.replace(".", "/") + "/"
    for artifact in manifest["artifacts"]:
        data = (module / "artifacts" / artifact["path"].removeprefix(prefix)).read_bytes()
        check(len(data) == artifact["bytes"] and sha256(data) == artifact["sha256"], f"artifact {artifact['path']}")
    return len(manifest["artifacts"])


def main(path, context, key_file, database, module):
    franklin = Franklin(path, context, load_pem_private_key(pathlib.Path(key_file).read_bytes(), None))
    outcomes, session = {}, {}
    for verb in VERBS:
        args = {"franklin_authority_show": {}, "compose_qc020_measurement": {"nonces_per_extranonce": 4096},
                "evaluate_algorithm": {"algorithm": "leading_zero_geometric", **session},
                "advance_production_submission_path": {"submission_id": os.urandom(4).hex()}}.get(verb, session)
        outcomes[verb] = franklin.call(verb, args)
        check(outcomes[verb]["status"] == "ok", f"{verb} answers ok, not {outcomes[verb]}")
        session = session or {k: v for k, v in outcomes[verb].items() if k == "session_id"}
    check(franklin.call("no_such_verb", {})["status"] == "refused", "an unknown verb is refused")
    print(json.dumps({"outcomes": {verb: outcome["status"] for verb, outcome in outcomes.items()},
                      "rows": verify_rows(database), "artifacts": verify_manifest(pathlib.Path(module))}))

if __name__ == "__main__":
    main(*sys.argv[1:6])
