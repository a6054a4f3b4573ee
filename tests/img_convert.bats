#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# vm-img convert: what comes out holds the same, whoever reads it; and what is left when it fails.
load lib
load image

# sample: 4 MiB with text, noise, zeroes that are data and holes, in $T/s.raw; $T/s.FORMAT of it by QEMU.
setup() {
	cd "$T" || return
	truncate -s 4M s.raw
	seq 100000 | dd of=s.raw conv=notrunc bs=64K count=7 status=none
	dd if=/dev/urandom of=s.raw conv=notrunc bs=1000 count=300 seek=1234 status=none
	dd if=/dev/zero of=s.raw conv=notrunc bs=4K count=50 seek=600 status=none
	dd if=/dev/urandom of=s.raw conv=notrunc bs=4K count=1 seek=1023 status=none
}

# same FORMAT FILE: QEMU finds it sound, and the sample in it.
same() {
	case $1 in qcow2 | qed | vdi | vhdx | vmdk) qemu-img check -q -f "$1" "$2" ;; esac
	qemu-img compare -q -f raw -F "$1" s.raw "$2"
}

@test 'what is written is the same to QEMU: raw and qcow2 in their kinds' {
	local options
	vm-img convert -f raw -O raw s.raw out
	cmp s.raw out
	for options in '' cluster_size=512 cluster_size=2M compat=0.10 extended_l2=on refcount_bits=1 lazy_refcounts=on \
		preallocation=metadata preallocation=full; do
		vm-img convert -f raw -O qcow2 ${options:+-o $options} s.raw out
		same qcow2 out
		vm-img convert -f qcow2 -O raw out back
		cmp s.raw back
	done
}

@test 'what QEMU wrote is read' {
	local options
	for options in compat=1.1 compat=0.10,cluster_size=4k extended_l2=on; do
		qemu-img convert -f raw -O qcow2 -o "$options" s.raw in
		vm-img convert -f qcow2 in out
		cmp s.raw out
		qemu-img convert -c -f raw -O qcow2 -o "$options" s.raw in
		vm-img convert -f qcow2 in out
		cmp s.raw out
	done
}

@test 'every other format, there and back' {
	local format
	for format in qcow qed vdi vhdx vmdk vpc; do
		vm-img convert -O $format s.raw x -o help >/dev/null 2>&1 || continue
		vm-img convert -f raw -O $format s.raw "out.$format"
		# VHD's sizes are whole cylinders
		[ $format = vpc ] || same $format "out.$format"
		vm-img convert -f $format "out.$format" back
		cmp -n 4194304 s.raw back
	done
}

@test '-c: compressed, zlib and zstd' {
	vm-img convert -c -f raw -O qcow2 s.raw out
	same qcow2 out
	vm-img convert -c -f raw -O qcow2 -o compression_type=zstd s.raw out
	same qcow2 out
	vm-img convert -c -f raw -O qcow2 --window=4k -o cluster_size=1M s.raw out
	same qcow2 out
	qemu-img map -f qcow2 --output=json out | grep -q '"data": true'
}

@test 'the same bytes whatever the number of threads' {
	local c n
	for c in '' -c; do
		for n in 1 2 8; do
			vm-img convert $c -m $n -W -f raw -O qcow2 s.raw out.$n
		done
		cmp out.1 out.2
		cmp out.1 out.8
	done
	vm-img convert -m 8 -f qcow2 out.8 back
	cmp s.raw back
}

@test 'zeroes leave holes, and -S 0 none' {
	vm-img convert -f raw s.raw out
	[ "$(stat -c %b out)" -lt "$(stat -c %b s.raw)" ]
	vm-img convert -S 0 -f raw s.raw out
	cmp s.raw out
	[ "$(stat -c %b out)" -ge 8192 ]
	vm-img convert -S 1M -f raw s.raw out
	cmp s.raw out
	run vm-img convert -S 100 -f raw s.raw out
	[ "$status" = 1 ]
	[[ $output = *'-S 100'*512* ]]
}

@test 'several inputs, one after the other; the last sector of each is whole' {
	head -c 1000 s.raw >odd
	vm-img convert -f raw -O qcow2 odd s.raw odd out
	qemu-img convert -f raw -O raw odd s.raw odd theirs
	qemu-img compare -f raw -F qcow2 theirs out
	# The same where it is the format that says so.
	vm-img create -q -f qcow2 odd 64K
	imgio -f qcow2 odd 'write 0 1000 7' >/dev/null
	poke odd 24 0 0 0 0 0 0 3 e8
	vm-img convert -f qcow2 -O raw odd odd out
	[ "$(stat -c %s out)" -eq 2048 ]
	imgio -r -f raw out 'read 0 1000 7' 'read 1000 24 0' 'read 1024 1000 7' 'read 2024 24 0'
}

