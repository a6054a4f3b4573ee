# SPDX-License-Identifier: ISC
# Wires on their carriers, and the consumer rules of vm-wires(7), through kvm-run -n. The grammar and the table of
# descriptors are unit/wire and unit/wiring.
bats_require_minimum_version 1.5.0
load lib

setup() {
	truncate -s 1M "$T/disk"
	cd "$T" || return
}

tab=$'\t'

@test "a redirection and -w make a wire" {
	run -0 in_sh 'kvm-run -n -w blk,fd=3,serial=a,cache=none -w blk,fd=4,id=root 3<>disk 4<disk'
	lines "blk0${tab}blk${tab}3${tab}serial=a,cache=none${tab}raw" "root${tab}blk${tab}4${tab}-${tab}raw"
}

@test "VM_WIRES, then each -w and -w @N in its place, with comments" {
	run -0 in_sh 'VM_WIRES=" hold,fd=5	blk,fd=3
	" kvm-run -n -w hold,fd=4 -w @6 -w con,fd=0:1 3<>disk 4<disk 5<disk 7<disk 6<<E
# the machine, hold,fd=9
hold,fd=7,xnote=a # kept
#hold,fd=9
E'
	lines "hold0${tab}hold${tab}5${tab}-${tab}-" "blk0${tab}blk${tab}3${tab}-${tab}raw" "hold1${tab}hold${tab}4${tab}-${tab}-" \
		"hold2${tab}hold${tab}7${tab}xnote=a${tab}-" "con0${tab}con${tab}0:1${tab}-${tab}serial"
}

@test "-w @N of a closed descriptor, and of too much" {
	run -2 in_sh 'kvm-run -n -w @5'
	lines "kvm-run: -w @5: Bad file descriptor"
	run -2 in_sh 'yes "# much" | head -n 1000 | kvm-run -n -w @0'
	lines "kvm-run: -w @0: longer than 4095 characters"
	run -2 in_sh 'VM_WIRES=$(yes "# much" | head -n 1000) kvm-run -n'
	lines "kvm-run: VM_WIRES: longer than 4095 characters"
}

@test "all faults are reported at once, in the wires' words" {
	run -2 in_sh 'VM_WIRES="net,fd=9 net,fd=4,speed=9" kvm-run -n -w blk,fd=x -w blk,fd=3,cache=fast,bus=ide -w blk,fd=3 \
		-w con,fd=4:5 -w pcap,fd=1,of=net7 -w "tape,fd=3" -w "net,fd=1;rm" 3<>disk 4>>log'
	lines "kvm-run: wire 'net,fd=4,speed=9': unknown key speed" \
		"kvm-run: wire 'blk,fd=x': fd: not a number" \
		"kvm-run: wire 'tape,fd=3': unknown kind tape" \
		"kvm-run: wire 'net,fd=1;rm': a character that no wire may hold" \
		"kvm-run: net0: fd 9: Bad file descriptor" \
		"kvm-run: blk0: cache=fast: not writeback|writethrough|none|directsync|unsafe" \
		"kvm-run: blk0: bus=ide: not virtio|ahci" \
		"kvm-run: blk1: fd 3: already blk0" \
		"kvm-run: con0: fd 5: Bad file descriptor" \
		"kvm-run: con0: fd 4: write-only (in and out may be two: fd=IN:OUT)" \
		"kvm-run: pcap0: of=net7: no such wire"
}

@test "a fault starts nothing: no socket, no newline of readiness, no wire printed" {
	run -2 in_sh 'kvm-run -k disk -C ctl -R 4 -w net,fd=9 4>ready'
	lines "kvm-run: net0: fd 9: Bad file descriptor"
	[ ! -e ctl ]
	[ ! -s ready ]
	run -2 --separate-stderr in_sh 'kvm-run -n -w blk,fd=3 -w net,fd=9 3<>disk'
	[ "$output" = '' ]
}

