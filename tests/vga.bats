# SPDX-License-Identifier: ISC
# The VGA and the machine's end of an fb wire: what guests draw, seen by fb-screen.
load lib

# screen [-OPTION...] ARG...: the guest vga with a display that does what stdin says; `input X` has the guest do X.
screen() {
	cat >"$T/script"
	clean timeout 60 fb-screen -i -o "$T/seen" -t 30 "$T/script" kvm-run -m 16 -k "$BIN/guests/vga" "$@"
}

@test "vga: text as the guest writes it, without a driver's help" {
	run -0 screen <<-'EOS'
		mode
		input t
		wait Hello, screen
		text
		pixel 18 30 aaaaaa
		still 400
		input q
	EOS
	grep -x 'mode 720x400 text 80x25' "$T/seen"
	grep -x 'Hello, screen' "$T/seen"
	grep -x ' *╔═╗A' "$T/seen"
	grep -x 'cursor 2 1 1' "$T/seen"
}

@test "vga: a font that the guest loads" {
	run -0 screen <<-'EOS'
		input t
		wait ╔═╗A
		pixel 711 384 0000aa
		input f
		pixel 711 384 ffffff
		input q
	EOS
}

@test "vga: linear pictures; of a change the display is told, and of nothing else" {
	run -0 screen <<-'EOS'
		input l
		size 640 480
		pixel 0 0 112233
		pixel 639 479 445566
		still 300
		input p
		changes
		pixel 100 50 ffffff
		still 300
		input q
	EOS
	[ "$(<"$T/seen")" = 16x1+96+50 ]
}

@test "vga: 8, 16 and 24 bits a pixel, a bank, panning, and 16 colours in planes" {
	run -0 screen <<-'EOS'
		input 8
		size 800 600
		pixel 5 1 ff8204
		input 6
		pixel 5 1 848284
		input 3
		pixel 5 1 563412
		input b
		pixel 246 27 ab0000
		input s
		pixel 5 0 563412
		input n
		size 640 480
		pixel 16 100 aa0000
		input q
	EOS
}

@test "vga: what a PPM has is what the guest drew" {
	run -0 screen <<-EOS
		input l
		size 640 480
		ppm $T/picture
		input q
	EOS
	[ "$(stat -c %s "$T/picture")" -eq $((15 + 640 * 480 * 3)) ]
	[ "$(tail -c +16 "$T/picture" | head -c 3 | od -An -tx1)" = ' 11 22 33' ]
	[ "$(tail -c 3 "$T/picture" | od -An -tx1)" = ' 44 55 66' ]
}

@test "vga: a display that hangs up, or sends nonsense, does not stop the guest" {
	run -0 screen <<-'EOS'
		input t
		wait Hello
		hangup
		input lpq
	EOS
	[[ $output = *lp* ]]
	run -0 screen <<-'EOS'
		send 0102030405
		closed
		input tq
	EOS
	[[ $output = *'kvm-run: fb0: the display sent '*': it is shown nothing any more'* && $output = *t ]]
}

@test "vga: a reset in place gives an empty text screen" {
	run -0 screen -r -C "$T/ctl" <<-EOS
		input t
		wait Hello
		input l
		size 640 480
		run echo reset | nc -NU $T/ctl
		size 720 400
		gone Hello
		input t
		wait Hello
		run echo devices | nc -NU $T/ctl
		run echo unplug fb0 | nc -NU $T/ctl
		input q
	EOS
	grep -q $'^fb0\tfb\t00:0[0-9].0\t-$' <<<"$output"
	[[ $output = *'no fb0: was there at the start, so it stays'* ]]
}

