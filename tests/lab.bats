# SPDX-License-Identifier: ISC
# The lab and the helpers of the tests.
load lib

# bats test_tags=lab
@test "the lab has real KVM, tap and vhost-net" {
	run -0 kvmprobe
	need_kvm
	need_access /dev/kvm /dev/net/tun /dev/vhost-net
	[ "$(uname -n)" = lab ]
}

# bats test_tags=lab
@test "in the lab modules load on demand" {
	run -0 ip tuntap add t0 mode tap
	run -0 ip link add b0 type bridge
	: 3<>/dev/vhost-net
	truncate -s 1M "$T/disk"
	run -0 losetup --show -f "$T/disk"
	run -0 losetup -d "$output"
}

# bats test_tags=lab
@test "in the lab everything may be written, and namespaces made" {
	echo x >"$TESTS/../written"
	echo x >"$TMPDIR/written"
	run -0 ns id -u
	[ "$output" = 0 ]
}

# bats test_tags=lab
@test "a stock kernel runs the script of its initrd, then powers off" {
	initrd "$T/initrd" -f "$TESTS/lib.bash:dir/file" <<-'EOS'
		#!/bin/sh
		echo "at $place, $(md5sum </dir/file)"
		ls /sys/class/input/*/device/name | head -n 1
		exit 9
	EOS
	run -0 timeout 100 qemu-system-x86_64 -M q35 -accel kvm -cpu host -m 128 -nographic -no-reboot \
		-kernel "$(kernel)/vmlinuz" -initrd "$T/initrd" -append 'console=ttyS0 quiet place=home' </dev/null
	[[ $output = *"at home, $(md5sum <"$TESTS/lib.bash")"* ]]
	[[ $output = *'guest: script ended with 9'* ]]
}

@test "the lab returns output, status, arguments and directory unchanged" {
	[ ! -e /run/lab/job ] || skip 'in the lab already'
	cd "$TESTS"
	# shellcheck disable=SC2016
	run -7 lab/run sh -c 'printf "%s\n" "$@"; pwd; seq 30000; exit 7' sh '' "it's \"a
b\" \$c \\" '*'
	[ "${lines[0]}" = "it's \"a" ]
	[ "${lines[1]}" = "b\" \$c \\" ]
	[ "${lines[2]}" = '*' ]
	[ "${lines[3]}" = "$TESTS" ]
	[ "${#lines[@]}" -eq 30004 ]
	[ "${lines[30003]}" = 30000 ]
}

@test "the lab says when its time is over" {
	[ ! -e /run/lab/job ] || skip 'in the lab already'
	run -124 "$TESTS/lab/run" -t 10 sleep 100
	[ "${lines[-1]}" = 'lab: no end after 10 s' ]
}

@test "the lab says when its machine dies" {
	[ ! -e /run/lab/job ] || skip 'in the lab already'
	run -125 "$TESTS/lab/run" sh -c 'echo c >/proc/sysrq-trigger'
	[[ $output = *sysrq_handle_crash* ]]
	[ "${lines[-1]}" = 'lab: the machine ended before the command' ]
}

@test "the lab says where a machine is that gives no sign of life" {
	[ ! -e /run/lab/job ] || skip 'in the lab already'
	run -125 "$TESTS/lab/run" -q 25 sh -c 'mount -t tmpfs none /run/lab && exec sleep 1000'
	[[ $output = *'Call Trace:'*'_idle'*$'\nRIP=ffffffff'* ]] || { echo "$output"; return 1; }
	[ "${lines[-1]}" = 'lab: no sign of life for 25 s' ]
}

@test "clean leaves three descriptors" {
	run -0 clean sh -c 'ls /proc/self/fd' 4</dev/null 9</dev/null
	[ "$output" = $'0\n1\n2\n3' ] # 3 is the directory that ls reads
}

@test "spawn -R waits for readiness, and tells of an early end" {
	spawn -R slow sh -c 'echo one; echo >&9; exec sleep 100'
	[ "$(cat "$T/slow.log")" = one ]
	run -1 spawn -R early sh -c 'echo two; exit 3'
	[ "${lines[1]}" = two ]
}

@test "wait_line waits for a line and gives up in time" {
	spawn talker sh -c 'echo a; sleep 0.3; echo bcd; exec sleep 100'
	run -0 wait_line "$T/talker.log" '^b.d$' 10
	[ "${lines[1]}" = bcd ]
	run -1 wait_line "$T/talker.log" never 1
}

@test "reap ends what was spawned, await checks its status" {
	spawn long sleep 100
	local ended=${pids[long]}
	reap
	run ! kill -0 "$ended"
	spawn short sh -c 'exit 5'
	await short 5
}

@test "namespaces have their own loopback" {
	netns a
	in_ns a ip link add x type veth peer name y
	run -0 in_ns a ip -o link show up
	[[ $output = *'lo:'* ]]
	run -1 ns ip link show x
}
