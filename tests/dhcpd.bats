# SPDX-License-Identifier: ISC
# vm-dhcpd with real clients. "host" is a network namespace with a bridge br0, 10.9.0.1/24; "guest" is one whose card c0 is
# plugged into it. What the server says to whom, case by case, is in unit/dhcpd_server.
load lib

# bridge: make both. The guest's MAC address is 52:54:00:00:00:01.
bridge() {
	netns host
	in_host sh -ec 'ip link add br0 type bridge
		ip addr add 10.9.0.1/24 dev br0
		ip link set br0 up'
	plug guest 52:54:00:00:00:01
}

# plug NAME MAC: another guest.
plug() {
	spawn_in host -R "$1" sh -c 'exec unshare -n sh -c "ip link set lo up && echo >&9 && exec sleep infinity 9>&-"'
	in_host sh -ec 'ip link add "v$1" type veth peer name c0 netns "$2"
		ip link set "v$1" master br0 up' plug "$1" "${pids[$1]}"
	in_ns "$1" ip link set c0 address "$2" up
}

in_host() {
	in_ns host "$@"
}

# serve OPTION...: vm-dhcpd on the bridge, its leases in $T/state, its events in $T/dhcpd.log. Probes are off: -O probe= comes later.
serve() {
	spawn_in host -R dhcpd vm-dhcpd -R 9 -b br0 -d "$T/state" -O probe=0 "$@"
}

# stop: the server, as it should end.
stop() {
	kill "${pids[dhcpd]}"
	await dhcpd
}

# udhcpc [NAME [OPTION...]]: get a lease for guest NAME by busybox's client; print what it was told.
udhcpc() {
	local name=${1:-guest}
	shift || :
	cat >"$T/script" <<-'EOS'
		#!/bin/sh
		[ "$1" != bound ] && [ "$1" != renew ] || env | grep '^[a-z]'
	EOS
	chmod +x "$T/script"
	in_ns "$name" timeout 30 busybox udhcpc -i c0 -n -q -f -s "$T/script" -t 10 -T 1 "$@" 2>"$T/udhcpc.log" || {
		cat "$T/udhcpc.log"
		return 1
	}
}

# value NAME <LINES: print what udhcpc said of it.
value() {
	sed -n "s/^$1=//p"
}

@test "vm-dhcpd: wrong words are named, and nothing is started" {
	local letter word why
	while IFS='~' read -r letter word why; do
		run -2 clean vm-dhcpd -b lo "-$letter" "$word"
		[ "$output" = "vm-dhcpd: -$letter $word: $why" ]
	done <<-'EOS'
		a~x~not an IPv4 address
		a~10.0.0.1/31~not a prefix length from 8 to 30
		L~x~not ADDRESS-ADDRESS, ADDRESS or none
		L~10.0.0.1-~not ADDRESS-ADDRESS, ADDRESS or none
		L~10.0.0.9-10.0.0.2~its last address is before the first
		L~10.0.0.1-10.0.1.1/24~not within one network
		L~10.0.0.1-10.0.0.9/31~not a prefix length from 8 to 30
		L~52:54:00:00:00:01=x~not an IPv4 address
		L~id:=10.0.0.1~the guest is no MAC address, id:HEX or name
		L~id:xyz=10.0.0.1~id: not a client identifier in hexadecimal, of 1 to 64 bytes
		L~a b=10.0.0.1~the guest is no MAC address, id:HEX or name
		L~web=10.0.0.1,a b~not a host's name
		O~x~not KEY=VALUE
		O~x=1~unknown key
		O~dns=~not KEY=VALUE
		O~dns=1.1.1~not an IPv4 address
		O~dns=1.1.1.1,~not an IPv4 address
		O~lease=5~not infinite, nor a number of seconds from 10
		O~mtu=20~not a number from 68 to 65535
		O~route=10.0.0.0/8~not DESTINATION/LENGTH,GATEWAY
		O~route=10.0.0.1/8,10.0.0.2~its destination has bits beyond the length
		O~search=a..b~not a domain
		O~51=00~this option is the server's own
		O~43=xyz~neither bytes in hexadecimal nor text:WORDS nor addr:ADDRESS
		O~256=00~unknown key
		O~probe=6000~not a number of milliseconds from 0 to 5000
		O~key=name~not a word it knows
	EOS
	run -2 clean vm-dhcpd -b lo -L 10.0.0.1-10.0.0.9 -L 10.0.0.9
	[ "$output" = 'vm-dhcpd: -L 10.0.0.9: overlaps an earlier range' ]
	run -2 clean vm-dhcpd -b lo -O domain=a -O domain=b
	[ "$output" = 'vm-dhcpd: -O domain=b: given before' ]
	run -2 clean vm-dhcpd -b lo -L a=10.0.0.1 -L b=10.0.0.1
	[ "$output" = 'vm-dhcpd: -L b=10.0.0.1: this guest or address was given before' ]
	run -2 clean vm-dhcpd
	[ "$output" = 'vm-dhcpd: no -b and no net wire: nobody to serve (try --help)' ]
	run -2 clean vm-dhcpd frob
	[ "$output" = 'vm-dhcpd: frob: neither list nor a MAC address' ]
	run -2 clean vm-dhcpd -d none list
	[ "$output" = 'vm-dhcpd: -d none: there is nothing to look at' ]
	run -2 clean sh -c 'vm-dhcpd -w net,fd=3 3</dev/null'
	[ "$output" = "vm-dhcpd: -a: the server's address and its network are needed with a wire" ]
	run -1 clean sh -c 'vm-dhcpd -a 10.0.0.1/24 -w net,fd=3 3</dev/null'
	[ "$output" = 'vm-dhcpd: fd 3: neither a socket nor a tap' ]
}