@test "vga: its BIOS sets modes of all kinds" {
	cp "$BIN/guests/video" "$T/disk"
	truncate -s 1M "$T/disk"
	cat >"$T/script" <<-'EOS'
		wait SeaBIOS (version
		wait video
		type 1
		size 640 400
		pixel 7 5 aa0000
		type 2
		size 640 480
		pixel 3 2 aa0000
		type v
		size 640 480
		pixel 384 25 123456
		type t
		size 720 400
		wait video
		type l
		cells 80 50
		type q
	EOS
	# shellcheck disable=SC2016 # expands there
	run -0 clean sh -c 'exec timeout 90 fb-screen -o "$2" -t 30 "$1" kvm-run -m 64 -F /usr/share/seabios/bios-256k.bin \
		-w fw,fd=4,of=fb0 -w blk,fd=3 3<>"$3" 4</usr/share/seabios/vgabios-stdvga.bin' \
		sh "$T/script" "$T/seen" "$T/disk" </dev/null
}

@test "vga: a hostile guest, watched" {
	for seed in 4 5; do
		echo watch >"$T/script"
		run -0 clean timeout 100 fb-screen -t 90 "$T/script" kvm-run -m 64 -K "seed=$seed rounds=40" -k "$BIN/guests/hostile" </dev/null
		[[ $output = *'survived 40 rounds'* ]]
	done
}

@test "vga: without an fb wire there is none of it" {
	spawn -R guest kvm-run -R 9 -m 16 -k "$BIN/guests/idle"
	run -1 grep memfd "/proc/${pids[guest]}/maps"
	plain=$(cat /proc/"${pids[guest]}"/task/*/comm)
	echo 'say up' >"$T/script"
	spawn -R shown fb-screen "$T/script" kvm-run -R 9 -m 16 -k "$BIN/guests/idle"
	shown=$(pgrep -P "${pids[shown]}")
	grep -q memfd:screen "/proc/$shown/maps"
	[ "$plain" = "$(cat /proc/"$shown"/task/*/comm)" ]
}

@test "vga: a machine has one" {
	run -2 clean wire-pair -K fb kvm-run -k "$BIN/guests/idle"
	[[ $output = *'kvm-run: fb1: model=vga: that is fb0 already'* ]]
}

# bats test_tags=kvm
@test "vga: the cloud kernel has its console there, and takes keys; bzImage and vmlinux" {
	need_kvm
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		dmesg | grep -o 'Console: colour VGA+ 80x25'
		cat /proc/consoles
		until ls /sys/bus/serio/devices/serio0/input/input* >/dev/null 2>&1; do sleep 0.1; done # keys before that are nobody's
		echo ready >/dev/tty0
		read -r line </dev/tty0
		echo "got $line"
	EOS
	cat >"$T/script" <<-'EOS'
		wait ready
		type hello\n
	EOS
	for file in vmlinuz vmlinux; do
		run -0 clean timeout 150 fb-screen -o "$T/seen" -t 140 "$T/script" kvm-run -k "$(kernel)/$file" -i "$T/initrd" -A quiet </dev/null
		[[ $output = *'Console: colour VGA+ 80x25'*'ttyS0 '*'tty0 '*'got hello'* ]]
	done
}

# bats test_tags=kvm
@test "vga: the generic kernel's bochs driver draws, and what it draws is what is told" {
	need_kvm
	initrd "$T/initrd" -g -m bochs <<-'EOS'
		#!/bin/sh
		dmesg -n 1
		dmesg | grep -o 'Found bochs VGA, ID 0xb0c5'
		stty -echo -F /dev/tty0
		printf '\033[?25l\033[2J' >/dev/tty0
		printf '\063\042\021\000' >/dev/fb0
		read -r line </dev/tty0
		printf '\033[10;10HX' >/dev/tty0
		read -r line </dev/tty0
	EOS
	cat >"$T/script" <<-'EOS'
		size 1024 768
		pixel 0 0 112233
		still 500
		type \n
		changes
		still 500
		type \n
	EOS
	run -0 clean timeout 150 fb-screen -o "$T/seen" -t 140 "$T/script" kvm-run -k "$(kernel generic)/vmlinuz" -i "$T/initrd" -A quiet </dev/null
	[[ $output = *'Found bochs VGA'* ]]
	# An X in its cell of 8 by 16, in the tenth row and column.
	[[ $(<"$T/seen") =~ ^16x([0-9]+)\+64\+(1[45][0-9])$ ]]
	((BASH_REMATCH[2] >= 144 && BASH_REMATCH[1] + BASH_REMATCH[2] <= 160))
}

# bats test_tags=kvm
@test "vga: GRUB's menu in graphics" {
	need_kvm
	need grub-mkimage sfdisk mke2fs
	echo true | initrd "$T/initrd"
	"$TESTS/lab/grub-disk" -g "$T/disk" "$T/initrd"
	cat >"$T/script" <<-EOS
		size 800 600
		pixel 21 300 a8a8a8
		pixel 774 300 a8a8a8
		pixel 400 66 a8a8a8
		pixel 400 80 a8a8a8
		pixel 400 95 000000
		kill
	EOS
	# Its frame, and the bar on the entry that is chosen.
	# shellcheck disable=SC2016 # expands there
	run -137 clean sh -c 'exec timeout 150 fb-screen -t 140 "$1" kvm-run -m 64 -F /usr/share/seabios/bios-256k.bin -w blk,fd=3 \
		-w fw,fd=4,of=fb0 3<>"$2" 4</usr/share/seabios/vgabios-stdvga.bin' sh "$T/script" "$T/disk" </dev/null
}
