"""Measures the cost of board pages for the server and for buyers.

    python3 tests/python/measure_board.py BINARY [PAGES] [ROUNDS]

Starts a server. In each round a crowd buys twice: with PAGES pages (default 1000) that follow a sale from
a process of their own, and without; the order alternates. Prints figures and asserts none.
"""

import json
import multiprocessing
import os
import pathlib
import re
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from server import Server

SHOPPERS = 20_000
SETTLE_SECONDS = 3

SALE = """name = "Followed"
currency = "CNY"
opens_at = {opens}
closes_at = {closes}

[[items]]
sku = "PHONE"
title = "Phone"
unit_price_minor = 199900
time_to_pay_seconds = 900
[items.units]
west = 1000
"""


def follow(board, sale, pages, said, stop):
    """Follows with that many pages until stopped; then reports frames, bytes and disconnects."""
    host, port = board.rsplit(":", 1)
    ask = f"GET /sales/{sale}/events HTTP/1.1\r\nhost: {board}\r\n\r\n".encode()
    lines = selectors.DefaultSelector()
    for _ in range(pages):
        line = socket.create_connection((host, int(port)))
        line.sendall(ask)
        line.setblocking(False)
        lines.register(line, selectors.EVENT_READ)
    said.put("follows")
    frames = came = ended = 0
    while not stop.is_set():
        for key, _ in lines.select(timeout=0.2):
            bytes_ = key.fileobj.recv(1 << 20)
            if not bytes_:
                ended += 1
                lines.unregister(key.fileobj)
            frames += bytes_.count(b"event: pulse")
            came += len(bytes_)
    said.put((frames, came, ended))


def processor_seconds(child, names=("board", "pulse")):
    """Processor time of threads by name, and of the whole process."""
    tick = os.sysconf("SC_CLK_TCK")
    used = dict.fromkeys((*names, "all"), 0.0)
    for task in pathlib.Path(f"/proc/{child}/task").iterdir():
        try:
            stat = (task / "stat").read_text()
        except OSError:
            continue
        name = stat[stat.index("(") + 1 : stat.rindex(")")]
        fields = stat[stat.rindex(")") + 2 :].split()
        seconds = (int(fields[11]) + int(fields[12])) / tick
        used["all"] += seconds
        if name in used:
            used[name] += seconds
    return used


def run(binary, *arguments):
    command = [binary, *arguments, "--json", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    return json.loads(done.stdout)


def put_up(binary, address, directory):
    now = time.time()
    moment = lambda at: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    file = pathlib.Path(directory) / "sale.toml"
    file.write_text(SALE.format(opens=moment(now - 60), closes=moment(now + 7200)))
    shown = run(binary, "sale", "create", "-f", str(file), "--server", f"http://{address}")
    return re.search(r'"sale_id": *"([0-9a-f-]{36})"', json.dumps(shown)).group(1)


def measured(server, sale, pages, seed):
    """Runs one crowd with that many pages: its p99, and the processor time of the threads."""
    said, stop = multiprocessing.Queue(), multiprocessing.Event()
    pages_process = None
    if pages:
        arguments = (server.board, sale, pages, said, stop)
        pages_process = multiprocessing.Process(target=follow, args=arguments)
        pages_process.start()
        said.get()
        time.sleep(SETTLE_SECONDS)
    before, start = processor_seconds(server.child.pid), time.monotonic()
    bought = run(
        server.binary, "crowd", "--server", f"http://{server.address}", "--shoppers", str(SHOPPERS),
        "--seed", str(seed),
    )
    time.sleep(SETTLE_SECONDS)
    after, took = processor_seconds(server.child.pid), time.monotonic() - start
    share = {name: (after[name] - before[name]) / took for name in before}
    followed = None
    if pages_process:
        stop.set()
        followed = said.get()
        pages_process.join()
    return bought["latency_ms"]["p99"], share, followed


def main():
    binary = sys.argv[1]
    pages = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    with tempfile.TemporaryDirectory() as directory:
        server = Server(binary, pathlib.Path(directory) / "data")
        try:
            server.start()
            sale = put_up(binary, server.address, directory)
            time.sleep(1)
            ratios = []
            for number in range(rounds):
                p99 = {}
                for followers in (pages, 0) if number % 2 else (0, pages):
                    p99[followers], share, followed = measured(server, sale, followers, number)
                    used = ", ".join(f"{name} {used:.1%}" for name, used in share.items())
                    print(f"round {number}, {followers} pages: p99 {p99[followers]:.2f} ms; {used}")
                    if followed:
                        frames, came, ended = followed
                        print(f"  {frames} frames, {came // max(frames, 1)} bytes each, {ended} ended")
                ratios.append(p99[pages] / p99[0])
            print(f"p99 with / without: median {statistics.median(ratios):.3f}, each "
                  + " ".join(f"{ratio:.2f}" for ratio in ratios))
            server.stop()
        finally:
            server.end()


if __name__ == "__main__":
    main()
