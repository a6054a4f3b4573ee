# SPDX-License-Identifier: ISC
"""A viewer of RFB for tests: decodes what it is sent, strictly, and keeps the picture."""
import socket, struct, sys, time, zlib

RAW, COPYRECT, HEXTILE, ZLIB, TIGHT, ZRLE = 0, 1, 5, 6, 7, 16
NAMES = {'raw': RAW, 'hextile': HEXTILE, 'zlib': ZLIB, 'tight': TIGHT, 'zrle': ZRLE}
SIZE, LAST_RECT, CURSOR, POINTER, KEYS, LEDS, EXT_SIZE, ALPHA = -223, -224, -239, -257, -258, -261, -308, -314
CLIPBOARD = struct.unpack('>i', b'\xc0\xa1\xe5\xce')[0]


class Viewer:
    def __init__(self, where, shared=1, minor=8, init=True):
        if where.startswith('/'):
            self.s = socket.socket(socket.AF_UNIX)
            self.s.connect(where)
        else:
            host, port = where.rsplit(':', 1)
            self.s = socket.create_connection((host, int(port)))
        self.s.settimeout(20)
        self.total = 0
        self.rects = []
        self.news = {}
        self.texts = []
        self.z = None
        self.streams = [None] * 4
        version = self.read(12)
        assert version == b'RFB 003.008\n', version
        self.s.sendall(b'RFB 003.00%d\n' % minor)
        if minor == 3:
            assert self.read(4) == b'\0\0\0\1'
        else:
            n = self.read(1)[0]
            types = self.read(n)
            assert 1 in types, types
            self.s.sendall(b'\1')
            if minor == 8:
                assert self.read(4) == b'\0\0\0\0'
        if init:
            self.init(shared)

    def init(self, shared=1):
        self.s.sendall(bytes([shared]))
        self.w, self.h = struct.unpack('>HH', self.read(4))
        self.format(*struct.unpack('>BBBBHHHBBBxxx', self.read(16)), tell=False)
        self.name = self.read(struct.unpack('>I', self.read(4))[0]).decode()
        self.pixels = bytearray(self.w * self.h * 4)

    def read(self, n):
        out = bytearray()
        while len(out) < n:
            b = self.s.recv(n - len(out))
            if not b:
                raise EOFError
            out += b
        self.total += n
        return bytes(out)

    def format(self, bits, depth, big, true, rmax, gmax, bmax, rs, gs, bs, tell=True):
        self.bits, self.big = bits, big
        self.max, self.shift = (rmax, gmax, bmax), (rs, gs, bs)
        if tell:
            self.s.sendall(struct.pack('>BxxxBBBBHHHBBBxxx', 0, bits, depth, big, true, rmax, gmax, bmax, rs, gs, bs))

    def encodings(self, *list):
        self.s.sendall(struct.pack('>BxH%di' % len(list), 2, len(list), *list))

    def ask(self, incremental=1, x=0, y=0, w=None, h=None):
        self.s.sendall(struct.pack('>BBHHHH', 3, incremental, x, y, w or self.w, h or self.h))

    def key(self, sym, down, code=None):
        if code is None:
            self.s.sendall(struct.pack('>BBxxI', 4, down, sym))
        else:
            self.s.sendall(struct.pack('>BBHII', 255, 0, down, sym, code))

    def pointer(self, x, y, buttons=0):
        self.s.sendall(struct.pack('>BBHH', 5, buttons, x, y))

    def text(self, b):
        self.s.sendall(struct.pack('>BxxxI', 6, len(b)) + b)

    def clip(self, flags, b=b''):
        self.s.sendall(struct.pack('>BxxxiI', 6, -4 - len(b), flags) + b)

    def resize(self, w, h):
        self.s.sendall(struct.pack('>BxHHBxIHHHHI', 251, w, h, 1, 0, 0, 0, w, h, 0))

    # pixels: each decoder gives bytes of the viewer's format, which put() makes 0x00RRGGBB, little endian
    def rgb(self, data, size=None):
        size = size or self.bits // 8
        if size == 4 and not self.big and self.max == (255, 255, 255) and self.shift == (16, 8, 0):
            return data
        out = bytearray()
        for i in range(0, len(data), size):
            v = int.from_bytes(data[i:i + size], 'big' if self.big else 'little')
            c = [(v >> s & m) * 255 // m for s, m in zip(self.shift, self.max)]
            out += bytes((c[2], c[1], c[0], 0))
        return bytes(out)

    def put(self, x, y, w, h, data):
        for r in range(h):
            at = ((y + r) * self.w + x) * 4
            self.pixels[at:at + w * 4] = data[r * w * 4:(r + 1) * w * 4]

    def raw(self, x, y, w, h):
        self.put(x, y, w, h, self.rgb(self.read(w * h * self.bits // 8)))

    def copyrect(self, x, y, w, h):
        sx, sy = struct.unpack('>HH', self.read(4))
        rows = [bytes(self.pixels[((sy + r) * self.w + sx) * 4:((sy + r) * self.w + sx + w) * 4]) for r in range(h)]
        self.put(x, y, w, h, b''.join(rows))

    def hextile(self, x, y, w, h):
        size = self.bits // 8
        back = fore = None
        for ty in range(y, y + h, 16):
            for tx in range(x, x + w, 16):
                tw, th = min(16, x + w - tx), min(16, y + h - ty)
                flags = self.read(1)[0]
                if flags & 1:
                    self.raw(tx, ty, tw, th)
                    continue
                if flags & 2:
                    back = self.rgb(self.read(size))
                if flags & 4:
                    fore = self.rgb(self.read(size))
                self.put(tx, ty, tw, th, back * (tw * th))
                for _ in range(self.read(1)[0] if flags & 8 else 0):
                    c = self.rgb(self.read(size)) if flags & 16 else fore
                    xy, wh = self.read(2)
                    sw, sh = (wh >> 4) + 1, (wh & 15) + 1
                    self.put(tx + (xy >> 4), ty + (xy & 15), sw, sh, c * (sw * sh))

    def inflated(self, n):
        data = self.read(n)
        if self.z is None:
            self.z = zlib.decompressobj()
        return self.z.decompress(data)

    def zlib(self, x, y, w, h):
        self.put(x, y, w, h, self.rgb(self.inflated(struct.unpack('>I', self.read(4))[0])))

    def zrle(self, x, y, w, h):
        d = self.inflated(struct.unpack('>I', self.read(4))[0])
        size = 3 if self.bits == 32 else self.bits // 8
        at = 0

        def pixel():
            nonlocal at
            at += size
            return self.rgb(d[at - size:at], size) if size != 3 else d[at - 3:at] + b'\0'

        def run():
            nonlocal at
            n = 1
            while True:
                at += 1
                n += d[at - 1]
                if d[at - 1] != 255:
                    return n
        for ty in range(y, y + h, 64):
            for tx in range(x, x + w, 64):
                tw, th = min(64, x + w - tx), min(64, y + h - ty)
                kind = d[at]
                at += 1
                palette = [pixel() for _ in range(kind & 127)] if kind not in (0, 128) and kind != 129 else []
                out = b''
                if kind == 0:
                    out = b''.join([pixel() for _ in range(tw * th)])
                elif kind == 1:
                    out = palette[0] * (tw * th)
                elif kind <= 16:
                    bits = 1 if kind == 2 else 2 if kind <= 4 else 4
                    for _ in range(th):
                        row = d[at:at + (tw * bits + 7) // 8]
                        at += len(row)
                        out += b''.join(palette[row[i * bits // 8] >> (8 - bits - i * bits % 8) & (1 << bits) - 1] for i in range(tw))
                else:
                    parts, n = [], 0
                    while n < tw * th:
                        if kind == 128:
                            c, k = pixel(), run()
                        else:
                            i = d[at]
                            at += 1
                            c, k = palette[i & 127], run() if i & 128 else 1
                        parts.append(c * k)
                        n += k
                    out = b''.join(parts)
                assert len(out) == tw * th * 4
                self.put(tx, ty, tw, th, out)
        assert at == len(d)

    def compact(self):
        n = shift = 0
        while True:
            b = self.read(1)[0]
            n |= (b & 127) << shift
            shift += 7
            if not b & 128 or shift == 21:
                return n

    def tight_data(self, stream, n):
        if n < 12:
            return self.read(n)
        if self.streams[stream] is None:
            self.streams[stream] = zlib.decompressobj()
        out = self.streams[stream].decompress(self.read(self.compact()))
        assert len(out) == n, (len(out), n)
        return out

    def tight(self, x, y, w, h):
        control = self.read(1)[0]
        for i in range(4):
            if control & 1 << i:
                self.streams[i] = None
        control >>= 4
        wide = self.bits == 32 and self.max == (255, 255, 255)
        size = 3 if wide else self.bits // 8

        def colours(b):
            if not wide:
                return self.rgb(b)
            return b''.join(b[i:i + 3][::-1] + b'\0' for i in range(0, len(b), 3))
        if control == 8:
            return self.put(x, y, w, h, colours(self.read(size)) * (w * h))
        assert control < 8, 'JPEG was not asked for'
        kind = self.read(1)[0] if control & 4 else 0
        if kind == 0:
            return self.put(x, y, w, h, colours(self.tight_data(control & 3, w * h * size)))
        assert kind == 1, 'gradient'
        n = self.read(1)[0] + 1
        c = colours(self.read(n * size))
        palette = [c[i * 4:i * 4 + 4] for i in range(n)]
        if n == 2:
            row = (w + 7) // 8
            d = self.tight_data(control & 3, row * h)
            out = b''.join(palette[d[r * row + i // 8] >> (7 - i % 8) & 1] for r in range(h) for i in range(w))
        else:
            out = b''.join(palette[i] for i in self.tight_data(control & 3, w * h))
        self.put(x, y, w, h, out)

    def rect(self):
        x, y, w, h, e = struct.unpack('>HHHHi', self.read(12))
        self.rects.append((x, y, w, h, e))
        pixels = {RAW: self.raw, COPYRECT: self.copyrect, HEXTILE: self.hextile, ZLIB: self.zlib, ZRLE: self.zrle, TIGHT: self.tight}
        if e in pixels:
            assert x + w <= self.w and y + h <= self.h, (x, y, w, h)
            pixels[e](x, y, w, h)
        elif e in (SIZE, EXT_SIZE):
            if e == EXT_SIZE:
                self.read(4 + 16 * (self.read(4)[0]) - 4)
            if (w, h) != (self.w, self.h):
                self.w, self.h, self.pixels = w, h, bytearray(w * h * 4)
            self.news[e] = (x, y, w, h)
        elif e == CURSOR:
            self.news[e] = (x, y, w, h, self.read(w * h * self.bits // 8), self.read((w + 7) // 8 * h))
        elif e == ALPHA:
            assert self.read(4) == b'\0\0\0\0'
            self.news[e] = (x, y, w, h, self.read(w * h * 4))
        elif e == LEDS:
            self.news[e] = self.read(1)[0]
        elif e in (POINTER, KEYS):
            self.news[e] = x
        else:
            assert e == LAST_RECT, e
        return e

    def message(self):
        """One message of the server's: True when it was an update."""
        kind = self.read(1)[0]
        if kind == 0:
            n = struct.unpack('>xH', self.read(3))[0]
            self.rects = []
            while n:
                n -= n != 0xffff
                if self.rect() == LAST_RECT:
                    break
            return True
        if kind == 1:
            n = struct.unpack('>xHH', self.read(5))[1]
            self.palette = self.read(6 * n)
        elif kind == 3:
            n = struct.unpack('>xxxi', self.read(7))[0]
            if n < 0:
                b = self.read(-n)
                self.texts.append((struct.unpack('>I', b[:4])[0], b[4:]))
            else:
                self.texts.append(self.read(n))
        else:
            assert kind == 2, kind
        return False

    def update(self):
        while not self.message():
            pass

    def full(self):
        self.ask(0)
        self.update()
        while not any(r[4] >= 0 for r in self.rects):
            self.ask(0)
            self.update()

    def is_like(self, path):
        return size(path) == (self.w, self.h) and self.pixels == picture(path, self.w, self.h)

    def until(self, path, seconds=10):
        """Updates until the picture is that of the file."""
        end = time.time() + seconds
        while not self.is_like(path):
            assert time.time() < end, 'the picture does not become ' + path
            self.ask()
            self.update()


def size(path):
    with open(path, 'rb') as f:
        f.readline()
        return tuple(map(int, f.readline().split()))


def picture(path, w, h):
    b = open(path, 'rb').read()
    head = b'P6\n%d %d\n255\n' % (w, h)
    assert b.startswith(head), (b[:20], head)
    b = b[len(head):]
    out = bytearray(w * h * 4)
    out[0::4], out[1::4], out[2::4] = b[2::3], b[1::3], b[0::3]
    return out


def wait(condition, seconds=10):
    end = time.time() + seconds
    while not condition():
        assert time.time() < end
        time.sleep(.01)
