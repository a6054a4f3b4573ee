#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# vm-img resize: longer, shorter, by how much; what is refused; and that nothing old comes to light.
load lib

setup() {
	need qemu-img qemu-io
	cd "$T" || return
}

# size FILE: its disk's size, as QEMU sees it.
size() {
	qemu-img info --output=json "$1" | jq '."virtual-size"'
}

@test "resize: as qemu-img does, of each format that it resizes" {
	need jq
	local format
	for format in raw qcow2 qed; do
		qemu-img create -q -f $format x 3M
		qemu-io -f $format -c 'write -q -P 5 0 3M' x
		run -0 vm-img resize -f $format x 5M
		[ "$output" = 'Image resized.' ]
		[ "$(qemu-img info -f $format --output=json x | jq '."virtual-size"')" -eq $((5 << 20)) ]
		run -0 vm-img resize -q -f $format x +1M
		[ ! "$output" ]
		qemu-io -f $format -c 'read -q -P 5 0 3M' -c 'read -q -P 0 3M 3M' x
		[ "$(qemu-io -f $format -c 'read -P 5 0 3M' -c 'read -P 0 3M 3M' x | grep -c failed)" -eq 0 ]
		[[ $format = raw ]] || qemu-img check -q -f $format x
	done
}

@test "resize: shorter only with --shrink, whatever follows the size" {
	need jq
	qemu-img create -q -f qcow2 x 8M
	qemu-io -c 'write -q -P 5 0 8M' x
	run -1 vm-img resize -f qcow2 x 4M
	[ "${lines[*]}" = "vm-img: x: Use the --shrink option to perform a shrink operation: what lies past the new end will be lost" ]
	run -1 vm-img resize -f qcow2 x -4M
	run -0 vm-img resize -f qcow2 --shrink x -4M
	[ "$(size x)" -eq $((4 << 20)) ]
	qemu-img check -q x
	vm-img resize -q -f qcow2 x 8M
	[ "$(qemu-io -c 'read -P 5 0 4M' -c 'read -P 0 4M 4M' x | grep -c failed)" -eq 0 ]
	truncate -s 4M raw
	vm-img resize -q --shrink -f raw raw 1M
	[ "$(stat -c %s raw)" -eq $((1 << 20)) ]
	# Whole sectors, as QEMU's disks are.
	vm-img resize -q -f raw raw 2000001
	[ "$(stat -c %s raw)" -eq 2000384 ]
}

@test "resize: sizes that are none, formats that are not resized, locks" {
	qemu-img create -q -f qcow2 x 2M
	cp x old
	for size in abc +xx 1Q -2M -3M +7E; do
		run -1 vm-img resize -f qcow2 x "$size"
		[ "${#lines[@]}" -eq 1 ]
	done
	run -1 vm-img resize --preallocation=bogus -f qcow2 x 4M
	run -1 vm-img resize --shrink --preallocation=full -f qcow2 x 1M
	[ "$output" = 'vm-img: x: Preallocation can only be used for growing images' ]
	cmp x old
	qemu-img create -q -f vdi v 2M
	run -1 vm-img resize -f vdi v 4M
	[[ $output = *'images of format vdi are not resized here' ]]
	chmod 444 x
	((EUID == 0)) || run -1 vm-img resize -f qcow2 x 4M
}

@test "resize: preallocation of what is new" {
	local how
	for how in metadata falloc full; do
		qemu-img create -q -f qcow2 x 1M
		vm-img resize -q -f qcow2 --preallocation=$how x 5M
		qemu-img check -q x
		[ "$(qemu-io -c 'read -P 0 0 5M' x | grep -c failed)" -eq 0 ]
		[[ $how = metadata ]] || [ "$(stat -c %b x)" -ge $((4 << 11)) ]
	done
	truncate -s 1M raw
	vm-img resize -q -f raw --preallocation=full raw 3M
	[ "$(stat -c %b raw)" -ge $((2 << 11)) ]
}

@test "resize: what a longer backing image has past the old end does not come to light" {
	qemu-img create -q -f qcow2 base 4M
	qemu-io -c 'write -q -P 9 0 4M' base
	qemu-img create -q -f qcow2 -b base -F qcow2 top 1M
	vm-img resize -q -f qcow2 top 3M
	[ "$(qemu-io -c 'read -P 9 0 1M' -c 'read -P 0 1M 2M' top | grep -c failed)" -eq 0 ]
	vm-img resize -q -f qcow2 top 6M
	[ "$(qemu-io -c 'read -P 9 0 1M' -c 'read -P 0 1M 5M' top | grep -c failed)" -eq 0 ]
	qemu-img check -q top
}
