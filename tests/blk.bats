# SPDX-License-Identifier: ISC
# Disks: what a stock guest does with them, what reaches the image, and who may use it at the same time.
load lib

# boot REDIRECTIONS OPTION...: kvm-run with a stock kernel, $T/initrd, and descriptors opened by sh.
boot() {
	local redirections=$1
	shift
	clean bash -c "exec timeout 250 kvm-run -k \"\$1\" -i \"\$2\" -m 128 -A quiet \"\${@:3}\" $redirections </dev/null" \
		bash "$(kernel)/vmlinux" "$T/initrd" "$@"
}

# with_program PATH: options of guest-initrd that put a program of the host, and what it is linked with, into a guest.
with_program() {
	local file
	printf -- '-f %s:bin/%s ' "$1" "${1##*/}"
	for file in $(ldd "$1" | grep -o '/[^ ]*'); do
		printf -- '-f %s:%s ' "$file" "${file#/}"
	done
}

# kib FILE: how much of a file is really there.
kib() {
	echo $(($(stat -c '%b' "$1") / 2))
}

# kvm-run that only has to come as far as its disks, or that stays there: an emulated KVM does.
start() {
	local redirections=$1
	shift
	clean bash -c "exec timeout 60 kvm-run -q -k \"\$1\" -m 64 \"\${@:2}\" $redirections </dev/null" \
		bash "$BIN/guests/cpus" "$@"
}

# bats test_tags=kvm
@test "a file system is made, filled, checked, and whole after a reboot" {
	need_kvm
	need mkfs.ext4 e2fsck
	truncate -s 96M "$T/disk"
	mkfs.ext4 -q "$T/disk"
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		mount -t ext4 /dev/vda /mnt || exit 1
		if [ -e /mnt/sums ]; then
			cd /mnt/d && md5sum -c -s ../sums && echo "again: $(ls | wc -l) files intact"
			cd / && umount /mnt
			exit
		fi
		mkdir /mnt/d
		for i in 1 2 3 4 5 6 7 8; do
			dd if=/dev/urandom of=/mnt/d/$i bs=128k count=$i conv=fsync 2>/dev/null &
		done
		wait
		cd /mnt/d && md5sum * >../sums
		cd / && umount /mnt
		reboot -f
	EOS
	DISK=$T/disk run -0 boot '3<>"$DISK"' -c 2 -r -w blk,fd=3
	[[ $output = *'again: 8 files intact'* ]]
	run -0 e2fsck -fn "$T/disk"
	[[ $output != *clean,*error* ]]
}

# bats test_tags=kvm
@test "discards make holes, zeroes are zeroes, a disk open for reading is read-only, each has its serial" {
	need_kvm
	truncate -s 32M "$T/disk" "$T/ro"
	echo 'only to read' | dd of="$T/ro" conv=notrunc status=none
	# shellcheck disable=SC2046 # options
	initrd "$T/initrd" $(with_program "$BIN/tools/blkload") <<-'EOS'
		#!/bin/sh
		cd /sys/block
		echo "serials $(cat vda/serial) $(cat vdb/serial)"
		echo "read-only $(cat vda/ro) $(cat vdb/ro)"
		echo "queues $(ls vda/mq | wc -l)"
		echo "blocks $(cat vda/queue/logical_block_size) $(cat vda/queue/physical_block_size) $(cat vda/size)"
		head -n 1 /dev/vdb
		dd if=/dev/zero of=/dev/vdb count=1 2>&1 | grep -o 'not permitted'
		tr '\0' x </dev/zero | dd of=/dev/vda bs=1M count=24 iflag=fullblock conv=fsync 2>/dev/null
		blkload discard /dev/vda 0x400000 0x800000
		blkload zero /dev/vda 0x1000000 0x100000
		dd if=/dev/vda bs=1M skip=4 count=8 2>/dev/null | tr -d '\0' | wc -c
		for i in 0 1; do
			taskset -c $i dd if=/dev/vda of=/dev/null iflag=direct bs=64k count=32 2>/dev/null
		done
		grep 'virtio.-req' /proc/interrupts | awk '{ n += ($2 + $3 > 0) } END { print "vectors in use", n }'
	EOS
	DISK=$T/disk RO=$T/ro run -0 boot '3<>"$DISK" 4<"$RO"' -c 2 -w blk,fd=3,serial=a-serial_of-20chars. -w blk,fd=4,id=data
	[[ $output = *'serials a-serial_of-20chars. data'* ]]
	[[ $output = *'read-only 0 1'* ]]
	[[ $output = *'queues 2'* ]]
	[[ $output = *'blocks 512 4096 65536'* ]]
	[[ $output = *'only to read'* && $output = *'not permitted'* ]]
	[[ $output = *$'\n0'* ]]
	[[ $output =~ 'vectors in use '[2-9] ]]
	(($(kib "$T/disk") <= 16 * 1024))
	cmp <(dd if="$T/disk" bs=1M count=24 status=none) \
		<({ x 4; head -c 8M /dev/zero; x 4; head -c 1M /dev/zero; x 7; })
}

