#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# vm-img check: what it finds in images that were damaged byte by byte, as qemu-img does, and what its repairs leave.
load lib

setup() {
	need qemu-img qemu-io
	cd "$T" || return
}

# image [-o OPTIONS] SIZE: make a.qcow2 with some clusters of data. With clusters of 64 KiB its header, refcount table, refcount
# block, L1 table, L2 table and data are in clusters 0, 1, 2, 3, 4 and 5 to 8.
image() {
	qemu-img create -q -f qcow2 "${@:1:$#-1}" a.qcow2 "${!#}"
	qemu-io -c 'write -q -P 1 0 128k' -c 'write -q -P 2 1M 128k' a.qcow2
}

# poke OFFSET HEX...: write bytes into a.qcow2.
poke() {
	local at=$1 bytes
	shift
	bytes=$(printf '\\x%s' "$@")
	# shellcheck disable=SC2059 # a format of bytes
	printf "$bytes" | dd of=a.qcow2 bs=1 seek="$((at))" conv=notrunc status=none
}

# entry OFFSET VALUE: the same of one 64-bit number.
entry() {
	# shellcheck disable=SC2046 # a word a byte
	poke "$1" $(printf '%016x' "$2" | sed 's/../& /g')
}

# both STATUS [FILE]: vm-img and qemu-img say the same of it, in either form, and end with STATUS.
both() {
	local form file=${2:-a.qcow2} ours theirs status
	for form in human json; do
		status=0
		ours=$(vm-img check --output=$form "$file" 2>ours.err) || status=$?
		((status == $1)) || { echo "vm-img ends with $status: $ours"; cat ours.err; return 1; }
		status=0
		theirs=$(qemu-img check --output=$form "$file" 2>theirs.err) || status=$?
		((status == $1)) || { echo "qemu-img ends with $status: $theirs"; cat theirs.err; return 1; }
		[[ $ours = "$theirs" ]] || { diff <(echo "$ours") <(echo "$theirs"); diff ours.err theirs.err; return 1; }
	done
}

# repaired: -r all repairs, and says so; both are content then.
repaired() {
	vm-img check -r all a.qcow2 >repair.out 2>repair.err || { cat repair.out repair.err; return 1; }
	grep -q 'inconsistencies were found and repaired' repair.out
	both 0
	! grep . ours.err theirs.err
}

bytes() {
	[[ $(qemu-io -r -c "read -v $1 1" a.qcow2 | head -n 1) = *" $2 "* ]]
}

@test "images that are sound: every cluster size, refcount width and version" {
	local options
	for options in cluster_size=512 cluster_size=2M refcount_bits=1 refcount_bits=2 refcount_bits=64 compat=0.10 extended_l2=on \
		cluster_size=16k,extended_l2=on lazy_refcounts=on preallocation=metadata preallocation=full compression_type=zstd; do
		image -o "$options" 4M
		both 0
	done
}

@test "compressed clusters, snapshots, bitmaps, encryption" {
	image 8M
	qemu-img snapshot -c one a.qcow2
	qemu-io -c 'write -q -P 3 64k 1M' a.qcow2
	qemu-img snapshot -c two a.qcow2
	qemu-img bitmap --add a.qcow2 b0
	qemu-img bitmap --add -g 4k a.qcow2 b1
	both 0
	seq 100000 >numbers
	truncate -s 1M numbers
	qemu-img convert -q -c -f raw -O qcow2 numbers packed.qcow2
	both 0 packed.qcow2
	qemu-io -c 'write -q -P 3 64k 100k' packed.qcow2
	both 0 packed.qcow2
}

@test "a backing image is not needed" {
	qemu-img create -q -f qcow2 base.qcow2 4M
	qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2
	rm base.qcow2
	run -0 vm-img check top.qcow2
}

@test "leaked clusters" {
	image 4M
	entry 0x40000 0
	both 3
	run -3 vm-img check -q a.qcow2
	[[ $output = 'Leaked cluster 5 refcount=1 reference=0' ]]
	cp a.qcow2 b.qcow2
	vm-img check -r leaks a.qcow2
	both 0
	qemu-img check -q -r leaks b.qcow2 2>/dev/null
	cmp a.qcow2 b.qcow2
}

@test "a refcount that is too low is an error, and not repaired as a leak" {
	image 4M
	poke 0x2000a 00 00
	both 2
	run -2 vm-img check -r leaks a.qcow2
	both 2
	repaired
	bytes 0 01
}

@test "a refcount that is too high" {
	image 4M
	poke 0x2000a 00 07
	both 2 # its copied flag
	repaired
}

@test "copied flags" {
	image 4M
	poke 0x40000 00
	poke 0x30000 00
	both 2
	[[ $(<ours.err) = "$(<theirs.err)" ]] || diff ours.err theirs.err || :
	repaired
}

@test "two entries that name one cluster share it from then on" {
	image 4M
	entry 0x40008 0x8000000000050000
	both 2
	repaired
	qemu-io -c 'write -q -P 9 0 64k' a.qcow2
	bytes 64k 01
}

