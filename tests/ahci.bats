# SPDX-License-Identifier: ISC
# Disks and CD-ROM drives of guests without virtio: booted from by firmware, worked by stock drivers, changed by ctl.
load lib
load firmware

ask() {
	printf '%s\n' "$@" | nc -UN "$T/ctl"
}

# medium FILE: an image of a file system, of ISO 9660, with FILE of random bytes and its sum.
medium() {
	mkdir -p "$T/tree"
	head -c 2000000 /dev/urandom >"$T/tree/data"
	(cd "$T/tree" && md5sum data >sum)
	genisoimage -quiet -R -o "$1" "$T/tree"
}

@test "SeaBIOS boots from a disk, and from a CD, in the order asked for" {
	need genisoimage
	sector_disk "$T/disk" hello
	mkdir "$T/tree"
	cp "$BIN/guests/sector" "$T/tree/boot"
	truncate -s 2048 "$T/tree/boot"
	genisoimage -quiet -R -b boot -no-emul-boot -boot-load-size 4 -o "$T/cd" "$T/tree"
	run -0 bios sh -c 'exec "$@" 3<>"$0/disk" 4<"$0/cd"' "$T" -- -w blk,fd=3,bus=ahci -w blk,fd=4,media=cdrom
	grep -x 'sector: drive 80: hello.' "$T/log"
	grep 'AHCI/0: registering: "AHCI/0: KVM-RUN DISK ATA-9 Hard-Disk (1 MiBytes)"' "$T/log"
	grep 'DVD/CD .AHCI/1: KVM-RUN CD-ROM ATAPI-9' "$T/log"
	run -0 bios sh -c 'exec "$@" 3<>"$0/disk" 4<"$0/cd"' "$T" -- -w blk,fd=3,bus=ahci -w blk,fd=4,media=cdrom -B cdrom,disk
	grep 'Booting from DVD/CD' "$T/log"
	grep '^sector: drive e0: ' "$T/log"
}

