# SPDX-License-Identifier: ISC
# vm-slirp with real clients. "host" is a network namespace in which it runs, with the host's servers; "guest" another
# one, whose only way out is a tap that wire-join connects to vm-slirp's socket.
load lib

in_host() {
	in_ns host "$@"
}

in_guest() {
	in_ns guest "$@"
}

# slirp OPTION...: vm-slirp -l $T/net in the host's namespace.
slirp() {
	netns host
	spawn_in host -R slirp vm-slirp -R 9 -l "$T/net" "$@"
}

# guest: plug the guest in, with the address that -p leads to.
guest() {
	need_access /dev/net/tun
	[[ ${pids[guest]-} ]] || netns guest
	spawn_in guest cable wire-tap eth0 wire-join "$T/net"
	until in_guest ip link set eth0 up 2>/dev/null; do sleep 0.02; done
	in_guest ip addr add 10.0.2.15/24 dev eth0
	in_guest ip route add default via 10.0.2.2
}

# serve NS NAME SOCAT-ADDRESS TEXT: answer every connection with a line of text and what came.
serve() {
	spawn_in "$1" "$2" socat "$3" "SYSTEM:read -r line; echo \"$4 \$line\""
	listening "$1" "$3"
}

# Until something listens on the port in a socat address.
listening() {
	local port=${2#*:}
	port=${port%%,*}
	until in_ns "$1" ss -Hlnut "sport = :$port" | grep -q .; do sleep 0.02; done
}

ask() { # NS SOCAT-ADDRESS TEXT
	in_ns "$1" timeout 60 socat -t 5 - "$2" <<<"$3"
}

control() {
	timeout 60 socat -t 60 - "UNIX-CONNECT:$T/ctl"
}

@test "vm-slirp: --help, --version, no arguments" {
	run -0 vm-slirp --help
	[[ $output = usage:* ]]
	run -0 vm-slirp --version
	[[ $output = 'kvm-utils '*' (vm-slirp)' ]]
	run -2 clean vm-slirp
	[ "$output" = 'vm-slirp: no program, no -S, no -l and no net wire: nobody to serve (try --help)' ]
	run -1 sh -c 'vm-slirp --help >/dev/full'
}

@test "vm-slirp: wrong words are named, and nothing is started" {
	local letter word why
	while IFS='~' read -r letter word why; do
		run -2 clean vm-slirp "-$letter" "$word" touch "$T/started"
		[ "$output" = "vm-slirp: -$letter $word: $why" ]
	done <<-'EOF'
		p~x~not an address or a port from 1 to 65535
		p~0:22~not an address or a port from 1 to 65535
		p~22:~ends in a colon
		p~127.0.0.1~no port from 1 to 65535 after the address
		p~22:22:22~more words than HOSTADDR:HOSTPORT:GUESTADDR:GUESTPORT
		p~udp:/s:22~UDP cannot be forwarded from a Unix socket
		p~[::1]:80:10.0.2.15:80~IPv4 and IPv6 cannot be mixed in one forward
		p~22:10.0.3.1:22~the guest's address is not one of its network
		p~22:10.0.2.2:22~the guest's address is not one of its network
		g~80~not [ADDR:]PORT=TARGET
		g~80=~not an address or a port from 1 to 65535
		g~80=|~no command after |
		a~10.0.2.2~not ADDRESS/LENGTH
		a~10.0.2.2/30~not a prefix length from 8 to 29
		a~10.0.2.0/24~the network's own or its broadcast address, not a host's
		a~x/24~not an address
		D~x~not an address, nor none
		L~fe80::1~not an IPv4 address, nor none
		o~x~not an address
		u~100~not a number from 576 to 65521
	EOF
	[ ! -e "$T/started" ]
	run -2 clean vm-slirp -p
	[ "$output" = 'vm-slirp: -p: an argument is missing' ]
	run -2 clean vm-slirp -% true
	[ "$output" = 'vm-slirp: -%: no such option (try --help)' ]
}

@test "vm-slirp: contradictions are found" {
	run -2 clean vm-slirp -4 -6 true
	[ "$output" = 'vm-slirp: -4 and -6: one of them alone' ]
	run -2 clean vm-slirp -D 10.9.9.9 true
	[ "$output" = 'vm-slirp: the name server (-D) is outside the network (-a)' ]
	run -2 clean vm-slirp -L 10.0.2.2 true
	[[ $output = *"first address leased"* ]]
	run -2 clean vm-slirp -u 1000 true
	[[ $output = *1280* ]]
	run -2 clean vm-slirp -p 80 -p 80:22 true
	[ "$output" = 'vm-slirp: -p 80:22: forwarded already by -p 80' ]
	run -2 clean vm-slirp -l "$T/s" true
	[ "$output" = 'vm-slirp: a program, -S, -l and -w exclude each other' ]
	run -2 clean vm-slirp -R 77 true
	[ "$output" = 'vm-slirp: -R 77: not an open descriptor' ]
	run -2 clean vm-slirp -w net,fd=77
	[[ $output = *'net0: fd 77: Bad file descriptor'* ]]
	run -1 clean sh -c 'vm-slirp -w net,fd=3 3</dev/null'
	[[ $output = *'neither a socket nor a tap'* ]]
}

@test "vm-slirp -n: all that was asked for, with its defaults" {
	run -0 clean vm-slirp -n -a 10.1.0.1/16 -s a.org -s b.org -Z c.org -I vm1 -u 9000 -x -X -o 192.0.2.1 -T /srv -E pxe \
		-e boot -p 2222:22 -p 'udp:*:53:10.1.0.9:5353' -p '[::1]:80' -p /run/s:22 -g 10.1.0.7:80=/run/t \
		-g '10.1.0.7:25=|cat' -g 10.1.0.7:26=9.8.7.6:5 true
	diff -u - <(echo "$output") <<-'EOF'
		host	10.1.0.1/16
		dns	10.1.2.3
		first	10.1.2.15
		host	fec0::2/64
		dns	fec0::3
		outbound	192.0.2.1
		mtu	9000
		restricted	yes
		loopback	no
		hostname	vm1
		domain	c.org
		search	a.org
		search	b.org
		tftp	/srv
		tftp-name	boot
		bootfile	pxe
		forward	tcp	127.0.0.1:2222	guest:22
		forward	udp	0.0.0.0:53	10.1.0.9:5353
		forward	tcp	[::1]:80	guest:80
		forward	unix	/run/s	guest:22
		guestfwd	10.1.0.7:80	/run/t
		guestfwd	10.1.0.7:25	|cat
		guestfwd	10.1.0.7:26	9.8.7.6:5
	EOF
}

@test "vm-slirp as a loader: a stream wire, its exit codes, and no backend left behind" {
	run -0 ns vm-slirp -4 sh -c 'echo "$VM_WIRES" && readlink /proc/$$/fd/10'
	[ "${lines[0]}" = net,fd=10,xgso=on ]
	[[ ${lines[1]} = socket:* ]]
	run -0 ns vm-slirp -u 9000 sh -c 'echo "$VM_WIRES"'
	[ "$output" = net,fd=10,mtu=9000,xgso=on ]
	run -0 ns env VM_WIRES=con,fd=0:1 vm-slirp sh -c 'echo "$VM_WIRES"'
	[ "$output" = con,fd=0:1\ net,fd=10,xgso=on ]
	run -7 ns vm-slirp sh -c 'exit 7'
	run -127 ns vm-slirp "$T/none"
	[ "$output" = "vm-slirp: $T/none: No such file or directory" ]
	run -126 ns vm-slirp "$T"
	# A pid namespace ends with its first process: another way to say that nothing outlives the wire.
	run -0 clean timeout 60 unshare -rnpf --mount-proc sh -c \
		'ip link set lo up; vm-slirp true; until [ "$(ps -C vm-slirp -C slirp --no-headers | wc -l)" = 0 ]; do sleep 0.02; done'
}

@test "vm-slirp as a loader: a port that is taken is exit 125, before anything runs" {
	run -125 ns sh -c 'socat TCP-LISTEN:2222,bind=127.0.0.1 - & until ss -Hlnt | grep -q 2222; do sleep 0.02; done
		vm-slirp -p 2222:22 touch "$1"; r=$?; kill $!; exit $r' sh "$T/started"
	[ "$output" = 'vm-slirp: -p 2222:22: Address already in use' ]
	[ ! -e "$T/started" ]
}

@test "vm-slirp as a loader: the program has no child it did not start, and gets none of the backend's descriptors" {
	run -0 ns vm-slirp -p 2222:22 -C "$T/ctl" sh -c 'pgrep -P $$ || echo none; exec ls /proc/self/fd'
	[ "${lines[*]}" = 'none 0 1 10 2 3' ] # 3 is the directory that ls reads
}

@test "vm-slirp as a loader: Ctrl-C is the program's, TERM and a killed program end the backend" {
	run -0 clean timeout 60 unshare -rnpf --mount-proc sh -c 'ip link set lo up
		vm-slirp sh -c "kill -INT -\$\$ 2>/dev/null; exec sleep 100" & p=$!
		until pgrep -x slirp >/dev/null; do sleep 0.02; done
		kill -INT $(pgrep -x slirp) $(pgrep -x vm-slirp); sleep 0.2; pgrep -x slirp >/dev/null || exit 1
		kill -9 $p; while pgrep -x slirp >/dev/null || pgrep -x vm-slirp >/dev/null; do sleep 0.02; done'
}

@test "vm-slirp as a loader: a pipeline does not wait for the backend" {
	run -0 ns sh -c '{ vm-slirp sh -c "echo done; exec sleep 100 >&- 2>&-" 2>/dev/null & echo $! >"$1"; } | { timeout 60 cat || echo waited; }
		kill "$(cat "$1")" && echo it still ran' sh "$T/pid"
	[ "$output" = "$(printf 'done\nit still ran')" ]
}

@test "vm-slirp -S: the wire goes to a machine that runs, or its refusal is told" {
	need_access /dev/net/tun
	spawn machine socat "UNIX-LISTEN:$T/ctl" 'SYSTEM:read -r x; echo "$x" >&2; echo no no slots'
	until [ -S "$T/ctl" ]; do sleep 0.02; done
	run -1 ns timeout 60 vm-slirp -S "$T/ctl"
	[ "$output" = "vm-slirp: $T/ctl: no slots" ]
	await machine
	[ "$(cat "$T/machine.log")" = 'wire net,fd=0,xgso=on' ]
	# This machine forgets its wire at once: the network ends with it.
	spawn machine socat "UNIX-LISTEN:$T/ctl" 'SYSTEM:read -r x; echo ok net1'
	until [ -S "$T/ctl" ]; do sleep 0.02; done
	run -0 ns timeout 60 vm-slirp -S "$T/ctl"
}

@test "vm-slirp: the stack is sealed" {
	slirp -T "$T"
	guest
	in_guest ping -c 1 -W 20 10.0.2.2 >/dev/null || :
	local stack
	stack=$(pgrep -P "${pids[slirp]}" -x slirp)
	[ "${B-}" = asan ] || grep -q '^Seccomp:	2' "/proc/$stack/status" # sanitizers need calls of their own
	grep -q '^NoNewPrivs:	1' "/proc/$stack/status"
	grep -q '^CapEff:	0000000000000000' "/proc/$stack/status"
	grep -q '^CapBnd:	0000000000000000' "/proc/$stack/status"
	for kind in mnt ipc uts pid; do
		[ "$(readlink "/proc/$stack/ns/$kind")" != "$(readlink "/proc/${pids[slirp]}/ns/$kind")" ]
	done
	[ "$(readlink "/proc/$stack/ns/net")" = "$(readlink "/proc/${pids[host]}/ns/net")" ]
	[ "$(cd "/proc/$stack/root" && find . -xdev | sort | xargs)" = '. ./etc ./etc/resolv.conf ./tftp' ]
	run ! touch "/proc/$stack/root/tftp/x"
}

@test "vm-slirp: without namespaces it works too, held by the list of system calls" {
	mkdir "$T/tftp"
	echo hello >"$T/tftp/file"
	netns host
	in_host sysctl -qw user.max_mnt_namespaces=0
	spawn_in host -R slirp vm-slirp -v -R 9 -T "$T/tftp" -g '80=|cat' -p 2000:22 -l "$T/net"
	guest
	run -0 ask guest TCP:10.0.2.4:80 hello
	[ "$output" = hello ]
	serve guest tcp TCP-LISTEN:22,fork,reuseaddr tcp
	run -0 ask host TCP:127.0.0.1:2000 a
	[ "$output" = 'tcp a' ]
	grep -q 'no namespaces here' "$T/slirp.log"
	[ "${B-}" = asan ] || grep -q '^Seccomp:	2' "/proc/$(pgrep -P "${pids[slirp]}" -x slirp)/status"
	run ! compgen -G '/tmp/vm-slirp.*'
	in_guest timeout 60 busybox tftp -g -r file -l "$T/got" 10.0.2.2
	[ "$(cat "$T/got")" = hello ]
}

@test "vm-slirp: DHCP gives what was asked for" {
	slirp -a 10.7.0.1/24 -L 10.7.0.50 -D 10.7.0.9 -I vm7 -s one.example -s two.example -Z dom.example -E boot.bin -e tftphost
	need busybox
	netns guest
	spawn_in guest cable wire-tap eth0 wire-join "$T/net"
	until in_guest ip link set eth0 up 2>/dev/null; do sleep 0.02; done
	printf '#!/bin/sh\n[ "$1" != bound ] || env >"%s/lease"\n' "$T" >"$T/script"
	chmod +x "$T/script"
	in_guest timeout 60 busybox udhcpc -i eth0 -n -q -f -s "$T/script" -O search -O bootfile -O tftp -O hostname -O domain
	for line in ip=10.7.0.50 subnet=255.255.255.0 router=10.7.0.1 dns=10.7.0.9 hostname=vm7 domain=dom.example \
		boot_file=boot.bin 'search=one.example two.example'; do
		grep -Fx "$line" "$T/lease" || { cat "$T/lease"; false; }
	done
}

@test "vm-slirp: IPv6 by router advertisement, in the prefix asked for; -4 and -6 turn the other off" {
	slirp -6 -a fd77:1::2/64
	need_access /dev/net/tun
	netns guest
	in_guest sysctl -qw net.ipv6.conf.default.accept_dad=0
	spawn_in guest cable wire-tap eth0 wire-join "$T/net"
	until in_guest ip link set eth0 up 2>/dev/null; do sleep 0.02; done
	timeout 60 bash -c "until nsenter --preserve-credentials -U -n -t ${pids[guest]} ip -6 addr show dev eth0 | grep fd77:1:; do sleep 0.1; done"
	in_guest ping -6 -c 1 -W 20 fd77:1::2
	serve host server TCP6-LISTEN:8000,bind=[::1],fork,reuseaddr over-v6
	run -0 ask guest 'TCP:[fd77:1::2]:8000' hello
	[ "$output" = 'over-v6 hello' ]
	in_guest ip addr add 10.0.2.15/24 dev eth0
	run ! in_guest ping -c 1 -W 1 10.0.2.2
}

@test "vm-slirp: out to the host by TCP and UDP; -X hides its loopback" {
	slirp
	guest
	serve host tcp TCP-LISTEN:8000,bind=127.0.0.1,fork,reuseaddr tcp
	serve host udp UDP-LISTEN:8001,bind=127.0.0.1,fork,reuseaddr udp
	run -0 ask guest TCP:10.0.2.2:8000 hello
	[ "$output" = 'tcp hello' ]
	run -0 ask guest UDP:10.0.2.2:8001 hello
	[ "$output" = 'udp hello' ]
	kill "${pids[slirp]}"
	await slirp
	await cable
	spawn_in host -R slirp vm-slirp -R 9 -l "$T/net" -X
	guest
	run ! ask guest TCP:10.0.2.2:8000 hello
}

@test "vm-slirp -o: out with the address chosen" {
	slirp -o 127.0.0.9
	guest
	spawn_in host server socat -u TCP-LISTEN:8000,bind=127.0.0.1 'SYSTEM:echo $SOCAT_PEERADDR'
	listening host TCP-LISTEN:8000
	in_guest socat -u /dev/null TCP:10.0.2.2:8000
	await server
	[ "$(cat "$T/server.log")" = 127.0.0.9 ]
}

@test "vm-slirp: bulk data arrives whole, both ways" {
	slirp -p 7000:7000
	guest
	head -c 20000000 /dev/urandom >"$T/data"
	spawn_in guest sink socat -u TCP-LISTEN:7000 "CREATE:$T/in"
	listening guest TCP-LISTEN:7000
	in_host timeout 60 socat -u "OPEN:$T/data" TCP:127.0.0.1:7000
	await sink
	cmp "$T/data" "$T/in"
	spawn_in host sink socat -u TCP-LISTEN:7001,bind=127.0.0.1 "CREATE:$T/out"
	listening host TCP-LISTEN:7001
	in_guest timeout 60 socat -u "OPEN:$T/data" TCP:10.0.2.2:7001
	await sink
	cmp "$T/data" "$T/out"
}

# echo_datagram UDP SERVER-ADDRESS ADDRESS: a datagram of 30000 bytes goes out, and comes back as it was.
echo_datagram() {
	head -c 30000 /dev/urandom | base64 -w 0 | head -c 30000 >"$T/data"
	spawn_in host "echo$1" socat -b 65000 "$1-LISTEN:8001,bind=$2,fork,reuseaddr" EXEC:cat
	listening host "$1-LISTEN:8001"
	in_guest sh -c "timeout 10 socat -b 65000 -t 2 - '$1:$3:8001' <'$T/data' >'$T/back'"
	cmp "$T/data" "$T/back"
}

@test "vm-slirp: datagrams larger than a frame pass, both ways" {
	slirp -4
	guest
	echo_datagram UDP 127.0.0.1 10.0.2.2
}

@test "vm-slirp: datagrams of IPv6 larger than a frame pass, both ways" {
	slirp -6
	guest
	in_guest sysctl -qw net.ipv6.conf.eth0.accept_dad=0
	in_guest ip addr add fec0::15/64 dev eth0 nodad
	echo_datagram UDP6 '[::1]' '[fec0::2]'
	in_guest ping -6 -c 1 -s 5000 -W 20 fec0::2
}

@test "vm-slirp: ping, where ping_group_range allows it" {
	slirp
	guest
	in_host sysctl -qw net.ipv4.ping_group_range='0 0' || skip 'no ping sockets here'
	in_host ip addr add 192.0.2.1/32 dev lo
	in_guest ping -c 2 -i 0.2 -W 5 10.0.2.2
	in_guest ping -c 1 -W 20 192.0.2.1
}

@test "vm-slirp: names are asked of the server in resolv.conf, also after it changed" {
	need busybox
	netns host
	echo nameserver 127.0.0.53 >"$T/resolv.conf"
	spawn_in host -R dns1 dns-stub -R 9 127.0.0.53 192.0.2.53
	spawn_in host -R dns2 dns-stub -R 9 127.0.0.54 192.0.2.54
	spawn_in host -R slirp unshare -m sh -c "mount --bind '$T/resolv.conf' /etc/resolv.conf && exec vm-slirp -R 9 -l '$T/net'"
	guest
	run -0 in_guest timeout 60 busybox nslookup -type=a name.example 10.0.2.3
	[[ $output = *192.0.2.53* ]]
	echo nameserver 127.0.0.54 >"$T/resolv.conf"
	sleep 1.2 # libslirp looks again after a second
	run -0 in_guest timeout 60 busybox nslookup -type=a name.example 10.0.2.3
	[[ $output = *192.0.2.54* ]]
}

@test "vm-slirp -p: forwards of every kind" {
	slirp -p 2000:22 -p udp:2001:23 -p "$T/fwd:22" -p '[::1]:2002:24' -p '*:2003:10.0.2.15:22'
	guest
	in_guest sysctl -qw net.ipv6.conf.eth0.accept_dad=0
	serve guest tcp TCP-LISTEN:22,fork,reuseaddr tcp
	serve guest udp UDP-LISTEN:23,fork,reuseaddr udp
	serve guest tcp6 TCP6-LISTEN:24,fork,reuseaddr,ipv6only=1 v6
	run -0 ask host TCP:127.0.0.1:2000 a
	[ "$output" = 'tcp a' ]
	run -0 ask host UDP:127.0.0.1:2001 b
	[ "$output" = 'udp b' ]
	[ "$(stat -c %a "$T/fwd")" = 600 ]
	run -0 ask host "UNIX-CONNECT:$T/fwd" c
	[ "$output" = 'tcp c' ]
	in_host ip addr add 192.0.2.1/32 dev lo
	run -0 ask host TCP:192.0.2.1:2003 d
	[ "$output" = 'tcp d' ]
	run ! ask host TCP:192.0.2.1:2000 e
	# libslirp knows the guest's IPv6 address once the guest has spoken.
	timeout 60 bash -c "until nsenter --preserve-credentials -U -n -t ${pids[guest]} ping -6 -c 1 -W 1 fec0::2; do :; done" >/dev/null
	run -0 ask host 'TCP:[::1]:2002' f
	[ "$output" = 'v6 f' ]
	kill "${pids[slirp]}"
	await slirp
	[ ! -e "$T/fwd" ]
	[ ! -e "$T/net" ]
}

@test "vm-slirp -C: forwards come and go while it runs" {
	slirp -C "$T/ctl" -p 2000:22
	guest
	[ "$(stat -c %a "$T/ctl")" = 600 ]
	serve guest tcp TCP-LISTEN:22,fork,reuseaddr tcp
	diff -u - <(printf '%s\n' list "add 2001:22" "add udp:[::1]:5" "add $T/fwd:22" list "add 2001:9" "add 5:10.9.9.9:5" \
		"add x" "del 2000" "del 2000" "del udp:[::1]:5:6" nonsense list | control) <<-EOF
		tcp	127.0.0.1:2000	guest:22
		ok
		ok
		ok
		ok
		tcp	127.0.0.1:2000	guest:22
		tcp	127.0.0.1:2001	guest:22
		udp	[::1]:5	guest:5
		unix	$T/fwd	guest:22
		ok
		no that socket is forwarded already
		no the guest's address is not one of its network
		no not an address or a port from 1 to 65535
		ok
		no no such forward
		ok
		no not one of: add FORWARD, del FORWARD, list, quit
		tcp	127.0.0.1:2001	guest:22
		unix	$T/fwd	guest:22
		ok
	EOF
	run -0 ask host TCP:127.0.0.1:2001 a
	[ "$output" = 'tcp a' ]
	run -0 ask host "UNIX-CONNECT:$T/fwd" b
	[ "$output" = 'tcp b' ]
	run ! ask host TCP:127.0.0.1:2000 c
	run -0 control <<<"del $T/fwd"
	[ ! -e "$T/fwd" ]
	run -0 control <<<"add 2000:22"
	run -0 ask host TCP:127.0.0.1:2000 d
	[ "$output" = 'tcp d' ]
	run -0 control <<<quit
	await slirp
	[ ! -e "$T/ctl" ]
}

@test "vm-slirp -g: a command, a Unix socket, a TCP socket, for several connections at once" {
	spawn unix socat "UNIX-LISTEN:$T/target,fork" 'SYSTEM:read -r x; echo "unix $x"'
	slirp -g '10.0.2.100:80=|read -r x; echo "command $x"' -g "10.0.2.100:81=$T/target" -g 10.0.2.101:82=127.0.0.1:8000 \
		-g '83=|cat' -g 10.0.2.100:84=/nowhere
	guest
	serve host tcp TCP-LISTEN:8000,bind=127.0.0.1,fork,reuseaddr tcp
	for n in 1 2 3; do
		run -0 ask guest TCP:10.0.2.100:80 "$n"
		[ "$output" = "command $n" ]
		run -0 ask guest TCP:10.0.2.100:81 "$n"
		[ "$output" = "unix $n" ]
		run -0 ask guest TCP:10.0.2.101:82 "$n"
		[ "$output" = "tcp $n" ]
	done
	run -0 ask guest TCP:10.0.2.4:83 default
	[ "$output" = default ]
	run ask guest TCP:10.0.2.100:84 lost
	[ "$output" = '' ]
	run -0 ask guest TCP:10.0.2.100:80 still
	[ "$output" = 'command still' ]
	head -c 3000000 /dev/urandom >"$T/data"
	in_guest sh -c "timeout 60 socat -t 5 - TCP:10.0.2.4:83 <'$T/data' >'$T/back'"
	cmp "$T/data" "$T/back"
}

@test "vm-slirp: commands of guest forwards end with it" {
	slirp -g "80=|echo \$\$ >'$T/pid'; exec sleep 1000"
	guest
	spawn_in guest caller socat - TCP:10.0.2.4:80
	until [ -s "$T/pid" ]; do sleep 0.02; done
	kill "${pids[slirp]}"
	await slirp
	run ! kill -0 "$(cat "$T/pid")"
}

@test "vm-slirp: commands that do not want to end are made to" {
	slirp -g "80=|trap '' TERM; echo \$\$ >'$T/pid'; while :; do sleep 1; done"
	guest
	spawn_in guest caller socat - TCP:10.0.2.4:80
	until [ -s "$T/pid" ]; do sleep 0.02; done
	kill "${pids[slirp]}"
	await slirp
	timeout 60 sh -c "while kill -0 $(cat "$T/pid") 2>/dev/null; do sleep 0.02; done"
}

@test "vm-slirp -x: nothing goes out, forwards still work" {
	slirp -x -p 2000:22 -g '10.0.2.100:80=|echo yes'
	guest
	serve host tcp TCP-LISTEN:8000,bind=127.0.0.1,fork,reuseaddr tcp
	serve guest inside TCP-LISTEN:22,fork,reuseaddr inside
	run ! ask guest TCP:10.0.2.2:8000,connect-timeout=2 hello
	run -0 ask host TCP:127.0.0.1:2000 a
	[ "$output" = 'inside a' ]
	run -0 ask guest TCP:10.0.2.100:80 b
	[ "$output" = yes ]
}

@test "vm-slirp -T: files by TFTP, and nothing outside the directory" {
	need busybox
	mkdir "$T/tftp"
	head -c 100000 /dev/urandom >"$T/tftp/image"
	echo secret >"$T/secret"
	ln -s "$T/secret" "$T/tftp/link"
	ln -s /etc/resolv.conf "$T/tftp/inside"
	slirp -T "$T/tftp"
	guest
	in_guest timeout 60 busybox tftp -g -b 1428 -r image -l "$T/got" 10.0.2.2
	cmp "$T/tftp/image" "$T/got"
	run ! in_guest timeout 10 busybox tftp -g -r link -l "$T/stolen" 10.0.2.2
	run ! in_guest timeout 10 busybox tftp -g -r ../secret -l "$T/stolen" 10.0.2.2
	run ! in_guest timeout 10 busybox tftp -p -r new -l "$T/got" 10.0.2.2
	[ ! -e "$T/tftp/new" ]
	run ! grep -qs secret "$T/stolen"
}

@test "vm-slirp -T: a directory that is not there is said at once" {
	run -1 clean vm-slirp -T "$T/none" -l "$T/net"
	[ "$output" = "vm-slirp: -T $T/none: No such file or directory" ]
	[ ! -e "$T/net" ]
}

@test "vm-slirp -W: smbd is started for the share, or its lack is said" {
	mkdir "$T/bin" "$T/share"
	printf '#!/bin/sh\nread -r x\necho "$x $*"\ngrep "path = " "$2"\n' >"$T/bin/smbd"
	chmod +x "$T/bin/smbd"
	run -1 env PATH="$T/bin" "$(command -v vm-slirp)" -W "$T/none" -l "$T/net"
	[ "$output" = "vm-slirp: -W $T/none: No such file or directory" ]
	PATH=$T/bin:$PATH slirp -W "10.0.2.4=$T/share"
	guest
	run -0 ask guest TCP:10.0.2.4:445 hi
	[[ ${lines[0]} = 'hi -s /tmp/vm-slirp-smb.'*'/smb.conf -l /tmp/vm-slirp-smb.'* ]]
	[ "${lines[1]}" = "path = $T/share" ]
	local state=${lines[0]##* }
	[ -d "$state" ]
	kill "${pids[slirp]}"
	await slirp
	[ ! -e "$state" ]
}

@test "vm-slirp -W: a real smbd shares the directory" {
	need smbclient smbd
	[ "$(id -u)" = 0 ] || skip 'not root: smbd needs more users than a user namespace has'
	need_access /dev/net/tun
	local dir ns
	dir=$(mktemp -d)
	chmod 755 "$dir"
	echo hello >"$dir/file"
	for ns in host guest; do
		spawn -R $ns unshare -n sh -c 'ip link set lo up && echo >&9 && exec sleep infinity 9>&-'
	done
	spawn -R slirp nsenter -n -t "${pids[host]}" vm-slirp -R 9 -W "$dir" -l "$T/net"
	spawn cable nsenter -n -t "${pids[guest]}" wire-tap eth0 wire-join "$T/net"
	until nsenter -n -t "${pids[guest]}" ip link set eth0 up 2>/dev/null; do sleep 0.02; done
	nsenter -n -t "${pids[guest]}" ip addr add 10.0.2.15/24 dev eth0
	run -0 clean nsenter -n -t "${pids[guest]}" timeout 60 smbclient -N //10.0.2.4/share -c "get file $T/got"
	[ "$(cat "$T/got")" = hello ]
	rm -r "$dir"
	kill "${pids[slirp]}"
	await slirp
	run ! compgen -G '/tmp/vm-slirp-smb.*'
}

@test "vm-slirp: serves a tap that it was handed, as slirp4netns does" {
	need_access /dev/net/tun
	netns host
	spawn_in host -R guest unshare -n sh -c 'echo >&9 && exec sleep infinity 9>&-'
	# Opened in the guest's namespace, served from the host's.
	spawn_in host slirp nsenter -t "${pids[guest]}" -n wire-tap eth0 nsenter -t "${pids[host]}" -n vm-slirp
	until in_guest ip link set eth0 up 2>/dev/null; do sleep 0.02; done
	in_guest ip addr add 10.0.2.15/24 dev eth0
	serve host server TCP-LISTEN:8000,bind=127.0.0.1,fork,reuseaddr tap
	run -0 ask guest TCP:10.0.2.2:8000 hello
	[ "$output" = 'tap hello' ]
	# Runs of segments as one: whole, and with good checksums where they are taken apart again.
	head -c 20000000 /dev/urandom >"$T/data"
	spawn_in host source socat -u "OPEN:$T/data" TCP-LISTEN:8001,bind=127.0.0.1
	listening host TCP-LISTEN:8001
	in_guest timeout 60 socat -u TCP:10.0.2.2:8001 "CREATE:$T/copy"
	cmp "$T/data" "$T/copy"
	in_guest ip link del eth0
	await slirp
}

# Bytes a frame, of those that the guest has received or sent since `mark`.
mark() {
	read -r _ rx_bytes rx_frames _ _ _ _ _ _ tx_bytes tx_frames _ < <(in_guest grep eth0: /proc/net/dev)
}
since_mark() {
	local was=("$rx_bytes" "$rx_frames" "$tx_bytes" "$tx_frames")
	mark
	echo $(((rx_bytes - was[0]) / (rx_frames - was[1]))) $(((tx_bytes - was[2]) / (tx_frames - was[3])))
}

@test "vm-slirp: large frames over a wire that offers them; a smaller MTU, a small window, ECN" {
	need_access /dev/net/tun
	netns host
	spawn_in host -R guest unshare -n sh -c 'echo >&9 && exec sleep infinity 9>&-'
	spawn_in host slirp vm-slirp -p 7000 nsenter -t "${pids[guest]}" -n wire-tap eth0 wire-join
	until in_guest ip link set eth0 mtu 1200 up 2>/dev/null; do sleep 0.02; done
	in_guest ip addr add 10.0.2.15/24 dev eth0
	in_guest sysctl -qw net.ipv4.tcp_ecn=1
	head -c 10000000 /dev/urandom >"$T/data"
	spawn_in host source socat -U TCP-LISTEN:8001,bind=127.0.0.1,fork,reuseaddr "EXEC:cat $T/data"
	listening host TCP-LISTEN:8001
	mark
	in_guest timeout 60 socat -u TCP:10.0.2.2:8001 "CREATE:$T/copy"
	cmp "$T/data" "$T/copy"
	read -r in _ < <(since_mark)
	((in > 4000))
	in_guest timeout 60 socat -u TCP:10.0.2.2:8001,rcvbuf=4096 "CREATE:$T/narrow"
	cmp "$T/data" "$T/narrow"
	# A connection from outside has its sizes in the answer to the SYN.
	spawn_in guest sink socat -u TCP-LISTEN:7000 "CREATE:$T/in"
	listening guest TCP-LISTEN:7000
	mark
	in_host timeout 60 socat -u "OPEN:$T/data" TCP:127.0.0.1:7000
	await sink
	cmp "$T/data" "$T/in"
	read -r in _ < <(since_mark)
	((in > 4000))
	spawn_in host sink socat -u TCP-LISTEN:7001,bind=127.0.0.1 "CREATE:$T/out"
	listening host TCP-LISTEN:7001
	mark
	in_guest timeout 60 socat -u "OPEN:$T/data" TCP:10.0.2.2:7001
	await sink
	cmp "$T/data" "$T/out"
	read -r _ out < <(since_mark)
	((out > 4000))
}

@test "vm-slirp -w: seqpacket and datagram wires" {
	need_access /dev/net/tun
	for type in seqpacket dgram; do
		netns host
		spawn_in host -R guest unshare -n sh -c 'echo >&9 && exec sleep infinity 9>&-'
		spawn_in host pair wire-pair -t $type sh -c 'set -- $VM_WIRES "$@"
			VM_WIRES=$1 vm-slirp & echo $! >"$4"; VM_WIRES=$2 exec nsenter -t "$3" -n wire-tap eth0 wire-join' sh "${pids[guest]}" "$T/pid"
		until in_guest ip link set eth0 up 2>/dev/null; do sleep 0.02; done
		in_guest ip addr add 10.0.2.15/24 dev eth0
		serve host server TCP-LISTEN:8000,bind=127.0.0.1,fork,reuseaddr $type
		run -0 ask guest TCP:10.0.2.2:8000 hello
		[ "$output" = "$type hello" ]
		kill "${pids[pair]}"
		# A datagram socket hears of it only when it has something to send.
		[ $type = seqpacket ] || kill "$(cat "$T/pid")"
		timeout 60 sh -c "while kill -0 $(cat "$T/pid") 2>/dev/null; do sleep 0.02; done"
		reap
	done
}

@test "vm-slirp -l: QEMU's boot ROM gets an address and a file over -netdev stream" {
	need qemu-system-x86_64
	mkdir "$T/tftp"
	printf '#!ipxe\necho HELLO FROM TFTP as ${net0/ip}\n' >"$T/tftp/hello.ipxe"
	slirp -T "$T/tftp" -E hello.ipxe
	spawn qemu qemu-system-x86_64 -accel tcg -m 64 -nographic -boot n -device virtio-net-pci,netdev=n0 \
		-netdev stream,id=n0,server=off,addr.type=unix,addr.path="$T/net"
	wait_line "$T/qemu.log" '^HELLO FROM TFTP as 10.0.2.15'
}

@test "vm-slirp -l: one guest after another, each with a new network" {
	slirp -p 2000:22
	for n in 1 2 3; do
		guest
		serve guest server TCP-LISTEN:22,fork,reuseaddr "guest-$n"
		run -0 ask host TCP:127.0.0.1:2000 hello
		[ "$output" = "guest-$n hello" ]
		kill "${pids[cable]}" "${pids[guest]}" "${pids[server]}"
		await cable 143
		unset 'pids[guest]' 'pids[server]'
	done
}

@test "vm-slirp: a storm of hostile frames, and it still answers" {
	slirp -T "$T" -g '80=|cat'
	for seed in 1 2 3; do
		timeout 60 frame-storm "$T/net" $seed 20000
	done
	timeout 60 frame-storm -b "$T/net"
	timeout 60 frame-storm "$T/net" 4 0
	[ "$(cat "$T/slirp.log")" = "vm-slirp: the guest's end sent a length that no frame has" ]
	kill "${pids[slirp]}"
	await slirp
}

@test "vm-slirp: a stack that dies takes nobody along but its guest" {
	slirp
	timeout 60 frame-storm "$T/net" 1 0
	spawn storm socat -u "UNIX-CONNECT:$T/net" STDOUT
	until stack=$(pgrep -P "${pids[slirp]}" -x slirp); do sleep 0.02; done
	kill -KILL "$stack"
	await storm
	timeout 60 frame-storm "$T/net" 1 0
	[ "$(cat "$T/slirp.log")" = 'vm-slirp: the stack died of signal 9 (Killed)' ]
}

@test "vm-slirp -U: privileged ports are bound first, then the rights are gone" {
	[ "$(id -u)" = 0 ] || skip 'not root'
	local dir
	dir=$(mktemp -d) # nobody may not look into $T
	chown nobody "$dir"
	spawn -R slirp unshare -n sh -c 'ip link set lo up && exec vm-slirp -U nobody -R 9 -p 80:80 -C "$1/ctl" -l "$1/net"' sh "$dir"
	grep -q '^Uid:	65534' "/proc/${pids[slirp]}/status"
	timeout 60 frame-storm "$dir/net" 1 10
	run -0 timeout 60 socat -t 60 - "UNIX-CONNECT:$dir/ctl" <<<'add 81:81'
	[ "$output" = 'no Permission denied' ]
	rm -r "$dir"
}

@test "vm-slirp: NOTIFY_SOCKET hears READY=1" {
	spawn notify socat -u "UNIX-RECVFROM:$T/notify" STDOUT
	until [ -S "$T/notify" ]; do sleep 0.02; done
	spawn slirp env NOTIFY_SOCKET="$T/notify" vm-slirp -l "$T/net"
	await notify
	[ "$(cat "$T/notify.log")" = READY=1 ]
}
