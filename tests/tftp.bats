# SPDX-License-Identifier: ISC
# vm-dhcpd's TFTP, and booting by it, with clients of all kinds. What is said to them, byte by byte, is in unit/dhcpd_tftp.
load lib
load lan

# bridge: host and guest with addresses of both families, and a directory to be served.
bridge() {
	lan 10.9.0.1/24 fd00:9::1/64
	in_guest sh -ec 'ip addr add 10.9.0.2/24 dev c0
		ip addr add fd00:9::2/64 dev c0
		ip link set c0 up'
	mkdir -p "$T/root/sub"
	chmod 755 "$T/root" "$T/root/sub"
}

# serve OPTION...: vm-dhcpd on the bridge, with $T/root by TFTP.
serve() {
	spawn_in host -R dhcpd vm-dhcpd -R 9 -v -b br0 -d none -T "$T/root" "$@"
}

# file NAME BYTES: something to be fetched.
file() {
	head -c "$2" /dev/urandom >"$T/root/$1"
	chmod 644 "$T/root/$1"
}

# fetched NAME: what a client wrote is what is there; and away with it.
fetched() {
	cmp "$T/got" "$T/root/$1"
	rm "$T/got"
}

# rude SCRIPT: run in the guest, as a client that says what it likes: `say BYTES` as printf has them, `hear` prints a packet in
# hexadecimal, or "nothing" after a moment that is shorter than the server's patience; `anew` is another client.
rude() {
	in_guest env T="$T" bash -c 'say() { printf "$1" >&"$fd"; }
		hear() { timeout "${1:-0.3}" dd bs=2048 count=1 status=none <&"$fd" | od -An -v -tx1 -w2048 | tr -d " " | grep . || echo nothing; }
		anew() { exec {fd}<>/dev/udp/${1:-10.9.0.1}/69; }
		anew
		eval "$1"' rude "$1"
}

@test "clients of all kinds get files of all sizes" {
	need curl busybox tftp atftp
	bridge
	serve
	local size
	for size in 0 1 511 512 513 1024 65000 300000; do
		file f "$size"
		in_guest curl -sS -m 20 -o "$T/got" tftp://10.9.0.1/f
		fetched f
		in_guest curl -sS -m 20 --tftp-blksize 1468 -o "$T/got" 'tftp://[fd00:9::1]/sub/../f'
		fetched f
		in_guest timeout 60 busybox tftp -g -b 1400 -r f -l "$T/got" 10.9.0.1
		fetched f
		in_guest timeout 60 tftp 10.9.0.1 -m octet -c get /f "$T/got"
		fetched f
		in_guest timeout 60 atftp --option 'blksize 1000' --option 'windowsize 8' -g -r f -l "$T/got" 10.9.0.1
		fetched f
		in_guest timeout 60 atftp --option 'blksize 65464' --option 'windowsize 65535' -g -r f -l "$T/got" 10.9.0.1
		fetched f
	done
	grep -q '^vm-dhcpd: tftp: 10.9.0.2: f: sent$' "$T/dhcpd.log"
	grep -q '^vm-dhcpd: tftp: fd00:9:[0-9a-f:]*: f: sent$' "$T/dhcpd.log"
}

@test "a file of more than 65535 blocks" {
	need curl atftp
	bridge
	serve
	file f 34000000
	in_guest curl -sS -m 60 --tftp-blksize 512 -o "$T/got" tftp://10.9.0.1/f
	fetched f
	in_guest timeout 60 atftp --option 'blksize 512' --option 'windowsize 33' -g -r f -l "$T/got" 10.9.0.1
	fetched f
}

@test "blocks are no larger than a packet of the interface, as it is now" {
	bridge
	serve
	file f 100
	run -0 rude 'say "\0\1f\0octet\0blksize\00065464\0"; hear'
	[ "$output" = "0006$(printf 'blksize\0001468\0' | od -An -tx1 | tr -d ' ')" ]
	in_host ip link set br0 mtu 1400
	run -0 rude 'say "\0\1f\0octet\0blksize\00065464\0"; hear; anew fd00:9::1; say "\0\1f\0octet\0blksize\00065464\0"; hear'
	[ "${lines[0]}" = "0006$(printf 'blksize\0001368\0' | od -An -tx1 | tr -d ' ')" ]
	[ "${lines[1]}" = "0006$(printf 'blksize\0001348\0' | od -An -tx1 | tr -d ' ')" ]
}

