# SPDX-License-Identifier: ISC
# Cables of vm-bridge: pair, hub, listen, connect, udp, mcast. A station stands in for a guest: a network namespace whose
# only interface is a tap, which wire-join connects to the wire that a loader made. The loaders themselves run in the
# namespace "host", whose loopback is their internet.
load lib

setup() {
	cd "$T" || return
	netns host
}

# station NAME ADDRESS LOADER...: run the loader with a station, which gets the address (10.1.0.N) and answers to in_ns NAME.
station() {
	local name=$1 address=$2
	shift 2
	need_access /dev/net/tun
	spawn_in host "$name" "$@" unshare -n wire-tap eth0 wire-join
	until in_ns "$name" ip link set eth0 address "52:54:00:00:00:0${address##*.}" up 2>/dev/null; do
		kill -0 "${pids[$name]}" 2>/dev/null || {
			await "$name" -1 # with none: it is to run
			return 1
		}
		sleep 0.02
	done
	in_ns "$name" ip addr add "$address/24" dev eth0
}

# reaches NAME ADDRESS: the station's ping is answered, sooner or later.
reaches() {
	in_ns "$1" ping -q -c 1 -w 60 "$2"
}

# sends_file A B ADDRESS: a file from station A to B, which has the address, arrives whole.
sends_file() {
	head -c 2M /dev/urandom >"$T/sent"
	spawn_in "$2" sink socat -u TCP-LISTEN:5000 "OPEN:$T/got,creat,trunc"
	until in_ns "$2" ss -Hlnt 'sport = :5000' | grep -q .; do sleep 0.02; done
	in_ns "$1" timeout 60 socat -u "OPEN:$T/sent" "TCP:$3:5000"
	await sink
	cmp "$T/sent" "$T/got"
}

# ask LINE: what the hub's control socket says to it.
ask() {
	timeout 60 socat -t 60 - "UNIX-CONNECT:$T/ctl" <<<"$1"
}

# stop NAME [SIGNAL]: end what was spawned.
stop() {
	kill "-${2:-TERM}" "${pids[$1]}"
	wait "${pids[$1]}" || :
	unset "pids[$1]"
}

# until_in NAME NUMBER: wait until what was spawned waits in that system call.
until_in() {
	timeout 60 sh -c 'until grep -q "^$2 " "/proc/$1/syscall"; do sleep 0.02; done' sh "${pids[$1]}" "$2"
}

# backends: the pids of the processes that loaders left behind in this test.
backends() {
	local dir comm parent
	for dir in /proc/[0-9]*; do
		if [[ $dir/cwd -ef $T ]] && read -r comm <"$dir/comm" && read -r _ _ _ parent _ <"$dir/stat"; then
			[[ $comm != vm-bridge || $parent = "$$" ]] || echo "${dir#/proc/}"
		fi
	done 2>/dev/null
}

# until_gone: wait until no backend is left.
until_gone() {
	local end=$((SECONDS + 60))
	while [ "$(backends)" ]; do
		((SECONDS < end)) || {
			echo "left behind: $(backends)"
			return 1
		}
		sleep 0.05
	done
}

@test "hub: three guests reach each other, by one process, which ends with the last" {
	station a 10.1.0.1 vm-bridge hub -C ctl lan
	[ "$(stat -c %a lan)" = 600 ]
	station b 10.1.0.2 vm-bridge hub lan
	station c 10.1.0.3 vm-bridge hub lan
	reaches a 10.1.0.2
	reaches b 10.1.0.3
	reaches c 10.1.0.1
	[ "$(backends | wc -l)" -eq 1 ]
	sends_file a b 10.1.0.2
	run -0 ask list
	[ "${#lines[@]}" -eq 4 ]
	[[ ${lines[3]} = ok ]]
	# What a and b say to each other the third does not hear: name, frames and bytes from it, to it, lost, addresses.
	[ "$(awk -F'\t' '$5 > 2000000' <<<"$output" | wc -l)" -eq 1 ]
	[ "$(awk -F'\t' 'NF == 7 && $7 == 1' <<<"$output" | wc -l)" -eq 3 ]
	stop a
	stop b
	[ "$(backends | wc -l)" -eq 1 ]
	stop c
	until_gone
	[ ! -e lan ]
	[ ! -e ctl ]
}

