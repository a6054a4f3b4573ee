# SPDX-License-Identifier: ISC
# The bridges of vm-bridge in namespaces of their own: "host" has them, and a /run and /sys that can be written; other
# namespaces are plugged into it as guests.
load lib

setup() {
	# A user namespace will not do: programs of bpf(2) are root's.
	((EUID == 0)) || skip 'not root'
	new_host host
}

# new_host NAME: make such namespaces.
new_host() {
	# In the lab our own directory is below /run.
	spawn -R "$1" unshare -nm sh -ec '
		cd "$1"
		mount -t tmpfs -o mode=755 none /run
		mkdir -p "$1"
		mount -c --bind . "$1"
		mount -t sysfs none /sys
		ip link set lo up
		echo >&9
		exec sleep infinity 9>&-' sh "$T"
}

# host CMD...: in it. on NAME CMD...: in that of another.
host() {
	on host "$@"
}
on() {
	local target=${pids[$1]}
	shift
	clean nsenter -n -m -t "$target" "$@"
}

# guest NAME PORT ADDRESS...: another host whose eth0 is plugged into PORT of this one.
guest() {
	local name=$1 port=$2 address
	shift 2
	new_host "$name"
	host ip link add "$port" type veth peer name eth0 netns "${pids[$name]}"
	host ip link set "$port" up
	on "$name" ip link set eth0 up
	for address; do
		on "$name" ip addr add "$address" dev eth0 $([[ $address != *:* ]] || echo nodad)
	done
}

# reaches NAME ADDRESS: its first packet may have to wait for a carrier.
reaches() {
	on "$1" ping -q -c 1 -W 1 "$2" >/dev/null || on "$1" ping -q -c 3 -i 0.2 -W 2 "$2"
}

# state: everything of the host's network that ip knows, without what counts or ages.
state() {
	host sh -c 'ip -d addr; ip route show table all; ip -6 route show table all; ip neigh show nud permanent; ip neigh show proxy
		ip nexthop; bridge fdb | grep permanent' | sed -E 's/(valid_lft|preferred_lft|expires) [0-9]+sec//g; s/hello_timer.*group_fwd_mask/group_fwd_mask/; s/ nodad//; s/qdisc no(op|queue)//; s/[gt][sr]o_max_[a-z]+ [0-9]+//g'
}

# same BEFORE: nothing of it has changed.
same() {
	diff <(echo "$1") <(state)
}

# settled: wait until every address is proved.
settled() {
	while host ip addr | grep -q tentative; do sleep 0.05; done
}

# gone NAME: wait until the interface is.
gone() {
	local end=$((SECONDS + 60))
	while host test -e "/sys/class/net/$1"; do
		((SECONDS < end)) || return 1
		sleep 0.02
	done
}

@test "bridge: wrong words are named, and nothing is made" {
	local args why
	while IFS='~' read -r args why; do
		run -2 host vm-bridge $args
		diff <(echo "vm-bridge: $why") <(echo "$output")
	done <<-'EOT'
		~no verb (try --help)
		made br0~made: no such verb (try --help)
		add~no bridge is named (try --help)
		add sixteen-letters0~sixteen-letters0: longer than 15 characters
		add a/b~a/b: an interface's name has no /, : or blank
		add -a 10.0.0.1 br0~-a 10.0.0.1: no prefix length, as in 192.168.122.1/24
		add -a 10.0.0.1/33 br0~-a 10.0.0.1/33: not ADDRESS/LENGTH, as in 192.168.122.1/24
		add -a fd00::1/129 br0~-a fd00::1/129: not ADDRESS/LENGTH, as in 192.168.122.1/24
		add -a 10.0.0.0/24 br0~-a 10.0.0.0/24: the network's own or its broadcast address, not a host's
		add -a 10.0.0.255/24 br0~-a 10.0.0.255/24: the network's own or its broadcast address, not a host's
		add -a 224.0.0.1/24 br0~-a 224.0.0.1/24: a multicast or reserved address, not a host's
		add -a ff02::1/64 br0~-a ff02::1/64: a multicast or reserved address, not a host's
		add -a 10.0.0.1/24 -a 10.0.0.1/16 br0~-a 10.0.0.1/16: given twice
		add -O stp br0~-O stp: not SETTING=VALUE
		add -O colour=red br0~-O colour=red: no such setting
		add -O stp=2 br0~-O stp=2: neither on nor off
		add -O hello=0 br0~-O hello=0: not a number from 1 to 10
		add -O mtu=67 br0~-O mtu=67: not a number from 68 to 65535
		add -O vxlan=0,remote=10.0.0.2 br0~-O vxlan=0,remote=10.0.0.2: it begins with a number from 1 to 16777215
		add -O vxlan=1 br0~-O vxlan=1: no remote host (as in 42,remote=192.0.2.2)
		add -O vxlan=1,remote=x br0~-O vxlan=1,remote=x: remote: not an address
		add -O vxlan=1,remote=10.0.0.2,remote=fd00::2 br0~-O vxlan=1,remote=10.0.0.2,remote=fd00::2: IPv4 and IPv6 are mixed
		add -O vxlan=1,remote=239.1.1.1 br0~-O vxlan=1,remote=239.1.1.1: a multicast group needs dev=NIC
		add -t 3 br0~-t: no such option here (try --help)
		set br0~nothing to set: no -O
		-b br0~no program to keep br0 for (to make it stay: vm-bridge add)
		adopt br0~no NIC for br0 to adopt (try --help)
		show br0 br1~br1: one operand too many (try --help)
	EOT
	run -0 host vm-bridge list
	[ "$output" = '' ]
}

