# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# The lab's network card that tests assign, 00:05.0, and what is at the other end of its cable: lab0, of this machine.
nic=0000:00:05.0
nic_dir=/sys/bus/pci/devices/$nic

# need_nic: skip unless this is a machine with an IOMMU and that card; give the card to its own driver, its peer an address.
need_nic() {
	need_kvm
	[[ -e $nic_dir/iommu_group ]] || skip 'no IOMMU here'
	modprobe -a e1000e virtio_net
	[[ $(driver_of $nic) = e1000e ]] || { # left by a test before that failed, whose processes were all killed
		echo >$nic_dir/driver_override
		echo "$nic" >"$nic_dir/driver/unbind"
		echo "$nic" >/sys/bus/pci/drivers/e1000e/bind
	}
	local peer
	peer=$(ls /sys/bus/pci/devices/0000:00:06.0/virtio*/net)
	ip link set "$peer" up
	ip addr replace 10.9.0.1/24 dev "$peer"
	ip link set "$(ls "$nic_dir/net")" down
	dmesg -C
}

# driver_of ADDRESS: the name of its driver, or nothing.
driver_of() {
	local driver
	driver=$(readlink "/sys/bus/pci/devices/$1/driver") && echo "${driver##*/}"
}

# given_back: wait until the card is its driver's again.
given_back() {
	local end=$((SECONDS + 20))
	until [[ $(driver_of $nic) = e1000e ]]; do
		((SECONDS < end)) || return 1
		sleep 0.1
	done
}

# nic_guest OUT: an initrd with the card's driver; the guest runs what is on standard input, after functions of this:
# up (the card, an address, and wait for its cable), and way (how its interrupts come).
nic_guest() {
	{
		cat <<-'EOS'
			#!/bin/sh
			d=/sys/bus/pci/devices/0000:00:02.0
			up() {
				ip link set eth0 up
				until [ "$(cat /sys/class/net/eth0/carrier)" = 1 ]; do sleep 0.1; done
				ip addr replace 10.9.0.2/24 dev eth0
			}
			way() {
				modprobe e1000e $1
				up
				echo "$2 $(grep -c "$3.*eth0" /proc/interrupts) $(ping -c 3 -w 20 10.9.0.1 | grep -c 'time=')"
				ip link set eth0 down
			}
		EOS
		cat
	} | initrd "$1" -g -m 'af_packet virtio_pci e1000e acpiphp'
}

# faults: the addresses that the IOMMU kept devices from, each once.
faults() {
	dmesg | sed -nE 's/.*DMAR: \[DMA [A-Za-z]+ .*fault addr 0x([0-9a-f]+) .*/\1/p' | uniq
}

# reaches_only_ram: a guest whose card is told to fetch from where there is no RAM of it; the IOMMU must have seen each.
reaches_only_ram() {
	nic_guest "$T/initrd" <<-'EOS'
		rmmod e1000e
		echo 1 >$d/enable
		printf '\006\000' | dd of=$d/config bs=1 seek=4 conv=notrunc 2>/dev/null # memory, and master of the bus
		regs=$(awk 'NR == 1 { print $1 }' $d/resource)
		reg() { busybox devmem $((regs + $1)) 32 $2; }
		# The card fetches descriptors of frames to send from there: one of a ring of eight.
		fetch() {
			reg 0x400 0 # TCTL: off
			reg 0x3800 $1
			reg 0x3804 0
			reg 0x3808 128
			reg 0x3810 0
			reg 0x3818 0
			reg 0x400 2
			reg 0x3818 1
			sleep 1 # the IOMMU tells one fault of a device at a time
			echo "fetched from $1"
		}
		fetch 0x40000000 # beyond RAM
		fetch 0xb0000000 # configuration space
		fetch $(printf 0x%x $((regs))) # its own registers
	EOS
	spawn guest timeout 100 vm-pin pci $nic kvm-run -k "$(kernel generic)/vmlinux" -i "$T/initrd" -m 256 -A 'quiet iomem=relaxed'
	await guest
	run -0 cat "$T/guest.log"
	[[ $output = *'fetched from 0xb0000000'*'ended with 0'* ]]
	run -0 faults
	lines 40000000 b0000000 c0200000
	given_back
}
