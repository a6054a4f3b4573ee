# SPDX-License-Identifier: ISC
# vCPUs that come and go: asked for on the control socket, seen by stock kernels.
load lib
load firmware

setup() {
	need_access /dev/kvm
}

# ask REQUEST...: send the lines to the control socket and print the answers.
ask() {
	printf '%s\n' "$@" | nc -UN "$T/ctl"
}

# threads: the names of the vCPU threads.
threads() {
	cat "/proc/${pids[guest]}"/task/*/comm | grep '^vcpu' | sort -V | tr '\n' ' '
}

@test "plugged in, a vCPU has a thread; without a guest that knows of it, it stays" {
	spawn guest kvm-run -k "$BIN/guests/echo" -K talk=3 -C "$T/ctl" -c 2,maxcpus=4
	wait_line "$T/guest.log" 'line 3' >/dev/null
	run -0 ask 'plug vcpu3' 'plug vcpu' 'plug vcpu' vcpus status
	[[ $output = *$'ok vcpu3\nok vcpu2\nno vcpu: there is no room for it\n0\t'* ]]
	[[ $output = *$'\nvcpus\t4\n'*$'\nvcpus-max\t4\nok' ]]
	[ "$(threads)" = 'vcpu0 vcpu1 vcpu2 vcpu3 ' ]
	run -0 ask 'plug vcpu3' 'plug vcpu4' 'plug vcpux' 'plug disk' 'plug' 'unplug vcpu0' 'unplug vcpu9'
	[ "$output" = 'no vcpu3: is there already
no vcpu4: there is no room for it
no vcpux: not vcpu, or vcpu and a number
no disk: not vcpu, or vcpu and a number
no usage: plug vcpu[N]
no vcpu0: starts the others, so it stays
no vcpu9: there is no room for it' ]
	run -0 ask 'unplug vcpu3' stop 'plug vcpu2' reset cont vcpus
	[ "${lines[0]}" = 'no guest did not release vcpu3' ]
	[ "$(grep -c '^[0-9]' <<<"$output")" -eq 4 ]
	run -0 ask quit
	await guest 5
}

@test "without maxcpus there is no room" {
	spawn guest kvm-run -k "$BIN/guests/echo" -K talk=3 -C "$T/ctl" -c 2
	wait_line "$T/guest.log" 'line 3' >/dev/null
	run -0 ask 'plug vcpu' 'unplug vcpu1'
	[ "$output" = 'no vcpu: there is no room for others: -c with maxcpus= makes some
no vcpu1: there is no room for others: -c with maxcpus= makes some' ]
}

@test "USR1 and stats tell what vCPUs and devices did" {
	local id
	truncate -s 1M "$T/disk" "$T/cd"
	(fresh && exec wire-pair -t stream kvm-run -k "$BIN/guests/echo" -K talk=3 -C "$T/ctl" -c 2 -w blk,fd=5,id=disk \
		-w blk,fd=6,media=cdrom,id=cd 5<>"$T/disk" 6<"$T/cd") >"$T/guest.log" 2>&1 </dev/null &
	pids["guest"]=$!
	wait_line "$T/guest.log" 'line 3' >/dev/null
	run -0 ask stats
	[ "${lines[-1]}" = ok ]
	[ ! "$(grep -vP '^[^\t]+\t[a-z-]+\t[0-9]+$|^ok$' <<<"$output")" ]
	for id in vcpu0 vcpu1 COM1 rng disk cd balloon net0; do
		grep -q "^$id" <<<"$output"
	done
	(($(awk '$1 == "vcpu0" && $2 == "io" { print $3 }' <<<"$output") > 21))
	[[ $output = *$'COM1\tbytes-from-guest\t21\n'*$'disk\treads\t0\n'*$'cd\treads\t0\n'* ]]
	kill -USR1 "${pids[guest]}"
	wait_line "$T/guest.log" '^kvm-run: vcpu0: io [0-9]+' >/dev/null
	wait_line "$T/guest.log" '^kvm-run: COM1: bytes-from-guest 21$' >/dev/null
	wait_line "$T/guest.log" '^kvm-run: net0: nothing$' >/dev/null
	run -0 ask quit
	await guest 5
}

# bats test_tags=kvm
@test "Linux brings a vCPU up, lets it go, and starts with what is there after a reset" {
	need_kvm
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		cd /sys/devices/system/cpu
		echo "start: $(cat online) of $(cat possible)"
		until [ -d cpu2 ]; do sleep 0.1; done # the next of Linux's own numbers
		echo 1 >cpu2/online
		echo "up: $(cat online), $(sed -n 's/^apicid.*: //p' /proc/cpuinfo | xargs)"
		taskset 4 sh -c 'echo "ran on cpu$(cut -d" " -f39 /proc/self/stat)"'
		until [ ! -d cpu2 ]; do sleep 0.1; done
		until [ ! -d cpu1 ]; do sleep 0.1; done
		echo "down: $(cat online)"
		until [ -d cpu1 ]; do sleep 0.1; done
		echo 1 >cpu1/online
		echo "again: $(cat online)"
		dmesg | grep -iE 'acpi.*(error|exception|fail)|BUG|WARN'
		read -r _
	EOS
	spawn guest timeout -k 1 200 kvm-run -c 2,maxcpus=4 -m 128 -k "$(kernel)/vmlinux" -i "$T/initrd" -A quiet -C "$T/ctl" -r
	wait_line "$T/guest.log" '^start: 0-1 of 0-3' 100
	run -0 ask 'plug vcpu3'
	wait_line "$T/guest.log" '^up: 0-2, 0 1 3' 60
	wait_line "$T/guest.log" '^ran on cpu2' 60
	run -0 ask 'unplug vcpu3' 'unplug vcpu1' vcpus
	[[ $output = $'ok\nok\n0\t'* && ${#lines[@]} -eq 4 ]]
	wait_line "$T/guest.log" '^down: 0' 60
	run -0 ask 'plug vcpu1'
	wait_line "$T/guest.log" '^again: 0-1' 60
	cat "$T/guest.log"
	run -0 ask 'plug vcpu2'
	: >"$T/guest.log"
	run -0 ask reset
	wait_line "$T/guest.log" '^start: 0-2 of 0-3' 100
}

@test "SeaBIOS waits for as many processors as there are when it starts" {
	need_access "$SEABIOS/bios-256k.bin"
	sector_disk "$T/disk" Stays
	# shellcheck disable=SC2016 # expands there
	spawn guest sh -c 'exec kvm-run -F "$1/bios-256k.bin" -m 64 -c 1,maxcpus=3 -C "$0/ctl" -w blk,fd=3 -w con,fd=5,as=debug \
		3<>"$0/disk" 5>"$0/log"' "$T" "$SEABIOS"
	wait_line "$T/log" 'Found 1 cpu\(s\) max supported 3 cpu\(s\)' >/dev/null
	wait_line "$T/log" '^sector: drive 80: Stays' >/dev/null
	run -0 ask 'plug vcpu2' reset
	wait_line "$T/log" 'Found 2 cpu\(s\) max supported 3 cpu\(s\)' >/dev/null
	run -0 ask quit
	await guest 5
}

# bats test_tags=kvm
@test "Linux started by SeaBIOS and GRUB has vCPUs come and go, too" {
	need_kvm
	need grub-mkimage sfdisk mke2fs
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		cd /sys/devices/system/cpu
		echo ready
		until [ -d cpu1 ]; do sleep 0.1; done
		echo 1 >cpu1/online
		echo "up: $(cat online) of $(cat possible)"
		until [ ! -d cpu1 ]; do sleep 0.1; done
		echo "down: $(cat online)"
		dmesg
	EOS
	"$TESTS/lab/grub-disk" "$T/disk" "$T/initrd"
	# shellcheck disable=SC2016 # expands there
	spawn guest sh -c 'exec timeout -k 1 180 kvm-run -F "$1/bios-256k.bin" -m 192,nodes=2 -c 1,maxcpus=2 -C "$0/ctl" \
		-w blk,fd=3 3<>"$0/disk"' "$T" "$SEABIOS"
	wait_line "$T/guest.log" '^ready' 150 >/dev/null
	run -0 ask 'plug vcpu1'
	wait_line "$T/guest.log" '^up: 0-1 of 0-1' >/dev/null
	run -0 ask stats
	number() { awk -v id="$1" -v name="$2" '$1 == id && $2 == name { print $3 }' <<<"$output"; }
	(($(number vcpu0 exits) > $(number vcpu0 io) && $(number vcpu0 halts) > 0 && $(number vcpu1 exits) > 0))
	(($(number blk0 reads) > 10 && $(number blk0 read-bytes) > 10000000 && $(number blk0 written-bytes) == 0))
	(($(number blk0 bytes-to-guest) > $(number blk0 read-bytes) && $(number COM1 bytes-from-guest) > 100))
	run -0 ask 'unplug vcpu1' vcpus
	[[ $output = $'ok\n0\t'* && ${#lines[@]} -eq 3 ]]
	wait_line "$T/guest.log" '^down: 0' >/dev/null
	await guest
	run ! grep -E "$complaints" "$T/guest.log"
}
