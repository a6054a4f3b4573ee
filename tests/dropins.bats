# SPDX-License-Identifier: ISC
# What starts and stops guests' networks: the scripts that QEMU calls, the examples for init, and the verb they lean on.
load lib

setup() {
	PATH=$TESTS/../vm-bridge:$TESTS/../vm-nat:$PATH
}

@test "vm-bridge idle waits for the last port to go, by whatever way" {
	# shellcheck disable=SC2016 # for the inner shell
	run -0 ns sh -ec '
		vm-bridge add br0
		vm-bridge idle -t 0 br0
		ip link add v0 type veth peer name v1
		ip link add w0 type veth peer name w1
		vm-bridge add br0 v0 w0
		! vm-bridge idle -t 0 br0
		vm-bridge idle br0 & waiter=$!
		ip link set w0 nomaster
		kill -0 $waiter
		ip link del v1
		wait $waiter
		vm-bridge idle nosuch
		[ "$(VM_WIRES=hold,fd=8 vm-bridge idle nosuch ls -m /proc/self/fd 7<&0 8<&0)" = "0, 1, 2, 3, 8" ]'
	run -2 vm-bridge idle
	run -2 vm-bridge idle -t x br0
	[ "$output" = 'vm-bridge: -t x: not a number from 0 to 1000000000' ]
}

# qemu NAME TAP SCRIPT [DOWNSCRIPT]: QEMU, with a tap and no guest, until it reads "quit" from $T/NAME.in.
qemu() {
	local fd
	mkfifo "$T/$1.in"
	# shellcheck disable=SC2016 # for the inner shell
	spawn "$1" nsenter --preserve-credentials -U -n -m -p --wdns=/mnt -t "$world" sh -c 'exec qemu-system-x86_64 -M none \
		-nodefaults -display none -monitor stdio -netdev "tap,id=n,ifname=$2,script=$3,downscript=$4" <"$1.in"' \
		sh "$1" "$2" "$(command -v "$3")" "$(command -v "${4-}" || echo no)"
	exec {fd}<>"$T/$1.in"
	console[$1]=$fd
}
declare -gA console=()

# up NAME...: each is past its script.
up() {
	local name
	for name; do
		wait_line "$T/$name.log" "monitor - type" 10 || { cat "$T/$name.log"; return 1; }
	done
}

# quit NAME...: each ends in peace.
quit() {
	local name fd
	for name; do
		fd=${console[$name]}
		echo quit >&"$fd"
		exec {fd}>&-
		await "$name"
	done
}

# one_set: there is one bridge, one table, one server.
one_set() {
	[ "$(in_world vm-bridge list | wc -l)" -eq 1 ]
	[ "$(in_world nft list tables | wc -l)" -eq 1 ]
	[ "$(in_world ps -eo comm | grep -c vm-dhcpd)" -eq 1 ]
}

@test "qemu-ifup-nat: ten guests at once share one set, which goes with the last, killed or not" {
	need qemu-system-x86_64 nft
	local before i
	world
	before=$(world_state)
	for i in 1 2 3 4 5 6 7 8 9 10; do
		qemu "q$i" "t$i" qemu-ifup-nat qemu-ifdown-nat
	done
	for i in 1 2 3 4 5 6 7 8 9 10; do
		up "q$i"
	done
	one_set
	[ "$(in_world vm-bridge show kvmbr0 | grep -c '^port')" -eq 10 ]
	[[ $(in_world ip -o address show kvmbr0) = *' 192.168.122.1/24 '* ]]
	quit q1 q2 q3 q4 q5 q6 q7 q8 q9
	one_set
	in_world sh -c 'kill -KILL "$(pgrep -f "ifname=t1[0]")"'
	in_world vm-bridge idle -t 30 kvmbr0
	in_world flock /run/vm/qemu-ifup-nat.kvmbr0/keeper true
	diff <(world_state) <(echo "$before")
}

@test "qemu-ifup-nat: after a crash of its processes the next guest puts it right" {
	need qemu-system-x86_64 nft
	local before
	world
	before=$(world_state)
	qemu a t1 qemu-ifup-nat qemu-ifdown-nat
	up a
	in_world sh -c 'kill -KILL $(pgrep "vm-dhcpd|vm-bridge|qemu-ifdown")'
	qemu b t2 qemu-ifup-nat qemu-ifdown-nat
	up b
	one_set
	[ "$(in_world ps -eo args | grep -c '^vm-bridge idle')" -eq 1 ]
	quit a b
	in_world flock /run/vm/qemu-ifup-nat.kvmbr0/keeper true
	diff <(world_state) <(echo "$before")
}

