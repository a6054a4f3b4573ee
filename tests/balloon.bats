# SPDX-License-Identifier: ISC
# Memory that comes and goes while the guest runs, seen by stock kernels and by the host: the balloon, free page reporting,
# virtio-mem.
load lib

# ask REQUEST...: send the lines to the control socket and print the answers.
ask() {
	printf '%s\n' "$@" | nc -UN "$T/ctl"
}

# guest OPTION...: start the guest of $T/initrd with a control socket, a console that say() writes to and $T/ram as fd 3; wait for
# its shell.
guest() {
	[[ -p $T/in ]] || mkfifo "$T/in"
	exec {in}<>"$T/in"
	spawn guest sh -c 'exec kvm-run "$@" <"$0/in" 3<>"$0/ram"' "$T" -k "$(kernel)/vmlinux" -i "$T/initrd" -C "$T/ctl" -A quiet "$@"
	wait_line "$T/guest.log" '^ready' >/dev/null
	# shellcheck disable=SC2154 # spawn's
	pid=${pids[guest]}
}

# say WORDS: have the guest's shell run them; the output is what it printed.
say() {
	local mark=$EPOCHREALTIME
	echo "$1; echo mark=$mark" >&"$in"
	wait_line "$T/guest.log" "^mark=$mark" | tr -d '\r' >"$T/said"
}

# field NAME: of the guest's /proc/meminfo, in KiB.
field() {
	say "grep ^$1: /proc/meminfo"
	awk -v name="$1:" '$1 == name { v = $2 } END { print v }' "$T/said"
}

# rss: what of the guest's memory the host has given, in KiB.
rss() {
	awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"
}

# until_rss BELOW: wait until less is, at most a minute.
until_rss() {
	local end=$((SECONDS + 60))
	until (($(rss) < $1)); do
		((SECONDS < end)) || { echo "$(rss) KiB are not less than $1"; return 1; }
		sleep 0.2
	done
}

# shell [OPTION of guest-initrd]...: an initrd whose guest has its shell on the console.
shell() {
	initrd "$T/initrd" "$@" <<-'EOS'
		#!/bin/sh
		modprobe virtio_balloon
		mkdir -p /big
		mount -t tmpfs -o size=2g none /big
		stty -echo
		echo ready
		while read -r line; do eval "$line"; done
	EOS
}

# told NAME: from the last answer to `balloon`, in KiB if it is a size.
told() {
	awk -v name="$1" '$1 == name { print $2 / 1024 }' <<<"$output"
}

# until_told NAME LOW HIGH: wait until the balloon's is between them, in KiB, at most a minute.
until_told() {
	local end=$((SECONDS + 60)) v
	until run -0 ask balloon && v=$(told "$1") && ((v >= $2 && v <= $3)); do
		((SECONDS < end)) || { echo "$1 is $v, not from $2 to $3"; return 1; }
		sleep 0.2
	done
}

# bats test_tags=kvm
@test "what a guest frees goes back to the host by itself; the balloon takes and gives" {
	need_kvm
	shell
	guest -m 768
	local before full free total
	say 'echo 3 >/proc/sys/vm/drop_caches'
	before=$(rss)
	say 'dd if=/dev/zero of=/big/file bs=1M count=400'
	full=$(rss)
	((full - before > 390 * 1024))
	say 'rm /big/file'
	until_rss $((full - 360 * 1024)) # nine tenths

	until_told free 600000 800000
	free=$(field MemFree) total=$(field MemTotal)
	run -0 ask 'balloon 256'
	until_told actual 262144 262144
	(($(field MemFree) < free - 500 * 1024 && $(field MemTotal) == total)) # it may have them back when it is out of memory
	(($(rss) < 256 * 1024))
	run -0 ask 'balloon 512' 'balloon 769' 'balloon 0' 'balloon x'
	lines ok 'no 769: not a size from 1M to 768M' 'no 0: not a size from 1M to 768M' 'no x: not a size from 1M to 768M'
	until_told actual 524288 524288
	(($(field MemFree) > 200 * 1024))

	# Out of memory, it takes back what it needs.
	run -0 ask 'balloon 128'
	until_told actual 131072 131072
	say 'dd if=/dev/zero of=/big/file bs=1M count=200'
	[[ $(<"$T/said") = *200+0\ records\ out* ]]
	run -0 ask balloon
	(($(told actual) > 128 * 1024))
	say 'rm /big/file'

	# A guest that is reset has all of it, and gives again as it was asked to.
	run -0 ask 'balloon 300' reset
	: >"$T/guest.log"
	wait_line "$T/guest.log" '^ready' >/dev/null
	until_told actual 307200 307200
	ask quit
	await guest 5
}

