# SPDX-License-Identifier: ISC
# Who is let in by vm-vnc, and how: versions, passwords, TLS, certificates, SASL, addresses.
load lib
load vnc

@test "every version of RFB is met as it wants to be, and what is none is not" {
	front
	rfb <<-'EOF'
		for minor in 3, 7, 8:
		    s = dial()
		    assert version(s, minor) == [NONE]
		    if minor > 3: s.sendall(bytes([NONE]))
		    if minor == 8: assert result(s) is True
		    assert start(s) == "test", minor
		for text, types in (b"RFB 003.889\n", [NONE]), (b"RFB 004.001\n", [NONE]), (b"RFB 005.000\n", [NONE]):
		    assert version(dial(), text=text) == types
		s = dial()
		assert version(s, 3, b"RFB 003.005\n") == [NONE] and start(s) == "test"
		for text in b"RFB 002.008\n", b"XFB 003.008\n", b"RFB 003 008\n", b"RFB 003.008 ", b"RFB 003.0 8\n":
		    s = dial()
		    get(s, 12)
		    s.sendall(text)
		    assert ended(s), text
		for choice in 0, VNC, VENCRYPT, 255:
		    s = dial()
		    version(s)
		    s.sendall(bytes([choice]))
		    assert ended(s), choice
	EOF
	let_in 'rfb+none - full' 'rfb+none - full' 'rfb+none - full' 'rfb+none - full'
}

@test "a VNC password: right, wrong, one for looking; its end counts not, which is said" {
	printf 'secret\nno part of it\n' >"$T/pw"
	printf 'looker99long\n' >"$T/view"
	front -O password="$T/pw" -O view-password="$T/view"
	grep 'of a VNC password 8 characters count' "$T/front.log"
	rfb <<-'EOF'
		def attempt(password, minor=8):
		    s = dial()
		    if minor == 3:
		        assert version(s, 3) == [VNC]
		    else:
		        choose(s, VNC, minor)
		    vnc(s, password)
		    said = result(s, minor)
		    assert said is not True or start(s) == "test"
		    return said
		assert attempt("secret") is True
		assert attempt("looker99 or so", 7) is True
		assert attempt("secret", 3) is True
		assert attempt("secreT") == "a wrong password"
		assert attempt("", 7) is False
		assert attempt("", 3) is False
		assert attempt("secret") is True
	EOF
	let_in 'rfb+password - full' 'rfb+password - view' 'rfb+password - full' 'rfb+password - full'
	! grep -a secret "$T/front.log"
}

@test "who is wrong five times has to wait, and nobody else" {
	echo secret >"$T/pw"
	front -O password="$T/pw"
	rfb <<-'EOF'
		def attempt(password, source):
		    s = dial(source=source)
		    try:
		        choose(s, VNC)
		    except (AssertionError, ConnectionError):
		        return "refused"
		    vnc(s, password)
		    return result(s)
		for i in range(4):
		    assert attempt("wrong", "127.0.0.2") == "a wrong password"
		assert attempt("secret", "127.0.0.2") is True
		for i in range(5):
		    assert attempt("wrong", "127.0.0.2") == "a wrong password"
		assert attempt("secret", "127.0.0.2") == "refused"
		assert attempt("secret", "127.0.0.3") is True
	EOF
}

@test "a password comes by a descriptor, and is changed while it runs" {
	netns net
	mkfifo "$T/control"
	clean nsenter --preserve-credentials -U -n -t "${pids[net]}" sh -c 'exec vnc-front -l :1 -O password=@3 3<<-EOF
		first
		EOF' <>"$T/control" >"$T/front.log" 2>&1 &
	pids[front]=$!
	exec {control}<>"$T/control"
	rfb <<-'EOF'
		for i in range(100):
		    try:
		        dial().close()
		        break
		    except ConnectionError:
		        time.sleep(0.05)
		def attempt(password):
		    s = dial()
		    choose(s, VNC)
		    vnc(s, password)
		    return result(s)
		def change(line):
		    open("control", "w").write(line)
		    while open("front.log").read().count("ok\n") < change.n: time.sleep(0.01)
		    change.n += 1
		change.n = 1
		assert attempt("first") is True
		change("password second one\n")
		assert attempt("first") == "a wrong password"
		assert attempt("second o") is True
		change("password\n")
		assert attempt("") == "a wrong password"
		change("view-password looks\n")
		assert attempt("looks") is True
	EOF
	exec {control}>&-
	let_in 'rfb+password - full' 'rfb+password - full' 'rfb+password - view'
}

