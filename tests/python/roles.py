#!/usr/bin/env python3
"""Nobody acts beyond their role: curl on every method and route of a server with tokens, printed as a table.

    python3 tests/python/roles.py target/release/doorbuster

Each cell is the HTTP status of an answer: to nobody, and to a token of each role. Methods are those of the server's own
OpenAPI document, with the roles that it states. A cell that is not as stated, or a name of a buyer that an analyst is
shown, ends this with 1.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

from server import Server

ROLES = ["shop", "buyer_gateway", "operator", "analyst", "auditor", "admin"]
STAFF = {"operator", "auditor", "admin"}
REPORTS = STAFF | {"analyst"}
BUYS = {"shop", "buyer_gateway", "admin"}
NAME = "alice-of-hangzhou"

# Routes of the other ports: who may ask; None is everybody.
ROUTES = [
    ("web", "GET", "/healthz", None),
    ("web", "GET", "/readyz", None),
    ("web", "GET", "/metrics", REPORTS),
    ("web", "POST", "/traffic", BUYS),
    ("board", "GET", "/", STAFF),
    ("board", "GET", "/log", STAFF),
    ("board", "GET", "/whoami", STAFF),
    ("board", "POST", "/level", {"operator", "admin"}),
    ("http", "GET", "/openapi.json", set(ROLES)),
    ("http", "POST", "/doorbuster.v1.SaleService/Nothing", set(ROLES)),
]


def curl(url, token=None, method="POST", body="{}", kind="application/json"):
    """The status and the text of an answer. A stream that goes on is left after its beginning."""
    command = ["curl", "--silent", "--noproxy", "*", "--max-time", "2", "--request", method]
    command += ["--write-out", "\n%{http_code}", url]
    command += ["--header", f"content-type: {kind}", "--data-binary", body] if method == "POST" else []
    # Not on the command line, where other users of the machine read it.
    header = f"authorization: Bearer {token}\n" if token else ""
    done = subprocess.run([*command, "--header", "@-"], input=header.encode(), capture_output=True)
    text, _, status = done.stdout.decode(errors="replace").rpartition("\n")
    return int(status), text


def run(binary, *words, token=None):
    """What a verb answers."""
    words = [str(binary), *words, "--json"] + (["--token-file", str(token)] if token else [])
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


class Tokens:
    """A token of each role, made by the program."""

    def __init__(self, binary, home):
        self.binary, self.data, self.home = binary, home / "data", home
        self.text, self.id = {}, {}
        for role in ROLES:
            self.make(role)

    def make(self, role):
        made = run(self.binary, "token", "new", "--role", role, "--name", f"{role}-1", "--data", self.data)
        self.text[role], self.id[role] = made["token"], made["id"]
        file = self.home / role
        file.touch(mode=0o600)
        file.write_text(made["token"] + "\n")

    def file(self, role):
        return self.home / role


class Table:
    """Cells, and which of them are wrong."""

    def __init__(self):
        self.wrong = []
        self.row("", ["nobody", *ROLES])

    def row(self, name, cells):
        print(f"{name:<40}" + "".join(f"{cell:>14}" for cell in cells))

    def ask(self, name, tokens, allowed, **call):
        cells = []
        for role in [None, *ROLES]:
            status, _ = curl(token=tokens.text.get(role), **call)
            may = allowed is None or role in allowed
            right = status not in (0, 401, 403) if may else status == (403 if role else 401)
            cells.append(str(status) if right else f"{status} WRONG")
            if not right:
                self.wrong.append(f"{name} as {role or 'nobody'}: {status}")
        self.row(name, cells)


def methods(http, tokens):
    """Path, whether it answers with a stream, and roles of each method, as the server describes it."""
    status, text = curl(f"{http}/openapi.json", tokens.text["auditor"], method="GET")
    assert status == 200, text
    for path, kinds in json.loads(text)["paths"].items():
        post = kinds["post"]
        kind = next(iter(post["requestBody"]["content"]))
        yield path, kind, set(post["x-roles"])


def names(server, tokens):
    """What an analyst is shown instead of a name."""
    grpc, sale_file = f"http://{server.address}", pathlib.Path(__file__).parents[2] / "examples/sale.toml"
    sale = run(tokens.binary, "sale", "create", "-f", sale_file, "--server", grpc, token=tokens.file("operator"))["sale"]
    item = sale["items"][0]["item_id"]
    order = ["order", "place", "--item", item, "--buyer", NAME, "--units", "1", "--server", grpc]
    run(tokens.binary, *order, token=tokens.file("shop"))
    shown = {}
    for role in ("analyst", "auditor"):
        listed = run(tokens.binary, "order", "list", "--server", grpc, token=tokens.file(role))
        shown[role] = json.dumps(listed)
        print(f"{role} sees the buyer {listed['orders'][0]['buyer']}")
    assert NAME in shown["auditor"] and NAME not in shown["analyst"], shown
    asked = subprocess.run(
        [tokens.binary, "order", "list", "--buyer", NAME, "--server", grpc, "--token-file", tokens.file("analyst")],
        capture_output=True, text=True)
    assert asked.returncode != 0 and "FILTER_FORBIDDEN" in asked.stderr, asked


def ends(server, tokens):
    """A revocation ends a stream that is open."""
    grpc = f"http://{server.address}"
    words = [tokens.binary, "order", "follow", "--json", "--after", "0", "--server", grpc, "--token-file", tokens.file("shop")]
    follower = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # The order that was placed is told: the stream is open.
    assert follower.stdout.readline(), follower.stderr.read()
    run(tokens.binary, "token", "revoke", tokens.id["shop"], "--data", tokens.data)
    since = time.monotonic()
    said = follower.communicate(timeout=30)[1]
    took = time.monotonic() - since
    assert "TOKEN_REVOKED" in said, said
    assert took < 5, f"the stream ended only after {took:.1f} s"
    print(f"a revocation ended an open stream after {took:.1f} s")


def main():
    binary = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as home:
        tokens = Tokens(binary, pathlib.Path(home))
        server = Server(binary, tokens.data)
        server.start()
        try:
            ports = {name: f"http://{getattr(server, name)}" for name in ("http", "web", "board")}
            names(server, tokens)
            table = Table()
            for path, kind, roles in methods(ports["http"], tokens):
                name = path.removeprefix("/doorbuster.v1.")
                table.ask(name, tokens, roles, url=ports["http"] + path, kind=kind)
            for port, method, path, allowed in ROUTES:
                table.ask(f"{port} {method} {path}"[:40], tokens, allowed, url=ports[port] + path, method=method)
            leaked = curl(f"{ports['web']}/metrics?access_token={tokens.text['auditor']}", method="GET")
            assert leaked[0] == 401 and "TOKEN_IN_URL" in leaked[1], leaked
            ends(server, tokens)
        finally:
            server.end()
    if table.wrong:
        sys.exit("\n".join(table.wrong))
    print("nobody acts beyond their role")


if __name__ == "__main__":
    main()
