# SPDX-License-Identifier: ISC
# vm-threats(7): what it names is there, its lists are the code's, and those processes are sealed that no other file looks at.
load lib

root=$BATS_TEST_DIRNAME/..
page=$root/man/vm-threats.7

# sealed PID CAPABILITIES: each thread of it is; sanitizers need calls of their own.
sealed() {
	local task
	for task in /proc/"$1"/task/*; do
		grep -qx 'NoNewPrivs:	1' "$task/status"
		grep -qx "CapEff:	$2" "$task/status"
		grep -qx "CapPrm:	$2" "$task/status"
		[ "$B" = asan ] || grep -qx 'Seccomp:	2' "$task/status"
	done
	grep -q '^Max core file size  *0  *0 ' "/proc/$1/limits"
}

@test "every test that vm-threats(7) names is there" {
	local words word name count=0
	while read -r words; do
		if [[ $words = *' Dq '* ]]; then
			name=${words#* Dq }
			grep -qF "@test \"$name" "$TESTS/${words%% *}" || {
				echo "${words%% *}: no $name"
				return 1
			}
			count=$((count + 1))
			continue
		fi
		for word in $words; do
			[ -f "$TESTS/$word.c" ]
			count=$((count + 1))
		done
	done < <(sed -n 's/^\.D1 Pa //p' "$page")
	((count > 60))
}

# lists_of_code FILE: the calls of each of its lists, a line a list.
lists_of_code() {
	sed '/^#include/d' "$root/$1" | cc -E -P - | tr '\n' ' ' |
		grep -oE 'static const char \*const [a-z]+\[\] = \{[^{}]*NULL *\}' |
		while read -r list; do
			grep -o '"[a-z0-9_]*"' <<<"$list" | tr -d '"' | LC_ALL=C sort | xargs
		done
}

# lists_of_page FILE: the same; all but a few words more are `every`'s, too, and those of "besides" all before.
lists_of_page() {
	awk -v file="$1" '
		/^\.Sh SYSTEM CALLS/ { inside = 1 }
		/^\.El/ { inside = 0 }
		!inside { next }
		/^\.It/ { item = $0; if (index($0, "Pa " file)) n++; next }
		/^\.[A-Z]/ { next }
		item ~ /every/ { every = every " " $0; next }
		index(item, "Pa " file) { own[n] = own[n] " " $0; title[n] = item }
		END {
			for (i = 1; i <= n; i++) {
				words = own[i]
				if (title[i] ~ /: besides /)
					words = words before
				else if (title[i] !~ /It and /)
					words = words every
				before = words
				print words
			}
		}' "$page" | while read -r list; do
		tr ' ' '\n' <<<"$list" | LC_ALL=C sort | xargs
	done
}

@test "the lists of system calls of vm-threats(7) are those of the code, and all that there are" {
	local file count=0
	while read -r file; do
		diff <(lists_of_page "$file") <(lists_of_code "$file") || {
			echo "$file: vm-threats(7) < > the code"
			return 1
		}
		count=$((count + 1))
	done < <(cd "$root" && grep -lE '^	seal_syscalls\(' -- */*.c)
	((count >= 10))
}

# of_page FILE N...: the words of the Nth lists, a line each; what is no number's are none.
of_page() {
	lists_of_page "$1" | sed -n "$(printf '%s\n' "${@:2}" | sed -n 's/^[0-9][0-9]*$/&p;/p')" | tr ' ' '\n' | LC_ALL=C sort -u
}

# may TID FILE [N...]: what the kernel lets the thread call is what the page says: of that file the Nth lists, or the first,
# without those of -N.
may() {
	local tid=$1 file=$2 said less i
	shift 2
	[ "$B" != asan ] || return 0
	for ((i = 0; i < 400; i++)); do # the last thing that it does before it serves
		! grep -qx 'Seccomp:	2' "/proc/$tid/status" || break
		read -r -t 0.05 <> <(:) || :
	done
	said=$(of_page "$file" "${@:-1}")
	less=$(of_page "$file" $(printf '%s\n' "$@" | sed -n 's/^-//p'))
	diff <(LC_ALL=C comm -23 <(echo "$said") <(echo "$less") | xargs) <(allowed "$tid" | LC_ALL=C sort | xargs) || {
		echo "$file $*: vm-threats(7) < > the kernel"
		return 1
	}
}

may_look() {
	[ "$(id -u)" -eq 0 ] || skip 'only root may see what the kernel was told'
}

# wait_child PID NAME, wait_backend COMMAND-LINE: until there is a child of that name, or a process of nobody's with that line.
wait_child() {
	until child=$(pgrep -P "$1" -x "$2"); do read -r -t 0.05 <> <(:) || :; done
}
wait_backend() {
	until backend=$(pgrep -P 1 -fx "$1"); do read -r -t 0.05 <> <(:) || :; done
}

