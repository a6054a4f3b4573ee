# SPDX-License-Identifier: ISC
# Images from strangers. Each class of faults that QEMU had CVEs for, and each trap of the formats, has a test here, named by it,
# or there:
#
#	2008-2004 probing, 2024-4467, 2024-32498 and 2024-40767 names within images, 2026-24708 resize	img_policy.bats, and here
#	2014-0142 to 0148, number by number	unit/img_hostile.c, img_vpc.bats, img_vhdx.bats, and here
#	2014-0222, 2014-0223	img_qcow.bats, and here
#	2020-10761, 2024-7409 an NBD server's clients	here; nbd.bats, fuzz/nbd_server.c
#	copied flags, order of writes, discard (what goes wrong without malice)	unit/qcow2.c, unit/powercut.c, tests/agree
#	a short backing image, a long one	img_commit.bats, img_rebase.bats, img_convert.bats; locks: img_policy.bats
#
# An image has to stand its ordeal: every subcommand is run on it, or on a copy where it may write. None may crash, hang, take more
# than 20 s of a processor or 1 GiB of addresses, or open anything but what it was given. B=asan looks for wrong accesses besides.
load lib
load image

setup() {
	need strace qemu-img qemu-io
	mkdir "$T/ground"
	cd "$T/ground" || return
	cat >"$T/ordeal" <<-'END'
		trap '' XFSZ
		ulimit -f 1048576 # KiB
		ulimit -t 20 # of each process
		[ "$B" = asan ] || ulimit -v 1048576
		refused=0
		try() {
			timeout -k 5 100 vm-img "$@" >>said 2>&1
			status=$?
			case $status in
			0) ;;
			[1-4] | 63 | 125) refused=$((refused + 1)) ;;
			*) echo "ended with $status: vm-img $*" >>bad ;;
			esac
		}
		on_copy() {
			cp --sparse=always img copy
			chmod 644 copy
			try "$@"
		}
		try info -f "$1" img
		try check -f "$1" img
		try map -f "$1" --output=json img
		on_copy check -r all -f "$1" copy
		try check -f "$1" copy
		on_copy resize -f "$1" copy +1M
		try convert -f "$1" -O raw img out
		[ $refused -lt 7 ] || exit 0 # however it is opened
		try info --output=json -f "$1" img
		try convert -f "$1" -O qcow2 img out
		try dd -f "$1" if=img of=out bs=64k count=4
		try measure -f "$1" -O qcow2 img
		try compare -f "$1" -F "$1" img img
		try open -r -f "$1" img vm-img --version
		on_copy check -r leaks -f "$1" copy
		on_copy commit -f "$1" copy
		on_copy rebase -u -f "$1" -b '' copy
		[ "$1" = qcow2 ] || exit 0
		try snapshot -l img
		on_copy snapshot -c new copy
		on_copy snapshot -a 1 copy
		on_copy snapshot -d 1 copy
		on_copy bitmap --add -f "$1" copy new
		on_copy amend -o lazy_refcounts=on -f "$1" copy
		on_copy compact -f "$1" copy
		exit 0
	END
}

# ordeal FORMAT [WORDS]: that of "img". Who refuses it has to say WORDS, if given.
ordeal() {
	rm -f said bad
	ASAN_OPTIONS=detect_leaks=0:max_allocation_size_mb=512 strace -f --seccomp-bpf -qq -e trace=open,openat,openat2,connect \
		-e signal=none -o trace sh "$T/ordeal" "$1" || return 1
	[ ! -e bad ] || { cat bad; tail -n 30 said; return 1; }
	if grep 'Sanitizer\|runtime error' said || [[ $(<said) != *"${2-}"* ]]; then
		head -n 60 said
		return 1
	fi
	# Of the system there are the loader's files and what it and cp look up of the system itself.
	sed -nE 's/^[^"]*"([^"]*)".*/\1/p' trace | grep -vxE '(img|copy|out|said|bad|\.out\.[^/]*|\.|'"$T"'/ordeal)' |
		grep -vE '^/(lib|usr/lib|etc/(ld\.so|localtime)|usr/share/locale|proc/(self|filesystems|sys/vm)|sys/devices/system/cpu|dev/(null|tty))' || return 0
	echo 'was opened, and never given'
	return 1
}

