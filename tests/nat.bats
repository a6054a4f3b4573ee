# SPDX-License-Identifier: ISC
# vm-nat, on the kernel's nftables in network namespaces, with real traffic: "host" has the bridge br0 and an uplink up0 to
# "remote", which knows nothing of the guests; "guest" and "other" are on the bridge.
load lib

# One of each kind.
forwards="-p 8080:192.168.122.10:80 -p udp:127.0.0.1:53:192.168.122.10 -p 5000-5003:192.168.122.11:6000-6003 \
	-p 192.0.2.1:7000-7003:192.168.122.11 -p 2222:[fd00:9::10]:22 -p [2001:db8::1]:99:[fd00:9::11] -p udp:80-8000:[fd00:9::11]"

in_host() {
	in_ns host "$@"
}

spawn_in() { # NS [-R] NAME CMD...
	local ns=$1 ready=()
	shift
	[[ $1 != -R ]] || { ready=(-R); shift; }
	spawn "${ready[@]}" "$1" nsenter --preserve-credentials -U -n -t "${pids[$ns]}" "${@:2}"
}

# bridge: only the host, with br0.
bridge() {
	need nft ip
	netns host
	in_host sh -ec 'ip link add br0 type bridge
		ip addr add 192.168.122.1/24 dev br0
		ip addr add fd00:9::1/64 dev br0 nodad
		ip link set br0 up
		cd /proc/sys/net/bridge 2>/dev/null || exit 0
		echo 0 >bridge-nf-call-iptables
		echo 0 >bridge-nf-call-ip6tables'
}

# node NAME INTERFACE-OF-HOST V4 V6: a namespace with eth0, whose other end is in the host.
node() {
	spawn_in host -R "$1" unshare -n sh -c 'ip link set lo up && echo >&9 && exec sleep infinity 9>&-'
	in_host ip link add "$2" type veth peer name eth0 netns "${pids[$1]}"
	in_host ip link set "$2" up
	in_ns "$1" sh -ec 'ip addr add $0 dev eth0; ip addr add $1 dev eth0 nodad; ip link set eth0 up' "$3" "$4"
}

world() {
	bridge
	node remote up0 192.0.2.2/24 2001:db8::2/64
	in_host sh -ec 'ip addr add 192.0.2.1/24 dev up0; ip addr add 2001:db8::1/64 dev up0 nodad'
	node guest g0 192.168.122.10/24 fd00:9::10/64
	node other g1 192.168.122.11/24 fd00:9::11/64
	in_host sh -ec 'ip link set g0 master br0; ip link set g1 master br0'
	in_ns guest sh -ec 'ip route add default via 192.168.122.1; ip route add default via fd00:9::1'
	in_ns other sh -ec 'ip route add default via 192.168.122.1; ip route add default via fd00:9::1'
}

