#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# VHD images (vpc): what QEMU writes we read and the other way round; sizes and geometries; what is refused.
load lib
load image

setup() {
	need qemu-img qemu-io
	cd "$T" || return
}

# masked FILE: a small image without what differs from one to the next: time, UUID, sum; of each footer.
masked() {
	local at size
	size=$(stat -c %s "$1")
	cp --sparse=always "$1" "$1.masked"
	for at in 0 $((size - 512)); do
		[ "$(peek "$1" $at 8)" = 636f6e6563746978 ] || continue
		poke "$1.masked" $((at + 24)) 0 0 0 0
		poke "$1.masked" $((at + 64)) 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
	done
	echo "$1.masked"
}

# seal FILE AT: the sum of the footer at AT is right again.
seal() {
	local sum=0 byte
	poke "$1" $(($2 + 64)) 0 0 0 0
	for byte in $(od -A n -v -t u1 -j "$2" -N 512 "$1"); do ((sum += byte)); done
	# shellcheck disable=SC2046 # a word a byte
	poke "$1" $(($2 + 64)) $(printf '%08x' $((~sum & 0xffffffff)) | sed 's/../& /g')
}

@test "dynamic and fixed images are the same to QEMU and to us, read and written" {
	both_ways vpc -o force_size=on
	both_ways vpc
	both_ways vpc -o subformat=fixed,force_size=on
	converts vpc -o force_size=on
	converts vpc -o force_size=on,subformat=fixed
}

@test "an image is made byte by byte as QEMU makes it, of any size" {
	local size options
	for size in 0 512 10M 89137152 504M 2000000000 127G 128G 2040G; do
		for options in force_size=off force_size=on; do
			rm -f ours theirs
			qemu-img create -q -f vpc -o $options theirs $size
			vm-img create -q -f vpc -o $options ours $size
			cmp "$(masked ours)" "$(masked theirs)" || { echo "$size $options"; return 1; }
		done
	done
	for size in 512 1M 10M; do
		rm -f ours theirs
		qemu-img create -q -f vpc -o subformat=fixed theirs $size
		vm-img create -q -f vpc -o subformat=fixed ours $size
		cmp "$(masked ours)" "$(masked theirs)"
	done
}

@test "a disk of more than 2040 GiB, a backing image, an unknown subformat are refused" {
	run ! vm-img create -q -f vpc a.vhd 2041G
	[[ $output = *'2040 GiB'* ]]
	run ! vm-img create -q -f vpc -o subformat=thin a.vhd 1M
	[[ $output = *'dynamic or fixed'* ]]
	truncate -s 1M base
	run ! vm-img create -q -f vpc -b base -F raw a.vhd
	[[ $output = *differencing* ]]
	[ ! -e a.vhd ]
}

@test "the creator says whether the geometry or the size counts" {
	local creator want
	qemu-img create -q -f vpc a.vhd 10M
	# The size beside the geometry (10514432 bytes): 10485760.
	poke a.vhd 48 0 0 0 0 0 a0 0 0
	while read -r creator want; do
		# shellcheck disable=SC2086 # a word a byte
		poke a.vhd 28 ${creator//:/ }
		seal a.vhd 0
		[ "$(vm-img info --output=json -f vpc a.vhd | sed -n 's/.*"virtual-size": \([0-9]*\).*/\1/p')" = "$want" ]
		qemu-img info --output=json -f vpc a.vhd | grep -q "\"virtual-size\": $want"
	done <<-EOF
		71:65:6d:75 10514432
		76:70:63:20 10514432
		71:65:6d:32 10485760
		77:69:6e:20 10485760
		64:32:76:20 10485760
		74:61:70:00 10485760
		43:54:58:53 10485760
	EOF
}

@test "a guest that writes a VHD header into its fixed disk does not change what the image is" {
	vm-img create -q -f vpc -o subformat=fixed,force_size=on a.vhd 2M
	vm-img create -q -f vpc -o force_size=on evil.vhd 1G
	dd if=evil.vhd of=a.vhd conv=notrunc bs=512 count=8 status=none
	[[ $(vm-img info -f vpc a.vhd) = *'(2097152 bytes)'* ]]
	imgio -r -f vpc a.vhd dump | cmp -n 512 - evil.vhd
}

@test "damaged and hostile images are refused by name: sums, block sizes of nothing, tables that do not fit" {
	vm-img create -q -f vpc -o force_size=on good.vhd 4M
	imgio -f vpc good.vhd 'write 0 512 1' >/dev/null
	cp good.vhd a.vhd
	poke a.vhd 40 1
	refuses vpc a.vhd checksum
	cp good.vhd a.vhd
	poke a.vhd 63 4
	seal a.vhd 0
	refuses vpc a.vhd differencing
	cp good.vhd a.vhd
	poke a.vhd 63 9
	seal a.vhd 0
	refuses vpc a.vhd 'unknown type 9'
	cp good.vhd a.vhd
	poke a.vhd 544 0 0 0 0 # the block size: CVE-2014-0142 divided by it
	refuses vpc a.vhd 'block size 0'
	poke a.vhd 544 0 30 0 0
	refuses vpc a.vhd 'no power of two'
	cp good.vhd a.vhd
	poke a.vhd 540 0 0 0 1 # entries: a table of fewer than the disk has blocks was read beyond its end
	refuses vpc a.vhd 'do not hold the disk'
	poke a.vhd 540 ff ff ff ff
	refuses vpc a.vhd 'too many'
	cp good.vhd a.vhd
	poke a.vhd 528 0 0 0 ff
	refuses vpc a.vhd 'not within the file'
	cp good.vhd a.vhd
	poke a.vhd 16 ff
	seal a.vhd 0
	refuses vpc a.vhd 'dynamic header'
	cp good.vhd a.vhd
	truncate -s 1M a.vhd
	refuses vpc a.vhd 'was cut'
	truncate -s 400 a.vhd
	refuses vpc a.vhd 'too short'
	head -c 4096 /dev/zero >a.vhd
	refuses vpc a.vhd 'no footer'
}

@test "a block on top of the table is an error when it is used, and is never written" {
	vm-img create -q -f vpc -o force_size=on a.vhd 4M
	imgio -f vpc a.vhd 'write 0 512 1' >/dev/null
	poke a.vhd 1540 0 0 0 2 # the second block: on the dynamic header
	cp a.vhd before
	run ! imgio -r -f vpc a.vhd 'read 2M 512'
	[[ $output = *'lies on the block allocation table'* ]]
	run ! imgio -f vpc a.vhd 'write 2M 512 1'
	cmp a.vhd before
}

@test "sectors that a bitmap does not have get their bit when they are written" {
	vm-img create -q -f vpc -o force_size=on a.vhd 4M
	imgio -f vpc a.vhd 'write 0 512 1' >/dev/null
	poke a.vhd 2048 80 0 0 0
	imgio -f vpc a.vhd 'write 4096 512 2' >/dev/null
	[ "$(peek a.vhd 2048 4)" = ffffffff ]
}

@test "what an interruption left behind the last block does not shine through" {
	vm-img create -q -f vpc -o force_size=on a.vhd 6M
	imgio -f vpc a.vhd 'write 0 2M 9' >/dev/null
	poke a.vhd 1536 ff ff ff ff # the block is leaked
	imgio -f vpc a.vhd 'write 2M 512 1' >/dev/null
	imgio -r -f vpc a.vhd 'read 2097664 1M 0' 'read 0 2M 0'
	qemu-io -r -f vpc -c 'read -q -P 0 2097664 1M' -c 'read -q -P 1 2M 512' a.vhd
}
