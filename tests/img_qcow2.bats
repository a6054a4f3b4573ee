#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# qcow2 images: made as QEMU makes them, read as it reads them, written so that it reads the same and finds them sound.
load lib

setup() {
	need qemu-img qemu-io
	cd "$T" || return
}

# made SIZE [OPTIONS]: the same image by both, byte for byte.
made() {
	qemu-img create -q -f qcow2 ${2:+-o "$2"} theirs.img "$1"
	rm -f data
	vm-img create -q -f qcow2 ${2:+-o "$2"} ours.img "$1"
	cmp theirs.img ours.img
	vm-img info --output=json ours.img | sed s/ours/theirs/ >ours.json
	qemu-img info --output=json theirs.img | diff <(grep -v actual-size ours.json) <(grep -v actual-size -)
	rm theirs.img ours.img
}

@test "create: byte for byte as QEMU" {
	made 0
	made 1
	made 10M
	made 1T
	made 10M compat=0.10
	made 10M cluster_size=512
	made 10M cluster_size=2M
	made 10M refcount_bits=1
	made 10M refcount_bits=64
	made 1G lazy_refcounts=on,compression_type=zstd
	made 1G extended_l2=on
	made 1G extended_l2=on,cluster_size=16k,refcount_bits=8
	made 10M data_file=data
	made 10M data_file=data,data_file_raw=on
}

@test "create on a backing image" {
	truncate -s 5M base
	qemu-img create -q -f qcow2 -b base -F raw theirs.img
	vm-img create -q -f qcow2 -b base -F raw ours.img
	cmp theirs.img ours.img
	qemu-img create -q -f qcow2 -b base -F raw -o extended_l2=on,preallocation=metadata theirs.img
	vm-img create -q -f qcow2 -b base -F raw -o extended_l2=on,preallocation=metadata ours.img
	cmp theirs.img ours.img
}

@test "create with preallocation: all is there, and sound, for every width of refcounts" {
	local bits how
	for bits in 1 2 4 8 16 32 64; do
		vm-img create -q -f qcow2 -o cluster_size=512,refcount_bits=$bits,preallocation=metadata a.img 3000K
		qemu-img check -q a.img
		[[ $(qemu-img check --output=json a.img) = *'"allocated-clusters": 6000,'* ]]
	done
	for how in falloc full; do
		vm-img create -q -f qcow2 -o preallocation=$how a.img 3M
		qemu-img check -q a.img
		(($(stat -c %b a.img) * 512 >= 3 << 20))
	done
	qemu-io -c 'read -q -P 0 0 3M' a.img
	vm-img create -q -f qcow2 -o cluster_size=2M,preallocation=metadata a.img 8T
	qemu-img check -q a.img
}

@test "create: what cannot be is refused, and says why" {
	local options
	for options in cluster_size=100 cluster_size=4M refcount_bits=3 refcount_bits=128 compat=7 compression_type=lzo preallocation=some \
		compat=0.10,refcount_bits=8 compat=0.10,lazy_refcounts=on compat=0.10,extended_l2=on compat=0.10,data_file=d \
		compat=0.10,compression_type=zstd cluster_size=8k,extended_l2=on data_file_raw=on; do
		run -1 vm-img create -q -f qcow2 -o "$options" a.img 1M
		[[ $output = 'vm-img: '?* ]]
		run -1 qemu-img create -q -f qcow2 -o "$options" a.img 1M
	done
	run -1 vm-img create -q -f qcow2 -o cluster_size=512 a.img 200G
	[[ $output = *'too large for clusters of 512'* ]]
	truncate -s 1M base
	run -1 vm-img create -q -f qcow2 -b base -F raw -o preallocation=metadata a.img
	[[ $output = *extended_l2* ]]
}

shapes='compat=0.10 cluster_size=512 cluster_size=2M refcount_bits=1 compression_type=zstd extended_l2=on,cluster_size=16k data_file=data
	data_file=data,data_file_raw=on lazy_refcounts=on cluster_size=4k,preallocation=metadata'

