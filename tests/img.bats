#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# vm-img as a command: its words, create, info, dd, bench. What qemu-img says is what it says.
load lib

root=$BATS_TEST_DIRNAME/..

setup() {
	need qemu-img qemu-io
	cd "$T" || return
	ln -s "$BIN/vm-img" qemu-img
}

# same WORD...: both print the same, and end alike. Ours runs under qemu-img's name.
same() {
	local ours=0 theirs=0
	./qemu-img "$@" >ours.out 2>ours.err || ours=$?
	command qemu-img "$@" >theirs.out 2>theirs.err || theirs=$?
	((ours == theirs)) || { echo "vm-img $*: $ours, not $theirs"; cat ours.err theirs.err; return 1; }
	diff ours.out theirs.out
}

# refused REGEX WORD...: vm-img fails with 1 and one line that matches.
refused() {
	local regex=$1
	shift
	run -1 vm-img "$@"
	[ "${#lines[@]}" -eq 1 ] || { echo "$output"; return 1; }
	[[ $output =~ ^vm-img:\ $regex ]] || { echo "$output"; return 1; }
}

# The letters of a command: as it parses them, and as a list of words like [-nqU] and [-f fmt] has them.
letters_parsed() {
	grep -ohE '"\+?:[A-Za-z0-9:]+"' "$root/vm-img/$1"*.c | grep -oE '[A-Za-z0-9]:?' | LC_ALL=C sort -u
}
letters_of_words() {
	grep -oE '(^|[[ |(])-[A-Za-z0-9]+( [^]| -][^]| ]*)?' | sed 's/^[[ |(]*-//' | while read -r letters argument; do
		if [ "$argument" ]; then echo "$letters:"; else grep -o . <<<"$letters"; fi
	done | LC_ALL=C sort -u
}

# Those of a command in the page: of its item's line, or of the section of "open".
letters_of_page() {
	if [[ $1 = open ]]; then
		sed -n '/^\.Sh HANDING/,/^\.Sh NBD/p' "$root/man/vm-img.1" | grep -E '^\.(Op|It) Fl [A-Za-z]'
	else
		sed -n '/^\.Sh COMMANDS/,/^\.Sh HANDING/p' "$root/man/vm-img.1" | grep "^\.It Cm $1 "
	fi | grep -oE 'Fl [A-Za-z0-9]+( (Ar|Cm))?( |$)' | while read -r _ letters argument; do
		if [ "$argument" ]; then echo "$letters:"; else grep -o . <<<"$letters"; fi
	done | LC_ALL=C sort -u
}

commands() {
	vm-img --help | sed '1d' | awk '{ print $1 }'
}

@test "every command says what it takes, which is what it parses, and what the page has" {
	local cmd text
	[ "$(commands | wc -l)" -ge 14 ]
	for cmd in $(commands); do
		run -0 vm-img "$cmd" --help
		[[ ${lines[0]} = "usage: vm-img $cmd "* ]]
		run -0 vm-img "$cmd" -h
		text=$(vm-img "$cmd" --help)
		diff <(letters_parsed "$cmd") <(sed '/^[a-z]/d' <<<" ${text#usage: vm-img "$cmd" }" | tr '\n\t' '  ' | letters_of_words) ||
			{ echo "$cmd: parsed < > --help"; return 1; }
		diff <(letters_parsed "$cmd") <(letters_of_page "$cmd") || { echo "$cmd: parsed < > page"; return 1; }
	done
}

@test "every command of qemu-img is there, and every option of each is known or refused for a reason" {
	local line cmd options option
	while read -r line; do
		cmd=${line%% *}
		commands | grep -qx "$cmd" || { echo "no $cmd"; return 1; }
		for option in $(grep -oE -- '(^|[[ |(])--?[A-Za-z][a-z-]*' <<<"$line" | tr -d '[|( '); do
			[[ $option != --object ]] || continue
			run vm-img "$cmd" "$option"
			[[ $output != *"no such option"* ]] || { echo "$cmd $option: $output"; return 1; }
		done
	done < <(command qemu-img --help | sed -n '/^Command syntax/,/^Command parameters/p' | sed -n 's/^  \([a-z]\)/\1/p')
}

@test "wrong usage is one line and status 1" {
	refused 'no command' 
	refused 'bogus: no such command' bogus
	refused 'info: -Z: no such option' info -Z x
	refused 'info: --bogus: no such option' info --bogus x
	refused 'info: -f: an argument is missing' info -f
	refused 'info: no image is named' info
	refused 'info: y: one word too many' info x y
	refused '--output xml: human or json' info --output=xml x
	refused 'resize: no size is said' resize x
	refused '-t bogus: none, ' commit -t bogus x
	refused 'dd: Must specify both' dd if=x
	refused 'dd: foo=1: not if=' dd if=x of=y foo=1
	refused 'bs: 0: not from 1' dd if=x of=y bs=0
	refused 'bench: -d 0: not a number' bench -d 0 x
	refused "x: Must specify backing file" rebase x
	refused '--object rng' info --object rng,id=r x
	refused '--object secret: ' info --object secret,id=r x
}

