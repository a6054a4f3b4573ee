# SPDX-License-Identifier: ISC
# accept(2) without descriptors: who comes waits, nobody spins, and when there are descriptors again he is let in.
load lib

# first_free PID: the lowest number that is no descriptor of it.
first_free() {
	local fd=0
	while [ -e "/proc/$1/fd/$fd" ]; do
		fd=$((fd + 1))
	done
	echo "$fd"
}

# slept PID: how often it has waited for something. Who spins never does.
slept() {
	awk '/^voluntary/ { print $2 }' "/proc/$1/status"
}

# starve PID CMD...: CMD comes to PID when that has no descriptors left; PID sleeps all the same, and serves CMD when it has.
starve() {
	local pid=$1 free before limit
	shift
	until grep -q '^State:.S' "/proc/$pid/status"; do sleep 0.05; done # after -R's descriptor was closed, too
	free=$(first_free "$pid")
	limit=$(prlimit --pid "$pid" --nofile --noheadings --output SOFT)
	prlimit --pid "$pid" --nofile="$free:"
	before=$(slept "$pid")
	spawn visitor "$@"
	until (($(slept "$pid") >= before + 4)); do sleep 0.05; done
	[ ! -s "$T/visitor.log" ]
	kill -0 "${pids[visitor]}"
	prlimit --pid "$pid" --nofile="$limit:"
	await visitor
	cat "$T/visitor.log"
}

# Visitors: one who asks at a control socket, and one whose nonsense he is hung up on for.
# shellcheck disable=SC2016 # for those shells
asks=(bash -c 'exec nc -NU "$1" <<<"$2"' asks)
# shellcheck disable=SC2016
babbles=(sh -c 'printf "\377\377\377\377 no length, no version\n" | exec nc -U "$1"' babbles)

@test "kvm-run -C" {
	need_access /dev/kvm
	need nc prlimit
	spawn -R guest kvm-run -m 16 -k "$BIN/guests/idle" -C "$T/ctl" -R 9
	run -0 starve "${pids[guest]}" "${asks[@]}" "$T/ctl" status
	[[ $output = *$'\nok' ]]
}

@test "vm-slirp: -C, and -l" {
	need nc prlimit
	spawn -R slirp vm-slirp -C "$T/ctl" -l "$T/net" -p "$T/in:22" -R 9
	run -0 starve "${pids[slirp]}" "${asks[@]}" "$T/ctl" list
	[[ $output = *$'\nok' ]]
	run -0 starve "${pids[slirp]}" "${babbles[@]}" "$T/net"
	grep -q 'length that no frame has' "$T/slirp.log"
}

@test "vm-bridge hub: -C, and -l" {
	need nc prlimit
	spawn -R hub vm-bridge hub -C "$T/ctl" -l "$T/lan" -R 9
	run -0 starve "${pids[hub]}" "${asks[@]}" "$T/ctl" list
	[ "$output" = ok ]
	run -0 starve "${pids[hub]}" "${babbles[@]}" "$T/lan"
}

@test "vm-vnc: -C, and -l" {
	need nc prlimit ss
	local hub
	mkfifo "$T/commands"
	spawn -R show vm-vnc -l "$T/vnc" -C "$T/ctl" -R 9 fb-machine "$T/commands"
	hub=$(ss -Hlxp "src = $T/vnc" | grep -o 'pid=[0-9]*')
	hub=${hub#pid=}
	run -0 starve "$hub" "${asks[@]}" "$T/ctl" clients
	[ "$output" = ok ]
	run -0 starve "$hub" "${babbles[@]}" "$T/vnc"
}

@test "vm-img serve" {
	need nbdinfo prlimit
	truncate -s 4M "$T/d.raw"
	spawn -R server vm-img serve -f raw -l "$T/sock" -R 9 "$T/d.raw"
	run -0 starve "${pids[server]}" nbdinfo --size "nbd+unix:///?socket=$T/sock"
	[[ $output = 4194304 ]]
}
