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

# images: make some: top, on base, with a snapshot and bitmaps; and other.
images() {
	mkdir images work
	cd images || return
	vm-img create -q -f qcow2 base 1M
	imgio -f qcow2 base 'write 0 200k 1'
	vm-img create -q -f qcow2 other 1M
	imgio -f qcow2 other 'write 0 50k 5'
	vm-img create -q -f qcow2 -b base -F qcow2 top 1M
	imgio -f qcow2 -b qcow2:base top 'write 100k 300k 2' 'zero 600k 100k'
	vm-img snapshot -c one -f qcow2 top
	imgio -f qcow2 -b qcow2:base top 'write 50k 400k 3' 'zero 150k 100k unmap'
	vm-img bitmap -f qcow2 --add top one
	vm-img bitmap -f qcow2 --add --disable top three
	cd ../work || return
	cp ../images/* .
}

# changes COMMAND...: of vm-img, to the image top: in the end its disk is what it was or what it was to be, whatever fails, and
# the image whole; so is the one below.
changes() {
	cat >"$T/whole" <<-'EOS'
		imgio -f qcow2 base flush
		imgio -f qcow2 -b qcow2:base top flush # what is marked as dirty is put right
		for image in base top; do
			vm-img check -q -f qcow2 $image >check 2>&1 || [ $? -eq 3 ] || cat check
		done
		rm -f check
		ls
		disk=$(vm-img convert -U -f qcow2 top - | md5sum)
		grep -q "$disk" ../disks || echo "$disk"
	EOS
	vm-img convert -U -f qcow2 ../images/top - | md5sum >../disks
	cp ../images/* .
	vm-img "$@" >/dev/null
	vm-img convert -U -f qcow2 top - | md5sum >>../disks
	walk -e "$some" -s 1,2 -b 'rm -f ./*; cp ../images/* .' -l "sh $T/whole" vm-img "$@"
}

@test 'vm-bridge and vm-tap' {
	world
	walk_in_world -s 125 -b "$fresh" vm-bridge -b br0 -a 192.168.77.1/24 vm-tap -b br0 true
	walk_in_world -b "$fresh" vm-bridge add -a 192.168.77.1/24 br0
	walk_in_world -l : -b "$bridge" vm-bridge del br0 # which may be half done, and done again
}

@test 'vm-bridge adopt: what could not be begun leaves nothing, and what could not be taken back is tried again' {
	local start='ip link add eth0 type veth peer name peer0; ip link set peer0 up
		ip address add 192.168.9.2/24 dev eth0; ip link set eth0 up; ip route add default via 192.168.9.1'
	world
	in_world sh -c "$start"
	run -1 in_world env PATH="$PATH" fail -o /dev/null -f 0:pipe2:1-:EMFILE vm-bridge adopt br0 eth0
	[[ $output = *'Too many open files' ]]
	run ! in_world sh -c 'ip link show br0 || ls /run/vm/vm-bridge/br0'
	in_world env PATH="$PATH" fail -o calls vm-bridge adopt -t 1 br0 eth0
	calls=$(grep -c '0.1.1.sendto' calls)
	in_world env PATH="$PATH" fail -o hit -f "0.1.1:sendto:$((calls - 7)):ENOBUFS" vm-bridge adopt -t 1 br0 eth0
	grep -q hit hit
	run ! in_world ip link show br0
	[[ $(in_world ip route) = 'default via 192.168.9.1 dev eth0'* ]]
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

@test 'vm-img, what only looks' {
	images
	walk -e "$some" vm-img info --backing-chain -f qcow2 top
	walk -e "$some" vm-img check -f qcow2 top
	walk -e "$some" -s 2,3,4 vm-img compare -f qcow2 -F qcow2 top top
	walk -e "$some" vm-img map --output=json -f qcow2 top
	walk -e "$some" vm-img measure -O qcow2 -f qcow2 top
	walk -e "$some" vm-img snapshot -l -f qcow2 top
	walk -e "$some" -u vm-img bench -c 8 -d 2 -f qcow2 top
	walk -e "$some" vm-img convert -f qcow2 -O qcow2 top -
	walk -e "$some" -s 125 vm-img open -f qcow2 top true
	walk -e "$some" -R -l ls vm-img serve -f qcow2 -l ./served -R 9 top
}

@test 'vm-img, what changes an image' {
	images
	changes snapshot -c two -f qcow2 top
	changes snapshot -a one -f qcow2 top
	changes snapshot -d one -f qcow2 top
	changes resize -q -f qcow2 --shrink top 512k
	changes commit -q -f qcow2 top
	changes rebase -q -f qcow2 -b other -F qcow2 top
	changes rebase -q -f qcow2 -b '' top
}

@test 'vm-img, what changes an image, further' {
	images
	changes amend -q -f qcow2 -o refcount_bits=64 top
	changes bitmap -f qcow2 --add top two
	changes bitmap -f qcow2 --merge one top three
	changes compact -q -f qcow2 top
	changes check -q -r all -f qcow2 top
}

@test 'vm-img, other formats, compressed, of two files' {
	local format
	images
	for format in raw qcow qed vmdk vdi vpc vhdx; do
		walk -e "$some" -b 'rm -f out*' -l ls vm-img convert -f qcow2 -O $format top out
	done
	walk -e "$some" -b 'rm -f out*' -l ls vm-img convert -c -m 3 -f qcow2 -O qcow2 top out
	walk -e "$some" -b 'rm -f out*' -l ls vm-img create -q -f qcow2 -o data_file=out.data out 1M
	walk -e "$some" -b 'rm -f out*' -l ls vm-img dd -f qcow2 -O qcow2 if=top of=out bs=64k
}

@test 'vm-bridge, cables' {
	walk -e "$some" -s 125 -b 'rm -f cable' -l ls vm-bridge pair ./cable true
	walk -e "$some" -s 125 vm-bridge pair - true
	walk -e "$some" -s 125 -b 'rm -f lan ctl' -l ls vm-bridge hub -C ./ctl ./lan true
	walk -e "$some" -R -b 'rm -f lan ctl' -l ls vm-bridge hub -R 9 -C ./ctl -l ./lan
	walk -e "$some" -s 125 -b 'rm -f door' -l ls vm-bridge listen ./door true
	walk -e "$some" -s 125 vm-bridge connect ./door true
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

@test 'kvm-run, with disks, networks and room for more' {
	need_access /dev/kvm
	images
	truncate -s 1M raw
	walk -u -e "$few" -s 1,2,125 -t 60 -l ls vm-bridge pair - kvm-run -m 8 -k "$BIN/guests/cpus" -H 2 -C ./ctl -w blk,fd=3 \
		-w blk,fd=4:5,as=qcow2 -w pcap,fd=6,of=net0 3<>raw 4<>top 5<base 6>/dev/null
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

@test 'a disk that is full under an image is told to the client that writes, and no harm' {
	need qemu-io
	world
	# shellcheck disable=SC2016 # for the inner shell
	in_world env PATH="$PATH" bash -ec '
		at="nbd+unix:///?socket=./served"
		mkdir full
		mount -t tmpfs -o size=1M none full
		vm-img create -q -f qcow2 full/disk 16M
		mkfifo ready
		vm-img serve -f qcow2 -l ./served -R 3 full/disk 3>ready &
		read -r _ <ready
		qemu-io -f raw -c "write -q -P 1 0 256k" -c flush "$at"
		qemu-io -f raw -c "write -P 2 1M 4M" "$at" | grep "No space left on device"
		qemu-io -f raw -c "read -P 1 0 256k" "$at" | grep "read 262144/262144"
		kill $!
		wait $!
		vm-img check -q -f qcow2 full/disk || [ $? -eq 3 ]'
}

@test 'vm-img: nobody at standard output, or a full disk, is told of by what prints' {
	local line
	images
	cp base copy
	while read -r line; do
		# shellcheck disable=SC2086 # words
		run -1 sh -c '"$@" >/dev/full' sh vm-img $line
		[[ $output = *'No space left on device' ]]
		# shellcheck disable=SC2086
		run -1 sh -c '"$@" >&-' sh vm-img $line
		[[ $output = vm-img:*'Bad file descriptor' ]]
	done <<-'EOS'
		info -f qcow2 top
		info --output=json -f qcow2 top
		check -f qcow2 top
		map -f qcow2 top
		map --output=json -f qcow2 top
		measure -O qcow2 -f qcow2 top
		snapshot -l -f qcow2 top
		bench -c 1 -f qcow2 top
		convert -f qcow2 -O raw top -
		convert -f qcow2 -O qcow2 top -
		convert -p -f qcow2 -O qcow2 top out
		compact -f qcow2 copy
		create -f qcow2 out 1M
		create -f qcow2 -o help
	EOS
}

@test 'an image of two files has both of them or none' {
	run -1 fail -o /dev/null -f 0:linkat:2:ENOSPC vm-img create -q -f qcow2 -o data_file=data out 1M
	lines 'vm-img: out: No space left on device'
	[ ! "$(ls)" ]
}

@test 'a hub, or a cable, whose first user cannot go on goes with him' {
	run -125 fail -o left -f 0:read:1:EIO vm-bridge hub ./lan true
	lines 'vm-bridge: the backend: Input/output error'
	run ! grep left left
	run -125 fail -o /dev/null -f 0.1.1:openat:2:EMFILE vm-bridge pair ./cable true
	lines 'vm-bridge: ./cable: Too many open files'
	[ ! "$(find . -type s)" ]
}

@test 'vm-pin: what could not be looked at is not taken for what is not there' {
	local verb
	for verb in host show check; do
		run -1 fail -o /dev/null -f 0:openat:20-:EMFILE vm-pin $verb
		[[ $output = vm-pin:*': Too many open files' ]]
	done
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