@test "called as qemu-img it says its version as qemu-img does" {
	run -0 ./qemu-img --version
	[[ $output =~ ^qemu-img\ version\ 7\.[0-9]+\.[0-9]+\ \(kvm-utils\ [0-9.]+\)$ ]]
	run -0 vm-img --version
	[[ $output = 'kvm-utils '* ]]
}

@test "sizes are read as qemu-img reads them" {
	local size
	for size in 0 512 1b 1k 1K 1.5K 64k 1M 0x400 0X10000 1.3G 2T 511 1000001 0.5k 1.0001M; do
		command qemu-img create -q -f raw theirs "$size"
		vm-img create -q -f raw ours "$size"
		[ "$(stat -c %s ours)" = "$(stat -c %s theirs)" ] || { echo "$size"; return 1; }
	done
	for size in '' abc 1Q 1kB 1e3 .5K 1.5 -1 0x 0xg 16E 99999999999999999999 1.5.5K; do
		! command qemu-img create -q -f raw theirs "$size" 2>/dev/null
		refused '' create -q -f raw ours -- "$size"
	done
}

@test "create: raw images, an old one replaced with its mode, quiet and not" {
	run -0 vm-img create a 1M
	[ "$output" = "Formatting 'a', fmt=raw size=1048576" ]
	run -0 vm-img info a
	diff <(echo "$output") <(command qemu-img info a)
	chmod 600 a
	echo old >a
	run -0 vm-img create -q -f raw a 2M
	[ ! "$output" ]
	[ "$(stat -c '%s %a' a)" = '2097152 600' ]
	[ "$(ls -A)" = "$(ls)" ]
	run -0 vm-img create -f raw -o preallocation=falloc a 1M
	[ "$(stat -c %b a)" -ge 2048 ]
	run -0 vm-img create -f raw -o size=1M,preallocation=full a
	[ "$(stat -c %b a)" -ge 2048 ]
}

@test "create: what cannot be is refused, and an old file stays" {
	echo old >x
	refused "x: Unknown file format 'foo'" create -f foo x 1M
	refused 'x: images of format bochs are only read here' create -f bochs x 1M
	refused 'x: Image creation needs a size' create x
	refused "x: Invalid parameter 'foo'" create -f qcow2 -o foo=1 x 1M
	refused "x: Parameter 'lazy_refcounts' expects" create -f qcow2 -o lazy_refcounts=maybe x 1M
	refused "x: Parameter 'cluster_size' expects" create -f qcow2 -o cluster_size=64Q x 1M
	refused "x: Expected '=' after parameter 'cluster_size'" create -f qcow2 -o cluster_size x 1M
	refused 'x: the size is said twice' create -f qcow2 -o size=2M x 1M
	refused 'x: preallocation of a raw image' create -f raw -o preallocation=foo x 1M
	refused 'x: a raw image has no backing' create -f raw -u -b y -F raw x 1M
	refused 'create: 2M: one word too many' create x 1M 2M
	refused 'nodir/x: No such file' create nodir/x 1M
	refused 'nbd:x: nbd: is not a file' create nbd:x 1M
	[ "$(cat x)" = old ]
	vm-img create -q ./a:b 1M
	[ -f a:b ]
}

@test "create: -o help and -o ? tell the options, before anything is made" {
	run -0 vm-img create -f raw -o help
	[[ ${lines[0]} = 'Supported options:' ]]
	[[ $output = *'  size=<size>            - '* ]]
	run -0 vm-img create -f qcow2 -o '?' x 1M
	[[ $output = *'  lazy_refcounts=<bool (on/off)> - '* ]]
	[ ! -e x ]
}

@test "a full disk and a lock are told with the file's name" {
	run -1 unshare -rm sh -c 'mount -t tmpfs -o size=64k none /mnt && vm-img create -f raw -o preallocation=full /mnt/x 1M; s=$?; ls -A /mnt; exit $s'
	[ "$output" = 'vm-img: /mnt/x: preallocation: No space left on device' ]
	command qemu-img create -q -f qcow2 x 1M
	(fresh && exec qemu-io -f qcow2 -c 'sleep 100000' x) >/dev/null 2>&1 &
	pids[holder]=$!
	until grep -q "$(stat -c %i x)" /proc/locks; do :; done
	refused "Could not open 'x': another QEMU.* -U " info x
	refused "x: another QEMU" create -f raw x 1M
	run -0 vm-img info -U x
	refused '-U: only for reading' rebase -u -U -b y -F raw x
}

