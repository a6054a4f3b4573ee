# SPDX-License-Identifier: ISC
# kvm-run's command line, its kernels and memory, its end, and what it may still do once the guest runs.
load lib

# refused STATUS LINE ARG...: kvm-run says this one line, with this status, and starts nothing.
refused() {
	local status=$1 line=$2
	shift 2
	run "-$status" --separate-stderr clean kvm-run "$@" </dev/null
	# shellcheck disable=SC2154 # bats sets stderr
	[ "$stderr" = "kvm-run: $line" ] && [ -z "$output" ] || {
		echo "said: $stderr"
		return 1
	}
}

@test "wrong options are refused by name" {
	refused 2 "-m 0: not a size from 1M to 1048576M" -m 0
	refused 2 "-m 9g9: not a size from 1M to 1048576M" -m 9g9
	refused 2 "-c 0: not a number from 1 to 1024" -c 0
	refused 2 "-c two: not a number from 1 to 1024" -c two
	refused 2 "-H 17: not a number from 0 to 16" -H 17
	refused 2 "-N xen: not qemu, ch or crosvm" -N xen
	refused 2 "what: no operand is wanted" what
	refused 2 "no kernel: give -k or a kern wire; or firmware by -F or a fw wire"
	refused 2 "$T/none: No such file or directory" -k "$T/none"
	refused 2 "$T/none: No such file or directory" -k /dev/null -i "$T/none"
}

# bats test_tags=kvm
@test "kernels and initrds that cannot be are refused by name" {
	need_kvm
	local kernel
	kernel=$(kernel)/vmlinuz
	head -c 1000000 "$kernel" >"$T/short"
	head -c 3000 /dev/zero >"$T/zeroes"
	head -c 10 "$kernel" >"$T/ten"
	head -c 5000000 "$(kernel)/vmlinux" >"$T/shortelf"
	truncate -s 300M "$T/big"
	: >"$T/empty"
	refused 1 'kernel: neither a bzImage nor an ELF kernel' -k "$T/zeroes"
	refused 1 'kernel: neither a bzImage nor an ELF kernel' -k "$T/empty"
	refused 1 'kernel: neither a bzImage nor an ELF kernel' -k "$T/ten"
	refused 1 'kernel: truncated' -k "$T/short" -m 512
	refused 1 'kernel: truncated, or a segment is outside of the file' -k "$T/shortelf"
	refused 1 "kernel: does not fit into the guest's memory" -k "$kernel" -m 16
	refused 1 "initrd: does not fit into the guest's memory beside the kernel" -k "$kernel" -i "$T/big"
	refused 1 'initrd: empty' -k "$kernel" -i "$T/empty"
	refused 1 'command line: longer than this kernel takes' -k "$kernel" -K "$(printf '%4000s' x)"
}

# bats test_tags=kvm
@test "more vCPUs than KVM takes are refused" {
	need_kvm
	run -2 --separate-stderr clean kvm-run -k "$BIN/guests/cpus" -c 1000 </dev/null
	[[ $stderr =~ ^'kvm-run: '('-c 1000: KVM takes at most '[0-9]+' vCPUs here'|'-c 1000: APIC ids end at 254'.*)$ ]]
}

@test "without /dev/kvm, and without the right to it, one line says so" {
	need unshare
	ns unshare -m sh -c 'mount -t tmpfs none /dev && exec kvm-run -k "$1" -w con,fd=0:1 </proc/self/maps 2>&1' \
		sh "$BIN/kvm-run" >"$T/said" || [ $? -eq 1 ]
	grep -qx 'kvm-run: /dev/kvm: No such file or directory' "$T/said"
}

# bats test_tags=kvm
@test "memory from the smallest to past the PCI hole, from a mem wire too" {
	need_kvm
	local size
	for size in 64 300 2048 5G; do
		run -0 clean kvm-run -k "$BIN/guests/cpus" -m "$size" </dev/null
		[ "$output" = 'cpus 1 of 1' ]
	done
	truncate -s 80M "$T/ram"
	run -0 clean sh -c 'exec kvm-run -k "$1" -w mem,fd=3 3<>"$2" </dev/null' sh "$BIN/guests/cpus" "$T/ram"
	[ "$(du -m "$T/ram" | cut -f 1)" -gt 0 ]
	run -2 clean sh -c 'exec kvm-run -m 64 -k "$1" -w mem,fd=3 3<>"$2" </dev/null' sh "$BIN/guests/cpus" "$T/ram"
	[ "$output" = "kvm-run: -m: the mem wire's size is another one, 83886080 bytes" ]
}

# bats test_tags=kvm
@test "a stock kernel by both entries: its command line, its memory past the hole, its processors" {
	need_kvm
	local image
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		echo "words: $(cat /proc/cmdline)"
		awk '/MemTotal/ { print "gib: " int($2 / 1048576 + 0.5) }' /proc/meminfo
		echo "cpus: $(nproc)"
	EOS
	for image in vmlinuz vmlinux; do
		run -0 clean timeout 200 kvm-run -k "$(kernel)/$image" -i "$T/initrd" -m 5G -c 2 -A 'quiet more' </dev/null
		[[ $output = *'words: console=ttyS0 panic=-1 cryptomgr.notests quiet more'* ]]
		[[ $output = *'gib: 5'* ]]
		[[ $output = *'cpus: 2'* ]]
	done
	run -0 clean timeout 200 kvm-run -k "$(kernel)/vmlinux" -i "$T/initrd" -K 'console=ttyS0 quiet mine' </dev/null
	[[ $output = *'words: console=ttyS0 quiet mine'* ]]
}

