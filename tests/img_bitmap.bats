#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# vm-img bitmap, judged by qemu-img and by qemu-nbd, which tells what is set in a bitmap.
load lib

setup() {
	need qemu-img qemu-io
	cd "$T" || return
	qemu-img create -q -f qcow2 a.qcow2 64M
}

sound() {
	vm-img check -q "${1:-a.qcow2}" && qemu-img check -q "${1:-a.qcow2}"
}

# bitmaps [FILE]: name, granularity and flags of each, as qemu-img reads them.
bitmaps() {
	qemu-img info --output=json "${1:-a.qcow2}" | tr -d ' \n' | grep -o '"bitmaps":\[.*\]' | sed 's/,"refcount-bits.*//' |
		grep -o '{[^}]*}' | sed -E 's/\{"flags":\[([^]]*)\],"name":"([^"]*)","granularity":([0-9]+)\}/\2 \3 \1/'
}

# dirty BITMAP [FILE]: ranges of the disk that are set, as QEMU reads them.
dirty() {
	qemu-nbd -r -t -f qcow2 -B "$1" -k "$T/nbd" "${2:-a.qcow2}" &
	local server=$! tries=500
	until [[ -S $T/nbd ]]; do
		((tries-- > 0)) || return 1
		read -rt 0.01 <> <(:) || :
	done
	qemu-img map --output=json --image-opts "driver=nbd,server.type=unix,server.path=$T/nbd,x-dirty-bitmap=qemu:dirty-bitmap:$1" |
		tr -d ' ' | grep -o '"start":[0-9]*,"length":[0-9]*,.*"data":false' | sed -E 's/"start":([0-9]*),"length":([0-9]*),.*/\1+\2/' | tr '\n' ' '
	kill "$server"
	wait "$server" || :
	rm -f "$T/nbd"
}

@test "added, removed, enabled, disabled" {
	vm-img bitmap --add a.qcow2 b0
	vm-img bitmap --add -g 4k --disable a.qcow2 b1
	qemu-img bitmap --add a.qcow2 b2
	sound
	[[ $(bitmaps) = $'b0 65536 "auto"\nb1 4096 \nb2 65536 "auto"' ]]
	vm-img bitmap --enable a.qcow2 b1
	vm-img bitmap --disable a.qcow2 b2
	vm-img bitmap --remove a.qcow2 b0
	[[ $(bitmaps) = $'b1 4096 "auto"\nb2 65536 ' ]]
	sound
	vm-img bitmap --remove a.qcow2 b1
	vm-img bitmap --remove a.qcow2 b2
	[[ -z $(bitmaps) ]]
	sound
	qemu-img bitmap --add a.qcow2 b3
	sound
}

@test "what QEMU noted is kept, merged, cleared" {
	need qemu-nbd
	vm-img bitmap --add -g 64k a.qcow2 b0
	qemu-io -c 'write -q 1M 128k' -c 'write -q 63M 1M' a.qcow2
	[[ $(dirty b0) = '1048576+131072 66060288+1048576 ' ]]
	vm-img bitmap --add -g 1M a.qcow2 coarse
	vm-img bitmap --add -g 4k a.qcow2 fine
	vm-img bitmap --merge b0 a.qcow2 coarse
	vm-img bitmap --merge b0 a.qcow2 fine
	[[ $(dirty coarse) = '1048576+1048576 66060288+1048576 ' ]]
	[[ $(dirty fine) = "$(dirty b0)" ]]
	vm-img bitmap --clear a.qcow2 b0
	[[ -z $(dirty b0) ]]
	qemu-io -c 'write -q 8M 64k' a.qcow2
	vm-img bitmap --merge fine a.qcow2 b0
	[[ $(dirty b0) = '1048576+131072 8388608+65536 66060288+1048576 ' ]]
	sound
}

@test "merged from another image" {
	need qemu-nbd
	qemu-img create -q -f qcow2 b.qcow2 64M
	qemu-img bitmap --add b.qcow2 theirs
	qemu-io -c 'write -q 2M 64k' b.qcow2
	cp b.qcow2 before
	vm-img bitmap --add --merge theirs -b b.qcow2 -F qcow2 a.qcow2 ours
	cmp b.qcow2 before
	[[ $(dirty ours) = '2097152+65536 ' ]]
	sound
	qemu-img resize -q b.qcow2 65M
	run -1 vm-img bitmap --merge theirs -b b.qcow2 -F qcow2 a.qcow2 ours
	[[ $output = *'different sizes'* ]]
	sound
}