# lossy NS PACKETS: one in forty of these UDP packets does not arrive there.
lossy() {
	in_ns "$1" nft "add table ip lossy; add chain ip lossy in { type filter hook input priority 0; };
		add rule ip lossy in udp $2 numgen random mod 40 0 drop" || skip 'no random numbers in the rules of this kernel'
}

@test "what is lost comes again" {
	need curl atftp nft
	bridge
	serve
	file f 60000
	lossy host 'dport 69'
	lossy guest 'sport 69'
	in_guest curl -sS -m 100 --tftp-blksize 1468 -o "$T/got" tftp://10.9.0.1/f
	fetched f
	# atftp gives up where an option acknowledgment comes twice, as it does when its answer to that is lost.
	for _ in 1 2 3 4; do
		! in_guest timeout 100 atftp --option 'blksize 512' --option 'windowsize 16' -g -r f -l "$T/got" 10.9.0.1 || break
	done
	fetched f
}

@test "nothing outside of the directory can be had, nor what is not for everyone" {
	bridge
	file f 10
	file private 10
	chmod 640 "$T/root/private"
	echo secret >"$T/secret"
	chmod 644 "$T/secret"
	ln -s ../secret "$T/root/out"
	ln -s /etc/passwd "$T/root/absolute"
	ln -s / "$T/root/all"
	ln -s f "$T/root/in"
	mkfifo -m 644 "$T/root/fifo"
	serve
	local name
	for name in ../secret /../secret sub/../../secret '\\..\\secret' out absolute all/etc/passwd private fifo sub . /proc/self/fd/0; do
		run -0 rude "say '\\0\\1$name\\0octet\\0'; hear"
		[[ $output = 0005000[12]* ]] || {
			echo "$name: $output"
			return 1
		}
	done
	run -0 rude 'say "\0\1in\0octet\0"; hear; anew; say "\0\1///f\0octet\0"; hear; anew; say "\0\1none\0octet\0"; hear'
	[[ ${lines[0]} = 00030001???????????????????? ]]
	[ "${lines[1]}" = "${lines[0]}" ]
	[[ ${lines[2]} = 00050001* ]]
}

@test "what is refused, and what is not answered at all" {
	need socat
	bridge
	serve
	file f 10
	run -0 rude 'say "\0\2f\0octet\0"; hear; anew; say "\0\1f\0netascii\0"; hear'
	[[ ${lines[0]} = 00050002* ]]
	[[ ${lines[1]} = 00050004* ]]
	run -0 rude 'say "\0\1f\0octet"; hear; say "\0\1f"; hear; say "\0\4\0\1"; hear; say "\0\5\0\0x\0"; hear; say "\0\1"; hear; say ""; hear
		say "\0\1$(printf %01500d 0)\0octet\0"; hear'
	[ "$(sort -u <<<"$output")" = nothing ]
	[ "${#lines[@]}" -eq 7 ]
	# A request to everybody is nobody's to answer (RFC 1123, 4.2.3.4).
	run -0 in_guest sh -c 'printf "\0\1f\0octet\0" | socat -t 0.3 - UDP4-DATAGRAM:10.9.0.255:69,broadcast'
	[ ! "$output" ]
}

@test "an ACK that comes twice is answered once" {
	bridge
	serve
	file f 2000
	run -0 rude 'say "\0\1f\0octet\0"; hear >/dev/null; say "\0\4\0\1"; say "\0\4\0\1"; hear | cut -c-8; hear
		say "\0\4\0\2"; hear | cut -c-8; hear'
	[ "${lines[*]}" = '00030002 nothing 00030003 nothing' ]
}

@test "a window begins again behind what was acknowledged" {
	bridge
	serve
	file f 20000
	run -0 rude 'all() { for _ in 1 2 3 4; do hear | cut -c-8; done | tr "\n" " "; hear; }
		say "\0\1f\0octet\0windowsize\0004\0"; hear; say "\0\4\0\0"; all; say "\0\4\0\2"; all; say "\0\4\0\2"; all; say "\0\4\0\2"; hear'
	[ "${lines[0]}" = "0006$(printf 'windowsize\0004\0' | od -An -tx1 | tr -d ' ')" ]
	[ "${lines[1]}" = '00030001 00030002 00030003 00030004 nothing' ]
	[ "${lines[2]}" = '00030003 00030004 00030005 00030006 nothing' ]
	[ "${lines[3]}" = "${lines[2]}" ]
	[ "${lines[4]}" = nothing ]
}