# bats test_tags=kvm
@test "-r reboots in place: the disk is kept, memory and devices start anew" {
	need_kvm
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		n=$(tr -dc 0-9 </dev/vda | head -c 1)
		echo "start ${n:=0}"
		printf '%-512s' $((n + 1)) | dd of=/dev/vda conv=fsync 2>/dev/null
		[ "$n" -lt 2 ] && reboot -f
	EOS
	truncate -s 1M "$T/disk"
	run -0 clean sh -c 'exec timeout 300 kvm-run -r -c 2 -k "$1/vmlinux" -i "$2" -A quiet -w blk,fd=3 3<>"$3" </dev/null' \
		sh "$(kernel)" "$T/initrd" "$T/disk"
	[ "$(grep -o 'start [0-9]' <<<"$output" | tr '\n' ,)" = 'start 0,start 1,start 2,' ]
}

# bats test_tags=kvm
@test "sealed: every thread, by name; nothing open but what was named" {
	need_kvm
	local pid task fds
	printf '#!/bin/sh\necho up\nsleep 1000\n' | initrd "$T/initrd"
	truncate -s 1M "$T/disk"
	spawn -R vm sh -c 'exec kvm-run -R 9 -c 2 -k "$1/vmlinux" -i "$2" -A quiet -w blk,fd=3 -w con,fd=0:1 \
		3<>"$3" 5<"$3" 7</etc/passwd' sh "$(kernel)" "$T/initrd" "$T/disk"
	wait_line "$T/vm.log" '^up'
	pid=${pids[vm]}
	[ "$(cat /proc/"$pid"/task/*/comm | sort | tr '\n' ' ')" = 'blk0 con0 io kvm-run vcpu0 vcpu1 ' ]
	for task in /proc/"$pid"/task/*; do
		grep -qx 'Seccomp:	2' "$task/status"
		grep -qx 'NoNewPrivs:	1' "$task/status"
		grep -qx 'CapEff:	0000000000000000' "$task/status"
	done
	fds=$(find /proc/"$pid"/fd -type l -printf '%l\n' | grep '^/' | grep -v "^$T/vm.log$" | sort -u)
	diff <(printf '%s\n' /dev/kvm /dev/null "$(kernel)/vmlinux" "$T/disk" "$T/initrd" | sort) <(echo "$fds")
}

# bats test_tags=kvm
@test "a second TERM ends it at once, as that signal does" {
	need_kvm
	spawn -R vm kvm-run -R 9 -k "$BIN/guests/idle"
	kill -TERM "${pids[vm]}"
	wait_line "$T/vm.log" 'power button'
	kill -TERM "${pids[vm]}"
	await vm 143
}

# bats test_tags=kvm
@test "a signal that the parent had ignored stays ignored" {
	need_kvm
	# As nohup has it, and sh for what a script starts in the background.
	# shellcheck disable=SC2016
	spawn -R vm sh -c 'trap "" HUP INT; exec kvm-run -R 9 -k "$0" -C "$1"' "$BIN/guests/idle" "$T/ctl"
	kill -HUP "${pids[vm]}"
	kill -INT "${pids[vm]}"
	kill -TERM "${pids[vm]}"
	wait_line "$T/vm.log" 'power button'
	[ "$(nc -UN "$T/ctl" <<<quit)" = ok ]
	await vm 5
}

# bats test_tags=kvm
@test "a failure of the host ends with 1: memory taken away from under the guest" {
	need_kvm
	truncate -s 64M "$T/ram"
	# shellcheck disable=SC2016
	spawn vm sh -c 'exec kvm-run -k "$1" -w mem,fd=3 3<>"$2"' sh "$BIN/guests/walk" "$T/ram"
	wait_line "$T/vm.log" walking
	truncate -s 8M "$T/ram"
	await vm 1
	grep -q "^kvm-run: vcpu0: KVM_RUN: the file of the guest's memory was cut short" "$T/vm.log"
}

# bats test_tags=kvm
@test "-C's socket is gone after every end" {
	need_kvm
	head -c 3000 /dev/zero >"$T/zeroes"
	refused 1 'kernel: neither a bzImage nor an ELF kernel' -k "$T/zeroes" -C "$T/sock"
	[ ! -e "$T/sock" ]
	run -0 clean kvm-run -k "$BIN/guests/cpus" -m 64 -C "$T/sock" </dev/null
	[ ! -e "$T/sock" ]
	spawn -R vm kvm-run -R 9 -k "$BIN/guests/idle" -C "$T/sock"
	[ -S "$T/sock" ]
	kill -TERM "${pids[vm]}"
	wait_line "$T/vm.log" 'power button'
	kill -TERM "${pids[vm]}"
	await vm 143
	[ ! -e "$T/sock" ]
}