@test "vm-dhcpd: an interface that will not do" {
	run -1 ns vm-dhcpd -b nosuch
	[ "$output" = 'vm-dhcpd: nosuch: No such device' ]
	run -1 ns vm-dhcpd -b a-name-far-too-long
	[ "$output" = 'vm-dhcpd: a-name-far-too-long: longer than 15 characters' ]
	run -1 ns vm-dhcpd -b lo
	[ "$output" = 'vm-dhcpd: lo: not an Ethernet interface' ]
	run -1 ns sh -c 'ip link add br0 type bridge && vm-dhcpd -b br0'
	[ "$output" = 'vm-dhcpd: br0: it has no IPv4 address: give it one, or say -a' ]
	run -1 ns sh -c 'ip link add br0 type bridge && ip addr add 10.0.0.1/24 dev br0 && vm-dhcpd -b br0 -a 10.0.0.2'
	[ "$output" = 'vm-dhcpd: br0: it has not the address of -a: give it one, or say -a' ]
	run -2 ns sh -c 'ip link add br0 type bridge && ip addr add 10.0.0.1/24 dev br0 && vm-dhcpd -b br0 -L 10.1.0.5-10.1.0.9'
	[ "$output" = 'vm-dhcpd: -L 10.1.0.5: not in the network 10.0.0.0/24; one behind a relay is given with its length' ]
	run -2 ns sh -c 'ip link add br0 type bridge && ip addr add 10.0.0.1/24 dev br0 && vm-dhcpd -b br0 -L web=10.1.0.5'
	[ "$output" = 'vm-dhcpd: -L 10.1.0.5: in no network that is served' ]
	run -1 ns sh -c 'ip link add br0 type bridge && ip addr add 10.0.0.1/24 dev br0 &&
		setpriv --bounding-set -all --inh-caps -all vm-dhcpd -b br0 -d none'
	[ "$output" = 'vm-dhcpd: packets of br0: Operation not permitted' ]
}

