# SPDX-License-Identifier: ISC
# vm-nat, on the kernel's nftables in network namespaces.
load lib

# routed CMD...: run the words as shell commands in a namespace with a bridge br0 of 192.168.122.1/24 and fd00:9::1/64.
routed() {
	ns sh -ec 'ip link add br0 type bridge
		ip addr add 192.168.122.1/24 dev br0
		ip addr add fd00:9::1/64 dev br0 nodad
		ip link set br0 up
		'"$1" routed "$T"
}

# One of each kind.
forwards="-p 8080:192.168.122.10:80 -p udp:127.0.0.1:53:192.168.122.10 -p 5000-5003:192.168.122.11:6000-6003 \
	-p 192.0.2.1:7000-7003:192.168.122.11 -p 2222:[fd00:9::2]:22 -p [::1]:99:[fd00:9::3] -p udp:80-8000:[fd00:9::4]"

@test "vm-nat: what -n prints is what is done, whatever is asked" {
	need nft
	local given
	for given in "-b br0" "-b br0 $forwards" "-b br0 -x $forwards" "-4 -b br0 -G -V lo" "-b br0 -a 192.168.0.0/17 -o 192.0.2.9" \
		"-b br0 -o 192.0.2.9 -o 2001:db8::1 -V br0" "-a 10.0.0.0/9 -a fd00::/61" "-6 -b br0"; do
		routed "vm-nat add $given
			nft list ruleset >\$1/done
			vm-nat add -n $given | nft -c -f -
			vm-nat add -n $given | nft -f -
			nft list ruleset >\$1/said
			vm-nat add $given
			nft list ruleset | cmp - \$1/done"
		[ -s "$T/done" ]
		diff -u "$T/said" "$T/done"
	done
}
