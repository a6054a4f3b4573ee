# SPDX-License-Identifier: ISC
# Disks that are qcow2 images: what guests and crowds of requests leave in them, and what kvm-run refuses.
load lib

setup() {
	need qemu-img qemu-io
	cd "$T" || return
}

# bases: a raw image, a compressed one, and a chain of them with a data file, to lie on.
bases() {
	head -c 3M /dev/urandom >base.raw
	truncate -s 4M base.raw
	qemu-img create -q -f qcow2 -b base.raw -F raw -o cluster_size=4k mid.qcow2 5M
	qemu-io -c 'write -P 5 1M 300k' -c 'write -P 7 4500000 70000' -c 'write -z 2M 100k' mid.qcow2 >/dev/null
	qemu-img convert -c -O qcow2 mid.qcow2 packed.qcow2
	qemu-img convert -c -O qcow2 -o compression_type=zstd,cluster_size=4k mid.qcow2 zstd.qcow2
}

# storm SEED OPTIONS [BASE...]: a crowd of requests to an image created with these options on the base, the first one a file;
# then the image is sound, and holds what it has to. With and without io_uring, or as $HOW says.
storm() {
	local seed=$1 options=$2 base=${3-} how
	shift 2
	for how in ${HOW-'' -1}; do
		rm -f s.qcow2 s.data
		qemu-img create -q -f qcow2 -o "$options" ${base:+-b "${base#*:}" -F "${base%%:*}"} s.qcow2 6M
		# shellcheck disable=SC2086 # no word, or one
		disk-storm $how -s "$seed" -n 8 -o model qcow2:s.qcow2 $([[ $options != *data_file* ]] || echo data:s.data) "$@" || {
			echo "seed $seed, options $options, ${how:-with io_uring}"
			return 1
		}
		qemu-img check -q s.qcow2
		qemu-img compare -q -f raw -F qcow2 model s.qcow2
	done
}

@test "crowds of requests, in clusters of every kind" {
	local options
	for options in cluster_size=512 cluster_size=4k cluster_size=64k cluster_size=2M cluster_size=16k,extended_l2=on \
		cluster_size=64k,extended_l2=on compat=0.10 refcount_bits=1,cluster_size=4k refcount_bits=64 lazy_refcounts=on \
		data_file=s.data data_file=s.data,data_file_raw=on,cluster_size=512; do
		storm $RANDOM "$options"
	done
}

@test "crowds of requests, on other images" {
	local options
	bases
	for options in cluster_size=4k cluster_size=64k cluster_size=64k,extended_l2=on compat=0.10 data_file=s.data; do
		storm $RANDOM "$options" raw:base.raw
		storm $RANDOM "$options" qcow2:packed.qcow2
		storm $RANDOM "$options" qcow2:zstd.qcow2
		storm $RANDOM "$options" qcow2:mid.qcow2 raw:base.raw
	done
}

@test "crowds of requests, past the page cache" {
	local options HOW=-d
	bases
	for options in cluster_size=4k cluster_size=64k,extended_l2=on data_file=s.data; do
		storm $RANDOM "$options" qcow2:packed.qcow2
	done
	qemu-img create -q -f qcow2 -o cluster_size=2k s.qcow2 6M
	run -1 disk-storm -d qcow2:s.qcow2
	[ "$output" = 'disk-storm: clusters of 2048 bytes are less than the 4096 of direct I/O' ]
}

@test "the last compressed cluster ends with the file within a sector, and is read while the file becomes longer" {
	local seed
	qemu-img create -q -f qcow2 long.qcow2 2M
	qemu-io -c 'write -P 7 0 70k' long.qcow2 >/dev/null
	qemu-img convert -c -O qcow2 long.qcow2 short.qcow2
	while [ "$(tail -c 1 short.qcow2 | od -An -tx1)" = ' 00' ]; do truncate -s -1 short.qcow2; done
	(($(stat -c %s short.qcow2) % 512))
	for seed in {1..10}; do
		cp short.qcow2 s.qcow2
		run -0 disk-storm -s "$seed" -n 1 qcow2:s.qcow2
	done
}

