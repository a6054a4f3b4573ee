# SPDX-License-Identifier: ISC
# vm-pin set, undo, and as a loader. That a thread is where it was put is told by where it is seen running, with more to do than
# its CPU can.
# lab: -c 4,sockets=2,cores=2,threads=1 -n 2 -m 3G
load lib

setup() {
	need_access /dev/kvm
	online=$(nproc --all)
	((online >= 2)) || skip 'only one CPU here'
	state=$T/state
}

# guest [ARG]...: start a guest of two vCPUs that keep busy for ever; its pid is $pid, the vCPUs' threads are ${vcpu[@]}.
guest() {
	spawn guest kvm-run -c 2 -m 32 -k "$BIN/guests/spin" "$@"
	pid=${pids[guest]}
	wait_line "$T/guest.log" spinning >/dev/null
	vcpus
}

# quiet_guest: the same, of a guest that has nothing to do.
quiet_guest() {
	spawn guest kvm-run -c 2 -m 32 -k "$BIN/guests/echo" -K talk=3
	pid=${pids[guest]}
	wait_line "$T/guest.log" 'line 3' >/dev/null
	vcpus
}

# vcpus: find those threads.
vcpus() {
	local comm
	vcpu=()
	for comm in /proc/"$pid"/task/*/comm; do
		[[ $(<"$comm") != vcpu* ]] || vcpu[$(sed s/vcpu// "$comm")]=$(basename "${comm%/comm}")
	done
}

# pin [OPTION]... [PLACE]...: vm-pin set on it, with its record in $state.
pin() {
	local options=(-d "$state")
	while [[ ${1-} = -?* ]]; do
		options+=("$1")
		shift
	done
	vm-pin set "${options[@]}" "$pid" "$@"
}

# run_on CPUS CPUS: where the two vCPUs are found while they run.
run_on() {
	run -0 where-run 15 "${vcpu[@]}"
	lines "${vcpu[0]}	$1" "${vcpu[1]}	$2"
}

# shown: how the guest's threads are placed.
shown() {
	vm-pin show "$pid" | cut -f 1-5,11-
}

# cpus_of PID: the CPUs of its vCPUs.
cpus_of() {
	vm-pin show "$1" | sed -n 's/^vcpu\t//p' | cut -f 4 | sort -n | xargs
}

@test "vCPUs run where they were put, both on one CPU while the other is free, until undo" {
	guest
	local before
	before=$(shown)
	pin vcpus=1
	run_on 1 1
	pin 0=0 1=0
	run_on 0 0
	pin vcpus==1,0
	run_on 1 0
	[ -s "$state/$pid" ]
	vm-pin undo -d "$state" "$pid"
	[ "$(shown)" = "$before" ]
	[ ! -e "$state/$pid" ]
	vm-pin undo -d "$state" "$pid" # what is so already is success
}

@test "lists, strides, masks, any, what is left out, kinds of threads, and what prevails" {
	quiet_guest
	pin io=0 main=0x2 all=1 0=0-1,^0 1=0-1:2
	[ "$(vm-pin show "$pid" | cut -f 1,2,5 | sort -u)" = "$(printf '%s\n' $'io\t-\t0' $'main\t-\t1' $'vcpu\t0\t1' $'vcpu\t1\t0')" ]
	pin 0-1=1,0 1=0 1=1
	[ "$(vm-pin show "$pid" | sed -n 's/^vcpu\t[01]\t//p' | cut -f 3)" = $'0-1\n1' ]
	pin all=any
	[ "$(vm-pin show "$pid" | cut -f 5 | sort -u)" = "0-$((online - 1))" ]
}

@test "a list from standard input, and -n, whose output is such a list" {
	quiet_guest
	local plan before
	before=$(shown)
	plan=$(printf '%s\n' '0=1@batch:5 # the first' '' '1=0' | pin -n -)
	[ "$plan" = "0=1@batch:5	# vcpu0, thread ${vcpu[0]}, was any, other
1=0	# vcpu1, thread ${vcpu[1]}, was any" ]
	[ "$(shown)" = "$before" ]
	[ ! -e "$state" ]
	pin - <<<"$plan"
	run -0 vm-pin show "$pid"
	[[ ${lines[0]} = "vcpu	0	${vcpu[0]}	vcpu0	1	"*"	batch	0	5" ]]
	[[ ${lines[1]} = "vcpu	1	${vcpu[1]}	vcpu1	0	"*"	other	0	0" ]]
	run -0 vm-pin undo -n -d "$state" "$pid"
	lines "0=any@other	# vcpu0, thread ${vcpu[0]}, was 1, batch:5" "1=any	# vcpu1, thread ${vcpu[1]}, was 0"
	run -2 vm-pin set "$pid" - <<<'0=1 1=x'
	[ "$output" = 'vm-pin: stdin: 1=x: x: no CPUs (as 0-3,8, 0-7:2, any, node0, isolated, 0xff)' ]
}

@test "classes are set alone, with CPUs, and given back" {
	quiet_guest
	setpriv --dump | grep -q sys_nice || skip 'no right to real time here'
	pin vcpus=@fifo:10 io=0@rr main=@idle
	run -0 vm-pin show "$pid"
	[ "$(cut -f 1,11- <<<"$output" | sort -u)" = "$(printf '%s\n' 'io	rr	1	0' 'main	idle	0	0' 'vcpu	fifo	10	0')" ]
	pin 0=@rr:2
	vm-pin undo -d "$state" "$pid"
	[ "$(vm-pin show "$pid" | cut -f 11- | sort -u)" = 'other	0	0' ]
}

@test "what cannot be is told, all of it, and nothing is done" {
	quiet_guest
	local before word
	before=$(shown)
	run -1 pin 0=0 1=4000 5=0 io=1
	[[ $output = "vm-pin: 5=0: the guest has no vCPU 5"$'\n'"vm-pin: vcpu1: CPU 4000: there is none" ]]
	run -1 pin 0=0 vcpus==1
	[ "$output" = 'vm-pin: vcpu1: vcpus==1 has no CPU for it' ]
	run -1 pin 0=1 memory=63
	[ "$output" = 'vm-pin: memory=63: node 63: there is none' ]
	run -1 pin 0=1 cpuset=0
	[[ $output = 'vm-pin: cpuset=0: '* ]]
	for word in 0 =1 0= 0=- 0=1- 0=8192 9999=0 x=1 0=@ 0=1@x 0=1@fifo:0 0=1@other:20 io==1 0==any 0=node63 0=0,^0 memory= memory=x within=; do
		run -2 pin "$word"
		[[ $output = "vm-pin: $word: "* ]]
	done
	run -2 pin
	run -2 pin -x 0=1
	run -2 pin within=0 0=1
	[ "$output" = 'vm-pin: -x and within= are for -a' ]
	[ "$(shown)" = "$before" ]
	[ ! -e "$state" ]
}

@test "what is no guest, or none any more, is told" {
	run -1 vm-pin set -d "$state" $$ 0=1
	[[ $output = "vm-pin: $$: no guest: none of its threads is a vCPU" ]]
	run -1 vm-pin set -d "$state" 4194304 0=1
	[ "$output" = 'vm-pin: 4194304: no such process' ]
	run -1 vm-pin undo -d "$state" 4194304
	[ "$output" = 'vm-pin: 4194304: no such process' ]
	run -1 vm-pin set -d "$state" "$T/none" 0=1
	[ "$output" = "vm-pin: $T/none: No such file or directory" ]
}

@test "a control socket names a guest, too" {
	guest -C "$T/ctl"
	vm-pin set -d "$state" "$T/ctl" vcpus=0
	run_on 0 0
	vm-pin undo -d "$state" "$T/ctl"
}

@test "without the right to it nothing is done" {
	[ "$(id -u)" -eq 0 ] || skip 'only root has rights to give up'
	quiet_guest
	local before
	before=$(shown)
	run -1 setpriv --reuid=65534 --clear-groups env "XDG_RUNTIME_DIR=$T/none" vm-pin set -d /tmp "$pid" 0=1
	[[ $output = *"vcpu0: not permitted (its owner, root or CAP_SYS_NICE is needed)" ]]
	[ ! -e "/tmp/$pid" ]
	# The first may be done, and is taken back.
	run -1 setpriv --bounding-set -sys_nice --inh-caps -sys_nice vm-pin set -d "$state" "$pid" 0=1@batch 1=0@fifo:10
	[ "$output" = "vm-pin: $pid: vcpu1: fifo:10 is not permitted (root, CAP_SYS_NICE or a limit is needed: ulimit -r, -e)" ]
	[ "$(shown)" = "$before" ]
	[ ! -e "$state/$pid" ]
	run -1 setpriv --reuid=65534 --clear-groups env -u XDG_RUNTIME_DIR vm-pin set "$pid" 0=1
	[ "$output" = "vm-pin: no \$XDG_RUNTIME_DIR for what undo needs to know: give -d" ]
}

# injected WHAT [ARG]...: pin, with faults of the kernel's. What looks for leaks cannot where strace does.
injected() {
	ASAN_OPTIONS=detect_leaks=0 strace -qq -o /dev/null -e "inject=$1" vm-pin set -d "$state" "$pid" "${@:2}"
}

@test "a CPU that goes offline, a thread that ends, a cpuset, in the midst of it: nothing is changed" {
	need strace
	quiet_guest
	local before
	pin io=0
	before=$(shown)
	cp "$state/$pid" "$T/record"
	run -1 injected sched_setaffinity:error=EINVAL:when=2 0=1 1=0
	[ "$output" = "vm-pin: $pid: vcpu1: 0: offline, or not of its cpuset" ]
	[ "$(shown)" = "$before" ]
	run -1 injected sched_setaffinity:error=ESRCH:when=2 0=1@batch 1=0
	[ "$output" = "vm-pin: $pid: vcpu1: has ended" ]
	[ "$(shown)" = "$before" ]
	# The kernel takes it for success when some of the CPUs can be had, or, of an offline one, others.
	run -1 injected sched_setaffinity:retval=0:when=2 0=1 1=0
	[ "$output" = "vm-pin: $pid: vcpu1: 0: offline" ]
	[ "$(shown)" = "$before" ]
	run -1 injected sched_setattr:error=EPERM:when=2 vcpus=1@batch
	[[ $output = *'vcpu1: batch is not permitted'* ]]
	[ "$(shown)" = "$before" ]
	diff "$T/record" "$state/$pid"
}

@test "a guest that ends in the midst of it is told, and leaves no record" {
	need strace
	quiet_guest
	local status=0
	injected flock:delay_exit=1000000 all=0 2>"$T/err" &
	until [ -e "$state/$pid" ]; do :; done
	kill -KILL "$pid"
	wait $! || status=$?
	[ "$status" -eq 1 ]
	[ "$(<"$T/err")" = "vm-pin: $pid: the guest has ended" ]
	[ ! -e "$state/$pid" ]
}

@test "a record says how it was before the first set, and goes with its guest" {
	guest
	pin 0=1
	pin 0=0 1=@batch
	pin vcpus=1
	[ "$(grep -c . "$state/$pid")" -eq 4 ]
	cp "$state/$pid" "$T/record"
	vm-pin undo -d "$state" "$pid"
	[ "$(vm-pin show "$pid" | cut -f 5,11- | sort -u)" = "0-$((online - 1))	other	0	0" ]
	# One of an earlier process with that number is none; those of guests that are gone are dropped.
	pin vcpus=0
	sed "1s/\t[0-9]*$/\t1/" "$T/record" >"$state/$pid"
	vm-pin undo -d "$state" "$pid"
	[ ! -e "$state/$pid" ]
	[ "$(cpus_of "$pid")" = '0 0' ]
	echo 'guest	4194304	1' >"$state/4194304"
	pin vcpus=1
	[ ! -e "$state/4194304" ]
	echo 'x' >"$state/$pid"
	run -1 vm-pin undo -d "$state" "$pid"
	[ "$output" = "vm-pin: $state/$pid: not a record of vm-pin" ]
}

@test "several at once take turns, and what was before them all is known" {
	quiet_guest
	local before i all=()
	before=$(shown)
	for i in {1..8}; do
		pin vcpus=$((i % 2)) io=$((i % 2)) &
		all+=($!)
	done
	for i in "${all[@]}"; do
		wait "$i"
	done
	vm-pin undo -d "$state" "$pid"
	[ "$(shown)" = "$before" ]
}

@test "-a: a CPU for each vCPU, and none of another guest's; as far as there are enough" {
	guest
	run -0 pin -n -a
	[ "$(sed -n 's/^[01]=\([0-9]*\)\t.*/\1/p' <<<"$output" | sort -u | wc -l)" -eq 2 ]
	run -0 pin -n -a 0=1 vcpus=@batch
	[[ ${lines[0]} = 0=1@batch$'\t'* && ${lines[1]} = 1=[02-9]*@batch$'\t'* ]]
	run -1 pin -n -a within=1
	[ "$output" = 'vm-pin: kvm-run: no CPU is left for vCPU 1' ]
	pin -a
	run_on "$(vm-pin show "$pid" | sed -n '1s/^vcpu\t0\t[^\t]*\t[^\t]*\t\([0-9]*\)\t.*/\1/p')" \
		"$(vm-pin show "$pid" | sed -n '2s/^vcpu\t1\t[^\t]*\t[^\t]*\t\([0-9]*\)\t.*/\1/p')"
}

