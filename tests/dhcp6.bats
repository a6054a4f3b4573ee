# SPDX-License-Identifier: ISC
# vm-dhcpd's IPv6, heard by kernels and by DHCPv6 clients. What is said, byte by byte, is in unit/dhcpd_ip6.
load lib
load lan

# serve OPTION...: vm-dhcpd on the bridge.
serve() {
	spawn_in host -R dhcpd vm-dhcpd -R 9 -vv -b br0 -d none "$@"
}

up() {
	in_guest ip link set c0 up
}

# stop: the server, as it should end.
stop() {
	kill "${pids[dhcpd]}"
	await dhcpd
}

# until_guest [!] WHAT REGEX: the guest's addresses or routes look so, or no longer, sooner or later.
until_guest() {
	local end=$((SECONDS + 60)) seen like='' unlike=''
	[[ $1 != ! ]] || { unlike=1; shift; }
	while :; do
		seen=$(in_guest ip -6 "$1" show dev c0)
		like=''
		[[ ! $seen =~ $2 ]] || like=1
		[[ $like = "$unlike" ]] || return 0
		((SECONDS < end)) || {
			echo "$1: $seen"
			return 1
		}
		sleep 0.05
	done
}

# solicit [MS]: what is advertised within that time, as rdisc6 prints it, its blanks made one.
solicit() {
	local said
	said=$(in_guest rdisc6 -1 -r 1 -w "${1:-20000}" c0) && tr -s ' ' <<<"$said"
}

@test "a guest makes itself an address, and finds no router in a host that does not forward" {
	lan 10.9.0.1/24 fd00:9::1/64
	serve
	up
	until_guest address 'fd00:9:[0-9a-f:]*/64 scope global dynamic'
	run -0 in_guest ip -6 route
	[[ $output != *default* ]]
}

@test "all that is advertised, and nothing odd in it" {
	need rdisc6 dumpcap tshark dhclient
	lan 10.9.0.1/24 fd00:9::1/64
	in_host sh -ec 'ip addr add fd00:a::1/56 dev br0 nodad; ip link set br0 mtu 1400'
	capture
	serve -O dns6=fd00:9::53,fd00:9::54 -O search=a.example,b.example -O route6=fd00:77::/48 -O router6=yes -O ntp6=fd00:9::7
	up
	until_guest route default
	run -0 solicit
	[[ $output = *'Stateful address conf. : No'* ]]
	[[ $output = *'Stateful other conf. : Yes'* ]]
	[[ $output = *'Router lifetime : 1800 '* ]]
	[[ $output = *"Source link-layer address: $(in_host cat /sys/class/net/br0/address | tr a-f A-F)"* ]]
	[[ $output = *'MTU : 1400 bytes (valid)'* ]]
	[[ $output = *'Prefix : fd00:9::/64'$'\n On-link : Yes\n Autonomous address conf.: Yes'* ]]
	[[ $output = *'Prefix : fd00:a::/56'$'\n On-link : Yes\n Autonomous address conf.: No'* ]]
	[[ $output = *'Recursive DNS server : fd00:9::53'*'Recursive DNS server : fd00:9::54'*'DNS servers lifetime : 1800 '* ]]
	[[ $output = *'DNS search list : a.example b.example'* ]]
	[[ $output = *'Route : fd00:77::/48'* ]]
	in_guest timeout 60 dhclient -6 -S -1 -d -sf /bin/true -lf "$T/lease" -pf "$T/pid" c0
	captured 'icmpv6.type == 134 && ipv6.dst == ff02::1'
	captured 'dhcpv6.msgtype == 7'
	flawless
}

@test "it follows the kernel: forwarding, and the last word at the end" {
	lan 10.9.0.1/24 fd00:9::1/64
	serve
	up
	until_guest address 'fd00:9:'
	in_host sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	until_guest route 'default via fe80:.* proto ra'
	in_host sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/forwarding'
	until_guest ! route default
	in_host sh -c 'echo 1 >/proc/sys/net/ipv6/conf/br0/forwarding'
	until_guest route 'default via'
	stop
	until_guest ! route default
}

@test "it follows the addresses: one that comes, one that goes" {
	lan 10.9.0.1/24
	serve
	up
	run ! solicit 1000
	in_host ip addr add fd00:9::1/64 dev br0 nodad
	until_guest address 'fd00:9:[0-9a-f:]*/64 scope global dynamic'
	in_host sh -ec 'ip addr del fd00:9::1/64 dev br0; ip addr add fd00:b::1/64 dev br0 nodad'
	until_guest address 'fd00:b:[0-9a-f:]*/64 scope global dynamic'
	until_guest address 'fd00:9:[0-9a-f:]*/64 scope global deprecated dynamic'
	run -0 solicit
	[[ $output = *'Prefix : fd00:9::/64'*'Valid time : 7'*'Pref. time : 0 '* ]]
}

@test "what the interface has from another router is not ours to announce" {
	need rdisc6
	lan 10.9.0.1/24 'fd00:9::1/64 valid_lft 1000 preferred_lft 1000'
	serve
	up
	run ! solicit 1000
}

@test "-O ra, prefix: without an address, never, another one" {
	need rdisc6
	lan 10.9.0.1/24
	serve -O ra=yes -O dns6=fd00::53
	up
	run -0 solicit
	[[ $output = *'Recursive DNS server : fd00::53'* ]]
	[[ $output != *Prefix* ]]
	stop
	in_host ip addr add fd00:9::1/64 dev br0 nodad
	serve -O ra=no
	solicit 1000 || : # the farewell of the server before may still be under way
	run ! solicit 1000
	stop
	serve -O prefix=fd00:c::/64
	run -0 solicit
	[[ $output = *'Prefix : fd00:c::/64'* ]]
	[[ $output != *fd00:9* ]]
}

