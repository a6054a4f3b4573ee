# SPDX-License-Identifier: ISC
# The network card of guests without virtio: worked by a stock driver, and booted from by iPXE.
load lib
load firmware

ask() {
	printf '%s\n' "$@" | nc -UN "$T/ctl"
}

@test "what an e1000 cannot be is told" {
	run -2 clean wire-pair sh -c 'VM_WIRES="$VM_WIRES,mtu=60,model=e1000" exec kvm-run -n'
	need_access /dev/kvm
	# shellcheck disable=SC2016 # expands there
	run -1 clean wire-pair sh -c 'VM_WIRES="$VM_WIRES,mtu=1400,model=e1000" exec kvm-run -k "$0" -m 64' "$BIN/guests/idle"
	[ "$output" = 'kvm-run: net1: mtu: an e1000 cannot tell the guest of it' ]
}

@test "it is there, plugged in too, has its address, its cable, and goes" {
	need_access /dev/kvm
	need nc
	# shellcheck disable=SC2016 # expands there
	spawn guest wire-pair sh -c 'VM_WIRES="$VM_WIRES,model=e1000,mac=52:54:00:00:00:10" exec kvm-run -k "$1" -m 64 -C "$2/ctl" \
		-H 1 -w con,fd=0:1' sh "$BIN/guests/idle" "$T"
	until [ -S "$T/ctl" ]; do sleep 0.1; done
	run -0 ask net 'link net1 down' net 'link net1 up' # net0 is the pair's other end
	[[ $output = *$'net1\t52:54:00:00:00:10\tup\t0\t0\t0\t0\t0\t0\nok\nok\n'*$'net1\t52:54:00:00:00:10\tdown\t0\t0\t0\t0\t0\t0\nok\nok' ]]
	# shellcheck disable=SC2016 # expands there
	run -0 clean wire-pair sh -c 'set -- $VM_WIRES; unset VM_WIRES; f=${1#*fd=}; f=${f%%,*}
		exec wire-give -S "$0" net,fd=0,id=n,model=e1000 "$f"' "$T/ctl"
	run -0 ask devices
	[[ $output =~ $'\nn\tnet\t00:'..'.0'$'\thot' ]]
}

# bats test_tags=kvm
@test "a stock driver carries streams both ways whole, and hears of the cable" {
	need_kvm
	need busybox nc tcpdump
	mkdir "$T/www"
	head -c 12000000 /dev/urandom >"$T/www/data"
	spawn web busybox httpd -f -p 127.0.0.1:7000 -h "$T/www"
	spawn taker nc -l -d 127.0.0.1 7001
	initrd "$T/initrd" -g -m 'e1000 af_packet' <<-'EOS'
		#!/bin/sh
		ip link set eth0 up && udhcpc -q -n -i eth0 -t 10 >/dev/null 2>&1
		grep -o 'IO-APIC.*eth0' /proc/interrupts
		wget -q -O /tmp/data http://10.0.2.2:7000/data
		echo "got $(md5sum </tmp/data)"
		nc 10.0.2.2 7001 </tmp/data
		echo "errors $(cat /sys/class/net/eth0/statistics/*errors | awk '{ n += $1 } END { print n }')"
		echo "offload $(ethtool -k eth0 2>/dev/null | grep -c 'tcp-segmentation-offload: on')"
		echo ready
		until [ "$(cat /sys/class/net/eth0/carrier)" = 0 ]; do sleep 0.1; done
		echo pulled
		until [ "$(cat /sys/class/net/eth0/carrier)" = 1 ]; do sleep 0.1; done
		ping -c 1 -w 20 10.0.2.2 >/dev/null && echo plugged
		dmesg | grep -iE 'e1000.*(hang|timeout|error|reset)'
	EOS
	# shellcheck disable=SC2016 # expands there
	spawn guest timeout 200 vm-slirp sh -c 'VM_WIRES="$VM_WIRES,model=e1000" exec kvm-run -k "$1" -i "$2" -m 256 -c 2 -A quiet \
		-C "$3/ctl" -w pcap,fd=3 3>"$3/pcap"' sh "$(kernel generic)/vmlinux" "$T/initrd" "$T"
	wait_line "$T/guest.log" ^ready 180
	ask 'link net0 down'
	wait_line "$T/guest.log" ^pulled
	ask 'link net0 up'
	await guest
	await taker
	run -0 cat "$T/guest.log"
	[[ $output = *IO-APIC*eth0*"got $(md5sum <"$T/www/data")"*'errors 0'*plugged* ]]
	[[ $output != *e1000*hang* ]]
	cmp "$T/taker.log" "$T/www/data"
	run -0 tcpdump -nr "$T/pcap" 'tcp port 7001 and tcp[tcpflags] & tcp-push != 0'
	[ "${#lines[@]}" -gt 10 ]
}

# bats test_tags=kvm
@test "iPXE boots over it" {
	need_kvm
	mkdir "$T/tftp"
	cp "$BIN/guests/sector" "$T/tftp/boot"
	# shellcheck disable=SC2016 # expands there
	run -0 bios vm-slirp -T "$T/tftp" -E boot sh -c 'VM_WIRES="$VM_WIRES,model=e1000" exec "$@" 4<"$0"' \
		/usr/lib/ipxe/qemu/pxe-e1000.rom -- -B net,only -w fw,fd=4,of=net0
	[[ $output = *82540em*'/boot... ok'* ]]
	grep 'sector: drive' "$T/log"
}
