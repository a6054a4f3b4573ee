# SPDX-License-Identifier: ISC
# What vm-vnc's front is to a browser: files by HTTP, then WebSocket; and what neither may be talked into.
load lib
load vnc

@test "noVNC's files are served as they are, with their types, on the ports of viewers and of browsers" {
	front -W 6080
	grep -x 'vnc-front: http://127.0.0.1:6080/' "$T/front.log"
	in_ns net env -C "$T" bash -ec '
		for port in 5901 6080; do
			curl -s "http://127.0.0.1:$port/{vnc.html,app/ui.js,app/styles/base.css,app/images/info.svg,app/locale/de.json,vnc_auto.html}" -o "#1.$port" \
				--create-dirs -w "%{content_type} %{num_connects}\n"
			for file in vnc.html app/ui.js app/styles/base.css app/images/info.svg app/locale/de.json vnc_auto.html; do
				cmp "$file.$port" /usr/share/novnc/$file
			done
		done' >"$T/types"
	diff - <(head -n 6 "$T/types") <<-'EOF'
		text/html; charset=utf-8 1
		text/javascript; charset=utf-8 0
		text/css; charset=utf-8 0
		image/svg+xml 0
		application/json 0
		text/html; charset=utf-8 0
	EOF
	rfb <<-'EOF'
		s = dial(6080)
		status, head, body = http(s, "GET / HTTP/1.1\nHost: x\n\n")
		assert status == 302 and "location: /vnc.html?" in head
		status, head, body = http(s, "HEAD /vnc.html HTTP/1.1\nHost: x\n\n")
		assert status == 200 and body == b"" and "content-length: %d" % os.path.getsize("/usr/share/novnc/vnc.html") in head
		tag = [l for l in head.split("\r\n") if l.startswith("etag")][0][6:]
		assert http(s, "GET /vnc.html HTTP/1.1\nHost: x\nIf-None-Match: %s\n\n" % tag)[0] == 304
		assert http(s, "GET /vnc.html?x=1 HTTP/1.1\nHost: x\nIf-None-Match: \"0\"\n\n")[0] == 200
		status, head, body = http(s, "GET /vnc.html HTTP/1.0\n\n")
		assert status == 200 and "connection: close" in head and ended(s)
	EOF
}

@test "a folder of one's own, and nothing outside of it" {
	mkdir -p "$T/site/sub" "$T/outside"
	echo start >"$T/site/index.html"
	echo 'a b' >"$T/site/sub/a b.txt"
	echo private >"$T/outside/private"
	ln -s ../outside/private "$T/site/leads-out"
	ln -s /etc/hostname "$T/site/absolute"
	ln -s sub/a\ b.txt "$T/site/within"
	mkfifo "$T/site/fifo"
	front -d "$T/site"
	rfb <<-'EOF'
		def ask(target, method="GET"):
		    s = dial()
		    return http(s, "%s %s HTTP/1.1\nHost: x\n\n" % (method, target))
		assert ask("/")[2] == b"start\n"
		assert ask("/sub/a%20b.txt")[2] == b"a b\n" and ask("/within")[2] == b"a b\n"
		for target in ("/../outside/private", "/sub/../../outside/private", "/%2e%2e/outside/private", "/..%2foutside/private", "/leads-out",
		               "/absolute", "//etc/hostname", "/sub", "/sub/", "/fifo", "/gone", "/.", "/sub/a b.txt%2f"):
		    assert ask(target)[0] == 404 or " " in target, target
		for target in "/a%00b", "/a%0ab", "/%", "/%4", "/%zz", "/a\\b", "http://x/", "*", "x":
		    assert ask(target)[0] == 400, target
		assert ask("/" + "a" * 1030)[0] == 414
		for method in "POST", "PUT", "DELETE", "OPTIONS", "CONNECT":
		    status, head, body = ask("/index.html", method)
		    assert status == 405 and "allow: get, head" in head, method
	EOF
}

