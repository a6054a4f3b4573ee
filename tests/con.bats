# SPDX-License-Identifier: ISC
# Consoles: terminals, pipes, sockets and files; with a small guest that echoes, and with Linux.
load lib

# run_echo CMDLINE [ARG]...: run the guest that echoes.
run_echo() {
	local cmdline=$1
	shift
	clean kvm-run -k "$BIN/guests/echo" -K "$cmdline" "$@"
}

setup() {
	need_access /dev/kvm
}

# terminal: make a terminal $T/tty, which stays open on fd 8; what is written to $keys is typed, $T/term.log is its screen.
terminal() {
	mkfifo "$T/keys"
	exec {keys}<>"$T/keys"
	(fresh && exec socat PTY,link="$T/tty" STDIO <"$T/keys" >"$T/term.log") &
	pids["term"]=$!
	until [ -e "$T/tty" ]; do sleep 0.1; done
	exec {tty}<>"$T/tty"
	before=$(stty -g <&"$tty")
}

type_keys() {
	printf '%b' "$1" >&"$keys"
}

restored() {
	[ "$(stty -g <&"$tty")" = "$before" ]
}

is_raw() {
	stty -a <&"$tty" | grep -q -- '-icanon' && stty -a <&"$tty" | grep -q -- '-isig'
}

# on_terminal NAME CMDLINE: start the guest on the terminal; return when it says something.
on_terminal() {
	(fresh && exec kvm-run -k "$BIN/guests/echo" -K "talk=3 $2" -w con,fd=5 5<>"$T/tty") >"$T/$1.log" 2>&1 </dev/null &
	pid=$! pids[$1]=$!
	wait_line "$T/term.log" 'line 3'
}

@test "a pipe goes to the guest to its end, and its output back, unchanged" {
	head -c 5000 /dev/urandom >"$T/in"
	# shellcheck disable=SC2002 # a pipe is wanted
	cat "$T/in" | run_echo count=5000 | cat >"$T/out"
	cmp "$T/in" "$T/out"
}

@test "a file as input, a file as output" {
	head -c 1000 /dev/urandom >"$T/in"
	run_echo count=1000 <"$T/in" >"$T/out"
	cmp "$T/in" "$T/out"
}

@test "a socket as console" {
	run -0 clean socat -t 20 - "EXEC:kvm-run -k $BIN/guests/echo -K x" <<<'over a socket q'
	[ "$output" = 'over a socket ' ]
}

@test "a shared descriptor is not made non-blocking" {
	mkfifo "$T/fifo"
	exec {in}<>"$T/fifo"
	flags=$(grep flags "/proc/$BASHPID/fdinfo/$in")
	printf abcq >&"$in"
	kvm-run -k "$BIN/guests/echo" -K x 0<&"$in" >"$T/out"
	[ "$(<"$T/out")" = abc ]
	[ "$(grep flags "/proc/$BASHPID/fdinfo/$in")" = "$flags" ]
}

@test "the end of input does not end the guest" {
	spawn guest kvm-run -k "$BIN/guests/echo" -K 'talk=3' -C "$T/ctl"
	wait_line "$T/guest.log" 'line 3'
	sleep 0.5
	run -0 nc -UN "$T/ctl" <<<quit
	[ "$output" = ok ]
	await guest 5
}

@test "a reader that leaves does not end the guest" {
	mkfifo "$T/out"
	head -n 1 "$T/out" >/dev/null &
	local reader=$!
	printf q | run_echo talk=2000 >"$T/out" 2>"$T/err"
	wait "$reader" # not any child: bats has one that waits for the test's time limit
	grep 'con0: output is discarded from now on: Broken pipe' "$T/err"
}

@test "closed standard output" {
	printf q | clean kvm-run -k "$BIN/guests/echo" -K talk=3 -w con,fd=0:1 >&- 2>"$T/err" && return 1
	grep 'con0: fd 1: Bad file descriptor' "$T/err"
}

@test "a slow reader does not delay the guest, and is given all that was kept" {
	mkfifo "$T/out"
	exec {out}<>"$T/out" # opens without waiting
	printf q | run_echo talk=12000 >"$T/out" # 130 KB where 64 KB fit
	timeout 1 cat <&"$out" >"$T/got" || :
	[ "$(stat -c %s "$T/got")" -gt 60000 ]
	cmp -n "$(stat -c %s "$T/got")" "$T/got" <(seq -f 'line %.0f' 12000)
}

@test "a terminal is raw while the guest runs, and restored after its end" {
	terminal
	on_terminal guest x
	is_raw
	type_keys 'a\003\001\001b\n'
	wait_line "$T/term.log" $'a\003\001b'
	type_keys q
	await guest
	restored
}

