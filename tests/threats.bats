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

@test "vm-img serve is sealed, and has its image, its sockets and its signals" {
	truncate -s 1M "$T/disk"
	spawn -R server vm-img serve -l "$T/sock" -R 9 -f raw "$T/disk"
	sealed "${pids[server]}" 0000000000000000
	[ "$(find "/proc/${pids[server]}/fd" -lname '/*' ! -lname "$T/server.log" -printf '%l\n' | sort | xargs)" = "/dev/null $T/disk" ]
}

@test "vm-vnc: the process of a viewer is sealed, and has his socket, the hub's, and memory" {
	mkfifo "$T/viewer"
	spawn show vm-vnc -l "$T/vnc" fb-machine "$T/cmds"
	wait_line "$T/show.log" '^up$'
	spawn viewer sh -c 'exec nc -U "$1" <"$2"' sh "$T/vnc" "$T/viewer"
	exec 5>"$T/viewer"
	wait_line "$T/viewer.log" '^RFB' # who speaks first is a browser
	printf 'RFB 003.008\n\1\1' >&5
	until grep -aq kvm-utils "$T/viewer.log"; do # the greeting's name, and no newline
		read -r -t 0.05 <> <(:) || :
	done
	for pid in $(pgrep -fx "vm-vnc .*$T/cmds"); do
		[ "$(<"/proc/$pid/comm")" != vnc-viewer ] || break
	done
	sealed "$pid" 0000000000000000
	run -0 find "/proc/$pid/fd" -type l -printf '%l\n'
	[ "$(sed 's/:\[.*//; s/ (deleted)//' <<<"$output" | sort -u | xargs)" = "/dev/null /memfd:vnc-output $T/show.log socket" ]
	[ "$(grep -c ^socket: <<<"$output")" -eq 2 ]
}
