# SPDX-License-Identifier: ISC
# vm-tap with stock guests, and with vhost-net where the kernel has it.
# bats file_tags=kvm
load lib

setup() {
	need_kvm
	((EUID == 0)) || skip 'not root'
	[ ! -e /run/lab/job ] || modprobe -a bridge tun veth macvtap vhost_net
	need_access /dev/net/tun
	spawn -R host unshare -nm sh -ec '
		ip link set lo up
		ip link add br0 type bridge
		ip addr add 10.0.0.1/24 dev br0
		ip link set br0 up mtu 1400
		echo >&9
		exec sleep infinity 9>&-'
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		until [ -e /sys/class/net/eth0 ]; do usleep 100000; done
		echo "mtu $(cat /sys/class/net/eth0/mtu), mac $(cat /sys/class/net/eth0/address)"
		ip addr add 10.0.0.2/24 dev eth0
		ip link set eth0 up
		ping -c 2 -q 10.0.0.1 | grep received
	EOS
}

host() {
	clean nsenter -n -m -t "${pids[host]}" "$@"
}

guest() {
	printf '%s\n' timeout 200 kvm-run -k "$(kernel)/vmlinux" -i "$T/initrd" -m 128 -A quiet "$@"
}

@test "a guest on a bridge; with vhost" {
	mapfile -t run < <(guest)
	run -0 host vm-tap -b br0 -a 52:54:00:00:00:07 sh -c 'exec "$@" </dev/null' sh "${run[@]}"
	[[ $output = *'mtu 1400, mac 52:54:00:00:00:07'*'2 packets received'* ]]
	[ ! "$(host vm-tap list)" ]
	need_access /dev/vhost-net
	run -0 host vm-tap -b br0 -Q 2 -O vhost sh -c 'echo "$VM_WIRES"; exec "$@" -c 2 </dev/null' sh "${run[@]}"
	[[ $output =~ ^net,fd=[0-9]+:[0-9]+,mtu=1400\ vhost,fd=[0-9]+:[0-9]+,of=net0 ]]
	[[ $output = *'2 packets received'* ]]
}

@test "a tap is plugged into a guest that runs" {
	mapfile -t run < <(guest -H 1 -C "$T/ctl")
	spawn guest nsenter -n -m -t "${pids[host]}" "${run[@]}"
	until [ -S "$T/ctl" ]; do kill -0 "${pids[guest]}"; done
	run -0 host vm-tap -v -b br0 -S "$T/ctl"
	[[ $output = *'ok net0' ]]
	await guest
	[[ $(<"$T/guest.log") = *'mtu 1400'*'2 packets received'* ]]
	[ ! "$(host vm-tap list)" ]
}

@test "a guest on a macvtap" {
	host ip addr del 10.0.0.1/24 dev br0
	host ip link add veth0 type veth peer name veth1
	host ip addr add 10.0.0.1/24 dev veth1
	host ip link set veth0 up
	host ip link set veth1 up
	mapfile -t run < <(guest)
	run -0 host vm-tap -Y veth0 sh -c 'exec "$@" </dev/null' sh "${run[@]}"
	[[ $output = *'2 packets received'* ]]
}

# bats test_tags=lab
@test "-O vhost: a wire of the queues, for the right net wire" {
	run -0 clean env VM_WIRES='net,fd=0' vm-tap -O vhost -Q 2 printenv VM_WIRES
	[[ $output =~ ^net,fd=0\ net,fd=1[0-9]:1[0-9]\ vhost,fd=1[0-9]:1[0-9],of=net1$ ]]
}