@test "a client that says nothing is asked again, more and more slowly, then forgotten" {
	bridge
	serve
	file f 10
	run -0 rude 'say "\0\1f\0octet\0"; for _ in 1 2 3; do hear 10 | cut -c-8; done; hear 10'
	[ "${lines[*]}" = '00030001 00030001 00030001 nothing' ]
	wait_line "$T/dhcpd.log" 'tftp: 10.9.0.2: f: given up: the client is silent'
}

@test "requests that nobody means keep nobody out" {
	need curl
	bridge
	serve
	file f 100000
	run -0 rude 'for ((i = 0; i < 100; i++)); do anew; say "\0\1f\0octet\0"; done; hear | cut -c-8; curl -sS -m 20 -o "$T/got" tftp://10.9.0.1/f'
	[ "$output" = 00030001 ]
	[ "$(grep -c 'given up: others want to be served' "$T/dhcpd.log")" -eq 37 ]
	[ "$(ls /proc/"${pids[dhcpd]}"/fd | wc -l)" -lt 100 ]
}

@test "when all are served the next one is told, and served when some have rested" {
	need curl
	bridge
	serve
	file f 100000
	run -0 rude 'for ((i = 0; i < 64; i++)); do anew; say "\0\1f\0octet\0"; hear 5 >/dev/null; say "\0\4\0\1"; done
		anew; say "\0\1f\0octet\0"; hear | cut -c-8; sleep 5.1; say "\0\1f\0octet\0"; hear | cut -c-8'
	[ "${lines[*]}" = '00050000 00030001' ]
}

@test "many at once" {
	need curl
	bridge
	serve
	file f 500000
	in_guest bash -c 'cd "$1" && for ((i = 0; i < 30; i++)); do curl -sS -m 60 --tftp-blksize 1468 -o "got$i" tftp://10.9.0.1/f & done; wait' sh "$T"
	local i
	for ((i = 0; i < 30; i++)); do
		cmp "$T/got$i" "$T/root/f"
	done
}

@test "two bridges, each with its own" {
	need curl
	bridge
	file f 100
	serve
	in_host sh -ec 'ip link add br1 type bridge; ip addr add 10.8.0.1/24 dev br1; ip link set br1 up'
	mkdir "$T/other"
	spawn_in host -R other vm-dhcpd -R 9 -b br1 -d none -T "$T/other"
	in_guest curl -sS -m 20 -o "$T/got" tftp://10.9.0.1/f
	fetched f
}

@test "a file that is cut off under way ends with an error, one that is replaced does not" {
	bridge
	serve
	file f 2000
	file g 2000
	run -0 rude 'say "\0\1f\0octet\0"; hear | cut -c-8; : >"$T/root/f"; say "\0\4\0\1"; hear | cut -c-8
		anew; say "\0\1g\0octet\0"; hear | cut -c-8; rm "$T/root/g"; say "\0\4\0\1"; hear | cut -c-8'
	[ "${lines[*]}" = '00030001 00050000 00030001 00030002' ]
}

@test "at the start: no directory, a port that is taken, a wire" {
	need socat
	bridge
	run -1 in_host vm-dhcpd -b br0 -d none -T "$T/none"
	[ "$output" = "vm-dhcpd: -T $T/none: No such file or directory" ]
	touch "$T/plain"
	run -1 in_host vm-dhcpd -b br0 -d none -T "$T/plain"
	[ "$output" = "vm-dhcpd: -T $T/plain: Not a directory" ]
	spawn_in host other socat -u UDP4-RECV:69 STDOUT
	until in_host ss -Hlnu 'sport = :69' | grep -q .; do sleep 0.02; done
	run -1 in_host vm-dhcpd -b br0 -d none -T "$T/root"
	[ "$output" = 'vm-dhcpd: br0: UDP port 69 over IPv4: Address already in use' ]
	run -2 clean vm-dhcpd -a 10.9.0.1/24 -T "$T/root" -w net,fd=0
	[[ $output = *'-b is needed'* ]]
	run -2 clean vm-dhcpd -b br0 -E x65=f
	[[ $output = 'vm-dhcpd: -E x65=f: before = is none of '* ]]
	run -2 clean vm-dhcpd -b br0 -E a -E b
	[ "$output" = 'vm-dhcpd: -E b: there is one for that client already' ]
	run -2 clean vm-dhcpd -b br0 -e ''
	[[ $output = 'vm-dhcpd: -e : not a name'* ]]
}

