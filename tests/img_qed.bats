#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# QED images: what QEMU writes we read and the other way round; backing images, sizes, checks and repairs; what is refused.
load lib
load image

setup() {
	need qemu-img qemu-io
	cd "$T" || return
}

@test "images are the same to QEMU and to us, read and written, and clean to both" {
	local options
	for options in cluster_size=64K cluster_size=4K,table_size=2 cluster_size=1M,table_size=16; do
		rm -f ours theirs
		both_ways qed -o $options
		qemu-img check -q -f qed ours
		qemu-img check -q -f qed theirs
		vm-img check -q -f qed theirs
	done
	converts qed
	qemu-img check -q -f qed out.img
}

@test "an image is made byte by byte as QEMU makes it" {
	local options
	for options in '' '-o cluster_size=4K,table_size=2' '-o cluster_size=1M,table_size=8'; do
		rm -f ours theirs
		# shellcheck disable=SC2086 # words
		qemu-img create -q -f qed $options theirs 100M
		# shellcheck disable=SC2086
		vm-img create -q -f qed $options ours 100M
		cmp ours theirs
	done
	run ! vm-img create -q -f qed -o table_size=1 a.qed 1M
	[[ $output = *'QEMU does not open'* ]]
	run ! vm-img create -q -f qed -o cluster_size=3K a.qed 1M
	[[ $output = *'power of two'* ]]
}

@test "a backing image: what is written copies the rest of a cluster, zeroes hide it" {
	truncate -s 1M base
	imgio -f raw base 'write 0 1M 5' >/dev/null
	qemu-img create -q -f qed -b base -F raw top 3M
	imgio -f qed -b raw:base top 'write 1000 10 1' 'zero 128K 64K' 'zero 200000 100' >/dev/null
	qemu-io -r -c 'read -q -P 5 0 1000' -c 'read -q -P 1 1000 10' -c 'read -q -P 5 1010 64526' -c 'read -q -P 0 128k 64k' \
		-c 'read -q -P 0 200000 100' -c 'read -q -P 5 200100 6508' -c 'read -q -P 0 1M 1M' top
	[[ $(vm-img info -f qed top) = *'backing file: base'*'backing file format: raw'* ]]
	qemu-img check -q top
}

@test "growing shows zeroes, even of a longer backing image; shrinking and growing too" {
	truncate -s 3M base
	imgio -f raw base 'write 0 3M 5' >/dev/null
	qemu-img create -q -f qed -b base -F raw top 1M
	imgio -f qed -b raw:base top 'resize 2M' >/dev/null
	qemu-io -r -c 'read -q -P 5 0 1M' -c 'read -q -P 0 1M 1M' top
	vm-img create -q -f qed a.qed 4M
	imgio -f qed a.qed 'write 0 4M 1' 'resize 1049088' 'resize 4M' >/dev/null
	qemu-io -r -c 'read -q -P 1 0 1049088' -c 'read -q -P 0 1049088 3145216' a.qed
	run ! imgio -f qed a.qed 'resize 70T'
	[[ $output = *'too large'* ]]
}

@test "another backing image is noted, its name whole whatever the old one was" {
	qemu-img create -q -f raw short 1M
	qemu-img create -q -f raw a-much-longer-name 1M
	qemu-img create -q -f qed -b short -F raw top 1M
	vm-img rebase -u -f qed -b a-much-longer-name -F raw top
	[[ $(qemu-img info top) = *'backing file: a-much-longer-name'* ]]
	vm-img rebase -u -f qed -b short -F raw top
	[[ $(qemu-img info top) = *'backing file: short'* ]]
	vm-img rebase -u -f qed -b '' top
	[[ $(qemu-img info top) != *'backing file'* ]]
}

# In images of 64 KiB clusters and 4 of them a table: L1 at 0x10000, the first data at 0x50000, its L2 at 0x60000, more data from 0xa0000 on.
damaged() {
	rm -f a.qed
	vm-img create -q -f qed a.qed 4M
	imgio -f qed a.qed 'write 0 256K 1' >/dev/null
}

@test "check finds what qemu-img finds, and repairs" {
	damaged
	poke a.qed 0x60000 1 2 3 4
	run qemu-img check -f qed a.qed
	((status == 2))
	run vm-img check -f qed a.qed
	((status == 2))
	vm-img check -q -r all -f qed a.qed || true
	vm-img check -q -f qed a.qed
	qemu-img check -q -f qed a.qed
	qemu-io -r -c 'read -q -P 0 0 64k' -c 'read -q -P 1 64k 64k' a.qed
	damaged
	poke a.qed 0x60008 0 0 5 0 # a cluster twice
	run vm-img check -f qed a.qed
	((status == 2))
	[[ $output = *'more than once'* ]]
}

