# SPDX-License-Identifier: ISC
# vm-tap in namespaces of its own: "host" is where the bridges are.
load lib

# Owners of taps are users of this machine, so "host" has no user namespace of its own.
setup() {
	((EUID == 0)) || skip 'not root'
	need_access /dev/net/tun
	spawn -R host unshare -n sh -c 'ip link set lo up && echo >&9 && exec sleep infinity 9>&-'
}

host() {
	clean nsenter -n -t "${pids[host]}" "$@"
}

# examples PAGE, as they stand but for the guest, which says what it was given.
@test "the examples of vm-tap(1) run" {
	local line
	host ip link add br0 type bridge
	while IFS= read -r line; do
		line=${line//alice/daemon}
		run -0 host sh -c "${line/kvm-run*/printenv VM_WIRES}"
		[[ $line != *kvm-run* || $output =~ ^net,fd= ]]
	done < <(examples "$TESTS/../man/vm-tap.1")
}

@test "add: a tap that stays, up, on its bridge, with the bridge's MTU" {
	host ip link add br0 mtu 9000 up type bridge
	run -0 host vm-tap add -b br0 -U daemon -G daemon tap7
	[ ! "$output" ]
	run -0 host ip -d link show tap7
	[[ $output = *'UP'*'mtu 9000'*'master br0'*'link/ether fe:'*'tun type tap pi off vnet_hdr on persist on user daemon group daemon'* ]]
}