@test "requests that are none, too long, or of two minds are refused, and the rest of the world is served meanwhile" {
	front
	rfb <<-'EOF'
		def status(head):
		    return http(dial(), head)[0]
		fine = "GET /vnc.html HTTP/1.1\nHost: x\n"
		assert status(fine + "\n") == 200
		assert status("GET /vnc.html\n\n") == 400
		assert status("GET /vnc.html HTTP/2.0\n\n") == 505
		assert status("GET /vnc.html XTTP/1.1\n\n") == 400
		assert status("G(T /vnc.html HTTP/1.1\n\n") == 400
		assert status(fine + "no colon\n\n") == 400
		assert status(fine + " continued: x\n\n") == 400
		assert status(fine + "a b: x\n\n") == 400
		assert status(fine + ": x\n\n") == 400
		assert status(fine + "Content-Length: 5\n\n") == 400
		assert status(fine + "Transfer-Encoding: chunked\n\n") == 400
		assert status(fine + "".join("h%d: x\n" % i for i in range(64)) + "\n") == 431
		s = dial()
		s.sendall(b"GET /vnc.html HTTP/1.1\r\nA: \0\r\n\r\n")
		assert b" 400 " in get(s, 40)
		s = dial()
		s.sendall(b"GET /vnc.html HTTP/1.1\r\nA: b\nC: d\r\n\r\n")
		assert b" 400 " in get(s, 40)
		s = dial()
		try:
		    s.sendall(b"GET /" + b"a" * 20000)
		except ConnectionError:
		    pass
		assert ended(s)
		for garbage in b"\x00\x01\x02", b"\xff" * 100, b"\x15\x03\x01", b"\x80\x2e\x01\x03", b"\x16\x03\x01\x02\x00\x01" + b"x" * 600, b"SSH-2.0-x\r\n":
		    s = dial()
		    s.sendall(garbage)
		    s.shutdown(socket.SHUT_WR)
		    while s.recv(100): pass
		assert version(dial()) == [NONE]
	EOF
}

@test "WebSocket: RFB in binary messages, however they are cut; pings; goodbye" {
	front
	rfb <<-'EOF'
		s = dial()
		status, head, body = upgrade(s)
		assert status == 101 and "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in head and "protocol: binary" in head
		w = Web(s)
		assert version(w) == [NONE]
		w.sendall(b"\1")
		assert result(w) is True and start(w) == "test"
		s.sendall(frame(9, b"hello"))
		assert take(s) == (10, b"hello")
		s.sendall(frame(10, b"nobody asked"))
		# A key in four frames, with a ping between, and then one a byte a time.
		key = b"\4\1\0\0\0\0\0A"
		s.sendall(frame(2, key[:1], fin=False) + frame(0, b"", fin=False) + frame(9, b"x") + frame(0, key[1:7], fin=False) + frame(0, key[7:]))
		assert take(s) == (10, b"x")
		for byte in frame(2, key[:4] + b"\0\0\0B", mask=b"\0\0\0\0"):
		    s.sendall(bytes([byte]))
		# A picture is in frames of less than 64 KiB.
		s.sendall(frame(2, b"\3\0" + struct.pack(">HHHH", 0, 0, 64, 48)))
		picture = get(w, 16 + 4 * 64 * 48)
		assert picture[16:] == b"\x99\x66\x33\0" * (64 * 48)
		s.sendall(frame(8, struct.pack(">H", 1000)))
		assert take(s) == (8, struct.pack(">H", 1000)) and ended(s)
		s = dial()
		assert upgrade(s, "")[0] == 101 and Web(s).recv(4) == b"RFB "
		from websocket import create_connection
		c = create_connection("ws://127.0.0.1:5901/", subprotocols=["binary"], header=["Origin: http://127.0.0.1:5901"], suppress_origin=True)
		assert c.recv() == b"RFB 003.008\n"
	EOF
	wait_line "$T/front.log" $'^key\t1\tdown\t42'
	let_in 'ws+none - full'
	grep -x $'key\t1\tdown\t41' "$T/front.log"
}

@test "frames that break the rules end their connection, each with its reason" {
	front
	rfb <<-'EOF'
		def after(data):
		    s = dial()
		    assert upgrade(s)[0] == 101
		    assert take(s) == (2, b"RFB 003.008\n")
		    s.sendall(data)
		    opcode, why = take(s)
		    assert opcode == 8 and ended(s)
		    return struct.unpack(">H", why)[0]
		assert after(frame(2, b"x", mask=b"")) == 1002
		assert after(frame(1, b"RFB 003.008\n")) == 1003
		assert after(frame(0, b"x")) == 1002
		assert after(frame(2, b"x", fin=False) + frame(2, b"x")) == 1002
		assert after(bytes([0xc2]) + frame(2, b"x")[1:]) == 1002
		assert after(frame(3, b"x")) == 1002 and after(frame(11, b"x")) == 1002
		assert after(frame(9, b"x", fin=False)) == 1002
		assert after(frame(9, b"x" * 126)) == 1002
		assert after(b"\x82\xfe\0\5" + b"\0" * 9) == 1002, "not the shortest length"
		assert after(b"\x82\xff" + struct.pack(">Q", 65535) + b"abcd") == 1002
		assert after(frame(2, b"", length=(16 << 20) + 1)) == 1009
		assert after(b"\x82\xff" + b"\xff" * 8 + b"abcd") == 1009
	EOF
}

