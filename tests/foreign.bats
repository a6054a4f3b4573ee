# SPDX-License-Identifier: ISC
# kvm-run -N: wires in the words of other VMMs. QEMU is started with them; cloud-hypervisor and crosvm are not in Debian,
# so their words are only compared.
bats_require_minimum_version 1.5.0
load lib

setup() {
	truncate -s 1M "$T/disk" "$T/disk2"
	truncate -s 64M "$T/ram"
	cd "$T" || return
}

# script NAME <<TEXT: make a program of sh.
script() {
	{ echo '#!/bin/sh' && cat; } >"$1"
	chmod +x "$1"
}

# started: a program for a loader to run, with kvm-run's options: QEMU started from its wires, and what it tells of them.
started() {
	script started <<-'EOS'
		args=$(kvm-run -N qemu "$@") || exit
		printf '%s\n' 'info network' 'info block' 'info memdev' quit |
			timeout 60 qemu-system-x86_64 -accel tcg -M q35 -S -nodefaults -display none -monitor stdio $args
	EOS
}

mac=mac=52:54:00:12:34:56

@test "qemu: each kind in its words" {
	script wires <<-EOS
		set -- \$VM_WIRES
		unset VM_WIRES
		exec kvm-run -N qemu -w "\$1,id=a,$mac,mtu=1400" -w "\$3,id=b,$mac,model=e1000" -w hold,fd=2 \\
			-w blk,fd=3,serial=x,cache=none -w blk,fd=4,cache=directsync -w blk,fd=5,bus=ahci,cache=unsafe \\
			-w blk,fd=7,media=cdrom -w mem,fd=6 -w pcap,fd=8,of=b -w kern,fd=9 -w con,fd=0:1
	EOS
	run -0 in_sh 'wire-pair -t stream wire-pair ./wires 3<>disk 4<disk2 5<>disk2 6<>ram 7<disk2 8>dump 9<disk'
	[[ $output =~ addr.str=([0-9]+)\ .*local.str=([0-9]+)\  ]]
	lines "-netdev stream,id=a,addr.type=fd,addr.str=${BASH_REMATCH[1]} -device virtio-net-pci,netdev=a,id=a,$mac,host_mtu=1400" \
		"-netdev dgram,id=b,local.type=fd,local.str=${BASH_REMATCH[2]} -device e1000,netdev=b,id=b,$mac" \
		"-add-fd fd=3,set=3 -blockdev driver=raw,file.driver=file,file.filename=/dev/fdset/3,node-name=blk0,discard=unmap,cache.direct=on -device virtio-blk-pci,drive=blk0,id=blk0,serial=x" \
		"-add-fd fd=4,set=4 -blockdev driver=raw,file.driver=file,file.filename=/dev/fdset/4,node-name=blk1,discard=unmap,read-only=on,cache.direct=on -device virtio-blk-pci,drive=blk1,id=blk1,write-cache=off" \
		"-add-fd fd=5,set=5 -blockdev driver=raw,file.driver=file,file.filename=/dev/fdset/5,node-name=blk2,discard=unmap,cache.no-flush=on -device ide-hd,drive=blk2,id=blk2,bus=ide.0" \
		"-add-fd fd=7,set=7 -blockdev driver=raw,file.driver=file,file.filename=/dev/fdset/7,node-name=blk3,discard=unmap,read-only=on -device ide-cd,drive=blk3,id=blk3,bus=ide.1" \
		"-object memory-backend-file,id=mem0,share=on,mem-path=/proc/self/fd/6,size=67108864 -machine memory-backend=mem0 -m 67108864B" \
		"-object filter-dump,id=pcap0,netdev=b,file=/proc/self/fd/8" \
		"-kernel /proc/self/fd/9" \
		"-chardev stdio,id=con0,mux=on,signal=off -serial chardev:con0"
	[[ $output != *[\[\]\*\?\"\'\\\;\&\|\<\>\$\`]* ]] # nothing that sh would take apart
}

@test "qemu: the default MAC is the one of kvm-run, by host, guest and wire" {
	run -0 clean wire-pair kvm-run -N qemu
	[[ ${lines[0]} =~ mac=(52:54:00:..:..:..)$ ]]
	local first=${BASH_REMATCH[1]}
	[[ ${lines[1]} != *"$first"* ]]
	run -0 clean wire-pair kvm-run -N qemu
	[[ ${lines[0]} = *"$first" ]]
	run -0 clean wire-pair kvm-run -I other -N qemu
	[[ ${lines[0]} != *"$first"* ]]
}

@test "qemu starts with sockets, disks and memory" {
	started
	script wires <<-EOS
		set -- \$VM_WIRES
		unset VM_WIRES
		exec ./started -w "\$1,$mac" -w "\$3" -w "\$5" -w blk,fd=3,cache=none -w blk,fd=4,cache=writethrough -w mem,fd=6 \\
			-w pcap,fd=7,of=net1
	EOS
	run -0 in_sh 'wire-pair -t stream wire-pair wire-pair -t dgram ./wires 3<>disk 4<disk2 6<>ram 7>dump'
	[[ $output = *'net0: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:12:34:56'* ]]
	[[ $output = *'net0: index=0,type=stream,'* ]]
	[[ $output = *'net1: index=0,type=dgram,fd='*unix* ]]
	[[ $output = *'net2: index=0,type=dgram,fd='*unix* ]]
	[[ $output = *'blk0: /dev/fdset/3 (raw)'*'Cache mode:       writeback, direct'* ]]
	[[ $output = *'blk1: /dev/fdset/4 (raw, read-only)'*'Cache mode:       writethrough'* ]]
	[[ $output = *'memory backend: mem0'*'size:  67108864'*'share: true'* ]]
	[ -s dump ] # a pcap header
}

@test "qemu starts with a tap, and with the queues of one" {
	need_access /dev/net/tun
	started
	run -0 ns wire-tap t0 sh -c 'exec ./started -w blk,fd=3 3<>disk'
	[[ $output = *'net0: index=0,type=tap,fd='* && $output = *'blk0: /dev/fdset/3 (raw)'* ]]
	run -0 ns wire-tap -q 2 t0 ./started
	[[ $output = *'net0: index=0,type=tap,fd='*'net0: index=1,type=tap,fd='* ]]
}

@test "qemu starts with a chain of images, and opens nothing that its headers name" {
	need qemu-img
	started
	qemu-img create -q -f qcow2 -b "$T/elsewhere" -F qcow2 -u top.qcow2 1M
	qemu-img create -q -f qcow2 -b "$T/elsewhere" -F raw -u mid.qcow2 1M
	run -0 in_sh './started -w blk,fd=3:4:5,as=qcow2,fmt=qcow2:qcow2:raw 3<>top.qcow2 4<mid.qcow2 5<disk'
	[[ $output = *'(chain depth: 2)'* ]]
	run -0 in_sh './started -w blk,fd=3,as=qcow2 3<>mid.qcow2'
	[[ $output = *'(qcow2)'* && $output != *Backing* ]]
	for format in vmdk vdi; do # QEMU knows more than kvm-run
		qemu-img create -q -f "$format" "old.$format" 1M
		run -0 in_sh "./started -w blk,fd=3:4,as=qcow2,fmt=qcow2:$format 3<>mid.qcow2 4<old.$format"
		[[ $output = *'(chain depth: 1)'* ]]
	done
	run -2 in_sh './started -w blk,fd=3:4,as=qcow2 3<>top.qcow2 4<>mid.qcow2'
	lines "kvm-run: blk0: a backing file open for writing: qemu has no words for it"
}

@test "qemu starts with images that have data files, and with encrypted ones" {
	need qemu-img
	started
	qemu-img create -q -f qcow2 -o data_file=mid.data mid.qcow2 1M
	qemu-img create -q -f qcow2 -o data_file=top.data -b mid.qcow2 -F qcow2 top.qcow2 1M
	run -0 in_sh 'vm-img open -f qcow2 top.qcow2 ./started'
	[[ $output = *'/dev/fdset/10'*'/dev/fdset/12 (chain depth: 1)'* ]]
	printf geheim >pass
	vm-img create -q -f qcow2 --object secret,id=s,file=pass -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 \
		crypt.qcow2 1M
	run -0 in_sh 'vm-img open -f qcow2 --key pass crypt.qcow2 ./started'
	[[ $output = *'blk0: '*'(qcow2, encrypted)'* ]]
	printf falsch >pass
	run -1 in_sh 'vm-img open -f qcow2 --key pass crypt.qcow2 ./started'
	[[ $output = *'Invalid password'* ]]
}

# bats test_tags=lab
@test "qemu starts with vhost-net, and with a block device" {
	need_access /dev/net/tun /dev/vhost-net
	local loop
	modprobe -a tun vhost_net loop
	started
	loop=$(losetup --show -f disk)
	run -0 ns wire-tap t0 sh -c 'exec ./started -w vhost,fd=3 -w blk,fd=4 3<>/dev/vhost-net 4<>'"$loop"
	losetup -d "$loop"
	[[ $output = *'net0: index=0,type=tap,fd='* && $output = *'blk0: /dev/fdset/4 (raw)'* ]]
	run -0 ns wire-tap t0 sh -c 'exec kvm-run -N qemu -w vhost,fd=3 3<>/dev/vhost-net'
	[[ $output = '-netdev tap,id=net0,fd='*,vhost=on,vhostfd=3\ * ]]
}

@test "qemu: what has no words there is said, all of it, and nothing is printed" {
	run -2 in_sh 'kvm-run -N qemu -w blk,fd=0,bus=ahci -w net,fd=99 <disk 2>&1 >out'
	lines "kvm-run: net0: fd 99: Bad file descriptor"
	run -2 in_sh 'wire-pair -t stream -K ctl kvm-run -N qemu -w blk,fd=0,id=9 -w con,fd=4:2 \
		-w blk,fd=3:5,as=qcow2,key=k -w key,fd=6,id=k 3<>disk 4<disk 5<disk2 6<ram <disk 2>&1 >out'
	lines "kvm-run: ctl0: ctl: qemu has no words for it" \
		"kvm-run: ctl1: ctl: qemu has no words for it" \
		"kvm-run: 9: the id: qemu has no words for it" \
		"kvm-run: 9: a standard descriptor as a file: qemu has no words for it" \
		"kvm-run: con0: a console that is not 0:1, a stream socket or a terminal: qemu has no words for it" \
		"kvm-run: blk1: the key of a chain: qemu has no words for it"
	[ ! -s out ]
}

@test "cloud-hypervisor, from its documentation" {
	run -0 in_sh 'kvm-run -N ch -w blk,fd=3,serial=x,cache=none -w blk,fd=4 -w mem,fd=6 -w kern,fd=7 -w init,fd=8 -w con,fd=0:1 \
		-w hold,fd=9 3<>disk 4<disk2 6<>ram 7<disk 8<disk 9<disk'
	lines "--disk path=/proc/self/fd/3,id=blk0,readonly=off,direct=on,serial=x" \
		"--disk path=/proc/self/fd/4,id=blk1,readonly=on" \
		"--memory size=0 --memory-zone id=mem0,size=67108864,file=/proc/self/fd/6,shared=on" \
		"--kernel /proc/self/fd/7" \
		"--initramfs /proc/self/fd/8" \
		"--serial tty --console off"
	run -2 in_sh 'wire-pair kvm-run -N ch -w blk,fd=3,cache=unsafe,bus=ahci -w pcap,fd=4 3<>disk 4>dump'
	lines "kvm-run: net0: a socket: ch has no words for it" "kvm-run: net1: a socket: ch has no words for it" \
		"kvm-run: blk0: cache=unsafe: ch has no words for it" "kvm-run: blk0: bus=ahci: ch has no words for it" \
		"kvm-run: pcap0: pcap: ch has no words for it"
}

@test "crosvm, from its documentation" {
	run -0 in_sh 'kvm-run -N crosvm -w blk,fd=3,serial=x,cache=none -w blk,fd=4 -w kern,fd=7 -w init,fd=8 -w con,fd=0:1,as=virtio \
		3<>disk 4<disk2 7<disk 8<disk'
	lines "--block path=/proc/self/fd/3,ro=false,o_direct=true,id=x" \
		"--block path=/proc/self/fd/4,ro=true" \
		"/proc/self/fd/7" \
		"--initrd /proc/self/fd/8" \
		"--serial type=stdout,hardware=virtio-console,num=1,console=true,stdin=true"
	run -2 in_sh 'kvm-run -N crosvm -w mem,fd=3 3<>ram'
	lines "kvm-run: mem0: mem: crosvm has no words for it"
}

@test "a tap in the words of both" {
	need_access /dev/net/tun
	run -0 ns wire-tap -k "$mac,mtu=1400" t0 kvm-run -N ch
	[[ $output =~ ^--net\ fd=[0-9]+,id=net0,$mac,mtu=1400$ ]]
	run -0 ns wire-tap -k "$mac" t0 kvm-run -N crosvm
	[[ $output =~ ^--net\ tap-fd=[0-9]+,$mac$ ]]
	run -2 ns wire-tap -q 2 -k mtu=1400 t0 kvm-run -N crosvm
	lines "kvm-run: net0: several queues: crosvm has no words for it" "kvm-run: net0: mtu=1400: crosvm has no words for it"
}

@test "another VMM has no words at all" {
	run -2 in_sh 'kvm-run -N bochs'
	lines "kvm-run: -N bochs: not qemu, ch or crosvm"
}
