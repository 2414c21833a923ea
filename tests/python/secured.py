"""Certificates and a token for nodes, nginx and a crowd of a rehearsal."""

import os
import subprocess


class Secured:
    """An authority in a directory, and what it signs for everyone in a rehearsal: all are on this machine."""

    KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")

    def __init__(self, directory, binary):
        self.directory = directory / "tls"
        self.directory.mkdir(mode=0o700)
        self.openssl("req", "-x509", *self.KEY, "-days", "2", "-subj", "/CN=rehearsal", "-keyout", "ca.key", "-out", "ca.crt")
        self.renew()
        self.sign("crowd")
        subprocess.run([binary, "token", "new", "--tokens-file", self.path("tokens"), "--role", "admin", "--name",
                        "crowd", "--out", self.path("token")], check=True, capture_output=True)

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True)

    def sign(self, name):
        self.write("names", "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self.openssl("req", *self.KEY, "-subj", f"/CN={name}", "-keyout", "new.key", "-out", "new.csr")
        self.openssl("x509", "-req", "-in", "new.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                     "2", "-extfile", "names", "-out", "new.crt")
        for kind in ["key", "crt"]:
            os.chmod(self.directory / f"new.{kind}", 0o600)
            os.replace(self.directory / f"new.{kind}", self.directory / f"{name}.{kind}")

    def renew(self):
        """Gives the nodes another certificate."""
        self.sign("node")

    def write(self, name, text):
        with open(os.open(self.directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)

    def path(self, name):
        return str(self.directory / name)

    def settings(self):
        """Of a node: clients need a certificate and a token. Its probes stay in plain text."""
        return {"DOORBUSTER_TLS_CERTIFICATE": self.path("node.crt"), "DOORBUSTER_TLS_KEY": self.path("node.key"),
                "DOORBUSTER_TLS_CLIENT_CA": self.path("ca.crt"), "DOORBUSTER_INSECURE": "web",
                "DOORBUSTER_TOKENS_FILE": self.path("tokens")}

    def client(self):
        """The environment of the command line."""
        return {"DOORBUSTER_CA": self.path("ca.crt"), "DOORBUSTER_CLIENT_CERTIFICATE": self.path("crowd.crt"),
                "DOORBUSTER_CLIENT_KEY": self.path("crowd.key"), "DOORBUSTER_TOKEN_FILE": self.path("token")}