@test "crowds of requests, encrypted" {
	local how
	bases
	printf geheim >pass
	for how in '' -1 -d; do
		vm-img create -q -f qcow2 -b packed.qcow2 -F qcow2 --object secret,id=s,file=pass \
			-o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 s.qcow2 6M
		# shellcheck disable=SC2086 # no word, or one
		disk-storm $how -k geheim -s $RANDOM -n 8 -o model qcow2:s.qcow2 qcow2:packed.qcow2
		local image=driver=qcow2,file.filename=s.qcow2,encrypt.format=luks,encrypt.key-secret=s
		qemu-img check -q --object secret,id=s,file=pass --image-opts "$image"
		qemu-img compare -q --object secret,id=s,file=pass --image-opts "$image" driver=raw,file.filename=model
		rm s.qcow2
	done
}

@test "images are read with all that they lie on, and never written when open for reading" {
	bases
	qemu-img create -q -f qcow2 -b mid.qcow2 -F qcow2 top.qcow2 6M
	md5sum ./*.qcow2 base.raw >sums
	run -0 disk-storm -r -o model qcow2:top.qcow2 qcow2:mid.qcow2 raw:base.raw
	run -0 qemu-img compare -f raw -F qcow2 model top.qcow2
	run -0 md5sum -c sums
}

# start REDIRECTIONS OPTION...: kvm-run that only has to come as far as its disks: an emulated KVM does.
start() {
	local redirections=$1
	shift
	clean bash -c "exec timeout 60 kvm-run -q -k \"\$1\" -m 64 \"\${@:2}\" $redirections </dev/null" \
		bash "$BIN/guests/cpus" "$@"
}

@test "what the wire brings and what the images say is to be one" {
	need_access /dev/kvm
	bases
	qemu-img create -q -f qcow2 -b packed.qcow2 -F qcow2 top.qcow2 6M
	qemu-img create -q -f qcow2 -o data_file=d.raw data.qcow2 1M
	run -0 start '3<>top.qcow2 4<packed.qcow2' -w blk,fd=3:4,as=qcow2
	run -0 start '3<>mid.qcow2 4<base.raw' -w blk,fd=3:4,as=qcow2,fmt=qcow2:raw
	run -0 start '3<>data.qcow2 4<>d.raw' -w blk,fd=3:4,as=qcow2,data=1
	if dd if=/dev/zero of=direct bs=4k count=1 oflag=direct 2>/dev/null; then
		run -0 start '3<>data.qcow2 4<>d.raw' -w blk,fd=3:4,as=qcow2,data=1,cache=none
	fi
	run -1 start '3<>top.qcow2' -w blk,fd=3,as=qcow2
	[ "$output" = 'kvm-run: blk0: fd 3: lies on another image, which is not in the wire: packed.qcow2' ]
	run -1 start '3<>packed.qcow2 4<base.raw' -w blk,fd=3:4,as=qcow2,fmt=qcow2:raw
	[ "$output" = 'kvm-run: blk0: fd 3: lies on no other image, but the wire has more' ]
	run -1 start '3<>data.qcow2' -w blk,fd=3,as=qcow2
	[ "$output" = 'kvm-run: blk0: fd 3: its data file is not in the wire (data=): d.raw' ]
	run -1 start '3<>data.qcow2 4<d.raw' -w blk,fd=3:4,as=qcow2,data=1
	[ "$output" = 'kvm-run: blk0: fd 3: its data file, fd 4: read-only' ]
	run -0 start '3<data.qcow2 4<d.raw' -w blk,fd=3:4,as=qcow2,data=1
	run -1 start '3<>packed.qcow2 4<>d.raw' -w blk,fd=3:4,as=qcow2,data=1
	[ "$output" = 'kvm-run: blk0: fd 4: is no data file of fd 3' ]
	run -1 start '3<>base.raw' -w blk,fd=3,as=qcow2
	[ "$output" = 'kvm-run: blk0: fd 3: not a qcow2 image' ]
}

@test "an encrypted image needs its passphrase, every byte of it" {
	need_access /dev/kvm
	printf geheim >pass
	vm-img create -q -f qcow2 --object secret,id=s,file=pass -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 \
		crypt.qcow2 1M
	run -0 start '3<>crypt.qcow2 4<pass' -w blk,fd=3,as=qcow2,key=k -w key,fd=4,id=k
	run -0 start '3<>crypt.qcow2 4< <(printf geheim)' -w blk,fd=3,as=qcow2,key=k -w key,fd=4,id=k
	run -1 start '3<>crypt.qcow2 4<<<geheim' -w blk,fd=3,as=qcow2,key=k -w key,fd=4,id=k
	[[ $output = 'kvm-run: blk0: fd 3: '* ]]
	run -1 start '3<>crypt.qcow2 4</dev/null' -w blk,fd=3,as=qcow2,key=k -w key,fd=4,id=k
	[ "$output" = 'kvm-run: blk0: k: empty' ]
	run -1 start '3<>crypt.qcow2' -w blk,fd=3,as=qcow2
}

@test "a chain is locked, for writing at its top alone" {
	need_access /dev/kvm
	bases
	qemu-img create -q -f qcow2 -b packed.qcow2 -F qcow2 top.qcow2 6M
	qemu-img create -q -f qcow2 -b packed.qcow2 -F qcow2 other.qcow2 6M
	spawn guest bash -c 'exec kvm-run -q -k "$1" -m 64 -w blk,fd=3:4,as=qcow2 3<>top.qcow2 4<packed.qcow2' \
		bash "$BIN/guests/idle"
	until grep -q "$(stat -c %i top.qcow2) 201" /proc/locks; do sleep 0.1; done
	run -1 start '3<>top.qcow2 4<packed.qcow2' -w blk,fd=3:4,as=qcow2
	[[ $output = 'kvm-run: blk0: fd 3: another QEMU, kvm-run or vm-img is writing'* ]]
	run -1 start '3<>packed.qcow2' -w blk,fd=3,as=qcow2
	[[ $output = 'kvm-run: blk0: fd 3: another QEMU, kvm-run or vm-img is using'* ]]
	run -0 start '3<>other.qcow2 4<packed.qcow2' -w blk,fd=3:4,as=qcow2
	run -1 qemu-io -c 'read 0 512' top.qcow2
	[[ $output = *'Failed to get'*lock* ]]
	run -125 clean vm-img open -f qcow2 top.qcow2 true
	run -1 start '3<>top.qcow2 4<packed.qcow2 5<>other.qcow2 6<packed.qcow2 7<>packed.qcow2' -w blk,fd=5:6,as=qcow2 -w blk,fd=7
	[[ $output = *'the same file as blk'[01] ]]
}

# boot REDIRECTIONS OPTION...: kvm-run with a stock kernel, $T/initrd, and descriptors opened by sh.
boot() {
	local redirections=$1
	shift
	clean bash -c "exec timeout 250 kvm-run -k \"\$1\" -i \"\$2\" -m 128 -A quiet \"\${@:3}\" $redirections </dev/null" \
		bash "$(kernel)/vmlinux" "$T/initrd" "$@"
}

# bats test_tags=kvm
@test "a guest works on a chain until it is killed: the image is sound, and what was synced is there" {
	need_kvm
	need mkfs.ext4 e2fsck
	truncate -s 96M fs
	mkfs.ext4 -q fs
	qemu-img convert -c -O qcow2 fs base.qcow2
	qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		mount -t ext4 -o discard /dev/vda /mnt || exit 1
		cd /mnt
		if [ "$synced" ]; then
			[ "$(wc -l <sums)" -ge "$synced" ] && md5sum -c -s sums && echo "intact: $synced and more"
			cd / && umount /mnt
			exit
		fi
		{ while dd if=/dev/urandom of=noise bs=64k count=200 2>/dev/null; do rm noise; done; } &
		for i in $(seq 1000); do
			dd if=/dev/urandom of=$i bs=20k count=$((i % 7 + 1)) conv=fsync 2>/dev/null
			md5sum $i >>sums
			sync
			echo "synced $i"
		done
	EOS
	spawn guest vm-img open -f qcow2 top.qcow2 kvm-run -k "$(kernel)/vmlinux" -i "$T/initrd" -m 128 -A quiet
	wait_line guest.log '^synced 40' 200
	kill -KILL "${pids[guest]}"
	wait "${pids[guest]}" || :
	local synced
	synced=$(grep -c ^synced guest.log)
	run qemu-img check top.qcow2
	((status == 0 || status == 3)) || { echo "$output"; return 1; }
	run -0 clean vm-img open -f qcow2 top.qcow2 timeout 250 kvm-run -k "$(kernel)/vmlinux" -i "$T/initrd" -m 128 \
		-A "quiet synced=$synced" </dev/null
	[[ $output = *"intact: $synced and more"* ]]
	run qemu-img check top.qcow2
	((status == 0 || status == 3))
	# The same chain, as QEMU's disk.
	# shellcheck disable=SC2016 # for the inner shell
	run -0 clean vm-img open -f qcow2 top.qcow2 sh -c 'exec timeout 250 qemu-system-x86_64 -M q35 -accel kvm -cpu host -m 128 \
		-nographic -no-reboot -kernel "$1/vmlinuz" -initrd initrd -append "console=ttyS0 quiet synced=$2" $(kvm-run -N qemu)' \
		sh "$(kernel)" "$synced" </dev/null
	[[ $output = *"intact: $synced and more"* ]]
	qemu-img convert -O raw top.qcow2 fs
	run -0 e2fsck -fn fs
}

# bats test_tags=kvm
@test "an image is plugged in, written, and taken out" {
	need_kvm
	need nc
	qemu-img create -q -f qcow2 disk.qcow2 32M
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		echo up
		until [ -b /dev/vda ]; do sleep 1; done
		tr '\0' x </dev/zero | dd of=/dev/vda bs=1M count=8 iflag=fullblock conv=fsync 2>/dev/null
		echo written
		until [ ! -b /dev/vda ]; do sleep 1; done
		echo gone
		sleep 1000
	EOS
	spawn guest timeout 250 kvm-run -k "$(kernel)/vmlinux" -i "$T/initrd" -m 128 -H 1 -C ctl -A quiet
	wait_line guest.log ^up 150
	run -0 clean vm-img open -f qcow2 -o id=hot -S ctl disk.qcow2
	wait_line guest.log ^written
	run -0 nc -NU ctl <<<'unplug hot'
	wait_line guest.log ^gone
	until run -0 clean vm-img open -f qcow2 disk.qcow2 true; do sleep 0.2; done
	run -0 qemu-img check disk.qcow2
	qemu-io -c 'read -P 120 0 8M' -c 'read -P 0 8M 24M' disk.qcow2 | grep -c failed && return 1
	reap
}

# bats test_tags=kvm
@test "two vCPUs, a queue each, work on an image, on an encrypted one and on an NBD export" {
	need_kvm
	printf geheim >pass
	qemu-img create -q -f qcow2 plain.qcow2 64M
	vm-img create -q -f qcow2 --object secret,id=s,file=pass -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 \
		crypt.qcow2 64M
	qemu-img create -q -f qcow2 served.qcow2 64M
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		# work DEV CPU: writes some of its half of the disk, a cluster apart, and reads it, on this CPU.
		work() {
			dd if=/dev/urandom of=/tmp/$1$2 bs=4k count=256 2>/dev/null
			for i in $(seq 0 15); do
				dd if=/tmp/$1$2 of=/dev/$1 bs=64k skip=$i count=1 seek=$(($2 * 512 + i * 3)) conv=fsync 2>/dev/null
			done
			for i in $(seq 0 15); do
				dd if=/dev/$1 iflag=direct bs=64k skip=$(($2 * 512 + i * 3)) count=1 2>/dev/null
			done | cmp - /tmp/$1$2 && echo "$1 by CPU $2: as written"
		}
		for disk in vda vdb vdc; do
			echo "$disk: $(ls /sys/block/$disk/mq | wc -l) queues"
			for cpu in 0 1; do
				(taskset -p $((1 << cpu)) "$(exec sh -c 'echo $PPID')" >/dev/null && work $disk $cpu) &
			done
		done
		wait
	EOS
	spawn server vm-img serve -l sock -f qcow2 served.qcow2
	until [ -S sock ]; do sleep 0.1; done
	run -0 clean vm-img open -f qcow2 plain.qcow2 vm-img open -f qcow2 --key pass crypt.qcow2 vm-img open "nbd+unix:///?socket=$T/sock" \
		timeout 250 kvm-run -k "$(kernel)/vmlinux" -i "$T/initrd" -m 128 -c 2 -A quiet </dev/null
	local disk
	for disk in vda vdb vdc; do
		[[ $output = *"$disk: 2 queues"* && $output = *"$disk by CPU 0: as written"* && $output = *"$disk by CPU 1: as written"* ]]
	done
	qemu-img check -q plain.qcow2
	qemu-img check -q --object secret,id=s,file=pass --image-opts \
		driver=qcow2,file.filename=crypt.qcow2,encrypt.format=luks,encrypt.key-secret=s
	kill "${pids[server]}"
	wait "${pids[server]}" || :
	qemu-img check -q served.qcow2
}
