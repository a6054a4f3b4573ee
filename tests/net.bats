# SPDX-License-Identifier: ISC
# Networks of stock guests: over taps, sockets of every kind, vhost, and with guests of QEMU.
# bats file_tags=kvm
load lib

setup() {
	need_kvm
	[ ! -e /run/lab/job ] || modprobe -a bridge tun vhost_net
}

# boot OPTION...: the command line of a guest with $T/NAME as initrd, for NAME=... before it.
boot() {
	printf '%s\n' timeout 300 kvm-run -k "$(kernel)/vmlinux" -i "$T/$NAME" -m 128 -A quiet -q "$@"
}

# lan: a namespace `host` with the bridge br0 at 10.9.0.1, DHCP on it, and a tap on it.
lan() {
	need_access /dev/net/tun
	netns host
	in_ns host sh -e <<-'EOS'
		ip link add br0 type bridge
		ip addr add 10.9.0.1/24 dev br0
		ip link set br0 up
	EOS
	printf '%s\n' 'interface br0' 'start 10.9.0.100' 'end 10.9.0.109' 'max_leases 10' "lease_file $T/leases" \
		'option subnet 255.255.255.0' 'option router 10.9.0.1' >"$T/udhcpd.conf"
	touch "$T/leases"
	spawn_in host dhcp busybox udhcpd -f "$T/udhcpd.conf"
	head -c 6M /dev/urandom >"$T/down"
	spawn_in host source socat -u "OPEN:$T/down" TCP-LISTEN:5001,reuseaddr
	spawn_in host sink socat -u TCP-LISTEN:5000,reuseaddr "OPEN:$T/up,creat"
}

# tap [OPTION of ip tuntap]...: a tap in `host`, on br0.
tap() {
	in_ns host sh -ec 'ip tuntap add tap0 mode tap "$@"; ip link set tap0 master br0 up' sh "$@"
}

# The guest of lan: an address, what its driver agreed upon, a file down and back up.
lan_guest() {
	initrd "$T/guest" <<-'EOS'
		#!/bin/sh
		echo "mac $(cat /sys/class/net/eth0/address)"
		echo "features $(cut -c1-23 /sys/class/net/eth0/device/features)"
		echo "queues $(ls -d /sys/class/net/eth0/queues/rx-* | wc -l)"
		udhcpc -i eth0 -q -n 2>&1 | grep obtained
		ping -c 2 -q 10.9.0.1 | grep received
		nc 10.9.0.1 5001 </dev/null >f
		echo "down $(md5sum <f)"
		nc 10.9.0.1 5000 <f
		[ ! -x /more ] || /more
	EOS
}

# same_files: what the guest of lan received and sent back is what was there.
same_files() {
	local sum
	await sink || :
	sum=$(md5sum <"$T/down")
	[[ $output = *"down $sum"* && $(md5sum <"$T/up") = "$sum" ]]
}

@test "a tap on a bridge: DHCP, offloads, files both ways, tcpdump on a pcap wire, the cable pulled" {
	need tcpdump socat
	lan
	tap vnet_hdr
	lan_guest
	cat >"$T/more" <<-'EOS'
		#!/bin/sh
		echo now
		until [ "$(cat /sys/class/net/eth0/carrier)" = 0 ]; do usleep 100000; done
		echo carrier lost
		until [ "$(cat /sys/class/net/eth0/carrier)" = 1 ]; do usleep 100000; done
		echo carrier back
		ping -c 2 -q 10.9.0.1 | grep received
	EOS
	chmod +x "$T/more"
	"$TESTS/lab/guest-initrd" -o "$T/guest" -x "$T/guest.script" -f "$T/more:more"
	mkfifo "$T/pcap"
	spawn tcpdump tcpdump -nr "$T/pcap" -c 400
	NAME=guest
	spawn_in host run wire-tap tap0 bash -c 'exec "$@" 4>"$0"' "$T/pcap" $(boot -C "$T/ctl" -w pcap,fd=4)
	wait_line "$T/run.log" ^now 200
	printf 'link net0 down\n' | socat - "UNIX:$T/ctl"
	wait_line "$T/run.log" '^carrier lost' 60
	printf 'link net0 up\n' | socat - "UNIX:$T/ctl"
	await run
	run -0 cat "$T/run.log"
	[[ $output = *'obtained'*'2 packets received'*'carrier lost'*'carrier back'*'2 packets received'* ]]
	# CSUM, GUEST_CSUM, MAC; GUEST_TSO4, TSO6, ECN; HOST_TSO4, TSO6, ECN; MRG_RXBUF, STATUS, CTRL_VQ, CTRL_RX
	[[ $output = *'features 11000101110111011110000'* ]]
	same_files
	await tcpdump
	run -0 cat "$T/tcpdump.log"
	[[ $output = *'BOOTP/DHCP, Request from 52:54:00'*'ICMP echo request'*'10.9.0.1.5001'* ]]
}