@test "entries past the end of the file: what they named is lost, and said to be" {
	image 4M
	entry 0x40008 0x8000000100000000
	entry 0x40010 0x4000000100000000
	run -2 vm-img check a.qcow2
	repaired
	grep -q 'past the end of the file; disk 0x10000, 0x10000 bytes: lost' repair.err
	bytes 0 01
	bytes 64k 00
}

@test "entries that are not aligned, or of reserved bits" {
	image 4M
	entry 0x40000 0x8000000000050200
	run -2 vm-img check a.qcow2
	entry 0x40000 0xa000000000050000
	both 2
	repaired
	bytes 0 01
}

@test "an entry that names metadata" {
	local at
	for at in 0x30000 0x20000; do
		image 4M
		entry 0x40008 $((0x8000000000000000 | at))
		run -2 vm-img check a.qcow2
		repaired
		bytes 0 01
		bytes 1M 02
	done
	image 4M
	entry 0x40008 0x8000000000030000
	repaired
	grep -q 'cluster overlaps metadata; disk 0x10000, 0x10000 bytes: lost' repair.err
	bytes 64k 00
}

@test "an L1 entry that names no table" {
	image 4M
	entry 0x30000 0x8000000700000000
	run -2 vm-img check a.qcow2
	repaired
	grep -q 'L1 entry 0 .*: lost' repair.err
	image 4M
	entry 0x30000 0x8000000000030000
	repaired
	grep -q 'the table overlaps other metadata' repair.err
}

@test "a refcount table that is destroyed is built anew" {
	local at
	for at in 0 0x20001 0x50000 0x7000000000000000 0x40000; do
		image 4M
		entry 0x10000 $((at))
		run -2 vm-img check a.qcow2
		repaired
		bytes 0 01
		bytes 1M 02
	done
	image 4M
	entry 48 0x50000
	repaired
	bytes 0 01
	image 4M
	entry 48 0x7000000
	repaired
	bytes 1M 02
}

@test "refcounts that are too small for what was found get more bits" {
	image -o refcount_bits=1 4M
	entry 0x40008 0x8000000000050000
	repaired
	qemu-img info a.qcow2 | grep -q 'refcount bits: 2'
}

@test "the marks of an image that was not closed go when it is clean" {
	image 4M
	poke 79 03
	run -0 vm-img check a.qcow2
	entry 0x40000 0
	repaired
	run -0 qemu-io -c 'write -q 0 1' a.qcow2
}

@test "a dirty image is counted anew before it is written to" {
	image -o lazy_refcounts=on 4M
	poke 0x2000a 00 00
	poke 79 01
	vm-img snapshot -c one a.qcow2
	both 0
}

@test "a damaged snapshot's tables" {
	image 4M
	qemu-img snapshot -c one a.qcow2
	qemu-io -c 'write -q -P 3 0 64k' a.qcow2
	# Its L1 table is in cluster 9, its L2 table still in 4.
	entry 0x90000 0x7000000000000000
	run -2 vm-img check a.qcow2
	repaired
	grep -q 'of snapshot one' repair.err
	bytes 0 03
}

@test "a snapshot table that is cut: those that can be read stay" {
	image 4M
	qemu-img snapshot -c one a.qcow2
	qemu-img snapshot -c two a.qcow2
	poke 60 00 00 00 09
	run -2 vm-img check a.qcow2
	[[ $output = *'of 9 snapshots can be read'* ]]
	repaired
	[[ $(vm-img snapshot -l a.qcow2) = *one*two* ]]
	entry 64 0x70000001
	repaired
	[[ -z $(vm-img snapshot -l a.qcow2) ]]
	bytes 0 01
}

@test "a refcount table that is nowhere" {
	local at
	for at in 0x10100 0x7fffffffffff0000 0; do
		image 4M
		entry 48 $((at))
		repaired
		bytes 0 01
	done
	image 4M
	poke 56 7f ff ff ff
	repaired
	bytes 1M 02
}

@test "bitmaps: their clusters count" {
	image 4M
	qemu-img bitmap --add a.qcow2 b0
	qemu-io -c 'write -q -P 1 0 64k' a.qcow2
	both 0
	# Without the autoclear bit they are nobody's.
	poke 95 00
	both 3
	vm-img check -q -r all a.qcow2 2>/dev/null
	both 0
}

@test "exit statuses: no such file, no checks, no such repair" {
	run -1 vm-img check missing.qcow2
	truncate -s 1M a.raw
	run -63 vm-img check -f raw a.raw
	[[ $output = *'This image format does not support checks' ]]
	image 4M
	run -1 vm-img check -r some a.qcow2
	chmod 444 a.qcow2
	run -0 vm-img check a.qcow2
}

@test "of a thousand findings and more the first are told, all are counted" {
	image 128M
	qemu-io -c 'write -q 0 128M' a.qcow2
	head -c 65536 /dev/zero | dd of=a.qcow2 bs=65536 seek=4 conv=notrunc status=none
	both 3
	(($(wc -l <ours.err) == 1001))
	repaired
}
