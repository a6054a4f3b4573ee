# SPDX-License-Identifier: ISC
# The guest's memory: what -m, -P and mem wires make it of, seen by the guest and by the host.
# lab: -c 1 -n 2 -m 4G
load lib

teardown() {
	local at
	reap
	for at in "$T/huge" "$T/group"; do
		! mountpoint -q "$at" || umount "$at"
	done
}

# refused STATUS LINE ARG...: kvm-run, with a small guest, says this one line, with this status, and starts nothing.
refused() {
	local status=$1 line=$2
	shift 2
	run "-$status" timeout 60 kvm-run -k "$BIN/guests/cpus" "$@" </dev/null
	lines "kvm-run: $line"
}

@test "words of -m that cannot be are refused by name" {
	refused 2 '-m 64,what: what: unknown' -m 64,what
	refused 2 '-m 65,huge: huge: the size is not whole huge pages' -m 65,huge
	refused 2 '-m 64,huge,merge: merge: only private memory is merged, not huge or shared' -m 64,huge,merge
	refused 2 '-m 64,host=0:0: host: one node of the host for each of the guest'"'s" -m 64,host=0:0
}

@test "memory that the host cannot give is refused, saying how much there is" {
	need_access /dev/kvm
	local free
	refused 1 'memory of 64 MiB: host: node 1000: this host has none with memory' -m 64,host=1000
	run -1 clean timeout 4 kvm-run -P -m 1T -k "$BIN/guests/cpus" </dev/null
	[[ $output =~ ^'kvm-run: memory of 1048576 MiB: 1048576 MiB are needed, and the host has '[0-9]+' MiB'$ ]]
	free=$(</sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages)
	run -1 clean kvm-run -m 1T,huge -k "$BIN/guests/cpus" </dev/null
	[[ $output =~ ^'kvm-run: memory of 1048576 MiB: 524288 huge pages of 2 MiB are needed, and the host has '([0-9]+)' free: see nr_hugepages'$ ]]
	((BASH_REMATCH[1] <= free))
}

@test "what a mem wire has decided is no word of -m any more" {
	need_access /dev/kvm
	truncate -s 64M "$T/ram"
	refused 2 '-m: huge: there is a mem wire' -m 64,huge -w mem,fd=3 3<>"$T/ram"
	refused 2 '-m: share: there is a mem wire' -m 64,share -w mem,fd=3 3<>"$T/ram"
	refused 2 "-m: merge: only private memory is merged, not a mem wire's" -m 64,merge -w mem,fd=3 3<>"$T/ram"
}

@test "locked memory: a limit that is too small is named, one that is large enough suffices" {
	need_access /dev/kvm
	need capsh
	local without=(bash)
	[ "$(id -u)" -ne 0 ] || without=(capsh --drop=cap_ipc_lock --)
	run -1 clean "${without[@]}" -c 'ulimit -l 8192 && exec kvm-run -m 64,lock -k "$0" </dev/null' "$BIN/guests/cpus"
	lines 'kvm-run: memory of 64 MiB: lock: more than may be locked, 8 MiB: see ulimit -l'
	run -0 clean "${without[@]}" -c 'ulimit -l 8192 && exec kvm-run -m 8,lock -k "$0" </dev/null' "$BIN/guests/cpus"
}

@test "-P of a file on a full file system, or of one cut short, is an error and no signal" {
	need_access /dev/kvm
	need unshare
	# shellcheck disable=SC2016
	run -1 clean unshare -rm sh -c 'mount -t tmpfs -o size=16M none /mnt && truncate -s 64M /mnt/ram &&
		exec kvm-run -P -k "$0" -w mem,fd=3 3<>/mnt/ram </dev/null' "$BIN/guests/cpus"
	[[ $output =~ ^'kvm-run: memory of 64 MiB: no room for its file, or that was cut short, after '[0-9]+' of 64 MiB'$ ]]
}

