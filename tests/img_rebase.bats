#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# vm-img rebase: another backing image, the same disk; -u: only another name.
load lib

setup() {
	need qemu-img qemu-io
	cd "$T" || return
}

# images OLD NEW TOP: top of that size on old; new is another image, alike in part.
images() {
	qemu-img create -q -f qcow2 old $1
	qemu-io -c 'write -q -P 1 0 512k' -c 'write -q -P 2 600k 40k' old
	qemu-img create -q -f qcow2 new $2
	qemu-io -c 'write -q -P 1 0 256k' -c 'write -q -P 3 256k 128k' -c 'write -q -P 5 768k 64k' new
	qemu-img create -q -f qcow2 -o cluster_size=${4-64k} -b old -F qcow2 top $3
	qemu-io -c 'write -q -P 4 100k 100k' -c 'write -q -z 512k 20k' top
	qemu-img convert -O raw top was
}

# rebased NAME: it is top's backing image now, and its disk is as it was.
rebased() {
	qemu-img check -q top
	qemu-img compare -q -f qcow2 -F raw top was
	[ "$(qemu-img info top | sed -n 's/^backing file: //p')" = "$1" ]
}

@test "rebase: onto another image, shorter, longer, of another format, and back" {
	local sizes cluster
	for cluster in 64k 4k 512; do
		for sizes in '1M 1M 1M' '1M 900k 2M' '1M 4M 3M' '800k 2M 1M' '2M 840k 1M'; do
			rm -f old new top
			images $sizes $cluster
			run -0 vm-img rebase -f qcow2 -b new -F qcow2 top
			[ ! "$output" ]
			rebased new
			vm-img rebase -f qcow2 -b old -F qcow2 top
			rebased old
		done
	done
	qemu-img convert -O raw new new.raw
	vm-img rebase -f qcow2 -b new.raw -F raw top
	rebased new.raw
}

@test "rebase: onto none, which makes it stand alone" {
	images 1M 1M 2M
	vm-img rebase -f qcow2 -b '' top
	rebased ''
	rm old new
	qemu-img compare -q -f qcow2 -F raw top was
	[ "$(stat -c %b top)" -lt 4096 ]
}

@test "rebase: past an image of the chain, of which only what it has is copied" {
	qemu-img create -q -f qcow2 base 4M
	qemu-io -c 'write -q -P 1 0 4M' base
	qemu-img create -q -f qcow2 -b base -F qcow2 old
	qemu-io -c 'write -q -P 2 64k 64k' old
	qemu-img create -q -f qcow2 -b old -F qcow2 top
	qemu-img convert -O raw top was
	vm-img rebase -f qcow2 -b base -F qcow2 top
	rebased base
	[ "$(qemu-img map --output=json top | grep -c '"depth": 0')" -eq 1 ]
}

@test "rebase: alike is not copied" {
	images 1M 1M 1M
	cp old same
	vm-img rebase -f qcow2 -b same -F qcow2 top
	rebased same
	[ "$(qemu-img map --output=json top | grep -c '"depth": 0')" -eq 2 ]
}

@test "rebase -u: only the name, whether it is there or not, and how a format is recorded" {
	images 1M 1M 1M
	vm-img rebase -u -f qcow2 -b nowhere -F raw top
	[ "$(qemu-img info top | grep '^backing')" = $'backing file: nowhere\nbacking file format: raw' ]
	vm-img rebase -u -b old -F qcow2 top
	rebased old
	vm-img rebase -u -b '' top
	[ ! "$(qemu-img info top | grep '^backing')" ]
	qemu-img check -q top
}

@test "rebase: what cannot be is refused, and changes nothing" {
	images 1M 1M 1M
	sum=$(sha256sum top)
	refused() { run -1 vm-img rebase "${@:2}"; [ "${#lines[@]}" -eq 1 ]; [[ $output =~ ^vm-img:\ $1 ]] || { echo "$output"; return 1; }; }
	refused 'top: the format of the backing image is not said: -F' -f qcow2 -b new top
	refused "top: Invalid format name: 'foo'" -f qcow2 -b new -F foo top
	refused "Could not open 'nowhere': No such file" -f qcow2 -b nowhere -F qcow2 top
	refused 'top: would be its own backing' -f qcow2 -b ./top -F qcow2 top
	refused 'top: backing image old: the image.s format was guessed' -b new -F qcow2 top
	refused 'old: images of format raw have no backing' -f raw -b new -F qcow2 old
	refused "Could not open 'nbd:x': nbd: is not a file" -f qcow2 -b nbd:x -F raw top
	[ "$(sha256sum top)" = "$sum" ]
}

@test "rebase: an end in the middle leaves the disk as it was, on the old image" {
	images 4M 4M 4M
	qemu-io -c 'write -q -P 7 0 4M' old
	qemu-img convert -O raw top was
	(ulimit -f 1; trap '' XFSZ; run -1 vm-img rebase -f qcow2 -b new -F qcow2 top)
	vm-img check -q -r leaks top || :
	rebased old
	vm-img rebase -f qcow2 -b new -F qcow2 top
	rebased new
}
