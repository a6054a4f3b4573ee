# SPDX-License-Identifier: ISC
# bash's completion: made from the pages, it offers what the programs take.
load lib

root=$BATS_TEST_DIRNAME/..

setup() {
	"$root/man/completion" "$root"/man/kvm-run.1 "$root"/man/vm-*.[18] >"$T/completion"
	# shellcheck disable=SC1091 # made above
	source "$T/completion"
}

# offers WORD...: print what is offered for the last word, a line each.
offers() {
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_kvm_utils "$1"
	printf '%s\n' "${COMPREPLY[@]}"
}

@test "every command is completed, and all its letters are offered" {
	local main cmd letter offered
	for main in "$root"/*/main.c; do
		cmd=$(basename "$(dirname "$main")")
		complete -p "$cmd"
		[ "$cmd" != vm-img ] || continue
		offered=$(offers "$cmd" -)
		while read -r letter; do
			grep -qxe "-$letter" <<<"$offered" || {
				echo "$cmd: no -$letter"
				return 1
			}
		done < <(grep -ohE '"\+[A-Za-z0-9:]+"' "$root/$cmd"/*.c | grep -o '[A-Za-z0-9]' | sort -u)
	done
}

@test "subcommands, and each subcommand's own options" {
	[ "$(offers vm-bridge ad)" = $'add\nadopt' ]
	[ "$(offers vm-img conv)" = convert ]
	offers vm-img convert - | grep -qx -- --salvage
	run offers vm-img create -
	[[ $output != *--salvage* ]]
	run offers vm-img snapshot -q -
	[[ $output = *-l* && $output != *-O* ]]
}

@test "arguments are of the kind that the page names" {
	cd "$T"
	mkdir sub
	touch kernel.img
	[ "$(offers kvm-run -c 2 -k ke)" = kernel.img ]
	[ "$(offers vm-slirp -T s)" = sub ]
	[ "$(offers kvm-run -N q)" = qemu ]
	[ "$(offers vm-img convert -O qc)" = $'qcow2\nqcow' ]
	[ "$(offers vm-img info --output = js)" = json ]
	offers vm-nat -b l | grep -qx lo
	offers vm-slirp -U ro | grep -qx root
	[ "$(offers kvm-run -m '')" = '' ]
}

@test "a loader's program is completed as a command" {
	[ "$(PATH=$BIN offers vm-slirp -p 2222:22 kvm-r)" = kvm-run ]
	local offset=''
	_command_offset() { offset=$1; }
	offers vm-slirp -p 2222:22 kvm-run -m >/dev/null
	COMP_WORDS=(vm-slirp -p 2222:22 kvm-run -) COMP_CWORD=4
	_kvm_utils vm-slirp
	[ "$offset" = 3 ]
}