# x MIB: so many MiB of the letter x.
x() {
	head -c "$1M" /dev/zero | tr '\0' x
}

# bats test_tags=lab
@test "block devices, and the modes of the cache" {
	need losetup
	local i loop=()
	modprobe loop
	for i in 0 1 2 3 4; do
		truncate -s 16M "$T/disk$i"
		loop[i]=$(losetup -f --show "$T/disk$i")
	done
	# shellcheck disable=SC2046 # options
	initrd "$T/initrd" $(with_program "$BIN/tools/blkload") <<-'EOS'
		#!/bin/sh
		for d in a b c d e; do
			echo "cache $d $(cat /sys/block/vd$d/queue/write_cache)"
			tr '\0' $d </dev/zero | dd of=/dev/vd$d bs=64k count=64 iflag=fullblock conv=fsync 2>/dev/null
			blkload discard /dev/vd$d 0x100000 0x100000
			tr '\0' $d </dev/zero | dd of=/dev/vd$d seek=8192 count=3 oflag=direct 2>/dev/null
		done
		echo written
		sleep 1000
	EOS
	# shellcheck disable=SC2016 # expands there
	spawn guest timeout 250 sh -c 'exec kvm-run -k "$1" -i "$2" -m 128 -A quiet -w blk,fd=3 \
		-w blk,fd=4,cache=writethrough -w blk,fd=5,cache=none -w blk,fd=6,cache=directsync -w blk,fd=7,cache=unsafe \
		3<>"$3" 4<>"$4" 5<>"$5" 6<>"$6" 7<>"$7"' sh "$(kernel)/vmlinux" "$T/initrd" "${loop[@]}"
	wait_line "$T/guest.log" ^written 200
	run -0 cat "$T/guest.log"
	[[ $output = *'a write back'*'b write through'*'c write back'*'d write through'*'e write back'* ]]
	local vmm direct=''
	vmm=$(pgrep -P "${pids[guest]}" kvm-run)
	for i in 3 4 5 6 7; do
		(($(sed -n 's/^flags:\t/0/p' "/proc/$vmm/fdinfo/$i") & 040000)) && direct+=" $i"
	done
	[ "$direct" = ' 5 6' ]
	kill -KILL "$vmm" # its guest does not know of the power button
	await guest 137
	for i in 0 1 2 3 4; do
		losetup -d "${loop[i]}"
		(($(kib "$T/disk$i") <= 3 * 1024 + 8))
		cmp <(head -c 5M "$T/disk$i" | tr -d '\0' | wc -c) <(echo $((3 * 1024 * 1024 + 3 * 512)))
	done
}

# bats test_tags=kvm
@test "a disk is plugged in, loaded, and taken out under load" {
	need_kvm
	need nc
	truncate -s 32M "$T/disk"
	# shellcheck disable=SC2046 # options
	initrd "$T/initrd" $(with_program "$BIN/tools/blkload") <<-'EOS'
		#!/bin/sh
		echo up
		until [ -b /dev/vda ]; do sleep 1; done
		echo there
		blkload randwrite /dev/vda 4096 32 100000000 2>&1
		until [ ! -b /dev/vda ]; do sleep 1; done
		echo gone
		until [ -b /dev/vda ]; do sleep 1; done
		dd if=/dev/vda of=/dev/null bs=1M 2>&1 | grep out
		poweroff -f
	EOS
	spawn guest timeout 250 kvm-run -k "$(kernel)/vmlinux" -i "$T/initrd" -m 128 -H 1 -C "$T/ctl" -A quiet
	wait_line "$T/guest.log" ^up 150
	clean sh -c 'exec wire-give -S "$1" blk,fd=0,id=hot 3 3<>"$2"' sh "$T/ctl" "$T/disk"
	wait_line "$T/guest.log" ^there
	sleep 2
	run -0 nc -NU "$T/ctl" <<<'unplug hot'
	[[ $output = *ok* ]]
	wait_line "$T/guest.log" ^gone
	# Its lock is gone with it.
	clean sh -c 'exec wire-give -S "$1" blk,fd=0,id=hot 3 3<>"$2"' sh "$T/ctl" "$T/disk"
	await guest
	grep '32+0 records out' "$T/guest.log"
}