# evil FORMAT WORDS [OFFSET HEX]...: the ordeal of "good" with these bytes in it.
evil() {
	local format=$1 words=$2
	shift 2
	cp --sparse=always good img
	while (($#)); do
		# shellcheck disable=SC2086 # bytes
		poke img "$1" $2
		shift 2
	done
	ordeal "$format" "$words" || { echo "$format with ${*:-$words}"; return 1; }
}

# number FILE OFFSET LEN: what is there, big-endian.
number() {
	echo "$((0x$(peek "$1" "$2" "$3")))"
}

# bytes LEN N: a number as bytes in hex, big-endian.
bytes() {
	printf "%0$(($1 * 2))x" "$2" | sed 's/../& /g'
}

# qcow2 [OPTIONS]: "good", of clusters of 512 bytes unless said, with a snapshot, a bitmap, compressed clusters and others; and
# where its parts are.
qcow2() {
	vm-img create -q -f qcow2 -o "${1:-cluster_size=512}" good 64k
	imgio -f qcow2 good 'pack 0 1' 'write 1024 2000 2' 'zero 32768 512' >/dev/null
	vm-img snapshot -c one good
	vm-img bitmap --add -f qcow2 good b
	l1=$(number good 40 8)
	reftable=$(number good 48 8)
	snapshots=$(number good 64 8)
	l2=$(($(number good "$l1" 8) & 0xfffffffffffe00))
	block=$(number good "$reftable" 8)
}

huge='ff ff ff ff ff ff ff ff'
most='7f ff ff ff ff ff ff ff'

@test "the ordeal itself notices: a file that is opened, a crash" {
	vm-img create -q -f qcow2 below 64k
	vm-img create -q -f qcow2 -b below -F qcow2 img
	run ordeal qcow2
	((status == 1))
	[[ $output = *below*'never given'* ]]
	vm-img create -q -f qcow2 img 64k
	ordeal qcow2 'No errors were found'
	sed -i 's/ vm-img "\$@"/ sh -c "kill -SEGV \\$\\$"/' "$T/ordeal"
	run ordeal qcow2
	((status == 1))
}

@test "CVE-2008-0928: places beyond the file and the disk" {
	qcow2
	evil qcow2 '' "$l1" '80 00 00 00 7f ff fe 00'
	evil qcow2 '' "$l2" '80 ff ff ff ff ff fe 00'
	evil qcow2 '' "$((l2 + 16))" '80 00 00 00 ff ff fe 00'
	evil qcow2 '' "$reftable" '00 00 00 00 7f ff fe 00'
	evil qcow2 '' "$reftable" 'ff ff ff ff ff ff fe 00'
	vm-img create -q -f raw raw 64k
	run ! imgio -f raw raw 'read 65536 512'
	run ! imgio -f raw raw 'write 65000 1000 1'
	run ! imgio -f raw raw "write $((2 ** 63 - 512)) 512 1"
	[ "$(stat -c %s raw)" = 65536 ]
}

@test "CVE-2008-2004, CVE-2026-24708: a raw disk whose guest made it look like an image is raw" {
	echo 'top secret' >../secret
	qemu-img create -q -f qcow2 -u -b "$PWD/../secret" -F raw img 64k
	cp img guest
	ordeal raw
	vm-img resize -q -f raw img 1M
	cmp -n "$(stat -c %s guest)" guest img
	[ "$(stat -c %s img)" = 1048576 ]
	run -1 vm-img resize guest 1M
	[[ $output = *'format was guessed'* ]]
	cp guest img
	run ordeal qcow2 # the name is in the image, so that one is opened, once its format is said
	[[ $output = *secret*'never given'* ]]
}

@test "CVE-2014-0142: divisors of zero: clusters, blocks, extents, tracks" {
	dd if=/dev/urandom of=disk bs=1k count=300 status=none
	make-image parallels disk good
	evil parallels 'clusters of 0 sectors' 28 '0 0 0 0'
	make-image bochs disk good
	evil bochs 'extents of 0 bytes' 80 '0 0 0 0'
	evil bochs 'bitmaps of 0 bytes' 76 '0 0 0 0'
	make-image cloop disk good
	evil cloop 'blocks of 0 bytes' 128 '0 0 0 0'
	vm-img convert -f raw -O vdi disk good
	evil vdi 'blocks of 0 bytes' 376 '0 0 0 0'
	vm-img convert -f raw -O vmdk disk good
	evil vmdk 'grains of 0 sectors' 20 '0 0 0 0 0 0 0 0'
	evil vmdk 'tables of 0 entries' 44 '0 0 0 0'
	vm-img create -q -f vpc good 4M
	evil vpc 'block size 0' 544 '0 0 0 0'
	vm-img create -q -f qed good 4M
	evil qed 'cluster size' 4 '0 0 0 0'
	qcow2
	evil qcow2 '' 20 '0 0 0 0'
}

@test "CVE-2014-0143: sizes of tables that overflow or are not bounded" {
	qcow2
	for at in 36 56 60 100; do
		for n in 'ff ff ff ff' '7f ff ff ff' '20 00 00 01' '00 01 00 01'; do
			evil qcow2 '' $at "$n"
		done
	done
	dd if=/dev/urandom of=disk bs=1k count=300 status=none
	make-image parallels disk good
	evil parallels 'beyond the file' 32 'ff ff ff ff'
	make-image bochs disk good
	evil bochs 'catalog is too large' 72 'ff ff ff ff'
	make-image cloop disk good
	evil cloop 'beyond the file' 132 'ff ff ff ff'
	evil cloop '' 132 '20 00 00 00'
}

@test "CVE-2014-0144: disks larger than their tables, signs, shifts, places out of order" {
	qcow2
	evil qcow2 '' 24 "$huge"
	evil qcow2 '' 24 "$most"
	evil qcow2 '' 24 '00 00 00 ff 00 00 00 00'
	for n in '0 0 0 1' '0 0 0 8' '0 0 0 16' '0 0 0 20' '0 0 0 40' 'ff ff ff ff'; do
		evil qcow2 '' 20 "$n"
	done
	dd if=/dev/urandom of=disk bs=1k count=300 status=none
	make-image cloop disk good
	evil cloop 'block 0 is said to be from' 136 "$huge"
	evil cloop 'block 0 is said to be from' 144 '0 0 0 0 0 0 0 0'
	vm-img convert -f raw -O vdi disk good
	evil vdi 'too many blocks' 384 'ff ff ff ff'
	evil vdi 'larger than its' 368 "$huge"
	vm-img create -q -f vhdx good 4M
	evil vhdx '' 0x310008 "$most"
	evil vhdx '' 0x310000 'ff ff ff ff'
	vm-img create -q -f vpc good 4M
	evil vpc 'too many' 540 'ff ff ff ff'
	evil vpc 'not within the file' 528 "$huge"
}

@test "CVE-2014-0145: snapshots and chunks that are longer than what holds them" {
	qcow2
	evil qcow2 '' "$snapshots" "$huge"
	evil qcow2 '' "$snapshots" '00 00 00 00 7f ff fe 00 ff ff ff ff'
	evil qcow2 '' "$((snapshots + 8))" '7f ff ff ff'
	evil qcow2 '' "$((snapshots + 12))" 'ff ff ff ff'
	evil qcow2 '' "$((snapshots + 36))" 'ff ff ff ff'
	evil qcow2 '' "$((snapshots + 36))" '00 00 04 01'
	evil qcow2 '' "$((snapshots + 48))" "$huge"
	evil qcow2 '' "$((snapshots + 32))" 'ff ff ff ff'
	head -c 300k /dev/urandom >disk
	make-image dmg:fork disk good
	local mish
	mish=$(grep -abo mish good | head -n 1 | cut -d: -f1)
	evil dmg '' $((mish + 200)) 'ff ff ff ff'
	evil dmg 'beyond any disk' $((mish + 204 + 16)) "$huge"
	evil dmg 'lies beyond the file' $((mish + 204 + 32)) "$huge"
	evil dmg 'cannot be read' $((mish + 204 + 32)) '0 0 0 0 0 0 0 9' || evil dmg '' $((mish + 204 + 32)) '0 0 0 0 0 0 0 9'
}

@test "CVE-2014-0146: tables that are nowhere, or at places that are not aligned" {
	qcow2
	for at in 40 48 64; do
		for n in "$huge" "$most" '00 00 00 00 00 00 02 01' '0 0 0 0 0 0 0 0' '00 00 00 00 00 ff fe 00' '7f ff ff ff ff ff fe 00'; do
			evil qcow2 '' $at "$n"
		done
	done
	evil qcow2 '' 8 "$most" 16 '00 00 04 00'
	evil qcow2 '' 8 '00 00 00 00 00 00 02 00' 16 '00 00 03 ff'
	evil qcow2 '' 8 '00 00 00 00 00 00 00 01' 16 'ff ff ff ff'
}

@test "CVE-2014-0147: refcounts of a width that is none, catalogs of negative sizes" {
	qcow2
	for n in '0 0 0 7' '0 0 0 1f' '0 0 0 20' '0 0 0 40' 'ff ff ff ff' '80 0 0 0'; do
		evil qcow2 '' 96 "$n"
	done
	evil qcow2 '' 96 '0 0 0 0'
	evil qcow2 '' 96 '0 0 0 6'
	head -c 300k /dev/urandom >disk
	make-image bochs disk good
	evil bochs 'larger than its catalog' 72 '1 0 0 0'
	evil bochs 'larger than its catalog' 88 "$huge"
	evil bochs 'beyond the file' 68 'ff ff ff ff'
	evil bochs 'extents of' 80 '0 0 0 80'
}

@test "CVE-2014-0148: VHDX: block sizes, and a log without end" {
	vm-img create -q -f vhdx good 4M
	evil vhdx 'block size' 0x310000 '0 0 0 0'
	evil vhdx 'block size' 0x310000 '1 0 0 0'
	evil vhdx '' 0x310020 '1 0 0 0'
	evil vhdx '' 0x300030 'ff ff ff ff'
	evil vhdx '' 0x200000 '6 0 30 0 0 0 0 0'
	evil vhdx '' 0x200000 '7 0 0 0 0 0 0 0'
}

@test "CVE-2014-0222, CVE-2014-0223: qcow: bits of tables and clusters, sizes of disks and names" {
	vm-img create -q -f qcow good 4M
	imgio -f qcow good 'write 0 4096 1' >/dev/null
	evil qcow 'L2 tables' 33 3f
	evil qcow 'L2 tables' 33 ff
	evil qcow 'clusters of' 32 0
	evil qcow 'clusters of' 32 ff
	evil qcow '' 24 "$huge"
	evil qcow '' 24 "$most"
	evil qcow '' 8 "$most" 16 '7f ff ff ff'
	evil qcow '' 40 "$most"
}

@test "CVE-2024-4467, CVE-2024-32498: data files and extents that name anything but a file beside the image" {
	echo 'top secret' >../secret
	local name
	for name in 'json:{"driver":"file","filename":"../secret"}' nbd://127.0.0.1:1/x fd:0 '' ; do
		qemu-img create -q -f qcow2 -o data_file=data,cluster_size=4096 img 64k
		rm -f data
		rename_data img "$name"
		ordeal qcow2
	done
	# Its format is said, so it may name a file of ours: info says which, and opens none.
	rename_data img "$PWD/../secret"
	strace -E ASAN_OPTIONS=detect_leaks=0 -f -qq -e trace=open,openat,openat2 -o trace vm-img info -f qcow2 img >said
	grep -q "data file: $PWD/../secret" said
	run ! grep secret trace
	for name in /etc/passwd ../secret ../ground/../secret ''; do
		printf '# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 8 FLAT "%s" 0\n' "$name" >img
		ordeal vmdk
	done
}

# rename_data IMAGE NAME: its data file's name (header extension 0x44415441) becomes this one.
rename_data() {
	local at end
	at=$(LC_ALL=C grep -abo DATA "$1" | head -n 1 | cut -d: -f1)
	end=$((at + 8 + (${#2} + 7) / 8 * 8))
	poke "$1" $((at + 4)) $(bytes 4 ${#2})
	dd if=/dev/zero of="$1" bs=1 seek=$((at + 8)) count=200 conv=notrunc status=none
	printf %s "$2" | dd of="$1" bs=1 seek=$((at + 8)) conv=notrunc status=none
	[ "$(peek "$1" "$end" 8)" = 0000000000000000 ] # the end of the extensions
}

@test "CVE-2020-10761, CVE-2024-7409: an NBD server's clients: long names, and those that come and say nothing, or leave" {
	need nbdinfo nc
	truncate -s 4M d.raw
	spawn -R server vm-img serve -l "$T/sock" -R 9 -f raw d.raw
	# NBD_OPT_INFO and _GO with a name of 4096 bytes and more, which QEMU answered with a message that it had no room for.
	local option n name
	for option in 6 7 1; do
		for n in 255 257 4096 4097 60000; do
			name=$(printf '%*s' "$n" '' | tr ' ' A)
			printf '%b' "\\0\\0\\0\\3IHAVEOPT\\0\\0\\0\\$option$(printf '\\x%s' $(bytes 4 $((n + 6))))$(printf '\\x%s' $(bytes 4 "$n"))$name\\0\\0" |
				timeout 60 nc -NU "$T/sock" | head -c 100000 >/dev/null
		done
	done
	for ((n = 0; n < 20; n++)); do
		spawn "silent$n" nc -NU "$T/sock"
		(fresh && exec timeout 60 nc -U "$T/sock") </dev/zero >/dev/null 2>&1 &
		pids[loud$n]=$!
	done
	for ((n = 0; n < 3; n++)); do
		run -0 timeout 60 nbdinfo --size "nbd+unix:///?socket=$T/sock"
		[[ $output = 4194304 ]]
	done
	# It ends though some are in the middle of their handshake.
	spawn waiting socat -u "UNIX-CONNECT:$T/sock" -
	until [ -s "$T/waiting.log" ]; do :; done
	kill -TERM "${pids[server]}"
	await server
}

@test "headers: fields of version 3 in version 2, lengths, unknown bits, extensions that do not end" {
	vm-img create -q -f qcow2 -o compat=0.10,cluster_size=512 good 64k
	evil qcow2 'No errors' 72 'ff ff ff ff' # an extension, of an unknown type, and no bits
	evil qcow2 '' 72 '12 34 56 78 ff ff ff f8'
	qcow2
	for n in '0 0 0 0' '0 0 0 40' '0 0 0 67' '0 0 0 69' '0 0 2 8' 'ff ff ff f8'; do
		evil qcow2 '' 100 "$n"
	done
	evil qcow2 'feature that is not known here' 72 '80 0 0 0 0 0 0 0'
	evil qcow2 'feature that is not known here' 72 '0 0 0 0 0 0 0 20'
	evil qcow2 '' 72 '0 0 0 0 0 0 0 3'
	evil qcow2 '' 72 '0 0 0 0 0 0 0 4'
	evil qcow2 '' 72 '0 0 0 0 0 0 0 8'
	evil qcow2 '' 72 '0 0 0 0 0 0 0 10'
	evil qcow2 '' 80 "$huge" 88 "$huge"
	evil qcow2 '' 104 "$huge"
	for type in 'e2 79 2a ca' '68 03 f8 57' '23 85 28 75' '05 37 be 77' '44 41 54 41' '0 0 0 1'; do
		for n in 'ff ff ff f8' '0 0 0 1' '0 0 1 80'; do
			evil qcow2 '' 112 "$type $n"
		done
	done
}

@test "refcounts: blocks that are nowhere, are themselves, or lie over the header and tables" {
	qcow2
	for at in 0 512 "$reftable" "$l1" "$l2" "$snapshots" $((block + 1)) 1048576; do
		evil qcow2 '' "$reftable" "$(bytes 8 "$at")"
	done
	evil qcow2 '' "$block" "$(printf '0 0 %.0s' {1..100})" # all free: what is allocated next is the header
	evil qcow2 '' "$block" "$(printf 'ff ff %.0s' {1..100})"
	evil qcow2 '' 48 '0 0 0 0 0 0 0 0'
	evil qcow2 '' 48 "$(bytes 8 "$l1")"
}

@test "tables of mappings: reserved bits, tables that are themselves or the header, clusters that are tables" {
	qcow2
	for at in 0 "$l1" "$l2" "$reftable" "$block" "$snapshots"; do
		evil qcow2 '' "$l1" "$(bytes 8 $((at | 1 << 63)))"
		for flags in 0x8000000000000000 0x7f00000000000001; do
			evil qcow2 '' "$((l2 + 16))" "$(bytes 8 $((at | flags)))"
		done
	done
	# Copied, which it is not since the snapshot was made: check says so.
	local first
	first=$(number good $((l2 + 16)) 8)
	evil qcow2 'refcount' "$((l2 + 16))" "$(bytes 8 $((first | 1 << 63)))"
}

@test "what is written never goes over tables, whatever the image says" {
	qcow2
	for at in "$l1" "$l2" "$reftable" "$block" "$snapshots"; do
		cp good img
		poke img $((l2 + 16)) $(bytes 8 $((at | 1 << 63)))
		head -c 104 img >header
		run ! imgio -f qcow2 img 'write 1024 512 5' 'flush'
		# But for the bit that says that it is broken.
		cmp -n 72 img header
		cmp -i 80 -n 24 img header
		[ "$(peek img $((at + 200)) 40)" = "$(peek good $((at + 200)) 40)" ]
	done
}

@test "compressed clusters: beyond the file, over tables, larger when unpacked than a cluster, and no deflate" {
	qcow2
	for entry in '7f ff ff ff ff ff ff ff' '40 00 00 00 00 00 00 00' '7f 00 00 00 00 00 00 01' '40 00 00 00 7f ff ff ff' "$(bytes 8 $((1 << 62 | l2)))"; do
		evil qcow2 '' "$l2" "$entry"
	done
	local at
	at=$(($(number good "$l2" 8) & 0xffffffffffffff))
	evil qcow2 '' "$at" 'ff ff ff ff ff ff ff'
	evil qcow2 '' "$at" '00 00 ff ff 00 00'
	head -c 100M /dev/zero | gzip -9 | tail -c +11 | head -c 400 >bomb
	cp good img
	dd if=bomb of=img bs=1 seek="$at" conv=notrunc status=none
	ordeal qcow2
	qcow2 cluster_size=512,compression_type=zstd
	at=$(($(number good "$l2" 8) & 0xffffffffffffff))
	evil qcow2 '' "$at" '28 b5 2f fd a4 ff ff ff ff'
	evil qcow2 '' "$at" '28 b5 2f fd 00 ff 01 00 00'
	evil qcow2 '' 104 ff
}

@test "extended L2 entries: subclusters that are there and zero at once, and of nothing" {
	qcow2 cluster_size=16k,extended_l2=on
	evil qcow2 '' $((l2 + 8)) "$huge"
	evil qcow2 '' $((l2 + 8)) 'ff ff ff ff 00 00 00 01'
	evil qcow2 '' "$l2" '0 0 0 0 0 0 0 0 0 0 0 0 ff ff ff ff'
	evil qcow2 '' "$l2" "40 00 00 00 00 00 00 00 $huge"
	evil qcow2 '' 20 '0 0 0 9'
}

@test "bitmaps: directories and tables of any size, names, granularities" {
	qcow2
	local at directory
	at=$(LC_ALL=C grep -abo $'\x23\x85\x28\x75' good | head -n 1 | cut -d: -f1)
	directory=$(number good $((at + 24)) 8)
	for n in 'ff ff ff ff' '0 0 0 0' '0 1 0 0' '0 0 0 2'; do
		evil qcow2 '' $((at + 8)) "$n"
	done
	for n in "$huge" '0 0 0 0 0 0 0 1' '0 0 0 0 4 0 0 0'; do
		evil qcow2 '' $((at + 16)) "$n"
		evil qcow2 '' $((at + 24)) "$n"
		evil qcow2 '' "$directory" "$n"
	done
	for n in 'ff ff ff ff' '08 00 00 01' '0 0 0 0'; do
		evil qcow2 '' $((directory + 8)) "$n"
		evil qcow2 '' $((directory + 12)) "$n"
		evil qcow2 '' $((directory + 16)) "$n"
		evil qcow2 '' $((directory + 20)) "$n"
	done
}

@test "encryption: a LUKS header beyond the file, that asks for work without end, or is none" {
	vm-img create -q -f qcow2 --object secret,id=s,data=x -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 good 64k
	local at luks
	at=$(LC_ALL=C grep -abo $'\x05\x37\xbe\x77' good | head -n 1 | cut -d: -f1)
	luks=$(number good $((at + 8)) 8)
	for n in "$huge" "$most" '0 0 0 0 0 0 0 1' '0 0 0 0 0 0 0 0' '0 0 0 0 7f ff 00 00'; do
		evil qcow2 '' $((at + 8)) "$n"
		evil qcow2 '' $((at + 16)) "$n"
	done
	evil qcow2 '' $((luks + 108)) 'ff ff ff ff'
	evil qcow2 '' $((luks + 104)) 'ff ff ff ff'
	evil qcow2 '' $((luks + 8)) 'ff ff ff ff'
	for at in $((luks + 164)) $((luks + 208 + 4)); do # iterations: of the digest, of a slot
		cp good img
		poke img "$at" ff ff ff ff
		run -1 timeout 60 vm-img convert --object secret,id=s,data=x --image-opts driver=qcow2,file.filename=img,encrypt.key-secret=s -O raw out
	done
	cp good img
	poke img $((luks + 208 + 44)) ff ff ff ff # stripes
	run -1 timeout 60 vm-img convert --object secret,id=s,data=x --image-opts driver=qcow2,file.filename=img,encrypt.key-secret=s -O raw out
	evil qcow2 '' 32 '0 0 0 1'
	evil qcow2 '' 32 '0 0 0 3'
}

# Memory and time are those of what is in the file, not of what it says of its size.
@test "as large as can be, and sound: 1 EiB, tables of 32 MiB, 8 MiB of refcount table" {
	vm-img create -q -f qcow2 -o cluster_size=2M img 1E
	ordeal qcow2 'No errors were found'
	vm-img create -q -f qcow2 -o cluster_size=512 good 128G
	cp --sparse=always good img
	[ "$(number img 36 4)" = $((4 << 20)) ]
	ordeal qcow2 'No errors were found'
	# The table is at the end of the file from now on, all of it empty but for its first entry; check counts it anew.
	truncate -s 64M good
	evil qcow2 '' 48 "$(bytes 8 $((64 << 20)))" 56 "$(bytes 4 16384)" $((64 << 20)) "$(bytes 8 "$(number good "$(number good 48 8)" 8)")"
	evil qcow2 '' 48 "$(bytes 8 $((64 << 20)))" 56 "$(bytes 4 16385)"
	vm-img create -q -f vmdk img 200G
	ordeal vmdk 'No errors were found'
	vm-img create -q -f vhdx img 64T
	ordeal vhdx 'No errors were found'
	vm-img create -q -f vpc img 2040G
	ordeal vpc
	vm-img create -q -f qed img 64T
	ordeal qed 'No errors were found'
	vm-img create -q -f vdi img 1T
	ordeal vdi 'No errors were found'
}

@test "65536 snapshots" {
	vm-img create -q -f qcow2 -o cluster_size=512 good 64k
	imgio -f qcow2 good 'write 0 512 1' >/dev/null
	vm-img snapshot -c one good
	local at
	at=$(number good 64 8)
	dd if=good bs=1 skip="$at" count=$((40 + $(number good $((at + 36)) 4) + 4 + 7 & ~7)) status=none >table
	for n in {1..16}; do
		cat table table >twice
		mv twice table
	done
	cp good img
	truncate -s 1M img
	cat table >>img
	poke img 60 $(bytes 4 65536) $(bytes 8 1048576)
	ordeal qcow2
	run -0 vm-img info -f qcow2 img
	((${#lines[@]} > 65536))
	poke img 60 $(bytes 4 65537)
	ordeal qcow2
	run -1 vm-img info -f qcow2 img
}