@test "qemu-ifup-nat: what fails says why, fails QEMU too, and leaves nothing behind" {
	need qemu-system-x86_64 nft
	local before
	world
	before=$(world_state)
	export DHCPRANGE=10.0.0.1,10.0.0.9
	qemu a t1 qemu-ifup-nat qemu-ifdown-nat
	await a 1
	[[ $(<"$T/a.log") = *vm-dhcpd:*10.0.0.1* ]]
	diff <(world_state) <(echo "$before")
}

@test "vm.init starts what is in its directory, knows when it is ready, and stops it" {
	need nft
	local before init=$TESTS/../man/examples/vm.init
	world
	before=$(world_state)
	mkdir "$T/vm"
	ln -s "$(realpath "$TESTS")/../man/examples/net" "$T/vm/10net"
	printf '#!/bin/sh\nexec vm-tap -b nosuch true\n' >"$T/vm/20broken"
	chmod +x "$T/vm/20broken"
	export DIR=/mnt/vm
	run -1 in_world "$init" start
	[[ $output = 'vm: 20broken did not start: vm-tap: nosuch: '* ]]
	[[ $(in_world vm-nat list) = *kvmbr0* ]]
	rm "$T/vm/20broken"
	run -0 in_world "$init" start
	run -0 in_world "$init" status
	[ "$output" = '10net runs' ]
	run -0 in_world "$init" stop
	diff <(world_state) <(echo "$before")
	run -3 in_world "$init" status
	[ "$output" = '10net does not run' ]
	run -2 in_world "$init"
}

# vm_etc [EXAMPLE...]: of /etc what the commands need, a user kvm, and the examples as /etc/vm; with what a guest is made of.
vm_etc() {
	local example
	mkdir -p "$T/etc/vm" "$T/srv/vm"
	cp -a /etc/passwd /etc/group /etc/alternatives /etc/ld.so.cache "$T/etc"
	echo 'kvm:x:0:0::/:/bin/sh' >>"$T/etc/passwd" # there is no other user in such a namespace
	for example; do
		cp "$TESTS/../man/examples/$example" "$T/etc/vm"
	done
	cp "$BIN/guests/echo" "$T/srv/vm/vmlinuz"
	echo initrd >"$T/srv/vm/initrd"
	truncate -s 1M "$T/srv/vm/web.raw"
}

# systemd_world: as world, with systemd as its first process, which knows its most basic targets, vm@.service as it stands,
# and where the commands under test are. Of /etc there is what they need, with /etc/vm, and a user kvm.
systemd_world() {
	need systemd-analyze unshare
	need_access /dev/kvm /dev/net/tun
	local units=$T/units target
	mkdir -p "$units/vm@.service.d"
	for target in sysinit basic sockets timers paths slices local-fs local-fs-pre swap shutdown umount final; do
		cp "/lib/systemd/system/$target.target" "$units"
	done
	cp "$TESTS/../man/examples/vm@.service" "$units"
	printf '[Service]\nEnvironment=PATH=%s\n' "$PATH" >"$units/vm@.service.d/path.conf"
	# shellcheck disable=SC2016 # for the inner shell
	spawn -R world unshare -rnmpfiuC --mount-proc --kill-child=KILL bash -ec '
		mount --bind "$1" /mnt
		mount -t sysfs none /sys
		mount -t cgroup2 none /sys/fs/cgroup
		mount -t tmpfs none /run
		mount -t tmpfs none /var/lib
		mount --bind /mnt/etc /etc
		mount --bind /mnt/srv /srv
		mount --bind /mnt/units /lib/systemd/system
		mount -t tmpfs none /lib/systemd/system-generators
		ip link set lo up
		echo >&9
		exec 9>&- env -i PATH="$PATH" container=test /lib/systemd/systemd --unit=basic.target --log-target=null' sh "$T" ||
		skip 'no control groups of its own here'
	world=$(pgrep -P "${pids[world]}")
	until in_world systemctl is-active -q basic.target; do sleep 0.1; done
}