# bats test_tags=kvm
@test "a balloon that stays hard, and memory of a file that is shared" {
	need_kvm
	shell
	truncate -s 512M "$T/ram"
	guest -m 512,balloon=hard -w mem,fd=3
	local total full
	total=$(field MemTotal)
	run -0 ask 'balloon 256'
	until_told actual 262144 262144
	(($(field MemTotal) == total - 262144))
	run -0 ask 'balloon 512'
	until_told actual 524288 524288
	(($(field MemTotal) == total))
	say 'dd if=/dev/zero of=/big/file bs=1M count=200'
	full=$(du -k "$T/ram" | cut -f 1)
	say 'rm /big/file'
	until (($(du -k "$T/ram" | cut -f 1) < full - 180 * 1024)); do sleep 0.2; done
	ask quit
	await guest 5
}

# plugged BYTES: wait until the guest has so much plugged in, at most a minute.
plugged() {
	local end=$((SECONDS + 60))
	until run -0 ask memory && [[ $output = *$'\nplugged\t'"$1"$'\n'* ]]; do
		((SECONDS < end)) || { echo "$output"; return 1; }
		sleep 0.2
	done
}

# bats test_tags=kvm
@test "virtio-mem: a stock kernel takes memory and gives it, the host with it" {
	need_kvm
	shell -m 'virtio_pci virtio_mem virtio_balloon'
	guest -m 256,max=1G
	local total full
	say 'echo online_movable >/sys/devices/system/memory/auto_online_blocks'
	total=$(field MemTotal)
	run -0 ask 'memory 768'
	plugged $((512 << 20))
	(($(field MemTotal) > total + 500 * 1024))
	say 'dd if=/dev/zero of=/big/file bs=1M count=450'
	full=$(rss)
	((full > 500 * 1024))
	say 'rm /big/file'
	run -0 ask 'memory 512'
	plugged $((256 << 20))
	until_rss $((full - 300 * 1024)) # by unplugging alone, and by reports for the rest
	run -0 ask 'memory 2G' 'memory 255' 'memory 257' 'memory 256'
	lines 'no 2G: not a size from 256M to 1024M' 'no 255: not a size from 256M to 1024M' \
		'no 257: what is plugged in are whole blocks of 2M' ok
	plugged 0
	(($(field MemTotal) == total))

	# What was asked for is there again after a reset.
	run -0 ask 'memory 512'
	plugged $((256 << 20))
	run -0 ask reset
	plugged 0
	: >"$T/guest.log"
	wait_line "$T/guest.log" '^ready' >/dev/null
	plugged $((256 << 20))
	ask quit
	await guest 5
}

# bats test_tags=kvm
@test "virtio-mem with a mem wire: the file is the maximum, and has holes where nothing is" {
	need_kvm
	shell -m 'virtio_pci virtio_mem virtio_balloon'
	truncate -s 512M "$T/ram"
	run -2 clean sh -c 'kvm-run -k "$0/vmlinux" -m 256,max=1G -w mem,fd=3 3<>"$1"' "$(kernel)" "$T/ram"
	[[ $output = *'the mem wire'?'s size is another one'* ]]
	guest -m 256,max=512 -w mem,fd=3
	say 'echo online_movable >/sys/devices/system/memory/auto_online_blocks'
	run -0 ask 'memory 512'
	plugged $((256 << 20))
	say 'dd if=/dev/zero of=/big/file bs=1M count=250'
	(($(du -k "$T/ram" | cut -f 1) > 300 * 1024))
	say 'rm /big/file'
	run -0 ask 'memory 256'
	plugged 0
	until (($(du -k "$T/ram" | cut -f 1) < 150 * 1024)); do sleep 0.2; done
	ask quit
	await guest 5
}

# bats test_tags=lab
@test "virtio-mem of huge pages: as much as the host has, and never a guest that dies of it" {
	[[ -e /run/lab/job ]] || skip 'not in the lab'
	local pages=/sys/kernel/mm/hugepages/hugepages-2048kB
	shell -m 'virtio_pci virtio_mem virtio_balloon'
	echo 200 >$pages/nr_hugepages # 128 for the start, 64 for one unit of what Linux adds, and no more
	guest -m 256,huge,max=1G
	say 'echo online_movable >/sys/devices/system/memory/auto_online_blocks'
	run -0 ask 'memory 768'
	plugged $((128 << 20))
	(($(<$pages/free_hugepages) - $(<$pages/resv_hugepages) == 8))
	run -0 ask 'memory 256'
	plugged 0
	(($(<$pages/free_hugepages) - $(<$pages/resv_hugepages) == 72))
	run -0 ask 'balloon 200'
	until_told actual 204800 204800 # of a guest whose pages are parts of huge ones nothing comes back
	(($(told returned) == 0))
	ask quit
	await guest 5
	echo 0 >$pages/nr_hugepages
}
