# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# What tests of image formats share: `load image`, after `load lib`.

# poke FILE OFFSET HEX...: write bytes into a file.
poke() {
	local file=$1 at=$2 bytes
	shift 2
	bytes=$(printf '\\x%s' "$@")
	# shellcheck disable=SC2059 # a format of bytes
	printf "$bytes" | dd of="$file" bs=1 seek="$((at))" conv=notrunc status=none
}

# peek FILE OFFSET LEN: its bytes, in hex.
peek() {
	od -A n -v -t x1 -j "$(($2))" -N "$3" "$1" | tr -d ' \n'
}

# refuses FORMAT FILE WORDS: vm-img does not open it and says WORDS; nor does it crash.
refuses() {
	run vm-img info -f "$1" "$2"
	((status == 1)) && [[ $output = *"$3"* ]] || {
		echo "ended with $status, without '$3': $output"
		return 1
	}
}

# both_ways FORMAT [OPTION]...: an image of QEMU's is written by us, and one of ours by QEMU; both then read them alike.
both_ways() {
	local format=$1 file
	shift
	qemu-img create -q -f "$format" "$@" theirs 4M
	vm-img create -q -f "$format" "$@" ours 4M
	rm -f model
	truncate -s "$(vm-img info --output=json -f "$format" ours | sed -n 's/.*"virtual-size": \([0-9]*\).*/\1/p')" model
	for file in theirs ours; do
		imgio -f "$format" $file 'write 0 100000 1' 'write 2097000 1000 2' 'zero 4096 5000' 'write 3M 512 3' >/dev/null
		qemu-io -f "$format" -c 'write -q -P 4 65536 70000' -c 'write -q -z 3M 4k' -c 'write -q -P 5 4190208 4096' $file
		imgio -f "$format" $file 'write 50000 10 6' 'write 4100000 1000 7' 'zero 1M 64K unmap' >/dev/null
	done
	imgio -f raw model 'write 0 100000 1' 'write 2097000 1000 2' 'zero 4096 5000' 'write 3M 512 3' 'write 65536 70000 4' 'zero 3M 4K' \
		'write 4190208 4096 5' 'write 50000 10 6' 'write 4100000 1000 7' 'zero 1M 64K' >/dev/null
	for file in theirs ours; do
		qemu-img compare -q -f raw -F "$format" model $file || { echo "QEMU reads $file otherwise"; return 1; }
		vm-img compare -q -f raw -F "$format" model $file || { echo "we read $file otherwise"; return 1; }
	done
}

# converts FORMAT [OPTION]...: what we convert to it QEMU reads, and back.
converts() {
	local format=$1
	shift
	truncate -s 0 data.raw
	truncate -s 5M data.raw
	seq 100000 | dd of=data.raw bs=64k seek=20 conv=notrunc iflag=fullblock status=none
	vm-img convert -f raw -O "$format" "$@" data.raw out.img
	qemu-img compare -q -f raw -F "$format" data.raw out.img
	qemu-img convert -f raw -O "$format" "$@" data.raw theirs.img
	vm-img convert -f "$format" -O raw theirs.img back.raw
	cmp data.raw back.raw
}