@test "bridge: add makes what is missing, and twice is the same as once" {
	local mac before
	host ip link add e0 type veth peer name e1
	host ip link add e2 type veth peer name e3
	run -0 host vm-bridge add -n -a 192.168.122.1/24 br0 e0
	[ "$output" = $'br0: a new bridge\nbr0: address 192.168.122.1/24\nbr0: port e0' ]
	run -0 host vm-bridge list
	[ "$output" = '' ]
	host vm-bridge add -a 192.168.122.1/24 -a fd00::1/64 br0 e0
	mac=$(host cat /sys/class/net/br0/address)
	[[ $mac = 52:54:00:* ]]
	run -0 host vm-bridge list
	[ "$output" = "br0	up	$mac	1500	192.168.122.1/24,fd00::1/64	e0" ]
	run -0 host vm-bridge list -j
	[ "$output" = '{"name":"br0","state":"up","mac":"'"$mac"'","mtu":1500,"addresses":["192.168.122.1/24","fd00::1/64"],"ports":["e0"]}' ]
	# The address does not wait to be proved, there is no spanning tree, the port is up, and a lower address changes nothing.
	[[ $(host ip addr show br0) = *'inet 192.168.122.1/24 brd 192.168.122.255 scope global br0'* ]]
	[[ $(host ip addr show br0) = *'inet6 fd00::1/64 scope global nodad'* ]]
	[[ $(host ip -d link show br0) = *'forward_delay 0 '*' stp_state 0 '* ]]
	[[ $(host ip link show e0) = *',UP,'*'master br0'* ]]
	host ip link set e2 address 02:00:00:00:00:01
	before=$(state)
	host vm-bridge add -a 192.168.122.1/24 -a fd00::1/64 br0 e0
	same "$before"
	run -0 host vm-bridge add -n -a 192.168.122.1/24 -a 10.0.0.1/8 br0 e0 e2
	[ "$output" = $'br0: address 10.0.0.1/8\nbr0: port e2' ]
	host vm-bridge add -a 10.0.0.1/8 br0 e0 e2
	[ "$(host cat /sys/class/net/br0/address)" = "$mac" ]
	run -0 host vm-bridge list
	[[ $output = *$'\te0,e2' ]]
	host vm-bridge del -f br0
	host vm-bridge add br0
	[ "$(host cat /sys/class/net/br0/address)" = "$mac" ]
	host vm-bridge add br1
	[ "$(host cat /sys/class/net/br1/address)" != "$mac" ]
}

@test "bridge: ten at once make one" {
	local i round
	for round in 0 1 2 3 4; do
		exec {gate}>"$T/gate"
		flock "$gate"
		for i in 0 1 2 3 4 5 6 7 8 9; do
			spawn "add$i" nsenter -n -m -t "${pids[host]}" flock -s "$T/gate" vm-bridge add -a "192.168.$round.1/24" -a "fd0$round::1/64" "br$round"
		done
		# All wait at the gate.
		until [ "$(grep -c -- '-> FLOCK' /proc/locks)" -ge 10 ]; do sleep 0.02; done
		exec {gate}>&-
		for i in 0 1 2 3 4 5 6 7 8 9; do
			await "add$i"
		done
		run -0 host vm-bridge show "br$round"
		[[ $output = *$'\naddress\t192.168.'"$round"$'.1/24\naddress\tfd0'"$round"$'::1/64'* ]]
	done
}

@test "bridge: what exists and differs is an error that says how, and changes nothing" {
	local args why before
	host vm-bridge add -a 192.168.122.1/24 -O mac=52:54:00:00:00:01 br0
	host ip link add e0 type veth peer name e1
	host ip link add e2 type veth peer name e3
	host vm-bridge add other e0
	host ip tuntap add t0 mode tun
	before=$(state)
	while IFS='~' read -r args why; do
		run -1 host vm-bridge $args
		diff <(echo "vm-bridge: $why") <(echo "$output")
	done <<-'EOT'
		add -O stp=on br0~br0: stp is off, not on
		add -O forward-delay=4 br0~br0: forward-delay is 0, not 4
		add -O mtu=1400 br0~br0: mtu is 1500, not 1400
		add -O mac=52:54:00:00:00:02 br0~br0: mac is 52:54:00:00:00:01, not 52:54:00:00:00:02
		add -O mac=nothing br0~-O mac=nothing: neither an address nor an Ethernet interface
		add -a 192.168.122.1/16 br0~br0: has the address 192.168.122.1/24, not with the prefix asked for
		add -a 10.0.0.1/24 br0 e2 e0~e0: is in other already, not in br0
		add -a 10.0.0.1/24 br1 e2 nowhere~nowhere: No such device
		add br1 lo~lo: is no Ethernet interface
		add br1 t0~t0: is no Ethernet interface
		add br0 other~other: is a bridge itself
		add e2~e2: is there, and no bridge but of kind veth
		add -O vxlan=1,remote=10.0.0.2,dev=none br1~-O vxlan=1: none: No such device
		add -O stp=on -O forward-delay=1 br1~br1: forward-delay is 2, not 1
		set -O stp=on br1~br1: No such device
		show e2~e2: is no bridge
		fdb br1~br1: No such device
		del e2~e2: is no bridge
	EOT
	same "$before"
}

