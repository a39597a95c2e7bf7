#!/usr/bin/env python3
"""A Tidemark driver for Redis in standard Python. ROLE says who is the master; it is asked once, before it is needed."""
import json, os, random, socket, time
from tidemark_driver import Mismatch, Refused, serve

CAS = "local v = redis.call('GET', KEYS[1]) or 'null' if v == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) return 1 end return v"


class Node:
    def __init__(self, address, seconds):
        host, port = address.rsplit(":", 1)
        self.until, self.unread = time.monotonic() + seconds, b""
        self.socket = socket.create_connection((host, int(port)), max(seconds, 0.001))
        if os.environ.get("REDIS_PASSWORD"):
            self.ask("AUTH", os.environ["REDIS_PASSWORD"])

    def timed(self):
        """The socket, for what is left until the deadline: one for all parts of an answer."""
        self.socket.settimeout(max(self.until - time.monotonic(), 0.001))
        return self.socket

    def ask(self, *words):
        parts = [b"$%d\r\n%s\r\n" % (len(word), word) for word in (str(word).encode() for word in words)]
        self.timed().sendall(b"*%d\r\n%s" % (len(parts), b"".join(parts)))
        return self.answer()

    def take(self):  # what stands before the next line end; a value is JSON, which has none
        while b"\r\n" not in self.unread:
            more = self.timed().recv(65536)
            if not more:
                raise ConnectionError("the connection was closed before the answer")
            self.unread += more
        taken, _, self.unread = self.unread.partition(b"\r\n")
        return taken.decode()

    def answer(self):
        line = self.take()
        kind, rest = line[0], line[1:]
        if kind == "-":
            raise Refused(rest)
        if kind == "$":
            return None if rest == "-1" else self.take()
        if kind == "*":
            return [self.answer() for _ in range(int(rest))]
        return int(rest) if kind == ":" else rest


class Client:
    def __init__(self, request):
        self.request, self.nodes, self.lines, self.known = request, request["nodes"], {}, {}
        if "node" in request:  # it is asked for everything, whatever its role is
            self.line(request["node"], request["timeoutMs"] / 1000)

    def line(self, name, seconds):
        line = self.lines.get(name) or Node(self.nodes[name], seconds)
        self.lines[name], line.until = line, time.monotonic() + seconds
        return line

    def find(self, role, until, why="nobody says that it is"):
        """Who has this role. A node that is dead or hangs has its share of the time, and does not keep us from the others."""
        for i, name in enumerate(random.sample(list(self.nodes), len(self.nodes))):
            try:
                if self.line(name, (until - time.monotonic()) / (len(self.nodes) - i)).ask("ROLE")[0] == role:
                    return self.known.setdefault(role, name)
            except OSError as error:
                self.lines.pop(name, None)  # its answer may still come
                why = f"{name}: {error}"
        raise Refused(f"no {role}: {why}")  # nothing was asked of anybody yet

    def invoke(self, f, key, value, seconds):
        until = time.monotonic() + seconds
        role = "slave" if f == "read" and self.request["readPath"] == "replica" and len(self.nodes) > 1 else "master"
        name = self.request.get("node") or self.known.get(role) or self.find(role, until)
        who = {"node": name} if "node" in self.request else {"node": name, "role": {"master": "leader", "slave": "follower"}[role]}
        line = self.line(name, until - time.monotonic())
        if f == "read":
            return {"value": json.loads(line.ask("GET", key) or "null"), **who}
        if f == "write":
            line.ask("SET", key, json.dumps(value))
        elif (found := line.ask("EVAL", CAS, 1, key, *map(json.dumps, value))) != 1:
            raise Mismatch(json.loads(found))
        if self.request["writePath"] == "wait-1":
            try:
                if line.ask("WAIT", 1, max(1, int((until - time.monotonic()) * 900))) < 1:
                    raise TimeoutError("written, but no replica has acknowledged it")
            except Refused as error:
                raise OSError(f"written, but {error}")
        return who


HELLO = {
    "name": "redis", "about": "Redis, a master and its replicas",
    "methods": ["read", "write", "cas"], "writePaths": ["async", "wait-1"],
    "readPaths": [{"name": "master", "asks": "leader"}, {"name": "replica", "asks": "follower"}],
    "promises": [{"read": "master", "guarantees": ["linearizable", "read-your-writes", "monotonic-reads"]}],
}


serve(HELLO, Client)
