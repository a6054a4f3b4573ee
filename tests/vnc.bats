# SPDX-License-Identifier: ISC
# vm-vnc: a machine's screen for viewers, held against fb-machine, a machine that has nothing but a screen.
load lib

port=5977
declare -i lines=0

# show [OPTION...]: vm-vnc on $port with an fb-machine, whose output is $T/show.log and whose commands do() gives it.
show() {
	cd "$T" || return
	spawn show vm-vnc -l $port -l "$T/vnc" -C ctl "$@" fb-machine cmds
	wait_line show.log '^up$' >/dev/null
}

# do_it COMMAND...: fb-machine's commands, a line each; all are done when it returns.
do_it() {
	lines+=1
	printf '%s\n' "$@" "say done $lines" >cmds
	wait_line show.log "^done $lines\$" >/dev/null
}

# ctl LINE: a request on the control socket.
ctl() {
	printf '%s\n' "$1" | timeout 5 nc -NU "$T/ctl"
}

# viewer [ARG...]: a script of tests/vnc.py on the input, as its program.
viewer() {
	{
		printf 'import sys; sys.path.insert(0, "%s"); from vnc import *\n' "$TESTS"
		cat
	} >script.py
	timeout 50 /usr/bin/python3 -B script.py "$@"
}

# heard REGEX: what the machine was told; waits for it.
heard() {
	wait_line show.log "$1" 10
}