@test "bridge: without the right to it nothing is done" {
	run -1 host setpriv --bounding-set=-net_admin --inh-caps=-net_admin vm-bridge add br0
	[ "$output" = 'vm-bridge: br0: a new bridge: Operation not permitted (CAP_NET_ADMIN is needed)' ]
	host vm-bridge add br0
	run -1 host setpriv --bounding-set=-net_admin --inh-caps=-net_admin vm-bridge add -a 10.0.0.1/8 br0
	[ "$output" = 'vm-bridge: br0: address 10.0.0.1/8: Operation not permitted (CAP_NET_ADMIN is needed)' ]
	run -1 host setpriv --bounding-set=-net_admin --inh-caps=-net_admin vm-bridge del br0
	[ "$output" = 'vm-bridge: br0: Operation not permitted' ]
}

@test "bridge: a change that fails half-way is taken back" {
	local before
	host ip link add e0 type veth peer name e1
	host sysctl -qw net.ipv6.conf.default.disable_ipv6=1
	before=$(state)
	run -1 host vm-bridge add -a 10.0.0.1/8 -a fd00::1/64 br0 e0
	[[ $output = 'vm-bridge: br0: address fd00::1/64: '* ]]
	same "$before"
	host vm-bridge add br0
	before=$(state)
	run -1 host vm-bridge add -a 10.0.0.1/8 -a fd00::1/64 br0 e0
	[[ $output = 'vm-bridge: br0: address fd00::1/64: '* ]]
	same "$before"
}

@test "bridge: settings reach the kernel, and set changes them" {
	local word
	host vm-bridge add -O stp=on -O hello=1 -O max-age=10 -O forward-delay=4 -O ageing=100 -O priority=7 -O snooping=off \
		-O querier=on -O group-fwd-mask=16384 -O mtu=1400 br0
	run -0 host ip -d link show br0
	for word in 'stp_state 1' 'hello_time 100' 'max_age 1000' 'forward_delay 400' 'ageing_time 10000' 'priority 7' 'mcast_snooping 0' \
		'mcast_querier 1' 'group_fwd_mask 0x4000' 'mtu 1400'; do
		[[ $output = *" $word "* ]]
	done
	run -0 host vm-bridge show br0
	for word in state$'\t'up mtu$'\t'1400 stp$'\t'on hello$'\t'1 forward-delay$'\t'4 ageing$'\t'100 priority$'\t'7 snooping$'\t'off; do
		[[ $'\n'$output$'\n' = *$'\n'$word$'\n'* ]]
	done
	host vm-bridge set -O priority=8 -O stp=off -O ageing=0 br0
	run -0 host vm-bridge show -j br0
	[[ $output = *'"stp":"off","forward-delay":4,"hello":1,"max-age":10,"ageing":0,"priority":8,'* ]]
	# With a spanning tree the kernel refuses this; and that, when it has taken the first already.
	host vm-bridge set -O stp=on br0
	run -1 host vm-bridge set -O forward-delay=1 br0
	[ "$output" = 'vm-bridge: br0: Numerical result out of range' ]
	run -1 host vm-bridge set -O priority=9 -O group-fwd-mask=1 br0
	[ "$output" = 'vm-bridge: br0: Invalid argument' ]
	run -0 host vm-bridge show br0
	[[ $output = *$'\npriority\t8\n'* && $output = *$'\nforward-delay\t4\n'* ]]
}

# bats test_tags=lab
@test "bridge: VLANs are filtered, or it is said that this kernel cannot" {
	run host vm-bridge add -O vlan=on -O pvid=5 br0
	if [ "$status" -ne 0 ]; then
		[ "$output" = 'vm-bridge: br0: a new bridge: Operation not supported (no VLAN filtering in this kernel)' ]
		run -0 host vm-bridge list
		[ "$output" = '' ]
		host vm-bridge add br0
		run -1 host vm-bridge set -O vlan=on br0
		[ "$output" = 'vm-bridge: br0: Operation not supported (does this kernel filter VLANs?)' ]
		skip 'no VLAN filtering in this kernel'
	fi
	[[ $(host ip -d link show br0) = *' vlan_filtering 1 '* ]]
	run -0 host vm-bridge show br0
	[[ $output = *$'\nvlan\ton\npvid\t5\n'* ]]
	guest a p0 10.0.0.2/24
	guest b p1 10.0.0.3/24
	host vm-bridge add br0 p0 p1
	reaches a 10.0.0.3
	run -0 host vm-bridge fdb br0
	[[ $output = *$'\tp0\t5\tlearned'* ]]
	host bridge vlan del dev p1 vid 5
	run ! on a ping -q -c 1 -W 1 10.0.0.3
	host vm-bridge set -O vlan=off br0
	reaches a 10.0.0.3
}

