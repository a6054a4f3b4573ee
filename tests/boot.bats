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

@test "of a vmlinux what the guest does not touch is never read; an initrd, which it reads whole, is read at once" {
	need_access /dev/kvm
	local vmlinux
	vmlinux=$(kernel)/vmlinux
	truncate -s 4M "$T/initrd"
	spawn -R guest kvm-run -R 9 -k "$vmlinux" -i "$T/initrd" -m 256
	run -0 cat "/proc/${pids[guest]}/maps"
	[[ $output =~ rw-p\ [0-9a-f]+\ [0-9a-f:]+\ [0-9]+\ +$vmlinux ]]
	[[ $output != *"$T/initrd"* ]]
}

@test "the machine of the floor runs a guest, and says what is wrong" {
	need_access /dev/kvm
	spawn floor floor 64 "$BIN/guests/first" /etc/hostname ''
	wait_line "$T/floor.log" L2UP
	run -1 floor 64 /etc/hostname /etc/hostname ''
	[ "$output" = 'floor: kernel: neither a bzImage nor an ELF kernel' ]
}