@test "each encoding gives the picture, pixel for pixel, in each form of pixels" {
	show
	do_it 'mode 333 217' 'pattern 3' 'dump ref.ppm'
	viewer "$T/vnc" <<'END'
for name, e in NAMES.items():
    v = Viewer(sys.argv[1])
    v.encodings(e, LAST_RECT)
    v.full()
    assert any(r[4] == e for r in v.rects), (name, v.rects)
    assert v.is_like('ref.ppm'), name
    v.encodings(e)  # without LastRect: rectangles are counted
    v.full()
    assert v.is_like('ref.ppm'), name + ' counted'
    for level in 0, 9:
        v.encodings(e, -256 + level)
        v.full()
        assert v.is_like('ref.ppm'), name + ' level'
    # 16 and 8 bits, big endian: what is lost is lost in the same way
    for f in (16, 16, 0, 1, 31, 63, 31, 11, 5, 0), (32, 24, 1, 1, 255, 255, 255, 0, 8, 16), (8, 8, 0, 1, 7, 7, 3, 0, 3, 6):
        v.format(*f)
        v.full()
        ref = picture('ref.ppm', v.w, v.h)
        m = f[4:7]
        assert all(abs(a - b) <= 255 // m[2 - i % 4] for i, (a, b) in enumerate(zip(v.pixels, ref)) if i % 4 != 3), (name, f)
    v.s.close()
v = Viewer(sys.argv[1])  # a palette
v.format(8, 8, 0, 0, 0, 0, 0, 0, 0, 0)
v.ask(0)
assert not v.message()
assert len(v.palette) == 6 * 256
END
}

@test "gvnccapture and vncsnapshot see the picture" {
	need gvnccapture vncsnapshot convert
	show
	do_it 'text 80 25' 'puts hello, world' 'puts and more' 'dump ref.ppm'
	run -0 timeout 20 gvnccapture 127.0.0.1:$((port - 5900)) out.png
	convert out.png out.ppm
	cmp ref.ppm out.ppm
	run -0 timeout 20 vncsnapshot -encodings raw -quality 100 127.0.0.1:$((port - 5900)) out.jpg
	[ "$(identify -format %wx%h out.jpg)" = 640x400 ]
}

@test "what changes is sent, and no more than that" {
	show
	do_it 'pattern 1'
	viewer "$T/vnc" <<'END'
import os
def do(*lines):
    global n
    n = globals().get('n', 0) + 1
    open('cmds', 'w').write('\n'.join(lines) + '\ndump now%d.ppm\nsay python %d\n' % (n, n))
    wait(lambda: 'python %d\n' % n in open('show.log').read())
v = Viewer(sys.argv[1])
v.encodings(TIGHT, LAST_RECT, COPYRECT)
v.full()
v.ask()  # waits for what follows
do('fill 100 100 8 8 ff0000')
v.update()
assert v.is_like('now1.ppm')
assert [r for r in v.rects if r[4] >= 0] == [(96, 96, 16, 16, TIGHT)], v.rects
v.ask()
do('fill 100 100 8 8 ff0000', 'fill 200 200 8 8 00ff00')  # the first changes nothing
v.update()
assert [r[:4] for r in v.rects if r[4] >= 0] == [(192, 192, 16, 16)], v.rects
do('text 80 30')
v2 = Viewer(sys.argv[1])
v2.encodings(ZRLE, COPYRECT, SIZE)
v2.full()
do('puts one', 'scroll 40')
v2.until('now%d.ppm' % n)
before = v2.total
v2.ask()
do('scroll 1')
v2.until('now%d.ppm' % n)
assert any(r[4] == COPYRECT for r in v2.rects), v2.rects
assert v2.total - before < 2000, v2.total - before
END
}

@test "a guest that changes its size, and one that is asked to" {
	show
	viewer "$T/vnc" <<'END'
v = Viewer(sys.argv[1])
v.encodings(ZRLE, EXT_SIZE, SIZE)
v.full()
assert v.news.get(EXT_SIZE) == (0, 0, 640, 480), v.news
open('cmds', 'w').write('mode 800 600\npattern 2\ndump a.ppm\nsay a\n')
wait(lambda: 'a\n' in open('show.log').read())
v.until('a.ppm')
assert v.news[EXT_SIZE][2:] == (800, 600)
v.resize(321, 200)
while v.w != 321:
    v.ask()
    v.update()
open('cmds', 'w').write('dump b.ppm\nsay b\n')
wait(lambda: 'b\n' in open('show.log').read())
v.until('b.ppm')
v.resize(0, 5)
del v.news[EXT_SIZE]
while EXT_SIZE not in v.news:
    v.ask()
    v.update()
assert v.news[EXT_SIZE] == (1, 3, 321, 200), v.news
old = Viewer(sys.argv[1])
old.encodings(RAW, SIZE)
old.full()
open('cmds', 'w').write('mode 0 0\n')  # black then, of the size there was
open('cmds', 'w').write('mode 64 32\npattern 5\ndump c.ppm\nsay c\n')
wait(lambda: 'c\n' in open('show.log').read())
old.until('c.ppm')
stiff = Viewer(sys.argv[1])
stiff.encodings(RAW)
stiff.full()
open('cmds', 'w').write('mode 640 480\n')
try:
    while True:
        stiff.ask()
        stiff.update()
except (EOFError, ConnectionError):
    pass
END
	heard '^resize 321 200$'
}

@test "keys by scan code, by symbol, and let go of; pointers; clipboards" {
	show
	viewer "$T/vnc" <<'END'
v = Viewer(sys.argv[1])
v.encodings(RAW, KEYS, LEDS, POINTER, CURSOR)
v.full()
assert v.news[KEYS] == 0 and v.news[POINTER] == 1 and v.news[LEDS] == 0, v.news
v.key(0x61, 1, 0x1e)  # as it is, whatever the symbol
v.key(0x61, 0, 0x1e)
v.key(0xff51, 1, 0xcb)
v.key(0xff51, 0, 0xcb)
v.key(ord('Q'), 1)  # without Shift: it is held for this key
v.key(ord('Q'), 0)
v.key(0xffe1, 1)
v.key(ord('1'), 1)  # with Shift, as on a French keyboard
v.key(ord('1'), 0)
v.key(0xffe1, 0)
v.key(0x20ac, 1)  # on no key
v.pointer(0, 0)
v.pointer(639, 479, 1)
v.pointer(320, 240, 8)
v.pointer(320, 240, 0)
v.text('gr\xfc\xdf'.encode('latin-1'))
v.key(0xffe3, 1)  # and gone, with Control held and a button down
v.pointer(5, 5, 4)
v.ask(0)
v.update()
v.s.close()
END
	heard 'key 1d up'
	heard 'buttons 0'
	diff <(grep -v '^done\|^up\|^say' show.log) - <<'END'
key 1e down
key 1e up
key cb down
key cb up
key 2a down
key 10 down
key 2a up
key 10 up
key 2a down
key 2a up
key 02 down
key 2a down
key 02 up
key 2a up
pointer at 0 0 wheel 0 0 buttons 0
pointer at 32767 32767 wheel 0 0 buttons 1
pointer at 16409 16417 wheel 1 0 buttons 0
pointer at 16409 16417 wheel 0 0 buttons 0
clip grüß
key 1d down
pointer at 256 342 wheel 0 0 buttons 4
key 1d up
pointer by 0 0 wheel 0 0 buttons 0
END
}

@test "lights, a mouse that can only be moved, the guest's own pointer" {
	show
	viewer "$T/vnc" <<'END'
def do(line):
    open('cmds', 'w').write(line + '\n')
v = Viewer(sys.argv[1])
v.encodings(RAW, KEYS, LEDS, POINTER, ALPHA, CURSOR)
v.full()
do('state 6 0')
while v.news[POINTER] or v.news[LEDS] != 6:
    v.ask()
    v.update()
v.pointer(0x7fff + 5, 0x7fff - 3)
old = Viewer(sys.argv[1])
old.encodings(RAW)
old.full()
old.pointer(100, 100)
old.pointer(90, 120)
do('cursor 30 40')
while ALPHA not in v.news:
    v.ask()
    v.update()
x, y, w, h, pixels = v.news[ALPHA]
assert (x, y, w, h) == (1, 2, 12, 16) and pixels[12 * 4:12 * 4 + 4] == bytes((128, 0, 0, 128)), pixels[48:52]
rich = Viewer(sys.argv[1])
rich.encodings(RAW, CURSOR)
rich.full()
x, y, w, h, pixels, mask = rich.news[CURSOR]
assert (w, h, mask[:4]) == (12, 16, bytes((0x80, 0, 0xc0, 0))), mask
# who draws none sees it in the picture: its hot spot at 30, 40, blended with the black there
while old.pixels[(38 * 640 + 29) * 4:][:3] != bytes((255, 255, 255)):
    old.ask()
    old.update()
assert old.pixels[(40 * 640 + 29) * 4:][:3] == bytes((0, 0, 128)), old.pixels[(40 * 640 + 29) * 4:][:3]
do('cursor 200 200')
while any(old.pixels[(38 * 640 + 29) * 4:][:3]):
    old.ask()
    old.update()
do('cursor off')
while v.news[ALPHA][2]:
    v.ask()
    v.update()
END
	heard 'pointer by 5 -3 '
	heard 'pointer by -10 20 '
}

@test "the extended clipboard: Unicode, both ways" {
	show
	viewer "$T/vnc" <<'END'
v = Viewer(sys.argv[1])
v.encodings(RAW, CLIPBOARD)
v.full()
while not v.texts:
    v.ask(0)
    v.message()
caps, sizes = v.texts.pop()
assert caps == 1 | 31 << 24 & 0x1f000000, hex(caps)
v.clip(1 << 24 | 1 | 1 << 28, struct.pack('>I', 1000))
v.clip(1 | 1 << 27)  # we have text: it is asked for
while not v.texts:
    v.message()
assert v.texts.pop() == (1 | 1 << 25, b'')
text = 'žluťoučký\0'.encode()
v.clip(1 | 1 << 28, zlib.compress(struct.pack('>I', len(text)) + text))
wait(lambda: 'clip žluťoučký\n' in open('show.log').read())
open('cmds', 'w').write('clip κόσμε\n')
while not v.texts:
    v.message()
assert v.texts.pop() == (1 | 1 << 27, b'')
v.clip(1 | 1 << 25)
while not v.texts:
    v.message()
flags, packed = v.texts.pop()
assert flags == 1 | 1 << 28 and zlib.decompress(packed)[4:] == 'κόσμε\0'.encode()
v.clip(1 | 1 << 28, b'no zlib')
v.clip(1 | 1 << 28, zlib.compress(b'ab'))
v.clip(0xffffffff)
v.s.sendall(struct.pack('>BxxxI', 6, 0x7fffffff) + b'x' * 100)  # too much: passed over
END
}

@test "typing for guests without an agent, and keys pressed together" {
	show
	run -0 ctl 'type aB 1!'
	heard 'key 02 up'
	run -0 ctl 'press ctrl-alt-delete'
	heard 'key 1d up'
	run -0 ctl $'type \xc3\xa9'
	[ "$output" = 'no character ? is on no key' ]
	run -0 ctl 'press nothing'
	[[ $output = 'no keys are those like'* ]]
	wait_line show.log 'key 2a up'
	[ "$(grep -c ^key show.log)" -eq 20 ]
}

# The machine is fb-machine, which takes no images.
@test "the examples of vm-vnc(1) run" {
	cd "$T"
	touch disk.raw
	mapfile -t lines_of_page < <(examples "$TESTS/../man/vm-vnc.1")
	[[ ${lines_of_page[0]} = *'-l 1 '*kvm-run* ]]
	spawn show sh -c "$(sed 's/-l 1 /-l 77 /; s/kvm-run.*3<>/fb-machine cmds 3<>/' <<<"${lines_of_page[0]}")"
	wait_line show.log '^up$' >/dev/null
	for line in "${lines_of_page[@]:1}"; do
		run -0 clean timeout 10 sh -c "$line"
	done
	[ "$(head -c 4 screen.png | tail -c 3)" = PNG ]
	wait_line show.log 'key 14 up'
}
