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
	dmesg | sed -nE 's/.*DMAR: \[DMA [A-Za-z]+ .*fault addr 0x([0-9a-f]+) .*/\1/p; s/.*IO_PAGE_FAULT .* address=0x0*([0-9a-f]+) .*/\1/p' | uniq
}