@test "hub: ten guests that start at once find one hub, also after a crash of it" {
	local i round
	for round in 1 2; do
		for i in 0 1 2 3 4 5 6 7 8 9; do
			spawn_in host "g$i" vm-bridge hub -C ctl lan sh -c 'echo up; exec sleep 1000'
		done
		for i in 0 1 2 3 4 5 6 7 8 9; do
			wait_line "g$i.log" ^up$
		done
		[ "$(backends | wc -l)" -eq 1 ]
		run -0 ask list
		[ "${#lines[@]}" -eq 11 ]
		[ "$round" -eq 2 ] || kill -KILL "$(backends)"
		for i in 0 1 2 3 4 5 6 7 8 9; do
			stop "g$i"
		done
		[ "$round" -eq 2 ] || [ -S lan ]
	done
	until_gone
	[ ! -e lan ]
}

@test "hub: guests that come while the last one goes are never left alone" {
	local i
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		spawn_in host a vm-bridge hub lan true
		spawn_in host b vm-bridge hub lan sh -c 'echo up; exec sleep 1000'
		await a
		wait_line b.log ^up$
		# A third finds the hub on which b is.
		in_ns host vm-bridge hub lan true
		[ "$(backends | wc -l)" -eq 1 ]
		stop b
		rm b.log
		((i % 3)) || until_gone
	done
	until_gone
}

@test "hub: a guest that takes nothing loses frames, and delays nobody" {
	station a 10.1.0.1 vm-bridge hub -C ctl lan
	station b 10.1.0.2 vm-bridge hub lan
	spawn_in host deaf vm-bridge hub lan sh -c 'echo up; exec sleep 1000'
	wait_line deaf.log ^up$
	in_ns a ip neigh add 10.1.0.99 lladdr 52:54:00:99:99:99 dev eth0
	reaches a 10.1.0.2
	# Nobody has that address, so the frames go to all.
	in_ns a timeout 60 socat -u -b 1400 OPEN:/dev/zero,readbytes=8000000 UDP:10.1.0.99:9
	reaches a 10.1.0.2
	run -0 ask list
	awk -F'\t' -v deaf="lan/${pids[deaf]}" '$1 == deaf && $6 > 0 { found = 1 } END { exit !found }' <<<"$output"
	sends_file a b 10.1.0.2
}

@test "hub: hostile guests are hung up on, or their frames carried, and the others stay" {
	spawn_in host -R hub vm-bridge hub -v -R 9 -C ctl -l ./lan
	station a 10.1.0.1 vm-bridge hub lan
	station b 10.1.0.2 vm-bridge hub lan
	reaches a 10.1.0.2
	timeout 60 frame-storm -b lan
	wait_line hub.log 'sent a length that no frame has'
	# The storm is vm-slirp's, whose gateway nobody plays here: what counts is that the hub stays.
	timeout 60 frame-storm lan 7 20000 || :
	printf '\0\0\0\15fourteen bytes' | timeout 60 socat -t 60 - UNIX-CONNECT:lan
	reaches b 10.1.0.1
	kill "${pids[hub]}"
	await hub
	[ ! -e lan ]
	[ ! -e ctl ]
}

@test "hub: the first is not held up when he goes, though the hub stays" {
	in_ns host timeout 60 sh -c 'vm-bridge hub lan sh -c "vm-bridge hub lan sleep 1000 >/dev/null 2>&1 & echo \$! >b.pid" 2>&1 | cat'
	pids[b]=$(<b.pid)
	[ -S lan ]
	[ "$(backends | wc -l)" -eq 1 ]
	kill "${pids[b]}"
	unset 'pids[b]'
	until_gone
}

