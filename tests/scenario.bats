# SPDX-License-Identifier: ISC
# All together: from nothing to a guest that reaches the world and is reached from it, and back to nothing.
# shellcheck disable=SC2034 # bats reads it
BATS_TEST_TIMEOUT=600 # a complete Debian on emulated hardware takes its time
load lib
load debian

# host: a world with an uplink to another host, `remote`, which serves a page and names; its resolv.conf names that one.
host() {
	need nft dnsmasq
	world
	mkdir "$T/www"
	echo 'a page from afar' >"$T/www/index.html"
	echo 'nameserver 10.99.0.2' >"$T/resolv.conf"
	in_world sh -ec '
		ip netns add remote
		ip link add up0 type veth peer name eth0 netns remote
		ip address add 10.99.0.1/24 dev up0
		ip link set up0 up
		ip -n remote address add 10.99.0.2/24 dev eth0
		ip -n remote link set eth0 up
		mount --bind resolv.conf /etc/resolv.conf'
	spawn_in_world names ip netns exec remote dnsmasq -d -C /dev/null -u root -x /run/dnsmasq.pid --no-resolv --no-hosts \
		--address=/remote.example/10.99.0.2
	spawn_in_world pages ip netns exec remote busybox httpd -f -h /mnt/www
}

# spawn_in_world NAME CMD...: as spawn. What is killed by its pid there may live on: the world's end is its end.
spawn_in_world() {
	local name=$1
	shift
	spawn "$name" nsenter --preserve-credentials -U -n -m -p --wdns=/mnt -t "$world" "$@"
}

# network: the bridge, NAT and DHCP, as one process that holds $T/lock; until it serves.
network() {
	mkfifo "$T/ready"
	# shellcheck disable=SC2016 # for the inner shell
	spawn_in_world network sh -c '
		exec 8>lock && flock 8
		VM_WIRES=hold,fd=8 exec vm-bridge -b br0 -a 192.168.122.1/24 vm-nat -b br0 -p 8080:192.168.122.10:80 \
			vm-dhcpd -b br0 -L web=192.168.122.10 -R 7 7>ready'
	read -r -t 30 _ <"$T/ready"
	rm "$T/ready"
}

# guest_initrd: the guest reaches afar by name and by number, serves a page, and waits for somebody to fetch it.
guest_initrd() {
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		udhcpc -i eth0 -q -n -x hostname:web 2>&1 | grep obtained
		# busybox is static, so its wget knows no resolver
		wget -q -O - "http://$(nslookup -type=a remote.example | sed -n 's/^Address: //p')/"
		wget -q -O - http://10.99.0.2/
		echo now serving
		nc -l -p 80 <<-EOF
			HTTP/1.0 200 OK

			a page of the guest
		EOF
	EOS
}

# both_ways: the guest said what it reached; it is reached from afar through the forward.
both_ways() {
	wait_line "$T/guest.log" 'now serving' 200
	run -0 in_world ip netns exec remote sh -c 'until busybox wget -q -O - http://10.99.0.1:8080/; do busybox usleep 300000; done'
	[ "${lines[-1]}" = 'a page of the guest' ]
	wait_line "$T/guest.log" 'script ended' 60
	run -0 cat "$T/guest.log"
	[[ $output = *'lease of 192.168.122.10 obtained'* ]]
	[ "$(grep -c 'a page from afar' <<<"$output")" -eq 2 ]
	cat "$T/network.log"
	grep -q $'^bound\t.*\t192.168.122.10\tweb' "$T/network.log"
}

# gone: nothing of the network's processes is left, and the host is as it was.
gone() {
	timeout 30 flock "$T/lock" true
	diff <(world_state) <(echo "$before")
}

@test "NAT: a guest of QEMU, there and back, and nothing is left when the network is told to end" {
	need qemu-system-x86_64
	local before
	host
	before=$(world_state)
	network
	guest_initrd
	# Emulated: so a real kernel can boot anywhere.
	# shellcheck disable=SC2016 # for the inner shell
	spawn_in_world guest vm-tap -b br0 sh -c 'exec qemu-system-x86_64 -accel tcg -M q35 -m 256 -nodefaults -no-user-config \
		-display none -no-reboot -serial stdio -kernel "$1/vmlinuz" -initrd initrd -append "console=ttyS0 quiet panic=-1" \
		$(kvm-run -N qemu)' sh "$(kernel)"
	both_ways
	await guest
	in_world pkill -TERM vm-dhcpd
	await network
	gone
}

# bats test_tags=kvm
@test "NAT: a guest of kvm-run, there and back, and nothing is left after kill -9 of everything" {
	need_kvm
	local before
	host
	before=$(world_state)
	network
	guest_initrd
	spawn_in_world guest vm-tap -b br0 kvm-run -k "$(kernel)/vmlinux" -i initrd -m 128 -A quiet -q
	both_ways
	in_world pkill -KILL '^(kvm-run|vm-dhcpd)$'
	gone
}

@test "NAT: after kill -9 of those who would take back, too, no rule is left, and vm-bridge del takes the rest" {
	local before
	host
	before=$(world_state)
	network
	in_world pkill -KILL '^vm-|br0'
	timeout 30 flock "$T/lock" true
	[ -z "$(in_world nft list ruleset)" ]
	run -0 in_world vm-bridge del br0
	diff <(world_state | grep -v forward) <(grep -v forward <<<"$before")
}

# debian.bats has the scenarios at full length.
# bats test_tags=kvm
@test "a complete Debian on a user-mode network: no unit failed, ssh in, 16 MiB each way, and the power button" {
	run -0 scenario user 16M
	[ "${lines[0]}" = running ]
}