# under_loader ARG...: start such a guest under the loader; return when it says that all is in place.
under_loader() {
	spawn -R guest vm-pin -R 9 "$@" kvm-run -c 2 -m 32 -k "$BIN/guests/spin" -C "$T/ctl"
	pid=${pids[guest]}
	vcpus
}

# ended PID: wait until it has.
ended() {
	tail --pid="$1" -f /dev/null
}

@test "the loader places each thread as it appears, and ends with the guest" {
	local watcher
	under_loader vcpus==1,0 io=0@batch
	run_on 1 0
	[ "$(vm-pin show "$pid" | sed -n 's/^io\t//p' | cut -f 4,10- | sort -u)" = '0	batch	0	0' ]
	[ "$(vm-pin show "$pid" | sed -n 's/^main\t//p' | cut -f 4,10- | sort -u)" = "0-$((online - 1))	other	0	0" ]
	[ "$(readlink "/proc/$pid/exe")" = "$(command -v kvm-run)" ]
	watcher=$(pgrep -xn vm-pin)
	[ "$(ps -o ppid= -p "$watcher" | tr -d ' ')" != "$pid" ]
	grep -q '^Seccomp:	2' "/proc/$watcher/status" || [ "$B" = asan ]
	# What set says later it does not take back.
	pin vcpus=0
	run_on 0 0
	kill -KILL "$pid"
	await guest 137
	ended "$watcher"
	[[ $(<"$T/guest.log") != *vm-pin* ]]
}

