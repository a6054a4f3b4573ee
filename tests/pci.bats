# SPDX-License-Identifier: ISC
# Assigned devices: vm-pin pci, which hands them over and has them given back, and kvm-run, whose guests work them.
# lab: -m 3G -a 'intel_iommu=on iommu=nopt' -o '-M q35,kernel-irqchip=split -device intel-iommu,intremap=on,caching-mode=on -netdev hubport,id=h0,hubid=0 -device e1000e,netdev=h0,addr=5 -netdev hubport,id=h1,hubid=0 -device virtio-net-pci,netdev=h1,addr=6 -device ich9-ahci,id=sata,addr=7 -drive if=none,id=null,file.driver=null-co,file.size=64M,format=raw -device ide-hd,bus=sata.0,drive=null'
load lib
load pci

ask() {
	printf '%s\n' "$@" | nc -UN "$T/ctl"
}

# played CMD...: CMD on a machine that is played: a card and its sound in group 7, a disk in 8 beside a bridge, one without an IOMMU.
played() {
	clean unshare -rm bash -ec '
		mount -t tmpfs none /sys
		device() { # ADDRESS VENDOR DEVICE CLASS GROUP DRIVER
			local dir=/sys/bus/pci/devices/$1
			mkdir -p "$dir"
			echo "0x$2" >"$dir/vendor"
			echo "0x$3" >"$dir/device"
			echo "0x$4" >"$dir/class"
			echo "(null)" >"$dir/driver_override"
			echo -1 >"$dir/numa_node"
			[ ! "$5" ] || {
				mkdir -p "/sys/kernel/iommu_groups/$5/devices/$1"
				ln -s "../../../kernel/iommu_groups/$5" "$dir/iommu_group"
			}
			[ ! "$6" ] || ln -s "../../../bus/pci/drivers/$6" "$dir/driver"
		}
		device 0000:01:00.0 10de 1234 030000 7 ""
		device 0000:01:00.1 10de 1235 040300 7 snd_hda_intel
		device 0000:02:00.0 8086 2922 010601 8 vfio-pci
		device 0000:00:1c.0 8086 9d10 060400 8 pcieport
		device 0000:00:03.0 8086 10d3 020000 "" ""
		mkdir -p /sys/class/block
		exec "$@"' sh "$@"
}

@test "devices are listed, and what hinders them is told" {
	run -0 played vm-pin pci
	lines $'0000:00:03.0\t-\t8086:10d3\t020000\t-\t-' $'0000:00:1c.0\t8\t8086:9d10\t060400\tpcieport\t-' \
		$'0000:01:00.0\t7\t10de:1234\t030000\t-\t-' $'0000:01:00.1\t7\t10de:1235\t040300\tsnd_hda_intel\t-' \
		$'0000:02:00.0\t8\t8086:2922\t010601\tvfio-pci\t-'
	run -0 played vm-pin pci -jn 2:0.0
	[ "$output" = '{"address":"0000:02:00.0","group":8,"ids":"8086:2922","class":"010601","driver":"vfio-pci"}' ]
	run -1 played vm-pin pci -n 01:00.0 00:03.0 00:1c.0
	lines 'vm-pin: 0000:01:00.0: its group, 7, has 0000:01:00.1 of driver snd_hda_intel, too: name that as well, or take its driver away' \
		"vm-pin: 0000:00:03.0: no IOMMU keeps it from the host's memory (BIOS, and the kernel's words intel_iommu=on or amd_iommu=on)" \
		'vm-pin: 0000:00:1c.0: a bridge, which no guest can have'
	run -0 played vm-pin pci -n 0000:01:00.0 01:00.1
	run -125 played vm-pin pci 01:00.0 true
	run -125 played vm-pin pci 05:00.0 true
	[ "$output" = 'vm-pin: 0000:05:00.0: no such device' ]
	for wrong in '01:00.0' '01:00.0 1:0.0 true' 'true' '01:20.0 true' '01:00.8 true' '0x1:00.0 true' '-N kvm 01:00.0 true' '-S s 01:00.0 true'; do
		# shellcheck disable=SC2086 # words
		run -2 played vm-pin pci $wrong
	done
}

@test "what a pci wire cannot be is told" {
	run -2 in_sh 'kvm-run -n -w pci,fd=3 3</dev/null'
	[ "${lines[0]}" = 'kvm-run: pci0: fd 3: a character device, not a VFIO device' ]
	run -2 in_sh 'kvm-run -n -w pci,fd=3:4 3<>/dev/null 4</dev/null'
}

