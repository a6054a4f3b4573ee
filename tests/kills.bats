# SPDX-License-Identifier: ISC
# kill -9 of each process of each chain, at each stage: who ends with it, who goes on, and what is left, which is nothing but
# what the pages say. All of it in a world of the test's own, with guests that do nothing: the rest of it is real.
# shellcheck disable=SC2016,SC2154 # scripts are for inner shells; world and pids are lib.bash's
# KILLS=all walks over every system call of a start, not only over those that change something (make soak).
load lib

# start NAME CMD...: spawn CMD in the world, and return when it has written its newline to fd 7.
start() {
	local name=$1
	shift
	mkfifo "$T/ready"
	spawn "$name" nsenter --preserve-credentials -U -n -m -p --wdns=/mnt -t "$world" sh -c 'exec "$@" 7>ready' sh "$@"
	read -r -t 60 _ <"$T/ready"
	rm "$T/ready"
}

# What ends a chain: a guest that does nothing, with a control socket; and another one.
idle=(kvm-run -R 7 -C vm.sock -m 16 -k "$BIN/guests/idle")

other=(kvm-run -R 7 -C other.sock -m 16 -k "$BIN/guests/idle")

# running NAME...: wait until these are the processes there, by their names, and no others.
running() {
	in_world timeout 60 sh -c '
		until [ "$(ps -eo comm= | grep -vxE "bash|sh|sleep|timeout|ps|grep|sort|xargs|socat|python3" | sort | xargs)" = "$*" ]; do
			sleep 0.03
		done' sh "$@" || {
		echo "not [$*] but:"
		in_world ps -eo pid,ppid,comm,args
		return 1
	}
}

# kill_all SIGNAL NAME...: all processes of these names.
kill_all() {
	local signal=$1 name
	shift
	for name; do
		in_world pkill "-$signal" -x "$name"
	done
}

# ask SOCKET REQUEST: its answer, the last line of which is ok.
ask() {
	local answer
	answer=$(in_world timeout 30 sh -c 'echo "$2" | nc -NU "$1"' sh "$@")
	[ "${answer##*$'\n'}" = ok ] || {
		echo "$*: $answer"
		return 1
	}
	echo "$answer"
}

# pid_of NAME: of what was started by that name.
pid_of() {
	pgrep -P "${pids[$1]}"
}

# viewer NAME [type]: one that is let in and looks until it is hung up on; or that does not say how it wants to be let in.
viewer() {
	cat >"$T/see.py" <<-'EOS'
		from rfb import *
		s = dial()
		assert 1 in version(s)
		if len(sys.argv) == 1:
		    s.sendall(bytes([NONE]))
		    assert result(s)
		    start(s)
		print("there", flush=True)
		get(s, 1)
		print("hung up", flush=True)
	EOS
	spawn "$1" nsenter --preserve-credentials -U -n -m -p --wdns=/mnt -t "$world" \
		env PYTHONPATH="$TESTS" PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 see.py "${@:2}"
	wait_line "$T/$1.log" '^there'
}

# The chains, each until it is ready.
network() {
	start network vm-bridge -b br0 -a 192.168.122.1/24 vm-nat -b br0 -p 8080:192.168.122.10:80 vm-dhcpd -b br0 -R 7
}
tap() {
	start guest vm-tap -b br0 "${idle[@]}"
}

# well NAME...: these do their work.
well() {
	local name
	for name; do
		case $name in
		kvm-run) ask vm.sock status | grep -qx $'state\trunning' ;;
		vm-slirp) ask slirp.sock list >/dev/null ;;
		vm-bridge) ask hub.sock list >/dev/null ;;
		vm-vnc)
			run -0 ask vnc.sock clients
			[[ $output = *control* ]]
			;;
		vm-dhcpd) in_world busybox udhcpc -i e0 -n -q -f -s /bin/true 2>"$T/udhcpc.log" ;;
		esac
	done
}

# dismiss NAME...: end these as one does, and demand the status that the pages give.
dismiss() {
	local name
	for name; do
		case $name in
		kvm-run)
			ask vm.sock quit
			await guest 5
			;;
		vm-dhcpd)
			kill_all TERM vm-dhcpd
			await network
			;;
		esac
	done
}

# nothing_left: no process, and the world is as it was before the chain.
nothing_left() {
	running
	diff <(echo "$before") <(world_state)
}