@test "media are changed and ejected by ctl; what is no medium is refused, and nothing is lost" {
	need_access /dev/kvm
	need genisoimage nc
	local both=$'blk0\tblk\t(00:...0)\t-\ncd\tblk\t(00:...0)\t-'
	medium "$T/cd"
	truncate -s 1M "$T/disk"
	truncate -s 1000 "$T/short"
	spawn guest sh -c 'exec kvm-run -k "$1" -m 64 -C "$2/ctl" -H 1 -w con,fd=0:1 -w blk,fd=3,bus=ahci \
		-w blk,fd=4,media=cdrom,id=cd 3<>"$2/disk" 4<"$2/cd"' sh "$BIN/guests/idle" "$T"
	until [ -S "$T/ctl" ]; do sleep 0.1; done
	run -0 ask devices
	[[ $output =~ $both ]]
	[ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ]
	run -0 ask 'eject cd' 'eject cd' 'eject blk0' 'eject nix' 'change cd blk,fd=0' 'unplug cd' 'change blk0 blk,fd=0' 'change cd'
	[ "$output" = "ok
ok
no blk0: no such CD-ROM drive
no nix: no such CD-ROM drive
no cd: fd 0: only 0 descriptors came
no cd: was there at the start, so it stays
no blk0: no such CD-ROM drive
no usage: change ID WIRE" ]
	run -0 clean sh -c 'exec wire-give -S "$0/ctl" blk,fd=0,id=cd,media=cdrom 3 3<"$0/cd"' "$T"
	run -1 clean sh -c 'exec wire-give -S "$0/ctl" blk,fd=0,id=cd,media=cdrom 3 3<"$0/disk"' "$T"
	[[ $output = *'the same file as blk0' ]]
	run -1 clean sh -c 'exec wire-give -S "$0/ctl" blk,fd=0,id=cd,media=cdrom 3 3<"$0/short"' "$T"
	[[ $output = *empty ]]
	run -1 clean sh -c 'exec wire-give -S "$0/ctl" blk,fd=0,bus=ahci 3 3<"$0/short"' "$T"
	[[ $output = *'only virtio disks can be plugged in' ]]
	run -0 ask 'eject cd'
	[ "$output" = ok ]
}

@test "what an AHCI port cannot be is told" {
	truncate -s 1000 "$T/short"
	truncate -s 1M "$T/disk"
	run -2 clean sh -c 'exec kvm-run -n -w blk,fd=3,bus=virtio,media=cdrom 3<"$0"' "$T/disk"
	[ "$output" = 'kvm-run: blk0: media=cdrom: not on bus=virtio' ]
	need_access /dev/kvm
	run -1 clean sh -c 'exec kvm-run -k "$1" -m 64 -w blk,fd=3,media=cdrom 3<"$0"' "$T/short" "$BIN/guests/idle" </dev/null
	[[ $output = *'kvm-run: blk0: empty' ]]
}

# bats test_tags=kvm
@test "a stock kernel: a file system under load, TRIM, a CD read whole, changed, ejected; by messages and by the pin" {
	need_kvm
	need genisoimage nc mkfs.ext4
	local how
	truncate -s 96M "$T/disk"
	medium "$T/cd1"
	cp "$T/tree/sum" "$T/sum1"
	medium "$T/cd2"
	initrd "$T/initrd" -g -m 'ahci sd_mod sr_mod isofs ext4 crc32c_generic' <<-'EOS'
		#!/bin/sh
		grep -o 'PCI-MSI.*ahci\|IO-APIC.*ahci' /proc/interrupts
		echo "depth $(cat /sys/block/sda/device/queue_depth) serial $(tr -d '\0 ' </sys/block/sda/device/vpd_pg80 | tail -c 3)"
		mount -t ext4 /dev/sda /mnt || exit 1
		mkdir /mnt/d
		for i in 1 2 3 4 5 6 7 8; do
			dd if=/dev/urandom of=/mnt/d/$i bs=128k count=$i conv=fsync 2>/dev/null &
		done
		wait
		cd /mnt/d && md5sum * >/tmp/sums
		cd / && umount /mnt && mount -t ext4 /dev/sda /mnt
		cd /mnt/d && md5sum -c -s /tmp/sums && echo files intact
		rm -r /mnt/d
		cd / && fstrim /mnt && echo trimmed
		umount /mnt
		mount -t iso9660 /dev/sr0 /mnt && cd /mnt && md5sum -c -s sum && echo "first $(md5sum <data)"
		cd / && umount /mnt
		echo next
		until [ "$(dd if=/dev/sr0 bs=2048 skip=16 count=1 2>/dev/null | wc -c)" = 0 ]; do sleep 0.1; done
		echo empty
		until dd if=/dev/sr0 bs=2048 count=1 2>/dev/null | grep -q .; do sleep 0.1; done
		until mount -t iso9660 /dev/sr0 /mnt 2>/dev/null; do sleep 0.1; done
		cd /mnt && md5sum -c -s sum && echo "second $(md5sum <data)"
		echo locked
		until [ -e /tmp/stop ] || ! md5sum -c -s sum; do sleep 0.5; touch /tmp/stop; done
		dmesg | grep -iE 'ata[0-9].*(error|exception|reset|fail)|I/O error' | grep -v sr0
		cd / && umount /mnt
		echo "serviced $(grep -E 'ahci' /proc/interrupts | awk '{ print ($2 > 50) }')"
	EOS
	for how in PCI-MSI IO-APIC; do
		mkfs.ext4 -q -F "$T/disk"
		# shellcheck disable=SC2016 # expands there
		spawn guest timeout 250 sh -c 'exec kvm-run -k "$1" -i "$2" -m 256 -C "$3/ctl" -A "quiet $4" \
			-w blk,fd=3,bus=ahci,serial=abc -w blk,fd=4,media=cdrom,id=cd 3<>"$3/disk" 4<"$3/cd1"' \
			sh "$(kernel generic)/vmlinux" "$T/initrd" "$T" "$([ $how = PCI-MSI ] || echo pci=nomsi)"
		wait_line "$T/guest.log" ^next 200
		# While one of its dd has the drive open the guest locks it.
		until run -0 ask 'eject cd' && [ "$output" = ok ]; do
			[[ $output = *'locked by the guest'* ]]
			sleep 0.1
		done
		wait_line "$T/guest.log" ^empty
		run -0 clean sh -c 'exec wire-give -S "$0/ctl" blk,fd=0,id=cd,media=cdrom 3 3<"$0/cd2"' "$T"
		wait_line "$T/guest.log" ^locked
		run -0 ask 'eject cd'
		[ "$output" = 'no cd: locked by the guest, which was asked to release it' ]
		await guest
		run -0 cat "$T/guest.log"
		[[ $output = *"$how"*ahci*'depth 32 serial abc'*'files intact'*trimmed*"first $(cut -d ' ' -f 1 "$T/sum1")"* ]]
		[[ $output = *"second $(cut -d ' ' -f 1 "$T/tree/sum")"*'serviced 1'* ]]
		[[ ! $output =~ ata[0-9].*(error|exception|fail) ]]
		rm "$T/ctl" 2>/dev/null || :
	done
}

# bats test_tags=kvm
@test "a CD as installers have them boots: GRUB's menu, a stock kernel, which reads the CD back whole" {
	need_kvm
	need genisoimage grub-mkimage
	initrd "$T/initrd" -g -m 'ahci sr_mod isofs' <<-'EOS'
		#!/bin/sh
		echo "sum $(md5sum </dev/sr0)"
		mount -t iso9660 /dev/sr0 /mnt && ls /mnt/boot
	EOS
	"$TESTS/lab/boot-cd" "$T/cd" "$T/initrd"
	BATS_TEST_TIMEOUT=200 run -0 clean sh -c 'exec timeout 190 kvm-run -F "$1/bios-256k.bin" -m 512 -w blk,fd=3,media=cdrom 3<"$0"' \
		"$T/cd" "$SEABIOS" </dev/null
	[[ $output = *"sum $(md5sum <"$T/cd" | cut -d ' ' -f 1)"*vmlinuz* ]]
}
