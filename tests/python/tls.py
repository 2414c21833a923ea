"""TLS as a user has it: certificates of openssl, a served sale, curl, the command line and a browser's view.

    python3 tests/python/tls.py target/release/doorbuster

It needs openssl and curl, and no package. Everything is written into a directory of its own.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
WITHIN = 30


def run(*command, code=0, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, **options)
    if done.returncode != code:
        raise SystemExit(f"{command} ended with {done.returncode}, not {code}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def say(what):
    print(f"ok {what}")


class Place:
    """An authority, and what it signs, in a directory."""

    KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")

    def __init__(self, directory):
        self.directory = directory
        os.umask(0o077)
        self.authority("ca")

    def openssl(self, *arguments):
        run("openssl", *arguments, cwd=self.directory)

    def authority(self, name):
        self.openssl("req", "-x509", *self.KEY, "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
                     "-out", f"{name}.crt")

    def signed(self, name, by="ca", days="2"):
        (self.directory / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self.openssl("req", *self.KEY, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.crt", "-CAkey", f"{by}.key",
                     "-CAcreateserial", "-days", days, "-extfile", "names", "-out", f"{name}.crt")

    def file(self, name):
        return str(self.directory / name)


class Served:
    """A server that prints where it is."""

    def __init__(self, binary, place, *settings, listen="127.0.0.1:0"):
        self.errors = open(place.file("server.log"), "a+")
        command = [binary, "serve", "--json", "--data", place.file("data"), "--listen", listen, "--http",
                   "127.0.0.1:0", "--web", "127.0.0.1:0", "--board", "127.0.0.1:0", *settings]
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        line = self.child.stdout.readline()
        if not line:
            raise SystemExit(f"the server ended with {self.child.wait()}")
        self.said = json.loads(line)

    def port(self, name):
        return int(self.said[name].rstrip("/").rsplit(":", 1)[1])

    def log(self):
        return pathlib.Path(self.errors.name).read_text()

    def end(self):
        self.child.send_signal(signal.SIGTERM)
        self.child.wait(WITHIN)
        self.child.stdout.close()
        self.errors.close()


def until(what, true):
    end = time.monotonic() + WITHIN
    while not true():
        if time.monotonic() > end:
            raise SystemExit(f"never: {what}")
        time.sleep(0.1)
    say(what)


def serial(place, port):
    """The serial number of the certificate that a new connection is shown."""
    shown = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{port}", "-CAfile", place.file("ca.crt"),
                            "-alpn", "h2"], input="", capture_output=True, text=True, timeout=WITHIN).stdout
    return run("openssl", "x509", "-noout", "-serial", input=shown)


def sells_through_tls(binary, place, served):
    ca = place.file("ca.crt")
    url = f"https://localhost:{served.port('url')}"
    sale = json.loads(run(binary, "sale", "create", "-f", str(REPOSITORY / "examples" / "sale.toml"), "--json", "--quiet",
                          "--as-of", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "--server", url, "--ca", ca))
    item = json.dumps(sale).split('"item_id": "')[1].split('"')[0]
    run(binary, "order", "place", "--item", item, "--buyer", "ann", "--units", "1", "--server", url,
        env={**os.environ, "DOORBUSTER_CA": ca})
    say("a sale and an order through TLS")
    told = run("curl", "--silent", "--cacert", ca, "--header", "content-type: application/json", "--data",
               json.dumps({"itemId": item}), f"https://localhost:{served.port('http')}/doorbuster.v1.ItemService/GetItem")
    assert json.loads(told)["item"]["heldUnits"] == "1", told
    page = run("curl", "--silent", "--fail", "--cacert", ca, f"https://localhost:{served.port('board')}/")
    assert "<html" in page, page
    figures = run("curl", "--silent", "--fail", "--cacert", ca, f"https://localhost:{served.port('web')}/metrics")
    assert "doorbuster_tls_files_refused 0" in figures, figures
    say("HTTP/JSON, the board and metrics through TLS")


def refuses_strangers(binary, place, served):
    url = f"https://localhost:{served.port('url')}"
    other = place.file("other.crt")
    told = run(binary, "sale", "list", "--server", url, "--ca", other, code=4)
    assert "certificate" in told, told
    told = run(binary, "sale", "list", "--server", url, code=4)
    assert "certificate" in told, told
    run("curl", "--silent", "--cacert", other, f"https://localhost:{served.port('board')}/", code=60)
    say("no client takes the certificate of an authority that it does not trust")
    run(binary, "sale", "list", "--server", f"http://localhost:{served.port('url')}", code=1)
    # An alert of TLS is no answer of HTTP: 28 would be a timeout.
    run("curl", "--silent", "--max-time", "5", f"http://localhost:{served.port('http')}/openapi.json", code=1)
    say("plain text gets no answer, and does not wait for one")


def renews(place, served):
    port = served.port("url")
    before = serial(place, port)
    place.signed("next")
    os.replace(place.file("next.key"), place.file("server.key"))
    os.replace(place.file("next.crt"), place.file("server.crt"))
    until("a renewed certificate is shown to new connections", lambda: serial(place, port) != before)
    renewed = serial(place, port)
    pathlib.Path(place.file("server.crt")).write_text("rubbish\n")
    until("rubbish is logged", lambda: "stays in use" in served.log())
    assert serial(place, port) == renewed
    say("rubbish changes nothing")


def refuses_to_start(binary, place):
    serve = (binary, "serve", "--data", place.file("other-data"))
    place.signed("third")
    told = run(*serve, "--tls-certificate", place.file("third.crt"), "--tls-key", place.file("other.key"), code=2)
    assert "tls_key does not belong to the certificate in tls_certificate" in told, told
    told = run(*serve, "--listen", "0.0.0.0:0", code=2)
    assert "--insecure listen" in told and "tls_certificate" in told, told
    say("a key of another certificate, and plain text for other machines, are refused")
    open_server = Served(binary, place, "--insecure", listen="0.0.0.0:0")
    open_server.end()
    warned = pathlib.Path(place.file("server.log")).read_text()
    assert "insecure: listen is in plain text" in warned, warned
    say("--insecure is served with a warning")


def asks_for_certificates(binary, place):
    place.signed("server")
    place.signed("client")
    place.signed("stranger", by="other")
    served = Served(binary, place, "--tls-certificate", place.file("server.crt"), "--tls-key", place.file("server.key"),
                    "--tls-client-ca", place.file("ca.crt"))
    url = f"https://localhost:{served.port('url')}"
    lists = (binary, "sale", "list", "--server", url, "--ca", place.file("ca.crt"))
    shows = lambda name: ("--client-certificate", place.file(f"{name}.crt"), "--client-key", place.file(f"{name}.key"))
    run(*lists, *shows("client"))
    told = run(*lists, code=4)
    assert "error" in told, told
    run(*lists, *shows("stranger"), code=4)
    ca = ("curl", "--silent", "--cacert", place.file("ca.crt"))
    board = f"https://localhost:{served.port('board')}/"
    done = subprocess.run([*ca, board], capture_output=True, timeout=WITHIN)
    assert done.returncode != 0, done
    run(*ca, "--cert", place.file("client.crt"), "--key", place.file("client.key"), board)
    run(*ca, f"https://localhost:{served.port('web')}/healthz")
    served.end()
    say("clients need a certificate of their authority, and probes need none")


def gives_up_silent_ones(binary, place):
    served = Served(binary, place, "--tls-certificate", place.file("server.crt"), "--tls-key", place.file("server.key"),
                    "--connection-start-ms", "200")
    with socket.create_connection(("127.0.0.1", served.port("url")), timeout=WITHIN) as silent:
        silent.sendall(b"\x16\x03\x01")
        assert silent.recv(1) == b""
    served.end()
    say("a handshake that never ends is closed")


def main():
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    # Settings of the caller must not reach the servers.
    for name in [name for name in os.environ if name.startswith("DOORBUSTER_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as directory:
        place = Place(pathlib.Path(directory))
        place.authority("other")
        place.signed("server")
        served = Served(binary, place, "--tls-certificate", place.file("server.crt"), "--tls-key",
                        place.file("server.key"))
        sells_through_tls(binary, place, served)
        refuses_strangers(binary, place, served)
        renews(place, served)
        served.end()
        refuses_to_start(binary, place)
        asks_for_certificates(binary, place)
        gives_up_silent_ones(binary, place)


if __name__ == "__main__":
    main()