# started ARG...: a small guest that walks through its memory, with a control socket; return when it does.
started() {
	spawn "${name:-vm}" kvm-run -k "$BIN/guests/walk" -m "$@" -C "$T/${name:-vm}.sock"
	wait_line "$T/${name:-vm}.log" walking
}

# ask REQUEST...: of the guest.
ask() {
	printf '%s\n' "$@" | nc -UN "$T/${name:-vm}.sock"
}

# mapped FIELD: the sum of a field, in KiB, of what kvm-run's smaps say of mappings of at least 32 MiB.
mapped() {
	awk -v field="$1:" '/^[0-9a-f]+-/ { size = 0 } $1 == "Size:" { size = $2 } $1 == field && size >= 32768 { sum += $2 } END { print sum + 0 }' \
		"/proc/${pids[${name:-vm}]}/smaps"
}

@test "-P takes it all, lock keeps it, thp= has transparent huge pages or none; a reset leaves that so" {
	need_access /dev/kvm
	need nc
	started 64,lock,thp=never -P
	[ "$(mapped Rss) $(mapped Locked) $(mapped AnonHugePages)" = '65536 65536 0' ]
	: >"$T/vm.log"
	run -0 ask reset
	wait_line "$T/vm.log" walking
	[ "$(mapped Rss) $(mapped Locked) $(mapped AnonHugePages)" = '65536 65536 0' ]
	run -0 ask memory quit
	[[ $output = *$'populated\ton\nlock\ton\n'*$'thp\tnever\nnode0\t67108864\t-\nok'* ]]
	await vm 5
	started 64,lock
	: >"$T/vm.log"
	run -0 ask reset
	wait_line "$T/vm.log" walking
	[ "$(mapped Locked)" -gt 0 ]
	run -0 ask quit
	await vm 5
	[[ $(</sys/kernel/mm/transparent_hugepage/enabled) != *'[never]'* ]] || skip 'no transparent huge pages here'
	started 64 -P
	[ "$(mapped AnonHugePages)" -gt 32768 ]
	run -0 ask quit
}

@test "without -P the guest takes what it touches" {
	need_access /dev/kvm
	need nc
	started 64,thp=never,share
	[ "$(mapped Rss)" -lt 65536 ]
	run -0 ask memory 'merge on' quit
	[[ $output = *$'from\tshared\n'*'no only private memory is merged, not huge or shared'* ]]
}

@test "memory that is gone when kvm-run itself needs it ends the guest, and says why" {
	need_access /dev/kvm
	need nc
	truncate -s 64M "$T/ram"
	# shellcheck disable=SC2016
	spawn vm sh -c 'exec kvm-run -k "$1" -C "$2" -w mem,fd=3 3<>"$3"' sh "$BIN/guests/walk" "$T/vm.sock" "$T/ram"
	wait_line "$T/vm.log" walking
	run -0 ask stop
	truncate -s 64K "$T/ram"
	ask reset || :
	await vm 1
	grep -x "kvm-run: memory: the file of the guest's memory was cut short, or has no room" "$T/vm.log"
	[ ! -e "$T/vm.sock" ]
}

@test "how far -P is shows on a terminal" {
	need_access /dev/kvm
	run -0 script -qec "kvm-run -P -m 64 -k $BIN/guests/cpus" /dev/null </dev/null
	[[ $output = *'kvm-run: memory (100.00/100%)'* ]]
}

