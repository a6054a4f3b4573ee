# SPDX-License-Identifier: ISC
# Whoever comes to vm-vnc's front and means ill, or is broken, harms himself alone.
load lib
load vnc

# front_pids: the processes of the front, its own first.
front_pids() {
	local all=("${pids[front]}") i
	for ((i = 0; i < ${#all[@]}; i++)); do
		mapfile -t -O "${#all[@]}" all < <(pgrep -P "${all[i]}" || :)
	done
	printf '%s\n' "${all[@]}"
}

# settled N: wait until there are N processes of the front.
settled() {
	local i
	for ((i = 0; i < 200; i++)); do
		[ "$(front_pids | wc -l)" -ne "$1" ] || return 0
		read -r -t 0.05 <> <(:) || :
	done
	echo "not $1 processes:"
	front_pids
	return 1
}

# ticks PID...: the processor time that these have used, in ticks.
ticks() {
	local pid sum=0 stat
	for pid; do
		read -ra stat </proc/"$pid"/stat || continue
		sum=$((sum + stat[13] + stat[14]))
	done
	echo "$sum"
}

@test "half-open connections: sixteen of an address, and others are served meanwhile; each ends in its time; none spins" {
	authority
	certificate server DNS:localhost
	front -O cert="$T/server.pem" -O key="$T/server.key" -W 6080
	rfb <<-'EOF' &
		def refused(s):
		    try:
		        return s.recv(1) == b""
		    except ConnectionError:
		        return True
		began = time.monotonic()
		slow = [dial() for i in range(4)] + [dial(6080) for i in range(12)]
		slow[5].sendall(b"GET / HTTP/1.1\r\n")
		slow[6].sendall(b"\x16\x03\x01\x01\x00\x01\x00")
		for s in slow[:4]:
		    assert get(s, 12) == b"RFB 003.008\n"
		slow[0].sendall(b"RFB 003.")
		slow[1].sendall(b"RFB 003.008\n")
		assert refused(dial()) and refused(dial(6080))
		s = dial(source="127.0.0.2")
		assert vencrypt(s) == [X509_NONE]
		s = secure(s, X509_NONE)
		assert result(s) is True and start(s) == "test"
		open("open", "w").write("x")
		trickle = slow[5]
		for s in slow:
		    s.settimeout(0.5)
		    while True:
		        try:
		            if not s.recv(1000): break
		        except ConnectionError:
		            break
		        except TimeoutError:
		            assert time.monotonic() - began < 16, slow.index(s)
		            try:
		                trickle.sendall(b"x")
		            except ConnectionError:
		                pass
		assert time.monotonic() - began > 8
		assert version(dial()) == [VENCRYPT]
	EOF
	client=$!
	while [ ! -e "$T/open" ] && kill -0 $client; do read -r -t 0.05 <> <(:) || :; done
	mapfile -t all < <(front_pids)
	[ "${#all[@]}" -ge 33 ] # a clerk and a gate for each
	before=$(ticks "${all[@]}")
	read -r -t 2 <> <(:) || :
	after=$(ticks "${all[@]}")
	[ $((after - before)) -le 10 ]
	wait $client
	let_in 'rfb+x509+none - full'
	settled 1
}

@test "a flood of connections and rubbish leaves nothing behind" {
	front
	rfb <<-'EOF'
		import random
		random.seed(1)
		served = 0
		for i in range(150):
		    try:
		        s = dial(source="127.0.0.%d" % (2 + i % 7))
		        s.sendall(random.choice([b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", b"RFB 003.008\n", random.randbytes(900)]))
		        if i % 3: s.close()
		    except ConnectionError:
		        pass
		    if i % 30 == 0:
		        try:
		            s = dial(source="127.0.1.1")
		            assert version(s) == [NONE]
		            served += 1
		        except (AssertionError, ConnectionError):
		            pass
		s = None
		while True:
		    try:
		        s = dial()
		        assert version(s) == [NONE]
		        break
		    except (ConnectionError, AssertionError):
		        time.sleep(0.1)
		s.close()
	EOF
	settled 1
	[ "$(find "/proc/${pids[front]}/fd" -type l | wc -l)" -le 9 ]
}

@test "a viewer who never reads holds up nobody, and his bytes do not heap up" {
	authority
	certificate server DNS:localhost
	front -O cert="$T/server.pem" -O key="$T/server.key"
	rfb <<-'EOF'
		def enter():
		    s = dial()
		    vencrypt(s)
		    s = secure(s, X509_NONE)
		    assert result(s) is True and start(s) == "test"
		    return s
		ask = b"\3\0" + struct.pack(">HHHH", 0, 0, 64, 48)
		stalled = enter()
		stalled.settimeout(1)
		try:
		    for i in range(2000): stalled.sendall(ask * 5000)
		    assert False, "taken without end"
		except TimeoutError:
		    pass
		s = enter()
		began = time.monotonic()
		for i in range(20):
		    s.sendall(ask)
		    assert len(get(s, 16 + 4 * 64 * 48)) == 16 + 4 * 64 * 48
		assert time.monotonic() - began < 5
	EOF
	settled 1
}

@test "the gate is sealed: three sockets, no rights, and no call that could get it more" {
	echo pw4Xq9zK >"$T/pw"
	front -O password="$T/pw" -W 6080
	in_ns net bash -c 'exec 3<>/dev/tcp/127.0.0.1/6080; echo >"$1/open"; read -r -u 3' bash "$T" &
	while [ ! -e "$T/open" ]; do read -r -t 0.05 <> <(:) || :; done
	settled 3
	mapfile -t all < <(front_pids)
	gate=${all[2]}
	for ((i = 0; i < 100; i++)); do
		! grep -q $'^NoNewPrivs:\t1' "/proc/$gate/status" || break
		read -r -t 0.05 <> <(:) || :
	done
	grep -x $'NoNewPrivs:\t1' "/proc/$gate/status"
	grep -x $'CapEff:\t0000000000000000' "/proc/$gate/status"
	grep -x $'CapPrm:\t0000000000000000' "/proc/$gate/status"
	run -0 find "/proc/$gate/fd" -lname 'socket:*' -printf '%f\n'
	[ "${#lines[@]}" -eq 3 ]
	[ "$(find "/proc/$gate/fd" -type l | wc -l)" -eq 6 ]
	[ "$B" != asan ] || return 0 # sanitizers need calls of their own, and have memory that cannot be read
	for ((i = 0; i < 100; i++)); do
		! grep -q $'^Seccomp:\t2' "/proc/$gate/status" || break
		read -r -t 0.05 <> <(:) || :
	done
	grep -x $'Seccomp:\t2' "/proc/$gate/status"
	# Of the password nothing is in its memory; in the clerk's it is.
	run -1 grep -aq pw4Xq9zK <(gcore_of "$gate")
	run -0 grep -aq pw4Xq9zK <(gcore_of "${all[1]}")
	# A gate that breaks down takes its clerk along, and a clerk his gate.
	kill -KILL "$gate"
	settled 1
	wait_line "$T/front.log" 'not let in: took too long, or its gate broke down'
}

# gcore_of PID: the writable memory of a process.
gcore_of() {
	/usr/bin/python3 - "$1" <<-'EOF'
		import sys
		pid = sys.argv[1]
		memory = open("/proc/%s/mem" % pid, "rb", 0)
		for line in open("/proc/%s/maps" % pid):
		    where, rights = line.split()[:2]
		    low, high = (int(x, 16) for x in where.split("-"))
		    if "rw" not in rights or "[v" in line: continue
		    try:
		        memory.seek(low)
		        sys.stdout.buffer.write(memory.read(high - low))
		    except OSError:
		        pass
	EOF
}

@test "the end of the front is that of those who are not in yet" {
	front
	in_ns net bash -c 'exec 3<>/dev/tcp/127.0.0.1/5901; echo >"$1/open"; head -c 100 <&3 >/dev/null; echo >"$1/ended"' bash "$T" &
	while [ ! -e "$T/open" ]; do read -r -t 0.05 <> <(:) || :; done
	settled 3
	kill -KILL "${pids[front]}"
	await front 137
	for ((i = 0; i < 100; i++)); do
		[ ! -e "$T/ended" ] || break
		read -r -t 0.05 <> <(:) || :
	done
	[ -e "$T/ended" ]
}