@test "info: the same as qemu-img, as text and as JSON" {
	local image
	truncate -s 1M raw
	command qemu-img create -q -f qcow2 base 1M
	mkdir dir
	command qemu-img create -q -f qcow2 -b ../base -F qcow2 dir/top
	command qemu-img create -q -f qcow2 -b base -F qcow2 top 3M
	command qemu-img create -q -f qcow2 -o compat=0.10 v2 1M
	command qemu-img create -q -f qcow2 -o cluster_size=4k,lazy_refcounts=on,refcount_bits=64 odd 12345k
	command qemu-img create -q -f qcow2 -o compression_type=zstd,extended_l2=on new 1M
	command qemu-img create -q -f qcow2 -o data_file=data,data_file_raw=on ext 1M
	command qemu-img create -q -f qcow2 snap 1M
	command qemu-img snapshot -c one snap
	qemu-io -c 'write -q 0 64k' snap
	command qemu-img bitmap --add snap bits
	command qemu-img snapshot -c 'two, "quoted"' snap
	(qemu-io -c 'write -q 0 64k' -c 'sigraise 9' odd) || :
	for image in raw base dir/top top v2 odd new ext snap; do
		same info "$image"
		same info --output=json "$image"
		same info --backing-chain "$image"
		same info --backing-chain --output=json "$image"
	done
}

@test "info: names of hostile images neither end a line nor command a terminal, and JSON stays JSON" {
	need jq
	command qemu-img create -q -f qcow2 -u -b $'a\e[2Jb\nc\xff\xe0\x80\xaf\xc3\xa9"\\' -F raw x 1M
	run -0 vm-img info x
	[[ $output = *'backing file: a?[2Jb?c'* ]]
	vm-img info --output=json x | jq -e '."backing-filename" == "a\u001b[2Jb\nc\ufffd\ufffd\ufffd\ufffdé\"\\"'
	run -1 vm-img map -f qcow2 x
	[ "${#lines[@]}" -eq 1 ]
	[[ $output = *'a?[2Jb?c'* ]]
}

@test "dd: blocks of a disk, like dd's" {
	command qemu-img create -q -f qcow2 in 3M
	qemu-io -c 'write -q -P 1 0 1M' -c 'write -q -P 2 2M 512k' in
	command qemu-img convert -O raw in raw
	for words in '' 'bs=64k count=3' 'bs=1M skip=1' 'bs=4k skip=3 count=400' 'skip=7 bs=100k' 'count=0' 'count=2 skip=5 bs=512k'; do
		# Not that of qemu-img, whose count= counts what is skipped.
		dd if=raw of=theirs status=none $words
		vm-img dd if=in of=ours $words
		cmp ours theirs
	done
	vm-img dd -f qcow2 -O qcow2 if=in of=out bs=1M count=2
	command qemu-img check -q out
	head -c 2M raw >theirs
	command qemu-img compare -q -f qcow2 -F raw out theirs
	run -0 vm-img dd if=in of=none skip=100000
	[ "$output" = 'vm-img: in: cannot skip to specified offset' ]
	[ "$(stat -c %s none)" -eq 0 ]
}

@test "bench: reads and writes, and says what it did" {
	truncate -s 1M raw
	run -0 vm-img bench -f raw -c 100 -d 4 raw
	[ "${lines[0]}" = 'Sending 100 read requests, 4096 bytes each, 4 in parallel (starting at offset 0, step size 4096)' ]
	[[ ${lines[1]} =~ ^Run\ completed\ in\ [0-9.]+\ seconds\.$ ]]
	run -0 vm-img bench -f raw -w --pattern 7 -c 16 -s 64k -d 2 --flush-interval 4 raw
	[ "${lines[1]}" = 'Sending flush every 4 drained requests' ]
	[ "$(tr -d '\007' <raw | wc -c)" -eq 0 ]
	refused 'bench: Flush interval' bench -w -c 1 --flush-interval 4 raw
	refused 'raw: shorter than one request' bench -s 2M raw
}

@test "the examples of vm-img(1) run" {
	local line
	printf secret >pass
	truncate -s 1M vmlinuz initrd
	while IFS= read -r line; do
		echo "$line"
		line=${line/kvm-run/kvm-run -n}
		run -0 clean sh -c "${line//\\(dq/\"}" </dev/null
	done < <(examples "$root/man/vm-img.1")
	[ -s packed.qcow2 ]
	command qemu-img check -q disk.qcow2
	[[ $(command qemu-img info disk.qcow2) = *'virtual size: 2 GiB'* && ! $(command qemu-img info disk.qcow2) = *backing* ]]
}
