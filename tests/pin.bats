# SPDX-License-Identifier: ISC
# vm-pin's looking: hosts recorded from machines of several kinds, guests on them, and running ones.
# lab: -c 4,sockets=2,cores=2 -n 2 -m 4G
load lib

# host KIND: make $T/root the machine of hosts/KIND.
host() {
	local path text
	while IFS=$'\t' read -r path text; do
		mkdir -p "$T/root/${path%/*}"
		printf '%b\n' "$text" >"$T/root/$path"
	done <"$TESTS/hosts/$1"
}

at() {
	pin-at "$T/root" "$@"
}

# process PID NAME CMDLINE: add a process without threads to it; thread PID TID NAME CPUS [CPU [GUEST-TICKS]]: a thread.
process() {
	local dir=$T/root/proc/$1
	mkdir -p "$dir/task" "$dir/fd"
	echo "$2" >"$dir/comm"
	printf '%b' "$3" >"$dir/cmdline"
	printf 'Name:\t%s\nTgid:\t%d\nUid:\t0\t0\t0\t0\nNSpid:\t%d\n' "$2" "$1" "$1" >"$dir/status"
}
thread() {
	stat_line "$T/root/proc/$1/task/$2" "$@"
}
stat_line() {
	local dir=$1 tid=$3 name=$4 cpus=$5 last=${6:-0} guest=${7:-0}
	mkdir -p "$dir"
	echo "$name" >"$dir/comm"
	printf 'Name:\t%s\nNSpid:\t%d\nCpus_allowed:\tff\nCpus_allowed_list:\t%s\nMems_allowed_list:\t0\n' "$name" "$tid" "$cpus" >"$dir/status"
	printf '%d (%s) S 1 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 %d 0 0 0 %d 0 0\n' \
		"$tid" "$name" "$last" "$guest" >"$dir/stat"
}