@test '-B: only what the top has, on another backing image' {
	vm-img convert -f raw -O qcow2 s.raw base.qcow2
	qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top 5M
	qemu-io -f qcow2 -c 'write -P 7 100k 5000' -c 'write -z 3M 64k' -c 'write -P 9 4500k 100k' top >/dev/null
	vm-img convert -f qcow2 -O qcow2 -B base.qcow2 -F qcow2 top out
	qemu-img check -q out
	qemu-img compare -q top out
	[ "$(stat -c %s out)" -lt 1000000 ]
	[ "$(qemu-img info --output=json out | grep -c backing-filename)" -ge 1 ]
	vm-img convert -c -f qcow2 -O qcow2 -B base.qcow2 -F qcow2 top out
	qemu-img check -q out
	qemu-img compare -q top out
	run vm-img convert -f qcow2 -O qcow2 -B base.qcow2 top out
	[ "$status" = 1 ]
	[[ $output = *'-F gives it'* ]]
	run vm-img convert -f qcow2 -O qcow2 -B base.qcow2 -F qcow2 top top out
	[[ $status = 1 && $output = *concatenating* ]]
}

@test '-l: as a snapshot has it' {
	vm-img convert -f raw -O qcow2 s.raw in
	qemu-img snapshot -c was in
	qemu-io -f qcow2 -c 'write -P 7 0 1M' in >/dev/null
	vm-img convert -l was -f qcow2 in out
	cmp s.raw out
	vm-img convert -l snapshot.name=was -f qcow2 in out
	cmp s.raw out
	run vm-img convert -l never -f qcow2 in out
	[[ $status = 1 && $output = *"'never'"* ]]
}

@test '-n: into what is there, of which the rest is zero' {
	qemu-img create -q -f qcow2 out 5M
	qemu-io -f qcow2 -c 'write -P 7 0 5M' out >/dev/null
	vm-img convert -n -f raw -O qcow2 s.raw out
	qemu-img check -q out
	vm-img convert -f qcow2 out back
	cmp -n 4194304 s.raw back
	dd if=/dev/urandom of=raw bs=1M count=5 status=none
	cp raw before
	vm-img convert -n -f raw -O raw s.raw raw
	cmp -n 4194304 s.raw raw
	cmp -i 4194304 before raw
	truncate -s 3M small
	run vm-img convert -n -f raw -O raw s.raw small
	[[ $status = 1 && $output = *'smaller than input'* ]]
	run vm-img convert -n -f raw -O raw s.raw missing
	[ "$status" = 1 ]
	run vm-img convert --target-is-zero -f raw -O raw s.raw out
	[[ $status = 1 && $output = *'-n'* ]]
}

@test 'pipes: raw and qcow2, in and out' {
	vm-img convert -f raw -O raw s.raw - | cmp - s.raw
	vm-img convert -f raw -O qcow2 s.raw - | cat >out
	same qcow2 out
	vm-img convert -f raw -O qcow2 -o cluster_size=512,refcount_bits=64 s.raw - | cat >out
	same qcow2 out
	vm-img convert -c -f raw -O qcow2 s.raw - | cat >out
	same qcow2 out
	vm-img convert -c -f raw -O qcow2 s.raw whole
	cmp out whole
	cat out | vm-img convert -f qcow2 -O raw - back
	cmp s.raw back
	vm-img convert -f qcow2 -O raw - back <out
	cmp s.raw back
	cat s.raw | vm-img convert -f raw -O qcow2 - - | cat >out
	same qcow2 out
	mkfifo pipe
	cat pipe >back &
	vm-img convert -f raw s.raw pipe
	wait $!
	cmp s.raw back
	vm-img convert -f raw s.raw /dev/null
	run -1 vm-img convert -f raw s.raw /dev/full
	[[ $output = *'No space'* ]]
}

@test 'the spool of a pipe has no name, and is where TMPDIR says' {
	mkdir tmp
	mkfifo pipe
	TMPDIR=$T/tmp vm-img convert -f raw - out <pipe &
	exec {fd}>pipe
	cat s.raw >&$fd
	[ -z "$(ls -A tmp)" ]
	exec {fd}>&-
	wait $!
	cmp s.raw out
	run -1 env TMPDIR=/nonexistent vm-img convert -f raw - out < <(cat s.raw)
	[[ $output = */nonexistent* ]]
}

@test 'a full disk: said, the old file whole, nothing left' {
	vm-img convert -c -f raw -O qcow2 s.raw packed
	# shellcheck disable=SC2016 # for the inner shell
	run unshare -rm bash -c '
		mkdir d && mount -t tmpfs -o size=300k none d && echo old >d/out || exit 77
		for o in "-f raw -O raw s.raw" "-f raw -O qcow2 s.raw" "-f raw -c -O qcow2 s.raw" "-f qcow2 -O raw packed"; do
			vm-img convert $o d/out
			echo "status $? $(cat d/out) $(ls -A d)"
		done'
	[ "$status" = 0 ]
	[ "$(grep -c 'No space left on device' <<<"$output")" = 4 ]
	[ "$(grep -c '^status 1 old out$' <<<"$output")" = 4 ]
}