@test "vm-dhcpd -n: all that was asked for, with its defaults" {
	bridge
	run -0 in_host vm-dhcpd -n -b br0 -L 10.9.0.0-10.9.0.99 -L 10.1.0.10-10.1.0.50/24 -L 52:54:00:00:00:01=10.9.0.200,web \
		-L db=10.1.0.9 -L id:0102=10.9.0.201 -O dns=1.1.1.1,8.8.8.8 -O lease=infinite -O 43=text:abc \
		-O route=10.0.0.0/8,10.9.0.254 -O search=a.org -O router=none
	diff -u - <(echo "$output") <<-'EOS'
		bridge	br0
		address	10.9.0.1
		network	10.9.0.0/24
		range	10.9.0.2-10.9.0.99
		network	10.1.0.0/24
		range	10.1.0.10-10.1.0.50
		guest	mac 52:54:00:00:00:01	10.9.0.200	web
		guest	name db	10.1.0.9	
		guest	id 01:02	10.9.0.201	
		lease	infinite
		probe	100
		key	mac
		nak	yes
		rapid	yes
		option	3	none
		option	6	0101010108080808
		option	43	616263
		option	119	0161036f726700
		option	121	080a0a0900fe
		log	/var/lib/vm-dhcpd
	EOS
	[ ! -e "$T/state" ]
}

@test "vm-dhcpd: udhcpc gets an address and what goes with it, and events tell" {
	need busybox
	bridge
	serve -L 10.9.0.50-10.9.0.50 -O dns=10.9.0.3,10.9.0.4 -O search=a.example,b.example -O domain=c.example -O mtu=1400 \
		-O ntp=10.9.0.5 -O route=10.8.0.0/16,10.9.0.6 -O lease=7200
	udhcpc guest -O search -O mtu -O ntpsrv -O staticroutes -x hostname:web >"$T/lease"
	for line in ip=10.9.0.50 mask=24 router=10.9.0.1 'dns=10.9.0.3 10.9.0.4' 'search=a.example b.example' domain=c.example mtu=1400 \
		ntpsrv=10.9.0.5 'staticroutes=0.0.0.0/0 10.9.0.1 10.8.0.0/16 10.9.0.6' lease=7200 serverid=10.9.0.1; do
		grep -Fx "$line" "$T/lease" || { cat "$T/lease"; false; }
	done
	udhcpc guest >/dev/null
	stop
	diff -u - <(sed 's/\t[0-9]\{10,\}\t/ TIME /; s/\t/ /g' "$T/dhcpd.log") <<-'EOS'
		bound TIME 52:54:00:00:00:01 10.9.0.50 web
		renewed TIME 52:54:00:00:00:01 10.9.0.50 
	EOS
}

@test "vm-dhcpd: dhclient, its renewal by unicast, and its release" {
	need dhclient
	bridge
	serve -O lease=20
	printf 'option rfc3442 code 121 = array of unsigned integer 8;\n' >"$T/conf"
	touch "$T/leases"
	spawn_in guest client timeout 60 dhclient -d -v -sf /bin/true -cf "$T/conf" -lf "$T/leases" -pf "$T/pid" c0
	wait_line "$T/dhcpd.log" '^bound.*52:54:00:00:00:01'
	in_ns guest ip addr add "$(sed -n 's/.*fixed-address \(.*\);/\1/p' "$T/leases")/24" dev c0
	wait_line "$T/dhcpd.log" '^renewed.*52:54:00:00:00:01'
	in_ns guest timeout 60 dhclient -r -sf /bin/true -cf "$T/conf" -lf "$T/leases" -pf "$T/pid" c0
	wait_line "$T/dhcpd.log" '^released.*52:54:00:00:00:01'
}

@test "vm-dhcpd: dhcpcd" {
	need dhcpcd
	bridge
	serve -O rapid=yes
	in_ns guest unshare -m sh -c 'mount -t tmpfs none /var/lib/dhcpcd; mount -t tmpfs none /run
		exec timeout 60 dhcpcd -4 -1 -B -d -f /dev/null -c /bin/true c0' >"$T/dhcpcd.log" 2>&1 || { cat "$T/dhcpcd.log"; false; }
	wait_line "$T/dhcpd.log" '^bound.*52:54:00:00:00:01'
}