@test "a tap without vnet header: no offloads, the same traffic, the same MAC address at every start" {
	need socat
	lan
	tap
	lan_guest
	NAME=guest
	spawn_in host run wire-tap -P tap0 $(boot -I twin)
	await run
	run -0 cat "$T/run.log"
	[[ $output = *'features 00000100000000011110000'*'2 packets received'* ]]
	same_files
	local mac
	mac=$(grep -o 'mac 52:54:00:.*' "$T/run.log")
	rm "$T/guest.script"
	initrd "$T/guest" <<-'EOS'
		#!/bin/sh
		echo "mac $(cat /sys/class/net/eth0/address)"
		echo "mac $(cat /sys/class/net/eth1/address)"
	EOS
	run -0 clean wire-pair $(boot -I twin)
	[[ $output = *"$mac"* ]]
	[ "$(grep -o 'mac .*' <<<"$output" | sort -u | wc -l)" -eq 2 ]
}

@test "a tap of three queues: the guest uses as many as it has processors" {
	need socat
	lan
	tap vnet_hdr multi_queue
	lan_guest
	cat >"$T/more" <<-'EOS'
		#!/bin/sh
		sed -n 's/.*virtio[0-9]*-\(input\..*\)/\1/p' /proc/interrupts
	EOS
	chmod +x "$T/more"
	"$TESTS/lab/guest-initrd" -o "$T/guest" -x "$T/guest.script" -f "$T/more:more"
	NAME=guest
	spawn_in host run wire-tap -q 3 tap0 $(boot -c 2)
	await run
	run -0 cat "$T/run.log"
	[[ $output = *'queues 2'*'2 packets received'*input.0*input.1* ]]
	same_files
}

# bats test_tags=lab
@test "vhost: the kernel carries the frames, and the cable can still be pulled" {
	need socat
	need_access /dev/vhost-net
	lan
	tap vnet_hdr
	lan_guest
	NAME=guest
	spawn_in host run wire-tap tap0 bash -c 'exec "$@" 4<>/dev/vhost-net' bash $(boot -w vhost,fd=4)
	await run
	run -0 cat "$T/run.log"
	[[ $output = *'features 11000101110111011110000'*'2 packets received'* ]]
	same_files
}

# peers: two guests, named a and b, with the addresses 10.N.0.1 and 10.N.0.2 on their Nth network; a sends a file to b
# over each and b returns its sum.
peers() {
	initrd "$T/a" <<-EOS
		#!/bin/sh
		n=0
		while [ -e /sys/class/net/eth\$n ]; do
			ip addr add 10.\$n.0.1/24 dev eth\$n
			ip link set eth\$n up
			n=\$((n + 1))
		done
		head -c 300000 /dev/urandom >f
		i=0
		while [ \$i -lt \$n ]; do
			until ping -c 1 -w 2 10.\$i.0.2 >/dev/null; do :; done
			ping -c 1 -q -s 1400 10.\$i.0.2 | grep received
			until nc 10.\$i.0.2 5000 <f >sum.\$i && [ -s sum.\$i ]; do usleep 200000; done
			[ "\$(cat sum.\$i)" = "\$(md5sum <f)" ] && echo "net \$i is good"
			i=\$((i + 1))
		done
		nc 10.0.0.2 6000 </dev/null
	EOS
	initrd "$T/b" <<-EOS
		#!/bin/sh
		n=0
		while [ -e /sys/class/net/eth\$n ]; do
			ip addr add 10.\$n.0.2/24 dev eth\$n
			ip link set eth\$n up
			n=\$((n + 1))
		done
		nc -ll -p 5000 -e md5sum &
		nc -l -p 6000 >/dev/null
	EOS
}

# both_good N: what guest a said of its N networks.
both_good() {
	local i
	await a
	run -0 cat "$T/a.log"
	for ((i = 0; i < $1; i++)); do
		[[ $output = *"net $i is good"* ]]
	done
	await b
}

@test "two guests on socketpairs: stream, seqpacket, dgram" {
	peers
	mkfifo "$T/b.out"
	NAME=a boot >"$T/a.cmd"
	NAME=b boot >"$T/b.cmd"
	# shellcheck disable=SC2016 # for the inner shell
	spawn a wire-pair -t stream wire-pair -t seqpacket wire-pair -t dgram bash -c '
		read -ra w <<<"$VM_WIRES"
		mapfile -t a <"$0/a.cmd"
		mapfile -t b <"$0/b.cmd"
		VM_WIRES="${w[1]} ${w[3]} ${w[5]}" "${b[@]}" >"$0/b.log" 2>&1 &
		VM_WIRES="${w[0]} ${w[2]} ${w[4]}" "${a[@]}" && wait $!' "$T"
	pids[b]=$pid
	await a
	unset 'pids[b]'
	run -0 cat "$T/a.log"
	[[ $output = *'net 0 is good'*'net 1 is good'*'net 2 is good'* ]]
}

