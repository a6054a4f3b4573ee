# SPDX-License-Identifier: ISC
# The documents: what they name is there, what they show runs, and help, manual and program agree.
load lib

root=$BATS_TEST_DIRNAME/..

# commands: print the commands there are.
commands() {
	local main
	for main in "$root"/*/main.c; do
		basename "$(dirname "$main")"
	done
}

# own_commands: those with options of our own; vm-img has qemu-img's, which img.bats holds against help and page.
own_commands() {
	commands | grep -vx vm-img
}

# page CMD: print its manual page, of section 1, or 8 when only root has a use for it.
page() {
	ls "$root/man/$1".[18]
}

# letters_of_program CMD: the option letters that it parses, sorted; with ":" after those that take an argument.
letters_of_program() {
	local strings='"\+[A-Za-z0-9:]+"'
	[[ $1 != vm-img ]] || strings='"\+?:[A-Za-z0-9:]+"'
	grep -ohE "$strings" "$root/$1"/*.c | grep -oE '[A-Za-z0-9]:?' | LC_ALL=C sort -u
}

# letters_of_help CMD: the same of its --help; letters without arguments stand in clusters like [-nqv].
letters_of_help() {
	"$1" --help | grep -oE '(^|[[ (])-[A-Za-z0-9]+( [^]| -][^]]*)?' | sed 's/^[[ (]*-//' | while read -r letters argument; do
		if [ "$argument" ]; then
			echo "$letters:"
		else
			grep -o . <<<"$letters"
		fi
	done | LC_ALL=C sort -u | awk '{ seen[$0] = 1; line[NR] = $0 } END { for (i = 1; i <= NR; i++) if (!seen[line[i] ":"]) print line[i] }'
}

# letters_of_items: the same of lines like `Fl 4 | 6`, `Fl q , v`, `Fl nqv`, `Fl C Ar path` on its input.
letters_of_items() {
	awk '$1 == "Fl" {
		for (i = 2; i <= NF; i += 2) {
			argument = $(i + 1) ~ /^(Ar|Cm|Xo|Oo|Op)$/ ? ":" : ""
			for (c = 1; c <= length($i); c++)
				print substr($i, c, 1) argument
			if ($(i + 1) !~ /^[|,]$/)
				break
			if ($(i + 2) == "Fl")
				i++
		}
	}' | LC_ALL=C sort -u
}

# letters_of_synopsis PAGE, letters_of_page PAGE: the same of a synopsis; of it and the list of options together.
letters_of_synopsis() {
	sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/s/^\.\(Op \)\?\(Fl [^-]\)/\2/p' "$1" | letters_of_items
}
letters_of_page() {
	{
		letters_of_synopsis "$1"
		sed -n '/^\.Sh DESCRIPTION/,$s/^\.It \(Fl [^-]\)/\1/p' "$1" | letters_of_items
	} | LC_ALL=C sort -u
}


# agree A B WHAT: two lists are the same.
agree() {
	diff <(echo "$1") <(echo "$2") || {
		echo "$3"
		return 1
	}
}

@test "every command answers --help and --version, shortly, and minds a full disk" {
	local cmd
	for cmd in $(commands); do
		run -0 "$cmd" --help
		[[ ${lines[0]} = "usage: $cmd "* ]]
		[ "${#lines[@]}" -le 20 ]
		run -0 "$cmd" --version
		[[ $output =~ ^kvm-utils\ [0-9.]+\ \("$cmd"\)$ ]]
		run -1 sh -c '"$1" --help >/dev/full' sh "$cmd"
		[ "$output" = "$cmd: stdout: No space left on device" ]
		run -1 sh -c '"$1" --version >/dev/full' sh "$cmd"
		[ "$output" = "$cmd: stdout: No space left on device" ]
	done
}

@test "what is printed with -n and -N minds a full disk" {
	run -1 clean sh -c 'kvm-run -n -w hold,fd=0 >/dev/full'
	[ "$output" = 'kvm-run: stdout: No space left on device' ]
	run -1 clean sh -c 'kvm-run -N qemu -w con,fd=0:1 >/dev/full'
	[ "$output" = 'kvm-run: stdout: No space left on device' ]
	run -125 clean sh -c 'vm-slirp -n true >/dev/full'
	[ "$output" = 'vm-slirp: stdout: No space left on device' ]
}

@test "wrong usage is one line and status 2" {
	local cmd
	for cmd in $(own_commands); do
		run -2 "$cmd" -?
		[ "${#lines[@]}" -le 2 ]
		[[ ${lines[0]} = "$cmd: "* ]]
	done
	for cmd in vm-slirp vm-vnc; do
		run -2 "$cmd" -w 6080 true
		[ "${lines[0]}" = "$cmd: wire '6080': unknown kind 6080" ]
	done
	run -2 kvm-run -c 0
	[ "$output" = 'kvm-run: -c 0: not a number from 1 to 1024' ]
	run -2 kvm-run -m 0
	[ "${#lines[@]}" -eq 1 ]
	run -2 kvm-run -k /nonexistent
	[ "$output" = 'kvm-run: /nonexistent: No such file or directory' ]
	run -2 kvm-run operand
	[ "${#lines[@]}" -eq 1 ]
	run -2 kvm-run
	[ "$output" = 'kvm-run: no kernel: give -k or a kern wire; or firmware by -F or a fw wire' ]
}

@test "without /dev/kvm kvm-run says so and exits 1" {
	touch "$T/kernel"
	run -1 unshare -rm sh -c 'mount -t tmpfs none /dev && exec kvm-run -k "$1"' sh "$T/kernel" </dev/null
	[ "$output" = 'kvm-run: /dev/kvm: No such file or directory' ]
}

@test "every page lints clean, and every command has one" {
	need mandoc
	local page cmd said
	for cmd in $(commands); do
		page "$cmd" >/dev/null || {
			echo "no page of $cmd"
			return 1
		}
	done
	for page in "$root"/man/*.[1-8]; do
		# Whether pages of others are installed is no matter.
		said=$(mandoc -T lint "$page" 2>/dev/null | grep -v 'referenced manual not found' || :)
		[ ! "$said" ] || {
			echo "$said"
			return 1
		}
	done
}

@test "program, help and page have the same options" {
	local cmd want
	for cmd in $(own_commands); do
		want=$(letters_of_program "$cmd")
		[ "$want" ]
		agree "$want" "$(letters_of_help "$cmd")" "$cmd: getopt < > --help"
		agree "$want" "$(letters_of_page "$(page "$cmd")")" "$cmd: getopt < > page"
		grep -q '^\.Op Ar options' "$(page "$cmd")" ||
			agree "$want" "$(letters_of_synopsis "$(page "$cmd")")" "$cmd: getopt < > SYNOPSIS"
	done
}

# The letters whose meaning is given, wherever they occur, and what their argument is then called, as a regular expression. Without
# one -a is no address but the automatic layout of vm-pin.
meanings="a (address.*)?
b bridge
C path
d dir.*
I name
j
l (address|socket|path)
L address.*
n
p .*
q
R fd
S socket
t seconds
U user
v
W (Ar )?address.*
w .*wire.*"

@test "a letter means the same in every command" {
	local cmd page letter argument want
	declare -A seen=()
	for cmd in $(own_commands); do
		page=$(page "$cmd")
		while read -r letter argument; do
			want=$(sed -n "s/^$letter \?//p" <<<"$meanings")
			if grep -q "^$letter" <<<"$meanings"; then
				[[ $argument =~ ^${want}$ ]] || {
					echo "$page: -$letter $argument: meant is $want"
					return 1
				}
				continue
			fi
			# A letter that only some have: they agree about it.
			[ "${seen[$letter]-$argument}" = "$argument" ] || {
				echo "$page: -$letter $argument: elsewhere ${seen[$letter]}"
				return 1
			}
			seen[$letter]=$argument
		done < <(sed -n '/^\.Sh DESCRIPTION/,$p' "$page" | sed -nE 's/^\.It Fl ([A-Za-z0-9])( (Ar|Cm|Oo|Op) (.*))?$/\1 \4/p')
	done
}

# items MACRO: the words of vm-qemu(7)'s items of that kind, each on a line: Fl, Li or Ic.
items() {
	sed ':more; /\\$/ { N; s/\\\n//; b more }' "$root/man/vm-qemu.7" | grep "^\.It $1 " | sed "s/^\.It $1 //; s/ , /\n/g"
}

@test "vm-qemu names every option of QEMU" {
	need qemu-system-x86_64
	local theirs ours
	theirs=$(qemu-system-x86_64 -help | grep -oE '^--?[A-Za-z0-9_-]+(/-[a-z]+)?' | tr / '\n' | sed 's/^-*//' | sort -u)
	ours=$(items Fl | tr ' ' '\n' | sort -u)
	[ "$theirs" ]
	agree '' "$(comm -23 <(echo "$theirs") <(echo "$ours"))" 'not in vm-qemu(7)'
}