# guest PID NAME CPUS...: add a QEMU guest with a vCPU on each of the sets of CPUs, and its main thread on the last one.
guest() {
	local pid=$1 name=$2 index=0
	shift 2
	process "$pid" qemu-system-x86 "qemu-system-x86_64\0-name\0guest=$name,debug-threads=on\0-m\00001G\0"
	while [ $# -gt 1 ]; do
		thread "$pid" $((pid + 1 + index)) "CPU $index/KVM" "$1"
		index=$((index + 1))
		shift
	done
	thread "$pid" "$pid" qemu-system-x86 "$1"
}

keys() {
	grep -E "^($1)	" <<<"$output"
}

@test "host: one socket with two threads a core" {
	host intel-smt
	run -0 at host
	diff <(keys 'sockets|cores|threads|nodes|smt|online|offline|isolated|nohz_full') - <<-END
		sockets	1
		cores	4
		threads	8
		nodes	1
		smt	on
		online	0-7
		offline	
		isolated	
		nohz_full	
	END
	diff <(keys cpu | cut -f 1-6) <(for cpu in 0 1 2 3 4 5 6 7; do
		printf 'cpu\t%d\tonline\t0\t%d\t0\n' $cpu $((cpu / 2 * 2))
	done)
	[ "$(keys cache | grep -c $'^cache\t1\tData\t32768\t')" -eq 8 ]
	[ "$(keys cache | tail -n 2)" = $'cache\t2\tUnified\t4194304\t6-7\ncache\t3\tUnified\t16777216\t0-7' ]
}

@test "host: two sockets with two nodes each" {
	host amd-2s4n
	run -0 at host
	diff <(keys 'sockets|cores|threads|nodes') <(printf '%s\t%d\n' sockets 2 cores 8 threads 8 nodes 4)
	diff <(keys node | cut -f 2,3,6) <(printf '%d\t%s\t%s\n' 0 0-1 10,12,32,32 1 2-3 12,10,32,32 2 4-5 32,32,10,12 3 6-7 32,32,12,10)
	diff <(keys node | cut -f 4 | head -n 1) <(echo $((256348 * 1024)))
	diff <(keys cpu | cut -f 2,4,6,7) <(for cpu in 0 1 2 3 4 5 6 7; do
		printf '%d\t%d\t%d\t%d\n' $cpu $((cpu / 4)) $((cpu / 2)) $((cpu / 2 * 2))
	done)
}

@test "host: isolated CPUs, one offline, huge pages" {
	host intel-isolated
	run -0 at host
	diff <(keys 'cores|threads|online|offline|isolated|nohz_full|huge_free') - <<-END
		cores	4
		threads	7
		online	0-2,4-7
		offline	3
		isolated	4-7
		nohz_full	6-7
		huge_free	$((4 << 21))
	END
	diff <(keys cpu | cut -f 2,3,5) <(printf '%d\t%s\t%s\n' 0 online 0 1 online 0 2 online 2 3 offline - 4 isolated 4 5 isolated 4 6 isolated 6 7 isolated 6)
	diff <(keys huge) <(printf 'huge\t%d\t0\t%d\t%d\n' $((2 << 20)) 4 4 $((1 << 30)) 0 0)
}

@test "host: large and small cores, KVM's parameters, a kernel without NUMA" {
	host intel-hybrid
	run -0 at host
	diff <(keys 'cores|kvm|ept|npt|vpid|nested|nodes') - <<-END
		cores	6
		nodes	1
		kvm	kvm_intel
		ept	on
		npt	
		vpid	on
		nested	on
	END
	diff <(keys cpu | cut -f 2,5,8) <(printf '%d\t%d\t%s\n' 0 0 - 1 0 - 2 2 - 3 2 - 4 4 small 5 5 small 6 6 small 7 7 small)
	diff <(keys node | cut -f 2-4) <(printf '0\t0-7\t%d\n' $((16084684 * 1024)))
}

@test "host: guests and what the host keeps for itself, less RAM, is the swap that is needed" {
	host intel-smt
	guest 100 a 0 0-7
	process 200 kvm-run 'kvm-run\0-m\0000512,huge\0'
	thread 200 200 kvm-run 0-7
	thread 200 201 vcpu0 0-7
	run -0 at host
	local ram=$((479584 * 1024)) guests=$((1536 << 20))
	diff <(keys 'memory|guests|reserve|swap_needed') <(printf '%s\t%d\n' memory $ram guests $guests reserve $((ram / 8)) \
		swap_needed $((guests + ram / 8 - ram)))
}

@test "show: whose threads they are, where they may run and did, how they fared" {
	host intel-smt
	guest 100 web 2 3 0-1
	thread 100 103 'IO disk) R 1' 0-1 1
	thread 100 104 $'a\tb' 0-7
	printf '2500000 7000000 12\n' >"$T/root/proc/100/task/101/schedstat"
	sed -i 's/ 20 0 1 / -3 -10 1 /; s/ 17 0 0 0 / 17 3 50 1 /' "$T/root/proc/100/task/102/stat"
	run -0 at show 100
	lines $'vcpu\t0\t101\tCPU 0/KVM\t2\t0\t0\tS\t2500000\t7000000\tother\t0\t0' \
		$'vcpu\t1\t102\tCPU 1/KVM\t3\t3\t0\tS\t2000000000\t0\tfifo\t50\t-10' \
		$'main\t-\t100\tqemu-system-x86\t0-1\t0\t0\tS\t2000000000\t0\tother\t0\t0' \
		$'io\t-\t103\tIO disk) R 1\t0-1\t1\t0\tS\t2000000000\t0\tother\t0\t0' \
		$'main\t-\t104\ta?b\t0-7\t0\t0\tS\t2000000000\t0\tother\t0\t0'
	run -0 at show
	lines $'100\tweb\tqemu\t2\t1073741824\t2-3'
}

@test "show: vCPUs whose threads have no names, by KVM's descriptors" {
	host intel-smt
	process 100 qemu-system-x86 'qemu-system-x86_64\0-name\0db\0'
	local tid
	for tid in 100 101 102 103 104; do
		thread 100 $tid qemu-system-x86 0-7 0 $((tid > 101 ? 5 : 0))
	done
	ln -s anon_inode:kvm-vm "$T/root/proc/100/fd/7"
	ln -s anon_inode:kvm-vcpu:0 "$T/root/proc/100/fd/9" # APIC ids, which have gaps, and here are not in order
	ln -s anon_inode:kvm-vcpu:4 "$T/root/proc/100/fd/10"
	ln -s anon_inode:kvm-vcpu:2 "$T/root/proc/100/fd/11"
	# The last one made was for the first vCPU: it is halted, so that the kernel tells, and another; the third runs.
	echo '16 0x9 0xae80 0x0 0x0 0x0 0x0 0x7f0 0x7f1' >"$T/root/proc/100/task/104/syscall"
	echo '16 0xa 0xae80 0x0 0x0 0x0 0x0 0x7f0 0x7f1' >"$T/root/proc/100/task/103/syscall"
	echo '16 0xb 0xae81 0x0 0x0 0x0 0x0 0x7f0 0x7f1' >"$T/root/proc/100/task/101/syscall"
	run -0 at show 100
	[ "$(cut -f 1-3 <<<"$output")" = $'vcpu\t0\t104\nvcpu\t1\t102\nvcpu\t2\t103\nmain\t-\t100\nmain\t-\t101' ]
	# One more has run a guest than there are vCPUs: it is not known which.
	thread 100 101 qemu-system-x86 0-7 0 1
	run -1 at show 100
	[ "$output" = 'pin-at: 100: no guest: none of its threads is a vCPU' ]
}

@test "show: the kernel's threads for vhost belong to the guest" {
	host intel-smt
	guest 100 web 2 0-1
	process 300 vhost-100 ''
	stat_line "$T/root/proc/300" 300 300 vhost-100 4-5
	process 301 vhost-1000 ''
	run -0 at show 100
	[ "${#lines[@]}" -eq 2 ]
	ln -s /dev/vhost-net "$T/root/proc/100/fd/12"
	run -0 at show 100
	[ "${#lines[@]}" -eq 3 ]
	[[ ${lines[2]} = $'io\t-\t300\tvhost-100\t4-5\t'* ]]
}

@test "show: what is no guest is told apart" {
	host intel-smt
	guest 100 web 2 0-1
	process 50 sleep 'sleep\00001\0'
	thread 50 50 sleep 0-7
	thread 50 51 vcpus 0-7
	thread 50 52 vcpu 0-7
	thread 50 53 'CPU 0' 0-7
	printf 'Tgid:\t100\n' >"$T/status"
	mkdir "$T/root/proc/101"
	mv "$T/status" "$T/root/proc/101/status"
	run -1 at show 50
	[ "$output" = 'pin-at: 50: no guest: none of its threads is a vCPU' ]
	run -1 at show 101
	[ "$output" = 'pin-at: 101: a thread of process 100' ]
	run -1 at show 102
	[ "$output" = 'pin-at: 102: no such process' ]
}

@test "check: a good placement is quiet" {
	host intel-smt
	guest 100 a 2 3 0-1
	guest 200 b 4-5 6-7 0-1
	run -0 at check
	[ ! "$output" ]
}

@test "check: where there is one core nobody is pinned to it" {
	host intel-smt
	echo 0-1 >"$T/root/sys/devices/system/cpu/online"
	guest 100 a 0-1 0-1
	guest 200 b 0-1 0-1
	run -0 at check
}

@test "check: more vCPUs than CPUs" {
	host intel-isolated
	guest 100 a 0 1 2 4 5 6 7 7 0-2
	run -1 at check
	[ "${lines[0]}" = $'vcpus\t100\ta\t8 vCPUs on a host of 7 CPUs' ]
	[ "${lines[1]}" = $'overcommit\t100\ta\tCPUs 7: 2 vCPUs for 1' ]
}

@test "check: more vCPUs confined to a set of CPUs than it has, each set once" {
	host intel-smt
	guest 100 a 2 2-3 2-3 4-7
	guest 200 b 3 2-3 4-7
	run -1 at check
	[ "$(cut -f 1-4 <<<"$output" | grep ^over)" = $'overcommit\t100\ta\tCPUs 2-3: 5 vCPUs for 2' ]
	run -1 at check 200
	[ "$(cut -f 1-4 <<<"$output" | grep ^over)" = $'overcommit\t200\tb\tCPUs 2-3: 5 vCPUs for 2' ]
}

@test "check: two guests on the threads of one core" {
	host intel-smt
	guest 100 a 2 4 0-1
	guest 200 b 3 6 0-1
	run -1 at check
	lines $'core\t100\ta\tCPUs 2-3 are one core: a\'s vCPU 0, b\'s vCPU 0'
	run -1 at check 200
	lines $'core\t200\tb\tCPUs 2-3 are one core: a\'s vCPU 0, b\'s vCPU 0'
	host amd-2s4n # whose CPUs are cores
	sed -i s/2-3/2/ "$T"/root/sys/devices/system/cpu/cpu2/topology/thread_siblings_list
	run -0 at check
}

@test "check: who else may run where vCPUs are pinned" {
	host intel-smt
	guest 100 a 2 3 0-2
	thread 100 150 'IO disk' 3
	guest 200 b 0-7 0
	run -1 at check
	diff <(sort <<<"$output") <(sort <<-'END'
		emulator	100	a	thread 100 (qemu-system-x86) may run on CPUs 2, which are its vCPUs'
		emulator	100	a	thread 150 (IO disk) may run on CPUs 3, which are its vCPUs'
		intruder	100	a	thread 201 (CPU 0/KVM) of b, 200, may run on CPUs 2-3, which are its vCPUs'
	END
	)
	run -0 at check 200
}

@test "check: vCPUs that lost their place, or have several isolated CPUs" {
	host intel-isolated
	guest 100 a 2 0-7 0
	guest 200 b 4-5 6 0
	run -1 at check
	diff <(grep -E '^(loose|isolated)' <<<"$output" | sort) <(sort <<-'END'
		loose	100	a	vCPUs 1 are not pinned, the others are
		isolated	100	a	vCPU 1 may use CPUs 4-7, but nothing moves it from one isolated CPU to another
		isolated	200	b	vCPU 0 may use CPUs 4-5, but nothing moves it from one isolated CPU to another
	END
	)
	[[ $output != *emulator* ]]
}

@test "check: memory of nodes where no vCPU may run" {
	host amd-2s4n
	guest 100 a 2 3 0-1
	cat >"$T/root/proc/100/numa_maps" <<-END
		7f0000000000 default anon=100 dirty=100 N1=100 kernelpagesize_kB=4
		7f0800000000 default file=/usr/lib/x.so mapped=9000 active=0 N3=9000 kernelpagesize_kB=4
		7f1000000000 bind:2 file=/a\\040N9=7 huge anon=13 N2=9 N1=4 kernelpagesize_kB=2048
	END
	run -1 at check
	lines $'memory\t100\ta\t18 of 26 MiB are on nodes 2, its vCPUs on nodes 1'
	sed -i 's/N2=9 N1=4/N2=9 N1=90/' "$T/root/proc/100/numa_maps"
	run -0 at check
	sed -i 's/N2=9 N1=90/N2=7 N1=1/' "$T/root/proc/100/numa_maps"
	run -0 at check
}

@test "check: a control group that gets less than the vCPUs, of either version" {
	host intel-smt
	guest 100 a 2 3 4 0
	local groups=$T/root/sys/fs/cgroup
	mkdir -p "$groups/vm/a"
	: >"$groups/cgroup.controllers"
	echo '0::/vm/a' >"$T/root/proc/100/cgroup"
	echo 'max 100000' >"$groups/vm/a/cpu.max"
	run -0 at check
	echo '250000 100000' >"$groups/vm/cpu.max"
	run -1 at check
	lines $'quota\t100\ta\tits control group gets 2.50 CPUs for 3 vCPUs'
	printf '5:cpuset:/\n3:cpuacct,cpu:/b\n0::/vm/a\n' >"$T/root/proc/100/cgroup"
	mkdir -p "$groups/cpu/b"
	echo -1 >"$groups/cpu/b/cpu.cfs_quota_us"
	echo 100000 >"$groups/cpu/b/cpu.cfs_period_us"
	run -0 at check
	echo 50000 >"$groups/cpu/b/cpu.cfs_quota_us"
	run -1 at check
	lines $'quota\t100\ta\tits control group gets 0.50 CPUs for 3 vCPUs'
}

# idle NAME [ARG]...: start a guest that does nothing, with its control socket $T/NAME.sock, and wait for it to be there.
idle() {
	local name=$1
	shift
	need_access /dev/kvm
	spawn -R "$name" kvm-run -R 9 -I "$name" -C "$T/$name.sock" -k "$BIN/guests/idle" -m 64 "$@"
}

# vcpus SOCKET: what a kvm-run itself says which threads its vCPUs are, as show has it.
vcpus() {
	printf 'vcpus\n' | nc -NU "$1" | sed -n 's/^[0-9]/vcpu\t&/p'
}

@test "a running kvm-run, by its pid, its socket and a wire" {
	need nc
	idle a -c 3
	local by pid=${pids[a]}
	for by in "$pid" "$T/a.sock"; do
		run -0 clean vm-pin show "$by"
		diff <(vcpus "$T/a.sock") <(cut -f 1-3 <<<"$output" | grep ^vcpu)
		[ "$(grep -c $'^main\t-\t'"$pid"$'\tkvm-run\t' <<<"$output")" -eq 1 ]
		[[ $output != *$'io\t-\t'+([0-9])$'\tkvm-nx'* ]]
	done
	run -0 clean vm-pin show -j "$T/a.sock"
	[ "$(jq -r 'select(.kind == "vcpu") | "\(.kind)\t\(.index)\t\(.tid)"' <<<"$output")" = "$(vcpus "$T/a.sock")" ]
	run -0 clean vm-pin show
	[[ $'\n'$output$'\n' = *$'\n'"$pid"$'\ta\tkvm-run\t3\t67108864\t'* ]]
	run -0 clean vm-pin host
	[ "$(keys guests | cut -f 2)" -ge 67108864 ]
	# shellcheck disable=SC2016 # for the inner shell
	run -0 clean wire-pair -t stream -K ctl sh -c '
		set -- "$1" $VM_WIRES
		VM_WIRES=$2 kvm-run -k "$1" -m 16 -c 2 </dev/null >/dev/null & pid=$!
		vm-pin show "$3" | cut -f 1,2,4
		kill -9 $pid' sh "$BIN/guests/idle"
	[ "$(grep ^vcpu <<<"$output")" = $'vcpu\t0\tvcpu0\nvcpu\t1\tvcpu1' ]
}

@test "a kvm-run whose pids are of a namespace of its own" {
	need nc
	need_access /dev/kvm
	spawn -R a unshare -rpf --kill-child=KILL kvm-run -R 9 -C "$T/a.sock" -k "$BIN/guests/idle" -m 16 -c 2
	local inside
	inside=$(pgrep -P "${pids[a]}")
	run -0 clean vm-pin show "$T/a.sock"
	diff <(clean vm-pin show "$inside" | cut -f 1-4) <(cut -f 1-4 <<<"$output")
	[ "$(grep -c ^vcpu <<<"$output")" -eq 2 ]
	run ! diff <(vcpus "$T/a.sock") <(cut -f 1-3 <<<"$output" | grep ^vcpu)
}

@test "a kvm-run that ends is gone, and its number another's" {
	need nc
	idle a
	kill -KILL "${pids[a]}"
	await a 137
	run -1 clean vm-pin show "$T/a.sock"
	[ "$output" = "vm-pin: $T/a.sock: Connection refused" ]
	run -1 clean vm-pin check "$T/a.sock"
	[ "$output" = "vm-pin: $T/a.sock: Connection refused" ]
}

@test "a running QEMU, by its pid and its QMP socket, named threads or not" {
	need qemu-system-x86_64
	# shellcheck disable=SC2054 # the commas are QEMU's
	local qemu=(qemu-system-x86_64 -M pc -accel 'tcg,thread=multi' -smp 3 -m 64 -display none -nodefaults -S
		-object iothread,id=disk7)
	spawn named "${qemu[@]}" -name guest=named,debug-threads=on -qmp "unix:$T/named.sock,server=on,wait=off"
	spawn bare "${qemu[@]}" -qmp "unix:$T/bare.sock,server=on,wait=off"
	local name
	for name in named bare; do
		until [ -S "$T/$name.sock" ]; do sleep 0.1; done
	done
	run -0 clean vm-pin show "$T/named.sock"
	[ "$(cut -f 1,2,4 <<<"$output" | grep ^vcpu)" = $'vcpu\t0\tCPU 0/TCG\nvcpu\t1\tCPU 1/TCG\nvcpu\t2\tCPU 2/TCG' ]
	[ "$(grep -c $'^io\t-\t[0-9]*\tIO disk7\t' <<<"$output")" -eq 1 ]
	diff <(cut -f 1-4 <<<"$output") <(clean vm-pin show "${pids[named]}" | cut -f 1-4)
	run -0 clean vm-pin show
	[[ $'\n'$output$'\n' = *$'\n'"${pids[named]}"$'\tnamed\tqemu\t3\t67108864\t'* ]]
	run -0 clean vm-pin show "$T/bare.sock"
	[ "$(cut -f 1,2,4 <<<"$output" | grep -v ^main)" = $'vcpu\t0\tqemu-system-x86\nvcpu\t1\tqemu-system-x86\nvcpu\t2\tqemu-system-x86\nio\t-\tqemu-system-x86' ]
	[ "$(cut -f 3 <<<"$output" | sort -u | wc -l)" -eq "${#lines[@]}" ]
	run -1 clean vm-pin show "${pids[bare]}"
	[ "$output" = "vm-pin: ${pids[bare]}: no guest: none of its threads is a vCPU" ]
	# Another client has it: QMP has one at a time.
	exec {held}> >(fresh && exec nc -U "$T/bare.sock" >"$T/greeting")
	wait_line "$T/greeting" QMP
	run -1 clean vm-pin show "$T/bare.sock"
	[ "$output" = "vm-pin: $T/bare.sock: nobody answers: a QMP socket has one client at a time" ]
	exec {held}>&-
}

@test "what is no guest's socket, and what cannot be looked at" {
	need socat
	spawn web socat "UNIX-LISTEN:$T/web.sock,fork" 'SYSTEM:read -r hello && echo HTTP/1.0 400'
	until [ -S "$T/web.sock" ]; do sleep 0.1; done
	run -1 clean vm-pin show "$T/web.sock"
	[ "$output" = "vm-pin: $T/web.sock: neither kvm-run's control socket nor QMP" ]
	run -1 clean vm-pin show "$T/none"
	[ "$output" = "vm-pin: $T/none: No such file or directory" ]
	run -1 clean vm-pin show ctl,fd=9
	[ "$output" = 'vm-pin: ctl,fd=9: Bad file descriptor' ]
	run -1 clean vm-pin show net,fd=0
	[ "$output" = 'vm-pin: net,fd=0: the wire of a guest is ctl,fd=NUMBER' ]
	run -1 clean vm-pin show ctl,fd=0,speed=9
	[ "$output" = 'vm-pin: ctl,fd=0,speed=9: unknown key speed' ]
	run -1 clean vm-pin show $$
	[ "$output" = "vm-pin: $$: no guest: none of its threads is a vCPU" ]
	run -2 clean vm-pin show 1 2
	run -2 clean vm-pin host many
	[ "$output" = 'vm-pin: many: not a size' ]
	run -2 clean vm-pin host 1G 1G
	run -1 clean sh -c 'vm-pin host >/dev/full'
	[ "$output" = 'vm-pin: stdout: No space left on device' ]
}

@test "a peer that claims the threads of others is not believed" {
	need socat
	idle a
	local vcpu
	vcpu=$(clean vm-pin show "${pids[a]}" | awk '$1 == "vcpu" { print $3 }')
	# nobody says that root's thread is its vCPU.
	local liar
	liar=$(mktemp -d)
	chmod 777 "$liar"
	printf 'read -r hello\nprintf "no such\\n"\nread -r vcpus\nprintf "0\\t%s\\nok\\n"\ncat >/dev/null\n' "$vcpu" >"$liar/talk"
	spawn liar setpriv --reuid=65534 --regid=65534 --clear-groups socat "UNIX-LISTEN:$liar/sock,fork" "EXEC:sh $liar/talk"
	until [ -S "$liar/sock" ]; do sleep 0.1; done
	run -1 clean vm-pin show "$liar/sock"
	rm -r "$liar"
	[[ $output = *': whose process it is cannot be told: give its pid' ]]
}

@test "the host here is as the kernel says it is" {
	run -0 clean vm-pin host -j
	[ "$(jq .threads <<<"$output")" -eq "$(getconf _NPROCESSORS_ONLN)" ]
	[ "$(jq -r .online <<<"$output")" = "$(cat /sys/devices/system/cpu/online)" ]
	[ "$(jq .memory <<<"$output")" -eq $(($(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo) * 1024)) ]
	[ "$(jq '.cpu | length' <<<"$output")" -ge "$(jq .threads <<<"$output")" ]
	diff <(jq -r '.cpu[] | select(.state != "offline") | "\(.cpu),\(.socket),\(.node)"' <<<"$output") <(lscpu -p=CPU,SOCKET,NODE | grep -v '^#')
	[ "$(jq .cores <<<"$output")" -eq "$(lscpu -p=CORE,SOCKET | grep -v '^#' | sort -u | wc -l)" ]
}

@test "the examples of vm-pin(1) run" {
	need nc jq
	local line
	cd "$T"
	idle vm -c 2
	cp "$BIN/guests/idle" vmlinuz
	export XDG_RUNTIME_DIR=$T
	while IFS= read -r line; do
		run clean timeout 20 sh -c "$line" </dev/null
		[ "$status" -eq 0 ] || [[ $line = *check* && $status -eq 1 ]] || {
			echo "$line: $output"
			return 1
		}
	done < <(examples "$TESTS/../man/vm-pin.1")
	run -0 clean sh -c "$(examples "$TESTS/../man/vm-pin.1" | grep core)"
	[ "$(jq -s 'add | length' <<<"$output")" -ge "$(getconf _NPROCESSORS_ONLN)" ]
}

# bats test_tags=lab
@test "a real host of two sockets and nodes: itself, its guests, what is wrong with them" {
	need qemu-system-x86_64 lscpu taskset
	[ -e /run/lab/job ] || skip 'not the lab'
	echo 8 >/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages
	run -0 clean vm-pin host
	diff <(keys 'sockets|cores|threads|nodes|kvm|npt') <(printf '%s\t%s\n' sockets 2 cores 4 threads 4 nodes 2 kvm kvm_amd npt on)
	diff <(keys cpu | cut -f 2,4-6 | tr '\t' ,) <(lscpu -p=CPU,SOCKET,CORE,NODE | grep -v '^#')
	diff <(keys node | cut -f 2,3) <(printf '%s\n' $'0\t0-1' $'1\t2-3')
	diff <(keys huge | grep $'^huge\t2097152\t' | cut -f 3,4) <(printf '%s\n' $'0\t0' $'1\t8')

	# vCPUs of a QEMU that does not name its threads are found by KVM's descriptors; it says the same. vhost's thread is the kernel's.
	spawn bare taskset -c 0,1 qemu-system-x86_64 -M q35 -accel kvm -smp 3 -m 256 -display none -nodefaults -kernel "$BIN/guests/idle" \
		-object memory-backend-ram,id=ram,size=256M,host-nodes=1,policy=bind,prealloc=on -machine memory-backend=ram \
		-qmp "unix:$T/bare.sock,server=on,wait=off" -netdev tap,id=n,ifname=pin0,script=no,downscript=no,vhost=on \
		-device virtio-net-pci,netdev=n,romfile=
	until [ -S "$T/bare.sock" ] && vm-pin show "${pids[bare]}" >/dev/null 2>&1; do sleep 0.2; done
	run -0 clean vm-pin show "$T/bare.sock"
	[ "$(grep -c ^vcpu <<<"$output")" -eq 3 ]
	diff <(cut -f 1-3 <<<"$output" | grep ^vcpu) <(clean vm-pin show "${pids[bare]}" | cut -f 1-3 | grep ^vcpu)
	[[ $output = *$'\tvhost-'"${pids[bare]}"$'\t'* ]]
	run -0 clean vm-pin show
	[ "$output" = "${pids[bare]}"$'\tqemu-system-x86\tqemu\t3\t268435456\t0-1' ]
	run -1 clean vm-pin check "${pids[bare]}"
	[[ ${lines[0]} = overcommit$'\t'*$'\tCPUs 0-1: 3 vCPUs for 2' ]]
	[[ ${lines[-1]} =~ ^memory$'\t'.*$'\t'25[67]\ of\ [0-9]+\ MiB\ are\ on\ nodes\ 1,\ its\ vCPUs\ on\ nodes\ 0$ ]]

	# A CPU that goes offline takes the place of who was pinned to it.
	spawn -R ours kvm-run -R 9 -I ours -C "$T/ours.sock" -k "$BIN/guests/idle" -m 64 -c 2
	local tids
	mapfile -t tids < <(clean vm-pin show "$T/ours.sock" | awk '$1 == "vcpu" { print $3 }')
	taskset -a -pc 0 "${pids[ours]}" >/dev/null
	taskset -pc 2 "${tids[0]}" >/dev/null
	taskset -pc 3 "${tids[1]}" >/dev/null
	run -1 clean vm-pin check "$T/ours.sock" # vhost's thread did not come along with QEMU's
	[[ $output = intruder$'\t'*"(vhost-${pids[bare]}) of qemu-system-x86, ${pids[bare]}, may run on CPUs 2-3, which are its vCPUs'" ]] || {
		echo "$output"
		return 1
	}
	taskset -pc 0 "$(clean vm-pin show "$T/bare.sock" | awk '$4 ~ /^vhost/ { print $3 }')" >/dev/null
	run -0 clean vm-pin check "$T/ours.sock"
	run -0 clean vm-pin show "$T/ours.sock"
	[ "$(awk '$1 == "vcpu" { print $5 }' <<<"$output")" = $'2\n3' ]
	echo 0 >/sys/devices/system/cpu/cpu3/online
	run -1 clean vm-pin check "$T/ours.sock"
	[[ $output = loose$'\t'*$'\tvCPUs 1 are not pinned, the others are'* ]]
	run -0 clean vm-pin host
	[ "$(keys offline)" = $'offline\t3' ]
	echo 1 >/sys/devices/system/cpu/cpu3/online
}