@test "an image that QEMU writes is not written by kvm-run, nor the other way round" {
	need qemu-system-x86_64
	need_access /dev/kvm
	truncate -s 4M "$T/disk"
	spawn qemu qemu-system-x86_64 -S -display none -nodefaults -machine none -qmp stdio \
		-blockdev "driver=raw,node-name=d,file.driver=file,file.filename=$T/disk" -machine pc -device virtio-blk-pci,drive=d
	until grep -q "$(stat -c %i "$T/disk") 100" /proc/locks; do sleep 0.2; done
	DISK=$T/disk run -1 start '3<>"$DISK"' -w blk,fd=3
	[[ $output = 'kvm-run: blk0: fd 3: another QEMU, kvm-run or vm-img is '*' (lslocks shows it)' ]]
	DISK=$T/disk run -1 start '3<"$DISK"' -w blk,fd=3
	reap
	spawn guest sh -c 'exec kvm-run -q -k "$1" -m 64 -w blk,fd=3 3<>"$2"' sh "$(kernel)/vmlinux" "$T/disk"
	until grep -q "$(stat -c %i "$T/disk") 100" /proc/locks; do sleep 0.2; done
	run -1 timeout 20 qemu-system-x86_64 -S -display none -nodefaults -drive "if=virtio,format=raw,file=$T/disk"
	[[ $output = *'Failed to get'*'lock'* ]]
	DISK=$T/disk run -1 start '3<>"$DISK"' -w blk,fd=3
	DISK=$T/disk run -1 start '3<"$DISK"' -w blk,fd=3
}

@test "readers share an image" {
	need qemu-system-x86_64
	need_access /dev/kvm
	truncate -s 4M "$T/disk"
	spawn qemu qemu-system-x86_64 -S -display none -nodefaults -drive "if=virtio,format=raw,file=$T/disk,readonly=on"
	until grep -q "$(stat -c %i "$T/disk") 100" /proc/locks; do sleep 0.2; done
	spawn guest sh -c 'exec kvm-run -q -k "$1" -m 64 -w blk,fd=3 3<"$2"' sh "$(kernel)/vmlinux" "$T/disk"
	until [ "$(grep -c "$(stat -c %i "$T/disk") 201" /proc/locks)" -ge 2 ]; do sleep 0.2; done
	DISK=$T/disk run -1 start '3<>"$DISK"' -w blk,fd=3
	[[ $output = *'another QEMU, kvm-run or vm-img is using this image'* ]]
}

@test "what no disk can be is told, and nothing is started" {
	need_access /dev/kvm
	truncate -s 4M "$T/disk"
	export DISK=$T/disk
	run -1 start '3<>"$DISK" 4<>"$DISK"' -w blk,fd=3 -w blk,fd=4
	[[ $output = *'the same file as blk'[01] ]]
	run -1 start '3<>"$DISK" 4>&3' -w blk,fd=3 -w blk,fd=4
	[[ $output = *'the same file as blk'[01] ]]
	run -0 start '3<"$DISK" 4<"$DISK"' -w blk,fd=3 -w blk,fd=4
	run -2 start '3>>"$DISK"' -w blk,fd=3
	[[ $output = *'fd 3: '* ]]
	run -2 start '3<>"$DISK"' -w blk,fd=3,cache=some
	[[ $output = *cache* ]]
	run -2 start '3<>"$DISK"' -w blk,fd=3,serial=longer-than-20-characters
	[[ $output = *serial* ]]
}
