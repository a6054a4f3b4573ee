# SPDX-License-Identifier: ISC
# The way to the guest's first instruction: what it costs; tests/bench/boot measures it beside QEMU.
load lib

# before_run FILE: how many system calls of a trace by `strace -f` begin before the guest runs.
before_run() {
	awk '/ KVM_RUN/ { exit } !/ resumed>/ { n++ } END { print n }' "$1"
}

@test "few system calls stand before the guest's first instruction, and none of them sleeps" {
	need strace
	need_access /dev/kvm
	run -0 clean strace -f -o "$T/calls" kvm-run -k "$BIN/guests/cpus" -m 64 </dev/null
	[ "$output" = 'cpus 1 of 1' ]
	grep -q ' KVM_RUN' "$T/calls"
	echo "$(before_run "$T/calls") calls"
	[ "$(before_run "$T/calls")" -le 300 ]
	run -1 grep -E ' (nanosleep|clock_nanosleep|select|pselect6)\(' "$T/calls"
}

@test "an initrd's whole pages are mapped from its file: what the guest does not touch is never read" {
	need_access /dev/kvm
	truncate -s 4097K "$T/initrd" # and the start of a page, which is copied
	spawn guest kvm-run -k "$BIN/guests/first" -i "$T/initrd" -m 64
	wait_line "$T/guest.log" L2UP
	run -0 grep -F " $T/initrd" "/proc/${pids[guest]}/maps"
	[[ $output =~ ^([0-9a-f]+)-([0-9a-f]+)\ rw-p ]]
	[ $((0x${BASH_REMATCH[2]} - 0x${BASH_REMATCH[1]})) -eq $((4096 << 10)) ]
}

@test "the machine of the floor runs a guest, and says what is wrong" {
	need_access /dev/kvm
	spawn floor floor 64 "$BIN/guests/first" /etc/hostname ''
	wait_line "$T/floor.log" L2UP
	run -1 floor 64 /etc/hostname /etc/hostname ''
	[ "$output" = 'floor: kernel: neither a bzImage nor an ELF kernel' ]
}