@test "VeNCrypt: TLS with nobody's name, then nothing, a VNC password, or a name and a password" {
	front -O tls
	rfb <<-'EOF'
		s = dial()
		assert version(s, 3) == [0] and "VeNCrypt" in reason(s)
		s = dial()
		assert vencrypt(s) == [TLS_NONE]
		s = secure(s, TLS_NONE)
		assert result(s) is True and start(s) == "test"
		s = dial()
		vencrypt(s)
		put32(s, X509_NONE)
		assert ended(s)
		s = dial()
		choose(s, VENCRYPT)
		get(s, 2)
		s.sendall(b"\0\1")
		assert get(s, 1) == b"\1" and ended(s)
	EOF
	let_in 'rfb+tls+none - full'
}

@test "X.509: the certificate is the server's; names and passwords of a file; what looks may not touch" {
	users
	echo secret >"$T/pw"
	authority
	authority other
	certificate server DNS:localhost,IP:127.0.0.1
	front -O cert="$T/server.pem" -O key="$T/server.key" -O users="$T/users" -O password="$T/pw" -O tls
	rfb <<-'EOF'
		s = dial()
		assert vencrypt(s) == [X509_PLAIN, X509_VNC, TLS_PLAIN, TLS_VNC]
		s = secure(s, X509_PLAIN, "ca.pem")
		plain(s, "bob", "a long password")
		assert result(s) is True and start(s) == "test"
		for name, password in ("bob", "a long passwort"), ("bob", ""), ("", ""), ("nobody", "a long password"), ("bob\0x", "y"):
		    s = dial(source="127.0.0.%d" % (10 + len(name + password)))
		    vencrypt(s)
		    s = secure(s, TLS_PLAIN)
		    plain(s, name, password)
		    assert result(s) == "a wrong name or password", name
		s = dial()
		vencrypt(s)
		s = secure(s, X509_PLAIN)
		plain(s, "eve", "another one")
		assert result(s) is True
		s = dial()
		vencrypt(s)
		s = secure(s, X509_VNC)
		vnc(s, "secret")
		assert result(s) is True
		for lengths in (128, 1), (1, 256), (0xffffffff, 0xffffffff):
		    s = dial()
		    vencrypt(s)
		    s = secure(s, TLS_PLAIN)
		    put32(s, *lengths)
		    assert result(s) == "a name or password that is too long"
		s = dial()
		vencrypt(s)
		try:
		    secure(s, X509_VNC, "other.pem")
		    assert False
		except ssl.SSLCertVerificationError:
		    pass
	EOF
	let_in 'rfb+x509+plain bob full' 'rfb+x509+plain eve view' 'rfb+x509+password - full'
}

@test "viewers with certificates: one of the authority, and on the list of names" {
	authority
	authority other
	certificate server DNS:localhost
	certificate alice email:alice@example.org
	certificate mallory email:mallory@example.org
	certificate alice2 email:alice@example.org other
	front -O cert="$T/server.pem" -O key="$T/server.key" -O ca="$T/ca.pem" -O allow=email:alice@* -O allow=cn:nobody
	rfb <<-'EOF'
		def attempt(cert):
		    s = dial()
		    assert vencrypt(s) == [X509_NONE]
		    try:
		        s = secure(s, X509_NONE, "ca.pem", cert)
		        return result(s)
		    except (ssl.SSLError, ConnectionError, struct.error):
		        return "refused"
		assert attempt("alice") is True
		assert attempt("mallory") == "a certificate of nobody who is let in"
		assert attempt("alice2") == "refused"
		assert attempt(None) == "refused"
	EOF
	let_in 'rfb+x509+none email:alice@example.org full'
}

@test "a certificate that was revoked is none" {
	authority
	certificate server DNS:localhost
	certificate alice email:alice@example.org
	certificate bob email:bob@example.org
	printf 'crl_number = 1\n' >"$T/template"
	certtool --generate-crl --load-ca-privkey "$T/ca.key" --load-ca-certificate "$T/ca.pem" --load-certificate "$T/alice.pem" \
		--template "$T/template" --outfile "$T/crl.pem" 2>/dev/null
	front -O cert="$T/server.pem" -O key="$T/server.key" -O ca="$T/ca.pem" -O crl="$T/crl.pem"
	rfb <<-'EOF'
		for cert, want in ("alice", "refused"), ("bob", True):
		    s = dial()
		    vencrypt(s)
		    try:
		        got = result(secure(s, X509_NONE, None, cert))
		    except (ssl.SSLError, ConnectionError, struct.error):
		        got = "refused"
		    assert got == want, cert
	EOF
	let_in 'rfb+x509+none cn:bob full'
}