@test "the loader places a vCPU that is plugged in" {
	spawn -R guest vm-pin -R 9 vcpus==1,0 2=1@batch kvm-run -c 2,maxcpus=4 -m 32 -k "$BIN/guests/spin" -C "$T/ctl"
	pid=${pids[guest]}
	run -0 nc -NU "$T/ctl" <<<'plug vcpu2'
	[ "$output" = 'ok vcpu2' ]
	until vm-pin show "$pid" | grep -q '^vcpu	2	[0-9]*	vcpu2	1	.*	batch	0	0$'; do :; done
	vcpus
	run -0 where-run 5 "${vcpu[@]}"
	lines "${vcpu[0]}	1" "${vcpu[1]}	0" "${vcpu[2]}	1"
	run -0 nc -NU "$T/ctl" <<<'plug vcpu3'
	wait_line "$T/guest.log" '^vm-pin: vcpu3: vcpus==1,0 has no CPU for it$'
}

@test "the loader finds the guest behind a shell, and the one that comes after it" {
	spawn -R guest vm-pin -R 9 vcpus=1 sh -c 'for i in 1 2; do kvm-run -c 2 -m 32 -k "$1" -C "$2.$i"; done; exit 7' sh \
		"$BIN/guests/spin" "$T/ctl"
	pid=$(pgrep -P "${pids[guest]}" -x kvm-run)
	vcpus
	run_on 1 1
	echo quit | nc -NU "$T/ctl.1"
	until pid=$(pgrep -P "${pids[guest]}" -x kvm-run) && vm-pin show "$pid" 2>/dev/null | grep -q '^vcpu	1	[^	]*	[^	]*	1	'; do :; done
	echo quit | nc -NU "$T/ctl.2"
	await guest 7
}

