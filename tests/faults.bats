#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# What a host that is out of memory, of descriptors or of room, or that interrupts, makes of each command: walk tells what is
# demanded. FAULTS_EVERY is the part of the faults that is tried: 1 for all of them (make faults), else some of each kind.
load lib

setup() {
	[ "$B" != asan ] || skip "AddressSanitizer's own calls would fail too"
	export FAULTS_EVERY=${FAULTS_EVERY:-11}
	# Of commands with many calls, parts of that part.
	some=$((FAULTS_EVERY == 1 ? 1 : FAULTS_EVERY * 4)) few=$((FAULTS_EVERY == 1 ? 1 : FAULTS_EVERY * 20))
	PATH=$TESTS:$PATH
	cd "$T" || return
}

# What may be left behind in a world.
cat >"$BATS_FILE_TMPDIR/left" <<'LEFT'
nft list ruleset
ip -o link | sed 's/^[0-9]*: //; s/<.*>//; s/ state [A-Z]* / /; s/link.*//'
ip -o address | grep -v 'scope link' | cut -d' ' -f2- | sed 's/ tentative//'
ip route | sed 's/ linkdown//'
find /run /var/lib /mnt -not -path '/mnt/left' -not -path '/mnt/leases*' | sort
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

@test 'vm-dhcpd' {
	world
	walk_in_world -R -e "$some" -b "$fresh; $bridge" vm-dhcpd -b br0 -R 9 -d /mnt/leases
}

@test 'vm-slirp' {
	world
	walk_in_world -s 125 -b 'rm -f ctl' vm-slirp -p 2222:22 -C ctl true
	walk_in_world -R -b 'rm -f ctl net' vm-slirp -R 9 -C ctl -l ./net
}

@test 'vm-vnc' {
	world
	walk_in_world -e "$some" -s 125 -b 'rm -f ctl' vm-vnc -l 127.0.0.1:1 -C ctl true
}

@test 'vm-img' {
	world
	walk_in_world -b 'rm -f disk' vm-img create -q -f qcow2 disk 1M
	walk_in_world -b 'rm -f disk out; vm-img create -q -f qcow2 disk 1M; imgio -f qcow2 disk "write 0 200k 1"' \
		vm-img convert -f qcow2 -O qcow2 disk out
}

@test 'vm-pin' {
	world
	walk_in_world -e "$few" -s 125 vm-pin -a true
}

@test 'kvm-run' {
	need_access /dev/kvm
	# -u: a console that cannot be written is told of, and the guest runs on.
	walk -u -e "$some" -s 1,2 -t 60 kvm-run -m 8 -k "$BIN/guests/cpus"
}

@test 'a kernel that cannot be read is not taken for a short one' {
	need_access /dev/kvm
	run -1 fail -o /dev/null -f 0:pread64:2:EIO kvm-run -m 8 -k "$BIN/guests/cpus"
	lines 'kvm-run: kernel: Input/output error'
}

@test 'a disk that is full is not taken for a header that is, nor left without a word at the end' {
	local calls
	vm-img create -q -f qcow2 base 1M
	cp base other
	vm-img create -q -f qcow2 -b base -F qcow2 top
	run -1 fail -o /dev/null -f 0:pwrite64:1-:ENOSPC vm-img rebase -u -f qcow2 -b other -F qcow2 top
	lines 'vm-img: top: No space left on device'
	fail -o calls vm-img check -q -r all -f qcow2 top
	calls=$(grep -c fdatasync calls)
	run -1 fail -o /dev/null -f "0:fdatasync:$calls:EIO" vm-img check -q -r all -f qcow2 top
	lines 'vm-img: top: Input/output error'
}

@test 'a raw disk for whose new end there is no room is as long as before' {
	truncate -s 1M disk
	run -1 fail -o /dev/null -f 0:fallocate:1:ENOSPC vm-img resize -q -f raw --preallocation=full disk 2M
	lines 'vm-img: disk: preallocation: No space left on device'
	[ "$(stat -c %s disk)" -eq 1048576 ]
}

@test 'what listens leaves no file, whatever fails behind it' {
	run -1 fail -o /dev/null -f 0:epoll_create1:1:EMFILE vm-slirp -l ./net -p "$T/in:22" -C ./ctl
	lines 'vm-slirp: epoll: Too many open files'
	run -1 fail -o /dev/null -f 0:listen:1:ENOMEM vm-slirp -l ./net
	lines 'vm-slirp: -l ./net: Cannot allocate memory'
	[ ! "$(find . -type s)" ]
}

@test 'a stack of vm-slirp that cannot be heard is not waited for' {
	run -125 fail -o left -f 0.1.1:recvmsg:1:ENOBUFS vm-slirp true
	[ "${lines[0]}" = "vm-slirp: the stack's questions: No buffer space available" ]
	run ! grep left left
}

@test 'a bridge whose answer was lost, a request that could not be sent, an identity that could not be read' {
	world
	run -1 in_world env PATH="$PATH" fail -o /dev/null -f 0:recvfrom:2:ENOBUFS vm-bridge add br0
	lines 'vm-bridge: netlink: No buffer space available'
	run ! in_world ip link show br0
	run -1 in_world env PATH="$PATH" fail -o /dev/null -f 0:sendto:1:ENOBUFS vm-bridge add br0
	lines 'vm-bridge: br0: No buffer space available'
	run -1 in_world env PATH="$PATH" fail -o /dev/null -f 0:openat:1:EMFILE vm-bridge add br0
	lines 'vm-bridge: /etc/machine-id: Too many open files'
}

# A process that is to take back, and that could not be: nothing is done, or the loader would leave what it made.
@test 'a keeper that dies as it starts is told of' {
	world
	run -125 in_world env PATH="$PATH" fail -o /dev/null -f 0.1.1:openat:1:EMFILE vm-bridge -b br0 true
	lines 'vm-bridge: /dev/null: Too many open files'
	run ! in_world ip link show br0
}
