#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# vm-img map: qemu-img's own answer, for the same images, as text and as JSON.
load lib

setup() {
	need qemu-img qemu-io
	cd "$T" || return
	ln -s "$BIN/vm-img" qemu-img
}

# same IMAGE: of all of it, of parts, and of what there is not.
same() {
	local form part
	for form in human json; do
		for part in '' '-s 100000 -l 200000' '-s 64k' '-l 65k' '-s 1M -l 1' '-l 0' '-s 1G'; do
			diff <(./qemu-img map --output=$form $part "$1") <(command qemu-img map --output=$form $part "$1") ||
				{ echo "map --output=$form $part $1"; return 1; }
		done
	done
}

@test "map: a chain of images, each with data, zeroes and holes" {
	qemu-img create -q -f qcow2 base 1M
	qemu-io -c 'write -q -P 1 64k 128k' -c 'write -q -z 256k 64k' base
	qemu-img create -q -f qcow2 -b base -F qcow2 mid 2M
	qemu-io -c 'write -q -P 2 0 64k' -c 'write -q -z 128k 64k' -c 'write -q -P 3 1536k 64k' mid
	qemu-img create -q -f qcow2 -o cluster_size=4k -b mid -F qcow2 top 3M
	qemu-io -c 'write -q -P 4 100k 10k' -c 'write -q -z 2000k 10k' top
	same base
	same mid
	same top
}

@test "map: raw, preallocated, with a data file, on a raw image, empty" {
	truncate -s 1M raw
	printf x | dd of=raw bs=1 seek=300000 conv=notrunc status=none
	qemu-img create -q -f qcow2 -b raw -F raw over 2M
	qemu-img create -q -f qcow2 -o preallocation=metadata meta 1M
	qemu-io -c 'write -q 0 64k' meta
	qemu-img create -q -f qcow2 -o preallocation=falloc falloc 1M
	qemu-img create -q -f qcow2 -o data_file=data ext 1M
	qemu-io -c 'write -q 64k 64k' ext
	qemu-img create -q -f qcow2 empty 0
	for image in raw over meta falloc ext empty; do
		same $image
	done
}

@test "map: of other formats" {
	local format
	# Not vhdx and parallels: of these ours knows more of where what is.
	for format in vpc vdi vmdk qed qcow; do
		qemu-img create -q -f $format x.$format 10M
		qemu-io -f $format -c 'write -q -P 1 64k 128k' -c 'write -q -P 1 3M 64k' x.$format
		same x.$format || { echo $format; return 1; }
	done
}

@test "map: compressed data has no place in a file: only JSON can say so" {
	qemu-img create -q -f qcow2 a 1M
	qemu-io -c 'write -q -P 1 64k 128k' a
	qemu-img convert -c -O qcow2 a c
	diff <(vm-img map --output=json c) <(qemu-img map --output=json c)
	run -1 vm-img map c
	[ "${lines[0]}" = 'vm-img: File contains external, encrypted or compressed clusters.' ]
}

@test "map: what the image has wrong is told, with where" {
	qemu-img create -q -f qcow2 a 1M
	qemu-io -c 'write -q 0 64k' a
	printf '\x80\0\0\0\0\x04\x02\0' | dd of=a bs=1 seek=$((0x30000)) conv=notrunc status=none
	run -1 vm-img map a
	[[ ${lines[0]} = 'vm-img: a: what is at byte 0: '* ]]
}

@test "map: 1 TiB with scattered clusters takes a read for each table, and little memory" {
	need strace
	qemu-img create -q -f qcow2 big 1T
	for ((n = 0; n < 2048; n++)); do echo "write -q $((n * 512))M 64k"; done | qemu-io -t unsafe big >/dev/null
	diff <(vm-img map --output=json big) <(qemu-img map --output=json big)
	strace -E ASAN_OPTIONS=detect_leaks=0 -f -qq -e trace=pread64 -o trace vm-img map -f qcow2 big >/dev/null
	(($(wc -l <trace) < 2048 + 32))
}
