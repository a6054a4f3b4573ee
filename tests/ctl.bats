# SPDX-License-Identifier: ISC
# The control protocol, by the tools a person has: nc, socat, a fifo; and hot-plug seen by Linux.
load lib

setup() {
	need_access /dev/kvm
}

# guest [ARG]...: start a small guest with a control socket, $T/ctl; return when it runs.
guest() {
	spawn guest kvm-run -I box -k "$BIN/guests/echo" -K 'talk=3' -C "$T/ctl" "$@"
	wait_line "$T/guest.log" 'line 3' >/dev/null
	pid=${pids[guest]}
}

# ask REQUEST...: send the lines to the control socket and print the answers.
ask() {
	printf '%s\n' "$@" | nc -UN "$T/ctl"
}

@test "status, vcpus, devices, net, kvm, help" {
	(fresh && exec wire-pair -t stream kvm-run -I box -c 2 -m 64 -k "$BIN/guests/echo" -K talk=3 -C "$T/ctl") \
		>"$T/guest.log" 2>&1 </dev/null &
	pid=$! pids["guest"]=$!
	wait_line "$T/guest.log" 'line 3'
	run -0 ask status
	[ "$output" = "name	box
state	running
pid	$pid
vcpus	2
memory	67108864
vcpus-max	2
ok" ]
	run -0 ask vcpus
	[ "$(cut -f 1 <<<"$output" | tr '\n' ' ')" = '0 1 ok ' ]
	[ "$(<"/proc/$pid/task/${lines[1]#*$'\t'}/comm")" = vcpu1 ]
	run -0 ask devices
	[[ $output = *"con0	con	COM1	-"* ]]
	[[ $output = *"rng	rng	00:01.0	-"* ]]
	[[ $output = *"net0	net	00:02.0	-"* ]]
	run -0 ask net
	[[ ${lines[0]} = "net0	52:54:00:"*"	up	0	0	0	0	0	0" ]]
	run -0 ask kvm
	[ "${lines[0]}" = "api	12" ]
	run -0 ask help
	[[ $output = *'unplug ID'* ]]
	run -0 ask 'link net0 down' net 'link net0 up' net
	[[ ${lines[1]} = net0*'	down	'* && ${lines[2]} = net1*'	up	'* && ${lines[5]} = net0*'	up	'* ]]
}

@test "stop and cont" {
	guest
	run -0 ask stop status cont status
	[ "${lines[0]}" = ok ]
	[[ $output = *$'state\tstopped'*$'state\trunning'* ]]
	run -0 ask quit
	await guest 5
}

@test "a guest that is stopped can be ended" {
	guest
	run -0 ask stop quit
	await guest 5
}

@test "a guest that was ended is not brought back by a reset" {
	guest
	run -0 ask quit reset
	await guest 5
}

@test "reset starts the guest again" {
	guest
	: >"$T/guest.log"
	run -0 ask reset
	wait_line "$T/guest.log" 'line 3'
}

# bats test_tags=kvm
@test "a reset in the midst of an instruction leaves nothing of it" {
	need_kvm
	spawn guest kvm-run -k "$BIN/guests/reader" -C "$T/ctl"
	wait_line "$T/guest.log" up
	for _ in {1..20}; do
		: >"$T/guest.log"
		run -0 ask reset
		wait_line "$T/guest.log" up
	done
}

@test "with socat, and a last line without its newline" {
	guest
	run -0 socat -t 60 - "UNIX-CONNECT:$T/ctl" <<<stop
	[ "$output" = ok ]
	[ "$(printf cont | socat -t 60 - "UNIX-CONNECT:$T/ctl")" = ok ]
}

@test "the socket is mode 0600 and goes with the guest" {
	guest
	[ "$(stat -c %a "$T/ctl")" = 600 ]
	run -1 clean kvm-run -k "$BIN/guests/echo" -C "$T/ctl"
	[[ $output = *"$T/ctl: Address already in use" ]]
	ask quit
	await guest 5
	[ ! -e "$T/ctl" ]
}

@test "a fifo, opened and closed by many writers" {
	mkfifo "$T/in"
	exec {in}<>"$T/in" # only to open without waiting
	(fresh && exec kvm-run -k "$BIN/guests/echo" -K talk=3 -w ctl,fd=5:6 5<"$T/in" 6>"$T/out") \
		>"$T/guest.log" 2>&1 </dev/null &
	pid=$! pids["guest"]=$!
	wait_line "$T/guest.log" 'line 3'
	exec {in}>&-
	echo stop >"$T/in"
	wait_line "$T/out" ok
	echo cont >"$T/in"
	echo dance >"$T/in"
	wait_line "$T/out" 'no unknown request'
	before=$(awk '{ print $14 + $15 }' "/proc/$pid/task/$pid/stat")
	sleep 1
	# The end of a fifo does not make the main thread spin.
	[ $(($(awk '{ print $14 + $15 }' "/proc/$pid/task/$pid/stat") - before)) -lt 20 ]
	echo quit >"$T/in"
	await guest 5
	[ "$(<"$T/out")" = $'ok\nok\nno unknown request; try help\nok' ]
}

@test "a terminal" {
	mkfifo "$T/keys"
	exec {keys}<>"$T/keys"
	(fresh && exec socat PTY,link="$T/tty",echo=0 STDIO <"$T/keys" >"$T/term.log") &
	pids["term"]=$!
	until [ -e "$T/tty" ]; do sleep 0.1; done
	(fresh && exec kvm-run -k "$BIN/guests/echo" -K talk=3 -w ctl,fd=5 5<>"$T/tty") >"$T/guest.log" 2>&1 </dev/null &
	pids["guest"]=$!
	wait_line "$T/guest.log" 'line 3'
	printf 'status\n' >&"$keys"
	wait_line "$T/term.log" '^ok'
	printf '\004' >&"$keys" # an end of input, here just a key
	printf 'quit\n' >&"$keys"
	await guest 5
}

@test "a connected socket as a wire" {
	cat >"$T/guest" <<-EOS
		#!/bin/sh
		exec kvm-run -k "$BIN/guests/echo" -K x -w ctl,fd=0 -w con,fd=5:6 5</dev/null 6>"$T/out"
	EOS
	chmod +x "$T/guest"
	# socat ends with the guest, and may lose its last words.
	run clean socat - "EXEC:$T/guest" < <(echo status && sleep 1 && echo quit)
	[[ $output = *$'state\trunning'*ok* ]]
}

@test "a listening socket as a wire" {
	spawn guest wire-listen "$T/ctl" kvm-run -k "$BIN/guests/echo" -K talk=3
	wait_line "$T/guest.log" 'line 3'
	run -0 ask status quit
	[ "${lines[-1]}" = ok ]
	await guest 5
	[ -e "$T/ctl" ] # not kvm-run's to remove
}

@test "nonsense, and lines that are too long" {
	guest
	run -0 ask '' 'dance' 'stop now' 'link net9 up' 'unplug net9' 'unplug rng' 'wire' 'wire x' 'wire net,fd=0'
	[ "$output" = "ok
no unknown request; try help
no usage: stop
no net9: no such network device
no net9: no such device
no rng: was there at the start, so it stays
no usage: wire WIRE
no unknown kind x
no fd 0: only 0 descriptors came" ]
	run -0 ask "$(head -c 100000 /dev/zero | tr '\0' x)" cont
	[ "$output" = $'no line too long\nok' ]
	head -c 100000 /dev/urandom | nc -UN "$T/ctl" >"$T/answers"
	run ! grep -av '^no \|^ok$' "$T/answers"
	ask quit
	await guest 5
}

@test "a client that does not read delays neither the guest nor other clients" {
	guest
	(fresh && exec socat -u OPEN:/dev/zero,readbytes=1000000 SYSTEM:"tr '\\\\0' '\\\\n' | nc -U $T/ctl | sleep 1000") &
	pids["slow"]=$!
	sleep 1
	for _ in 1 2 3; do
		run -0 timeout 60 nc -UN "$T/ctl" <<<status
		[ "${lines[-1]}" = ok ]
	done
}

@test "without -H there are no slots" {
	guest
	truncate -s 1M "$T/disk"
	run -1 wire-give -S "$T/ctl" blk,fd=0 5 5<>"$T/disk"
	[[ $output = *'no slots'* ]]
}

@test "plugged in, a device takes a slot; the descriptors that were refused are closed" {
	guest -H 1
	truncate -s 1M "$T/disk" "$T/disk2"
	run -0 wire-give -S "$T/ctl" blk,fd=0,id=extra 5 5<>"$T/disk"
	run -1 wire-give -S "$T/ctl" blk,fd=0 5 5<>"$T/disk2"
	[[ $output = *'no slots'* ]]
	run -1 wire-give -S "$T/ctl" con,fd=0 5 5<>"$T/disk2"
	[[ $output = *'only net, blk and pci'* ]]
	run -0 ask devices
	[[ $output = *"extra	blk	00:1e.0	hot"* ]]
	[ ! "$(find "/proc/$pid/fd" -lname '*/disk2')" ]
	[ "$(find "/proc/$pid/fd" -lname '*/disk')" ]
	# This guest knows nothing of hot-plug.
	run -0 ask 'unplug extra'
	[ "$output" = 'no guest did not release extra' ]
}

# bats test_tags=kvm
@test "Linux sees a disk and a network card come, works with them, and lets them go" {
	need_kvm
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		modprobe acpiphp 2>/dev/null
		echo ready
		until [ -b /dev/vda ] && [ -d /sys/class/net/eth0 ]; do sleep 0.1; done
		echo "disk of $(cat /sys/block/vda/size), $(cat /sys/class/net/eth0/address)"
		dd if=/dev/vda bs=4 count=1 2>/dev/null
		echo data | dd of=/dev/vda bs=512 seek=1 conv=sync 2>/dev/null
		sync
		echo
		echo used
		while [ -b /dev/vda ] || [ -d /sys/class/net/eth0 ]; do sleep 0.1; done
		echo gone
		until [ -b /dev/vda ]; do sleep 0.1; done
		echo again
	EOS
	truncate -s 1M "$T/disk"
	printf 'mark' | dd of="$T/disk" conv=notrunc status=none
	spawn guest timeout -k 1 200 kvm-run -H 4 -m 128 -k "$(kernel)/vmlinux" -i "$T/initrd" -A quiet -C "$T/ctl"
	wait_line "$T/guest.log" '^ready' 100
	run -0 wire-give -S "$T/ctl" blk,fd=0,id=d 5 5<>"$T/disk"
	# shellcheck disable=SC2016 # expands there
	(fresh && exec wire-pair -t stream sh -c 'set -- $VM_WIRES; unset VM_WIRES; f=${1#*fd=}; f=${f%%,*}
		wire-give -S "$0" net,fd=0,id=n,mac=52:54:00:00:00:77 "$f" && exec sleep 300' "$T/ctl") &
	pids["cable"]=$!
	wait_line "$T/guest.log" '^used' 60
	grep -q '^disk of 2048, 52:54:00:00:00:77' "$T/guest.log"
	grep -q '^mark' "$T/guest.log"
	[ "$(dd if="$T/disk" bs=1 skip=512 count=4 status=none)" = data ]
	run -0 ask 'unplug d' 'unplug n' devices
	[ "${lines[0]}" = ok ]
	[ "${lines[1]}" = ok ]
	[[ $output != *hot* ]]
	wait_line "$T/guest.log" '^gone' 60
	run -0 wire-give -S "$T/ctl" blk,fd=0,id=d 5 5<>"$T/disk"
	wait_line "$T/guest.log" '^again' 60
	await guest
}

# bats test_tags=kvm
@test "the power button powers Linux off" {
	need_kvm
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		echo ready
		dev=$(grep -l 'Power Button' /sys/class/input/event*/device/name | head -n 1 | cut -d/ -f5)
		head -c 24 "/dev/input/$dev" >/dev/null
		echo pressed
	EOS
	spawn guest timeout -k 1 200 kvm-run -m 128 -k "$(kernel)/vmlinux" -i "$T/initrd" -A quiet -C "$T/ctl"
	wait_line "$T/guest.log" '^ready' 100
	sleep 2
	run -0 ask powerdown
	[ "$output" = ok ]
	wait_line "$T/guest.log" '^pressed' 60
	await guest
}
