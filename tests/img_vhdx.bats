#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# VHDX images: what QEMU writes we read and the other way round; the log, of interrupted writers of either; what is refused.
load lib
load image

setup() {
	need qemu-img qemu-io
	cd "$T" || return
}

@test "dynamic and fixed images are the same to QEMU and to us, read and written, and clean to both" {
	local options
	for options in block_size=1M subformat=fixed block_state_zero=off; do
		rm -f ours theirs
		both_ways vhdx -o $options
		qemu-img check -q -f vhdx ours
		vm-img check -q -f vhdx theirs
	done
	converts vhdx
	qemu-img check -q -f vhdx out.img
}

@test "an image that was made has the size, blocks and map that QEMU gives one" {
	local size options file
	for size in 1M 1G 1025M 100G 101G 33T 64T; do
		for options in block_size=0 block_size=256M block_state_zero=off,log_size=3M; do
			rm -f ours theirs
			qemu-img create -q -f vhdx -o $options theirs $size
			vm-img create -q -f vhdx -o $options ours $size
			qemu-img check -q -f vhdx ours
			for file in ours theirs; do
				qemu-img info --output=json -f vhdx $file | grep -v 'filename\|actual-size' >$file.is
				qemu-img map --output=json -f vhdx $file >>$file.is
			done
			cmp ours.is theirs.is
		done
	done
	run ! vm-img create -q -f vhdx a.vhdx 65T
	[[ $output = *'at most 64T'* ]]
	run ! vm-img create -q -f vhdx -o block_size=3M a.vhdx 1M
	[[ $output = *'power of two'* ]]
	run ! vm-img create -q -f vhdx -o log_size=1K a.vhdx 1M
	[[ $output = *'log_size'* ]]
}

# What QEMU leaves when it dies after writing its log, before the table: its table's sector cannot be written.
qemu_dies() {
	qemu-img create -q -f vhdx -o block_size=1M a.vhdx 20M
	qemu-io -c 'write -q -P 1 0 64k' a.vhdx
	qemu-io --image-opts -c 'write -q -P 7 1M 64k' "driver=vhdx,file.driver=blkdebug,file.image.driver=file,file.image.filename=a.vhdx,\
file.inject-error.0.event=none,file.inject-error.0.iotype=write,file.inject-error.0.sector=4096" || :
	run ! qemu-io -r -f vhdx -c 'read -q 0 512' a.vhdx
	[[ $output = *'needs to be replayed'* ]]
}

@test "a log of QEMU's is minded in reading, the file untouched, and replayed before writing" {
	qemu_dies
	cp a.vhdx before
	imgio -r -f vhdx a.vhdx 'read 0 64K 1' 'read 1M 64K 7' 'read 2M 1M 0'
	cmp a.vhdx before
	imgio -f vhdx a.vhdx 'write 3M 512 9' >/dev/null
	qemu-img check -q -f vhdx a.vhdx
	qemu-io -r -f vhdx -c 'read -q -P 1 0 64k' -c 'read -q -P 7 1M 64k' -c 'read -q -P 9 3M 512' a.vhdx
	cp before a.vhdx
	vm-img check -r all -f vhdx a.vhdx
	qemu-io -r -f vhdx -c 'read -q -P 7 1M 64k' a.vhdx
}

@test "a writer of ours that is interrupted leaves what QEMU replays, and we" {
	local n word pending=0
	for n in $(seq 0 5 60); do
		rm -f a.vhdx
		vm-img create -q -f vhdx -o block_size=1M a.vhdx 4M
		imgcut -f vhdx "$n" a.vhdx >flushes
		cp a.vhdx b.vhdx
		qemu-io -r -f vhdx -c 'read -q 0 512' a.vhdx 2>/dev/null || ((++pending))
		qemu-img check -q -r all -f vhdx a.vhdx
		printf '%d %d\n' 1 0 2 1 3 2 | head -n "$(<flushes)" >flushed
		while read -r byte mib; do
			qemu-io -r -f vhdx -c "read -q -P $byte ${mib}M 64k" a.vhdx </dev/null
			imgio -r -f vhdx b.vhdx "read ${mib}M 64K $byte" </dev/null
		done <flushed
		imgio -f vhdx b.vhdx 'write 3M 512 9' 'read 3M 512 9' 'read 3146240 1K 0'
		qemu-img check -q -f vhdx b.vhdx
	done
	((pending > 0))
	(($(<flushes) == 3))
}