# What an option's help has as key=, and what the page's items of that option say in literal words; none where the first
# words about it are that it is not offered.
@test "vm-qemu names every key of every option of QEMU" {
	need qemu-system-x86_64
	local theirs ours
	theirs=$(qemu-system-x86_64 -help | awk '
		/^-/ { option = $1; sub(/^--?/, "", option); sub(/\/.*/, "", option) }
		/^[A-Z]/ { option = "" }
		option { while (match($0, /[a-z][A-Za-z0-9_.-]*=/)) {
			print option, substr($0, RSTART, RLENGTH - 1)
			$0 = substr($0, RSTART + RLENGTH)
		} }' | grep -v ' default$' | sort -u)
	ours=$(sed ':more; /\\$/ { N; s/\\\n//; b more }' "$root/man/vm-qemu.7" | awk '
		/^\.It Fl/ { names = $0; gsub(/ ; Fl /, " , ", names); sub(/^\.It Fl /, "", names); n = split(names, list, / , /); fresh = 1 }
		/^\.Sh/ { n = 0 }
		/^\./ { line = $0; while (match(line, /[a-z][A-Za-z0-9_.-]*=/)) {
			for (i = 1; i <= n; i++) { split(list[i], word, " "); print word[1], substr(line, RSTART, RLENGTH - 1) }
			line = substr(line, RSTART + RLENGTH)
		} }
		/^[^.]/ && fresh { fresh = 0; if (/^Not offered/) for (i = 1; i <= n; i++) print list[i], "*" }' | sort -u)
	run -0 awk 'NR == FNR { said[$0] = 1; next } !said[$0] && !said[$1 " *"]' <(echo "$ours") <(echo "$theirs")
	agree '' "$output" 'not in vm-qemu(7)'
}

# unmatched WORDS PATTERNS: print the words, one a line, that none of the patterns matches.
unmatched() {
	local word pattern
	while read -r word; do
		while read -r pattern; do
			# shellcheck disable=SC2053 # a pattern
			[[ $word != $pattern ]] || continue 2
		done <<<"$2"
		echo "$word"
	done <<<"$1"
}

@test "vm-qemu names every device of QEMU" {
	need qemu-system-x86_64
	local theirs
	theirs=$(qemu-system-x86_64 -device help | sed -n 's/^name "\([^"]*\)".*/\1/p' | grep -v -- '-x86_64-cpu$' |
		sed -E 's/(-non)?-transitional$//; s/-device$/-pci/' | sort -u)
	[[ $theirs = *virtio-blk-pci* ]]
	agree '' "$(unmatched "$theirs" "$(items Li)")" 'not in vm-qemu(7)'
}

@test "vm-qemu names every command of QEMU's monitor" {
	need qemu-system-x86_64
	local theirs
	theirs=$(printf '%s\n' help info quit | timeout 60 qemu-system-x86_64 -M none -nodefaults -display none -monitor stdio |
		tr -d '\r' | grep -oE '^(info [a-z-]+|[a-z][A-Za-z0-9_-]*)( |\|.* )' | sed 's/|.*//; s/ $//' |
		grep -vxE 'info|help|QEMU.*' | sort -u)
	[[ $theirs = *device_add* ]]
	agree '' "$(unmatched "$theirs" "$(items Ic)")" 'not in vm-qemu(7)'
}

# As bridge-utils 1.7 and tunctl 1.5 have them.
@test "vm-qemu names every command of brctl and letter of tunctl" {
	local words
	words=$(printf '%s\n' addbr delbr addif delif hairpin setageing setbridgeprio setfd sethello setmaxage setpathcost \
		setportprio show showmacs showstp stp)
	agree '' "$(unmatched "$words" "$(items Li)")" 'not in vm-qemu(7)'
	words=$(sed -n '/^\.It Li tunctl/,/^\.It Li brctl/s/^\.It Fl \(.*\)/\1/p' "$root/man/vm-qemu.7" | sed 's/ , Fl /\n/g' | cut -c 1)
	[ "$(sort <<<"$words" | tr -d '\n')" = bdfgtu ]
}

@test "vm-qemu names commands and letters that are there" {
	need mandoc
	local text cmd letters letter
	text=$(mandoc -T ascii -O width=1000 "$root/man/vm-qemu.7" | sed 's/.\x08//g')
	[[ $text = *kvm-run* ]]
	while read -r cmd letters; do
		[[ $cmd != vm-wires && $cmd != vm-qemu ]] || continue
		commands | grep -qx "$cmd" || {
			echo "$cmd: no such command"
			return 1
		}
		for letter in $letters; do
			letters_of_program "$cmd" | grep -q "^${letter#-}" || {
				echo "$cmd $letter: no such option"
				return 1
			}
		done
	done < <(grep -oE '\b(kvm-run|vm-[a-z]+)( -[A-Za-z0-9]\b)*' <<<"$text" | sort -u)
}

# Each command's own tests run them as they stand, in namespaces where they change the host.
@test "the examples of every page are run by a test" {
	local page
	for page in "$root"/man/*.[1-8]; do
		[ ! "$(examples "$page")" ] || grep -qF "examples of $(basename "${page%.*}")(${page##*.}) run" "$root"/tests/*.bats || {
			echo "$page: no test"
			return 1
		}
	done
}

@test "every page and every command line in it fits 80 columns, and vm-wires(7) a screen of 50 lines" {
	need mandoc
	local page
	for page in "$root"/man/*.[1-8]; do
		run -0 sh -c 'mandoc -T ascii -O width=78 "$1" | sed "s/.\x08//g" | expand | grep -nE ".{81}" || :' sh "$page"
		agree '' "$output" "$page: wider than 80 columns"
		# mandoc fills those lines, too: a longer one is broken where no shell would look for the rest.
		run -0 sh -c 'sed -n "s/^\.Dl //p" "$1" | sed "s/\\\\ / /g; s/\\\\e/x/; s/\\\\&//g; s/\\\\(dq/x/g" | grep -E ".{68}" || :' sh "$page"
		agree '' "$output" "$page: broken by its width"
	done
	[ "$(mandoc -T ascii -O width=78 "$root/man/vm-wires.7" | wc -l)" -le 50 ]
}

# What the examples call disk.qcow2, on base.qcow2.
images_of_the_pages() {
	vm-img create -q -f qcow2 base.qcow2 1M
	vm-img create -q -f qcow2 -b base.qcow2 -F qcow2 disk.qcow2
}

@test "the examples of the pages stand up to -n" {
	local page line count=0
	cd "$T"
	truncate -s 1M vmlinuz initrd disk.raw cd.iso bios-256k.bin pxe-virtio.rom
	images_of_the_pages
	for page in "$root"/man/{kvm-run.1,vm-slirp.1}; do
		while IFS= read -r line; do
			# vm-slirp's own, then kvm-run's, which would run under it.
			if [[ $line = *vm-slirp* ]]; then
				run -0 clean sh -c "${line/vm-slirp/vm-slirp -n}" </dev/null
			fi
			if [[ $line = vm-img\ open* || $line = *of=net0* ]]; then # with what comes before it
				run -0 clean sh -c "${line/kvm-run/kvm-run -n}" </dev/null
			elif [[ $line = *kvm-run\ * ]]; then
				line=kvm-run\ -n\ ${line#*kvm-run }
				run -0 clean sh -c "$line" </dev/null
			fi
			count=$((count + 1))
		done < <(examples "$page")
	done
	((count >= 5))
}

@test "the examples of kvm-run(1) run" {
	need_access /dev/kvm
	local line
	cd "$T"
	ln -s "$BIN/guests/cpus" vmlinuz # which starts its processors and ends
	echo >initrd
	truncate -s 1M disk.raw cd.iso
	images_of_the_pages
	while IFS= read -r line; do
		echo "$line"
		line=${line/,+aes/,+aes,check} # as much of it as this host has
		run -0 ns timeout 60 sh -c "$line" </dev/null
		[[ $line = *-n* || $output = *"cpus $(sed -n 's/.* -c \([0-9]*\).*/\1/p; t; s/.*/1/p' <<<"$line") of "* ]]
	done < <(examples "$root/man/kvm-run.1" | grep -v ' -F ') # firmware.bats runs those
}

@test "the other command lines of kvm-run(1) run" {
	need nc python3
	need_access /dev/kvm
	local line count=0
	cd "$T"
	spawn -R guest kvm-run -R 9 -k "$BIN/guests/idle" -m 16 -C guest.ctl
	while IFS= read -r line; do
		run -0 clean sh -c "$line" </dev/null
		count=$((count + 1))
	done < <(displays <"$root/man/kvm-run.1" | grep guest.ctl)
	((count == 2))
	[ "$(head -c 4 core)" = $'\177ELF' ]
	# What hosts have in common: of this one three times, and no other way to it than ssh's.
	printf '#!/bin/sh\nshift 2\nexec "$@"\n' >ssh
	printf '#!/bin/sh\nexec kvm-run -q -n -w hold,fd=0 "$@"\n' >common-guest
	chmod +x ssh common-guest
	line=$(sed -n '/^\.Bd/,/^\.Ed/p' "$root/man/kvm-run.1" | grep -v '^\.' | sed 's/kvm-run -M @3/.\/common-guest -M @3/; s/ \.\.\.$//')
	[[ $line = *baseline* ]]
	PATH=$T:$PATH run -0 in_sh "$line"
	[ -s common ]
}

@test "the examples of vm-slirp(1) run" {
	need nc qemu-system-x86_64
	need_access /dev/kvm /dev/net/tun
	local line what=0
	cd "$T"
	ln -s "$BIN/guests/cpus" vmlinuz # which ends by itself
	echo >initrd
	world
	in_world mkdir -p /run/vm
	while IFS= read -r line; do
		line=${line//\/tmp\//\/mnt\/} # where this test's files are
		echo "$line"
		case $line in
		*' -l '*) # waits for guests
			spawn net nsenter --preserve-credentials -U -n -m -p --wdns=/mnt -t "$world" sh -c "exec $line"
			until [ -S net ]; do sleep 0.02; done
			;;
		qemu*)
			run -0 in_world sh -c "printf '%s\n' 'info network' quit |
				${line/-x86_64/-x86_64 -accel tcg -S -nodefaults -display none -monitor stdio}"
			[[ $output = *type=stream,* ]]
			;;
		*' -C '*) # goes on while the next one runs
			ln -sf "$BIN/guests/idle" vmlinuz
			spawn guest nsenter --preserve-credentials -U -n -m -p --wdns=/mnt -t "$world" sh -c "exec $line"
			until in_world test -S /run/vm/net.ctl; do sleep 0.02; done
			;;
		echo*)
			run -0 in_world sh -c "$line"
			[ "$output" = ok ]
			;;
		*)
			run -0 in_world timeout 60 sh -c "$line" </dev/null
			;;
		esac
		what=$((what + 1))
	done < <(examples "$root/man/vm-slirp.1")
	((what == 6))
}

