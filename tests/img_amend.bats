#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# vm-img amend, judged by qemu-img: the option is changed, the disk is not, and the image is sound.
load lib

setup() {
	need qemu-img qemu-io
	cd "$T" || return
}

# image [-o OPTIONS]: a.qcow2 with data, zero clusters and some that are both; disk.raw holds the same.
image() {
	qemu-img create -q -f qcow2 "$@" a.qcow2 16M
	qemu-io -c 'write -q -P 1 0 3M' -c 'write -q -P 2 9M 100k' a.qcow2
	qemu-img convert -O raw a.qcow2 disk.raw
}

# amended OPTIONS LINE: does it, and qemu-img info tells LINE then; all else is as it was.
amended() {
	vm-img amend -o "$1" a.qcow2
	qemu-img info a.qcow2 | grep -qF -- "$2" || { qemu-img info a.qcow2; return 1; }
	vm-img check -q a.qcow2
	qemu-img check -q a.qcow2
	[[ ${3-} ]] || qemu-img compare -q a.qcow2 disk.raw
}

@test "refcount_bits, from any to any" {
	local bits
	image
	for bits in 1 64 2 32 4 8 16; do
		amended "refcount_bits=$bits" "refcount bits: $bits"
		qemu-io -c 'write -q -P 1 1M 1M' a.qcow2
	done
	image -o cluster_size=512
	for bits in 64 1 16; do
		amended "refcount_bits=$bits" "refcount bits: $bits"
	done
}

@test "refcounts that would not fit" {
	image
	vm-img snapshot -c one a.qcow2
	cp a.qcow2 before
	run -1 vm-img amend -o refcount_bits=1 a.qcow2
	[[ $output = *'Cannot decrease refcount entry width to 1 bits'* ]]
	qemu-img compare -q a.qcow2 before
	qemu-img check -q a.qcow2
	amended refcount_bits=2 'refcount bits: 2'
	qemu-img snapshot -d one a.qcow2
	qemu-img check -q a.qcow2
}

@test "compat, up and down" {
	image -o compat=0.10
	amended compat=1.1 'compat: 1.1'
	qemu-io -c 'write -q -z 1M 1M' -c 'write -q -z 12M 1M' a.qcow2
	qemu-img convert -O raw a.qcow2 disk.raw
	amended compat=0.10 'compat: 0.10'
	amended compat=v3,refcount_bits=8,lazy_refcounts=on 'refcount bits: 8'
	qemu-img info a.qcow2 | grep -q 'lazy refcounts: true'
	amended lazy_refcounts=off 'lazy refcounts: false'
	amended compat=v2,refcount_bits=16 'compat: 0.10'
}

@test "compat=0.10 with a backing image: zero clusters stay zero" {
	qemu-img create -q -f qcow2 base.qcow2 16M
	qemu-io -c 'write -q -P 7 0 16M' base.qcow2
	qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 a.qcow2
	qemu-io -c 'write -q -z 1M 1M' -c 'write -q -P 3 4M 64k' -c 'write -q -z 4M 64k' a.qcow2
	qemu-img convert -O raw a.qcow2 disk.raw
	amended compat=0.10 'compat: 0.10'
}

@test "backing_file and backing_fmt" {
	qemu-img create -q -f qcow2 base.qcow2 16M
	image
	amended backing_file=base.qcow2,backing_fmt=qcow2 'backing file: base.qcow2'
	qemu-img info a.qcow2 | grep -q 'backing file format: qcow2'
	vm-img amend -o backing_file= a.qcow2
	! qemu-img info a.qcow2 | grep backing
}

@test "size" {
	image
	amended size=2G 'virtual size: 2 GiB' other
	amended size=16M 'virtual size: 16 MiB'
}

@test "data_file: another name, and no raw image any more" {
	qemu-img create -q -f qcow2 -o data_file=data.raw,data_file_raw=on a.qcow2 4M
	qemu-io -c 'write -q -P 5 0 1M' a.qcow2
	qemu-img convert -O raw a.qcow2 disk.raw
	mv data.raw other.raw
	ln -s other.raw data.raw
	vm-img amend -f qcow2 -o data_file=other.raw,data_file_raw=off a.qcow2
	rm data.raw
	qemu-img info a.qcow2 | grep -q 'data file: other.raw'
	qemu-img info a.qcow2 | grep -q 'data file raw: false'
	qemu-img compare -q a.qcow2 disk.raw
}

@test "what cannot be: the image is not touched" {
	image
	cp a.qcow2 before
	local options
	for options in refcount_bits=3 refcount_bits=128 data_file=x data_file_raw=on cluster_size=4k compat=9 compat=0.10,refcount_bits=8 \
		compat=0.10,lazy_refcounts=on none=1 lazy_refcounts=perhaps encrypt.state=active; do
		run -1 vm-img amend -o "$options" a.qcow2
		[[ $output = vm-img:* ]]
		cmp a.qcow2 before
	done
	run -1 vm-img amend a.qcow2
	[[ $output = *'Must specify options (-o)'* ]]
	truncate -s 1M a.raw
	run -1 vm-img amend -f raw -o size=2M a.raw
	[[ $output = *"Format driver 'raw' does not support option amendment"* ]]
	qemu-img create -q -f qcow2 -o extended_l2=on e.qcow2 1M
	run -1 vm-img amend -o compat=0.10 e.qcow2
	[[ $output = *'incompatible features 0x10'* ]]
	[[ $(vm-img amend -o help a.qcow2) = *refcount_bits* ]]
}
