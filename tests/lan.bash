# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# A bridge of its own for tests of vm-dhcpd (`load lan`, after lib): "host" is a network namespace with br0, "guest" another one,
# whose card c0 is plugged into it.

in_host() {
	in_ns host "$@"
}

in_guest() {
	in_ns guest "$@"
}

# lan ADDRESS...: make both; the bridge is up and has the addresses (words of ip-address after each, if need be), the card is
# down. Neither waits for the second that duplicate address detection takes.
lan() {
	netns host
	in_host sh -ec 'ip link add br0 type bridge
		echo 0 >/proc/sys/net/ipv6/conf/br0/accept_dad
		for address; do ip addr add $address dev br0; done
		ip link set br0 up' sh "$@"
	spawn_in host -R guest sh -c 'exec unshare -n sh -c "ip link set lo up && echo >&9 && exec sleep infinity 9>&-"'
	in_host sh -ec 'ip link add v0 type veth peer name c0 netns "$1"
		ip link set v0 master br0 up' sh "${pids[guest]}"
	in_guest sh -c 'echo 0 >/proc/sys/net/ipv6/conf/c0/accept_dad'
}

# capture: what goes over the bridge, into $T/pcap.
capture() {
	spawn_in host capture dumpcap -q -i br0 -w "$T/pcap"
	wait_line "$T/capture.log" '^File: '
}

# captured FILTER: print what tshark's filter finds of it, as soon as that is something.
captured() {
	local end=$((SECONDS + 60))
	until tshark -r "$T/pcap" -Y "$1" 2>/dev/null | grep .; do
		((SECONDS < end)) || return 1
		sleep 0.1
	done
}

# packets OPTION...: what tshark says of all of it; not before its last packet is whole.
packets() {
	local end=$((SECONDS + 60))
	until tshark -r "$T/pcap" "$@" >"$T/packets" 2>/dev/null; do
		((SECONDS < end)) || return 1
		sleep 0.1
	done
	cat "$T/packets"
}

# flawless: nothing of it is odd to tshark (0x600000 is its severity of a warning).
flawless() {
	run -0 packets -Y '_ws.expert.severity >= 0x600000'
	[ ! "$output" ]
}