# readme N [IN...]: run the Nth block of README's shell commands as it stands, from 0, the preparation, whose build is done.
# IN is what runs it somewhere else.
readme() {
	local n=$1
	shift
	awk -v n="$n" '/^```sh$/ { inside = 1; next } /^```$/ { count += inside; inside = 0 } inside && count == n' "$root/README.md" |
		sed '/^make$/d; /^export PATH=/d' >"$T/block.$n"
	"${@:-clean}" timeout -k 9 "$((BATS_TEST_TIMEOUT - 20))" sh -e "block.$n" </dev/null
}

# prepared COMMAND...: be where README's examples are run, with what they need.
prepared() {
	need_kvm
	need "$@"
	cd "$T" || return
	ln -s "$TESTS" tests
	readme 0
}

@test "README's other command lines stand up to -n" {
	local line count=0
	cd "$T"
	truncate -s 1M vmlinux vmlinuz initrd disk.raw bios-256k.bin vgabios-stdvga.bin
	while IFS= read -r line; do
		echo "$line"
		case $line in
		'vm-pin pci'*) run -0 clean sh -c "kvm-run -n ${line#*kvm-run}" ;; # there may be no such device
		*kvm-run*) run -0 ns sh -c "${line/kvm-run/kvm-run -n}" ;;
		'vm-pin show vm.sock' | 'vm-pin check' | make*) ;; # pin.bats, the lab
		*) return 1 ;;
		esac
		count=$((count + 1))
	done < <(sed -n '/^```/,/^```/d; s/^    \([a-z]\)/\1/p' "$root/README.md")
	((count == 9))
}

