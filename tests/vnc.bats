# SPDX-License-Identifier: ISC
# vm-vnc: a machine's screen for viewers, held against fb-machine, a machine that has nothing but a screen.
load lib

# A port for displays, below 100, that nobody listens on.
port=$((5940 + BASHPID % 60))
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
	port=$((5940 + (port - 5939) % 60))
done
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
plain = Viewer(sys.argv[1])
plain.full()
open('cmds', 'w').write('clip é κόσμε\n')
while not plain.texts:
    plain.message()
assert plain.texts == [b'\xe9 ?????'], plain.texts
open('cmds', 'w').write('clip κόσμε\n')
while len(v.texts) < 2:
    v.message()
assert v.texts == [(1 | 1 << 27, b'')] * 2, v.texts
v.texts = []
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
	touch disk.raw vgabios-stdvga.bin
	mapfile -t lines_of_page < <(examples "$TESTS/../man/vm-vnc.1")
	[[ ${lines_of_page[0]} = *'-l 1 '*kvm-run* ]]
	spawn show sh -c "$(sed 's/-l 1 /-l '"$port"' /; s/kvm-run.*3<>/fb-machine cmds 3<>/' <<<"${lines_of_page[0]}")"
	wait_line show.log '^up$' >/dev/null
	for line in "${lines_of_page[@]:1}"; do
		run -0 clean timeout 10 sh -c "$line"
	done
	[ "$(head -c 4 screen.png | tail -c 3)" = PNG ]
	wait_line show.log 'key 14 up'
}

@test "a viewer that never reads keeps nobody waiting" {
	show
	do_it 'mode 3840 2160' 'pattern 1'
	viewer "$T/vnc" <<'END'
stalled = Viewer(sys.argv[1])
stalled.encodings(RAW)
for _ in range(50):
    stalled.ask(0)  # 33 MB each, of which none is read
flood = Viewer(sys.argv[1])
flood.encodings(RAW)
flood.s.settimeout(.2)
try:  # keys without end, and nothing read
    flood.ask(0)
    while True:
        flood.s.sendall(struct.pack('>BBxxI', 4, 1, 0x20) * 1000)
        if flood.s.send(b'\4\0\0\0\0\0\0\x20' * 2000) < 16000:
            break
except (socket.timeout, BlockingIOError):
    pass
half = [Viewer(sys.argv[1], init=False) for _ in range(3)]  # never say that they begin
v = Viewer(sys.argv[1])
v.encodings(ZRLE)
slowest = 0
open('cmds', 'w').write('fill 0 0 3840 2160 0\n')
v.ask()
v.update()
for i in range(20):
    v.ask()
    open('cmds', 'w').write('fill 0 0 16 16 %x\n' % (i + 1))
    start = time.time()
    v.update()
    while v.pixels[0] != i + 1:
        v.ask()
        v.update()
    slowest = max(slowest, time.time() - start)
print(slowest)
assert slowest < 3, slowest
END
}

@test "viewers that break the protocol go, and nobody else" {
	show -v
	viewer "$T/vnc" <<'END'
good = Viewer(sys.argv[1])
good.encodings(ZRLE)
good.full()
for bad in (b'\x07', b'\xff\x01' + b'\0' * 10, b'\2\0\xff\xff' + b'\0' * 100,
            b'\0\0\0\0' + bytes((24, 24, 0, 1)) + b'\0' * 12, b'\0\0\0\0' + bytes((32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 40, 0, 0, 0, 0)),
            b'\0\0\0\0' + bytes((16, 16, 0, 0)) + b'\0' * 12, b'\0\0\0\0' + bytes((16, 16, 0, 1, 0, 31, 0, 63, 0, 31, 12, 5, 0, 0, 0, 0)), b'\0\0\0\0' + bytes((8, 8, 0, 1, 0, 255, 0, 255, 0, 255, 0, 0, 0, 0, 0, 0))):
    v = Viewer(sys.argv[1])
    v.s.sendall(bad)
    try:
        while v.s.recv(65536):
            pass
    except ConnectionError:
        pass
odd = Viewer(sys.argv[1])  # what is odd, and no fault
odd.encodings(99, -1, TIGHT, 5, 5, 5, 0x7fffffff, -0x80000000)
odd.s.sendall(b'\xfa\0\1\2')
odd.full()
assert all(r[4] == TIGHT for r in odd.rects), odd.rects
odd.ask(1, 65535, 65535, 65535, 65535)
odd.ask(0, 600, 470, 65535, 65535)
odd.update()
assert all(r[0] >= 592 for r in odd.rects), odd.rects
odd.pointer(65535, 65535, 255)
odd.s.sendall(b'\3')  # a part of a message, and gone
odd.s.close()
good.full()
END
	heard 'pointer at 32767 32767 wheel 0 0 buttons 15'
	run ! grep -E 'died|Sanitizer' show.log
}

