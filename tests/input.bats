# SPDX-License-Identifier: ISC
# Keyboard, mouse and tablet of a machine with a display, as stock kernels have them. The display is fb-screen.
load lib

# guest SCRIPT OPTION...: boot with $T/initrd and a display that runs SCRIPT; what both say in $output.
guest() {
	local script=$1
	shift
	clean timeout 150 fb-screen -t 100 -o "$T/display" "$script" kvm-run -i "$T/initrd" -m 256 -A quiet "$@" </dev/null
}

# What the guests' scripts begin with. record NAME: writes the events of the device of that name to /tmp/NAME from now on.
# events NAME: those there are, as "type code value". count NAME N: waits, 10 s, until there are N.
guest_tools=$(cat <<'EOS'
#!/bin/sh
device() {
	local d
	for d in /sys/class/input/event*; do
		[ "$(cat "$d/device/name")" != "$1" ] || echo "/dev/input/${d##*/}"
	done
}
record() {
	: >"/tmp/$1"
	cat "$(device "$1")" >>"/tmp/$1" &
}
events() {
	od -An -v -w24 -td2 "/tmp/$1" | awk '{ print $9, $10, $11 }'
}
count() {
	local i=100
	until [ "$(wc -c <"/tmp/$1")" -ge $((24 * $2)) ] || [ $((i -= 1)) = 0 ]; do sleep 0.1; done
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
		echo 1 >"$(echo /sys/class/input/event*/device/input*::numlock/brightness | tr ' ' '\n' | tail -n 1)"
		say lit again
		sleep 0.5
		killall cat
		rmmod virtio_input
		say gone
	EOS
	initrd "$T/initrd" -m 'virtio_pci button evdev virtio_input' <"$T/guest"
	cat >"$T/script" <<-'EOS'
		wait press
		state 0 0
		key 1e
		key 9d e1
		key c8
		wait lit
		state 4 0
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
		wait gone
		state 4 0
	EOS
	run -0 guest "$T/script" -k "$(kernel)/vmlinux"
	echo "$output"
	false
}
