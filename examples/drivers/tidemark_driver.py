"""The part of a Tidemark driver that is the same for every store: lines in, lines out. Standard Python, nothing to install."""
import json, sys


class Refused(Exception):
    """Raise it where the store vouches that nothing was done, and nothing will be."""


class Mismatch(Exception):
    """Raise it, with what is there, where a cas found something else."""


def serve(hello, connect):
    """`connect(request)` returns a client with invoke(f, key, value, seconds) and, if the hello says so, sight(node, seconds).

    Both return the fields of an ok answer. What they raise besides Refused and Mismatch is info: nobody knows.
    """
    client = None
    for line in sys.stdin:
        request = json.loads(line)
        kind, seconds = request["type"], request.get("timeoutMs", 0) / 1000
        if kind == "close":
            break
        try:
            if kind == "hello":
                answer = {"type": "hello", "protocol": 1, **hello}
            elif kind == "open":
                client, answer = connect(request), {"type": "ok"}
            elif kind == "sight":
                answer = {"type": "ok", **client.sight(request["node"], seconds)}
            else:
                answer = {"type": "ok", **client.invoke(request["f"], request.get("key"), request.get("value"), seconds)}
        except Refused as error:
            answer = {"type": "fail", "error": str(error)}
        except Mismatch as error:
            answer = {"type": "fail", "error": "mismatch", "actual": error.args[0]}
        except Exception as error:  # until a client is open, nothing has been asked of the store
            answer = {"type": "fail" if kind == "open" else "info", "error": f"{type(error).__name__}: {error}"}
        print(json.dumps({**answer, "id": request["id"]}), flush=True)
