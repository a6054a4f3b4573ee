# SPDX-License-Identifier: ISC
# Sockets, cores, threads and NUMA nodes: what -c and -m take, and what a stock guest makes of it.
load lib

setup() {
	kernel=$BIN/guests/echo
}

# refused WHY OPTION...: kvm-run does not start, and says so in this line.
refused() {
	run -2 --separate-stderr clean kvm-run -k "$kernel" "${@:2}" </dev/null
	[ "$stderr" = "kvm-run: $1" ] || {
		echo "$stderr"
		return 1
	}
}

# has LINE...: each is a line of the output.
has() {
	local line
	for line; do
		[[ $'\n'${output//$'\r'/}$'\n' = *$'\n'"$line"$'\n'* ]] || {
			echo "no line '$line' in:"
			echo "$output"
			return 1
		}
	done
}

# programs PROGRAM...: in options, what guest-initrd is to be given for these of the host's programs to be in /bin.
programs() {
	local program path lib
	options=()
	for program; do
		path=$(command -v "$program")
		options+=(-f "$path:bin/$program")
		for lib in $(ldd "$path" | grep -o '/[^ ]*'); do
			options+=(-f "$lib:$lib")
		done
	done
}

@test "layouts that do not add up are refused" {
	refused '-c 8,sockets=3: 3 sockets of 2 cores of 1 threads are not 8 vCPUs' -c 8,sockets=3
	refused '-c 8,maxcpus=4: 8 vCPUs are more than maxcpus, 4' -c 8,maxcpus=4
	refused '-c 8,dies=2: dies: none of cpus, maxcpus, sockets, cores, threads' -c 8,dies=2
	refused '-c 8,cores=0: cores=0: not a number from 1 to 1024' -c 8,cores=0
	refused '-c 0: not a number from 1 to 1024' -c 0
	refused '-c sockets=2,cores=1024: 2048 vCPUs: at most 1024' -c sockets=2,cores=1024
}

@test "nodes whose processors do not add up are refused" {
	need_access /dev/kvm
	refused '-m: cpus: 3 is in no node' -c 4 -m 64,nodes=2,cpus=0-1:2
	refused '-m: cpus: 1 is in two nodes' -c 4 -m 64,nodes=2,cpus=0-1:1-3
	refused '-m: cpus: more groups than nodes' -c 4 -m 64,nodes=2,cpus=0:1:2-3
	refused '-m: cpus: a range of vCPUs, 0 to 3, is wanted' -c 4 -m 64,nodes=2,cpus=0-3:4
	refused '-c 201: APIC ids end at 254, those of 67 sockets of 3 cores of 1 threads at 266' -c 201,cores=3
}

# bats test_tags=kvm
@test "a stock guest sees the layout that was asked for: AMD, sockets, cores, threads, nodes" {
	need_kvm
	need lscpu numactl
	programs lscpu numactl
	initrd "$T/initrd" "${options[@]}" <<-'EOS'
		#!/bin/sh
		lscpu -p=CPU,CORE,SOCKET,NODE | grep -v '^#'
		lscpu | grep -E '^(Vendor|CPU\(s\)|Thread|Core|Socket|NUMA)' | tr -s ' '
		numactl -H | grep -v free
		cat /sys/devices/system/cpu/cpu5/cache/index[01]/shared_cpu_list
		cat /sys/devices/system/clocksource/clocksource0/current_clocksource
		dmesg
	EOS
	run -0 clean timeout 150 kvm-run -k "$(kernel)/vmlinux" -i "$T/initrd" -m 512,nodes=192:320 -c 12,sockets=2,threads=2 -A quiet </dev/null
	has '0,0,0,0' '1,0,0,0' '2,1,0,0' '3,1,0,0' '4,2,0,0' '5,2,0,0' '6,3,1,1' '7,3,1,1' '8,4,1,1' '9,4,1,1' '10,5,1,1' '11,5,1,1' \
		'Vendor ID: AuthenticAMD' 'CPU(s): 12' 'Thread(s) per core: 2' 'Core(s) per socket: 3' 'Socket(s): 2' 'NUMA node(s): 2' \
		'available: 2 nodes (0-1)' 'node 0 cpus: 0 1 2 3 4 5' 'node 1 cpus: 6 7 8 9 10 11' '  1:  20  10 ' '4-5' '0-5' kvm-clock
	[[ $output =~ 'node 0 size: 1'[0-9][0-9]' MB' && $output =~ 'node 1 size: 3'[0-9][0-9]' MB' ]]
	[[ ! $output =~ $complaints|'not on the same node' ]]
	# Every vCPU's clock is one that the others agree with, so that nobody has to ask the host.
	[[ $output = *'Marking stable'* || $output = *'kvm-clock: using sched offset'* ]]
}

# bats test_tags=kvm
@test "a stock guest sees the layout that was asked for: nodes within a socket, some of whose processors may come" {
	need_kvm
	need lscpu numactl
	programs lscpu numactl
	initrd "$T/initrd" "${options[@]}" <<-'EOS'
		#!/bin/sh
		lscpu -p=CPU,CORE,SOCKET,NODE | grep -v '^#'
		lscpu | grep -E '^(Vendor|CPU\(s\)|Thread|Core|Socket|NUMA|L[123])' | tr -s ' '
		numactl -H | grep cpus
		for cpu in 0 3 5; do
			echo $cpu: $(cat /sys/devices/system/cpu/cpu$cpu/cache/index[01]/shared_cpu_list)
		done
		dmesg
	EOS
	run -0 clean timeout 150 kvm-run -k "$(kernel)/vmlinux" -i "$T/initrd" -m 512,nodes=2,cpus=0-3:4-7 -c 7,threads=2,maxcpus=8 \
		-A quiet </dev/null
	has '0,0,0,0' '1,0,0,0' '2,1,0,0' '3,1,0,0' '4,2,0,1' '5,2,0,1' '6,3,0,1' 'node 0 cpus: 0 1 2 3' 'node 1 cpus: 4 5 6' \
		'Thread(s) per core: 2' 'Core(s) per socket: 4' 'Socket(s): 1' \
		'0: 0-1 0-3' '3: 2-3 0-3' '5: 4-5 4-6'
	[[ $output = *'smpboot: Allowing 8 CPUs, 1 hotplug CPUs'* && $output = *'SRAT: PXM 1 -> APIC 0x07 -> Node 1'* ]]
	[[ ! $output =~ $complaints|'not on the same node' ]]
}
