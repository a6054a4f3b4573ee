# SPDX-License-Identifier: ISC
# NBD both ways: vm-img serve for the clients there are, disks over NBD from the servers there are.
load lib

# serve OPTIONS... IMAGE: serve it at $T/sock, and wait until it does. $U is its URI.
serve() {
	spawn -R server vm-img serve -l "$T/sock" -R 9 "$@"
	U="nbd+unix:///?socket=$T/sock"
}

# stop: end the server as init does.
stop() {
	kill -TERM "${pids[server]}"
	await server
}

# image SIZE: $T/d.raw of random bytes with holes.
image() {
	truncate -s "$1" "$T/d.raw"
	head -c 300000 /dev/urandom | dd of="$T/d.raw" conv=notrunc bs=64K seek=5 status=none
	head -c 70000 /dev/urandom | dd of="$T/d.raw" conv=notrunc bs=64K seek=40 status=none
}

@test "what is served is what nbdinfo is told" {
	need nbdinfo
	image 8M
	serve -f raw -x 'my disk' "$T/d.raw"
	run -0 nbdinfo --json "nbd+unix:///my%20disk?socket=$T/sock"
	for said in '"export-size": 8388608' '"can_fua": true' '"can_multi_conn": true' '"can_trim": true' '"is_read_only": false' \
		'"block_size_maximum": 33554432' 'base:allocation'; do
		[[ $output = *"$said"* ]] || { echo "not said: $said"; return 1; }
	done
	run -0 nbdinfo --list --json "nbd+unix:///?socket=$T/sock"
	[[ $output = *'"export-name": "my disk"'* ]]
	run ! nbdinfo "nbd+unix:///other?socket=$T/sock"
	stop
	[ ! -e "$T/sock" ]
}

