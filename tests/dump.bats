# SPDX-License-Identifier: ISC
# Dumps of a guest: what debuggers read in them, and that the guest, and whoever asks, are not in each other's way.
load lib

setup() {
	[[ $BATS_TEST_TAGS = *kvm* ]] || need_access /dev/kvm
}

# guest OPTION...: a guest that does nothing, with a control socket.
guest() {
	spawn guest kvm-run -k "$BIN/guests/idle" -m 64 -C "$T/ctl" -w con,fd=0:1 "$@"
	until [ -S "$T/ctl" ]; do sleep 0.1; done
	# shellcheck disable=SC2154 # spawn's
	pid=${pids[guest]}
}

ask() {
	ctl-ask "$T/ctl" "$@"
}

# state: of the guest, and of a dump.
state() {
	ask status | grep -E '^(state|dump)'
}

# dumper: the process that writes.
dumper() {
	pgrep -P "$pid"
}

# begin: a dump into a pipe that nobody reads yet, but that is open for reading as fd 7.
begin() {
	mkfifo "$T/pipe"
	exec 7<>"$T/pipe"
	ask dump 8 8>"$T/pipe" >"$T/answer" 7<&- &
	until state | grep -q ^dump; do sleep 0.1; done
}

@test "a debugger finds registers and memory in it, by virtual and by physical addresses" {
	need gdb readelf
	guest -c 2
	until [[ $output = *'in guest_main ()'* ]]; do # it may still be on its way
		run -0 ask dump 5 5>"$T/core"
		[ "$output" = ok ]
		run -0 gdb -batch "$BIN/guests/idle" "$T/core" -ex bt
	done
	run -0 readelf -W -hl "$T/core"
	[[ $output = *'Type:                              CORE (Core file)'* && $output = *'Machine:                           Advanced Micro Devices X86-64'* ]]
	[[ $output =~ 'LOAD '+0x0*1000' 0x0000000000000000 0x0000000000000000 0x4000000 0x4000000' ]]
	run -0 readelf -n "$T/core"
	[ "$(grep -c '  CORE  .*NT_PRSTATUS' <<<"$output")" -eq 2 ]
	[ "$(grep -c '  QEMU  ' <<<"$output")" -eq 2 ]
	run -0 gdb -batch "$BIN/guests/idle" "$T/core" -ex bt -ex 'thread 2' -ex 'print/x $cs' -ex 'print/x $rip' -ex 'x/2dw 0x100000' -ex 'x/s 0x10000c'
	[[ $output =~ '#0  0x00000000001'[0-9a-f]+' in guest_main ()' && $output = *'in long_mode ()'* ]]
	[[ $output = *'= 0xf000'* && $output = *'= 0xfff0'* ]]
	# The guest's note: its lengths, and its owner.
	[[ $output =~ '0x100000:'$'\t'4$'\t'4 && $output = *'0x10000c:'*'"Xen"'* ]]
	# What is zero is not there.
	(($(stat -c '%b * %B' "$T/core") < 1 << 20))
	(($(stat -c %s "$T/core") > 64 << 20))
	run -0 ask quit
	await guest 5
}

@test "the line of the manual page makes one" {
	need python3 readelf
	local line
	line=$(displays <"$TESTS/../man/kvm-run.1" | grep '^python3.*dump')
	guest
	(cd "$T" && mv ctl guest.ctl && eval "$line")
	run -0 readelf -h "$T/core"
	[[ $output = *'CORE (Core file)'* ]]
}

@test "a pipe gets what a file gets, and a file that is not empty, or appended to, too" {
	guest
	run -0 ask stop
	run -0 ask dump 5 5>"$T/core"
	(ask dump 5 5>&1 >&2) | cmp - "$T/core"
	head -c 80000000 /dev/zero | tr '\0' x >"$T/old"
	run -0 ask dump 5 5<>"$T/old"
	cmp "$T/core" "$T/old"
	run -0 ask dump 5 5>>"$T/appended"
	cmp "$T/core" "$T/appended"
	printf before >"$T/behind"
	sh -c 'head -c 6 <&5 >/dev/null; exec ctl-ask "$0/ctl" dump 5' "$T" 5<>"$T/behind"
	tail -c +7 "$T/behind" | cmp - "$T/core"
	[ "$(state)" = $'state\tstopped' ]
}

@test "of private memory a photograph is taken: the guest runs on, others are answered" {
	guest
	begin
	[[ $(state) =~ ^$'state\trunning\ndump\t'[0-9]+$'\t'67108864$ ]]
	run -1 ask dump 5 5>"$T/core"
	[ "$output" = 'no a dump is under way' ]
	# A reset, memory and all, is nothing to it.
	run -0 ask reset
	run -0 ask stop
	run -0 ask cont
	cat <&7 >"$T/core" &
	exec 7<&-
	wait_line "$T/answer" '^ok$'
	[ "$(state)" = $'state\trunning' ]
	[ ! "$(dumper)" ]
}