# walk CMD...: run a chain that ends in a newline to fd 7, and kill its process at one call after the other of what that does
# until then. Each time nothing is left, and the next start finds its way.
walk() {
	local calls='execve,clone,fork,vfork,sendto,sendmsg,bind,listen,mkdir,rename,fsync,write' call n unreached=''
	[ "${KILLS-}" != all ] || calls=all
	need strace
	local run='
		out=$1 && shift
		fifo=$(mktemp -u -p .) && mkfifo "$fifo"
		(exec strace -qqq -o "$out" "$@" 7>"$fifo" >>walk.log 2>&1) &
		read -r _ <"$fifo" && echo ready && pkill -KILL -P $!
		rm "$fifo"
		wait $!'
	run -137 in_world sh -c "$run" sh calls -e "trace=$calls" "$@"
	[ "${lines[0]}" = ready ]
	running
	# Each as its name and its number among those of that name.
	sed -nE 's/^([a-z0-9_]+)\(.*/\1/p' "$T/calls" | sed 1d | awk '{ print $1, ++n[$1] }' >"$T/walk"
	while read -r call n <&3; do
		run -137 in_world sh -c "$run" sh /dev/null -e "inject=$call:signal=KILL:when=$n" "$@"
		[ -z "$output" ] || unreached+=" $call $n"
		nothing_left || {
			echo "after KILL at $call $n"
			return 1
		}
	done 3<"$T/walk"
	echo "killed at $(wc -l <"$T/walk") calls${unreached:+, but not at$unreached}"
}

@test "a bridge with NAT and DHCP, and a guest on it" {
	local before
	world
	before=$(world_state)

	network
	tap
	running br0 kvm-run vm-dhcpd vm-nat
	kill_all KILL kvm-run
	await guest 137
	running br0 vm-dhcpd vm-nat
	in_world vm-bridge idle -t 30 br0
	tap # again, where the first one left its socket
	well kvm-run
	dismiss kvm-run vm-dhcpd
	nothing_left

	# With the last of its processes the network goes; a guest is then without a cable, and goes on.
	network
	tap
	kill_all KILL vm-dhcpd
	await network 137
	running kvm-run
	well kvm-run
	dismiss kvm-run
	nothing_left

	# Who waits to take the bridge away: then vm-bridge del does it, as its page says.
	network
	tap
	kill_all KILL br0
	running kvm-run vm-dhcpd vm-nat
	well kvm-run
	dismiss kvm-run vm-dhcpd
	running
	[ -z "$(in_world nft list ruleset)" ]
	in_world vm-bridge del br0
	nothing_left

	# Who waits to put settings back: they stay, the rules do not.
	network
	tap
	kill_all KILL vm-nat
	running br0 kvm-run vm-dhcpd
	well kvm-run
	dismiss kvm-run vm-dhcpd
	running
	diff <(grep -v forward <<<"$before") <(world_state | grep -v forward)
}

@test "a guest on a macvtap" {
	local before
	world
	in_world sh -ec 'ip link add e0 type veth peer name e1; ip link set e0 up; ip link set e1 up'
	before=$(world_state)
	start guest vm-tap -Y e0 -y mv0 "${idle[@]}"
	running kvm-run vm-tap
	kill_all KILL kvm-run
	await guest 137
	nothing_left
	start guest vm-tap -Y e0 -y mv0 "${idle[@]}"
	kill_all KILL vm-tap
	well kvm-run
	dismiss kvm-run
	running
	in_world vm-tap del mv0
	nothing_left
}

@test "a guest with a user-mode network" {
	local before victim
	world
	before=$(world_state)
	for victim in slirp vm-slirp; do
		start guest vm-slirp -C slirp.sock -p 2222:22 "${idle[@]}"
		running kvm-run slirp vm-slirp
		well kvm-run vm-slirp
		kill_all KILL "$victim"
		running kvm-run
		well kvm-run
		dismiss kvm-run
		nothing_left
	done
	start guest vm-slirp -C slirp.sock -p 2222:22 "${idle[@]}"
	kill_all KILL kvm-run
	await guest 137
	nothing_left
}

@test "a guest with a screen, and its viewers" {
	local before victim
	world
	before=$(world_state)
	start guest vm-vnc -l 1 -C vnc.sock "${idle[@]}"
	viewer one
	viewer two
	running kvm-run vm-vnc vnc-viewer vnc-viewer
	in_world sh -c 'kill -KILL $(pgrep -o vnc-viewer)'
	wait_line "$T/one.log" '^hung up'
	running kvm-run vm-vnc vnc-viewer
	ask vnc.sock clients | grep -c '^2'
	# Who is not let in yet, is met by two.
	for victim in head tail; do
		viewer "late$victim" type
		running kvm-run vm-vnc vm-vnc vm-vnc vnc-viewer
		in_world sh -c "kill -KILL \$(pgrep -x vm-vnc | tail -n 2 | $victim -n 1)"
		wait_line "$T/late$victim.log" '^hung up'
		running kvm-run vm-vnc vnc-viewer
	done
	viewer three
	in_world sh -c 'kill -KILL $(pgrep -o vm-vnc)'
	wait_line "$T/two.log" '^hung up'
	wait_line "$T/three.log" '^hung up'
	running kvm-run
	well kvm-run
	dismiss kvm-run
	nothing_left
	start guest vm-vnc -l 1 -C vnc.sock "${idle[@]}"
	viewer four
	kill_all KILL kvm-run
	await guest 137
	wait_line "$T/four.log" '^hung up'
	nothing_left
}