@test "the loader places QEMU's threads" {
	need qemu-system-x86_64
	spawn -R guest vm-pin -R 9 vcpus==1,0 main=0 qemu-system-x86_64 -accel tcg,thread=multi -M q35 -smp 2 -m 32 -display none \
		-nodefaults -no-user-config -name x,debug-threads=on
	pid=${pids[guest]}
	run -0 vm-pin show "$pid"
	[ "$(cut -f 1,2,5 <<<"$output" | sort -u)" = "$(printf '%s\n' 'main	-	0' 'vcpu	0	1' 'vcpu	1	0')" ]
}

@test "the loader finds a guest that was left in the background" {
	clean vm-pin vcpus=1 sh -c 'kvm-run -c 2 -m 32 -k "$1" -C "$2" </dev/null >"$2.log" 2>&1 & echo $! >"$2.pid"' sh \
		"$BIN/guests/spin" "$T/ctl" </dev/null >"$T/second.log" 2>&1
	pid=$(<"$T/ctl.pid")
	pids[guest]=$pid
	wait_line "$T/ctl.log" spinning >/dev/null
	until [ "$(vm-pin show "$pid" | sed -n 's/^vcpu\t//p' | cut -f 4 | sort -u)" = 1 ]; do :; done
}

@test "an owner without rights places a guest of his own" {
	[ "$(id -u)" -eq 0 ] || skip 'only root can be somebody else'
	need qemu-system-x86_64
	local nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups env "XDG_RUNTIME_DIR=$T/mine")
	install -d -o 65534 "$T/mine"
	chmod a+x "$BATS_RUN_TMPDIR" "${T%/*}" "$T"
	spawn -R guest "${nobody[@]}" vm-pin -R 9 0=0 qemu-system-x86_64 -accel tcg,thread=multi -M q35 -smp 2 -m 32 -display none \
		-nodefaults -no-user-config -name x,debug-threads=on
	pid=${pids[guest]}
	"${nobody[@]}" vm-pin set "$pid" 1=1@batch
	[ "$(vm-pin show "$pid" | sed -n 's/^vcpu\t//p' | cut -f 1,4,10)" = $'0\t0\tother\n1\t1\tbatch' ]
	[ -s "$T/mine/vm-pin/$pid" ]
	"${nobody[@]}" vm-pin undo "$pid"
	[ "$(cpus_of "$pid")" = "0 0-$((online - 1))" ]
	run -1 "${nobody[@]}" vm-pin set "$pid" 0=1 1=1@rr
	[[ $output = *'vcpu1: rr:1 is not permitted'* ]]
	[ "$(cpus_of "$pid")" = "0 0-$((online - 1))" ]
	[ ! -e "$T/mine/vm-pin/$pid" ]
	reap
	"${nobody[@]}" vm-pin vcpus=1 qemu-system-x86_64 -accel tcg,thread=multi -M q35 -smp 2 -m 32 -display none -nodefaults \
		-no-user-config -name x,debug-threads=on -daemonize -pidfile "$T/mine/pid" >"$T/log" 2>&1 </dev/null
	pid=$(<"$T/mine/pid")
	pids[guest]=$pid
	until [ "$(cpus_of "$pid")" = '1 1' ]; do :; done
}