@test "a descriptor that sudo or doas closed is said to be so" {
	for var in SUDO_USER DOAS_USER; do
		run -2 in_sh "$var=me kvm-run -n -w net,fd=9"
		lines "kvm-run: net0: fd 9: Bad file descriptor (sudo and doas close it: put them first)"
	done
	run -2 in_sh 'SUDO_USER=me kvm-run -n -w net,fd=3 3<disk'
	lines "kvm-run: net0: fd 3: a regular file, not a tap or a stream, seqpacket or dgram socket"
}

@test "what a word may hold is printed safely" {
	run -2 in_sh 'kvm-run -n -w "$(printf "net,\033[31mfd=%0500d" 0)"'
	lines "kvm-run: wire 'net,?[31mfd=$(printf %064d 0)...': longer than 511 characters"
}

@test "65 wires are one too many" {
	run -2 clean bash -c 'for n in {10..74}; do eval "exec $n</dev/null"; done; kvm-run -n -w "$(seq 10 74 | sed s/^/hold,fd=/)"'
	lines "kvm-run: wire 'hold,fd=74': a machine has at most 64 wires"
	run -0 clean bash -c 'for n in {10..73}; do eval "exec $n</dev/null"; done; kvm-run -n -w "$(seq 10 73 | sed s/^/hold,fd=/)"'
	[ "${#lines[@]}" -eq 64 ]
}

@test "a full disk under -n is an error" {
	run -1 in_sh 'kvm-run -n -w blk,fd=3 3<>disk >/dev/full'
	lines "kvm-run: stdout: No space left on device"
}

@test "a loader moves its descriptors to 10 and above and appends to VM_WIRES" {
	run -0 in_sh 'wire-give hold,fd=3 wire-pair -t stream wire-pair sh -c "echo \$VM_WIRES; kvm-run -n" 3<disk'
	[[ ${lines[0]} =~ ^hold,fd=3\ net,fd=([0-9]+)\ net,fd=([0-9]+)\ net,fd=[0-9]+\ net,fd=[0-9]+$ ]]
	((BASH_REMATCH[1] >= 10 && BASH_REMATCH[2] >= 10))
	[ "${#lines[@]}" -eq 6 ]
	[[ ${lines[1]} = "hold0${tab}hold${tab}3${tab}-${tab}-" ]]
	[[ ${lines[2]} = "net0${tab}net${tab}"*"${tab}stream" ]]
	[[ ${lines[5]} = "net3${tab}net${tab}"*"${tab}packet" ]]
}

@test "a loader exits 125 for itself, 126 and 127 for the program" {
	run -125 in_sh 'wire-give net,fd=x true'
	lines "wire-give: wire 'net,fd=x': fd: not a number"
	run -126 in_sh 'wire-give hold,fd=0 ./disk'
	lines "wire-give: ./disk: Permission denied"
	run -127 in_sh 'wire-give hold,fd=0 no-such-program'
	lines "wire-give: no-such-program: No such file or directory"
	run -125 in_sh 'VM_WIRES=$(printf %04090d 1) wire-give hold,fd=0 true'
	lines "wire-give: VM_WIRES: longer than 4095 characters"
}

# take: a consumer behind the socket; its answer to what follows is in $T/taker.log.
take() {
	spawn taker wire-take sock
	wait_line "$T/taker.log" ready >/dev/null
}

@test "the socket carries a wire with its descriptors" {
	echo one >one
	echo two >two
	take
	run -0 in_sh 'wire-give -v -S sock blk,fd=1:0 3 5 3<one 5<two'
	lines "wire-give: sock: ok blk0"
	await taker
	[ "$(tail -n 1 "$T/taker.log")" = "blk0${tab}blk${tab}two${tab}one" ]
}

