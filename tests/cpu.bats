# SPDX-License-Identifier: ISC
# -M: the processors that a guest may have, what a host lacks for them, and what of all this a guest sees.
load lib

setup() {
	kernel=$BIN/guests/cpuid
}

# guest WORDS [OPTION]...: run the guest that prints CPUID on a processor of these words of -M; its leaves are then in the array.
guest() {
	local leaf rest
	run -0 --separate-stderr clean kvm-run -k "$kernel" -M "$@" </dev/null
	declare -gA leaves=()
	while read -r leaf rest; do
		leaves[$leaf]=$rest
	done <<<"${output//$'\r'/}"
	[ "${leaves[00000000.0]}" ]
}

# refused WHY WORDS: kvm-run does not start, and says so in this line.
refused() {
	run -2 --separate-stderr clean kvm-run -k "$kernel" -M "$2" </dev/null
	[ "$stderr" = "kvm-run: $1" ] || {
		echo "$stderr"
		return 1
	}
}

# bit REGISTER N: bit N of a register in hexadecimal.
bit() {
	((16#$1 >> $2 & 1))
}

# words FILE... : the words that -M baseline makes of them, a line each.
words() {
	cat "$@" | kvm-run -M baseline | tr , '\n'
}

@test "words that are none are refused" {
	refused '-M Haswel: no such model; -M list shows them' Haswel
	refused '-M +avx3: no such feature' Haswell,+avx3
	refused '-M level=0: no such word, or no value for it' Haswell,level=0
	refused '-M hv-tim: not a word of Hyper-V'\''s' host,hv-tim
	refused '-M @9: Bad file descriptor' @9
}

@test "the models are those of QEMU, feature by feature" {
	need qemu-system-x86_64 python3
	run -0 "$TESTS/qemu_models.py"
	[[ $output =~ ^[0-9]+\ models$ ]]
	((${output% *} >= 129))
}

@test "a model is spelled out without KVM, in words that say the same again" {
	local said
	said=$(unshare -rm sh -c 'mount -t tmpfs none /dev && kvm-run -M Skylake-Server-v5,-aes,vendor=GenuineIntel,baseline' </dev/null)
	[[ $said = base,vendor=GenuineIntel,family=6,model=85,stepping=4,level=13,xlevel=2147483656,phys-bits=40,+fpu,* ]]
	[[ $said = *,+avx512f,* && $said = *,+xsaves* && $said != *,+aes,* && $said != *,+hle,* ]]
	run -0 kvm-run -M "$said,baseline"
	[ "$output" = "$said" ]
	echo "$said" >"$T/words"
	run -0 in_sh "kvm-run -M @3,+aes,baseline 3<'$T/words'"
	[[ $output = *,+aes,* && ${output/,+aes,/,} = "$said" ]]
}

@test "of several hosts what they have in common is made, of both makes nothing" {
	kvm-run -M Haswell,vendor=GenuineIntel,baseline </dev/null >"$T/a"
	kvm-run -M Skylake-Client-v3,vendor=GenuineIntel,-abm,baseline </dev/null >"$T/b"
	kvm-run -M Icelake-Server,vendor=GenuineIntel,phys-bits=39,baseline </dev/null >"$T/c"
	words "$T/a" "$T/b" "$T/c" >"$T/common"
	grep -qx 'model=60' "$T/common"
	grep -qx 'phys-bits=39' "$T/common"
	grep -qx +avx2 "$T/common"
	for word in +hle +rtm +abm +avx512f +smap; do
		run ! grep -qx -- "$word" "$T/common"
	done
	diff <(words "$T/c" "$T/b" "$T/a") "$T/common"
	diff <(words "$T/a") <(tr , '\n' <"$T/a")
	kvm-run -M EPYC,vendor=AuthenticAMD,baseline </dev/null >"$T/d"
	run -2 sh -c 'cat "$1" "$2" | kvm-run -M baseline' sh "$T/a" "$T/d"
	[ "$output" = 'kvm-run: -M baseline: line 2: GenuineIntel and AuthenticAMD have no model in common that a guest could move by' ]
	run -2 kvm-run -M baseline <<<'Pentium IX'
	[ "$output" = 'kvm-run: -M baseline: line 1: Pentium IX: no such model; -M list shows them' ]
}

@test "the list says of each model what this host lacks, and this host can be pinned down" {
	need_access /dev/kvm
	local name also lacks title this
	run -0 kvm-run -M list </dev/null
	((${#lines[@]} > 90))
	while IFS=$'\t' read -r name also lacks title; do
		[ "$name" ] && [ "$also" ] && [ "$lacks" ] && [ "$title" ]
	done <<<"$output"
	[[ $output = host$'\t'-$'\t'-$'\t'*EPYC-v2$'\t'EPYC-IBPB$'\t'* ]]
	run -0 kvm-run -M baseline </dev/null
	[[ $output = base,vendor=* && ${#lines[@]} = 1 ]]
	this=$output
	refused "-M phys-bits=52: this host has $(tr , '\n' <<<"$this" | sed -n 's/phys-bits=//p')" host,phys-bits=52
	guest "$this"
	refused '-M phys-bits=32: this machine'\''s memory and devices need 37' host,phys-bits=32
}

@test "what a host lacks is named, all of it, and done without if asked to" {
	need_access /dev/kvm
	local lacks
	lacks=$(kvm-run -M list </dev/null | sed -n 's/^EPYC-Turin\t[^\t]*\t\([^\t]*\)\t.*/\1/p')
	[[ $lacks = *avx512f* && $lacks = *perfmon-v2* ]] || skip 'this host is such a processor'
	refused "-M EPYC-Turin: this host lacks ${lacks//,/, }" EPYC-Turin
	guest EPYC-Turin,check
	[ "$stderr" = "kvm-run: -M EPYC-Turin: without ${lacks//,/, }, which this host lacks" ]
}

# bats test_tags=kvm
@test "a guest sees the processor that was asked for" {
	need_kvm
	local eax ebx ecx edx of_host
	guest host
	of_host=${leaves[00000001.0]}
	guest "$(kvm-run -M baseline </dev/null)"
	[ "${leaves[00000001.0]%% *}" = "${of_host%% *}" ]
	guest x86-64-v2,vendor=GenuineIntel,model-id=Thing
	read -r eax ebx ecx edx <<<"${leaves[00000001.0]}"
	[ "$eax" = 000106a3 ]
	bit "$ecx" 20
	bit "$ecx" 31
	run ! bit "$ecx" 28
	run ! bit "$edx" 1
	[ "${leaves[00000000.0]}" = '0000000d 756e6547 6c65746e 49656e69' ]
	[[ ${leaves[80000002.0]} = '6e696854 00000067 '* ]]
	[ "${leaves[00000004.3]#* }" = '03c0003f 00003fff 00000000' ]
	[ "${leaves[40000000.0]#* }" = '4b4d564b 564b4d56 0000004d' ]
	[ ! "${leaves[8000001d.0]}" ]
	guest host,-sse4.2,-hypervisor,kvm=off
	read -r eax ebx ecx edx <<<"${leaves[00000001.0]}"
	run ! bit "$ecx" 20
	run ! bit "$ecx" 31
	[ ! "${leaves[40000000.0]}" ]
}

# seen_in_qemu WORDS: the leaves that the same guest sees in QEMU, in the array.
seen_in_qemu() {
	local leaf rest
	declare -gA leaves=()
	spawn qemu qemu-system-x86_64 -M q35 -accel kvm -m 64 -nodefaults -display none -serial "file:$T/serial" -kernel "$kernel" -cpu "$1"
	wait_line "$T/serial" '^80000008.0' 60 >/dev/null
	kill "${pids[qemu]}"
	await qemu
	while read -r leaf rest; do
		leaves[$leaf]=$rest
	done < <(tr -d '\r' <"$T/serial")
	rm "$T/serial"
}

# bats test_tags=kvm
@test "a guest sees in QEMU what it sees here" {
	need_kvm
	need qemu-system-x86_64
	local words leaf a b
	declare -A here
	for words in Nehalem,-vme Opteron_G1,-vme qemu64,+avx2,+avx,+xsave,model-id=Thing; do
		guest "$words"
		here=()
		for leaf in "${!leaves[@]}"; do
			here[$leaf]=${leaves[$leaf]}
		done
		seen_in_qemu "$words"
		for leaf in 00000000.0 00000001.0 00000007.0 0000000d.0 0000000d.2 80000000.0 80000001.0 80000002.0 80000003.0 80000008.0; do
			[[ $leaf != 00000001.0 ]] || { # ebx has the layout, and who is asked
				read -r -a a <<<"${here[$leaf]}"
				read -r -a b <<<"${leaves[$leaf]}"
				here[$leaf]="${a[0]} ${a[2]} ${a[3]}" leaves[$leaf]="${b[0]} ${b[2]} ${b[3]}"
			}
			[ "${here[$leaf]}" = "${leaves[$leaf]}" ] || {
				echo "$words: $leaf: here ${here[$leaf]}, there ${leaves[$leaf]}"
				return 1
			}
		done
	done
}

# bats test_tags=kvm
@test "the TSC's frequency is told; one that KVM cannot give is refused" {
	need_kvm
	local khz
	run -2 --separate-stderr clean kvm-run -k "$kernel" -M host,tsc-frequency=123000000 </dev/null
	if [[ $stderr =~ ^"kvm-run: -M tsc-frequency=123000000: this host's is "([0-9]+)000", and its KVM cannot scale it"$ ]]; then
		khz=${BASH_REMATCH[1]}
	else
		khz=1000000
	fi
	guest "host,tsc-frequency=${khz}000"
	[ "${leaves[40000010.0]}" = "$(printf '%08x 000f4240 00000000 00000000' "$khz")" ]
}

# ticks NAME: the clock ticks of CPU that a guest's vCPU has taken.
ticks() {
	local stat vcpu
	for vcpu in /proc/"${pids[$1]}"/task/*; do
		[ "$(cat "$vcpu/comm")" != vcpu0 ] || break
	done
	read -r -a stat <"$vcpu/stat"
	echo $((stat[13] + stat[14]))
}

# bats test_tags=kvm
@test "a pinned vCPU keeps its CPU while it idles, another one does not" {
	need_kvm
	local before end=$((SECONDS + 60))
	spawn -R other kvm-run -R 9 -k "$BIN/guests/idle"
	spawn -R pinned kvm-run -R 9 -M host,pinned -k "$BIN/guests/idle"
	before=$(ticks other)
	until (($(ticks pinned) > 100)); do
		((SECONDS < end))
	done
	(($(ticks other) - before < 20))
	kill -KILL "${pids[pinned]}"
	guest host,pinned
	bit "${leaves[40000001.0]##* }" 0
}

# bats test_tags=kvm
@test "Hyper-V's enlightenments, as a stock kernel makes use of them, also after a reset" {
	need_kvm
	local line
	initrd "$T/initrd" <<-'END'
		#!/bin/sh
		dmesg | grep -E 'Hypervisor detected|Hyper-V:|spinlocks'
		cat /sys/devices/system/clocksource/clocksource0/current_clocksource
		grep -E 'Hyper-V|HVS|HYP' /proc/interrupts
		head -c 5 /dev/vda | grep again && exit
		echo again >/dev/vda
		sync
		reboot -f
	END
	truncate -s 1M "$T/disk"
	run -0 clean sh -c 'exec kvm-run -r -c 2 -M host,hv,kvm=off -k "$1/vmlinux" -i "$2/initrd" -A quiet -w blk,fd=3 3<>"$2/disk" </dev/null' \
		sh "$(kernel)" "$T"
	for line in 'Hypervisor detected: Microsoft Hyper-V' 'Hyper-V: Using hypercall for remote TLB flush' \
		'Hyper-V: Using IPI hypercalls' hyperv_clocksource_tsc_page; do
		[ "$(grep -c "$line" <<<"$output")" = 2 ] || {
			echo "not twice: $line"
			echo "$output"
			return 1
		}
	done
	[[ $output = *again* ]]
}

# bats test_tags=kvm
@test "Hyper-V's words by themselves: what one needs is said, what KVM has not, too" {
	need_kvm
	refused '-M hv: others must be on, too, for hv-synic hv-stimer' host,hv-synic,hv-stimer
	refused '-M hv: this host'\''s KVM lacks hv-evmcs' host,hv-vapic,hv-evmcs
	guest host,hv-relaxed,hv-vapic,hv-spinlocks=8191
	[ "${leaves[40000000.0]}" = '40000005 7263694d 666f736f 76482074' ]
	[ "${leaves[40000004.0]%% *}" = 00000028 ]
	[[ ${leaves[40000004.0]} = *\ 00001fff\ * ]]
	[ "${leaves[40000100.0]}" = '40000101 4b4d564b 564b4d56 0000004d' ]
}

# bats test_tags=kvm
@test "a guest of Hyper-V's has its interrupt controller, reports its crash, and asks for a reset" {
	need_kvm
	run -0 clean kvm-run -M host,hv-vpindex,hv-synic -k "$BIN/guests/hyperv" -A synic=1 </dev/null
	[ "${output//$'\r'/}" = 'synic 1' ]
	run -3 --separate-stderr clean kvm-run -M host,hv -k "$BIN/guests/hyperv" -A crash=1 </dev/null
	[[ $stderr = 'kvm-run: vcpu0: the guest reports a crash '* ]]
	run -4 --separate-stderr clean kvm-run -M host,hv -k "$BIN/guests/hyperv" -A reset=1 </dev/null
	[[ $output = *'it ends'* && ! $stderr ]]
}