@test "who stays when another viewer comes" {
	show -O share=ask
	viewer "$T/vnc" <<'END'
a, b = Viewer(sys.argv[1]), Viewer(sys.argv[1])
a.full(), b.full()
c = Viewer(sys.argv[1], shared=0)
c.full()
for v in a, b:
    try:
        assert not v.s.recv(1)
    except ConnectionError:
        pass
END
	reap
	rm -f ctl vnc cmds
	show -O share=first
	viewer "$T/vnc" <<'END'
a = Viewer(sys.argv[1])
a.full()
try:
    Viewer(sys.argv[1], shared=0)
    assert False
except (EOFError, ConnectionError):
    pass
a.full()
END
	reap
	rm -f ctl vnc cmds
	show -O share=newest -O viewers=1
	viewer "$T/vnc" <<'END'
a = Viewer(sys.argv[1])
a.full()
b = Viewer(sys.argv[1])
b.full()
assert not a.s.recv(1)
END
	reap
	rm -f ctl vnc cmds
	show -O share=always -O viewers=2 -O view-only
	viewer "$T/vnc" <<'END'
a, b = Viewer(sys.argv[1], shared=0), Viewer(sys.argv[1], shared=0)
a.full(), b.full()
a.key(0x61, 1)
a.pointer(3, 3, 1)
a.text(b'x')
try:
    Viewer(sys.argv[1])
    assert False
except (EOFError, ConnectionError):
    pass
a.full()
END
	do_it 'say end'
	run ! grep -E '^(key|pointer|clip)' show.log
}