@test "SASL: mechanisms as asked for, over TLS and on this host, with names on the list" {
	mkdir "$T/sasl"
	printf 'pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: %s\n' "$T/sasldb" >"$T/sasl/vm-vnc.conf"
	echo pass1 | saslpasswd2 -p -c -f "$T/sasldb" -u "$(uname -n)" bob
	echo pass2 | saslpasswd2 -p -c -f "$T/sasldb" -u "$(uname -n)" carol
	export SASL_CONF_PATH=$T/sasl
	front -O tls -O sasl=PLAIN -O allow=user:bob@* -O allow=user:bob
	rfb <<-'EOF'
		def attempt(name, password, kind):
		    s = dial(source="127.0.0.%d" % (10 + attempt.n))
		    attempt.n += 1
		    assert vencrypt(s) == [TLS_PLAIN, TLS_SASL]
		    s = secure(s, kind)
		    if kind == TLS_PLAIN:
		        plain(s, name, password)
		    else:
		        assert sasl_plain(s, name, password) == "PLAIN"
		    return result(s)
		attempt.n = 0
		assert attempt("bob", "pass1", TLS_SASL) is True
		assert attempt("bob", "pass1", TLS_PLAIN) is True
		wrong = "a wrong name or password"
		assert attempt("bob", "pass2", TLS_SASL) == wrong
		assert attempt("bob", "pass2", TLS_PLAIN) == wrong
		assert attempt("carol", "pass2", TLS_SASL) == wrong
		s = dial()
		vencrypt(s)
		s = secure(s, TLS_SASL)
		get(s, u32(s))
		counted(s, b"ANONYMOUS")
		counted(s, b"x\0")
		get(s, u32(s))
		assert get(s, 1) == b"\1" and result(s) == wrong
		for length in 101, 0xffffffff:
		    s = dial()
		    vencrypt(s)
		    s = secure(s, TLS_SASL)
		    get(s, u32(s))
		    put32(s, length)
		    assert result(s) == "more of SASL than there may be"
	EOF
	let_in 'rfb+tls+sasl bob full' 'rfb+tls+plain bob full'
}

@test "SASL without TLS is for viewers of this host, whom a challenge and its response do" {
	mkdir "$T/sasl"
	printf 'pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: %s\n' "$T/sasldb" >"$T/sasl/vm-vnc.conf"
	echo pass1 | saslpasswd2 -p -c -f "$T/sasldb" -u "$(uname -n)" bob
	export SASL_CONF_PATH=$T/sasl
	front -O sasl -l "$T/sock"
	rfb <<-'EOF'
		s = dial("sock")
		assert version(s) == [VENCRYPT, SASL]
		s.sendall(bytes([SASL]))
		assert "PLAIN" in sasl_plain(s, "bob", "pass1").split(",")
		assert result(s) is True and start(s) == "test"
	EOF
	let_in 'rfb+sasl bob full'
}

@test "nothing listens beyond loopback unprotected, unless that is said" {
	users
	echo secret >"$T/pw"
	local open='anybody could connect: give -O password=, users=, sasl or ca=, or -a, or say -O insecure'
	local clear='names and passwords only over TLS: give -O cert= and key=, or -O tls, or say -O insecure'
	run -1 ns vnc-front -l '*:5901'
	[ "$output" = "vnc-front: -l *:5901: $open" ]
	run -1 ns vnc-front -l '[::]:1'
	[ "$output" = "vnc-front: -l [::]:1: $open" ]
	run -1 ns vnc-front -O tls -W '*:6080'
	[ "$output" = "vnc-front: -W *:6080: $open" ]
	run -1 ns vnc-front -O users="$T/users" -l '*:5901'
	[ "$output" = "vnc-front: -l *:5901: $clear" ]
	run -1 ns vnc-front -l 192.0.2.1:5901
	[ "$output" = "vnc-front: -l 192.0.2.1:5901: $open" ]
	netns net
	local -a protected=("-O password=$T/pw" '-a 10.0.0.0/8' '-O insecure' "-O users=$T/users -O tls")
	local words
	for words in "${protected[@]}"; do
		# shellcheck disable=SC2086 # words
		spawn_in net -R front vnc-front -R 9 $words -l '*:5901' -l '[::1]:5902'
		kill "${pids[front]}"
		await front 143
	done
}

