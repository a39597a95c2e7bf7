#!/usr/bin/env python3
"""A Tidemark driver for Tidemark's own store in standard Python; the store speaks MessagePack in frames with a CRC-32C."""
import functools, json, os, socket, struct
from tidemark_driver import Mismatch, Refused, serve

READS, WRITES = ["leader", "", "", "follower", "", "follower+token"], ["leader-ack", "quorum-ack", "all-ack"]
ROLES, FORMS = ["leader", "follower", "candidate", "learner"], {0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q"}
HELLO = {
    "name": "reference", "about": "Tidemark's own store, from Python", "sight": True,
    "methods": ["read", "write", "cas"], "readPaths": ["leader", "follower", "follower+token"], "writePaths": WRITES[1:],
    "state": "follower", "tokenPaths": ["follower+token"], "settings": ["cluster"],
    "promises": [{"read": "leader", "guarantees": ["linearizable"]}, {"guarantees": ["durable", "convergent"]},
                 {"read": "follower+token", "guarantees": ["read-your-writes", "monotonic-reads"]}],
}  # fmt: skip
TABLE = list(range(256))
for _ in range(8):
    TABLE = [n >> 1 ^ 0x82F63B78 * (n & 1) for n in TABLE]


def crc(data):
    return functools.reduce(lambda found, byte: TABLE[(found ^ byte) & 255] ^ found >> 8, data, 0xFFFFFFFF) ^ 0xFFFFFFFF


def pack(value):
    if value is None or value is False:
        return b"\xc0" if value is None else b"\xc2"
    if isinstance(value, int):
        return bytes([value]) if value < 128 else struct.pack(">BI", 0xCE, value)
    if isinstance(value, list):
        return bytes([0x90 + len(value)]) + b"".join(map(pack, value))
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(">BI", 0xC6 if data is value else 0xDB, len(data)) + data


def unpack(data, at):
    """The value that begins there, and where the next one does. Of an array only its length."""
    kind, at = data[at], at + 1
    if kind in FORMS:
        return struct.unpack_from(FORMS[kind], data, at)[0], at + struct.calcsize(FORMS[kind])
    if kind == 0xD9 or 0xA0 <= kind < 0xC0:
        at, length = (at + 1, data[at]) if kind == 0xD9 else (at, kind & 31)
        return data[at : at + length].decode(), at + length
    return None if kind == 0xC0 else kind & 15 if 0x90 <= kind < 0xA0 else kind, at


class Client:
    def __init__(self, open):
        self.open, self.lines, self.token, names = open, {}, open.get("token", [0, 0]), list(open["nodes"])
        self.at = open.get("node") or names[(sum(map(ord, open["session"])) + open["attempt"]) % len(names)]
        self.ask(open["timeoutMs"] / 1000, 1, 0, 3, ["open"], 0, *[None] * 4)

    def ask(self, seconds, *values):
        if self.at not in self.lines:
            host, port = self.open["nodes"][self.at].rsplit(":", 1)
            self.lines[self.at] = socket.create_connection((host, int(port)), seconds)
            cluster, nonce = self.open["settings"].get("cluster", ""), os.urandom(32)
            hello = self.ask(seconds, 0, "tidemark", 2, False, cluster, "python", self.at, 0, None, nonce)
            if hello[0] != 3:
                raise OSError(f"{self.at} does not let us in: {hello[1]}")
        line, payload, said, at = self.lines.pop(self.at), b"".join(map(pack, values)), [], 0  # kept only if all goes well
        line.settimeout(seconds)
        line.sendall(struct.pack(">II", len(payload), crc(payload)) + payload)
        data = line.recv(int.from_bytes(line.recv(8, socket.MSG_WAITALL)[:4], "big"), socket.MSG_WAITALL)
        if not data:
            raise OSError("the connection was closed before the answer")
        self.lines[self.at] = line
        while at < len(data):
            value, at = unpack(data, at)
            said.append(value)
        return said

    def invoke(self, f, key, value, seconds, path=None):
        path = path or self.open["readPath"]
        texts = [None if one is None else json.dumps(one) for one in (value if f == "cas" else [value])]
        body = [2 if f == "cas" else 1, key, *texts, WRITES.index(self.open["writePath"]), None, None]
        if f == "read":
            token = self.token if path == "follower+token" else [None]
            body = [0, READS.index(path), [key], int(seconds * 900), *token, None, None, None]
        for _ in range(3):  # a node that does not lead has done nothing, and says who does
            _, kind, *said = self.ask(seconds, 1, *body)
            if kind != 4 or said[0] != 0 or said[1] is None or "node" in self.open:
                break
            self.at = said[1]
        if kind >= 4:
            raise Refused(f"refusal {said[0]}") if kind == 4 else OSError(f"unknown to the store: {said[0]}")
        # 0, read: how many, the value, its version or nothing, the position, the role. 1, written: version, role. 2, mismatch: value, version, role.
        held = json.loads(said[1 - kind // 2] or "null") if kind != 1 else None
        if kind == 2:
            raise Mismatch(held)
        at = 0 if kind == 1 else 3 if said[2] is None else 4
        self.token = max(self.token, said[at : at + 2])
        return {"value": held, "node": self.at, "role": ROLES[said[at + 2]], "position": ["g0", *said[at : at + 2]], "token": self.token}

    def sight(self, node, seconds):
        seen = self.invoke("read", "sight", None, seconds, path="follower")
        return {"role": seen["role"], "term": seen["position"][1], "applied": seen["position"]}


serve(HELLO, Client)
