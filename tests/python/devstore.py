"""`doorbuster devstore` as a child process that can be started, stopped and restarted on the same data."""

import json
import pathlib
import signal
import subprocess
import threading

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 30


class Devstore:
    """One development server on one data directory. A restart gets a new port."""

    def __init__(self, binary, directory, *more):
        """`more` are further arguments; with --acts, `act` tells its nodes what to do."""
        self.binary = str(binary)
        self.directory = pathlib.Path(directory)
        self.more = more
        self.child = None

    def start(self):
        """Starts the server and returns the connection string that it prints."""
        command = [self.binary, "devstore", "--json", "--quiet"]
        command += ["--data", str(self.directory), "--listen", "127.0.0.1:0", *self.more]
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        # A server without output must fail this run, not block it.
        watch = threading.Timer(START_SECONDS_MAX, self.child.kill)
        watch.start()
        line = self.child.stdout.readline()
        watch.cancel()
        if not line:
            raise RuntimeError(f"devstore ended with {self.child.wait()} before it listened")
        return json.loads(line)["connection"]

    def act(self, what):
        """Does something to its nodes, such as "kill leader". Returns the number of the node that leads then."""
        self.child.stdin.write(f"{what}\n")
        self.child.stdin.flush()
        return json.loads(self.child.stdout.readline())["leader"]

    def stop(self):
        """Asks the server to end and returns its exit code."""
        self.child.send_signal(signal.SIGTERM)
        code = self.child.wait(STOP_SECONDS_MAX)
        self.child.stdout.close()
        return code

    def end(self):
        """Ends the server in any case."""
        if self.child and self.child.poll() is None:
            self.child.kill()
            self.child.wait(STOP_SECONDS_MAX)