@test "hub: who comes waits while another decides" {
	local lock
	exec {lock}<.
	flock "$lock"
	spawn_in host a vm-bridge hub lan sh -c 'echo up; exec sleep 1000'
	until_in a 73 # flock
	[ ! -e lan ]
	exec {lock}<&-
	wait_line a.log ^up$
	[ -S lan ]
}

@test "hub: its process has no rights left, nor anything to do with the session of the first" {
	station a 10.1.0.1 vm-bridge hub lan
	[ "$(ps -o sid= -p "$(backends)")" -eq "$(backends)" ]
	run -0 cat "/proc/$(backends)/status"
	[[ $output = *$'CapEff:\t0000000000000000'* ]]
	[[ $output = *$'NoNewPrivs:\t1'* ]]
	# Under sanitizers there is no filter.
	[[ $B = asan || $output = *$'Seccomp:\t2'* ]]
}

@test "hub: a wire is plugged into it while it runs, and other requests are refused" {
	spawn_in host -R hub vm-bridge hub -R 9 -C ctl -l ./lan
	station a 10.1.0.1 vm-bridge hub lan
	run -0 in_ns host vm-bridge mcast -v -l lo -S ctl 239.1.1.1:5555
	[ "$output" = 'vm-bridge: ctl: ok net0' ]
	station b 10.1.0.2 vm-bridge mcast -l lo 239.1.1.1:5555
	reaches a 10.1.0.2
	run -0 ask list
	[[ $output = *$'\nnet0\t'* ]]
	in_ns host vm-bridge mcast -l lo -S ctl 239.1.1.2:5555
	run -0 ask list
	[[ $output = *$'\nnet0\t'*$'\nnet1\t'* ]]
	run -0 ask 'what'
	[ "$output" = 'no not one of: wire WIRE, list, quit' ]
	run -0 ask 'wire net,fd=0'
	[[ $output = 'no '* ]]
	run -1 wire-give -S ctl blk,fd=0 0
	[[ $output = *'not a net wire of one queue' ]]
	run -0 ask quit
	await hub
}

@test "hub: an uplink that is a wire joins two hubs, one is a multicast group" {
	spawn_in host -R one vm-bridge hub -R 9 -l ./one -l 5000
	spawn_in host -R two vm-bridge connect 127.0.0.1:5000 vm-bridge mcast -l lo 239.1.1.1:5555 vm-bridge hub -R 9 -l ./two
	station a 10.1.0.1 vm-bridge hub one
	station b 10.1.0.2 vm-bridge hub two
	station c 10.1.0.3 vm-bridge mcast -l lo 239.1.1.1:5555
	station d 10.1.0.4 vm-bridge connect ./one
	reaches a 10.1.0.2
	reaches a 10.1.0.3
	reaches d 10.1.0.3
	# b's own frames come back from the group, but b stays where it is.
	sends_file a b 10.1.0.2
}

@test "pair: two guests on one cable, whichever comes first, and nothing between them" {
	station a 10.1.0.1 vm-bridge pair ./cable
	[ "$(stat -c %a cable)" = 600 ]
	# What nobody takes does not hold up a.
	in_ns a ip neigh add 10.1.0.99 lladdr 52:54:00:99:99:99 dev eth0
	in_ns a timeout 60 socat -u -b 1400 OPEN:/dev/zero,readbytes=2000000 UDP:10.1.0.99:9
	station b 10.1.0.2 vm-bridge pair ./cable
	until_gone
	[ ! -e cable ]
	reaches a 10.1.0.2
	sends_file b a 10.1.0.1
	# The third is a first again, and gone without a second.
	in_ns host vm-bridge pair ./cable test -S cable
	until_gone
	[ ! -e cable ]
	# One end gone is the end of the other.
	stop a
	await b
}