@test "vm@.service: systemd knows when net and guest are ready, one after the other, and stops them" {
	local before
	vm_etc net guest
	systemd_world
	mkdir "$T/units/vm@guest.service.d"
	printf '[Unit]\nRequires=vm@net.service\nAfter=vm@net.service\n' >"$T/units/vm@guest.service.d/net.conf"
	in_world systemctl daemon-reload
	run -0 in_world systemd-analyze verify --man=no vm@guest.service
	[ ! "$output" ]
	before=$(world_state)
	run -0 in_world systemctl start vm@guest
	[ "$(in_world systemctl show -P ActiveState vm@guest vm@net | grep -c '^active')" -eq 2 ]
	[[ $(in_world vm-nat list) = *kvmbr0* ]]
	[ "$(in_world vm-bridge show kvmbr0 | grep -c '^port')" -eq 1 ]
	# The guest goes first: its power button, and what is like its plug, as this one knows no buttons. Then the network, whose
	# processes that take away what was made are slow.
	in_world pkill -STOP -x 'vm-bridge|vm-nat'
	in_world systemctl stop --no-block vm@net
	until [[ $(in_world systemctl show -P ActiveState vm@guest) = deactivating ]]; do sleep 0.1; done
	until ! in_world systemctl kill --kill-who=main vm@guest; do sleep 0.1; done 2>/dev/null
	until [[ $(in_world systemctl show -P SubState vm@net) =~ ^(stop-post|dead)$ ]]; do sleep 0.1; done
	in_world pkill -CONT -x 'vm-bridge|vm-nat' || :
	until [[ $(in_world systemctl show -P ActiveState vm@net) = inactive ]]; do sleep 0.1; done
	[ "$(in_world systemctl show -P Result vm@guest vm@net | grep -c success)" -eq 2 ]
	diff <(world_state) <(echo "$before")
}

@test "vm@.service: a guest that asks for a reset is started again, one that powers off is not" {
	vm_etc
	systemd_world
	printf '%s\n' '#!/bin/sh' '[ ! -e /run/again ] || exec kvm-run -k /srv/vm/vmlinuz -K count=1 -m 16 -w con,fd=3 3<>/srv/vm/tty' \
		'>/run/again' 'exit 4' >"$T/etc/vm/again"
	chmod +x "$T/etc/vm/again"
	mkfifo "$T/srv/vm/tty"
	in_world systemctl start --no-block vm@again
	until in_world systemctl is-active -q vm@again; do sleep 0.1; done
	[ "$(in_world systemctl show -P NRestarts vm@again)" -eq 1 ]
	echo x >"$T/srv/vm/tty"
	until [[ $(in_world systemctl show -P ActiveState vm@again) = inactive ]]; do sleep 0.1; done
	[ "$(in_world systemctl show -P Result vm@again)" = success ]
}