# damaged [OFFSET HEX...]: a.vhdx with some data, changed. Log at 1 MiB, BAT at 2, metadata at 3, their items at 3 MiB + 64 KiB.
damaged() {
	[ -e good ] || {
		vm-img create -q -f vhdx -o block_size=1M good 4M
		imgio -f vhdx good 'write 0 2M 1' >/dev/null
	}
	cp good a.vhdx
	[ $# = 0 ] || poke a.vhdx "$@"
}

@test "of two headers or region tables one may be broken, not both" {
	local at
	for at in 65536 131072 196608 262144; do
		damaged $at 0
		imgio -r -f vhdx a.vhdx 'read 0 2M 1'
		((at > 131072)) || qemu-io -r -f vhdx -c 'read -q -P 1 0 2M' a.vhdx # QEMU looks at the first region table alone
	done
	damaged 65536 0
	poke a.vhdx 131080 ff
	refuses vhdx a.vhdx 'neither of the two headers'
	damaged 196608 0
	poke a.vhdx 262160 ff
	refuses vhdx a.vhdx 'neither of the two region tables'
}

@test "of two whole headers the later one counts" {
	local older
	for older in 65536 131072; do
		damaged
		says a.vhdx $older 8 0 0 0 0 0 0 0 0
		says a.vhdx $older 72 0 0 0 70
		imgio -r -f vhdx a.vhdx 'read 0 2M 1'
		qemu-io -r -f vhdx -c 'read -q -P 1 0 2M' a.vhdx
	done
}

@test "hostile metadata are refused: items, block and disk sizes, parents" {
	damaged 0x300030 ff ff ff ff
	refuses vhdx a.vhdx 'not within them'
	damaged 0x30000a ff ff
	refuses vhdx a.vhdx 'no metadata'
	damaged 0x300020 0
	refuses vhdx a.vhdx 'required and unknown'
	damaged 0x310000 0 0 0 0
	refuses vhdx a.vhdx 'block size'
	damaged 0x310000 0 0 0 40
	refuses vhdx a.vhdx 'block size'
	damaged 0x310004 2
	refuses vhdx a.vhdx differencing
	damaged 0x310008 0 0 0 0 ff ff ff 7f
	refuses vhdx a.vhdx 'larger than 64T'
	damaged 0x310008 1
	refuses vhdx a.vhdx 'no multiple'
	damaged 0x310008 0 0 0 0 0 1
	refuses vhdx a.vhdx 'too short for the disk'
	damaged 0x310020 0 0 0 0
	refuses vhdx a.vhdx 'lack'
	damaged 0x310020 0 4 0 0
	refuses vhdx a.vhdx 'sectors have'
}

@test "sectors of 4 KiB are read and written" {
	damaged 0x310020 0 10 0 0 0 10 0 0
	imgio -f vhdx a.vhdx 'read 0 2M 1' 'write 3M 4096 2' 'read 3M 4096 2'
	vm-img check -q -f vhdx a.vhdx
}

@test "entries of the table that cannot be are found by check, and are errors when they are used; nothing is written then" {
	local entry
	for entry in '6 0 30 0 0 0 0 0' '6 0 20 0 0 0 0 0' '6 0 10 0 0 0 0 0' '6 0 0 0 0 0 0 0' '6 0 0 ff ff ff ff ff' '7 0 40 0 0 0 0 0'; do
		# shellcheck disable=SC2086 # bytes
		damaged 0x200010 $entry
		cp a.vhdx before
		run vm-img check -f vhdx a.vhdx
		((status == 2))
		run ! imgio -r -f vhdx a.vhdx 'read 2M 512'
		[[ $output = *'can not be as its entry says'* ]]
		run ! imgio -f vhdx a.vhdx 'write 2M 512 1'
		cmp -i 2097152 a.vhdx before
	done
	damaged 0x200010 6 0 40 0 0 0 0 0
	run vm-img check -f vhdx a.vhdx
	((status == 2))
	[[ $output = *'where another one is'* ]]
}

@test "a hostile log is refused, whatever it is for, and is not endless" {
	qemu_dies
	cp a.vhdx good
	local at sum
	at=$((1048576 + 8192)) # the last entry
	[ "$(peek a.vhdx $at 4)" = 6c6f6765 ] || at=1048576
	# Each change breaks the entry's sum, and an entry that is not whole is none: the write is lost, no more.
	for change in "8 ff ff ff 7f" "12 0 10" "24 ff ff ff ff" "80 ff" "4100 ff"; do
		cp good a.vhdx
		# shellcheck disable=SC2086 # bytes
		poke a.vhdx $((at + ${change%% *})) ${change#* }
		imgio -r -f vhdx a.vhdx 'read 0 64K 1'
	done
	# A log region that lies where others do, or not in the file.
	damaged
	refuses_header 72 0 0 20 0 'overlap'
	refuses_header 72 0 0 0 70 'log can not be'
	refuses_header 68 0 0 0 0 'log can not be'
}

# refuses_header OFFSET B1 B2 B3 B4 WORDS: both headers say so, with right sums, and the image is refused.
refuses_header() {
	local file=a.vhdx header
	cp good a.vhdx
	for header in 65536 131072; do
		says $file $header "$1" "$2" "$3" "$4" "$5"
	done
	refuses vhdx $file "$6"
}

# says FILE HEADER OFFSET BYTES...: the header says so, with a right sum.
says() {
	poke "$1" $(($2 + $3)) "${@:4}"
	# shellcheck disable=SC2046 # bytes
	poke "$1" $(($2 + 4)) $(crc32c "$1" "$2")
}

# crc32c FILE AT: of the 4 KiB there, the sum itself (4 bytes at 4) being zeroes; its bytes.
crc32c() {
	poke "$1" $(($2 + 4)) 0 0 0 0
	od -A n -v -t u1 -w1 -j "$2" -N 4096 "$1" | awk '
	function exor(a, b,   r, p) {
		r = 0
		for (p = 1; a || b; p *= 2) {
			if (a % 2 != b % 2) r += p
			a = int(a / 2); b = int(b / 2)
		}
		return r
	}
	BEGIN {
		for (n = 0; n < 256; n++) {
			c = n
			for (k = 0; k < 8; k++) c = c % 2 ? exor(int(c / 2), 2197175160) : int(c / 2)
			table[n] = c
		}
		crc = 4294967295
	}
	{ crc = exor(table[exor(crc % 256, $1)], int(crc / 256)) }
	END {
		crc = 4294967295 - crc
		for (k = 0; k < 4; k++) { printf "%x ", crc % 256; crc = int(crc / 256) }
	}'
}
