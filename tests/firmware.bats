# SPDX-License-Identifier: ISC
# Firmware: SeaBIOS with boot sectors of our own wherever KVM runs anything, GRUB, Linux and iPXE in the lab.
load lib
load firmware
load lan

@test "SeaBIOS boots a disk, with all processors and memory, and shows its text on the serial port" {
	sector_disk "$T/disk" hello
	run -0 bios sh -c 'exec "$@" 3<>"$0"' "$T/disk" -- -w blk,fd=3 -c 2 -m 3G
	grep -x 'sector: drive 80: hello.' "$T/log"
	grep -x 'Booting from 0000:7c00' "$T/log"
	grep 'Found 2 cpu(s) max supported 2 cpu(s)' "$T/log"
	grep '0000000100000000 - 0000000140000000 = 1 RAM' "$T/log"
	grep 'table(50434146)=0x.* (via xsdt)' "$T/log"
	[[ $output = *'SeaBIOS (version '* ]]
	tr -d '\r\n' <<<"$output" | grep 'sector: drive 80' # the last bytes wait for the BIOS's clock
}

@test "-B: an order, once, and then the other one; a reset in place begins with the firmware" {
	sector_disk "$T/first" Resets
	sector_disk "$T/other" other
	run -0 bios sh -c 'exec "$@" 3<>"$0/first" 4<>"$0/other"' "$T" -- -r -w blk,fd=3 -w blk,fd=4,id=other \
		-B other,once=blk0,serial=off
	[ "$(grep -a '^sector' "$T/log" | tr -d '\r')" = $'sector: drive 80: Resets\nsector: drive 80: other' ]
	[[ $output != *'SeaBIOS (version '* ]]
}

@test "-B: only what is named, a menu, and how long nothing is waited for" {
	sector_disk "$T/disk" never
	run -4 bios sh -c 'exec "$@" 3<>"$0"' "$T/disk" -- -w blk,fd=3,media=disk -B cdrom,only,fail=1,menu=0
	! grep '^sector' "$T/log"
	grep 'Press ESC for boot menu' "$T/log"
	grep 'No bootable device.  Retrying in 1 seconds.' "$T/log"
}

# white_bmp: a picture of 640 by 480 pixels of 24 bits.
white_bmp() {
	printf 'BM\x36\x10\x0e\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x80\x02\0\0\xe0\x01\0\0\x01\0\x18\0\0\0\0\0\0\x10\x0e\0'
	head -c 16 /dev/zero
	head -c $((640 * 480 * 3)) /dev/zero | tr '\0' '\377'
}

@test "a splash picture is shown, with a VGA and its ROM" {
	white_bmp >"$T/splash"
	printf '%s\n' 'size 640 480' 'pixel 10 10 ffffff' 'pixel 630 470 ffffff' kill >"$T/script"
	run -137 clean sh -c 'exec timeout -k 1 55 fb-screen -t 50 "$0/script" kvm-run -m 64 -F "$1/bios-256k.bin" \
		-w fw,fd=4,of=fb0 -w fw,fd=5,as=splash 4<"$1/vgabios-stdvga.bin" 5<"$0/splash"' "$T" "$SEABIOS" </dev/null
}

@test "a guest that drives fw_cfg at random does kvm-run no harm" {
	cp "$BIN/guests/fwstorm" "$T/disk"
	truncate -s 1M "$T/disk"
	run -0 bios sh -c 'exec "$@" 3<>"$0"' "$T/disk" -- -w blk,fd=3
	grep -x survived "$T/log"
}

# refused OPTION...: kvm-run exits with 2 and a line, which is left in $output.
refused() {
	run -2 clean sh -c 'exec kvm-run "$@" 3<"$0" 4<"$0" 5<"$0"' "$T/file" "$@" </dev/null
	[ "${#lines[@]}" -eq 1 ]
}

@test "what firmware cannot be, or cannot be with, is refused by name" {
	local size
	truncate -s 4096 "$T/file"
	refused -F "$T/file" -k "$T/file"
	[ "$output" = 'kvm-run: a kernel and firmware: give one of them; firmware boots from disks and networks' ]
	refused -F "$T/file" -i "$T/file"
	[ "$output" = 'kvm-run: an initrd and firmware: it comes with a kernel only' ]
	refused -k "$T/file" -B disk
	[ "$output" = 'kvm-run: -B: a kernel that is given is booted, and nothing else' ]
	refused -F "$T/file" -B blk0
	[ "$output" = 'kvm-run: -B blk0: neither disk, cdrom or net, nor the id of a blk or net wire' ]
	refused -F "$T/file" -B disk,menu=soon
	[ "$output" = 'kvm-run: -B menu: not a number of seconds up to 3600' ]
	refused -F "$T/file" -F "$T/file"
	[ "$output" = 'kvm-run: fw1: fw: that is fw0 already' ]
	refused -F "$T/file" -w fw,fd=3,of=net0
	[ "$output" = 'kvm-run: fw1: of=net0: no such wire' ]
	refused -F "$T/file" -w con,fd=3,as=debug
	[ "$output" = 'kvm-run: con0: fd 3: read-only' ]
	for size in 0 1000 17M; do
		truncate -s "$size" "$T/file"
		run -1 clean kvm-run -F "$T/file" </dev/null
		[ "$output" = 'kvm-run: firmware: not whole pages, from 4 KiB to 16 MiB' ]
	done
	truncate -s 4096 "$T/file" "$T/disk"
	: >"$T/empty"
	run -1 clean sh -c 'kvm-run -F "$0/file" -w blk,fd=3 -w fw,fd=4,of=blk0,id=rom 3<>"$0/disk" 4<"$0/empty"' "$T" </dev/null
	[ "$output" = 'kvm-run: rom: not of 1 byte to 16 MiB' ]
	run -1 clean sh -c 'kvm-run -F "$0/file" -w fw,fd=4,as=splash 4<"$0/empty"' "$T" </dev/null
	[ "$output" = 'kvm-run: firmware: splash: not of 1 byte to 16 MiB' ]
}

