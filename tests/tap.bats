# SPDX-License-Identifier: ISC
# vm-tap in namespaces of its own: "host" is where the bridges are, with an /etc that can be written and a /dev/net/tun for
# everybody. /mnt is its own, too, and has the program in all the ways it can be installed.
load lib

setup() {
	# Owners of taps are users of this machine, and set-user-ID needs more than one: a user namespace will not do.
	((EUID == 0)) || skip 'not root'
	[ ! -e /run/lab/job ] || modprobe -a bridge tun veth macvtap
	need_access /dev/net/tun
	new_host host
	host ip link add br0 address 52:54:00:00:00:fe type bridge
	host ip addr add 10.0.0.1/24 dev br0
	host ip link set br0 up
}

# new_host NAME: make such namespaces.
new_host() {
	spawn -R "$1" unshare -nm sh -ec '
		mount -t tmpfs -o mode=755 none /mnt
		mkdir -p /mnt/etc/qemu
		cp -a /etc/passwd /etc/group /etc/ld.so.cache /mnt/etc
		mount --bind /mnt/etc /etc
		mount -t sysfs none /sys
		mknod -m 666 /mnt/tun c 10 200
		mount --bind /mnt/tun /dev/net/tun
		sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
		ip link set lo up
		echo >&9
		exec sleep infinity 9>&-'
}

# host CMD...: in it. as USER CMD...: the same as another user, who is in no other group.
host() {
	clean nsenter -n -m -t "${pids[host]}" "$@"
}
as() {
	local user=$1
	shift
	host setpriv --reuid="$user" --regid="$user" --clear-groups "$@"
}

# acl LINE...: what /etc/qemu/bridge.conf says.
acl() {
	printf '%s\n' "$@" | host tee /etc/qemu/bridge.conf >/dev/null
}

# install_as MODE|CAPABILITY: vm-tap as /mnt/vm-tap, set-user-ID or with a file capability.
install_as() {
	host cp "$(command -v vm-tap)" /mnt/vm-tap
	case $1 in
	4755) host chmod 4755 /mnt/vm-tap ;;
	*) host setcap "$1" /mnt/vm-tap ;;
	esac
}

# taps: the names that are there.
taps() {
	host vm-tap list | cut -f 1 | paste -sd ' '
}

# What a program that was loaded does with its first wire: read a frame that matches a pattern, as hexadecimal digits.
cat_frame='fd=${VM_WIRES#*fd=}; fd=${fd%%[,:]*}
	frame() { until f=$(timeout 60 dd bs=2000 count=1 <&"$fd" 2>/dev/null | od -An -v -tx1 | tr -d " \n") && [[ $f =~ $1 ]]; do [ "$f" ] || exit 9; done; echo "$f"; }
	put() { printf "$1" | dd obs=2000 status=none >&"$fd"; }'

# An ARP request of 10.0.0.2, behind an empty virtio header, for printf.
empty='\0\0\0\0\0\0\0\0\0\0'
request=$empty'\377\377\377\377\377\377\122\124\0\0\0\2\10\6\0\1\10\0\6\4\0\1\122\124\0\0\0\2\12\0\0\2\0\0\0\0\0\0\12\0\0\1'
reply='^0{20}5254000000025254000000fe080600010800060400025254000000fe0a0000015254000000020a000002'