@test "pair: a first that has gone does not harm those who come" {
	local i
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		spawn_in host a vm-bridge pair ./cable true
		spawn_in host b vm-bridge pair ./cable sh -c 'echo up; exec sleep 1000'
		await a
		wait_line b.log ^up$
		# Either the two had met, or b is the first now, and meets the next.
		if [ -S cable ]; then
			in_ns host vm-bridge pair ./cable true
		fi
		until_gone
		[ ! -e cable ]
		stop b
		rm b.log
	done
}

@test "pair: the second begins with a whole frame, and has a socket that waits" {
	need od
	# Of 16 bytes each: one that nobody hears, in two parts, and one for the second.
	spawn_in host a vm-bridge pair ./cable bash -c 'exec 7>&"${VM_WIRES#*fd=}"
		printf "\\0\\0\\0\\20half" >&7; echo said; until [ -e go ]; do sleep 0.02; done
		printf "of a frame.." >&7; until [ -e on ]; do sleep 0.02; done
		printf "\\0\\0\\0\\20sixteen bytes...more" >&7; exec sleep 1000'
	wait_line a.log ^said$
	spawn_in host b vm-bridge pair ./cable bash -c 'echo up; exec head -c 20 <&"${VM_WIRES#*fd=}"'
	until_in b 47 # recvmsg
	touch go
	wait_line b.log ^up$
	until_in b 0 # read
	touch on
	await b
	[ "$(od -An -c b.log | tr -d ' \n')" = 'up\n\0\0\0020sixteenbytes...' ]
}

@test "pair: what the first says while the second comes is the second's, whole" {
	need od
	# shellcheck disable=SC2016 # for the inner shell
	spawn_in host a vm-bridge pair ./cable bash -c 'exec 7>&"${VM_WIRES#*fd=}"; echo said; until [ -e go ]; do sleep 0.02; done
		printf "\\0\\0\\0\\20sixteen bytes..." >&7; echo sent; exec sleep 1000'
	wait_line a.log ^said$
	# The process between hears of both at once.
	kill -STOP "$(backends)"
	# shellcheck disable=SC2016
	spawn_in host b vm-bridge pair ./cable bash -c 'exec timeout 20 head -c 20 <&"${VM_WIRES#*fd=}"'
	until_in b 47 # recvmsg
	touch go
	wait_line a.log ^sent$
	kill -CONT "$(backends)"
	await b
	[ "$(od -An -c b.log | tr -d ' \n')" = '\0\0\0020sixteenbytes...' ]
}

@test "pair -: both ends to one program" {
	# shellcheck disable=SC2016 # for the inner shell
	run -0 clean vm-bridge pair - sh -c 'echo $VM_WIRES'
	[[ $output =~ ^net,fd=[0-9]+\ net,fd=[0-9]+$ ]]
	run -0 clean vm-bridge pair -u 9000 - sh -c 'echo $VM_WIRES'
	[[ $output =~ ^net,fd=[0-9]+,mtu=9000\ net,fd=[0-9]+,mtu=9000$ ]]
}

@test "listen and connect: guests start alone, and the cable is plugged in when the peer comes, again and again" {
	local address
	for address in 5000 '[::1]:5001' ./sock localhost:5002; do
		station a 10.1.0.1 vm-bridge connect "$address"
		wait_line a.log 'trying again$'
		station b 10.1.0.2 vm-bridge listen "${address/localhost/127.0.0.1}"
		reaches a 10.1.0.2
		wait_line a.log ': connected$'
		sends_file b a 10.1.0.1
		stop b
		wait_line a.log 'the connection ended'
		station b 10.1.0.2 vm-bridge listen "${address/localhost/127.0.0.1}"
		reaches a 10.1.0.2
		# It is the listener's turn: its peer goes and another comes.
		stop a
		station a 10.1.0.1 vm-bridge connect "$address"
		reaches b 10.1.0.1
		stop a
		stop b
		until_gone
		[ ! -e sock ]
	done
}

