# SPDX-License-Identifier: ISC
# From the firmware to the eye: a guest of kvm-run whose screen vm-vnc shows, in the viewers that people have.
load lib
load firmware
load vnc

# start DISK [OPTION...]: SeaBIOS with that disk, its screen on display 1 and, for browsers, 6080, in the test's network.
start() {
	local disk=$1
	shift
	netns net
	# shellcheck disable=SC2016 # expands there
	spawn_in net guest env -C "$T" sh -c 'exec vm-vnc -l :1 -l "$PWD/vnc" -W 6080 -C ctl kvm-run "$@" \
		3<>"$0" 4>log 5</usr/share/seabios/vgabios-stdvga.bin' "$disk" -F "$SEABIOS/bios-256k.bin" \
		-w blk,fd=3 -w con,fd=4,as=debug -w fw,fd=5,of=fb0 "$@"
}

# tiger: TigerVNC, in $window of an X server; the picture is that of as_one before.
tiger() {
	mkfifo "$T/display"
	# shellcheck disable=SC2016 # expands there
	spawn_in net xvfb sh -c 'exec Xvfb -displayfd 9 -screen 0 1024x768x24 -nolisten tcp 9>"$1"' sh "$T/display"
	read -r -t 60 DISPLAY <"$T/display"
	export DISPLAY=:$DISPLAY HOME=$T
	spawn_in net tiger vncviewer -Shared -RemoteResize=0 -AlertOnFatalError=0 "$T/vnc"
	window=$(in_ns net timeout 60 xdotool search --sync --onlyvisible --name TigerVNC | tail -n 1)
	# It takes keys once it shows something. Above there is a hint for some seconds.
	convert "$T/shown.ppm" -crop 720x200+0+200 +repage "$T/below.ppm"
	until in_ns net import -window "$window" -crop 720x200+0+200 +repage "$T/drawn.ppm" 2>/dev/null &&
		[ "$(compare -metric AE "$T/below.ppm" "$T/drawn.ppm" null: 2>&1)" = 0 ]; do
		kill -0 "${pids[tiger]}"
		sleep 0.1
	done
}

# type_in_tiger TEXT: keys, as somebody would press them.
type_in_tiger() {
	in_ns net xdotool windowfocus --sync "$window" type --delay 100 "$1"
}

# second_types TEXT: keys from another viewer, a script with the key symbols that it has.
second_types() {
	in_ns net env -C "$T" PYTHONPATH="$TESTS" PYTHONDONTWRITEBYTECODE=1 timeout 50 /usr/bin/python3 script.py "$T/vnc" "$1"
}

# typed TEXT: the guest has read it, and said so; its line has not ended.
typed() {
	timeout 60 sh -c 'until grep -aq "$1" "$2"; do sleep 0.1; done' sh "$1" "$T/log"
}

# as_one: the picture that a viewer gets is the one that the machine has, pixel for pixel. It must not change meanwhile.
as_one() {
	in_ns net env -C "$T" timeout 60 gvnccapture 127.0.0.1:1 seen.png
	convert "$T/seen.png" "$T/seen.ppm"
	in_ns net env -C "$T" vm-vnc -C ctl -G shown.ppm
	cmp "$T/seen.ppm" "$T/shown.ppm"
}

@test "SeaBIOS and a boot sector: what TigerVNC and a browser type is read by the BIOS, and all see the same pixels" {
	need gvnccapture convert Xvfb vncviewer xdotool chromium
	sector_disk "$T/disk" 'Keys: '
	start "$T/disk" -m 64
	wait_line "$T/log" 'sector: drive 80: Keys' 90
	as_one
	tiger
	type_in_tiger 'Tiger, '
	typed 'Tiger, '
	in_ns net env -C "$T" HOME="$T" TMPDIR="$T" PYTHONDONTWRITEBYTECODE=1 timeout 100 /usr/bin/python3 "$TESTS/browser.py" \
		'http://127.0.0.1:6080/vnc.html?autoconnect=true&resize=off' <<-'EOF'
		b.until(lambda: b.pixels() and b.pixels()[:2] == [720, 400])
		for c in "novnc":
		    b.key(c, "Key" + c.upper(), c)
		b.until(lambda: "novnc" in open("log", errors="replace").read())
		b.key("Enter", "Enter", "\r")
	EOF
	await guest
}

# bats test_tags=kvm
@test "GRUB, a stock kernel and a login on the screen: seen as it is, and worked from two viewers" {
	need_kvm
	need gvnccapture convert Xvfb vncviewer xdotool grub-mkimage sfdisk mke2fs
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		hostname stock
		echo root::0:0::/root:/bin/sh >/etc/passwd
		printf '\033[?25l' >/dev/tty1
		getty -L 0 tty1 linux &
		shown() {
			until tr -d '\0' </dev/vcs1 | grep -q "$1"; do sleep 0.2; done
		}
		shown 'stock login:'
		echo 'asks who it is'
		shown '# '
		echo 'takes commands'
		wait
	EOS
	"$TESTS/lab/grub-disk" "$T/disk" "$T/initrd"
	start "$T/disk" -m 192
	wait_line "$T/guest.log" 'asks who it is' 200
	as_one
	tiger
	type_in_tiger root
	cat >"$T/script.py" <<-'EOF'
		import sys
		from vnc import *
		v = Viewer(sys.argv[1])
		v.encodings(-258)
		v.full()
		for c in sys.argv[2]:
		    for down in 1, 0:
		        v.key(0xff0d if c == "\n" else ord(c), down)
		    if c not in " \n":  # a keyboard remembers few keys: the next ones when this one is seen
		        v.ask()
		        v.update()
	EOF
	second_types $'\n'
	wait_line "$T/guest.log" 'takes commands' 60
	second_types $'echo it is $((6 * 7)) >/dev/ttyS0; poweroff -f\n'
	await guest
	grep -a 'it is 42' "$T/guest.log"
}