# bats test_tags=lab
@test "huge pages: the guest has its memory, the host that much less of them, and its files do as well" {
	need_kvm
	local all free kind
	sysctl -q vm.nr_hugepages=400
	all=$(awk '/HugePages_Total/ { print $2 }' /proc/meminfo)
	[ "$all" -eq 400 ]
	mkdir "$T/huge"
	mount -t hugetlbfs none "$T/huge"
	truncate -s 256M "$T/huge/ram"
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		awk '/MemTotal/ { print "mib: " int($2 / 1024) }' /proc/meminfo
		echo up
		read line
	EOS
	for kind in 256,huge wire; do
		mkfifo "$T/in"
		if [ $kind = wire ]; then
			# shellcheck disable=SC2016
			spawn vm sh -c 'exec kvm-run -r -A quiet -k "$1" -i "$2" -C "$3" -w mem,fd=3 3<>"$4" -w con,fd=4:1 4<>"$5"' sh \
				"$(kernel)/vmlinux" "$T/initrd" "$T/vm.sock" "$T/huge/ram" "$T/in"
		else
			# shellcheck disable=SC2016
			spawn vm sh -c 'exec kvm-run -P -A quiet -k "$1" -i "$2" -C "$3" -m 256,huge -w con,fd=4:1 4<>"$5"' sh \
				"$(kernel)/vmlinux" "$T/initrd" "$T/vm.sock" - "$T/in"
		fi
		wait_line "$T/vm.log" ^up
		grep -E '^HugePages' /proc/meminfo
		grep -E '^mib: 2[0-9][0-9]' "$T/vm.log"
		free=$(awk '/HugePages_Free/ { print $2 }' /proc/meminfo)
		if [ $kind = wire ]; then
			((free + $(awk '/HugePages_Rsvd/ { print $2 }' /proc/meminfo) > 400 - 128)) && ((free < 400))
		else
			[ "$free" -eq $((400 - 128)) ]
		fi
		[ "$(mapped KernelPageSize)" = 2048 ]
		echo >"$T/in"
		await vm
		rm "$T/in"
	done
	rm "$T/huge/ram"
	run -4 clean timeout 100 kvm-run -F /usr/share/seabios/bios-256k.bin -B fail=1 -P -m 64,huge </dev/null
	[[ $output = *SeaBIOS*'No bootable device'* ]]
	[ "$(awk '/HugePages_Free/ { print $2 }' /proc/meminfo)" -eq 400 ]
}

# free_on NODE [COUNT]: huge pages that are free on a node of the host; with COUNT set how many it has.
free_on() {
	local dir=/sys/devices/system/node/node$1/hugepages/hugepages-2048kB
	[ ! "${2-}" ] || echo "$2" >"$dir/nr_hugepages"
	echo "$(<"$dir/free_hugepages")"
}

# bats test_tags=lab
@test "nodes of the guest are bound to the host's, huge or not; where these have too little it is an error" {
	need_kvm
	local maps
	started 128,nodes=2,host=1:0 -P
	maps=$(</proc/"${pids[vm]}"/numa_maps)
	grep -E 'bind:1 .* N1=' <<<"$maps"
	grep -E 'bind:0 .* N0=' <<<"$maps"
	[ "$(grep -E 'bind:1 ' <<<"$maps" | grep -c 'N0=')" -eq 0 ]
	[ "$(grep -E 'bind:0 ' <<<"$maps" | grep -c 'N1=')" -eq 0 ]
	run -0 ask memory quit
	[[ $output = *$'node0\t67108864\t1\nnode1\t67108864\t0\nok'* ]]
	await vm 5

	started 64,host=1
	: >"$T/vm.log"
	run -0 ask reset
	wait_line "$T/vm.log" walking
	grep -E 'bind:1 .* N1=' "/proc/${pids[vm]}/numa_maps"
	run -0 ask quit
	await vm 5

	free_on 0 10
	free_on 1 60
	started 64,huge,host=1 -P
	grep -E "bind:1 .* huge .* N1=32 " "/proc/${pids[vm]}/numa_maps"
	[ "$(free_on 1) $(free_on 0)" = '28 10' ]
	: >"$T/vm.log"
	run -0 ask reset
	wait_line "$T/vm.log" walking
	grep -E "bind:1 .* huge .* N1=32 " "/proc/${pids[vm]}/numa_maps"
	run -0 ask quit
	await vm 5
	refused 1 "memory of 64 MiB: 32 huge pages of 2 MiB are needed, and the host's node 0 has 10 free: see nr_hugepages" -m 64,huge,host=0
	refused 1 "memory of 160 MiB: 80 huge pages of 2 MiB are needed, and the host has 70 free: see nr_hugepages" -m 160,huge
	run -1 clean timeout 10 kvm-run -P -m 3G,host=0 -k "$BIN/guests/cpus" </dev/null
	[[ $output = "kvm-run: memory of 3072 MiB: 3072 MiB are needed, and the host's node 0 has "*' MiB' ]]
}