@test "README names files that are there" {
	local file
	while read -r file; do
		[ -e "$root/$file" ] || {
			echo "$file: not there"
			return 1
		}
	done < <(grep -oE '(`|\]\()[a-z-]+/[A-Za-z0-9_./@-]*[`)]' "$root/README.md" | tr -d '`()]' | sort -u)
}

@test "README has nine examples and a preparation" {
	[ "$(grep -c '^```sh$' "$root/README.md")" -eq 10 ]
}

# bats test_tags=kvm
@test "README: a disk by redirection, a console from a pipe" {
	prepared
	run -0 readme 1
	[[ $output = *$'\n2\r\n'* ]]
	[ "${lines[-1]}" = 'written by the guest' ]
}

# bats test_tags=kvm
@test "README: a disk image" {
	prepared
	run -0 readme 2
	[ "${lines[-1]}" = 'written by the guest' ]
	[[ $output = *'No errors were found on the image.'* ]]
}

# bats test_tags=kvm
@test "README: a network, a forwarded port, a control socket" {
	prepared curl nc
	run -0 readme 3
	[ "${lines[0]}" = 'served by the guest' ]
	[[ $output = *$'\nstate\trunning\n'*$'\nok\nnet0\t52:54:00:'* ]]
	[ "${lines[-1]}" = ok ]
	[ ! -e vm.sock ]
}

