#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# vm-img snapshot, judged by qemu-img: what it makes QEMU goes back to and deletes, and the other way round.
load lib

setup() {
	need qemu-img qemu-io
	cd "$T" || return
}

# sound FILE...: both checkers have nothing to say.
sound() {
	local file
	for file; do
		vm-img check -q "$file" && qemu-img check -q "$file" || { qemu-img check "$file"; return 1; }
	done
}

# life OURS THEIRS OPTIONS: an image with snapshots that the first program makes and the second goes back to and deletes.
life() {
	qemu-img create -q -f qcow2 ${3:+-o "$3"} a.qcow2 8M
	qemu-io -c 'write -q -P 1 0 1M' a.qcow2
	"$1" snapshot -c one a.qcow2
	sound a.qcow2
	qemu-img convert -O raw a.qcow2 one.raw
	qemu-io -c 'write -q -P 2 512k 2M' -c 'write -q -z 0 128k' a.qcow2
	sound a.qcow2
	qemu-img convert -O raw a.qcow2 two.raw
	"$1" snapshot -c two a.qcow2
	qemu-io -c 'write -q -P 3 0 8M' a.qcow2
	qemu-img convert -O raw a.qcow2 now.raw
	sound a.qcow2
	qemu-img convert -l one -O raw a.qcow2 was.raw
	cmp was.raw one.raw
	"$2" snapshot -a one a.qcow2
	sound a.qcow2
	qemu-img compare -q a.qcow2 one.raw
	qemu-io -c 'write -q -P 4 3M 64k' a.qcow2
	"$2" snapshot -a two a.qcow2
	sound a.qcow2
	qemu-img compare -q a.qcow2 two.raw
	"$2" snapshot -d one a.qcow2
	sound a.qcow2
	"$1" snapshot -d two a.qcow2
	sound a.qcow2
	qemu-img compare -q a.qcow2 two.raw
	[[ -z $(vm-img snapshot -l a.qcow2) ]]
}

@test "a life of snapshots: cluster sizes, refcount widths, versions" {
	local options
	for options in '' compat=0.10 cluster_size=512 refcount_bits=4 refcount_bits=64 extended_l2=on lazy_refcounts=on preallocation=metadata; do
		life vm-img vm-img "$options"
	done
}

@test "the same, by both programs in turn" {
	life vm-img qemu-img ''
	life qemu-img vm-img ''
	life qemu-img vm-img compat=0.10
}

@test "compressed clusters are shared" {
	seq 300000 >numbers
	truncate -s 2M numbers
	qemu-img convert -c -f raw -O qcow2 numbers a.qcow2
	vm-img snapshot -c one a.qcow2
	sound a.qcow2
	qemu-io -c 'write -q -P 3 64k 1M' a.qcow2
	vm-img snapshot -a one a.qcow2
	sound a.qcow2
	qemu-img compare -q a.qcow2 numbers
	vm-img snapshot -d one a.qcow2
	sound a.qcow2
	qemu-img compare -q a.qcow2 numbers
}

@test "the list is qemu-img's" {
	export TZ=UTC
	qemu-img create -q -f qcow2 a.qcow2 1M
	[[ -z $(vm-img snapshot -l a.qcow2) ]]
	qemu-img snapshot -c one a.qcow2
	vm-img snapshot -c 'another, of a longer name than there is room' a.qcow2
	[[ $(vm-img snapshot -l a.qcow2) = "$(qemu-img snapshot -l a.qcow2)" ]]
	[[ $(vm-img snapshot a.qcow2) = *$'\n2         another, '* ]]
	run -0 vm-img snapshot -l -U a.qcow2
}

@test "names and IDs: back by either, ID first; deleted by name alone" {
	qemu-img create -q -f qcow2 a.qcow2 1M
	qemu-io -c 'write -q -P 1 0 4k' a.qcow2
	vm-img snapshot -c 2 a.qcow2
	qemu-io -c 'write -q -P 2 0 4k' a.qcow2
	vm-img snapshot -c second a.qcow2
	qemu-io -c 'write -q -P 3 0 4k' a.qcow2
	vm-img snapshot -a 2 a.qcow2
	[[ $(qemu-io -r -c 'read -v 0 1' a.qcow2) = *'00000000:  02 '* ]]
	run -1 vm-img snapshot -d 1 a.qcow2
	[[ $output = *"Could not delete snapshot '1': snapshot not found"* ]]
	vm-img snapshot -d 2 a.qcow2
	[[ $(vm-img snapshot -l a.qcow2) = *$'\n2         second'* ]]
	vm-img snapshot -c third a.qcow2
	[[ $(vm-img snapshot -l a.qcow2) = *$'\n3         third'* ]]
	sound a.qcow2
}

