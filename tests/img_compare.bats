#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# vm-img compare: its answers are qemu-img's.
load lib

setup() {
	cd "$T" || return
	seq 200000 | head -c 1M >a
	cp a b
}

# both ARG...: vm-img says what qemu-img says, with the same status.
both() {
	local ours theirs status=0 other=0
	theirs=$(qemu-img compare "$@" 2>/dev/null) || other=$?
	ours=$(vm-img compare "$@" 2>/dev/null) || status=$?
	echo "$ours ($status), $theirs ($other)"
	[[ $ours = "$theirs" && $status = "$other" ]]
}

@test 'the same, and not' {
	both -f raw -F raw a b
	printf x | dd of=b bs=1 seek=777777 conv=notrunc status=none
	both -f raw -F raw a b
	both -q -f raw -F raw a b
	run -1 vm-img compare -f raw -F raw a b
	[ "$output" = 'Content mismatch at offset 777728!' ]
}

@test 'of different lengths' {
	truncate -s 2M b
	both -f raw -F raw a b
	both -f raw -F raw b a
	both -s -f raw -F raw a b
	printf x | dd of=b bs=1 seek=2000000 conv=notrunc status=none
	both -f raw -F raw a b
	head -c 1000 a >c
	head -c 1024 a >d
	both -f raw -F raw c d
}

@test 'of different formats, compressed, with backing images' {
	qemu-img convert -c -f raw -O qcow2 a q
	both -f raw -F qcow2 a q
	qemu-img create -q -f qcow2 -b q -F qcow2 top
	both -f raw -F qcow2 a top
	qemu-io -f qcow2 -c 'write -P 3 512k 1000' top >/dev/null
	both -f raw -F qcow2 a top
	both -f qcow2 -F qcow2 q top
	both -s -f qcow2 -F qcow2 q top
	both -s -f qcow2 -F qcow2 q q
}

@test 'what cannot be compared' {
	both -f raw -F raw a missing
	run -2 vm-img compare -f raw -F raw a missing
	[[ $output = *missing* ]]
	run -2 vm-img compare a
	run -2 vm-img compare -f qcow2 a b
	# An entry of the L2 table that lies past the end of all files.
	qemu-img convert -f raw -O qcow2 a q
	printf '\x80\x00\x00\xff\xff\xff\x00\x00' | dd of=q bs=1 seek=$((4 * 65536)) conv=notrunc status=none
	run vm-img compare -f raw -F qcow2 a q
	[[ $status = [134] ]]
	qemu-img convert -c -f raw -O qcow2 a q
	dd if=/dev/zero of=q bs=1 count=3000 seek=$((5 * 65536)) conv=notrunc status=none
	run -4 vm-img compare -f raw -F qcow2 a q
	[[ $output = *'while reading'* ]]
}
