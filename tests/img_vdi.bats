#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# VDI: made, written, checked by ours and by QEMU, in turn.
load lib

setup() {
	need qemu-img qemu-io
	cd "$T" || return
	truncate -s 5M model
}

# poke OFFSET VALUE: write a 32-bit number into a.vdi.
poke() {
	# shellcheck disable=SC2059 # a format of bytes
	printf "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($2 & 255)) $(($2 >> 8 & 255)) $(($2 >> 16 & 255)) $(($2 >> 24 & 255)))" |
		dd of=a.vdi bs=1 seek="$1" conv=notrunc status=none
}

# same: a.vdi holds what the model does, and both find no fault with it.
same() {
	qemu-img compare -q -f raw -F vdi model a.vdi
	vm-img compare -q -f raw -F vdi model a.vdi
	qemu-img check -q -f vdi a.vdi
	vm-img check -q -f vdi a.vdi
}

@test 'made by either, written by both in turn' {
	local maker kind
	for maker in vm-img qemu-img; do
		for kind in off on; do
			rm -f model a.vdi
			truncate -s 5M model
			$maker create -q -f vdi -o static=$kind a.vdi 5M
			same
			imgio -f vdi a.vdi 'write 700000 1000000 1' 'write 4M 512 2' 'zero 1M 4096 unmap'
			qemu-io -f raw -c 'write -q -P 1 700000 1000000' -c 'write -q -P 2 4M 512' -c 'write -q -z 1M 4096' model
			same
			qemu-io -f vdi -c 'write -q -P 3 3M 512' -c 'write -q -P 4 1000000 100000' a.vdi
			qemu-io -f raw -c 'write -q -P 3 3M 512' -c 'write -q -P 4 1000000 100000' model
			same
			imgio -f vdi a.vdi 'write 2M 1M 5' 'write 0 512 6' 'discard 3M 1M'
			qemu-io -f raw -c 'write -q -P 5 2M 1M' -c 'write -q -P 6 0 512' -c 'write -q -z 3M 1M' model
			same
		done
	done
}

@test 'info and map are as those of QEMU' {
	qemu-img create -q -f vdi a.vdi 5M
	qemu-io -f vdi -c 'write -q -P 1 1M 2M' -c 'write -q -P 1 4M 1M' a.vdi
	[ "$(vm-img info --output=json a.vdi)" = "$(qemu-img info --output=json a.vdi)" ]
	[ "$(vm-img map -f vdi a.vdi)" = "$(qemu-img map -f vdi a.vdi)" ]
}

@test 'a size that is no whole number of blocks, or none at all' {
	local size
	for size in 0 512 1048577 5242368; do
		vm-img create -q -f vdi a.vdi $size
		[[ $(qemu-img info --output=json a.vdi) = *"\"virtual-size\": $(((size + 511) / 512 * 512)),"* ]]
		qemu-img check -q -f vdi a.vdi
		vm-img check -q -f vdi a.vdi
	done
	vm-img create -q -f vdi a.vdi 1048577
	imgio -f vdi a.vdi 'write 1M 512 1' 'read 1M 512 1'
	run ! imgio -f vdi a.vdi 'write 1049088 1 1'
}

@test 'two disks never have one UUID' {
	vm-img create -q -f vdi a.vdi 1M
	vm-img create -q -f vdi b.vdi 1M
	! cmp <(dd if=a.vdi bs=1 skip=392 count=16 status=none) <(dd if=b.vdi bs=1 skip=392 count=16 status=none)
}

@test 'check finds what QEMU finds' {
	local at
	qemu-img create -q -f vdi a.vdi 5M
	qemu-io -f vdi -c 'write -q -P 1 0 3M' a.vdi
	cp a.vdi good
	for at in '512 1' '512 7' '388 9' '388 1'; do
		cp good a.vdi
		poke $at
		run qemu-img check -f vdi a.vdi
		[ "$status" -eq 2 ]
		run vm-img check -f vdi a.vdi
		# A block that nobody uses is lost space, not lost data.
		[[ $status -eq 2 || ($at = '388 9' && $status -eq 3) ]]
		[[ $output = *ERROR* ]]
	done
}

@test 'what is at fault is not written to' {
	qemu-img create -q -f vdi a.vdi 5M
	qemu-io -f vdi -c 'write -q -P 1 0 3M' a.vdi
	poke 512 1
	run ! imgio -f vdi a.vdi 'write 4M 512 1'
	[[ $output = *'share one'* ]]
	poke 512 7
	run ! imgio -f vdi a.vdi 'read 0 512'
	[[ $output = *'block 0 is said to be at 7 of 5'* ]]
}

@test 'a block that a cut has left is used again, or closed up by a repair' {
	qemu-img create -q -f vdi a.vdi 5M
	qemu-io -f vdi -c 'write -q -P 1 0 1M' -c 'write -q -P 2 1M 1M' -c 'write -q -P 3 2M 1M' a.vdi
	qemu-io -f raw -c 'write -q -P 1 0 1M' -c 'write -q -P 3 2M 1M' model
	poke 516 0xffffffff # the second block of the file is nobody's
	cp a.vdi leaking
	run vm-img check -f vdi a.vdi
	[ "$status" -eq 3 ]
	imgio -f vdi a.vdi 'write 4M 512 4' flush
	cp model model4
	qemu-io -f raw -c 'write -q -P 4 4M 512' model4
	qemu-img compare -q -f raw -F vdi model4 a.vdi
	qemu-img check -q -f vdi a.vdi
	cp leaking a.vdi
	vm-img check -r leaks -f vdi a.vdi
	same
	qemu-io -f vdi -c 'write -q -P 5 3M 1M' a.vdi
	qemu-io -f raw -c 'write -q -P 5 3M 1M' model
	same
	cp leaking a.vdi
	poke 388 2 # as QEMU would count: its next block would be one that is used
	run vm-img check -f vdi a.vdi
	[ "$status" -eq 2 ]
	vm-img check -r all -f vdi a.vdi
	qemu-io -f raw -c 'write -q -z 3M 1M' model
	same
}

@test 'images of a chain, of other versions, of other blocks are refused' {
	local at
	vm-img create -q -f vdi a.vdi 5M
	cp a.vdi good
	for at in '64 1' '68 0x20001' '76 4' '340 513' '344 1000' '360 4096' '376 4096' '380 8' '424 1' '440 1'; do
		cp good a.vdi
		poke $at
		run -1 vm-img info -f vdi a.vdi
		[[ $output = *'Could not open '*a.vdi* ]]
	done
}