# serve NS NAME SOCAT-ADDRESS: answer every client with the name, whence it comes, and what it said.
serve() {
	local port=${3#*:}
	port=${port%%,*}
	spawn_in "$1" "$2" socat "$3" "SYSTEM:read -r line; echo \"$2 \$SOCAT_PEERADDR \$SOCAT_PEERPORT \$line\""
	until in_ns "$1" ss -Hlnut "sport = :$port" | grep -q .; do sleep 0.02; done
}

# ask NS SOCAT-ADDRESS SECONDS: the line that is answered within that time. (socat, which waits for more of a datagram's
# kind, must not hold the output open.)
ask() {
	local line=''
	read -r -t $(($3 + 3)) line < <(in_ns "$1" timeout $(($3 + 3)) socat -t "$3" -T "$3" - "$2" <<<hello 2>/dev/null)
	echo "$line"
}

# answers NS SOCAT-ADDRESS REGEX: the answer is such a one. silent NS SOCAT-ADDRESS: there is none.
answers() {
	local answer
	answer=$(ask "$1" "$2" 5) || :
	# UDP may lose what it carries.
	[[ $answer || $2 != UDP* ]] || answer=$(ask "$1" "$2" 5) || :
	[[ $answer =~ ^$3\ hello$ ]] || {
		echo "$1 asks $2: $answer"
		return 1
	}
}
silent() {
	local answer
	answer=$(ask "$1" "$2,connect-timeout=1" 2) || :
	[ ! "$answer" ] || {
		echo "$1 asks $2: $answer"
		return 1
	}
}

# settings: what this program sets, of every interface.
settings() {
	in_host sh -c 'cd /proc/sys/net && grep -r . ipv4/ip_forward ipv[46]/conf/*/forwarding ipv4/conf/*/route_localnet ipv6/conf/*/accept_ra'
}

# state: all that tests compare before and after.
state() {
	settings
	in_host nft list ruleset
	in_host ip -br link
	in_host ip -o addr | sed 's/ tentative//; s/valid_lft.*//'
	in_host ip route
	in_host ip -6 route
}

@test "vm-nat: what -n prints is what is done, whatever is asked" {
	local given
	bridge
	for given in "-b br0" "-b br0 $forwards" "-b br0 -x $forwards" "-4 -b br0 -z -V lo" "-b br0 -a 192.168.0.0/17 -o 192.0.2.9" \
		"-b br0 -o 192.0.2.9 -o 2001:db8::1 -V br0" "-a 10.0.0.0/9 -a fd00::/61" "-6 -b br0"; do
		# shellcheck disable=SC2086 # words
		in_host sh -ec 'cd "$0"
			vm-nat add "$@"
			nft list ruleset >done
			vm-nat add -n "$@" | nft -c -f -
			vm-nat add -n "$@" | nft -f -
			nft list ruleset >said
			diff -u said done
			vm-nat add "$@"
			nft list ruleset | diff - done
			[ -s done ]
			nft flush ruleset' "$T" $given
	done
}

@test "vm-nat: guests reach the world with the host's address" {
	world
	in_host vm-nat add -b br0
	serve remote far4 TCP4-LISTEN:80,fork,reuseaddr
	serve remote far6 TCP6-LISTEN:81,fork,reuseaddr,ipv6only=1
	serve remote udp4 UDP4-RECVFROM:53,fork
	serve remote udp6 UDP6-RECVFROM:54,fork,ipv6only=1
	answers guest TCP4:192.0.2.2:80 'far4 192.0.2.1 [0-9]+'
	answers guest 'TCP6:[2001:db8::2]:81' 'far6 \[?2001:0?db8.*1\]? [0-9]+'
	answers other UDP4:192.0.2.2:53 'udp4 192.0.2.1 [0-9]+'
	answers other 'UDP6:[2001:db8::2]:54' 'udp6 \[?2001:0?db8.*1\]? [0-9]+'
	in_ns guest ping -c 1 -W 20 192.0.2.2
	in_ns guest ping -c 1 -W 20 2001:db8::2
	# A client's port is not one that some trust.
	answers guest TCP4:192.0.2.2:80,sourceport=700,reuseaddr 'far4 192.0.2.1 [0-9]{4,5}'
	run -0 in_host vm-nat show -b br0
	[[ $output = *$'\nnetwork\t192.168.122.0/24\t4\n'* && $output = *$'\nnetwork\tfd00:9::/64\t3\n'* ]]
}

@test "vm-nat: -o: another address than that of the interface" {
	world
	in_host sh -ec 'ip addr add 192.0.2.77/24 dev up0; ip addr add 2001:db8::77/64 dev up0 nodad
		vm-nat add -b br0 -o 192.0.2.77 -o 2001:db8::77'
	serve remote far4 TCP4-LISTEN:80,fork,reuseaddr
	serve remote far6 TCP6-LISTEN:81,fork,reuseaddr,ipv6only=1
	answers guest TCP4:192.0.2.2:80 'far4 192.0.2.77 [0-9]+'
	answers guest 'TCP6:[2001:db8::2]:81' 'far6 .*77\]? [0-9]+'
	in_ns guest ping -c 1 -W 20 192.0.2.2
}

@test "vm-nat: a forward is reached from everywhere, by every address" {
	local from
	world
	in_host vm-nat add -b br0 -p 8080:192.168.122.10:80 -p '8080:[fd00:9::10]:81' -p udp:5353:192.168.122.10:53 -p 'udp:5353:[fd00:9::10]:54'
	serve guest web4 TCP4-LISTEN:80,fork,reuseaddr
	serve guest web6 TCP6-LISTEN:81,fork,reuseaddr,ipv6only=1
	serve guest udp4 UDP4-RECVFROM:53,fork
	serve guest udp6 UDP6-RECVFROM:54,fork,ipv6only=1
	# Outside, with the client's own address.
	answers remote TCP4:192.0.2.1:8080 'web4 192.0.2.2 [0-9]+'
	answers remote 'TCP6:[2001:db8::1]:8080' 'web6 \[?2001:0?db8.*2\]? [0-9]+'
	answers remote UDP4:192.0.2.1:5353 'udp4 192.0.2.2 [0-9]+'
	answers remote 'UDP6:[2001:db8::1]:5353' 'udp6 \[?2001:0?db8.*2\]? [0-9]+'
	# This host, the other guest, and the guest itself.
	for from in host other guest; do
		for address in 192.0.2.1 192.168.122.1; do
			answers "$from" "TCP4:$address:8080" 'web4 192.*'
			answers "$from" "UDP4:$address:5353" 'udp4 192.*'
		done
		for address in 2001:db8::1 fd00:9::1; do
			answers "$from" "TCP6:[$address]:8080" 'web6 .*'
			answers "$from" "UDP6:[$address]:5353" 'udp6 .*'
		done
	done
	answers host TCP4:127.0.0.1:8080 'web4 192.168.122.1 [0-9]+'
	answers host UDP4:127.0.0.1:5353 'udp4 192.168.122.1 [0-9]+'
	# The kernel has no way back to ::1: it is not touched.
	serve host own TCP6-LISTEN:8080,fork,reuseaddr,ipv6only=1,bind=[::1]
	answers host 'TCP6:[::1]:8080' 'own .*'
	run -0 in_host vm-nat show -b br0
	[[ $output = *$'\nforward\ttcp\t*:8080\t192.168.122.10:80\t8\n'* ]]
	in_host vm-nat del -b br0
	silent remote TCP4:192.0.2.1:8080
	silent host TCP4:127.0.0.1:8080
}

@test "vm-nat: a guest reaches its own forward where br_netfilter is on, too, if that is for nobody's sake" {
	[ -e /proc/sys/net/bridge ] || skip 'no br_netfilter here'
	world
	in_host sh -c 'echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables'
	serve guest web TCP4-LISTEN:80,fork,reuseaddr
	in_host vm-nat add -b br0 -p 8080:192.168.122.10:80
	answers guest TCP4:192.0.2.1:8080 'web 192.*'
	in_host grep -qx 0 /proc/sys/net/bridge/bridge-nf-call-iptables
	in_host vm-nat del -b br0
	in_host grep -qx 1 /proc/sys/net/bridge/bridge-nf-call-iptables
	# One of ours that relies on it, or somebody else's chain: it stays as it is.
	in_host sh -ec 'ip link add br1 type bridge; vm-nat add -z -b br1 -a 10.1.0.0/24; vm-nat add -b br0 -p 8080:192.168.122.10:80'
	in_host grep -qx 1 /proc/sys/net/bridge/bridge-nf-call-iptables
	in_host sh -ec 'vm-nat del -b br0; vm-nat del -b br1; nft add table ip other
		nft add chain ip other forward "{ type filter hook forward priority 0; }"'
	run -0 in_host vm-nat add -v -b br0 -p 8080:192.168.122.10:80
	[ "$output" = 'vm-nat: br0: a guest reaches its own forwards through a hairpin port only (vm-tap -O hairpin=on)' ]
	in_host grep -qx 1 /proc/sys/net/bridge/bridge-nf-call-iptables
	silent guest TCP4:192.0.2.1:8080
	in_host bridge link set dev g0 hairpin on
	answers guest TCP4:192.0.2.1:8080 'web 192.*'
}

@test "vm-nat: ranges, moved ones too, and a forward of one address" {
	local port
	world
	in_host ip addr add 192.0.2.3/24 dev up0
	in_host vm-nat add -b br0 -p 7000-7001:192.168.122.10 -p 5000-5300:192.168.122.10:6000-6300 -p 192.0.2.3:80:192.168.122.11:80
	for port in 7000 7001 6000 6001 6300; do
		serve guest "p$port" "TCP4-LISTEN:$port,fork,reuseaddr"
	done
	serve other web TCP4-LISTEN:80,fork,reuseaddr
	answers remote TCP4:192.0.2.1:7000 'p7000 .*'
	answers remote TCP4:192.0.2.1:7001 'p7001 .*'
	answers remote TCP4:192.0.2.1:5000 'p6000 .*'
	answers host TCP4:127.0.0.1:5001 'p6001 .*'
	answers remote TCP4:192.0.2.1:5300 'p6300 .*'
	answers remote TCP4:192.0.2.3:80 'web .*'
	silent remote TCP4:192.0.2.1:80
	silent host TCP4:127.0.0.1:80
}

@test "vm-nat: settings of the kernel are put back when nobody needs them" {
	world
	in_host sh -ec 'ip link add br1 type bridge; ip addr add 10.1.0.1/24 dev br1; ip link set br1 up'
	# One interface forwards on its own, and is to do so again.
	in_host sh -c 'echo 1 >/proc/sys/net/ipv4/conf/br1/forwarding'
	state >"$T/before"
	in_host vm-nat add -b br0 -p 8080:192.168.122.10:80
	run -0 settings
	[[ $output = *ipv4/ip_forward:1* && $output = *ipv6/conf/all/forwarding:1* && $output = *ipv4/conf/br0/route_localnet:1* ]]
	[[ $output = *ipv4/conf/up0/route_localnet:0* ]]
	in_host vm-nat add -b br1
	in_host vm-nat add -b br0 -p 8080:192.168.122.10:80
	in_host vm-nat del -b br0
	run -0 settings
	[[ $output = *ipv4/ip_forward:1* && $output = *ipv6/conf/all/forwarding:0* && $output = *ipv4/conf/br0/route_localnet:0* ]]
	in_host vm-nat del -b br1
	state | diff "$T/before" -
	# A host that forwards, but not from the bridge.
	in_host sh -c 'cd /proc/sys/net/ipv4; echo 1 >ip_forward; echo 0 >conf/br0/forwarding'
	settings >"$T/forwarding"
	in_host vm-nat add -4 -b br0
	in_host grep -qx 1 /proc/sys/net/ipv4/conf/br0/forwarding
	in_host vm-nat del -b br0
	settings | diff "$T/forwarding" -
	in_host sh -c 'cd /proc/sys/net/ipv4; echo 0 >ip_forward; echo 1 >conf/br1/forwarding'
	# What a change does not need any more, too.
	in_host vm-nat add -b br0 -p 8080:192.168.122.10:80
	in_host vm-nat add -4 -b br0
	run -0 settings
	[[ $output = *ipv4/ip_forward:1* && $output = *ipv6/conf/all/forwarding:0* && $output = *ipv4/conf/br0/route_localnet:0* ]]
	in_host vm-nat del -b br0
	in_host vm-nat del -b br0
	state | diff "$T/before" -
}

@test "vm-nat -V: guests leave by one interface, and only two forward" {
	world
	node elsewhere up1 198.51.100.2/24 2001:db8:1::2/64
	in_host sh -ec 'ip addr add 198.51.100.1/24 dev up1; ip addr add 2001:db8:1::1/64 dev up1 nodad'
	state >"$T/before"
	in_host vm-nat add -b br0 -V up0
	run -0 settings
	[[ $output = *ipv4/ip_forward:0* && $output = *ipv4/conf/br0/forwarding:1* && $output = *ipv4/conf/up0/forwarding:1* ]]
	[[ $output = *ipv4/conf/up1/forwarding:0* ]]
	serve remote far TCP4-LISTEN:80,fork,reuseaddr
	serve elsewhere there TCP4-LISTEN:80,fork,reuseaddr
	serve elsewhere there6 TCP6-LISTEN:81,fork,reuseaddr,ipv6only=1
	answers guest TCP4:192.0.2.2:80 'far 192.0.2.1 [0-9]+'
	run in_ns guest timeout 5 socat - TCP4:198.51.100.2:80 </dev/null
	[[ $status -ne 0 && $output = *refused* ]]
	run in_ns guest timeout 5 socat - 'TCP6:[2001:db8:1::2]:81' </dev/null
	[[ $status -ne 0 && $output = *refused* ]]
	# The second, which forwards all, and outlives the first.
	in_host sh -ec 'ip link add br1 type bridge; ip addr add 10.1.0.1/24 dev br1; ip link set br1 up'
	in_host vm-nat add -b br1
	in_host vm-nat del -b br0
	run -0 settings
	[[ $output = *ipv4/ip_forward:1* ]]
	# And the other way round.
	in_host vm-nat add -b br0 -V up0
	in_host vm-nat del -b br1
	answers guest TCP4:192.0.2.2:80 'far 192.0.2.1 [0-9]+'
	in_host sh -ec 'vm-nat del -b br0; ip link del br1'
	state | diff "$T/before" -
}

@test "vm-nat: what a router has said is not forgotten when this host begins to forward" {
	world
	in_host ip -6 route add default via fe80::1 dev up0 proto ra
	state >"$T/before"
	in_host vm-nat add -b br0
	run -0 settings
	[[ $output = *ipv6/conf/up0/accept_ra:2* && $output = *ipv6/conf/br0/accept_ra:1* ]]
	in_host ip -6 route show default | grep -q fe80::1
	in_host vm-nat del -b br0
	state | diff "$T/before" -
}

@test "vm-nat: as long as a program, and no longer, however it ends" {
	local how pid
	world
	state >"$T/before"
	serve guest web TCP4-LISTEN:80,fork,reuseaddr
	for how in TERM KILL; do
		spawn_in host nat vm-nat -b br0 -p 8080:192.168.122.10:80 sh -c 'echo "up $VM_WIRES"; exec sleep infinity'
		wait_line "$T/nat.log" '^up hold,fd=[0-9]+:[0-9]+$'
		answers remote TCP4:192.0.2.1:8080 'web 192.0.2.2 [0-9]+'
		run -0 in_host vm-nat list
		pid=${pids[nat]}
		[ "$output" = $'br0\theld\t'"$pid"$'\t192.168.122.0/24,fd00:9::/64' ]
		# It is nobody else's.
		in_host nft flush ruleset
		run -1 in_host nft delete table inet vm-nat-br0
		run -1 in_host vm-nat del -b br0
		[ "$output" = "vm-nat: br0: held by process $pid: it goes when that ends" ]
		run -1 in_host vm-nat add -b br0
		[ "$output" = "vm-nat: br0: held by process $pid" ]
		run -125 in_host vm-nat -b br0 true
		[ "$output" = "vm-nat: br0: held by process $pid" ]
		answers remote TCP4:192.0.2.1:8080 'web 192.0.2.2 [0-9]+'
		# It has no child that it did not start.
		[ ! "$(cat /proc/"$pid"/task/*/children)" ]
		kill -"$how" "$pid"
		until [ ! "$(in_host nft list tables)" ]; do sleep 0.02; done
		wait "$pid" || :
		unset 'pids[nat]'
		state | diff "$T/before" -
	done
}

@test "vm-nat: a program that follows at once finds what is to be put back" {
	world
	state >"$T/before"
	in_host sh -ec 'for i in 1 2 3 4 5 6 7 8 9 10; do vm-nat -b br0 sh -c "read -r v </proc/sys/net/ipv4/ip_forward; [ \$v = 1 ]"; done'
	until [ ! "$(in_host nft list tables)" ]; do sleep 0.02; done
	state | diff "$T/before" -
}

@test "vm-nat: held and kept at once: who goes last puts back" {
	world
	in_host sh -ec 'ip link add br1 type bridge; ip addr add 10.1.0.1/24 dev br1; ip link set br1 up'
	state >"$T/before"
	in_host vm-nat -4 -b br0 vm-nat add -b br1
	until [ "$(in_host nft list tables)" = 'table inet vm-nat-br1' ]; do sleep 0.02; done
	run -0 settings
	[[ $output = *ipv4/ip_forward:1* ]]
	in_host vm-nat -4 -b br0 vm-nat del -b br1
	until [ ! "$(in_host nft list tables)" ]; do sleep 0.02; done
	state | diff "$T/before" -
	# A network that is to stay is not taken for a while.
	in_host vm-nat add -b br0
	run -125 in_host vm-nat -b br0 true
	[ "$output" = 'vm-nat: br0: there already, to stay (vm-nat del)' ]
}

@test "vm-nat: many at once do not lose what is to be put back" {
	bridge
	in_host sh -ec 'for i in 1 2; do ip link add br$i type bridge; ip addr add 10.$i.0.1/24 dev br$i; ip link set br$i up; done'
	settings >"$T/before"
	cat >"$T/many" <<-'EOF'
		forwards() {
			read -r now </proc/sys/net/ipv4/ip_forward
			[ "$now" = 1 ] || echo "$* lost it"
		}
		kept() {
			for i in 1 2 3 4 5 6 7 8; do
				vm-nat add -b "$1" -p "808$2:10.$2.0.2" && forwards "$@" && vm-nat del -b "$1" || echo "$* failed"
			done
		}
		held() {
			for i in 1 2 3 4 5 6 7 8; do
				vm-nat -b br0 sh -c 'read -r now </proc/sys/net/ipv4/ip_forward; [ $now = 1 ]' || echo held failed
			done
		}
		kept br1 1 &
		kept br2 2 &
		held
		wait
	EOF
	run -0 in_host sh "$T/many"
	[ ! "$output" ]
	until [ ! "$(in_host nft list tables)" ]; do sleep 0.02; done
	settings | diff "$T/before" -
}

@test "vm-nat: a forward from 127.0.0.1 opens nothing else of the loopback to guests" {
	world
	in_host vm-nat add -b br0 -p 8080:192.168.122.10:80
	serve host secret TCP4-LISTEN:9999,fork,reuseaddr,bind=127.0.0.1
	serve guest web TCP4-LISTEN:80,fork,reuseaddr
	# A guest that sends to the host's loopback.
	in_ns other sh -ec 'ip addr del 127.0.0.1/8 dev lo
		echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet
		ip route add 127.0.0.0/8 via 192.168.122.1 src 192.168.122.11'
	silent other TCP4:127.0.0.1:9999
	answers host TCP4:127.0.0.1:8080 'web .*'
	# It is the guard that keeps it out.
	in_host nft flush chain inet vm-nat-br0 guard
	answers other TCP4:127.0.0.1:9999 'secret .*'
}

@test "vm-nat: nobody comes in but by a forward, nobody goes out with a foreign address" {
	world
	in_host vm-nat add -b br0 -p 8080:192.168.122.10:80
	in_ns remote sh -ec 'ip route add 192.168.122.0/24 via 192.0.2.1; ip route add fd00:9::/64 via 2001:db8::1'
	serve guest web TCP4-LISTEN:80,fork,reuseaddr
	serve guest web6 TCP6-LISTEN:81,fork,reuseaddr,ipv6only=1
	answers remote TCP4:192.0.2.1:8080 'web 192.0.2.2 [0-9]+'
	run in_ns remote timeout 5 socat - TCP4:192.168.122.10:80 </dev/null
	[[ $status -ne 0 && $output = *refused* ]]
	run in_ns remote timeout 5 socat - 'TCP6:[fd00:9::10]:81' </dev/null
	[[ $status -ne 0 && $output = *refused* ]]
	serve remote far TCP4-LISTEN:82,fork,reuseaddr
	in_ns guest ip addr add 203.0.113.5/32 dev eth0
	run in_ns guest timeout 5 socat - TCP4:192.0.2.2:82,bind=203.0.113.5 </dev/null
	[[ $status -ne 0 ]]
	run -0 in_host vm-nat show -j -b br0
	[[ $output =~ \"refused-from\":[1-9] && $output =~ \"refused-to\":[1-9] ]]
}

@test "vm-nat -x: guests reach this host and each other, and are reached by forwards" {
	world
	in_host vm-nat add -x -b br0 -p 8080:192.168.122.10:80
	serve remote far TCP4-LISTEN:80,fork,reuseaddr
	serve host near TCP4-LISTEN:81,fork,reuseaddr
	serve guest web TCP4-LISTEN:80,fork,reuseaddr
	run in_ns guest timeout 5 socat - TCP4:192.0.2.2:80 </dev/null
	[[ $status -ne 0 && $output = *refused* ]]
	answers guest TCP4:192.168.122.1:81 'near 192.168.122.10 [0-9]+'
	answers other TCP4:192.168.122.10:80 'web 192.168.122.11 [0-9]+'
	answers remote TCP4:192.0.2.1:8080 'web 192.0.2.2 [0-9]+'
}

@test "vm-nat -z: guests do not reach each other, as far as this host sees them" {
	world
	serve guest web TCP4-LISTEN:80,fork,reuseaddr
	in_host vm-nat add -b br0
	answers other TCP4:192.168.122.10:80 'web .*'
	# What the bridge switches is not seen: said.
	run -0 in_host vm-nat add -z -b br0
	[ "$output" = 'vm-nat: br0: what it switches between its ports is not stopped by -z: isolate those too (vm-tap -O isolated=on)' ]
	in_host sh -ec 'echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables'
	run -0 in_host vm-nat add -z -b br0
	[ ! "$output" ]
	silent other TCP4:192.168.122.10:80
	# Isolated ports, and a host that would answer for all: it does not route between them either.
	in_host sh -ec 'echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables
		bridge link set dev g0 isolated on; bridge link set dev g1 isolated on
		echo 1 >/proc/sys/net/ipv4/conf/br0/proxy_arp_pvlan
		echo 0 >/proc/sys/net/ipv4/neigh/br0/proxy_delay'
	in_ns guest ip neigh flush dev eth0
	in_ns other ip neigh flush dev eth0
	silent other TCP4:192.168.122.10:80
	in_host vm-nat add -b br0
	answers other TCP4:192.168.122.10:80 'web .*'
}

@test "vm-nat: two networks: each its own, neither reaches the other" {
	world
	node third g2 10.1.0.2/24 fd00:a::2/64
	in_host sh -ec 'ip link add br1 type bridge; ip addr add 10.1.0.1/24 dev br1; ip link set br1 up; ip link set g2 master br1'
	in_ns third ip route add default via 10.1.0.1
	in_host vm-nat add -b br0 -p 8080:192.168.122.10:80
	run -1 in_host vm-nat add -b br1 -p 8000-8100:10.1.0.2
	[ "$output" = 'vm-nat: -p 8000-8100:10.1.0.2: forwarded already by network br0' ]
	in_host vm-nat add -b br1 -p 192.0.2.1:8081:10.1.0.2:80
	serve remote far TCP4-LISTEN:80,fork,reuseaddr
	serve guest web TCP4-LISTEN:80,fork,reuseaddr
	serve third web3 TCP4-LISTEN:80,fork,reuseaddr
	answers third TCP4:192.0.2.2:80 'far 192.0.2.1 [0-9]+'
	answers remote TCP4:192.0.2.1:8081 'web3 192.0.2.2 [0-9]+'
	# By forwards only.
	answers third TCP4:192.0.2.1:8080 'web .*'
	run in_ns third timeout 5 socat - TCP4:192.168.122.10:80 </dev/null
	[[ $status -ne 0 && $output = *refused* ]]
	run -0 in_host vm-nat list
	[ "$output" = $'br0\tkept\t0\t192.168.122.0/24,fd00:9::/64\nbr1\tkept\t0\t10.1.0.0/24' ]
}

@test "vm-nat: a network without an interface" {
	world
	# Guests that have an interface each.
	in_host sh -ec 'ip link set g0 nomaster; ip route add 10.2.0.10 dev g0; ip route add 10.2.0.11 dev g1; ip link set g1 nomaster'
	in_ns guest sh -ec 'ip addr add 10.2.0.10/32 dev eth0; ip route replace default via 192.168.122.1 src 10.2.0.10'
	in_host ip addr add 192.168.122.1/32 dev g0
	in_host vm-nat add -a 10.2.0.1/24 -p 8080:10.2.0.10:80
	serve remote far TCP4-LISTEN:80,fork,reuseaddr
	serve guest web TCP4-LISTEN:80,fork,reuseaddr
	answers guest TCP4:192.0.2.2:80 'far 192.0.2.1 [0-9]+'
	answers remote TCP4:192.0.2.1:8080 'web 192.0.2.2 [0-9]+'
	run -0 in_host vm-nat list
	[ "$output" = $'10.2.0.0/24\tkept\t0\t10.2.0.0/24' ]
	in_host vm-nat del -a 10.2.0.0/24
	[ ! "$(in_host nft list ruleset)" ]
	in_host vm-nat -a fd00:aa::1/64 vm-nat list -j >"$T/list"
	grep -q '^{"name":"fd00:aa::/64","life":"held",' "$T/list"
}

@test "vm-nat: segments are no longer than the way out carries" {
	world
	in_host vm-nat add -b br0
	in_host ip link set up0 mtu 1300
	spawn_in remote far socat TCP4-LISTEN:80,reuseaddr EXEC:cat
	until in_ns remote ss -Hlnt 'sport = :80' | grep -q .; do sleep 0.02; done
	spawn_in guest near socat -u TCP4:192.0.2.2:80 -
	until in_ns remote ss -Hnt 'sport = :80' | grep -q .; do sleep 0.02; done
	# 40 bytes of headers and 12 of time stamps less.
	in_ns remote ss -Hnti 'sport = :80' | grep -q ' mss:1248 '
}

@test "vm-nat: rules of others are not touched, and theirs that drop are told of, or opened by -f" {
	need iptables-nft
	world
	in_host sh -ec 'iptables-nft -P FORWARD DROP; iptables-nft -N DOCKER-USER; iptables-nft -A FORWARD -j DOCKER-USER
		iptables-nft -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
		nft add table inet other; nft add chain inet other c; nft add rule inet other c counter'
	state >"$T/before"
	serve remote far TCP4-LISTEN:80,fork,reuseaddr
	run -0 in_host vm-nat add -4 -b br0
	[[ $output = 'vm-nat: ip filter FORWARD: its policy drops what br0 forwards (what helps: -f, or iptables -I DOCKER-USER '* ]]
	silent guest TCP4:192.0.2.2:80
	run -0 in_host vm-nat add -f -4 -b br0
	[ ! "$output" ]
	answers guest TCP4:192.0.2.2:80 'far 192.0.2.1 [0-9]+'
	# It stays so, by whatever name it is asked for again.
	run -0 in_host vm-nat add -4 -b br0
	[ ! "$output" ]
	answers guest TCP4:192.0.2.2:80 'far 192.0.2.1 [0-9]+'
	# Others who empty their tables do not empty ours.
	in_host iptables-nft -t nat -F
	answers guest TCP4:192.0.2.2:80 'far 192.0.2.1 [0-9]+'
	in_host iptables-nft -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
	in_host vm-nat del -b br0
	state | sed 's/packets [0-9]* bytes [0-9]*//' | diff <(sed 's/packets [0-9]* bytes [0-9]*//' "$T/before") -
	in_host vm-nat -f -4 -b br0 sh -c 'nft list chain ip filter DOCKER-USER' >"$T/held"
	grep -q 'accept comment "vm-nat-undo/' "$T/held"
	until ! in_host nft list ruleset | grep -q vm-nat; do sleep 0.02; done
	state | sed 's/packets [0-9]* bytes [0-9]*//' | diff <(sed 's/packets [0-9]* bytes [0-9]*//' "$T/before") -
}

@test "vm-nat: wrong words are named, and nothing is done" {
	local args why
	bridge
	while IFS='~' read -r args why; do
		# shellcheck disable=SC2086 # words
		run -2 in_host vm-nat $args touch "$T/started"
		[ "$output" = "vm-nat: $why" ] || {
			echo "$args: $output"
			return 1
		}
	done <<-'EOF'
		-b br0 -p x~-p x: not an address or a port from 1 to 65535
		-b br0 -p 80~-p 80: no guest after the host's port
		-b br0 -p 80:~-p 80:: ends in a colon
		-b br0 -p 0:192.168.122.2~-p 0:192.168.122.2: not an address or a port from 1 to 65535
		-b br0 -p 80:81~-p 80:81: no address of a guest
		-b br0 -p 80:224.0.0.9~-p 80:224.0.0.9: no address of a guest
		-b br0 -p 90-80:192.168.122.2~-p 90-80:192.168.122.2: not an address or a port from 1 to 65535
		-b br0 -p 80-90:192.168.122.2:80~-p 80-90:192.168.122.2:80: the guest's range of ports is not as long as the host's
		-b br0 -p 80-90:192.168.122.2:1-12~-p 80-90:192.168.122.2:1-12: the guest's range of ports is not as long as the host's
		-b br0 -p [::1]:80:[fd00:9::2]~-p [::1]:80:[fd00:9::2]: no forward leads from ::1: the kernel routes no answers there
		-b br0 -p 192.0.2.1:80:[fd00:9::2]~-p 192.0.2.1:80:[fd00:9::2]: IPv4 and IPv6 cannot be mixed in one forward
		-b br0 -p 80:192.168.122.2:80:80~-p 80:192.168.122.2:80:80: more words than HOSTADDR:PORT:GUESTADDR:PORT
		-b br0 -p 80:10.0.0.2~-p 80:10.0.0.2: the guest is not in the guests' network
		-b br0 -p 80-90:192.168.122.2 -p 85:192.168.122.3~-p 85:192.168.122.3: forwarded already by -p 80-90:192.168.122.2
		-4 -b br0 -p 80:[fd00:9::2]~-p 80:[fd00:9::2]: the guest is not in the guests' network
		-4 -b br0 -o 2001:db8::1~-o: an address of a family that the guests' network has not
		-a 10.0.0.0/24 -p 127.0.0.1:80:10.0.0.2~-p 127.0.0.1:80:10.0.0.2: from the loopback only to guests behind an interface (-b)
		-b br0 -o x~-o x: not an address
		-b br0 -o 192.0.2.1/24~-o 192.0.2.1/24: not an address
		-b br0 -o 192.0.2.1 -o 192.0.2.2~-o 192.0.2.2: given twice
		-a 10.0.0.1~-a 10.0.0.1: not ADDRESS/LENGTH
		-a 10.0.0.1/33~-a 10.0.0.1/33: not ADDRESS/LENGTH
		-a 10.0.0.1/32~-a 10.0.0.1/32: not a length from 4 to 31
		-b a-name-too-long-for-it~-b a-name-too-long-for-it: longer than 15 characters
		-b a/b~-b a/b: an interface's name has no /, : or blank
		-4 -6 -b br0~-4 and -6: one of them alone
		-x -p~-p touch: not an address or a port from 1 to 65535
		-x~whose network? give -b or -a (try --help)
		-j -b br0~-j: of no use here (try --help)
		del -b br0 -p 80:192.168.122.2~-p: of no use here (try --help)
		add -b br0~touch: one word too many (try --help)
	EOF
	run -2 vm-nat
	[ "$output" = 'vm-nat: no verb and no program (try --help)' ]
	[ ! -e "$T/started" ]
	[ ! "$(in_host nft list ruleset)" ]
}

@test "vm-nat: what cannot be done is said, and nothing is changed" {
	world
	state >"$T/before"
	run -125 in_host vm-nat -b br9 true
	[ "$output" = 'vm-nat: br9: no such interface' ]
	run -1 in_host vm-nat add -b br0 -V br9
	[ "$output" = 'vm-nat: -V br9: no such interface' ]
	run -1 in_host vm-nat add -b g0
	[ "$output" = "vm-nat: g0: it has no address: give the guests' network (-a)" ]
	run -1 in_host vm-nat show -b br0
	[ "$output" = 'vm-nat: br0: no such network' ]
	serve host own TCP4-LISTEN:8080,fork,reuseaddr,bind=127.0.0.1
	run -1 in_host vm-nat add -b br0 -p 8000-8100:192.168.122.10
	[ "$output" = 'vm-nat: -p 8000-8100:192.168.122.10: port 8080: a program of this host has it, and would be hidden' ]
	in_host vm-nat add -n -b br0 -p 192.0.2.1:8080:192.168.122.10 >"$T/said"
	# Rights, and what is read-only.
	run -1 in_host setpriv --bounding-set -net_admin --inh-caps -net_admin vm-nat add -b br0
	[ "$output" = 'vm-nat: nf_tables: Operation not permitted (root, or CAP_NET_ADMIN, is needed)' ]
	in_host setpriv --bounding-set -net_admin --inh-caps -net_admin vm-nat add -n -b br0 >"$T/said"
	run -1 in_host unshare -m sh -ec 'mount -o bind,ro /proc/sys /proc/sys; exec vm-nat add -b br0'
	[ "$output" = 'vm-nat: /proc/sys/net/ipv4/ip_forward: Read-only file system' ]
	state | diff "$T/before" -
	# A failed change leaves the old state.
	in_host vm-nat add -b br0
	in_host nft list ruleset >"$T/old"
	run -1 in_host vm-nat add -b br0 -p 8080:192.168.122.10
	in_host nft list ruleset | diff "$T/old" -
}

@test "vm-nat: a name that is no name of nft's still makes a table, and goes" {
	bridge
	in_host sh -ec 'ip link add "b.r-0@x" type bridge; ip addr add 10.3.0.1/24 dev b.r-0@x; ip link set b.r-0@x up
		vm-nat add -b b.r-0@x -p 8080:10.3.0.2:80; vm-nat list; vm-nat del -b b.r-0@x; [ ! "$(nft list ruleset)" ]'
}

@test "the examples of vm-nat(8) run" {
	local line program="sh -c 'printenv VM_WIRES; nft list tables'"
	need_access /dev/net/tun
	need nft
	netns host
	while IFS= read -r line; do
		run -0 in_host sh -c "${line/kvm-run*/$program}"
		[[ $line != *' -n '* ]] || in_host nft -c -f - <<<"$output"
		[[ $line != *kvm-run* || $output =~ ^'hold,fd='[0-9:]+' net,fd='.*vm-nat-br0 ]]
	done < <(examples "$TESTS/../man/vm-nat.8")
}

# bats test_tags=lab
@test "vm-nat: a kernel that cannot translate addresses: said, and nothing is changed" {
	bridge
	settings >"$T/before"
	local module
	! grep -q '^nft_masq ' /proc/modules || rmmod nft_masq
	module=$(find -L "/lib/modules/$(uname -r)/kernel/net/netfilter" -name 'nft_masq.ko*')
	mount --bind /dev/null "$module"
	run -1 in_host vm-nat add -b br0
	[ "$output" = 'vm-nat: out 192.168.122.0/24: No such file or directory (has the kernel nf_tables, nft_chain_nat, nft_ct, nft_fib_inet, nft_masq, nft_nat, nft_reject_inet?)' ]
	[ ! "$(in_host nft list ruleset)" ]
	run -125 in_host vm-nat -b br0 true
	umount "$module"
	settings | diff "$T/before" -
	in_host vm-nat add -b br0
	in_host vm-nat del -b br0
}