@test "listen: one peer at a time; the next has his turn afterwards" {
	station a 10.1.0.1 vm-bridge listen 5000
	run -0 in_ns host ss -Hlnt 'sport = :5000'
	[[ $output = *' 127.0.0.1:5000 '* ]]
	station b 10.1.0.2 vm-bridge connect -1 5000
	reaches a 10.1.0.2
	station c 10.1.0.3 vm-bridge connect -1 5000
	run -1 in_ns c ping -q -c 1 -W 1 10.1.0.1
	stop b
	reaches c 10.1.0.1
}

@test "listen -1 and connect -1: the guest has the connection itself" {
	# shellcheck disable=SC2016 # for the inner shell
	spawn_in host a vm-bridge listen -1 5000 sh -c 'readlink "/proc/$$/fd/${VM_WIRES#*fd=}"; exec sleep 1000'
	until in_ns host ss -Hlnt 'sport = :5000' | grep -q .; do sleep 0.02; done
	run -0 in_ns host vm-bridge connect -1 5000 sh -c 'exec ss -Htnp "dport = :5000"'
	[[ $output = ESTAB*127.0.0.1:5000* ]]
	[[ $(<a.log) = socket:* ]]
	stop a
	[ ! "$(backends)" ]
	spawn_in host a vm-bridge listen -1 ./sock true
	until [ -S sock ]; do sleep 0.02; done
	in_ns host vm-bridge connect -1 ./sock true
	await a
	[ ! -e sock ]
}

@test "connect: nobody connects to himself, though the kernel allows it" {
	local i
	in_ns host sh -c 'echo 5000 5003 >/proc/sys/net/ipv4/ip_local_port_range'
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		run -125 in_ns host vm-bridge connect -1 5000 true
		[ "$output" = 'vm-bridge: 5000: Connection refused' ]
	done
}

@test "listen: a peer that breaks the framing is hung up on, and another welcome" {
	station a 10.1.0.1 vm-bridge listen ./sock
	timeout 60 frame-storm -b sock
	station b 10.1.0.2 vm-bridge connect ./sock
	reaches a 10.1.0.2
}

@test "udp: a frame a datagram, with no process between" {
	station a 10.1.0.1 vm-bridge udp -l 5001 5002
	station b 10.1.0.2 vm-bridge udp -l 5002 127.0.0.1:5001
	reaches a 10.1.0.2
	sends_file a b 10.1.0.2
	station c 10.1.0.1 vm-bridge udp -l '[::1]:5001' '[::1]:5002'
	station d 10.1.0.2 vm-bridge udp -l '[::1]:5002' '[::1]:5001'
	reaches c 10.1.0.2
	[ ! "$(backends)" ]
}

@test "mcast: every guest on the group, of either family, and the others of a host only with loop=on" {
	station a 10.1.0.1 vm-bridge mcast -l lo 239.1.1.1:5555
	station b 10.1.0.2 vm-bridge mcast -l 127.0.0.1 -O ttl=0 239.1.1.1:5555
	reaches a 10.1.0.2
	# On lo all that is sent is heard, and IPv6 has no groups there.
	in_ns host sh -ec 'ip link add m0 type veth peer name m1; ip link set m0 up; ip link set m1 up
		ip addr add 10.9.0.1/24 dev m0; ip addr add fd00::1/64 dev m0 nodad'
	station c 10.1.0.1 vm-bridge mcast '[ff02::99%m0]:5555'
	station d 10.1.0.2 vm-bridge mcast -l m0 '[ff02::99]:5555'
	reaches c 10.1.0.2
	station e 10.1.0.1 vm-bridge mcast -l 10.9.0.1 239.1.1.2:5555
	station f 10.1.0.2 vm-bridge mcast -l m0 239.1.1.2:5555
	reaches e 10.1.0.2
	station g 10.1.0.3 vm-bridge mcast -l m0 -O loop=off 239.1.1.2:5555
	run -1 in_ns g ping -q -c 1 -W 1 10.1.0.1
	[ ! "$(backends)" ]
}

