# SPDX-License-Identifier: ISC
# What starts and stops guests' networks: the scripts that QEMU calls, the examples for init, and the verb they lean on.
load lib

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
		vm-bridge idle nosuch'
	run -2 vm-bridge idle
	run -2 vm-bridge idle -t x br0
	[ "$output" = 'vm-bridge: -t x: not a number from 0 to 1000000000' ]
}