@test "names and passwords are not asked for where others would hear them" {
	users
	echo secret >"$T/pw"
	netns net
	in_ns net ip addr add 192.0.2.1/32 dev lo
	front -O users="$T/users" -O insecure -l 192.0.2.1:1 -W 192.0.2.1:6080
	rfb <<-'EOF'
		assert version(dial()) == [VENCRYPT], "on this host"
		s = dial(host="192.0.2.1")
		assert version(s) == [] and reason(s) == "names and passwords only over TLS"
		s = dial(6080, "192.0.2.1")
		assert upgrade(s)[0] == 101 and version(Web(s)) == []
	EOF
	kill "${pids[front]}"
	await front 143
	front -O users="$T/users" -O password="$T/pw" -l 192.0.2.1:1
	rfb <<-'EOF'
		assert version(dial()) == [VENCRYPT, VNC]
		assert version(dial(host="192.0.2.1")) == [VNC]
	EOF
}

@test "only those of the list of addresses are met" {
	front -a 127.0.0.2 -a 127.1.0.0/16 -a ::1 -l '[::]:2' -l "$T/sock"
	rfb <<-'EOF'
		def met(s):
		    try:
		        return get(s, 12) != b""
		    except ConnectionError:
		        return False
		assert not met(dial())
		assert met(dial(source="127.0.0.2"))
		assert met(dial(source="127.1.2.3"))
		assert not met(dial(source="127.2.2.3"))
		assert met(dial(5902, "::1"))
		assert met(dial(5902, source="127.0.0.2")), "IPv4 in IPv6"
		assert not met(dial(5902))
		assert met(dial("sock"))
	EOF
}

@test "listeners: paths with their modes, descriptors, displays and ports; opened and closed while it runs; calls to viewers" {
	netns net
	mkfifo "$T/control"
	exec {control}<>"$T/control"
	in_ns net sh -c 'cd "$1" && exec vnc-front -v -l ./a -l ./b,mode=0660 -l :7 -l localhost:5908 -W 6080' sh "$T" <"$T/control" >"$T/front.log" 2>&1 &
	pids[front]=$!
	wait_line "$T/front.log" 'http://127.0.0.1:6080/'
	rfb <<-'EOF'
		def change(line):
		    before = len(open("front.log").read())
		    open("control", "w").write(line + "\n")
		    while True:
		        said = open("front.log").read()[before:]
		        lines = [l for l in said.splitlines() if l.split(" ")[0] in ("ok", "no")]
		        if lines: return lines[0]
		        time.sleep(0.01)
		for where in "a", "b", 5907, 5908:
		    for i in range(200):
		        try:
		            assert get(dial(where), 3) == b"RFB"
		            break
		        except (ConnectionError, FileNotFoundError):
		            time.sleep(0.02)
		assert os.stat("a").st_mode & 0o777 == 0o600 and os.stat("b").st_mode & 0o777 == 0o660
		assert change("listen :9") == "ok"
		assert get(dial(5909), 3) == b"RFB"
		assert change("listen :9") == "no Address already in use"
		assert change("close :9") == "ok" and change("close :9") == "no no such listener"
		try:
		    dial(5909)
		    assert False
		except ConnectionRefusedError:
		    pass
		assert change("close ./a") == "ok" and not os.path.exists("a")
		assert "anybody could connect" in change("listen *:9")
		assert change("listen nowhere:9").startswith("no the host is not an address")
		viewer = socket.create_server(("127.0.0.1", 5500))
		assert change("connect 127.0.0.1:5500") == "ok"
		s = viewer.accept()[0]
		assert version(s) == [NONE]
		s.sendall(b"\1")
		assert result(s) is True and start(s) == "test"
		change("listeners")
	EOF
	exec {control}>&-
	grep -x $'listener\t127.0.0.1:6080\tbrowser' "$T/front.log"
	run -1 clean vnc-front -l @0 </dev/null
	[ "$output" = 'vnc-front: -l @0: not a listening socket' ]
	run -1 vnc-front -l ./x,mode=9
	run -1 vnc-front -l ./x,size=0600
	[ "$output" = 'vnc-front: -l ./x,size=0600: behind the path: not ,mode=OCTAL' ]
	run -1 vnc-front -l 127.0.0.1:65536
	run -1 vnc-front -W 127.0.0.1:0
}