@test "firmware, ROMs and the debug port have words in QEMU" {
	truncate -s 4096 "$T/file"
	run -0 clean sh -c 'exec kvm-run -N qemu -F "$0" -w blk,fd=3 -w fw,fd=4,of=blk0 -w con,fd=5,as=debug -w fw,fd=6,as=splash \
		3<>"$0" 4<"$0" 5>"$0.log" 6<"$0"' "$T/file"
	[[ $output =~ -bios\ /proc/self/fd/[0-9]+ ]]
	[[ $output = *'-set device.blk0.romfile=/proc/self/fd/4'* ]]
	[[ $output = *'-chardev file,id=con0,path=/proc/self/fd/5 -device isa-debugcon,iobase=0x402,chardev=con0'* ]]
	[[ $output = *'-boot menu=on,splash=/proc/self/fd/6'* ]]
	run -2 clean sh -c 'exec kvm-run -N crosvm -w fw,fd=3,as=splash 3<"$0"' "$T/file"
}

# bats test_tags=kvm
@test "a disk image with GRUB and a stock kernel boots to a login on tty0 and on serial, and nothing is odd there" {
	need_kvm
	need grub-mkimage sfdisk mke2fs
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		hostname stock
		getty -L 0 ttyS0 vt100 &
		getty -L 0 tty1 linux &
		sleep 2
		echo "tty0 shows $(tr -d '\0' </dev/vcs1 | grep -o '[a-z]* login:')"
		dmesg
		cd /sys/class/dmi/id && echo "made by $(cat sys_vendor product_name)"
		for id in 8086:29c0 8086:2918 1af4:1042; do
			grep -il "^PCI_ID=$id" /sys/bus/pci/devices/*/uevent
		done
	EOS
	"$TESTS/lab/grub-disk" "$T/disk" "$T/initrd"
	local patience=150
	run -0 bios sh -c 'exec "$@" 3<>"$0"' "$T/disk" -- -m 192,nodes=2,max=448 -c 2,sockets=2 -w blk,fd=3
	grep -x 'Booting from 0000:7c00' "$T/log"
	output=$(sed 's/\x1b\[[0-9;?]*[A-Za-z]//g' <<<"$output") # the BIOS moves its cursor
	echo "$output"
	[[ $output = *'Welcome to GRUB!'*'stock login:'*'tty0 shows stock login:'* ]]
	[[ ! $output =~ $complaints ]]
	[[ $output = *'ACPI: Using ACPI (MADT) for SMP configuration information'* ]]
	[[ $output = *'made by kvm-utils'*kvm-run* ]]
	[[ $output = *'ACPI: SRAT: Node 1 PXM 1 [mem 0x100000000-0x10fffffff] hotplug'* ]]
	[[ $output = *'smp: Brought up 2 nodes, 2 CPUs'* && $output = *'smpboot: Max logical packages: 2'* ]]
	[[ $output = *'0000:00:00.0/uevent'*'0000:00:1f.0/uevent'* ]]
}

# bats test_tags=kvm
@test "iPXE, a ROM that is a wire, boots from vm-slirp's TFTP" {
	need_kvm
	mkdir "$T/root"
	cp "$BIN/guests/sector" "$T/root/boot"
	run -0 bios vm-slirp -T "$T/root" -E boot sh -c 'exec "$@" 4<"$0"' /usr/lib/ipxe/qemu/pxe-virtio.rom -- -B net,only -w fw,fd=4,of=net0
	[[ $output = *iPXE*'/boot... ok'* ]]
	grep 'sector: drive' "$T/log"
}

# bats test_tags=kvm
@test "iPXE boots from vm-dhcpd's TFTP, over a tap and a bridge" {
	need_kvm
	need_access /dev/net/tun
	lan 10.9.0.1/24
	mkdir "$T/root"
	chmod 755 "$T/root"
	install -m 644 "$BIN/guests/sector" "$T/root/boot"
	spawn_in host -R dhcpd vm-dhcpd -R 9 -b br0 -d none -T "$T/root" -E boot
	run -0 bios nsenter --preserve-credentials -U -n -t "${pids[host]}" vm-tap -b br0 \
		sh -c 'exec "$@" 4<"$0"' /usr/lib/ipxe/qemu/pxe-virtio.rom -- -B net,only -w fw,fd=4,of=net0
	[[ $output = *'tftp://10.9.0.1/boot... ok'* ]]
	grep 'sector: drive' "$T/log"
}

# bats test_tags=kvm
@test "the firmware's examples of kvm-run(1) run" {
	need_kvm
	local line
	cd "$T"
	ln -s "$SEABIOS/bios-256k.bin" /usr/lib/ipxe/qemu/pxe-virtio.rom .
	sector_disk disk.raw example
	truncate -s 1M cd.iso
	while IFS= read -r line; do
		run -0 clean timeout -k 1 80 sh -c "$line" </dev/null
		[[ $output = *'Booting from Hard Disk'* ]]
	done < <(examples "$TESTS/../man/kvm-run.1" | grep -e ' -F ')
	grep 'sector: drive 80: example' log
}