@test "the loader says what is wrong, and what would be done" {
	run -125 vm-pin 0=4000 true
	[ "$output" = 'vm-pin: 0=4000: CPU 4000: there is none' ]
	run -125 vm-pin memory=63 true
	[ "$output" = 'vm-pin: memory=63: node 63: there is none' ]
	run -2 vm-pin 0=1 cpuset=0 true
	[ "$output" = 'vm-pin: cpuset=0: of a guest that is there: see vm-pin set' ]
	run -2 vm-pin 0=1
	[ "$output" = 'vm-pin: no program (try --help)' ]
	run -2 vm-pin true
	[ "$output" = 'vm-pin: true: no verb, and nothing that says what shall run where (try --help)' ]
	run -2 vm-pin 0=x true
	run -127 vm-pin 0=1 "$T/none"
	run -126 vm-pin 0=1 /dev/null
	run -0 vm-pin -n -a main=0 true
	[[ ${lines[0]} = vcpus==*,* && ${lines[1]} = main=0 ]]
	run -3 vm-pin 0=1 sh -c 'exit 3'
	run -0 vm-pin memory=0 true
	# Nobody waits for the watcher's line but who asks for it.
	run -0 --separate-stderr vm-pin 0=1 sh -c 'echo $VM_WIRES'
	[[ $output =~ ^hold,fd=[0-9]+$ ]]
}