@test "vm-dhcpd: nothing in its packets makes tshark wonder" {
	need busybox dumpcap tshark
	bridge
	spawn_in guest capture dumpcap -i c0 -w "$T/capture" -f 'udp port 67 or arp'
	wait_line "$T/capture.log" '^File: '
	serve -O dns=10.9.0.3 -O search=a.example -O route=10.8.0.0/16,10.9.0.6 -O probe=20
	udhcpc guest -O search -O staticroutes
	udhcpc guest
	stop
	# What dumpcap has not taken when it ends is lost.
	timeout 60 sh -c 'until [ "$(tshark -r "$1" -Y "dhcp.option.dhcp == 5" 2>/dev/null | wc -l)" -ge 2 ]; do sleep 0.1; done' sh "$T/capture"
	kill -INT "${pids[capture]}"
	await capture
	run -0 tshark -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE -r "$T/capture" -Y '_ws.expert.severity >= warning && ip.src == 10.9.0.1'
	[ "$(grep -v '^Running as' <<<"$output")" = '' ]
}

@test "vm-dhcpd: leases outlive kill -9, and are what list and a wait for them tell" {
	need busybox
	bridge
	serve
	address=$(udhcpc guest -x hostname:web | value ip)
	[ "$address" ]
	kill -9 "${pids[dhcpd]}"
	await dhcpd 137
	run -0 vm-dhcpd -d "$T/state" list
	[[ $output =~ ^bound$'\t'[0-9]+$'\t'52:54:00:00:00:01$'\t'$address$'\tweb\tbr0'$ ]]
	run -0 vm-dhcpd -j -d "$T/state" -b br0 list
	[[ $output = '{"state":"bound","until":'*',"mac":"52:54:00:00:00:01","address":"'$address'","name":"web","bridge":"br0"}' ]]
	run -0 vm-dhcpd -q -d "$T/state" 52:54:00:00:00:01
	[ "$output" = "$address" ]
	run -1 vm-dhcpd -q -d "$T/state" -t 0 52:54:00:00:00:02
	[ "$output" = '' ]
	run -1 vm-dhcpd -q -d "$T/nowhere" 52:54:00:00:00:02
	[ "$output" = "vm-dhcpd: $T/nowhere: No such file or directory" ]
	run -1 sh -c 'vm-dhcpd -d "$1" list >/dev/full' sh "$T/state"
	[ "$output" = 'vm-dhcpd: stdout: No space left on device' ]
	plug other 52:54:00:00:00:02
	spawn waiter vm-dhcpd -q -d "$T/state" 52:54:00:00:00:02
	serve
	udhcpc other >/dev/null
	await waiter
	[ "$(<"$T/waiter.log")" = "$(udhcpc other | value ip)" ]
	[ "$(udhcpc guest | value ip)" = "$address" ]
	[ "$(vm-dhcpd -d "$T/state" list | wc -l)" -eq 2 ]
}

@test "vm-dhcpd: a damaged log is told, with its line and what is kept" {
	need busybox
	bridge
	serve
	address=$(udhcpc | value ip)
	stop
	sed -i '1s/$/x/' "$T/state/br0.leases"
	serve -v
	grep -F "line 1 is damaged, 1 of 1 lines are: the others count, and it is kept as $T/state/br0.leases.bad" "$T/dhcpd.log"
	grep -q "$address" "$T/state/br0.leases.bad"
}

@test "vm-dhcpd: a full disk: nobody is told of a lease that would be forgotten" {
	need busybox
	bridge
	mkdir "$T/state"
	spawn_in host -R dhcpd unshare -m sh -c 'mount -t tmpfs -o size=16k none "$1" && (cat /dev/zero >"$1/fill"; :) 2>&- &&
		ls "$1" >&2 && exec vm-dhcpd -R 9 -b br0 -d "$1" -O probe=0' sh "$T/state"
	run ! in_ns guest timeout 30 busybox udhcpc -i c0 -n -q -f -s /bin/true -t 3 -T 1
	grep -F 'leases cannot be written, so none are given: No space left on device' "$T/dhcpd.log"
	run ! grep '^bound' "$T/dhcpd.log"
	rm "/proc/${pids[dhcpd]}/root$T/state/fill"
	udhcpc
	grep -F 'leases can be written again' "$T/dhcpd.log"
	wait_line "$T/dhcpd.log" '^bound'
}

