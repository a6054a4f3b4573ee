#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# VMDK: every subformat, made and written by ours and by QEMU in turn; descriptors, chains, streams.
load lib

SUBFORMATS=(monolithicSparse monolithicFlat twoGbMaxExtentSparse twoGbMaxExtentFlat)

setup() {
	need qemu-img qemu-io
	cd "$T" || return
	truncate -s 5M model
}

# same: a.vmdk holds what the model does, and both find no fault with it.
same() {
	qemu-img compare -q -f raw -F vmdk model a.vmdk
	vm-img compare -q -f raw -F vmdk model a.vmdk
	qemu-img check -q -f vmdk a.vmdk
	vm-img check -q -f vmdk a.vmdk
}

# modelled COMMAND...: qemu-io's commands, on the model.
modelled() {
	local cmd
	for cmd; do qemu-io -f raw -c "$cmd" model >/dev/null; done
}

# hex OFFSET BYTES: those of a.vmdk.
hex() {
	od -An -v -tx1 -j"$1" -N"$2" a.vmdk | tr -d ' \n'
}

# le OFFSET BYTES VALUE: write a little-endian number into a.vmdk.
le() {
	local n bytes=''
	for ((n = 0; n < $2; n++)); do bytes+=$(printf '\\x%02x' $(($3 >> n * 8 & 255))); done
	# shellcheck disable=SC2059 # a format of bytes
	printf "$bytes" | dd of=a.vmdk bs=1 seek="$1" conv=notrunc status=none
}

@test 'every subformat: made by either, written by both in turn' {
	local maker sub
	for maker in vm-img qemu-img; do
		for sub in "${SUBFORMATS[@]}"; do
			rm -f ./*.vmdk model
			truncate -s 5M model
			$maker create -q -f vmdk -o subformat=$sub a.vmdk 5M
			same
			imgio -f vmdk a.vmdk 'write 70000 100000 1' 'write 3M 512 2' 'zero 100000 1000' 'write 2M 1M 9'
			modelled 'write -P 1 70000 100000' 'write -P 2 3M 512' 'write -z 100000 1000' 'write -P 9 2M 1M'
			same
			qemu-io -f vmdk -c 'write -q -P 3 1M 512' -c 'write -q -P 4 150000 200000' a.vmdk
			modelled 'write -P 3 1M 512' 'write -P 4 150000 200000'
			same
			imgio -f vmdk a.vmdk 'write 5242368 512 6' 'zero 2M 1M unmap' 'discard 4M 512'
			modelled 'write -P 6 5242368 512' 'write -z 2M 1M'
			same
		done
	done
}

@test 'info and map are as those of QEMU' {
	local sub
	for sub in "${SUBFORMATS[@]}" streamOptimized; do
		rm -f ./*.vmdk
		qemu-img create -q -f vmdk -o subformat=$sub a.vmdk 5M
		[[ $sub = streamOptimized ]] || qemu-io -f vmdk -c 'write -q -P 1 1M 2M' -c 'write -q -P 1 4M 1M' a.vmdk
		diff <(vm-img info -f vmdk a.vmdk | sed 's/^disk size.*//') <(qemu-img info -f vmdk a.vmdk | sed 's/^disk size.*//')
		diff <(vm-img info --output=json -f vmdk a.vmdk | sed 's/"actual.*//') \
			<(qemu-img info --output=json -f vmdk a.vmdk | sed 's/"actual.*//')
		# Where the file of a flat extent has a hole, QEMU says that there is data, of zeroes.
		diff <(vm-img map --output=json -f vmdk a.vmdk) \
			<(qemu-img map --output=json -f vmdk a.vmdk | sed 's/"zero": true, "data": true/"zero": true, "data": false/')
	done
}

@test 'options: what they say is in the descriptor, and wrong ones are refused' {
	vm-img create -q -f vmdk -o adapter_type=lsilogic,hwversion=10,toolsversion=12345,subformat=monolithicFlat a.vmdk 1G
	qemu-img create -q -f vmdk -o adapter_type=lsilogic,hwversion=10,toolsversion=12345,subformat=monolithicFlat b.vmdk 1G
	diff <(sed 's/^CID.*//; s/a-flat/b-flat/' a.vmdk) <(sed 's/^CID.*//' b.vmdk)
	rm ./*.vmdk
	vm-img create -q -f vmdk -o compat6,subformat=twoGbMaxExtentSparse a.vmdk 3G
	qemu-img create -q -f vmdk -o compat6,subformat=twoGbMaxExtentSparse b.vmdk 3G
	diff <(sed 's/^CID.*//; s/a-s/b-s/' a.vmdk) <(sed 's/^CID.*//' b.vmdk)
	local options
	for options in adapter_type=scsi subformat=flat hwversion='4"' toolsversion=new compat6,hwversion=5 \
		zeroed_grain=on,subformat=monolithicFlat; do
		run -1 vm-img create -q -f vmdk -o "$options" new.vmdk 1M
		[ ! -e new.vmdk ]
	done
}

