#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# vm-img compact: the file is smaller, the disk the same, and the image sound to qemu-img.
load lib

setup() {
	need qemu-img qemu-io
	cd "$T" || return
}

# compacted BYTES [WORD...]: the file is at most that long after it, and what it says has these words.
compacted() {
	local word
	qemu-img convert -O raw a.qcow2 disk.raw
	vm-img compact a.qcow2 >said
	for word in "${@:2}"; do
		grep -qF -- "$word" said || { cat said; return 1; }
	done
	vm-img check -q a.qcow2
	qemu-img check -q a.qcow2
	qemu-img compare -q a.qcow2 disk.raw
	(($(stat -c %s a.qcow2) <= $1)) || { cat said; ls -l a.qcow2; return 1; }
}

@test "clusters of zeroes go, those behind them move down" {
	local options
	for options in cluster_size=64k cluster_size=4k compat=0.10 refcount_bits=1 extended_l2=on lazy_refcounts=on; do
		qemu-img create -q -f qcow2 -o "$options" a.qcow2 64M
		qemu-io -c 'write -q -P 1 0 1M' -c 'write -q -P 0 1M 20M' -c 'write -q -P 2 40M 2M' -c 'write -q -z 41M 64k' a.qcow2
		compacted 4000000
		compacted 4000000 '0 clusters of zeroes given up, 0 moved'
		qemu-io -c 'write -q -P 3 50M 1M' a.qcow2
		compacted 5100000
	done
}

@test "with a backing image zeroes still hide it" {
	qemu-img create -q -f qcow2 base.qcow2 8M
	qemu-io -c 'write -q -P 7 0 8M' base.qcow2
	local options
	for options in compat=1.1 compat=0.10 extended_l2=on; do
		qemu-img create -q -f qcow2 -o "$options" -b base.qcow2 -F qcow2 a.qcow2
		qemu-io -c 'write -q -P 0 1M 4M' -c 'write -q -P 1 6M 100k' -c 'write -q -P 0 7M 2k' a.qcow2
		compacted 5500000
	done
}

@test "what snapshots share stays, and holds the same" {
	qemu-img create -q -f qcow2 a.qcow2 64M
	qemu-io -c 'write -q -P 0 0 4M' -c 'write -q -P 1 4M 4M' a.qcow2
	qemu-img snapshot -c one a.qcow2
	qemu-io -c 'write -q -P 0 4M 3M' -c 'write -q -P 5 20M 4M' a.qcow2
	qemu-img snapshot -c two a.qcow2
	qemu-io -c 'write -q -P 0 20M 3M' -c 'write -q -P 6 30M 4M' a.qcow2
	qemu-img convert -l one -O raw a.qcow2 one.raw
	qemu-img convert -l two -O raw a.qcow2 two.raw
	compacted 21000000
	qemu-img convert -l one -O raw a.qcow2 after.raw
	cmp one.raw after.raw
	qemu-img convert -l two -O raw a.qcow2 after.raw
	cmp two.raw after.raw
	qemu-img snapshot -d one a.qcow2
	qemu-img snapshot -d two a.qcow2
	compacted 6700000
}

@test "compressed clusters and bitmaps stay" {
	seq 500000 >numbers
	qemu-img convert -c -f raw -O qcow2 numbers a.qcow2
	qemu-img bitmap --add a.qcow2 b0
	qemu-io -c 'write -q -P 0 1M 2M' a.qcow2
	compacted 3000000
	qemu-img info a.qcow2 | grep -q 'name: b0'
}

@test "an image without room to spare, an empty one, one of preallocated clusters" {
	qemu-img create -q -f qcow2 a.qcow2 4M
	compacted 262144
	qemu-img create -q -f qcow2 -o preallocation=full a.qcow2 4M
	compacted 327680
	qemu-img create -q -f qcow2 a.qcow2 4M
	qemu-io -c 'write -q -P 1 0 4M' a.qcow2
	compacted 4521984 ' 0 moved'
}

@test "an image with errors is not touched" {
	qemu-img create -q -f qcow2 a.qcow2 4M
	qemu-io -c 'write -q -P 1 0 1M' a.qcow2
	printf '\0\0' | dd of=a.qcow2 bs=1 seek=$((0x2000a)) conv=notrunc status=none
	cp a.qcow2 before
	run -1 vm-img compact a.qcow2
	[[ $output = *'check -r all comes first'* ]]
	cmp a.qcow2 before
	truncate -s 1M a.raw
	run -1 vm-img compact -f raw a.raw
	[[ $output = *'not compacted in place'* ]]
}
