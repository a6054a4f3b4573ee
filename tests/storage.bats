# SPDX-License-Identifier: ISC
# Images on storage that is no plain file: a logical volume and a LUN of an iSCSI target, which are block devices to us; and on a file
# system that shares blocks.
# bats file_tags=lab
load lib

setup() {
	[[ -e /run/lab/job ]] || skip 'not in the lab'
	modprobe -a loop dm-mod
	head -c 3M /dev/urandom >"$T/d.raw"
	truncate -s 8M "$T/d.raw"
}

# exercise DEVICE: images written to it, read from it, served from it, by ours and by QEMU.
exercise() {
	vm-img convert -n -f raw -O raw "$T/d.raw" "$1"
	cmp -n $((8 << 20)) "$T/d.raw" "$1"
	run -0 vm-img info -f raw "$1"
	[[ $output = *"virtual size: "* ]]
	run -0 clean vm-img open "$1" kvm-run -n
	[[ $output = *$'\traw' ]]
	vm-img create -q -f qcow2 "$1" 8M
	vm-img convert -n -f raw -O qcow2 "$T/d.raw" "$1"
	qemu-img check -q -f qcow2 "$1"
	qemu-img compare -f raw -F qcow2 "$T/d.raw" "$1"
	spawn -R server vm-img serve -f qcow2 -l "$T/sock" -R 9 "$1"
	qemu-io -f raw -c 'write -q -f -P 7 4M 100k' -c 'discard -q 1M 1M' "nbd+unix:///?socket=$T/sock"
	kill -TERM "${pids[server]}"
	await server
	qemu-img check -q -f qcow2 "$1"
	qemu-io -r -f qcow2 -c 'read -q -P 7 4M 100k' -c 'read -q -P 0 1M 1M' "$1"
}

@test "a logical volume" {
	need lvcreate losetup
	local loop plain='activation { udev_sync=0 udev_rules=0 verify_udev_operations=0 } devices { scan="/dev" obtain_device_list_from_udev=0 }'
	truncate -s 64M "$T/pv"
	loop=$(losetup --show -f "$T/pv")
	mkdir -p "$T/lvm"
	export LVM_SYSTEM_DIR=$T/lvm
	pvcreate -q --config "$plain" "$loop"
	vgcreate -q --config "$plain" vmtest "$loop"
	lvcreate -q -y -Zn -Wn --config "$plain" -L 32M -n disk vmtest
	exercise /dev/mapper/vmtest-disk
	vgremove -q -f --config "$plain" vmtest
	losetup -d "$loop"
}

@test "an iSCSI LUN served by tgt" {
	need tgtd tgtadm iscsistart
	local name=iqn.2026-11.test:disk disk='' before
	modprobe -a iscsi_tcp sd_mod
	ip link set lo up
	truncate -s 32M "$T/lun"
	spawn tgtd tgtd -f --iscsi portal=127.0.0.1:3260
	until tgtadm --lld iscsi --op new --mode target --tid 1 -T "$name" 2>/dev/null; do sleep 0.2; done
	tgtadm --lld iscsi --op new --mode logicalunit --tid 1 --lun 1 -b "$T/lun"
	tgtadm --lld iscsi --op bind --mode target --tid 1 -I ALL
	before=$(ls /sys/block)
	spawn initiator iscsistart -i iqn.2026-11.test:us -t "$name" -g 1 -a 127.0.0.1 -p 3260
	until [[ $disk && -b /dev/$disk && $(blockdev --getsize64 "/dev/$disk") = 33554432 ]]; do
		disk=$(comm -13 <(echo "$before") <(ls /sys/block) | grep -m 1 ^sd || :)
		sleep 0.2
	done
	exercise "/dev/$disk"
	# While there is somebody to ask: at the machine's end the kernel would wait two minutes for him.
	echo 1 >"/sys/block/$disk/device/delete"
}

# shared FILE: how many of its extents another file has too.
shared() {
	sync "$1"
	filefrag -v "$1" | grep -c shared || :
}

@test "a file system that can share blocks: nothing is copied that need not be" {
	need mkfs.btrfs filefrag
	modprobe btrfs
	truncate -s 256M "$T/fs"
	mkfs.btrfs -q "$T/fs"
	mkdir "$T/mnt"
	mount -o loop "$T/fs" "$T/mnt"
	cp "$T/d.raw" "$T/mnt/a.raw"
	sync
	vm-img convert -f raw -O raw "$T/mnt/a.raw" "$T/mnt/b.raw"
	cmp "$T/mnt/a.raw" "$T/mnt/b.raw"
	[ "$(shared "$T/mnt/b.raw")" -ge 1 ]
	vm-img convert -f raw -O qcow2 "$T/mnt/a.raw" "$T/mnt/c.qcow2"
	qemu-img check -q -f qcow2 "$T/mnt/c.qcow2"
	qemu-img compare -f raw -F qcow2 "$T/mnt/a.raw" "$T/mnt/c.qcow2"
	[ "$(shared "$T/mnt/c.qcow2")" -ge 1 ]
	umount "$T/mnt"
}
