# SPDX-License-Identifier: ISC
# The board as its guests see it: processors, power, reset, clock, and what a hostile guest can do to it.
load lib

# boot OPTION... [-- CMDLINE...]: boot the cloud kernel with $T/initrd, the console's output in $output.
boot() {
	local options=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	clean timeout 100 kvm-run -k "$(kernel)/vmlinux" -i "$T/initrd" -m 128 -A "quiet ${*:2}" "${options[@]}" </dev/null
}

# bats test_tags=kvm
@test "every processor starts, and the tables tell of each" {
	need_kvm
	local n
	for n in 1 4 64 200; do
		run -0 clean kvm-run -k "$BIN/guests/cpus" -m 64 -c "$n" </dev/null
		[ "$output" = "cpus $n of $n" ]
	done
}

# bats test_tags=kvm
@test "a guest that writes nonsense everywhere does kvm-run no harm" {
	need_kvm
	local seed
	truncate -s 4M "$T/disk" "$T/disk.2" "$T/disk.3"
	: >"$T/look" # two displays that never do
	for seed in 1 2 3; do
		# shellcheck disable=SC2016 # expands there
		clean wire-pair sh -c 'VM_WIRES=$VM_WIRES,model=e1000 exec timeout 100 fb-screen "$5" fb-screen -m virtio "$5" kvm-run -k "$1" -m 64,max=128 -c 2,maxcpus=4 -H 4 -K "seed=$2 rounds=40" -w blk,fd=3 \
			-w blk,fd=6,bus=ahci -w blk,fd=7,media=cdrom -w con,fd=0:1 -w con,fd=4:5,id=second 3<>"$3" 6<>"$3.2" 7<"$3.3" 4</dev/null 5>/dev/null 2>"$4"' \
			sh "$BIN/guests/hostile" "$seed" "$T/disk" "$T/said" "$T/look" >"$T/out" </dev/null
		grep -aqx 'survived 40 rounds' "$T/out"
		grep -q 'needs a reset by the guest' "$T/said"
	done
}

# bats test_tags=kvm
@test "a stock kernel finds nothing odd, and all that is there: cloud, one vCPU" {
	need_kvm
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		dmesg
		grep acpi /proc/interrupts
		ls /sys/bus/pci/devices/0000:00:1f.0/config && od -An -tx1 -N4 /sys/bus/pci/devices/0000:00:1f.0/config
	EOS
	run -0 boot -c 1
	[[ ! $output =~ $complaints ]]
	[[ $output = *'ACPI: PM-Timer IO Port: 0x608'* ]]
	[[ $output = *'ACPI: Using ACPI (MADT) for SMP configuration information'* ]]
	[[ $output = *'PCI: MMCONFIG at [mem 0xb0000000-0xb00fffff] reserved'* ]]
	[[ $output = *'rtc_cmos 00:01: setting system clock to 20'* ]]
	[[ $output = *'i8042: PNP: No PS/2 controller found.'* ]]
	[[ $output =~ 9:.*'IO-APIC'.*'9-fasteoi   acpi' ]]
	[[ $output = *' 86 80 18 29'* ]]
}

# bats test_tags=kvm
@test "a stock kernel finds nothing odd, and all that is there: generic, bzImage, four vCPUs, eight empty slots" {
	need_kvm
	initrd "$T/initrd" -g <<-'EOS'
		#!/bin/sh
		dmesg
		echo "processors $(nproc), slots $(ls /sys/bus/pci/slots | wc -l)"
	EOS
	run -0 clean timeout 200 kvm-run -k "$(kernel generic)/vmlinuz" -i "$T/initrd" -m 192 -c 4 -H 8 -A quiet </dev/null
	[[ ! $output =~ $complaints ]]
	[[ $output = *'processors 4, slots 8'* ]]
	[[ $output = *'smpboot: Allowing 4 CPUs, 0 hotplug CPUs'* ]]
}

# bats test_tags=kvm
@test "a guest's ways to reset end with 4, a triple fault with 3" {
	need_kvm
	local way
	printf '#!/bin/sh\nreboot -f\n' | initrd "$T/initrd"
	for way in acpi kbd pci; do
		run -4 boot -- "reboot=$way"
	done
	run -3 boot -- reboot=triple
}

# bats test_tags=kvm
@test "the power button reaches acpid" {
	need_kvm
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		mkdir -p /etc/acpi/PWRF /var/run
		printf '#!/bin/sh\necho the button; poweroff -f\n' >/etc/acpi/PWRF/00000080
		chmod +x /etc/acpi/PWRF/00000080
		(sleep 2; echo waiting) &
		acpid -d -l /dev/console
	EOS
	spawn guest kvm-run -k "$(kernel)/vmlinux" -i "$T/initrd" -m 128 -A quiet
	wait_line "$T/guest.log" waiting
	# shellcheck disable=SC2154 # spawn's
	kill -TERM "${pids[guest]}"
	await guest
	grep 'the button' "$T/guest.log"
}

# bats test_tags=kvm
@test "the clock shows UTC, rings, takes another time and keeps it" {
	need_kvm
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		echo "at $(date +%s)"
		before=$(awk '/rtc0/ { print $2 }' /proc/interrupts)
		echo +2 >/sys/class/rtc/rtc0/wakealarm
		sleep 4
		echo "rang $(($(awk '/rtc0/ { print $2 }' /proc/interrupts) - before))"
		date -s '2031-05-06 07:08:09'
		hwclock -u -w
		date -s '2001-01-01 00:00:00'
		hwclock -u -s
		echo "then $(date '+%Y-%m-%d %H:%M')"
	EOS
	run -0 boot
	[[ $output =~ at\ ([0-9]+) ]]
	((BASH_REMATCH[1] > $(date +%s) - 100 && BASH_REMATCH[1] <= $(date +%s)))
	[[ $output = *'rang 1'* ]]
	[[ $output = *'then 2031-05-06 07:08'* ]]
}