@test "the loader gives up its rights, the process beside it keeps that to place threads" {
	[ "$(id -u)" -eq 0 ] || skip 'only root has rights to give up'
	setpriv --dump | grep -q sys_nice || skip 'no right to real time here'
	spawn -R guest vm-pin -R 9 -U nobody vcpus=1@rr:3 qemu-system-x86_64 -accel tcg,thread=multi -M q35 -smp 1 -m 32 -display none \
		-nodefaults -no-user-config -name x,debug-threads=on
	pid=${pids[guest]}
	[ "$(stat -c %U "/proc/$pid")" = nobody ]
	run -0 vm-pin show "$pid"
	[ "$(sed -n 's/^vcpu\t//p' <<<"$output" | cut -f 1,4,10-)" = '0	1	rr	3	0' ]
}

@test "what the process beside the guest cannot do it says" {
	spawn guest vm-pin vcpus==1 kvm-run -c 2 -m 32 -k "$BIN/guests/spin"
	wait_line "$T/guest.log" '^vm-pin: vcpu1: vcpus==1 has no CPU for it$'
}

# in_lab: skip but in the lab, whose machine the line above asks for.
in_lab() {
	[[ -e /run/lab/job && $online -eq 4 ]] || skip 'not in the lab'
}

# another NAME [ARG]...: start one more such guest; $another is its pid.
another() {
	spawn "$1" kvm-run -I "$1" -c 2 -m 32 -k "$BIN/guests/spin" "${@:2}"
	another=${pids[$1]}
	wait_line "$T/$1.log" spinning >/dev/null
}

# bats test_tags=lab
@test "-a: guests go to a node each; what is left is for the other threads; then they share, if they may" {
	in_lab
	guest
	another second
	local node
	pin -a
	run_on 0 1 || run_on 2 3
	node=$(($(cpus_of "$pid" | cut -c 1) / 2))
	vm-pin set -d "$state" -a "$another"
	[ "$(cpus_of "$another")" = "$((2 - 2 * node)) $((3 - 2 * node))" ]
	another third
	run -1 vm-pin set -n -a -x "$another"
	[ "$output" = "vm-pin: third: no CPU is left for vCPU 0" ]
	run -0 vm-pin set -n -a "$another"
	[ "${lines[0]}" = 'vm-pin: third: shares CPUs with other guests: there are not enough for all' ]
	# One vCPU each: on a node with room for it, whose other CPU is for its other threads.
	vm-pin undo -d "$state" "$another"
	reap
	guest
	spawn single kvm-run -m 32 -k "$BIN/guests/spin"
	wait_line "$T/single.log" spinning >/dev/null
	pin vcpus==0,1
	vm-pin set -d "$state" -a "${pids[single]}"
	[ "$(vm-pin show "${pids[single]}" | cut -f 1,5 | sort -u)" = $'io\t3\nmain\t3\nvcpu\t2' ]
}

# bats test_tags=lab
@test "a CPU that is offline is refused; one that goes is told, and the vCPU is back on it when it is" {
	in_lab
	local cpu=/sys/devices/system/cpu/cpu3/online
	under_loader 0=3 1=2
	run_on 3 2
	echo 0 >$cpu
	run -1 pin 0=3
	[ "$output" = 'vm-pin: vcpu0: CPU 3: offline' ]
	wait_line "$T/guest.log" '^vm-pin: vcpu0: CPU 3 went offline$' >/dev/null
	run -0 where-run 5 "${vcpu[0]}"
	[[ $output != *3 ]]
	echo 1 >$cpu
	until [ "$(cpus_of "$pid")" = '2 3' ]; do :; done
	run_on 3 2
	pin 0=any
	vm-pin undo -d "$state" "$pid"
}

# on_node NODE: the pages that the guest has there, but for those of files, which others have, too.
on_node() {
	grep -v file= "/proc/$pid/numa_maps" | grep -o "N$1=[0-9]*" | awk -F = '{ sum += $2 } END { print sum + 0 }'
}