@test "clients are listed, and sent away" {
	show
	cat >script <<'END'
v = Viewer(sys.argv[1])
v.full()
open('ready', 'w')
try:
    v.s.settimeout(60)
    assert not v.s.recv(1)
except ConnectionError:
    pass
END
	viewer "$T/vnc" <script &
	while [ ! -e ready ]; do sleep 0.02; done
	run -0 ctl clients
	[[ ${lines[0]//$'\t'/|} =~ ^1\|unix.*\|rfb\+none\|control\|\|[0-9]+$ ]]
	[ "${lines[1]}" = ok ]
	run -0 ctl 'disconnect 7'
	[ "$output" = 'no no such viewer' ]
	run -0 ctl 'disconnect 1'
	wait $!
	run -0 ctl 'clients'
	[ "$output" = ok ]
	run -0 ctl 'nonsense'
	[[ $output = 'no not one of: '* ]]
}

@test "a screenshot: PNG and PPM, to a file, to standard output, by request" {
	show
	do_it 'mode 133 77' 'pattern 2' 'dump ref.ppm'
	run -0 vm-vnc -C ctl -G a.ppm
	cmp ref.ppm a.ppm
	run -0 vm-vnc -C ctl -G a.png
	convert a.png b.ppm
	cmp ref.ppm b.ppm
	vm-vnc -C ctl -G - >c.png
	cmp a.png c.png
	run -0 ctl 'screenshot d.ppm'
	[ "$output" = ok ]
	while [ ! -e d.ppm ]; do sleep 0.02; done
	cmp ref.ppm d.ppm
	run -1 vm-vnc -C ctl -G none/e.png
	[[ $output = 'vm-vnc: none/e.png.'*': No such file or directory' ]]
	run -1 vm-vnc -C nothing -G e.png
	[ "$output" = 'vm-vnc: -C nothing: No such file or directory' ]
	vm-vnc -C ctl -G - >/dev/full 2>err && false
	[ "$(cat err)" = 'vm-vnc: screenshot: No space left on device' ]
	do_it 'mode 0 0'
	run -0 ctl 'screenshot f.ppm'
	[ "$output" = 'no nothing is shown' ]
}

@test "the text screen in a terminal, with keys" {
	show
	do_it 'text 40 12' 'attr 1e' 'puts hello' 'attr 07' $'puts \xc4\xb3\x80'
	viewer ctl <<'END'
import os, pty, select, termios
pid, fd = pty.fork()
if pid == 0:
    os.execvp('vm-vnc', ['vm-vnc', '-C', 'ctl', '-X'])
out = b''
def see(what):
    global out
    end = time.time() + 10
    while what not in out:
        assert time.time() < end, (what, out)
        if select.select([fd], [], [], 1)[0]:
            out += os.read(fd, 65536)
see('─│Ç'.encode())
see(b'hello')
assert b'\033[0;93;44mhello' in out, out
see(b'\033[3;1H\033[?25l')
out = b''
open('cmds', 'wb').write(b'puts again\n')
see(b'again')
assert len(out) < 100, out  # what has changed, alone
os.write(fd, b'aZ\r\x03\033[A\033x\033OP')
wait(lambda: open('show.log').read().count('key ') >= 20)
os.write(fd, b'\x1d')
while True:
    try:
        if not os.read(fd, 65536):
            break
    except OSError:
        break
assert os.waitpid(pid, 0)[1] == 0
END
	diff <(grep ^key show.log | sed 's/^key //' | tr '\n' ' ' && echo) - <<'END'
1e down 1e up 2a down 2c down 2c up 2a up 1c down 1c up 1d down 2e down 2e up 1d up c8 down c8 up 38 down 2d down 2d up 38 up 3b down 3b up 
END
}

@test "nothing is left behind, however it ends" {
	local child parent
	cd "$T"
	# shellcheck disable=SC2016 # for the inner shell
	spawn show sh -c 'vm-vnc -l $PWD/vnc -C ctl fb-machine cmds & echo $! >pid; wait'
	wait_line show.log '^up$' >/dev/null
	cat >script <<'END'
v = Viewer(sys.argv[1])
v.full()
open('seen', 'w')
v.s.settimeout(60)
try:
    assert not v.s.recv(1)
except ConnectionError:
    pass
END
	viewer "$T/vnc" <script &
	child=$!
	while [ ! -e seen ]; do sleep 0.02; done
	kill -KILL "$(cat pid)" # the machine: its screen ends, and with it all viewers
	wait $child
	while [ -e vnc ] || [ -e ctl ]; do sleep 0.02; done
	rm cmds seen
	show
	viewer "$T/vnc" <script &
	child=$!
	while [ ! -e seen ]; do sleep 0.02; done
	for parent in $(pgrep -f "^vm-vnc -l $port -l $T/vnc"); do
		[ "$(cat "/proc/$parent/comm")" != vm-vnc ] || break
	done
	kill -KILL "$parent" # the parent alone: the viewers' processes follow
	wait $child
	heard '^unplugged'
	await show
	while pgrep -f "^vm-vnc -l $port -l $T/vnc"; do sleep 0.02; done
}

@test "a wire that is handed over, and one that was" {
	cd "$T"
	spawn show vm-vnc -C ctl1 fb-machine cmds
	wait_line show.log '^up$' >/dev/null
	run -2 clean vm-vnc -w fb,fd=7
	[ "$output" = 'vm-vnc: fb0: fd 7: Bad file descriptor' ]
	run -2 clean vm-vnc
	[ "$output" = 'vm-vnc: no program, no -S and no fb wire: nothing to show (try --help)' ]
	run -2 clean vm-vnc -G x -X
	run -2 clean vm-vnc -O share=some true
	[ "$output" = 'vm-vnc: -O share=some: not one of ask, always, first, newest' ]
	run -125 clean vm-vnc -l 99999 true
	run -127 clean vm-vnc nonexistent-program
	run -0 clean vm-vnc -n -I name -O rate=30 true
	[[ $output = $'name\tname\nshare\task\nviewers\t16\nrate\t30'* ]]
}

@test "TigerVNC under Xvfb: the picture, keys by scan code, the pointer" {
	need Xvfb vncviewer xdotool import
	local id i
	show
	do_it 'mode 500 400' 'pattern 7' 'dump ref.ppm'
	spawn x sh -c 'exec Xvfb -displayfd 1 -screen 0 800x600x24 -nolisten tcp 2>/dev/null'
	wait_line x.log '^[0-9]+$' >/dev/null
	DISPLAY=:$(cat x.log)
	export DISPLAY HOME=$T
	spawn tiger vncviewer -Shared -RemoteResize=0 -AutoSelect=0 -PreferredEncoding=ZRLE -geometry 500x400+0+0 127.0.0.1:$port
	# The window has a frame of 1 and 20 pixels; above there is a hint for some seconds.
	convert ref.ppm -crop 500x260+0+140 +repage part.ppm
	for ((i = 0; i < 200; i++)); do
		id=$(xdotool search --name TigerVNC 2>/dev/null | tail -1) && [ "$id" ] && import -window root -crop 500x260+1+160 +repage seen.ppm &&
			[ "$(compare -metric AE part.ppm seen.ppm null: 2>&1)" = 0 ] && break
		sleep 0.05
	done
	((i < 200))
	xdotool windowfocus --sync "$id" type --delay 20 'aZ'
	xdotool key Left
	xdotool mousemove 251 220 click 1
	heard 'buttons 1'
	heard 'buttons 0'
	grep '^key' show.log | diff - <(printf 'key %s\n' '1e down' '1e up' '2a down' '2c down' '2a up' '2c up' 'cb down' 'cb up')
	grep -E '^pointer at 164[0-9]* 164[0-9]* ' show.log
	xdotool search --name TigerVNC windowclose
}

# boot_sector OUT: tests/scroll.S as a disk.
boot_sector() {
	as --32 -o sector.o "$TESTS/scroll.S"
	ld -m elf_i386 -Ttext=0x7c00 --oformat=binary -o "$1" sector.o
	truncate -s 1M "$1"
}

@test "a boot sector's screen, through SeaBIOS: pixel for pixel, and worked by keys" {
	need gvnccapture convert as ld
	local i
	cd "$T"
	boot_sector disk
	# shellcheck disable=SC2016 # for the inner shell
	spawn -R show sh -c 'exec vm-vnc -R 9 -l '$port' -l "$1/vnc" -C ctl kvm-run -m 32 -F /usr/share/seabios/bios-256k.bin -w blk,fd=3 3<>disk' sh "$T"
	viewer "$T/vnc" <<'END'
def full(v):
    v.encodings(ZRLE, COPYRECT, SIZE, KEYS)
    v.full()
    return v.h == 400 and all(any(v.pixels[r * v.w * 64:][:v.w * 64]) for r in range(25))
v, last = Viewer(sys.argv[1]), None
while not full(v) or v.pixels != last:  # until the last line is written, too
    last = v.pixels
    time.sleep(.5)
    v.s.close()
    v = Viewer(sys.argv[1])
v.ask()
before = bytes(v.pixels)
v.key(ord('s'), 1, 0x1f)
v.key(ord('s'), 0, 0x1f)
v.update()
row = v.w * 64  # the first is where the cursor is
while v.pixels[row:24 * row] != before[2 * row:]:
    v.ask()
    v.update()
v.key(ord('x'), 1)
v.key(ord('x'), 0)
start = bytes(v.pixels)
while v.pixels == start:
    v.ask()
    v.update()
END
	vm-vnc -C ctl -G ref.ppm
	run -0 timeout 20 gvnccapture 127.0.0.1:$((port - 5900)) out.png
	convert out.png out.ppm
	cmp ref.ppm out.ppm
}

@test "a busy screen does not flood its viewer" {
	show -O rate=10
	viewer "$T/vnc" <<'END'
v = Viewer(sys.argv[1])
v.encodings(RAW)
v.full()
open('cmds', 'w').write('mode 64 64\n')
quick = Viewer(sys.argv[1])
quick.encodings(RAW)
quick.full()
open('cmds', 'w').write('storm 1000 2\n')
n, end = 0, time.time() + 1.5
while time.time() < end:
    quick.ask()
    quick.update()
    n += 1
assert 5 <= n <= 17, n  # ten a second
END
}

@test "-S: the wire is sent to a machine that runs" {
	cd "$T"
	spawn take wire-take sock
	wait_line take.log '^ready' >/dev/null
	run -0 clean timeout 20 vm-vnc -l "$T/vnc" -S sock
	await take
	grep -P '^fb0\tfb\t' take.log
	[ ! -e vnc ]
}
