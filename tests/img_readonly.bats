#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The formats that are only read: bochs, cloop, dmg, parallels. Images by make-image; QEMU judges those that it can read.
load lib

# disk: $T/disk, of sectors with and without data, whose end is in the middle of everybody's clusters.
disk() {
	{
		head -c 100000 /dev/urandom
		head -c 300000 /dev/zero
		yes 'more or less compressible' | head -c 700000
		head -c 1000000 /dev/zero
		head -c 70000 /dev/urandom
	} >"$T/disk"
	truncate -s 2171904 "$T/disk"
	truncate -s 2171904 "$T/long"
	cat "$T/disk" >"$T/long"
}

# reads FORMAT[:VARIANT]: such an image reads as the disk, by ours; QEMU says the same unless a second word is there.
reads() {
	local format=${1%%:*}
	make-image "$1" "$T/disk" "$T/image"
	vm-img convert -f "$format" -O raw "$T/image" "$T/ours"
	truncate -s "$(stat -c %s "$T/ours")" "$T/long"
	cmp "$T/long" "$T/ours"
	vm-img compare -f raw -F "$format" "$T/long" "$T/image"
	[ "$2" ] || qemu-img convert -f "$format" -O raw "$T/image" "$T/qemu" 2>"$T/err"
	[ "$2" ] || cmp "$T/qemu" "$T/ours"
}

@test 'bochs: both versions are read as QEMU reads them' {
	disk
	reads bochs:1
	reads bochs:2
}

@test 'cloop: blocks of any size, the last one longer than the disk' {
	disk
	reads cloop:512
	reads cloop:16384
	reads cloop:4194304
}

@test 'parallels: both magics, clusters in any order' {
	disk
	reads parallels:old
	reads parallels:new
}

@test 'parallels: images made by QEMU, and what it and we find wrong with one' {
	qemu-img create -q -f parallels "$T/image" 5M
	qemu-io -f parallels -c 'write -P 7 0 1000' -c 'write -P 8 3M 1M' "$T/image" >/dev/null
	qemu-img convert -f parallels -O raw "$T/image" "$T/disk"
	vm-img compare -f raw -F parallels "$T/disk" "$T/image"
	vm-img check -f parallels "$T/image"
	head -c 3M /dev/zero >>"$T/image"
	run qemu-img check -f parallels "$T/image"
	[ "$status" -eq 3 ]
	run vm-img check -f parallels "$T/image"
	[ "$status" -eq 3 ]
	[[ $output = *'ERROR space leaked at the end of the image 3145728'* ]]
	printf '\377\377\0\0' | dd of="$T/image" bs=1 seek=64 conv=notrunc status=none
	run vm-img check -f parallels "$T/image"
	[ "$status" -eq 2 ]
	[[ $output = *'cluster 0 is outside image'* ]]
	run vm-img convert -f parallels -O raw "$T/image" "$T/out"
	[ "$status" -eq 1 ]
	[[ $output = *'cluster 0 lies beyond the file'* ]]
}

@test 'dmg: a property list and a resource fork; zlib, plain and zero chunks' {
	disk
	reads dmg:xml
	reads dmg:fork
}

@test 'dmg: bzip2, and tables in any order, which QEMU as Debian has it does not read' {
	disk
	reads dmg:xml,bzip2 ours
	reads dmg:fork,reversed ours
}

@test 'dmg: what is not of the image may follow it, less than a sector' {
	disk
	make-image dmg "$T/disk" "$T/image"
	head -c 511 /dev/zero >>"$T/image"
	vm-img compare -f raw -F dmg "$T/disk" "$T/image"
	echo >>"$T/image"
	run -1 vm-img info -f dmg "$T/image"
	[[ $output = *'no trailer'* ]]
}

@test 'dmg: compression that is not supported is refused by its name, but described' {
	disk
	make-image dmg:fork "$T/disk" "$T/image"
	LC_ALL=C sed -i 's/\x80\x00\x00\x05\x00\x00\x00\x00/\x80\x00\x00\x07\x00\x00\x00\x00/' "$T/image"
	run -1 vm-img convert -f dmg -O raw "$T/image" "$T/out"
	[[ $output = *'LZFSE is not supported'* ]]
	[ ! -e "$T/out" ]
	vm-img info -f dmg "$T/image" | grep '2171904 bytes'
}

@test 'all are probed, and none of them is ever written' {
	disk
	for format in bochs cloop dmg parallels; do
		make-image "$format" "$T/disk" "$T/image"
		cp "$T/image" "$T/before"
		[[ $(vm-img info "$T/image") = *"file format: $format"* ]]
		! imgio -f "$format" "$T/image" 'write 0 512 1' 2>"$T/err"
		grep 'not supported' "$T/err"
		! vm-img create -f "$format" "$T/new" 1M 2>"$T/err"
		! vm-img convert -n -f raw -O "$format" "$T/disk" "$T/image"
		cmp "$T/image" "$T/before"
	done
}