# bats test_tags=lab
@test "huge pages that are not there when they are needed: with -P an error, later the guest's end, and why" {
	need_kvm
	local group=$T/group/g
	mkdir "$T/group"
	sysctl -q vm.nr_hugepages=80
	mount -t cgroup2 none "$T/group"
	echo +hugetlb >"$T/group/cgroup.subtree_control"
	mkdir "$group"
	echo 32M >"$group/hugetlb.2MB.max"
	# shellcheck disable=SC2016
	run -1 clean sh -c 'echo $$ >"$1/cgroup.procs" && exec kvm-run -P -m 64,huge -k "$2" </dev/null' sh "$group" "$BIN/guests/walk"
	lines 'kvm-run: memory of 64 MiB: no huge page is left after 0 of 64 MiB'
	# shellcheck disable=SC2016
	spawn vm sh -c 'echo $$ >"$1/cgroup.procs" && exec kvm-run -m 64,huge -k "$2" -C "$3"' sh "$group" "$BIN/guests/walk" "$T/vm.sock"
	await vm 1
	grep -x 'kvm-run: vcpu0: KVM_RUN: the host has no huge page left for the guest.s memory' "$T/vm.log"
	grep -x walking "$T/vm.log"
	[ ! -e "$T/vm.sock" ]
	[ "$(awk '/HugePages_Free/ { print $2 }' /proc/meminfo)" -eq 80 ]
}

# bats test_tags=lab
@test "a page of the host that breaks ends the guest, and not in silence" {
	need_kvm
	need python3
	started 64,thp=never -K fill=4000 # what is only read is one page for all
	python3 - "${pids[vm]}" <<-'EOF'
		import sys
		pid = sys.argv[1]
		for line in open("/proc/%s/maps" % pid): # RAM: the one that is large
		    low, high = (int(x, 16) for x in line.split()[0].split("-"))
		    if high - low >= 32 << 20 and line.split()[1] == "rw-p":
		        break
		pages = open("/proc/%s/pagemap" % pid, "rb")
		pages.seek((low + (9 << 20)) // 4096 * 8)
		frame = int.from_bytes(pages.read(8), "little") & (1 << 55) - 1
		open("/sys/devices/system/memory/hard_offline_page", "w").write("%#x" % (frame * 4096))
	EOF
	await vm 1
	grep -x "kvm-run: memory: a page of the host's is broken" "$T/vm.log"
}

# sharing: pages that KSM has others share.
sharing() {
	echo "$(</sys/kernel/mm/ksm/pages_sharing)"
}

# bats test_tags=lab
@test "KSM merges two guests' pages, from the start or when it is asked to, and parts them again" {
	need_kvm
	local name
	echo 20000 >/sys/kernel/mm/ksm/pages_to_scan
	echo 10 >/sys/kernel/mm/ksm/sleep_millisecs
	echo 0 >/sys/kernel/mm/ksm/run
	name=a started 64,merge -K fill=4000
	grep -x 'kvm-run: memory: merge: KSM does not run on this host, see /sys/kernel/mm/ksm/run' "$T/a.log"
	name=b started 64 -K fill=4000
	echo 1 >/sys/kernel/mm/ksm/run
	name=b ask stop 'merge on'
	name=a ask stop
	until (($(sharing) >= 3900)); do sleep 0.5; done
	name=b ask memory 'merge off' quit | grep -x $'merge\ton'
	await b 5
	(($(sharing) < 2000))
}