@test "the disk has another size by now" {
	qemu-img create -q -f qcow2 a.qcow2 1M
	qemu-io -c 'write -q -P 1 0 1M' a.qcow2
	vm-img snapshot -c small a.qcow2
	qemu-img resize -q a.qcow2 2G
	qemu-io -c 'write -q -P 2 1G 1M' a.qcow2
	vm-img snapshot -c large a.qcow2
	vm-img snapshot -a small a.qcow2
	[[ $(qemu-img info a.qcow2) = *'virtual size: 1 MiB'* ]]
	sound a.qcow2
	vm-img snapshot -a large a.qcow2
	[[ $(qemu-img info a.qcow2) = *'virtual size: 2 GiB'* ]]
	sound a.qcow2
	[[ $(qemu-io -r -c 'read -v 1G 1' a.qcow2) = *':  02 '* ]]
}

@test "refcounts that cannot hold one more: the image stays as it is" {
	qemu-img create -q -f qcow2 -o refcount_bits=1 a.qcow2 1M
	qemu-io -c 'write -q -P 1 0 64k' a.qcow2
	cp a.qcow2 before
	run -1 vm-img snapshot -c one a.qcow2
	[[ $output = *'refcount_bits'* ]]
	cmp a.qcow2 before
	qemu-img create -q -f qcow2 -o refcount_bits=2 a.qcow2 1M
	qemu-io -c 'write -q -P 1 0 64k' a.qcow2
	vm-img snapshot -c one a.qcow2
	vm-img snapshot -c two a.qcow2
	run -1 vm-img snapshot -c three a.qcow2
	sound a.qcow2
}

@test "what goes is given back to the file system" {
	qemu-img create -q -f qcow2 a.qcow2 64M
	qemu-io -c 'write -q -P 1 0 32M' a.qcow2
	vm-img snapshot -c one a.qcow2
	qemu-io -c 'write -q -P 2 0 32M' a.qcow2
	(($(stat -c %b a.qcow2) > 64 * 2048))
	vm-img snapshot -d one a.qcow2
	(($(stat -c %b a.qcow2) < 40 * 2048))
	sound a.qcow2
}

@test "of a state saved by QEMU all is kept" {
	need qemu-system-x86_64
	qemu-img create -q -f qcow2 a.qcow2 1M
	printf 'savevm state\nquit\n' | timeout 100 qemu-system-x86_64 -accel tcg -M pc -m 16 -nodefaults -display none -S -monitor stdio \
		-drive if=ide,file=a.qcow2 >/dev/null
	vm-img snapshot -l a.qcow2 >list
	grep -q state list
	vm-img snapshot -c more a.qcow2
	[[ $(vm-img snapshot -l a.qcow2 | head -n 3) = "$(<list)" ]]
	vm-img snapshot -d more a.qcow2
	sound a.qcow2
	printf 'info snapshots\nloadvm state\ninfo status\nquit\n' | timeout 100 qemu-system-x86_64 -accel tcg -M pc -m 16 -nodefaults -display none -S \
		-monitor stdio -drive if=ide,file=a.qcow2 >out
	! grep -i error out
}

@test "what cannot be: clear errors" {
	truncate -s 1M a.raw
	run -1 vm-img snapshot -f raw -c one a.raw
	[[ $output = *"Could not create snapshot 'one': images of format raw have none"* ]]
	qemu-img create -q -f qcow2 a.qcow2 1M
	run -1 vm-img snapshot -a none a.qcow2
	[[ $output = *"Could not apply snapshot 'none': snapshot not found"* ]]
	run -1 vm-img snapshot -a x -d y a.qcow2
	[[ $output = *"Cannot mix '-l', '-a', '-c', '-d'"* ]]
	run -1 vm-img snapshot -c "$(printf '%0300d' 1)" a.qcow2
	qemu-img create -q -f qcow2 -o data_file=data.raw d.qcow2 1M
	run -1 vm-img snapshot -f qcow2 -c one d.qcow2
	[[ $output = *'data file'* ]]
}