@test "vm-dhcpd: a second server of the same bridge is refused, and told who has it" {
	bridge
	serve
	run -1 in_host vm-dhcpd -b br0 -d "$T/state"
	[ "$output" = "vm-dhcpd: $T/state/br0.leases: process ${pids[dhcpd]} serves from it already" ]
	in_host sh -c 'ip link add br1 type bridge; ip addr add 10.10.0.1/24 dev br1; ip link set br1 up'
	spawn_in host -R other vm-dhcpd -R 9 -b br1 -d "$T/state"
	kill "${pids[other]}"
	await other
	[ "$(<"$T/other.log")" = '' ]
}

@test "vm-dhcpd: port 67 of somebody else" {
	need socat
	bridge
	spawn_in host rude socat UDP-LISTEN:67 -
	until in_host ss -Hlnu 'sport = :67' | grep -q .; do sleep 0.02; done
	run -1 in_host vm-dhcpd -b br0 -d "$T/state"
	[ "$output" = 'vm-dhcpd: port 67 of br0: another DHCP server has it: Address already in use' ]
	kill "${pids[rude]}"
	spawn_in host polite socat UDP-LISTEN:67,reuseaddr -
	until in_host ss -Hlnu 'sport = :67' | grep -q .; do sleep 0.02; done
	serve
	grep -F 'another DHCP server has port 67 too: see that it does not serve br0' "$T/dhcpd.log"
}

@test "vm-dhcpd: an address that somebody uses already is not offered" {
	need busybox
	bridge
	plug squatter 52:54:00:00:00:02
	in_ns squatter ip addr add 10.9.0.50/24 dev c0
	serve -L 10.9.0.50-10.9.0.51 -L 52:54:00:00:00:01=10.9.0.50 -O probe=500
	[ "$(udhcpc | value ip)" = 10.9.0.51 ]
	wait_line "$T/dhcpd.log" $'^conflict\t.*\t52:54:00:00:00:01\t10.9.0.50'
	kill -9 "${pids[dhcpd]}"
	await dhcpd 137
	grep -q $'^aside\t10.9.0.50\t' "$T/state/br0.leases"
}

@test "vm-dhcpd: a relay's clients, and their network's addresses are asked for by ping" {
	need perfdhcp
	bridge
	in_ns guest ip addr add 10.9.0.5/24 dev c0
	serve -L 10.9.0.100-10.9.0.199 -O probe=50
	run -0 in_ns guest timeout 60 perfdhcp -4 -r 100 -n 60 -R 50 -d 5 -W 1000000 -l c0 10.9.0.1
	[[ $output = *'received packets: 60'* ]]
	run -0 in_ns guest timeout 60 perfdhcp -4 -r 100 -n 60 -R 50 -d 5 -W 1000000 -l c0
	[[ $output = *'received packets: 60'* ]]
}

@test "vm-dhcpd: the name servers of a host whose resolv.conf names a stub" {
	need busybox
	bridge
	mkdir "$T/etc" "$T/run"
	cp /etc/passwd /etc/group "$T/etc"
	echo 'nameserver 127.0.0.53' >"$T/etc/resolv.conf"
	mkdir -p "$T/run/systemd/resolve"
	echo 'nameserver 192.0.2.53' >"$T/run/systemd/resolve/resolv.conf"
	spawn_in host -R dhcpd unshare -m sh -c 'mount --bind "$1/etc" /etc; mount --bind "$1/run" /run
		exec vm-dhcpd -R 9 -b br0 -d none -O probe=0' sh "$T"
	[ "$(udhcpc | value dns)" = 192.0.2.53 ]
	echo 'nameserver 127.0.0.1' >"$T/etc/resolv.conf"
	rm "$T/run/systemd/resolve/resolv.conf"
	stop
	spawn_in host -R dhcpd unshare -m sh -c 'mount --bind "$1/etc" /etc; mount --bind "$1/run" /run
		exec vm-dhcpd -R 9 -b br0 -d none -O probe=0' sh "$T"
	grep -F '/etc/resolv.conf: a name server on the loopback is no guest'\''s' "$T/dhcpd.log"
	[ "$(udhcpc | value dns)" = '' ]
}