@test "a guest whose vCPUs are placed" {
	local before
	world
	before=$(world_state)
	start guest vm-pin vcpus=0 "${idle[@]}"
	running kvm-run vm-pin
	kill_all KILL vm-pin
	running kvm-run
	well kvm-run
	in_world vm-pin show vm.sock | grep -Eq '^vcpu	0	[0-9]+	vcpu0	0	' # they stay there
	dismiss kvm-run
	nothing_left
	start guest vm-pin vcpus=0 "${idle[@]}"
	kill_all KILL kvm-run
	await guest 137
	nothing_left
}

@test "a guest whose disk a server has" {
	local before
	world
	in_world vm-img create -q -f qcow2 disk.qcow2 64M
	before=$(world_state)
	start server vm-img serve -R 7 -l nbd.sock -f qcow2 disk.qcow2
	start guest vm-img open 'nbd+unix:///?socket=nbd.sock' "${idle[@]}"
	running kvm-run vm-img
	kill_all KILL kvm-run
	await guest 137
	running vm-img
	start guest vm-img open 'nbd+unix:///?socket=nbd.sock' "${idle[@]}"
	kill_all KILL vm-img
	await server 137
	running kvm-run
	well kvm-run
	# Its image is nobody's now, nor is its socket.
	start server vm-img serve -R 7 -l nbd.sock -f qcow2 disk.qcow2
	dismiss kvm-run
	kill_all TERM vm-img
	await server
	in_world vm-img check -q -f qcow2 disk.qcow2
	nothing_left
	[ ! -e "$T/nbd.sock" ]
}

@test "guests on cables" {
	local before
	world
	before=$(world_state)
	# A pair is without a process of its own.
	start guest vm-bridge pair cable "${idle[@]}"
	start other vm-bridge pair cable "${other[@]}"
	running kvm-run kvm-run
	kill -KILL "$(pid_of other)"
	await other 137
	running kvm-run
	well kvm-run
	dismiss kvm-run
	nothing_left

	start guest vm-bridge hub cable "${idle[@]}"
	start other vm-bridge hub cable "${other[@]}"
	in_world ps -eo pid,ppid,comm
	running kvm-run kvm-run vm-bridge
	kill -KILL "$(pid_of other)"
	await other 137
	running kvm-run vm-bridge
	start other vm-bridge hub cable "${other[@]}"
	kill_all KILL vm-bridge
	running kvm-run kvm-run
	well kvm-run
	ask other.sock quit
	await other 5
	dismiss kvm-run
	nothing_left

	start guest vm-bridge listen 5000 "${idle[@]}"
	start other vm-bridge connect 5000 "${other[@]}"
	running kvm-run kvm-run vm-bridge vm-bridge
	kill -KILL "$(pid_of other)"
	await other 137
	running kvm-run vm-bridge
	start other vm-bridge connect 5000 "${other[@]}"
	kill_all KILL vm-bridge
	running kvm-run kvm-run
	well kvm-run
	kill_all KILL kvm-run
	await guest 137
	await other 137
	nothing_left
}

@test "killed while it starts: a network" {
	local before
	world
	in_world sh -ec 'ip link add e0 type veth peer name e1; ip link set e0 up; ip link set e1 up'
	before=$(world_state)
	walk vm-bridge -b br0 -a 192.168.122.1/24 vm-nat -b br0 -p 8080:192.168.122.10:80 vm-dhcpd -b br0 -R 7
	walk vm-tap -Y e0 sh -c 'echo >&7; exec sleep infinity'
}

@test "killed while it starts: a guest with all that a user can give it" {
	local before
	world
	in_world vm-img create -q -f qcow2 disk.qcow2 64M
	before=$(world_state)
	walk vm-vnc -C vnc.sock -l 1 vm-slirp -C slirp.sock -p 2222:22 vm-pin vcpus=0 vm-bridge hub cable vm-img open -f qcow2 disk.qcow2 "${idle[@]}"
}

@test "stopped for a while: the others go on, and so does all of it then" {
	local before name others all=(br0 kvm-run slirp vm-bridge vm-dhcpd vm-nat vm-pin vm-slirp vm-vnc vnc-viewer)
	need busybox
	world
	in_world sh -ec 'ip link add e0 type veth peer name e1; ip link set e0 up; ip link set e1 up'
	before=$(world_state)
	network
	in_world vm-bridge add br0 e1
	start guest vm-vnc -C vnc.sock -l 1 vm-slirp -C slirp.sock vm-pin vcpus=0 vm-bridge hub -C hub.sock cable vm-tap -b br0 "${idle[@]}"
	viewer one
	running "${all[@]}"
	for name in "${all[@]}"; do
		mapfile -t others < <(printf '%s\n' "${all[@]}" | grep -vx "$name")
		kill_all STOP "$name"
		well "${others[@]}"
		kill_all CONT "$name"
		kill -CONT "${pids[@]}" # nsenter stops with its program
		well "${all[@]}"
	done
	dismiss kvm-run vm-dhcpd
	nothing_left
}
