# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# What every test file loads (`load lib`). Tests find the commands under test and the programs of tests/tools in PATH,
# and a directory of their own in $T. Everything spawned is killed, by pid, when the test ends.
bats_require_minimum_version 1.5.0
TESTS=$BATS_TEST_DIRNAME
T=${BATS_TEST_TMPDIR:-${BATS_FILE_TMPDIR:-}}
declare -gA pids=()

teardown() {
	reap
}

# fresh: leave only 0 to 2 open, as in a new shell: bats itself keeps fd 3 and others, and a test of fd=3 would find it.
fresh() {
	local fd
	for fd in /proc/"$BASHPID"/fd/*; do
		fd=${fd##*/}
		((fd <= 2)) || eval "exec $fd>&-"
	done
}

# What a test leaves running, a daemon, or a guest that takes bats's TERM at a timeout for its power button, would keep the
# pipe that bats or `run` reads to its end: ward kills it, by the test's directory in its environment, when the test has
# ended or is over its time. It is nobody's child, so that no `wait` is for it.
if [[ ${BATS_TEST_TMPDIR-} ]]; then
	(
		fresh
		ward $$ "BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR" ${BATS_TEST_TIMEOUT:+$((BATS_TEST_TIMEOUT + 5))} </dev/null >/dev/null 2>&1 &
	)
fi

# clean CMD...: run CMD with 0 to 2 open alone. With fds of its own: clean sh -c 'exec kvm-run -w blk,fd=3 3<>disk'
clean() {
	(fresh && "$@")
}

# need CMD...: skip the test unless each is installed.
need() {
	local cmd
	for cmd; do
		command -v "$cmd" >/dev/null || skip "no $cmd here"
	done
}

# need_kvm: skip the test unless /dev/kvm is real. Tag such a test kvm: then tests/run takes it to the lab if need be.
need_kvm() {
	[[ $KVM_REAL = yes ]] || skip 'no real /dev/kvm here'
}

# need_access PATH...: skip the test unless each may be read and written.
need_access() {
	local path
	for path; do
		[[ -r $path && -w $path ]] || skip "no access to $path here"
	done
}

# kernel [cloud|generic]: print the directory of a stock kernel: vmlinuz, vmlinux, version. See lab/fetch.
kernel() {
	"$TESTS/lab/fetch" "${1:-cloud}"
}

# initrd OUT [OPTION of guest-initrd]... <<script: make an initrd whose guest runs the script, then powers off.
initrd() {
	local out=$1
	shift
	cat >"$out.script"
	"$TESTS/lab/guest-initrd" -o "$out" -x "$out.script" "$@"
}

# lines LINE...: the output was these lines.
lines() {
	local want
	want=$(printf '%s\n' "$@")
	[ "$output" = "$want" ] || {
		diff <(echo "$want") <(echo "$output")
		return 1
	}
}

# in_sh SCRIPT: as a user of sh would, with no descriptors but 0 to 2.
in_sh() {
	clean sh -c "$1" </dev/null
}

# spawn [-R] NAME CMD...: start CMD, its input empty, its output in $T/NAME.log, its pid in ${pids[NAME]}.
# With -R return when it has written its newline of readiness to fd 9, as in: spawn -R net vm-slirp -R 9 -l sock
spawn() {
	local ready='' name fd
	if [[ $1 = -R ]]; then
		ready=1
		shift
	fi
	name=$1
	shift
	if [[ ! $ready ]]; then
		(fresh && exec "$@") >"$T/$name.log" 2>&1 </dev/null &
		pids[$name]=$!
		return
	fi
	mkfifo "$T/$name.ready"
	(fresh && exec "$@" 9>"$T/$name.ready") >"$T/$name.log" 2>&1 </dev/null &
	pids[$name]=$!
	exec {fd}<"$T/$name.ready"
	rm "$T/$name.ready"
	if ! read -r -t 60 -u "$fd"; then
		echo "$name is not ready:"
		cat "$T/$name.log"
		exec {fd}<&-
		return 1
	fi
	exec {fd}<&-
}

# await NAME [STATUS]: wait for the end of what was spawned; it must be with that exit status, 0 unless given.
await() {
	local ended=${pids[$1]} status=0
	unset "pids[$1]"
	wait "$ended" || status=$?
	((status == ${2:-0})) || {
		echo "$1 ended with $status:"
		cat "$T/$1.log"
		return 1
	}
}

