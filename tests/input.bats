# SPDX-License-Identifier: ISC
# Keyboard, mouse and tablet of a machine with a display, as stock kernels have them. The display is fb-screen.
load lib
load firmware

@test "the BIOS reads the keyboard, and a boot sector what is typed; the other keyboard and the tablet are there to stay" {
	sector_disk "$T/disk" Keys
	cat >"$T/script" <<-EOS
		wait drive 80: Keys
		run printf '%s\\n' devices 'unplug tablet' | nc -NU $T/ctl
		type Hello, i8042.\\n
	EOS
	# shellcheck disable=SC2016 # expands there
	run -0 clean timeout 55 fb-screen -t 50 "$T/script" sh -c 'exec kvm-run -C "${3%/*}/ctl" -F "$1/bios-256k.bin" -m 64 -w fw,fd=4,of=fb0 \
		-w blk,fd=3 -w con,fd=5,as=debug 3<>"$2" 4<"$1/vgabios-stdvga.bin" 5>"$3"' sh "$SEABIOS" "$T/disk" "$T/log" </dev/null
	tail -n 1 "$T/log" | grep -x 'Hello, i8042.'
	grep -x $'keyboard\tinput\t00:02.0\t-' <<<"$output"
	grep -x $'tablet\tinput\t00:03.0\t-' <<<"$output"
	grep -x 'no tablet: .* stays' <<<"$output"
}

# guest MODEL OPTION...: boot with $T/initrd and a display of that model, which runs $T/script.
guest() {
	local model=$1
	shift
	clean timeout 150 fb-screen -m "$model" -t 100 -o "$T/display" "$T/script" kvm-run -i "$T/initrd" -m 256 -A quiet "$@" </dev/null
}

# What the guests' scripts begin with. record NAME: notes the events of the device of that name from now on.
# events NAME: those there are, as "type code value". count NAME N: waits, 10 s, until there are N.
guest_tools=$(cat <<'EOS'
#!/bin/sh
device() {
	local d
	for d in /sys/class/input/event*; do
		[ "$(cat "$d/device/name")" != "$1" ] || echo "/dev/input/${d##*/}"
	done
}
file() {
	echo "/tmp/$1" | tr ' ' _ | sed 's,PS/,PS,'
}
record() {
	: >"$(file "$1")"
	cat "$(device "$1")" >>"$(file "$1")" &
	until ls -l "/proc/$!/fd" | grep -q input/event; do :; done
}
events() {
	od -An -v -w24 -td2 "$(file "$1")" | awk '{ print $9, $10, $11 }'
}
count() {
	local i=100
	until [ "$(wc -c <"$(file "$1")")" -ge $((24 * $2)) ] || [ $((i -= 1)) = 0 ]; do sleep 0.1; done
}
say() {
	echo "$*" >/dev/tty0
}
EOS
)