@test "the examples of vm-tap(1) run" {
	local line
	need qemu-system-x86_64
	acl 'allow br0'
	host ip link add eth0 type veth peer name eth1
	host ip link set eth0 up
	while IFS= read -r line; do
		line=${line//alice/daemon}
		if [[ $line = *qemu-system* ]]; then
			line=${line//\/usr\/local\/bin\/vm-tap/$(command -v vm-tap)}
			run -0 host sh -c "printf '%s\n' 'info network' quit | ${line/qemu-system-x86_64/qemu-system-x86_64 -accel tcg -S -nodefaults -display none -monitor stdio}"
			[[ $output = *type=tap,* ]]
			continue
		fi
		run -0 host sh -c "${line/kvm-run*/printenv VM_WIRES}"
		[[ $line != *kvm-run* || $output =~ ^net,fd= ]]
	done < <(examples "$TESTS/../man/vm-tap.1")
}

@test "wrong words are named, and nothing is made" {
	local words why
	while IFS='~' read -r words why; do
		run -2 host vm-tap $words
		[ "$output" = "vm-tap: $why" ]
	done <<-'EOF'
		~no program, no -S and no verb (try --help)
		-b~-b: an argument is missing
		-i~-i: no such option (try --help)
		add -b br/0~-b br/0: an interface's name has no /, : or blank
		add -b sixteen-is-a-lot~-b sixteen-is-a-lot: longer than 15 characters
		add sixteen-is-a-lot~sixteen-is-a-lot: longer than 15 characters
		add tap%s~tap%s: a % that is not that of a single %d
		add a b~b: one word too many
		-y .. true~-y ..: no name for an interface
		-Q 0 true~-Q 0: not a number from 1 to 16
		-Q 17 true~-Q 17: not a number from 1 to 16
		-u 67 true~-u 67: not a number from 68 to 65521
		-u 65522 true~-u 65522: not a number from 68 to 65521
		-a 01:00:00:00:00:01 true~-a 01:00:00:00:00:01: not the MAC address of a station
		-U no-such-user true~-U no-such-user: no such user
		-O group=no-such-group true~-O group=no-such-group: no such group
		-O colour true~-O colour: no such setting
		-b br0 -O isolated=maybe true~-O isolated=maybe: neither on nor off
		-b br0 -O cost=0 true~-O cost=0: not a number from 1 to 65535
		-O isolated true~-O: the setting of a port, but no -b
		-O vnet_hdr=1 true~-O vnet_hdr=1: neither on nor off
		-O sndbuf=0 true~-O sndbuf=0: not a size from 1 to 2047M
		-O group=root true~-O group: only with add
		-O mode=bridges true~-O mode=bridges: not bridge, private, vepa or passthru
		-b br0 -Y br0 true~-b and -Y exclude each other
		-Y br0 -S /x~-S and -Y exclude each other: a machine that runs has nothing to hold on to it
		-O vhost -S /x~-S and -O vhost exclude each other
		add -Y br0 -U root~-Y: a macvtap has no owner: who may open it is up to its /dev/tapN
		del~del: no name
		list tap0~tap0: one word too many
	EOF
	[ ! "$(taps)" ]
}

@test "add: a tap that stays, up, on its bridge, with the bridge's MTU" {
	host ip link set br0 mtu 9000
	run -0 host vm-tap add -b br0 -U daemon -O group=bin tap7
	[ ! "$output" ]
	run -0 host ip -d link show tap7
	[[ $output = *',UP>'*'mtu 9000'*'master br0'*'link/ether fe:'*'tun type tap pi off vnet_hdr on persist on user daemon group bin'* ]]
	[[ $(host ip -o link show br0) = *'mtu 9000'* ]]
	# More than a tap can have is a tap's most.
	host ip link set br0 mtu 65535
	host vm-tap add -b br0 tap8
	[[ $(host ip -o link show tap8) = *'mtu 65521'* ]]
}

@test "add: queues, header, MTU, MAC, settings of the port" {
	host vm-tap add -b br0 -Q 4 -O vnet_hdr=off -O sndbuf=64K -u 1400 -a 52:54:00:12:34:56 -O isolated -O hairpin=on \
		-O learning=off -O flood=off -O mcast_flood=off -O guard=on -O root_block -O fastleave -O neigh_suppress \
		-O bcast_flood=off -O cost=7 -O priority=9 tap0
	run -0 host ip -d link show tap0
	[[ $output = *'mtu 1400'*'fe:54:00:12:34:56'*'vnet_hdr off multi_queue'*'persist on'* ]]
	for said in 'priority 9 ' 'cost 7 ' 'hairpin on' 'guard on' 'root_block on' 'fastleave on' 'learning off' ' flood off' \
		'mcast_flood off' 'bcast_flood off' 'neigh_suppress on' 'isolated on'; do
		[[ $output = *"$said"* ]] || {
			echo "not $said"
			return 1
		}
	done
}

@test "add: the kernel's choice of a name is printed, another's is not" {
	run -0 host vm-tap add
	[ "$output" = tap0 ]
	run -0 host vm-tap add -b br0 guest%d
	[ "$output" = guest0 ]
	run -0 host vm-tap add guest%d
	[ "$output" = guest1 ]
	run -0 host vm-tap add own
	[ ! "$output" ]
	[ "$(taps)" = 'tap0 guest0 guest1 own' ]
	run -1 host sh -c 'vm-tap add >/dev/full'
}

@test "add: what is so already is success, what differs is said" {
	local options why
	host ip link add br1 type bridge
	host vm-tap add -b br0 -U daemon -O group=bin -Q 2 -u 1400 -a 52:54:00:12:34:56 -O isolated -O cost=7 tap0
	run -0 host vm-tap add -b br0 -U daemon -O group=bin -Q 2 -u 1400 -a 52:54:00:12:34:56 -O isolated -O cost=7 tap0
	[ ! "$output" ]
	run -0 host vm-tap add -v -Q 2 tap0
	[ "$output" = 'vm-tap: tap0: there already' ]
	host ip -d -o link show tap0 >"$T/before"
	while IFS='~' read -r options why; do
		run -1 host vm-tap add $options tap0
		[ "$output" = "vm-tap: tap0: there already, and it differs: $why" ]
	done <<-'EOF'
		-Q 2 -U bin~its owner is 1, not 2
		-Q 2 -O group=daemon~its group is 2, not 1
		-Q 1~it has several queues
		-Q 2 -O vnet_hdr=off~vnet_hdr is on
		-Q 2 -u 1500~its MTU is 1400
		-Q 2 -a 52:54:00:12:34:57~its MAC address
		-Q 2 -b br1~it is not on br1
		-Q 2 -b br0 -O isolated=off~isolated is on, not off
		-Q 2 -b br0 -O cost=9~cost is 7, not 9
	EOF
	host ip -d -o link show tap0 | diff "$T/before" -
	host ip link set tap0 down
	run -1 host vm-tap add -Q 2 tap0
	[ "$output" = 'vm-tap: tap0: there already, and it differs: it is down' ]
	host vm-tap add plain
	run -1 host vm-tap add -U daemon plain
	[ "$output" = 'vm-tap: plain: there already, and it differs: its owner is nobody, not 1' ]
	run -1 host vm-tap add -Q 2 plain
	[ "$output" = 'vm-tap: plain: there already, and it differs: it has one queue' ]
}

@test "add: what cannot be leaves nothing behind" {
	host ip link add veth0 type veth peer name veth1
	run -1 host vm-tap add -b none tap0
	[ "$output" = 'vm-tap: none: No such device' ]
	run -1 host vm-tap add -b veth0 tap0
	[ "$output" = 'vm-tap: veth0: is no bridge' ]
	run -1 host vm-tap add veth0
	[ "$output" = 'vm-tap: veth0: there already, and no tap' ]
	host ip tuntap add tun0 mode tun
	run -1 host vm-tap add tun0
	[ "$output" = 'vm-tap: tun0: there already, and no tap' ]
	host ip tuntap add old mode tap pi
	run -1 host vm-tap add old
	[ "$output" = 'vm-tap: old: there already, and it differs: its frames have the packet information of old' ]
	host ip link del old
	# What is refused late, when the tap is there: a user whom this namespace does not know.
	run -1 host unshare -rn sh -c 'vm-tap add -U 4711 tap0; status=$?; vm-tap list; exit $status'
	[ "$output" = 'vm-tap: tap0: owner: Invalid argument' ]
}

@test "del: what is there, once, and of its own kind" {
	host ip link add veth0 type veth peer name veth1
	host vm-tap add tap0
	host vm-tap add tap1
	run -0 host vm-tap del tap0 tap9 tap1
	[ ! "$output" ]
	[ ! "$(taps)" ]
	run -0 host vm-tap del -v tap0
	[ "$output" = 'vm-tap: tap0: not there' ]
	host vm-tap add tap0
	run -1 host vm-tap del br0 veth0 tap0
	[ "$output" = $'vm-tap: br0: no tap\nvm-tap: veth0: no tap' ]
	[ ! "$(taps)" ]
	host ip link show veth0
	run -1 host vm-tap -y tap0 vm-tap del tap0
	[ "$output" = 'vm-tap: tap0: some process has it open' ]
}

@test "list: every tap and macvtap, nothing else" {
	host ip link add veth0 type veth peer name veth1
	host ip link set veth0 up
	host vm-tap add -b br0 -U daemon -a 52:54:00:00:00:01 tap0
	host vm-tap add -Y veth0 -a 52:54:00:00:00:02 mac0
	host ip tuntap add tun0 mode tun
	host ip tuntap add old mode tap group 7
	host ip link set old address 52:54:00:00:00:03
	run -0 host vm-tap -y tap0 vm-tap list
	[ "$output" = $'tap0\ttap\tbr0\t1\t-\t1500\tfe:54:00:00:00:01\tup\topen
mac0\tmacvtap\tveth0\t-\t-\t1500\t52:54:00:00:00:02\tup\t-
old\ttap\t-\t-\t7\t1500\t52:54:00:00:00:03\tdown\tfree' ]
	run -0 host vm-tap list -j
	[ "${lines[0]}" = '{"name":"tap0","kind":"tap","on":"br0","owner":1,"mtu":1500,"mac":"fe:54:00:00:00:01","state":"up","use":"free"}' ]
	[ "${lines[1]}" = '{"name":"mac0","kind":"macvtap","on":"veth0","mtu":1500,"mac":"52:54:00:00:00:02","state":"up"}' ]
	run -1 host sh -c 'vm-tap list >/dev/full'
}

@test "-n: checks, says what would be done, and does nothing" {
	host ip link set br0 mtu 1400
	host ip link add veth0 type veth peer name veth1
	host ip link set veth0 up
	run -0 host vm-tap -n -b br0 -a 52:54:00:00:00:02 -Q 2 touch "$T/ran"
	[ "$output" = $'make\ttap%d\nkind\ttap\non\tbr0\nmac\t52:54:00:00:00:02\nmtu\t1400\nqueues\t2' ]
	run -0 host vm-tap add -n -Y veth0 mac0
	[ "$output" = $'make\tmac0\nkind\tmacvtap\non\tveth0\nqueues\t1' ]
	run -1 host vm-tap add -n -b none
	[ "$output" = 'vm-tap: none: No such device' ]
	[ ! "$(taps)" ]
	host vm-tap add tap0
	run -0 host vm-tap add -n tap0
	[ "$output" = $'there\ttap0\nkind\ttap\nmtu\t1500\nqueues\t1' ]
	run -1 host vm-tap add -n -b br0 tap0
	[ "$output" = 'vm-tap: tap0: there already, and it differs: it is not on br0' ]
	run -0 host vm-tap del -n tap0 tap1
	[ "$output" = $'delete\ttap0' ]
	[ "$(taps)" = tap0 ]
	[ ! -e "$T/ran" ]
	run -125 host sh -c 'vm-tap -n true >/dev/full'
}

@test "a tap that lives with its program" {
	run -0 host vm-tap -b br0 -a 52:54:00:00:00:02 sh -c 'echo "$VM_WIRES"; vm-tap list'
	[[ ${lines[0]} =~ ^net,fd=1[0-9],mac=52:54:00:00:00:02$ ]]
	[[ ${lines[1]} = $'tap0\ttap\tbr0\t-\t-\t1500\tfe:54:00:00:00:02\tup\topen' ]]
	[ ! "$(taps)" ]
	host ip link set br0 mtu 1400
	run -0 host vm-tap -b br0 -Q 3 -y guest%d sh -c 'echo "$VM_WIRES"; vm-tap list'
	[[ ${lines[0]} =~ ^net,fd=1[0-9]:1[0-9]:1[0-9],mtu=1400$ ]]
	[[ ${lines[1]} = $'guest0\ttap\tbr0\t'*$'\t1400\t'* ]]
	# Behind other wires, and in front of other loaders.
	run -0 host env VM_WIRES='con,fd=0:1' vm-tap vm-tap printenv VM_WIRES
	[[ $output =~ ^con,fd=0:1\ net,fd=1[0-9]\ net,fd=1[0-9]$ ]]
}

@test "exit codes of a loader" {
	run -125 host vm-tap -b none true
	run -125 host vm-tap -J /proc/1/comm true
	run -126 host vm-tap /etc
	run -127 host vm-tap /no-such-program
	run -7 host vm-tap sh -c 'exit 7'
	[ ! "$(taps)" ]
}

@test "a port has no IPv6 address that the guest would hear of" {
	host sysctl -qw net.ipv6.conf.default.disable_ipv6=0
	run -0 host vm-tap -b br0 ip -6 -o addr show tap0
	[ ! "$output" ]
	run -0 host vm-tap -b br0 ip -d link show tap0
	[[ $output = *'addrgenmode none'* ]]
	# That of a tap without a bridge is its own.
	run -0 host vm-tap ip -d link show tap0
	[[ $output = *'addrgenmode eui64'* ]]
}

@test "frames both ways" {
	run -0 host vm-tap -b br0 bash -c "$cat_frame; put '$request'; frame '$reply'"
	run -0 host vm-tap -b br0 -Q 2 bash -c "$cat_frame; put '$request'; echo sent"
	# Without a header the frame stands alone.
	run -0 host vm-tap -b br0 -O vnet_hdr=off bash -c "$cat_frame; put '${request#"$empty"}'; frame '${reply/'0{20}'/}'"
}

@test "the bridge keeps its address, whatever taps come and go" {
	host ip link add br1 type bridge
	host ip link add veth0 address 52:54:00:aa:aa:aa type veth peer name veth1
	host ip link set veth0 master br1
	[[ $(host ip -o link show br1) = *52:54:00:aa:aa:aa* ]]
	host vm-tap add -b br1 -a 02:00:00:00:00:01 tap0
	host vm-tap add -b br1 tap1
	[[ $(host ip -o link show br1) = *52:54:00:aa:aa:aa* ]]
	host vm-tap del tap0 tap1
	[[ $(host ip -o link show br1) = *52:54:00:aa:aa:aa* ]]
}

@test "-U: the program is the user, in the user's groups, and root no more" {
	echo 'more:x:4242:daemon' | host tee -a /etc/group
	run -0 host vm-tap -b br0 -U daemon sh -c 'id -u; id -G; grep CapEff /proc/self/status; vm-tap list'
	[ "${lines[0]}" = 1 ]
	[[ " ${lines[1]} " = *' 1 '* && " ${lines[1]} " = *' 4242 '* ]]
	[[ ${lines[2]} = *0000000000000000 ]]
	[[ ${lines[3]} = tap0* ]]
	run -0 host vm-tap -U 4711 sh -c 'id -u; id -G'
	[ "$output" = $'4711\n4711' ]
	# Whose the tap is makes no difference to root.
	host vm-tap add tap5
	run -0 host vm-tap -y tap5 -U daemon id -u
	[ "$output" = 1 ]
}

@test "a tap made for a user: the user opens it, nobody else, one program at a time" {
	host vm-tap add -b br0 -U daemon -u 1400 tap0
	run -0 as daemon vm-tap -y tap0 -a 52:54:00:00:00:09 printenv VM_WIRES
	[[ $output =~ ^net,fd=1[0-9],mac=52:54:00:00:00:09,mtu=1400$ ]]
	run -125 as bin vm-tap -y tap0 true
	[ "$output" = 'vm-tap: tap0: Operation not permitted: it takes root, CAP_NET_ADMIN, or a tap made for this user' ]
	run -125 as daemon vm-tap -y tap0 vm-tap -y tap0 true
	[ "$output" = 'vm-tap: tap0: some process has it open already' ]
	run -125 as daemon vm-tap -b br0 true
	[ "$output" = 'vm-tap: tap%d: Operation not permitted: it takes root, CAP_NET_ADMIN, or a tap made for this user' ]
	# As it was made, whatever is the default.
	host vm-tap add -U daemon -Q 4 -O vnet_hdr=off tap1
	run -0 as daemon vm-tap -y tap1 -Q 3 sh -c 'echo "$VM_WIRES"; ip -d link show tap1'
	[[ ${lines[0]} =~ ^net,fd=[0-9]+:[0-9]+:[0-9]+$ && $output = *'vnet_hdr off'* ]]
	run -125 as daemon vm-tap -y tap1 vm-tap -y tap1 true
	[ "$output" = 'vm-tap: tap1: some process has it open already' ]
	run -125 as daemon vm-tap -y tap0 -Q 2 true
	[ "$output" = 'vm-tap: tap0: there already, and it differs: it has one queue' ]
	run -125 as daemon vm-tap -y tap0 -O vnet_hdr=off true
	[ "$output" = 'vm-tap: tap0: there already, and it differs: vnet_hdr is on' ]
	[ "$(taps)" = 'tap0 tap1' ]
	# By group.
	host vm-tap add -O group=bin tap2
	run -0 as bin vm-tap -y tap2 true
	run -125 as daemon vm-tap -y tap2 true
}

@test "-S: the wire goes to a machine that runs" {
	spawn machine socat "UNIX-LISTEN:$T/ctl" 'SYSTEM:read -r line; echo "$line" >&2; echo ok net0'
	until [ -S "$T/ctl" ]; do kill -0 "${pids[machine]}"; done
	run -0 host vm-tap -v -b br0 -Q 2 -a 52:54:00:00:00:01 -S "$T/ctl"
	[ "$output" = "vm-tap: $T/ctl: ok net0" ]
	await machine
	[ "$(<"$T/machine.log")" = 'wire net,fd=0:1,mac=52:54:00:00:00:01' ]
	run -1 host vm-tap -U 4711 -b br0 -S "$T/ctl"
	run -1 host vm-tap -b br0 -S "$T/none"
	[ "$output" = "vm-tap: $T/none: No such file or directory" ]
	[ ! "$(taps)" ]
}

@test "-J: in another network namespace, by name, path and process" {
	new_host other
	host mkdir -p /run/netns
	host mount -t tmpfs none /run/netns
	host touch /run/netns/blue
	host mount --bind "/proc/${pids[other]}/ns/net" /run/netns/blue
	in_other() { clean nsenter -n -t "${pids[other]}" "$@"; }
	in_other ip link add br5 type bridge
	in_other ip link set br5 mtu 1300
	local word
	for word in blue /run/netns/blue "${pids[other]}"; do
		run -0 host vm-tap -J "$word" -b br5 sh -c 'echo "$VM_WIRES"; vm-tap list; ip -o link show br0 | grep -o br0'
		[[ ${lines[0]} =~ ^net,fd=1[0-9],mtu=1300$ ]]
		[ "${lines[1]}" = br0 ]
	done
	run -0 host vm-tap add -J blue -b br5 tap9
	run -0 in_other vm-tap list
	[[ $output = $'tap9\ttap\tbr5\t'* ]]
	run -0 host vm-tap list -J blue
	[[ $output = $'tap9\ttap\tbr5\t'* ]]
	[ ! "$(taps)" ]
	run -0 host vm-tap del -J blue tap9
	[ ! "$(in_other vm-tap list)" ]
	run -1 host vm-tap list -J none
	[ "$output" = 'vm-tap: -J none: /run/netns/none: No such file or directory' ]
	run -1 host vm-tap list -J /etc/passwd
	[ "$output" = 'vm-tap: -J /etc/passwd: not a network namespace' ]
	run -125 host vm-tap -J blue -b br0 true
	[ "$output" = 'vm-tap: br0: No such device' ]
}

@test "-J: a user's own namespace, without any right of root" {
	local own
	spawn -R own nsenter -n -m -t "${pids[host]}" setpriv --reuid=1 --regid=1 --clear-groups \
		unshare -rn sh -c 'ip link add br7 type bridge && echo >&9 && exec sleep infinity 9>&-'
	own=$(pgrep -P "${pids[own]}" || echo "${pids[own]}")
	run -0 as daemon vm-tap -J "${own%%$'\n'*}" -b br7 sh -c 'echo "$VM_WIRES"; id -u'
	[[ ${lines[0]} =~ ^net,fd=1[0-9]$ ]]
	[ "${lines[1]}" = 1 ]
	run -1 as bin vm-tap list -J "${own%%$'\n'*}"
	[[ $output = *'Permission denied'* || $output = *'Operation not permitted'* ]]
}

@test "-Y: a macvtap that lives with its program, also when that is killed" {
	host ip link add veth0 type veth peer name veth1
	run -125 host vm-tap -Y veth0 true
	[ "$output" = 'vm-tap: veth0: is down: ip link set veth0 up' ]
	host ip link set veth0 up
	host ip addr add 10.1.0.1/24 dev veth1
	host ip link set veth1 address 52:54:00:00:00:fe up
	run -0 host vm-tap -Y veth0 -a 52:54:00:00:00:02 -u 1400 bash -c "$cat_frame; echo \"\$VM_WIRES\"; vm-tap list
		put '${request//\\12\\0\\0/\\12\\1\\0}'; frame '${reply//0a0000/0a0100}'"
	[[ ${lines[0]} =~ ^net,fd=1[0-9],mac=52:54:00:00:00:02,mtu=1400\ hold,fd=1[0-9]$ ]]
	[ "${lines[1]}" = $'macvtap0\tmacvtap\tveth0\t-\t-\t1400\t52:54:00:00:00:02\tup\t-' ]
	gone
	spawn guest nsenter -n -m -t "${pids[host]}" vm-tap -Y veth0 -Q 2 -O mode=private sh -c 'echo "$VM_WIRES"; exec sleep infinity'
	wait_line "$T/guest.log" hold
	[[ $(<"$T/guest.log") =~ ^net,fd=1[0-9]:1[0-9],mac=([0-9a-f:]{17})\ hold,fd=1[0-9]$ ]]
	[[ $(host ip -d link show macvtap0) = *"${BASH_REMATCH[1]}"*'macvtap mode private'* ]]
	kill -KILL "${pids[guest]}"
	gone
	run -127 host vm-tap -Y veth0 /no-such-program
	gone
	run -125 host vm-tap -Y none true
	[ "$output" = 'vm-tap: none: no such device' ]
	host ip link set veth0 master br0
	run -125 host vm-tap -Y veth0 true
	[ "$output" = "vm-tap: veth0: a port of a bridge, or another's already, so nothing can branch off: use the bridge (-b)" ]
}

# gone: no tap is there any more, at the latest when the kernel says so.
gone() {
	local line fd
	[ "$(taps)" ] || return 0
	exec {fd}< <(exec nsenter -n -t "${pids[host]}" ip monitor link)
	while [ "$(taps)" ] && read -r -t 60 -u "$fd" line; do :; done
	kill $!
	exec {fd}<&-
	[ ! "$(taps)" ]
}

@test "-Y: one that stays; whose device file is missing" {
	host ip link add veth0 type veth peer name veth1
	host ip link set veth0 up
	run -0 host vm-tap add -Y veth0
	[ "$output" = macvtap0 ]
	run -0 host vm-tap add -Y veth0
	[ "$output" = macvtap1 ]
	run -0 host vm-tap add -Y veth0 macvtap0
	run -1 host vm-tap add -Y veth0 -O mode=vepa macvtap0
	[ "$output" = 'vm-tap: macvtap0: there already, and it differs: its mode' ]
	run -1 host vm-tap add -Y veth0 br0
	[ "$output" = 'vm-tap: br0: there already, and no macvtap' ]
	# No /dev/tapN here, nor in most containers.
	run -0 host unshare -m sh -c 'mount -t tmpfs none /dev && mknod /dev/null c 1 3 && vm-tap -Y veth0 -y macvtap0 printenv VM_WIRES'
	[[ $output =~ ^net,fd=1[0-9],mac=[0-9a-f:]{17}$ ]]
	[ "$(taps)" = 'macvtap0 macvtap1' ]
	run -0 host vm-tap del macvtap0 macvtap1
	[ ! "$(taps)" ]
}

@test "no tun: said with the remedy" {
	run -1 host unshare -m sh -c 'mount -t tmpfs none /dev && vm-tap add tap0'
	[ "$output" = 'vm-tap: /dev/net/tun: there is none: modprobe tun, or mknod /dev/net/tun c 10 200' ]
	run -1 host unshare -m sh -c 'mknod /mnt/none c 10 254 && mount --bind /mnt/none /dev/net/tun && vm-tap add tap0'
	[ "$output" = 'vm-tap: /dev/net/tun: this kernel has no tun driver: modprobe tun' ]
	host chmod 600 /dev/net/tun
	run -125 as daemon vm-tap true
	[ "$output" = 'vm-tap: /dev/net/tun: Permission denied: chmod 666 /dev/net/tun lets everybody use the taps made for them' ]
}

@test "-O vhost: without the device the guest runs all the same" {
	run -0 host unshare -m sh -c 'mount -t tmpfs none /dev && mkdir /dev/net && mknod /dev/net/tun c 10 200 && vm-tap -O vhost printenv VM_WIRES'
	[ "${lines[0]}" = 'vm-tap: /dev/vhost-net: No such file or directory' ]
	[[ ${lines[1]} =~ ^net,fd=1[0-9]$ ]]
}

# helper ARG...: what QEMU does: call it with one end of a socket pair as fd 3, and name the tap that comes.
helper() {
	host bridge-helper-call 3 vm-tap "$@"
}

@test "the bridge helper's form: the same words, byte and descriptor" {
	acl 'allow br0'
	run -0 helper --use-vnet --fd=3 --br=br0
	[ "$output" = $'tap0\tvnet_hdr\tfe\tbr0\tup' ]
	run -0 helper --br=br0 --fd=3
	[ "$output" = $'tap0\tplain\tfe\tbr0\tup' ]
	run -0 helper --br br0 --fd 3 --use-vnet
	[ "$output" = $'tap0\tvnet_hdr\tfe\tbr0\tup' ]
	run -2 host vm-tap --br=br0
	[ "$output" = 'vm-tap: usage: vm-tap [--use-vnet] --br=BRIDGE --fd=N' ]
	run -2 host vm-tap --br=br0 --fd=x
	run -2 host vm-tap --br=br0 --fd=3 -U root
	[ "$output" = 'vm-tap: -U: not an option of the bridge helper' ]
	run -2 host vm-tap --br=br:0 --fd=3
	run -1 host vm-tap --br=br0 --fd=30
	[ "$output" = 'vm-tap: --fd=30: Bad file descriptor' ]
	run -1 host vm-tap --br=br0 --fd=1
	[ "$output" = 'vm-tap: --fd=1: Socket operation on non-socket' ]
	[ ! "$(taps)" ]
}

@test "the bridge helper's list holds for everybody, root included" {
	run -1 helper --br=br0 --fd=3
	[ "$output" = 'vm-tap: /etc/qemu/bridge.conf: No such file or directory' ]
	acl 'allow br1'
	run -1 helper --br=br0 --fd=3
	[ "$output" = 'vm-tap: br0: /etc/qemu/bridge.conf does not allow it' ]
	acl 'allow all' 'deny br0'
	run -1 helper --br=br0 --fd=3
	[ "$output" = 'vm-tap: br0: /etc/qemu/bridge.conf denies it' ]
	acl 'allow br0' 'permit br1'
	run -1 helper --br=br0 --fd=3
	[ "$output" = 'vm-tap: /etc/qemu/bridge.conf: line 2: neither allow, deny nor include' ]
	# root's own taps are root's business.
	run -0 host vm-tap -b br0 true
}

# lent_rights HOW: what a user can do with a vm-tap that has more rights than the user.
lent_rights() {
	install_as "$1"
	acl 'allow br0' 'include /etc/qemu/bin.conf'
	host ip link add br1 type bridge
	host sh -c 'echo "allow br1" >/etc/qemu/bin.conf; chgrp bin /etc/qemu/bin.conf; chmod 640 /etc/qemu/bin.conf'
	# The tap, and nothing more: no capability, no other user.
	run -0 as daemon /mnt/vm-tap -b br0 -Q 2 -a 52:54:00:00:00:01 sh -c 'echo "$VM_WIRES"; id -u; grep -E "^(Cap(Prm|Eff|Amb)|[UG]id)" /proc/self/status; vm-tap list'
	[[ ${lines[0]} =~ ^net,fd=[0-9]+:[0-9]+,mac=52:54:00:00:00:01$ ]]
	[ "${lines[1]}" = 1 ]
	[ "${lines[2]}" = $'Uid:\t1\t1\t1\t1' ]
	[ "${lines[3]}" = $'Gid:\t1\t1\t1\t1' ]
	[[ ${lines[4]}${lines[5]}${lines[6]} =~ ^CapPrm:[[:space:]]0{16}CapEff:[[:space:]]0{16}CapAmb:[[:space:]]0{16}$ ]]
	[[ ${lines[7]} = $'tap0\ttap\tbr0\t'* ]]
	# The helper's form.
	run -0 as daemon bridge-helper-call 3 /mnt/vm-tap --use-vnet --br=br0 --fd=3
	# A file of a group is for that group alone.
	run -125 as daemon /mnt/vm-tap -b br1 true
	[ "$output" = 'vm-tap: br1: /etc/qemu/bridge.conf does not allow it' ]
	run -1 as daemon bridge-helper-call 3 /mnt/vm-tap --br=br1 --fd=3
	run -0 as bin /mnt/vm-tap -b br1 true
	# Whatever else is asked for is done with the user's rights, which are none.
	local options
	while read -r options; do
		run -125 as daemon /mnt/vm-tap $options true
		[[ $output = *'Operation not permitted'* ]]
	done <<-'EOF'
		-y tap5
		-b br0 -y eth1
		-b br0 -u 1000
		-b br0 -O isolated
		-b br0 -U root
	EOF
	run -125 as daemon /mnt/vm-tap -J 1 true
	[[ $output = *': Permission denied' ]]
	run -1 as daemon /mnt/vm-tap add -b br0
	run -1 as daemon /mnt/vm-tap add tap0
	host vm-tap add tap9
	run -1 as daemon /mnt/vm-tap del tap9
	[[ $output = *'Operation not permitted'* ]]
	run -0 as daemon /mnt/vm-tap list
	host ip link set br0 up
	host ip link add veth0 type veth peer name veth1
	host ip link set veth0 up
	run -125 as daemon /mnt/vm-tap -Y veth0 true
	[[ $output = *'Operation not permitted'* ]]
	# A user's own tap is the user's.
	host vm-tap add -U daemon tap8
	run -0 as daemon /mnt/vm-tap -y tap8 true
	# Descriptors that were not open are not taken for messages or the tap.
	run -0 as daemon sh -c '/mnt/vm-tap -b br0 sh -c "ls -l /proc/self/fd/0 /proc/self/fd/2" <&- 2>&-'
	[[ $output != *tun* && $output = *null* ]]
	[ "$(taps)" = 'tap9 tap8' ]
}

@test "set-user-ID root: what the list allows, and nothing else" {
	lent_rights 4755
}

@test "with cap_net_admin as a file capability: what the list allows, and nothing else" {
	lent_rights cap_net_admin=ep
}

@test "QEMU: -netdev bridge,helper= and -netdev tap,fd=, joined by its hub" {
	need qemu-system-x86_64
	new_host other
	in_other() { clean nsenter -n -t "${pids[other]}" "$@"; }
	in_other ip link add br1 type bridge
	in_other ip addr add 10.0.0.2/24 dev br1
	in_other ip link set br1 up
	acl 'allow br0'
	spawn qemu nsenter -n -m -t "${pids[host]}" vm-tap -J "${pids[other]}" -b br1 sh -c 'fd=${VM_WIRES#*fd=}
		exec qemu-system-x86_64 -M none -nodefaults -display none -monitor stdio \
		-netdev tap,id=t,fd=${fd%%,*} -netdev hubport,id=h0,hubid=0,netdev=t \
		-netdev bridge,id=b,br=br0,helper='"$(command -v vm-tap)"' -netdev hubport,id=h1,hubid=0,netdev=b <"$0"' /dev/zero
	until [ "$(taps)" ]; do kill -0 "${pids[qemu]}"; done
	run -0 host ping -c 3 -i 0.2 -w 60 10.0.0.2
	kill "${pids[qemu]}"
	wait "${pids[qemu]}" || :
	unset 'pids[qemu]'
	[ ! "$(taps)" ]
}
