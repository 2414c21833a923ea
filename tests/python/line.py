"""A TCP connection between two programs that a test can cut."""

import contextlib
import socket
import threading


class Line:
    """Forwards connections from one port of this machine to another until it is cut."""

    def __init__(self, port, target):
        self.target = target
        self.lock = threading.Lock()
        self.ends, self.is_cut = set(), False
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                caller, _ = self.listener.accept()
            except OSError:
                return
            try:
                called = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                caller.close()
                continue
            for end in (caller, called):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.ends |= {caller, called}
                if self.is_cut:
                    self.hang_up()
            for one, other in ((caller, called), (called, caller)):
                threading.Thread(target=self.forward, args=(one, other), daemon=True).start()

    def forward(self, one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 16):
                other.sendall(data)
        with self.lock:
            self.ends -= {one, other}
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def hang_up(self):
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self):
        """Ends all connections; new ones end at once."""
        with self.lock:
            self.is_cut = True
            self.hang_up()

    def mend(self):
        with self.lock:
            self.is_cut = False

    def end(self):
        self.listener.close()
        self.cut()