@test 'zeroed grains hide the backing image' {
	vm-img create -q -f vmdk base.vmdk 5M
	imgio -f vmdk base.vmdk 'write 0 5M 7'
	vm-img create -q -f vmdk -o zeroed_grain=on -b base.vmdk -F vmdk a.vmdk
	modelled 'write -P 7 0 5M'
	same
	imgio -f vmdk -b vmdk:base.vmdk a.vmdk 'zero 64K 128K' 'zero 1000000 10000' 'write 3M 512 8'
	modelled 'write -z 64K 128K' 'write -z 1000000 10000' 'write -P 8 3M 512'
	same
	[[ $(qemu-img map -f vmdk --output=json a.vmdk) = *'"start": 65536, "length": 131072, "depth": 0, "present": true, "zero": true'* ]]
}

@test 'a chain: the parent is known by its content ID, and noticed when it has changed' {
	qemu-img create -q -f vmdk base.vmdk 5M
	qemu-io -f vmdk -c 'write -q -P 1 0 2M' base.vmdk
	local maker
	for maker in vm-img qemu-img; do
		$maker create -q -f vmdk -b base.vmdk -F vmdk a.vmdk
		diff <(vm-img info --output=json -f vmdk a.vmdk) <(qemu-img info --output=json -f vmdk a.vmdk)
		imgio -f vmdk -b vmdk:base.vmdk a.vmdk 'write 1M 100 2'
		qemu-io -f vmdk -c 'write -q -P 3 100000 100' a.vmdk
		rm model
		truncate -s 5M model
		modelled 'write -P 1 0 2M' 'write -P 2 1M 100' 'write -P 3 100000 100'
		same
	done
	imgio -f vmdk base.vmdk 'write 0 512 4'
	run -1 vm-img convert -f vmdk -O raw a.vmdk out
	[[ $output = *'not as it was'* ]]
	run -1 qemu-img convert -f vmdk -O raw a.vmdk out
}

@test 'a content ID without leading zeroes, as QEMU writes them, changes in its place' {
	vm-img create -q -f vmdk base.vmdk 5M
	LC_ALL=C sed -i 's/^CID=.*/CID=abcdef1\n/' base.vmdk # as long as it was
	vm-img create -q -f vmdk -b base.vmdk -F vmdk a.vmdk
	imgio -f vmdk base.vmdk 'write 0 512 4'
	run -1 vm-img convert -f vmdk -O raw a.vmdk out
	[[ $output = *'not as it was'*'not 0abcdef1'* ]]
	qemu-img info base.vmdk
	qemu-io -f vmdk -c 'read -P 4 0 512' base.vmdk
}

@test 'of several content IDs the last one counts, and one that is none is left alone' {
	local id
	truncate -s 512 x-flat.vmdk
	for id in '' 123456789abcdef0123456789; do
		printf '# Disk DescriptorFile\nversion=1\nCID=1\nCID=%s\nparentCID=ffffffff\ncreateType="monolithicFlat"\n%s\n' "$id" \
			'RW 1 FLAT "x-flat.vmdk" 0' >a.vmdk
		cp a.vmdk before
		imgio -f vmdk a.vmdk 'write 0 512 5'
		cmp a.vmdk before
		cmp x-flat.vmdk <(head -c 512 /dev/zero | tr '\0' '\005')
	done
}

@test 'convert -B makes an image on top of another' {
	vm-img create -q -f vmdk base.vmdk 5M
	imgio -f vmdk base.vmdk 'write 0 5M 7'
	modelled 'write -P 7 0 4M' 'write -P 8 4M 1M'
	vm-img convert -f raw -O vmdk -B base.vmdk -F vmdk model a.vmdk
	same
}

