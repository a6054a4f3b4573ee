#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# vm-img commit: the base has then what the image on top had, whatever the sizes; what qemu-img does to a copy is what is meant.
load lib

setup() {
	need qemu-img qemu-io
	cd "$T" || return
}

# chain FORMAT BASE MID TOP: base, mid and top of these sizes, with data, zeroes and holes over each other.
chain() {
	qemu-img create -q -f $1 base $2
	qemu-io -f $1 -c 'write -q -P 1 0 1M' base
	qemu-img create -q -f qcow2 -b base -F $1 mid $3
	qemu-io -c 'write -q -P 2 64k 128k' -c 'write -q -z 256k 64k' -c 'write -q -P 3 700k 10k' mid
	qemu-img create -q -f qcow2 -b mid -F qcow2 top $4
	qemu-io -c 'write -q -P 4 100k 100k' -c 'write -q -z 512k 128k' top
	for image in base mid top; do qemu-img convert -O raw $image was.$image; done
}

# holds IMAGE FORMAT RAW: its disk is what a raw image has, and it is sound.
holds() {
	[[ $2 = raw ]] || qemu-img check -q -f "$2" "$1"
	qemu-img compare -f "$2" -F raw "$1" "$3"
}

@test "commit: into the image below, which others still have; the top is empty then" {
	local format
	for format in qcow2 raw qed; do
		rm -f base mid top
		chain $format 2M 2M 2M
		run -0 vm-img commit -f qcow2 top
		[ "$output" = 'Image committed.' ]
		holds mid qcow2 was.top
		holds top qcow2 was.top
		holds base $format was.base
		[ "$(qemu-img map top --output=json | grep -c '"depth": 0')" -eq 0 ]
		run -0 vm-img commit -q -f qcow2 mid
		[ ! "$output" ]
		holds base $format was.top
		holds top qcow2 was.top
	done
}

@test "commit: -d leaves the top as it is; -b goes further down, through shorter images" {
	chain qcow2 2M 2M 2M
	cp top top.old
	vm-img commit -q -d -f qcow2 top
	cmp top top.old
	holds mid qcow2 was.top
	for sizes in '2M 2M 2M' '2M 1M 2M' '1M 2M 3M' '3M 2M 2M' '2M 768k 1M'; do
		rm -f base mid top
		chain qcow2 $sizes
		cp top top.old
		vm-img commit -q -f qcow2 -b base top
		cmp top top.old
		head -c "$(stat -c %s was.top)" <(qemu-img convert -O raw base now; cat now) | cmp - was.top
		qemu-img check -q base
	done
}

@test "commit: a shorter base becomes as long as the top, a raw one too" {
	chain raw 1M 3M 3M
	vm-img commit -q -f qcow2 top
	vm-img commit -q -f qcow2 mid
	cmp base was.top
}

@test "commit: what cannot be is refused, and changes nothing" {
	chain qcow2 2M 2M 2M
	sums=$(sha256sum base mid top)
	run -1 vm-img commit -f qcow2 base
	[ "$output" = 'vm-img: base: Image does not have a backing file' ]
	run -1 vm-img commit -f qcow2 -b other top
	[ "$output" = 'vm-img: top: not in its backing chain: other' ]
	run -1 vm-img commit top
	[[ $output = *'give -f qcow2, or --follow' ]]
	(fresh && exec qemu-io -r -f qcow2 -c 'sleep 100000' mid) >/dev/null 2>&1 &
	pids[holder]=$!
	until grep -q "$(stat -c %i mid)" /proc/locks; do :; done
	run -1 vm-img commit -f qcow2 top
	[[ $output = *'mid: another QEMU'* ]]
	[ "$(sha256sum base mid top)" = "$sums" ]
}

@test "commit: an end in the middle leaves the top's disk as it was, and all of it to be done" {
	chain qcow2 2M 2M 2M
	(ulimit -f 1; trap '' XFSZ; run -1 vm-img commit -f qcow2 top; [[ $output = *'File too large' ]])
	qemu-img check -q top
	qemu-img compare -f qcow2 -F raw top was.top
	vm-img check -q -r leaks mid || :
	vm-img commit -q -f qcow2 top
	holds mid qcow2 was.top
}

@test "commit: with -p it says how far it is" {
	chain qcow2 2M 2M 2M
	run -0 vm-img commit -p -f qcow2 top
	[[ $output = *'(100.00/100%)'*'Image committed.' ]]
}