@test "of shared memory none can be taken: the guest is held until it is written" {
	guest -m 64,share
	begin
	[[ $(state) =~ ^$'state\tstopped\ndump\t'[0-9]+$'\t'67108864$ ]]
	# What is said meanwhile holds afterwards.
	run -0 ask cont
	[[ $(state) = $'state\tstopped'* ]]
	cat <&7 >"$T/core" &
	exec 7<&-
	wait_line "$T/answer" '^ok$'
	[ "$(state)" = $'state\trunning' ]
	run -0 ask dump 5 5>"$T/again"
	run -0 readelf -l "$T/again"
	[[ $output = *LOAD* ]]
	# Its pages were not made by being looked at.
	(($(stat -L -c %b "$(find "/proc/$pid/fd" -lname '*memfd:*')") < 8 << 11))
}

@test "a dump that fails says why: no reader, no room, no process, no descriptor; and a reset of memory that is shared" {
	guest
	run -1 ask dump
	[ "$output" = 'no one descriptor to write to has to come with the line' ]
	run -1 ask dump 5 5</dev/null
	[ "$output" = 'no one descriptor to write to has to come with the line' ]
	run -1 ask dump 5 5>/dev/full
	[ "$output" = 'no No space left on device' ]
	(ask dump 5 5>&1 >"$T/answer") | head -c 1 >/dev/null
	[ "$(cat "$T/answer")" = 'no Broken pipe' ]
	begin
	kill -KILL "$(dumper)"
	wait_line "$T/answer" '^no its process was killed by signal 9$'
	exec 7<&-
	run -0 ask quit
	await guest 5
	rm "$T/pipe" "$T/answer"
	guest -m 64,share
	begin
	run -0 ask reset
	wait_line "$T/answer" '^no the guest was reset meanwhile$'
	exec 7<&-
	[ "$(state)" = $'state\trunning' ]
}

@test "a dump ends with the guest, however that ends" {
	local writer
	guest
	begin
	writer=$(dumper)
	# It holds nothing open that the guest had.
	[ "$(find "/proc/$writer/fd" -type l | wc -l)" -eq 5 ]
	run -0 ask quit
	await guest 5
	[ ! -e "/proc/$writer" ]
	exec 7<&-
	rm "$T/pipe"
	guest
	begin
	writer=$(dumper)
	kill -KILL "$pid"
	await guest 137
	timeout 10 tail --pid "$writer" -f /dev/null
	exec 7<&-
}

# bats test_tags=kvm
@test "a stock kernel: a debugger finds what the kernel says is there, wherever KASLR has put it; and a stop is no lockup" {
	need_kvm
	need gdb readelf
	local banner ticks lockups
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		grep -E ' (linux_banner|_stext)$' /proc/kallsyms
		echo 4 >/proc/sys/kernel/watchdog_thresh
		while :; do :; done & # an idle processor has no lockups
		n=0
		while echo tick $((n++)); do sleep 1; done
	EOS
	spawn guest kvm-run -k "$(kernel)/vmlinuz" -i "$T/initrd" -m 256 -c 2 -A quiet -C "$T/ctl"
	wait_line "$T/guest.log" 'tick 1' 150
	run -0 ask dump 5 5>"$T/core"
	[ "$(state)" = $'state\trunning' ]
	banner=$(sed -nE 's/^([0-9a-f]{16}) . linux_banner.*/\1/p' "$T/guest.log")
	[ "$banner" ]
	run -0 gdb -batch -c "$T/core" -ex 'info threads' -ex "x/s 0x$banner"
	[[ $output = *'"Linux version 6.'* && $output = *'LWP 2'* ]]
	# By this crash(8) and others know it.
	readelf -n "$T/core" | grep VMCOREINFO
	head -c 1000000 "$T/core" | grep -aq 'OSRELEASE=6\.'
	head -c 1000000 "$T/core" | grep -aq '^KERNELOFFSET='
	# Longer than the 8 seconds that the guest takes for a lockup; it may have seen true ones of a slow machine before.
	run -0 ask stop
	ticks=$(grep -c tick "$T/guest.log") lockups=$(grep -c lockup "$T/guest.log") || :
	sleep 12
	run -0 ask cont
	wait_line "$T/guest.log" "tick $((ticks + 2))"
	[ "$(grep -c lockup "$T/guest.log")" -eq "$lockups" ]
}