@test "many, with small clusters and narrow refcounts" {
	local options n
	for options in cluster_size=4k refcount_bits=1; do
		qemu-img create -q -f qcow2 -o "$options" m.qcow2 8M
		for n in 1 2 3 4 5 6 7 8; do
			vm-img bitmap --add -g 512 m.qcow2 "bitmap $n"
		done
		qemu-io -c 'write -q 0 8M' m.qcow2
		sound m.qcow2
		for n in 1 3 5 7; do
			vm-img bitmap --remove m.qcow2 "bitmap $n"
		done
		vm-img bitmap --merge 'bitmap 2' m.qcow2 'bitmap 4'
		sound m.qcow2
		[[ $(bitmaps m.qcow2 | wc -l) = 4 ]]
	done
}

@test "one that was not saved can only be removed" {
	vm-img bitmap --add a.qcow2 b0
	# Its flags, in the directory, which the header's extension tells: in use.
	local at
	at=$(($(grep -obUaP '\x23\x85\x28\x75' a.qcow2 | cut -d: -f1) + 24))
	at=$((16#$(od -An -v -t x1 -j "$at" -N 8 a.qcow2 | tr -d ' ')))
	printf '\3' | dd of=a.qcow2 bs=1 seek=$((at + 15)) conv=notrunc status=none
	run -1 vm-img bitmap --clear a.qcow2 b0
	[[ $output = *'inconsistent'* ]]
	vm-img bitmap --remove a.qcow2 b0
	sound
}

@test "whoever writes here makes those that are enabled untrue, and leaves the others" {
	vm-img bitmap --add a.qcow2 b0
	vm-img bitmap --add --disable a.qcow2 b1
	imgio -f qcow2 a.qcow2 'read 0 64k'
	[[ $(bitmaps) = $'b0 65536 "auto"\nb1 65536 ' ]]
	imgio -f qcow2 a.qcow2 'write 0 64k 1'
	[[ $(bitmaps) = $'b0 65536 "in-use","auto"\nb1 65536 ' ]]
	sound
	vm-img bitmap --add --merge b1 a.qcow2 b2
	run -1 vm-img bitmap --merge b0 a.qcow2 b2
	imgio -f qcow2 a.qcow2 'resize 65M'
	sound || vm-img check -q -r leaks a.qcow2
	[[ -z $(bitmaps) ]]
}

@test "what cannot be: clear errors, the same as qemu-img's, and no change" {
	vm-img bitmap --add a.qcow2 b0
	cp a.qcow2 before
	local words
	for words in '--add a.qcow2 b0' '--remove a.qcow2 none' '--add -g 1000 a.qcow2 b1' '--add -g 256 a.qcow2 b1' '--add -g 4G a.qcow2 b1' \
		'--merge none a.qcow2 b0' 'a.qcow2 b0' '--add a.qcow2' '--add -b x a.qcow2 b1' '--add -F raw a.qcow2 b1' '--disable -g 4k a.qcow2 b0'; do
		# shellcheck disable=SC2086 # words
		run -1 vm-img bitmap $words
		cmp a.qcow2 before
		# shellcheck disable=SC2086
		[[ ${output#vm-img: } = "$(qemu-img bitmap $words 2>&1 | sed 's/^qemu-img: //')" ]] || { echo "$output"; return 1; }
		cp before a.qcow2
	done
	qemu-img create -q -f qcow2 -o compat=0.10 v2.qcow2 1M
	run -1 vm-img bitmap --add v2.qcow2 b0
	[[ $output = *'Cannot store dirty bitmaps in qcow2 v2 files' ]]
	truncate -s 1M a.raw
	run -1 vm-img bitmap --add -f raw a.raw b0
	vm-img bitmap --add -g 512 a.qcow2 "$(printf '%01023d' 1)"
	run -1 vm-img bitmap --add a.qcow2 "$(printf '%01024d' 1)"
	qemu-img create -q -f qcow2 huge.qcow2 4T
	run -1 vm-img bitmap --add -g 512 huge.qcow2 b0
	sound
}
