#!/usr/bin/env python3
"""A Tidemark driver for Redis in standard Python. n1 is taken for the master when nobody says who is (ROLE does)."""
import json, os, socket
from tidemark_driver import Mismatch, Refused, serve

CAS = "local v = redis.call('GET', KEYS[1]) or 'null' if v == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) return 1 end return v"


class Node:
    def __init__(self, address, seconds):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), seconds)
        self.lines = self.socket.makefile("rb")
        if os.environ.get("REDIS_PASSWORD"):
            self.ask("AUTH", os.environ["REDIS_PASSWORD"])

    def ask(self, *words):
        parts = [str(word).encode() for word in words]
        body = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self.socket.sendall(b"*%d\r\n%s" % (len(parts), body))
        return self.answer()

    def answer(self):
        line = self.lines.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection was closed before the answer")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Refused(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.lines.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        return rest.decode()


class Client:
    def __init__(self, request):
        self.request, self.nodes, self.lines = request, request["nodes"], {}
        only = [request["node"]] if "node" in request else list(self.nodes)
        roles = {name: self.line(name).ask("ROLE")[0] for name in only}
        self.master = next((name for name in only if roles[name] == "master"), None)
        others = [name for name in only if name != self.master]
        index = sum(map(ord, request["session"])) if others else 0
        self.reader = others[index % len(others)] if others and request["readPath"] == "replica" else self.master or only[0]

    def line(self, name):
        if name not in self.lines:
            self.lines[name] = Node(self.nodes[name], self.request["timeoutMs"] / 1000)
        return self.lines[name]

    def invoke(self, f, key, value, seconds):
        name = self.request.get("node") or (self.reader if f == "read" else self.master)
        if name is None:
            raise Refused("no master")
        line = self.line(name)
        line.socket.settimeout(seconds)
        if f == "read":
            return {"value": json.loads(line.ask("GET", key) or "null"), "node": name}
        if f == "write":
            line.ask("SET", key, json.dumps(value))
        else:
            found = line.ask("EVAL", CAS, 1, key, *map(json.dumps, value))
            if found != 1:
                raise Mismatch(json.loads(found))
        if self.request["writePath"] == "wait-1":
            try:
                acknowledged = line.ask("WAIT", 1, int(seconds * 900))
            except Refused as error:
                raise OSError(f"written, but {error}")
            if acknowledged < 1:
                raise TimeoutError("written, but no replica has acknowledged it")
        return {"node": name}


HELLO = {
    "name": "redis", "about": "Redis, a master and its replicas",
    "methods": ["read", "write", "cas"],
    "readPaths": [{"name": "master", "asks": "leader"}, {"name": "replica", "asks": "follower"}],
    "writePaths": ["async", "wait-1"],
    "promises": [{"read": "master", "guarantees": ["linearizable", "read-your-writes", "monotonic-reads"]}],
}


serve(HELLO, Client)