@test "words that make no sense are refused, and each says why" {
	authority
	certificate server DNS:localhost
	certificate alice DNS:localhost
	printf 'bob:plain\n' >"$T/bad"
	: >"$T/empty"
	while IFS='|' read -r status words want; do
		# shellcheck disable=SC2086 # words
		run "-$status" env -C "$T" vnc-front $words
		[ "$output" = "vnc-front: $want" ] || {
			echo "$words: $output"
			return 1
		}
	done <<-'EOF'
		2|-O speed=9|-O speed=9: no such setting
		2|-O cert|-O cert: no such setting, or one without its =
		2|-O cert=|-O cert=: empty
		2|-O cert=a -O cert=b|-O cert=b: given twice
		2|-O cert=server.pem|-O cert=FILE and -O key=FILE: both or neither
		2|-O ca=ca.pem|-O ca=ca.pem: without -O cert=FILE no viewer can be asked for a certificate
		1|-O cert=server.pem -O key=alice.key|key=alice.key: not the key of server.pem
		1|-O cert=gone -O key=server.key|-O cert=gone: No such file or directory
		1|-O cert=server.pem -O key=server.key -O ca=empty|ca=empty: no certificate in it
		1|-O users=bad|-O users=bad: line 1: not a hash of crypt(5): they begin with $
		1|-O users=empty|-O users=empty: line 1: no names in it
		1|-O password=empty|-O password=empty: no password in its first line
		2|-O password=@x|-O password=@x: not @ and the number of a descriptor
		2|-O allow=bob|-O allow=bob: not cn:, dn:, dns:, email:, uri:, ip: or user: and a name
		2|-O allow=cn:|-O allow=cn:: an empty name
		2|-O allow=cn:x|-O allow=: nobody has a name without -O ca=, users= or sasl
		2|-O origin=example.org|-O origin=example.org: neither http://HOST nor https://HOST nor *
		2|-a 10.0.0.0/33|-a 10.0.0.0/33: not an address or ADDRESS/LENGTH
		1|-d gone|-d gone: No such file or directory
	EOF
}

# scripts PAGE: what the displays of its section on security hold, each ended by a line of its own.
scripts() {
	sed -n '/^\.Ss Security/,/^\.Ss Browsers/p' "$1" | awk '/^\.Bd/ { on = 1; next } /^\.Ed/ { on = 0; print "# end" } on' | sed 's/\\e$/\\/'
}

@test "what the manual shows of certificates and passwords lets in whom it says" {
	local script=''
	# The machine is one that has nothing but a screen; the password's store is a file.
	scripts "$TESTS/../man/vm-vnc.1" | sed 's,\./guest,-v -R 9 fb-machine cmds,; s/^pass show vnc/echo 1st-one/; s/DNS:host/DNS:localhost/' >"$T/scripts"
	printf '#!/bin/sh -e\n' >"$T/1"
	awk -v n=1 -v dir="$T/" '/^# end$/ { n++; next } { print >>(dir n) }' "$T/scripts"
	netns net
	for script in 1 2 3; do
		[ -s "$T/$script" ]
		sed -i '/^echo password/d' "$T/$script"
		rm -f "$T/cmds"
		spawn_in net -R show env -C "$T" sh -e "./$script"
		rfb "$script" <<-'EOF'
			s = dial()
			if sys.argv[1] == "1":
			    assert vencrypt(s) == [X509_PLAIN]
			    s = secure(s, X509_PLAIN, "cert.pem")
			    plain(s, "joe", "another")
			elif sys.argv[1] == "2":
			    assert vencrypt(s) == [X509_NONE]
			    s = secure(s, X509_NONE, "cert.pem", "ann")
			else:
			    choose(s, VNC)
			    vnc(s, "1st-one")
			assert result(s) is True and start(s) == "kvm-utils"
		EOF
		cat "$T/show.log" >>"$T/all.log"
		echo quit >"$T/cmds"
		await show
	done
	grep -o 'let in (.*)' "$T/all.log" | diff - <(printf 'let in (%s)\n' rfb+x509+plain rfb+x509+none rfb+password)
}
