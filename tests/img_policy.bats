#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# What vm-img opens: what it was given, and what a format that was said leads to. Images from strangers that name files of the
# host get none of them (CVE-2008-2004, CVE-2024-4467, CVE-2024-32498, CVE-2026-24708).
load lib

setup() {
	need qemu-img qemu-io
	cd "$T" || return
	ln -s "$BIN/vm-img" qemu-img
	echo 'top secret' >secret
	truncate -s 64k secret
}

# refused REGEX WORD...: vm-img fails with one line that matches, and opened nothing called secret.
refused() {
	local regex=$1
	shift
	run strace -E ASAN_OPTIONS=detect_leaks=0 -f -qq -e trace=open,openat,openat2 -o trace vm-img "$@"
	((status != 0)) || { echo "vm-img $* did it"; return 1; }
	[[ $output =~ $regex ]] || { echo "$output"; return 1; }
	! grep secret trace
}

# of_stranger NAME: a "raw" disk whose guest wrote a qcow2 header to it, which names a file of the host.
of_stranger() {
	command qemu-img create -q -f qcow2 -u -b "$PWD/secret" -F raw "$1" 64k
	chmod 644 "$1"
}

@test "the probing attack: what a guest wrote into its raw disk opens nothing" {
	need strace
	of_stranger disk
	local guessed="the image's format was guessed.*give -f qcow2, or --follow"
	refused "$guessed" convert -O raw disk out
	refused "$guessed" compare disk disk
	refused "$guessed" map disk
	refused "$guessed" dd if=disk of=out
	refused "$guessed" resize disk +1M
	refused "$guessed" rebase -b '' disk
	refused "$guessed" commit disk
	refused "$guessed" bench -c 1 disk
	refused "$guessed" measure -O qcow2 disk
	refused "$guessed" info --backing-chain disk
	[ ! -e out ]
	# What it is said to be, it is.
	vm-img convert -f raw -O raw disk out
	cmp -n "$(stat -c %s disk)" disk out
	vm-img resize -q -f raw disk 1M
	cmp -n "$(stat -c %s out)" disk out
}

@test "info never follows, and says what is named" {
	need strace
	of_stranger disk
	strace -E ASAN_OPTIONS=detect_leaks=0 -f -qq -e trace=open,openat,openat2 -o trace vm-img info disk >out
	grep -q "^backing file: $PWD/secret" out
	! grep secret trace
	command qemu-img create -q -f qcow2 -o data_file=secret.data ext 1M
	strace -E ASAN_OPTIONS=detect_leaks=0 -f -qq -e trace=open,openat,openat2 -o trace vm-img info -f qcow2 ext >out
	grep -q 'data file: secret.data' out
	! grep secret trace
}

@test "a data file that a guessed image names is not opened (CVE-2024-4467, CVE-2024-32498)" {
	need strace
	command qemu-img create -q -f qcow2 -o data_file=secret.data,data_file_raw=on ext 64k
	for cmd in 'convert -O raw ext out' 'map ext' 'dd if=ext of=out' 'compare ext ext' 'resize ext 1M'; do
		refused 'format was guessed.*\(give -f, or --follow\)' $cmd
	done
	# json: and protocols within the image are no names of files, even when its format is said.
	for name in 'json:{"driver":"file","filename":"secret"}' 'nbd://127.0.0.1:1/x' 'fd:0'; do
		command qemu-img create -q -f qcow2 -u -b "$name" -F raw over 64k
		refused 'is not a file, and protocols are not spoken here' map -f qcow2 over
		(ln -sf over over.img && cd / && refused 'is not a file' map -f qcow2 "$T/over.img")
	done
}

@test "--follow, and being called qemu-img, follow as qemu-img does" {
	of_stranger disk
	run -0 vm-img convert --follow -O raw disk out
	cmp out secret
	rm out
	run -0 ./qemu-img convert -O raw disk out
	cmp out secret
	# A backing format that is not recorded is guessed by them alone.
	command qemu-img create -q -f qcow2 -u -b secret -F raw over 64k
	command qemu-img create -q -f qcow2 -o compat=0.10 old 64k
	unrecorded
	run -0 ./qemu-img map --output=json old
	run -0 vm-img map --follow -f qcow2 old
	run -1 vm-img map -f qcow2 old
	[ "$output" = 'vm-img: old: backing image secret: its format is not recorded: record it by rebase -u -b BACKING -F FORMAT' ]
	run -0 vm-img rebase -u -f qcow2 -b secret -F raw old
	run -0 vm-img map -f qcow2 old
}

# unrecorded: make "old" name its backing image "secret" without a format, as QEMU did before 6.1.
unrecorded() {
	local bytes=''
	bytes=$(printf '\\x%02x' 0 0 0 0 0 0 2 0 0 0 0 6)
	# shellcheck disable=SC2059 # a format of bytes
	printf "$bytes" | dd of=old bs=1 seek=8 conv=notrunc status=none
	printf secret | dd of=old bs=1 seek=512 conv=notrunc status=none
	[[ $(command qemu-img info old) = *'backing file: secret'* ]]
}

@test "create: the backing format is to be said, and is recorded" {
	run -1 vm-img create -f qcow2 -b secret over
	[ "$output" = 'vm-img: over: the format of the backing image is not said: -F gives it' ]
	run -1 ./qemu-img create -f qcow2 -b secret over
	run -1 vm-img create -f qcow2 -b secret -F foo over
	vm-img create -q -f qcow2 -b secret -F raw over
	run -0 command qemu-img info over
	[[ $output = *'virtual size: 64 KiB'*'backing file: secret'*'backing file format: raw'* ]]
	run -1 vm-img create -f qcow2 -b nowhere -F raw new
	[ ! -e new ]
	vm-img create -q -u -f qcow2 -b nowhere -F raw new 1M
	run -1 vm-img create -f qcow2 -b over -F qcow2 over
	[[ $output = *'would be its own backing image' ]]
	command qemu-img check -q over
}