@test 'streamOptimized: what convert makes is what a stream is' {
	modelled 'write -P 1 0 1M' 'write -P 2 3M 512'
	head -c 100000 /dev/urandom | dd of=model bs=64K seek=20 conv=notrunc status=none
	vm-img convert -f raw -O vmdk -o subformat=streamOptimized model a.vmdk
	same
	# The header says that the directory is at the end; there are a footer that has it, and an end marker.
	local size
	size=$(stat -c %s a.vmdk)
	[ $((size % 512)) -eq 0 ]
	[ "$(hex 56 8)" = ffffffffffffffff ]
	[ "$(hex 8 4)" = 01000300 ]
	[ "$(hex $((size - 1536)) 16)" = 01000000000000000000000003000000 ]
	[ "$(hex $((size - 1024)) 4)" = 4b444d56 ]
	[ "$(hex $((size - 512)) 512 | tr -d 0)" = '' ]
	# Grains come first, from where the header says, with their sectors in order.
	[ "$(hex 65536 8)" = 0000000000000000 ]
	# The same input makes the same bytes, whoever compresses.
	vm-img convert -f raw -O vmdk -o subformat=streamOptimized model b.vmdk
	mkdir again
	vm-img convert -m 1 -f raw -O vmdk -o subformat=streamOptimized model again/a.vmdk
	cmp a.vmdk again/a.vmdk
	qemu-img convert -f raw -O vmdk -o subformat=streamOptimized model a.vmdk
	same
	vm-img convert -c -f raw -O vmdk -o subformat=streamOptimized model a.vmdk
	same
}

@test 'streamOptimized: an image that is there is written to, by appending' {
	local maker
	for maker in vm-img qemu-img; do
		rm -f model
		truncate -s 5M model
		modelled 'write -P 1 0 1M'
		$maker convert -f raw -O vmdk -o subformat=streamOptimized model a.vmdk
		imgio -f vmdk a.vmdk 'write 100 1000 2' flush 'write 2M 64K 3' 'zero 128K 100000' flush 'write 3M 512 4' kill || :
		modelled 'write -P 2 100 1000' 'write -P 3 2M 64K' 'write -z 128K 100000'
		same
		imgio -f vmdk a.vmdk 'zero 0 64K' 'write 4M 512 5'
		modelled 'write -z 0 64K' 'write -P 5 4M 512'
		same
	done
	run ! vm-img convert -c -f raw -O vmdk model b.vmdk # grains that are not packed
}

@test 'a stream that is cut off, or followed by something, is refused' {
	vm-img convert -f raw -O vmdk -o subformat=streamOptimized model a.vmdk
	cp a.vmdk good
	truncate -s -512 a.vmdk
	run -1 vm-img info -f vmdk a.vmdk
	[[ $output = *'footer is not at the end'* ]]
	cp good a.vmdk
	echo >>a.vmdk
	run -1 vm-img info -f vmdk a.vmdk
}

@test 'a descriptor opens no file but those beside it, and none at all when it was guessed' {
	echo secret >"$T/secret"
	local name
	mkdir dir
	for name in "$T/secret" ../secret dir/../../secret ..; do
		printf '# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 1 FLAT "%s" 0\n' "$name" >dir/a.vmdk
		run -1 vm-img convert -f vmdk -O raw dir/a.vmdk out
		[[ $output = *'not a file beside it'* ]]
		run -1 vm-img info -f vmdk dir/a.vmdk
	done
	vm-img create -q -f vmdk -o subformat=monolithicFlat a.vmdk 1M
	run -1 vm-img convert -O raw a.vmdk out
	[[ $output = *'give -f'* ]]
	[[ $(vm-img info a.vmdk) = *'virtual size: 1 MiB'*'filename: a-flat.vmdk'* ]]
	vm-img convert -f vmdk -O raw a.vmdk out
	cmp out <(head -c 1M /dev/zero)
}