@test "a wire that was handed over is plugged in, in the foreground" {
	station a 10.1.0.1 vm-bridge listen 5000
	spawn_in host -R b vm-bridge pair ./cable vm-bridge connect -R 9 5000
	station c 10.1.0.3 vm-bridge pair ./cable
	reaches a 10.1.0.3
	stop a
	wait_line b.log 'the connection ended'
	kill "${pids[b]}"
	await b
	await c
}

@test "cables: -S hands the wire to a machine, -R says when, -U who has it" {
	spawn_in host take wire-take vm.sock
	wait_line take.log ready
	run -0 in_ns host vm-bridge hub -S vm.sock -u 1400 lan
	[ "$output" = '' ]
	await take
	[[ $(<take.log) = *$'\nnet1\tnet'* ]]
	until_gone
	spawn_in host -R a vm-bridge hub -R 9 lan sleep 1000
	stop a
	until_gone
	run -125 in_ns host vm-bridge hub -U nosuchuser lan true
	[ "$output" = 'vm-bridge: nosuchuser: no such user' ]
}

@test "cables: what is wrong is said, and nothing is started" {
	local status why line
	in_ns host vm-bridge pair ./x true # leaves nothing that would be in the way
	: >file
	spawn_in host -R busy vm-bridge hub -R 9 -l 5000 -l ./busy -C ctl
	while IFS='~' read -r status line why; do
		echo "vm-bridge $line"
		# shellcheck disable=SC2086 # words
		run "-$status" in_ns host vm-bridge $line
		[ "$output" = "vm-bridge: $why" ] || {
			echo "$line: $output"
			return 1
		}
		[ ! -e started ]
	done <<-'EOF'
		2~hub~hub: a path and a program (or -S), or -l alone (try --help)
		2~hub ./lan~hub: a path and a program (or -S), or -l alone (try --help)
		2~hub -1 ./lan touch started~hub: -1: no such option (try --help)
		2~hub -l~hub: -l: an argument is missing
		2~hub -S x ./lan touch started~hub: a program and -S exclude each other
		125~hub file touch started~file: Address already in use
		125~hub nodir/lan touch started~nodir/lan: No such file or directory
		125~hub -l 5000 ./lan touch started~5000: Address already in use
		125~hub -C ctl ./lan touch started~-C ctl: Address already in use
		1~hub -l ./busy~./busy: Address already in use
		2~pair~pair: no path (try --help)
		2~pair ./x~pair: no program (try --help)
		2~pair -S x -~pair: -S: both ends go to one program
		2~listen~listen: no address (try --help)
		2~listen 5000~no program, no -S and no net wire: nobody to plug in (try --help)
		2~listen 0 touch started~0: not [ADDRESS:]PORT, nor a path with a slash
		2~listen 127.0.0.1 touch started~127.0.0.1: not [ADDRESS:]PORT, nor a path with a slash
		2~listen 127.0.0.1:65536 touch started~127.0.0.1:65536: not [ADDRESS:]PORT, nor a path with a slash
		125~listen 5000 touch started~5000: Address already in use
		125~listen 10.3.3.3:5001 touch started~10.3.3.3:5001: Cannot assign requested address
		125~listen ./busy touch started~./busy: Address already in use
		125~connect -1 5009 touch started~5009: Connection refused
		125~connect no.such.host.invalid:5000 touch started~no.such.host.invalid: no such host
		125~connect -1 ./nobody touch started~./nobody: No such file or directory
		2~udp ./x touch started~./x: a path, where [ADDRESS:]PORT is wanted
		2~udp 239.1.1.1:5000 touch started~239.1.1.1:5000: a multicast group: use mcast
		2~udp -l [::1]:5001 5002 touch started~-l [::1]:5001: IPv4 and IPv6 cannot be mixed
		125~udp -l 10.3.3.3:5001 5002 touch started~-l 10.3.3.3:5001: Cannot assign requested address
		2~mcast 5000 touch started~5000: not a multicast group and a port
		2~mcast 10.0.0.1:5000 touch started~10.0.0.1:5000: not a multicast group and a port
		2~mcast -l eth9 239.1.1.1:5000 touch started~-l eth9: neither an interface nor an IPv4 address
		2~mcast -l eth9 [ff02::1]:5000 touch started~-l eth9: no such interface
		125~mcast 239.1.1.1:5000 touch started~239.1.1.1:5000: No such device
		2~mcast -O ttl=256 239.1.1.1:5000 touch started~-O ttl=256: not ttl= with 0 to 255, nor loop=on, nor loop=off
		2~mcast -u 60000000 239.1.1.1:5000 touch started~-u 60000000: not a number from 68 to 65521
		127~hub ./lan nosuchprogram~nosuchprogram: No such file or directory
		126~hub ./lan ./file~./file: Permission denied
	EOF
	run -2 clean vm-bridge listen -w blk,fd=0 5000
	[ "$output" = 'vm-bridge: blk0: not a net wire of one queue, which alone is plugged in here' ]
	stop busy
	until_gone
}

