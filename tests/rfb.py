# SPDX-License-Identifier: ISC
"""A viewer in pieces, for tests that send what no real one would. `rfb NAME <<script` of vnc.bash runs a script with all of this."""
import os
import socket
import ssl
import struct
import subprocess
import sys
import time

NONE, VNC, VENCRYPT, SASL = 1, 2, 19, 20
PLAIN, TLS_NONE, TLS_VNC, TLS_PLAIN, X509_NONE, X509_VNC, X509_PLAIN, TLS_SASL, X509_SASL = range(256, 265)


def dial(port=5901, host="127.0.0.1", source=None):
    """A connection to a port, or to a path."""
    if isinstance(port, str):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(port)
        return s
    return socket.create_connection((host, port), 20, (source, 0) if source else None)


def get(s, n):
    """n bytes, or what came before the end."""
    data = b""
    while len(data) < n:
        try:
            more = s.recv(n - len(data))
        except ConnectionError:
            break
        if not more:
            break
        data += more
    return data


def u32(s):
    return struct.unpack(">I", get(s, 4))[0]


def put32(s, *numbers):
    s.sendall(struct.pack(">%dI" % len(numbers), *numbers))


def ended(s):
    """Nothing more comes: it was closed, or reset."""
    try:
        return s.recv(1) == b""
    except (ConnectionError, ssl.SSLError):
        return True


def version(s, minor=8, text=None):
    """Versions are exchanged; the types that are offered then."""
    assert get(s, 12) == b"RFB 003.008\n"
    s.sendall(text or b"RFB 003.%03d\n" % minor)
    if minor == 3:
        return [u32(s)]
    return list(get(s, get(s, 1)[0]))


def reason(s):
    return get(s, u32(s)).decode()


def result(s, minor=8):
    """True, or why not."""
    if u32(s) == 0:
        return True
    return reason(s) if minor == 8 else False


def start(s):
    """ClientInit: the name of the screen."""
    s.sendall(b"\1")
    return get(s, get(s, 24)[23]).decode()


def des(password, challenge):
    """By OpenSSL, whose bits of a key's byte are the other way round."""
    key = b"".join(bytes([int("{:08b}".format(c)[::-1], 2)]) for c in password.encode()[:8].ljust(8, b"\0"))
    return subprocess.run(["openssl", "enc", "-des-ecb", "-nopad", "-K", key.hex(), "-provider", "legacy", "-provider", "default"],
                          input=challenge, stdout=subprocess.PIPE, check=True).stdout


def vnc(s, password):
    s.sendall(des(password, get(s, 16)))


def choose(s, kind, minor=8):
    assert kind in version(s, minor)
    s.sendall(bytes([kind]))


def vencrypt(s):
    """The types that it offers."""
    choose(s, VENCRYPT)
    assert get(s, 2) == b"\0\2"
    s.sendall(b"\0\2")
    assert get(s, 1) == b"\0"
    return list(struct.unpack(">%dI" % (n := get(s, 1)[0]), get(s, 4 * n)))


def context(ca=None, cert=None, anonymous=False):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca:
        c.load_verify_locations(ca)
    else:
        c.check_hostname = False
        c.verify_mode = ssl.CERT_NONE
    if cert:
        c.load_cert_chain(cert + ".pem", cert + ".key")
    if anonymous:
        c.maximum_version = ssl.TLSVersion.TLSv1_2
        c.set_ciphers("aNULL:@SECLEVEL=0")
    return c


def secure(s, kind, ca=None, cert=None):
    """One of VeNCrypt's types with TLS."""
    put32(s, kind)
    assert get(s, 1) == b"\1"
    return context(ca, cert, kind in (TLS_NONE, TLS_VNC, TLS_PLAIN, TLS_SASL)).wrap_socket(s, server_hostname="localhost")


def plain(s, name, password):
    put32(s, len(name), len(password))
    s.sendall((name + password).encode())


def counted(s, data):
    put32(s, len(data))
    s.sendall(data)


def sasl_plain(s, name, password):
    """Mechanisms; then PLAIN. The mechanisms."""
    known = get(s, u32(s)).decode()
    counted(s, b"PLAIN")
    counted(s, b"\0%s\0%s\0" % (name.encode(), password.encode()))
    get(s, u32(s))
    assert get(s, 1) == b"\1"
    return known


def http(s, head):
    """The status of the answer, its head in small letters, its body."""
    s.sendall(head.replace("\n", "\r\n").encode())
    text = b""
    while b"\r\n\r\n" not in text:
        more = s.recv(1)
        if not more:
            return 0, text.decode(), b""
        text += more
    answer = text.decode().lower()
    length = [int(line.split(":")[1]) for line in answer.split("\r\n") if line.startswith("content-length:")]
    return int(answer.split()[1]), answer, get(s, length[0]) if length and not head.startswith("HEAD") else b""


def upgrade(s, more="Sec-WebSocket-Protocol: binary\n", host="127.0.0.1:5901", version="13"):
    return http(s, "GET /websockify HTTP/1.1\nHost: %s\nUpgrade: websocket\nConnection: keep-alive, Upgrade\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: %s\n%s\n" % (host, version, more))


def frame(opcode, data=b"", fin=True, mask=b"\x12\x34\x56\x78", length=None):
    n = len(data) if length is None else length
    head = bytes([opcode | (0x80 if fin else 0)])
    bit = 0x80 if mask else 0
    if n < 126:
        head += bytes([bit | n])
    elif n < 65536:
        head += struct.pack(">BH", bit | 126, n)
    else:
        head += struct.pack(">BQ", bit | 127, n)
    return head + (mask or b"") + bytes(c ^ mask[i % 4] for i, c in enumerate(data)) if mask else head + data


def take(s):
    """One frame of the server's: opcode and data."""
    opcode, n = get(s, 2)
    if n == 126:
        n = struct.unpack(">H", get(s, 2))[0]
    return opcode & 15, get(s, n)


class Web:
    """A stream in frames, with the calls that the functions above make."""

    def __init__(self, s):
        self.s, self.data = s, b""

    def sendall(self, data):
        self.s.sendall(frame(2, data))

    def recv(self, n):
        while not self.data:
            opcode, data = take(self.s)
            if opcode == 8:
                return b""
            self.data += data
        out, self.data = self.data[:n], self.data[n:]
        return out