@test "name servers of the host are told by a router alone" {
	need rdisc6
	echo 'nameserver 2001:db8::53' >"$T/resolv.conf"
	lan 10.9.0.1/24 fd00:9::1/64
	spawn_in host -R dhcpd unshare -m sh -c 'mount --bind "$1" /etc/resolv.conf && exec vm-dhcpd -R 9 -b br0 -d none' sh "$T/resolv.conf"
	up
	run -0 solicit
	[[ $output != *DNS* ]]
	in_host sh -c 'echo 1 >/proc/sys/net/ipv6/conf/br0/forwarding'
	run -0 solicit
	[[ $output = *'Recursive DNS server : 2001:db8::53'* ]]
}

@test "a flood of solicitations is answered by few advertisements, one from beyond the link not at all" {
	need socat dumpcap tshark
	lan 10.9.0.1/24 fd00:9::1/64
	serve
	up
	until_guest address 'fd00:9:'
	capture
	# Each 8 bytes are a packet, whose checksum the kernel adds; sent to all routers.
	solicitations() {
		for _ in $(seq "$1"); do printf '\205\0\0\0\0\0\0\0'; done >"$T/solicitations"
		in_guest socat -u -b8 "$T/solicitations" "IP6-DATAGRAM:[ff02::2%c0]:58,setsockopt-int=41:18:$2" # IPV6_MULTICAST_HOPS
	}
	solicitations 3 254
	captured 'icmpv6.type == 133'
	solicitations 1000 255
	captured 'icmpv6.type == 134 && ipv6.dst != ff02::1'
	captured 'frame.number >= 1000' | tail -n 1
	run -0 packets -Y 'icmpv6.type == 134 || icmpv6.type == 133 && ipv6.hlim == 254' -T fields -e icmpv6.type
	# The first answer comes after the three that were none of ours, and then few.
	[[ ${output//$'\n'/ } =~ ^(134 )?133\ 133\ 133\ 134 ]]
	[ "${#lines[@]}" -le 50 ]
}

@test "dhclient and dhcpcd are told the rest" {
	need dhclient dhcpcd
	lan 10.9.0.1/24 fd00:9::1/64
	serve -O dns6=fd00:9::53 -O ntp6=fd00:9::7 -O domain=example.org
	up
	until_guest address 'fe80:'
	run -0 in_guest timeout 60 dhclient -6 -S -1 -d -sf /usr/bin/env -lf "$T/lease" -pf "$T/pid" c0
	[[ $output = *new_dhcp6_name_servers=fd00:9::53* ]]
	[[ $output = *new_dhcp6_domain_search=example.org.* ]]
	[[ $output = *new_dhcp6_sntp_servers=fd00:9::7* ]]
	printf '#!/bin/sh\nenv\n' >"$T/hook"
	chmod +x "$T/hook"
	run -0 in_guest timeout 60 unshare -m sh -c 'mount -t tmpfs none /run; mount -t tmpfs none /var/lib
		exec dhcpcd -6 -1 -B -A --script "$1" --noconfigure -o dhcp6_name_servers c0' sh "$T/hook"
	[[ $output = *new_dhcp6_name_servers=fd00:9::53* ]]
}

@test "DHCPv6 for others is left to them" {
	need socat
	lan 10.9.0.1/24 fd00:9::1/64
	serve
	up
	until_guest address 'fe80:'
	# To the server's own address; asking for an address; with another server's identifier.
	local own
	# ask SECONDS BYTES [ADDRESS]: what is answered, in hexadecimal.
	ask() {
		in_guest sh -c 'printf "$2" | socat -t "$1" - "UDP6-DATAGRAM:[$3]:547,bind=[::]:546" | od -An -tx1' sh "$1" "$2" "${3:-ff02::1:2%c0}"
	}
	own=$(in_host ip -6 -o addr show dev br0 scope link | sed 's/.*inet6 //; s,/.*,,')
	[ ! "$(ask 0.5 '\13abc' "$own%c0")" ]
	[ ! "$(ask 0.5 '\1abc')" ]
	[ ! "$(ask 0.5 '\13abc\0\2\0\1x')" ]
	[[ $(ask 2 '\13abc') = ' 07 61 62 63 00 02 00 0a 00 03 00 01 '* ]]
}

@test "-n says what would be advertised" {
	lan 10.9.0.1/24 fd00:9::1/64
	run -0 in_host vm-dhcpd -n -b br0 -d none -O dns6=fd00::53 -O route6=fd00:7::/48 -O ntp6=fd00::7 -O router6=yes
	[[ $output = *"router6	yes
prefix	fd00:9::/64
route6	fd00:7::/48
dns6	fd00::53
ntp6	fd00::7"* ]]
	run -0 in_host vm-dhcpd -n -b br0 -d none -O ra=no
	[[ $output != *prefix* ]]
}

@test "words that are wrong are named" {
	local word why
	while IFS='~' read -r word why; do
		run -2 clean vm-dhcpd -b br0 -O "$word"
		[ "$output" = "vm-dhcpd: -O $word: $why" ]
	done <<-'EOF'
		dns6=10.0.0.1~not an IPv6 address
		ntp6=x~not an IPv6 address
		prefix=fd00::~not PREFIX/LENGTH
		prefix=fd00::1/64~it has bits beyond the length
		prefix=fe80::/64~not a prefix that guests could have addresses of
		route6=fd00::/129~not PREFIX/LENGTH
		ra=perhaps~not auto, yes or no
	EOF
	run -2 clean vm-dhcpd -a 10.9.0.1/24 -O dns6=fd00::1 -w net,fd=0
	[ "$output" = "vm-dhcpd: -O: IPv6 comes from an interface's addresses: -b is needed" ]
}