@test "cables: QEMU's socket, stream and dgram at the other end, all at once on a hub of its own" {
	need qemu-system-x86_64
	local arguments=() n=0 netdev
	spawn_in host -R hub vm-bridge hub -R 9 -l ./lan
	station a 10.1.0.1 vm-bridge hub lan
	station b 10.1.0.2 vm-bridge listen 5002
	station c 10.1.0.3 vm-bridge listen ./sock
	station d 10.1.0.4 vm-bridge connect 5004
	station e 10.1.0.5 vm-bridge connect 5005
	station f 10.1.0.6 vm-bridge udp -l 5006 5106
	station g 10.1.0.7 vm-bridge udp -l 5007 5107
	station h 10.1.0.8 vm-bridge mcast -l lo 239.1.1.8:5008
	station i 10.1.0.9 vm-bridge mcast -l lo 239.1.1.9:5009
	for netdev in \
		stream,server=off,addr.type=unix,addr.path=lan \
		socket,connect=127.0.0.1:5002 \
		stream,server=off,addr.type=unix,addr.path=sock \
		socket,listen=127.0.0.1:5004 \
		stream,server=on,addr.type=inet,addr.host=127.0.0.1,addr.port=5005 \
		socket,udp=127.0.0.1:5006,localaddr=127.0.0.1:5106 \
		dgram,remote.type=inet,remote.host=127.0.0.1,remote.port=5007,local.type=inet,local.host=127.0.0.1,local.port=5107 \
		socket,mcast=239.1.1.8:5008,localaddr=127.0.0.1 \
		dgram,remote.type=inet,remote.host=239.1.1.9,remote.port=5009,local.type=inet,local.host=127.0.0.1,local.port=5109; do
		arguments+=(-netdev "$netdev,id=n$((++n))" -netdev "hubport,id=h$n,hubid=0,netdev=n$n")
	done
	spawn_in host qemu qemu-system-x86_64 -M none -nodefaults -display none -monitor none "${arguments[@]}"
	for n in 2 3 4 5 6 7 8 9; do
		reaches a "10.1.0.$n"
	done
	reaches b 10.1.0.9
	kill -0 "${pids[qemu]}"
}

# example NAME LINE: run it as it stands, but for the guest, who is a station here, with the address 10.0.2.10 if NAME is a.
example() {
	echo "$2"
	spawn_in host "$1" env PATH="$T/bin:$PATH" sh -c "exec ${2% &}"
	[[ $2 = *kvm-run* ]] || return 0
	until in_ns "$1" ip link set eth0 up 2>/dev/null; do sleep 0.02; done
	in_ns "$1" ip addr add "10.0.2.1$((36#$1 - 10))/24" dev eth0
}

