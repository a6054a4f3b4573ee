# SPDX-License-Identifier: ISC
# vm-img open: which files it hands on as which wire, whom it keeps out, and what it refuses.
load lib

setup() {
	need qemu-img qemu-io
	cd "$T" || return
	truncate -s 1M base.raw
	qemu-img create -q -f qcow2 -b base.raw -F raw mid.qcow2 1M
	qemu-img create -q -f qcow2 -b mid.qcow2 -F qcow2 top.qcow2 1M
}

# wires ARG...: what `vm-img open ARG...` adds to VM_WIRES.
wires() {
	clean vm-img open "$@" sh -c 'echo "$VM_WIRES"'
}

# opened: of the wires in the environment, the file and mode of each descriptor.
opened() {
	# shellcheck disable=SC2016 # for the inner shell
	clean vm-img open "$@" sh -c '
		fds=${VM_WIRES#*,fd=}
		IFS=:
		for fd in ${fds%%,*}; do
			printf "%s %s\n" "$(basename "$(readlink /proc/self/fd/$fd)")" "$(sed -n "s/^flags:.*\(.\)$/\1/p" /proc/self/fdinfo/$fd)"
		done'
}

@test "a chain is one wire, its descriptors from 10 on, only the top one for writing" {
	run -0 wires -f qcow2 top.qcow2
	[ "$output" = blk,fd=10:11:12,as=qcow2,fmt=qcow2:qcow2:raw ]
	run -0 opened -f qcow2 top.qcow2
	[ "$output" = $'top.qcow2 2\nmid.qcow2 0\nbase.raw 0' ]
	run -0 opened -r -f qcow2 top.qcow2
	[ "${lines[0]}" = 'top.qcow2 0' ]
	run -0 wires base.raw
	[ "$output" = blk,fd=10 ]
	qemu-img rebase -q -u -b '' mid.qcow2
	run -0 wires -f qcow2 -o serial=x,cache=unsafe top.qcow2
	[ "$output" = blk,fd=10:11,as=qcow2,serial=x,cache=unsafe ]
	run -0 clean vm-img open -r -f qcow2 mid.qcow2 vm-img open base.raw sh -c 'echo "$VM_WIRES"'
	[ "$output" = 'blk,fd=10,as=qcow2 blk,fd=11' ]
}

@test "data files stand behind their images" {
	qemu-img create -q -f qcow2 -o data_file=mid.data mid.qcow2 1M
	qemu-img create -q -f qcow2 -o data_file=top.data -b mid.qcow2 -F qcow2 top.qcow2 1M
	run -0 wires -f qcow2 top.qcow2
	[ "$output" = blk,fd=10:11:12:13,as=qcow2,data=1:3 ]
	run -0 opened -f qcow2 top.qcow2
	[ "$output" = $'top.qcow2 2\ntop.data 2\nmid.qcow2 0\nmid.data 0' ]
	rm mid.data
	run -125 wires -f qcow2 top.qcow2
	[ "$output" = "vm-img: mid.qcow2: data file mid.data: No such file or directory" ]
}

@test "a format is said, unless the image looks like raw bytes" {
	run -125 wires mid.qcow2
	[[ $output = *'-f qcow2'* ]]
	qemu-img create -q -f qcow2 alone.qcow2 1M
	run -125 wires alone.qcow2
	[ "$output" = 'vm-img: alone.qcow2: looks like qcow2: say -f qcow2, or -f raw if that is only what it holds' ]
	run -0 wires --follow alone.qcow2
	[ "$output" = blk,fd=10,as=qcow2 ]
	run -0 wires -f raw top.qcow2
	[ "$output" = blk,fd=10 ]
	# What was declared raw is raw, whatever it contains.
	qemu-img create -q -f qcow2 -b alone.qcow2 -F raw over.qcow2 1M
	run -0 wires -f qcow2 over.qcow2
	[ "$output" = blk,fd=10:11,as=qcow2,fmt=qcow2:raw ]
}

@test "what kvm-run does not take is refused with the way out" {
	qemu-img create -q -f vdi disk.vdi 1M
	run -125 wires -f vdi disk.vdi
	[ "$output" = 'vm-img: disk.vdi: of the format vdi, which is not handed on (vm-img convert makes a qcow2 image of it, vm-img serve an NBD export)' ]
	qemu-img create -q -f qcow2 -b disk.vdi -F vdi over.qcow2
	run -125 wires -f qcow2 over.qcow2
	[[ $output = *'disk.vdi: of the format vdi'* ]]
	run -125 wires -f raw /dev/null
	[[ $output = *'/dev/null'*'neither a file nor a block device'* ]]
	run -125 wires -f qcow2 gone.qcow2
	[[ $output = *'gone.qcow2'*'No such file'* ]]
	rm base.raw
	run -125 wires -f qcow2 top.qcow2
	[[ $output = *'base.raw'*'No such file'* ]]
}

@test "a chain longer than a wire is refused" {
	local i
	for i in {1..17}; do
		qemu-img create -q -f qcow2 ${last:+-b "$last" -F qcow2} "c$i.qcow2" 1M
		last=c$i.qcow2
	done
	run -0 wires -f qcow2 c16.qcow2
	run -125 wires -f qcow2 c17.qcow2
	[[ $output = *'more than 16 files in a chain'* ]]
}

@test "its own status is 125, the program's is the program's" {
	run -7 clean vm-img open base.raw sh -c 'exit 7'
	run -127 clean vm-img open base.raw no-such-program
	run -126 clean vm-img open base.raw "$T"
	run -125 clean vm-img open
	run -125 clean vm-img open base.raw
	run -125 clean vm-img open -S sock base.raw true
	run -125 clean vm-img open -x base.raw true
	run -125 clean vm-img open -U base.raw true
	run -125 wires -o fd=3 base.raw
	run -125 wires -o nonsense=1 base.raw
}

@test "whom the locks keep out: writers all, readers writers" {
	run -125 clean vm-img open -f qcow2 top.qcow2 vm-img open -f qcow2 top.qcow2 true
	[ "$output" = "vm-img: Could not open 'top.qcow2': another QEMU, kvm-run or vm-img is writing to this image (lslocks shows it)" ]
	run -125 clean vm-img open -f qcow2 top.qcow2 vm-img open -f qcow2 mid.qcow2 true
	[[ $output = *"mid.qcow2"*'is using this image'* ]]
	run -0 clean vm-img open -f qcow2 top.qcow2 vm-img open -r -f qcow2 mid.qcow2 true
	run -0 clean vm-img open -r -f qcow2 top.qcow2 vm-img open -r -f qcow2 top.qcow2 true
	run -125 clean vm-img open -r -f qcow2 top.qcow2 vm-img open -f qcow2 top.qcow2 true
	run -0 clean vm-img open -f qcow2 top.qcow2 vm-img open -rU -f qcow2 top.qcow2 true
}

@test "QEMU and vm-img open keep each other out, until the program ends" {
	run -1 clean vm-img open -f qcow2 top.qcow2 qemu-io -c 'read 0 512' top.qcow2
	[[ $output = *'Failed to get'*lock* ]]
	run -1 clean vm-img open -f qcow2 top.qcow2 qemu-io -c 'write 0 512' mid.qcow2
	[[ $output = *'Failed to get'*lock* ]]
	run -0 clean vm-img open -f qcow2 top.qcow2 qemu-io -r -c 'read 0 512' mid.qcow2
	run -0 qemu-io -c 'write 0 512' top.qcow2
	mkfifo words
	spawn qemu sh -c 'exec qemu-io top.qcow2 <words'
	exec 8>words
	until grep -q "$(stat -c %i top.qcow2) 201" /proc/locks; do sleep 0.1; done
	run -125 wires -f qcow2 top.qcow2
	[[ $output = *'another QEMU, kvm-run or vm-img is '*'this image'* ]]
	run -125 wires -f qcow2 mid.qcow2
	exec 8>&-
	await qemu
	run -0 wires -f qcow2 top.qcow2
}

@test "an encrypted image comes with the wire of its key" {
	vm-img create -q -f qcow2 --object secret,id=s,data=geheim -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 \
		crypt.qcow2 1M
	printf geheim >pass
	run -125 wires -f qcow2 crypt.qcow2
	[ "$output" = 'vm-img: crypt.qcow2: encrypted: give --key FILE' ]
	run -0 wires -f qcow2 --key pass crypt.qcow2
	[ "$output" = 'key,fd=11,id=key-11 blk,fd=10,as=qcow2,key=key-11' ]
	run -0 clean vm-img open -f qcow2 --key pass crypt.qcow2 kvm-run -n
	run -125 wires -f qcow2 --key gone crypt.qcow2
	[ "$output" = 'vm-img: gone: No such file or directory' ]
	# Of an image that is not encrypted nothing is unlocked.
	run -0 wires -f qcow2 --key pass mid.qcow2
	[ "$output" = blk,fd=10:11,as=qcow2,fmt=qcow2:raw ]
}

@test "nothing that a header names is opened but what the rules allow" {
	qemu-img create -q -f qcow2 -u -b json:{} -F raw evil.qcow2 1M
	run -125 wires -f qcow2 evil.qcow2
	[[ $output = *'json: is not a file'* ]]
	qemu-img create -q -f qcow2 -u -b nbd://localhost/x -F raw evil.qcow2 1M
	run -125 wires -f qcow2 evil.qcow2
	[[ $output = *'nbd: is not a file'* ]]
	qemu-img rebase -q -u -b evil.qcow2 -F qcow2 evil.qcow2
	run -125 wires -f qcow2 evil.qcow2
	[[ $output = *'in this chain already'* ]]
}