# bats test_tags=lab
@test "memory is moved along, and bound to a node by the loader" {
	in_lab
	guest -P
	local all
	pin 0=2 1=3 memory=auto
	all=$(on_node 1)
	((all > 8000)) # 32 MiB
	(($(on_node 0) < all / 100))
	pin vcpus=0-1 memory=0
	(($(on_node 0) > 8000 && $(on_node 1) < all / 100))
	reap
	under_loader vcpus=0-1 memory=1
	(($(on_node 1) > 50 && $(on_node 0) == 0))
	grep -q '^[0-9a-f]* bind:1 ' "/proc/$pid/numa_maps"
}

# bats test_tags=lab
@test "the guest's cpuset: set and put back, of its own group alone, and within that above" {
	in_lab
	guest
	local top=/run/pinset
	mkdir "$top"
	mount -t cgroup2 none "$top"
	run -1 pin 0=2 cpuset=2-3
	[ "$output" = 'vm-pin: cpuset=2-3: the guest is in no cgroup of its own' ]
	echo +cpuset >"$top/cgroup.subtree_control"
	mkdir -p "$top/vm/guest"
	echo 1-3 >"$top/vm/cpuset.cpus"
	echo "$pid" >"$top/vm/guest/cgroup.procs" 2>/dev/null || :
	run -1 pin 0=2 cpuset=2-3
	[[ $output = 'vm-pin: cpuset=2-3: its cgroup has no cpuset '* ]]
	echo +cpuset >"$top/vm/cgroup.subtree_control"
	# All of a cpuset is anywhere; what is beyond it cannot be had.
	run -1 pin 1=3 0=0
	[ "$output" = "vm-pin: $pid: vcpu0: 0: offline, or not of its cpuset" ]
	run -1 pin 1=3 0=0-2
	[ "$output" = "vm-pin: $pid: vcpu0: 0: offline, or not of its cpuset" ]
	pin 0=2 1=3 cpuset=auto
	[ "$(<"$top/vm/guest/cpuset.cpus")" = 2-3 ]
	run_on 2 3
	run -1 pin 0=1 1=1 cpuset=0-1
	[[ $output = *'the group above has not all of them' ]]
	[ "$(<"$top/vm/guest/cpuset.cpus")" = 2-3 ]
	[ "$(cpus_of "$pid")" = '2 3' ]
	vm-pin undo -d "$state" "$pid"
	[[ $(<"$top/vm/guest/cpuset.cpus") = @(|1-3) ]] # as if it was never set
	[ "$(cpus_of "$pid")" = '1-3 1-3' ]
	spawn neighbour sleep infinity
	echo "${pids[neighbour]}" >"$top/vm/guest/cgroup.procs"
	run -1 pin 0=2 cpuset=2
	[[ $output = *'not the guest'\''s alone, 1 other processes are in it' ]]
	reap
	rmdir "$top/vm/guest" "$top/vm"
	umount "$top"
}

# bats test_tags=lab
@test "a stock guest and QEMU's, with work to do, run where they were put" {
	in_lab
	local work
	printf '#!/bin/sh\necho busy\nwhile :; do :; done\n' | initrd "$T/initrd"
	spawn -R stock vm-pin -a -R 9 io=@batch kvm-run -I stock -m 128 -k "$(kernel)/vmlinux" -i "$T/initrd" -A quiet
	pid=${pids[stock]}
	wait_line "$T/stock.log" '^busy' 150
	vcpus
	run -0 where-run 10 "${vcpu[0]}"
	[ "${output#*$'\t'}" = "$(cpus_of "$pid")" ]
	for work in 3 1; do
		pin vcpus=$work
		run -0 where-run 10 "${vcpu[0]}"
		[ "${output#*$'\t'}" = $work ]
	done
	reap
	# Without names for its threads QEMU is known by its descriptors.
	spawn qemu qemu-system-x86_64 -accel kvm -M q35 -smp 2 -m 64 -display none -nodefaults -no-user-config -kernel "$BIN/guests/spin" \
		-serial "file:$T/serial"
	pid=${pids[qemu]}
	wait_line "$T/serial" spinning >/dev/null
	mapfile -t vcpu < <(vm-pin show "$pid" | sed -n 's/^vcpu\t//p' | cut -f 2)
	pin 0=2 1=3 main=0
	run_on 2 3
	pin vcpus==3,2
	run_on 3 2
}