@test "nbdcopy and qemu-img read what is in the image, holes as holes" {
	need nbdcopy qemu-img
	image 8M
	serve -f raw -r "$T/d.raw"
	nbdcopy "$U" "$T/out"
	cmp "$T/d.raw" "$T/out"
	qemu-img convert -f raw -O raw "$U" "$T/out2"
	cmp "$T/d.raw" "$T/out2"
	run -0 nbdinfo --map "$U"
	[[ ${lines[0]} =~ ^\ *0\ +327680\ +3\ +hole,zero$ ]]
	[[ ${#lines[@]} = 5 ]]
	run -1 nbdcopy "$T/out" "$U"
	[[ $output = *read-only* || $output = *'not permitted'* ]]
	stop
}

@test "a compressed image with a backing image, to several connections at once" {
	need nbdcopy qemu-img
	image 32M
	qemu-img convert -c -f raw -O qcow2 "$T/d.raw" "$T/base.qcow2"
	qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 "$T/top.qcow2"
	qemu-io -c 'write -q -P 9 1M 128k' "$T/top.qcow2"
	serve -f qcow2 -r "$T/top.qcow2"
	nbdcopy --connections=4 "$U" "$T/out"
	qemu-img compare -f qcow2 -F raw -U "$T/top.qcow2" "$T/out"
	stop
}

@test "nbdcopy and QEMU write: to a raw image" {
	need nbdcopy qemu-io
	image 8M
	serve -f raw "$T/d.raw"
	head -c 8M /dev/urandom >"$T/new"
	nbdcopy --flush "$T/new" "$U"
	cmp "$T/new" "$T/d.raw"
	qemu-io -f raw -c 'write -q -f -P 7 1000000 5000' -c 'write -q -z -u 2M 1M' -c 'write -q -z 4M 64k' -c 'discard -q 6M 1M' \
		-c 'flush' -c 'read -q -P 7 1000000 5000' -c 'read -q -P 0 2M 1M' -c 'read -q -P 0 4M 64k' "$U"
	[ "$(stat -c %b "$T/d.raw")" -lt 14400 ]
	stop
	qemu-io -f raw -r -c 'read -q -P 7 1000000 5000' -c 'read -q -P 0 2M 1M' "$T/d.raw"
}

@test "an image that is served is locked, one that is locked is not served" {
	need qemu-io
	image 4M
	serve -f raw "$T/d.raw"
	run -1 qemu-io -f raw -c 'write 0 512' "$T/d.raw"
	run -1 vm-img serve -f raw -l "$T/sock2" "$T/d.raw"
	[ ! -e "$T/sock2" ]
	stop
}

@test "a listening socket that was handed over, and one client that was" {
	need nbdinfo socat
	image 4M
	# shellcheck disable=SC2016 # for the inner shell
	spawn -R server wire-listen "$T/sock" sh -c 'exec vm-img serve -R 9 -r -f raw -l "${VM_WIRES#ctl,fd=}" "$1"' sh "$T/d.raw"
	run -0 nbdinfo --size "nbd+unix:///?socket=$T/sock"
	[[ $output = 4194304 ]]
	kill -TERM "${pids[server]}"
	await server
	run -0 nbdinfo --size -- [ vm-img serve -r -f raw -l 3 "$T/d.raw" ]
	[[ $output = 4194304 ]]
	spawn one socat "UNIX-LISTEN:$T/one" "EXEC:vm-img serve -r -f raw -l 0 $T/d.raw"
	until [ -S "$T/one" ]; do :; done
	run -0 nbdinfo --size "nbd+unix:///?socket=$T/one"
	[[ $output = 4194304 ]]
	await one
}

@test "hostile clients: nonsense at each stage ends their connection, and nobody else's" {
	need nbdinfo
	image 4M
	serve -f raw "$T/d.raw"
	for words in 'GET / HTTP/1.0\r\n\r\n' '\00\00\00\03IHAVEOPT\00\00\00\07\0377\0377\0377\0377' '\00\00\00\03IHAVEOPT\00\00\00\07\00\00\00\06\0377\0377\0377\0377\00\00' \
		'\00\00\00\03IHAVEOPT\00\00\00\012\00\00\00\010\00\00\00\00\0377\0377\0377\0377' \
		'\00\00\00\03IHAVEOPT\00\00\00\01\00\00\00\00nonsense nonsense nonsense nonsense' \
		'\00\00\00\03IHAVEOPT\00\00\00\01\00\00\00\00\x25\x60\x95\x13\00\00\00\01AAAAAAAA\00\00\00\00\00\00\00\00\0377\0377\0377\0377'; do
		printf '%b' "$words" | timeout 60 nc -NU "$T/sock" | head -c 100000 >/dev/null
	done
	run -0 nbdinfo --size "$U"
	[[ $output = 4194304 ]] || { cat "$T/server.log"; echo "$output"; return 1; }
	stop
}

@test "clients that never agree keep nobody out for ever; one that has may be silent" {
	need nbdinfo nc
	local i
	image 4M
	serve -f raw "$T/d.raw"
	mkfifo "$T/never"
	exec 8<>"$T/never"
	# shellcheck disable=SC2016 # for the inner shell
	spawn agreed sh -c '{ printf "\\0\\0\\0\\03IHAVEOPT\\0\\0\\0\\01\\0\\0\\0\\0"; cat "$2"; } | exec nc -U "$1"' sh "$T/sock" "$T/never"
	# shellcheck disable=SC2016
	spawn slow sh -c 'for i in "\\0" "\\0" "\\0" "\\03" I H A V E O P T "\\0" "\\0" "\\0" "\\01"; do printf "$i"; sleep 1; done | exec nc -U "$1"' sh "$T/sock"
	for i in {3..32}; do
		spawn "silent$i" nc -dU "$T/sock"
	done
	until [ "$(ss -Hxp state established "src = $T/sock" | wc -l)" -eq 32 ]; do sleep 0.1; done
	run -0 timeout 40 nbdinfo --size "$U"
	[[ $output = 4194304 ]]
	for i in {3..32}; do
		await "silent$i"
	done
	[ "$(ss -Hxp state established "src = $T/sock" | wc -l)" -eq 1 ]
	stop
}

@test "usage: what is missing or wrong is said" {
	image 4M
	run -1 vm-img serve -f raw "$T/d.raw"
	[[ $output = *"-l SOCKET"* ]]
	run -1 vm-img serve -f raw -l 77 "$T/d.raw"
	[[ $output = *"-l 77"* ]]
	run -1 vm-img serve -f raw -l 0 "$T/d.raw" </dev/null
	[[ $output = *"-l 0"* ]]
	run -1 vm-img serve -f raw -l "$T/sock" "$T/none"
	[[ $output = *"$T/none"* ]]
	[ ! -e "$T/sock" ]
}

# wire URI OPTION...: what vm-img open makes of it.
wire() {
	# shellcheck disable=SC2016 # for the inner shell
	clean vm-img open "$@" sh -c 'echo "$VM_WIRES"'
}

@test "vm-img open: a URI becomes a wire, what is wrong with one is said" {
	image 4M
	serve -r -f raw "$T/d.raw"
	run -0 wire "$U"
	[ "$output" = 'blk,fd=10,as=nbd' ]
	run -0 wire -o cache=unsafe "nbd+unix:///my%20disk/%61?socket=$T/sock"
	[ "$output" = 'blk,fd=10,as=nbd,export=my%20disk/a,cache=unsafe' ]
	run -125 wire "nbd+unix:///?socket=$T/none"
	[ "$output" = "vm-img: $T/none: No such file or directory" ]
	run -125 wire nbd+unix:///disk
	[[ $output = *'no socket= in it' ]]
	run -125 wire "nbd+unix://host/disk?socket=$T/sock"
	[[ $output = *'has no host' ]]
	run -125 wire "nbd+unix:///a%0?socket=$T/sock"
	[[ $output = *"no export's name" ]]
	run -125 wire -f qcow2 "$U"
	run -125 wire -r "$U"
	stop
}

@test "QEMU takes the export from the arguments that kvm-run -N prints" {
	need qemu-system-x86_64
	image 4M
	serve -x 'a+b' -f raw "$T/d.raw"
	# shellcheck disable=SC2016 # for the inner shell
	run -0 clean vm-img open "nbd+unix:///a%2Bb?socket=$T/sock" sh -c 'args=$(kvm-run -N qemu) && printf "info block\nquit\n" |
		timeout 60 qemu-system-x86_64 -accel tcg -M q35 -S -nodefaults -display none -monitor stdio $args'
	[[ $output = *'blk0: '*'(nbd)'* ]]
	run -2 clean vm-img open "nbd+unix:///a%2Cb?socket=$T/sock" kvm-run -N qemu
	stop
}

# What kvm-run says of a disk before any guest runs: an emulated KVM does.
@test "kvm-run: no such export, and a server that is none" {
	need_access /dev/kvm
	image 4M
	serve -r -x there -f raw "$T/d.raw"
	run -1 clean vm-img open "nbd+unix:///gone?socket=$T/sock" timeout 60 kvm-run -k "$BIN/guests/cpus" -m 64 </dev/null
	[[ $output = *"blk0: the NBD server has no export 'gone'"* ]]
	stop
	spawn http sh -c 'echo nonsense nonsense nonsense | nc -lNU "$1"' sh "$T/http"
	until [ -S "$T/http" ]; do :; done
	run -1 clean vm-img open "nbd+unix:///?socket=$T/http" timeout 60 kvm-run -k "$BIN/guests/cpus" -m 64 </dev/null
	[[ $output = *'no NBD server of the fixed newstyle'* ]]
}

# bats test_tags=kvm
@test "a guest on nbdkit and on vm-img serve reads, writes, discards; its file systems are whole" {
	need_kvm
	need nbdkit mkfs.ext4 e2fsck qemu-img
	truncate -s 32M "$T/ext4"
	mkfs.ext4 -q "$T/ext4"
	qemu-img convert -c -f raw -O qcow2 "$T/ext4" "$T/i.qcow2"
	spawn nbdkit nbdkit -f -U "$T/nbdkit" file "$T/ext4"
	until [ -S "$T/nbdkit" ]; do sleep 0.1; done
	serve -f qcow2 "$T/i.qcow2"
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		for d in vda vdb; do
			mount -t ext4 -o discard /dev/$d /mnt || exit 1
			for i in 1 2 3; do dd if=/dev/urandom of=/mnt/$i bs=64k count=16 2>/dev/null & done
			wait
			rm /mnt/3
			sha256sum /mnt/1 /mnt/2 >/mnt/sums
			umount /mnt
			mount -t ext4 /dev/$d /mnt && sha256sum -c -s /mnt/sums && umount /mnt && echo $d is whole
		done
	EOS
	run -0 clean vm-img open "nbd+unix:///?socket=$T/nbdkit" vm-img open "$U" \
		timeout 240 kvm-run -k "$(kernel)/vmlinux" -i "$T/initrd" -m 128 -A quiet </dev/null
	[[ $output = *'vda is whole'*'vdb is whole'* ]]
	stop
	run -0 e2fsck -fn "$T/ext4"
	qemu-img check -q "$T/i.qcow2"
	qemu-img convert -f qcow2 -O raw "$T/i.qcow2" "$T/raw"
	run -0 e2fsck -fn "$T/raw"
}

# bats test_tags=kvm
@test "a server that dies is a disk of I/O errors, not a guest that hangs" {
	need_kvm
	need nbdkit
	spawn nbdkit nbdkit -f -U "$T/nbdkit" memory 64M
	until [ -S "$T/nbdkit" ]; do sleep 0.1; done
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		dd if=/dev/vda of=/dev/null bs=1M count=1 2>/dev/null && echo works
		until dd if=/dev/vda of=/dev/null bs=4k count=1 iflag=direct 2>&1 | grep error; do sleep 1; done
	EOS
	spawn guest vm-img open "nbd+unix:///?socket=$T/nbdkit" timeout 250 kvm-run -k "$(kernel)/vmlinux" -i "$T/initrd" -m 128 -A quiet
	wait_line "$T/guest.log" ^works 200
	kill -KILL "${pids[nbdkit]}"
	await guest
	grep -q 'blk0: the NBD server hung up: every request fails from now on' "$T/guest.log"
	grep -q 'I/O error' "$T/guest.log"
}