@test "vm-dhcpd: events: a reader who is slow or gone delays nobody" {
	need perfdhcp
	bridge
	in_ns guest ip addr add 10.9.0.5/24 dev c0
	mkfifo "$T/slow"
	exec {slow}<>"$T/slow"
	spawn_in host -R dhcpd sh -c 'exec vm-dhcpd -R 9 -b br0 -d none -O probe=0 >"$1"' sh "$T/slow"
	head -c 64K /dev/zero >"$T/slow" # all that a pipe takes; the server's own memory takes some 300 events more
	run -0 in_ns guest timeout 60 perfdhcp -4 -r 200 -n 500 -R 50 -d 5 -W 1000000 -l c0 10.9.0.1
	exec {slow}<&-
	run -0 in_ns guest timeout 60 perfdhcp -4 -r 100 -n 20 -R 10 -d 5 -W 1000000 -l c0 10.9.0.1
	stop
}

@test "vm-dhcpd: sealed" {
	bridge
	serve
	local status=/proc/${pids[dhcpd]}/status
	[ "${B-}" = asan ] || grep -q '^Seccomp:	2' "$status" # sanitizers need calls of their own
	grep -q '^NoNewPrivs:	1' "$status"
	grep -q '^CapEff:	0000000000000000' "$status"
	grep -q '^CapBnd:	0000000000000000' "$status"
}

@test "vm-dhcpd: the bridge goes away" {
	bridge
	serve
	in_host ip link del br0
	await dhcpd 1
	grep -Fx 'vm-dhcpd: br0: the interface is gone' "$T/dhcpd.log"
}

@test "vm-dhcpd on a wire: a socket whose other end is a guest, a tap" {
	need busybox
	need_access /dev/net/tun
	netns guest
	local type
	for type in stream seqpacket dgram; do
		spawn_in guest -R wire wire-pair -t "$type" sh -c 'set -- $VM_WIRES
			VM_WIRES=$1 vm-dhcpd -a 10.7.0.1/24 -L 10.7.0.9-10.7.0.9 -O probe=50 -R 9 &
			VM_WIRES=$2 exec wire-tap c0 wire-join 9>&-'
		until in_ns guest ip link set c0 up 2>/dev/null; do sleep 0.02; done
		[ "$(udhcpc | value ip)" = 10.7.0.9 ]
		kill "${pids[wire]}"
		await wire 143
	done
	spawn_in guest -R tap wire-tap c0 vm-dhcpd -a 10.7.0.1/24 -d "$T/state" -L 10.7.0.9-10.7.0.9 -R 9
	in_ns guest ip link set c0 up
	[ "$(udhcpc | value ip)" = 10.7.0.9 ]
	grep -q $'^bound\t10.7.0.9\t' "$T/state/wire.leases"
}

@test "vm-dhcpd on a UDP socket that is bound already, without a right" {
	need busybox
	bridge
	spawn_in host -R dhcpd udp-exec 67 setpriv --bounding-set -all --inh-caps -all \
		vm-dhcpd -w net,fd=3 -a 10.9.0.1/24 -L 10.9.0.9-10.9.0.9 -R 9
	[ "$(udhcpc | value ip)" = 10.9.0.9 ]
}

@test "vm-dhcpd: the examples of vm-dhcpd(8) run" {
	bridge
	mkdir -p "$T/srv/tftp"
	in_host ip addr add 192.168.122.1/24 dev br0
	in_host ip addr del 10.9.0.1/24 dev br0
	local text line count=0
	# One line for each, what is behind a pipe cut off: it is the shell's.
	text=$(examples "$TESTS/../man/vm-dhcpd.8" | sed 's/\\ / /g' | sed -e ':again' -e '/\\$/{N;s/\\\n *//;b again' -e '}')
	while IFS= read -r line; do
		line=${line//\/srv\/tftp/$T/srv/tftp}
		echo "$line"
		case $line in
		'vm-dhcpd '*) run -0 in_host sh -c "vm-dhcpd -n ${line#vm-dhcpd }" <<<'' ;;
		*'vm-dhcpd -b br0 list'*) run -0 vm-dhcpd -d "$T" -b br0 list ;;
		ssh*) run -1 vm-dhcpd -d "$T" -q -t 0 52:54:00:00:00:01 ;;
		*) continue ;;
		esac
		count=$((count + 1))
	done < <(sed 's/| while.*//' <<<"$text")
	((count == 6))
}