@test "what is said to be raw is raw, in a chain too" {
	of_stranger inner
	vm-img create -q -f qcow2 -b inner -F raw over
	vm-img convert -f qcow2 -O raw over out
	cmp -n "$(stat -c %s inner)" out inner
}

@test "chains that name themselves end, as do long ones" {
	command qemu-img create -q -f qcow2 -u -b ./self -F qcow2 self 1M
	run -1 timeout 60 vm-img map -f qcow2 self
	[ "$output" = 'vm-img: self: backing image ./self: it is in this chain already, which would have no end' ]
	command qemu-img create -q -f qcow2 -u -b b -F qcow2 a 1M
	command qemu-img create -q -f qcow2 -u -b ./a -F qcow2 b 1M
	run -1 timeout 60 vm-img info -f qcow2 --backing-chain a
	[ "$output" = 'vm-img: b: backing image ./a: it is in this chain already, which would have no end' ]
	ln a c
	command qemu-img rebase -u -b c -F qcow2 b
	run -1 timeout 60 ./qemu-img map b
	[[ $output = *'already'* ]]
	command qemu-img create -q -f qcow2 l0 1M
	for ((n = 1; n <= 64; n++)); do
		vm-img create -q -u -f qcow2 -b l$((n - 1)) -F qcow2 l$n 1M
	done
	vm-img map -f qcow2 l63
	run -1 vm-img map -f qcow2 l64
	[ "$output" = 'vm-img: l1: backing image l0: more than 64 images in a chain' ]
}

@test "only files and block devices are opened, and nothing waits" {
	mkfifo fifo
	mkdir dir
	for name in fifo /dev/null /dev/zero; do
		run -1 timeout 60 vm-img info $name
		[ "$output" = "vm-img: Could not open '$name': neither a file nor a block device" ]
		command qemu-img create -q -f qcow2 -u -b $name -F raw over 1M
		run -1 timeout 60 vm-img map -f qcow2 over
		[ "$output" = "vm-img: over: backing image $name: neither a file nor a block device" ]
	done
	run -1 vm-img info dir
	[ "$output" = "vm-img: Could not open 'dir': Is a directory" ]
}

@test "names are relative to the image that has them; a colon is a protocol's unless ./ is before it" {
	mkdir one two
	vm-img create -q -f raw one/base 1M
	(cd one && vm-img create -q -f qcow2 -b base -F raw mid)
	vm-img create -q -f qcow2 -b ../one/mid -F qcow2 two/top
	run -0 vm-img info -f qcow2 --backing-chain two/top
	[[ $output = *'backing file: ../one/mid (actual path: two/../one/mid)'*'image: two/../one/base'* ]]
	vm-img create -q -f raw ./a:b 1M
	run -1 vm-img info a:b
	[ "$output" = "vm-img: Could not open 'a:b': a: is not a file, and protocols are not spoken here (./ before the name of a file)" ]
	run -0 vm-img info ./a:b
	run -0 vm-img info file:./a:b
	for name in json:{} nbd:localhost:1 nbd+unix:///x ssh://x/y rbd:x/y http://x/y iscsi://x/y; do
		run -1 vm-img info "$name"
		[[ $output = *'is not a file, and protocols'* ]]
	done
}

@test "--image-opts: a format, a file, and what is below; no more" {
	of_stranger disk
	run -0 vm-img info --image-opts driver=raw,file.filename=disk
	[[ $output = *'file format: raw'* ]]
	run -0 vm-img map --image-opts driver=qcow2,file.driver=file,file.filename=disk --output=json
	truncate -s 64k a,b
	run -0 vm-img info --image-opts driver=raw,file.filename=a,,b
	[[ $output = *'image: a,b'* ]]
	vm-img create -q -f raw other 64k
	vm-img convert --image-opts -O raw driver=qcow2,file.filename=disk,backing.driver=raw,backing.file.filename=other out
	cmp out other
	for words in driver=nbd,file.filename=x driver=raw,file.filename=disk,file.driver=nbd driver=raw,size=1 driver=raw foo; do
		run -1 vm-img info --image-opts $words
		[ "${#lines[@]}" -eq 1 ]
	done
	run -1 vm-img info --image-opts -f raw driver=raw,file.filename=disk
	[[ $output = *'one of them alone' ]]
}

@test "locks: who writes keeps others out, readers keep writers out, and all of a chain is held" {
	command qemu-img create -q -f qcow2 base 1M
	command qemu-img create -q -f qcow2 -b base -F qcow2 top
	hold() {
		(fresh && exec qemu-io "$@" -f qcow2 -c 'sleep 100000' base) >/dev/null 2>&1 &
		pids[holder]=$!
		until grep -q "$(stat -c %i base)" /proc/locks; do :; done
	}
	hold -r
	run -0 vm-img map -f qcow2 top
	run -1 vm-img resize -q -f qcow2 base 2M
	[[ $output = "vm-img: Could not open 'base': another QEMU"* ]]
	kill -KILL "${pids[holder]}"
	wait "${pids[holder]}" || :
	hold
	run -1 vm-img map -f qcow2 top
	[[ $output = 'vm-img: top: backing image base: another QEMU, kvm-run or vm-img is writing to this image'*'-U reads it all the same' ]]
	run -0 vm-img map -U -f qcow2 top
	run -1 ./qemu-img map top
	run -0 ./qemu-img map --force-share top
}