@test "a guest and a guest of Debian's QEMU: -netdev stream and -netdev dgram" {
	need qemu-system-x86_64
	peers
	NAME=a boot >"$T/a.cmd"
	# shellcheck disable=SC2016 # for the inner shell
	spawn a wire-pair -t stream wire-pair -t dgram bash -c '
		read -ra w <<<"${VM_WIRES//net,fd=/}"
		mapfile -t a <"$0/a.cmd"
		timeout 300 qemu-system-x86_64 -accel kvm -cpu host -M q35 -m 256 -nodefaults -no-user-config -display none \
			-serial stdio -kernel "$1/vmlinuz" -initrd "$0/b" -append "console=ttyS0 quiet panic=-1 cryptomgr.notests" \
			-netdev stream,id=x,addr.type=fd,addr.str="${w[1]}" -device virtio-net-pci,netdev=x,romfile= \
			-netdev dgram,id=y,local.type=fd,local.str="${w[3]}" -device virtio-net-pci,netdev=y,romfile= \
			</dev/null >"$0/b.log" 2>&1 &
		VM_WIRES="net,fd=${w[0]} net,fd=${w[2]}" "${a[@]}" && wait $!' "$T" "$(kernel)"
	await a
	run -0 cat "$T/a.log"
	[[ $output = *'net 0 is good'*'net 1 is good'* ]]
}

@test "two guests on a TCP connection, a UDP multicast group, and a VDE switch by vde_plug" {
	local console
	need vde_switch vde_plug
	peers
	netns host
	# In the foreground: its answer to a command says that it is up, and its end is ours.
	mkfifo "$T/switch.in"
	# shellcheck disable=SC2016 # for the inner shell
	spawn switch bash -c 'exec vde_switch -s "$0/switch" <"$0/switch.in"' "$T"
	exec {console}>"$T/switch.in"
	echo port/showinfo >&"$console"
	wait_line "$T/switch.log" '1000 Success'
	# Of the last two wires, a pair, the second is made vde_plug's standard input and output.
	cat >"$T/plug" <<-'EOS'
		read -ra w <<<"$VM_WIRES"
		n=${#w[@]} ours=${w[n - 2]#*fd=} theirs=${w[n - 1]#*fd=}
		eval "vde_plug $0.switch <&$theirs >&$theirs $ours>&- $theirs>&- &"
		unset 'w[n - 1]'
		w[n - 2]+=,as=vde
		eval "VM_WIRES=\${w[*]} exec \"\$@\" $theirs>&-"
	EOS
	ln -s switch "$T/plug.switch"
	NAME=a
	spawn_in host a wire-inet -l 5555 wire-inet -g 239.1.2.3:5556 wire-pair -t stream bash "$T/plug" $(boot)
	NAME=b
	spawn_in host b wire-inet -c 5555 wire-inet -g 239.1.2.3:5556 wire-pair -t stream bash "$T/plug" $(boot -I other)
	both_good 3
	exec {console}>&-
}

@test "vm-slirp: segments of up to 64 KiB at an MTU of 1500, both ways, IPv4 and IPv6" {
	netns host
	in_ns host ip link set lo up
	head -c 6M /dev/urandom >"$T/down"
	for v in 4 6; do
		only=
		[ $v = 4 ] || only=,ipv6-v6only
		spawn_in host source$v socat -u "OPEN:$T/down" TCP$v-LISTEN:5001$only
		spawn_in host sink$v socat -u TCP$v-LISTEN:5000$only "OPEN:$T/up$v,creat"
	done
	initrd "$T/guest" <<-'EOS'
		#!/bin/sh
		cd /sys/class/net/eth0
		echo "mtu $(cat mtu) features $(cut -c1-23 device/features)"
		udhcpc -i eth0 -q -n 2>&1 | grep obtained
		until ip -6 addr show dev eth0 scope site | grep -q fec0; do sleep 0.1; done
		# per: bytes a frame since the last time
		per() {
			now=$(cat statistics/$1_bytes) frames=$(cat statistics/$1_packets)
			echo "$1 $2 $(((now - bytes) / (frames - before) > 4000))"
		}
		since() {
			bytes=$(cat statistics/$1_bytes) before=$(cat statistics/$1_packets)
		}
		for host in 10.0.2.2 fec0::2; do
			since rx
			nc $host 5001 </dev/null >/f
			per rx $host
			echo "down $host $(md5sum </f)"
			since tx
			nc $host 5000 -e cat /f # nc itself writes a KiB at a time
			per tx $host
		done
	EOS
	mapfile -t cmd < <(NAME=guest boot)
	run -0 in_ns host vm-slirp "${cmd[@]}"
	sum=$(md5sum <"$T/down")
	for v in 4 6; do
		await sink$v
		[ "$(md5sum <"$T/up$v")" = "$sum" ]
	done
	# Checksums and TCP segmentation, to the host and from it: bits 0, 1, 7 to 9, 11 to 13.
	[[ $output = *'mtu 1500 features '11?????111?111* ]]
	for host in 10.0.2.2 fec0::2; do
		[[ $output = *"rx $host 1"*"down $host $sum"*"tx $host 1"* ]]
	done
}