@test "Ctrl-A x quits, Ctrl-A h helps" {
	terminal
	on_terminal guest x
	type_keys '\001h'
	wait_line "$T/term.log" 'Ctrl-A x'
	type_keys '\001x'
	await guest 5
	restored
}

@test "a terminal is restored after a death by a signal" {
	local sig
	terminal
	for sig in SEGV ABRT QUIT; do
		: >"$T/term.log"
		on_terminal "$sig" x
		is_raw
		kill -s "$sig" "$pid"
		await "$sig" $((128 + $(kill -l "$sig")))
		restored
	done
}

@test "a terminal is restored when TERM comes twice" {
	terminal
	on_terminal guest x
	kill "$pid"
	wait_line "$T/guest.log" 'power button'
	is_raw
	kill "$pid"
	await guest 143
	restored
}

@test "a stopped kvm-run leaves the terminal as it was, and takes it again when continued" {
	local i
	terminal
	on_terminal guest x
	kill -TSTP "$pid"
	for ((i = 0; i < 100; i++)); do
		[ "$(cut -d ' ' -f 3 "/proc/$pid/stat")" != T ] || break
		sleep 0.1
	done
	restored
	kill -CONT "$pid"
	for ((i = 0; i < 100; i++)); do
		! is_raw || break
		sleep 0.1
	done
	is_raw
	type_keys 'q'
	await guest
	restored
}

@test "in the background of a shell kvm-run leaves the terminal alone; fg and Ctrl-A z work" {
	need script
	mkfifo "$T/keys"
	exec {keys}<>"$T/keys"
	(fresh && cd "$T" && SHELL=/bin/bash PS1='$ ' exec script -qfc 'bash --norc --noprofile -i' /dev/null <"$T/keys" >"$T/term.log" 2>&1) &
	# shellcheck disable=SC2034 # lib.bash ends them
	pids["shell"]=$!
	type_keys "kvm-run -k $BIN/guests/echo -K talk=3 &\n"
	wait_line "$T/term.log" 'line 3'
	type_keys 'stty -a | grep -o .icanon | tr i I\n'
	wait_line "$T/term.log" ' Icanon'
	type_keys 'jobs\n'
	wait_line "$T/term.log" 'Running .*kvm-run'
	type_keys 'fg\n'
	sleep 2
	type_keys 'hello\n'
	wait_line "$T/term.log" 'hello'
	type_keys '\001z'
	wait_line "$T/term.log" 'Stopped .*kvm-run'
	type_keys 'stty -a | grep -o .icanon | tr i J\n'
	wait_line "$T/term.log" ' Jcanon'
	type_keys 'fg\n'
	sleep 2
	type_keys '\001x'
	sleep 1
	# shellcheck disable=SC2016 # expands there
	type_keys 'echo status=$?\n'
	wait_line "$T/term.log" 'status=5'
	type_keys 'exit\n'
}

# bats test_tags=kvm
@test "what is piped to Linux before it is up is not lost" {
	need_kvm
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		stty -echo </dev/console
		head -c 29 </dev/console | md5sum
	EOS
	printf '%s\n' 'first line' 'second line' third >"$T/in"
	run -0 clean timeout -k 1 100 kvm-run -k "$(kernel)/vmlinux" -i "$T/initrd" -A quiet <"$T/in"
	echo "$output"
	[[ $output = *"$(head -c 29 "$T/in" | md5sum)"* ]]
}

# bats test_tags=kvm
@test "Linux has a second console, hvc0, and an entropy device" {
	need_kvm
	initrd "$T/initrd" <<-'EOS'
		#!/bin/sh
		exec 3<>/dev/hvc0
		stty -F /dev/hvc0 raw -echo
		read -r line <&3
		echo "serial console: $line"
		echo "hvc0: $line" >&3
		cat /sys/class/misc/hw_random/rng_current
		echo "random bytes: $(head -c 100 /dev/hwrng | wc -c)"
		seq 1000 >&3
	EOS
	echo 'a line of input' >"$T/in"
	# shellcheck disable=SC2016 # expands there
	run -0 clean sh -c 'exec timeout -k 1 100 kvm-run -k "$1/vmlinux" -i "$2/initrd" -A quiet -w con,fd=0:1 \
		-w con,fd=5:6 5<"$2/in" 6>"$2/out"' sh "$(kernel)" "$T" </dev/null
	echo "$output"
	[[ $output = *'serial console: a line of input'* ]]
	[[ $output = *'virtio_rng.0'* ]]
	[[ $output = *'random bytes: 100'* ]]
	[ "$(head -n 1 "$T/out")" = 'hvc0: a line of input' ]
	[ "$(tail -n 1 "$T/out")" = 1000 ]
	[ "$(wc -l <"$T/out")" -eq 1001 ]
}