@test 'what may not be: input missing, output in a missing directory, unwritable, in use' {
	echo old >out
	run -1 vm-img convert -f raw missing out
	[[ $output = *missing* ]]
	run -1 vm-img convert -f raw s.raw missing/out
	[[ $output = *missing/out*'No such file'* ]]
	run -1 vm-img convert -f qcow2 s.raw out
	[[ $output = *s.raw* ]]
	run -1 vm-img convert -f raw -O nothing s.raw out
	[[ $output = *nothing* ]]
	run -1 vm-img convert -c -f raw -O raw s.raw out
	[[ $output = *'not supported'* ]]
	run -1 vm-img convert -f raw s.raw
	[[ $output = *'have to be named'* ]]
	run -1 vm-img convert -f raw s.raw s.raw
	[[ $output = *'using this image'* || $output = *'writing to this image'* || $output = *locked* ]]
	[ "$(cat out)" = old ]
}

@test 'killed in the middle: the old file is whole, and nothing is left' {
	local signal
	echo old >out
	for signal in TERM HUP KILL; do
		vm-img convert -r 100k -f raw -O qcow2 s.raw out &
		until [[ /proc/$!/exe -ef $BIN/vm-img && -e /proc/$!/fd/5 ]]; do :; done
		kill -$signal $!
		! wait $!
		[ "$(cat out)" = old ]
		[ "$(ls -A)" = $'out\ns.raw' ]
	done
}

@test '--salvage: what cannot be read becomes zeroes, and is told' {
	vm-img convert -c -f raw -O qcow2 s.raw in
	# The first cluster's data are broken: its deflate stream is cut into.
	dd if=/dev/zero of=in conv=notrunc bs=1 count=4000 seek=$((4 * 65536)) status=none
	run -1 vm-img convert -f qcow2 in out
	[[ $output = *'reading at byte'* ]]
	run -0 vm-img convert --salvage -f qcow2 in out
	[[ $output = *'became zeroes'* ]]
	[ "$(stat -c %s out)" = 4194304 ]
	cmp -i 2097152 s.raw out
	run -0 vm-img convert -q --salvage -f qcow2 in out
	[ -z "$output" ]
}

@test '-p: progress, for people and for programs' {
	run -0 vm-img convert -p -f raw s.raw out
	[[ $output = *'(100.00/100%)'* ]]
	run -0 vm-img convert -p -j -f raw s.raw out
	[ "${lines[-1]}" = '{"done": 4194304, "total": 4194304}' ]
	[ "$(wc -c < <(vm-img convert -p -f raw s.raw - 2>/dev/null))" = 4194304 ]
	run -0 vm-img convert -f raw s.raw out
	[ -z "$output" ]
}

@test '-C and -r' {
	vm-img convert -C -f raw s.raw out
	cmp s.raw out
	vm-img convert -C -f raw -O qcow2 s.raw out
	same qcow2 out
	run -1 vm-img convert -C -c -f raw -O qcow2 s.raw out
	SECONDS=0
	vm-img convert -r 400K -f raw s.raw out
	cmp s.raw out
	((SECONDS >= 1))
}

@test 'a terabyte of nothing takes no time' {
	truncate -s 1T big
	printf x | dd of=big bs=1 seek=700G conv=notrunc status=none
	timeout 60 vm-img convert -f raw -O qcow2 big out
	timeout 60 qemu-img check -q out
	timeout 60 vm-img convert -f qcow2 -O raw out back
	timeout 60 vm-img compare -f raw -F qcow2 big out
	[ "$(stat -c %s back)" = 1099511627776 ]
	timeout 60 vm-img compare -f raw -F raw big back
}

@test '--bitmaps come along' {
	local f
	qemu-img create -q -f qcow2 in 4M
	qemu-img bitmap --add -g 64k in one
	qemu-io -f qcow2 -c 'write -P 7 1M 200k' in >/dev/null
	qemu-img bitmap --add --disable in two
	vm-img convert --bitmaps -f qcow2 -O qcow2 in out
	qemu-img check -q out
	for f in in out; do
		qemu-img info --output=json -f qcow2 $f | sed -n '/"bitmaps"/,/]/p' >$f.bitmaps
	done
	[ -s in.bitmaps ]
	cmp in.bitmaps out.bitmaps
	run -1 vm-img convert --bitmaps -f raw -O qcow2 s.raw out
	[[ $output = *'bitmap support'* ]]
	run -1 vm-img convert --bitmaps -f qcow2 -O raw in out
	[[ $output = *bitmaps* ]]
}

@test 'what goes through the page cache goes in pieces that take no large pages' {
	need strace
	head -c 3M /dev/urandom >raw
	strace -E ASAN_OPTIONS=detect_leaks=0 -f -qq -e trace=pwrite64 -o writes vm-img convert -f raw -O qcow2 raw out
	vm-img compare -q -f raw -F qcow2 raw out
	awk '{ n = $NF; if (n > most) most = n; sum += n } END { exit !(most == 65536 && sum >= 3145728) }' writes
}