# bats test_tags=lab
@test "a card is the guest's: streams both ways, every kind of interrupt, its ROM, resets of it and of the machine; then the host's again" {
	need_nic
	need busybox nc
	mkdir "$T/www"
	head -c 8000000 /dev/urandom >"$T/www/data"
	spawn web busybox httpd -f -p 10.9.0.1:7000 -h "$T/www"
	spawn taker sh -c 'for i in 1 2; do nc -l -d 10.9.0.1 7001 >"$0.$i"; done' "$T/taken"
	echo 1 >$nic_dir/rom
	rom=$(md5sum <$nic_dir/rom)
	echo 0 >$nic_dir/rom
	nic_guest "$T/initrd" <<-'EOS'
		up
		wget -q -O /tmp/data http://10.9.0.1:7000/data
		echo "got $(md5sum </tmp/data)"
		nc 10.9.0.1 7001 </tmp/data
		grep eth0 /proc/interrupts
		ip link set eth0 down
		echo 1 >$d/reset && echo function reset
		rmmod e1000e
		way IntMode=0 pin IO-APIC
		echo 1 >$d/rom && echo "rom $(md5sum <$d/rom)"
		echo 0 >$d/rom
		rmmod e1000e
		printf '\003' | dd of=$d/config bs=1 seek=204 conv=notrunc 2>/dev/null # of its power management
		echo asleep $(od -An -tu1 -j 204 -N 1 $d/config) $(busybox devmem $(awk 'NR == 1 { print $1 }' $d/resource))
		printf '\000' | dd of=$d/config bs=1 seek=204 conv=notrunc 2>/dev/null
		way '' messages PCI-MSI
		dmesg | grep -iE 'e1000e.*(hang|timeout|error)'
		echo ready
		sleep 1000
	EOS
	spawn guest timeout 200 vm-pin pci 00:05.0 kvm-run -v -k "$(kernel generic)/vmlinux" -i "$T/initrd" -m 256 -A quiet -C "$T/ctl"
	wait_line "$T/guest.log" ^ready 120
	[ "$(driver_of $nic)" = vfio-pci ]
	ask reset
	await taker
	until [ "$(grep -c ^ready "$T/guest.log")" = 2 ]; do sleep 0.2; done
	ask quit
	await guest 5
	given_back
	run -0 cat "$T/guest.log"
	for boot in "${output%%kvm-run: reset*}" "${output#*kvm-run: reset}"; do
		[[ $boot = *"got $(md5sum <"$T/www/data")"* ]]
		[[ $boot = *PCI-MSI*eth0* && $boot = *'function reset'* ]]
		[[ $boot = *'pin 1 3'* && $boot = *'messages 3 3'* ]]
		[[ $boot = *"rom $rom"* ]]
		[[ $boot = *'asleep 3 0xFFFFFFFF'* ]]
		[[ $boot != *e1000e*hang* && $boot != *lost* ]]
	done
	cmp "$T/taken.1" "$T/www/data"
	cmp "$T/taken.2" "$T/www/data"
	run -0 dmesg
	[[ $output != *'fault addr'* && $output != *IO_PAGE_FAULT* ]]
}

# bats test_tags=lab
@test "what a guest has its card do reaches the guest's memory and nothing else" {
	need_nic
	reaches_only_ram
}