@test "the socket's answer no is the loader's" {
	take
	run -1 in_sh 'wire-give -S sock blk,fd=2:0 3 5 3<disk 5<disk'
	lines "wire-give: sock: fd 2: only 2 descriptors came"
	run ! await taker
	take
	run -1 in_sh 'wire-give -S sock blk,fd=1 3 5 3<disk 5<disk'
	lines "wire-give: sock: a descriptor came that it does not name"
	run ! await taker
	take
	run -1 in_sh 'wire-give -S sock net,fd=0,id=net0 3 3<disk'
	lines "wire-give: sock: id: already there"
	run ! await taker
	run -125 in_sh 'wire-give -S sock net,fd=0 3 3<disk'
	lines "wire-give: sock: Connection refused"
}

@test "taps are wires: one queue, several, and what is none" {
	need_access /dev/net/tun
	run -0 ns wire-tap -k mtu=1400 t0 kvm-run -n
	[[ $output = "net0${tab}net${tab}"*"${tab}mtu=1400${tab}tap" ]]
	run -0 ns wire-tap -q 3 t0 kvm-run -n
	[[ $output =~ ^net0${tab}net${tab}[0-9]+:[0-9]+:[0-9]+${tab}-${tab}tap$ ]]
	run -2 ns wire-tap t0 wire-tap t1 sh -c 'set -- $VM_WIRES; VM_WIRES= exec kvm-run -n -w "$1:${2#*=}"'
	[[ ${#lines[@]} -eq 3 && ${lines[0]} = *' a tap without IFF_MULTI_QUEUE' && ${lines[2]} = *' not a queue of the same tap as fd '* ]]
	run -2 in_sh 'kvm-run -n -w net,fd=3 3<>/dev/net/tun'
	lines "kvm-run: net0: fd 3: a tun without a tap, not a tap or a stream, seqpacket or dgram socket"
}

# bats test_tags=lab
@test "a vhost wire belongs to a tap" {
	need_access /dev/net/tun /dev/vhost-net
	modprobe -a tun vhost_net
	run -0 ns wire-tap t0 sh -c 'exec kvm-run -n -w vhost,fd=3 3<>/dev/vhost-net'
	[ "${lines[1]}" = "vhost0${tab}vhost${tab}3${tab}-${tab}-" ]
	run -2 ns wire-pair sh -c 'exec kvm-run -n -w vhost,fd=3 -w vhost,fd=4,of=net0 3<>/dev/vhost-net 4<>/dev/vhost-net'
	lines "kvm-run: vhost0: of: missing, and there is not exactly one net wire" "kvm-run: vhost1: net0: not a tap"
	run -2 ns wire-tap -q 2 t0 sh -c 'exec kvm-run -n -w vhost,fd=3 -w vhost,fd=4:5 3<>/dev/vhost-net 4<>/dev/vhost-net 5<>/dev/vhost-net'
	lines "kvm-run: vhost0: fd: 1 numbers for the 2 queues of net0" "kvm-run: vhost1: net0: has vhost0 already"
}

# bats test_tags=kvm
@test "what nobody named is closed, what is held stays open" {
	need_access /dev/kvm
	local named unnamed fd
	mkfifo named unnamed
	exec {named}<>named {unnamed}<>unnamed
	spawn -R vm sh -c "exec kvm-run -k $(kernel)/vmlinuz -R 9 -w hold,fd=7 7>named 8>unnamed"
	exec {fd}<unnamed {unnamed}>&-
	run -0 timeout 60 cat <&"$fd" # ends: kvm-run no longer has its end
	exec {fd}<named {named}>&-
	run -124 timeout 1 cat <&"$fd"
	run -0 find "/proc/${pids[vm]}/fd" -lname "*/named"
	[ "${#lines[@]}" -eq 1 ]
	run -0 find "/proc/${pids[vm]}/fd" -lname "*/unnamed"
	[ "$output" = '' ]
	kill -KILL "${pids[vm]}"
	run -0 timeout 60 cat <&"$fd" # ends with the guest
}