@test "leaked clusters are found, and are of use again after a repair" {
	damaged
	poke a.qed 0x60000 0 0 0 0 0 0 0 0
	truncate -s +128K a.qed
	run vm-img check -f qed a.qed
	((status == 3))
	vm-img check -r leaks -f qed a.qed
	vm-img check -q -f qed a.qed
	qemu-img check -q -f qed a.qed
	imgio -r -f qed a.qed 'read 0 64K 0' 'read 64K 192K 1'
}

@test "an image that was not closed is read as it is, and repaired before it is written" {
	damaged
	poke a.qed 0x60000 1 2 3 4
	poke a.qed 16 2
	imgio -r -f qed a.qed 'read 64K 64K 1'
	[ "$(peek a.qed 16 1)" = 02 ]
	imgio -f qed a.qed 'write 1M 512 3' >/dev/null
	[ "$(peek a.qed 16 1)" = 00 ]
	qemu-img check -q -f qed a.qed || (($? == 3)) # what the bad entry was for is leaked
}

@test "a writer that is killed leaves leaks at worst" {
	local n word
	for n in $(seq 0 8 136); do
		rm -f a.qed
		vm-img create -q -f qed -o cluster_size=4K,table_size=2 a.qed 4M
		imgcut -f qed "$n" a.qed >flushes
		qemu-img check -q -f qed a.qed || (($? == 3))
		printf 'read -q -P %d %dM 64k\n' 1 0 2 1 3 2 | head -n "$(<flushes)" >reads
		while read -r word; do qemu-io -r -f qed -c "$word" a.qed </dev/null; done <reads
	done
	(($(<flushes) == 3))
}

@test "unknown features are refused by name, unknown compatible ones kept, and autoclear ones dropped by writers alone" {
	damaged
	cp a.qed b.qed
	poke a.qed 16 8
	refuses qed a.qed 'unknown features: bits 0x8'
	poke b.qed 24 ff
	poke b.qed 32 ff
	vm-img info -f qed b.qed >/dev/null
	[ "$(peek b.qed 32 1)" = ff ]
	imgio -f qed b.qed 'write 0 1 1' >/dev/null
	[ "$(peek b.qed 24 9)" = ff0000000000000000 ]
}

@test "hostile headers and tables are refused; nothing is read beyond" {
	damaged
	cp a.qed good
	poke a.qed 4 0 0 0 0
	refuses qed a.qed 'cluster size'
	poke a.qed 4 0 0 0 80
	refuses qed a.qed 'cluster size'
	cp good a.qed
	poke a.qed 8 0 0 0 80
	refuses qed a.qed 'a table has'
	cp good a.qed
	poke a.qed 12 ff ff ff ff
	refuses qed a.qed 'a header of'
	cp good a.qed
	poke a.qed 40 1
	refuses qed a.qed 'L1 table'
	cp good a.qed
	poke a.qed 40 0 0 ff ff ff ff ff 7f
	refuses qed a.qed 'L1 table'
	cp good a.qed
	poke a.qed 48 ff ff ff ff ff ff ff 7f
	refuses qed a.qed 'too large'
	cp good a.qed
	poke a.qed 16 1
	poke a.qed 56 0 0 0 10 ff 0 0 0
	refuses qed a.qed 'name'
	cp good a.qed
	poke a.qed 0x10000 0 0 1 # an L2 table that is the L1 table
	run ! imgio -r -f qed a.qed 'read 0 512'
	[[ $output = *'no L2 table can be at 0x10000'* ]]
	cp a.qed before
	run ! imgio -f qed a.qed 'write 0 512 1'
	cmp a.qed before
	cp good a.qed
	dd if=good of=a.qed bs=64k skip=1 count=4 seek=13 status=none
	poke a.qed 40 0 0 d # the L1 table is at the end
	poke a.qed 12 2     # and where it was belongs to the header
	imgio -r -f qed a.qed 'read 0 256K 1'
	poke a.qed 0x60000 0 0 1
	run ! imgio -r -f qed a.qed 'read 0 512'
	[[ $output = *'can not be at 0x10000'* ]]
}