# bats test_tags=kvm
@test "a stock kernel: keys and lights by the i8042, then by virtio, and the pointer where it was put" {
	need_kvm
	echo "$guest_tools" >"$T/guest"
	cat >>"$T/guest" <<-'EOS'
		dmesg | grep -i 'i8042\|serio'
		rmmod virtio_input
		record 'AT Translated Set 2 keyboard'
		say press
		count 'AT Translated Set 2 keyboard' 18
		events 'AT Translated Set 2 keyboard'
		echo 1 >"$(echo /sys/class/leds/input*::capslock/brightness)"
		say lit
		count 'AT Translated Set 2 keyboard' 24
		modprobe virtio_input
		record 'kvm-run keyboard'
		record 'kvm-run tablet'
		cat /proc/bus/input/devices
		say virtio
		count 'kvm-run keyboard' 12
		sleep 0.2
		echo keyboard
		events 'kvm-run keyboard'
		echo tablet
		events 'kvm-run tablet'
		echo 1 >"$(ls -d /sys/class/leds/input*::numlock | tail -n 1)/brightness"
		say lit again
		count 'kvm-run keyboard' 16
		killall cat
		rmmod virtio_input
		record 'AT Translated Set 2 keyboard'
		say gone
		count 'AT Translated Set 2 keyboard' 6
	EOS
	initrd "$T/initrd" -m 'virtio_pci button evdev virtio_input' <"$T/guest"
	cat >"$T/script" <<-'EOS'
		wait press
		state 0 0
		key 1e
		key 9d c8
		wait lit
		state 4 0
		key 1e
		wait virtio
		state 0 1
		pointer 0 0 0
		pointer 32767 16384 1
		pointer 100 200 5
		wheel 2
		pointer 100 200 18
		key 1e
		key cb
		key c6
		wait lit again
		state 2 1
		key 1e
		wait gone
		state 0 0
		key 1e
	EOS
	run -0 guest vga -k "$(kernel)/vmlinuz"
	[[ $output = *'PNP: PS/2 Controller [PNP0303:KBD,PNP0f13:MOU] at 0x60,0x64 irq 1,12'* ]]
	[[ $output != *Unknown* ]]
	tr -d '\r' <<<"$output" | grep -x '[123] [0-9]* .*\|[a-z][a-z]*' | tr '\n' , >"$T/events"
	grep -F '1 30 1,1 30 0,1 97 1,1 103 1,1 103 0,1 97 0,keyboard,1 30 1,1 30 0,1 105 1,1 105 0,1 119 1,1 119 0,tablet,' "$T/events"
	grep -F 'tablet,3 0 32767,3 1 16384,1 272 1,3 0 100,3 1 200,1 273 1,2 8 2,2 11 240,1 272 0,1 274 1,1 273 0,1 276 1,' "$T/events"
}

# bats test_tags=kvm
@test "a stock kernel: virtio-gpu shows its console, says what has changed, takes another size, and is reset; the mouse moves" {
	need_kvm
	echo "$guest_tools" >"$T/guest"
	cat >>"$T/guest" <<-'EOS'
		paint() { # all of the screen, with colour $1 of ANSI's
			printf '\033[4%dm\033[2J\033[H\033[?25l' "$1" >/dev/tty0
		}
		dmesg | grep -i 'virtio_gpu\|drm\|fb0'
		record 'ImExPS/2 Generic Explorer Mouse'
		record 'kvm-run keyboard'
		stty -echo </dev/tty0
		paint 1
		count 'kvm-run keyboard' 4
		printf '\033[20;40HX' >/dev/tty0
		count 'ImExPS/2 Generic Explorer Mouse' 11
		events 'ImExPS/2 Generic Explorer Mouse'
		paint 2
		count 'kvm-run keyboard' 8
		paint 4
		count 'kvm-run keyboard' 100
	EOS
	initrd "$T/initrd" -g -m 'virtio_pci button evdev psmouse virtio_input virtio-gpu' <"$T/guest"
	cat >"$T/script" <<-EOS
		size 1280 800
		state 0 1
		pixel 700 400 aa0000
		still 200
		key 1e
		changes
		move 5 -3 1
		wheel -1
		move 300 0 0
		pixel 700 400 00aa00
		resize 800 600
		size 800 600
		key 1e
		pixel 700 400 0000aa
		key 1e 1f
		pointer 5 5 1
		run echo reset | nc -NU $T/ctl
		state 0 0
		size 0 0
		size 800 600
		state 0 1
		pixel 700 400 aa0000
		run echo quit | nc -NU $T/ctl
	EOS
	run -5 guest virtio -k "$(kernel generic)/vmlinuz" -C "$T/ctl"
	cat "$T/display"
	grep -x '[0-9]*x16+[0-9]*+304' "$T/display"
	tr -d '\r' <<<"$output" | grep -x '[12] [0-9]* .*' | tr '\n' , >"$T/events"
	grep -F '1 272 1,2 0 5,2 1 -3,2 8 -1,1 272 0,2 0 255,2 0 45,' "$T/events"
}