@test 'descriptors of other kinds: what is not supported is said by name' {
	local line kind
	descriptor() {
		printf '# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="%s"\n%s\n' "$1" "$2" >a.vmdk
	}
	head -c 1M /dev/urandom >x-flat.vmdk
	for line in 'RW 1 VMFSSPARSE "x"' 'RW 1 SESPARSE "x"' 'RW 1 VMFSRDM "x"' 'RW 1 VMFSRAW "x"'; do
		descriptor vmfs "$line"
		run -1 vm-img info -f vmdk a.vmdk
		[[ $output = *"type $(cut -d' ' -f3 <<<"$line") "* ]]
	done
	for kind in fullDevice partitionedDevice vmfsSparse seSparse ''; do
		descriptor "$kind" 'RW 2048 FLAT "x-flat.vmdk" 0'
		run -1 vm-img info -f vmdk a.vmdk
		[[ $output = *"type $kind"* ]]
	done
	for line in 'RW 0 FLAT "x-flat.vmdk" 0' 'RW -1 FLAT "x-flat.vmdk" 0' 'RW 99999999999999999999 FLAT "x-flat.vmdk" 0' \
		'RW 2049 FLAT "x-flat.vmdk" 0' 'RW 2048 FLAT "x-flat.vmdk" 1' 'RW 2048 FLAT "x-flat.vmdk' 'RW 1 FLAT "missing" 0' \
		'RW 1 FLAT "x-flat.vmdk" -1' 'RW 9223372036854775807 FLAT "x-flat.vmdk" 0' 'NOACCESS 1 ZERO' 'RW 2048 SPARSE "x-flat.vmdk"' \
		'RW 2048 FLAT "a.vmdk" 0'; do
		descriptor monolithicFlat "$line"
		run -1 vm-img convert -f vmdk -O raw a.vmdk out
	done
	# What ESX calls VMFS is flat here; extents may begin within a file, be of zeroes, or not be written.
	descriptor vmfs $'RW 1024 VMFS "x-flat.vmdk"\nRW 512 ZERO\nRDONLY 512 FLAT "x-flat.vmdk" 1536'
	vm-img convert -f vmdk -O raw a.vmdk out
	cmp out <(head -c 512K x-flat.vmdk; head -c 256K /dev/zero; tail -c 256K x-flat.vmdk)
	imgio -f vmdk a.vmdk 'write 0 512K 7'
	run ! imgio -f vmdk a.vmdk 'write 512K 512 7'
	run ! imgio -f vmdk a.vmdk 'write 768K 512 7'
	[[ $output = *'Read-only'* ]]
}

@test 'tables that are missing are made, and the redundant ones kept the same' {
	qemu-img create -q -f vmdk a.vmdk 5M
	le 10752 4 0 # the entries of both directories
	le 13312 4 0
	imgio -f vmdk a.vmdk 'read 0 5M 0' 'write 100000 1000 1'
	modelled 'write -P 1 100000 1000'
	same
	vm-img convert -f vmdk -O raw a.vmdk out
	imgio -f vmdk a.vmdk 'write 4M 1M 2'
	modelled 'write -P 2 4M 1M'
	same
	# The primary directory is not looked at any more: what the other says must be the same.
	le 56 8 21
	same
}

@test 'check: grains and tables out of place are errors, a stale redundant table is none' {
	qemu-img create -q -f vmdk a.vmdk 5M
	qemu-io -f vmdk -c 'write -q -P 1 0 1M' a.vmdk
	modelled 'write -P 1 0 1M'
	cp a.vmdk good
	# The tables are at sectors 22 (redundant) and 27.
	le 13824 4 0x7fffffff
	run vm-img check -f vmdk a.vmdk
	[ "$status" -eq 2 ]
	[[ $output = *'lies beyond the file'* ]]
	run -1 vm-img convert -f vmdk -O raw a.vmdk out
	cp good a.vmdk
	le 13824 4 256
	run vm-img check -f vmdk a.vmdk
	[ "$status" -eq 2 ]
	[[ $output = *"is another one's, too"* ]]
	cp good a.vmdk
	le 13312 4 0x00ffffff
	run vm-img check -f vmdk a.vmdk
	[ "$status" -eq 2 ]
	cp good a.vmdk
	le 11264 4 0
	run vm-img check -f vmdk a.vmdk
	[ "$status" -eq 3 ]
	vm-img check -r leaks -f vmdk a.vmdk
	same
	cmp a.vmdk good
}

@test 'headers that make no sense are refused' {
	local field
	qemu-img create -q -f vmdk a.vmdk 5M
	cp a.vmdk good
	for field in '0 4 1' '4 4 4' '12 8 0x7fffffffffffffff' '20 8 0' '20 8 3' '20 8 0x4000000' '28 8 0x7fffffffffffff' '36 8 0xffffffff' \
		'44 4 0' '44 4 513' '48 8 0x7fffffffffffffff' '56 8 1000' '56 8 -1' '64 8 1000' '73 1 0' '77 2 2'; do
		cp good a.vmdk
		le $field
		run -1 vm-img info -f vmdk a.vmdk
		[[ $output = *'Could not open '*a.vmdk* ]]
	done
}

@test 'a version that tracks changes is read, but not written' {
	qemu-img create -q -f vmdk a.vmdk 5M
	le 4 4 3
	vm-img compare -q -f raw -F vmdk model a.vmdk
	run ! imgio -f vmdk a.vmdk 'write 0 512 1'
	[[ $output = *'must be read only'* ]]
}
