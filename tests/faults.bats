#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# What a host that is out of memory, of descriptors or of room, or that interrupts, makes of each command: walk tells what is
# demanded. FAULTS_EVERY is the part of the faults that is tried: 1 for all of them (make faults), else some of each kind.
load lib

setup() {
	export FAULTS_EVERY=${FAULTS_EVERY:-11} ASAN_OPTIONS=detect_leaks=0
	PATH=$TESTS:$PATH
	cd "$T" || return
}

# What may be left behind in a world.
cat >"$BATS_FILE_TMPDIR/left" <<'LEFT'
nft list ruleset
ip -o link | sed 's/^[0-9]*: //; s/<.*>//; s/ state [A-Z]* / /; s/link.*//'
ip -o address | grep -v 'scope link' | cut -d' ' -f2- | sed 's/ tentative//'
ip route | sed 's/ linkdown//'
find /run /var/lib /mnt -not -path '/mnt/left' | sort
cd /proc/sys/net && grep . ipv4/ip_forward ipv4/conf/*/forwarding
LEFT

# walk_in_world [OPTION of walk]... CMD...: there, with all of that looked at.
walk_in_world() {
	cp "$BATS_FILE_TMPDIR/left" "$T/left"
	in_world env PATH="$PATH" FAULTS_EVERY="$FAULTS_EVERY" walk -l 'sh /mnt/left' "$@"
}

bridge='ip link del br0; ip link add br0 address 52:54:00:00:00:01 type bridge; ip address add 192.168.77.1/24 dev br0; ip link set br0 up'
fresh='ip link del br0; rm -rf /run/*; nft flush ruleset; sysctl -w net.ipv4.ip_forward=0'

@test 'vm-bridge and vm-tap' {
	world
	walk_in_world -s 125 -b "$fresh" vm-bridge -b br0 -a 192.168.77.1/24 vm-tap -b br0 true
	walk_in_world -b "$fresh" vm-bridge add -a 192.168.77.1/24 br0
	walk_in_world -l : -b "$bridge" vm-bridge del br0 # which may be half done, and done again
}

@test 'vm-nat' {
	world
	walk_in_world -s 125 -b "$fresh; $bridge" vm-nat -b br0 -p 8080:192.168.77.10:80 true
	walk_in_world -b "$fresh; $bridge" vm-nat add -b br0 -p 8080:192.168.77.10:80
}

# A process that is to take back, and that could not be: nothing is done, or the loader would leave what it made.
@test 'a keeper that dies as it starts is told of' {
	world
	run -125 in_world env PATH="$PATH" fail -o /dev/null -f 0.1.1:openat:1:EMFILE vm-bridge -b br0 true
	lines 'vm-bridge: /dev/null: Too many open files' 'vm-bridge: a process that takes br0 away again: Operation canceled'
	run ! in_world ip link show br0
}