@test "-n says what would be served; a file to boot that is not there is told" {
	bridge
	file f 10
	run -0 in_host vm-dhcpd -n -b br0 -d none -T "$T/root" -e 192.0.2.1 -E a -E 9=b -E ipxe=http://h/c -E 22=d
	[[ $output = *"tftp	$T/root
boot	any	a
boot	x64	b
boot	ipxe	http://h/c
boot	22	d
bootserver	192.0.2.1" ]]
	serve -E f -E bios=sub/none -E arm=http://h/f
	run -0 grep -- -E "$T/dhcpd.log"
	[ "$output" = 'vm-dhcpd: -E sub/none: not to be had by TFTP: No such file or directory' ]
}

# told CLASS ARCHITECTURE [USER-CLASS]: what busybox's client is told when it says that it is such firmware.
told() {
	printf '#!/bin/sh\n[ "$1" != bound ] || env\n' >"$T/script"
	chmod +x "$T/script"
	in_guest env -i PATH="$PATH" timeout 60 busybox udhcpc -i c0 -n -q -f -s "$T/script" -O 60 -O 97 -O tftp -O bootfile -V "$1" -x "0x5d:$2" -x 0x61:00a1 ${3:+-x "0x4d:$3"} 2>/dev/null
}

@test "each client is told what it can boot" {
	need busybox
	bridge
	serve -O probe=0 -L 10.9.0.100-10.9.0.110 -E bios=undionly.kpxe -E x64=ipxe.efi -E x64=http://10.9.0.1/x.efi -E ipxe=http://10.9.0.1/boot.ipxe
	run -0 told PXEClient:Arch:00000:UNDI:002001 0000
	[[ $output = *boot_file=undionly.kpxe* && $output = *siaddr=10.9.0.1* && $output = *vendor=PXEClient* && $output = *opt97=00a1* ]]
	run -0 told PXEClient:Arch:00007:UNDI:003016 0007
	[[ $output = *boot_file=ipxe.efi* ]]
	run -0 told HTTPClient:Arch:00016:UNDI:003016 0010
	[[ $output = *boot_file=http://10.9.0.1/x.efi* ]]
	[[ $output = *vendor=HTTPClient* ]]
	run -0 told PXEClient:Arch:00007:UNDI:003016 0007 69505845 # iPXE
	[[ $output = *boot_file=http://10.9.0.1/boot.ipxe* ]]
	run -0 told PXEClient:Arch:00011:UNDI:003016 000b
	[[ $output != *boot_file* ]]
}

# nbp TEXT: a program for the PXE of a PC (real mode, at 0x7c00), which says so on the serial port and ends QEMU.
nbp() {
	local i
	printf '\272\370\3' # mov $0x3f8, %dx
	for ((i = 0; i < ${#1}; i++)); do
		printf "\\260${1:i:1}\\356" # mov $c, %al; out %al, (%dx)
	done
	printf '\272\364\0\260\0\356\364' # mov $0xf4, %dx; mov $0, %al; out %al, (%dx); hlt
}

# can_boot FIRMWARE: skip the test unless a machine can be run with it.
can_boot() {
	need qemu-system-x86_64
	need_access /dev/net/tun
	[ -e "$1" ] || skip "no $1 here"
}

# rom SCRIPT: a PC whose card has iPXE, which is given a script of these lines, beside sub/nbp, which says "the program runs".
rom() {
	nbp 'the program runs' >"$T/root/sub/nbp"
	printf '#!ipxe\n%s\n' "$1" >"$T/root/boot.ipxe"
	chmod 644 "$T/root/sub/nbp" "$T/root/boot.ipxe"
	in_host sh -ec 'ip tuntap add t0 mode tap; ip link set t0 master br0 up'
	in_host timeout 100 qemu-system-x86_64 -M pc,accel=tcg -m 64 -nographic -no-reboot -boot n -monitor none -serial stdio \
		-netdev tap,id=n,ifname=t0,script=no,downscript=no -device virtio-net-pci,netdev=n -device isa-debug-exit,iobase=0xf4 </dev/null
}

# 1 is what the programs write to the debug port: their end, (0 << 1) | 1.
@test "an iPXE ROM boots: a script for iPXE, which fetches a program, and that runs" {
	can_boot /usr/lib/ipxe/qemu/efi-virtio.rom
	need dumpcap tshark
	bridge
	serve -L 10.9.0.100-10.9.0.100 -E ipxe=boot.ipxe -E bios=other
	capture
	run -1 rom $'echo the script runs on ${net0/ip} from ${next-server}\nchain sub/nbp'
	[[ $output = *'the script runs on 10.9.0.100 from 10.9.0.1'*'the program runs' ]]
	captured 'tftp.source_file == "sub/nbp"'
	flawless
}

@test "an iPXE ROM boots over IPv6 alone: an address of its own making, a URL by DHCPv6, TFTP" {
	can_boot /usr/lib/ipxe/qemu/efi-virtio.rom
	bridge
	serve -L none -E ipxe=boot.ipxe
	run -1 rom $'echo the script runs on ${net0/ip6} ${filename}\nchain sub/nbp'
	[[ $output = *'tftp://[fd00:9::1]/boot.ipxe'*'the script runs'*'the program runs' ]]
}

# efi TEXT: the same as a program of UEFI for x86-64.
efi() {
	gcc -x assembler -c -o "$T/efi.o" - <<-EOS
		.globl _start
		_start:	lea text(%rip), %rsi
			mov \$0x3f8, %dx
		1:	lodsb
			test %al, %al
			jz 2f
			out %al, (%dx)
			jmp 1b
		2:	mov \$0xf4, %dx
			out %al, (%dx)
			hlt
		text:	.asciz "$1"
		.section .reloc, "a"
			.long 0, 10
			.word 0
	EOS
	ld -shared -Bsymbolic -nostdlib -o "$T/efi.so" "$T/efi.o"
	objcopy -j .text -j .reloc -j .dynamic --target=efi-app-x86_64 "$T/efi.so" "$T/efi"
	cat "$T/efi"
}

# uefi OPTION...: a machine with a card and UEFI's own network stack, without IPv6, which would only take its time.
uefi() {
	local firmware=/usr/share/OVMF
	cp "$firmware/OVMF_VARS_4M.fd" "$T/vars"
	in_host sh -ec 'ip tuntap add t0 mode tap; ip link set t0 master br0 up'
	in_host timeout 110 qemu-system-x86_64 -M q35,accel=tcg -m 256 -nographic -no-reboot -monitor none -serial stdio \
		-drive "if=pflash,format=raw,readonly=on,file=$firmware/OVMF_CODE_4M.fd" -drive "if=pflash,format=raw,file=$T/vars" \
		-fw_cfg name=opt/org.tianocore/IPv6PXESupport,string=n -netdev tap,id=n,ifname=t0,script=no,downscript=no \
		-device virtio-net-pci,netdev=n,romfile=,bootindex=1 -device isa-debug-exit,iobase=0xf4 "$@" </dev/null
}

@test "UEFI boots by PXE" {
	can_boot /usr/share/OVMF/OVMF_CODE_4M.fd
	need gcc
	bridge
	efi 'the program runs' >"$T/root/boot.efi"
	chmod 644 "$T/root/boot.efi"
	serve -L 10.9.0.100-10.9.0.100 -E x64=boot.efi -E bios=other
	run -1 uefi
	[[ $output = *'the program runs' ]]
}

@test "UEFI boots by HTTP" {
	can_boot /usr/share/OVMF/OVMF_CODE_4M.fd
	need gcc busybox
	bridge
	efi 'the program runs' >"$T/root/boot.efi"
	serve -L 10.9.0.100-10.9.0.100 -E x64=http://10.9.0.1/boot.efi
	spawn_in host http busybox httpd -f -p 10.9.0.1:80 -h "$T/root"
	run -1 uefi -fw_cfg name=opt/org.tianocore/IPv4PXESupport,string=n
	[[ $output = *'Start HTTP Boot over IPv4'*'the program runs' ]]
}
