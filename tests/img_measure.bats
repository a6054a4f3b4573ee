#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# vm-img measure: its numbers are qemu-img's, and a conversion keeps to them.
load lib

setup() {
	cd "$T" || return
	truncate -s 20M s.raw
	dd if=/dev/urandom of=s.raw bs=4K count=100 seek=50 conv=notrunc status=none
	dd if=/dev/urandom of=s.raw bs=4K count=1 seek=3000 conv=notrunc status=none
}

both() {
	local ours theirs
	# It times the derivation of a key, and gives up when it was not let run: "Unable to get accurate CPU usage".
	until theirs=$(qemu-img measure "$@" 2>"$T/err"); do grep accurate "$T/err"; done
	ours=$(vm-img measure "$@")
	echo "$* : ours $ours, theirs $theirs"
	[ "$ours" = "$theirs" ]
}

@test 'the size of a new image' {
	local size o
	for size in 0 512 1000 1M 12345678 10G 1T; do
		both --size $size
		for o in cluster_size=64k cluster_size=4k,refcount_bits=1 cluster_size=2M,refcount_bits=64 extended_l2=on preallocation=full \
			preallocation=falloc compat=0.10; do
			both -O qcow2 -o "$o" --size $size
		done
	done
	both -O qcow2 -o cluster_size=512 --size 1G
	both --output=json -O qcow2 --size 1G
	both --object secret,id=k,data=x -O qcow2 -o encrypt.format=luks,encrypt.key-secret=k --size 1M
}

@test 'the size of what is converted' {
	both -f raw -O raw s.raw
	both -f raw -O qcow2 s.raw
	both -f raw -O qcow2 -o cluster_size=4k s.raw
	both -f raw -O qcow2 -o preallocation=full s.raw
	qemu-img convert -c -f raw -O qcow2 s.raw q
	qemu-img create -q -f qcow2 -b q -F qcow2 top 30M
	both -f qcow2 -O qcow2 q
	both -f qcow2 -O raw top
	both -f qcow2 -O qcow2 top
	both -f qcow2 -O qcow2 --output=json top
	both -f qcow2 -O qcow2 -o cluster_size=512 top
}

@test 'and of its bitmaps' {
	qemu-img create -q -f qcow2 q 100M
	qemu-img bitmap --add q one
	qemu-img bitmap --add -g 4096 q 'a longer name'
	both -O qcow2 -f qcow2 q
	both -O qcow2 -f qcow2 --output=json q
	both -O qcow2 -f qcow2 -o compat=0.10 q
	qemu-img create -q -f qcow2 -o compat=0.10 old 1M
	both -O qcow2 -f qcow2 old
}

@test 'what is said is what is needed' {
	local needed
	needed=$(vm-img measure -f raw -O qcow2 s.raw | sed -n 's/^required size: //p')
	vm-img convert -f raw -O qcow2 s.raw out
	[ "$(stat -c %s out)" -le "$needed" ]
	[ "$(stat -c %s out)" -gt $((needed - 5 * 65536)) ]
}

@test 'the failures' {
	run -1 vm-img measure
	run -1 vm-img measure --size 1G s.raw
	run -1 vm-img measure --size x
	run -1 vm-img measure -O nothing --size 1M
	[[ $output = *nothing* ]]
	run -1 vm-img measure -O qcow2 -o cluster_size=512 --size 64T
	[[ $output = *'too large'* ]]
	run -1 vm-img measure -O vdi --size 1M
	[[ $output = *'does not support size measurement'* ]]
	run -1 vm-img measure missing
}