@test "pages from elsewhere do not speak with a screen that is open to this host" {
	front -O origin=https://example.org
	rfb <<-'EOF'
		def tried(more, host="127.0.0.1:5901"):
		    return upgrade(dial(), more, host)[0]
		assert tried("Origin: http://127.0.0.1:5901\n") == 101
		assert tried("Origin: http://localhost:5901\n", "localhost:5901") == 101
		assert tried("Origin: http://[::1]:5901\n", "[::1]:5901") == 101
		assert tried("Origin: https://example.org\n") == 101
		assert tried("Origin: http://evil.example\n") == 403
		assert tried("Origin: null\n") == 403
		assert tried("Origin: https://127.0.0.1:5901\n") == 403
		assert tried("Origin: http://evil.example:5901\n", "evil.example:5901") == 403, "a name that leads here"
		assert tried("Origin: http://127.0.0.1.evil.example:5901\n", "127.0.0.1.evil.example:5901") == 403
		assert tried("Sec-WebSocket-Protocol: base64\n") == 400
		assert tried("Sec-WebSocket-Protocol: base64, binary\n") == 101
		assert upgrade(dial(), version="8")[0] == 426
		assert http(dial(), "GET / HTTP/1.1\nHost: x\nUpgrade: websocket\nConnection: upgrade\nSec-WebSocket-Version: 13\n\n")[0] == 400
		assert http(dial(), "POST / HTTP/1.1\nHost: x\nUpgrade: websocket\nConnection: upgrade\nSec-WebSocket-Version: 13\n"
		            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n")[0] == 400
	EOF
	kill "${pids[front]}"
	await front 143
	echo secret >"$T/pw"
	front -O password="$T/pw"
	rfb <<-'EOF'
		assert upgrade(dial(), "Origin: http://name.example:5901\n", "name.example:5901")[0] == 101, "a password protects it"
	EOF
}

@test "wss and https with a certificate: nothing goes without; names and passwords in the browser" {
	users
	authority
	certificate server DNS:localhost,IP:127.0.0.1
	front -O cert="$T/server.pem" -O key="$T/server.key" -O users="$T/users" -W localhost:6080
	grep -x 'vnc-front: https://127.0.0.1:6080/' "$T/front.log"
	rfb <<-'EOF'
		def dial_tls(port=5901):
		    return context("ca.pem").wrap_socket(dial(port), server_hostname="localhost")
		for port in 5901, 6080:
		    status, head, body = http(dial(port), "GET /vnc.html HTTP/1.1\nHost: somewhere:%d\n\n" % port)
		    assert status == 301 and "location: https://somewhere:%d/\r" % port in head
		    assert http(dial_tls(port), "GET /vnc.html HTTP/1.1\nHost: x\n\n")[2] == open("/usr/share/novnc/vnc.html", "rb").read()
		assert http(dial(), "GET / HTTP/1.1\nHost: x\"y\n\n")[0] == 403
		assert upgrade(dial())[0] == 403
		s = dial_tls()
		assert upgrade(s, "Origin: https://127.0.0.1:5901\n")[0] == 101
		w = Web(s)
		assert vencrypt(w) == [PLAIN]
		put32(w, PLAIN)
		plain(w, "bob", "a long password")
		assert result(w) is True and start(w) == "test"
		s = dial_tls()
		assert upgrade(s)[0] == 101
		w = Web(s)
		vencrypt(w)
		put32(w, PLAIN)
		plain(w, "bob", "no")
		assert result(w) == "a wrong name or password"
		s = dial()
		assert vencrypt(s) == [X509_PLAIN]
	EOF
	let_in 'wss+plain bob full'
	kill "${pids[front]}"
	await front 143
	front -O tls
	rfb <<-'EOF'
		status, head, body = http(dial(), "GET / HTTP/1.1\nHost: x\n\n")
		assert status == 403 and b"certificate" in body
	EOF
}