@test "what QEMU wrote is read, in every shape" {
	local shape
	for shape in $shapes; do
		rm -f a.img data
		qemu-img create -q -f qcow2 -o "$shape" a.img 3M
		[[ $shape = data* || $shape = *preallocation* ]] || qemu-io -c 'write -q -c -P 4 2M 1M' a.img
		qemu-io -c 'write -q -P 1 0 100k' -c 'write -q -P 2 1M 64k' -c 'write -q -z 100k 64k' -c 'discard 1030k 20k' \
			-c 'write -q -P 5 2200k 3k' -c 'write -q -z -u 4k 12k' a.img >log
		qemu-img convert -f qcow2 -O raw a.img a.raw
		imgio -r -f qcow2 a.img dump | cmp - a.raw
	done
}

@test "what is written QEMU reads, in every shape" {
	local shape cluster
	for shape in $shapes; do
		rm -f a.img a.raw data
		vm-img create -q -f qcow2 -o "$shape" a.img 3M
		truncate -s 3M a.raw
		if [[ $shape != data* ]]; then
			imgio -f qcow2 a.img 'pack 2M 9'
			cluster=$(qemu-img info --output=json a.img | sed -n 's/.*cluster-size": \([0-9]*\),/\1/p')
			imgio -f raw a.raw "write 2M $((cluster > 1048576 ? 1048576 : cluster)) 9"
		fi
		cat >commands <<-'END'
			write 0 1M 1
			write 70000 3 2
			zero 300000 100000 unmap
			zero 500001 77
			flush
			write 310000 12345 3
			write 1500001 2001 4
			zero 1M 64k
			write 2097252 10 5
			write 3145727 1 6
		END
		imgio -f qcow2 a.img <commands
		imgio -f raw a.raw <commands
		qemu-img check -q a.img
		qemu-img compare -q -f raw -F qcow2 a.raw a.img
		[[ $shape != *raw=on ]] || cmp a.raw data
	done
}

@test "an overlay: what is below shows where nothing was written, shorter or longer as it may be" {
	local compat
	qemu-img create -q -f raw base 1000000
	qemu-io -f raw -c 'write -q -P 7 0 1000000' base
	for compat in 0.10 1.1; do
		rm -f top.img
		vm-img create -q -f qcow2 -o compat=$compat -b base -F raw top.img 3M
		imgio -f qcow2 -b raw:base top.img 'write 65000 2000 1' 'zero 200001 300000 unmap' 'write 999000 5000 2' 'discard 655360 65536'
		qemu-io -c 'read -q -P 7 0 65000' -c 'read -q -P 1 65000 2000' -c 'read -q -P 7 67000 133001' -c 'read -q -P 0 200001 300000' \
			-c 'read -q -P 7 500001 100000' -c 'read -q -P 2 999000 5000' -c 'read -q -P 0 1004000 1M' top.img
		qemu-img check -q top.img
	done
	qemu-io -c 'read -q -P 0 655360 65536' top.img
}

@test "a snapshot keeps its bytes whatever is written" {
	vm-img create -q -f qcow2 -o cluster_size=4k a.img 8M
	imgio -f qcow2 a.img 'write 0 4M 1' 'pack 5M 2'
	qemu-img snapshot -c s a.img
	imgio -f qcow2 a.img 'write 1M 2M 3' 'zero 0 100k unmap' 'write 5M 10 4' 'discard 3M 1M' 'write 7M 4k 5'
	qemu-img check -q a.img
	qemu-io -c 'read -q -P 3 1M 2M' -c 'read -q -P 4 5M 10' -c 'read -q -P 2 5242890 100' a.img
	qemu-img snapshot -a s a.img
	qemu-img check -q a.img
	qemu-io -c 'read -q -P 1 0 4M' -c 'read -q -P 2 5M 4k' -c 'read -q -P 0 7M 4k' a.img
}