@test "bridge: guests on it reach it and each other, and fdb knows them" {
	local a
	guest a p0 10.0.0.2/24 fd00::2/64
	guest b p1 10.0.0.3/24 fd00::3/64
	host vm-bridge add -a 10.0.0.1/24 -a fd00::1/64 br0 p0 p1
	reaches a 10.0.0.1
	reaches a 10.0.0.3
	reaches b fd00::1
	reaches b fd00::2
	a=$(on a cat /sys/class/net/eth0/address)
	run -0 host vm-bridge fdb br0
	[[ $'\n'$output = *$'\n'"$a"$'\tp0\t0\tlearned'* ]]
	run -0 host vm-bridge fdb -j br0
	[[ $output = *'{"mac":"'"$a"'","port":"p0","vlan":0,"kind":"learned"}'* ]]
	run -0 host vm-bridge show br0
	[[ $output = *$'\nport\tp0\tforwarding\tveth\nport\tp1\tforwarding\tveth' ]]
	run -1 host sh -c 'vm-bridge show br0 >/dev/full'
	[ "$output" = 'vm-bridge: stdout: No space left on device' ]
}

@test "bridge: del takes away ports, a bridge, and what was made for it; the absent is a success" {
	guest a p0
	host vm-bridge add -O vxlan=7,remote=127.0.0.2 br0 p0
	run -1 host vm-bridge del br0
	[ "$output" = 'vm-bridge: br0: has the port p0 still (-f deletes it all the same)' ]
	host vm-bridge del br0 p0
	host vm-bridge del br0 p0 nothing
	run -0 host vm-bridge list
	[[ $output = *$'\tvxlan7' ]]
	host vm-bridge del br0
	host test ! -e /sys/class/net/vxlan7
	run -0 host vm-bridge del br0
	[ "$output" = '' ]
	run -0 host vm-bridge del -v br0
	[ "$output" = 'vm-bridge: br0: No such device' ]
	host vm-bridge add br0 p0
	host vm-bridge del -f br0
	host test ! -e /sys/class/net/br0
}

@test "bridge: a tunnel joins the bridges of two hosts, with an MTU that fits" {
	guest there eth0 192.0.2.2/24
	host ip addr add 192.0.2.1/24 dev eth0
	host ip link set eth0 mtu 1400
	host vm-bridge add -a 10.0.0.1/24 -O vxlan=42,remote=192.0.2.2,remote=192.0.2.3,local=192.0.2.1 br0
	# Both have this machine's id, and would have the same address.
	on there vm-bridge add -a 10.0.0.2/24 -O mac=52:54:00:00:00:02 -O vxlan=42,remote=192.0.2.1 br0
	host ping -q -c 3 -i 0.2 -W 20 10.0.0.2
	run -0 host vm-bridge list
	[[ $output = *$'\t1350\t'*$'\tvxlan42' ]]
	[[ $(host bridge fdb show dev vxlan42) = *'00:00:00:00:00:00 dst 192.0.2.3 '* ]]
	host vm-bridge add -O vxlan=42,remote=192.0.2.2,remote=192.0.2.3 br0
	run -1 host vm-bridge add -O vxlan=42,remote=192.0.2.9 br0
	[ "$output" = 'vm-bridge: vxlan42: is there, with another number, port or remote host' ]
	run -1 host vm-bridge add -O vxlan=42,remote=192.0.2.2 br1
	[ "$output" = 'vm-bridge: vxlan42: is there, and no tunnel of br1' ]
	host test ! -e /sys/class/net/br1
}

@test "bridge: a loader's bridge is there for its program, and gone with it" {
	local before
	before=$(state)
	run -0 host vm-bridge -b br0 -a 10.0.0.1/24 sh -c 'vm-bridge list; echo "$VM_WIRES"; ls /proc/$$/fd'
	[[ ${lines[0]} = br0$'\tup\t'*$'\t10.0.0.1/24\t' ]]
	[[ ${lines[1]} =~ ^hold,fd=1[0-9]$ ]]
	gone br0
	same "$before"
	# Also when it is killed, and not before the last who holds the wire has ended.
	spawn -R kept nsenter -n -m -t "${pids[host]}" vm-bridge -R 9 -b br0 -a 10.0.0.1/24 sh -c 'sleep 30 & echo $! >"$1"; exec sleep 30' sh "$T/child"
	until [ -s "$T/child" ]; do sleep 0.02; done
	host test -e /sys/class/net/br0
	kill -KILL "${pids[kept]}"
	wait "${pids[kept]}" || :
	unset 'pids[kept]'
	host vm-bridge list | grep -q '^br0'
	kill -KILL "$(<"$T/child")"
	gone br0
	same "$before"
}

@test "bridge: a loader takes away what it made, and only that" {
	local before
	guest a p0 10.0.0.2/24
	host vm-bridge add -a 10.0.0.1/24 br0 p0
	until [[ $(host ip addr show br0) = *fe80:* ]]; do sleep 0.05; done
	settled
	before=$(state)
	run -0 host vm-bridge -b br0 -a 10.0.0.1/24 sh -c 'echo "wires:$VM_WIRES"'
	[ "$output" = 'wires:' ]
	run -0 host vm-bridge -b br0 -a 10.9.0.1/24 vm-bridge list
	[[ $output = *10.0.0.1/24,10.9.0.1/24* ]]
	until ! host ip addr | grep -qF 10.9.0.1; do sleep 0.02; done
	same "$before"
}