# thread PID NAME: the number of its thread of that name.
thread() {
	grep -lx "$2" /proc/"$1"/task/*/comm | cut -d/ -f 5
}

@test "kvm-run: what each kind of thread may call, by the kernel" {
	may_look
	need_access /dev/kvm
	local pid list=kvm-run/seal_threads.c
	truncate -s 1M "$T/disk"
	spawn -R guest sh -c 'exec kvm-run -R 9 -k "$1" -m 64 -w blk,fd=3 -w con,fd=0:1 3<>"$2"' sh "$BIN/guests/spin" "$T/disk"
	pid=${pids[guest]}
	sealed "$pid" 0000000000000000
	may "$(thread "$pid" vcpu0)" $list 1
	may "$(thread "$pid" blk0)" $list 2
	may "$(thread "$pid" con0)" $list 2
	may "$(thread "$pid" io)" $list 2
	may "$pid" $list 3
}

@test "vm-slirp, vm-dhcpd: what they may call, by the kernel" {
	may_look
	netns net
	in_ns net sh -ec 'ip link add br0 type bridge; ip addr add 10.9.0.1/24 dev br0; ip link set br0 up'
	spawn_in net -R slirp vm-slirp -R 9 -l "$T/net"
	spawn guest nc -U "$T/net"
	wait_child "${pids[slirp]}" slirp
	may "$child" vm-slirp/room.c
	spawn_in net loader vm-slirp sleep 1000
	wait_backend 'vm-slirp sleep 1000'
	may "$backend" vm-slirp/broker_seal.c
	spawn_in net -R dhcpd vm-dhcpd -R 9 -b br0 -d "$T/state"
	may "${pids[dhcpd]}" vm-dhcpd/main.c
}

@test "vm-bridge, vm-pin: what stays beside a program may call, by the kernel" {
	may_look
	local list=vm-bridge/serve.c
	netns net
	spawn_in net -R kept vm-bridge -R 9 -b br0 sleep 1000
	may "$(pgrep -x br0 --ns "${pids[net]}" --nslist net)" common/keeper_hold.c
	spawn hub vm-bridge hub "$T/lan" sleep 1000
	wait_backend "vm-bridge hub $T/lan sleep 1000"
	may "$backend" $list 1 3 4
	spawn link vm-bridge connect 127.0.0.1:1 sleep 1000
	wait_backend 'vm-bridge connect 127.0.0.1:1 sleep 1000'
	may "$backend" $list 1 2
	spawn pin vm-pin vcpus=0 sleep 1000
	wait_backend 'vm-pin vcpus=0 sleep 1000'
	may "$backend" vm-pin/watch.c
}

@test "vm-img: what it may call once its images are open, by the kernel" {
	local list=vm-img/seals.c
	truncate -s 64M "$T/disk"
	mkfifo "$T/out"
	spawn reads vm-img bench -c 1000000000 -f raw "$T/disk"
	wait_line "$T/reads.log" '^Sending'
	sealed "${pids[reads]}" 0000000000000000
	truncate -s 64M "$T/other"
	spawn changes vm-img bench -w -c 1000000000 -f raw "$T/other"
	wait_line "$T/changes.log" '^Sending'
	sealed "${pids[changes]}" 0000000000000000
	spawn makes vm-img convert -f raw -O raw "$T/disk" "$T/out"
	exec 5<"$T/out"
	head -c 1 <&5 >"$T/byte" # it is at work
	may_look
	may "${pids[reads]}" $list 1 -5
	may "${pids[changes]}" $list 2 -5
	may "${pids[makes]}" $list 3 -5
}

@test "vm-img serve is sealed, and has its image, its sockets and its signals" {
	truncate -s 1M "$T/disk"
	spawn -R server vm-img serve -l "$T/sock" -R 9 -f raw "$T/disk"
	sealed "${pids[server]}" 0000000000000000
	[ "$(id -u)" -ne 0 ] || may "${pids[server]}" vm-img/seals.c 4 -5
	[ "$(find "/proc/${pids[server]}/fd" -lname '/*' ! -lname "$T/server.log" -printf '%l\n' | sort | xargs)" = "/dev/null $T/disk" ]
}

@test "vm-vnc: the process of a viewer is sealed, and has his socket, the hub's, and memory" {
	mkfifo "$T/viewer"
	spawn show vm-vnc -l "$T/vnc" fb-machine "$T/cmds"
	wait_line "$T/show.log" '^up$'
	spawn viewer sh -c 'exec nc -U "$1" <"$2"' sh "$T/vnc" "$T/viewer"
	exec 5>"$T/viewer"
	wait_line "$T/viewer.log" '^RFB'
	wait_backend "vm-vnc -l $T/vnc fb-machine $T/cmds"
	until clerk=$(pgrep -P "$backend") && gate=$(pgrep -P "$clerk"); do read -r -t 0.05 <> <(:) || :; done
	[ "$(id -u)" -ne 0 ] || may "$gate" vm-vnc/gate.c
	[ "$(id -u)" -ne 0 ] || may "$backend" vm-vnc/hub_seal.c
	# Who speaks first is a browser.
	printf 'RFB 003.008\n\1\1' >&5
	until grep -aq kvm-utils "$T/viewer.log"; do # the greeting's name, and no newline
		read -r -t 0.05 <> <(:) || :
	done
	for pid in $(pgrep -fx "vm-vnc .*$T/cmds"); do
		[ "$(<"/proc/$pid/comm")" != vnc-viewer ] || break
	done
	sealed "$pid" 0000000000000000
	run -0 find "/proc/$pid/fd" -type l -printf '%l\n'
	[ "$(id -u)" -ne 0 ] || may "$pid" vm-vnc/viewer.c
	[ "$(sed 's/:\[.*//; s/ (deleted)//' <<<"$output" | sort -u | xargs)" = "/dev/null /memfd:vnc-output $T/show.log socket" ]
	[ "$(grep -c ^socket: <<<"$output")" -eq 2 ]
}
