# SPDX-License-Identifier: ISC
"""A headless Chromium, worked over DevTools: browser.py URL SCRIPT runs SCRIPT, Python with what is below at hand."""
import base64
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request

import websocket

PORT = 9333
PATIENCE = float(os.environ.get("PATIENCE", 40))  # seconds


class Browser:
    def __init__(self, url, size="1000,700"):
        self.home = tempfile.mkdtemp(dir=os.getcwd())
        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--disable-extensions", "--mute-audio",
             "--ignore-certificate-errors", "--user-data-dir=" + self.home, "--window-size=" + size,
             "--remote-debugging-port=%d" % PORT, "--remote-allow-origins=*", url],
            stdin=subprocess.DEVNULL, stdout=open("chromium.log", "w"), stderr=subprocess.STDOUT)
        self.id = 0
        self.socket = self.until(self.page)

    def page(self):
        try:
            pages = json.load(urllib.request.urlopen("http://127.0.0.1:%d/json" % PORT, timeout=5))
        except OSError:
            return None
        pages = [p for p in pages if p["type"] == "page"]
        return pages and websocket.create_connection(pages[0]["webSocketDebuggerUrl"], timeout=PATIENCE)

    def until(self, condition, seconds=PATIENCE):
        """What condition() gives as soon as that is something."""
        end = time.monotonic() + seconds
        while True:
            got = condition()
            if got:
                return got
            assert time.monotonic() < end, "never: %s" % condition
            time.sleep(0.1)

    def call(self, method, **params):
        self.id += 1
        self.socket.send(json.dumps({"id": self.id, "method": method, "params": params}))
        while True:
            m = json.loads(self.socket.recv())
            if m.get("id") == self.id:
                return m.get("result", {})

    def js(self, text):
        """Its value; None while the page has yet to come, and with it a place to evaluate something in."""
        return self.call("Runtime.evaluate", expression=text, returnByValue=True).get("result", {}).get("value")

    def pixels(self):
        """Width, height and R, G, B, A of the canvas; None when there is none yet."""
        return self.js("""(() => { const c = document.querySelector('canvas'); if (!c || !c.width) return null;
            const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
            let s = ''; for (let i = 0; i < d.length; i += 8192) s += String.fromCharCode(...d.subarray(i, i + 8192));
            return [c.width, c.height, btoa(s)]; })()""")

    def shows(self, ppm, off=0):
        """The canvas is that picture; each value differs by at most `off` on the average of a row of pixels."""
        got = self.pixels()
        with open(ppm, "rb") as f:
            assert f.readline() == b"P6\n"
            width, height = map(int, f.readline().split())
            f.readline()
            want = f.read()
        if not got or got[:2] != [width, height]:
            return False
        rgba = base64.b64decode(got[2])
        rgb = bytearray(len(want))
        rgb[0::3], rgb[1::3], rgb[2::3] = rgba[0::4], rgba[1::4], rgba[2::4]
        if not off:
            return rgb == want
        row = 3 * width
        return all(sum(abs(a - b) for a, b in zip(rgb[i:i + row], want[i:i + row])) <= off * row for i in range(0, len(want), row))

    def key(self, key, code, text):
        self.js("document.querySelector('canvas').focus()")
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=code, text=text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=code)

    def picture(self, file):
        with open(file, "wb") as f:
            f.write(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def end(self):
        self.process.kill()
        self.process.wait()


if __name__ == "__main__":
    b = Browser(sys.argv[1])
    try:
        exec(compile(sys.stdin.read(), "script", "exec"))
    finally:
        b.end()