@test "bridge: a loader's failures are its own, 125, and its program's are its program's" {
	run -125 host vm-bridge -b e0 -a 10.0.0.1/24 -O mac=none true
	[ "$output" = 'vm-bridge: -O mac=none: neither an address nor an Ethernet interface' ]
	run -127 host vm-bridge -b br0 nonexistent
	run -126 host vm-bridge -b br0 /
	run -3 host vm-bridge -b br0 sh -c 'exit 3'
	gone br0
	run -0 host vm-bridge -n -b br0 -a 10.0.0.1/24 touch "$T/run"
	[ "$output" = $'br0: a new bridge\nbr0: address 10.0.0.1/24' ]
	[ ! -e "$T/run" ]
	run -0 host vm-bridge -U nobody -b br0 id -un
	[ "$output" = nobody ]
	run -125 host vm-bridge -U nosuchuser -b br0 true
	gone br0
}

@test "bridge: who waits to take it away has few rights and little memory" {
	local pid status kib
	spawn -R kept nsenter -n -m -t "${pids[host]}" vm-bridge -R 9 -b br0 sleep 30
	pid=$(pgrep -x br0 --ns "${pids[host]}" --nslist net)
	status=$(<"/proc/$pid/status")
	[[ $status = *$'CapEff:\t0000000000001000\n'* && $status = *$'CapBnd:\t0000000000000000\n'* || $status = *$'CapBnd:\t0000000000001000\n'* ]]
	[[ $status = *$'NoNewPrivs:\t1\n'* ]]
	[[ $BIN = */asan || $status = *$'Seccomp:\t2\n'* ]]
	kib=$(awk '/^Private_Dirty/ { print $2 }' "/proc/$pid/smaps_rollup")
	[[ $BIN = */asan ]] || ((kib < 256))
	# What ends it all at once must not end it first.
	kill -TERM "$pid"
	kill -INT "$pid"
	host test -e /sys/class/net/br0
	kill "${pids[kept]}"
	gone br0
}

# dropping: two guests on a bridge whose frames the chains of IP see.
dropping() {
	need iptables-nft
	host modprobe -q br_netfilter || :
	host test -e /proc/sys/net/bridge/bridge-nf-call-iptables || skip 'no br_netfilter here'
	guest a p0 10.0.0.2/24
	guest b p1 10.0.0.3/24
	host sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1
	host iptables-nft -P FORWARD DROP
}

@test "bridge: a firewall that drops is named, with what helps; -f helps, and del takes that back" {
	local before
	dropping
	host iptables-nft -A FORWARD -s 192.0.2.1 -j ACCEPT
	before=$(host nft list ruleset)
	run -0 host vm-bridge add br0 p0 p1
	[ "$output" = 'vm-bridge: ip filter FORWARD: its policy drops what br0 forwards; this would let it through: iptables -I FORWARD -i br0 -o br0 -j ACCEPT' ]
	run ! on a ping -q -c 2 -i 0.2 -W 1 10.0.0.3
	run -0 host vm-bridge add -f br0
	[ "$output" = '' ]
	reaches a 10.0.0.3
	[[ $(host iptables-nft -S FORWARD) = *'-A FORWARD -i br0 -o br0 -m comment --comment "vm-bridge br0" -j ACCEPT'$'\n'* ]]
	host vm-bridge add -f br0
	[ "$(host iptables-nft -S FORWARD | grep -c vm-bridge)" -eq 1 ]
	host sh -c 'nft list ruleset | nft -c -f -'
	host vm-bridge del -f br0
	# Packets were counted meanwhile.
	diff <(sed 's/packets .* bytes [0-9]*//' <<<"$before") <(host nft list ruleset | sed 's/packets .* bytes [0-9]*//')
}