@test "cables: the examples of vm-bridge(8) run" {
	need_access /dev/net/tun
	local lines
	mkdir bin
	printf '#!/bin/sh\nexec unshare -n wire-tap eth0 wire-join\n' >bin/kvm-run
	chmod +x bin/kvm-run
	mapfile -t lines < <(examples "$TESTS/../man/vm-bridge.8" | grep -E '^(vm-slirp )?vm-bridge (pair|hub|listen|connect)|^qemu')
	[ "${#lines[@]}" -eq 8 ]
	example a "${lines[0]}"
	example b "${lines[1]}"
	reaches a 10.0.2.11
	stop a
	await b
	example net "${lines[2]}"
	until [ -S lan ]; do sleep 0.02; done
	example a "${lines[3]}"
	example b "${lines[4]}"
	reaches a 10.0.2.11
	reaches b 10.0.2.2
	[[ $(printf '%s\n' 'info network' quit | in_ns host sh -c "${lines[5]/-x86_64/-x86_64 -accel tcg -S -nodefaults -display none -monitor stdio}") = *'type=stream,'* ]]
	stop a
	stop b
	stop net
	example a "${lines[6]}"
	example b "${lines[7]}"
	reaches a 10.0.2.11
}

# guest FILE COMMAND...: an initrd whose guest runs the commands, then reaches the others on the hub and stays.
guest() {
	local file=$1
	shift
	{
		printf '%s\n' '#!/bin/sh' "$@"
		cat <<-'EOS'
			for n in 1 2 3; do
				until ping -c 1 -w 2 10.1.0.$n >/dev/null; do :; done
			done
			echo all reached
			sleep 1000
		EOS
	} | initrd "$file"
}

# bats test_tags=kvm
@test "cables: two guests with a pair, and QEMU's guest, on one hub" {
	need_kvm
	need qemu-system-x86_64
	local kernel
	kernel=$(kernel)
	guest a 'ip addr add 10.0.0.1/24 dev eth0' 'ip addr add 10.1.0.1/24 dev eth1' 'ip link set eth0 up' 'ip link set eth1 up' 'ip link set lo up' \
		'until ping -c 1 -w 2 10.0.0.2 >/dev/null; do :; done' 'echo pair reached'
	guest b 'ip addr add 10.0.0.2/24 dev eth0' 'ip addr add 10.1.0.2/24 dev eth1' 'ip link set eth0 up' 'ip link set eth1 up' 'ip link set lo up'
	guest q 'ip addr add 10.1.0.3/24 dev eth0' 'ip link set eth0 up' 'ip link set lo up'
	spawn a vm-bridge pair ./cable vm-bridge hub -C ctl ./lan kvm-run -I a -k "$kernel/vmlinux" -i a -m 128 -A quiet -q
	until [ -S lan ]; do sleep 0.1; done
	spawn b vm-bridge pair ./cable vm-bridge hub ./lan kvm-run -I b -k "$kernel/vmlinux" -i b -m 128 -A quiet -q
	spawn q qemu-system-x86_64 -accel kvm -cpu host -M q35 -m 256 -nodefaults -no-user-config -display none -serial stdio \
		-kernel "$kernel/vmlinuz" -initrd q -append 'console=ttyS0 quiet panic=-1 cryptomgr.notests' \
		-netdev stream,id=x,server=off,addr.type=unix,addr.path=lan -device virtio-net-pci,netdev=x,romfile=
	wait_line a.log '^all reached' 250
	grep -q '^pair reached' a.log
	wait_line b.log '^all reached' 60
	wait_line q.log '^all reached' 60
	run -0 ask list
	[ "${#lines[@]}" -eq 4 ]
	stop a KILL
	stop b KILL
	stop q
	until_gone
}