@test "compressed clusters share clusters of the file, to the byte" {
	local n
	vm-img create -q -f qcow2 a.img 8M
	for n in {0..99}; do echo "pack $((n * 65536)) $n"; done | imgio -f qcow2 a.img
	(($(stat -c %s a.img) < 400000))
	qemu-img check -q a.img
	for n in {0..99}; do echo "read -q -P $n $((n * 65536)) 64k"; done | qemu-io a.img >log
	run -1 grep -i fail log
	for n in {0..49}; do echo "write $((n * 131072 + 5)) 10 200"; done | imgio -f qcow2 a.img
	qemu-img check -q a.img
	qemu-io -c 'read -q -P 4 262144 5' -c 'read -q -P 200 262149 10' -c 'read -q -P 4 262159 60k' -c 'read -q -P 5 327680 64k' a.img
}

@test "an image that was not closed is counted anew before it is written to" {
	vm-img create -q -f qcow2 -o lazy_refcounts=on a.img 8M
	qemu-io -c 'write -q -P 1 0 1M' a.img
	# The dirty bit; and counts of the L2 table and the data that were not written. The refcount block is cluster 2.
	printf '\1' | dd of=a.img bs=1 seek=79 conv=notrunc status=none
	dd if=/dev/zero of=a.img bs=2 seek=$(((131072 + 8) / 2)) count=100 conv=notrunc status=none
	imgio -r -f qcow2 a.img 'read 0 1M 1'
	[[ $(qemu-img info --output=json a.img) = *'"dirty-flag": true'* ]]
	imgio -f qcow2 a.img 'write 1M 1M 2'
	qemu-img check -q a.img
	qemu-io -c 'read -q -P 1 0 1M' -c 'read -q -P 2 1M 1M' a.img
}

@test "killed after a flush: nothing of before it is lost, leaks at worst" {
	vm-img create -q -f qcow2 a.img 8M
	run imgio -f qcow2 a.img 'write 0 1M 1' flush 'write 1M 1M 2' 'zero 0 64k unmap' kill
	((status == 137))
	run qemu-img check -q a.img
	((status == 0 || status == 3))
	qemu-io -c 'read -q -P 1 64k 960k' a.img
}

@test "resize: longer, shorter, longer again; tables grow, what was cut off does not come back" {
	vm-img create -q -f qcow2 -o cluster_size=512 a.img 1M
	imgio -f qcow2 a.img 'write 0 1M 1' 'resize 64M' 'write 63M 1M 2' 'resize 1000960' 'resize 3M'
	qemu-img check -q a.img
	qemu-io -c 'read -q -P 1 0 1000960' -c 'read -q -P 0 1000960 2144768' a.img
	(($(stat -c %s a.img) < 3 << 20))
	imgio -f qcow2 a.img 'resize 4M metadata'
	qemu-img check -q a.img
	qemu-io -c 'read -q -P 0 3M 1M' a.img
	imgio -f qcow2 a.img empty
	(($(stat -c %b a.img) * 512 < 300000))
	qemu-img check -q a.img
}

@test "marked corrupt, by a write that would have hit a table: read still, written no more" {
	vm-img create -q -f qcow2 -o cluster_size=512 a.img 64K
	imgio -f qcow2 a.img 'write 0 512 1'
	# The L2 table, behind the 128 clusters' L1 table of 2 entries, is told to be the data of the first cluster.
	l2=$((16#$(xxd -s 1536 -l 8 -p a.img) & 0xfffffffffffffff))
	xxd -s 1536 -l 8 -p a.img | xxd -r -p | dd of=a.img bs=1 seek=$l2 conv=notrunc status=none
	run -1 imgio -f qcow2 a.img 'write 0 512 2'
	[[ $output = *'would destroy metadata'* ]]
	run -1 imgio -f qcow2 a.img 'write 4096 512 2'
	[[ $output = *'marked corrupt'* ]]
	imgio -r -f qcow2 a.img 'read 4096 512 0'
	[[ $(qemu-img info --output=json a.img) = *'"corrupt": true'* ]]
}