# reap: kill all that was spawned and still runs.
reap() {
	local name
	for name in "${!pids[@]}"; do
		kill -KILL "${pids[$name]}" 2>/dev/null || :
		wait "${pids[$name]}" 2>/dev/null || :
	done
	pids=()
}

# wait_line FILE REGEX [SECONDS]: wait until a line of a growing file, which may yet come, matches; print what came.
wait_line() {
	local line fd follow end=$((SECONDS + ${3:-60})) found=1
	exec {fd}< <(fresh && exec tail -n +1 -F "$1" 2>/dev/null)
	follow=$!
	while ((SECONDS < end)) && IFS= read -r -t $((end - SECONDS)) -u "$fd" line; do
		echo "$line"
		if [[ $line =~ $2 ]]; then
			found=0
			break
		fi
	done
	kill "$follow"
	exec {fd}<&-
	((found == 0)) || echo "no line matches $2 in $1"
	return "$found"
}

# ns CMD...: run CMD as root of a user and a network namespace of its own, with lo up. No privilege is needed.
ns() {
	clean unshare -rn sh -c 'ip link set lo up && exec "$@"' ns "$@"
}

# netns NAME: make such a namespace that lasts as long as the test; in_ns NAME CMD... runs CMD in it.
netns() {
	spawn -R "$1" unshare -rn sh -c 'ip link set lo up && echo >&9 && exec sleep infinity 9>&-'
}

in_ns() {
	local target=${pids[$1]}
	shift
	clean nsenter --preserve-credentials -U -n -t "$target" "$@"
}

# What a kernel says that found something wrong with its board.
complaints='[Ff]irmware [Bb]ug|[Ff]irmware [Ww]arn|ACPI (Error|Warning|Exception|BIOS)|AE_[A-Z]+|not detected|can.t claim|conflict'
complaints+='|no compatible bridge|nobody cared|[Oo]verlap|XT-PIC|MP-BIOS|not responding|unable to read|rtc_cmos.*(fail|broken|no alarm)'

# displays <PAGE: the command lines of its displays (.Dl), as a shell is given them, those that go on in the next one joined.
displays() {
	sed -n 's/^\.Dl //p' | sed 's/\\ / /g; s/\\&//g; s/\\(dq/"/g; s/\\e/\\/g' | sed ':more; /\\$/ { N; s/\\\n *//; b more }; /[|(;]$/ { N; s/\n */ /; b more }'
}

# examples PAGE: those of its EXAMPLES.
examples() {
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh [^E]/p' "$1" | displays
}

# spawn_in NS [-R] NAME CMD...: as spawn, in such a namespace.
spawn_in() {
	local target=${pids[$1]} ready=() name
	shift
	[[ $1 != -R ]] || { ready=(-R); shift; }
	name=$1
	shift
	spawn "${ready[@]}" "$name" nsenter --preserve-credentials -U -n -t "$target" "$@"
}

# world: namespaces of everything, with a /run and a /var/lib of their own, that end with the test and all that is in them.
# There $T is /mnt.
world() {
	need_access /dev/net/tun
	# shellcheck disable=SC2016 # for the inner shell
	spawn -R world unshare -rnmpf --mount-proc --kill-child=KILL bash -ec '
		mount --bind "$1" /mnt
		mount -t sysfs none /sys
		mount -t tmpfs none /run
		mount -t tmpfs none /var/lib
		ip link set lo up
		echo >&9
		exec 9>&-
		sleep infinity &
		wait # of the first process of all: for every orphan too' sh "$T"
	world=$(pgrep -P "${pids[world]}")
}

# in_world CMD...: run CMD there, in /mnt.
in_world() {
	clean nsenter --preserve-credentials -U -n -m -p --wdns=/mnt -t "$world" "$@"
}

# world_state: all that may be left behind there: rules, interfaces, addresses, routes, settings, processes.
world_state() {
	# shellcheck disable=SC2016 # for the inner shell
	in_world sh -c '
		nft list ruleset
		ip -o link | cut -d" " -f2-
		ip -o address | cut -d" " -f2- | sed "s, tentative,,"
		ip route
		cd /proc/sys/net && grep . ipv4/ip_forward ipv4/conf/*/forwarding ipv4/conf/*/route_localnet ipv6/conf/*/forwarding
		ps -eo args | grep -v "^sh -c\|^ps \|^grep \|^\[" # in brackets: what is ending'
}