# as_cron FIELDS NAME: spawn the command of the line of crontab that begins so, as cron would: a bare environment, its PATH.
as_cron() {
	local path line
	path=$(sed -n 's/^PATH=//p' "$TESTS/../man/examples/crontab")
	line=$(grep -F "$1" "$TESTS/../man/examples/crontab")
	line=${line#*$'\troot\t'}
	[[ $line = */etc/vm/* ]]
	# shellcheck disable=SC2016 # for the inner shell
	spawn "$2" nsenter --preserve-credentials -U -n -m -p --wdns=/mnt -t "$world" \
		env -i PATH="/mnt/bin:$BIN:$path" sh -c 'trap "" HUP; eval "$1"' sh "${line//\/var\/log/\/mnt}"
}

@test "crontab: a network and a guest from boot on, in whatever order they come up, and one for the night" {
	need_access /dev/kvm
	local before
	vm_etc net guest
	printf '#!/bin/sh\necho worked\n' >"$T/etc/vm/batch"
	mkdir "$T/bin"
	printf '#!/bin/sh\nexec cat >>"/mnt/$2.said"\n' >"$T/bin/logger" # there is no log daemon
	chmod +x "$T/etc/vm/batch" "$T/bin/logger"
	world
	in_world sh -ec 'mount --bind /mnt/etc /etc; mount --bind /mnt/srv /srv'
	before=$(world_state)
	as_cron vm-guest guest
	as_cron vm-net net
	until in_world vm-bridge show kvmbr0 2>/dev/null | grep -q '^port'; do sleep 0.1; done
	as_cron batch.log batch
	await batch
	[ "$(<"$T/batch.log")" = worked ]
	until in_world pkill -x kvm-run; do sleep 0.1; done # its power button; and again, as this guest knows no buttons
	wait_line "$T/vm-guest.said" 'power button' >/dev/null
	in_world pkill -x kvm-run
	await guest
	in_world pkill -x vm-dhcpd
	await net
	until [[ $(world_state) = "$before" ]]; do sleep 0.1; done
}

@test "qemu-ifup: guests that start at once are plugged into the NIC's bridge, which carries on as before" {
	need qemu-system-x86_64
	local i
	world
	in_world sh -ec '
		ip netns add remote
		ip link add eth0 type veth peer name eth0 netns remote
		ip address add 10.99.0.1/24 dev eth0
		ip link set eth0 up
		ip route add default via 10.99.0.2
		ip -n remote address add 10.99.0.2/24 dev eth0
		ip -n remote link set eth0 up'
	export NIC=eth0
	for i in 1 2 3; do
		qemu "q$i" "t$i" qemu-ifup qemu-ifdown
	done
	up q1 q2 q3
	run -0 in_world vm-bridge list
	[[ $output = br0$'\t'up$'\t'*10.99.0.1/24*eth0* ]]
	[ "$(in_world vm-bridge show br0 | grep -c '^port')" -eq 4 ]
	run -0 in_world ip route
	[[ $output = *'default via 10.99.0.2 dev br0'* ]]
	run -0 in_world ping -c 1 -W 20 10.99.0.2
	quit q1 q2 q3
	[ "$(in_world vm-bridge show br0 | grep -c '^port')" -eq 1 ]
	run -0 in_world vm-bridge release br0
	run -0 in_world ip route
	[[ $output = *'default via 10.99.0.2 dev eth0'* ]]
}

@test "qemu-ifup-nat: the classical variables say which network, and what guests boot from" {
	need qemu-system-x86_64
	world
	mkdir "$T/tftp"
	echo '#!ipxe' >"$T/tftp/menu"
	export BRIDGE=lab0 NETWORK=10.20.0.0 NETMASK=255.255.240.0 GATEWAY=10.20.0.1 DHCPRANGE=10.20.1.1,10.20.2.254
	export TFTPROOT=/mnt/tftp BOOTP=menu
	qemu a t1 qemu-ifup-nat qemu-ifdown-nat
	up a
	[[ $(in_world ip -o address show lab0) = *' 10.20.0.1/20 '* ]]
	[[ $(in_world nft list ruleset) = *'ip saddr 10.20.0.0/20 '* ]]
	run -0 in_world busybox tftp -g -r menu -l /mnt/got 10.20.0.1
	[ "$(<"$T/got")" = '#!ipxe' ]
	printf '#!/bin/sh\n[ "$1" != bound ] || echo "$ip $boot_file"\n' >"$T/script"
	chmod +x "$T/script"
	in_world sh -ec 'ip link add v0 type veth peer name v1; ip link set v1 up; vm-bridge add lab0 v0'
	run -0 in_world timeout 60 busybox udhcpc -i v1 -n -q -f -s /mnt/script
	[[ $output = *$'\n'10.20.[12].*' menu'* ]]
	in_world ip link del v0
	quit a
}

# bats test_tags=kvm
@test "qemu-ifup-nat: a guest of kvm-run, whose tap is plugged in by the script" {
	need_kvm
	local before
	world
	before=$(world_state)
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		udhcpc -i eth0 -q -n 2>&1 | grep obtained
		ping -c 2 -q 192.168.122.1 | grep received
	EOS
	# shellcheck disable=SC2016 # for the inner shell
	run -0 in_world timeout 200 vm-tap -y t0 sh -c 'qemu-ifup-nat t0 && exec kvm-run -k "$1/vmlinux" -i initrd -m 128 -A quiet' \
		sh "$(kernel)"
	[[ $output = *'lease of 192.168.122.'*' obtained from 192.168.122.1'*'2 packets received'* ]]
	in_world flock /run/vm/qemu-ifup-nat.kvmbr0/keeper true
	diff <(world_state) <(echo "$before")
}