# bats test_tags=kvm
@test "README: two guests on one cable" {
	prepared nc
	run -0 readme 4
	[[ $output = *'1 packets received'* ]]
}

# bats test_tags=kvm
@test "README: a bridge, NAT and DHCP" {
	prepared curl nc nft
	world
	local before
	before=$(world_state)
	run -0 readme 5 in_world
	[ "${lines[0]}" = 'served by the guest' ]
	[ "${lines[1]}" = $'bound\t192.168.122.10\tweb' ]
	diff <(world_state) <(echo "$before")
}

# bats test_tags=kvm
@test "README: the same wires for QEMU" {
	prepared qemu-system-x86_64
	run -0 readme 6
	[[ $output = *'lease of 10.0.2.15 obtained'* ]]
	[[ $output = *$'\n67108864\r\n'* ]]
}

# bats test_tags=kvm
@test "README: what goes over the cable" {
	prepared tcpdump
	run -0 readme 7
	[[ $output = *'BOOTP/DHCP, Reply'* ]]
}

# bats test_tags=kvm
@test "README: processors and memory that come and go" {
	prepared nc
	run -0 readme 8
	[[ $output = *$'\nvcpu\t1\t'* ]] || {
		echo "$output"
		return 1
	}
	[[ ${lines[-1]} = 2* ]]
}

# bats test_tags=kvm
@test "README: a reboot loop" {
	prepared
	run -0 readme 9
	[ "$(grep -c '^once more' <<<"$output")" -eq 1 ]
	[ "$(grep -c 'reboot: Power down' <<<"$output")" -eq 1 ]
}
