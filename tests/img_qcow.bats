#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# qcow images, version 1: what QEMU writes we read and the other way round; compression, backing images; what is refused.
load lib
load image

setup() {
	need qemu-img qemu-io
	cd "$T" || return
}

@test "images are the same to QEMU and to us, read and written" {
	both_ways qcow
	converts qcow
}

@test "compressed clusters of QEMU's are read and of ours by QEMU; a write unpacks them" {
	truncate -s 2M data.raw
	seq 50000 | dd of=data.raw bs=64k conv=notrunc iflag=fullblock status=none
	vm-img convert -c -f raw -O qcow data.raw out.img
	(($(stat -c %s out.img) < 300000))
	qemu-img compare -q -f raw -F qcow data.raw out.img
	imgio -f qcow out.img 'write 10820 100 9' >/dev/null
	imgio -f raw data.raw 'write 10820 100 9' >/dev/null
	qemu-img compare -q -f raw -F qcow data.raw out.img
	qemu-img create -q -f qcow theirs 1M
	qemu-io -f qcow -c 'write -q -c -P 7 8192 4096' theirs
	imgio -f qcow theirs 'read 8192 4096 7' 'write 8200 10 8' 'pack 12288 6' >/dev/null
	qemu-io -r -f qcow -c 'read -q -P 7 8192 8' -c 'read -q -P 8 8200 10' -c 'read -q -P 7 8210 4078' -c 'read -q -P 6 12288 4k' theirs
}

@test "a backing image: what is written copies the rest of a cluster" {
	truncate -s 1M base
	imgio -f raw base 'write 0 1M 5' >/dev/null
	vm-img create -q -f qcow -b base -F raw top 3M
	imgio -f qcow -b raw:base top 'write 1000 10 1' 'zero 128K 1000' >/dev/null
	qemu-io -r -f qcow -c 'read -q -P 5 0 1000' -c 'read -q -P 1 1000 10' -c 'read -q -P 5 1010 64526' -c 'read -q -P 0 128k 1000' \
		-c 'read -q -P 5 132072 1000' -c 'read -q -P 0 1M 1M' top
	[[ $(vm-img info -f qcow top) = *'backing file: base'* ]]
}

@test "commit empties the image" {
	truncate -s 1M base
	vm-img create -q -f qcow -b base -F raw top 1M
	imgio -f qcow -b raw:base top 'write 4096 70000 1' empty >/dev/null
	(($(stat -c %s top) < 70000))
	qemu-io -r -f qcow -c 'read -q -P 0 0 1M' top
}

@test "AES is read with the right passphrase, and not written" {
	printf secret >key
	qemu-img create -q -f qcow --object secret,id=s,file=key -o encrypt.format=aes,encrypt.key-secret=s a.qcow 1M
	qemu-io --object secret,id=s,file=key --image-opts -c 'write -q -P 7 4000 10000' driver=qcow,file.filename=a.qcow,encrypt.format=aes,encrypt.key-secret=s
	vm-img convert --object secret,id=s,file=key --image-opts driver=qcow,file.filename=a.qcow,encrypt.format=aes,encrypt.key-secret=s -O raw out.raw
	qemu-io -r -f raw -c 'read -q -P 0 0 4000' -c 'read -q -P 7 4000 10000' out.raw
	run ! imgio -f qcow a.qcow 'write 0 512 1'
	[[ $output = *'not written'* ]]
	[[ $(vm-img info -f qcow a.qcow) = *'encrypted: yes'* ]]
}

@test "hostile headers are refused: sizes of clusters, tables and disks (CVE-2014-0222, CVE-2014-0223)" {
	vm-img create -q -f qcow good 1M
	imgio -f qcow good 'write 0 4096 1' >/dev/null
	cp good a.qcow
	poke a.qcow 33 3f
	refuses qcow a.qcow 'L2 tables'
	poke a.qcow 33 5
	refuses qcow a.qcow 'L2 tables'
	cp good a.qcow
	poke a.qcow 32 8
	refuses qcow a.qcow 'clusters of'
	poke a.qcow 32 1f
	refuses qcow a.qcow 'clusters of'
	cp good a.qcow
	poke a.qcow 24 7f ff ff ff ff ff ff ff
	refuses qcow a.qcow 'disk of'
	poke a.qcow 24 ff ff ff ff ff ff ff ff
	refuses qcow a.qcow 'disk of'
	poke a.qcow 24 00 ff ff ff ff ff fe 00
	refuses qcow a.qcow 'too large'
	poke a.qcow 24 0 0 0 0 0 0 0 1
	refuses qcow a.qcow 'disk of'
	cp good a.qcow
	poke a.qcow 40 0 0 0 0 7f ff ff ff
	refuses qcow a.qcow 'L1 table'
	poke a.qcow 40 0 0 0 0 0 0 0 0
	refuses qcow a.qcow 'L1 table'
	cp good a.qcow
	poke a.qcow 8 0 0 0 0 0 0 0 30 0 0 4 0
	refuses qcow a.qcow 'name is too long'
	cp good a.qcow
	poke a.qcow 39 2
	refuses qcow a.qcow 'encryption 2'
	cp good a.qcow
	poke a.qcow 4 0 0 0 2
	refuses qcow a.qcow 'version 1'
}

@test "entries that refer to nothing are errors when they are used; nothing is written then" {
	local l2
	vm-img create -q -f qcow good 1M
	imgio -f qcow good 'write 0 4096 1' >/dev/null
	l2=$((16#$(peek good 48 8)))
	cp good a.qcow
	poke a.qcow 48 40 # L1
	run ! imgio -r -f qcow a.qcow 'read 0 1'
	[[ $output = *'no L2 table'* ]]
	cp good a.qcow
	poke a.qcow $l2 7f ff ff ff ff ff f0 00
	run ! imgio -r -f qcow a.qcow 'read 0 1'
	[[ $output = *'can not be at'* ]]
	poke a.qcow $l2 80 00 00 00 00 00 04 00 # compressed, of no length
	run ! imgio -r -f qcow a.qcow 'read 0 1'
	[[ $output = *'can not be at'* ]]
	poke a.qcow $l2 90 00 00 00 00 00 10 00 # compressed, which it is not
	run ! imgio -r -f qcow a.qcow 'read 0 1'
	cp good a.qcow
	poke a.qcow $l2 0 0 0 0 0 0 0 30 # data that is the L1 table
	cp a.qcow before
	run ! imgio -f qcow a.qcow 'write 0 512 1'
	cmp a.qcow before
}