@test "bridge: docker's, firewalld's and others' chains; a rule of the user's own is enough" {
	dropping
	host ip6tables-nft -P FORWARD DROP
	host iptables-nft -N DOCKER-USER
	host iptables-nft -I FORWARD -j DOCKER-USER
	host nft -f - <<-'EOT'
		table inet firewalld {
			chain filter_FORWARD {
				type filter hook forward priority 10
				ct state established accept
				log prefix "x" reject with icmpx admin-prohibited
			}
		}
		table inet mine {
			chain through {
				type filter hook forward priority 20; policy drop
				ip protocol icmp accept
			}
			chain beside {
				type filter hook input priority 20; policy drop
			}
		}
	EOT
	run -0 host vm-bridge add br0 p0 p1
	[ "$output" = "vm-bridge: ip filter FORWARD: its policy drops what br0 forwards; this would let it through: iptables -I DOCKER-USER -i br0 -o br0 -j ACCEPT
vm-bridge: ip6 filter FORWARD: its policy drops what br0 forwards; this would let it through: ip6tables -I FORWARD -i br0 -o br0 -j ACCEPT
vm-bridge: inet firewalld filter_FORWARD: its last rule drops what br0 forwards; this would let it through: firewall-cmd --zone=trusted --change-interface=br0
vm-bridge: inet mine through: its policy drops what br0 forwards; this would let it through: nft insert rule inet mine through iifname br0 oifname br0 accept" ]
	host iptables-nft -I DOCKER-USER -i br0 -o br0 -j ACCEPT
	host ip6tables-nft -I FORWARD -m physdev --physdev-is-bridged -j ACCEPT
	host nft insert rule inet firewalld filter_FORWARD iifname br0 oifname br0 accept
	run -0 host vm-bridge add br0
	[[ ${#lines[@]} -eq 1 && $output = *'inet mine through'* ]]
	host vm-bridge add -f br0
	reaches a 10.0.0.3
	host nft -a list chain inet mine through | grep -q 'comment "vm-bridge br0"'
	[ "$(host nft list ruleset | grep -c 'vm-bridge br0')" -eq 1 ]
}

@test "bridge: iptables-legacy is read; what -f cannot do it says" {
	dropping
	host iptables-nft -P FORWARD ACCEPT
	host iptables-legacy -P FORWARD DROP || skip 'no iptables-legacy here'
	run -0 host vm-bridge add -f br0 p0 p1
	[ "$output" = "vm-bridge: iptables-legacy: its tables are not ours to rewrite
vm-bridge: iptables-legacy: ip filter FORWARD: its policy drops what br0 forwards; this would let it through: iptables-legacy -I FORWARD -i br0 -o br0 -j ACCEPT" ]
	host iptables-legacy -P FORWARD ACCEPT
	run -0 host vm-bridge add -f br0
	[ "$output" = '' ]
}

@test "bridge: a loader's rule goes with its program" {
	local before
	dropping
	before=$(host nft list ruleset)
	run -0 host vm-bridge -f -b br0 iptables-nft -S FORWARD
	[[ $output = *vm-bridge\ br0* ]]
	gone br0
	until [ "$(host nft list ruleset)" = "$before" ]; do sleep 0.02; done
}

# upstream: eth0 with all that an interface can have, and behind it a host that answers.
upstream() {
	guest there eth0 192.0.2.254/24 fd00::fe/64
	host sh -ec '
		ip addr add 192.0.2.1/24 brd + dev eth0
		ip addr add 192.0.2.2/24 dev eth0 label eth0:1
		ip addr add 10.9.0.1/24 dev eth0 valid_lft 1000 preferred_lft 500
		ip addr add 10.8.0.1/24 dev eth0 noprefixroute
		ip addr add fd00::1/64 dev eth0 nodad
		ip route add 10.8.0.0/24 dev eth0 proto kernel src 10.8.0.1 metric 100
		ip route add default via 192.0.2.254 metric 50 src 192.0.2.2
		ip route add 203.0.113.0/24 via 192.0.2.254 table 100
		ip route add 198.51.100.9 dev eth0 scope link
		ip route add 10.20.0.0/16 via 198.51.100.9
		ip route add 10.30.0.0/16 via 172.16.0.1 dev eth0 onlink mtu 1400
		ip route add 10.40.0.0/16 nexthop via 192.0.2.254 weight 2 nexthop via 192.0.2.253
		ip route add unreachable 10.60.0.0/16
		ip -6 route add default via fd00::fe metric 7
		ip nexthop add id 7 via 192.0.2.254 dev eth0
		ip route add 10.50.0.0/16 nhid 7
		ip neigh add 192.0.2.77 lladdr 02:00:00:00:00:77 dev eth0 nud permanent
		ip neigh add proxy 192.0.2.88 dev eth0
		sysctl -qw net.ipv4.conf.eth0.rp_filter=1 net.ipv4.conf.all.rp_filter=1'
	settled
	reaches host 192.0.2.254
}

# has DEVICE: what of the host's network is on that interface, its name left out.
has() {
	host sh -c 'ip addr show dev $1 | grep inet; ip route show table all; ip -6 route show table all; ip neigh show nud permanent; ip neigh show proxy
		ip nexthop; sysctl -n net.ipv4.conf.$1.rp_filter; cat /sys/class/net/$1/address' sh "$1" | grep -vE "dev (${2:-none}) " |
		sed -E "s/(valid_lft|preferred_lft|expires) [0-9]+sec//g; s/ nodad//; s/\b$1\b/DEV/g" | sort
}

# flow: a ping every 10 ms each way, and a TCP stream, until stop_flow.
flow() {
	spawn p4 nsenter -n -t "${pids[host]}" ping -i 0.01 192.0.2.254
	spawn p6 nsenter -n -t "${pids[host]}" ping -i 0.01 fd00::fe
	spawn r4 nsenter -n -t "${pids[there]}" ping -i 0.01 192.0.2.1
	spawn r6 nsenter -n -t "${pids[there]}" ping -i 0.01 fd00::1
	spawn echo nsenter -n -t "${pids[there]}" socat -u TCP-LISTEN:7,reuseaddr "OPEN:$T/stream,creat"
	until on there ss -Hlnt 'sport = :7' | grep -q .; do sleep 0.02; done
	spawn tcp nsenter -n -t "${pids[host]}" bash -c 'for ((i = 1; ; i++)); do echo $i; sleep 0.01; done | socat -u - TCP:192.0.2.254:7'
	for name in p4 p6 r4 r6; do wait_line "$T/$name.log" 'icmp_seq=20 ' >/dev/null; done
	wait_line "$T/stream" '^20$' >/dev/null
}
# answered: wait until each ping has twenty answers more.
answered() {
	local name
	for name in p4 p6 r4 r6; do
		wait_line "$T/$name.log" "icmp_seq=$(($(grep -c from "$T/$name.log") + 20)) " >/dev/null
	done
}
# stop_flow: set lost to the number of pings that were not answered though later ones were: the last may be on their way.
stop_flow() {
	local name
	answered
	for name in p4 p6 r4 r6; do
		kill -INT "${pids[$name]}"
		wait "${pids[$name]}" || :
		unset "pids[$name]"
	done
	lost=$(awk '
		split($0, seq, "icmp_seq=") > 1 { got++; if (seq[2] + 0 > last[FILENAME]) last[FILENAME] = seq[2] + 0 }
		/transmitted/ { n++ }
		END { for (f in last) sent += last[f]; print n == 4 ? sent - got : "?" }' "$T"/[pr][46].log)
}

@test "bridge: adopt takes the NIC's place, and gives it back when nobody confirms; no packet and no connection is lost" {
	local before last
	upstream
	before=$(has eth0)
	host ip -d addr show dev eth0 >"$T/link"
	flow
	host vm-bridge adopt -t 4 br0 eth0
	diff <(echo "$before") <(has br0 eth0)
	run -0 host ip addr show dev eth0
	[[ $output != *inet* && $output = *'master br0'* ]]
	run -0 host ip route show table all dev eth0
	[[ $output != *$'\n'* ]] # the multicast network of IPv6
	run -0 host vm-bridge adopt -v br0 eth0
	[ "$output" = 'vm-bridge: br0: has adopted eth0 already' ]
	gone br0
	last=$(tail -n 1 "$T/stream")
	answered
	wait_line "$T/stream" "^$((last + 20))\$" >/dev/null
	diff <(echo "$before") <(has eth0)
	diff <(sed 's/ nodad//; s/[0-9]*sec//g; s/ *$//' "$T/link") <(host ip -d addr show dev eth0 | sed 's/ nodad//; s/[0-9]*sec//g; s/ *$//')
	# Without programs of bpf(2) for interfaces the kernel itself drops for a moment.
	stop_flow
	if host vm-bridge adopt -v br1 eth0 2>&1 | grep -q 'may be lost'; then
		[ "$lost" -le 40 ]
	else
		[ "$lost" -eq 0 ]
	fi
	# The stream went on, and nothing is missing in it.
	head -n 200 "$T/stream" | diff <(seq 200) -
}

@test "bridge: adopt lasts when it is confirmed, and release undoes it" {
	local before
	upstream
	before=$(has eth0)
	host vm-bridge adopt -q br0 eth0
	host test -S /run/vm/vm-bridge/br0
	# What would take it back may do that, and no more.
	run -0 cat "/proc/$(pgrep -x br0 --ns "${pids[host]}" --nslist net)/status"
	[[ $output = *$'CapEff:\t0000000000001000\n'* && $output = *$'NoNewPrivs:\t1\n'* ]]
	[[ $BIN = */asan || $output = *$'Seccomp:\t2\n'* ]]
	host vm-bridge confirm br0
	host test ! -e /run/vm/vm-bridge/br0
	run -1 host vm-bridge confirm br0
	[ "$output" = 'vm-bridge: br0: nothing waits to be confirmed' ]
	# It is not deleted by mistake.
	run -1 host vm-bridge del -f br0
	[ "$output" = 'vm-bridge: br0: has adopted eth0: vm-bridge release br0 gives it back' ]
	run -1 host vm-bridge del br0 eth0
	[ "$output" = 'vm-bridge: br0: has adopted eth0: vm-bridge release br0 gives it back' ]
	diff <(echo "$before") <(has br0 eth0)
	reaches there 192.0.2.1
	host vm-bridge release br0
	host test ! -e /sys/class/net/br0
	diff <(echo "$before") <(has eth0)
	run -1 host vm-bridge release br0
	[ "$output" = 'vm-bridge: br0: No such device' ]
	# Before its time, by word to the process that waits; elsewhere than usual.
	host vm-bridge adopt -q -d "$T/state" br0 eth0
	host vm-bridge release -d "$T/state" br0
	diff <(echo "$before") <(has eth0)
	[ ! -e "$T/state/br0" ]
}

@test "bridge: adopt onto a bridge that is there, and release, which leaves it and its other ports" {
	local before
	upstream
	guest a p0 192.0.2.3/24
	before=$(has eth0 'br0|p0')
	host vm-bridge add br0 p0
	run -1 host vm-bridge adopt br0 eth0
	[ "$output" = 'vm-bridge: br0: has another MAC address than eth0 (vm-bridge add -O mac=eth0 gives it the same)' ]
	host vm-bridge del -f br0
	host vm-bridge add -O mac=eth0 br0 p0
	host vm-bridge adopt -q br0 eth0
	host vm-bridge confirm br0
	reaches a 192.0.2.254
	reaches a 192.0.2.1
	host vm-bridge release br0
	diff <(echo "$before") <(has eth0 'br0|p0')
	run -0 host vm-bridge list
	[[ $output = br0$'\t'*$'\tp0' ]]
	# One that was made for it stays as well, if others have come.
	host vm-bridge del -f br0
	host vm-bridge adopt -q br0 eth0
	host vm-bridge confirm br0
	host vm-bridge add br0 p0
	run -0 host vm-bridge release br0
	[ "$output" = 'vm-bridge: br0: stays, for it has other ports' ]
	diff <(echo "$before") <(has eth0 'br0|p0')
}

@test "bridge: adopt that fails leaves everything as it was, and connections go on" {
	local before all
	upstream
	host vm-bridge add -O mac=eth0 br0
	host sysctl -qw net.ipv6.conf.br0.disable_ipv6=1
	before=$(has eth0) all=$(state)
	flow
	run -1 host vm-bridge adopt br0 eth0
	[[ $output = 'vm-bridge: br0: address: '* ]]
	diff <(echo "$before") <(has eth0)
	same "$all"
	host test ! -e /run/vm/vm-bridge/br0
	stop_flow
	[ "$lost" -eq 0 ]
}

@test "bridge: adopt refuses what it should not touch, and nothing is touched" {
	local before args why
	upstream
	host ip link add idle type veth peer name peer
	host vm-bridge add other peer
	before=$(state)
	while IFS='~' read -r args why; do
		run -1 host vm-bridge adopt $args
		diff <(echo "vm-bridge: $why") <(echo "$output")
	done <<-'EOT'
		br0 nowhere~nowhere: No such device
		br0 lo~lo: is no Ethernet interface
		br0 peer~peer: is in other already, not in br0
		br0 other~other: is a bridge itself
		br0 idle~idle: is down: there is nothing to move (vm-bridge add makes it a port)
		eth0 eth0~eth0: is no bridge
		-d /proc/none br0 eth0~/proc/none: No such file or directory
	EOT
	same "$before"
	run -1 host vm-bridge release other
	[ "$output" = 'vm-bridge: other: has adopted nothing' ]
}

@test "bridge: Wi-Fi, and who keeps the addresses, are told before anything is touched; -f goes ahead" {
	local index
	upstream
	index=$(host cat /sys/class/net/eth0/ifindex)
	host sh -ec 'mkdir -p /run/NetworkManager/devices /run/systemd/netif/links; printf "[device]\nmanaged=false\n" >/run/NetworkManager/devices/$1
		printf "# private\nADMIN_STATE=unmanaged\nOPER_STATE=routable\n" >/run/systemd/netif/links/$1' sh "$index"
	host vm-bridge adopt -q br0 eth0
	host vm-bridge release br0
	host sh -c 'printf "[device]\nmanaged=true\n" >/run/NetworkManager/devices/$1' sh "$index"
	run -1 host vm-bridge adopt br0 eth0
	[ "$output" = 'vm-bridge: eth0: NetworkManager keeps its addresses (nmcli device set NIC managed no lets go of it); -f goes ahead' ]
	host rm -r /run/NetworkManager
	host sh -c 'printf "ADMIN_STATE=configured\n" >/run/systemd/netif/links/$1' sh "$index"
	run -1 host vm-bridge adopt br0 eth0
	[ "$output" = 'vm-bridge: eth0: systemd-networkd keeps its addresses (Unmanaged=yes in its .network file lets go of it); -f goes ahead' ]
	host rm -r /run/systemd
	# A process of this name in another network has another eth0.
	mkfifo "$T/never"
	spawn elsewhere nsenter -n -t "${pids[there]}" bash -c 'exec -a /sbin/dhclient sh -c "read x <$1" -- "$1" eth0' sh "$T/never"
	until tr '\0' ' ' <"/proc/${pids[elsewhere]}/cmdline" | grep -q ^/sbin/dhclient; do sleep 0.02; done
	host vm-bridge adopt -q br0 eth0
	host vm-bridge release br0
	spawn dhclient nsenter -n -t "${pids[host]}" bash -c 'exec -a /sbin/dhclient sh -c "read x <$1" -- "$1" eth0' sh "$T/never"
	until tr '\0' ' ' <"/proc/${pids[dhclient]}/cmdline" | grep -q ^/sbin/dhclient; do sleep 0.02; done
	run -1 host vm-bridge adopt br0 eth0
	[ "$output" = 'vm-bridge: eth0: a DHCP client keeps its addresses (it should run on the bridge); -f goes ahead' ]
	host sh -c 'mkdir /run/net; mkdir /run/net/eth0; mkdir /run/net/eth0/phy80211; mount --bind /run/net /sys/class/net'
	run -1 host vm-bridge adopt br0 eth0
	[ "$output" = "vm-bridge: eth0: is Wi-Fi, whose access point drops frames of other addresses than its own: use vm-nat (-f tries all the same)" ]
	run -1 host vm-bridge add br0 eth0
	[[ $output = *'is Wi-Fi'* ]]
	host vm-bridge adopt -qf br0 eth0
	host vm-bridge release br0
}

@test "bridge: the examples of vm-bridge(8) run" {
	local line count=0
	guest a eth1 192.0.2.9/24
	upstream
	while IFS= read -r line; do
		echo "$line"
		run -0 host sh -c "$line"
		count=$((count + 1))
	done < <(examples "$TESTS/../man/vm-bridge.8" | grep -E '^vm-bridge (add|set|del|adopt|confirm|release|show|-b)')
	((count >= 6))
	reaches host 192.0.2.254
}