# bats test_tags=lab
@test "a device that cannot be had, and why" {
	need_nic
	modprobe -a ahci sd_mod
	run -0 vm-pin pci
	[[ $output = *$nic$'\t'+([0-9])$'\t8086:10d3\t020000\te1000e\t'* ]]
	run -0 vm-pin pci -jn 00:05.0
	[[ $output = '{"address":"'$nic'","group":'+([0-9])',"ids":"8086:10d3","class":"020000","driver":"e1000e"'* ]]
	ip link set "$(ls $nic_dir/net)" up
	run -125 vm-pin pci 00:05.0 true
	[[ $output = "vm-pin: $nic: the host uses it: eth"?' is up (ip link set eth'?' down)' ]]
	ip link set "$(ls $nic_dir/net)" down
	run -125 vm-pin pci 00:1f.3 true
	[[ $output = 'vm-pin: 0000:00:1f.3: its group, '*', has 0000:00:1f.2 of driver ahci, too: name that as well, or take its driver away' ]]
	run -125 vm-pin pci 00:1e.0 true
	[ "$output" = 'vm-pin: 0000:00:1e.0: no such device' ]
	until [ -b /dev/sda ]; do sleep 0.1; done
	spawn disk python3 -c 'import os, time; os.open("/dev/sda", os.O_RDWR | os.O_EXCL); print("open", flush=True); time.sleep(1000)'
	wait_line "$T/disk.log" open # as a mount does it
	run -125 vm-pin pci 00:07.0 true
	[ "$output" = 'vm-pin: 0000:00:07.0: the host uses it: /dev/sda is mounted or part of something' ]
	kill "${pids[disk]}"
	await disk 143
	[ "$(driver_of 0000:00:07.0)" = ahci ]
	# A program that is not there, and one that ends at once: the devices are back.
	run -127 vm-pin pci $nic no-such-program
	given_back
	run -0 vm-pin pci $nic 00:07.0 sh -c 'echo "$VM_WIRES"; kvm-run -n'
	[[ $output = 'pci,fd='+([0-9]):+([0-9]):+([0-9]):+([0-9])' pci,fd='* ]]
	[[ ${lines[1]} = $'pci0\tpci\t'* && ${lines[2]} = $'pci1\tpci\t'* ]]
	given_back
	until [ "$(driver_of 0000:00:07.0)" = ahci ]; do sleep 0.1; done
	[ "$(cat $nic_dir/driver_override)" = '(null)' ]
	# While one has it another cannot.
	spawn holder vm-pin pci $nic sleep 1000
	until [ "$(driver_of $nic)" = vfio-pci ]; do sleep 0.1; done
	run -125 vm-pin pci $nic true
	[[ $output = 'vm-pin: /dev/vfio/'*': another program has it' ]]
	kill -9 "${pids[holder]}"
	given_back
}

# bats test_tags=lab
@test "plugged into a running guest, by a user without rights, and taken out, it is the host's again while the guest goes on" {
	need_nic
	nic_guest "$T/initrd" <<-'EOS'
		echo waiting
		until [ -e /sys/class/net/eth0 ]; do sleep 0.1; done
		up
		echo "plugged $(ping -c 3 -w 20 10.9.0.1 | grep -c time=)"
		until [ ! -e /sys/class/net/eth0 ]; do sleep 0.1; done
		echo unplugged
		sleep 1000
	EOS
	spawn guest timeout 200 sh -c 'ulimit -l unlimited; exec "$@"' sh kvm-run -v -k "$(kernel generic)/vmlinux" -i "$T/initrd" -m 128 -H 1 \
		-A quiet -C "$T/ctl"
	wait_line "$T/guest.log" ^waiting 60
	run -1 vm-pin pci -S "$T/none" $nic
	given_back
	# What gives the card back keeps standard error.
	vm-pin pci -S "$T/ctl" $nic 2>"$T/error"
	[ "$(driver_of $nic)" = vfio-pci ]
	run -1 vm-pin pci -S "$T/ctl" 00:07.0
	[[ $output = *'no slots'* ]]
	wait_line "$T/guest.log" '^plugged 3' 60
	run -0 ask devices
	[[ $output = *$'pci0\tpci\t00:'* ]]
	run -0 ask 'unplug pci0'
	wait_line "$T/guest.log" ^unplugged 60
	given_back
	vm-pin pci -S "$T/ctl" $nic 2>"$T/error"
	kill -9 "$(pgrep -x -f 'kvm-run .*-H 1 .*')"
	given_back
	# Who may lock no memory cannot be reached by a device; vm-pin gives that right along.
	run -1 vm-pin pci -U nobody $nic sh -c 'ulimit -l 1024; exec kvm-run -k "$0" -m 64' "$BIN/guests/idle"
	[[ $output = *'64 MiB of memory must stay in place for the device: no more than 1 MiB may be locked (ulimit -l)' ]]
	given_back
	run -0 vm-pin pci -U nobody $nic kvm-run -k "$BIN/guests/cpuid" -m 64
	given_back
}

# bats test_tags=lab
@test "QEMU has it, too: bound for it, and given back" {
	need_nic
	nic_guest "$T/initrd" <<-'EOS'
		d=$(dirname /sys/bus/pci/devices/*/net/eth0)
		up
		echo "in QEMU $(ping -c 3 -w 20 10.9.0.1 | grep -c time=)"
	EOS
	run -0 timeout 200 vm-pin pci -N qemu $nic qemu-system-x86_64 -accel kvm -cpu host -M q35 -nodefaults -display none -no-reboot \
		-serial stdio -m 256 -device "vfio-pci,host=${nic#0000:},rombar=0" -kernel "$(kernel generic)/vmlinuz" -initrd "$T/initrd" \
		-append 'console=ttyS0 quiet panic=-1' </dev/null
	[[ $output = *'in QEMU 3'* ]]
	given_back
}
