#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Commands that are killed, at each of their changes of files in turn. (What a power cut leaves is unit/powercut_commands'.)
load lib

CHANGES=pwrite64,pwritev,write,fallocate,ftruncate,fsync,fdatasync,linkat,renameat,unlinkat,copy_file_range

setup() {
	need strace
	cd "$T" || return
	vm-img create -q -f qcow2 -o cluster_size=4k base 1M
	imgio -f qcow2 base 'write 0 200k 1' 'write 500k 100k 2'
	vm-img create -q -f qcow2 -o cluster_size=4k -b base -F qcow2 top 1M
	imgio -f qcow2 -b qcow2:base top 'write 100k 50k 3' 'zero 520k 40k' 'write 600k 4k 4'
	vm-img convert -f qcow2 -O raw top disk
	echo old >out
	mkdir keep
	cp base top out keep
}

# killed SIGNAL JUDGE CMD...: the command, ended by the signal at its first change, in another run at its second, and so on,
# until it gets to its end. JUDGE looks at what each has left; then the files are as they were again.
killed() {
	local n status=1 signal=$1 judge=$2
	shift 2
	for ((n = 1; status != 0 && n < 100; n++)); do
		status=0
		strace -E ASAN_OPTIONS=detect_leaks=0 -f -qq -o /dev/null -e "trace=$CHANGES" \
			-e "inject=$CHANGES:signal=$signal:when=$n" "$@" >said 2>&1 || status=$?
		$judge || {
			echo "at change $n, which ended with $status:"
			cat said
			ls -A
			return 1
		}
		[ "$status" -eq 0 ] || cp keep/* .
	done
	[ "$status" -eq 0 ] && ((n > 4))
}

# The old file is whole, or the new one is there; nothing else is.
old_or_new() {
	[ "$(ls -A | tr '\n' ' ')" = 'base disk keep out said top ' ] &&
		{ [ "$(cat out 2>/dev/null)" = old ] || vm-img compare -q disk out; }
}

# The same; killed without a word between two names, the new one has one more.
old_or_new_kill() {
	rm -f .out.vm-img-*
	old_or_new
}

# The disk is what it was. Opened for writing, which is when what is marked as dirty is put right, the image has leaks at worst.
same() {
	vm-img compare -q -f qcow2 -F raw top disk && no_errors top
}

no_errors() {
	imgio -f qcow2 "$1" flush
	vm-img check -q -f qcow2 "$1" || [ $? -eq 3 ]
}

sound() {
	same && no_errors base
}

@test 'new images: the old file is whole until the new one is, and nothing is left' {
	local signal judge=old_or_new
	for signal in TERM KILL; do
		killed "$signal" $judge vm-img convert -f qcow2 -O qcow2 top out
		killed "$signal" $judge vm-img convert -c -t none -f qcow2 -O qcow2 top out
		killed "$signal" $judge vm-img dd -f qcow2 -O raw if=top of=out bs=1M
		judge=old_or_new_kill
	done
}

@test 'images that are changed hold what they held' {
	killed KILL same vm-img rebase -f qcow2 -b '' top
	killed KILL same vm-img compact -f qcow2 top
	killed KILL same vm-img amend -f qcow2 -o refcount_bits=64 top
	killed KILL same vm-img snapshot -c one -f qcow2 top
	killed KILL sound vm-img commit -f qcow2 top
}
